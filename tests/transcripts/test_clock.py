"""Places in a recording: as people give them, as models write them, as subtitles want them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb.errors import BadPrompt
from gemini_nb.transcripts import clock


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("02:30", 150.0),
        ("2:30", 150.0),
        ("75:10", 4510.0),
        ("1:02:03.5", 3723.5),
        ("00:01:02,500", 62.5),
        ("00:05:250", 5.25),
        ("00:01:30:500", 90.5),
        ("00:01:30:12", 90.12),
        (" 90 ", 90.0),
        ("12.5s", 12.5),
        (90, 90.0),
        (0.25, 0.25),
    ],
)
def test_places_are_read(given, seconds):
    """Two numbers are minutes and seconds, three begin with hours."""
    assert clock.seconds(given) == pytest.approx(seconds)
    assert clock.look(given) == clock.seconds(given)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "soon",
        "1:2:3:4:5",
        "-5",
        -1,
        float("nan"),
        float("inf"),
        10**400,
        True,
        None,
        [],
        "٣:٠x",
    ],
)
def test_what_is_no_place_is_said(given):
    """In one sentence for a person, and as None where a model wrote it."""
    with pytest.raises(BadPrompt, match="no place in a recording"):
        clock.seconds(given)
    assert clock.look(given) is None


@pytest.mark.parametrize("given", [-1, float("nan"), float("inf"), float("-inf"), 1e300])
def test_a_number_may_be_no_place(given):
    """Whoever made the Segment."""
    assert not clock.is_place(given)
    assert clock.is_place(0)


@pytest.mark.parametrize("given", ["01:75", "1:60:00"])
def test_a_slip_is_refused_of_a_person_and_understood_of_a_model(given):
    """Sixty seconds are a minute; whoever types them meant something else."""
    with pytest.raises(BadPrompt):
        clock.seconds(given)
    assert clock.look(given) == {"01:75": 135.0, "1:60:00": 7200.0}[given]


@pytest.mark.parametrize(
    ("seconds", "stamp", "mark", "full"),
    [
        (0, "00:00", "00:00", "00:00:00,000"),
        (150.0, "02:30", "02:30", "00:02:30,000"),
        (3723.5, "1:02:03.5", "1:02:03", "01:02:03,500"),
        (59.9996, "01:00", "01:00", "00:01:00,000"),
        (5.999, "00:05.999", "00:05", "00:00:05,999"),
        (-1, "00:00", "00:00", "00:00:00,000"),
        (float("nan"), "00:00", "00:00", "00:00:00,000"),
    ],
)
def test_places_are_written(seconds, stamp, mark, full):
    """As short as exact, as a second, and as subtitles have it."""
    assert clock.stamp(seconds) == stamp
    assert clock.mark(seconds) == mark
    assert clock.full(seconds, point=",") == full


@given(st.integers(0, 30 * 3600 * 1000))
def test_what_is_written_is_read(thousandths):
    """Every place to the thousandth."""
    seconds = thousandths / 1000
    assert clock.seconds(clock.stamp(seconds)) == pytest.approx(seconds, abs=1e-9)
    assert clock.seconds(clock.full(seconds, point=".")) == pytest.approx(seconds, abs=1e-9)


@given(st.text() | st.from_regex(rf"\A{clock.SHAPE}\Z"))
def test_any_text_is_a_place_or_none(text):
    """And nothing else happens."""
    found = clock.look(text)
    assert found is None or found >= 0
