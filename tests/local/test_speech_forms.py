"""When a prompt asks for a transcript, and what each form makes of one."""

from __future__ import annotations

import json
import math

import pytest

from gemini_nb.local import dictation, forms
from gemini_nb.local.spoken import Heard, Segment, Word, stamp
from gemini_nb.transcripts import reading

SOUND = {"inlineData": {"mimeType": "audio/wav", "data": ""}}
PICTURE = {"inlineData": {"mimeType": "image/png", "data": ""}}


def segment(*words):
    return Segment(tuple(Word(*word) for word in words))


SEGMENTS = (
    segment((0.4, 0.8, " Hello"), (0.8, 1.3, " there.")),
    segment((61.0, 61.5, " Good"), (61.6, 62.24, " bye.")),
)
SAID = Heard(70, "en", SEGMENTS)


def wish(text, *, system="", sound=SOUND, **config):
    contents = [{"role": "user", "parts": [sound, {"text": text}]}]
    request = {"contents": contents, "generationConfig": config}
    if system:
        request["systemInstruction"] = {"parts": [{"text": system}]}
    return dictation.wish(request)


def written(form):
    """A whole transcript, as it is put together for an answer."""
    if form.whole:
        return form.whole(SAID)
    texts = [text for at, one in enumerate(SEGMENTS, 1) for text in form.each(one, at)]
    return form.opening + form.between.join(texts) + form.closing


@pytest.mark.parametrize(
    "asked",
    [
        "Transcribe this.",
        "Can you transcribe the interview, please?",
        "Generate a transcript of the speech.",
        "Provide a full transcript of what is said.",
        "Transcript, please",
        "I need a transcription of this recording.",
        "Transcribe this, do not translate or summarize it.",
        "Transcribe this interview, in the format of timecode, speaker, caption.",
        "Transcribe it and say who speaks.",
        reading.prompt(),
        reading.prompt(speakers=True, language="German"),
        reading.prompt("00:10", "01:05"),
    ],
)
def test_these_ask_for_a_transcript(asked):
    """Any form of the verb, or the noun after a word of giving."""
    assert wish(asked)


@pytest.mark.parametrize(
    "asked",
    [
        "What is said?",
        "Describe this audio clip",
        "Summarize the transcript.",
        "What does the transcript say about the budget?",
        "Transcribe this and translate it into German.",
        "Give me a transcript and a summary.",
        "Do not transcribe this. Say hello.",
        "What is SRT?",
        "Translate it and make an SRT file.",
        "Who is in the transcript?",
        "Listen.",
        "",
    ],
)
def test_these_do_not(asked):
    """Whatever asks for anything else is for the text model."""
    assert wish(asked) is None


def test_no_recording_is_no_dictation():
    """Nor is one that came with a picture."""
    assert dictation.wish({"contents": [{"parts": [{"text": "Transcribe this."}]}]}) is None
    parts = [SOUND, PICTURE, {"text": "Transcribe this."}]
    assert dictation.wish({"contents": [{"parts": parts}]}) is None


