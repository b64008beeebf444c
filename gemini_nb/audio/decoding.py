"""A recording as samples, block by block: no more than a block of it is ever held.

libsndfile decodes WAV, AIFF, FLAC, OGG and MP3. M4A, AAC and the sound of videos need PyAV (`av`,
100 MB with FFmpeg in it), which the local backend brings along.
"""

from __future__ import annotations

import contextlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import numpy as np

from gemini_nb.audio import header, mp3
from gemini_nb.audio.sources import Tail
from gemini_nb.errors import BadPrompt
from gemini_nb.tokens import lengths
from gemini_nb.tokens.buffers import Reader, apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gemini_nb.tokens.buffers import Buffer, Run

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
def opened(data: Buffer, what: str, known: dict[str, Any] | None = None) -> Iterator[Stream]:
    """The stream of a recording. Raises BadPrompt where it is none, or breaks off.

    Args:
        data: its bytes.
        what: how errors name it.
        known: what was found in these bytes before; what is found now is added.
    """
    import soundfile

    kind = header.probe(data, what).mime_type
    with apart() as run, contextlib.ExitStack() as stack:
        try:
            if kind in _BY_AV:
                stream: Stream = run(_by_av, stack, data, kind, what)
            elif kind == "audio/mp3":
                stream = run(_mp3, data, what, {} if known is None else known)
            else:
                start = lengths.behind_tags(bytes(data[:10]))
                file = run(soundfile.SoundFile, Reader(Tail(data, start) if start else data))
                stack.callback(file.close)
                stream = _File(file)
            yield _Apart(stream, run)
        except (soundfile.LibsndfileError, EOFError):
            raise damaged(what) from None
        finally:
            run(stack.close)


def _mp3(data: Buffer, what: str, known: dict[str, Any]) -> Stream:
    if "frames of MP3" not in known:
        known["frames of MP3"] = mp3.index(data)
    index = known["frames of MP3"]
    if index is None:
        raise damaged(what)
    return mp3.Mp3(data, index)


class _Apart:
    """A stream that is read on a thread of its own, so that an interrupt ends no file too soon."""

    def __init__(self, stream: Stream, run: Run) -> None:
        self.rate = stream.rate
        self.channels = stream.channels
        self.scale = stream.scale
        self._stream = stream
        self._run = run

    def seek(self, frame: int) -> None:
        self._run(self._stream.seek, frame)

    def read(self, frames: int) -> Samples:
        return cast("Samples", self._run(self._stream.read, frames))


def damaged(what: str) -> BadPrompt:
    """The error of a recording that cannot be decoded to its end."""
    return BadPrompt(f"{what} is damaged: it cannot be decoded.", advice="Play it: is it whole?")


class _File:
    """What libsndfile decodes."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.rate: int = file.samplerate
        self.channels: int = file.channels
        self._any_number = file.subtype in ("FLOAT", "DOUBLE")
        self._type = "int16" if file.subtype in _SHORT else "float32"
        self.scale = 1 / 32_768 if self._type == "int16" else 1.0

    def seek(self, frame: int) -> None:
        # Behind the end there is nothing; libsndfile would raise.
        self._file.seek(min(frame, self._file.frames))

    def read(self, frames: int) -> Samples:
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


_BY_AV: Final = {
    "audio/aac": ("aac", "AAC"),
    "audio/mp4": ("mp4", "M4A"),
    "video/mp4": ("mp4", "a video"),
    "video/webm": ("matroska", "a video"),
    "audio/webm": ("matroska", "WebM"),
}
"""What FFmpeg decodes: its name there, without which it would guess, and its name for a person."""


def _by_av(stack: contextlib.ExitStack, data: Buffer, kind: str, what: str) -> Stream:
    name, called = _BY_AV[kind]
    try:
        import av
    except ImportError:
        raise BadPrompt(
            f"{what} is {called}, which needs FFmpeg to decode.",
            advice="pip install av, or convert it to MP3, FLAC or WAV.",
        ) from None
    with _told(what):
        container = stack.enter_context(av.open(Reader(data), format=name))
        return _Container(container, what)


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
    return kind not in _BY_AV or find_spec("av") is not None
