"""Places in a recording: `"02:30"` ↔ 150.0 seconds. No clock of the day.

Two numbers are always minutes and seconds, as the API documents them (`75:10` is an hour and a
quarter); hours need three (`1:02:03`).
"""

from __future__ import annotations

import math
import re
from typing import Any

from gemini_nb.errors import BadPrompt

SHAPE = r"\d{1,3}(?::\d{2}){1,2}(?:[.,:]\d{1,9})?(?![A-Za-z\d])"
"""A place in a text. After the seconds of `00:05:250` and `00:01:30:500` come thousandths."""

_PLACE = re.compile(
    r"(?:(?P<hours>\d{1,3}):)?(?P<minutes>\d{1,3}):(?P<seconds>\d{1,2})"
    r"(?:(?:[.,]|:(?=\d{3}\Z)|(?<=:\d\d:\d\d):(?=\d{1,2}\Z))(?P<part>\d{1,9}))?"
)
_NUMBER = re.compile(r"(\d{1,9}(?:[.,]\d{1,9})?)\s?s?")
_SIXTY = 60
# A year: what is later than that is no place in a recording.
_LATEST = 366 * 24 * 3600


def seconds(value: Any) -> float:
    """`"1:02:03.5"`, `"02:30"`, `"90"`, `"12.5s"` or a number → seconds. Raises BadPrompt."""
    found = look(value)
    # Sixty and more is a slip of the pen here; of a model it is taken as it is meant.
    if found is None or (isinstance(value, str) and _is_slip(value)):
        raise BadPrompt(
            f"{value!r} is no place in a recording.",
            advice='Give seconds, "MM:SS" or "H:MM:SS", like "02:30".',
        )
    return found


def look(value: Any) -> float | None:
    """The same for what a model wrote: None for what is no place, and `01:75` is `02:15`."""
    if isinstance(value, str):
        found = _read(value.strip())
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found = value
    else:
        return None
    # Compared before it is made a float: an int may be too large for one.
    return float(found) if found is not None and 0 <= found <= _LATEST else None


def is_place(value: float) -> bool:
    """Can it be one? What is no number, or less than nothing, cannot."""
    return 0 <= value <= _LATEST


def _read(text: str) -> float | None:
    if found := _PLACE.fullmatch(text):
        hours, minutes, whole, part = found.groups(default="0")
        return int(hours) * 3600 + int(minutes) * _SIXTY + int(whole) + float(f"0.{part}")
    number = _NUMBER.fullmatch(text)
    return float(number[1].replace(",", ".")) if number else None


def _is_slip(text: str) -> bool:
    found = _PLACE.fullmatch(text.strip())
    if not found:
        return False
    return int(found["seconds"]) >= _SIXTY or bool(
        found["hours"] and int(found["minutes"]) >= _SIXTY
    )


def stamp(place: float) -> str:
    """Seconds → `02:30`, `1:02:03.5`: as short as it is exact, to the thousandth."""
    whole, part = divmod(_thousandths(place), 1000)
    return _clock(whole) + (f".{part:03}".rstrip("0") if part else "")


def mark(place: float) -> str:
    """The second that `place` is in, for a list that is read: `02:30`, `1:02:03`."""
    return _clock(_thousandths(place) // 1000)


def full(place: float, *, point: str) -> str:
    """As subtitles have it: `00:02:30.000`, with their own decimal point."""
    whole, part = divmod(_thousandths(place), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{part:03}"


def _thousandths(place: float) -> int:
    return round(place * 1000) if math.isfinite(place) and place > 0 else 0


def _clock(whole: int) -> str:
    hours, rest = divmod(whole, 3600)
    minutes = f"{rest // 60:02}:{rest % 60:02}"
    return f"{hours}:{minutes}" if hours else minutes
