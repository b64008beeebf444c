"""What `configure()` sets, and where an API key is looked for. No requests are made here.

Order of the key: the argument, GEMINI_API_KEY, GOOGLE_API_KEY, Colab's `userdata`, Kaggle's
secrets, the system keyring where `keyring` is installed. The environment variable
GEMINI_NB_BACKEND (`api` or `local`) stands in where `configure(backend=…)` was not called.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import os
import sys
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any, Literal, get_args

from gemini_nb.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Backend = Literal["api", "local"]
Display = Literal["widget", "updates", "once", "terminal"]
History = Literal["numbers", "contents", "off"]

API_URL = "https://generativelanguage.googleapis.com"
DEFAULT_MODEL = "gemini-3.8-flash"
KEYRING_SERVICE = "gemini_nb"
_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


class Secret:
    """A key that no repr, `vars()`, traceback or pickle shows; `reveal()` is for the transport."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str) -> None:
        self._value = value
        self.source = source
        _secrets.add(self)

    def reveal(self) -> str:
        """The key itself, to be put into a header at once and kept nowhere."""
        return self._value

    def __repr__(self) -> str:
        return f"<key from {self.source}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("A key is not pickled: configure it anew on the other side.")


# All that ever were one in this process, whoever's: what is kept of a call has none of them.
_secrets: set[Secret] = set()


def secrets() -> list[Secret]:
    """Every key that was known so far, those of the environment among them."""
    for name in _VARIABLES:
        value = os.environ.get(name, "").strip()
        if value:
            Secret(value, name)
    return [*_secrets]


@dataclasses.dataclass(frozen=True)
class Settings:
    """One set of choices; `configure` replaces it as a whole, so nobody sees half a change.

    `timeout` is in seconds: how long nothing may come (see transport.py for the defaults).
    """

    api_key: Secret | None = None
    backend: Backend | None = None
    base_url: str | None = None
    model: str = DEFAULT_MODEL
    api_version: str = "v1beta"
    timeout: float | None = None
    retries: int = 4
    rpm: int | None = None
    tpm: int | None = None
    display: Display | None = None
    badge: bool = True
    budget: float | None = None
    prices: Mapping[str, Any] | None = None
    history: History = "numbers"

    def resolve_key(self) -> Secret | None:
        """The key that a call would use: the one given, else the first that is found."""
        return self.api_key or find_key()

    def resolve_backend(self) -> Backend:
        """Which backend would answer: the one chosen; else the API where there is a key."""
        chosen = self.backend or os.environ.get("GEMINI_NB_BACKEND") or None
        if chosen is not None:
            return _backend("backend" if self.backend else "GEMINI_NB_BACKEND", chosen)
        return "api" if self.base_url or self.resolve_key() else "local"

    def account(self) -> tuple[str, ...]:
        """Who is asked, and for whom, with a hash in place of the key.

        The local backend is one, whatever its port and key are today.
        """
        if self.resolve_backend() == "local":
            return ("local",)
        import hashlib

        key = self.resolve_key()
        person = hashlib.sha256(key.reveal().encode()).hexdigest() if key else ""
        return "api", self.base_url or API_URL, person


_current = Settings()
_changing = threading.Lock()


def current() -> Settings:
    """The settings in force."""
    return _current


def configure(**changes: Any) -> None:
    """Set what every later call uses; what is not named stays as it is.

    Args:
        api_key: the key of the Gemini API.
        backend: `"api"`, `"local"` (a small model on this machine), or None: whichever there is
            a key for.
        base_url: another address that speaks the protocol, as `gemini-nb serve` prints it.
        model: the model where none is named.
        api_version: `"v1beta"` or `"v1"`.
        timeout: seconds in which something must come.
        retries: how often a call that failed in passing is made again (4; 0 for never).
        rpm, tpm: at most so many requests, and tokens of prompts, a minute; None for no limit.
        display: how an answer appears: `"widget"`, `"updates"` of a plain display, `"once"` at its
            end, `"terminal"` text, or None: whatever suits the place.
        badge: whether a cell shows its tokens and price, before and after.
        budget: US dollars that answers may cost in this session; None for no limit. What nobody
            can tell beforehand, or calls at the same time, may go beyond it once.
        prices: yours by model, in US dollars for a million tokens, before those of the table:
            `{"gemini-3.8-flash": {"input": 0.5, "output": 3}}`, or a pair of the two.
        history: what is kept of calls in a file of this machine: `"numbers"`, also the
            `"contents"` of prompts and answers, or `"off"`.

    Raises:
        UnknownName: a name that is not in this list.
        ConfigError: a value that cannot be.
    """
    global _current
    hide_key(changes)
    if changes.get("transport") in ("rest", "grpc", "grpc_asyncio"):
        del changes["transport"]  # the first documentation names one; here there is only REST
    wanted = changed(_current, **changes)
    with _changing:  # what another thread sets meanwhile stays
        _current = dataclasses.replace(
            _current, **{name: getattr(wanted, name) for name in changes}
        )


def changed(settings: Settings, **changes: Any) -> Settings:
    """`settings` with some choices replaced, each checked."""
    hide_key(changes)
    known = {field.name: field.default for field in dataclasses.fields(Settings)}
    for name, value in changes.items():
        if name not in known:
            raise UnknownName(name, owner="configure()", known=known)
        if value is None or (value == "" and name in ("model", "api_version", "base_url")):
            changes[name] = known[name]
        elif name in _CHECKED:
            changes[name] = _CHECKED[name](name, value)
    return dataclasses.replace(settings, **changes)


