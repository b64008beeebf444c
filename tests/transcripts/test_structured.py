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


def test_strange_values_are_none():
    """A time that is none, a speaker that is a number, a text that is a list."""
    odd = [
        {"start": [], "end": "soon", "speaker": 7, "text": "one"},
        {"start": "00:01", "text": ["one"]},
        {"start": 1e300, "end": -4, "speaker": {}, "text": "two"},
    ]
    assert drafts(json.dumps(odd)) == [(None, None, "7", "one"), (None, None, "", "two")]


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
