"""One connection that speaks HTTP/1.1: a request is written, its answer read as it comes.

An asyncio protocol around the parser of `httptools`, which reads all that one packet brought in one
go: a stream of small chunks costs a fraction of what a parser of Python's own costs. No pool, no
retries, and no judgement of the answer. Raises httpx's exceptions.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable

# What is written at once: a head and a short body leave as one packet.
_PACKET = 16_384
_SLICE = 262_144
_LONGEST_HEAD = 65_536
# Read ahead of whoever takes the body, before the peer is made to wait.
_AHEAD = 1 << 20
_INTERIM = 200  # statuses below are not the answer yet
_FRAMED = (b"content-length", b"transfer-encoding")


class NoHTTP(httpx.RemoteProtocolError):
    """What came in place of an answer is something else."""


class Connection(asyncio.Protocol):
    """A socket and the one answer that is being read from it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._waiter: asyncio.Future[None] | None = None
        self._writable = True
        self._error: httpx.TransportError | None = None
        self.open = False
        self._expect()
        self.rest()

    def _expect(self) -> None:
        """Forget the last answer, and wait for the next."""
        self._parser = httptools.HttpResponseParser(self)
        self._busy = True
        self._sent = False
        self._read_before_head = 0
        self._interim = False
        self._has_head = False
        self._pieces: list[bytes] = []
        self._held = 0
        self._complete = False
        self._kept_alive = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    @property
    def reusable(self) -> bool:
        """All was sent, the answer read to its end, and the server takes another request."""
        done = self._sent and self._complete and not self._pieces and self._error is None
        return done and self._kept_alive and self.open

    def rest(self) -> None:
        """Nobody waits for anything: whatever comes now is a fault."""
        self._busy = False

    def abort(self) -> None:
        """Close at once."""
        self.open = False
        self._transport.abort()

    # -- for the pool

    async def send(self, head: bytes, content: AsyncIterable[bytes], seconds: float) -> None:
        """Write a request. Raises WriteTimeout, and what reading or `content` raises."""
        self._expect()
        held = head
        try:
            async for piece in content:
                if len(held) + len(piece) > _PACKET:
                    await self._write(held, seconds)
                    held = piece
                else:
                    held += piece
                if self._has_head:  # a server may refuse before it has read it all
                    self._sent = False
                    return
            await self._write(held, seconds)
        finally:  # a traceback may show the locals of a frame, and the key is in there
            head = held = b""

    async def _write(self, data: bytes, seconds: float) -> None:
        """Write as fast as the peer reads; no more once it has answered."""
        rest = memoryview(data)
        while rest and not self._has_head:
            self._check()
            if self._writable and not self._transport.is_closing():
                self._transport.write(rest[:_SLICE])
                rest = rest[_SLICE:]
            else:
                await self._change(seconds, httpx.WriteTimeout)
        self._sent = not rest

    async def head(self, seconds: float) -> None:
        """Wait for status and headers. Raises ReadTimeout, ReadError, RemoteProtocolError."""
        while not self._has_head:
            self._check()
            await self._change(seconds, httpx.ReadTimeout)

    async def read(self, seconds: float) -> bytes:
        """All of the body that has come since; empty at its end. Raises like `head`."""
        while not self._pieces:
            if self._complete:
                return b""
            self._check()
            await self._change(seconds, httpx.ReadTimeout)
        data = b"".join(self._pieces)
        self._pieces.clear()
        if self._held > _AHEAD and self.open:
            self._transport.resume_reading()
        self._held = 0
        return data

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    async def _change(self, seconds: float, late: type[httpx.TimeoutException]) -> None:
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, _expire, waiter, late)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: httpx.TransportError) -> None:
        self._error = self._error or error
        self.abort()
        self._wake()

    # -- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.Transport", transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if not self._busy:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            kind = httpx.RemoteProtocolError if self._has_head else NoHTTP
            self._fail(kind(f"The answer is no HTTP: {error}"))
            return
        if not self._has_head:
            self._read_before_head += len(data)
            if self._read_before_head > _LONGEST_HEAD:
                self._fail(NoHTTP("The answer has endless headers."))
                return
        self._wake()

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        self._writable = False

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Both sides are closed, or the connection broke."""
        self.open = False
        if self._busy and not self._complete and self._error is None:
            if error is not None:
                self._error = httpx.ReadError(str(error) or type(error).__name__)
            elif self._has_head and not self._framed():
                self._complete = True  # such a body ends where the connection does
            else:
                self._error = httpx.RemoteProtocolError("The connection was closed.")
        self._wake()

    def _framed(self) -> bool:
        return any(name.lower() in _FRAMED for name, _ in self.headers)

    # -- called by the parser

    def on_message_begin(self) -> None:
        """The beginning, or a second answer that nobody asked for and nobody hears."""
        if self._complete:
            self._kept_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those after the body are of no interest."""
        if not self._has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A whole head, of the answer or of a note ahead of it."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        self._interim = status < _INTERIM
        if self._interim:
            self.headers = []
        else:
            self.status = status
            self._has_head = True

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._complete:
            return
        self._pieces.append(data)
        self._held += len(data)
        if self._held > _AHEAD >= self._held - len(data):
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The end of the answer."""
        if not (self._interim or self._complete):
            self._complete = True
            self._kept_alive = self._parser.should_keep_alive()


def _expire(waiter: asyncio.Future[None], late: type[httpx.TimeoutException]) -> None:
    if not waiter.done():
        waiter.set_exception(late("Nothing came in time."))


async def connect(host: str, port: int, tls: ssl.SSLContext | None, seconds: float) -> Connection:
    """A new connection. Raises ConnectTimeout, ConnectError (where TLS fails, from an SSLError)."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            _, connection = await loop.create_connection(
                Connection,
                host,
                port,
                ssl=tls,
                server_hostname=host if tls else None,
                # Only a name has several addresses, of which the quickest is taken.
                happy_eyeballs_delay=None if host[-1:].isdigit() or ":" in host else 0.25,
            )
    except TimeoutError as error:
        raise httpx.ConnectTimeout(f"No connection in {seconds:g} s.") from error
    except OSError as error:  # an SSLError is one, too
        raise httpx.ConnectError(error.strerror or str(error)) from error
    except UnicodeError as error:
        raise httpx.ConnectError("no host can have such a name") from error
    return connection
