"""A recording → its Transcript: asked for in stretches, several at once, joined and looked at.

What is asked, and how an answer is read, is `transcripts/`; a recording is `audio/`; how it is
cut is `stretches.py`. An answer is kept on this machine (`answers.py`) until all are there, so that
the same call goes on where an earlier one ended.

After an error no stretch is begun, but those on their way are waited for: they are paid. Where the
model refuses one of several (RECITATION, SAFETY), the others are worth having: its place is a
Segment without words that says so.
"""

from __future__ import annotations

import asyncio
import bisect
import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemini_nb import answers, progress, request
from gemini_nb.audio import Audio
from gemini_nb.errors import (
    BackendError,
    BadPrompt,
    BlockedPrompt,
    ConfigError,
    GeminiError,
    ResponseError,
    StoppedEarly,
)
from gemini_nb.parts import samples_of, to_part
from gemini_nb.progress import Step
from gemini_nb.stretches import Heard, Stretch
from gemini_nb.transcripts import Segment, Transcript, clock, joining, reading, trust

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemini_nb.content import Part
    from gemini_nb.model import GenerativeModel

_TOGETHER = 4


def transcribe(model: GenerativeModel, audio: Any, **how: Any) -> Transcript:
    """What was said in a recording; see `GenerativeModel.transcribe`.

    An interrupt has a note about what is kept.
    """
    work = _Work(model, audio, **how)
    try:
        return progress.run(work.run, label="Transcribing")
    except KeyboardInterrupt as stop:
        if kept := work.kept():
            stop.add_note(kept)
        raise


async def transcribe_async(model: GenerativeModel, audio: Any, **how: Any) -> Transcript:
    """`transcribe`, awaited."""

    async def work(report: Callable[[Step], None]) -> Transcript:
        made = await asyncio.to_thread(_Work, model, audio, **how)
        return await made.run(report)

    # On the background loop from the beginning: an interrupt is heard at once.
    return await progress.arun(work, label="Transcribing")


def recording(value: Any) -> Audio | None:
    """The Audio of what a person gave, None for what the service has already (a File, a Part).

    Raises BadPrompt for what is no sound.
    """
    if isinstance(value, Audio):
        return value
    if isinstance(value, (str, Path)):
        return _named(value)
    if isinstance(value, (bytes, bytearray)):
        return Audio.from_bytes(bytes(value))
    samples = samples_of(value)
    if samples is not None:
        return Audio.from_array(*samples)
    if value is None or isinstance(value, (int, float, list, tuple)):
        raise _no_recording(value)
    part = to_part(value)
    if part.inline_data is not None:
        return Audio.from_bytes(part.inline_data.data or b"", part.inline_data.mime_type)
    if part.file_data is None:
        raise _no_recording(value)
    return None


def _named(name: str | Path) -> Audio:
    """A file on disk. Raises BadPrompt for a name that cannot be one."""
    if not str(name).strip():
        raise BadPrompt("The name of the recording is empty.", advice="Give the path of a file.")
    if "://" in str(name):
        raise BadPrompt(f"{name} is an address, no file.", advice="Download it first.")
    if Path(name).expanduser().is_dir():
        raise BadPrompt(f"{str(name)!r} is a folder.", advice="Give a file in it.")
    return Audio.from_path(name)


def _no_recording(value: Any) -> BadPrompt:
    return BadPrompt(
        f"This is no recording, but of the type {type(value).__name__}.",
        advice="Give an Audio, a path, bytes, a File, or (samples, rate).",
    )


