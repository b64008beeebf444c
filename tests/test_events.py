"""Events come out whole, however their bytes are cut."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb.chunks import decode_chunk
from gemini_nb.events import EventDecoder
from tests.server import chunk

# Text that naive decoders break at: other line ends, and characters of two to four bytes.
TEXTS = [
    "a\u2028b\u2029c",
    "x\u0085y\x0b\x0c",
    "äß",
    "日本",
    "👩‍🚀",
    "data: x\n\ndata: y",
    "\r\n\r\n",
]


def encode(texts, end="\n", *, escape=False):
    """The bytes of a stream with one event for each text."""
    events = (json.dumps(chunk(text), ensure_ascii=escape) for text in texts)
    return "".join(f"data: {event}{end}{end}" for event in events).encode()


def read(pieces):
    decoder = EventDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    rest = decoder.close()
    return [*events, rest] if rest else events


def said(pieces):
    return [decode_chunk(event).text for event in read(pieces)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_split_at_every_position(end):
    """One cut anywhere, inside a character or between CR and LF, changes nothing."""
    data = encode(TEXTS, end)
    for at in range(len(data) + 1):
        assert said([data[:at], data[at:]]) == TEXTS


@given(
    st.lists(st.text(max_size=20) | st.sampled_from(TEXTS), max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.lists(st.integers(0, 2000), max_size=12),
)
def test_random_cuts(texts, end, escape, cuts):
    """Any number of cuts changes nothing."""
    data = encode(texts, end, escape=escape)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert said(pieces) == texts


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_by_byte(end):
    """Even single bytes make whole events."""
    data = encode(TEXTS, end)
    assert said([bytes([b]) for b in data]) == TEXTS


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": keep-alive\n\ndata: a\n\n", [b"a"]),
        (b"event: e\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"\n\n\ndata: a\n\n\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data\n\n", []),
        (b"", []),
        (b'{"error": {}}', [b'{"error": {}}']),
        (b'{\n "error": {}\n}\n', [b'{\n "error": {}\n}']),
        (b'data: a\n\n{"error": {}}\n\n', [b"a", b'{"error": {}}']),
        (b'[{"error": {}}]', [b'[{"error": {}}]']),
        (b"data: cut", [b"cut"]),
        (b"data: a\r\n\r\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\rb\n\n", [b"a\rb"]),
        (b"data: a\n\r\ndata: b\r\n\n", [b"a", b"b"]),
    ],
)
def test_what_counts_as_an_event(data, events):
    """Comments and other fields are skipped; bare JSON is handed on; a rest comes at the end."""
    assert read([data]) == events
    assert read([data[i : i + 1] for i in range(len(data))]) == events


def test_events_come_as_soon_as_they_end():
    """Nothing is held back once the empty line is there."""
    decoder = EventDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\ndata: b") == [b"a"]
    assert decoder.feed(b"\n\n") == [b"b"]
    assert decoder.close() == b""
