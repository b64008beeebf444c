"""SRT and WebVTT as players want them, and read back as they were."""

from __future__ import annotations

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
    st.integers(0, 60_000),
    said,
    names,
)
transcripts = st.lists(segments, min_size=1, max_size=8)


def same(found, wanted):
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
    """Any words, any times, any order."""
    assume(all(s.text and (s.speaker or not speaker_of(s.text)[0]) for s in given))
    assume(not any(s.text.startswith("<v ") for s in given))
    same(read(Transcript(given).to_srt()), given)


@given(transcripts)
def test_vtt_is_read_as_it_was_written(given):
    """Its markup in a text is text."""
    assume(all(s.text and (s.speaker or not speaker_of(s.text)[0]) for s in given))
    same(read(Transcript(given).to_vtt()), given)
