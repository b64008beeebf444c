"""Transcripts of overlapping windows of one recording → one, without doubled or lost words.

Both windows heard what is in their overlap, and each may be wrong at its own border, where a word
is cut in half. So the longest run of words that both have is sought, and the cut is made inside of
it: what is before comes from the one, what is after from the other. Times of models are off by
seconds; they only choose between runs, as in a refrain. Where no run can be found, the middle of
the overlap is the cut, and the Segment after it says so. `Speaker A` of the one may be `Speaker B`
of the other: the same words tell.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gemini_nb.transcripts.transcript import Segment, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNMATCHED = "follows a cut where two windows did not agree"

# A word, or one sign of a script that writes without spaces.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
    r"(?:['’][^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)*+"
)
# Seconds that a word may be outside of the overlap by its time, and be in it.
_ASTRAY = 10.0
# Words that are compared at most on each side; speech has three a second.
_MOST = 600
# A run is worth its words, no more than are in the overlap. A refrain that is taken for the next
# one gives a longer run, by the words of the time between the two: so these are taken off.
_PER_SECOND = 3.0
_SURE = 3
# Speaker A, SPEAKER_00, B: nobody's name.
_LABEL = re.compile(r"(?i:speaker)?[ _-]?(?:[A-Za-z]|\d{1,3})")
# One or two words are a run where they are said at the same time.
_SAME_TIME = 2.0


class Window(NamedTuple):
    """A stretch of a recording, from `offset`, `seconds` long; its times begin with the stretch."""

    transcript: Transcript
    offset: float
    seconds: float


class _Word(NamedTuple):
    plain: str
    time: float
    segment: int  # which one of the list
    at: int  # where in its text
    stop: int  # where the next one begins, or the text ends


def join(windows: Iterable[Window]) -> Transcript:
    """One Transcript of all windows, which may come in any order.

    Every Segment is a new one. It is partial where the answer to any of them was.
    """
    ordered = sorted(windows, key=lambda window: window.offset)
    segments: list[Segment] = []
    heard = 0.0
    for window in ordered:
        shifted = [
            replace(s, start=s.start + window.offset, end=s.end + window.offset)
            for s in window.transcript
        ]
        segments = _joined(segments, shifted, window.offset, max(heard, window.offset))
        heard = max(heard, window.offset + window.seconds)
    return Transcript(
        segments,
        next((w.transcript.language for w in ordered if w.transcript.language), ""),
        heard if ordered else None,
        any(w.transcript.partial for w in ordered),
    )


def _joined(left: list[Segment], right: list[Segment], begin: float, end: float) -> list[Segment]:
    """Two neighbours, whose overlap is from `begin` to `end`, in one list."""
    if end <= begin:
        return left + right
    ending = _words(left, begin - _ASTRAY, math.inf)[-_MOST:]
    starting = _words(right, 0.0, end + _ASTRAY)[:_MOST]
    if run := _common_run(ending, starting, begin, end):
        return _cut(left, _renamed(right, left, run), run)
    if any(w.time >= begin for w in ending) and any(w.time <= end for w in starting):
        return _by_time(left, right, (begin + end) / 2)
    return left + right


def _words(segments: Sequence[Segment], first: float, last: float) -> list[_Word]:
    """The words between two places, each with the time at which it is about said."""
    made = []
    for number, s in enumerate(segments):
        if max(s.start, s.end) < first or s.start > last:
            continue
        found = list(_WORD.finditer(s.text))
        starts = [*(word.start() for word in found), len(s.text)]
        slowness = max(s.end - s.start, 0.0) / max(len(s.text), 1)
        for word, stop in zip(found, starts[1:], strict=True):
            time = s.start + slowness * word.start()
            if first <= time <= last:
                made.append(_Word(_plain(word.group()), time, number, word.start(), stop))
    return made


def _plain(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in apart if c.isalnum())


def _common_run(
    left: list[_Word], right: list[_Word], begin: float, end: float
) -> list[tuple[_Word, _Word]] | None:
    """The words that both have in a row, in pairs; None where there is no such run."""
    inside = max(sum(begin <= w.time <= end for w in words) for words in (left, right))
    places: dict[str, list[int]] = {}
    for at, word in enumerate(right):
        places.setdefault(word.plain, []).append(at)
    runs: dict[int, tuple[int, float]] = {}
    best = (False, -math.inf, 0, 0, 0)
    for at, word in enumerate(left):
        # The run that ends with this pair is one longer than the one before it.
        before, runs = runs, {}
        for to in places.get(word.plain, ()):
            length, apart = before.get(to - 1, (0, 0.0))
            length, apart = length + 1, apart + word.time - right[to].time
            runs[to] = length, apart
            worth = min(length, max(inside, _SURE)) - _PER_SECOND * abs(apart) / length
            best = max(best, (length >= _SURE, worth, length, at, to))
    is_sure, _, length, at, to = best
    if not is_sure and length:
        is_sure = inside <= 2 * _SURE and abs(left[at].time - right[to].time) <= _SAME_TIME
    if not is_sure:
        return None
    ours, theirs = left[at - length + 1 : at + 1], right[to - length + 1 : to + 1]
    return list(zip(ours, theirs, strict=True))


def _renamed(
    right: list[Segment], left: list[Segment], run: list[tuple[_Word, _Word]]
) -> list[Segment]:
    """The Segments of `right` with the labels that `left` has for the same voices.

    Each window begins to count anew: whoever says the same words is the same. A name is left alone.
    """
    said = Counter((left[a.segment].speaker, right[b.segment].speaker) for a, b in run)
    labels: dict[str, str] = {}
    for (ours, theirs), words in said.most_common():
        is_known = theirs in labels or ours in labels.values() or words < _SURE
        if not is_known and _LABEL.fullmatch(ours) and _LABEL.fullmatch(theirs):
            labels[theirs] = ours
    # Who had a label that is taken now gets one that is free.
    free = sorted(set(labels) - set(labels.values()))
    for taken in sorted(set(labels.values()) - set(labels)):
        labels[taken] = free.pop(0)
    return [replace(s, speaker=labels.get(s.speaker, s.speaker)) for s in right]


class _Cut(NamedTuple):
    """A place in the text of one Segment."""

    segment: int
    at: int

    def is_between(self, segments: list[Segment]) -> tuple[bool, bool]:
        """Has it no word before it, and none after it, in its Segment?"""
        text = segments[self.segment].text
        return not _WORD.search(text, 0, self.at), not _WORD.search(text, self.at)


def _cut(
    left: list[Segment], right: list[Segment], run: list[tuple[_Word, _Word]]
) -> list[Segment]:
    """Both lists, cut at the same word; between two Segments, where that can be."""
    cuts = [(_Cut(one.segment, one.at), _Cut(other.segment, other.at)) for one, other in run]
    one, other = run[-1]
    cuts.append((_Cut(one.segment, one.stop), _Cut(other.segment, other.stop)))

    def rank(numbered: tuple[int, tuple[_Cut, _Cut]]) -> tuple[int, int]:
        number, (ours, theirs) = numbered
        is_first, is_last = ours.is_between(left)
        ended = is_first or (is_last and ours.segment < len(left) - 1)
        is_first, is_last = theirs.is_between(right)
        # Where the first Segment of a window begins is where the window does, not a sentence.
        begun = is_last or (is_first and theirs.segment > 0)
        return ended + begun, -abs(2 * number - len(run))

    _, (ours, theirs) = max(enumerate(cuts), key=rank)
    before, after = left[: ours.segment], right[theirs.segment + 1 :]
    return [*before, *_mended(left, ours, right, theirs), *after]


def _mended(left: list[Segment], ours: _Cut, right: list[Segment], theirs: _Cut) -> list[Segment]:
    """What is left of the two Segments that are cut: two of them, one, or none."""
    old, new = left[ours.segment], right[theirs.segment]
    none_before, all_before = ours.is_between(left)
    all_after, none_after = theirs.is_between(right)
    if not (none_before or all_before or none_after or all_after):
        # Inside of a sentence: it is put together again.
        text = old.text[: ours.at] + new.text[theirs.at :]
        flags = tuple(dict.fromkeys(old.flags + new.flags))
        return [replace(old, end=max(old.start, new.end), text=text, flags=flags)]
    made = []
    if not none_before:
        end = old.end if all_before or none_after else max(old.start, min(old.end, new.start))
        text = old.text if all_before else old.text[: ours.at].rstrip()
        made.append(replace(old, end=end, text=text))
    if not none_after:
        begin = new.start if all_after else old.start if none_before else max(old.end, new.start)
        text = new.text if all_after else new.text[theirs.at :]
        made.append(replace(new, start=min(begin, max(new.start, new.end)), text=text))
    return made


def _by_time(left: list[Segment], right: list[Segment], middle: float) -> list[Segment]:
    """Whole Segments, by where the middle of each is."""
    before = [s for s in left if (s.start + s.end) / 2 < middle]
    after = [s for s in right if (s.start + s.end) / 2 >= middle]
    if after:
        after[0] = replace(after[0], flags=(*after[0].flags, UNMATCHED))
    return before + after
