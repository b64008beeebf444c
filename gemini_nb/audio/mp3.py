"""MP3 as samples, from any place on: a stretch of its frames at a time is a small file by itself.

Whole files are nothing for libsndfile: it goes through all of one to find a place, and believes the
count in the first frame of joined ones. PyAV decodes the frames where it is installed, since
libsndfile tells stderr of each one that is damaged, and cannot be kept from it.
"""

from __future__ import annotations

import contextlib
import io
import struct
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np

from gemini_nb.tokens import lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gemini_nb.tokens.buffers import Buffer

    Samples = NDArray[Any]

_STRETCH: Final = 400
"""Frames that are decoded at once, as someone reads on."""
_HEARD: Final = 3
"""Frames before a stretch that sound on in it."""
_BEFORE: Final = {1152: (38, 511), 576: (23, 255)}
"""Bytes of a frame that are no sound, and those before it that may belong to it, by its samples."""
_SIDE: Final = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}
"""Bytes behind the head of a frame that tell what its sound is, by MPEG-1 and channels."""
_DECODER: Final = 529
"""Samples by which every decoder is late."""
_NO_CRC: Final = 1


class Index(NamedTuple):
    """Where the frames are, and what counts of their samples."""

    walk: lengths.Walk
    rate: int
    channels: int
    width: int  # samples of each channel in a frame
    first: int  # the first sample that is not the encoder's own delay
    end: int


def index(data: Buffer) -> Index | None:
    """All frames, by going once through their heads; None where there are none."""
    found = lengths.of_frames(data, "audio/mp3")
    if found is None:
        return None
    walk = lengths.walk(data, found.start)
    head = bytes(data[found.start : found.start + 256])
    width = _width(head)
    told = lengths.counted(head)
    first, padding = _delays(head) if told else (0, 0)
    end = len(walk.places) * width
    if told and told[0] == len(walk.places):  # neither joined to others nor cut off
        end -= max(0, padding)
    return Index(walk, found.rate, found.channels or 1, width, min(first, end), end)


def _width(head: bytes) -> int:
    return 1152 if _is_mpeg_1(head) else 576


def _is_mpeg_1(head: bytes) -> bool:
    return head[1] >> 3 & 3 == 3  # noqa: PLR2004 - its sign


def _is_mono(head: bytes) -> bool:
    return head[3] >> 6 == 3  # noqa: PLR2004 - its sign


def _delays(head: bytes) -> tuple[int, int]:
    """Samples that the encoder put before the sound and behind it, as its first frame tells."""
    at = max(head.find(b"Xing", 0, 64), head.find(b"Info", 0, 64))
    if at < 0 or not head[at + 120]:  # the encoder's name
        return 0, 0
    both = int.from_bytes(head[at + 141 : at + 144], "big")
    return (both >> 12) + _DECODER, (both & 0xFFF) - _DECODER


