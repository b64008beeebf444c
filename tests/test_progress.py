"""Work on the background loop with a bar in front: when it shows, and that it leaves nothing."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import threading
import types

import pytest

from gemini_nb import progress
from gemini_nb.errors import BadPrompt


class Terminal(io.StringIO):
    """Somebody looks here."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Call it for a terminal, in the test itself, since pytest sets its own before; no delay."""
    monkeypatch.setattr(progress, "_DELAY", 0)

    def begin():
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return begin


async def count(report):
    for number in range(1, 4):
        report(progress.Step(number * 10, "again in 2 s" if number == 2 else ""))
        await asyncio.sleep(0)
    return "done"


@pytest.mark.parametrize("total", [30, None])
def test_the_result_and_a_bar_that_is_gone_again(total, terminal):
    """What the work gives; the line is wiped when it ends."""
    stderr = terminal()
    assert progress.run(count, label="Uploading talk.wav", total=total) == "done"
    shown = stderr.getvalue()
    assert "Uploading talk.wav" in shown
    assert shown.endswith("\r")
    assert shown.rpartition("\r")[0].rpartition("\r")[2].strip() == ""


def test_awaited_it_is_the_same(terminal):
    """The async form shows it on its own thread."""
    stderr = terminal()
    assert asyncio.run(progress.arun(count, label="Uploading", total=30)) == "done"
    assert "Uploading" in stderr.getvalue()


def test_what_is_short_shows_nothing(terminal, monkeypatch):
    """No flicker for what is over in a moment; a wait is said at once."""

    async def quiet(report):
        report(progress.Step(1))

    stderr = terminal()
    monkeypatch.setattr(progress, "_DELAY", 60)
    progress.run(quiet, label="Uploading", total=30)
    assert stderr.getvalue() == ""
    progress.run(count, label="Uploading", total=30)
    assert "again in 2 s" in stderr.getvalue()


@pytest.mark.parametrize("looking", ["file", "runner"])
def test_where_nobody_looks_there_is_no_bar(looking, terminal, monkeypatch):
    """Neither in a log, nor in the output of a cell that is replayed."""
    terminal()
    if looking == "file":
        monkeypatch.setattr(sys, "stderr", io.StringIO())
    else:
        kernel = types.SimpleNamespace(_allow_stdin=False)
        shell = types.SimpleNamespace(kernel=kernel)
        ipython = types.SimpleNamespace(get_ipython=lambda: shell)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
    progress.run(count, label="Uploading", total=30)
    assert sys.stderr.getvalue() == ""


def test_what_the_work_raises_is_raised_here(terminal):
    """With the bar closed."""

    async def fail(report):
        report(progress.Step(1))
        raise BadPrompt("no")

    stderr = terminal()
    for run in (progress.run, lambda *a, **k: asyncio.run(progress.arun(*a, **k))):
        with pytest.raises(BadPrompt, match="no"):
            run(fail, label="Uploading", total=30)
    assert stderr.getvalue().endswith("\r")


@pytest.mark.parametrize("form", ["blocking", "awaited"])
def test_an_interrupt_cancels_the_work(form):
    """Nothing goes on behind the back of whoever stopped it."""
    begun, cancelled = threading.Event(), threading.Event()

    async def endless(report):
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    async def awaited():
        task = asyncio.ensure_future(progress.arun(endless, label="Uploading"))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await task

    if form == "awaited":
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(awaited())
    else:
        thread = threading.Thread(
            target=lambda: begun.wait(10) and signal.raise_signal(signal.SIGINT)
        )
        thread.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                progress.run(endless, label="Uploading")
        finally:
            thread.join()
    assert cancelled.wait(10)
