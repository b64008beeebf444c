"""Whether a page runs our widgets: it is asked before the first answer."""

from __future__ import annotations

import pytest

from gemini_nb.widgets import stream

comm = pytest.importorskip("comm")  # older ipykernels had their own


class Wire(comm.base_comm.BaseComm):
    """A comm that ends nowhere."""

    opened: list = []

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        if msg_type == "comm_open":
            self.opened.append(self)


@pytest.fixture
def clock(monkeypatch):
    """The time, which a test sets."""
    clock = [100.0]
    monkeypatch.setattr(stream.time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def ears(monkeypatch, clock):
    """Ears that nothing came to yet."""
    monkeypatch.setattr(Wire, "opened", [])
    monkeypatch.setattr(comm, "create_comm", Wire)
    monkeypatch.setattr(stream, "_shared", None)
    ears = stream._Ears()
    yield ears
    for widget in (ears._probe, *stream._shared):
        widget.close()


def message(data):
    return {"content": {"data": data}, "buffers": []}


def asked(ears):
    """The question that is out."""
    ears.ask()
    return Wire.opened[-1]


def test_a_page_that_answers_hears(ears, clock):
    """It did so while nothing ran; later silence means nothing."""
    asked(ears).handle_msg(message({"method": "custom", "content": {"t": "here"}}))
    clock[0] += 60
    ears.runs()
    assert (ears.heard, ears.is_deaf) == (True, False)


def test_a_page_that_hangs_up_is_deaf_at_once(ears):
    """JupyterLab does so where it knows no widgets at all."""
    asked(ears).handle_close({})
    assert ears.is_deaf
    ears.answered()  # another page of the same kernel
    assert not ears.is_deaf
    ears.refused()
    assert not ears.is_deaf


@pytest.mark.parametrize(("pause", "is_deaf"), [(0.5, False), (2, True)])
def test_a_page_that_is_silent_is_deaf_after_a_while(ears, clock, pause, is_deaf):
    """One that cannot load anywidget says nothing; cells sent together leave no time to hear."""
    asked(ears)
    clock[0] += pause
    ears.runs()
    assert ears.is_deaf is is_deaf


def test_it_asks_once(ears):
    """A second question would say nothing new."""
    asked(ears)
    count = len(Wire.opened)
    ears.ask()
    assert len(Wire.opened) == count
