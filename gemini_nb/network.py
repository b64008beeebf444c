"""The pool of connections under httpx: half of the CPU of a call with httpx's own.

A transport in httpx's sense, for direct connections; where the environment names a proxy, httpx's
own is used. It keeps what is open and hands it out again; one connection is `connection.py`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httpx

from gemini_nb.connection import Connection, connect

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, AsyncIterator

_MOST = 100
# Seconds that an unused connection stays open.
_KEPT = 60.0
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


class DirectTransport(httpx.AsyncBaseTransport):
    """Connections straight to a host, at most a hundred at work at once."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[tuple[Connection, float]]] = {}
        self._slots = asyncio.Semaphore(_MOST)
        self._tls: ssl.SSLContext | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body of the answer is still to be read, and has to be closed."""
        limits = request.extensions["timeout"]
        url = request.url
        origin = (url.scheme, url.host, url.port or _PORTS[url.scheme])
        await self._slot(limits["pool"])
        try:
            connection = self._kept(origin) or await self._connect(origin, limits["connect"])
        except BaseException:
            self._slots.release()
            raise
        try:
            await connection.send(
                _head(request),
                cast("AsyncIterable[bytes]", request.stream),
                limits["write"],
            )
            await connection.head(limits["read"])
        except BaseException:
            self._release(origin, connection)
            raise
        return httpx.Response(
            connection.status,
            headers=connection.headers,
            stream=_Body(self, origin, connection, limits["read"]),
            request=request,
        )

    async def aclose(self) -> None:
        """Close every connection; those at work when their answer is in."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connections in self._idle.values():
            for connection, _ in connections:
                connection.abort()
        self._idle.clear()

    async def _slot(self, seconds: float) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout(f"{_MOST} calls are under way.") from error

    def _kept(self, origin: Origin) -> Connection | None:
        """The connection that was used last: the server is least likely to have closed it."""
        connections = self._idle.get(origin, [])
        while connections:
            connection, _ = connections.pop()
            if connection.open:
                return connection
        return None

    async def _connect(self, origin: Origin, seconds: float) -> Connection:
        scheme, host, port = origin
        if scheme == "https" and self._tls is None:
            # Reads all the certificates, 20 ms: other calls need not stand still for it.
            self._tls = await asyncio.to_thread(_certificates)
        return await connect(host, port, self._tls if scheme == "https" else None, seconds)

    def _release(self, origin: Origin, connection: Connection) -> None:
        self._slots.release()
        if not connection.reusable or self._closed:
            connection.abort()
            return
        connection.rest()
        loop = asyncio.get_running_loop()
        self._idle.setdefault(origin, []).append((connection, loop.time()))
        if self._sweeper is None:
            self._sweeper = loop.call_later(_KEPT, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = None
        for origin, connections in tuple(self._idle.items()):
            young = [(c, since) for c, since in connections if since > loop.time() - _KEPT]
            for connection, _ in connections[: len(connections) - len(young)]:  # oldest first
                connection.abort()
            self._idle[origin] = young
        if any(self._idle.values()):
            self._sweeper = loop.call_later(_KEPT, self._sweep)


class _Body(httpx.AsyncByteStream):
    """The rest of an answer. Closing it before its end closes the connection."""

    def __init__(
        self, pool: DirectTransport, origin: Origin, connection: Connection, seconds: float
    ) -> None:
        self._pool = pool
        self._origin = origin
        self._connection: Connection | None = connection
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None:
            data = await self._connection.read(self._seconds)
            if not data:
                return
            yield data

    async def aclose(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._pool._release(self._origin, connection)


def _certificates() -> ssl.SSLContext:
    """Whom to believe. Raises LocalProtocolError where the environment names what is no list."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        why = error.strerror or str(error)
        raise httpx.LocalProtocolError(
            f"the certificates that SSL_CERT_FILE names cannot be read ({why})."
        ) from None


def _head(request: httpx.Request) -> bytes:
    """The request's first line and headers as they are sent.

    Raises LocalProtocolError for a line break inside one, which would begin another, and for a body
    whose length is not said.
    """
    headers = request.headers.raw
    if any(name.lower() == b"transfer-encoding" for name, _ in headers):
        raise httpx.LocalProtocolError("A body needs its length.")
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%b: %b" % pair for pair in headers]
    del headers  # the key is among them
    head = b"\r\n".join([*lines, b"", b""])
    if head.count(b"\r") != len(lines) + 1 or head.count(b"\n") != len(lines) + 1 or b"\0" in head:
        del lines, head
        raise httpx.LocalProtocolError("A header holds a line break.")
    return head
