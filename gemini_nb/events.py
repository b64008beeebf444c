"""Bytes → server-sent events, however they are cut. Fed, never fetching; knows no Gemini."""

from __future__ import annotations


class EventDecoder:
    """Server-sent events → their data, however the bytes are cut.

    Splits at the bytes LF and CRLF alone, so U+2028 and U+0085 inside a text stay text. A block
    that is bare JSON (some errors come so) is handed on like an event.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._held = b""  # a CR at the end of the last bytes, which may be half a CRLF

    def feed(self, data: bytes) -> list[bytes]:
        """Bytes as they come → the data of the events that they finish."""
        if self._held or b"\r" in data:
            data = self._held + data
            self._held = b"\r" if data.endswith(b"\r") else b""
            data = data.removesuffix(b"\r").replace(b"\r\n", b"\n")
        if not self._buffer and data.endswith(b"\n\n"):
            blocks = data.split(b"\n\n")
        else:
            searched = max(len(self._buffer) - 1, 0)
            self._buffer += data
            if self._buffer.find(b"\n\n", searched) < 0:
                return []
            *blocks, rest = bytes(self._buffer).split(b"\n\n")
            self._buffer = bytearray(rest)
        return [found for block in blocks if (found := _data(block))]

    def close(self) -> bytes:
        """What is left when the stream ends: normally nothing."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        return _data(rest.rstrip(b"\n"))


def _data(block: bytes) -> bytes:
    if block.startswith(b"data: ") and b"\n" not in block:
        return block[6:]
    lines = block.split(b"\n")
    if block.lstrip()[:1] in (b"{", b"["):
        return block
    found = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(found)
