"""What cannot be true is flagged, and boundaries go to the pauses that are really there."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb.transcripts import Segment, Transcript, trust
from gemini_nb.transcripts.pauses import loudness
from tests.transcripts.sound import NOTHING, ROOM, SPEECH, STEP, levels, librivox

GOOD = [Segment(0, 2, "Good morning."), Segment(2, 4, "How are you?"), Segment(4, 6, "Fine.")]


def flags(*segments, **known):
    transcript = Transcript(list(segments))
    found = trust.check(transcript, **known)
    assert found == [s for s in transcript if s.flags]
    return [s.flags for s in transcript]


@pytest.mark.parametrize(
    ("segment", "flag"),
    [
        (Segment(3, 4, "Fine."), trust.UNORDERED),
        (Segment(8, 7, "Fine."), trust.BACKWARDS),
        (Segment(58, 63, "Fine."), trust.PAST_END),
        (Segment(70, 72, "Fine."), trust.PAST_END),
        (Segment(6, 7, "word " * 30), trust.TOO_FAST),
        (Segment(6, 7, "你好吗" * 10), trust.TOO_FAST),
        (Segment(6, 6, "a whole sentence with quite a few words in it"), trust.TOO_FAST),
        (Segment(4, 9, "Fine."), trust.OVERLAPPING),
    ],
)
def test_what_cannot_be_true_is_flagged(segment, flag):
    """By itself, or beside the one before it, and nothing else is."""
    before = [Segment(4, 8, "Yes."), Segment(4, 8, "Yes.")][: flag != trust.PAST_END]
    assert flags(*before, segment, seconds=60) == [*([()] * len(before)), (flag,)]


def test_what_may_be_true_is_not():
    """Times that are rounded, people who talk at once, a fast talker, a moment without length."""
    assert (
        flags(
            Segment(0, 4, "x"),
            Segment(3, 5, "y"),
            Segment(5, 5, "Yes, of course."),
            Segment(5, 9, "word " * 28),
            Segment(9, 13, "我们今天来谈谈这个问题的三个方面首先是历史"),
            Segment(13, 61, "end"),
            seconds=60,
        )
        == [()] * 6
    )


def test_words_on_silence_are_flagged():
    """A recogniser makes them up; a second of rounding is not held against it."""
    sound = levels((4, SPEECH), (6, ROOM), (4, SPEECH))
    given = [
        Segment(0, 4, "heard"),
        Segment(4, 5, "rounded"),
        Segment(5, 9, "made up"),
        Segment(9.8, 14, "heard"),
        Segment(20, 21, "late"),
    ]
    found = flags(*given, levels=sound)
    assert found == [(), (), (trust.SILENT,), (), (trust.PAST_END,)]
    assert flags(Segment(0, 3, "made up"), levels=levels((3, NOTHING))) == [(trust.SILENT,)]
    assert flags(Segment(0, 3, "music"), levels=levels((3, SPEECH))) == [()]


def test_the_length_is_taken_from_where_it_is_known():
    """Said, or the Transcript's, or that of the levels."""
    late = [Segment(8, 12, "late")]
    assert trust.check(Transcript(late, seconds=10))
    assert not trust.check(Transcript(late, seconds=10), seconds=12)
    assert trust.check(Transcript(late), levels((10, SPEECH)))
    assert not trust.check(Transcript(late))


def test_a_second_check_forgets_the_first():
    """But not what others said."""
    one = Segment(9, 8, "x", flags=("has no time",))
    trust.check(Transcript([one]))
    assert one.flags == ("has no time", trust.BACKWARDS)
    one.end = 10
    trust.check(Transcript([one]))
    assert one.flags == ("has no time",)


def missed(transcript, sound, **known):
    """Where words are missing, to a tenth of a second."""
    trust.check(transcript, sound, **known)
    return [
        (round(s.start, 1), round(s.end, 1)) for s in transcript if s.flags == (trust.WORDLESS,)
    ]


def talk(*pairs):
    return Transcript([Segment(start, end, "words " * int(end - start)) for start, end in pairs])


def test_sound_without_words_is_told():
    """Before the first Segment, between two, after the last; a click at it and shorter ones not."""
    sound = levels((30, SPEECH), (20, ROOM), (0.02, SPEECH), (10, ROOM), (60, SPEECH), (30, ROOM))
    assert missed(talk((0, 5)), sound) == [(5, 30), (60, 120)]
    assert missed(talk((12, 30), (60, 70), (85, 111)), sound) == [(0, 12), (70, 85)]
    assert missed(talk((9, 30), (60, 70), (79, 111)), sound) == []
    assert missed(Transcript(), sound) == [(0, 30), (60, 120)]
    backwards = Transcript([Segment(120, 60, "words " * 60), Segment(0, 30, "words " * 30)])
    assert missed(backwards, sound) == []
    for empty in (ROOM, NOTHING):
        assert missed(Transcript(), levels((600, empty))) == []


