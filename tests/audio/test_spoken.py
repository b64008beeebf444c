"""What a model spoke, in the pieces in which it comes."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from gemini_nb.audio.spoken import recordings
from gemini_nb.chunks import Chunk
from gemini_nb.content import Blob, Candidate, Content, Part
from gemini_nb.stream import Response
from tests.audio.sounds import encoded

RAW = "audio/L16;codec=pcm;rate=24000"
SAMPLES = (np.sin(np.arange(24_000) / 30) * 9000).astype("<i2")


def spoken(data, kind=RAW, **more):
    return Part(inline_data=Blob(mime_type=kind, data=data, **more))


def answer(*chunks):
    """A Response of these parts, chunk by chunk."""
    response = Response()
    for at, parts in enumerate(chunks, 1):
        content = Content(role="model", parts=parts)
        reason = "STOP" if at == len(chunks) else None
        candidate = Candidate(index=0, content=content, finish_reason=reason)
        response.feed(Chunk(candidates=[candidate]))
    response.finish()
    return response


def test_raw_samples_become_one_wav():
    """Cut anywhere, also inside of a sample; the parts stay as they came."""
    data = SAMPLES.tobytes()
    response = answer([spoken(data[:9001])], [spoken(data[9001:20_000]), spoken(data[20_000:])])
    sound, rate = soundfile.read(io.BytesIO(response.audio.data), dtype="int16")
    assert rate == 24_000
    assert np.array_equal(sound, SAMPLES)
    assert response.audio.mime_type == "audio/wav"
    assert b"".join(part.inline_data.data for part in response.parts) == data
    assert response.text == ""


def test_two_channels():
    """As the type says."""
    kind = "audio/L16;rate=48000;channels=2"
    (sound,) = recordings([spoken(SAMPLES.tobytes(), kind)])
    assert (sound.probe().channels, sound.probe().rate) == (2, 48_000)
    assert sound.probe().seconds == 0.25


def test_files_stay_what_they_are():
    """Each is one, under the name that it came with."""
    mp3, ogg = encoded("MP3"), encoded("OGG Opus")
    parts = [spoken(mp3, "audio/mp3"), Part(text="and"), spoken(ogg, "audio/ogg", display_name="b")]
    first, second = recordings(parts, "recording")
    assert (first.data, first.name) == (mp3, "recording")
    assert (second.data, second.name) == (ogg, "b")


def test_text_between_the_pieces():
    """It interrupts no sound, and is no part of it."""
    data = SAMPLES.tobytes()
    response = answer([spoken(data[:24_000]), Part(text="Hello")], [spoken(data[24_000:])])
    assert response.audio.probe().seconds == 1.0
    assert response.text == "Hello"


def test_an_answer_without_sound():
    """There is none; an image is none either."""
    assert answer([Part(text="Hello")]).audio is None
    assert answer([spoken(b"\x89PNG", "image/png")]).audio is None
    assert answer([spoken(b"")]).audio is None


def test_it_says_that_it_was_spoken():
    """Where nothing can be heard there is a word for it."""
    response = answer([spoken(SAMPLES.tobytes())])
    words = "Audio 'answer.wav', WAV, 00:01, 24 kHz, mono"
    assert repr(response) == f"<Response <{words}> STOP>"
    assert response._repr_mimebundle_()["text/plain"] == f"*{words}*"
    assert "<Audio" not in repr(answer([Part(text="Hello"), spoken(SAMPLES.tobytes())]))


def test_what_is_no_sound_is_told_when_it_is_used():
    """A broken type or file costs nothing of the answer before it is listened to."""
    response = answer([Part(text="Hello"), spoken(b"RIFF", "audio/wav")])
    assert response.text == "Hello"
    assert repr(response.audio) == "<Audio 'answer', cannot be read>"
