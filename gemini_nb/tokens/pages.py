"""How many pages a PDF has: from its trailer to its catalogue, to the root of its pages.

It reads those three objects and nothing else, be they plain or in a compressed object stream. A
file that hides them otherwise (encrypted object streams, damage) has an unknown number.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = re.compile(rb"/Root\s+(\d{1,10})\s+\d+\s+R")
_PAGES: Final = re.compile(rb"/Pages\s+(\d{1,10})\s+\d+\s+R")
_COUNT: Final = re.compile(rb"/Count\s+(\d{1,10})")
_FIRST: Final = re.compile(rb"/First\s+(\d{1,10})")
_KIDS: Final = re.compile(rb"/Kids\b")
_STREAM: Final = re.compile(rb"/Type\s*/ObjStm\b")
_MOST_PAGES = 1_000_000
# What is looked at of a file, whatever it asks for: forms of one object and object streams, the
# newest of each; and bytes, where an object stream has a few hundred kilobytes.
_MOST_FORMS = 1000
_MOST_BYTES = 32 << 20
# The longest object, the longest dictionary of a stream, and the longest list of what is in one.
_OBJECT = 1 << 18
_DICTIONARY = 4096
_LIST = 1 << 20


def count(data: bytes) -> int | None:
    """The number of pages, None where it is not found."""
    # The last trailer is of the last change.
    roots = deque(_ROOT.finditer(data), maxlen=1)
    if not roots:
        return None
    document = _Document(data)
    catalogue = document.find(int(roots[0][1]), _PAGES)
    tree = catalogue and document.find(int(catalogue[1]), _KIDS, _COUNT)
    pages = int(tree[1]) if tree else 0
    return pages if 0 < pages < _MOST_PAGES else None


class _Document:
    """Finds objects; looks at no more than so much of the file, whatever that asks for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MOST_BYTES

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
        places = deque(
            (
                (found.start(), found.end())
                for found in plain
                if not data[max(0, found.start() - 1) : found.start()].isdigit()
            ),
            _MOST_FORMS,
        )
        streams = deque(((found.start(), -1) for found in _STREAM.finditer(data)), _MOST_FORMS)
        for start, end in sorted([*places, *streams], reverse=True):
            if self._left <= 0:
                return
            if end >= 0:
                last = data.find(b"endobj", end, end + _OBJECT)
                self._left -= (last if last >= 0 else end + _OBJECT) - end
                yield data[end : last if last >= 0 else end + 65_536]
            elif body := self._in_stream(start, number):
                yield body

    def _in_stream(self, at: int, number: int) -> bytes | None:
        """An object inside the object stream whose dictionary holds the place `at`."""
        data = self._data
        start = data.find(b"stream", at, at + _DICTIONARY) + len(b"stream")
        least = max(0, at - _DICTIONARY)
        dictionary = data[max(data.rfind(b"obj", least, at), least) : max(at, start)]
        self._left -= len(dictionary)
        first = _FIRST.search(dictionary)
        if not first or start < at or int(first[1]) > _LIST:
            return None
        start += 2 if data[start : start + 2] == b"\r\n" else 1
        begin = int(first[1])
        # The numbers of the objects, and their places after the list.
        told = self._unpacked(start, begin).split()
        numbers = told[::2]
        name = b"%d" % number
        if name not in numbers or not all(each.isdigit() and len(each) <= 10 for each in told):  # noqa: PLR2004 - digits
            return None
        offsets = [int(each) for each in told[1::2]]
        index = numbers.index(name)
        if index >= len(offsets):
            return None
        mine = offsets[index]
        end = min((place for place in offsets if place > mine), default=mine + _OBJECT)
        whole = self._unpacked(start, begin + min(end, mine + _OBJECT))
        return whole[begin + mine :]

    def _unpacked(self, start: int, size: int) -> bytes:
        """The first bytes of what is packed at a place of the file; none where that is broken."""
        size = min(size, self._left)
        if size <= 0:
            return b""
        # What is left of the input is copied, so it is not given the whole file.
        packed = memoryview(self._data)[start : start + 2 * size + 1024]
        try:
            found = zlib.decompressobj().decompress(packed, size)
        except zlib.error:
            return b""
        self._left -= len(found)
        return found
