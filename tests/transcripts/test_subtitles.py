"""SRT and WebVTT as players want them, and read back as they were."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gemini_nb.transcripts import Segment, Transcript
from gemini_nb.transcripts.lines import speaker_of
from gemini_nb.transcripts.reading import read

TALK = Transcript(
    [
        Segment(1, 2.5, "1 < 2 & 3 --> 4", "Anna"),
        Segment(3661.25, 3662, "two\n\nlines"),
    ]
)


def test_srt():
    """Numbered from one, with commas; nothing in a text ends its cue."""
    assert TALK.to_srt() == (
        "1\n00:00:01,000 --> 00:00:02,500\n[Anna]: 1 < 2 & 3 -> 4\n"
        "\n2\n01:01:01,250 --> 01:01:02,000\ntwo lines\n"
    )


def test_vtt():
    """With its header, voices and entities."""
    assert TALK.to_vtt() == (
        "WEBVTT\n"
        "\n00:00:01.000 --> 00:00:02.500\n<v Anna>1 &lt; 2 &amp; 3 --&gt; 4\n"
        "\n01:01:01.250 --> 01:01:02.000\ntwo lines\n"
    )


def test_without_segments():
    """A file without cues is one."""
    assert Transcript().to_srt() == ""
    assert Transcript().to_vtt() == "WEBVTT\n"


WRONG = Transcript(
    [
        Segment(5, 3, "backwards"),
        Segment(math.nan, math.inf, "nowhere"),
        Segment(7, 7, "no time"),
        Segment(7.0001, 7.0003, "nearly none"),
        Segment(8, 9, " \n", "Anna"),
        Segment(-4, -2, "early"),
        Segment(1, 2, "late", flags=("starts before the one before it",)),
    ]
)
CUE = re.compile(r"(\d\d+):(\d\d):(\d\d)[.,](\d{3}) --> (\d\d+):(\d\d):(\d\d)[.,](\d{3})\n(.+)\n")


def cues(text):
    """As a player has them: start, end, words; in thousandths."""
    found = []
    for *clock, said in CUE.findall(text):
        one = [int(part) for part in clock]
        at = [((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (one[:4], one[4:])]
        found.append((*at, said))
    return found


def check_cues(text):
    """Nothing in it is what a player refuses."""
    assert text.count("-->") == len(cues(text))
    assert all(end > start for start, end, _ in cues(text))
    assert [start for start, *_ in cues(text)] == sorted(start for start, *_ in cues(text))


def test_players_take_what_is_written_whatever_the_segments_say():
    """In order, each with words and some time to read them."""
    said = [
        (1000, 2000, "late"),
        (5000, 6000, "backwards"),
        (5000, 6000, "nowhere"),
        (7000, 8000, "no time"),
        (7000, 8000, "nearly none"),
        (7000, 8000, "early"),
    ]
    assert cues(WRONG.to_srt()) == cues(WRONG.to_vtt()) == said
    assert re.findall(r"^\d+$", WRONG.to_srt(), re.MULTILINE) == ["1", "2", "3", "4", "5", "6"]
    check_cues(WRONG.to_vtt())


@given(st.lists(st.builds(Segment, st.floats(), st.floats(), st.text(max_size=5))))
def test_any_times_make_cues(given):
    """What is no number, too."""
    check_cues(Transcript(given).to_srt().replace(",", "."))
    check_cues(Transcript(given).to_vtt())


# What subtitles cannot hold is left out: line breaks, arrows, and in SRT what looks like a speaker.
def one_line(text):
    return " ".join(text.split()).replace("-->", "->")


said = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60) | st.sampled_from(
    [
        "42",
        "NOTE to all",
        "WEBVTT",
        "00:01 hello",
        "[00:01] hello",
        "```",
        '[{"start"',
        "<v x>",
        "&amp;",
    ]
)
times = st.integers(0, 20 * 3600 * 1000).map(lambda ms: ms / 1000)
names = st.sampled_from(["", "", "Anna", "Speaker A", "Dr. O'Neil", "李", "a < b"])
segments = st.builds(
    lambda start, length, text, name: Segment(start, start + length / 1000, one_line(text), name),
    times,
    st.integers(1, 60_000),
    said,
    names,
)
transcripts = st.lists(segments, min_size=1, max_size=8)


def same(found, wanted):
    wanted = sorted(wanted, key=lambda s: s.start)
    assert [(s.text, s.speaker, s.flags) for s in found] == [
        (s.text, s.speaker, s.flags) for s in wanted
    ]
    for one, other in zip(found, wanted, strict=True):
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=6e-4)


@given(transcripts)
@example([Segment(0, 1, "42"), Segment(1, 2, "7")])
@example([Segment(0, 1, "WEBVTT"), Segment(1, 2, "&amp;")])
@example([Segment(0, 1, "```"), Segment(1, 2, "```")])
def test_srt_is_read_as_it_was_written(given):
    """Any words, any times, in their order."""
    assume(all(s.text and (s.speaker or not speaker_of(s.text)[0]) for s in given))
    assume(not any(s.text.startswith("<v ") for s in given))
    same(read(Transcript(given).to_srt()), given)


@given(transcripts)
def test_vtt_is_read_as_it_was_written(given):
    """Its markup in a text is text."""
    assume(all(s.text and (s.speaker or not speaker_of(s.text)[0]) for s in given))
    same(read(Transcript(given).to_vtt()), given)
