"""What is kept of an upload that has not ended, so that the same call can go on after a crash.

One small file (`state.py`) for each upload: its address, how far it got and the hash of that much;
no key, no path, no name. Without it an upload starts from its beginning.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO, TYPE_CHECKING

import msgspec

from gemini_nb import state
from gemini_nb.state import Note

if TYPE_CHECKING:
    from pathlib import Path


class Kept(msgspec.Struct):
    """One upload: its address, the File's name, and the SHA-256 of its first `offset` bytes."""

    url: str
    name: str
    offset: int
    sha256: str


class Entry(Note[Kept]):
    """The place of one upload, held by a lock that the system gives back whatever happens."""

    def __init__(self, path: Path | None = None, lock: IO[bytes] | None = None) -> None:
        super().__init__(Kept, path)
        self._lock = lock

    def release(self) -> None:
        """Let another call have it."""
        if self._lock is None or self.path is None:
            return
        with contextlib.suppress(OSError):  # Windows keeps what is open; it is swept one day
            if not self.path.exists():
                self.path.with_suffix(".lock").unlink()
        self._lock.close()
        self._lock = self.path = None


def claim(*identity: object) -> Entry:
    """The place of the upload with this identity.

    Where it cannot be had (no directory, or another call is at the same upload), what is written
    goes nowhere.
    """
    name = state.digest(msgspec.json.encode(identity))
    with contextlib.suppress(OSError):
        folder = state.folder("uploads")  # for as long as the service keeps an upload
        lock = _locked(folder / f"{name}.lock")
        if lock is not None:
            return Entry(folder / f"{name}.json", lock)
    return Entry()


def _locked(path: Path) -> IO[bytes] | None:
    """The file, open and locked; None where somebody else has it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        _lock(file)
    except OSError:
        file.close()
        return None
    return file


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