class Mp3:
    """The samples of an MP3, as `decoding.Stream` has them."""

    scale = 1.0

    def __init__(self, data: Buffer, index: Index) -> None:
        self.rate = index.rate
        self.channels = index.channels
        self._data = data
        self._index = index
        self._left: Samples = np.zeros((0, self.channels), np.float32)
        self._next = index.first
        self._is_sought = False

    def seek(self, frame: int) -> None:
        """Go to a place; nothing is decoded for it."""
        self._left = self._left[:0]
        self._next = min(self._index.first + frame, self._index.end)
        self._is_sought = True

    def read(self, frames: int) -> Samples:
        """What comes next: after `seek` no more than that is decoded, later a stretch at a time."""
        pieces, missing = [self._left[:frames]], frames - len(self._left)
        self._left = self._left[frames:]
        while missing > 0 and self._next < self._index.end:
            found = self._stretch(missing if self._is_sought else 0)
            self._is_sought = False
            pieces.append(found[:missing])
            self._left = found[missing:]
            missing -= len(found)
        return np.concatenate(pieces) if len(pieces) > 1 else pieces[0]

    def _stretch(self, wanted: int) -> Samples:
        """From the next sample on; so many, or those of a stretch."""
        width, last = self._index.width, len(self._index.walk.places)
        start, skipped = divmod(self._next, width)
        count = min(-(-(skipped + wanted) // width), _STRETCH) if wanted else _STRETCH
        found, end = _decoded(self._data, self._index, start, min(start + count, last))
        found = _as_many(found[skipped:], self.channels)[: self._index.end - self._next]
        self._next = min(end * width, self._index.end)
        return found


def _decoded(data: Buffer, index: Index, start: int, end: int) -> tuple[Samples, int]:
    """The samples of frames from one on, and up to which: where mono turns to stereo it ends."""
    first = _needed_from(index, start)
    frames = _frames(data, index.walk, first, end)
    is_mono = [_is_mono(frame) for frame in frames]
    same = is_mono[start - first]
    while (not same) in is_mono[: start - first]:
        del frames[0], is_mono[0]
        first += 1
    if (not same) in is_mono:
        del frames[is_mono.index(not same) :]
    decode = _by_ffmpeg if find_spec("av") else _by_libsndfile
    return decode(frames, start - first, index.width), first + len(frames)


def _by_ffmpeg(frames: list[bytes], before: int, width: int) -> Samples:
    """What cannot be decoded is silence."""
    import av

    found = np.zeros((len(frames) * width, 1 if _is_mono(frames[0]) else 2), np.float32)
    decoder = cast("av.AudioCodecContext", av.CodecContext.create("mp3float", "r"))
    for number, frame in enumerate(frames):
        with contextlib.suppress(av.FFmpegError, ValueError):
            for made in decoder.decode(av.Packet(frame)):
                found[number * width : (number + 1) * width] = made.to_ndarray().T
    return found[before * width :]


def _by_libsndfile(frames: list[bytes], before: int, width: int) -> Samples:
    import soundfile

    # The first stretch of all begins with what every other one begins with.
    heard = min(before, _HEARD)
    frames = [*_stilled(frames[: before or 1], heard), *frames[before:]]
    file = io.BytesIO(_counting(frames[0], len(frames)) + b"".join(frames))
    found, _ = soundfile.read(file, dtype="float32", always_2d=True)
    late = len(frames) * width - len(found)  # what libsndfile drops at the beginning
    return cast("Samples", found[max(0, (before or 1) * width - late) :])


def _needed_from(index: Index, start: int) -> int:
    """The first of the frames without which one does not sound as it should."""
    head, most = _BEFORE[index.width]
    first = max(0, start - _HEARD)
    held = 0
    while first and held < most:
        first -= 1
        held += max(0, index.walk.sizes[first] - head)
    return first


def _frames(data: Buffer, walk: lengths.Walk, first: int, end: int) -> list[bytes]:
    """Their bytes. Raises EOFError where somebody has cut the file meanwhile."""
    begin, stop = walk.places[first], walk.places[end - 1] + walk.sizes[end - 1]
    block = bytes(data[begin:stop])
    if len(block) < stop - begin:
        raise EOFError
    places = zip(walk.places[first:end], walk.sizes[first:end], strict=True)
    return [block[place - begin : place - begin + size] for place, size in places]


def _side(frame: bytes) -> int:
    return _SIDE[_is_mpeg_1(frame), 1 if _is_mono(frame) else 2]


def _stilled(frames: list[bytes], heard: int) -> list[bytes]:
    """Frames without what tells their sound, but the last ones, which `heard` says.

    They only hold bytes that later ones refer to. libsndfile keeps of a frame what it refers to
    itself, so each refers to all there is.
    """
    made, held = [], 0
    for frame in frames[: max(0, len(frames) - heard)]:
        at, (_, most) = 4 if frame[1] & _NO_CRC else 6, _BEFORE[_width(frame)]
        side = _side(frame)
        reference = min(held, most) << (7 if _is_mpeg_1(frame) else 8)
        made.append(
            frame[:at] + reference.to_bytes(2, "big") + bytes(side - 2) + frame[at + side :]
        )
        held += len(frame) - at - side
    return made + frames[len(made) :]


def _counting(frame: bytes, count: int) -> bytes:
    """A frame to stand before others that says how many they are; libsndfile would guess."""
    head = bytes((0xFF, frame[1] | _NO_CRC, 0x90 | frame[2] & 0x0C, frame[3]))
    made = lengths.mp3_frame(head)
    told = head + bytes(_side(frame)) + struct.pack(">4sII", b"Xing", 1, count)
    return told.ljust(made.size if made else 0, b"\0")


def _as_many(found: Samples, channels: int) -> Samples:
    if found.shape[1] == channels:
        return found
    return np.repeat(found.mean(axis=1, keepdims=True), channels, axis=1)
