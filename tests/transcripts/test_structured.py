"""JSON of the schema, of something close to it, broken, cut off, and of something else."""

from __future__ import annotations

import json

import pytest

from gemini_nb.transcripts.structured import read

ONE = {"start": "00:01", "end": "00:05", "speaker": "Anna", "text": "one"}
TWO = {"start": "00:05", "end": "1:00:07.5", "speaker": "Ben", "text": 'two, "two"'}
WANTED = [(1, 5, "Anna", "one"), (5, 3607.5, "Ben", 'two, "two"')]


def drafts(text):
    return [(d.start, d.end, d.speaker, d.text) for d in read(text).drafts]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ONE, TWO]),
        json.dumps([ONE, TWO], indent=2),
        json.dumps({"segments": [ONE, TWO]}),
        json.dumps({"transcript": {"title": "x", "lines": [ONE, TWO]}}),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        f"{json.dumps(ONE)},\n{json.dumps(TWO)}",
        f"{json.dumps([ONE])}{json.dumps([TWO])}",
        f"{json.dumps({'segments': [ONE]})}\n\n{json.dumps({'segments': [TWO]})}",
        json.dumps({"speakers": ["Anna", "Ben"], "segments": [ONE, TWO]}),
        json.dumps({"text": "one two", "segments": [ONE, TWO]}),
        json.dumps([{"segments": [ONE, TWO], "text": "one two"}]),
        f"Here it is: {json.dumps([ONE, TWO])} I hope it helps.",
    ],
)
def test_a_list_of_segments_is_found(text):
    """Alone, inside of something, an object a line, between words."""
    assert drafts(text) == WANTED
    assert not read(text).is_cut


@pytest.mark.parametrize(
    "one",
    [
        {"Start_Time": 1, "endTime": 5.0, "speaker_label": "Anna", "content": "one"},
        {"timestamp": "00:01 - 00:05", "name": "Anna", "transcription": "one"},
        {"time": "00:01 → 00:05", "speaker": "Anna", "sentence": "one"},
        {"begin": "1", "stop": "5s", "speaker": "Anna", "caption": "one"},
        {"start": "1.000s", "end": "5.0s", "speaker": "Anna", "text": "one"},
        {"startOffset": "1s", "endOffset": "5s", "speaker": "Anna", "text": "one"},
        {"timestamp": [1, 5.0], "speaker": "Anna", "text": "one"},
        {"timestamp": "00:01", "end": "00:05", "speaker": "Anna", "text": "one"},
        {"start_ms": 1000, "end_ms": 5000, "speaker": "Anna", "text": "one"},
        {"offsets": {"from": 1000, "to": 5000}, "speaker": "Anna", "text": "one"},
        {
            "timestamps": {"from": "00:00:01,000", "to": "00:00:05,000"},
            "name": "Anna",
            "text": "one",
        },
        {
            "startTime": {"seconds": 1},
            "endTime": {"seconds": "4", "nanos": 10**9},
            "name": "Anna",
            "text": "one",
        },
        {"start": 1, "end": 5, "speaker": "Anna", "text": ["one"]},
    ],
)
def test_other_names_are_understood(one):
    """As models give them who were not held to the schema."""
    assert drafts(json.dumps([one])) == WANTED[:1]


def test_lines_inside_of_json_are_lines():
    """With their times."""
    assert drafts('["00:01 one", "00:02 two"]') == [(1, None, "", "one"), (2, None, "", "two")]
    assert drafts('{"transcript": "00:01 one\\n00:02 two"}') == drafts('["00:01 one\\n00:02 two"]')
    assert drafts('[{"text": "one"}]') == [(None, None, "", "one")]


def test_fractions_of_a_second_are_kept():
    """In each form."""
    forms = ["01:07.26", "00:01:07,260", 67.26, "67.26s", "01:07:260"]
    assert [read(json.dumps([{"start": f, "text": "a"}])).drafts[0].start for f in forms] == (
        [pytest.approx(67.26)] * len(forms)
    )
    assert drafts('[{"start_ms": 67260, "text": "a"}]')[0][0] == pytest.approx(67.26)


