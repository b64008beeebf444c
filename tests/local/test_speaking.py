"""Answers that are said aloud: eSpeak NG behind the routes, without the small model."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys

import numpy as np
import pytest
from starlette.requests import ClientDisconnect

from gemini_nb.local import app, models, prebuilt, speaking
from gemini_nb.local.fault import Fault
from gemini_nb.local.script import Line
from gemini_nb.local.text import Piece
from tests.local.test_app import KEY, Parrot, error, testclient

voice = pytest.mark.skipif(not speaking.is_here(), reason="needs a voice: gemini_nb[speech]")
TTS = "/v1beta/models/gemini-3.8-flash-tts"
FLASH = "/v1beta/models/gemini-3.8-flash"
LONG = "The quick brown fox jumps over the lazy dog. " * 20


def client(engine=None):
    made = app.build(engine or Parrot(), KEY, loopback=True)
    headers = {"x-goog-api-key": KEY}
    return testclient.TestClient(made, base_url="http://127.0.0.1:8000", headers=headers)


def asked(text, **config):
    config = {"responseModalities": ["AUDIO"], **config}
    return {"contents": [{"parts": [{"text": text}]}], "generationConfig": config}


def sound(answer):
    """The samples of a whole answer, whose one part has nothing but them."""
    (part,) = answer["candidates"][0]["content"]["parts"]
    assert part.keys() == {"inlineData"}
    assert part["inlineData"]["mimeType"] == "audio/L16;codec=pcm;rate=24000"
    return np.frombuffer(base64.b64decode(part["inlineData"]["data"], validate=True), "<i2")


def said(text, address=TTS, engine=None, **config):
    answer = client(engine).post(f"{address}:generateContent", json=asked(text, **config))
    assert answer.status_code == 200, answer.text
    return answer.json()


def line(text="Hello.", language="en-us"):
    return Line(text, prebuilt.DEFAULT, language)


async def never():
    await asyncio.Event().wait()


async def all_of(lines, longest=60.0, gone=never):
    return [sound async for sound in speaking.aloud(lines, longest, gone)]


@voice
def test_a_prompt_is_said():
    """As one part, with what it costs: 25 tokens a second for this family of models."""
    answer = said("Say cheerfully: Have a wonderful day!")
    samples = sound(answer)
    seconds = len(samples) / 24_000
    assert 0.8 < seconds < 2
    assert np.abs(samples.astype(int)).max() > 1000
    made = -int(-seconds * 25 // 1)
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert answer["modelVersion"] == "local/espeak-ng"
    assert answer["usageMetadata"] == {
        "promptTokenCount": 8,
        "candidatesTokenCount": made,
        "totalTokenCount": 8 + made,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": made}],
    }


@voice
def test_an_instruction_is_not_heard():
    """The same words with it and without it are the same sound, and other words are not."""
    plain = sound(said("Have a wonderful day!"))
    assert np.array_equal(sound(said("Say cheerfully: Have a wonderful day!")), plain)
    assert not np.array_equal(sound(said("Have a wonderful night!")), plain)


@voice
def test_a_stream_has_several_parts():
    """Each of them is a whole chunk, and together they are the answer that does not stream."""
    answer = client().post(f"{TTS}:streamGenerateContent?alt=sse", json=asked(LONG))
    chunks = [json.loads(row[6:]) for row in answer.text.splitlines() if row.startswith("data: ")]
    assert len(chunks) > 10
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks][-2:] == [None, "STOP"]
    assert len({chunk["responseId"] for chunk in chunks}) == 1
    pieces = np.concatenate([sound(chunk) for chunk in chunks])
    whole = said(LONG)
    assert np.array_equal(pieces, sound(whole))
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]


@voice
def test_resampling_loses_nothing():
    """In one go or a second at a time: as long as what eSpeak NG says, and no jump between."""
    found = asyncio.run(all_of([line(LONG)]))
    lengths = [len(sound.data) for sound in found]
    assert set(lengths[:-1]) == {48_000}
    assert found[-1].seconds == pytest.approx(sum(lengths) / 48_000)
    samples = np.frombuffer(b"".join(sound.data for sound in found), "<i2").astype(int)
    borders = np.arange(24_000, len(samples), 24_000)
    steps = np.abs(np.diff(samples))
    assert steps[borders - 1].max() <= steps.max()
    assert steps[borders - 1].mean() < 3 * steps.mean()


@voice
def test_speakers_are_heard_apart():
    """Another voice says the same words in another way, whichever comes first."""

    def two(first, second):
        named = [("Joe", first), ("Jane", second)]
        each = [
            {"speaker": name, "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": one}}}
            for name, one in named
        ]
        config = {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": each}}
        return sound(said("Make it short:\nJoe: Good morning.\nJane: Hi.", speechConfig=config))

    assert not np.array_equal(two("Kore", "Puck"), two("Puck", "Kore"))
    assert np.array_equal(two("Kore", "Puck"), two("kore", "PUCK"))


@voice
def test_all_voices_and_languages_speak():
    """The table names nothing that eSpeak NG lacks."""
    lines = [Line("One.", one, "en-us") for one in prebuilt.VOICES.values()]
    heard = {sound.data for one in lines for sound in asyncio.run(all_of([one]))}
    assert len(heard) == 30
    spoken = speaking.languages()
    assert {"en", "en-us", "de", "cmn", "nb", "he", "yue"} <= spoken
    assert set(prebuilt._SCRIPTS) <= spoken
    every = asyncio.run(all_of([line("1 2", one) for one in sorted(spoken)], 600))
    assert every[-1].is_last
    assert every[-1].seconds > 0.3 * len(spoken)


@voice
def test_the_answer_of_a_model_is_said():
    """The small model writes, the voice speaks; the words themselves are not in the answer."""
    answer = said("Hi", FLASH)
    assert answer["modelVersion"] == "local/parrot+espeak-ng"
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert np.array_equal(sound(answer), sound(said("Hello.")))
    cut = said("Hi", FLASH, Parrot(Piece("Hello.", 2), Piece("", 2, "MAX_TOKENS")))
    assert cut["candidates"][0]["finishReason"] == "MAX_TOKENS"
    silent = said("Hi", FLASH, Parrot(Piece("…", 1), Piece("", 1, "STOP")))
    assert silent["candidates"][0]["content"] == {"parts": [], "role": "model"}
    assert silent["usageMetadata"]["candidatesTokenCount"] == 0


@voice
def test_there_is_a_limit():
    """Of the answer's sound, and of the prompt's words, as of the API's own voices."""
    answer = said(LONG, maxOutputTokens=50)
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert len(sound(answer)) == 2 * 24_000
    assert answer["usageMetadata"]["candidatesTokenCount"] == 50
    longer = client().post(f"{TTS}:generateContent", json=asked("Hello " * 9000))
    found = error(longer, 400, "INVALID_ARGUMENT")
    assert found["message"].startswith("The input token count (9001) exceeds the maximum")


