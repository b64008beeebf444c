"""What a prompt to a voice says aloud, by whom, and what is refused."""

from __future__ import annotations

import pytest

from gemini_nb.local import prebuilt, script, wire
from gemini_nb.local.fault import Fault

SPOKEN = {"en-us", "de", "ru"}
TTS = "gemini-3.8-flash-tts"
KORE, PUCK = prebuilt.VOICES["kore"], prebuilt.VOICES["puck"]


def named(voice):
    return {"prebuiltVoiceConfig": {"voiceName": voice}}


TWO = {
    "multiSpeakerVoiceConfig": {
        "speakerVoiceConfigs": [
            {"speaker": "Joe", "voiceConfig": named("Puck")},
            {"speaker": "Jane", "voiceConfig": named("Kore")},
        ]
    }
}


def request(text, speech=None, **config):
    found = {"responseModalities": ["AUDIO"], "speechConfig": speech or {}, **config}
    return {"contents": [{"parts": [{"text": text}]}], "generationConfig": found}


def lines(text, speech=None):
    asked = request(text, speech)
    return script.cast(asked, SPOKEN).prompt(asked)


def prompted(asked):
    return script.is_asked(asked, TTS) and script.cast(asked, SPOKEN).prompt(asked)


def refused(asked):
    with pytest.raises(Fault) as caught:
        prompted(asked)
    return caught.value


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("Say cheerfully: Have a wonderful day!", "Have a wonderful day!"),
        ("Have a wonderful day!", "Have a wonderful day!"),
        ("Say in an spooky whisper:\n“Something wicked”", "“Something wicked”"),
        ("Read this aloud：Good morning.", "Read this aloud：Good morning."),
        ("Read this aloud： Good morning.", "Good morning."),
        ("Shopping: eggs and milk.", "Shopping: eggs and milk."),
        ("We meet at 10:30.\nSay nothing: it is secret.", None),
        ("Say: one: two", "one: two"),
        ("[whispers] Come closer. [short pause] Closer.", "Come closer.   Closer."),
        ("## Voice\nA tired clerk.\n\n## Transcript\nNext, please: you!", "Next, please: you!"),
        ("Say: **Stop** it\x01!", "Stop  it !"),
    ],
)
def test_what_is_said_of_a_prompt(prompt, said):
    """An instruction before the first colon is not, nor a mark for the mood."""
    (line,) = lines(prompt)
    assert line.text == (prompt if said is None else said)
    assert line.voice == KORE


def test_each_speaker_has_a_voice():
    """The names and the instruction are not said; a turn may have several lines."""
    text = (
        "TTS the following conversation between Joe and Jane:\n"
        "  Joe: How's it going today Jane?\n"
        "**Jane:** Not too bad.\nHow about you?\n"
        "joe: ...\n"
    )
    found = [(line.voice, line.text) for line in lines(text, TWO)]
    assert found == [
        (PUCK, "How's it going today Jane?"),
        (KORE, "Not too bad.\nHow about you?"),
    ]


def test_an_answer_is_said_as_a_whole():
    """What a model answers has no instructions in it."""
    cast = script.cast(request(""), SPOKEN)
    assert [line.text for line in cast.answer("Say: hello.")] == ["Say: hello."]
    assert cast.answer("…") == []
    two = script.cast(request("", TWO), SPOKEN)
    assert [line.voice for line in two.answer("Hello.\n\nJane: Hi.")] == [KORE]
    assert [line.voice for line in two.answer("Hello.")] == [PUCK]


