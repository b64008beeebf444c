"""A recording: what it is, a part of it, made small, cut, measured, and checked before it is sent.

It is not the player, and it is no transcript. Nothing is read before it is asked for, and of what
is decoded no more than a block is held.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemini_nb.audio import header, limits
from gemini_nb.audio.header import Probe
from gemini_nb.audio.sources import AtPath, InMemory
from gemini_nb.content import Blob, Part
from gemini_nb.errors import BadPrompt, GeminiError, UnknownName
from gemini_nb.transcripts import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from gemini_nb.audio.decoding import Stream
    from gemini_nb.audio.encoding import Codec
    from gemini_nb.audio.measures import Heard
    from gemini_nb.audio.sources import Source

    Given = tuple[NDArray[Any], int]

__all__ = ["Audio", "Probe"]

_STEP = 0.01
"""Seconds in which a calm place is looked for."""
_SILENT = 1e-6
"""Mean square of the loudest hundredth of a second: −60 dBFS."""
_CLIPPED = 0.001
"""The share of samples above which clipping is heard."""
_LONG = 300.0
"""Seconds from which on the peaks of what is `_SLOW` to decode are those of parts of it."""
_SLOW = ("audio/ogg", "audio/mp4", "audio/mp3")
_TAKEN_OUT = ("video/mp4", "video/webm", "audio/webm")
"""Of what the service takes no sound alone."""
_SHORTER = 0.1
"""Seconds that may be missing where the header counts samples; of other formats, 5 % more."""


class Audio:
    """A recording, by `from_path`, `from_bytes` or `from_array`; it can be part of any prompt.

    Attributes:
        name: what it is called, in errors and in its repr.
        start: seconds at which it begins in what it was cut out of.
        end: seconds at which it ends there; None is the end.
    """

    def __init__(
        self, sound: Source | Given, name: str = "", start: float = 0.0, end: float | None = None
    ) -> None:
        self._sound = sound
        self.name = name
        self.start = start
        self.end = end

    # -- where it comes from

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Audio:
        """A file on disk, which is read when it is needed."""
        found = Path(os.fsdecode(path)).expanduser()
        return cls(AtPath(found), name=found.name)

    @classmethod
    def from_bytes(cls, data: bytes, mime_type: str | None = None, *, name: str = "") -> Audio:
        """The bytes of a file, which say themselves what they are.

        Args:
            data: WAV, MP3, AIFF, AAC, M4A, OGG or FLAC; a video, whose sound it is; or raw samples.
            mime_type: counts for raw samples alone: `audio/L16;rate=24000`.
            name: what it is called.
        """
        if mime_type:
            from gemini_nb.audio import samples

            if samples.is_raw(mime_type):
                return cls(samples.of_raw(data, mime_type), name=name)
        return cls(InMemory(bytes(data)), name=name)

    @classmethod
    def from_array(cls, samples: Any, rate: int) -> Audio:
        """Samples of the shape (frames,) or (frames, channels); they are not copied.

        Args:
            samples: floats from −1 to 1, int16 or int32.
            rate: frames a second, in hertz.
        """
        from gemini_nb.audio.samples import checked

        return cls(checked(samples, rate))

    # -- what it is

    def probe(self) -> Probe:
        """Kind, length, rate and channels, by the header alone. Raises BadPrompt for a broken one.

        A clip, samples and the sound of a video become FLAC when they are sent.
        """
        whole = self._whole()
        if self._file:
            is_taken_out = whole.mime_type in _TAKEN_OUT
            return dataclasses.replace(whole, mime_type="audio/flac") if is_taken_out else whole
        end = min((e for e in (self.end, whole.seconds) if e is not None), default=None)
        seconds = None if end is None else max(0.0, end - self.start)
        exact = seconds is not None and whole.frames is not None and whole.rate
        frames = round(seconds * whole.rate) if exact and seconds and whole.rate else None
        return Probe("audio/flac", "FLAC", seconds, whole.rate, whole.channels, frames)

    @property
    def mime_type(self) -> str:
        """One of those that the API documents, or `audio/mp4` for M4A."""
        return self.probe().mime_type

    @property
    def data(self) -> bytes:
        """The file as it is sent: of a recording as it is, of anything else as FLAC."""
        with (self._sent or self._encoded()).opened() as data:
            return bytes(data[:])

    @property
    def path(self) -> Path | None:
        """Where it is on disk, where all of a person's file is what is sent."""
        return self._sent.path if isinstance(self._sent, AtPath) else None

    def __repr__(self) -> str:
        try:
            known = str(self.probe())
        except GeminiError:
            known = "cannot be read"
        return f"<Audio {repr(self.name) + ', ' if self.name else ''}{known}>"

    # -- what becomes of it

    def clip(self, start: Any = 0.0, end: Any = None) -> Audio:
        """A part of it, from and to a place: seconds, `"02:30"` or `"1:02:30"`.

        Nothing is decoded before the clip is used. Raises BadPrompt where there is no such part.
        """
        begin = clock.seconds(start) if start is not None else 0.0
        stop = clock.seconds(end) if end is not None else None
        seconds = self.probe().seconds
        if seconds is not None and begin >= seconds:
            raise BadPrompt(
                f"{self._what} ends at {clock.stamp(seconds)}, before {clock.stamp(begin)}.",
                advice="Choose an earlier start.",
            )
        if stop is not None and stop <= begin:
            raise BadPrompt(
                f"A clip from {clock.stamp(begin)} to {clock.stamp(stop)} is empty.",
                advice="Its end comes after its start.",
            )
        if stop is None or (seconds is not None and stop >= seconds):
            stop = self.end
        else:
            stop += self.start
        return Audio(self._sound, self.name, self.start + begin, stop)

    def prepare(self, codec: Codec = "flac") -> Audio:
        """Mono at 16 kHz, as the service makes it anyway: ten to twenty times smaller than a WAV.

        Args:
            codec: `"flac"`, which loses nothing more, or `"opus"` in OGG, a fifth of its size.
        """
        from gemini_nb.audio import encoding

        if codec not in encoding.CODECS:
            raise UnknownName(str(codec), owner="prepare", known=encoding.CODECS)
        with self._open() as (stream, frames):
            made = encoding.as_mono(stream, frames, codec)
        stem = Path(self.name).stem
        return Audio(made, name=f"{stem}{'.flac' if codec == 'flac' else '.ogg'}" if stem else "")

    def split(self, limit_seconds: float) -> list[tuple[Audio, float]]:
        """Clips of at most so many seconds, cut where it is calm, each with its start in this one.

        A cut is looked for in the last quarter of a clip, and in its last minute at most.
        """
        from gemini_nb.audio import measures

        limit = clock.seconds(limit_seconds)
        if limit < 1:
            raise BadPrompt(
                f"Clips of {limit:g} seconds are too short to be cut in silence.",
                advice="Give a second or more, like 1200.",
            )
        with self._open() as (stream, frames):
            power = measures.powers(stream, frames, _STEP)
        places = [0.0, *measures.cuts(power, _STEP, limit), None]
        return [
            (self.clip(start, stop), start)
            for start, stop in itertools.pairwise(places)
            if start is not None
        ]

    # -- how it sounds

    def levels(self, step: float = 0.01) -> NDArray[np.float32]:
        """The level of each `step` seconds: RMS over all channels in dBFS, −inf for no sound.

        0 is a square wave at full scale, −3 a sine; speech is around −30, a calm room below −60.
        """
        from gemini_nb.audio import measures

        with self._open() as (stream, frames):
            return measures.decibels(measures.powers(stream, frames, step))

    def peaks(self, count: int) -> NDArray[np.float32]:
        """The lowest and highest sample (−1 to 1) of `count` equal stretches: shape (count, 2).

        They are for drawing. Of OGG, MP3 and M4A longer than five minutes no more than a fifth of
        a second is heard in each of 500 places: what is louder in between is missed.
        """
        from gemini_nb.audio import measures

        seconds = self.probe().seconds or 0.0
        with self._open() as (stream, frames):
            expected = round(seconds * stream.rate)
            if seconds > _LONG and self._whole().mime_type in _SLOW:
                return measures.glimpses(stream, round(self.start * stream.rate), expected, count)
            return measures.peaks(stream, frames, count, expected)

    def check(self) -> None:
        """Decode it once, to tell what would cost tokens for nothing.

        Raises BadPrompt where it is empty, damaged, silent or too long; warns where it is clipped.
        """
        found = self.probe()
        if found.seconds is not None:
            limits.check(found.seconds, self._what)
        self._check_end()
        heard, rate = self._listen()
        if not heard.frames:
            raise BadPrompt(f"{self._what} holds no sound.", advice="Record it once more.")
        self._check_length(found, heard.frames / rate)
        if heard.loudest < _SILENT:
            raise BadPrompt(
                f"{self._what} is silent: nothing in it is louder than −60 dBFS.",
                advice="Was the microphone on? To send it all the same, give its bytes.",
            )
        if heard.clipped > _CLIPPED:
            warnings.warn(
                f"{self._what} is clipped: {heard.clipped:.2g} of its samples stand at full scale. "
                "Record it at a lower level, if what is said gets lost.",
                stacklevel=2,
            )

    def _check_end(self) -> None:
        if self._file:
            with self._file.opened() as data:
                share = header.missing(data, self._whole().mime_type)
            if share:
                raise self._cut_off(f"the last {share:.0%} of it is missing")

    def _check_length(self, found: Probe, heard: float) -> None:
        said = found.seconds
        if said is None:
            return
        allowed = _SHORTER if found.frames is not None else _SHORTER + 0.05 * said
        if heard < said - allowed:
            raise self._cut_off(f"{clock.stamp(heard)} of {clock.stamp(said)} can be read")

    def _cut_off(self, how: str) -> BadPrompt:
        return BadPrompt(
            f"{self._what} is damaged: {how}.",
            advice="Copy or download it once more; audio.prepare() saves what there is.",
        )

    def _listen(self) -> tuple[Heard, int]:
        from gemini_nb.audio import measures

        with self._open() as (stream, frames):
            return measures.listen(stream, frames), stream.rate

    # -- inside

    @property
    def _what(self) -> str:
        return repr(self.name) if self.name else "The recording"

    @property
    def _file(self) -> Source | None:
        """All of a file."""
        whole = not self.start and self.end is None
        return None if isinstance(self._sound, tuple) or not whole else self._sound

    @property
    def _sent(self) -> Source | None:
        """All of a file, which goes as it is."""
        with contextlib.suppress(BadPrompt):  # a path may be named before there is a file
            if self._file and self._whole().mime_type in _TAKEN_OUT:
                return None
        return self._file

    def _whole(self) -> Probe:
        """Of what this was cut out of."""
        if not isinstance(self._sound, tuple):
            with self._sound.opened() as data:
                return header.probe(data, self._what)
        samples, rate = self._sound
        frames, channels = samples.shape
        return Probe("audio/flac", "FLAC", frames / rate, rate, channels, frames)

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[Stream, int | None]]:
        """The samples from the start on, and how many of them there are up to the end."""
        from gemini_nb.audio import decoding

        with contextlib.ExitStack() as stack:
            if isinstance(self._sound, tuple):
                stream: Stream = decoding.Array(*self._sound)
            else:
                data = stack.enter_context(self._sound.opened())
                stream = stack.enter_context(decoding.opened(data, self._what, self._sound.known))
            first = round(self.start * stream.rate)
            if first:
                stream.seek(first)
            yield stream, None if self.end is None else round(self.end * stream.rate) - first

    def _encoded(self) -> Source:
        from gemini_nb.audio import encoding

        with self._open() as (stream, frames):
            return encoding.as_flac(stream, frames, self._what)

    def _part(self) -> Part:
        """What goes into a prompt. Raises what `check` raises."""
        from gemini_nb import media
        from gemini_nb.audio import decoding

        if self.path is not None:
            media.check_size(self.path.stat().st_size, self._what)
        if decoding.can_decode(self._whole().mime_type):
            self.check()
        return Part(inline_data=Blob(mime_type=self.mime_type, data=self.data))
