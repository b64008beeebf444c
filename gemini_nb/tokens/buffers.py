"""Bytes that are looked at in places only: as base64 they are decoded there, and not as a whole.

A library that reads them through a Reader has a thread of its own for it, by `apart`.
"""

from __future__ import annotations

import binascii
import contextlib
import io
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Buffer(Protocol):
    """Bytes, wherever they are: a slice is all that is ever taken of them."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Any: ...


class Head:
    """The beginning of something larger, behind which nothing can be seen."""

    def __init__(self, data: Buffer, size: int) -> None:
        self._data = data
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> Any:
        start, end, _ = part.indices(self._size)
        return self._data[start:end]


class Base64:
    """Base64 as the bytes that it stands for: decoded where it is looked at, and nowhere else."""

    def __init__(self, text: str) -> None:
        if "\n" in text[:_LINE]:
            text = "".join(text.split())
        end = len(text)
        while end and text[end - 1] in "=\r\n ":
            end -= 1
        self._text = text
        self._end = end

    def __len__(self) -> int:
        return self._end * 3 // 4

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(len(self))
        first = start // 3
        text = self._text[first * 4 : -(-end // 3) * 4].translate(_ALPHABET)
        try:
            found = binascii.a2b_base64(text + "=" * (-len(text) % 4))
        except binascii.Error:
            return b""
        return found[start - first * 3 : max(start, end) - first * 3]


_LINE = 1000
"""Characters; where base64 is written in lines, they are shorter."""
_ALPHABET = str.maketrans("-_", "+/")


class Reader(io.RawIOBase):
    """A file of what is in memory. Where a broken header points before its beginning, it stays."""

    def __init__(self, data: Buffer) -> None:
        super().__init__()
        self._data = data
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        base = (0, self._at, len(self._data))[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where it is."""
        return self._at

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Copy what comes next."""
        data = self._data[self._at : self._at + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class Run(Protocol):
    """Something that is called there, while the caller waits for what it returns."""

    def __call__(self, act: Any, /, *args: Any, **more: Any) -> Any:
        """What it returns, or raises."""


@contextlib.contextmanager
def apart() -> Iterator[Run]:
    """A thread on which a library may call back into Python; its calls come one after another.

    libsndfile loses what is raised there: an interrupt would look like the end of the file. On
    another thread than the main one there is none, and the main one can be interrupted as it waits.
    """
    asked: SimpleQueue[Any] = SimpleQueue()
    thread = threading.Thread(target=_answer, args=(asked,), name="gemini-nb-sound", daemon=True)
    thread.start()

    def run(act: Any, /, *args: Any, **more: Any) -> Any:
        # Each call has an answer of its own: nobody takes that of one that was interrupted.
        told: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        asked.put((told, act, args, more))
        found, error = told.get()
        if error is not None:
            raise error
        return found

    try:
        yield run
    finally:
        asked.put(None)
        thread.join()


def _answer(asked: SimpleQueue[Any]) -> None:
    while (one := asked.get()) is not None:
        told, act, args, more = one
        try:
            told.put((act(*args, **more), None))
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            told.put((None, error))
        del one, told, act, args, more  # what was read is not held until the next question
