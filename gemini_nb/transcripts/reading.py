"""The answer of a model → a Transcript, and the words and the schema to ask for one with.

Every text is read. JSON is preferred (`structured.py`), lines with times are understood as well
(`lines.py`). What cannot be trusted is said, not hidden:

- An answer that was cut off keeps its whole Segments, and is `partial`.
- Words without a time become a Segment with the flag `has no time`, between its neighbours; so does
  a whole answer without times (it holds the words, and they were paid for).
- A place whose words are missing becomes a Segment without text, with the flag
  `came without its words`.
- A missing end is the next start, the last one the end of the recording.
- `[]` is a transcript in which nobody speaks. An empty answer, and JSON of something else, is none:
  ResponseError.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from gemini_nb.errors import BadPrompt, ResponseError
from gemini_nb.transcripts import clock, lines, structured
from gemini_nb.transcripts.transcript import Segment, Transcript

if TYPE_CHECKING:
    from gemini_nb.transcripts.draft import Draft

UNTIMED = "has no time"
LOST = "came without its words"

_FENCE = re.compile(r"```[\w-]{0,20}[ \t]*+\n(.*?)(?:```|\Z)", re.DOTALL)
_TIME_OR_JSON = re.compile(rf"{clock.SHAPE}|[\[{{]")


def schema(*, speakers: bool = False) -> dict[str, Any]:
    """The response schema to ask for: a list of {start, end, speaker, text}."""
    place = {"type": "STRING", "description": "MM:SS, or H:MM:SS after an hour"}
    fields: dict[str, Any] = {"start": place, "end": dict(place)}
    if speakers:
        fields["speaker"] = {"type": "STRING"}
    fields["text"] = {"type": "STRING", "description": "the words as they are said"}
    one = {
        "type": "OBJECT",
        "properties": fields,
        "required": list(fields),
        "propertyOrdering": list(fields),
    }
    return {"type": "ARRAY", "items": one}


def prompt(
    start: Any = None, end: Any = None, *, speakers: bool = False, language: str | None = None
) -> str:
    """The words to ask with, in the form that the API documents. Raises BadPrompt for the times.

    Args:
        start: where to begin, `"02:30"` or seconds; None for the beginning.
        end: where to end; None for the end of the recording.
        speakers: tell them apart.
        language: the one that is spoken, as a person writes it.
    """
    asked = [f"{_what(start, end)} Write down every word as it is said."]
    asked.append(
        "Give the start and the end of each sentence as MM:SS (H:MM:SS after an hour), "
        "counted from the beginning of the recording."
    )
    if speakers:
        asked.append("Say who speaks: Speaker A, Speaker B, or the name where it is heard.")
    if language:
        asked.append(f"The language is {language}.")
    return " ".join(asked)


def _what(start: Any, end: Any) -> str:
    if start is None and end is None:
        return "Generate a transcript of the speech."
    first = 0.0 if start is None else clock.seconds(start)
    if end is None:
        return f"Provide a transcript of the speech from {clock.mark(first)} to the end."
    last = clock.seconds(end)
    if last <= first:
        raise BadPrompt(
            f"{clock.stamp(last)} is not after {clock.stamp(first)}.",
            advice="Give the start first, then the end.",
        )
    return (
        f"Provide a transcript of the speech from {clock.mark(first)} "
        f"to {clock.mark(math.ceil(last))}."
    )


def read(text: str, *, seconds: float | None = None, response: Any = None) -> Transcript:
    """The Transcript in the text of an answer.

    Args:
        text: what the model said.
        seconds: the length of the recording that it heard, where it is known.
        response: the answer, for the error.

    Raises ResponseError where the text is empty, or JSON that is no transcript.
    """
    inside = _unfenced(text.lstrip("\ufeff"))
    found = structured.read(inside)
    if found is None:
        found = structured.Found(lines.read(inside))
    if found.drafts is None or not (inside.strip() or found.drafts):
        what = "The answer is empty" if not inside.strip() else "The answer is no transcript"
        raise ResponseError(
            f"{what}.", response=response, advice="Ask again, or look at what came: error.response."
        )
    return Transcript(_segments(found.drafts, seconds), found.language, seconds, found.is_cut)


def is_timed(text: str) -> bool:
    """Is an answer a transcript, or a list of places in the recording?

    Each of its lines begins with its time, but for a few, or it is JSON with times. A line alone
    has to be like `[00:07 - 00:16] words`: `00:30 is when it starts.` is a sentence.
    """
    inside = _unfenced(text.lstrip("\ufeff"))
    found = structured.read(inside)
    if found is None:
        return lines.is_timed(inside)
    return any(draft.start is not None for draft in found.drafts or ())


def _unfenced(text: str) -> str:
    """What is in the first block of code, unless the transcript begins before it."""
    fence = _FENCE.search(text)
    if not fence or _TIME_OR_JSON.search(text, 0, fence.start()):
        return text
    return fence[1]


def _segments(drafts: list[Draft], seconds: float | None) -> list[Segment]:
    """Drafts with words → Segments, whose missing times are those of their neighbours."""
    spoken = [draft for draft in drafts if draft.text.strip() or draft.is_lost]
    made: list[Segment] = []
    before = 0.0
    for draft, after in zip(spoken, _next_starts(spoken, seconds), strict=True):
        start = before if draft.start is None else draft.start
        end = draft.end
        if end is None:
            end = start if after is None else max(start, after)
        flags = (UNTIMED,) if draft.start is None else (LOST,) if draft.is_lost else ()
        made.append(Segment(start, end, _clean(draft.text), _clean(draft.speaker), flags))
        before = end if draft.start is not None or draft.end is not None else start
    return made


def _next_starts(drafts: list[Draft], seconds: float | None) -> list[float | None]:
    """For each the first start that comes after it."""
    found: list[float | None] = []
    after = seconds
    for draft in reversed(drafts):
        found.append(after)
        after = after if draft.start is None else draft.start
    return found[::-1]


def _clean(text: str) -> str:
    """One line that can be written to a file: no half of a surrogate pair."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
