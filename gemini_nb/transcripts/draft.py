"""What was read of one Segment, before the times that are missing are filled in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Draft:
    """One Segment as it was written: a time that it does not give is None.

    `is_lost` says that there is a place, and no words could be read for it.
    """

    start: float | None
    end: float | None
    text: str
    speaker: str = ""
    is_lost: bool = False
