"""Windows of a recording become one Transcript that has every word once."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini_nb.transcripts import Segment, Transcript
from gemini_nb.transcripts.joining import UNMATCHED, Window, join

SENTENCES = json.loads((Path(__file__).parents[1] / "documents/sentences.json").read_text())
SPOKEN = [
    sentence
    for language in ("English", "German", "French", "Spanish", "Russian")
    for sentence in SENTENCES.get(language, ())
]
RATE = 2.5  # words a second


def plain(text):
    return ["".join(c for c in word if c.isalnum()).casefold() for word in text.split()]


def words_of(transcript):
    return [word for s in transcript for word in plain(s.text) if word]


def as_segments(words, sizes):
    """Words with their times, in Segments of these sizes again and again."""
    made, at = [], 0
    while at < len(words):
        piece = words[at : at + sizes[len(made) % len(sizes)]]
        made.append(Segment(piece[0][1], piece[-1][1] + 1 / RATE, " ".join(w for w, _ in piece)))
        at += len(piece)
    return made


def windows_of(words, length, overlap, draw):
    """What is heard of the words in each window, with the errors that a model makes."""
    end = words[-1][1] + 1
    made, offset = [], 0.0
    while True:
        heard = [(w, t - offset) for w, t in words if offset <= t < offset + length]
        if offset:
            heard[0] = (heard[0][0][len(heard[0][0]) // 2 :] or "x", heard[0][1])
        is_last = offset + length >= end
        if not is_last:
            heard[-1] = (heard[-1][0][: (len(heard[-1][0]) + 1) // 2], heard[-1][1])
        segments = as_segments(heard, [draw.randint(3, 14) for _ in range(5)])
        for segment in segments:
            if draw.random() < 0.3:
                segment.text = draw.choice((str.upper, str.lower))(segment.text)
            if draw.random() < 0.3:
                segment.text = segment.text.rstrip(".,!?") + draw.choice((".", "…", "!", " –"))
            off = draw.uniform(-1, 1)
            segment.start, segment.end = max(segment.start + off, 0), max(segment.end + off, 0)
        made.append(Window(Transcript(segments), offset, min(length, end - offset)))
        if is_last:
            return made
        offset += length - overlap


@settings(max_examples=150)
@given(st.integers(), st.integers(25, 70), st.integers(6, 15))
def test_the_join_has_every_word_once(seed, length, overlap):
    """However it is cut: half words, other signs and cases, other sentences, a second off."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    words = [(word, at / RATE) for at, word in enumerate(" ".join(SPOKEN).split())]
    windows = windows_of(words, length, overlap, draw)
    joined = join(draw.sample(windows, len(windows)))
    assert words_of(joined) == words_of(Transcript(as_segments(words, [9])))
    assert not any(s.flags for s in joined)
    assert all(s.end >= s.start for s in joined)
    assert joined.seconds == pytest.approx(words[-1][1] + 1)


