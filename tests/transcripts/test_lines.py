"""Lines with times, in each way that models and programs write them."""

from __future__ import annotations

import pytest

from gemini_nb.transcripts.lines import is_timed, read


def found(text):
    return [(d.start, d.end, d.speaker, d.text.strip()) for d in read(text)]


@pytest.mark.parametrize(
    ("text", "drafts"),
    [
        ("00:01 one\n75:10 two", [(1, None, "", "one"), (4510, None, "", "two")]),
        ("1:02:03 one", [(3723, None, "", "one")]),
        ("00:01 - one\n00:02: two", [(1, None, "", "one"), (2, None, "", "two")]),
        ("[00:01 - 00:05] one", [(1, 5, "", "one")]),
        ("[00:01–00:05]: one", [(1, 5, "", "one")]),
        ("00:01 to 00:05 one", [(1, 5, "", "one")]),
        ("(00:01:02,500 --> 00:01:04,000) one", [(62.5, 64, "", "one")]),
        ("[00:00:01.500 → 00:00:02.000] one", [(1.5, 2, "", "one")]),
        ("[00:01] Speaker A: one", [(1, None, "Speaker A", "one")]),
        ("[00:01] **SPEAKER_00**: one", [(1, None, "SPEAKER_00", "one")]),
        ("[00:01] **Anna Lee:** one", [(1, None, "Anna Lee", "one")]),
        ("[00:01] [Anna]: one", [(1, None, "Anna", "one")]),
        ("[00:01 → 00:05] [Speaker 1] one", [(1, 5, "Speaker 1", "one")]),
        ("00:01:07,260 one", [(67.26, None, "", "one")]),
        ("[01:07.26] one", [(67.26, None, "", "one")]),
        ("* **[00:01]** one", [(1, None, "", "one")]),
        ("- **00:01 one**", [(1, None, "", "one")]),
        ("1. **00:01 – 00:05:** one", [(1, 5, "", "one")]),
        ("> `00:01` one", [(1, None, "", "one")]),
        ("• 00:01 one", [(1, None, "", "one")]),
        ("**Speaker A** (00:01): one", [(1, None, "Speaker A", "one")]),
        ("Anna [00:01 - 00:05]\none", [(1, 5, "Anna", "one")]),
        ("[00:00] one [00:04 - 00:06] two", [(0, None, "", "one"), (4, 6, "", "two")]),
        ("[00:01]\none\n\nand a half", [(1, None, "", "one  and a half")]),
        ("00:01你好", [(1, None, "", "你好")]),
    ],
)  # fmt: skip
def test_a_line_with_a_time_begins_a_segment(text, drafts):
    """In brackets, lists, bold, with an end and a speaker or without."""
    assert found(text) == drafts


@pytest.mark.parametrize(
    "text",
    [
        "no time",
        "12:30pm is late",
        "John 3:5 says",
        "We met there (00:15) and left",
        "1:2",
        "0:011",
    ],
)
def test_other_numbers_are_words(text):
    """What has no time at all is one piece."""
    assert found(text) == [(None, None, "", text)]


def test_bare_names_are_speakers_where_many_lines_have_them():
    """One `Note:` among others was said."""
    talk = "[00:00] Anna: one\n[00:02] Ben: two\n[00:04] three"
    assert [speaker for _, _, speaker, _ in found(talk)] == ["Anna", "Ben", ""]
    talk = "[00:00] [Anna] one\n[00:02] [Ben] two"
    assert [(who, said) for _, _, who, said in found(talk)] == [("Anna", "one"), ("Ben", "two")]
    talk = "[00:00] [Laughs] one\n[00:02] [Music]\n[00:04] two"
    assert [said for *_, said in found(talk)] == ["[Laughs] one", "[Music]", "two"]
    talk = "[00:00] Note: one\n[00:02] two\n[00:04] three"
    assert [said for *_, said in found(talk)] == ["Note: one", "two", "three"]
    talk = "[00:00] he said: one\n[00:02] and she: two"
    assert [speaker for _, _, speaker, _ in found(talk)] == ["", ""]


