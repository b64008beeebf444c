"""The routes that answer: generateContent, streamGenerateContent and countTokens.

Glue between HTTP and the engine: reads a request, runs a job for each candidate, shapes
the answers. It does not know llama.cpp, and the engine does not know these shapes. When
the client goes away, the job ends.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from . import checks, text, tokens, wire
from .answers import answer, as_json, read_body
from .fault import Fault
from .models import require

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(version: str, engine: text.Engine) -> list[Route]:
    """The routes of this module under `/version`."""

    def route(method: str, endpoint: Endpoint) -> Route:
        async def checked(request: Request) -> Response:
            require(request.path_params["name"], version, method)
            return await endpoint(request)

        return Route(f"/{version}/models/{{name}}:{method}", checked, methods=["POST"])

    async def generate(request: Request) -> Response:
        body = wire.parse(await read_body(request), "GenerateContentRequest")
        checks.generate(body)
        return answer(request, await _whole(_chunks(engine, body, request)))

    async def stream(request: Request) -> Response:
        body = wire.parse(await read_body(request), "GenerateContentRequest")
        checks.generate(body)
        chunks = _chunks(engine, body, request)
        # What is wrong before the first word is an answer of its own, not half a stream.
        first = await anext(chunks)
        if request.query_params.get("alt") == "sse":
            return StreamingResponse(_events(request, first, chunks), media_type=_EVENTS)
        return StreamingResponse(_array(request, first, chunks), media_type=_JSON)

    async def count(request: Request) -> Response:
        body = checks.count(wire.parse(await read_body(request), "CountTokensRequest"))
        total = await asyncio.to_thread(tokens.count, body)
        return answer(request, {"totalTokens": total, "promptTokensDetails": _details(total)})

    return [
        route("generateContent", generate),
        route("streamGenerateContent", stream),
        route("countTokens", count),
    ]


_EVENTS = "text/event-stream"
_JSON = "application/json; charset=UTF-8"
Chunk = dict[str, Any]


async def _chunks(
    engine: text.Engine, body: dict[str, Any], request: Request
) -> AsyncIterator[Chunk]:
    """The answer, piece by piece, as the API's chunks; one candidate after the other."""
    identity = {"modelVersion": f"local/{engine.name}", "responseId": secrets.token_urlsafe(12)}
    prompt = await asyncio.to_thread(tokens.count, body)
    made_before = 0
    for index in range(body.get("generationConfig", {}).get("candidateCount", 1)):
        made = 0
        async for piece in _pieces(engine, text.job(body, index), request):
            made = piece.tokens
            content = {"parts": [{"text": piece.text}], "role": "model"}
            candidate: Chunk = {"content": content, "index": index}
            if piece.finish:
                candidate["finishReason"] = piece.finish
            usage = _usage(prompt, made_before + made)
            yield {"candidates": [candidate], "usageMetadata": usage, **identity}
        made_before += made


async def _pieces(
    engine: text.Engine, job: dict[str, Any], request: Request
) -> AsyncIterator[text.Piece]:
    """Run one job on the engine's thread and bring its pieces over to this loop."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[text.Piece | None] = asyncio.Queue()
    gone = False

    def deliver(piece: text.Piece | None) -> bool:
        if piece is not None and not gone:
            loop.call_soon_threadsafe(arrived.put_nowait, piece)
        return gone

    async def watch() -> None:
        # The body is read, so all that can still come is the end of the connection.
        while (await request.receive())["type"] != "http.disconnect":
            pass
        nonlocal gone
        gone = True
        arrived.put_nowait(None)

    def ended(done: asyncio.Future[None]) -> None:
        if not done.cancelled():
            done.exception()  # looked at, so that a job nobody waits for ends in silence
        arrived.put_nowait(None)

    watcher = asyncio.create_task(watch())
    run = asyncio.wrap_future(engine.run(job, deliver))
    run.add_done_callback(ended)
    try:
        while (piece := await arrived.get()) is not None:
            yield piece
        if gone:
            raise ClientDisconnect
        run.result()
    finally:
        gone = True
        watcher.cancel()


async def _whole(chunks: AsyncIterator[Chunk]) -> Chunk:
    """All chunks as the one answer of a call that does not stream."""
    candidates: dict[int, Chunk] = {}
    last: Chunk = {}
    async for last in chunks:
        candidate = last["candidates"][0]
        so_far = candidates.setdefault(candidate["index"], candidate)
        if so_far is not candidate:
            so_far["content"]["parts"][0]["text"] += candidate["content"]["parts"][0]["text"]
        if "finishReason" in candidate:
            so_far["finishReason"] = candidate["finishReason"]
    return {**last, "candidates": list(candidates.values())}


async def _events(
    request: Request, first: Chunk, rest: AsyncIterator[Chunk]
) -> AsyncIterator[bytes]:
    """Server-sent events, one for each chunk."""
    async for chunk in _safe(first, rest):
        yield b"data: " + as_json(request, chunk) + b"\r\n\r\n"


async def _array(
    request: Request, first: Chunk, rest: AsyncIterator[Chunk]
) -> AsyncIterator[bytes]:
    """One JSON array, written as it is made: what the older SDK reads."""
    opening = b"["
    async for chunk in _safe(first, rest):
        yield opening + as_json(request, chunk)
        opening = b"\n,\r\n"
    yield b"\n]"


async def _safe(first: Chunk, rest: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
    """The stream, whose last chunk is the error if it breaks under way."""
    yield first
    try:
        async for chunk in rest:
            yield chunk
    except ClientDisconnect:
        return
    except Fault as fault:
        yield fault.body()


def _usage(prompt: int, made: int) -> dict[str, Any]:
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": made,
        "totalTokenCount": prompt + made,
        "promptTokensDetails": _details(prompt),
    }


def _details(count: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": count}]
