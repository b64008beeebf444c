"""Where the bytes of a recording are: on disk, in memory, or in a temporary file of our own.

Each gives them as a Buffer, of which only what is looked at is read. A path is opened for as long
as it is needed, so that a thousand recordings need no thousand open files.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import weakref
from typing import IO, TYPE_CHECKING, Any, Protocol

from gemini_nb.errors import BadPrompt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gemini_nb.tokens.buffers import Buffer

_HELD = 8 << 20
"""Bytes of what is made here that stay in memory; more goes to a temporary file."""


class Source(Protocol):
    """Bytes that can be read more than once.

    Attributes:
        known: what was found by going through them, and is not looked for again.
    """

    known: dict[str, Any]

    def opened(self) -> contextlib.AbstractContextManager[Buffer]:
        """The bytes, as long as this lasts."""


class OnDisk:
    """An open file as a Buffer.

    It is read, not mapped: a map would end the process where somebody cuts the file meanwhile.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._size = file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(self._size)
        with self._lock:
            self._file.seek(start)
            return self._file.read(max(0, end - start))


class Tail:
    """A Buffer without its beginning."""

    def __init__(self, data: Buffer, start: int) -> None:
        self._data = data
        self._start = start

    def __len__(self) -> int:
        return len(self._data) - self._start

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(len(self))
        return bytes(self._data[start + self._start : end + self._start])


class AtPath:
    """A file that is the person's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Any] = {}
        self._state: tuple[int, int, int] | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Buffer]:
        """Its bytes, as long as this lasts. Raises BadPrompt where it cannot be read."""
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(self.path.open("rb", buffering=0))
                data = OnDisk(file)
                self._forget(os.fstat(file.fileno()))
            except FileNotFoundError:
                raise BadPrompt(
                    f"There is no file {str(self.path)!r}.", advice="Check the path."
                ) from None
            except (OSError, ValueError) as error:  # ValueError: a NUL in the name
                why = getattr(error, "strerror", None) or error
                raise BadPrompt(f"{str(self.path)!r} cannot be read: {why}.") from None
            yield data

    def _forget(self, found: os.stat_result) -> None:
        """What was known of another file."""
        state = (found.st_ino, found.st_size, found.st_mtime_ns)
        if state != self._state:
            self._state, self.known = state, {}


class InMemory:
    """Bytes."""

    def __init__(self, data: bytes) -> None:
        self.known: dict[str, Any] = {}
        self._data = data

    @contextlib.contextmanager
    def opened(self) -> Iterator[Buffer]:
        """Just they."""
        yield self._data


class Made:
    """What was made here: it goes when nobody holds it any more.

    Attributes:
        file: to be written to, before it is first read.
    """

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_HELD)  # noqa: SIM115
        weakref.finalize(self, _close, self.file)
        self.known: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._data: OnDisk | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Buffer]:
        """All that was written."""
        with self._lock:
            if self._data is None:
                self._data = OnDisk(self.file)
        yield self._data


def _close(file: IO[bytes]) -> None:
    with contextlib.suppress(OSError):  # what a full disk did not take is not missed any more
        file.close()
