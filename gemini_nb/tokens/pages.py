"""How many pages a PDF has: from its trailer to its catalogue, to the root of its pages.

It reads those three objects and nothing else, be they plain or in a compressed object stream. A
file that hides them otherwise (encrypted object streams, damage) has an unknown number.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = re.compile(rb"/Root\s+(\d+)\s+\d+\s+R")
_PAGES: Final = re.compile(rb"/Pages\s+(\d+)\s+\d+\s+R")
_COUNT: Final = re.compile(rb"/Count\s+(\d+)")
_KIDS: Final = re.compile(rb"/Kids\b")
_STREAM: Final = re.compile(rb"/Type\s*/ObjStm\b")
_MOST_PAGES = 1_000_000
_MOST_UNPACKED = 64 << 20
"""Bytes of all object streams that are read; one has a few hundred kilobytes."""


def count(data: bytes) -> int | None:
    """The number of pages, None where it is not found."""
    roots = _ROOT.findall(data)
    if not roots:
        return None
    document = _Document(data)
    # The last trailer is of the last change.
    catalogue = document.find(int(roots[-1]), _PAGES)
    tree = catalogue and document.find(int(catalogue[1]), _KIDS, _COUNT)
    pages = int(tree[1]) if tree else 0
    return pages if 0 < pages < _MOST_PAGES else None


class _Document:
    """Finds objects; unpacks no more than so much of them, whatever the file asks for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MOST_UNPACKED

    def find(self, number: int, *signs: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """In the newest form of an object that has all these signs, the last of them."""
        for body in self._forms(number):
            matches = [sign.search(body) for sign in signs]
            if all(matches):
                return matches[-1]
        return None

    def _forms(self, number: int) -> Iterator[bytes]:
        """The forms of an object, the newest first: the last one in the file counts."""
        data = self._data
        # A pattern that begins with plain letters is looked for ten times as fast.
        plain = re.finditer(rb"%d[ \r\n]+\d+[ \r\n]+obj\b" % number, data)
        places = [
            (found.start(), found.end())
            for found in plain
            if not data[max(0, found.start() - 1) : found.start()].isdigit()
        ]
        places += [(found.start(), -1) for found in _STREAM.finditer(data)]
        for start, end in sorted(places, reverse=True):
            if end >= 0:
                last = data.find(b"endobj", end)
                yield data[end : last if last >= 0 else end + 65_536]
            elif body := self._in_stream(start, number):
                yield body

    def _in_stream(self, at: int, number: int) -> bytes | None:
        """An object inside the object stream whose dictionary holds the place `at`."""
        data = self._data
        start = data.find(b"stream", at) + len(b"stream")
        dictionary = data[max(data.rfind(b"obj", 0, at), at - 4096) : start]
        first = re.search(rb"/First\s+(\d+)", dictionary)
        if not first or start < at or self._left <= 0:
            return None
        start += 2 if data[start : start + 2] == b"\r\n" else 1
        try:
            whole = zlib.decompressobj().decompress(memoryview(data)[start:], self._left)
        except zlib.error:
            return None
        self._left -= len(whole)
        numbers = whole[: int(first[1])].split()
        if not all(map(bytes.isdigit, numbers)):
            return None
        places = dict(zip(map(int, numbers[::2]), map(int, numbers[1::2]), strict=False))
        if number not in places:
            return None
        begin = int(first[1]) + places[number]
        later = [place for place in places.values() if place > places[number]]
        return whole[begin : int(first[1]) + min(later)] if later else whole[begin:]