def test_the_last_turn_decides():
    """A chat may ask for a transcript later; a system instruction speaks where nobody else does."""
    turns = [
        {"role": "user", "parts": [SOUND, {"text": "Who speaks here?"}]},
        {"role": "model", "parts": [{"text": "A reader."}]},
        {"role": "user", "parts": [{"text": "Transcribe it."}]},
    ]
    assert dictation.wish({"contents": turns})
    assert not dictation.wish({"contents": turns[:1]})
    assert dictation.recordings({"contents": turns}) == [SOUND]
    assert wish("", system="Transcribe what the user sends.")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", (0, math.inf)),
        (" from 02:30 to 03:29", (150, 209)),
        (" between 2:30 and 03:29", (150, 209)),
        (" 02:30 - 03:29", (150, 209)),
        (" from 1:02:30 to 1:03:29.5", (3750, 3809.5)),
        (" from 75:10 to the end", (4510, math.inf)),
        (" from 02:30 on", (150, math.inf)),
        (" until 00:10", (0, 10)),
        (" in the form [00:01 - 00:05] text", (0, math.inf)),
        (" like `00:01 - 00:05`", (0, math.inf)),
        (" from 03:29 to 03:29", (209, math.inf)),
    ],
)
def test_a_range_is_read(asked, expected):
    """What stands in brackets or quotes shows a format and is none."""
    found = wish(f"Transcribe the speech{asked}.")
    assert (found.start, found.end) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Transcribe this.", "Hello there. Good bye."),
        (
            "Transcribe with timestamps.",
            "[00:00 - 00:02] Hello there.\n\n[01:01 - 01:03] Good bye.",
        ),
        (
            "Transcribe this as [00:01 - 00:05] text, times as MM:SS.mmm.",
            "[00:00.400 - 00:01.300] Hello there.\n\n[01:01.000 - 01:02.240] Good bye.",
        ),
        ("Transcribe, name speakers.", "Speaker A: Hello there.\n\nSpeaker A: Good bye."),
    ],
)
def test_texts_look_as_they_are_asked_for(asked, expected):
    """Plain, with times, with speakers."""
    assert written(wish(asked).form).strip() == expected


SRT = """\
1
00:00:00,400 --> 00:00:01,300
Hello there.

2
00:01:01,000 --> 00:01:02,240
Good bye.
"""
VTT = """\
WEBVTT

00:00:00.400 --> 00:00:01.300
Hello there.

00:01:01.000 --> 00:01:02.240
Good bye.
"""


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Transcribe this as SRT.", SRT),
        ("Generate subtitles for this talk in SRT format, with timestamps.", SRT),
        ("Give me an .srt file", SRT),
        ("Transcribe this in WebVTT format.", VTT),
        ("Provide VTT captions.", VTT),
    ],
)
def test_subtitles_are_written_as_players_read_them(asked, expected):
    """Numbered with a comma, or under a header with a point; our own reader gets them back."""
    found = written(wish(asked).form)
    assert found == expected
    assert [one.text for one in reading.read(found).segments] == ["Hello there.", "Good bye."]


def test_subtitles_keep_their_marks_apart():
    """What is said cannot be taken for a time, or for a tag."""
    tricky = segment((3600.5, 3602.0, " a --> b <i> &"))
    (srt,) = wish("Transcribe as SRT, with speakers.").form.each(tricky, 7)
    assert srt == "7\n01:00:00,500 --> 01:00:02,000\nSpeaker A: a -> b <i> &"
    (vtt,) = wish("Transcribe as VTT.").form.each(tricky, 7)
    assert vtt == "01:00:00.500 --> 01:00:02.000\na -> b &lt;i> &amp;"
    assert wish("Transcribe as VTT.").form.nothing.startswith("WEBVTT\n\nNOTE No speech")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (reading.prompt(language="German"), "de"),
        ("Transcribe this in French.", "fr"),
        ("Transcribe this in SRT format.", ""),
        (reading.prompt(), ""),
    ],
)
def test_a_language_is_heard_as_named(asked, expected):
    """In a transcript, "in French" names what is spoken; a translation is none."""
    assert wish(asked).language == expected


def as_json(schema, asked="Transcribe this."):
    found = wish(asked, responseMimeType="application/json", **schema)
    return found and json.loads(written(found.form))


def test_our_own_schema_is_filled():
    """What the package asks for is what it gets, and can read."""
    schema = {"responseSchema": reading.schema(speakers=True)}
    assert as_json(schema, reading.prompt(speakers=True)) == [
        {"start": "00:00", "end": "00:02", "speaker": "A", "text": "Hello there."},
        {"start": "01:01", "end": "01:03", "speaker": "A", "text": "Good bye."},
    ]
    found = wish(reading.prompt(), responseMimeType="application/json", **schema)
    assert reading.read(written(found.form)).text.split() == ["Hello", "there.", "Good", "bye."]


def of_segments(**fields):
    return {"responseSchema": {"type": "ARRAY", "items": {"type": "OBJECT", "properties": fields}}}


