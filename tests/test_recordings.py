"""What is heard in a notebook: recordings of a prompt, spoken answers, sound at a cell's end."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

import gemini_nb as genai
from gemini_nb.audio import Audio
from gemini_nb.transcripts import Segment, Transcript
from tests.media import picture, recording
from tests.server import answer_sse, chunk

pytestmark = pytest.mark.usefixtures("unasked")

WAV = recording(seconds=2)
SPOKEN = (np.sin(np.arange(24_000) / 30) * 9000).astype("<i2").tobytes()
LINES = "Here it is:\n\n[00:00] Anna: Hello there.\n[00:01] Ben: Good day.\n"


@pytest.fixture
def displays(shell, monkeypatch):
    """What is displayed: (data, whether it takes the place of an earlier one)."""
    shown = []

    def publish(data, metadata=None, *, update=False, **_):
        shown.append((data, update))

    monkeypatch.setattr(shell.display_pub, "publish", publish)
    return shown


def run(shell, cell):
    shell.run_cell(cell).raise_error()


def speaking(*pieces, text=""):
    """A handler that answers with sound, in these pieces, and with text."""

    def answer(_):
        sounds = [base64.b64encode(piece).decode() for piece in pieces]
        kind = "audio/L16;rate=24000"
        parts = [{"inlineData": {"mimeType": kind, "data": sound}} for sound in sounds]
        if text:
            parts.append({"text": text})
        bodies = [chunk("") for _ in parts]
        for body, part in zip(bodies, parts, strict=True):
            body["candidates"][0]["content"]["parts"] = [part]
        bodies[-1]["candidates"][0]["finishReason"] = "STOP"
        return answer_sse(*bodies)

    return answer


def rows(data):
    """The lines of a saved player: their times and texts."""
    cell = "<div align=left>(.*?)</div>"
    lines = re.findall(rf"<tr><td>(.*?)<td>{cell}(?:<td>{cell})?", data["text/html"])
    return [(time, last or first) for time, first, last in lines]


def test_a_recording_can_be_heard_before_it_is_answered(shell, serve, displays, tmp_path):
    """Its player comes first, named as the file; a question's answer adds nothing to it."""
    genai.configure(display="updates")
    (tmp_path / "talk.wav").write_bytes(WAV)
    seen = []
    serve(lambda _: seen.append(len(displays)) or answer_sse(chunk("It hums.", "STOP")))
    run(shell, f"%%gemini -a {tmp_path}/talk.wav\nWhat is heard?")
    assert seen == [2]  # the player, and the line about tokens
    player = displays[0][0]
    assert "<b>talk.wav</b> · 00:02" in player["text/html"]
    assert not rows(displays[-1][0])
    assert sum("It hums." in data.get("text/markdown", "") for data, _ in displays)


@pytest.mark.parametrize("where", ["updates", "widget"])
def test_an_answer_with_times_stands_in_the_player(shell, serve, displays, where):
    """It takes the place of the player without lines; the answer stays as it was written."""
    genai.configure(display=where)
    shell.user_ns["talk"] = Audio.from_bytes(WAV, name="talk.wav")
    serve(answer_sse(chunk(LINES, "STOP")))
    run(shell, "%%gemini -a talk\nWrite it down.")
    data, is_update = displays[-1]
    assert is_update
    assert rows(data) == [("00:00", "Hello there."), ("00:01", "Good day.")]
    assert any("[00:00]" in data.get("text/markdown", "") for data, _ in displays)


def test_a_run_that_nobody_watches_shows_each_once(shell, serve, displays):
    """The answer, and the recording with its lines: no updates, and the same in each run."""
    genai.configure(display="once")
    shell.user_ns["talk"] = WAV
    serve(answer_sse(chunk(LINES, "STOP")))
    run(shell, "%%gemini\nWrite {talk} down.")
    first = list(displays)
    displays.clear()
    run(shell, "%%gemini\nWrite {talk} down.")
    assert [update for _, update in first] == [False, False]
    assert [data for data, _ in displays] == [data for data, _ in first]
    assert len(rows(first[1][0])) == 2


@pytest.mark.parametrize(
    "text",
    ["At 00:01 somebody laughs.", "00:01 is when it begins.", "1. first\n2. second", ""],
)
def test_an_answer_of_another_kind_is_no_transcript(shell, serve, displays, text):
    """A time in a sentence does not make it one."""
    genai.configure(display="updates")
    shell.user_ns["talk"] = WAV
    serve(answer_sse(chunk(text, "STOP")))
    run(shell, "%%gemini -a talk\nWhat is heard?")
    assert not any(rows(data) for data, _ in displays if "text/html" in data)


@pytest.mark.parametrize(
    ("asked", "flags"),
    [
        ("Generate a transcript.", 1),
        ("Provide a transcript from 00:02 to 00:04.", 0),
        ("Where?", 0),
    ],
)
def test_what_was_left_out(shell, serve, displays, asked, flags):
    """Sound without words is told of where every word was asked for."""
    genai.configure(display="once")
    sound = np.random.default_rng(6).normal(0, 0.1, 16_000 * 30)
    shell.user_ns["talk"] = Audio.from_array(sound.astype("float32"), 16_000)
    serve(answer_sse(chunk("[00:02 - 00:04] Hello there.", "STOP")))
    run(shell, f"%%gemini -a talk\n{asked}")
    assert displays[-1][0]["text/html"].count("without words") == flags