def hide_key(choices: dict[str, Any]) -> None:
    """Put the key in `choices` away as a Secret: a traceback may show the locals of its frames.

    Raises ConfigError where it is no text.
    """
    given = choices.get("api_key")
    if isinstance(given, str):
        choices["api_key"] = Secret(given.strip(), "configure()") if given.strip() else None
    elif given is not None and not isinstance(given, Secret):
        choices["api_key"] = given = None
        raise ConfigError("api_key is no text.", advice="Give the key as a string.")


def _name(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{what}={value!r} is no name.", advice="Give it as a string.")
    return value.removeprefix("models/") if what == "model" else value


def seconds(timeout: Any) -> float | None:
    """A timeout, checked. Raises ConfigError."""
    if timeout is None:
        return None
    if isinstance(timeout, (int, float)) and 0 < timeout < float("inf"):
        return timeout
    raise ConfigError("timeout is not a number of seconds.", advice="Give one like timeout=60.")


def _choice(name: str, value: Any) -> Any:
    choices = _CHOICES[name]
    if value not in choices:
        raise ConfigError(
            f"{name}={value!r} is no such choice.",
            advice=f"It is one of {', '.join(map(repr, choices))}, or None.",
        )
    return value


def _budget(name: str, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    raise ConfigError(
        f"{name}={value!r} is no amount of US dollars.", advice="Give one like budget=0.50."
    )


def _prices(_name: str, value: Any) -> dict[str, Any]:
    from gemini_nb.tokens import prices

    try:
        return prices.checked(value)
    except ValueError as error:
        raise ConfigError(
            str(error), advice='One is like {"gemini-3.8-flash": {"input": 0.5, "output": 3}}.'
        ) from None


def _count(name: str, value: Any) -> int:
    least = 0 if name == "retries" else 1
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ConfigError(
        f"{name}={value!r} is no whole number from {least} on.",
        advice=f"Give one like {name}={max(10, least)}.",
    )


def _backend(where: str, name: Any) -> Backend:
    if name == "api":
        return "api"
    if name == "local":
        return "local"
    raise ConfigError(f"{where}={name!r}: no such backend.", advice='Choose "api" or "local".')


def _base_url(_name: str, url: Any) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        # A password has no place in what is shown, and the rest none in front of a path.
        valid = valid and not (parts.username or parts.query or parts.fragment)
        valid = valid and not any(c.isspace() for c in url)
    except (ValueError, TypeError, AttributeError):
        valid = False
    if not valid:
        raise ConfigError(
            "base_url is no plain address.", advice="One is like http://127.0.0.1:8080."
        )
    return str(url).rstrip("/")


_CHOICES: dict[str, tuple[Any, ...]] = {
    "display": get_args(Display),
    "history": get_args(History),
    "badge": (True, False),
}
# What is here is looked at, and comes back as it is kept.
_CHECKED: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(_CHOICES, _choice),
    **dict.fromkeys(("model", "api_version"), _name),
    **dict.fromkeys(("retries", "rpm", "tpm"), _count),
    "backend": _backend,
    "base_url": _base_url,
    "budget": _budget,
    "prices": _prices,
    "timeout": lambda _, value: seconds(value),
}


_found: Secret | None = None
_finding = threading.Lock()


def find_key() -> Secret | None:
    """The first key among the environment, Colab, Kaggle and the keyring."""
    for name in _VARIABLES:
        value = os.environ.get(name, "").strip()
        if value:
            return Secret(value, name)
    global _found
    # Asked once: Colab, Kaggle and a keyring may ask the person in turn.
    with _finding:
        _found = _found or _colab_key() or _kaggle_key() or _keyring_key()
        return _found


def _colab_key() -> Secret | None:
    if "google.colab" not in sys.modules:
        return None
    from google.colab import userdata  # type: ignore[import-not-found,import-untyped,unused-ignore]

    for name in _VARIABLES:
        try:
            value = userdata.get(name)
        except Exception:  # noqa: BLE001, S112 - no such secret, or not granted: both mean "none"
            continue
        if value:
            return Secret(value, f"Colab secret {name}")
    return None


def _kaggle_key() -> Secret | None:
    if "KAGGLE_KERNEL_RUN_TYPE" not in os.environ:
        return None
    try:
        from kaggle_secrets import (  # type: ignore[import-not-found,unused-ignore]
            UserSecretsClient,
        )
    except ImportError:
        return None
    for name in _VARIABLES:
        try:
            value = UserSecretsClient().get_secret(name)
        except Exception:  # noqa: BLE001, S112 - not attached to this notebook: the same as "none"
            continue
        if value:
            return Secret(value, f"Kaggle secret {name}")
    return None


def _keyring_key() -> Secret | None:
    if importlib.util.find_spec("keyring") is None:
        return None
    import keyring

    try:
        value = keyring.get_password(KEYRING_SERVICE, "api_key")
    except Exception:  # noqa: BLE001 - a locked or absent keyring is no reason to fail a prompt
        return None
    return Secret(value, "keyring") if value else None
