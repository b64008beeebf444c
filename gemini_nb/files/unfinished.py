"""What is kept of an upload that has not ended, so that the same call can go on after a crash.

One small file for each upload, in the person's state directory, readable by that person alone. It
holds the upload's address, how far it got and the hash of that much; no key, no path, no name.
Whatever goes wrong with it here only means that an upload starts from its beginning.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import msgspec

# The service forgets an upload after this time.
_DAYS = 7


class Kept(msgspec.Struct):
    """One upload: its address, the File's name, and the SHA-256 of its first `offset` bytes."""

    url: str
    name: str
    offset: int
    sha256: str


_decoder = msgspec.json.Decoder(Kept)


class Entry:
    """The place of one upload, held by a lock that the system gives back whatever happens."""

    def __init__(self, path: Path | None = None, lock: IO[bytes] | None = None) -> None:
        self._path = path
        self._lock = lock

    def read(self) -> Kept | None:
        """What is kept, None where there is nothing that can be read."""
        if self._path is None:
            return None
        try:
            return _decoder.decode(self._path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, kept: Kept) -> None:
        """Keep it: the old or the new one, never half of either."""
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            number, name = tempfile.mkstemp(dir=self._path.parent, suffix=".part")
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(msgspec.json.encode(kept))
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def forget(self) -> None:
        """The upload has ended."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let another call have it."""
        if self._lock is None or self._path is None:
            return
        with contextlib.suppress(OSError):  # Windows keeps what is open; it is swept one day
            if not self._path.exists():
                self._path.with_suffix(".lock").unlink()
        self._lock.close()
        self._lock = self._path = None


def claim(*identity: object) -> Entry:
    """The place of the upload with this identity.

    Where it cannot be had (no directory, or another call is at the same upload), what is written
    goes nowhere.
    """
    name = hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:32]
    with contextlib.suppress(OSError):
        folder = _folder()
        _sweep(folder)
        lock = _locked(folder / f"{name}.lock")
        if lock is not None:
            return Entry(folder / f"{name}.json", lock)
    return Entry()


def _folder() -> Path:
    import platformdirs

    folder = Path(platformdirs.user_state_dir("gemini_nb")) / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _sweep(folder: Path) -> None:
    oldest = time.time() - _DAYS * 24 * 3600
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


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
