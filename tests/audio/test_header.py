"""What headers tell: of each format, of what lies, and of five hundred broken files."""

from __future__ import annotations

import contextlib
import random
import struct
import sys
import time

import pytest

from gemini_nb import parts
from gemini_nb.audio import Audio, header
from gemini_nb.errors import BadPrompt
from tests import media
from tests.audio import sounds
from tests.tokens import samples


@pytest.mark.parametrize("kind", sounds.WRITTEN)
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_each_format(kind, rate, channels):
    """Kind, length, rate and channels are what was written."""
    data = sounds.encoded(kind, sounds.tone(rate=rate, channels=channels), rate)
    found = header.probe(data, "It")
    assert found.mime_type == sounds.WRITTEN[kind][2]
    assert found.format == kind.replace("RF64", "WAV").removesuffix(", float")
    assert found.seconds == pytest.approx(sounds.SECONDS, abs=0.2 if kind == "MP3" else 0.001)
    assert (found.rate, found.channels) == (rate, channels)
    assert found.frames == (None if kind == "MP3" else sounds.SECONDS * rate)


@pytest.mark.parametrize(
    ("data", "kind", "rate", "channels"),
    [(sounds.M4A, "M4A", 44_100, 2), (sounds.AAC, "AAC", 16_000, 1)],
)
def test_what_libsndfile_does_not_know(data, kind, rate, channels):
    """M4A and AAC are told without any other library."""
    found = header.probe(data, "It")
    assert (found.format, found.rate, found.channels) == (kind, rate, channels)
    assert found.seconds == pytest.approx(1.5, abs=0.15)


def test_it_reads_well():
    """A line for a person."""
    assert str(header.probe(sounds.encoded("OGG Opus"), "It")) == "OGG Opus, 00:03, 16 kHz, mono"
    stereo = header.Probe("audio/wav", "WAV", 3723.0, 44_100, 2)
    assert str(stereo) == "WAV, 1:02:03, 44.1 kHz, stereo"
    assert str(header.Probe("audio/aac", "AAC", channels=6)) == "AAC, 6 channels"


def test_the_content_decides():
    """A name that lies is not believed."""
    assert Audio.from_bytes(sounds.encoded("FLAC"), name="talk.mp3").mime_type == "audio/flac"
    assert Audio.from_bytes(sounds.encoded("MP3"), name="talk.wav").mime_type == "audio/mp3"


@pytest.mark.parametrize("kind", ["MP3", "FLAC"])
def test_tags_before_the_sound(kind):
    """A tag as MP3 has it may stand before FLAC, too."""
    tag = b"ID3\x04\0\0" + bytes((0, 0, 8, 0)) + bytes(1024)
    found = header.probe(tag + sounds.encoded(kind), "It")
    assert found.mime_type == sounds.WRITTEN[kind][2]


def test_junk_before_an_mp3():
    """A stream that was recorded begins somewhere."""
    assert header.probe(bytes(3000) + sounds.encoded("MP3"), "It").format == "MP3"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "It is empty"),
        (b"no sound at all", "no recording that is known"),
        (media.picture(), "no recording that is known"),
        (sounds.encoded()[:30], "no WAV recording that can be read"),
        (samples.data(samples.RECORDINGS["mp4, silent"]), "It is a video without sound"),
    ],
)
def test_what_is_no_recording(data, words):
    """One sentence says so."""
    with pytest.raises(BadPrompt, match=words):
        header.probe(data, "It")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mp4, with sound", "sound of an MP4 video, 00:03, 16 kHz, mono"),
        ("mov", "sound of an MP4 video, 00:03, 16 kHz, mono"),
        ("mp4, in fragments", "sound of an MP4 video, 16 kHz, mono"),
        ("webm, with sound", "sound of a WebM or MKV video, 00:03"),
        ("weba", "WebM or MKV, 00:03"),
    ],
)
def test_the_sound_of_a_video(name, known, monkeypatch):
    """It is taken out of it, as FLAC; the video itself goes as a path or as bytes."""
    data = samples.data(samples.RECORDINGS[name])
    audio = Audio.from_bytes(data, name="call")
    assert repr(audio) == f"<Audio 'call', {known}>"
    assert audio.mime_type == "audio/flac"
    assert parts.to_part(data).inline_data.mime_type.startswith(("video/", "audio/webm"))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(BadPrompt, match="needs FFmpeg to decode") as caught:
        _ = audio.data
    assert "pip install av" in caught.value.advice
    monkeypatch.undo()
    pytest.importorskip("av")
    sound = Audio.from_bytes(audio.data)
    assert sound.probe().format == "FLAC"
    assert sound.probe().seconds == pytest.approx(3.0, abs=0.1)
    assert len(audio.clip(1, 2).levels()) == 100


