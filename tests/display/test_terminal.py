"""An answer in a terminal."""

from __future__ import annotations

import itertools
import re
import threading
import time
import types

import pytest
from IPython.core import getipython
from IPython.core.events import EventManager

from gemini_nb.content import Blob, Part
from gemini_nb.display import live
from gemini_nb.stream import Response
from tests.waiting import until


def answer(tty, text, size=7, response=None):
    """The screen after `text` has come in pieces, each of them drawn or on the way to be."""
    shown = live.LiveMarkdown()
    for at in range(0, len(text), size):
        shown.write(text[at : at + size])
        time.sleep(0.0005)  # frames fall anywhere between the pieces, as they do
    shown.close(response or Response(), 1.0)
    return tty.screen.lines


TEXT = "# Title\n\nSome *words* here.\n\n- one\n- two\n\n```python\nx = 1\n```\n\nThe end."


@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_tty_gets_it_formatted_once(tty, size):
    """No Markdown signs are left, and after the redrawing each line stands there once."""
    screen = answer(tty, TEXT, size)
    for line in ("Title", "Some words here.", "• one", "x = 1", "The end."):
        assert sum(line in row for row in screen) == 1, screen
    assert not any("```" in row or "*words*" in row for row in screen)


LIST = "".join(f"- item {i}\n" for i in range(60))
CODE = "```\n" + "".join(f"item {i}\n" for i in range(60)) + "```\n"
TABLE = "| name | many words |\n|---|---|\n" + "".join(
    f"| item {i} | {'wide ' * (i // 6)}|\n" for i in range(60)
)


@pytest.mark.parametrize("text", [LIST, CODE, TABLE], ids=["list", "code", "table"])
@pytest.mark.parametrize("columns", [60, 25])
def test_a_block_longer_than_the_screen_stands_there_once(tty, text):
    """Whatever was drawn while it grew, all of it has scrolled off once, in its order."""
    screen = answer(tty, f"Before.\n\n{text}\nAfter.", 40)
    found = re.findall(r"item (\d+)", "\n".join(screen))
    assert [int(number) for number in found] == list(range(60))
    assert screen[0] == "Before."
    assert screen[-1] == "After."


def test_a_growing_block_is_seen_at_its_end(tty):
    """While a long list comes, its latest lines are on the screen."""
    shown = live.LiveMarkdown()
    shown.write(LIST)
    until(lambda: "item 59" in tty.screen.text)
    assert len(tty.screen.lines) < 24
    shown.close(Response(), 1.0)


def test_what_did_not_change_is_not_drawn_again(tty):
    """A word at the end of a long block costs a line, not the block."""
    shown = live.LiveMarkdown()
    shown.write("".join(f"- item {i}\n" for i in range(20)) + "- one")
    until(lambda: "• one" in tty.screen.text)
    before = len(tty.getvalue())
    shown.write(" more")
    until(lambda: "• one more" in tty.screen.text)
    assert len(tty.getvalue()) - before < 100
    shown.close(Response(), 1.0)


def test_blocks_are_one_line_apart(tty):
    """Headings, lists and tables do not tear the page."""
    text = f"# A\n\nb\n\n- c\n\n- d\n\n## Two\n\n{TABLE[:80]}\n\n> said\n\n---\n\nEnd."
    screen = answer(tty, text)
    assert all(row or after for row, after in itertools.pairwise(screen)), screen


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a <br> b\n\n<div>boxed</div>\n", ["a <br> b", "", "<div>boxed</div>"]),
        (
            "See [this][1].\n\n[1]: https://e.org/1\n[2]: https://e.org/2\n",
            ["See [this][1].", "", "[1]: https://e.org/1", "[2]: https://e.org/2"],
        ),
        ("A ![picture](https://e.org/x.png) here.", ["A picture (https://e.org/x.png) here."]),
        ("```\n[1]: code\n```", ["", " [1]: code"]),  # in a box with a margin
        ("[bold]x[/bold] :smile: &lt;", ["[bold]x[/bold] :smile: <"]),
    ],
)
def test_nothing_is_swallowed(tty, text, rows):
    """What a page would hide is text here: HTML, the addresses of links and images."""
    assert answer(tty, text, 500) == rows


