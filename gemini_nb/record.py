"""What is written of one call, and which notebook and session it belongs to.

It is worked out on the thread of `ledger.py`: the hash of the request, and its text where contents
are kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import TYPE_CHECKING, Any

from gemini_nb import notices, settings, structs

if TYPE_CHECKING:
    import sqlite3

    from gemini_nb.request import Request

# The characters of a prompt, and of an answer, that are kept.
_LONGEST = 32_768
_LONGEST_NAME = 500
# What stands for a key where none is needed is no reason to change the name of a model.
_SHORTEST = 8


@dataclasses.dataclass(slots=True)
class Row:
    """What is written of one call."""

    request: Request | None
    parts: list[Any] | None  # of the answer, where contents are kept
    values: dict[str, Any]
    usage: Any
    contents: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        settings.secrets()  # a key of the environment may be gone when its turn comes

    def ready(self) -> bool:
        """Work out the rest of it, and let go of the request and the answer."""
        usage, request = self.usage, self.request
        self.values |= {
            "notebook": this_notebook(),
            "session": this_session(),
            "input": usage and usage.prompt_token_count,
            "cached": usage and usage.cached_content_token_count,
            "output": usage and usage.candidates_token_count,
            "thoughts": usage and usage.thoughts_token_count,
            "tool": usage and usage.tool_use_prompt_token_count,
            # The body is made a second time for it, here, where nobody waits.
            "hash": request and hashlib.sha256(request.content() or b"").hexdigest(),
        }
        for name, value in self.values.items():
            if isinstance(value, str):
                self.values[name] = _without_keys(_plain(value), _SHORTEST)[:_LONGEST_NAME]
        if self.parts is not None and request is not None:
            self.contents = (_kept(_asked(request.body)), _kept(self.parts))
        self.request = self.parts = self.usage = None
        return True

    def write(self, db: sqlite3.Connection) -> None:
        """Write it, inside of a transaction."""
        names = ", ".join(self.values)
        places = ", ".join("?" * len(self.values))
        made = db.execute(
            f"INSERT INTO calls ({names}) VALUES ({places})",  # noqa: S608 - names of our own
            list(self.values.values()),
        )
        if self.contents is not None:
            db.execute("INSERT INTO contents VALUES (?, ?, ?)", (made.lastrowid, *self.contents))


def _plain(text: str) -> str:
    """`text` in what UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _asked(body: Any) -> list[Any]:
    """The Parts of what was said since the model's last turn: the rest is on record before it."""
    contents = body.contents
    turns = [i for i, content in enumerate(contents) if content.role == "model"]
    first = turns[-1] + 1 if turns else 0
    return [part for content in contents[first:] or contents[-1:] for part in content.parts]


def _said(parts: list[Any]) -> str:
    """Parts as a text; media by their kind alone, thoughts not at all."""
    found = []
    for part in parts:
        if part.thought:
            continue
        if part.text is not None:
            found.append(part.text)
        elif part.inline_data is not None:
            found.append(f"[{part.inline_data.mime_type}]")
        else:
            found.append(structs.encode(part).decode("utf-8", "replace"))
    return _plain("\n".join(found))


def _kept(parts: list[Any]) -> str:
    """What is kept of Parts: no key, so that none is cut in two, and then no more than so much."""
    text = _without_keys(_said(parts))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _without_keys(text: str, shortest: int = 1) -> str:
    """`text` without a key that a person wrote into a prompt, or a model repeated."""
    # The longest first: one may begin with another.
    for secret in sorted(settings.secrets(), key=lambda each: -len(each.reveal())):
        if len(secret.reveal()) >= shortest:
            text = text.replace(secret.reveal(), "[key]")
    return text


def this_notebook() -> str | None:
    """The path of the notebook that this process belongs to, None where nobody says so."""
    given = os.environ.get("JPY_SESSION_NAME")  # of jupyter-server
    if given:
        return given
    names = getattr(getattr(notices.kernel(), "shell", None), "user_ns", {})
    found = names.get("__vsc_ipynb_file__")  # of VS Code
    return found if isinstance(found, str) and found else None


_session = os.urandom(8).hex()


def this_session() -> str:
    """The name of this session: there is one in each process."""
    return _session


def _begin_anew() -> None:
    global _session
    _session = os.urandom(8).hex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
