"""Any text of a model becomes a Transcript, or one clear error; and it is quick about it."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gemini_nb.errors import BadPrompt, ResponseError
from gemini_nb.transcripts import Transcript, clock
from gemini_nb.transcripts.reading import LOST, UNTIMED, is_timed, prompt, read, schema


def times(transcript):
    return [(s.start, s.end) for s in transcript]


def test_missing_ends_are_the_next_start():
    """The last one the end of the recording, where that is known."""
    assert times(read("00:01 a\n00:04 b\n00:09 c", seconds=12)) == [(1, 4), (4, 9), (9, 12)]
    assert times(read("00:01 a\n00:04 b")) == [(1, 4), (4, 4)]
    assert times(read("00:09 a\n00:04 b\n00:20 c", seconds=12)) == [(9, 9), (4, 20), (20, 20)]


def test_ends_that_are_there_stay():
    """Wrong ones, too: that is for the check to say."""
    assert times(read("[00:05 - 00:02] a\n[00:03 - 00:09] b", seconds=4)) == [(5, 2), (3, 9)]


def test_words_without_a_time_are_kept_and_flagged():
    """Between their neighbours; a text without any time is one Segment."""
    found = read('[{"start": 1, "end": 3, "text": "a"}, {"text": "b"}, {"start": 5, "text": "c"}]')
    assert times(found) == [(1, 3), (3, 5), (5, 5)]
    assert [s.flags for s in found] == [(), (UNTIMED,), ()]
    prose = read("Good morning.\n\nHow are you?", seconds=7)
    assert [(s.text, s.end, s.flags) for s in prose] == [
        ("Good morning. How are you?", 7, (UNTIMED,))
    ]


def test_words_that_did_not_come_leave_their_place():
    """A Segment without text, which no text, subtitle or frame has."""
    found = read('[{"start": 1, "end": 3, "text": "a"}, {"start": 3, "text": null}]', seconds=7)
    assert [(s.start, s.end, s.text, s.flags) for s in found] == [
        (1, 3, "a", ()),
        (3, 7, "", (LOST,)),
    ]


@pytest.mark.parametrize(
    "fenced",
    [
        "```json\n{}\n```",
        "```\n{}```",
        "Here it is:\n\n```json\n{}\n```\nAnything else?",
        "\ufeff```json\n{}",
    ],
)
def test_a_block_of_code_is_opened(fenced):
    """With words around it or without, closed or not; with JSON or lines inside."""
    for inside in ('[{"start": 1, "end": 2, "text": "a"}]', "[00:01 - 00:02] a"):
        found = read(fenced.replace("{}", inside))
        assert [(s.start, s.end, s.text) for s in found] == [(1, 2, "a")]
        assert not found.partial


def test_a_cut_answer_says_so():
    """And a whole one does not."""
    whole = json.dumps([{"start": "00:01", "end": "00:02", "text": "a"}] * 3)
    assert not read(whole).partial
    assert read(whole[:-9]).partial
    assert len(read(f"```json\n{whole[:-9]}")) == 2
    assert repr(read('[{"start": "00')) == "<Transcript: 0 segments, cut off>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\ufeff \n", "empty"),
        ('{"error": "I hear nothing"}', "no transcript"),
        ("```json\n{}\n```", "no transcript"),
    ],
)
def test_what_is_no_transcript_is_an_error(text, said):
    """It carries the answer."""
    answer = object()
    with pytest.raises(ResponseError, match=said) as caught:
        read(text, response=answer)
    assert caught.value.response is answer


def test_texts_can_be_written_to_a_file():
    """On one line, without halves of signs."""
    found = read('[{"start": 1, "end": 2, "text": " a\\n\\n b\\ud800 ", "speaker": "x\\ny"}]')
    assert (found[0].text, found[0].speaker) == ("a b?", "x y")
    assert found.to_vtt().encode()


pieces = st.sampled_from(
    [
        *("[", "]", "{", "}", '"', ":", ",", "\n", " ", "\\", "```", "```json\n", "00:01", "75:10"),
        *("1:2", "-->", " - ", "**", "* ", "(", ")", "WEBVTT", "\n\n", "NOTE", "<v A>", "A:"),
        *('{"start": "00:01", "text": "a"}', '"text"', '"segments": [', "null", "1e999", "-"),
        *(
            "Speaker A:",
            "é",
            "\x00",
            "|",
            "| 00:01 | a |",
            "[Speaker 1]",
            '{"start": 1, "text": null}',
        ),
    ]
)
texts = st.text() | st.lists(pieces | st.text(max_size=3), max_size=40).map("".join)


@settings(max_examples=500)
@given(texts, st.none() | st.floats(0, 1e6))
@example('[{"start": 1e999, "end": NaN, "text": "a"}]', None)
@example("[" * 100_000, None)
@example('{"a":' * 100_000, None)
@example(f'[{{"start": {"9" * 10_000}, "text": "a"}}]', 5.0)
def test_any_text_is_a_transcript_or_the_error(text, seconds):
    """And what comes of it can be kept, shown and written."""
    try:
        found = read(text, seconds=seconds)
    except ResponseError:
        return
    assert all(s.start >= 0 and s.end >= 0 and (s.text or s.flags == (LOST,)) for s in found)
    assert Transcript.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert found.to_srt() is not None
    assert (found.to_vtt() + str(found) + repr(found)).encode()


HOSTILE = [
    *(
        ("", piece)
        for piece in (
            "|",
            "| 0:01 ",
            "|-\n",
            "[{}]",
            "[",
            '{"',
            "**",
            "\n",
            '{"\\"',
            '{"text":"x"}',
            "}{",
            "A (",
            "A*",
        )
    ),
    *(("[00:01] ", piece) for piece in ("\n", "1\n\n2\n", "**", "[0:00 ", "[00:01] A: ")),
    *(("WEBVTT\n\n00:01 --> 00:02\n", piece) for piece in ("\n", "NOTE\n", "<v ", "00:01 --> ")),
    ('[{"text":"a"},', '{"start": 9'),
]


@pytest.mark.parametrize(("before", "piece"), HOSTILE)
def test_no_text_makes_it_slow(before, piece):
    """A megabyte of the same again and again takes seconds; what is quadratic takes minutes."""
    text = before + piece * (1_000_000 // len(piece))
    began = time.process_time()
    with contextlib.suppress(ResponseError):
        read(text)
    assert time.process_time() - began < 10


def test_an_answer_with_times_is_told_from_others():
    """JSON, and lines; in a block of code as well."""
    assert is_timed('[{"start": "00:07", "end": "00:16", "text": "a"}]')
    assert is_timed("```json\n" + '{"segments": [{"start": 1, "text": "a"}]}\n```')
    assert is_timed("```\n[00:07 - 00:16] a\n```")
    for text in ('[{"text": "a"}]', '{"birds": 3}', "[]", "", "At 00:01 somebody laughs."):
        assert not is_timed(text)


def test_the_schema_is_one_that_the_service_takes():
    """Times as text, since numbers are made up more easily; speakers where they are asked for."""
    one = schema()["items"]
    assert schema()["type"] == "ARRAY"
    assert list(one["properties"]) == one["required"] == ["start", "end", "text"]
    assert "speaker" in schema(speakers=True)["items"]["required"]
    assert json.dumps(schema(speakers=True))


@pytest.mark.parametrize(
    ("start", "end", "asked"),
    [
        (None, None, "Generate a transcript of the speech."),
        ("02:30", "03:29", "Provide a transcript of the speech from 02:30 to 03:29."),
        (150.9, 208.1, "Provide a transcript of the speech from 02:30 to 03:29."),
        (None, 60, "Provide a transcript of the speech from 00:00 to 01:00."),
        ("1:00:00", None, "Provide a transcript of the speech from 1:00:00 to the end."),
    ],
)
def test_the_prompt_asks_as_the_api_documents(start, end, asked):
    """Whole seconds, outwards, so that nothing is lost at the edges."""
    assert prompt(start, end).startswith(asked)
    assert "MM:SS" in prompt(start, end)
    assert "Speaker" not in prompt(start, end)


def test_the_prompt_has_what_else_is_known():
    """Who, and which language."""
    asked = prompt(speakers=True, language="German")
    assert "Speaker A" in asked
    assert asked.endswith("The language is German.")


@pytest.mark.parametrize(("start", "end"), [("03:29", "02:30"), (5, 5), ("soon", None)])
def test_a_stretch_that_is_none_is_refused(start, end):
    """Before anything is sent."""
    with pytest.raises(BadPrompt):
        prompt(start, end)


def test_every_place_that_is_asked_for_is_understood():
    """The reader reads what the prompt asks for."""
    assert read(f"{clock.mark(4000)} a")[0].start == 4000
