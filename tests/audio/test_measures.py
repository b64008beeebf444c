"""Levels, peaks, faults and cuts: against what numpy says of the whole at once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gemini_nb.audio import Audio, decoding, measures
from tests.audio import sounds

NOISE = np.random.default_rng(6).normal(0, 0.1, (500_000, 2)).astype(np.float32)

BLOCKS = measures.blocks


def stream(sound, rate=sounds.RATE):
    return decoding.Array(sound, rate)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 441])
@pytest.mark.parametrize("step", [0.01, 0.02, 1.0])
def test_levels_of_each_step(rate, step):
    """Where a step is no whole number of frames, too; the last one is what is left."""
    sound = NOISE[: rate * 4 + rate // 3]
    found = measures.powers(stream(sound, rate), None, step)
    count = int(len(sound) / rate / step)
    edges = np.floor(np.arange(count + 1) * (step * rate) + 1e-6).astype(int)
    expected = [np.square(sound[a:b], dtype=float).mean() for a, b in itertools.pairwise(edges)]
    assert np.allclose(found[:count], expected, rtol=1e-5)
    assert len(found) - count in (0, 1)


def test_levels_in_decibels():
    """A square wave is 0 dBFS, a sine −3, nothing −∞."""
    times = np.arange(16_000)
    square = np.where(times % 40 < 20, 1.0, -1.0)
    assert Audio.from_array(square, 16_000).levels() == pytest.approx(0, abs=0.01)
    sine = Audio.from_array(np.sin(times * 2 * np.pi / 40), 16_000).levels()
    assert sine == pytest.approx(-3.01, abs=0.01)
    silence = Audio.from_array(np.zeros(16_000), 16_000).levels()
    assert silence.dtype == np.float32
    assert np.all(silence == -np.inf)
    assert len(silence) == 100


def test_levels_of_a_clip_are_those_of_all():
    """Begun in the middle."""
    audio = Audio.from_bytes(sounds.encoded("FLAC"))
    assert np.array_equal(audio.clip(0.5, 1.5).levels(), audio.levels()[50:150])


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_peaks_are_those_of_each_stretch(count):
    """To a sixteenth of a stretch."""
    found = measures.peaks(stream(NOISE), None, count, len(NOISE))
    assert found.shape == (count, 2)
    assert found.dtype == np.float32
    slack = len(NOISE) // count // 8
    for at, (low, high) in enumerate(found):
        start, end = len(NOISE) * at // count, len(NOISE) * (at + 1) // count
        wide = NOISE[max(0, start - slack) : end + slack]
        inner = NOISE[start + slack : end - slack]
        assert wide.min() <= low <= inner.min()
        assert inner.max() <= high <= wide.max()


@pytest.mark.parametrize("expected", [0, 1, 100, 10**9])
def test_peaks_where_the_length_is_not_known(expected):
    """All of it is there, however long a header says it is."""
    found = measures.peaks(stream(NOISE), None, 10, expected)
    assert (found[:, 0].min(), found[:, 1].max()) == (NOISE.min(), NOISE.max())


def test_peaks_of_little():
    """More stretches than samples, and none at all."""
    few = np.array([[0.5], [-0.25]], np.float32)
    assert measures.peaks(stream(few), None, 4, 2)[0].tolist() == [0.5, 0.5]
    assert measures.peaks(stream(few[:0]), None, 4).tolist() == [[0, 0]] * 4


@pytest.mark.parametrize("count", [10, 1000])
def test_glimpses_are_a_part_of_the_peaks(count):
    """Of each stretch, or of the one around it, from a place on."""
    first, frames = 20_000, 400_000
    found = measures.glimpses(stream(NOISE, 100), first, frames, count)
    places = min(count, measures.PLACES)
    assert found.shape == (count, 2)
    assert found.dtype == np.float32
    for at, pair in enumerate(found):
        start = first + frames * (at * places // count) // places
        part = NOISE[start : start + 20]
        assert pair.tolist() == [part.min(), part.max()]


def test_glimpses_of_little():
    """What a header tells of need not be there."""
    few = np.array([[0.5], [-0.25]], np.float32)
    assert measures.glimpses(stream(few), 0, 4, 4).tolist() == [
        [0.5] * 2,
        [-0.25] * 2,
        [0] * 2,
        [0] * 2,
    ]
    whole = (few * 32_768).astype(np.int16)
    assert measures.glimpses(stream(whole), 0, 1, 1).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("kind", "is_whole"),
    [("OGG Vorbis", False), ("OGG Opus", False), ("MP3", False), ("FLAC", True)],
)
def test_peaks_of_what_is_long_are_those_of_places(kind, is_whole, monkeypatch):
    """Where decoding all of it takes seconds; a clip begins in its own place."""
    monkeypatch.setattr("gemini_nb.audio._LONG", 1.0)
    read = []
    monkeypatch.setattr(measures, "blocks", lambda *given: read.append(1) or BLOCKS(*given))
    for audio in (sound := Audio.from_bytes(sounds.encoded(kind)), sound.clip(0.5)):
        found = audio.peaks(30)
        at = int(30 * (1.5 - audio.start) / (sounds.SECONDS - audio.start))  # within the tone
        assert np.abs(found[-8:]).max() < 0.05
        assert found[at] == pytest.approx([-0.5, 0.5], abs=0.06)
    assert bool(read) == is_whole


@pytest.mark.parametrize("kind", sounds.WRITTEN)
def test_peaks_of_each_format(kind):
    """The tone stands in the middle third."""
    found = Audio.from_bytes(sounds.encoded(kind)).peaks(30)
    assert np.abs(found[:9]).max() < 0.05
    assert np.abs(found[21:]).max() < 0.05
    assert found[12:18, 1] == pytest.approx(0.5, abs=0.05)
    assert found[12:18, 0] == pytest.approx(-0.5, abs=0.05)


def test_what_is_clipped():
    """Three samples in a row at full scale; a single peak is none."""
    sine = np.sin(np.arange(160_000) / 20)
    assert measures.listen(stream(sounds.tone()), None).clipped == 0
    assert measures.listen(stream(sine[:, None] * 0.999), None).clipped == 0
    loud = np.clip(sine * 1.5, -1, 1)[:, None]
    share = np.mean(np.abs(loud) == 1)
    assert measures.listen(stream(loud), None).clipped == pytest.approx(share, rel=0.3)
    whole = (loud * 32_767).astype(np.int16)
    assert measures.listen(stream(whole), None).clipped == pytest.approx(share, rel=0.3)


def test_what_is_heard():
    """The loudest hundredth of a second, and how much there is."""
    heard = measures.listen(stream(sounds.tone(channels=2)), None)
    assert heard.frames == sounds.SECONDS * sounds.RATE
    assert heard.loudest == pytest.approx((0.125 + 0.03125) / 2, rel=0.05)
    short = measures.listen(stream(np.full((3, 1), 0.5, np.float32)), None)
    assert (short.frames, short.loudest) == (3, 0.25)


def test_cuts_are_where_it_is_calm():
    """In the pause nearest below the limit, not in the words beside it."""
    power = np.full(30_000, 0.01)
    for pause in (8000, 9500, 18_800):
        power[pause : pause + 60] = 1e-7
    found = measures.cuts(power.astype(np.float32), 0.01, 100.0)
    assert found[:2] == [pytest.approx(95.3, abs=0.3), pytest.approx(188.3, abs=0.3)]
    assert max(np.diff([0, *found, 300])) < 100.001


@pytest.mark.parametrize("level", [0.0, 0.01])
def test_cuts_where_all_is_alike(level):
    """The pieces are as long as they may be."""
    power = np.full(25_001, level, np.float32)
    assert measures.cuts(power, 0.01, 100.0) == pytest.approx([100.0, 200.0])
    assert measures.cuts(power[:10_000], 0.01, 100.0) == []