def test_numbers_are_seconds():
    """To the hundredth, or whole ones that leave no word out."""
    number, whole, text = {"type": "NUMBER"}, {"type": "INTEGER"}, {"type": "STRING"}
    found = as_json(of_segments(start_time=number, endTime=whole, text=text))
    assert found[1] == {"start_time": 61.0, "endTime": 63, "text": "Good bye."}
    found = as_json(of_segments(word=text, start=number))
    assert found == [
        {"word": "Hello", "start": 0.4},
        {"word": "there.", "start": 0.8},
        {"word": "Good", "start": 61.0},
        {"word": "bye.", "start": 61.6},
    ]


def test_a_schema_of_segments_asks_without_words():
    """Whatever else the prompt says, if that is no other task."""
    schema = of_segments(start={"type": "STRING"}, text={"type": "STRING"})
    assert as_json(schema, "Listen to this.")[0] == {"start": "00:00", "text": "Hello there."}
    assert as_json(schema, "Summarize each topic.") is None


def test_a_json_schema_with_references_is_filled():
    """As pydantic writes it, with what may be null or left out."""
    schema = {
        "$defs": {
            "Line": {
                "type": "object",
                "properties": {
                    "start": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                    "text": {"type": "string"},
                    "mood": {"type": "string"},
                },
                "required": ["start", "text"],
            }
        },
        "type": "object",
        "properties": {
            "language": {"type": "string"},
            "segments": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        },
        "required": ["language", "segments"],
    }
    assert as_json({"responseJsonSchema": schema}) == {
        "language": "en",
        "segments": [
            {"start": 0.4, "text": "Hello there."},
            {"start": 61.0, "text": "Good bye."},
        ],
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"text": {"type": "string"}, "mood": {"type": "string"}}},
        {"type": "array", "items": {"type": "object", "properties": {"mood": {"type": "string"}}}},
        {"type": "string", "enum": ["yes", "no"]},
        {"type": "boolean"},
        {"type": "array", "items": {"$ref": "#"}},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
        {
            "$ref": "#/$defs/A0",
            "$defs": {
                f"A{at}": {
                    "type": "object",
                    "properties": {key: {"$ref": f"#/$defs/A{at + 1}"} for key in "ab"},
                    "required": ["a", "b"],
                }
                for at in range(40)
            },
        },
        {"type": "object"},
    ],
)
def test_what_cannot_be_filled_in_truth_is_not_filled(schema):
    """Then the text model is asked."""
    schema = {**schema, "required": list(schema.get("properties", ()))}
    if "items" in schema and "properties" in schema["items"]:
        schema["items"] = {**schema["items"], "required": ["mood"]}
    assert as_json({"responseJsonSchema": schema}) is None


def test_json_without_a_schema_is_a_list_of_segments():
    """In the form that the documentation shows."""
    assert as_json({})[0] == {
        "start": "00:00",
        "end": "00:02",
        "speaker": "A",
        "text": "Hello there.",
    }


def test_nothing_heard_is_an_empty_list_or_a_sentence():
    """Nobody is quoted who did not speak."""
    assert forms.find({}, timed=True, fine=False, speakers=False).nothing == forms.NOTHING
    found = wish("Transcribe.", responseMimeType="application/json")
    assert found.form.nothing == "[]"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "00:00"), (59.6, "00:59"), (3599.9, "59:59"), (3600, "1:00:00"), (36_061, "10:01:01")],
)
def test_a_stamp_has_hours_where_there_are_any(seconds, expected):
    """The second that it is in."""
    assert stamp(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "00:00"), (59.1, "01:00"), (5.0000001, "00:05"), (4.9999999, "00:05")],
)
def test_an_end_has_come_by_its_stamp(seconds, expected):
    """Or a player would cut the last word; a rounding error is no second more."""
    assert stamp(seconds, is_end=True) == expected
    assert stamp(4.9999999) == "00:05"


def test_hostile_prompts_cost_no_time():
    """A megabyte of what the patterns begin with; the clock of the test suite would show it."""
    for piece in ("generate ", "00:01 - ", "do not ", "transcript ", "no no no, ", '"00:'):
        wish(piece * 100_000)