@voice
def test_who_leaves_ends_the_voice(monkeypatch):
    """The process is gone, be it the connection that ended or the answer."""
    begun = []
    popen = subprocess.Popen

    def kept(*args, **kwargs):
        begun.append(popen(*args, **kwargs))
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", kept)

    async def leave():
        gone = asyncio.Event()
        found = speaking.aloud([line(LONG * 50)], 600, gone.wait)
        await anext(found)
        gone.set()
        with pytest.raises(ClientDisconnect):
            await anext(found)

    asyncio.run(leave())
    assert begun[0].poll() is not None

    async def stop():
        found = speaking.aloud([line(LONG * 50)], 600, never)
        await anext(found)
        await found.aclose()

    asyncio.run(stop())
    assert begun[1].poll() is not None


@voice
def test_a_voice_that_breaks_is_told():
    """A crash of native code is an answer with an error, and the next one speaks again."""
    with pytest.raises(Fault, match="The voice of this machine failed"):
        asyncio.run(all_of([line(language="no-such-language")]))
    assert asyncio.run(all_of([line()]))[-1].is_last


@voice
def test_a_long_path_is_no_obstacle(tmp_path, monkeypatch):
    """The library has room for 160 characters of it; environments lie deeper than that."""
    import espeakng_loader

    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    (deep / "data").symlink_to(espeakng_loader.get_data_path())
    near = asyncio.run(all_of([line()]))
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep / "data"))
    assert asyncio.run(all_of([line()])) == near


@voice
def test_the_program_needs_nothing_but_python():
    """It starts alone, says by its exit code that it has no voice, and prints no sound then."""
    asked = {"library": sys.executable, "data": "nowhere", "lines": []}
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(speaking._PROGRAM)],
        input=json.dumps(asked).encode(),
        capture_output=True,
        check=False,
    )
    assert (run.returncode != 0, run.stdout) == (True, b"")


def test_without_the_extra_there_is_no_voice(monkeypatch):
    """The request says how to get one; no model is asked, and none is listed."""
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    for address in (TTS, FLASH):
        engine = Parrot(AssertionError("asked"))
        answer = client(engine).post(f"{address}:generateContent", json=asked("Hi"))
        found = error(answer, 501, "UNIMPLEMENTED")
        assert found["message"] == (
            'This machine has no voice: run `pip install "gemini_nb[speech]"`, or use '
            "backend='api'."
        )
    listed = client().get("/v1beta/models").json()["models"]
    assert not [one for one in listed if "tts" in one["name"]]


@voice
def test_voices_are_listed():
    """With what they are, and the limits that hold."""
    listed = client().get("/v1beta/models").json()["models"]
    found = [one for one in listed if one["name"].removeprefix("models/") in models.VOICES]
    assert len(found) == 2
    assert all("eSpeak NG" in one["description"] for one in found)
    assert client().get(TTS).json() == found[0]