@pytest.mark.parametrize(
    "rows",
    [
        "| Time | Speaker | Text |\n|:-|--|-|\n| 00:01 | Anna | one |\n| **00:05** | Ben | two |",
        "| Text | Who | Time |\n|-|-|-|\n| one | Anna | 00:01 |\n| two | Ben | [00:05] |",
        "|#|Start|Name|Text|\n|-|-|-|-|\n| 1 | 00:01 | Anna | one |\n| 2 | 00:05 | Ben | two |",
        "00:01 | Anna | one\n00:05 | Ben | two",
        "| 00:01 | Anna | one |\n|---|---|---|\n| 00:05 | Ben | two |",
        "| 00:01 | **Anna** | one |\n| 00:05 | Ben: | two |",
    ],
)
def test_the_rows_of_a_table_are_lines(rows):
    """With a head or without, and the columns in any order."""
    assert found(f"Here it is:\n\n{rows}\n") == [(1, None, "Anna", "one"), (5, None, "Ben", "two")]


def test_a_table_may_have_ends_and_no_speakers():
    """A bar may be said, a number as well; a row without a time goes on."""
    head = "| Start | End | Text |\n|---|---|---|\n"
    assert found(f"{head}| 00:01 | 00:05 | a \\| b |\n| | | and c |") == [(1, 5, "", "a | b and c")]
    assert found("| 00:01 - 00:05 | 42 |") == [(1, 5, "", "42")]


@pytest.mark.parametrize("text", ["| a | b |\n|---|---|\n| 1 | 2 |", "a | b", "|", "---"])
def test_a_table_without_times_is_words(text):
    """All of it."""
    assert found(text) == [(None, None, "", text.replace("\n", " "))]


@pytest.mark.parametrize(
    "text",
    [
        "[00:07 - 00:16] words",
        "**[00:07]** words",
        "Here is the transcript:\n\n[00:07 - 00:16] words",
        "00:00 one\n05:00 two",
        "1. 00:30 – laughter\n2. 00:45 – applause",
        "**Anna** (00:01)\none\n\n**Ben** (00:05)\ntwo",
        "00:01 --> 00:02\none",
        "| Time | Text |\n|---|---|\n| 00:01 | one |\n| 00:05 | two |",
        "\n".join(f"[00:0{at}] one" for at in range(8)) + "\nI hope it helps.",
    ],
)
def test_a_transcript_is_told_from_other_answers(text):
    """Each line has its time."""
    assert is_timed(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "At 00:01 somebody laughs.",
        "00:30 is when it starts.",
        "00:07 to 00:16 is the part with the music.",
        "1. Laughter\n2. Applause",
        "[00:30] is where it starts.\nIt is about birds.\nIt ends well.",
        "It has two parts:\n00:00 one\n05:00 two\nThe second is the better one.",
        "Anna speaks (00:01) and Ben answers (00:05).",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "[laughs] one",
    ],
)
def test_other_answers_are_none(text):
    """A time that a sentence mentions, a list without times, an answer around a list."""
    assert not is_timed(text)


@pytest.mark.parametrize(
    "preface",
    ["Here is the transcript:", "Sure! A transcription.", "## Talk", "**Talk**\n---", "Bitte:"],
)
def test_a_preface_is_left_out(preface):
    """What a model says about its answer was not said in the recording."""
    assert found(f"{preface}\n\n00:01 one") == [(1, None, "", "one")]


def test_words_before_the_first_time_are_kept():
    """They may have been said."""
    assert found("Good morning.\n00:01 one") == [
        (None, None, "", "Good morning."),
        (1, None, "", "one"),
    ]


SRT = """1
00:00:01,000 --> 00:00:02,000
Hello
world

2
00:00:02,000 --> 00:00:03,000
42

and on
3
00:00:03,000 --> 00:00:04,000
[Anna]: 00:05 is no time here
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_srt(newline):
    """Cues of many lines, a number as text, a blank line inside, a missing one between."""
    assert found(SRT.replace("\n", newline)) == [
        (1, 2, "", "Hello world"),
        (2, 3, "", "42 and on"),
        (3, 4, "Anna", "00:05 is no time here"),
    ]


def test_cues_without_numbers():
    """A text that is a number stays one."""
    talk = "00:01 --> 00:02\n42\n00:02 --> 00:03\n7"
    assert found(talk) == [(1, 2, "", "42"), (2, 3, "", "7")]


VTT = """WEBVTT - a talk
Kind: captions
00:99

STYLE
::cue { color: lime }

intro
00:01.000 --> 00:04.000 align:start position:10%
<v.loud Anna Lee>Hello &amp; <i>you</i></v>

NOTE
00:07 was cut

second part
00:04.000 --> 01:00:05.000
<c.yellow>two</c>

00:06.000 --> 00:07.000 beside
"""


def test_vtt():
    """Header, names, settings, notes, voices, tags and entities."""
    assert found(VTT) == [
        (1, 4, "Anna Lee", "Hello & you"),
        (4, 3605, "", "two"),
        (6, 7, "", "beside"),
    ]
