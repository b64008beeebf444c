"""What is sent is smaller, and sounds the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gemini_nb.audio import Audio, decoding, encoding, sources
from gemini_nb.errors import BadPrompt, UnknownName
from tests.audio import sounds


def samples(audio):
    with decoding.opened(audio.data, "It") as stream:
        return stream.read(1 << 22) * stream.scale


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_mono_at_16_khz(rate, channels):
    """The tone is where it was, as loud as the mean of the channels, and nothing beside it."""
    data = sounds.encoded("WAV", sounds.tone(rate=rate, channels=channels), rate)
    made = Audio.from_bytes(data, name="talk.wav").prepare()
    found = made.probe()
    assert (found.mime_type, found.rate, found.channels) == ("audio/flac", 16_000, 1)
    assert found.seconds == pytest.approx(sounds.SECONDS, abs=0.001)
    assert made.name == "talk.flac"
    expected = sounds.tone()[:, 0] * (1 if channels == 1 else 0.75)
    inner = slice(16_400, 31_600)  # beside the edges of the tone, where a filter rings
    assert samples(made)[inner, 0] == pytest.approx(expected[inner], abs=0.003)
    assert np.abs(samples(made)[:15_000]).max() < 0.001


def test_what_is_too_high_for_16_khz_is_gone():
    """A tone of 12 kHz would come back as one of 4 kHz, if it were not filtered first."""
    high = np.sin(np.arange(88_200) * 2 * np.pi * 12_000 / 44_100) / 2
    found = Audio.from_array(high, 44_100).prepare().levels()
    assert found[10:-10].max() < -70


def test_opus():
    """A fourth of the FLAC or less, where it is asked for."""
    audio = Audio.from_path(sounds.speech()[0])
    flac, opus = audio.prepare(), audio.prepare("opus")
    assert len(opus.data) * 4 < len(flac.data) < len(audio.data)
    assert str(opus.probe()) == str(flac.probe()).replace("FLAC", "OGG Opus")
    assert opus.name == "sense_and_sensibility_01_austen_64kb-0870.ogg"
    both = audio.levels(1.0), opus.levels(1.0)
    assert both[0][:7] == pytest.approx(both[1][:7], abs=1.0)
    with pytest.raises(UnknownName, match="mp3"):
        audio.prepare("mp3")


def test_ten_to_twenty_times_smaller():
    """What a recorder makes, of 44.1 kHz in stereo, out of real speech."""
    import soxr

    with decoding.opened(sounds.speech()[0].read_bytes(), "It") as stream:
        speech = stream.read(1 << 20)[:, 0] * stream.scale
    wide = np.stack([soxr.resample(speech, 16_000, 44_100)] * 2, axis=1)
    data = sounds.encoded("WAV", wide, 44_100)
    assert 9 < len(data) / len(Audio.from_bytes(data).prepare().data) < 20


def test_a_clip_as_flac():
    """It loses nothing: rate, channels and samples are those of the part."""
    sound = sounds.tone(rate=44_100, channels=2)
    audio = Audio.from_bytes(sounds.encoded("WAV", sound, 44_100), name="talk.wav")
    part = audio.clip(0.5, 1.5)
    again = Audio.from_bytes(part.data)
    assert again.probe() == part.probe()
    assert np.abs(samples(again) - sound[22_050:66_150]).max() < 0.0001


def test_what_flac_has_no_room_for():
    """Sixteen channels; mixed down they go."""
    audio = Audio.from_array(np.ones((100, 16)) / 2, 16_000)
    with pytest.raises(BadPrompt, match=r"16 channels .* Mix it down: audio.prepare()"):
        _ = audio.data
    assert audio.prepare().probe().channels == 1


def test_what_is_too_loud_is_cut_not_turned_over():
    """An overflow would make the loudest samples the lowest."""
    audio = Audio.from_array(np.full(1600, 1.5), 16_000)
    assert Audio.from_bytes(audio.data).peaks(1)[0] == pytest.approx([1, 1], abs=0.001)
    assert audio.prepare().peaks(1)[0] == pytest.approx([1, 1], abs=0.001)


_FULL = """
import resource, signal, sys
import numpy as np
from gemini_nb.audio import Audio, sources
from gemini_nb.errors import BadPrompt

sources._HELD = 1000
noise = Audio.from_array(np.random.default_rng(0).normal(0, 0.1, 80_000), 16_000)
full = 0
for limit in (0, 500, 20_000, 100_000, len(noise.data) - 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for make in (noise.prepare, lambda: noise.prepare("opus"), lambda: noise.data):
        try:
            made = make()
        except BadPrompt as error:
            print(error)
            full += 1
        del make
    made = None
assert full >= 10, full
"""


def test_a_full_disk(tmp_path):
    """One sentence names the folder and the room; nothing is taken for whole, nothing stays."""
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-O", "-c", _FULL],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    for line in done.stdout.splitlines():
        assert line.startswith(
            f"A temporary file cannot be written in {str(tmp_path)!r}, which has "
        )
        assert line.endswith("Make room there, or set TMPDIR to a folder with more.")
    assert list(tmp_path.iterdir()) == []


class Interrupted(sources.Made):
    """A file whose writer presses Ctrl-C once."""

    def __init__(self):
        super().__init__()
        self.file, self.inner = self, self.file
        self.left = 3

    def write(self, data):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGINT)
        return self.inner.write(data)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.mark.skipif(sys.platform == "win32", reason="by no signal")
@pytest.mark.parametrize("codec", encoding.CODECS)
def test_an_interrupt_leaves_nothing_half_made(monkeypatch, codec):
    """Whoever waits for the file is told."""
    monkeypatch.setattr(encoding, "Made", Interrupted)
    audio = Audio.from_array(np.random.default_rng(0).normal(0, 0.1, 800_000), 16_000)
    with pytest.raises(KeyboardInterrupt):
        audio.prepare(codec)