def test_a_video_on_disk_is_not_what_is_sent(tmp_path):
    """Its path is that of a video; a path without a file is still a path."""
    path = tmp_path / "call.mp4"
    assert Audio.from_path(path).path == path
    path.write_bytes(samples.data(samples.RECORDINGS["mp4, with sound"]))
    assert Audio.from_path(path).path is None


@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
def test_what_is_missing(kind):
    """The share of the sound that a cut file lacks."""
    data, mime_type = sounds.encoded(kind), sounds.WRITTEN[kind][2]
    assert header.missing(data, mime_type) == 0
    assert header.missing(data[: len(data) // 2], mime_type) == pytest.approx(0.5, abs=0.01)
    assert header.missing(data, "audio/flac") == 0


@pytest.mark.parametrize("said", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_length_written_before_the_end_is_no_damage(said):
    """As a recorder that writes into a pipe does."""
    data = sounds.encoded("WAV")
    at = data.index(b"data") + 4
    assert header.missing(data[:at] + struct.pack("<I", said) + data[at + 4 :], "audio/wav") == 0


def test_what_cannot_be_is_not_known():
    """A rate of nothing, and thousands of channels."""
    head = sounds.M4A.index(b"mp4a") + 4
    broken = bytearray(sounds.M4A)
    broken[head + 16 : head + 18] = b"\xff\xff"
    broken[head + 24 : head + 26] = b"\0\0"
    found = header.probe(bytes(broken), "It")
    assert (found.channels, found.rate) == (None, None)
    assert found.seconds == pytest.approx(1.5, abs=0.15)


WHOLE = [*(sounds.encoded(kind, sounds.tone(0.6)) for kind in sounds.WRITTEN), sounds.M4A]
WHOLE += [sounds.AAC]
NUMBERS = (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0")


def mutated(seed):
    """A recording with up to eight wounds, most of them in its header."""
    chance = random.Random(seed)  # noqa: S311 - the same wounds each time
    data = bytearray(chance.choice(WHOLE))
    for _ in range(chance.randint(1, 8)):
        end = min(len(data), 200) if chance.random() < 0.7 else len(data)
        at = chance.randrange(end) if end else 0
        wound = chance.randrange(5)
        if wound == 0:
            data[at : at + 1] = chance.randbytes(1)
        elif wound == 1:
            data[at : at + 4] = chance.choice(NUMBERS)
        elif wound == 2:
            del data[at : at + chance.randint(1, 40)]
        elif wound == 3:
            data[at:at] = chance.randbytes(chance.randint(1, 40))
        elif chance.random() < 0.4:
            del data[chance.randrange(len(data) + 1) :]
    return bytes(data)


def test_five_hundred_broken_files(capfd):
    """None crashes, hangs, or raises anything but an error of ours; nothing is heard of them."""
    known = 0
    for seed in range(500):
        audio = Audio.from_bytes(mutated(seed))
        begun = time.process_time()
        with contextlib.suppress(BadPrompt):
            known += isinstance(audio.probe(), header.Probe)
        assert time.process_time() - begun < 10, seed
    assert 100 < known < 400
    assert capfd.readouterr() == ("", "")
