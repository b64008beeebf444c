"""The looks of a transcript: plain text, lines with timestamps, subtitles, or JSON to a schema.

A `Form` is told segment by segment what was said and gives the text for each, so that an answer
can be streamed. A schema is kept to as far as it can be filled in truth: times, texts, words, the
language, and "A" for the speaker, since nobody here can tell speakers apart. `find` gives no form
to a schema that requires anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .spoken import Heard, Segment, clock, stamp, whole_second

NOTHING = "No speech was heard in this recording."
SPEAKER = "A"

_START = {"start", "starttime", "startseconds", "begin", "from", "timestamp", "time", "timecode"}
_END = {"end", "endtime", "endseconds", "stop", "to"}
_TEXT = {"text", "transcript", "transcription", "content", "caption", "sentence", "speech"}
_SPEAKER = {"speaker", "speakername", "speakerlabel", "speakerid"}
_LANGUAGE = {"language", "languagecode", "lang"}
_FINE = re.compile(r"SS[.,][\dsfmx]|millisecond", re.IGNORECASE)

Fill = Callable[[Heard], Any]
"""What stands in one place of a JSON answer."""


class _Unfilled(Exception):
    """A schema asks for what is not known here."""


@dataclass(frozen=True)
class Form:
    """How to write a transcript; with `whole`, as one JSON value that is made at the end."""

    opening: str
    each: Callable[[Segment, int], list[str]]
    """The texts of a segment, which is the first, the second…"""
    between: str
    closing: str
    nothing: str
    headed: bool = False
    """Whether several recordings stand under headings."""
    whole: Callable[[Heard], str] | None = None


def schema_of(config: dict[str, Any]) -> dict[str, Any]:
    """The response schema as JSON Schema with its references in place; `{}` without one."""
    found = config.get("responseSchema", config.get("responseJsonSchema"))
    if config.get("responseMimeType") != "application/json" or not isinstance(found, dict):
        return {}
    known = {**_dict(found.get("$defs")), **_dict(found.get("definitions"))}
    return _plain(found, known, 0, iter(range(_LARGEST)))


def is_of_segments(schema: dict[str, Any]) -> bool:
    """Whether a list in it has items that are parts of a transcript."""
    if schema.get("type") == "array":
        names = {_name(key) for key in _dict(_dict(schema.get("items")).get("properties"))}
        return "word" in names or bool(names & _START and names & _TEXT)
    return any(is_of_segments(_dict(inner)) for inner in _dict(schema.get("properties")).values())


def find(
    config: dict[str, Any], *, subtitles: str = "", timed: bool, fine: bool, speakers: bool
) -> Form | None:
    """The form that a generationConfig and a prompt ask for; None if it cannot be filled."""
    kind = config.get("responseMimeType") or "text/plain"
    if kind == "text/plain":
        if subtitles:
            return _subtitles(subtitles, speakers=speakers)
        return _text(timed=timed, fine=fine, speakers=speakers)
    if kind != "application/json":
        return None
    schema = schema_of(config) or _DEFAULT
    try:
        if schema.get("type") == "array":
            items = _items(_dict(schema.get("items")), fine=fine)
            return Form("[", lambda one, _: [_json(item) for item in items(one)], ", ", "]", "[]")
        fill = _value("", schema, fine=fine)
        return Form("", lambda *_: [], "", "", "", whole=lambda heard: _json(fill(heard)))
    except _Unfilled:
        return None


def _text(*, timed: bool, fine: bool, speakers: bool) -> Form:
    def line(one: Segment, _: int) -> list[str]:
        start, end = stamp(one.start, fine=fine), stamp(one.end, is_end=True, fine=fine)
        times = f"[{start} - {end}]" if timed else ""
        speaker = f"Speaker {SPEAKER}:" if speakers else ""
        # Without either, the words bring the spaces that their language has.
        said = one.text if timed or speakers else "".join(word.text for word in one.words)
        return [" ".join(piece for piece in (times, speaker, said) if piece)]

    # An empty line between two, or Markdown would make one paragraph of all.
    return Form("", line, "\n\n" if timed or speakers else "", "", NOTHING, headed=True)


def _subtitles(kind: str, *, speakers: bool) -> Form:
    is_srt = kind == "SRT"
    name = f"Speaker {SPEAKER}: " if speakers else ""

    def cue(one: Segment, number: int) -> list[str]:
        point = "," if is_srt else "."
        times = f"{clock(one.start, point)} --> {clock(one.end, point)}"
        # An arrow in a text would be a time to some players.
        said = name + one.text.replace("-->", "->")
        # WebVTT has marks of its own.
        escaped = said if is_srt else said.replace("&", "&amp;").replace("<", "&lt;")
        return [f"{number}\n" * is_srt + f"{times}\n{escaped}"]

    head = "" if is_srt else "WEBVTT\n\n"
    nothing = NOTHING if is_srt else f"{head}NOTE {NOTHING}\n"
    return Form(head, cue, "\n\n", "\n", nothing, headed=True)


_DEFAULT: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("start", "end", "speaker", "text")},
    },
}


def _items(schema: dict[str, Any], *, fine: bool) -> Callable[[Segment], list[Any]]:
    """What a segment is in a list of such items: one of them, or one for each word."""
    names = {_name(key) for key in _dict(schema.get("properties"))}
    fill = _value("", schema, fine=fine)
    if "word" in names:
        return lambda one: [fill(_of(Segment((word,)))) for word in one.words]
    return lambda one: [fill(_of(one))]


def _of(segment: Segment) -> Heard:
    return Heard(segment.end - segment.start, "", (segment,))


def _value(name: str, schema: dict[str, Any], *, fine: bool) -> Fill:
    """What fills a place of that name and schema; `_Unfilled` if nothing does."""
    for branch in schema.get("anyOf", ()):
        try:
            return _value(name, branch, fine=fine)
        except _Unfilled:
            continue
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, fine=fine)
    if kind == "array":
        items = _items(_dict(schema.get("items")), fine=fine)
        return lambda heard: [item for one in heard.segments for item in items(one)]
    key = _name(name)
    if key in _START or key in _END:
        return _time(key in _END, schema, fine=fine)
    if kind == "string" and key in _SPEAKER and SPEAKER in schema.get("enum", (SPEAKER,)):
        return lambda _: SPEAKER
    if kind == "string" and "enum" not in schema and key in _TEXTS:
        return _TEXTS[key]
    raise _Unfilled


_TEXTS: dict[str, Fill] = {
    **dict.fromkeys([*_TEXT, "", "word"], lambda heard: heard.text),
    **dict.fromkeys(_LANGUAGE, lambda heard: heard.language),
}


def _object(schema: dict[str, Any], *, fine: bool) -> Fill:
    listed = _dict(schema.get("properties"))
    if not listed:
        raise _Unfilled
    fills: dict[str, Fill] = {}
    order = [name for name in schema.get("propertyOrdering", ()) if name in listed]
    for name in dict.fromkeys([*order, *listed]):
        try:
            fills[name] = _value(name, _dict(listed[name]), fine=fine)
        except _Unfilled:
            if name in schema.get("required", ()):
                raise
    return lambda heard: {name: fill(heard) for name, fill in fills.items()}


def _time(is_end: bool, schema: dict[str, Any], *, fine: bool) -> Fill:  # noqa: FBT001
    """Seconds as a number, or `MM:SS` as a text; in a whole answer, its first and its last."""
    kind = schema.get("type")
    fine = fine or bool(_FINE.search(str(schema.get("description", ""))))

    def moment(heard: Heard) -> float:
        if not heard.segments:
            return 0.0
        return heard.segments[-1].end if is_end else heard.segments[0].start

    if kind == "number":
        return lambda heard: round(moment(heard), 2)
    if kind == "integer":
        return lambda heard: whole_second(moment(heard), is_end=is_end)
    if kind == "string" and "enum" not in schema:
        return lambda heard: stamp(moment(heard), is_end=is_end, fine=fine)
    raise _Unfilled


def _plain(schema: Any, known: dict[str, Any], depth: int, left: Iterator[int]) -> dict[str, Any]:
    """A schema of either kind in one form: small types, no references, null left out."""
    schema = _dict(schema)
    # References may go round in circles, or double with every step.
    if depth > _DEEPEST or next(left, None) is None:
        return {"type": ""}
    if reference := schema.get("$ref"):
        return _plain(known.get(str(reference).rpartition("/")[2]), known, depth + 1, left)
    made = dict(schema)
    kind = schema.get("type")
    kinds = [str(one).lower() for one in (kind if isinstance(kind, list) else [kind or ""])]
    made["type"] = next((one for one in kinds if one not in ("", "null")), "")
    if "items" in schema:
        made["items"] = _plain(schema["items"], known, depth + 1, left)
    if "properties" in schema:
        inner = _dict(schema["properties"])
        made["properties"] = {k: _plain(v, known, depth + 1, left) for k, v in inner.items()}
    for key in ("required", "propertyOrdering", "enum"):
        if key in schema and not isinstance(schema[key], list):
            del made[key]
    branches = [*_list(schema.get("anyOf")), *_list(schema.get("oneOf"))]
    made["anyOf"] = [one for b in branches if (one := _plain(b, known, depth + 1, left))["type"]]
    return made


_DEEPEST, _LARGEST = 50, 1000


def _name(key: str) -> str:
    """`start_time`, `startTime` and `Start time` are one."""
    return re.sub(r"[^a-z]", "", key.lower())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