@pytest.mark.parametrize("seed", range(20))
def test_a_clock_that_runs_slow_is_no_obstacle(seed):
    """Of a window of a minute the last words are six seconds late."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    words = [(word, at / RATE) for at, word in enumerate(" ".join(SPOKEN).split())]
    windows = windows_of(words, 60, 15, draw)
    for segment in (segment for window in windows for segment in window.transcript):
        segment.start, segment.end = segment.start * 1.1, segment.end * 1.1
    assert words_of(join(windows)) == words_of(Transcript(as_segments(words, [9])))


def test_a_refrain_is_sung_as_often_as_it_was():
    """The same words again and again: their times tell which is which."""
    line = ["row", "row", "row", "your", "boat", "gently", "down", "the", "stream"]
    words = [(word, at / RATE) for at, word in enumerate([*line, "merrily"] * 3 + line * 4)]
    for seed in range(20):
        draw = random.Random(seed)  # noqa: S311 - no secret
        joined = join(windows_of(words, 17, 8, draw))
        assert words_of(joined) == [word for word, _ in words], seed


def test_a_script_without_spaces():
    """Sign by sign."""
    said = "".join(SENTENCES["Chinese"])
    signs = [(sign, at / 4) for at, sign in enumerate(said)]
    end = len(said) / 4

    def window(start, stop):
        heard = "".join(sign for sign, at in signs if start <= at < stop)
        return Window(Transcript([Segment(0, stop - start, heard)]), start, stop - start)

    joined = join([window(0, end / 2 + 3), window(end / 2 - 3, end)])
    assert "".join(s.text for s in joined) == said


def two(left, right, overlap=4.0):
    """Two windows of ten seconds that overlap."""
    offset = 10.0 - overlap
    return [Window(Transcript(left), 0, 10), Window(Transcript(right), offset, 10)]


def test_a_cut_is_made_between_sentences_where_it_can_be():
    """So that Segments stay as they were; signs stay with their words."""
    left = [
        Segment(0, 5, "One two three."),
        Segment(5, 8, "“Four five six.”"),
        Segment(8, 10, "Sev"),
    ]
    right = [
        Segment(0, 2, "five six."),
        Segment(2, 5, "(Seven eight nine.)"),
        Segment(5, 6, "Ten."),
    ]
    assert [(s.start, s.end, s.text) for s in join(two(left, right))] == [
        (0, 5, "One two three."),
        (5, 8, "“Four five six.”"),
        (8, 11, "(Seven eight nine.)"),
        (11, 12, "Ten."),
    ]


def test_a_sentence_that_is_cut_is_put_together():
    """One Segment, from its start in the one to its end in the other."""
    left = [Segment(4, 10, "the quick brown fox jumps over the la")]
    right = [Segment(0, 6, "brown fox jumps over the lazy dog")]
    (whole,) = join(two(left, right))
    assert (whole.start, whole.end, whole.text) == (
        4,
        12,
        "the quick brown fox jumps over the lazy dog",
    )


def test_speakers_keep_their_labels():
    """Whoever says the same words is the same; the other one gets the label that is free."""
    left = [
        Segment(0, 6, "good morning how are you", "Speaker A"),
        Segment(6, 10, "very well thank you", "Speaker B"),
    ]
    right = [
        Segment(0, 4, "very well thank you", "Speaker A"),
        Segment(4, 7, "and your brother", "Speaker B"),
        Segment(7, 9, "he is away", "Speaker A"),
        Segment(9, 10, "what a pity", "Speaker C"),
    ]
    joined = join(two(left, right))
    assert [s.speaker[-1] for s in joined] == ["A", "B", "A", "B", "C"]
    assert right[0].speaker == "Speaker A"


def test_names_are_left_alone():
    """Only labels are counted anew in each window."""
    left = [Segment(0, 10, "good morning how are you", "Speaker A")]
    right = [Segment(0, 4, "morning how are you", "Anna"), Segment(4, 7, "fine", "Speaker A")]
    assert {s.speaker for s in join(two(left, right))} == {"Speaker A"}
    right[0].speaker, left[0].speaker = "Anna", "Anna"
    assert [s.speaker for s in join(two(left, right))] == ["Anna", "Speaker A"]


def test_a_window_that_stopped_early_loses_nothing():
    """What only one of them heard is kept."""
    left = [Segment(0, 5, "one two three")]
    right = [Segment(0, 2, "four five six"), Segment(5, 7, "seven")]
    assert words_of(join(two(left, right))) == [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
    ]
    assert words_of(join(two(left, []))) == ["one", "two", "three"]
    assert words_of(join(two([], right))) == ["four", "five", "six", "seven"]


def test_where_words_do_not_agree_time_decides_and_it_is_said():
    """At the middle of the overlap, whole Segments, with a flag."""
    left = [Segment(0, 6, "one two"), Segment(6, 7.8, "alpha beta"), Segment(8.2, 10, "gamma")]
    right = [Segment(0, 1.8, "rouge vert"), Segment(2.2, 4, "bleu noir"), Segment(4, 6, "blanc")]
    joined = join(two(left, right))
    assert [s.text for s in joined] == ["one two", "alpha beta", "bleu noir", "blanc"]
    assert [s.flags for s in joined] == [(), (), (UNMATCHED,), ()]


def test_times_that_are_off_hide_no_agreement():
    """The words of the overlap, which the first window has three seconds too early."""
    left = [Segment(0, 2, "one two three"), Segment(2, 6, "four five six seven")]
    right = [Segment(0, 4, "four five six seven"), Segment(4, 8, "eight nine ten")]
    joined = join(two(left, right))
    assert [s.text for s in joined] == ["one two three", "four five six seven", "eight nine ten"]


def test_one_short_word_is_no_agreement_where_it_is_said_at_another_time():
    """`the` is everywhere."""
    left = [Segment(0, 6, "a b c d e f g h"), Segment(6, 10, "the man who went out alone at night")]
    right = [Segment(0, 4, "he was never seen again by any of the"), Segment(4, 8, "people there")]
    joined = join(two(left, right))
    assert any(UNMATCHED in s.flags for s in joined)


def test_windows_that_only_touch_are_put_in_a_row():
    """In the order of their offsets, as new Segments; the given ones stay."""
    first, last = Segment(0, 1, "same words here"), Segment(0, 1, "same words here", "B", ("x",))
    joined = join([Window(Transcript([last], "de"), 10, 5), Window(Transcript([first]), 0, 10)])
    assert [(s.start, s.speaker, s.flags) for s in joined] == [(0, "", ()), (10, "B", ("x",))]
    assert (last.start, joined.language, joined.seconds) == (0, "de", 15)


def test_one_or_none():
    """A short recording is one window."""
    assert join([]) == Transcript()
    only = Transcript([Segment(0, 1, "a")], partial=True)
    assert join([Window(only, 0, 9)]) == Transcript([Segment(0, 1, "a")], seconds=9, partial=True)


def test_ten_hours_are_joined_in_a_moment():
    """What was joined before is not looked at again."""
    words = [f"w{at % 997}" for at in range(600)]
    windows = [
        Window(Transcript([Segment(0, 240, " ".join(words))] * 2), 200.0 * at, 240)
        for at in range(180)
    ]
    began = time.process_time()
    join(windows)
    assert time.process_time() - began < 5
