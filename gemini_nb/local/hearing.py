"""Between the routes and the ears: recordings as words for the text model, or as the answer.

Each step runs on the ears' own thread while this loop goes on, and there is no next step when the
client has gone. It does not know what a transcript looks like, nor how one is made.
"""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from gemini_nb.tokens import vocabulary

from . import LocalUnavailable, dictation, speech, weights
from .dictation import recordings
from .fault import Fault
from .spoken import Heard, Segment
from .text import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .dictation import Wish

PATIENCE = 45.0
"""Seconds that a request waits for the weights: less than the minute clients wait for an answer."""
Gone = Callable[[], Coroutine[Any, Any, None]]


async def listened(
    request: dict[str, Any], until_gone: Gone
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The request with its recordings in words, and what was heard in them, in their order."""
    system = request.get("systemInstruction")
    contents = [*([system] if system else []), *request["contents"]]
    found = [part for content in contents for part in content["parts"] if speech.is_audio(part)]
    if not found:
        return request, []
    language = dictation.language(request)
    heard = [await _whole(part, language, until_gone) for part in found]
    told = iter(
        [
            {"text": one.told(f"Recording {number}" if len(heard) > 1 else "A recording")}
            for number, one in enumerate(heard, 1)
        ]
    )
    made = dict(request)
    if system:
        made["systemInstruction"] = _told(system, told)
    made["contents"] = [_told(content, told) for content in request["contents"]]
    return made, [one.listed() for one in heard]


async def dictated(
    request: dict[str, Any],
    wish: Wish,
    model: str,
    observed: list[dict[str, Any]],
    until_gone: Gone,
) -> AsyncIterator[Piece]:
    """The transcript, piece by piece; `observed` gets what was heard before the last one."""
    config = request.get("generationConfig", {})
    limit = config.get("maxOutputTokens", math.inf)
    made = 0
    stops = config.get("stopSequences", ())
    async with aclosing(_written(request, wish, observed, until_gone)) as texts:
        async for text in _stopped(texts, stops) if stops else texts:
            count = await asyncio.to_thread(vocabulary.count, text, model)
            if made + count > limit:
                cut, count = await asyncio.to_thread(_cut, text, model, limit - made)
                yield Piece(cut, made + count, "MAX_TOKENS")
                return
            made += count
            yield Piece(text, made)
    yield Piece("", made, "STOP")


def _told(content: dict[str, Any], told: Iterator[dict[str, Any]]) -> dict[str, Any]:
    recorded = [next(told) for part in content["parts"] if speech.is_audio(part)]
    # Before the question, wherever the recording stood: a small model answers what it read last.
    rest = [part for part in content["parts"] if not speech.is_audio(part)]
    return {**content, "parts": [*recorded, *rest]}


async def _whole(part: dict[str, Any], language: str, until_gone: Gone) -> Heard:
    found = Heard(0, "", ())
    async with aclosing(_heard(part, 0, math.inf, language, until_gone)) as items:
        async for item in items:
            if isinstance(item, Heard):
                found = item
    return found


async def _written(
    request: dict[str, Any], wish: Wish, observed: list[dict[str, Any]], until_gone: Gone
) -> AsyncGenerator[str]:
    """What a form makes of the recordings, one after the other."""
    form, parts = wish.form, recordings(request)
    headed = form.headed and len(parts) > 1
    observed.clear()
    glue, silent, count = form.opening, True, 0
    segments: list[Segment] = []
    found = Heard(0, "", ())
    for number, part in enumerate(parts, 1):
        if headed:
            heading = "\n\n" * (number > 1) + f"Recording {number}:\n"
            glue, silent, count = heading + form.opening, True, 0
        heard = _heard(part, wish.start, wish.end, wish.language, until_gone)
        async with aclosing(heard) as items:
            async for item in items:
                if isinstance(item, Heard):
                    found = item
                    observed.append(item.listed())
                    continue
                segments.append(item)
                count += 1
                for text in form.each(item, count):
                    yield glue + (text.lstrip() if silent else text)
                    glue, silent = form.between, False
        if headed and silent:
            yield heading + form.nothing
    if form.whole:
        yield form.whole(Heard(found.seconds, found.language, tuple(segments)))
    elif not headed:
        yield form.nothing if silent else form.closing


async def _heard(
    part: dict[str, Any], start: float, end: float, language: str, until_gone: Gone
) -> AsyncGenerator[Segment | Heard]:
    blob = part["inlineData"]
    data = base64.b64decode(blob.get("data", ""))
    heard = (data, blob["mimeType"], start, end, language)
    steps = speech.hear(*heard)
    loop = asyncio.get_running_loop()
    watcher = asyncio.create_task(until_gone())
    try:
        while True:
            try:
                item = await loop.run_in_executor(speech.worker, next, steps, None)
            except speech.Unfetched:
                await _fetched()
                steps = speech.hear(*heard)
                continue
            if watcher.done():
                raise ClientDisconnect
            if item is None:
                return
            yield item
    finally:
        watcher.cancel()


async def _fetched() -> None:
    """Return when the weights are there; a slow network is told before a client gives up."""
    fetching = asyncio.wrap_future(speech.fetch())
    # Looked at, so that one nobody waits for any more fails in silence.
    fetching.add_done_callback(lambda done: done.cancelled() or done.exception())
    done, _ = await asyncio.wait({fetching}, timeout=PATIENCE)
    try:
        if done:
            fetching.result()
            return
    except LocalUnavailable as error:
        raise Fault(501, f"The local backend cannot hear now. {error}") from error
    have, need = weights.arrived(weights.EARS)
    raise Fault(
        503,
        f"The local backend is fetching what it hears with: {have / 1e6:.0f} of "
        f"{need / 1e6:.0f} MB are there; ask again in a moment.",
        [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}],
    )


async def _stopped(texts: AsyncIterator[str], stops: list[str]) -> AsyncIterator[str]:
    """All of it at once, up to the first stop sequence: one may reach over two pieces."""
    whole = "".join([text async for text in texts])
    ends = [at for stop in stops if (at := whole.find(stop)) >= 0]
    yield whole[: min(ends, default=None)]


def _cut(text: str, model: str, limit: float) -> tuple[str, int]:
    """As much of the beginning as has so few tokens."""
    short, long = 0, len(text)
    while short < long:
        middle = (short + long + 1) // 2
        if vocabulary.count(text[:middle], model) <= limit:
            short = middle
        else:
            long = middle - 1
    return text[:short], vocabulary.count(text[:short], model)
