"""Samples → FLAC, as they are; or mono at 16 kHz as FLAC or Opus, which is what the service hears.

soxr makes the other rate (0.3 MB; a resampler of one's own in numpy is slower and sounds worse).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from gemini_nb.audio.measures import blocks
from gemini_nb.audio.sources import Made
from gemini_nb.errors import BadPrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gemini_nb.audio.decoding import Stream

Codec = Literal["flac", "opus"]
RATE: Final = 16_000
CODECS: Final[dict[str, tuple[str, str]]] = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}
_MOST_CHANNELS = 8
_FASTEST = 655_350


def as_flac(stream: Stream, frames: int | None, what: str) -> Made:
    """As it is, to 16 bits. Raises BadPrompt for what FLAC has no room for."""
    if stream.channels > _MOST_CHANNELS or stream.rate > _FASTEST:
        raise BadPrompt(
            f"{what} has {stream.channels} channels at {stream.rate:,} Hz; FLAC holds "
            f"{_MOST_CHANNELS} at {_FASTEST:,}.",
            advice="Mix it down: audio.prepare().",
        )
    made = Made()
    with _written(made, "flac", stream.rate, stream.channels) as file:
        for block in blocks(stream, frames):
            file.write(_writable(block, stream.scale))
    return made


def as_mono(stream: Stream, frames: int | None, codec: Codec) -> Made:
    """One channel, the mean of all, at 16 kHz."""
    import soxr

    made = Made()
    resampler = soxr.ResampleStream(stream.rate, RATE, 1, dtype="float32")
    same = stream.rate == RATE
    with _written(made, codec, RATE, 1) as file:
        for block in blocks(stream, frames):
            mono = _mono(block, stream.scale)
            file.write(mono if same else resampler.resample_chunk(mono))
        if not same:
            file.write(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    return made


def _written(made: Made, codec: Codec, rate: int, channels: int) -> Any:
    import soundfile

    kind, coding = CODECS[codec]
    return soundfile.SoundFile(made.file, "w", rate, channels, format=kind, subtype=coding)


def _mono(block: NDArray[Any], scale: float) -> NDArray[np.float32]:
    weights = np.full(block.shape[1], scale / block.shape[1], np.float32)
    mono: NDArray[np.float32] = block.astype(np.float32, copy=False) @ weights
    return mono


def _writable(block: NDArray[Any], scale: float) -> NDArray[Any]:
    """Integers of 16 and 32 bits, and floats, libsndfile takes as they are."""
    return block if block.dtype in (np.int16, np.int32, np.float32) else block * np.float32(scale)
