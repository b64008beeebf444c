"""A recording → its Transcript: asked for in stretches, several at once, joined and looked at.

What is asked, and how an answer is read, is `transcripts/`; a recording is `audio/`. An answer for
one stretch is kept on this machine until all are there, so that the same call goes on where an
earlier one ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gemini_nb import progress
from gemini_nb.audio import Audio
from gemini_nb.parts import to_part
from gemini_nb.progress import Step
from gemini_nb.transcripts import clock, joining, reading, trust

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemini_nb.content import Part
    from gemini_nb.model import GenerativeModel
    from gemini_nb.transcripts import Transcript

# Seconds of one stretch: in longer ones a model loses its place in time.
STRETCH = 600.0
# Seconds that two stretches share, so that no word is cut in half in both.
_SHARED = 15.0
_TOGETHER = 4
_DAYS = 7


class _Stretch(NamedTuple):
    """What is sent at once: its sound, where it begins in the recording, and how long it is."""

    part: Callable[[], Part]
    offset: float
    seconds: float | None


def transcribe(model: GenerativeModel, audio: Any, **how: Any) -> Transcript:
    """What was said in a recording; see `GenerativeModel.transcribe`."""
    work = _Work(model, audio, **how)
    return progress.run(work.run, label="Transcribing")


async def transcribe_async(model: GenerativeModel, audio: Any, **how: Any) -> Transcript:
    """`transcribe`, awaited."""
    work = await asyncio.to_thread(_Work, model, audio, **how)
    return await progress.arun(work.run, label="Transcribing")


def recording(value: Any) -> Audio | None:
    """The Audio of what a person gave, None for what the service has already (a File, a Part)."""
    if isinstance(value, Audio):
        return value
    if isinstance(value, (str, Path)):
        return Audio.from_path(value)
    if isinstance(value, (bytes, bytearray)):
        return Audio.from_bytes(bytes(value))
    blob = to_part(value).inline_data
    return None if blob is None else Audio.from_bytes(blob.data or b"", blob.mime_type)


class _Work:
    """One call of `transcribe`. Raises BadPrompt for a recording, or a place, that cannot be."""

    def __init__(
        self,
        model: GenerativeModel,
        audio: Any,
        *,
        start: Any = None,
        end: Any = None,
        speakers: bool = False,
        language: str | None = None,
        schema: bool = True,
    ) -> None:
        self._model = model
        self._sound = recording(audio)
        self._begin = 0.0 if start is None else clock.seconds(start)
        asked: dict[str, Any] = {"speakers": speakers, "language": language}
        if self._sound is None:  # the service has all of it, and is told which part is meant
            part = to_part(audio)
            self._stretches = [_Stretch(lambda: part, 0.0, None)]
            asked |= {"start": start, "end": end}
        else:
            if start is not None or end is not None:
                self._sound = self._sound.clip(self._begin, end)
            self._stretches = _stretches(self._sound)
        self._kept: list[Path] = []
        self._prompt = reading.prompt(**asked)
        self._config: dict[str, Any] = {"temperature": 0}
        if schema:
            self._config |= {
                "response_mime_type": "application/json",
                "response_schema": reading.schema(speakers=speakers),
            }

    async def run(self, report: Callable[[Step], None]) -> Transcript:
        """Ask for all stretches, a few at once; the first error ends them all."""
        gate = asyncio.Semaphore(_TOGETHER)
        many, done = len(self._stretches), 0

        async def one(stretch: _Stretch) -> joining.Window:
            nonlocal done
            async with gate:
                found = await self._ask(stretch)
            done += 1
            if many > 1:
                report(Step(done, f"{done} of {many} stretches"))
            return found

        tasks = [asyncio.ensure_future(one(stretch)) for stretch in self._stretches]
        try:
            windows = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        whole = await asyncio.to_thread(self._joined, windows)
        await asyncio.to_thread(self._forget)
        return whole

    async def _ask(self, stretch: _Stretch) -> joining.Window:
        part = await asyncio.to_thread(stretch.part)
        kept = await asyncio.to_thread(self._place, part)
        text = await asyncio.to_thread(_read, kept)
        response = None
        if text is None:
            response = await self._model.generate_content_async(
                [part, self._prompt], generation_config=self._config, upload="auto"
            )
            text = response.text
            await asyncio.to_thread(_write, kept, text)
        found = reading.read(text, seconds=stretch.seconds, response=response)
        if response is not None and str(response.finish_reason) == "MAX_TOKENS":
            found.partial = True
        return joining.Window(found, stretch.offset, stretch.seconds or found.seconds or 0.0)

    def _joined(self, windows: list[joining.Window]) -> Transcript:
        """The whole, with flags on what cannot be true."""
        if self._sound is None:
            whole = windows[0].transcript
            trust.check(whole)
            return whole
        whole = joining.join(windows)
        trust.check(whole, self._sound.levels())
        for segment in whole:
            segment.start += self._begin
            segment.end += self._begin
        if whole.seconds is not None:
            whole.seconds += self._begin
        return whole

    # -- what is kept until the whole is there

    def _place(self, part: Part) -> Path | None:
        """The file of an answer: known by all that was asked."""
        blob = part.inline_data
        if len(self._stretches) == 1 or blob is None:
            return None
        asked = f"{self._model.model_name}\0{self._prompt}\0{self._config}\0{blob.mime_type}\0"
        name = hashlib.sha256(asked.encode() + (blob.data or b"")).hexdigest()[:32]
        with contextlib.suppress(OSError):
            self._kept.append(_folder() / f"{name}.txt")
            return self._kept[-1]
        return None

    def _forget(self) -> None:
        for path in self._kept:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _stretches(sound: Audio) -> list[_Stretch]:
    """Those of a recording, each with a little of the one before."""
    seconds = sound.probe().seconds
    if seconds is None or seconds <= 1.5 * STRETCH:
        return [_Stretch(lambda: _small(sound), 0.0, seconds)]
    found = []
    for piece, offset in sound.split(STRETCH):
        begin = max(0.0, offset - _SHARED)
        clip = sound.clip(begin, offset + (piece.probe().seconds or STRETCH))
        length = clip.probe().seconds
        found.append(_Stretch(lambda clip=clip: _small(clip), begin, length))  # type: ignore[misc]
    return found


# What is as large as its samples; the others were made small by somebody.
_LARGE = ("audio/wav", "audio/aiff", "audio/flac")


def _small(sound: Audio) -> Part:
    """As it is sent: mono at 16 kHz, as the service makes it anyway."""
    sound.check()
    return to_part(sound.prepare() if sound.mime_type in _LARGE else sound)


def _folder() -> Path:
    import platformdirs

    folder = Path(platformdirs.user_state_dir("gemini_nb")) / "transcripts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    oldest = time.time() - _DAYS * 24 * 3600
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
    return folder


def _read(path: Path | None) -> str | None:
    if path is not None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return path.read_text(encoding="utf-8")
    return None


def _write(path: Path | None, text: str) -> None:
    if path is not None:
        with contextlib.suppress(OSError):
            half = path.with_suffix(".part")
            half.write_text(text, encoding="utf-8")
            half.replace(path)
