"""What was answered for a stretch of a recording, kept on this machine until the whole is there.

One small file (`state.py`) for each answer. Its name is a hash of all that was asked, and of whom:
what is not the very same call finds nothing, and a stretch is asked for once more.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from gemini_nb import state
from gemini_nb.state import Note

if TYPE_CHECKING:
    from pathlib import Path

    from gemini_nb import settings
    from gemini_nb.request import Request


class Answer(msgspec.Struct):
    """What a model said, and whether it was cut off before its end."""

    text: str
    is_cut: bool = False


class Entry(Note[Answer]):
    """The place of one answer."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(Answer, path)
        self.is_kept = False

    def read(self) -> Answer | None:
        """The answer, None where there is none that can be read."""
        found = super().read()
        self.is_kept = found is not None
        return found

    def write(self, value: Answer) -> bool:
        """Keep it: all of it, or nothing."""
        self.is_kept = super().write(value)
        return self.is_kept

    def forget(self) -> None:
        """It is of no use any more."""
        self.is_kept = False
        super().forget()


def entry(asked: Request, chosen: settings.Settings) -> Entry:
    """The place of the answer to a request, of whoever answers with these settings."""
    known = msgspec.json.encode([*chosen.account(), asked.path])
    name = state.digest(known + b"\0" + (asked.content() or b""))
    with contextlib.suppress(OSError):
        return Entry(state.folder("transcripts") / f"{name}.json")
    return Entry()
