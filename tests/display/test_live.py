"""An answer that appears as it is written, and stays as one plain output."""

from __future__ import annotations

import itertools
import types

import ipywidgets
import pytest
from IPython.core import getipython

from gemini_nb.content import Blob, CodeExecutionResult, ExecutableCode, Part
from gemini_nb.display import live, places
from gemini_nb.stream import Response
from tests.waiting import until

PARTS = (
    Part(text="First"),
    Part(executable_code=ExecutableCode(language="PYTHON", code="x = 1")),
    Part(code_execution_result=CodeExecutionResult(outcome="OUTCOME_OK", output="1\n")),
    Part(inline_data=Blob(mime_type="image/png", data=b"png")),
    Part(text="Last."),
)


@pytest.mark.parametrize(
    ("kernel", "where"),
    [
        (None, "terminal"),
        (types.SimpleNamespace(_allow_stdin=True), "updates"),
        (types.SimpleNamespace(), "updates"),
        (types.SimpleNamespace(_allow_stdin=False), "once"),
    ],
)
def test_where_an_answer_is_shown(monkeypatch, kernel, where):
    """A kernel that may ask for input has a person in front; others are replays."""
    shell = None if kernel is None else types.SimpleNamespace(kernel=kernel)
    monkeypatch.setattr(getipython, "get_ipython", lambda: shell)
    assert places.place() == where


def test_a_notebook_sees_it_grow(in_place, clock, published):
    """One display with one id, updated at most eighteen times a second, then whole."""
    in_place("updates")
    shown = live.LiveMarkdown()
    for step in range(100):
        shown.write(f"{step} ")
        clock.now += 0.01
    shown.close(Response(), 1.0)
    updates = [update for update, *_ in published]
    assert updates[0] is False
    assert all(updates[1:])
    assert 14 <= len(updates) <= 19
    assert len({display_id for *_, display_id in published}) == 1
    texts = [data["text/markdown"] for _, data, *_ in published]
    assert all(b.startswith(a) for a, b in itertools.pairwise(texts))
    assert texts[-1] == "".join(f"{step} " for step in range(100))
    assert published[-1][2]["gemini_nb"]["seconds"] == 1.0
    assert not any(metadata for _, _, metadata, _ in published[:-1])


def test_the_first_words_are_shown_at_once(in_place, clock, published):
    """Nobody waits for a frame before anything is there."""
    in_place("updates")
    live.LiveMarkdown().write("Hello")
    assert [data["text/plain"] for _, data, *_ in published] == ["Hello"]


def test_a_replay_sees_one_display(in_place, clock, published):
    """A run that nobody watches gets one display without an id, at the end."""
    in_place("once")
    shown = live.LiveMarkdown()
    for word in ("Hel", "lo"):
        shown.write(word)
        clock.now += 1
    assert published == []
    shown.close(Response(), 1.0)
    ((update, data, _, display_id),) = published
    assert (update, display_id, data["text/markdown"]) == (False, None, "Hello")


@pytest.mark.parametrize("how", ["json", "code"])
def test_half_a_structure_is_shown_as_text(in_place, clock, published, how):
    """While it streams JSON or code is text; at the end it is what was asked for."""
    in_place("updates")
    shown = live.LiveMarkdown(how)
    shown.write('```json\n{"a": ')
    clock.now += 1
    shown.write("1}\n```")
    shown.close(Response(), 1.0)
    assert set(published[0][1]) == {"text/plain"}
    last = published[-1][1]
    assert last.get("application/json", {"a": 1}) == {"a": 1}
    assert ("application/json" in last) is (how == "json")


def test_hostile_text_is_never_shown_live(in_place, clock, published):
    """Every single frame is neutral, also where a tag is cut in the middle."""
    in_place("updates")
    shown = live.LiveMarkdown()
    for piece in ("<scr", "ipt>a()</scr", "ipt> ![x](http", "://e/x.png)"):
        shown.write(piece)
        clock.now += 1
    shown.close(Response(), 1.0)
    for _, data, *_ in published:
        assert "<scr" not in data["text/markdown"]
        assert "![" not in data["text/markdown"]


