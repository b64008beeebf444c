"""A recording becomes its transcript: whole, in stretches, and where an earlier call ended."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import signal
import threading
from pathlib import Path

import IPython.display
import numpy as np
import pytest

import gemini_nb as genai
from gemini_nb import state, transcribe
from gemini_nb import stretches as cutting
from gemini_nb.errors import BadPrompt, MissingKey, ResponseError, ServerError, StoppedEarly
from gemini_nb.types import Blob, FileData, Part
from tests.server import answer_json, chunk

RATE = 8000


def speech(seconds, *, loud=0.3, quiet=(0, 0)):
    """Half a second of tone, half a second of rest, and so on: words, as far as a level tells."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * (300 + t) * t)  # it rises, or all its stretches would be the same
    is_rest = (t % 1 >= 0.5) | ((t >= quiet[0]) & (t < quiet[1]))
    return genai.Audio.from_array((tone * loud).clip(-1, 1) * ~is_rest, RATE)


def heard(call):
    """The recording in a request."""
    blob = call.json()["contents"][0]["parts"][0]["inlineData"]
    return genai.Audio.from_bytes(base64.b64decode(blob["data"]))


def said(*segments):
    """An answer: `(start, end, text)`."""
    found = [{"start": start, "end": end, "text": text} for start, end, text in segments]
    return answer_json(chunk(json.dumps(found), "STOP"))


def words(transcript):
    """The text of each Segment that has any."""
    return [segment.text for segment in transcript if segment.text]


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
    found = model.transcribe(speech(60), start=30, end="00:33")
    assert [(s.start, s.end) for s in found] == [pytest.approx((29.9, 31.9))]
    assert found.seconds == 33
    assert found.between(0, 33).audio.probe().seconds == 60


def test_a_part_is_cut_where_it_is_calm(serve, model):
    """A place in the middle of a word would leave half of it to be heard."""
    server = serve(said(("00:00", "00:02", "In the middle.")))
    model.transcribe(speech(60), start=30.25, end=33.25)
    sent = heard(server.calls[0])
    levels = sent.levels()
    assert max(levels[:8]) < -60 < max(levels[15:40])
    assert max(levels[-8:]) < -60 < max(levels[-40:-15])
    assert sent.probe().seconds == pytest.approx(33.6 - 29.9, abs=0.02)


def test_what_is_said_beside_a_part_is_left_out(serve, model):
    """A sentence over the border stays whole where half of it is inside; so does what is flagged.

    The times of a flagged one are not trusted; whoever reads it sees why.
    """
    inside = [(0.2, 2, "over"), (3, 4, "in"), (3.7, 4.4, "end")]
    serve(said((0, 0.9, "before"), *inside, (4.1, 4.6, "after"), (90, 91, "?")))
    found = model.transcribe(speech(60), start=30.4, end=34)
    assert words(found) == ["over", "in", "end", "?"]
    assert found[0].start == pytest.approx(29.9 + 0.2)


def test_one_sentence_longer_than_the_part_is_kept(serve, model):
    """What was asked for is in it."""
    serve(said((0, 0.7, "All of it.")))
    (found,) = model.transcribe(speech(60), start=31.1, end=31.4)
    assert (found.text, found.flags) == ("All of it.", ())


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


TONE = np.sin(np.arange(2 * RATE) / 5).astype("float32") * 0.3
PLAYED = {"data": TONE, "rate": RATE}


@pytest.mark.parametrize(
    "given",
    [
        lambda _: (TONE, RATE),  # soundfile.read
        lambda _: (RATE, (TONE * 32767).astype("int16")),  # scipy.io.wavfile.read
        lambda _: (np.stack([TONE, TONE], axis=1), np.int64(RATE)),
        lambda _: IPython.display.Audio(**PLAYED),
        lambda path: path,
        str,
        lambda path: path.read_bytes(),
        lambda path: bytearray(path.read_bytes()),
        lambda path: Blob(mime_type="audio/wav", data=path.read_bytes()),
        lambda path: {"mime_type": "audio/wav", "data": path.read_bytes()},
        lambda path: Part(inline_data=Blob(mime_type="audio/wav", data=path.read_bytes())),
    ],
)
def test_all_that_is_a_recording(tmp_path, given):
    """The pairs that libraries read, what a notebook plays, and whatever holds the bytes."""
    path = tmp_path / "tone.wav"
    path.write_bytes(IPython.display.Audio(**PLAYED).data)
    found = transcribe.recording(given(path)).probe()
    assert (found.seconds, found.rate) == (2, RATE)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Part(text="Hello."), "of the type Part"),
        ({"text": "Hello."}, "of the type dict"),
        (5, "of the type int"),
        (None, "of the type NoneType"),
        (["a.mp3"], "of the type list"),
        (TONE, "from_array"),
        ((TONE, "fast"), "of the type tuple"),
        ("", "name of the recording is empty"),
        ("https://example.com/talk.mp3", "https://example.com/talk.mp3 is an address.*Download it"),
        (Path(__file__).parent, "is a folder"),
    ],
)
def test_what_is_no_recording(given, told):
    """Words are none, and samples without a rate may be anything."""
    with pytest.raises(BadPrompt, match=told):
        transcribe.recording(given)


