"""JSON of a model → Drafts: what `reading.schema()` asks for, and what comes close to it.

Of an answer that was cut off, or is broken in the middle, the whole objects are kept.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from gemini_nb.transcripts import clock, lines
from gemini_nb.transcripts.draft import Draft

# What others than the schema call it, without case and underscores.
_START = ("start", "starttime", "startseconds", "begin", "from", "timestamp", "time")
_END = ("end", "endtime", "endseconds", "stop", "to")
_TEXT = ("text", "transcript", "transcription", "content", "caption", "sentence", "speech")
_SPEAKER = ("speaker", "speakername", "speakerlabel", "name", "voice")

_BEGIN = re.compile(r'\[\s*+[{\]"]|\{\s*+["}]')
_OBJECTS = re.compile(r"\[\s*+\{")
_KEY = re.compile(r'\s*+(?:\[\s*+)?\{\s*+"\w{0,30}(?:"\s*+:|\Z)')
_RANGE = re.compile(rf"({clock.SHAPE})\s*+\D{{1,5}}?\s*+({clock.SHAPE})")
_JSON = json.JSONDecoder(strict=False)  # line breaks inside a string are read
# Objects that cannot be read before one gives up; each costs a look at the whole text.
_PATIENCE = 300
_DEEPEST = 3


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
    try:
        value, end = _JSON.raw_decode(text, begin.start())
        is_cut = False
        rest = text[end:].strip()
        if rest.lstrip(", \r\n\t").startswith("{"):  # an object a line
            value, is_cut = _whole(text, begin.start())
    except (ValueError, RecursionError):
        value, is_cut, rest = _whole(text, begin.start())[0], True, ""
        if not value and not _KEY.match(text):
            return None  # a text that happens to have a bracket
    items = _items(value)
    if items is None:
        return None if rest or text[: begin.start()].strip() else Found(None)
    drafts = [draft for item in items for draft in _drafts(item)]
    return Found(drafts, _language(value), is_cut) if drafts or not items else Found(None)


def _whole(text: str, begin: int) -> tuple[list[Any], bool]:
    """The objects of a broken list that are whole, and whether any is not."""
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
    return found, broken > 0


def _items(value: Any, depth: int = 0) -> list[Any] | None:
    """The list of segments in a JSON value, wherever it is; None where there is none."""
    if isinstance(value, list):
        return value if all(isinstance(one, (dict, str)) for one in value) else None
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    if _field(value, _TEXT) is not None and not isinstance(_field(value, _TEXT), (list, dict)):
        return [value]
    inner = (_items(one, depth + 1) for one in value.values() if isinstance(one, (list, dict)))
    return next((items for items in inner if items is not None), None)


def _drafts(item: Any) -> list[Draft]:
    """One object is one Segment, or lines that have times of their own."""
    if isinstance(item, str):
        return lines.read(item)
    text = _field(item, _TEXT)
    if not isinstance(text, str):
        return []
    start, end = _field(item, _START), _field(item, _END)
    if start is None and end is None:
        return lines.read(text)
    if end is None and isinstance(start, str) and (both := _RANGE.search(start)):
        start, end = both.groups()
    speaker = _field(item, _SPEAKER)
    who = str(speaker) if isinstance(speaker, (str, int)) else ""
    return [Draft(clock.look(start), clock.look(end), text, who)]


def _field(item: dict[str, Any], names: tuple[str, ...]) -> Any:
    """What an object has under one of its possible names."""
    plain = {key.lower().replace("_", "").replace(" ", ""): value for key, value in item.items()}
    return next((plain[name] for name in names if plain.get(name) is not None), None)


def _language(value: Any) -> str:
    language = value.get("language") if isinstance(value, dict) else ""
    return language if isinstance(language, str) else ""