def test_what_rich_cannot_draw_is_text(tty, monkeypatch):
    """Its versions fail at this and that; no word is lost for it."""

    def fail(*_):
        raise AssertionError

    monkeypatch.setattr("rich.markdown.ListElement.__rich_console__", fail)
    assert answer(tty, "*One*:\n\n- two\n- three\n\nEnd.") == [
        "One:", "", "- two", "- three", "", "End.",
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [30])
def test_wide_and_joined_signs_leave_no_stale_line(tty):
    """Where rich and the terminal disagree on a width, no line is drawn twice."""
    family, heart = "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f"
    screen = answer(tty, f"日本語 {family * 9} {heart * 19} end\n\nlast", 3)
    assert sum("end" in row for row in screen) == 1
    assert sum("日本語" in row for row in screen) == 1


def test_a_partial_answer_is_marked(tty):
    """The mark comes under the last words."""
    response = Response()
    response.interrupted = True
    screen = "\n".join(answer(tty, "Half of", response=response))
    assert screen.index("Half of") < screen.index("stopped")


def test_a_terminal_obeys_nothing(tty):
    """Escape sequences of the model never get out."""
    answer(tty, "a\x1b]0;title\x07b\n\n\x1b[31mred [link](javascript:x)", 500)
    assert "]0;" not in tty.getvalue()
    assert "\x1b[31m" not in tty.getvalue()
    assert "\x1b]8" not in tty.getvalue()


def test_an_image_is_a_word(tty):
    """Nobody reads base64."""
    shown = live.LiveMarkdown()
    shown.add(Part(text="Look:"))
    shown.add(Part(inline_data=Blob(mime_type="image/png", data=b"x" * 3000)))
    shown.close(Response(), 1.0)
    assert tty.screen.lines == ["Look:", "", "[image/png, 3,000 bytes]"]


def test_it_says_that_it_thinks(tty):
    """Until the first words come; then nothing is left of it."""
    shown = live.LiveMarkdown()
    shown.add(Part(text="hm", thought=True))
    until(lambda: tty.screen.lines == ["Thinking …"])
    shown.add(Part(text="Yes."))
    until(lambda: tty.screen.lines == ["Yes."])
    shown.close(Response(), 1.0)
    assert tty.screen.lines == ["Yes."]


def test_the_end_of_a_cell_ends_it(tty, monkeypatch):
    """Whatever became of `close`: no thread goes on under the next prompt."""
    events = EventManager(None, {"post_run_cell": lambda *_: None})
    shell = types.SimpleNamespace(events=events)
    monkeypatch.setattr(getipython, "get_ipython", lambda: shell)
    before = threading.active_count()
    live.LiveMarkdown().write("- so\n- far")
    assert threading.active_count() == before + 1
    events.trigger("post_run_cell")
    assert threading.active_count() == before
    assert (tty.screen.lines, tty.screen.row) == ([" • so", " • far"], 2)
    assert events.callbacks["post_run_cell"] == []


def test_nothing_is_left_where_nothing_came(tty):
    """No empty line, no hidden cursor, and no thoughts without an answer."""
    live.LiveMarkdown().close(Response(), 1.0)
    assert tty.getvalue() == ""
    shown = live.LiveMarkdown()
    shown.add(Part(text="hm", thought=True))
    shown.close(Response(), 1.0)
    assert (tty.screen.lines, tty.screen.row) == ([], 0)


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_without_a_cursor_gets_plain_text(tty, monkeypatch, term):
    """Nothing is drawn again where it cannot be."""
    monkeypatch.setenv("TERM", term)
    answer(tty, TEXT)
    assert tty.getvalue() == f"{TEXT}\n"


@pytest.mark.parametrize("is_tty", [True, False])
def test_an_encoding_that_has_not_all_signs(tty, monkeypatch, is_tty):
    """They become a question mark; the answer does not end there."""
    monkeypatch.setattr(type(tty), "encoding", "latin-1")
    monkeypatch.setattr(tty, "isatty", lambda: is_tty)
    assert answer(tty, "ü 🎉 \ud83d end") == ["ü ? ? end"]


@pytest.mark.parametrize("text", ["one\ntwo", "one\ntwo\n"])
def test_plain_text_ends_with_one_line_end(tty, monkeypatch, text):
    """A file that it goes to has no empty line at its end."""
    monkeypatch.setattr(tty, "isatty", lambda: False)
    answer(tty, text)
    assert tty.getvalue() == "one\ntwo\n"
