"""A Transcript is read, searched, cut, changed and kept."""

from __future__ import annotations

import json
import sys

import pytest

from gemini_nb.errors import BadPrompt, ConfigError
from gemini_nb.transcripts import Segment, Transcript


@pytest.fixture
def talk():
    return Transcript(
        [
            Segment(0, 4.5, "Good morning.", "Anna"),
            Segment(4.5, 6, "Where is the café?", "Anna"),
            Segment(150, 152, "In der Straße da vorn.", "Ben"),
            Segment(209, 209, "Danke!", "Anna", ("has no time",)),
        ],
        language="en",
        seconds=210.0,
    )


def test_the_text_is_the_words(talk):
    """A line for each turn, without names and times."""
    assert talk.text == "Good morning. Where is the café?\nIn der Straße da vorn.\nDanke!"
    assert talk.speakers == ["Anna", "Ben"]


def test_a_stretch_has_what_is_heard_in_it(talk):
    """By the hearing: what ends where it begins is not in it, a moment is."""
    assert talk.between("02:30", "03:29").text == "In der Straße da vorn."
    assert talk.between(4.5, "02:30")[:].segments == [talk[1]]
    assert talk.between(209, 210)[0] is talk[3]
    assert len(talk.between(10, 20)) == 0
    odd = Transcript([Segment(float("nan"), float("inf"), "x"), talk[0]])
    assert odd.between(0, 5).segments == [talk[0]]
    assert str(odd).startswith("[00:00 - 00:00] x")
    with pytest.raises(BadPrompt, match="'soon'"):
        talk.between("soon", 3)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("cafe", [1]),
        ("CAFÉ", [1]),
        ("strasse", [2]),
        ("the  cafe\u0301", [1]),
        ("an", [3]),
        ("", []),
        ("x", []),
    ],
)
def test_search_knows_no_case_and_no_accents(talk, words, found):
    """The very Segments are found."""
    assert [
        next(at for at, s in enumerate(talk) if s is one) for one in talk.search(words)
    ] == found


def test_a_segment_is_changed_in_place(talk):
    """So that an edit in a player is one of the Transcript."""
    talk[0].text = "Good evening."
    talk.between(0, 1)[0].speaker = "Eve"
    assert talk.to_dict()["segments"][0]["text"] == "Good evening."
    assert talk[0].speaker == "Eve"


def test_it_is_a_sequence(talk):
    """Length, items, slices, a loop; an empty one is still a Transcript."""
    assert len(talk) == 4
    assert talk[-1].text == "Danke!"
    assert isinstance(talk[1:], Transcript)
    assert talk[1:][0] is talk[1]
    assert [s.speaker for s in talk] == ["Anna", "Anna", "Ben", "Anna"]
    assert Transcript()
    assert Transcript().segments is not Transcript().segments


def test_it_reads_well(talk):
    """One line of facts as repr, a line for each Segment as text."""
    assert repr(talk) == "<Transcript: 4 segments, 00:00–03:29, 2 speakers, en, 1 flagged>"
    assert repr(Transcript(partial=True)) == "<Transcript: 0 segments, cut off>"
    assert str(talk).splitlines()[2] == "[02:30 - 02:32] Ben: In der Straße da vorn."


def test_where_words_are_missing_is_seen_and_not_read(talk):
    """In what a person looks at, not in what is said."""
    gap = Segment(10, 140, "", flags=("is sound without words",))
    whole = Transcript([*talk[:2], gap, *talk[2:]], "en", 210.0)
    assert whole.text == talk.text
    assert whole.to_srt() == talk.to_srt()
    assert whole.to_vtt() == talk.to_vtt()
    assert whole.to_dataframe().equals(talk.to_dataframe())
    assert whole.search("sound") == []
    assert str(whole).splitlines()[2] == "[00:10 - 02:20] (is sound without words)"
    assert repr(whole) == (
        "<Transcript: 5 segments, 00:00–03:29, 2 speakers, en, 2 flagged, 1 without words>"
    )
    assert Transcript.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


def test_what_a_model_wrote_has_no_say_over_a_terminal():
    """Nor a line of its own."""
    hostile = Segment(0, 1, "a\x1b]0;title\x07b\x1b[2J\nc\u202ed", "e\nf\x1b[1m")
    assert str(Transcript([hostile])) == "[00:00 - 00:01] e f: ab cd"
    assert "\x1b" not in repr(Transcript([hostile], "x\x1b[2J"))


def test_it_is_kept_as_json(talk):
    """And comes back the same."""
    kept = json.loads(json.dumps(talk.to_dict()))
    assert Transcript.from_dict(kept) == talk
    assert Transcript.from_dict({"segments": []}) == Transcript()


@pytest.mark.parametrize(
    "saved",
    [
        {},
        [],
        None,
        {"segments": [{}]},
        {"segments": [{"start": 0, "end": 1, "text": 5}]},
        {"segments": [{"start": "x", "end": 1, "text": ""}]},
        {"segments": [{"start": 0, "end": 1, "text": "", "colour": 1}]},
        {"segments": [], "seconds": "long"},
    ],
)
def test_what_was_not_saved_is_refused(saved):
    """In one sentence."""
    with pytest.raises(BadPrompt, match="no saved transcript"):
        Transcript.from_dict(saved)


def test_a_dataframe_has_a_row_for_each(talk):
    """With the columns that a person sorts by."""
    frame = talk.to_dataframe()
    assert list(frame.columns) == ["start", "end", "speaker", "text", "flags"]
    assert frame["text"].tolist() == [s.text for s in talk]
    assert frame["flags"][3] == ("has no time",)
    assert len(Transcript().to_dataframe()) == 0


def test_pandas_is_asked_for_where_it_is_missing(talk, monkeypatch):
    """In one line, with what to run."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        talk.to_dataframe()
