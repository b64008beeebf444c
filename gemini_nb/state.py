"""Small files in the person's state directory, readable by that person alone, for a week at most.

They only spare a repetition: whatever goes wrong with them is as if they had never been.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from gemini_nb import structs

T = TypeVar("T", bound=msgspec.Struct)

_DAYS = 7


class Note(Generic[T]):
    """One of them, of a kind; without a path there is none, and what is written goes nowhere."""

    def __init__(self, kind: type[T], path: Path | None) -> None:
        self._decoder: msgspec.json.Decoder[T] = structs.decoder(kind)
        self.path = path

    def read(self) -> T | None:
        """What it holds, None where there is nothing that can be read."""
        if self.path is None:
            return None
        try:
            return self._decoder.decode(self.path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, value: T) -> bool:
        """Keep it: the old or the new one, never half of either. Says whether it is kept."""
        if self.path is None:
            return False
        try:
            number, name = tempfile.mkstemp(dir=self.path.parent, suffix=".part")
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(msgspec.json.encode(value))
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError:
            return False
        return True

    def forget(self) -> None:
        """It is of no use any more."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)


def folder(name: str) -> Path:
    """One of the folders, without what is too old. Raises OSError where it cannot be had."""
    import platformdirs

    found = Path(platformdirs.user_state_dir("gemini_nb")) / name
    found.mkdir(parents=True, exist_ok=True, mode=0o700)
    oldest = time.time() - _DAYS * 24 * 3600
    for path in found.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
    return found


def digest(data: bytes) -> str:
    """A name that says nothing of what it stands for."""
    return hashlib.sha256(data).hexdigest()[:32]
