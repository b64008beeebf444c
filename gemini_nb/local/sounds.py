"""Opens the recordings that a stranger sent: mono samples at 16 kHz, a stretch at a time.

What a recording is goes by its bytes, not by its name, and FFmpeg is told what it will find: left
to guess, it would take a playlist for a recording, and call the addresses in it. However long a
recording is, only one stretch of it is in memory. Nothing here knows what speech is.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import av
import numpy as np

from gemini_nb.tokens import facts

from .fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

RATE = 16_000
LONGEST = 9.5 * 3600
"""Seconds of sound that the API takes in a prompt."""
TYPES = ("wav", "mp3", "flac", "ogg", "aiff", "aac", "mp4")

_STRETCH = 120 * RATE
"""Samples: 8 MB. Speech is looked for in one stretch after the other."""
_SEARCHED = 30 * RATE
"""The end of a stretch, in which the quietest moment is where the next one begins."""
_MOMENT = RATE // 5
_MOST = 0.9
"""The share of a recording that must be there, of what its header tells."""
_SPOILT = 0.1
"""The share of packets that may be damaged: players skip them, too."""


def stretches(data: bytes, mime: str, start: float, end: float) -> Iterator[tuple[float, Samples]]:
    """What is between two moments, cut where it is quiet; each with the second it begins at.

    A `Fault` says why a recording cannot be read.
    """
    named = facts.plain_type(mime).removeprefix("audio/")
    if named not in TYPES:
        raise Fault(400, f"Unsupported MIME type: {mime}")
    length = facts.look(data, mime).seconds
    if length is not None and length > LONGEST:
        raise _too_long()
    first, last = round(start * RATE), round(min(end, LONGEST + 1) * RATE)
    begun, many = first, 0
    kept: list[Samples] = []
    for block in _clipped(_decoded(data, length), first, last):
        kept.append(block)
        many += len(block)
        if many >= _STRETCH:
            whole = np.concatenate(kept)
            cut = _quietest(whole)
            yield begun / RATE, whole[:cut]
            kept, begun, many = [whole[cut:]], begun + cut, many - cut
    if many:
        yield begun / RATE, np.concatenate(kept)


def _clipped(blocks: Iterator[Samples], first: int, last: int) -> Iterator[Samples]:
    at = 0
    for block in blocks:
        inside = block[max(0, first - at) : max(0, last - at)]
        at += len(block)
        if len(inside):
            yield inside
        if at >= last:
            return
        if at > LONGEST * RATE:
            raise _too_long()


def _quietest(samples: Samples) -> int:
    """Where, near the end, the least is heard."""
    tail = samples[-_SEARCHED:].reshape(-1, _MOMENT)
    softest = int(np.square(tail).mean(1).argmin())
    return len(samples) - _SEARCHED + softest * _MOMENT + _MOMENT // 2


def _decoded(data: bytes, length: float | None) -> Iterator[Samples]:
    demuxer = _demuxer(data)
    if not demuxer:
        raise _unable("it is no recording of a kind that is known here, or its header is damaged")
    try:
        opened = av.open(io.BytesIO(data), "r", format=demuxer, metadata_errors="ignore")
    except Exception:  # noqa: BLE001 - PyAV raises whatever a broken header makes it meet
        raise _unable("its header is damaged") from None
    with opened as container:
        found = 0
        try:
            for stream in container.streams.audio[:1]:
                for block in _blocks(container, stream):
                    found += len(block)
                    yield block
        except Fault:
            raise
        except Exception:  # noqa: BLE001 - as above, of what follows the header
            raise _damaged() from None
        if not found:
            raise _unable("there is no sound in it")
        # What only streams (MP3, AAC) does not say how long it is.
        if length and demuxer in _LENGTHY and found / RATE < _MOST * length:
            raise _damaged()


def _blocks(container: InputContainer, stream: AudioStream) -> Iterator[Samples]:
    """About a second at a time: resampled, mixed, and without what is damaged."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    pieces: list[Samples] = []
    for frame in _frames(container, stream):
        if frame is not None:
            frame.pts = None  # or a gap in the clock would be filled up
        pieces += [made.to_ndarray()[0] for made in resampler.resample(frame)]
        if sum(map(len, pieces)) > RATE:
            yield np.concatenate(pieces)
            pieces = []
    if pieces:
        yield np.concatenate(pieces)


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame | None]:
    """All frames, and None at the end, which empties the resampler."""
    read = spoilt = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            read += 1
            yield from packet.decode()
        except av.FFmpegError:
            spoilt += 1
            if spoilt > max(1.0, math.ceil(_SPOILT * read)):
                raise _damaged() from None
    yield None


def _demuxer(data: bytes) -> str:
    """FFmpeg's name for what begins so."""
    start = data[:12]
    if start[:4] in _SIGNS:
        return _SIGNS[start[:4]]
    if start[4:8] == b"ftyp":
        return "mp4"
    if start[:3] == b"ID3":
        return "mp3"
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0:  # noqa: PLR2004
        # Both begin with eleven ones; AAC has zeros where MP3 tells its layer.
        return "mp3" if start[1] & 0x06 else "aac"
    return ""


_LENGTHY = ("wav", "aiff", "flac", "ogg", "mp4")
_SIGNS = {b"RIFF": "wav", b"FORM": "aiff", b"fLaC": "flac", b"OggS": "ogg"}


def _unable(why: str) -> Fault:
    return Fault(400, f"Unable to process input audio: {why}.")


def _damaged() -> Fault:
    return _unable("it is truncated or damaged")


def _too_long() -> Fault:
    return Fault(
        400,
        f"The recording is longer than the {LONGEST / 3600:g} hours that a prompt may have; "
        "cut it into pieces.",
    )
