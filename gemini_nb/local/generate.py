"""The routes that answer: generateContent, streamGenerateContent and countTokens.

Glue between HTTP and the engine: reads a request, runs a job for each candidate, shapes
the answers. It does not know llama.cpp, and the engine does not know these shapes. When
the client goes away, the job ends. A batch answers its requests by the same way (`whole`).
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gemini_nb.tokens import rules
from gemini_nb.tokens.count import count as count_tokens

from . import checks, dictation, hearing, resolve, script, speaking, spoken, text, vision
from .answers import answer, as_json, read
from .fault import Fault
from .models import require

if TYPE_CHECKING:
    from .store import Store
    from .turns import Turns

Endpoint = Callable[[Request], Awaitable[Response]]
Gone = Callable[[], Coroutine[Any, Any, None]]
"""Returns when nobody waits for the answer any more."""


def routes(store: Store, turns: Turns) -> Callable[[str, text.Engine], list[Route]]:
    """The routes of this module, over one store."""

    def of_version(version: str, engine: text.Engine) -> list[Route]:
        return _routes(version, engine, store, turns)

    return of_version


def _routes(version: str, engine: text.Engine, store: Store, turns: Turns) -> list[Route]:
    def route(method: str, endpoint: Endpoint) -> Route:
        async def checked(request: Request) -> Response:
            require(request.path_params["name"], version, method)
            return await endpoint(request)

        return Route(f"/{version}/models/{{name}}:{method}", checked, methods=["POST"])

    async def chunks_of(request: Request) -> AsyncIterator[Chunk]:
        body = await read(request, "GenerateContentRequest")
        name = request.path_params["name"]
        with turns.somebody_waits():
            async for chunk in _checked(engine, store, body, name, _leaving(request)):
                yield chunk

    async def generate(request: Request) -> Response:
        return answer(request, await _joined(chunks_of(request)))

    async def stream(request: Request) -> Response:
        chunks = chunks_of(request)
        # What is wrong before the first word is an answer of its own, not half a stream.
        first = await anext(chunks)
        if request.query_params.get("alt") == "sse":
            return StreamingResponse(_events(request, first, chunks), media_type=_EVENTS)
        return StreamingResponse(_array(request, first, chunks), media_type=_JSON)

    async def count(request: Request) -> Response:
        name = request.path_params["name"]
        body = checks.counted(await read(request, "CountTokensRequest"))
        resolved = await asyncio.to_thread(resolve.media, store, body)
        body, cached = await asyncio.to_thread(resolve.cache, store, resolved, name)
        checks.count(body)
        found = await asyncio.to_thread(count_tokens, body, name)
        counts = {
            "totalTokens": found.total_tokens,
            "promptTokensDetails": _details(found.by_modality),
        }
        return answer(request, {**counts, **_cached(cached)})

    return [
        route("generateContent", generate),
        route("streamGenerateContent", stream),
        route("countTokens", count),
    ]


async def whole(
    engine: text.Engine, store: Store, body: dict[str, Any], name: str, gone: Gone
) -> Chunk:
    """The whole answer to one request, for a caller that is not on the line."""
    return await _joined(_checked(engine, store, body, name, gone))


_EVENTS = "text/event-stream"
_JSON = "application/json; charset=UTF-8"
Chunk = dict[str, Any]


def _leaving(request: Request) -> Gone:
    async def gone() -> None:
        # The body is read, so all that can still come is the end of the connection.
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return gone


async def _checked(
    engine: text.Engine, store: Store, body: dict[str, Any], name: str, gone: Gone
) -> AsyncIterator[Chunk]:
    """Answer a request if it may be asked, with its files and its cache in their places."""
    checks.contents(body, "GenerateContentRequest")
    body = await asyncio.to_thread(resolve.media, store, body)
    body, cached = await asyncio.to_thread(resolve.cache, store, body, name)
    checks.generate(body)
    answers = _aloud if script.is_asked(body, name) else _chunks
    async with aclosing(answers(engine, body, name, gone)) as chunks:
        async for chunk in chunks:
            chunk["usageMetadata"].update(_cached(cached))
            yield chunk


async def _aloud(
    engine: text.Engine, body: dict[str, Any], name: str, gone: Gone
) -> AsyncGenerator[Chunk]:
    """As sound: what the prompt says, if the model is a voice, or else what the model answers."""
    cast = script.cast(body, await asyncio.to_thread(speaking.languages))
    prompt = (await asyncio.to_thread(count_tokens, body, name)).by_modality
    second, most = rules.family(name)[0].second, speaking.LONGEST_ANSWER
    last: Chunk = {}
    if script.is_voice(name):
        speaking.require_room(sum(prompt.values()))
        lines, finish = cast.prompt(body), "STOP"
        most = min(most, body["generationConfig"].get("maxOutputTokens", most))
        identity = {"modelVersion": speaking.MODEL, "responseId": secrets.token_urlsafe(12)}
    else:
        told = await _joined(_chunks(engine, body, name, gone))
        answered = told["candidates"][0]
        lines = cast.answer(answered["content"]["parts"][0]["text"])
        finish = answered["finishReason"]
        version = f"{told['modelVersion']}+{speaking.NAME}"
        identity = {"modelVersion": version, "responseId": told["responseId"]}
        last = {key: told[key] for key in told if key == "observations"}
    async with aclosing(speaking.aloud(lines, most / second, gone)) as sounds:
        async for sound in sounds:
            content = {"parts": speaking.parts(sound), "role": "model"}
            candidate: Chunk = {"content": content, "index": 0}
            if sound.is_last:
                candidate["finishReason"] = "MAX_TOKENS" if sound.is_cut else finish
            made = math.ceil(sound.seconds * second)
            usage = _usage(prompt, made) | {"candidatesTokensDetails": _details({"AUDIO": made})}
            rest = last if sound.is_last else {}
            yield {"candidates": [candidate], "usageMetadata": usage, **rest, **identity}


async def _chunks(
    engine: text.Engine, body: dict[str, Any], name: str, gone: Gone
) -> AsyncGenerator[Chunk]:
    """The answer, piece by piece, as the API's chunks; one candidate after the other."""
    identity = {"modelVersion": f"local/{engine.name}", "responseId": secrets.token_urlsafe(12)}
    prompt = (await asyncio.to_thread(count_tokens, body, name)).by_modality
    wish = dictation.wish(body)
    observed: list[dict[str, Any]] = []
    if wish:
        identity["modelVersion"] = f"local/{spoken.NAME}"
    else:
        body, seen = await _looked_at(body, gone)
        body, heard = await hearing.listened(body, gone)
        observed = [*seen, *heard]
        identity["modelVersion"] += f"+{vision.NAME}" * bool(seen) + f"+{spoken.NAME}" * bool(heard)
    made_before = 0
    for index in range(body.get("generationConfig", {}).get("candidateCount", 1)):
        made = 0
        if wish:
            pieces = hearing.dictated(body, wish, name, observed, gone)
        else:
            pieces = _pieces(engine, text.job(body, index), gone)
        async for piece in pieces:
            made = piece.tokens
            content = {"parts": [{"text": piece.text}], "role": "model"}
            candidate: Chunk = {"content": content, "index": index}
            if piece.finish:
                candidate["finishReason"] = piece.finish
            usage = _usage(prompt, made_before + made)
            told = {"observations": observed} if piece.finish and observed else {}
            yield {"candidates": [candidate], "usageMetadata": usage, **told, **identity}
        made_before += made


