"""What was asked, what came of it and what it cost: one row a call, kept on this machine.

`client.py` tells of each call when it is over; that takes some microseconds, the rest is done by
the thread of `ledger.py`. Numbers are kept, and what was said only where `history="contents"` asks
for it; never a key or a header. What this session spent is known without any file.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from gemini_nb import errors, ledger, settings
from gemini_nb.record import Row
from gemini_nb.tokens import prices

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from gemini_nb.request import Request
    from gemini_nb.settings import Settings
    from gemini_nb.stream import Response

# What stands in the place of a finish reason where somebody stopped the answer.
INTERRUPTED = "interrupted"
_STANDARD = ("", "standard", "unspecified")


class Spent(NamedTuple):
    """What this session has spent: US dollars, and the calls of which nobody knows the price."""

    dollars: float = 0.0
    unpriced: int = 0


# -- one call


class Call:
    """A call under way: `over` or `failed` is said of it, once. Neither raises."""

    __slots__ = ("_at", "_began", "_chosen", "_local", "_model", "_request", "_sent")

    def __init__(self, request: Request, model: str, chosen: Settings, *, local: bool) -> None:
        self._request: Request | None = request
        self._model = model
        self._chosen = chosen
        self._local = local
        self._at = time.time()
        self._began = time.perf_counter()
        self._sent = False

    def sent(self) -> None:
        """It goes out now: until then it only waited for its turn."""
        self._sent = True

    def over(self, response: Response) -> None:
        """A Response has ended: whole, stopped or broken."""
        error = response.error if isinstance(response.error, errors.GeminiError) else None
        if error is not None:
            self.failed(error, response)
            return
        if response.interrupted and not self._sent:
            return
        try:
            reason = response.finish_reason or response.prompt_feedback.block_reason or ""
            self._keep(INTERRUPTED if response.interrupted else str(reason), response)
        except Exception:  # noqa: BLE001, S110 - an answer is worth more than its row
            pass

    def failed(self, error: BaseException, response: Response) -> None:
        """No whole answer came. What never left this machine is not on record."""
        try:
            is_ours = isinstance(error, errors.GeminiError)
            if any(map(_was_sent, (error, *response.earlier))) or (self._sent and not is_ours):
                # The service bills no refusal, but may bill what broke on its way.
                is_free = isinstance(error, errors.APIError) and not response.maybe_billed
                finish = type(error).__name__ if is_ours else INTERRUPTED
                self._keep(finish, response, 0.0 if is_free else None)
        except Exception:  # noqa: BLE001, S110 - as above
            pass

    def _keep(self, finish: str, response: Response, price: float | None = None) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        usage, version, chosen = response.usage_metadata, response.model_version, self._chosen
        if self._local:
            price = 0.0
        elif usage is not None:
            price = price_of(usage, self._model, version, chosen.prices)
        _new.append(price)
        if chosen.history == "off":
            return
        values = {
            "time": self._at,
            "backend": "local" if self._local else "api",
            "model": self._model.removeprefix("models/"),
            "version": version,
            "price": price,
            "seconds": time.perf_counter() - self._began,
            "finish": finish,
            "response": response.response_id,
        }
        parts = response.parts if chosen.history == "contents" else None
        ledger.put(Row(request, parts, values, usage))


def _was_sent(error: BaseException) -> bool:
    if isinstance(error, errors.NetworkError) and not isinstance(error, errors.BadAnswer):
        return error.sent
    is_ours = isinstance(error, errors.GeminiError)
    return is_ours and not isinstance(error, (errors.ConfigError, errors.BackendError))


def price_of(
    usage: Any, model: str, version: str | None, own: Mapping[str, Any] | None
) -> float | None:
    """Dollars for a call, None where nobody knows them.

    The model that answered decides: an alias has no price of its own, and the local backend, asked
    by any name, says who it is.
    """
    tier = str(usage.service_tier or "").lower().removeprefix("service_tier_")
    if tier not in _STANDARD:
        return None
    bare, answered = model.removeprefix("models/"), (version or "").removeprefix("models/")
    mine = own and (own.get(bare) or own.get(answered))
    price = mine or (prices.price_of(answered) if answered else None)
    if price is None and (not answered or _is_version_of(answered, bare)):
        price = prices.price_of(bare)
    return None if price is None else price.of_answer(usage)


# Three digits, or the day or month of a preview.
_VERSION = re.compile(r"(?:-\d{3}|(?:-preview)?-\d\d-(?:\d{4}|\d\d))?")


def _is_version_of(name: str, model: str) -> bool:
    """Whether it is that model: `…-image` is another one, and has another price."""
    return name.startswith(model) and _VERSION.fullmatch(name, len(model)) is not None


# -- this session

_lock = threading.Lock()
_spent = Spent()
# Prices that are not in it yet: an answer may be over when it is collected, also where somebody
# holds the lock, so nothing waits for that.
_new: deque[float | None] = deque()
_ratios: dict[str, deque[float]] | None = None
_RATIOS = 50
_ENOUGH = 3


def spent() -> Spent:
    """What this session has spent so far; no file is needed for it."""
    global _spent
    with _lock:
        while _new:
            price = _new.popleft()
            _spent = Spent(_spent.dollars + (price or 0.0), _spent.unpriced + (price is None))
        return _spent


def left(chosen: Settings) -> float | None:
    """What is left of the budget, in US dollars; None where there is none."""
    return None if chosen.budget is None else chosen.budget - spent().dollars


def guard(model: str, chosen: Settings) -> None:
    """Raises OverBudget where nothing is left, or where no price is known to keep it by."""
    rest = left(chosen)
    if rest is None:
        return
    name = model.removeprefix("models/")
    if prices.price_of(name, chosen.prices) is None:
        raise errors.OverBudget(
            f"No price of {name} is known, so the budget cannot be kept.",
            left=rest,
            advice=f'Say it, in dollars for a million tokens: genai.configure(prices={{"{name}": '
            "(INPUT, OUTPUT)}); or lift the budget: budget=None.",
        )
    if rest <= 0:
        raise errors.OverBudget(
            f"The budget of {prices.dollars(chosen.budget or 0.0)} is spent.",
            left=rest,
            advice="Raise it: %gemini_config --budget, or genai.configure(budget=…).",
        )


def _begin_anew() -> None:
    """A forked process is a session of its own."""
    global _lock, _spent, _ratios
    _lock, _spent, _ratios = threading.Lock(), Spent(), None
    _new.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


# -- how far off one's own counts are


def compared(model: str, estimated: int, counted: int, chosen: Settings | None = None) -> None:
    """Keep how far a count of one's own was from that of the service."""
    if estimated <= 0 or counted <= 0:
        return
    name = model.removeprefix("models/")
    known = _known_ratios(chosen or settings.current())
    with _lock:
        known.setdefault(name, deque(maxlen=_RATIOS)).append(counted / estimated)
    if (chosen or settings.current()).history != "off":
        ledger.put(_Estimate(name, counted / estimated))


