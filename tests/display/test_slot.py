"""Where an answer stands, and is shown anew."""

from __future__ import annotations

import json
import threading

import ipywidgets
import pytest

from gemini_nb.display.slot import slot


@pytest.fixture
def out():
    """An Output that holds something already."""
    out = ipywidgets.Output()
    out.append_stdout("before")
    yield out
    out.close()


def shown(out):
    return [one.get("text") or one["data"].get("text/plain") for one in out.outputs]


def test_an_output_shows_it_in_its_place(out):
    """What is shown anew stands where it stood, between what others wrote."""
    place = slot(out)
    place.show({"text/plain": "one"}, {})
    out.append_stdout("after")
    place.show({"text/plain": "two"}, {"m": 1})
    assert shown(out) == ["before", "two", "after"]
    assert out.outputs[1]["metadata"] == {"m": 1}


def test_the_page_may_send_the_list_back(out):
    """Then what was shown is equal, and no longer the same object."""
    place = slot(out)
    place.show({"text/plain": "one"}, {})
    out.outputs = tuple(json.loads(json.dumps(out.outputs)))
    place.show({"text/plain": "two"}, {})
    assert shown(out) == ["before", "two"]


def test_what_was_cleared_comes_again(out):
    """A final output is not lost where the Output was cleared meanwhile."""
    place = slot(out)
    place.show({"text/plain": "one"}, {})
    out.outputs = ()
    place.show({"text/plain": "two"}, {})
    assert shown(out) == ["two"]


def test_a_list_of_before_may_come_from_the_page(out):
    """What it undoes is done again as soon as the page asks, and with the next change."""
    place = slot(out)
    place.show({"text/plain": "one"}, {})
    page = json.loads(json.dumps(out.outputs))
    place.show({"text/plain": "two"}, {})
    out.outputs = tuple(page)
    place.again()
    assert shown(out) == ["before", "two"]
    out.outputs = tuple(page)
    place.show({"text/plain": "three"}, {})
    assert shown(out) == ["before", "three"]


def test_it_is_sent_again(out, monkeypatch):
    """Also where nothing changed here: a message may have been lost."""
    place, sent = slot(out), []
    place.show({"text/plain": "one"}, {})
    monkeypatch.setattr(out, "send_state", sent.append)
    place.again()
    assert sent == ["outputs"]
    assert shown(out) == ["before", "one"]


def test_threads_share_an_output(out):
    """None takes another's place, and none is lost."""

    def work(name):
        place = slot(out)
        for step in range(50):
            place.show({"text/plain": f"{name} {step}"}, {})

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(shown(out)) == sorted(["before", *(f"{name} 49" for name in range(8))])
