"""A recording as samples, block by block: no more than a block of it is ever held.

libsndfile decodes WAV, AIFF, FLAC, OGG and MP3. M4A and AAC need PyAV (`av`, 100 MB with FFmpeg in
it), which the local backend brings along.
"""

from __future__ import annotations

import contextlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import numpy as np

from gemini_nb.audio import header
from gemini_nb.audio.quiet import quiet
from gemini_nb.audio.sources import Tail
from gemini_nb.errors import BadPrompt
from gemini_nb.tokens import lengths
from gemini_nb.tokens.buffers import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gemini_nb.tokens.buffers import Buffer

    Samples = NDArray[Any]

_LOUDEST = 8.0
"""What a file of floats may hold above full scale; the rest is damage."""
_RUN_UP = 0.5
"""Seconds that FFmpeg decodes before a place, since a frame of AAC needs those before it."""
_SHORT: Final = ("PCM_16", "PCM_U8", "PCM_S8")
"""Codings that 16 bits hold whole; as integers they are read four times as fast."""


class Stream(Protocol):
    """Samples, from a place on.

    Attributes:
        rate: frames a second.
        channels: samples of a frame.
        scale: what makes −1 to 1 of a sample as it is read.
    """

    rate: int
    channels: int
    scale: float

    def seek(self, frame: int) -> None:
        """Go to a place."""

    def read(self, frames: int) -> Samples:
        """As many frames, in rows of one sample a channel; fewer only at the end."""


@contextlib.contextmanager
def opened(data: Buffer, what: str) -> Iterator[Stream]:
    """The stream of a recording. Raises BadPrompt where it is none, or breaks off."""
    kind = header.probe(data, what).mime_type
    if kind in ("audio/aac", "audio/mp4"):
        with _by_av(data, kind, what) as stream:
            yield stream
        return
    import soundfile

    silence = quiet if kind == "audio/mp3" else contextlib.nullcontext
    start = _start(data, kind)
    try:
        with silence():
            file = soundfile.SoundFile(Reader(Tail(data, start) if start else data))
        try:
            yield _File(file, silence)
        finally:
            with silence():
                file.close()
    except soundfile.LibsndfileError:
        raise damaged(what) from None


def _start(data: Buffer, kind: str) -> int:
    """Where the sound begins, in what libsndfile would not look behind."""
    if kind == "audio/mp3":
        frames = lengths.of_frames(data, kind)
        return frames.start if frames else 0
    return lengths.behind_tags(bytes(data[:10]))


def damaged(what: str) -> BadPrompt:
    """The error of a recording that cannot be decoded to its end."""
    return BadPrompt(f"{what} is damaged: it cannot be decoded.", advice="Play it: is it whole?")


class _File:
    """What libsndfile decodes."""

    def __init__(self, file: Any, silence: Any) -> None:
        self._file = file
        self._silence = silence
        self.rate: int = file.samplerate
        self.channels: int = file.channels
        self._any_number = file.subtype in ("FLOAT", "DOUBLE")
        self._type = "int16" if file.subtype in _SHORT else "float32"
        self.scale = 1 / 32_768 if self._type == "int16" else 1.0

    def seek(self, frame: int) -> None:
        with self._silence():
            # Behind the end there is nothing; libsndfile would raise.
            self._file.seek(min(frame, self._file.frames))

    def read(self, frames: int) -> Samples:
        with self._silence():
            found = self._file.read(frames, dtype=self._type, always_2d=True)
        if self._any_number:
            found = np.clip(np.nan_to_num(found, copy=False), -_LOUDEST, _LOUDEST)
        return cast("Samples", found)


class Array:
    """Samples that a person gave."""

    scale = 1.0

    def __init__(self, samples: Samples, rate: int) -> None:
        self.rate = rate
        self.channels = samples.shape[1]
        self._samples = samples
        self._at = 0
        if samples.dtype.kind == "i":
            self.scale = 1 / (1 << (8 * samples.dtype.itemsize - 1))

    def seek(self, frame: int) -> None:
        """Go to a place."""
        self._at = frame

    def read(self, frames: int) -> Samples:
        """A view, no copy, but of double floats."""
        found = self._samples[self._at : self._at + frames]
        self._at += len(found)
        return found.astype(np.float32) if found.dtype.kind == "f" else found


@contextlib.contextmanager
def _by_av(data: Buffer, kind: str, what: str) -> Iterator[Stream]:
    try:
        import av
    except ImportError:
        raise BadPrompt(
            f"{what} is {'AAC' if kind == 'audio/aac' else 'M4A'}, which needs FFmpeg to decode.",
            advice="pip install av, or convert it to MP3, FLAC or WAV.",
        ) from None
    # Without its name FFmpeg tells formats apart by their first bytes, not always rightly.
    name = "aac" if kind == "audio/aac" else "mp4"
    with contextlib.ExitStack() as stack:
        with _told(what):
            container = stack.enter_context(av.open(Reader(data), format=name))
            stream = _Container(container, what)
        yield stream


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """What FFmpeg, and PyAV around it, raise for a broken file → BadPrompt."""
    import av

    try:
        yield
    except (av.FFmpegError, ArithmeticError, AttributeError, LookupError, ValueError):
        raise damaged(what) from None


class _Container:
    """What FFmpeg decodes."""

    scale = 1.0

    def __init__(self, container: Any, what: str) -> None:
        import av

        self._container = container
        self._what = what
        self._sound = container.streams.audio[0]
        self.rate: int = self._sound.rate
        self.channels: int = self._sound.channels
        if not self.rate or not self.channels:
            raise damaged(what)
        self._resampler = av.AudioResampler("flt", self._sound.layout, self.rate)
        self._frames = container.decode(self._sound)
        self._left: Samples = self._none()
        self._skip = 0
        self._target: int | None = None

    def _none(self) -> Samples:
        return np.zeros((0, self.channels), np.float32)

    def seek(self, frame: int) -> None:
        """Near the place by the container's index, then on to it by decoding."""
        if self._container.format.name == "aac":  # which has no index
            self._skip = frame
            return
        near = max(0.0, frame / self.rate - _RUN_UP)
        with _told(self._what):
            self._container.seek(int(near / self._sound.time_base), stream=self._sound)
        self._frames = self._container.decode(self._sound)
        self._target = frame

    def read(self, frames: int) -> Samples:
        pieces, size = [self._left], len(self._left)
        with _told(self._what):
            while size < frames and (piece := self._next()) is not None:
                dropped = min(self._skip, len(piece))
                self._skip -= dropped
                pieces.append(piece[dropped:])
                size += len(pieces[-1])
        whole = np.concatenate(pieces)
        self._left = whole[frames:]
        return whole[:frames]

    def _next(self) -> Samples | None:
        frame = next(self._frames, None)
        if frame is None:
            return None
        if self._target is not None:
            at = round((frame.pts or 0) * frame.time_base * self.rate)
            self._skip, self._target = max(0, self._target - at), None
        found = [
            made.to_ndarray().reshape(-1, self.channels) for made in self._resampler.resample(frame)
        ]
        return np.concatenate([self._none(), *found])


def can_decode(kind: str) -> bool:
    """Whether what that takes is installed."""
    return kind not in ("audio/aac", "audio/mp4") or find_spec("av") is not None
