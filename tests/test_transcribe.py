"""A recording becomes its transcript: whole, in stretches, and where an earlier call ended."""

from __future__ import annotations

import itertools
import json
import threading

import numpy as np
import pytest

import gemini_nb as genai
from gemini_nb import transcribe
from gemini_nb.errors import BadPrompt, ResponseError, ServerError
from gemini_nb.types import FileData
from tests.server import answer_json, chunk

RATE = 8000


def speech(seconds):
    """Half a second of tone, half a second of rest, and so on: words, as far as a level tells."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * (300 + t) * t)  # it rises, or all its stretches would be the same
    return genai.Audio.from_array(tone * 0.3 * (t % 1 < 0.5), RATE)


def said(*segments):
    """An answer: `(start, end, text)`."""
    found = [{"start": start, "end": end, "text": text} for start, end, text in segments]
    return answer_json(chunk(json.dumps(found), "STOP"))


@pytest.fixture
def model():
    return genai.GenerativeModel("gemini-2.5-flash")


def test_a_recording_is_sent_small_and_asked_for_in_json(serve, do, model):
    """Mono at 16 kHz, with the words to ask and the schema; the answer is a Transcript."""
    server = serve(said(("00:00", "00:01", "Hello there."), ("00:01", "00:02", "Goodbye.")))
    found = do(model, "transcribe", speech(3), speakers=True, language="English")
    assert [(s.start, s.end, s.text) for s in found] == [
        (0, 1, "Hello there."),
        (1, 2, "Goodbye."),
    ]
    (call,) = server.calls
    sound, words = call.json()["contents"][0]["parts"]
    assert sound["inlineData"]["mimeType"] == "audio/flac"
    assert "Speaker A" in words["text"]
    assert "English" in words["text"]
    config = call.json()["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert "speaker" in config["responseSchema"]["items"]["properties"]


def test_a_part_has_its_place_in_the_whole(serve, model):
    """Only that part is sent; times count from the beginning of the recording."""
    serve(said(("00:00", "00:02", "In the middle.")))
    found = model.transcribe(speech(60), start="00:30", end="00:33")
    assert [(s.start, s.end) for s in found] == [(30, 32)]


def test_lines_do_as_well(serve, model):
    """A model that does better without a schema gets none."""
    server = serve(answer_json(chunk("[00:00 - 00:01] Hello there.", "STOP")))
    found = model.transcribe(speech(2), schema=False)
    assert found.text == "Hello there."
    assert "responseSchema" not in server.calls[0].json()["generationConfig"]


def test_what_the_service_has_is_named(serve, model):
    """An uploaded file is not sent again; the part that matters is said in words."""
    server = serve(said(("02:30", "02:31", "Hello.")))
    file = FileData(file_uri="https://example/files/a", mime_type="audio/mp3")
    found = model.transcribe(file, start="02:30", end="03:29")
    assert found[0].start == 150
    assert "02:30 to 03:29" in server.calls[0].json()["contents"][0]["parts"][1]["text"]


def test_what_cannot_be_true_is_flagged(serve, model):
    """A time past the end, and words where nothing is heard."""
    serve(said(("00:00", "00:01", "Hello."), ("05:00", "05:01", "Beyond.")))
    first, second = model.transcribe(speech(3))
    assert not first.flags
    assert second.flags


class InStretches:
    """Says of each stretch which one it is; the one named in `broken` fails."""

    def __init__(self):
        self.broken = set()
        self.lock = threading.Lock()
        self.seen = {}

    def __call__(self, call):
        sound = call.json()["contents"][0]["parts"][0]["inlineData"]["data"]
        with self.lock:
            number = self.seen.setdefault(sound, len(self.seen))
        if number in self.broken:
            return answer_json({"error": {"code": 500, "status": "INTERNAL", "message": "no"}}, 500)
        return said(("00:16", "00:17", f"w{number}a w{number}b w{number}c"))


@pytest.fixture
def stretches(serve, monkeypatch):
    """Stretches of twenty seconds, one after the other."""
    monkeypatch.setattr(transcribe, "STRETCH", 20.0)
    monkeypatch.setattr(transcribe, "_TOGETHER", 1)
    answers = InStretches()
    return answers, serve(answers)


def test_a_long_recording_goes_in_stretches(stretches, model):
    """Each with some of the one before; each word stands where it was said."""
    _, server = stretches
    found = model.transcribe(speech(60))
    assert len(server.calls) >= 3
    assert len(found) == len(server.calls)
    assert all(a.start < b.start for a, b in itertools.pairwise(found))
    assert found.seconds == pytest.approx(60)


def test_the_same_call_goes_on_where_it_ended(stretches, model):
    """What was answered is not asked again; in the end nothing is left on disk."""
    answers, server = stretches
    answers.broken = {2}
    with pytest.raises(ServerError):
        model.transcribe(speech(60))
    assert list(transcribe._folder().iterdir())
    asked = len(server.calls)
    answers.broken = set()
    found = model.transcribe(speech(60))
    assert len(server.calls) - asked == len(found) - 2
    assert list(transcribe._folder().iterdir()) == []


def test_silence_is_not_sent(serve, model):
    """It is told before tokens are spent."""
    server = serve()
    with pytest.raises(BadPrompt, match="is silent"):
        model.transcribe(genai.Audio.from_array(np.zeros(RATE), RATE))
    assert server.calls == []


def test_an_answer_of_something_else_is_no_transcript(serve, model):
    """The error has what came."""
    serve(answer_json(chunk('{"weather": "fine"}', "STOP")))
    with pytest.raises(ResponseError) as caught:
        model.transcribe(speech(2))
    assert "weather" in caught.value.response.text
