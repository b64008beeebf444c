"""Which arrays are sound, and what is said of the others."""

from __future__ import annotations

import numpy as np
import pytest

from gemini_nb.audio import Audio
from gemini_nb.audio.samples import checked, is_raw, of_raw
from gemini_nb.errors import BadPrompt

SINE = np.sin(np.arange(1600) / 10)


@pytest.mark.parametrize(
    "given",
    [
        SINE,
        SINE.astype(np.float16),
        SINE.tolist(),
        (SINE * 32_767).astype(np.int16),
        (SINE * 2**31 * 0.999).astype(np.int32),
        np.stack([SINE, SINE], axis=1),
        SINE * 1.2,
    ],
)
def test_what_is_sound(given):
    """Floats, integers of 16 and 32 bits, one channel and several."""
    audio = Audio.from_array(given, 16_000)
    assert audio.probe().seconds == 0.1
    assert audio.levels() == pytest.approx(-3.0, abs=1.7)
    again = Audio.from_bytes(audio.data)
    assert again.probe() == audio.probe()
    assert np.abs(again.peaks(10) - np.clip(audio.peaks(10), -1, 1)).max() < 0.001


def test_nothing_is_copied():
    """An hour of samples is not held twice."""
    sound = SINE.astype(np.float32)
    assert np.shares_memory(checked(sound, 16_000)[0], sound)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((2, 1000)), "would have 1,000 channels. Turn them round: samples.T"),
        (np.zeros((2, 2, 2)), "have the shape (2, 2, 2)"),
        (np.zeros(0), "There are no samples"),
        (np.zeros(10, np.uint8), "not uint8"),
        (["a", "b"], "not <U1"),
        ([[1.0], [1.0, 2.0]], "make no array"),
        (SINE * 32_767, "floats are from −1 to 1. Divide them by their largest"),
        ([0.0, np.nan], "no numbers (NaN)"),
        ([0.0, np.inf], "infinite"),
    ],
)
def test_what_is_no_sound(given, words):
    """One sentence says what is wrong, another what to do."""
    with pytest.raises(BadPrompt) as caught:
        checked(given, 16_000)
    assert words in str(caught.value)


@pytest.mark.parametrize("rate", [0, -1, 16_000.5, True, 10**7, "fast", None, float("nan")])
def test_what_is_no_rate(rate):
    """A whole number of frames a second."""
    with pytest.raises(BadPrompt, match="is no sample rate"):
        checked(SINE, rate)


def test_raw_samples_as_gemini_speaks():
    """Little-endian, 24 kHz where nothing else is said; half a sample is dropped."""
    spoken = (SINE * 20_000).astype("<i2")
    for kind in ("audio/L16;codec=pcm;rate=24000", "audio/pcm; rate=24000", "audio/L16"):
        found, rate = of_raw(spoken.tobytes() + b"\0", kind)
        assert rate == 24_000
        assert np.array_equal(found[:, 0], spoken)
    assert of_raw(spoken.tobytes(), "audio/L16;rate=8000;channels=2")[0].shape == (800, 2)
    assert is_raw("audio/L16;rate=24000")
    assert not is_raw("audio/wav")
    audio = Audio.from_bytes(spoken.tobytes(), "audio/L16;rate=24000", name="said")
    assert (audio.mime_type, audio.probe().rate) == ("audio/flac", 24_000)


@pytest.mark.parametrize("kind", ["audio/L16;rate=fast", "audio/L16;channels=0", "audio/L16;rate="])
def test_raw_samples_of_no_kind(kind):
    """A type that says nonsense."""
    with pytest.raises(BadPrompt, match=r"is no type of raw samples|is no sample rate"):
        of_raw(bytes(100), kind)