async def _looked_at(
    body: dict[str, Any], until_gone: Gone
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The request with its images in words, and what was observed in them."""
    if not vision.has_images(body):
        return body, []
    loop = asyncio.get_running_loop()
    watcher = asyncio.create_task(until_gone())
    try:
        found = await loop.run_in_executor(vision.worker, vision.look, body, watcher.done)
        if watcher.done():
            raise ClientDisconnect
        return found
    finally:
        watcher.cancel()


async def _pieces(
    engine: text.Engine, job: dict[str, Any], until_gone: Gone
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
        await until_gone()
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
        run.cancel()


async def _joined(chunks: AsyncIterator[Chunk]) -> Chunk:
    """All chunks as the one answer of a call that does not stream."""
    candidates: dict[int, Chunk] = {}
    pieces: dict[int, list[dict[str, Any]]] = {}
    last: Chunk = {}
    async for last in chunks:
        candidate = last["candidates"][0]
        so_far = candidates.setdefault(candidate["index"], candidate)
        pieces.setdefault(candidate["index"], []).extend(candidate["content"]["parts"])
        if "finishReason" in candidate:
            so_far["finishReason"] = candidate["finishReason"]
    for index, candidate in candidates.items():
        candidate["content"]["parts"] = _one(pieces[index])
    return {**last, "candidates": list(candidates.values())}


def _one(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of one answer, all of a kind, as one part."""
    if not parts or "text" in parts[0]:
        return [{"text": "".join(part["text"] for part in parts)}] if parts else []
    blobs = [part["inlineData"] for part in parts]
    return [{"inlineData": {**blobs[0], "data": "".join(blob["data"] for blob in blobs)}}]


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


def _usage(prompt: dict[str, int], made: int) -> dict[str, Any]:
    asked = sum(prompt.values())
    return {
        "promptTokenCount": asked,
        "candidatesTokenCount": made,
        "totalTokenCount": asked + made,
        "promptTokensDetails": _details(prompt),
    }


def _cached(counts: dict[str, int]) -> dict[str, Any]:
    """How much of the prompt came out of a cache; the prompt's own count includes it."""
    if not counts:
        return {}
    total = sum(counts.values())
    return {"cachedContentTokenCount": total, "cacheTokensDetails": _details(counts)}


def _details(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items()]
