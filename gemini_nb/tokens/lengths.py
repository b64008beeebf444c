"""How long a recording or a video is, by its header; what it is goes by its bytes, not its name.

libsndfile reads what it reads well (WAV, AIFF, FLAC, Ogg). MP3, AAC, MP4, WebM and AVI are read
here: libsndfile's reader of MP3 talks to stderr, and a library for the others weighs 100 MB.
"""

from __future__ import annotations

import contextlib
import struct
from array import array
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gemini_nb.tokens.buffers import Reader, apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemini_nb.tokens.buffers import Buffer

_HEAD = 65_536
_WALKED = 4 << 20
"""Bytes of MP3 or AAC whose frames are added up; the rest is taken to be like them."""
_MOST_FRAMES = 10_000
"""As many as four megabytes of usual MP3 hold; of less dense ones the header would take long."""
_LARGEST_MOOV = 64 << 20
_BEHIND = 65_536
"""Bytes of tags that may stand behind the frames that were counted."""
_WINDOW = 1 << 20
_SIZE_TOLD = 2


class Film(NamedTuple):
    """What a container tells; None for what it does not."""

    seconds: float | None = None
    has_sound: bool | None = None
    has_picture: bool | None = None
    rate: int | None = None
    channels: int | None = None


class Frames(NamedTuple):
    """What the frames of MP3 or AAC tell, and where the first one begins."""

    seconds: float
    rate: int
    channels: int | None
    start: int


def of_audio(data: Buffer, mime_type: str) -> float | None:
    """Seconds of a recording; None where nothing tells them."""
    start = bytes(data[:12])
    if start[:4] in _SNDFILE:
        return _by_libsndfile(data)
    if found := of_container(data):
        return found.seconds
    frames = of_frames(data, mime_type)
    return frames.seconds if frames else None


def of_video(data: Buffer, _: str) -> tuple[float | None, bool | None]:
    """Seconds of a video, and whether it has sound; None for what nothing tells."""
    found = of_container(data) or Film()
    return found.seconds, found.has_sound