@pytest.mark.parametrize("where", ["updates", "once", "terminal"])
def test_nothing_is_shown_where_nothing_came(in_place, clock, published, capsys, where):
    """An answer without text leaves no empty output."""
    in_place(where)
    live.LiveMarkdown().close(Response(), 1.0)
    assert published == []
    assert "".join(capsys.readouterr()) == ""


def test_a_terminal_gets_the_text_as_it_comes(in_place, capsys):
    """In a terminal pieces are written at once, without escape sequences."""
    in_place("terminal")
    shown = live.LiveMarkdown()
    shown.write("Hel\x1b[31m")
    assert capsys.readouterr().out == "Hel"
    shown.write("lo")
    shown.close(Response(), 1.0)
    assert capsys.readouterr().out == "lo\n"


@pytest.mark.parametrize(
    ("how", "out"),
    [("json", '{\n  "a": 1\n}\n'), ("code", '{"a": 1}\n\n'), ("text", '```\n{"a": 1}\n```\n')],
)
def test_formats_in_a_terminal(in_place, capsys, how, out):
    """JSON and code come when they are whole, the rest as it comes."""
    in_place("terminal")
    shown = live.LiveMarkdown(how)
    shown.write('```\n{"a": 1}\n```')
    assert (capsys.readouterr().out == "") is (how != "text")
    shown.write("")
    shown.close(Response(), 1.0)
    assert capsys.readouterr().out in (out, "\n")


def test_what_is_not_whole_is_marked(in_place, clock, published):
    """An interrupted answer says so in its last frame, and in its metadata."""
    in_place("once")
    response = Response()
    response.interrupted = True
    shown = live.LiveMarkdown()
    shown.write("Half")
    shown.close(response, 1.0)
    ((_, data, metadata, _),) = published
    assert data["text/markdown"].startswith("Half\n\n*— not whole: it was stopped")
    assert metadata["gemini_nb"]["interrupted"] is True


class Channel:
    """A widget's channel that notes what goes through it."""

    bundle = {"text/plain": "widget"}
    name = "w1"

    def __init__(self, stop, wake):
        self.log, self.is_heard, self.wants_base, self.wake = [], True, False, wake
        Channel.last = self

    def shown(self, cell):
        self.cell = cell

    def piece(self, kind, text):
        self.log.append((kind, text))

    def status(self, **facts):
        self.facts = facts

    def push(self):
        self.log.append(("base", ""))
        self.wants_base = False

    def end(self, final, again):
        self.log.append(("end", final["data"]))
        self.again = again


@pytest.fixture
def channel(monkeypatch, in_place, published):
    """Answers go to a widget; gives its channel once there is one."""
    from gemini_nb.widgets import stream

    monkeypatch.setattr(stream, "Channel", Channel)
    in_place("widget")
    return lambda: Channel.last


def test_a_widget_gets_deltas_and_gives_way(channel, published):
    """First the widget, then pieces, then the same final output as everywhere."""
    shown = live.LiveMarkdown()
    for step in range(50):
        shown.write(f"{step} ")
    shown.close(Response(), 1.0)
    log = channel().log
    text = "".join(f"{step} " for step in range(50))
    assert "".join(piece for kind, piece in log if kind == "d") == text
    assert len(log) < 10
    (first, last) = published
    assert log[-1] == ("end", last[1])
    assert first[1] == Channel.bundle
    assert last[0] is True
    assert last[1]["text/markdown"] == text
    assert first[3] == last[3] == Channel.name
    assert channel().again is None  # a page that comes later finds the place by itself


def test_the_last_words_before_a_silence_are_sent(channel):
    """What waited for the next frame is sent by a timer, not by the next words."""
    shown = live.LiveMarkdown()
    shown.write("one ")
    shown.write("two")
    until(lambda: ("d", "two") in channel().log)
    shown.close(Response(), 1.0)


def test_a_view_that_is_not_heard_gets_the_text_so_far(channel, monkeypatch):
    """It may exist only after the first pieces: snapshots come often at first, then rarely."""
    monkeypatch.setattr(Channel, "is_heard", False, raising=False)
    shown = live.LiveMarkdown()
    shown.write("one")
    channel().is_heard = False
    shown.write(" two")
    until(lambda: ("base", "") in channel().log)
    shown.close(Response(), 1.0)


