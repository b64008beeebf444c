"""A raw HTTP server for tests: what it answers is a plain callable, and it sees every byte.

The handler gets a Call and returns `(status, headers, pieces)`; `pieces` is an async iterator or a
list of bytes, sent as they come and then the connection is closed. It notes when a client hangs up.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Self

Pieces = Iterable[bytes] | AsyncIterator[bytes]
Answer = tuple[int, dict[str, str], Pieces]


@dataclasses.dataclass
class Call:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    hung_up: threading.Event

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def answer_json(value: Any, status: int = 200) -> Answer:
    """A whole JSON answer."""
    return status, {"content-type": "application/json; charset=UTF-8"}, [json.dumps(value).encode()]


def answer_sse(*bodies: Any) -> Answer:
    """A stream of events, one for each body."""
    pieces = [b"data: " + json.dumps(b).encode() + b"\n\n" for b in bodies]
    return 200, {"content-type": "text/event-stream"}, pieces


def chunk(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """The JSON of a response with one text part."""
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "index": 0,
    }
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 3, "totalTokenCount": 7}
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-test",
        "responseId": "r1",
        **more,
    }


class Server:
    """Serves `handler` on a free loopback port, on a thread of its own; use it as a context."""

    def __init__(self, handler: Callable[[Call], Answer], *, tells_of_models: bool = False) -> None:
        self.handler = handler
        self._tells = tells_of_models  # else it knows none, and the question is no call
        self.calls: list[Call] = []
        self.came = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        )
        self._server = started.result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            self._server.close()
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while call := await _read_call(reader):
                if not self._tells and call.method == "GET" and "/models/" in call.target:
                    writer.write(_head(404, {"content-length": "2"}) + b"{}")
                    continue
                self.calls.append(call)
                self.came.set()
                if not await self._reply(call, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _reply(
        self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        status, headers, pieces = self.handler(call)
        if isinstance(pieces, list):
            body = b"".join(pieces)
            head = {**headers, "content-length": str(len(body))}
            writer.write(_head(status, head) + body)
            await writer.drain()
            return True
        writer.write(_head(status, {**headers, "connection": "close"}))
        watch = asyncio.create_task(_watch(reader, call.hung_up))
        try:
            async for piece in pieces:
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            call.hung_up.set()
        finally:
            if not call.hung_up.is_set():
                watch.cancel()
        return False


async def _watch(reader: asyncio.StreamReader, hung_up: threading.Event) -> None:
    try:
        gone = not await reader.read(1)
    except ConnectionError:  # closed with bytes still unread: a reset
        gone = True
    if gone:
        hung_up.set()


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _read_call(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Call(method, target, headers, body, threading.Event())
