"""Where there is sound, and where a pause is."""

from __future__ import annotations

import numpy as np
import pytest

from gemini_nb.transcripts.pauses import loudness, pauses
from tests.transcripts.sound import NOTHING, ROOM, SPEECH, STEP, levels, librivox


@pytest.mark.parametrize("quiet", [NOTHING, ROOM])
@pytest.mark.parametrize("louder", [0, -20])
def test_pauses_are_found(quiet, louder):
    """In a quiet room, in digital silence, with a soft voice; not too short ones."""
    speech = SPEECH + louder if quiet == NOTHING else SPEECH
    given = levels((0.5, quiet), (2, speech), (0.1, quiet), (1, speech), (0.4, quiet), (1, speech))
    found = pauses(loudness(given), STEP)
    assert found == [pytest.approx((0, 0.5)), pytest.approx((3.6, 4.0))]


def test_a_click_does_not_end_a_pause():
    """Nobody says anything in 20 ms."""
    given = levels((1, SPEECH), (0.3, ROOM), (0.02, SPEECH), (0.3, ROOM), (1, SPEECH))
    assert pauses(loudness(given), STEP) == [pytest.approx((1, 1.62))]


@pytest.mark.parametrize("level", [SPEECH, -40.0])
def test_where_nothing_can_be_told_apart_all_is_sound(level):
    """Music, or a fan."""
    assert loudness(levels((5, level))).all()


@pytest.mark.parametrize("level", [NOTHING, -80.0])
def test_silence_is_silence(level):
    """All of it is one pause."""
    given = levels((5, level))
    assert not loudness(given).any()
    assert pauses(loudness(given), STEP) == [pytest.approx((0, 5))]


def test_no_levels_no_pauses():
    """An empty recording; what is no number counts as silence."""
    assert pauses(loudness(np.zeros(0, np.float32)), STEP) == []
    assert not loudness(np.full(9, np.nan)).any()


def test_the_pauses_of_real_speech():
    """At each of the five sentences' borders is one, and inside of them none that long."""
    _, ends, given = librivox()
    found = [pause for pause in pauses(loudness(given), STEP) if pause.end - pause.start > 0.4]
    assert len(found) == 5
    assert all(any(p.start < end < p.end for p in found) for end in ends[1:-1])