def test_where_words_are_missing_a_segment_stands():
    """At its place in time; it is one of those with a flag, and a second check makes no second."""
    sound = levels((120, SPEECH))
    given = talk((0, 40), (80, 120))
    for _ in range(2):
        (gap,) = trust.check(given, sound)
        assert (gap.start, gap.end, gap.text, gap.flags) == (40, 80, "", (trust.WORDLESS,))
        assert given[1] is gap
        assert len(given) == 3
    gap.text = "what somebody wrote down " * 8
    assert trust.check(given, sound) == []
    assert given[1] is gap
    assert trust.check(talk((0, 40)), sound, whole=False) == []
    assert trust.check(talk((0, 40))) == []


def test_the_noise_of_the_room_is_no_missing_speech():
    """In an hour with two minutes of talk nothing else is as loud."""
    sound = levels((60, SPEECH), (3480, ROOM), (60, SPEECH))
    assert missed(talk((0, 60), (3540, 3600)), sound) == []
    soft = levels((60, SPEECH), (30, ROOM), (30, SPEECH - 15), (60, SPEECH))
    assert missed(talk((0, 60), (120, 180)), soft) == [(90, 120)]
    coughs = levels((60, SPEECH), *[(2, ROOM), (0.5, SPEECH)] * 20, (60, SPEECH))
    assert missed(talk((0, 60), (110, 170)), coughs) == []


def test_few_words_for_much_sound_are_told():
    """Where an answer has no ends, the last line has the rest; what is told was not said."""
    sound = levels((60, SPEECH), (60, ROOM))
    assert flags(Segment(0, 60, "Hello there."), levels=sound) == [(trust.FEW_WORDS,)]
    assert flags(Segment(0, 60, "Hello there."), levels=sound, whole=False) == [()]
    assert flags(Segment(0, 60, "[Applause]"), levels=sound) == [()]
    assert flags(Segment(0, 60, "♪"), levels=sound) == [()]
    assert flags(Segment(0, 48, "x"), Segment(48, 60, "Slow – ly."), levels=sound)[1] == ()
    assert flags(Segment(0, 60, "你好吗" * 12), levels=sound) == [()]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf"), -5.0, 1e300])
def test_a_time_that_cannot_be_is_flagged(wrong):
    """And is in nobody's way."""
    sound = levels((20, SPEECH))
    given = Transcript([Segment(0, 19, "x " * 99), Segment(wrong, 3, "y"), Segment(19, wrong, "z")])
    assert trust.check(given, sound) == given[1:].segments
    assert [s.flags for s in given[1:]] == [(trust.NOWHERE,)] * 2
    moved, moves = trust.align(given, sound)
    assert moves == []
    assert [s.text for s in moved] == [s.text for s in given]


@pytest.mark.parametrize("left_out", range(5))
def test_real_speech_that_was_left_out_is_told(left_out):
    """One of ten sentences, where it is long enough; of the others none is."""
    said, ends, sound = librivox()
    twice = np.concatenate((sound, sound))
    bounds = [*ends, *(ends[-1] + end for end in ends[1:])]
    segments = [
        Segment(a, b, text) for a, b, text in zip(bounds, bounds[1:], [*said, *said], strict=False)
    ]
    assert missed(Transcript(segments), twice) == []
    few = [*segments[:left_out], *segments[left_out + 3 :]]
    (gap,) = missed(Transcript(few), twice)
    assert gap == (
        pytest.approx(bounds[left_out], abs=0.5),
        pytest.approx(bounds[left_out + 3], abs=0.5),
    )


def test_boundaries_go_to_pauses():
    """Both sides of one, and what was moved is said."""
    sound = levels((3, SPEECH), (0.5, ROOM), (3, SPEECH), (0.5, ROOM), (3, SPEECH))
    given = Transcript([Segment(0, 3, "a"), Segment(3, 7, "b"), Segment(7, 10, "c")])
    moved, moves = trust.align(given, sound)
    assert [(s.start, s.end) for s in moved] == [
        (0, pytest.approx(3.1)),
        (pytest.approx(3.4), pytest.approx(6.6)),
        (pytest.approx(6.9), 10),
    ]
    assert [(m.segment, m.what, m.was, m.now) for m in moves] == [
        (0, "end", 3, 3.1),
        (1, "start", 3, 3.4),
        (1, "end", 7, 6.6),
        (2, "start", 7, 6.9),
    ]
    assert str(moves[1]) == "1: start 00:03 → 00:03.4"
    assert (given[1].start, given[1].end) == (3, 7)