def test_samples_are_sent_as_they_are(serve, do, model):
    """They are made small once, whatever they came as."""
    server = serve(said(("00:00", "00:01", "Hello.")))
    found = do(model, "transcribe", (TONE, RATE))
    assert [segment.text for segment in found] == ["Hello."]
    (sound, _) = server.calls[0].json()["contents"][0]["parts"]
    assert sound["inlineData"]["mimeType"] == "audio/flac"


REFUSED = {"candidates": [{"finishReason": "RECITATION", "index": 0}]}
INTERNAL = answer_json({"error": {"code": 500, "status": "INTERNAL", "message": "no"}}, 500)


class InStretches:
    """Says of each stretch which one it is; for those named in `instead` something else."""

    def __init__(self):
        self.instead = {}
        self.lock = threading.Lock()
        self.seen = {}

    def __call__(self, call):
        sound = call.json()["contents"][0]["parts"][0]["inlineData"]["data"]
        with self.lock:
            number = self.seen.setdefault(sound, len(self.seen))
        if number in self.instead:
            return self.instead[number]
        return said(("00:16", "00:17", f"w{number}a w{number}b w{number}c"))


def kept():
    """The answers that wait on disk."""
    return list(state.folder("transcripts").iterdir())


@pytest.fixture
def stretches(serve, monkeypatch):
    """Stretches of twenty seconds, one after the other."""
    monkeypatch.setattr(cutting, "LONGEST", 20.0)
    monkeypatch.setattr(transcribe, "_TOGETHER", 1)
    given = InStretches()
    yield given, serve(given)
    for path in kept():
        path.unlink()


def test_a_long_recording_goes_in_stretches(stretches, model):
    """Each with some of the one before; each word stands where it was said."""
    _, server = stretches
    found = model.transcribe(speech(60))
    assert len(server.calls) >= 3
    assert len(words(found)) == len(server.calls)
    assert all(a.start < b.start for a, b in itertools.pairwise(found))
    assert found.seconds == pytest.approx(60)


def test_the_same_call_goes_on_where_it_ended(stretches, model):
    """What was answered is not asked again; in the end nothing is left on disk."""
    given, server = stretches
    given.instead = {2: INTERNAL}
    with pytest.raises(ServerError):
        model.transcribe(speech(60))
    assert kept()
    asked = len(server.calls)
    given.instead = {}
    found = model.transcribe(speech(60))
    assert len(server.calls) - asked == len(words(found)) - 2
    assert kept() == []


def test_an_error_says_where_and_what_is_kept(stretches, model):
    """The stretch, and that the same call will go on."""
    given, _ = stretches
    given.instead = {2: INTERNAL}
    with pytest.raises(ServerError) as caught:
        model.transcribe(speech(60))
    first, advice = caught.value.card()
    assert re.fullmatch(r"ServerError \(500 INTERNAL\): 00:39–01:00: no", first)
    assert re.search(r"2 of \d stretches are kept: run the same again", advice)


def test_a_missing_key_is_missing_for_all(stretches, model):
    """No stretch is named for what is wrong with none of them."""
    genai.configure(api_key=None, backend="api")
    with pytest.raises(MissingKey) as caught:
        model.transcribe(speech(60))
    assert caught.value.args == MissingKey().args
    assert str(caught.value) == str(MissingKey())


def test_what_is_on_its_way_is_waited_for(stretches, model, monkeypatch):
    """After an error nothing new is asked; what was asked before it comes, and is kept."""
    given, server = stretches
    failed = threading.Event()
    tried = transcribe._Work._try

    async def spied(work, stretch):
        await tried(work, stretch)
        failed.set()

    async def late():
        while not failed.is_set():  # noqa: ASYNC110 - the event is a thread's
            await asyncio.sleep(0.01)
        yield b"".join(said(("00:16", "00:17", "late"))[2])

    monkeypatch.setattr(transcribe._Work, "_try", spied)
    monkeypatch.setattr(transcribe, "_TOGETHER", 2)
    given.instead = {0: INTERNAL, 1: (200, {"content-type": "application/json"}, late())}
    with pytest.raises(ServerError, match=r"1 of \d stretches is kept"):
        model.transcribe(speech(60))
    assert len(server.calls) == 2
    given.instead = {}
    found = model.transcribe(speech(60))
    assert len(server.calls) == 2 + len(words(found)) - 1


def test_a_stretch_that_the_model_refuses_is_an_empty_place(stretches, model):
    """The others are there; its Segment says why it has no words."""
    given, server = stretches
    given.instead = {1: answer_json(REFUSED)}
    found = model.transcribe(speech(60))
    (at,) = (i for i, s in enumerate(found) if s.flags == ("was refused: RECITATION",))
    before, empty, after = found[at - 1], found[at], found[at + 1]
    assert (before.text, empty.text) == ("w0a w0b w0c", "")
    assert before.end <= empty.start < empty.end <= after.start
    assert len(words(found)) == len(server.calls) - 1
    assert kept() == []


