"""Segments → SRT and WebVTT. What reads them back is `lines.py`.

Players refuse, or never show, a cue that ends where it starts, one that is empty, and one that
starts before the one above it. So cues are in the order of time and have some length, whatever the
Segments say; a Segment without words is none.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from gemini_nb.transcripts import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemini_nb.transcripts.transcript import Segment

# Seconds of a cue whose end is not after its start.
_MOMENT = 1.0
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def srt(segments: Iterable[Segment]) -> str:
    """Numbered cues, times with a comma."""
    cues = []
    for number, cue in enumerate(_cues(segments), 1):
        # An arrow inside a text would be a time to some players; SRT knows no other spelling.
        said = cue.text.replace("-->", "->")
        who = f"[{cue.speaker}]: " if cue.speaker else ""
        cues.append(f"{number}\n{_times(cue, ',')}\n{who}{said}\n")
    return "\n".join(cues)


def vtt(segments: Iterable[Segment]) -> str:
    """Cues after the header; signs of its markup are written as entities."""
    cues = ["WEBVTT\n"]
    for cue in _cues(segments):
        who = f"<v {cue.speaker.translate(_ENTITIES)}>" if cue.speaker else ""
        cues.append(f"{_times(cue, '.')}\n{who}{cue.text.translate(_ENTITIES)}\n")
    return "\n".join(cues)


class _Cue(NamedTuple):
    start: float
    end: float
    speaker: str
    text: str


def _cues(segments: Iterable[Segment]) -> list[_Cue]:
    cues = []
    before = 0.0
    for segment in segments:
        text = _one_line(segment.text)
        if not text:
            continue
        start = segment.start if clock.is_place(segment.start) else before
        is_long = clock.is_place(segment.end) and round(segment.end - start, 3) > 0
        end = segment.end if is_long else start + _MOMENT
        cues.append(_Cue(start, end, _one_line(segment.speaker), text))
        before = start
    return sorted(cues, key=itemgetter(0))


def _times(cue: _Cue, point: str) -> str:
    return f"{clock.full(cue.start, point=point)} --> {clock.full(cue.end, point=point)}"


def _one_line(text: str) -> str:
    """A line break would end a cue."""
    return " ".join(text.split())