_SNDFILE: Final = (b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS")


def _by_libsndfile(data: Buffer) -> float | None:
    import soundfile

    with apart() as run:
        found = run(soundfile.info, Reader(data))
    if found.format == "OGG" and not data[len(data) - 1 :]:  # its length stands at its end
        return None
    return float(found.frames / found.samplerate)


def of_container(data: Buffer) -> Film | None:
    """What MP4, WebM or AVI tells; None for what is none of them."""
    start = bytes(data[:12])
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _mp4(data)
    if start[:4] == b"\x1aE\xdf\xa3":
        return _webm(data)
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return Film(*_avi(data))
    return None


# ---------------------------------------------------------------------------------- MP3 and AAC


class _Frame(NamedTuple):
    size: int
    seconds: float
    kind: bytes  # what all frames of one stream have in common
    rate: int
    channels: int | None


_MPEG_1 = 3
_MONO = 3
_MP3_RATES: Final = {0: (44_100, 48_000, 32_000), 1: (22_050, 24_000, 16_000)}
_MP3_KILOBITS: Final = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_AAC_RATES: Final = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
_AAC_CHANNELS: Final = (None, 1, 2, 3, 4, 5, 6, 8)  # the first: told further inside


def mp3_frame(head: bytes) -> _Frame | None:
    """One frame of layer III, by its first four bytes."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # noqa: PLR2004 - its sign
        return None
    version, kilobits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or kilobits in (0, 15) or rate == _MPEG_1:
        return None
    half = version != _MPEG_1
    hertz = _MP3_RATES[half][rate] >> (version == 0)
    samples = 576 if half else 1152
    size = samples // 8 * _MP3_KILOBITS[half][kilobits] * 1000 // hertz + (head[2] >> 1 & 1)
    kind = bytes((head[1] & 0xFE, head[2] & 0x0C))
    return _Frame(size, samples / hertz, kind, hertz, 1 if head[3] >> 6 == _MONO else 2)


def _aac_frame(head: bytes) -> _Frame | None:
    """One ADTS frame, by its first seven bytes."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:  # noqa: PLR2004 - its sign
        return None
    rate = head[2] >> 2 & 15
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate >= len(_AAC_RATES) or size < 7:  # noqa: PLR2004 - its own header
        return None
    seconds = 1024 * (1 + (head[6] & 3)) / _AAC_RATES[rate]
    channels = _AAC_CHANNELS[(head[2] & 1) << 2 | head[3] >> 6]
    kind = bytes((head[1], head[2] & 0xFD))
    return _Frame(size, seconds, kind, _AAC_RATES[rate], channels)


def of_frames(data: Buffer, mime_type: str) -> Frames | None:
    """A stream of MP3 or AAC, by a count in its first frame, or by adding its frames up."""
    frame: Any = _aac_frame if mime_type == "audio/aac" else mp3_frame
    start = behind_tags(bytes(data[:10]))
    window = bytes(data[start : start + _WALKED])
    at = _first(window, frame)
    if at is None:
        return None
    first = frame(window[at : at + 7])
    told = (first.rate, first.channels, start + at)
    if frame is mp3_frame and (told_of := counted(window[at : at + first.size])):
        count, size = told_of
        if len(data) - start - at > size + _BEHIND:  # joined files: the first one counts itself
            count = max(count, len(walk(data, start + at).places))
        return Frames(float(count * first.seconds), *told)
    begin, seconds, walked = at, 0.0, 0
    while (one := frame(window[at : at + 7])) and one.kind == first.kind and walked < _MOST_FRAMES:
        seconds += one.seconds
        at += one.size
        walked += 1
    if walked == _MOST_FRAMES or start + len(window) < len(data):  # there is more
        seconds *= (len(data) - start - begin) / (at - begin)
    return Frames(seconds, *told)


def behind_tags(head: bytes) -> int:
    """Where an ID3 tag at the beginning ends."""
    if head[:3] != b"ID3" or len(head) < 10:  # noqa: PLR2004 - the tag's own header
        return 0
    size = sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    return 10 + size


def _first(window: bytes, frame: Any) -> int | None:
    """Where the first frame begins that another of its kind follows."""
    at = window.find(b"\xff", 0, _HEAD)
    while at >= 0:
        one = frame(window[at : at + 7])
        after = frame(window[at + one.size : at + one.size + 7]) if one else None
        if one and (len(window) == at + one.size or (after and after.kind == one.kind)):
            return at
        at = window.find(b"\xff", at + 1, _HEAD)
    return None


def counted(frame: bytes) -> tuple[int, int] | None:
    """How many frames follow, and in how many bytes, where the first frame tells."""
    at = _count_at(frame)
    if at is None:
        return None
    count, size, flags = at
    frames = int.from_bytes(frame[count : count + 4], "big")
    told = int.from_bytes(frame[size : size + 4], "big") if flags & _SIZE_TOLD else 0
    return (frames, told) if frames and flags & 1 else None


def _count_at(frame: bytes) -> tuple[int, int, int] | None:
    """Where a first frame without sound has both numbers (Xing, Info, VBRI), and its flags."""
    for sign, count, size in ((b"Xing", 8, 12), (b"Info", 8, 12), (b"VBRI", 14, 10)):
        found = frame.find(sign, 0, 64)
        if found >= 0:
            flags = 3 if sign == b"VBRI" else int.from_bytes(frame[found + 4 : found + 8], "big")
            return found + count, found + size, flags
    return None


class Walk(NamedTuple):
    """Where each frame of MP3 begins, and its bytes; a first one that only counts is left out."""

    places: array[int]
    sizes: array[int]


def walk(data: Buffer, start: int) -> Walk:
    """All whole frames from the first one on that are of its kind; what is between is passed over.

    A hundred thousand frames, which are most of an hour, take some hundredths of a second.
    """
    found = Walk(array("Q"), array("H"))
    sizes = _sizes(bytes(data[start : start + 4]))
    at = start
    while window := bytes(data[at : at + _WINDOW]):
        place, end = 0, len(window)
        while place + 3 <= end:
            size = sizes.get(window[place : place + 3])
            if size is None:
                place = _next(window, place, sizes)
            elif place + size <= end:
                found.places.append(at + place)
                found.sizes.append(size)
                place += size
            else:
                break
        at += place or end  # the file ends within its last frame
    if found.places and _count_at(bytes(data[start : start + 64])):
        del found.places[0], found.sizes[0]
    return found


def _sizes(head: bytes) -> dict[bytes, int]:
    """What each head of a frame of one kind says of its size, by its first three bytes."""
    first = mp3_frame(head)
    found: dict[bytes, int] = {}
    for second in (head[1] & 0xFE, head[1] | 1) if first else ():
        for third in range(256):
            one = mp3_frame(bytes((0xFF, second, third, head[3])))
            if first and one and one.kind == first.kind:
                found[bytes((0xFF, second, third))] = one.size
    return found


def _next(window: bytes, place: int, sizes: dict[bytes, int]) -> int:
    """Where the next frame is that another one follows, or the end; it is behind a tag."""
    tag = behind_tags(window[place : place + 10])
    at = window.find(b"\xff", place + (tag or 1))
    while at >= 0:
        size = sizes.get(window[at : at + 3])
        if size and (at + size >= len(window) - 3 or window[at + size : at + size + 3] in sizes):
            return at
        at = window.find(b"\xff", at + 1)
    return max(len(window), place + tag)


# ------------------------------------------------------------------------------ MP4, MOV and M4A

_INSIDE: Final = (b"trak", b"mdia", b"mvex", b"minf", b"stbl")
_CODINGS: Final = (b"mp4a", b"alac", b"Opus", b"fLaC", b"ac-3")


def _boxes(data: Buffer, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: name, and where what is in them begins and ends."""
    while start + 8 <= end:
        size, name = struct.unpack(">I4s", bytes(data[start : start + 8]))
        body = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", bytes(data[body : body + 8]))
            body += 8
        stop = end if size == 0 else min(start + size, end)
        if stop < body:
            return
        yield name, body, stop
        start = stop


def _mp4(data: Buffer) -> Film:
    for name, start, stop in _boxes(data, 0, len(data)):
        if name == b"moov" and stop - start < _LARGEST_MOOV:
            return _moov(bytes(data[start:stop]))
    return Film()


def _moov(moov: bytes) -> Film:
    found: dict[bytes, int] = {}
    kinds: list[bytes] = []
    sounds: list[tuple[int, int]] = []

    def walk(start: int, end: int) -> None:
        for name, body, stop in _boxes(moov, start, end):
            if name in _INSIDE:
                walk(body, stop)
            elif name == b"hdlr":
                kinds.append(moov[body + 8 : body + 12])
            elif name == b"stsd":
                sounds.extend(_sounds(moov, body + 8, stop))
            elif name == b"mvhd":
                wide = moov[body] == 1
                at, size = body + (20 if wide else 12), 8 if wide else 4
                found[b"scale"] = int.from_bytes(moov[at : at + 4], "big")
                found[name] = int.from_bytes(moov[at + 4 : at + 4 + size], "big")
            elif name == b"mehd":  # of a video in fragments, whose mvhd says 0
                found[name] = int.from_bytes(moov[body + 4 : stop], "big")

    walk(0, len(moov))
    ticks, scale = found.get(b"mvhd") or found.get(b"mehd"), found.get(b"scale")
    seconds = ticks / scale if ticks and scale else None
    rate, channels = sounds[0] if sounds else (None, None)
    return Film(seconds, b"soun" in kinds, b"vide" in kinds, rate or None, channels or None)


def _sounds(moov: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Rate and channels of each description of sound."""
    for name, body, _ in _boxes(moov, start, stop):
        told = moov[body + 16 : body + 26]
        if name in _CODINGS and len(told) == 10:  # noqa: PLR2004 - as far as the rate
            yield int.from_bytes(told[8:10], "big"), int.from_bytes(told[:2], "big")


# ---------------------------------------------------------------------------------- WebM and AVI

_SEGMENT, _INFO, _TRACKS, _TRACK = 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE
_SCALE, _DURATION, _TRACK_TYPE = 0x2AD7B1, 0x4489, 0x83
_PICTURE, _SOUND = 1, 2


def _number(data: bytes, at: int, *, marked: bool) -> tuple[int, int]:
    """An EBML number, and where it ends; an ID keeps the mark of its length."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    unmarked = value & (1 << 7 * length) - 1
    if not marked and unmarked == (1 << 7 * length) - 1:
        unmarked = len(data)  # "until the end"
    return (value if marked else unmarked), at + length


def _webm(data: Buffer) -> Film:
    head = bytes(data[: 1 << 20])
    found: dict[int, float] = {_SCALE: 1_000_000.0}
    kinds: list[int] = []

    def walk(at: int, end: int) -> None:
        while at < end:
            name, at = _number(head, at, marked=True)
            size, at = _number(head, at, marked=False)
            body = head[at : at + size]
            if name in (_SEGMENT, _INFO, _TRACKS, _TRACK):
                walk(at, min(at + size, end))
            elif name == _SCALE:
                found[name] = float(int.from_bytes(body, "big"))
            elif name == _DURATION:
                (found[name],) = struct.unpack(">f" if size == 4 else ">d", body)  # noqa: PLR2004
            elif name == _TRACK_TYPE:
                kinds.append(int.from_bytes(body, "big"))
            at += size

    with contextlib.suppress(IndexError, struct.error):  # where the head ends
        walk(0, len(head))
    seconds = found[_DURATION] * found[_SCALE] / 1e9 if _DURATION in found else None
    return Film(seconds, _SOUND in kinds, _PICTURE in kinds) if kinds else Film(seconds)


def _avi(data: Buffer) -> tuple[float | None, bool | None]:
    head = bytes(data[:_HEAD])
    at = head.find(b"avih")
    if at < 0:
        return None, None
    (microseconds,) = struct.unpack("<I", head[at + 8 : at + 12])
    (frames,) = struct.unpack("<I", head[at + 24 : at + 28])
    return microseconds * frames / 1e6 or None, b"auds" in head