@pytest.mark.parametrize(
    ("prompt", "speech", "language"),
    [
        ("Say: Hello", {}, "en-us"),
        ("Say: Добрый день", {}, "ru"),
        ("Say in German: Guten Tag", {}, "de"),
        ("Say: Guten Tag", {"languageCode": "de-DE"}, "de"),
        ("Say in German: Hello", {"languageCode": "en"}, "en-us"),
        ("In German, hello is hallo.", {}, "en-us"),
    ],
)
def test_a_language_is_named_or_guessed(prompt, speech, language):
    """The configuration comes first, then the instruction, then the letters."""
    assert [line.language for line in lines(prompt, speech)] == [language]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (request("Hi", responseModalities=["TEXT"]), "modalities (TEXT) is not supported"),
        (request("Hi", responseModalities=[]), "modalities (TEXT) is not supported"),
        (request("Hi", candidateCount=2), "Multiple candidates is not enabled"),
        (request("Hi", responseMimeType="application/json"), "response_mime_type: an answer"),
        (request("Hi") | {"systemInstruction": {"parts": [{}]}}, "Developer instruction is not"),
        (request("Hi") | {"contents": [{"parts": []}] * 2}, "Multiturn chat is not enabled"),
        (request("Hi") | {"contents": [{"parts": [{"inlineData": {}}]}]}, "send it text alone"),
        (request("Say:"), "There is nothing to say in the prompt"),
        (request("Hi", {"voiceConfig": named("Bob")}), "Voice name Bob is not supported."),
        (request("Hi", {"languageCode": "xx"}), "Language code xx is not spoken here"),
        (request("Say in Welsh: Bore da"), "Language code cy is not spoken here"),
        (request("Hi", {"voiceConfig": {}, **TWO}), "not both"),
        (request("Hi", {"multiSpeakerVoiceConfig": {}}), "enabled_voices must equal 2"),
        (request("Hi", TWO), "No line of the prompt begins with `Joe:` or `Jane:`"),
    ],
)
def test_what_cannot_be_said_is_refused(asked, said):
    """With one clear sentence, the API's own where it has one."""
    fault = refused(asked)
    assert (fault.code, said in fault.message) == (400, True), fault.message


def test_a_speaker_needs_a_name():
    """Two voices for one name are one voice."""
    config = {"speaker": "Joe", "voiceConfig": named("Puck")}
    both = {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [config, config | {"speaker": ""}]}}
    assert "speaker is not specified" in refused(request("Joe: hi", both)).message
    both = {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [config, config]}}
    assert "must equal 2" in refused(request("Joe: hi", both)).message


def test_a_voice_is_not_imitated():
    """The API can, with a sample of it."""
    sample = {"voiceConfig": {"replicatedVoiceConfig": {"voiceSampleAudio": "AAAA"}}}
    assert refused(request("Hi", sample)).code == 501


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-2.5-flash-preview-tts", True),
        ("gemini-2.5-pro-tts", True),
        ("gemini-3.8-flash", False),
        ("gemini-atts-1", False),
    ],
)
def test_a_voice_has_tts_in_its_name(model, expected):
    """As a word of its own; any other model may be asked for sound, and for none."""
    assert script.is_voice(model) == expected
    assert script.is_asked(request("Hi"), model)
    if not expected:
        assert not script.is_asked(request("Hi", responseModalities=["TEXT"]), model)


def test_both_spellings_are_read():
    """Clients send snake_case as well, and one object for a list of one."""
    body = (
        b'{"contents": {"parts": {"text": "Joe: hi"}}, "generation_config": {"speech_config": '
        b'{"language_code": "de", "multi_speaker_voice_config": {"speaker_voice_configs": [{'
        b'"speaker": "Joe", "voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}},'
        b'{"speaker": "Jane", "voice_config": {"voice": "Kore"}}]}}}}'
    )
    cast = script.cast(wire.parse(body, "GenerateContentRequest"), SPOKEN)
    assert cast.voices == {"Joe": PUCK, "Jane": KORE}
    assert cast.language == "de"


def test_a_prompt_of_nothing_but_lines_takes_no_time():
    """Patterns that look for the beginning of a line see each of them once."""
    (line,) = lines("\n" * 200_000 + " " * 200_000 + "#" * 200_000 + "end")
    assert line.text == "end"
