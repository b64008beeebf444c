"""What was heard in a recording, as data and in words. No sound and no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAME = "whisper-base"
"""What hears, as `modelVersion` names it."""
_HOUR = 3600


@dataclass(frozen=True)
class Word:
    """One word, with the space before it where its language has one; from second to second."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Segment:
    """Some words that belong together: a sentence, if the speaker made any."""

    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        """Where its first word begins."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Where its last word ends."""
        return self.words[-1].end

    @property
    def text(self) -> str:
        """What is said in it."""
        return "".join(word.text for word in self.words).strip()


@dataclass(frozen=True)
class Heard:
    """All that was said, in how many seconds, in what language (`""` where nobody spoke)."""

    seconds: float
    language: str
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """Its segments one after the other."""
        return "".join(word.text for one in self.segments for word in one.words).strip()

    def told(self, which: str) -> str:
        """In words for the text model."""
        facts = f"{which} was attached. It is {self.seconds:.0f} seconds long."
        if not self.segments:
            return f"{facts} No speech was heard in it. What else is in it is not known."
        return f"{facts} This was said in it:\n{self.text}\n"

    def listed(self) -> dict[str, Any]:
        """As data for the caller."""
        return {
            "modality": "AUDIO",
            "seconds": round(self.seconds, 2),
            "language": self.language,
            "segments": [
                {"start": round(one.start, 2), "end": round(one.end, 2), "text": one.text}
                for one in self.segments
            ],
            "source": NAME,
        }

    def between(self, start: float, end: float) -> Heard:
        """What is said between two moments: the words whose middle lies there."""
        kept = []
        for one in self.segments:
            words = tuple(w for w in one.words if start <= (w.start + w.end) / 2 <= end)
            kept += [Segment(words)] if words else []
        return Heard(self.seconds, self.language, tuple(kept))


def clock(seconds: float, point: str) -> str:
    """`00:00:05,000`, as subtitles have it."""
    whole, rest = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}{point}{rest:03}"


def whole_second(seconds: float, *, is_end: bool = False) -> int:
    """The second that a start is in, and the one by which an end has come: no word is cut."""
    thousandths = round(seconds * 1000)  # or an end at 5.0000001 would be one at 6
    return -(-thousandths // 1000) if is_end else thousandths // 1000


def stamp(seconds: float, *, is_end: bool = False, fine: bool = False) -> str:
    """`00:05`, from an hour on `1:00:05`; if fine, with thousandths."""
    thousandths = round(seconds * 1000) if fine else 1000 * whole_second(seconds, is_end=is_end)
    whole, rest = divmod(thousandths, 1000)
    minutes, second = divmod(whole, 60)
    shown = f"{minutes:02}:{second:02}"
    if whole >= _HOUR:
        shown = f"{minutes // 60}:{minutes % 60:02}:{second:02}"
    return f"{shown}.{rest:03}" if fine else shown
