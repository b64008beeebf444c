"""The line beside what is typed shows its tokens, counts in pauses, and leaves nothing behind."""

from __future__ import annotations

import re
import sys
import threading
import time

import ipywidgets
import pytest

import gemini_nb as genai
from gemini_nb.tokens import vocabulary
from gemini_nb.widgets import count
from gemini_nb.widgets.count import TokenLine

pytest.importorskip("splintr")
MODEL = "gemini-2.5-flash"


@pytest.fixture
def typed():
    textarea = ipywidgets.Textarea("one two three")
    yield textarea
    textarea.close()


@pytest.fixture
def line(typed):
    line = TokenLine(typed, MODEL)
    yield line
    line.close()


def shown(line):
    return re.sub("<[^>]*>", "", line.value)


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def threads():
    return [t for t in threading.enumerate() if t.name == "gemini-nb-tokens"]


def test_it_shows_what_is_there(line):
    """Before anything is typed."""
    wait_for(lambda: shown(line) == "3 tokens")


@pytest.mark.parametrize(
    ("text", "said"), [("", "0 tokens"), ("a", "1 token"), ("a\n" * 1000, "2,000 tokens")]
)
def test_it_follows_the_typing(typed, line, text, said):
    """Exactly, by the vocabulary of the model."""
    typed.value = text
    wait_for(lambda: shown(line) == said)


def test_a_burst_is_counted_once(typed, line, monkeypatch):
    """After the last keystroke, on another thread than the one that types."""
    wait_for(lambda: shown(line) == "3 tokens" and not threads())
    counted = []
    update = line._edited.update
    monkeypatch.setattr(
        line._edited,
        "update",
        lambda text: counted.append(threading.current_thread()) or update(text),
    )
    monkeypatch.setattr(count, "PAUSE", 0.5)
    for n in range(50):
        typed.value = "word " * n
    assert len(threads()) == 1
    wait_for(lambda: shown(line) == f"{vocabulary.count('word ' * 49, MODEL)} tokens")
    assert len(counted) == 1
    assert counted[0] is not threading.current_thread()


def test_no_thread_waits_for_the_next_key(typed, line):
    """It ends with the count, and the next key begins another."""
    for text, said in (("a", "1 token"), ("a b", "2 tokens")):
        typed.value = text
        wait_for(lambda said=said: shown(line) == said and not threads())


def test_the_configured_model_counts(typed):
    """Where none is named."""
    genai.configure(model="gemini-2.5-flash")
    typed.value = "<table>"
    older = TokenLine(typed)
    newer = TokenLine(typed, "gemini-3.5-flash")
    wait_for(lambda: (shown(older), shown(newer)) == ("1 token", "3 tokens"))
    older.close()
    newer.close()


def test_an_estimate_says_so(typed, monkeypatch):
    """Where splintr is not installed."""
    monkeypatch.setattr(vocabulary, "_table", None)
    monkeypatch.setattr(vocabulary, "_is_missing", False)
    monkeypatch.setitem(sys.modules, "splintr", None)
    line = TokenLine(typed, MODEL)
    wait_for(lambda: shown(line) == f"≈ {vocabulary.estimate('one two three')} tokens")
    line.close()


def test_it_closes_without_a_trace(typed, monkeypatch):
    """No observer, no thread; also while a count is still to come, and a second time."""
    line = TokenLine(typed, MODEL)
    wait_for(lambda: shown(line) == "3 tokens")
    monkeypatch.setattr(count, "PAUSE", 60)
    typed.value = "never counted"
    before = time.monotonic()
    line.close()
    assert time.monotonic() - before < 30, "it does not wait for the pause to end"
    assert threads() == []
    assert typed._trait_notifiers["value"]["change"] == []
    assert shown(line) == "3 tokens"
    line.close()
    typed.value = "nobody looks"
    assert threads() == []


def test_what_is_followed_may_hold_nothing():
    """A widget whose value is None, and one that holds a number."""
    followed = ipywidgets.Dropdown(options=[None, 7], value=None)
    line = TokenLine(followed, MODEL)
    wait_for(lambda: shown(line) == "0 tokens")
    followed.value = 7
    wait_for(lambda: shown(line) == "1 token")
    line.close()
    followed.close()
