"""Whether a prompt asks for a transcript, and the shape that it asks for. No sound and no model.

A prompt with a recording asks for one if its last turn

- says "transcribe" (any form of the word), or "transcript" or "transcription" after "generate",
  "give", "provide" and the like, or as its first word; or
- has a response schema whose items are parts of a transcript (a start and a text, or a word),

and asks for nothing else beside it: no summary, no translation, no answer to a question. All else
is for the text model. A transcript has timestamps where the prompt speaks of them, is limited to a
range ("from 02:30 to 03:29") that it names, is written as SRT or WebVTT where it says so, is heard
in the language that it names ("The language is German", "in German"), and keeps to a response
schema as far as every field that is required can be filled in truth; where one cannot, the text
model is asked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import forms, languages
from .speech import is_audio

if TYPE_CHECKING:
    from .forms import Form

_TASKS = (
    r"(?:summar|translat|explain|analy[sz]|classif|sentiment|paraphras|rewrit|compar|describ|"
    r"answer|key (?:point|moment)|takeaway|bullet|topic|main idea|action item|headline|title|"
    r"question|why\b|how many|how much|how long|which\b|whom?\b|what(?:'s| is| are| was| were| do))"
)
_OTHER = re.compile(rf"\b{_TASKS}", re.IGNORECASE)
# What shall not be done is not asked for.
_DENIED = re.compile(
    r"\b(?:do not|don't|don’t|never|without|no|not|nor)\s+(?:\w+\s+){0,2}?"
    rf"(?:{_TASKS}|transcri)\w*"
    rf"(?:(?:,| or| nor| and)\s+{_TASKS}\w*)*",
    re.IGNORECASE,
)
# Words of a task that are none here.
_SPEAKS = re.compile(r"\bwho (?:speaks|is speaking)|\bwho said what", re.IGNORECASE)
_SAID = re.compile(r"\bwhat(?:'s| is| was)(?: being)? (?:said|spoken)", re.IGNORECASE)
_VERB = re.compile(r"\btranscrib|\btranskribier", re.IGNORECASE)
_NOUN = re.compile(
    r"(?:\b(?:generat|giv|provid|mak|creat|writ|produc|return|get|want|need|show|output|print|"
    r"send|have|see|full|complete|verbatim)\w*\b[^.?!\n]{0,60}?|^\W*(?:a |an |the )?)"
    r"\.?\b(?:transcript|subtitles\b|srt\b|(?:web)?vtt\b)",
    re.IGNORECASE,
)
_TIMED = re.compile(
    r"time[ -]?(?:stamp|code)|\b(?:MM|M):SS|\[\d\d:\d\d|\bsubtitle|\bcaption", re.IGNORECASE
)
_FINE = re.compile(r"SS[.,][\dsfmx]|millisecond|hundredth|tenth", re.IGNORECASE)
_SUBTITLES = re.compile(r"\b(srt|subrip)\b|\b(?:web)?vtt\b", re.IGNORECASE)
_SPEAKERS = re.compile(r"\bspeakers?\b", re.IGNORECASE)
_CLOCK = r"((?:\d{1,2}:)?\d{1,3}:[0-5]\d(?:\.\d{1,3})?)"
# What stands in brackets or quotes shows a format.
_RANGE = re.compile(
    rf"(?<![\[(\"'`\d:.]){_CLOCK}\s*(?:to|until|till|through|and|-|–|—)\s*"
    rf"(?:{_CLOCK}|the end)(?![\])\"'`\d:])",
    re.IGNORECASE,
)
_UNTIL = re.compile(rf"\b(?:until|up to|before)\s+{_CLOCK}", re.IGNORECASE)
_SINCE = re.compile(rf"\b(?:from|since|after|starting at)\s+{_CLOCK}", re.IGNORECASE)

_READ = 5000
"""Characters at both ends of a turn in which a wish is looked for; between them is a document."""


@dataclass(frozen=True)
class Wish:
    """A transcript that is asked for: from which second to which, its look, and its language."""

    start: float
    end: float
    form: Form
    language: str = ""
    """A code; empty where none is named."""


def wish(request: dict[str, Any]) -> Wish | None:
    """What a request with recordings asks for; None if that is no transcript."""
    if not recordings(request):
        return None
    asked = _SAID.sub("it", _SPEAKS.sub("the speaker", _DENIED.sub("", _asked(request))))
    config = request.get("generationConfig", {})
    schema = forms.schema_of(config)
    named = _VERB.search(asked) or _NOUN.search(asked)
    if not (named or forms.is_of_segments(schema)) or _OTHER.search(asked):
        return None
    subtitles = _SUBTITLES.search(asked)
    form = forms.find(
        config,
        subtitles=("SRT" if subtitles[1] else "VTT") if subtitles else "",
        timed=bool(_TIMED.search(asked)),
        fine=bool(_FINE.search(asked)),
        speakers=bool(_SPEAKERS.search(asked)),
    )
    if form is None:
        return None
    return Wish(*_range(asked), form, languages.told(asked) or languages.written(asked))


def language(request: dict[str, Any]) -> str:
    """What is said to be spoken in the recordings of any request, as a code; or `""`."""
    return languages.told(_asked(request))


def recordings(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the last turn that has any, if nothing but texts came with them or later."""
    for content in reversed(request["contents"]):
        found = [part for part in content["parts"] if is_audio(part)]
        if any("inlineData" in part and not is_audio(part) for part in content["parts"]):
            return []
        if found:
            return found
    return []


def _asked(request: dict[str, Any]) -> str:
    """The words of the last turn; without any, those of the system instruction."""
    for content in (request["contents"][-1], request.get("systemInstruction") or {"parts": []}):
        said = "\n".join(part["text"] for part in content["parts"] if part.get("text"))
        if said.strip():
            return said if len(said) <= 2 * _READ else f"{said[:_READ]}\n{said[-_READ:]}"
    return ""


def _range(asked: str) -> tuple[float, float]:
    if found := _RANGE.search(asked):
        start, end = _seconds(found[1]), _seconds(found[2]) if found[2] else math.inf
        if start < end:
            return start, end
    since, until = _SINCE.search(asked), _UNTIL.search(asked)
    return _seconds(since[1]) if since else 0.0, _seconds(until[1]) if until else math.inf


def _seconds(shown: str) -> float:
    total = 0.0
    for number in shown.split(":"):
        total = total * 60 + float(number)
    return total
