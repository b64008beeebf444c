"""Recordings are opened whole, in every format, and what is broken is refused."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gemini_nb.local import sounds
from gemini_nb.local.fault import Fault
from tests.local import voices
from tests.local.test_app import FLASH, client, error
from tests.local.voices import RATE

KINDS = {
    "WAV": ("WAV", None),
    "MP3": ("MP3", None),
    "FLAC": ("FLAC", None),
    "Vorbis": ("OGG", "VORBIS"),
    "Opus": ("OGG", "OPUS"),
    "AIFF": ("AIFF", None),
    "AAC": ("AAC", None),
    "M4A": ("M4A", None),
}


def tone(seconds=2.0):
    return (np.sin(np.arange(int(seconds * RATE)) / 20) / 2).astype(np.float32)


def heard(data, mime="audio/wav", start=0.0, end=float("inf")):
    return list(sounds.stretches(data, mime, start, end))


def refused(data, mime="audio/wav"):
    with pytest.raises(Fault) as found:
        heard(data, mime)
    assert found.value.code == 400
    return found.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_each_format_is_opened_whatever_it_is_called(kind):
    """The bytes decide; it is as long and as loud as it was."""
    ((start, samples),) = heard(voices.file(tone(), *KINDS[kind]))
    assert start == 0
    assert abs(len(samples) / RATE - 2) < 0.15
    assert samples.dtype == np.float32
    assert abs(np.sqrt(np.square(samples).mean()) - 0.35) < 0.03


def test_other_rates_and_channels_become_one():
    """44.1 kHz stereo, one side silent."""
    import io

    import soundfile

    made = io.BytesIO()
    left = np.sin(np.arange(44_100) / 20)
    soundfile.write(made, np.stack([left, 0 * left], axis=1), 44_100, format="FLAC")
    ((_, samples),) = heard(made.getvalue())
    assert abs(len(samples) - RATE) < 50
    assert samples.ndim == 1


def test_a_range_is_cut_out():
    """To the sample."""
    data = voices.file(np.arange(3 * RATE, dtype=np.float32) / (3 * RATE), "WAV", "FLOAT")
    ((start, samples),) = heard(data, start=1, end=1.5)
    assert (start, len(samples)) == (1, RATE // 2)
    assert abs(samples[0] - 1 / 3) < 1e-3
    assert heard(data, start=5) == []


def test_a_long_recording_comes_in_stretches_that_meet(monkeypatch):
    """Cut where it is quiet, and nothing is lost."""
    monkeypatch.setattr(sounds, "_STRETCH", 10 * RATE)
    monkeypatch.setattr(sounds, "_SEARCHED", 4 * RATE)
    whole = tone(25)
    whole[8 * RATE : 8 * RATE + RATE // 2] = 0
    found = heard(voices.file(whole))
    assert 8 <= found[1][0] <= 8.5
    reached = 0.0
    for start, samples in found:
        assert start == pytest.approx(reached)
        reached = start + len(samples) / RATE
    assert reached == 25


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no recording"),
        (b"hello", "no recording"),
        (b"#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1/x.ts\n", "no recording"),
        (b"RIFF\x24\0\0\0WAVE", "its header is damaged"),
        (voices.file(tone(0)), "there is no sound in it"),
        (voices.file(tone(), "FLAC")[:2000], "truncated or damaged"),
        (voices.file(tone(), "M4A")[:5000], "header is damaged"),
    ],
)
def test_what_is_no_recording_is_refused(data, words):
    """In the API's words, and a playlist is not followed."""
    said = refused(data)
    assert said.startswith("Unable to process input audio: ")
    assert words in said


def test_a_type_that_is_not_known_is_refused():
    """As the API names it."""
    assert refused(voices.file(tone()), "audio/midi") == "Unsupported MIME type: audio/midi"


def test_more_than_the_api_takes_is_refused(monkeypatch):
    """By its header, or when so much has come."""
    monkeypatch.setattr(sounds, "LONGEST", 1.5)
    assert "longer than" in refused(voices.file(tone()))
    assert "longer than" in refused(voices.file(tone(), "AAC"))


def test_broken_recordings_raise_nothing_else():
    """Some hundreds, each broken otherwise."""
    dice = random.Random(0)  # noqa: S311
    whole = [voices.file(tone(0.5), *kind) for kind in KINDS.values()]
    for _ in range(400):
        data = bytearray(dice.choice(whole))
        del data[dice.choice((len(data), dice.randrange(len(data)))) :]
        for _ in range(dice.choice((1, 5, 50)) if data else 0):
            near = min(len(data), 200) if dice.random() < 0.5 else len(data)
            data[dice.randrange(near)] = dice.randrange(256)
        try:
            heard(bytes(data))
        except Fault as fault:
            assert fault.code == 400  # noqa: PT017 - most are refused, some can be heard


def test_a_broken_recording_is_refused_by_the_route():
    """As a 400, streamed or not."""
    body = {"contents": [{"parts": [voices.part(b"hello"), {"text": "Transcribe this."}]}]}
    for method in ("generateContent", "streamGenerateContent?alt=sse"):
        found = error(client().post(f"{FLASH}:{method}", json=body), 400, "INVALID_ARGUMENT")
        assert found["message"].startswith("Unable to process input audio")
