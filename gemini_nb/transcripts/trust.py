"""What cannot be true in a Transcript, by itself and by the levels of its sound; and better times.

`check` flags Segments, it never hides one; and where sound has no words, it puts a Segment without
text, so that what is missing is seen, and can be heard, at its place. `align` moves boundaries to
pauses that are near. Levels are an array of RMS in dBFS, one for each `step` seconds (−inf is
digital silence). Nothing is heard here: that there is sound does not say that the words are right.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gemini_nb.transcripts import clock
from gemini_nb.transcripts.pauses import Pause, loudness, pauses, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gemini_nb.transcripts.transcript import Segment, Transcript

UNORDERED: Final = "starts before the one before it"
BACKWARDS: Final = "ends before it starts"
PAST_END: Final = "is past the end of the recording"
TOO_FAST: Final = "has more words than anybody says in that time"
SILENT: Final = "is where the recording is silent"
OVERLAPPING: Final = "overlaps the one before it by much"
NOWHERE: Final = "has a time that cannot be"
FEW_WORDS: Final = "has few words for so much sound"
WORDLESS: Final = "is sound without words: music, or speech that was left out"
REASONS: Final = (
    *(UNORDERED, BACKWARDS, PAST_END, TOO_FAST, SILENT, OVERLAPPING),
    *(NOWHERE, FEW_WORDS, WORDLESS),
)

# Times of models are whole seconds: each may be off by one without being wrong.
_ROUNDING = 1.0
# The fastest talkers of 17 languages say 9 syllables a second (Pellegrino, Coupé and Oh 2019,
# "Different languages, similar encoding efficiency"), a syllable being one Chinese or Korean sign
# and about three letters of an alphabet. 400 words a minute, an auctioneer's, are 33 letters.
_LETTERS_A_SECOND = 35.0
_LETTERS_IN_A_SIGN = 3
_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W_]")
# As much of a Segment has to be sound.
_LEAST_SOUND = 0.1
# Two people may talk at once for a moment.
_MOST_OVERLAP = 1.5
# Seconds of sound that are missed. Of read speech 75 to 85 hundredths are sound, with its pauses.
_MISSED = 10.0
_DENSE = 0.5
# A silence that parts one stretch of sound from the next.
_LONG = 5.0
# dB below the sound that has words, and dBFS: whoever sits at the back, but not the room itself.
_SOFTER, _FAINT = 20.0, -50.0
# Slower than anybody speaks, in letters.
_SLOWEST = 2.0
# [Applause], (laughs), ♪: told, not said.
_TOLD = re.compile(r"[\[(*♪].*[\])*♪]|♪")

_FURTHEST = 0.75
_SHORTEST = 0.05
# A boundary this far inside of a pause leaves the breath before a word with it.
_BREATH = 0.1


def check(
    transcript: Transcript,
    levels: NDArray[Any] | None = None,
    step: float = 0.01,
    seconds: float | None = None,
    *,
    whole: bool = True,
) -> list[Segment]:
    """Flag what cannot be true, in place, and return the Segments that have a flag.

    A Segment with the flag WORDLESS and no text is put where ten seconds of sound and more have no
    words. Flags and Segments of an earlier check are replaced, others stay.

    Args:
        transcript: what to look at.
        levels: RMS in dBFS of each `step` of the recording; None to do without.
        step: seconds.
        seconds: the length of the recording; None for what the transcript or the levels say.
        whole: every word was to be written down. Of a part, or a list of places, nothing is
            missed.
    """
    transcript.segments[:] = [s for s in transcript if s.text.strip() or WORDLESS not in s.flags]
    length = transcript.seconds if seconds is None else seconds
    if length is None and levels is not None:
        length = len(levels) * step
    sound = None if levels is None else loudness(levels)
    before: Segment | None = None
    for segment in transcript:
        found = [NOWHERE]
        if clock.is_place(segment.start) and clock.is_place(segment.end):
            found = _by_itself(segment, length)
            if before:
                found += _beside(segment, before)
            if sound is not None and _is_silent(segment, sound, step):
                found.append(SILENT)
            before = segment
        kept = [flag for flag in segment.flags if flag not in REASONS]
        segment.flags = (*kept, *found)
    if sound is not None and levels is not None and whole:
        _miss(transcript, _Sound(sound, levels, step))
    return [segment for segment in transcript if segment.flags]


def _by_itself(segment: Segment, length: float | None) -> list[str]:
    found = []
    if segment.end < segment.start:
        found.append(BACKWARDS)
    if length is not None and max(segment.start, segment.end) > length + _ROUNDING:
        found.append(PAST_END)
    most = _LETTERS_A_SECOND * (max(segment.end - segment.start, 0.0) + _ROUNDING)
    if _letters(segment.text) > most:
        found.append(TOO_FAST)
    return found


def _letters(text: str) -> int:
    return len(_LETTER.findall(text)) + len(_SIGN.findall(text)) * (_LETTERS_IN_A_SIGN - 1)


def _beside(segment: Segment, before: Segment) -> list[str]:
    if segment.start < before.start:
        return [UNORDERED]
    overlap = min(before.end, segment.end) - segment.start
    shorter = min(before.end - before.start, segment.end - segment.start)
    return [OVERLAPPING] if overlap > max(_MOST_OVERLAP, shorter / 2) else []


def _is_silent(segment: Segment, sound: NDArray[Any], step: float) -> bool:
    """Is next to nothing of it heard, even if its times are rounded?"""
    start, end = segment.start - _ROUNDING / 2, segment.end + _ROUNDING / 2
    heard = sound[max(round(start / step), 0) : max(round(end / step), 0)]
    # Past the end there is nothing, and a flag of its own.
    return bool(len(heard)) and float(heard.mean()) < _LEAST_SOUND


# -------------------------------------------------------------------------------- what is missing


class _Sound(NamedTuple):
    """Where a recording is loud, how loud, and the seconds of one level."""

    loud: NDArray[Any]
    levels: NDArray[Any]
    step: float

    def at(self, place: float) -> int:
        return max(round(place / self.step), 0)


def _miss(transcript: Transcript, sound: _Sound) -> None:
    """Flag Segments with too few words, and put one where there are none."""
    import numpy as np

    placed = [s for s in transcript if clock.is_place(s.start) and clock.is_place(s.end)]
    spoken = np.zeros(len(sound.loud), dtype=bool)
    for segment in placed:
        first, last = sorted((segment.start, segment.end))
        spoken[sound.at(first) : sound.at(last)] = True
    known = sound.levels[sound.loud & spoken]
    faintest = max(float(np.median(known)) - _SOFTER, _FAINT) if known.size else _FAINT
    heard = sound.loud & (sound.levels > faintest)
    for segment in placed:
        seconds = float(heard[sound.at(segment.start) : sound.at(segment.end)].sum()) * sound.step
        said = segment.text.strip()
        is_told = not said or _TOLD.fullmatch(said)
        if not is_told and seconds - _letters(segment.text) / _SLOWEST >= _MISSED:
            segment.flags = (*segment.flags, FEW_WORDS)
    for start, end in _missed(heard, spoken, sound.step):
        transcript.miss(start, end, WORDLESS)


def _missed(
    heard: NDArray[Any], spoken: NDArray[Any], step: float
) -> Iterator[tuple[float, float]]:
    """The stretches of sound, in seconds, that no Segment is about."""
    import numpy as np

    for first, last in zip(*runs(~spoken), strict=True):
        part = heard[first:last]
        breaks = [pause for pause in pauses(part, step) if pause.end - pause.start >= _LONG]
        begins = [0, *(round(pause.end / step) for pause in breaks)]
        ends = [*(round(pause.start / step) for pause in breaks), len(part)]
        for begin, end in zip(begins, ends, strict=True):
            loud = np.flatnonzero(part[begin:end])
            if not loud.size:
                continue
            start, stop = (float(first + begin + edge) for edge in (loud[0], loud[-1] + 1))
            if (stop - start) * step >= _MISSED and loud.size >= _DENSE * (stop - start):
                yield round(start * step, 3), round(stop * step, 3)


# ------------------------------------------------------------------------------------ better times


class Move(NamedTuple):
    """The `what` ("start" or "end") of the Segment number `segment` went from `was` to `now`."""

    segment: int
    what: str
    was: float
    now: float

    def __str__(self) -> str:
        return f"{self.segment}: {self.what} {clock.stamp(self.was)} → {clock.stamp(self.now)}"


def align(
    transcript: Transcript, levels: NDArray[Any], step: float = 0.01
) -> tuple[Transcript, list[Move]]:
    """A new Transcript whose Segments begin and end at pauses, and what was moved for it.

    A boundary goes 0.75 s at most, to the longest pause that is not far, and never past the
    Segment beside it. Where there is no pause it stays.
    """
    moved = replace(transcript, segments=[replace(segment) for segment in transcript])
    near = _Pauses(pauses(loudness(levels), step))
    for before, after in zip([None, *moved], [*moved, None], strict=True):
        _meet(before, after, near)
    moves = [
        Move(at, what, getattr(old, what), getattr(new, what))
        for at, (old, new) in enumerate(zip(transcript, moved, strict=True))
        for what in ("start", "end")
        if abs(getattr(old, what) - getattr(new, what)) > 0  # what is no number has not moved
    ]
    return moved, moves


class _Pauses:
    """The pauses of a recording, and the best of them for a boundary."""

    def __init__(self, found: list[Pause]) -> None:
        self.found = found
        self.ends = [pause.end for pause in found]

    def around(self, place: float) -> list[Pause]:
        """Those that a boundary at `place` may go to."""
        first = bisect.bisect_left(self.ends, place - _FURTHEST)
        near = itertools.takewhile(
            lambda pause: pause.start <= place + _FURTHEST, self.found[first:]
        )
        return sorted(near, key=lambda pause: self.worth(pause, place), reverse=True)

    @staticmethod
    def worth(pause: Pause, place: float) -> float:
        """A long pause is more likely to be the one between sentences than a near one."""
        away = max(pause.start - place, place - pause.end, 0.0)
        return min(pause.end - pause.start, 1.0) - away / 2


def _meet(before: Segment | None, after: Segment | None, near: _Pauses) -> None:
    """Move the boundary of two Segments: together where they touch, else each for itself."""
    if before and after and abs(after.start - before.end) <= _FURTHEST:
        for pause in near.around((before.end + after.start) / 2):
            end, start = _inside(pause)
            if _may_end(before, end) and _may_start(after, start):
                before.end, after.start = end, start
                return
    if before:
        latest = max(before.end, after.start) if after else math.inf
        ends = (_inside(pause)[0] for pause in near.around(before.end))
        before.end = next((p for p in ends if _may_end(before, p) and p <= latest), before.end)
    if after:
        earliest = min(after.start, before.end) if before else 0.0
        starts = (_inside(pause)[1] for pause in near.around(after.start))
        after.start = next(
            (p for p in starts if _may_start(after, p) and p >= earliest), after.start
        )


def _inside(pause: Pause) -> tuple[float, float]:
    """Where what is before a pause ends, and where what is after it starts."""
    return round(pause.start + _BREATH, 3), round(pause.end - _BREATH, 3)


def _may_end(segment: Segment, place: float) -> bool:
    return abs(place - segment.end) <= _FURTHEST and place >= segment.start + _SHORTEST


def _may_start(segment: Segment, place: float) -> bool:
    return abs(place - segment.start) <= _FURTHEST and place <= segment.end - _SHORTEST
