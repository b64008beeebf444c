"""Between the routes and the voice: lines as sound, a second at a time.

eSpeak NG runs in a process of its own for each answer (`espeak.py`), which ends when nobody waits
for it any more. It belongs to an extra that is not there by default. What is said in what voice is
decided before (`script.py`).
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr
from starlette.requests import ClientDisconnect

from .fault import Fault
from .vision import step_back

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator

    from .script import Line

NAME = "espeak-ng"
MODEL = f"local/{NAME}"
"""What speaks, as `modelVersion` names it."""
RATE = 24_000
MIME = f"audio/L16;codec=pcm;rate={RATE}"
LONGEST_PROMPT, LONGEST_ANSWER = 8192, 16_384
"""Tokens; those of the API's own voices."""
_PROGRAM = Path(__file__).with_name("espeak.py")
_ITS_RATE = 22_050
_BYTES, _LOUDEST = 2, 32_767
_PIECE = RATE * _BYTES
"""Bytes; a multiple of three, so that the base64 of several is that of the whole."""

worker = ThreadPoolExecutor(1, thread_name_prefix="voice", initializer=step_back)


@dataclass(frozen=True)
class Sound:
    """What was said since the last one; `seconds` counts from the start."""

    data: bytes
    seconds: float
    is_last: bool = False
    is_cut: bool = False


def is_here() -> bool:
    """Whether the extra is installed."""
    try:
        import espeakng_loader  # noqa: F401
    except ImportError:
        return False
    return True


def languages() -> set[str]:
    """What can be spoken, by eSpeak NG's own names; a `Fault` if there is no voice."""
    if not is_here():
        raise Fault(501, _MISSING)
    import espeakng_loader

    listed = Path(espeakng_loader.get_data_path(), "lang").rglob("*")
    return {path.name.lower() for path in listed if path.is_file()}


def require_room(tokens: int) -> None:
    """Refuse a prompt that the API's own voices would not take."""
    if tokens > LONGEST_PROMPT:
        raise Fault(
            400,
            f"The input token count ({tokens}) exceeds the maximum number of tokens allowed "
            f"({LONGEST_PROMPT}).",
        )


def parts(sound: Sound) -> list[dict[str, Any]]:
    """It as a part of an answer; none where nothing is heard."""
    data = base64.b64encode(sound.data).decode()
    return [{"inlineData": {"mimeType": MIME, "data": data}}] if data else []


async def aloud(
    lines: list[Line], longest: float, until_gone: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncGenerator[Sound]:
    """The lines as sound, up to so many seconds; the last one may be empty."""
    recital = _Recital(lines)
    loop = asyncio.get_running_loop()
    watcher = asyncio.create_task(until_gone())
    watcher.add_done_callback(lambda _: recital.end())
    limit, made, kept = int(longest * RATE) * _BYTES, 0, b""
    steps = recital.steps()
    try:
        while made < limit:
            piece = await loop.run_in_executor(worker, next, steps, None)
            if watcher.done():
                raise ClientDisconnect
            if piece is None:
                break
            if kept:
                yield Sound(kept, made / _BYTES / RATE)
            kept = piece[: limit - made]
            made += len(kept)
        yield Sound(kept, made / _BYTES / RATE, is_last=True, is_cut=made >= limit)
    finally:
        watcher.cancel()
        recital.end()
        await loop.run_in_executor(worker, steps.close)


class _Recital:
    """One run of eSpeak NG."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def end(self) -> None:
        """End it, whether it has begun or not; whoever waits for its next piece gets none."""
        self._ended = True
        if self._process:
            self._process.kill()

    def steps(self) -> Generator[bytes]:
        """Samples at our own rate, in pieces of one second."""
        if self._ended:
            return
        stream = soxr.ResampleStream(_ITS_RATE, RATE, 1, dtype="float32")
        kept = b""
        for block in self._blocks():
            # As whole numbers soxr would add noise, other each time.
            samples = np.frombuffer(block, "<i2").astype(np.float32)
            made = stream.resample_chunk(samples, last=not block)
            kept += made.round().clip(-_LOUDEST - 1, _LOUDEST).astype("<i2").tobytes()
            while len(kept) > _PIECE:
                yield kept[:_PIECE]
                kept = kept[_PIECE:]
        if kept:
            yield kept

    def _blocks(self) -> Iterator[bytes]:
        """What the process says, and at its end an empty one."""
        with subprocess.Popen(  # noqa: S603 - our own program, and no shell
            # It needs nothing but the standard library.
            [sys.executable, "-I", "-S", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            self._process = process
            try:
                out = _begun(process, self._lines)
                while block := out.read(_ITS_RATE * _BYTES):
                    yield block
                if process.wait() and not self._ended:
                    raise Fault(500, "The voice of this machine failed; try other words.")
                yield b""
            finally:
                process.kill()


def _begun(process: subprocess.Popen[bytes], lines: list[Line]) -> Any:
    import espeakng_loader

    asked = {
        "library": espeakng_loader.get_library_path(),
        "data": espeakng_loader.get_data_path(),
        "lines": [
            {
                "voice": f"{line.language}+{line.voice.variant}",
                "pitch": line.voice.pitch,
                "text": line.text,
            }
            for line in lines
        ],
    }
    if process.stdin:
        try:
            process.stdin.write(json.dumps(asked).encode())
            process.stdin.close()
        except BrokenPipeError:  # it ended already: its exit code says why
            pass
    return process.stdout


_MISSING = (
    "This machine has no voice: run `pip install \"gemini_nb[speech]\"`, or use backend='api'."
)
