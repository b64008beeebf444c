"""What is to be said aloud, by whom, and in what language. No sound.

A prompt to a voice (a model with `tts` in its name) tells how to speak and what to say:

- "Say cheerfully: Have a wonderful day!": what stands before the first colon of the first line is
  not said if it speaks of speaking. Of all that it tells, the language alone ("Say in German:") is
  kept to: the voices here have no moods.
- "Joe: How's it going?": with two speakers, each line is said in its speaker's voice. The names are
  not said, nor what stands before the first of them.
- What follows a heading "Transcript" is said alone, and marks like [whispers] are not said.

The answer of any other model is said as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import languages, prebuilt
from .fault import Fault, bad_request, cannot

if TYPE_CHECKING:
    from collections.abc import Collection

    from .prebuilt import Voice

_FIELD = "GenerateContentRequest.generation_config"
_VOICE_MODEL = re.compile(r"(?:^|[-.])tts(?:[-.]|$)")
_SPEAKERS = 2
_HEAD = re.compile(r"([^\n:：]{1,400})[:：](?=\s|[\"“«]|$)", re.MULTILINE)
_OF_SPEAKING = re.compile(
    r"\b(?:say|said|speak|speaks|spoken|speech|sound|sounds|read|reads|aloud|loud|tts|voice|tone|"
    r"accent|narrate|recite|tell|whisper|shout|sing|announce|pronounce|perform|convert|following|"
    r"conversation|dialog|dialogue|audio)\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^[ \t#*_=-]*transcript[ \t#*_=:-]*$", re.IGNORECASE | re.MULTILINE)
_MARK = re.compile(r"\[[^\W\d][\w ,'’-]{0,40}\]")
# Control characters are commands to eSpeak NG; of Markdown it would say the names of the signs.
_UNSAID = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|[*_#`|~]+")


@dataclass(frozen=True)
class Line:
    """Some words in one voice and one language."""

    text: str
    voice: Voice
    language: str


@dataclass(frozen=True)
class Cast:
    """Who speaks: one voice, or one for each speaker; in a language, or in that of each line."""

    voices: dict[str, Voice]
    language: str
    spoken: Collection[str]

    def prompt(self, request: dict[str, Any]) -> list[Line]:
        """The lines that a prompt to a voice asks for."""
        text = "\n".join(part["text"] for part in request["contents"][0]["parts"])
        if headings := list(_HEADING.finditer(text)):
            text = text[headings[-1].end() :]
        text = _MARK.sub(" ", text).strip()
        turns = self._turns(text)
        if not turns and len(self.voices) > 1:
            names = " or ".join(f"`{name}:`" for name in self.voices)
            raise Fault(400, f"No line of the prompt begins with {names}, so nobody says anything.")
        told = ""
        if not turns:
            told = _told(text)
            turns = [(next(iter(self.voices)), text[len(told) :].lstrip(":："))]
        lines = self._lines(turns, languages.written(told))
        if not lines:
            raise Fault(400, "There is nothing to say in the prompt; write it as in `Say: Hello!`.")
        return lines

    def answer(self, text: str) -> list[Line]:
        """The lines of what a model answered."""
        return self._lines(self._turns(text) or [(next(iter(self.voices)), text)], "")

    def _turns(self, text: str) -> list[tuple[str, str]]:
        """Each turn of a dialogue with its speaker; none if there are no speakers in it."""
        if len(self.voices) < _SPEAKERS:
            return []
        names = "|".join(re.escape(name) for name in self.voices)
        begins = re.compile(rf"^[ \t*]*({names})[ \t*]*[:：]", re.IGNORECASE | re.MULTILINE)
        exact = {name.lower(): name for name in self.voices}
        found = list(begins.finditer(text))
        ends = [*(turn.start() for turn in found[1:]), len(text)]
        return [
            (exact[turn[1].lower()], text[turn.end() : end])
            for turn, end in zip(found, ends, strict=False)
        ]

    def _lines(self, turns: list[tuple[str, str]], told: str) -> list[Line]:
        named = self.language or (prebuilt.named(told, self.spoken) if told else "")
        clean = [(speaker, _UNSAID.sub(" ", text).strip()) for speaker, text in turns]
        return [
            Line(text, self.voices[speaker], named or prebuilt.guessed(text))
            for speaker, text in clean
            if re.search(r"\w", text)
        ]


def _told(text: str) -> str:
    """What tells how to speak, up to its colon."""
    head = _HEAD.match(text)
    return head[1] if head and _OF_SPEAKING.search(head[1]) else ""


def is_voice(model: str) -> bool:
    """Whether a model says what it is sent, and answers nothing."""
    return bool(_VOICE_MODEL.search(model))


def is_asked(request: dict[str, Any], model: str) -> bool:
    """Whether the answer is to be said aloud; the API's faults where it cannot be."""
    config = request.get("generationConfig", {})
    wanted = [one for one in config.get("responseModalities", ()) if one != _UNSET]
    if is_voice(model):
        _voice_model(request, model, wanted)
    if "AUDIO" not in wanted:
        return False
    if config.get("candidateCount", 1) > 1:
        raise Fault(400, "Multiple candidates is not enabled for this model")
    if (config.get("responseMimeType") or "text/plain") != "text/plain":
        field = f"{_FIELD}.response_mime_type"
        raise bad_request(field, f"* {field}: an answer that is spoken has no such form.\n")
    return True


def cast(request: dict[str, Any], spoken: Collection[str]) -> Cast:
    """The voices that a request names, in a language out of those that are spoken."""
    config = request.get("generationConfig", {}).get("speechConfig", {})
    code = config.get("languageCode")
    language = prebuilt.named(code, spoken) if code else ""
    several = config.get("multiSpeakerVoiceConfig")
    if several is None:
        return Cast({"": _voice(config.get("voiceConfig", {}))}, language, spoken)
    field = f"{_FIELD}.speech_config"
    if "voiceConfig" in config:
        text = "set voice_config or multi_speaker_voice_config, not both.\n"
        raise bad_request(field, f"* {field}: {text}")
    named = {
        one.get("speaker", "").strip(): _voice(one.get("voiceConfig", {}))
        for one in several.get("speakerVoiceConfigs", ())
    }
    if len({name.lower() for name in named}) != _SPEAKERS:
        raise Fault(400, f"The number of enabled_voices must equal {_SPEAKERS}.")
    if "" in named:
        field += ".multi_speaker_voice_config.speaker_voice_configs.speaker"
        raise bad_request(field, f"* {field}: speaker is not specified\n")
    return Cast(named, language, spoken)


_UNSET = "MODALITY_UNSPECIFIED"


def _voice_model(request: dict[str, Any], model: str, wanted: list[str]) -> None:
    if wanted != ["AUDIO"]:
        raise Fault(
            400,
            f"The requested combination of response modalities ({', '.join(wanted) or 'TEXT'}) is "
            f"not supported by the model. models/{model} accepts the following combination of "
            "response modalities:\n* AUDIO\n",
        )
    if request.get("systemInstruction"):
        raise Fault(400, "Developer instruction is not enabled for this model")
    if len(request["contents"]) > 1:
        raise Fault(400, f"Multiturn chat is not enabled for models/{model}")
    if any("text" not in part for part in request["contents"][0]["parts"]):
        raise Fault(400, f"models/{model} says what is written; send it text alone.")


def _voice(config: dict[str, Any]) -> Voice:
    if config.get("replicatedVoiceConfig"):
        raise cannot("imitate a voice")
    name = config.get("prebuiltVoiceConfig", {}).get("voiceName") or config.get("voice")
    return prebuilt.voice(name) if name else prebuilt.DEFAULT
