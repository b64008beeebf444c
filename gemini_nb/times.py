"""Moments and durations of the wire (`2026-11-22T00:00:00Z`, `"300s"`) ↔ Python's. No clock."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from gemini_nb.errors import BadPrompt

# Seconds: what has nine digits after its point, and is not nothing.
_SHORTEST = 1e-9
_DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)s")


def moment(text: str | None) -> dt.datetime | None:
    """RFC 3339 → a datetime in UTC, to the microsecond; None for what is none."""
    try:
        found = dt.datetime.fromisoformat(text or "")
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None


def shown(when: dt.datetime) -> str:
    """A moment in UTC for a person to read: `2026-11-22 01:00 UTC`."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def to_moment(value: Any) -> str:
    """A datetime, seconds since 1970, `{"seconds", "nanos"}` or RFC 3339 → RFC 3339 in UTC.

    A datetime without a time zone is local time, as everywhere in Python. Raises BadPrompt.
    """
    when: dt.datetime | None = None
    try:
        if isinstance(value, dt.datetime):
            when = value.astimezone(dt.UTC)
        elif isinstance(value, str):
            when = moment(value)
        else:
            when = dt.datetime.fromtimestamp(_seconds(value), dt.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        when = None
    if when is None:
        raise BadPrompt(
            f"{value!r} is no moment.", advice="Give a datetime, or like 2026-11-22T01:00:00Z."
        )
    return when.isoformat().replace("+00:00", "Z")


def to_duration(value: Any) -> str:
    """Seconds, a timedelta, `{"seconds", "nanos"}` or `"300s"` → `"300s"`. Raises BadPrompt."""
    try:
        if isinstance(value, str):
            found = _DURATION.fullmatch(value)
            seconds = float(found[1]) if found else 0.0
        elif isinstance(value, dt.timedelta):
            seconds = value.total_seconds()
        else:
            seconds = _seconds(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not _SHORTEST <= seconds < float("inf"):
        raise BadPrompt(
            f"{value!r} is no length of time.", advice='Give seconds, a timedelta, or like "300s".'
        )
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def _seconds(value: Any) -> float:
    if isinstance(value, dict) and value and set(value) <= {"seconds", "nanos"}:
        return float(value.get("seconds", 0)) + float(value.get("nanos", 0)) / 1e9
    if isinstance(value, bool):
        raise TypeError
    return float(value)
