"""Moments and durations, as the wire writes them and as people give them."""

from __future__ import annotations

import datetime as dt

import pytest

from gemini_nb import errors, times

UTC = dt.UTC


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-22T01:02:03Z", dt.datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)),
        ("2026-11-22T01:02:03.5Z", dt.datetime(2026, 11, 22, 1, 2, 3, 500_000, tzinfo=UTC)),
        (
            "2026-11-22T01:02:03.123456789Z",
            dt.datetime(2026, 11, 22, 1, 2, 3, 123_456, tzinfo=UTC),
        ),
        ("2026-11-22T01:02:03+02:00", dt.datetime(2026, 11, 21, 23, 2, 3, tzinfo=UTC)),
        ("2026-11-22T01:02:03", dt.datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)),
        ("tomorrow", None),
        ("9999-12-31T23:59:59-10:00", None),
        ("", None),
        (None, None),
    ],
)
def test_moments_are_read(text, when):
    """RFC 3339 with any fraction becomes UTC; what is none is None."""
    assert times.moment(text) == when


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (dt.datetime(2026, 11, 22, 1, tzinfo=UTC), "2026-11-22T01:00:00Z"),
        (
            dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            "2025-12-31T23:00:00Z",
        ),
        ("2026-11-22T01:00:00.25+00:00", "2026-11-22T01:00:00.250000Z"),
        (0, "1970-01-01T00:00:00Z"),
        ({"seconds": 60, "nanos": 500_000_000}, "1970-01-01T00:01:00.500000Z"),
    ],
)
def test_moments_are_written(given, text):
    """Every way to say when."""
    assert times.to_moment(given) == text


def test_a_moment_without_a_zone_is_local():
    """As everywhere in Python."""
    naive = dt.datetime(2026, 7, 1, 12)  # noqa: DTZ001 - that is the case
    assert times.moment(times.to_moment(naive)) == naive.astimezone(UTC)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (300, "300s"),
        (1.5, "1.5s"),
        ("300s", "300s"),
        ("0.25s", "0.25s"),
        (dt.timedelta(minutes=5), "300s"),
        (dt.timedelta(days=2, microseconds=1), "172800.000001s"),
        ({"seconds": 300}, "300s"),
        ({"seconds": 3, "nanos": 500_000_000}, "3.5s"),
    ],
)
def test_durations_are_written(given, text):
    """Every way to say how long."""
    assert times.to_duration(given) == text


@pytest.mark.parametrize(
    "wrong",
    [
        0,
        -1,
        1e-10,
        "5",
        "5m",
        "",
        None,
        True,
        float("nan"),
        float("inf"),
        {},
        {"hours": 1},
        [],
        "-3s",
    ],
    ids=repr,
)
def test_what_is_no_duration(wrong):
    """Nothing, a negative time and other units are refused."""
    with pytest.raises(errors.BadPrompt, match="no length of time"):
        times.to_duration(wrong)


@pytest.mark.parametrize("wrong", ["soon", None, [], {}, True, 1e30, float("nan")], ids=repr)
def test_what_is_no_moment(wrong):
    """What names no moment is refused."""
    with pytest.raises(errors.BadPrompt, match="no moment"):
        times.to_moment(wrong)