def test_a_view_that_misses_something_gets_it_soon(channel):
    """It asks while the model is silent, and does not wait for the next words."""
    shown = live.LiveMarkdown()
    shown.write("one")
    channel().wants_base = True
    channel().wake()
    until(lambda: ("base", "") in channel().log)
    shown.close(Response(), 1.0)


def test_a_widget_waits_before_the_first_words(channel, published):
    """It is there at once; where nothing comes, what stays holds nothing."""
    shown = live.LiveMarkdown()
    assert [data for _, data, *_ in published] == [Channel.bundle]
    shown.close(Response(), 1.0)
    assert published[-1][:2] == (True, {})


@pytest.mark.parametrize("where", ["widget", "updates", "once"])
def test_thoughts_stay_folded(in_place, channel, published, where):
    """They are in the Markdown that is saved, and not in the plain text."""
    in_place(where)
    shown = live.LiveMarkdown()
    shown.add(Part(text="hm <b>", thought=True))
    shown.write("So.")
    shown.close(Response(), 1.0)
    data = published[-1][1]
    folded = "<details><summary>Thoughts</summary>\n\nhm &lt;b>\n\n</details>\n\n"
    assert data == {"text/markdown": f"{folded}So.", "text/plain": "So."}


def test_long_texts_are_updated_rarely(in_place, clock, published):
    """All updates of a plain display together stay below a bound, and its end is whole."""
    in_place("updates")
    shown = live.LiveMarkdown()
    for _ in range(1000):  # 60 KB in ten seconds
        shown.write("word " * 12)
        clock.now += 0.01
    shown.close(Response(), 1.0)
    sent = sum(len(data["text/markdown"]) for _, data, *_ in published)
    assert sent < 35 * 60_000
    assert published[-1][1]["text/plain"] == "word " * 12_000


def test_the_last_words_of_a_plain_display_are_shown(in_place, published):
    """A timer brings what waits for the next update, where nothing more comes for a while."""
    in_place("updates")
    shown = live.LiveMarkdown()
    shown.write("one ")
    shown.write("two")
    until(lambda: published[-1][1]["text/plain"] == "one two")
    shown.close(Response(), 1.0)


def test_parts_stand_where_they_came(in_place, clock, published):
    """Code that ran, what it printed and an image stand between the texts."""
    in_place("once")
    shown = live.LiveMarkdown()
    for part in PARTS:
        shown.add(part)
    shown.close(Response(), 1.0)
    ((_, data, *_),) = published
    marks = ["First", "```python\nx = 1\n```", "```text\n1\n```", "![image](data:image/png;base64,"]
    places = [data["text/markdown"].index(mark) for mark in (*marks, "Last.")]
    assert places == sorted(places)
    assert "[image/png, 3 bytes]" in data["text/plain"]


@pytest.mark.parametrize("how", ["json", "code", "text"])
def test_other_formats_are_of_the_text_alone(in_place, clock, published, how):
    """A block between would end the JSON."""
    in_place("once")
    shown = live.LiveMarkdown(how)
    for part in (Part(text='{"a": '), Part(thought=True, text="hm"), PARTS[1], Part(text="1}")):
        shown.add(part)
    shown.close(Response(), 1.0)
    ((_, data, *_),) = published
    assert data["text/plain"].replace("\n", "").replace(" ", "") == '{"a":1}'


@pytest.mark.parametrize("where", ["widget", "updates", "once"])
def test_an_output_widget_may_hold_it(in_place, channel, published, where):
    """Named by a thread, it gets the answer, once; nothing is displayed."""
    in_place(where)
    out = ipywidgets.Output()
    shown = live.LiveMarkdown(out=out)
    for word in ("Hel", "lo"):
        shown.write(word)
    shown.close(Response(), 1.0)
    (output,) = out.outputs
    assert output["data"] == {"text/markdown": "Hello", "text/plain": "Hello"}
    assert published == []
    if where == "widget":
        assert channel().again == shown._way._slot.again
    out.close()
