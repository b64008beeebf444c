"""Where output goes."""

from __future__ import annotations

import sys
import types

import pytest
from IPython.core import getipython

import gemini_nb as genai
from gemini_nb.display import places
from gemini_nb.errors import ConfigError

LAB = {"header": {"msg_type": "execute_request"}, "metadata": {"deletedCells": []}}
CONSOLE = {"header": {"msg_type": "execute_request"}, "metadata": {}}
CALLBACK = {"header": {"msg_type": "comm_msg"}, "metadata": {}}


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


def test_lab_gets_widgets_and_a_console_updates(kernel, ears):
    """JupyterLab and Notebook 7 say which cells were deleted; nobody else does."""
    assert kernel(LAB) == "widget"
    assert kernel(CONSOLE) == "updates"
    assert kernel(CALLBACK) == "updates"
    assert kernel(LAB, allow_stdin=False) == "once"


def test_who_answered_gets_widgets_from_callbacks_as_well(kernel, ears):
    """A callback carries no sign of its front end, but one was heard."""
    ears.heard = True
    assert kernel(CALLBACK) == "widget"
    assert kernel(CONSOLE) == "updates"


def test_who_never_answered_gets_updates(kernel, ears):
    """Without the extension for widgets a page would stay empty until the end."""
    ears.is_deaf = True
    assert kernel(LAB) == "updates"


@pytest.mark.parametrize("chosen", ["widget", "updates", "once", "terminal"])
def test_the_choice_can_be_forced(kernel, chosen):
    """`configure(display=…)` is stronger than what is found."""
    genai.configure(display=chosen)
    assert kernel(CONSOLE) == chosen


def test_a_way_that_is_none():
    """A wrong name is refused, with the right ones."""
    with pytest.raises(ConfigError, match="'updates'"):
        genai.configure(display="loud")
