"""What was answered for a stretch of a recording, kept on this machine until the whole is there.

One small file for each answer, in the person's state directory, readable by that person alone, for
a week at most. Its name is a hash of all that was asked, and of whom: what is not the very same
call finds nothing. Whatever goes wrong here only means that a stretch is asked for once more.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gemini_nb import settings
    from gemini_nb.request import Request

_DAYS = 7


class Answer(msgspec.Struct):
    """What a model said, and whether it was cut off before its end."""

    text: str
    is_cut: bool = False


_decoder = msgspec.json.Decoder(Answer)


class Entry:
    """The place of one answer; without a path, what is written goes nowhere."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.is_kept = False

    def read(self) -> Answer | None:
        """The answer, None where there is none that can be read."""
        if self._path is None:
            return None
        try:
            found = _decoder.decode(self._path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        self.is_kept = True
        return found

    def write(self, answer: Answer) -> None:
        """Keep it: all of it, or nothing."""
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            number, name = tempfile.mkstemp(dir=self._path.parent, suffix=".part")
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(msgspec.json.encode(answer))
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self.is_kept = True

    def forget(self) -> None:
        """It is of no use any more."""
        self.is_kept = False
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def entry(asked: Request, chosen: settings.Settings) -> Entry:
    """The place of the answer to a request, of whoever answers with these settings."""
    known = msgspec.json.encode([*chosen.account(), asked.path])
    name = hashlib.sha256(known + b"\0" + (asked.content() or b"")).hexdigest()[:32]
    with contextlib.suppress(OSError):
        return Entry(_folder() / f"{name}.json")
    return Entry()


def _folder() -> Path:
    import platformdirs

    folder = Path(platformdirs.user_state_dir("gemini_nb")) / "transcripts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    oldest = time.time() - _DAYS * 24 * 3600
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
    return folder