def test_where_all_is_refused_it_is_an_error(stretches, model):
    """There is nothing to give."""
    given, _ = stretches
    given.instead = dict.fromkeys(range(9), answer_json(REFUSED))
    with pytest.raises(StoppedEarly, match="RECITATION"):
        model.transcribe(speech(60))


def test_a_limit_of_ones_own_is_no_refusal(stretches, model):
    """It can be raised: so it is an error, though the others are there."""
    given, _ = stretches
    limited = {"candidates": [{"finishReason": "MAX_TOKENS", "index": 0}]}
    given.instead = {1: answer_json(limited)}
    with pytest.raises(StoppedEarly, match="max_output_tokens"):
        model.transcribe(speech(60))


def test_what_cannot_be_read_is_not_kept(stretches, model):
    """Or it would be read, and be an error, for a week."""
    given, server = stretches
    given.instead = {0: answer_json(chunk('{"error": "busy"}', "STOP"))}
    with pytest.raises(ResponseError, match="no transcript"):
        model.transcribe(speech(60))
    assert kept() == []
    given.instead = {}
    assert model.transcribe(speech(60))
    assert server.calls[0].body == server.calls[1].body


@pytest.mark.parametrize("spoilt", [b"", b"\xff", b'{"text": 1}', b'{"text": "{\\"a\\": 1}"}'])
def test_what_is_spoilt_on_disk_is_asked_again(stretches, model, spoilt):
    """By a crash, by a hand, by another version."""
    given, server = stretches
    given.instead = {1: INTERNAL}
    with pytest.raises(ServerError):
        model.transcribe(speech(60))
    (path,) = kept()
    path.write_bytes(spoilt)
    given.instead = {}
    asked = len(server.calls)
    found = model.transcribe(speech(60))
    assert len(server.calls) - asked == len(words(found))


@pytest.mark.parametrize(
    "other",
    [
        lambda: genai.GenerativeModel("gemini-2.5-flash", system_instruction="In German."),
        lambda: genai.GenerativeModel("gemini-2.5-flash", safety_settings="BLOCK_NONE"),
        lambda: genai.GenerativeModel("gemini-2.5-pro"),
        lambda: genai.GenerativeModel("gemini-2.5-flash", client=genai.Client(api_key="another")),
    ],
    ids=["instruction", "safety", "model", "account"],
)
def test_another_call_has_answers_of_its_own(stretches, model, other):
    """Whatever would be sent otherwise, or to somebody else, is another call."""
    given, server = stretches
    given.instead = {2: INTERNAL}
    with pytest.raises(ServerError):
        model.transcribe(speech(60))
    given.instead = {}
    asked = len(server.calls)
    found = other().transcribe(speech(60))
    assert len(server.calls) - asked == len(words(found))


def test_what_was_cut_off_is_so_when_it_is_read_again(stretches, model):
    """Lines do not show it: the reason is kept with the text."""
    given, _ = stretches
    lines = chunk("[00:16 - 00:17] Cut", "MAX_TOKENS")
    given.instead = {0: answer_json(lines), 1: INTERNAL}
    with pytest.raises(ServerError):
        model.transcribe(speech(60), schema=False)
    given.instead = {}
    assert model.transcribe(speech(60), schema=False).partial


def test_a_stretch_of_silence_needs_no_model(stretches, model):
    """A lunch break is no mistake, and has no words."""
    _, server = stretches
    sound = speech(130, quiet=(30, 95))
    found = model.transcribe(sound)
    assert all(max(heard(call).levels()) > -60 for call in server.calls)
    assert len(words(found)) == len(server.calls) < len(cutting.Heard(sound).stretches())
    assert found.seconds == 130
    assert all(a.start < b.start for a, b in itertools.pairwise(found))


def test_a_short_rest_goes_with_the_stretch_before(stretches):
    """It would be asked for with five times as much that another one has."""
    sound = speech(43)
    assert len(cutting.Heard(sound).stretches()) == 2


def test_a_clipped_recording_is_told_of_once(stretches, model):
    """Not for each stretch of it."""
    with pytest.warns(UserWarning, match="is clipped") as told:
        model.transcribe(speech(60, loud=9))
    assert len(told) == 1


def test_an_interrupt_says_what_is_kept(stretches, model, monkeypatch):
    """In a note, where it is a traceback; nothing new is asked."""
    given, server = stretches

    async def never():
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)
        yield b""

    given.instead = {1: (200, {}, never())}
    with pytest.raises(KeyboardInterrupt) as caught:
        model.transcribe(speech(60))
    (note,) = caught.value.__notes__
    assert note.startswith("1 of ")
    assert server.calls[1].hung_up.wait(5)
    assert len(server.calls) == 2


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