def test_two_recordings_are_two_players(shell, serve, displays):
    """Nobody knows which of them the times belong to."""
    genai.configure(display="once")
    shell.user_ns.update(one=WAV, two=WAV, three=picture())
    serve(answer_sse(chunk(LINES, "STOP")))
    run(shell, "%%gemini -a one -a two -a three\nWrite them down.")
    players = [data for data, _ in displays if "text/html" in data]
    assert ["<b>one</b>" in p["text/html"] for p in players] == [True, False]
    assert not any(map(rows, players))


def test_a_terminal_gets_the_answer_alone(shell, serve, displays, capsys):
    """It plays nothing."""
    genai.configure(display="terminal")
    shell.user_ns["talk"] = WAV
    serve(answer_sse(chunk(LINES, "STOP")))
    run(shell, "%%gemini -a talk\nWrite it down.")
    assert not displays
    assert capsys.readouterr().out.strip() == LINES.strip()


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_spoken_answer_is_a_player(shell, serve, displays, capsys, blank):
    """Its pieces are one sound, kept in the variable as well; the voice is asked for."""
    genai.configure(display="once")
    server = serve(speaking(SPOKEN[:20_001], SPOKEN[20_001:], text=blank))
    run(shell, "%%gemini -m gemini-x-tts --voice Kore -o answer\nSay: Have a good day!")
    sent = server.calls[0].json()["generationConfig"]
    assert sent["responseModalities"] == ["AUDIO"]
    voice = sent["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]
    assert voice == {"voiceName": "Kore"}
    ((data, _),) = displays
    assert "<b>answer.wav</b> · 00:01" in data["text/html"]
    assert 'src="data:audio/ogg;base64,' in data["text/html"]
    assert rows(data) == [("00:00", "Say: Have a good day!")]
    assert shell.user_ns["answer"].audio.data[44:] == SPOKEN
    assert capsys.readouterr().out == ""


def test_the_words_of_a_spoken_answer(shell, serve, displays):
    """Those that came along; where a model answers in sound alone, nobody knows them."""
    genai.configure(display="once")
    serve(speaking(SPOKEN, text="It was warm."))
    run(shell, "%%gemini --voice Kore\nHow was the day?")
    answer, player = (data for data, _ in displays)
    assert answer["text/plain"] == "It was warm."
    assert rows(player) == [("00:00", "It was warm.")]
    displays.clear()
    serve(speaking(SPOKEN))
    run(shell, "%%gemini --voice Kore\nHow was the day?")
    assert rows(displays[0][0]) == []


def test_what_is_spoken_and_cannot_be_read(shell, serve, displays, capsys):
    """One line; the answer has the bytes."""
    body = chunk("", "STOP")
    sound = {"mimeType": "audio/wav", "data": base64.b64encode(b"RIFF").decode()}
    body["candidates"][0]["content"]["parts"] = [{"inlineData": sound}]
    serve(answer_sse(body))
    run(shell, "%%gemini -o answer\nhi")
    assert capsys.readouterr().out.splitlines()[0] == "<Audio 'answer', cannot be read>"
    assert shell.user_ns["answer"].parts[0].inline_data.data == b"RIFF"


def test_the_conversation_is_heard_again(shell, serve, displays):
    """`%gemini_chat` has the players where the recordings were."""
    genai.configure(display="once")
    shell.user_ns["talk"] = Audio.from_bytes(WAV, name="talk.wav")
    serve(speaking(SPOKEN))
    run(shell, "%%gemini -c -a talk --voice Kore\nSay it again.")
    displays.clear()
    run(shell, "%gemini_chat")
    kinds = ["player" if "text/html" in data else "text" for data, _ in displays]
    assert kinds == ["text", "player", "text", "player"]


def test_sound_at_the_end_of_a_cell(shell, serve):
    """An Audio and a spoken Response are players, a Transcript is a table, a text is a text."""
    genai.configure(display="once")
    formatted = shell.display_formatter.format
    assert "<audio" in formatted(Audio.from_bytes(WAV))[0]["text/html"]
    broken = formatted(Audio.from_bytes(b"RIFF"))[0]
    assert broken["text/plain"] == "<Audio cannot be read>"
    said = formatted(Transcript([Segment(0, 1, "Hello", "Anna"), Segment(1, 2, "Hi")]))[0]
    assert rows(said) == [("00:00", "Hello"), ("00:01", "Hi")]
    assert "<audio" not in said["text/html"]
    assert "not saved" not in said["text/html"]
    heard = Transcript([Segment(0, 1, "Hello")], audio=Audio.from_bytes(WAV))
    assert "<audio" in formatted(heard[:1])[0]["text/html"]
    gone = Transcript([Segment(0, 1, "Hello")], audio=Audio.from_path("/no/such.wav"))
    assert rows(formatted(gone)[0]) == [("00:00", "Hello")]
    serve(speaking(SPOKEN, text="Hello"))
    spoken = formatted(genai.GenerativeModel().generate_content("hi", stream=True).resolve())[0]
    assert rows(spoken) == [("00:00", "Hello")]
    serve(answer_sse(chunk("Hello", "STOP")))
    text = formatted(genai.GenerativeModel().generate_content("hi", stream=True).resolve())[0]
    assert text["text/markdown"] == "Hello"


def test_unloading_leaves_nothing(ipython):
    """Without the extension an Audio is what Python shows of it."""
    ipython.extension_manager.load_extension("gemini_nb")
    ipython.extension_manager.unload_extension("gemini_nb")
    assert set(ipython.display_formatter.format(Audio.from_bytes(WAV))[0]) == {"text/plain"}