def drift(model: str, chosen: Settings | None = None) -> float | None:
    """How much more the service counts than one does oneself: 0.02 for 2 %; None: not known.

    It is the median of what was compared last. Of earlier sessions it knows a moment after it was
    asked first: nobody waits for a file.
    """
    known = _known_ratios(chosen or settings.current())
    with _lock:
        found = sorted(known.get(model.removeprefix("models/"), ()))
    if len(found) < _ENOUGH:
        return None
    middle = len(found) // 2
    return (found[middle] + found[-middle - 1]) / 2 - 1


def _known_ratios(chosen: Settings) -> dict[str, deque[float]]:
    global _ratios
    with _lock:
        if _ratios is not None:
            return _ratios
        _ratios = {}
    if chosen.history != "off":
        ledger.put(_Earlier(_ratios))
    return _ratios


@dataclasses.dataclass(slots=True)
class _Estimate:
    """What is written of one comparison."""

    model: str
    ratio: float

    def ready(self) -> bool:
        return True

    def write(self, db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO estimates (model, ratio) VALUES (?, ?)", (self.model, self.ratio))


@dataclasses.dataclass(slots=True)
class _Earlier:
    """The comparisons of earlier sessions: read before any of this one is written."""

    known: dict[str, deque[float]]

    def ready(self) -> bool:
        rows = ledger.read("SELECT model, ratio FROM estimates ORDER BY id")
        with _lock:
            of_now = {model: list(ratios) for model, ratios in self.known.items()}
            self.known.clear()
            for model, ratio in rows:
                self.known.setdefault(model, deque(maxlen=_RATIOS)).append(ratio)
            for model, ratios in of_now.items():
                self.known.setdefault(model, deque(maxlen=_RATIOS)).extend(ratios)
        return False

    def write(self, db: sqlite3.Connection) -> None:
        """Nothing of it is written."""


# -- looking back


@dataclasses.dataclass(frozen=True)
class Usage:
    """What one model of a backend was used for: calls, tokens, US dollars.

    Calls that are `unpriced` are not in the dollars.
    """

    model: str
    backend: str
    calls: int
    input: int
    cached: int
    output: int
    thoughts: int
    dollars: float
    unpriced: int


@dataclasses.dataclass(frozen=True)
class Record:
    """One call: `price` None where it is not known, `prompt` and `answer` where they are kept."""

    time: float
    notebook: str | None
    session: str
    backend: str
    model: str
    version: str | None
    input: int | None
    cached: int | None
    output: int | None
    thoughts: int | None
    tool: int | None
    price: float | None
    seconds: float
    finish: str
    hash: str | None
    response: str | None
    prompt: str | None
    answer: str | None


def usage(
    since: float | dt.datetime | None = None,
    notebook: str | None = None,
    session: str | None = None,
) -> list[Usage]:
    """What was used, by model and backend, the dearest first.

    Since a time, in a notebook, in a session.
    """
    began = since.timestamp() if isinstance(since, dt.datetime) else since
    ledger.flush()
    rows = ledger.read(
        """SELECT model, backend, count(*), sum(coalesce(input, 0) + coalesce(tool, 0)),
            sum(coalesce(cached, 0)), sum(coalesce(output, 0)), sum(coalesce(thoughts, 0)),
            total(price), sum(price IS NULL) FROM calls
        WHERE time >= ?1 AND notebook IS coalesce(?2, notebook)
            AND session = coalesce(?3, session)
        GROUP BY model, backend
        ORDER BY total(price) DESC, count(*) DESC, model, backend""",
        (began or 0.0, notebook, session),
    )
    return [Usage(*row) for row in rows]


_MOST_FOUND = 1_000_000


def search(words: str = "", limit: int = 20) -> list[Record]:
    """The last calls that have all of these words: in a name, or in what was said, where kept."""
    asked = words.casefold().split()
    has = "instr(folded(concerned), ?)" + " AND instr(folded(concerned), ?)" * (len(asked) - 1)
    ledger.flush()
    rows = ledger.read(
        f"""SELECT time, notebook, session, backend, model, version, input, cached, output,
            thoughts, tool, price, seconds, finish, hash, response, prompt, answer
        FROM (SELECT calls.*, prompt, answer, model || char(10) || finish || char(10)
            || coalesce(version, '') || char(10) || coalesce(notebook, '') || char(10)
            || coalesce(prompt, '') || char(10) || coalesce(answer, '') AS concerned
            FROM calls LEFT JOIN contents ON contents.call = calls.id)
        WHERE {has if asked else "1"} ORDER BY time DESC LIMIT ?""",  # noqa: S608 - only places
        (*asked, max(0, min(limit, _MOST_FOUND))),
    )
    return [Record(*row) for row in rows]