def test_boundaries_stay_where_no_pause_is_near():
    """In music, and at 0.8 s from one."""
    assert trust.align(Transcript(GOOD), levels((6, SPEECH))) == (Transcript(GOOD), [])
    far = levels((2.9, SPEECH), (0.4, ROOM), (3, SPEECH))
    assert trust.align(Transcript([Segment(0, 2, "a"), Segment(2, 6, "b")]), far)[1] == []
    assert trust.align(Transcript(GOOD), np.zeros(0, np.float32))[1] == []


def test_the_pause_between_sentences_is_preferred():
    """A long one that is near to a short one that is nearer."""
    sound = levels((3, SPEECH), (0.2, ROOM), (0.3, SPEECH), (0.8, ROOM), (3, SPEECH))
    moved, _ = trust.align(Transcript([Segment(0, 3.2, "a"), Segment(3.6, 7, "b")]), sound)
    assert (moved[0].end, moved[1].start) == (pytest.approx(3.6), pytest.approx(4.2))


places = st.integers(0, 2000).map(lambda hundredths: hundredths / 100)
sounds = st.lists(
    st.tuples(st.floats(0.05, 2), st.sampled_from([SPEECH, ROOM, NOTHING])), min_size=1, max_size=20
)


@given(st.lists(st.tuples(places, places), max_size=12), sounds)
def test_no_boundary_goes_far_or_past_its_neighbour(bounds, stretches):
    """Whatever the times are; what is in order stays in order."""
    given = Transcript([Segment(start, end, "x") for start, end in bounds])
    moved, moves = trust.align(given, levels(*stretches))
    assert len(moves) == sum(
        getattr(a, w) != getattr(b, w)
        for a, b in zip(given, moved, strict=True)
        for w in ("start", "end")
    )
    assert all(abs(m.now - m.was) <= 0.75 + 1e-9 for m in moves)
    for old, new in zip(given, moved, strict=True):
        assert new.end > new.start or (new.start, new.end) == (old.start, old.end)
    pairs = zip(given, given[1:], moved, moved[1:], strict=False)
    for old, old_next, new, new_next in pairs:
        if old_next.start >= old.end:
            assert new_next.start >= new.end
        assert max(new.end - new_next.start, 0) <= max(old.end - old_next.start, 0) + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_real_speech_is_aligned(seed):
    """Half a second off at each border: afterwards each is in the pause, and nothing is flagged."""
    said, ends, sound = librivox()
    rough = np.random.default_rng(seed)
    off = np.array(ends)
    off[1:-1] += rough.uniform(-0.5, 0.5, len(said) - 1)
    pairs = zip(off[:-1], off[1:], said, strict=True)
    given = Transcript([Segment(float(a), float(b), text) for a, b, text in pairs])
    moved, moves = trust.align(given, sound)
    assert len(moves) >= 2 * (len(said) - 1)
    for at, end in enumerate(ends[1:-1]):
        assert moved[at].end < moved[at + 1].start
        assert abs(moved[at].end - end) < 0.3
        assert abs(moved[at + 1].start - end) < 0.3
        between = loudness(sound)[round(moved[at].end / STEP) : round(moved[at + 1].start / STEP)]
        assert between.mean() < 0.2
    assert trust.check(moved, sound) == []


def test_real_speech_is_trusted_and_what_is_made_up_is_not():
    """Sentences where they are said; one more in a long pause after them."""
    said, ends, sound = librivox()
    pause = np.full(500, np.percentile(sound, 5), np.float32)
    pairs = zip(ends, ends[1:], said, strict=False)
    segments = [Segment(a, b, text) for a, b, text in pairs]
    made_up = Segment(ends[-1] + 1, ends[-1] + 4, "thank you for watching")
    found = trust.check(Transcript([*segments, made_up]), np.concatenate((sound, pause)))
    assert found == [made_up]
    assert made_up.flags == (trust.SILENT,)


def test_ten_hours_are_checked_and_aligned_in_a_moment():
    """A level each 10 ms, a sentence each 5 s."""
    sound = np.tile(levels((4.4, SPEECH), (0.6, ROOM)), 7200)
    given = Transcript([Segment(at * 5.0, at * 5.0 + 5, "one two three") for at in range(7200)])
    began = time.process_time()
    assert trust.check(given, sound) == []
    assert len(trust.align(given, sound)[1]) > 7000
    assert time.process_time() - began < 5
