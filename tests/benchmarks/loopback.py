"""A server with fixed answers in a process of its own, so that its work is not counted as ours."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNKS = 5000
# Seconds that the model `gemini-slow` takes.
DELAY = 0.05


def _chunk(text: str, *, last: bool = False) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    details = [{"modality": "TEXT", "tokenCount": 4}]
    usage = {"promptTokenCount": 4, "totalTokenCount": 7, "promptTokensDetails": details}
    body = {"candidates": [candidate], "usageMetadata": usage}
    return json.dumps({**body, "modelVersion": "gemini-test", "responseId": "r1"}).encode()


@functools.cache
def _stream() -> bytes:
    """The whole stream, each event an HTTP chunk of its own; ready, so that nobody waits for it."""
    texts = [f"word {i} of it, " for i in range(CHUNKS)]
    events = [b"data: " + _chunk(t, last=i == CHUNKS - 1) + b"\n\n" for i, t in enumerate(texts)]
    return b"".join(b"%x\r\n%b\r\n" % (len(e), e) for e in events) + b"0\r\n\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    stream, whole = _stream(), _chunk("Hello world.", last=True)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: "
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            lines = request.lower().split(b"\r\n")
            size = next((ln for ln in lines if ln.startswith(b"content-length:")), b":0")
            await reader.readexactly(int(size.partition(b":")[2]))
            if b"gemini-slow" in request:
                await asyncio.sleep(DELAY)
            if b"streamGenerateContent" not in request:
                length = str(len(whole)).encode()
                writer.write(
                    head + b"application/json\r\ncontent-length: " + length + b"\r\n\r\n" + whole
                )
                await writer.drain()
                continue
            writer.write(head + b"text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(stream)
            await writer.drain()
    writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The server's address, while the context lasts."""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.loopback"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_main())