class _Work:
    """One call of `transcribe`. Raises BadPrompt for a recording, or a place, that cannot be."""

    def __init__(
        self,
        model: GenerativeModel,
        audio: Any,
        *,
        start: Any = None,
        end: Any = None,
        schema: bool = True,
        **asked: Any,
    ) -> None:
        self._model = model
        self._sound = sound = recording(audio)
        self._heard: Heard | None = None
        if sound is None:  # the service has all of it, and is told which part is meant
            part = to_part(audio)
            self._stretches = [Stretch(lambda: part)]
            asked |= {"start": start, "end": end}
        else:
            self._heard = Heard(sound, start, end)
            self._stretches = self._heard.stretches()
        self._asked = [stretch for stretch in self._stretches if stretch.found is None]
        self._entries: list[answers.Entry] = []
        self._failed: tuple[GeminiError, Stretch] | None = None
        self._prompt = reading.prompt(**asked)
        self._config: dict[str, Any] = {"temperature": 0}
        if schema:
            self._config |= {
                "response_mime_type": "application/json",
                "response_schema": reading.schema(speakers=asked.get("speakers", False)),
            }

    async def run(self, report: Callable[[Step], None]) -> Transcript:
        """Ask for all stretches, a few at once. Raises the first error, when the others are in."""
        gate = asyncio.Semaphore(_TOGETHER)
        many, done = len(self._asked), 0

        def tell() -> None:
            if many > 1:
                report(Step(done, f"{done} of {many} stretches"))

        async def one(stretch: Stretch) -> None:
            nonlocal done
            async with gate:
                if self._failed is None:
                    await self._try(stretch)
                    done += 1
                    tell()

        tell()
        tasks = [asyncio.ensure_future(one(stretch)) for stretch in self._asked]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        self._raise()
        whole = await asyncio.to_thread(self._joined)
        await asyncio.to_thread(self._forget)
        return whole

    def kept(self) -> str:
        """A sentence about what will not be asked again, empty where there is nothing."""
        many = sum(entry.is_kept for entry in self._entries)
        are = "stretches is" if many == 1 else "stretches are"
        said = f"{many} of {len(self._asked)} {are} kept: run the same again to go on from there."
        return said if many else ""

    async def _try(self, stretch: Stretch) -> None:
        try:
            await self._ask(stretch)
        except (BlockedPrompt, StoppedEarly) as error:
            if error.reason == "MAX_TOKENS":  # the person's own limit, which can be raised
                self._failed = self._failed or (error, stretch)
            else:
                stretch.refused = error
        except GeminiError as error:
            self._failed = self._failed or (error, stretch)

    async def _ask(self, stretch: Stretch) -> None:
        part = await asyncio.to_thread(stretch.part)
        entry = await asyncio.to_thread(self._entry, part)
        kept = await asyncio.to_thread(entry.read)
        if kept is not None:
            try:
                stretch.found = _read(kept, stretch)
            except ResponseError:
                await asyncio.to_thread(entry.forget)
            else:
                return
        response = await self._model.generate_content_async(
            [part, self._prompt], generation_config=self._config, upload="auto"
        )
        answer = answers.Answer(response.text, is_cut=response.finish_reason != "STOP")
        stretch.found = _read(answer, stretch, response)
        await asyncio.to_thread(entry.write, answer)

    def _entry(self, part: Part) -> answers.Entry:
        """The place of an answer: known by all that is sent, and to whom."""
        entry = answers.Entry()
        if len(self._asked) > 1:
            body = self._model.build([part, self._prompt], generation_config=self._config)
            sent = request.generate(self._model.model_name, body)
            entry = answers.entry(sent, self._model.client.settings)
        self._entries.append(entry)
        return entry

    def _forget(self) -> None:
        for entry in self._entries:
            entry.forget()

    def _raise(self) -> None:
        """What ended the work, with the stretch that it came from, and what is kept."""
        failed = self._failed
        refused = [(stretch.refused, stretch) for stretch in self._asked if stretch.refused]
        if failed is None and refused and len(refused) == len(self._asked):
            failed = refused[0]
        if failed is None:
            return
        error, stretch = failed
        # What is wrong before anything is sent has nothing to do with one stretch.
        if (
            self._heard
            and len(self._asked) > 1
            and not isinstance(error, (ConfigError, BackendError))
        ):
            begin, end = (clock.mark(self._heard.begin + place) for place in stretch.own)
            error.message = f"{begin}–{end}: {error.message}"
        error.advice = f"{error.advice} {self.kept()}".strip()
        raise error

    def _joined(self) -> Transcript:
        """The whole, with flags on what cannot be true."""
        if self._heard is None:
            whole = self._stretches[0].found or Transcript()
            trust.check(whole)
            return whole
        whole = joining.join(
            joining.Window(one.found or Transcript(), one.offset, one.seconds or 0.0)
            for one in self._stretches
        )
        for one in self._stretches:
            if one.refused and one.own[0] < one.own[1]:
                flag = f"was refused: {one.refused.reason}"
                bisect.insort(
                    whole.segments,
                    Segment(*one.own, "", flags=(flag,)),
                    key=operator.attrgetter("start"),
                )
        trust.check(whole, self._heard.levels)
        whole.audio = self._sound
        return self._heard.placed(whole)


def _read(answer: answers.Answer, stretch: Stretch, response: Any = None) -> Transcript:
    found = reading.read(answer.text, seconds=stretch.seconds, response=response)
    found.partial |= answer.is_cut
    return found
