"""Bytes that are looked at in places only: as base64 they are decoded there, and not as a whole."""

from __future__ import annotations

import binascii
import io
from typing import Any, Protocol


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
