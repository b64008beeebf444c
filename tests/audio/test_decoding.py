"""Every format becomes the same samples, from any place on."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

from gemini_nb.audio import Audio, decoding, header
from gemini_nb.errors import BadPrompt
from tests.audio import sounds
from tests.audio.test_header import mutated


def samples(data, start=0, frames=1 << 20):
    with decoding.opened(data, "It") as stream:
        if start:
            stream.seek(start)
        return stream.read(frames) * stream.scale


@pytest.mark.parametrize("kind", sounds.WRITTEN)
def test_each_format(kind):
    """What comes out is what went in, or close to it."""
    found = samples(sounds.encoded(kind))
    assert found.shape == sounds.tone().shape
    assert np.abs(found - sounds.tone()).mean() < 0.005


@pytest.mark.parametrize("kind", sounds.WRITTEN)
def test_from_a_place_on(kind):
    """A part is the same as that part of all."""
    data = sounds.encoded(kind)
    part = samples(data, 17_000, 5000)
    assert part.shape == (5000, 1)
    assert np.abs(part - samples(data)[17_000:22_000]).max() < 0.02
    assert len(samples(data, 10**7)) == 0


@pytest.mark.parametrize(("data", "rate"), [(sounds.M4A, 44_100), (sounds.AAC, 16_000)])
def test_what_ffmpeg_decodes(data, rate):
    """The tone begins where it was put, and a part is that part of all."""
    pytest.importorskip("av")
    whole = samples(data)
    loud = np.flatnonzero(np.abs(whole[:, 0]) > 0.2)[0] / rate
    late = 0.064 if rate == 16_000 else 0.0  # ADTS does not tell of the encoder's delay
    assert loud == pytest.approx(0.5 + late, abs=0.03)
    at = rate * 6 // 10
    assert np.abs(samples(data, at, 2000) - whole[at : at + 2000]).max() < 0.001
    assert len(samples(data, 10**7)) == 0


def test_without_ffmpeg(monkeypatch):
    """One sentence says what to install; the header is read all the same."""
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(BadPrompt, match="M4A, which needs FFmpeg to decode") as caught:
        samples(sounds.M4A)
    assert "pip install av" in caught.value.advice
    assert Audio.from_bytes(sounds.M4A).probe().rate == 44_100


def test_what_needs_ffmpeg_is_sent_without_it(monkeypatch):
    """The service decodes it; it is only not checked here."""
    monkeypatch.setattr(decoding, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "av", None)
    part = Audio.from_bytes(sounds.AAC)._part()
    assert (part.inline_data.mime_type, part.inline_data.data) == ("audio/aac", sounds.AAC)


def test_an_mp3_behind_tags_and_junk():
    """Their beginning alone says nothing to libsndfile."""
    data = sounds.encoded("MP3")
    tag = b"ID3\x04\0\0" + bytes((0, 0, 8, 0)) + bytes(1024)
    assert np.array_equal(samples(tag + data), samples(data))
    assert np.array_equal(samples(bytes(3000) + data), samples(data))


def test_broken_samples(capfd, recwarn):
    """What libraries meet in a broken file becomes an error of ours, and nothing is heard of it."""
    pytest.importorskip("av")
    raised = 0
    for seed in range(150):
        try:
            Audio.from_bytes(mutated(seed)).check()
        except BadPrompt:
            raised += 1
    assert 50 < raised < 150
    assert capfd.readouterr() == ("", "")


class Interrupting:
    """Bytes whose reader presses Ctrl-C, at the first read behind a place, or after so many."""

    def __init__(self, data, place=0, after=0):
        self.data = data
        self.place = place
        self.left = after

    def __len__(self):
        return len(self.data)

    def __getitem__(self, part):
        if (part.start or 0) >= self.place:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)
        return self.data[part]


INTERRUPTED = {kind: sounds.encoded(kind, sounds.tone(60.0)) for kind in sounds.WRITTEN}
INTERRUPTED["AAC"] = sounds.AAC * 100
cannot_interrupt_itself = pytest.mark.skipif(sys.platform == "win32", reason="by no signal")


@cannot_interrupt_itself
@pytest.mark.parametrize("kind", INTERRUPTED)
def test_an_interrupt_is_no_end_of_a_file(kind):
    """Whoever reads is told; nothing is taken for whole."""
    if kind == "AAC":
        pytest.importorskip("av")
    data = Interrupting(INTERRUPTED[kind], len(INTERRUPTED[kind]) // 3)
    with pytest.raises(KeyboardInterrupt), decoding.opened(data, "It") as stream:  # noqa: PT012
        data.left = 1
        while len(stream.read(4000)):
            pass


@cannot_interrupt_itself
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG Opus"])
def test_an_interrupt_makes_no_header_a_broken_one(kind):
    """It is not said to be damaged."""
    with pytest.raises(KeyboardInterrupt):
        header.probe(Interrupting(sounds.encoded(kind, sounds.tone(0.3)), after=4), "It")


def test_integers_stay_integers():
    """Of 16 bits no floats are made before they are needed; an array is not copied."""
    with decoding.opened(sounds.encoded("FLAC"), "It") as stream:
        assert stream.read(10).dtype == np.int16
    given = np.zeros((10, 1), np.int32)
    stream = decoding.Array(given, 8000)
    assert np.shares_memory(stream.read(5), given)
    assert stream.scale == 2**-31
