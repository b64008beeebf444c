"""An answer in a terminal."""

from __future__ import annotations

import io
import re
import types

import pytest

from gemini_nb.display import live, terminal
from gemini_nb.stream import Response


class Tty(io.StringIO):
    """A terminal of 60 columns, as far as rich can tell."""

    def isatty(self):
        return True


@pytest.fixture
def tty(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(live, "place", lambda: "terminal")
    out = Tty()
    # pytest puts its own stdout back before the test itself begins.
    monkeypatch.setattr(terminal, "sys", types.SimpleNamespace(stdout=out))
    return out


TEXT = "# Title\n\nSome *words* here.\n\n- one\n- two\n\n```python\nx = 1\n```\n\nThe end."


@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_tty_gets_it_formatted_once(tty, size):
    """No Markdown signs are left, and after the redrawing each line stands there once."""
    shown = live.LiveMarkdown()
    for at in range(0, len(TEXT), size):
        shown.write(TEXT[at : at + size])
    shown.close(Response(), 1.0)
    screen = replayed(tty.getvalue())
    for line in ("Title", "Some words here.", "• one", "x = 1", "The end."):
        assert sum(line in row for row in screen) == 1, screen
    assert not any("```" in row or "*words*" in row for row in screen)


def test_a_partial_answer_is_marked(tty):
    """The mark comes under the last words."""
    response = Response()
    response.interrupted = True
    shown = live.LiveMarkdown()
    shown.write("Half of")
    shown.close(response, 1.0)
    screen = "\n".join(replayed(tty.getvalue()))
    assert screen.index("Half of") < screen.index("stopped")


def test_a_terminal_obeys_nothing(tty):
    """Escape sequences of the model never get out."""
    shown = live.LiveMarkdown()
    shown.write("a\x1b]0;title\x07b\n\n\x1b[31mred [link](javascript:x)")
    shown.close(Response(), 1.0)
    assert "]0;" not in tty.getvalue()
    assert "\x1b]8" not in tty.getvalue()


def test_nothing_is_left_where_nothing_came(tty):
    """No empty line, no hidden cursor."""
    live.LiveMarkdown().close(Response(), 1.0)
    assert tty.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "at"),
    [("a\n\nb", 0), ("a\n\nb\n", 3), ("a\n\n#", 0), ("- a\n\n- b\n", 0), ("a\n# b\n", 0)],
)
def test_what_is_finished(text, at):
    """A block is, where a blank line closed it and the line that follows is whole."""
    assert terminal.finished(text) == at


def replayed(output):
    """The rows of a screen after the sequences that rich redraws with."""
    rows, row = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", output):
        if piece == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif piece == "\r":
            pass
        elif piece.endswith("A") and piece.startswith("\x1b"):
            row = max(0, row - int(piece[2:-1] or 1))
        elif piece == "\x1b[2K":
            rows[row] = ""
        elif not piece.startswith("\x1b"):
            rows[row] += piece
    return rows
