"""A Transcript: what was said in a recording, in Segments with their times. Pure.

A Segment is changed in place (`transcript[3].text = "…"`). What wrote it may be wrong: `flags` say
why a Segment should not be trusted (`trust.py`, `reading.py`), each in words for a person.
"""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from gemini_nb.display.html import terminal_text
from gemini_nb.errors import BadPrompt, ConfigError
from gemini_nb.transcripts import clock, subtitles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemini_nb.audio import Audio
    from gemini_nb.transcripts.trust import Move


@dataclass(slots=True)
class Segment:
    """What one person said in one go: `start` and `end` in seconds.

    `speaker` is `""` where nobody is named. `flags` are the reasons not to trust it. `text`
    is `""` where words are missing; a flag says why.
    """

    start: float
    end: float
    text: str
    speaker: str = ""
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"[{clock.mark(self.start)} - {clock.mark(self.end)}]"
        said = f"{self.speaker}: {self.text}" if self.speaker else self.text
        if self.flags and not self.text:
            said = f"({'; '.join(self.flags)})"
        return terminal_text(" ".join(f"{place} {said}".split()))


@dataclass(slots=True)
class Transcript:
    """What was said in a recording, in the order of its Segments.

    `language` is a code or a name, `""` where unknown; `seconds` is the length of the recording,
    None where unknown. `partial` says that the answer was cut off before its end. `audio` is the
    recording, where it is here: with it a notebook shows a player. It is not saved.
    """

    segments: list[Segment] = field(default_factory=list)
    language: str = ""
    seconds: float | None = None
    partial: bool = False
    audio: Audio | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The words alone; a new line where somebody else goes on."""
        turns = itertools.groupby(self._said(), key=lambda segment: segment.speaker)
        return "\n".join(" ".join(segment.text for segment in turn) for _, turn in turns)

    def _said(self) -> list[Segment]:
        """Without those that stand where words are missing."""
        return [segment for segment in self.segments if segment.text.strip()]

    @property
    def speakers(self) -> list[str]:
        """Who speaks, in the order of their first words."""
        return list(dict.fromkeys(s.speaker for s in self.segments if s.speaker))

    def between(self, start: Any, end: Any) -> Transcript:
        """The Segments that are heard from `start` to `end` (`"02:30"`, or seconds), the same ones.

        `.text` of it is what is said there. Raises BadPrompt for what is no place.
        """
        first, last = clock.seconds(start), clock.seconds(end)
        heard = [s for s in self.segments if s.start < last and (s.end > first or s.start >= first)]
        return replace(self, segments=heard)

    def search(self, words: str) -> list[Segment]:
        """The Segments whose text has `words`, whatever their case and accents."""
        sought = _plain(words)
        return [s for s in self.segments if sought in _plain(s.text)] if sought else []

    def miss(self, start: float, end: float, why: str) -> None:
        """Put a Segment without text where words are missing, with `why` as its flag."""
        after = (at for at, segment in enumerate(self.segments) if segment.start >= start)
        self.segments.insert(next(after, len(self)), Segment(start, end, "", flags=(why,)))

    def align(self, audio: Any) -> tuple[Transcript, list[Move]]:
        """A new Transcript whose times stand at the pauses of its recording, and what was moved.

        `audio` is an Audio (what has its `levels()`). See `trust.align`.
        """
        from gemini_nb.transcripts import trust

        return trust.align(self, audio.levels())

    def to_srt(self) -> str:
        """The Segments as subtitles in SRT; a speaker is named like `[Anna]: Hello`."""
        return subtitles.srt(self.segments)

    def to_vtt(self) -> str:
        """The Segments as subtitles in WebVTT; speakers are its voices (`<v Anna>`)."""
        return subtitles.vtt(self.segments)

    def to_dataframe(self) -> Any:
        """A DataFrame: start, end, speaker, text, flags; a row for each Segment that has words."""
        try:
            import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise ConfigError(
                "to_dataframe() needs pandas, which is not installed.",
                advice="Run pip install pandas.",
            ) from None
        names = ["start", "end", "speaker", "text", "flags"]
        return pd.DataFrame([[getattr(s, n) for n in names] for s in self._said()], columns=names)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; `from_dict` makes the same Transcript of it."""
        made = asdict(replace(self, audio=None))
        del made["audio"]
        for segment in made["segments"]:
            segment["flags"] = list(segment["flags"])
        return made

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Transcript:
        """The Transcript that `to_dict` saved. Raises BadPrompt for anything else."""
        try:
            segments = [_segment(**one) for one in saved["segments"]]
            seconds = saved.get("seconds")
            return cls(
                segments,
                str(saved.get("language") or ""),
                None if seconds is None else float(seconds),
                bool(saved.get("partial")),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            raise BadPrompt(
                "This is no saved transcript.", advice="Give what Transcript.to_dict() returned."
            ) from None

    def __len__(self) -> int:
        return len(self.segments)

    def __bool__(self) -> bool:
        """A Transcript is one, even of a recording in which nobody speaks."""
        return True

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    @overload
    def __getitem__(self, at: int) -> Segment: ...
    @overload
    def __getitem__(self, at: slice) -> Transcript: ...
    def __getitem__(self, at: int | slice) -> Segment | Transcript:
        if isinstance(at, slice):
            return replace(self, segments=self.segments[at])
        return self.segments[at]

    def __str__(self) -> str:
        return "\n".join(map(str, self.segments))

    def __repr__(self) -> str:
        facts = [_many(len(self), "segment")]
        if self.segments:
            last = max(s.end for s in self.segments)
            facts.append(f"{clock.mark(self.segments[0].start)}–{clock.mark(last)}")
        if self.speakers:
            facts.append(_many(len(self.speakers), "speaker"))
        if self.language:
            facts.append(terminal_text(self.language))
        if flagged := sum(1 for s in self.segments if s.flags):
            facts.append(f"{flagged} flagged")
        if missing := len(self) - len(self._said()):
            facts.append(f"{missing} without words")
        if self.partial:
            facts.append("cut off")
        return f"<Transcript: {', '.join(facts)}>"


def _segment(start: Any, end: Any, text: Any, speaker: Any = "", flags: Any = ()) -> Segment:
    if not (isinstance(text, str) and isinstance(speaker, str)):
        raise TypeError
    return Segment(float(start), float(end), text, speaker, tuple(map(str, flags)))


def _plain(text: str) -> str:
    """Without case, accents and line breaks."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in apart if not unicodedata.combining(c)).split())


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
