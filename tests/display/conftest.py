"""Where an answer is shown: a shell, a clock that stands, and a terminal with its screen."""

from __future__ import annotations

import io
import types

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from gemini_nb.display import live, terminal
from tests.screen import Screen


@pytest.fixture(scope="module")
def ipython():
    """A shell that displays go through."""
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def published(ipython, monkeypatch):
    """What is published: (is it an update, its data, its metadata, its display id)."""
    seen = []

    def publish(data, metadata=None, *, transient=None, update=False, **_):
        seen.append((update, data, metadata or {}, (transient or {}).get("display_id")))

    monkeypatch.setattr(ipython.display_pub, "publish", publish)
    return seen


@pytest.fixture
def in_place(monkeypatch):
    """Say where the output goes."""
    return lambda where: monkeypatch.setattr(live, "place", lambda: where)


class Clock:
    """A clock that stands until somebody moves it."""

    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The clock that live displays look at."""
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


class Tty(io.StringIO):
    """A terminal, as far as a program can tell; what is written stands on its screen."""

    encoding = "utf-8"

    def __init__(self, columns):
        super().__init__()
        self.screen = Screen(columns, 24)

    def isatty(self):
        return True

    def write(self, text):
        self.screen.feed(text.replace("\n", "\r\n"))
        return super().write(text)


@pytest.fixture
def columns():
    """How wide the terminal is."""
    return 60


@pytest.fixture
def tty(monkeypatch, in_place, columns):
    """The terminal that the output goes to."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    in_place("terminal")
    monkeypatch.setattr(terminal, "_FRAME", 0.001)
    out = Tty(columns)
    # pytest puts its own stdout back before the test itself begins.
    monkeypatch.setattr(terminal, "sys", types.SimpleNamespace(stdout=out, stdin=io.StringIO()))
    return out
