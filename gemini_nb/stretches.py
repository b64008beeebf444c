"""A recording → the stretches in which it is sent, and the place of each in it. Nothing is sent.

The whole of what a person asks for is checked once; a stretch in which nothing is heard is no
mistake then, and needs no model. A part is cut where it is calm, a moment before and after it, so
that no word is cut in half; what is said in those moments is left out again (`Heard.only`).
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

from gemini_nb.audio import limits
from gemini_nb.content import Blob, Part
from gemini_nb.transcripts import Transcript, clock

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from gemini_nb.audio import Audio
    from gemini_nb.errors import ResponseError
    from gemini_nb.transcripts import Segment

    Levels = NDArray[np.float32]

# Seconds of one stretch: in longer ones a model loses its place in time.
LONGEST = 600.0
# Seconds that two stretches share, so that no word is cut in half in both.
_SHARED = 15.0
# Seconds beside a part in which a calm place is looked for, and how long such a place is.
_MARGIN = 2.0
_CALM = 0.2
# Seconds of one level.
_STEP = 0.01
# dBFS; as `Audio.check` has it for a whole recording.
_SILENT = -60.0
# What is as large as its samples; the others were made small by somebody.
_LARGE = ("audio/wav", "audio/aiff", "audio/flac")


@dataclasses.dataclass(eq=False)
class Stretch:
    """What is sent at once, and what came of it.

    Attributes:
        part: makes what is sent.
        offset: seconds at which it begins in all that is sent.
        seconds: how long it is; None where only the service knows.
        own: the seconds in which no other stretch is heard, in all that is sent.
        found: the answer; of silence there is one from the beginning.
        refused: why there is none.
    """

    part: Callable[[], Part]
    offset: float = 0.0
    seconds: float | None = None
    own: tuple[float, float] = (0.0, 0.0)
    found: Transcript | None = None
    refused: ResponseError | None = None


class Heard:
    """What is sent of a recording: all of it, or a part. Raises BadPrompt where that cannot be.

    Attributes:
        levels: those of what is sent.
        begin: seconds of the recording at which that begins.
    """

    def __init__(self, sound: Audio, start: Any = None, end: Any = None) -> None:
        self._is_part = start is not None or end is not None
        asked = sound.clip(start, end) if self._is_part else sound
        if (asked.probe().seconds or 0.0) <= limits.LIMIT:  # which is that of one prompt
            asked.check()
        self._first = 0.0 if start is None else clock.seconds(start)
        self._last = self._first + _length(asked)
        if self._is_part:
            self._widen(sound)
        else:
            self._sound, self.begin, self.levels = sound, 0.0, sound.levels()

    def _widen(self, sound: Audio) -> None:
        """To a calm place on each side, where there is one before its beginning, or its end."""
        begin = max(0.0, self._first - _MARGIN)
        wide = sound.clip(begin, self._last + _MARGIN)
        levels = wide.levels()
        before, after = (round((place - begin) / _STEP) for place in (self._first, self._last))
        left = before - _calmest(levels[:before][::-1]) if begin else 0
        right = after + _calmest(levels[after:]) if _ends_early(wide, sound) else len(levels)
        self.begin = begin + left * _STEP
        self._sound = sound.clip(self.begin, begin + right * _STEP)
        self.levels = levels[left:right]

    def stretches(self) -> list[Stretch]:
        """Each with a little of the one before."""
        sound, seconds = self._sound, _length(self._sound)
        if seconds <= 1.5 * LONGEST:
            return [Stretch(lambda: _small(sound), 0.0, seconds, (0.0, seconds))]
        from gemini_nb.audio import measures

        cuts = measures.cuts(_power(self.levels), _STEP, LONGEST)
        if seconds - cuts[-1] < _SHARED:  # hardly more than the one before has anyway
            cuts.pop()
        places = itertools.pairwise([0.0, *cuts, seconds])
        return [self._stretch(start, stop, seconds) for start, stop in places]

    def _stretch(self, start: float, stop: float, seconds: float) -> Stretch:
        begin = max(0.0, start - _SHARED)
        clip = self._sound.clip(begin, stop)
        length = clip.probe().seconds or stop - begin
        own = (start, stop if stop == seconds else max(start, stop - _SHARED))
        heard = self.levels[round(begin / _STEP) : round(stop / _STEP)]
        is_silent = not (heard > _SILENT).any()
        found = Transcript(seconds=length) if is_silent else None
        return Stretch(lambda: _small(clip), begin, length, own, found)

    def placed(self, whole: Transcript) -> Transcript:
        """What was said in that part, in seconds of the recording. What has a flag stays in it."""
        for segment in whole:
            segment.start += self.begin
            segment.end += self.begin
        if self._is_part:
            whole.segments = [s for s in whole if s.flags or self._is_inside(s)]
            whole.seconds = self._last
        return whole

    def _is_inside(self, segment: Segment) -> bool:
        """Half of it, at least; or half of the part is in it."""
        inside = min(segment.end, self._last) - max(segment.start, self._first)
        length = max(0.0, segment.end - segment.start)
        return 2 * inside >= min(length, self._last - self._first)


def _length(sound: Audio) -> float:
    seconds = sound.probe().seconds
    return len(sound.levels()) * _STEP if seconds is None else seconds


def _ends_early(part: Audio, whole: Audio) -> bool:
    return part.end is not None and part.end != whole.end


def _calmest(levels: Levels) -> int:
    """Where the calmest moment is, by the middle of it: the first, of several."""
    import numpy as np

    width = min(round(_CALM / _STEP), len(levels))
    if not width:
        return 0
    sums = np.convolve(_power(levels), np.ones(width), "valid")
    return int(np.argmin(sums)) + width // 2


def _power(levels: Levels) -> Levels:
    """Decibels → mean squares."""
    found: Levels = (10 ** (levels / 10)).astype("float32")
    return found


def _small(sound: Audio) -> Part:
    """As it is sent: mono at 16 kHz, as the service makes it anyway."""
    made = sound.prepare() if sound.mime_type in _LARGE else sound
    return Part(inline_data=Blob(mime_type=made.mime_type, data=made.data))
