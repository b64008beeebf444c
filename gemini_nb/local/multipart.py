"""Reads `multipart/related`: a JSON part, then the file's bytes, which never are in memory at once.

Fed with the chunks of a body as they come. It knows both kinds of line ends, since the older
SDK's client writes bare newlines. It is not for form data.
"""

from __future__ import annotations

import re
from email.message import Message
from typing import TYPE_CHECKING

from .fault import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HEAD_LIMIT = 1024 * 1024
"""Bytes before the file's own: headers, and its name."""


class Related:
    """A body of two parts: `await head()`, then what `data()` yields; `mime_type` in between."""

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        given = Message()
        given["content-type"] = content_type
        boundary = given.get_param("boundary")
        if not isinstance(boundary, str) or not boundary:
            raise Fault(400, "A multipart upload needs a boundary in its Content-Type.")
        self._mark = b"--" + boundary.encode("latin-1", "replace")
        self._newline = b"\r\n"
        self._chunks = chunks
        self._buffer = bytearray()
        self.mime_type = ""

    async def head(self) -> bytes:
        """The first part's body, which is JSON."""
        await self._up_to(self._mark)
        rest = await self._up_to(b"\n")
        self._newline = b"\r\n" if rest.endswith(b"\r") else b"\n"
        self._buffer[:0] = self._newline  # a part without headers begins with an empty line
        await self._headers()
        body = await self._up_to(self._newline + self._mark)
        await self._up_to(b"\n")
        self._buffer[:0] = self._newline
        headers = await self._headers()
        self.mime_type = headers.get("content-type", "")
        if headers.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit"):
            raise Fault(400, "The file's part of a multipart upload must be binary.")
        return body

    async def data(self) -> AsyncIterator[bytes]:
        """The second part's bytes, chunk by chunk."""
        end = self._newline + self._mark
        while (at := self._buffer.find(end)) < 0:
            # What may be the beginning of the end has to wait.
            safe = len(self._buffer) - len(end) + 1
            if safe > 0:
                yield bytes(self._buffer[:safe])
                del self._buffer[:safe]
            await self._more()
        yield bytes(self._buffer[:at])
        async for _ in self._chunks:
            pass

    async def _headers(self) -> dict[str, str]:
        text = await self._up_to(self._newline * 2)
        pairs = (line.partition(":") for line in re.split(r"\r?\n", text.decode("latin-1")))
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    async def _up_to(self, mark: bytes) -> bytes:
        while (at := self._buffer.find(mark)) < 0:
            if len(self._buffer) > _HEAD_LIMIT:
                raise Fault(400, "The multipart upload has no such part within its first megabyte.")
            await self._more()
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return found

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._chunks)
        except StopAsyncIteration:
            raise Fault(400, "The multipart upload ends before its last boundary.") from None
