"""What the header of a recording tells, without decoding it: kind, length, rate and channels.

The bytes decide what it is, not its name. libsndfile reads what it reads well; MP3, AAC and M4A are
read by `tokens.lengths`.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, Final

from gemini_nb.errors import BadPrompt
from gemini_nb.tokens import lengths
from gemini_nb.tokens.buffers import Reader, apart
from gemini_nb.transcripts import clock

if TYPE_CHECKING:
    from gemini_nb.tokens.buffers import Buffer

_RATES: Final = range(1, 1_000_000)
_MOST_CHANNELS = 1024
_LONGEST = 10 * 24 * 3600.0
"""Seconds; a header that tells of more lies."""
_CHUNKS: Final = {"audio/wav": ("<4sI", b"data"), "audio/aiff": (">4sI", b"SSND")}
_HEAD = 80_000
"""Bytes in which the first frames of MP3 and AAC are looked for."""
_STREAMED = 0x7FFF_0000
"""A length from here on was written before the end was known."""


@dataclasses.dataclass(frozen=True)
class Probe:
    """What is known of a recording by its header; None for what the header does not tell.

    Attributes:
        format: for a person: `WAV`, `OGG Opus`.
        seconds: its length; of MP3 and AAC it may be some hundredths too long.
        rate: frames a second, in hertz.
        frames: samples of each channel, where the format knows their number.
    """

    mime_type: str
    format: str
    seconds: float | None = None
    rate: int | None = None
    channels: int | None = None
    frames: int | None = None

    def __str__(self) -> str:
        known = [self.format]
        if self.seconds is not None:
            known.append(clock.mark(self.seconds))
        if self.rate:
            known.append(f"{self.rate / 1000:g} kHz")
        if self.channels:
            known.append({1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels"))
        return ", ".join(known)


def probe(data: Buffer, what: str) -> Probe:
    """The header of `data`, which `what` names in errors.

    Raises BadPrompt where it is empty, no recording, or too broken to be read.
    """
    if not len(data):
        raise BadPrompt(f"{what} is empty.", advice="Record or copy it once more.")
    kind = kind_of(data)
    if kind is None:
        raise BadPrompt(
            f"{what} is no recording that is known here.",
            advice="Give WAV, MP3, AIFF, AAC, M4A, OGG, FLAC, or a video: MP4, WebM or MKV.",
        )
    try:
        found = _by_libsndfile(data, kind) if kind in _SNDFILE else _by_lengths(data, kind, what)
    except BadPrompt:
        raise
    except Exception:  # noqa: BLE001 - libraries raise whatever a broken header makes them meet
        found = None
    if found is None:
        raise BadPrompt(
            f"{what} is no {_NAMES[kind]} recording that can be read.",
            advice="Play it: is it whole?",
        )
    return found


_SNDFILE: Final = ("audio/wav", "audio/aiff", "audio/flac", "audio/ogg")
_NAMES: Final = {
    "audio/wav": "WAV",
    "audio/aiff": "AIFF",
    "audio/flac": "FLAC",
    "audio/ogg": "OGG",
    "audio/mp3": "MP3",
    "audio/aac": "AAC",
    "audio/mp4": "M4A",
    "audio/webm": "WebM or MKV",
    "video/mp4": "sound of an MP4 video",
    "video/webm": "sound of a WebM or MKV video",
}
_IN_A_CONTAINER: Final = {"audio/mp4": "video/mp4", "audio/webm": "video/webm"}


def kind_of(data: Buffer) -> str | None:
    """The MIME type by the bytes; None where they are no recording. A video is known by `probe`."""
    start = bytes(data[:12])
    if start[:4] in (b"RIFF", b"RF64") and start[8:12] == b"WAVE":
        return "audio/wav"
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if start[:4] == b"OggS":
        return "audio/ogg"
    behind = lengths.behind_tags(bytes(data[:10]))
    if bytes(data[behind : behind + 4]) == b"fLaC":
        return "audio/flac"
    if start[4:8] == b"ftyp":
        return "audio/mp4"
    if start[:4] == b"\x1aE\xdf\xa3":  # WebM, or MKV, which is the same in more ways
        return "audio/webm"
    # A few frames tell it; how many there are is asked for later.
    head = bytes(data[behind : behind + _HEAD])
    found = [
        (frames.start, kind)
        for kind in ("audio/mp3", "audio/aac")
        if (frames := lengths.of_frames(head, kind))
    ]
    return min(found)[1] if found else None


def _by_libsndfile(data: Buffer, kind: str) -> Probe:
    import soundfile

    with apart() as run:
        found = run(soundfile.info, Reader(data))
    coding = f" {found.subtype_info}" if found.format == "OGG" else ""
    return _sane(
        Probe(
            kind,
            _NAMES[kind] + coding,
            found.frames / found.samplerate,
            found.samplerate,
            found.channels,
            found.frames,
        )
    )


def _by_lengths(data: Buffer, kind: str, what: str) -> Probe | None:
    if kind in _IN_A_CONTAINER:
        film = lengths.of_container(data)
        if film and film.has_picture and not film.has_sound:
            raise BadPrompt(
                f"{what} is a video without sound.", advice="Send it as it is: pathlib.Path(name)."
            )
        if film is None or not film.has_sound:
            return None
        if film.has_picture:
            kind = _IN_A_CONTAINER[kind]
        return _sane(Probe(kind, _NAMES[kind], film.seconds, film.rate, film.channels))
    frames = lengths.of_frames(data, kind)
    if frames is None:
        return None
    return _sane(Probe(kind, _NAMES[kind], frames.seconds, frames.rate, frames.channels))


def _sane(found: Probe) -> Probe:
    """What cannot be is not known."""
    seconds = found.seconds
    if seconds is not None and not 0 <= seconds < _LONGEST:
        found = dataclasses.replace(found, seconds=None, frames=None)
    if found.rate not in _RATES:
        found = dataclasses.replace(found, rate=None)
    if found.channels is not None and not 0 < found.channels <= _MOST_CHANNELS:
        found = dataclasses.replace(found, channels=None)
    return found


def missing(data: Buffer, kind: str) -> float:
    """The share of a WAV or AIFF that its header tells of, and that is not there: 0.0 to 1.0."""
    if kind not in _CHUNKS:
        return 0.0
    order, sound = _CHUNKS[kind]
    at = 12
    while len(head := bytes(data[at : at + 8])) == 8:  # noqa: PLR2004 - a chunk's own header
        name, size = struct.unpack(order, head)
        there = len(data) - at - 8
        if name == sound:
            return 1 - there / size if there < size < _STREAMED else 0.0
        at += 8 + size + size % 2
    return 0.0
