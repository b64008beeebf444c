"""What was read of one Segment, before the times that are missing are filled in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Draft:
    """One Segment as it was written: a time that it does not give is None."""

    start: float | None
    end: float | None
    text: str
    speaker: str = ""
