"""Where output goes."""

from __future__ import annotations

import sys
import types

import pytest
from IPython.core import getipython
from IPython.core.events import EventManager
from IPython.core.interactiveshell import InteractiveShell

import gemini_nb as genai
from gemini_nb.display import places
from gemini_nb.errors import ConfigError
from gemini_nb.magics import GeminiMagics

WAYS = ("widget", "updates", "once", "terminal")


def request(metadata, kind="execute_request", message="0c1d8f5e-2d53-4f5c-9d3b-7a5b6d0e4a11"):
    """What a front end asks, as a kernel keeps it; JavaScript makes its ids at random."""
    session = "7eb6ed7e-2bf1dc9a66df72f43706ee96"
    header = {"msg_type": kind, "msg_id": message.format(session), "session": session}
    return {"header": header, "metadata": metadata}


# JupyterLab 4.6 and Notebook 7.6 as they were seen; vscode-jupyter's cellExecution.ts; colabtools'
# _history.py; jupyter_client 8.10, 7.4 and 6.1, as a console sends with them.
LAB = request({"deletedCells": [], "recordTiming": False, "cellId": "a1"})
CODE = request({"cellId": "vscode-notebook-cell:/a.ipynb#W0", "tags": []})
COLAB = request({"colab": {"cell_id": "a1"}})
NTERACT = request({})
CONSOLE = request({}, message="{}_17_3")
OLD_CONSOLE = request({}, message="{}_3")
CALLBACK = request({}, "comm_msg")


@pytest.fixture
def kernel(monkeypatch):
    """A kernel that runs what `parent` asked for."""

    def run(parent, *, allow_stdin=True):
        kernel = types.SimpleNamespace(_allow_stdin=allow_stdin, get_parent=lambda _: parent)
        shell = types.SimpleNamespace(kernel=kernel)
        monkeypatch.setattr(getipython, "get_ipython", lambda: shell)
        return places.place()

    return run


@pytest.fixture
def ears(monkeypatch):
    """What is known of the front end's ears."""
    known = types.SimpleNamespace(heard=False, is_deaf=False)
    module = types.SimpleNamespace(ears=known)
    monkeypatch.setitem(sys.modules, "gemini_nb.widgets.stream", module)
    return known


@pytest.mark.parametrize(
    ("parent", "where"),
    [
        (LAB, "widget"),
        (CODE, "updates"),
        (COLAB, "updates"),
        (NTERACT, "updates"),
        (CALLBACK, "updates"),
        (CONSOLE, "terminal"),
        (OLD_CONSOLE, "terminal"),
        ({}, "updates"),
    ],
)
def test_front_ends_by_what_they_ask(kernel, ears, parent, where):
    """Lab gets widgets; other pages plain updates; consoles, which ignore updates, text."""
    assert kernel(parent) == where


@pytest.mark.parametrize("parent", [LAB, CODE, CONSOLE])
def test_a_runner_gets_one_display(kernel, ears, parent):
    """Whoever lets no cell ask for input has nobody in front."""
    assert kernel(parent, allow_stdin=False) == "once"


def test_who_answered_gets_widgets_from_callbacks_as_well(kernel, ears):
    """A callback carries no sign of its front end, but one was heard."""
    ears.heard = True
    assert kernel(CALLBACK) == "widget"
    assert kernel(CODE) == "updates"
    assert kernel(CONSOLE) == "terminal"


def test_who_never_answered_gets_updates(kernel, ears):
    """Without the extension for widgets a page would stay empty until the end."""
    ears.is_deaf = True
    assert kernel(LAB) == "updates"


def test_no_widgets_without_their_package(kernel, monkeypatch):
    """A kernel that has no anywidget asks nobody for one."""
    monkeypatch.delitem(sys.modules, "gemini_nb.widgets.stream", raising=False)
    monkeypatch.setattr(places.importlib.util, "find_spec", lambda _: None)
    assert kernel(LAB) == "updates"


@pytest.mark.parametrize(("parent", "asked"), [(LAB, 1), (CODE, 0), (COLAB, 0), (CONSOLE, 0)])
def test_the_page_is_asked_before_the_first_answer(kernel, ears, parent, asked):
    """Once, at the end of the cell that loads the extension, and only Lab, which answers."""
    calls = []
    ears.ask = lambda: calls.append(1)
    kernel(parent)
    events = EventManager(None, {"post_run_cell": lambda *_: None})
    places.ask_early(types.SimpleNamespace(events=events))
    assert calls == []
    for _ in range(2):
        events.trigger("post_run_cell")
    assert len(calls) == asked


@pytest.mark.parametrize("chosen", WAYS)
def test_the_choice_can_be_forced(kernel, chosen):
    """`configure(display=…)` is stronger than what is found, until it is None again."""
    genai.configure(display=chosen)
    assert kernel(NTERACT) == chosen
    genai.configure(display=None)
    assert kernel(NTERACT) == "updates"


@pytest.mark.parametrize("wrong", ["loud", "", "Widget", 3, ["once"]])
def test_a_way_that_is_none(wrong):
    """A wrong name is refused in one sentence, with the right ones; nothing has changed."""
    with pytest.raises(ConfigError) as caught:
        genai.configure(display=wrong)
    assert f"display={wrong!r} is no such choice." in str(caught.value)
    assert all(repr(way) in str(caught.value) for way in WAYS)
    assert genai.settings.current().display is None


@pytest.fixture
def shell():
    """IPython as in a terminal, with our magics."""
    shell = InteractiveShell.instance()
    shell.register_magics(GeminiMagics)
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("way", [*WAYS, None])
def test_the_choice_as_a_trait(shell, way):
    """`%config GeminiMagics.display` sets the same; None gives the choice back."""
    genai.configure(display="once")
    shell.run_line_magic("config", "GeminiMagics.display = 'widget'")
    shell.run_line_magic("config", f"GeminiMagics.display = {way!r}")
    assert genai.settings.current().display == way


def test_a_wrong_trait_is_refused(shell, caplog):
    """Nothing is set, and the right ones are named."""
    shell.run_cell("%config GeminiMagics.display = 'loud'")
    assert "'terminal'] or None, not the str 'loud'" in caplog.text
    assert genai.settings.current().display is None
