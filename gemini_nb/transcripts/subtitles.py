"""Segments → SRT and WebVTT. What reads them back is `lines.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemini_nb.transcripts import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemini_nb.transcripts.transcript import Segment

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def srt(segments: Iterable[Segment]) -> str:
    """Numbered cues, times with a comma."""
    cues = []
    for number, segment in enumerate(segments, 1):
        # An arrow inside a text would be a time to some players; SRT knows no other spelling.
        said = _one_line(segment.text).replace("-->", "->")
        name = _one_line(segment.speaker)
        cues.append(f"{number}\n{_times(segment, ',')}\n{f'[{name}]: ' if name else ''}{said}\n")
    return "\n".join(cues)


def vtt(segments: Iterable[Segment]) -> str:
    """Cues after the header; signs of its markup are written as entities."""
    cues = ["WEBVTT\n"]
    for segment in segments:
        said = _one_line(segment.text).translate(_ENTITIES)
        name = _one_line(segment.speaker).translate(_ENTITIES)
        cues.append(f"{_times(segment, '.')}\n{f'<v {name}>' if name else ''}{said}\n")
    return "\n".join(cues)


def _times(segment: Segment, point: str) -> str:
    return f"{clock.full(segment.start, point=point)} --> {clock.full(segment.end, point=point)}"


def _one_line(text: str) -> str:
    """A line break would end a cue."""
    return " ".join(text.split())
