"""Stretches of an MP3 are, to the sample, what libsndfile makes of it; joined files are whole."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from gemini_nb.audio import Audio, decoding, mp3
from gemini_nb.audio.sources import AtPath
from gemini_nb.errors import BadPrompt
from tests.audio import sounds


@pytest.fixture(params=["PyAV", "libsndfile"])
def decoder(request, monkeypatch):
    """Either of them, wherever both are."""
    if request.param == "PyAV":
        pytest.importorskip("av")
    else:
        monkeypatch.setattr(mp3, "find_spec", lambda _: None)
    return request.param


def noisy(seconds, rate=16_000, channels=1):
    chance = np.random.default_rng(int(seconds))
    sound = chance.normal(0, 0.1, (int(seconds * rate), channels))
    sound[: rate // 2] *= 0.01  # frames differ in size, and refer to those before
    return sounds.encoded("MP3", np.clip(sound, -1, 1), rate)


def whole(data):
    with decoding.opened(data, "It") as stream:
        pieces = []
        while len(piece := stream.read(10_000)):
            pieces.append(piece)
    return np.concatenate(pieces)


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_sample(rate, channels, capfd):
    """Of a file of several stretches; and from a place on, of a few samples or many."""
    data = noisy(26 if rate == 16_000 else 19, rate, channels)
    expected, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    found = whole(data)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5
    with decoding.opened(data, "It") as stream:
        for at in (0, 1, 575, 1151, 1152, 5000, 140_000, len(expected) - 700):
            stream.seek(at)
            part = np.concatenate([stream.read(7), stream.read(900)])
            assert np.abs(part - expected[at : at + len(part)]).max() < 1e-5
            assert len(part) == min(907, len(expected) - at)
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("decoder")
def test_joined_files_are_whole():
    """The first one counts only itself; tags and junk may stand between them."""
    one, two = noisy(5), noisy(7)
    tag = b"ID3\x04\0\0" + bytes((0, 0, 8, 0)) + b"\xff\xf3\x88\xc4" * 256
    for data in (one + two * 3, one + tag + two * 3, one + bytes(3000) + two * 3):
        audio = Audio.from_bytes(data)
        assert audio.probe().seconds == pytest.approx(26, abs=0.7)
        assert len(whole(data)) / 16_000 == pytest.approx(audio.probe().seconds, abs=0.1)
        assert audio.levels(0.1)[-20:-5].min() > -25
        audio.check()


@pytest.mark.usefixtures("decoder")
def test_mono_joined_to_stereo():
    """All of it has as many channels as its beginning."""
    for first, second in ((1, 2), (2, 1)):
        data = noisy(5, channels=first) + noisy(7, channels=second)
        found = whole(data)
        assert found.shape[1] == first
        assert len(found) / 16_000 == pytest.approx(12, abs=0.3)
        assert np.abs(found[-32_000:-16_000]).max() > 0.1


def test_a_damaged_one_is_not_heard(capfd):
    """Of this one, libsndfile alone writes lines to stderr."""
    pytest.importorskip("av")
    data = bytearray(sounds.encoded("MP3", sounds.tone(20.0, end=20.0)))
    for at in np.random.default_rng(0).integers(2000, len(data), 200):
        data[at] ^= 255
    del data[9000:12_000]
    code = (
        "import io, soundfile, sys\n"
        "soundfile.SoundFile(io.BytesIO(sys.stdin.buffer.read())).read()\n"
    )
    run = [sys.executable, "-c", code]
    alone = subprocess.run(run, input=bytes(data), capture_output=True, check=False)
    assert b"libmpg123" in alone.stderr
    Audio.from_bytes(bytes(data)).levels()
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("decoder")
def test_what_is_cut_off_within_a_frame():
    """The frames that are whole are heard."""
    data = noisy(19)
    found, all_of_it = whole(data[:30_000]), whole(data)
    assert 0 < len(found) < len(all_of_it)
    assert np.abs(found[:-2000] - all_of_it[: len(found) - 2000]).max() < 1e-5


def test_a_place_in_hours_is_found_at_once(tmp_path):
    """The frames are looked for once; a clip decodes its own."""
    path = tmp_path / "long.mp3"
    one = noisy(60)
    path.write_bytes(one * 140)
    audio = Audio.from_path(path)
    assert audio.probe().seconds == pytest.approx(140 * 60, abs=30)
    audio.clip("1:00:00", "1:00:01").levels()
    begun = time.process_time()
    audio.clip("2:15:00", "2:15:01").levels()
    assert time.process_time() - begun < 0.3


def test_a_file_that_changes_is_gone_through_again(tmp_path):
    """What was known of another one is forgotten."""
    path = tmp_path / "talk.mp3"
    path.write_bytes(noisy(5))
    audio = Audio.from_path(path)
    before = len(audio.levels())
    path.write_bytes(noisy(7))
    os.utime(path, ns=(1, 1))
    assert len(audio.levels()) == before + 200


@pytest.mark.usefixtures("decoder")
def test_a_file_that_is_cut_while_it_is_read(tmp_path):
    """It is damaged, not short."""
    path = tmp_path / "talk.mp3"
    path.write_bytes(noisy(60))
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.raises(BadPrompt, match="It is damaged"))
        stream = stack.enter_context(
            decoding.opened(stack.enter_context(AtPath(path).opened()), "It")
        )
        stream.read(10)
        os.truncate(path, 100_000)
        while len(stream.read(10_000)):
            pass


def test_no_frames():
    """Nothing but a tag is no MP3."""
    assert mp3.index(b"ID3\x04\0\0" + bytes(4)) is None
