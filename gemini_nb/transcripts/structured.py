"""JSON of a model → Drafts: what `reading.schema()` asks for, and what comes close to it.

Of an answer that was cut off, or is broken in the middle, the whole objects are kept.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any, NamedTuple

from gemini_nb.transcripts import clock, lines
from gemini_nb.transcripts.draft import Draft

# What others than the schema call it, without case and underscores.
_START = ("start", "starttime", "startseconds", "startoffset", "begin", "from")
_END = ("end", "endtime", "endseconds", "endoffset", "stop", "to")
# Both in one: "00:01 - 00:05", [1, 5], {"from": 1, "to": 5}.
_BOTH = ("timestamp", "timestamps", "time")
# In thousandths.
_START_MS, _END_MS, _BOTH_MS = ("startms", "starttimems"), ("endms", "endtimems"), ("offsets",)
_TEXT = ("text", "transcript", "transcription", "content", "caption", "sentence", "speech")
_SPEAKER = ("speaker", "speakername", "speakerlabel", "name", "voice")

_BEGIN = re.compile(r'\[\s*+[{\]"]|\{\s*+["}]')
# One more right behind the first: an object a line, a second list.
_MORE = re.compile(r"[\s,]*+(?=(?:\[\s*+)?\{\s*+(?:[\"}]|\Z))")
_OBJECTS = re.compile(r"\[\s*+\{")
_KEY = re.compile(r'\s*+(?:\[\s*+)?\{\s*+"\w{0,30}(?:"\s*+:|\Z)')
_RANGE = re.compile(rf"({clock.SHAPE})\s*+\D{{1,5}}?\s*+({clock.SHAPE})")
_JSON = json.JSONDecoder(strict=False)  # line breaks inside a string are read
# Objects that cannot be read before one gives up; each costs a look at the whole text.
_PATIENCE = 300
_DEEPEST = 3
# Above this an int may be too large for a float.
_LARGE = 1e12


class Found(NamedTuple):
    """What there was; None for `drafts` where it is JSON, but no transcript."""

    drafts: list[Draft] | None
    language: str = ""
    is_cut: bool = False


def read(text: str) -> Found | None:
    """What is in a text that is JSON, or has it after a few words; None for other texts."""
    begin = _BEGIN.search(text)
    if not begin or re.search(clock.SHAPE, text[: begin.start()]):
        return None
    values, end, is_cut = _values(text, begin.start())
    if is_cut and not any(values) and not _KEY.match(text):
        return None  # a text that happens to have a bracket
    lists = [items for value in values if (items := _items(value)) is not None]
    if not lists:
        is_alone = not (text[: begin.start()] + text[end:]).strip()
        return Found(None) if is_alone else None
    items = list(itertools.chain(*lists))
    drafts = [draft for item in items for draft in _drafts(item)]
    # Times alone are no transcript.
    if items and all(draft.is_lost for draft in drafts):
        return Found(None)
    return Found(drafts, next(filter(None, map(_language, values)), ""), is_cut)


def _values(text: str, at: int) -> tuple[list[Any], int, bool]:
    """The JSON values in a row, where they end, and whether the last one is broken."""
    values: list[Any] = []
    while True:
        try:
            value, end = _JSON.raw_decode(text, at)
        except (ValueError, RecursionError):
            return [*values, _whole(text, at)], len(text), True
        values.append(value)
        more = _MORE.match(text, end)
        if not more:
            return values, end, False
        at = more.end()


def _whole(text: str, begin: int) -> list[Any]:
    """The objects of a broken list that are whole."""
    array = _OBJECTS.search(text, begin)
    at = array.end() - 1 if array else begin
    found: list[Any] = []
    broken = 0
    while broken < _PATIENCE and (at := text.find("{", at)) >= 0:
        try:
            one, at = _JSON.raw_decode(text, at)
            found.append(one)
        except json.JSONDecodeError as error:
            broken += 1
            at = max(error.pos, at + 1)
        except (ValueError, RecursionError):
            broken += 1
            break
    return found


def _items(value: Any, depth: int = 0) -> list[Any] | None:
    """The list of segments in a JSON value, wherever it is; None where there is none."""
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict):
            return _items(value[0], depth)
        return value if all(isinstance(one, (dict, str)) for one in value) else None
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    text = _field(value, _TEXT)
    if text is not None and _places(value)[0] is not None:
        return [value]
    inner = (_items(one, depth + 1) for one in value.values() if isinstance(one, (list, dict)))
    found = [items for items in inner if items is not None]
    best = next(filter(_are_segments, found), None)
    # The whole text may stand beside its segments.
    if best is None and isinstance(text, str) and (text.strip() or not found):
        return [value]
    return best or next(iter(found), None)


def _are_segments(items: list[Any]) -> bool:
    return any(isinstance(one, dict) and _field(one, _TEXT) is not None for one in items)


def _drafts(item: Any) -> list[Draft]:
    """One object is one Segment, or lines that have times of their own."""
    if isinstance(item, str):
        return lines.read(item)
    start, end = _places(item)
    text = _words(_field(item, _TEXT))
    if text is None:
        return [] if start is None else [Draft(start, end, "", is_lost=True)]
    speaker = _field(item, _SPEAKER)
    who = str(speaker) if isinstance(speaker, (str, int)) else ""
    drafts = [Draft(start, end, text)]
    if start is None and end is None:
        drafts = lines.read(text)
    for draft in drafts:
        draft.speaker = draft.speaker or who
    return drafts


def _words(text: Any) -> str | None:
    """What is said, where it is a text, or a list of them."""
    if isinstance(text, list) and text and all(isinstance(one, str) for one in text):
        return " ".join(text)
    return str(text) if isinstance(text, (str, int, float)) else None


def _places(item: dict[str, Any]) -> tuple[float | None, float | None]:
    """Where a Segment starts and ends, in whichever way that is written."""
    start, end = _field(item, _START), _field(item, _END)
    if start is None:
        start, also = _pair(_field(item, _BOTH))
    else:
        start, also = _pair(start)
    first, last = _place(start), _place(also if end is None else end)
    if first is None:
        start, end = _pair(_field(item, _BOTH_MS))
        first = _thousandths(_field(item, _START_MS) if start is None else start)
        last = _thousandths(_field(item, _END_MS) if end is None else end) if last is None else last
    return first, last


def _pair(value: Any) -> tuple[Any, Any]:
    """A start, and the end that stands with it."""
    if isinstance(value, list):
        return (*value[:2], None, None)[:2]
    if isinstance(value, dict) and "seconds" not in value:
        return _field(value, _START), _field(value, _END)
    if isinstance(value, str) and (both := _RANGE.search(value)):
        return both[1], both[2]
    return value, None


def _place(value: Any) -> float | None:
    if isinstance(value, dict):  # {"seconds": 5, "nanos": 500000000}
        whole = clock.look(value.get("seconds"))
        return None if whole is None else whole + (_thousandths(value.get("nanos")) or 0) / 1e6
    return clock.look(value)


def _thousandths(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return clock.look(value / 1000) if is_number and 0 <= value < _LARGE else None


def _field(item: dict[str, Any], names: tuple[str, ...]) -> Any:
    """What an object has under one of its possible names."""
    plain = {key.lower().replace("_", "").replace(" ", ""): value for key, value in item.items()}
    return next((plain[name] for name in names if plain.get(name) is not None), None)


def _language(value: Any) -> str:
    language = value.get("language") if isinstance(value, dict) else ""
    return language if isinstance(language, str) else ""
