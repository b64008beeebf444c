"""How long recordings and videos are: real ones of each format, and headers that lie."""

from __future__ import annotations

import base64
import struct
import time

import pytest

from gemini_nb.tokens import buffers, lengths
from gemini_nb.tokens.facts import look
from tests import media
from tests.tokens import samples

# Where a header tells nothing, nothing is said.
UNTOLD = {"mp4, in fragments", "mpeg-ts"}


@pytest.mark.parametrize("name", samples.RECORDINGS)
def test_real_recordings(name):
    """As long as FFmpeg says, and with sound where it hears some."""
    sample = samples.RECORDINGS[name]
    data, kind = samples.data(sample), sample["mime_type"]
    found = look(data, kind)
    assert look(buffers.Base64(base64.b64encode(data).decode()), kind) == found
    if name in UNTOLD:
        assert found.seconds is None
    else:
        assert found.seconds == pytest.approx(sample["seconds"], abs=0.2)
    if found.kind == "video":
        assert found.has_sound is (None if name == "mpeg-ts" else sample["has_sound"])


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF", "MP3"])
@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_recordings_of_each_kind(kind, rate):
    """MP3 is a little longer by its frames, which are whole."""
    data = media.recording(kind, seconds=5.0, rate=rate)
    found = look(data, f"audio/{kind.lower()}")
    assert found.seconds == pytest.approx(5.0, abs=0.25 if kind == "MP3" else 0.001)
    assert look(data, "audio/x-unheard-of").seconds == found.seconds


def test_a_wav_for_more_than_four_gigabytes():
    """RF64 is a WAV by another name."""
    assert look(media.recording("RF64", seconds=5.0), "audio/wav").seconds == 5.0


