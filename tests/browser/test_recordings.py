"""Recordings and spoken answers in a real page: heard beside the answer, and saved once."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from tests.browser.test_player import CURRENT, READY, SOUNDS, TWIN
from tests.media import recording
from tests.server import answer_sse, chunk

ANSWER = "Here it is:\n\n[00:00] Anna: Hello there.\n[00:08] Ben: Good day, *all*.\n"
PLAYERS = "document.querySelectorAll('.gemini-nb-player')"
ROWS = "document.querySelectorAll('.gemini-nb-segment')"
MARKDOWN = "document.querySelector('.jp-OutputArea-output.jp-RenderedMarkdown')"
BADGES = "document.querySelectorAll('.gemini-nb-badge')"
# What stands in the page of the last cell, from top to bottom.
ORDER = """[...[...document.querySelectorAll('.jp-OutputArea')].pop().querySelectorAll(
  '.gemini-nb-player, .gemini-nb, .jp-RenderedMarkdown')]
  .filter((one) => one.offsetParent && !one.parentNode.closest('.gemini-nb'))
  .map((one) => one.classList.contains('gemini-nb-player') ? 'player' : 'answer').join()"""
SPOKEN = (np.sin(np.arange(72_000) / 30) * 9000).astype("<i2").tobytes()


@pytest.fixture
def heard(book, folder):
    """A notebook beside a recording, whose sounds are taken down."""
    (folder / "talk.wav").write_bytes(recording(seconds=20))
    book.page.evaluate(f"() => {{ {SOUNDS} }}")
    return book


def asked(prompt):
    return pytest.mark.parametrize("cells", [(prompt,)], ids=[""])


@asked("%%gemini -a talk.wav\nWrite it down.")
def test_a_recording_is_heard_before_its_answer_ends(heard, answers):
    """Above it; the times of the answer become its rows, and the sound goes on."""
    answers.text = ANSWER
    answers.may_begin.clear()
    heard.run_all()
    heard.until(READY)
    heard.page.click(".gemini-nb-play")
    heard.until("window.sounds[0].currentTime > 0.2")
    assert not heard.page.query_selector(".gemini-nb-segment")
    answers.may_begin.set()
    heard.until("document.querySelector('.gemini-nb-text')?.textContent.includes('Here')")
    assert heard.page.evaluate(f"() => {ORDER}") == "player,answer"
    heard.until(f"{ROWS}.length === 2")
    heard.until_idle()
    heard.until(f"{MARKDOWN} && !document.querySelector('.gemini-nb')")
    assert heard.page.evaluate(f"() => {ORDER}") == "player,answer"
    heard.until(f"{CURRENT} === '0'")
    sounds = heard.page.evaluate("() => window.sounds.map((sound) => sound.paused)")
    assert (sounds, heard.page.evaluate(f"() => {PLAYERS}.length")) == ([False], 1)
    twin, answer = heard.save().cells[1].outputs
    assert set(twin.data) == {"text/html", "text/plain"}
    assert "Good day, *all*." in twin.data["text/html"]
    assert set(answer.data) == {"text/markdown", "text/plain"}
    assert answer.data["text/plain"] == ANSWER


@asked("%%gemini -a talk.wav\nWhat is heard?")
def test_an_answer_without_times_leaves_the_player_as_it_is(heard, answers):
    """One row high, and saved as that."""
    answers.text = "It hums."
    heard.run_all()
    heard.until(READY)
    heard.until_idle()
    heard.until(f"{MARKDOWN} && !document.querySelector('.gemini-nb')")
    assert heard.page.evaluate(f"() => [{PLAYERS}.length, {ROWS}.length]") == [1, 0]
    twin, _answer = heard.save().cells[1].outputs
    assert "<table" not in twin.data["text/html"]


@asked("%%gemini -m gemini-x-tts --voice Kore\nSay: Have a good day!")
def test_a_spoken_answer_is_a_player(heard, answers):
    """In the place of the text, with what was used below it; it plays, and its twin is saved."""
    kind = "audio/L16;codec=pcm;rate=24000"
    pieces = [SPOKEN[at : at + 50_000] for at in range(0, len(SPOKEN), 50_000)]
    data = [base64.b64encode(piece).decode() for piece in pieces]
    bodies = [chunk("") for _ in pieces] + [chunk("", "STOP")]
    for body, piece in zip(bodies, data, strict=False):
        sound = {"inlineData": {"mimeType": kind, "data": piece}}
        body["candidates"][0]["content"]["parts"] = [sound]
    answers.refusal = answer_sse(*bodies)  # the whole answer
    heard.run_all()
    heard.until_idle()
    heard.until(READY)
    heard.until("!document.querySelector('.gemini-nb')")
    assert heard.page.evaluate(f"() => {ORDER}") == "player"
    heard.until(f"{BADGES}.length === 1")
    lower = f"{BADGES}[0].getBoundingClientRect().top - {PLAYERS}[0].getBoundingClientRect().bottom"
    assert heard.page.evaluate(f"() => {lower}") >= 0
    assert heard.page.inner_text(".gemini-nb-said") == "Say: Have a good day!"
    heard.page.click(".gemini-nb-play")
    heard.until("window.sounds.at(-1).currentTime > 0.3")
    (output,) = heard.save().cells[1].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    assert 'src="data:audio/ogg;base64,' in output.data["text/html"]
    assert base64.b64encode(SPOKEN[:300]).decode() not in json.dumps(output)
    heard.until(f"{TWIN}.querySelector('audio').duration > 2.9")
