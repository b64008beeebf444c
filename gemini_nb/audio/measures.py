"""What a recording looks like: its levels, its peaks, its faults, and where it may be cut.

Each goes through the samples once, block by block; but `glimpses` skips most of them.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gemini_nb.audio.decoding import Stream

_BLOCK = 1 << 17
"""Samples that are held at once, whatever the channels."""
_FINE = 16
"""Steps of a peak in which it is first looked for, since the end is not known before it comes."""
_GUESS: Final = 1024
_FULL = 0.9995
_RUN = 3
"""Samples at full scale, one after another, that no natural peak has."""
_WINDOW = 0.01
_CALM = 50
_SEARCHED = 60.0


def blocks(stream: Stream, frames: int | None, size: int = _BLOCK) -> Iterator[NDArray[Any]]:
    """What comes next, to the end, or so many frames of it."""
    size = max(1, size // stream.channels)
    while frames is None or frames > 0:
        block = stream.read(size if frames is None else min(size, frames))
        if not len(block):
            return
        if frames is not None:
            frames -= len(block)
        yield block


def _floats(block: NDArray[Any], scale: float) -> NDArray[np.float32]:
    found: NDArray[np.float32] = block.astype(np.float32, copy=False)
    return found * np.float32(scale) if scale != 1.0 else found


def powers(stream: Stream, frames: int | None, step: float) -> NDArray[np.float32]:
    """The mean square of each step, over all channels; 1.0 is a square wave at full scale."""
    width = step * stream.rate
    found: list[NDArray[np.float64]] = [np.zeros(0)]
    rest: NDArray[np.float64] = np.zeros(0)
    start = done = 0  # the first frame of `rest`, and the steps that are finished
    for block in blocks(stream, frames):
        samples = _floats(block, stream.scale)
        rest = np.concatenate([rest, np.einsum("ij,ij->i", samples, samples) / stream.channels])
        upto = math.floor((start + len(rest)) / width + 1e-9)
        if upto > done:
            edges = np.floor(np.arange(done, upto + 1) * width + 1e-6).astype(np.int64) - start
            sums = np.add.reduceat(rest, edges[:-1].clip(max=len(rest) - 1))
            # `reduceat` runs to the end of the array in its last step.
            sums[-1] = rest[edges[-2] : edges[-1]].sum()
            found.append(sums / np.maximum(np.diff(edges), 1))
            rest, start, done = rest[edges[-1] :], start + int(edges[-1]), upto
    if len(rest):
        found.append(np.array([rest.mean()]))
    return np.concatenate(found).astype(np.float32)


def decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean squares → dBFS; digital silence is −inf."""
    with np.errstate(divide="ignore"):
        found: NDArray[np.float32] = np.float32(10) * np.log10(power)
    return found


def peaks(stream: Stream, frames: int | None, count: int, expected: int = 0) -> NDArray[np.float32]:
    """The lowest and the highest sample of each of `count` equal stretches.

    As many frames as there are are read; how many are `expected` only makes it exact.
    """
    fine = max(1, (expected or count * _FINE * _GUESS) // (count * _FINE))
    size = max(fine, _BLOCK // stream.channels // fine * fine) * stream.channels
    lows: list[NDArray[Any]] = []
    highs: list[NDArray[Any]] = []
    for block in blocks(stream, frames, size):
        whole = len(block) // fine * fine
        steps = block[:whole].reshape(-1, fine * stream.channels)
        for found, least in ((lows, np.min), (highs, np.max)):
            found.append(least(steps, axis=1))
            if whole < len(block):
                found.append(least(block[whole:], keepdims=True)[0])
    if not lows:
        return np.zeros((count, 2), np.float32)
    low, high = np.concatenate(lows), np.concatenate(highs)
    edges = np.arange(count) * len(low) // count
    made = np.stack([np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)], axis=1)
    return _floats(made, stream.scale)


PLACES: Final = 500
"""Where `glimpses` listens: more than the bars of a waveform on a page."""
_GLIMPSE = 0.2  # seconds; to seek costs about as much as to decode them


def glimpses(stream: Stream, first: int, frames: int, count: int) -> NDArray[np.float32]:
    """`peaks` by a fifth of a second at the beginning of each stretch, at `PLACES` of them at most.

    What is decoded slowly is heard in a tenth of the time; a short noise may be missed.
    """
    places = min(count, PLACES)
    length = max(1, round(_GLIMPSE * stream.rate))
    found = np.zeros((places, 2), np.float32)
    for at in range(places):
        stream.seek(first + frames * at // places)
        block = stream.read(max(1, min(length, frames // places)))
        if len(block):
            found[at] = block.min(), block.max()
    spread: NDArray[np.float32] = found[np.arange(count) * places // count]
    return spread * np.float32(stream.scale)


@dataclasses.dataclass
class Heard:
    """What decoding all of a recording tells.

    Attributes:
        frames: how many there are.
        loudest: the mean square of its loudest hundredth of a second.
        clipped: the share of samples that stand at full scale, several in a row.
    """

    frames: int = 0
    loudest: float = 0.0
    clipped: float = 0.0


def listen(stream: Stream, frames: int | None) -> Heard:
    """Decode all of it, and keep what tells its faults."""
    heard, full = Heard(), 0
    width = max(1, round(_WINDOW * stream.rate))
    size = max(width, _BLOCK // stream.channels // width * width) * stream.channels
    limit = _FULL / stream.scale
    for block in blocks(stream, frames, size):
        heard.frames += len(block)
        whole = len(block) // width * width
        samples = _floats(block, stream.scale).ravel()
        steps = samples[: whole * stream.channels].reshape(-1, width * stream.channels)
        if not whole:
            steps = samples[None, :]
        squares = np.einsum("ij,ij->i", steps, steps)
        heard.loudest = max(heard.loudest, float(squares.max()) / steps.shape[1])
        if max(float(block.max()), -float(block.min())) >= limit:
            full += _clipped(block, limit)
    heard.clipped = full / (heard.frames * stream.channels) if heard.frames else 0.0
    return heard


def _clipped(block: NDArray[Any], limit: float) -> int:
    """Samples of a block that begin a run at full scale."""
    at = (block >= limit) | (block <= -limit)
    runs = at[: 1 - _RUN] & at[1 : 2 - _RUN] & at[_RUN - 1 :]
    return int(np.count_nonzero(runs))


def cuts(power: NDArray[np.float32], step: float, limit: float) -> list[float]:
    """Places, in seconds, that leave no more than `limit` between them: the calmest near it.

    Args:
        power: the mean square of each step.
        step: seconds of a step.
        limit: seconds between two cuts, and from the last one to the end.
    """
    most = int(limit / step)
    half = min(_CALM // 2, most // 8)
    sums = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    searched = max(1, min(int(_SEARCHED / step), most // 4))
    found: list[float] = []
    start = 0
    while len(power) - start > most:
        places = np.arange(start + most - searched, start + most + 1)
        low, high = np.maximum(places - half, 0), np.minimum(places + half, len(power))
        calm = (sums[high] - sums[low]) / np.maximum(high - low, 1)
        # Of several that are equally calm the last, so that the pieces are few.
        start = int(places[len(calm) - 1 - int(np.argmin(calm[::-1].round(10)))])
        found.append(start * step)
    return found