def test_an_mp3_behind_a_large_tag():
    """A cover picture of 100 KB stands before the sound."""
    size = 100_000
    head = b"ID3\x04\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    data = media.recording("MP3", seconds=5.0)
    found = look(head + b"\xff\xfb" * (size // 2) + data, "audio/mpeg")
    assert found.seconds == look(data, "audio/mp3").seconds


def test_an_mp3_that_does_not_tell_its_frames():
    """They are counted; of a long one, the first four megabytes stand for the rest."""
    data = media.recording("MP3", seconds=20.0)
    mark = max(data.find(b"Xing"), data.find(b"Info"))
    assert mark > 0
    silent = data[:mark] + b"none" + data[mark + 4 :]
    assert look(silent, "audio/mp3").seconds == pytest.approx(20.0, abs=0.3)
    frames = samples.data(samples.RECORDINGS["mp3 without a count"])
    many = frames * 3000  # 9 MB
    begun = time.process_time()
    expected = 3000 * samples.RECORDINGS["mp3 without a count"]["seconds"]
    assert look(many, "audio/mp3").seconds == pytest.approx(expected, rel=0.01)
    assert time.process_time() - begun < 1


def test_joined_mp3s():
    """The first one counts only itself; what stands behind it is counted, too."""
    data = media.recording("MP3", seconds=20.0)
    one = look(data, "audio/mp3").seconds
    tag = bytes(100_000)
    assert look(data + tag, "audio/mp3").seconds == one
    joined = look(data + data * 9, "audio/mp3").seconds
    assert joined == pytest.approx(10 * one, abs=0.5)
    assert look(data[:2000], "audio/mp3").seconds == one  # cut off: what is missing is told


def test_frames_of_mp3_are_walked():
    """Whatever stands between them, and to the last whole one."""
    data = samples.data(samples.RECORDINGS["mp3 without a count"])
    start = lengths.of_frames(data, "audio/mp3").start
    whole = lengths.walk(data, start)
    assert whole.places[-1] + whole.sizes[-1] == len(data)
    cut = whole.places[20]
    tag = b"ID3\x04\0\0" + bytes((0, 0, 8, 0)) + data[start : start + 4] * 256
    for between in (tag, b"\xff" * 1000, bytes(2_000_000)):
        found = lengths.walk(data[:cut] + between + data[cut:] + data[start : start + 9], start)
        assert found.sizes == whole.sizes
        assert found.places[20] == cut + len(between)
    many = data[start:] * 1500  # windows end within frames
    found = lengths.walk(many, 0)
    assert len(found.places) == 1500 * len(whole.places)
    assert lengths.walk(b"no sound", 0).sizes == lengths.walk(b"", 0).sizes


@pytest.mark.parametrize("said", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_whose_header_was_written_before_its_end(said):
    """A stream to a pipe says the largest number; its bytes say what is there."""
    data = media.recording("WAV", seconds=2.0)
    lying = data[:4] + struct.pack("<I", said) + data[8:40] + struct.pack("<I", said) + data[44:]
    assert look(lying, "audio/wav").seconds == pytest.approx(2.0)


def test_a_wav_that_is_cut_off():
    """What is there is what counts; of a header alone nothing is known."""
    data = media.recording("WAV", seconds=2.0)
    assert look(data[: len(data) // 2], "audio/wav").seconds == pytest.approx(1.0, abs=0.01)
    assert look(data[:30], "audio/wav").seconds is None
    assert look(b"no sound at all", "audio/wav").seconds is None


def box(name, body):
    return struct.pack(">I4s", 8 + len(body), name) + body


def film(ticks, scale=1000, *, wide=False):
    if wide:
        head = b"\1\0\0\0" + bytes(16) + struct.pack(">IQ", scale, ticks)
    else:
        head = bytes(12) + struct.pack(">II", scale, ticks)
    return box(b"ftyp", b"isom") + box(b"moov", box(b"mvhd", head))


def track(kind):
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + kind + bytes(12))))


@pytest.mark.parametrize(("first", "second"), [(b"soun", b"vide"), (b"vide", b"soun")])
def test_sound_is_found_wherever_it_stands(first, second):
    """Before the picture or behind it."""
    data = box(b"ftyp", b"isom") + box(b"moov", track(first) + track(second))
    assert look(data, "video/mp4").has_sound is True
    silent = box(b"ftyp", b"isom") + box(b"moov", track(b"vide") + track(b"text"))
    assert look(silent, "video/mp4").has_sound is False


@pytest.mark.parametrize("wide", [False, True])
def test_both_forms_of_a_films_header(wide):
    """Of 32 and of 64 bits."""
    assert look(film(90_500, wide=wide), "video/mp4").seconds == 90.5


@pytest.mark.parametrize(
    "data",
    [
        film(0),
        film(1000, scale=0),
        film(2**32 - 1, scale=1),  # "unknown", 136 years
        box(b"ftyp", b"isom"),
        box(b"ftyp", b"isom") + struct.pack(">I4s", 4, b"moov"),
        box(b"ftyp", b"isom") + struct.pack(">I4s", 2**31, b"moov"),
        box(b"ftyp", b"isom") + b"\0\0\0\1moov" + b"\xff" * 8,
        box(b"moov", b"\0\0\0\1trak"),
        box(b"ftyp", b"isom") + box(b"moov", box(b"trak", b"") * 3),
        b"\x1aE\xdf\xa3",
        b"\x1aE\xdf\xa3\x80\0\0\0\0\0\0",
        b"RIFF\0\0\0\0AVI ",
        b"",
    ],
)
def test_a_film_whose_header_tells_no_length(data):
    """Nothing, a lie, or an end too soon."""
    assert look(data, "video/mp4").seconds is None


def test_the_end_of_a_large_film_is_found_at_once():
    """The header may stand behind 50 MB of picture, which nobody reads."""
    data = box(b"ftyp", b"isom") + box(b"mdat", bytes(50_000_000)) + film(5000)
    begun = time.process_time()
    assert look(data, "video/mp4").seconds == 5.0
    assert time.process_time() - begun < 0.05