def test_the_whole_text_is_no_second_transcript():
    """Of a recording in which nobody speaks neither; alone it is one Segment."""
    assert drafts('{"text": "", "segments": [], "language": "en"}') == []
    assert drafts('{"text": "one", "segments": []}') == [(None, None, "", "one")]
    words = {"start": 1, "end": 5, "text": "one", "words": [{"text": "one", "start": 1}]}
    assert drafts(json.dumps(words)) == [(1, 5, "", "one")]


def test_a_place_whose_words_are_lost_is_kept():
    """It is known where they are missing; without any words there is no transcript."""
    lost = {"start": "00:05", "end": "00:09", "text": None}
    found = read(json.dumps([ONE, lost, {"start": 9, "text": {}}, {"text": None}])).drafts
    assert [(d.start, d.end, d.text, d.is_lost) for d in found] == [
        (1, 5, "one", False),
        (5, 9, "", True),
        (9, None, "", True),
    ]
    assert read(json.dumps([lost, lost])).drafts is None


def test_a_second_list_that_is_cut_is_said():
    """Words behind the JSON are none."""
    assert drafts(f"{json.dumps([ONE])}[{json.dumps(TWO)}, ") == WANTED
    assert read(f"{json.dumps([ONE])}[{json.dumps(TWO)}, ").is_cut
    assert not read(f"{json.dumps([ONE])}\n[inaudible] {{parts}} are left out").is_cut


def test_strange_values_are_none():
    """A time that is none, a speaker that is a number, numbers that are too large."""
    odd = [
        {"start": [], "end": "soon", "speaker": 7, "text": "one"},
        {"start": 1e300, "end": -4, "speaker": {}, "text": "two"},
        {"start_ms": 10**400, "end_ms": True, "timestamp": [], "text": 3},
    ]
    assert drafts(json.dumps(odd)) == [
        (None, None, "7", "one"),
        (None, None, "", "two"),
        (None, None, "", "3"),
    ]


def test_of_a_cut_answer_the_whole_segments_are_kept():
    """Wherever it is cut; and it says so."""
    whole = json.dumps({"language": "en", "segments": [ONE, TWO]})
    first, second = (whole.index(json.dumps(one)) + len(json.dumps(one)) for one in (ONE, TWO))
    for end in range(whole.index('"segments"') + len('"segments": [{'), len(whole)):
        found = read(whole[:end])
        assert found.is_cut
        kept = (end >= first) + (end >= second)
        assert drafts(whole[:end]) == WANTED[:kept], whole[:end]


def test_a_broken_segment_costs_no_other():
    """A quotation mark too many in the one."""
    text = json.dumps([ONE, ONE, TWO]).replace('"one"', '"o"n"e"', 1)
    assert drafts(text) == WANTED
    assert read(text).is_cut


def test_the_language_is_told_where_it_is():
    """Else it is unknown."""
    assert read(json.dumps({"language": "de", "segments": [ONE]})).language == "de"
    assert read(json.dumps({"language": 5, "segments": [ONE]})).language == ""


@pytest.mark.parametrize("text", ["[]", '{"segments": []}', "[ ]"])
def test_nobody_speaks(text):
    """That is a transcript."""
    assert read(text).drafts == []


@pytest.mark.parametrize(
    "text", ['{"error": "no audio"}', "{}", '[{"colour": 1}]', '[{"a": 1}, 2]']
)
def test_json_of_something_else_is_none(text):
    """Not the words of a recording."""
    assert read(text).drafts is None


@pytest.mark.parametrize(
    "text",
    ["words", "", "[00:01] one", "[laughs] one", '["one" he said', "00:01 [{", '["a" b] {"c'],
)
def test_other_texts_are_not_json(text):
    """Lines are read elsewhere."""
    assert read(text) is None
