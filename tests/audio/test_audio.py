"""A recording as a person has it: what it says of itself, its parts, its faults, and its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import IPython.display
import numpy as np
import pytest

import gemini_nb as genai
from gemini_nb import batches, embedding, files, resources
from gemini_nb.audio import Audio
from gemini_nb.caching import CachedContent
from gemini_nb.errors import BadPrompt
from gemini_nb.parts import to_part
from tests.audio import sounds
from tests.server import answer_json, chunk

_ROOT = Path(__file__).parents[2]


def test_it_says_what_it_is(tmp_path):
    """Name, kind, length, rate and channels, in one line."""
    path = tmp_path / "talk.mp3"
    path.write_bytes(sounds.encoded("FLAC"))
    audio = genai.Audio.from_path(str(path))
    assert repr(audio) == "<Audio 'talk.mp3', FLAC, 00:03, 16 kHz, mono>"
    assert audio.path == path
    assert repr(Audio.from_bytes(b"?")) == "<Audio cannot be read>"
    assert repr(Audio.from_array(np.ones(8000), 8000)) == "<Audio FLAC, 00:01, 8 kHz, mono>"


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    """A path may be named before there is a file."""
    audio = Audio.from_path(tmp_path / "later.wav")
    (tmp_path / "later.wav").write_bytes(sounds.encoded())
    assert audio.probe().seconds == sounds.SECONDS


@pytest.mark.parametrize("kind", sounds.WRITTEN)
def test_it_is_a_part_of_a_prompt(kind):
    """As it is, with the MIME type of its content."""
    data = sounds.encoded(kind)
    part = to_part(Audio.from_bytes(data, name="lie.txt"))
    assert part.inline_data.mime_type == sounds.WRITTEN[kind][2]
    assert part.inline_data.data == data


def test_samples_and_clips_are_parts_as_flac():
    """What is no file becomes one."""
    for audio in (Audio.from_array(sounds.tone(), 16_000), Audio.from_bytes(sounds.encoded())):
        part = to_part(audio.clip(1, 2))
        assert part.inline_data.mime_type == "audio/flac"
        assert Audio.from_bytes(part.inline_data.data).probe().seconds == 1.0


def test_an_array_is_no_part():
    """Nobody knows whether it is sound or a picture, or of which rate."""
    with pytest.raises(BadPrompt, match=r"genai.Audio.from_array\(samples, rate\)"):
        to_part(np.zeros(100))


_FORMS = ["Audio", "clip", "samples", "path", "bytes", "IPython", "File"]


@pytest.fixture(params=_FORMS)
def given(request, tmp_path):
    """A recording as a person has it, and the part that it becomes."""
    path = tmp_path / "talk.wav"
    path.write_bytes(sounds.encoded())
    audio, file = Audio.from_path(path), files.File(resources.File(name="files/a", uri="u"))
    given = {
        "Audio": audio,
        "clip": audio.clip(1, 2),
        "samples": (sounds.tone(), 16_000),
        "path": path,
        "bytes": path.read_bytes(),
        "IPython": IPython.display.Audio(str(path)),
        "File": file,
    }[request.param]
    return given, to_part(given).to_dict()


def service(call):
    """It takes whatever comes."""
    if "countTokens" in call.target:
        return answer_json({"totalTokens": 96})
    if "cachedContents" in call.target:
        return answer_json({"name": "cachedContents/c"})
    if "batchGenerateContent" in call.target:
        return answer_json({"name": "batches/b"})
    if "embedContent" in call.target:
        return answer_json({"embedding": {"values": [1.0]}})
    return answer_json(chunk("Heard.", "STOP"))


def test_it_goes_wherever_a_part_goes(given, serve, do):
    """Prompts, chats, instructions, counts, caches, batches and vectors: alone, and in a list."""
    sound, part = given
    server = serve(service)
    model = genai.GenerativeModel("gemini-a")
    told = genai.GenerativeModel("gemini-a", system_instruction=["Like this:", sound])
    turn = {"role": "user", "parts": [part]}
    both = {"role": "user", "parts": [{"text": "Listen."}, part]}

    def sent(*call, **more):
        do(*call, **more)
        return server.calls[-1].json()

    assert sent(model, "generate_content", sound)["contents"] == [turn]
    assert sent(model, "generate_content", ["Listen.", sound])["contents"] == [both]
    assert sent(model, "count_tokens", ["Listen.", sound])["contents"] == [both]
    chat = model.start_chat(
        history=[{"role": "user", "parts": [sound]}, {"role": "model", "parts": ["Yes?"]}]
    )
    assert sent(chat, "send_message", ["Listen.", sound])["contents"][::2] == [turn, both]
    assert sent(chat, "send_message", sound)["contents"][-1] == turn
    instruction = sent(told, "generate_content", "And?")["systemInstruction"]
    assert instruction == {"parts": [{"text": "Like this:"}, part]}
    cached = sent(CachedContent, "create", "gemini-a", contents=[sound])
    assert cached["contents"] == [turn]
    batch = sent(batches, "create", model, [sound, ["Listen.", sound]])["batch"]
    requests = batch["inputConfig"]["requests"]["requests"]
    assert [one["request"]["contents"] for one in requests] == [[turn], [both]]
    vector = sent(embedding, "embed_content", "gemini-embedding-2", {"parts": [sound]})
    assert vector["content"]["parts"] == [part]
    assert model.estimate_tokens(sound).total_tokens > 0


@pytest.mark.parametrize("kind", sounds.WRITTEN)
def test_clips(kind):
    """Seconds and clock times; of a clip, too; to the end where none is given."""
    audio = Audio.from_bytes(sounds.encoded(kind), name="talk")
    assert audio.clip("00:01", 2.5).probe().seconds == 1.5
    assert audio.clip("00:01", 2.5).path is None
    assert audio.clip("0:00:01").probe().seconds == pytest.approx(2, abs=0.2)
    assert audio.clip(None, "00:30").probe().seconds == pytest.approx(3, abs=0.2)
    inner = audio.clip(0.5, 2.5).clip(0.5, 1.5)
    assert (inner.start, inner.end) == (1.0, 2.0)
    assert inner.levels()[2:-2] == pytest.approx(-9, abs=1)
    assert len(inner.levels()) == 100
    assert audio.clip(0.5, 2.5).clip(1, 99).end == 2.5


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (3, None, "'talk' ends at 00:03, before 00:03"),
        ("10:00", None, "before 10:00"),
        (2, 1, "from 00:02 to 00:01 is empty"),
        (1, 1, "is empty"),
        (-1, 2, "is no place in a recording"),
        ("soon", 2, "is no place in a recording"),
    ],
)
def test_clips_that_are_none(start, end, words):
    """One sentence says why."""
    with pytest.raises(BadPrompt, match=words):
        Audio.from_bytes(sounds.encoded(), name="talk").clip(start, end)


def test_splitting_real_speech():
    """Whole sentences: each cut is in a pause, and the parts are all of it."""
    from gemini_nb.audio import decoding

    pieces = []
    for path in sounds.speech()[:6]:
        with decoding.opened(path.read_bytes(), "It") as stream:
            pieces += [stream.read(1 << 22)[:, 0], np.zeros(8000, np.int16)]
    audio = Audio.from_array(np.concatenate(pieces), 16_000)
    levels = audio.levels()
    parts = audio.split("00:20")
    assert len(parts) > 1
    at = 0.0
    for part, start in parts:
        assert start == pytest.approx(at)
        assert part.probe().seconds <= 20.001
        if start:
            calm = levels[int(start * 100) - 20 : int(start * 100) + 20]
            assert calm.max() < np.percentile(levels[np.isfinite(levels)], 25)
        at += part.probe().seconds
    assert at == pytest.approx(audio.probe().seconds)


def test_splitting_what_is_short_enough():
    """It is its own only part."""
    audio = Audio.from_bytes(sounds.encoded())
    ((part, start),) = audio.split(3)
    assert (part.start, part.end, start) == (0, None, 0)
    with pytest.raises(BadPrompt, match="too short"):
        audio.split(0.1)


def noise(level):
    return np.random.default_rng(6).normal(0, level, 32_000)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty. Record"),
        (sounds.encoded("WAV", np.zeros((0, 1))), "holds no sound"),
        (sounds.encoded("WAV", np.zeros((32_000, 1))), "is silent"),
        (sounds.encoded("FLAC", noise(0.0003)), "is silent"),
        (sounds.encoded("WAV")[:50_000], "is damaged: the last 48% of it is missing"),
        (sounds.encoded("AIFF")[:50_000], "is damaged: the last 48% of it is missing"),
        (sounds.encoded("FLAC", noise(0.1))[:30_000], "is damaged: "),
        (sounds.encoded("MP3", noise(0.1))[:3000], "is damaged: "),
    ],
)
def test_what_would_cost_tokens_for_nothing(data, words):
    """It is told before anything is sent."""
    audio = Audio.from_bytes(data, name="talk")
    for told in (audio.check, lambda: to_part(audio)):
        with pytest.raises(BadPrompt, match=words) as caught:
            told()
        assert caught.value.advice
        assert caught.value.message.startswith("'talk' ")


def test_what_is_clipped_is_sent_with_a_warning():
    """It may be understood all the same."""
    audio = Audio.from_array(np.clip(noise(0.8), -1, 1), 16_000)
    loud = Audio.from_array(np.clip(3 * np.sin(np.arange(16_000) / 30), -1, 1), 16_000)
    quiet = Audio.from_array(noise(0.1), 16_000)
    quiet.check()
    with pytest.warns(UserWarning, match=r"is clipped: 0\.\d+ of its samples") as caught:
        loud.check()
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="is clipped"):
        assert to_part(audio).inline_data.data


def test_what_is_too_long_is_told_by_its_header():
    """Ten hours are never decoded."""
    data = bytearray(sounds.encoded("FLAC"))
    data[21:26] = (data[21] & 0xF0 | 0).to_bytes() + (16_000 * 36_000).to_bytes(4, "big")
    audio = Audio.from_bytes(bytes(data), name="talk")
    assert audio.probe().seconds == 36_000
    with pytest.raises(BadPrompt, match="'talk' lasts 10:00:00; one prompt takes 9:30:00"):
        to_part(audio)


@pytest.mark.parametrize("number", range(3))
def test_real_speech_is_whole_and_heard(number):
    """A reading is neither silent nor clipped."""
    audio = Audio.from_path(sounds.speech()[number])
    audio.check()
    assert -40 < np.median(audio.levels()) < -15
    assert 0.1 < audio.peaks(100).max() < 1


_LONG = """
import resource, sys, tracemalloc
import numpy as np
import soundfile
from gemini_nb.audio import Audio

def largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

times = np.arange(80_000) / 8000
sound = (np.sin(times * 2 * np.pi * 300) * (times % 5 > 1) * 9000).astype(np.int16)
with soundfile.SoundFile(sys.argv[1], "w", 8000, 1, format="FLAC") as file:
    for _ in range(1080):
        file.write(sound)
Audio.from_array(sound, 8000).prepare().split(2)
before = largest()
tracemalloc.start()
audio = Audio.from_path(sys.argv[1])
assert audio.probe().seconds == 3 * 3600
made = audio.prepare()
assert abs(made.probe().seconds - 3 * 3600) < 0.01
assert audio.peaks(2000).shape == (2000, 2)
assert 9 <= len(audio.split(1200)) <= 11
audio.check()
print(largest() - before, tracemalloc.get_traced_memory()[1] / 2**20)
"""


def test_three_hours_in_little_memory(tmp_path):
    """Whatever is done with it, no more than 64 MB beside what the libraries take."""
    pytest.importorskip("resource")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _LONG, str(tmp_path / "long.flac")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "TMPDIR": str(scratch), "PYTHONPATH": str(_ROOT)},
    )
    assert done.returncode == 0, done.stderr
    resident, traced = map(float, done.stdout.split())
    assert resident < 64
    assert traced < 64
    assert list(scratch.iterdir()) == []


def test_what_is_too_large_is_told_before_it_is_read(tmp_path):
    """By its size alone, however long decoding it would take."""
    path = tmp_path / "day.wav"
    path.write_bytes(sounds.encoded("WAV"))
    os.truncate(path, (2 << 30) + 1)
    with pytest.raises(BadPrompt, match=r"'day\.wav' has 2 GB"):
        to_part(Audio.from_path(path))
