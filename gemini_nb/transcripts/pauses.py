"""Levels of a recording → where there is sound, and the pauses in between. On numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

# dBFS. Below the first nothing is heard; above the second everything is.
_INAUDIBLE = -60.0
_AUDIBLE = -30.0
# How far up from the floor to the speech a level has to be, and how far these are apart at least.
_SHARE = 0.3
_RANGE = 12.0
# A click is no word, and a stop inside of a word is no pause.
_SHORTEST_SOUND = 0.03
_SHORTEST_PAUSE = 0.2


class Pause(NamedTuple):
    """From `start` to `end`, in seconds."""

    start: float
    end: float


def loudness(levels: NDArray[Any]) -> NDArray[Any]:
    """For each level: is it sound? By the floor and the speech of this very recording.

    Where the two cannot be told apart (music, noise), all of it is sound.
    """
    import numpy as np

    known = np.nan_to_num(np.asarray(levels, dtype=np.float32), nan=-120.0, neginf=-120.0)
    if not known.size:
        return np.zeros(0, dtype=bool)
    floor, speech = np.percentile(np.maximum(known, _INAUDIBLE - _RANGE), (5, 95))
    limit = floor + _SHARE * (speech - floor) if speech - floor >= _RANGE else _INAUDIBLE
    loud: NDArray[Any] = known > np.clip(limit, _INAUDIBLE, _AUDIBLE)
    return loud


def pauses(sound: NDArray[Any], step: float) -> list[Pause]:
    """The stretches without sound that are long enough to be heard as a pause."""
    import numpy as np

    starts, ends = runs(sound)
    is_long = (ends - starts) * step >= _SHORTEST_SOUND
    quiet = np.ones(len(sound), dtype=bool)
    for start, end in zip(starts[is_long], ends[is_long], strict=True):
        quiet[start:end] = False
    starts, ends = runs(quiet)
    return [
        Pause(float(start * step), float(end * step))
        for start, end in zip(starts, ends, strict=True)
        if (end - start) * step >= _SHORTEST_PAUSE
    ]


def runs(flags: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where stretches of True begin, and where they end."""
    import numpy as np

    edges = np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
