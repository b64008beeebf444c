"""What threads, forks and interrupts do at the same moment: each of these faults was seen."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import gemini_nb as genai
from gemini_nb import blocking, chat, known, media, settings
from gemini_nb.chunks import decode_chunk
from gemini_nb.deltas import Builder
from gemini_nb.display.commonmark import parser
from gemini_nb.files import sources
from gemini_nb.parts import to_part
from gemini_nb.stream import Response
from tests.audio import sounds
from tests.media import picture
from tests.screen import Pty
from tests.server import chunk
from tests.waiting import until

ROOT = Path(__file__).parents[1]
has_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="by no fork")
has_signals = pytest.mark.skipif(sys.platform == "win32", reason="by no signal")


@pytest.fixture
def restless():
    """Python switches threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*jobs):
    """Run these at once, one after another where there is only one chance."""
    begin = threading.Barrier(len(jobs))

    def work(job):
        begin.wait(10)
        job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(work, job) for job in jobs]:
            done.result(10)


# -- answers


def test_who_looks_while_the_last_words_come_takes_none_away(monkeypatch):
    """What is built from half an answer does not stay for the whole."""
    build, looks, may_end = Builder.build, threading.Event(), threading.Event()

    def slow(self):
        built = build(self)
        looks.set()
        may_end.wait(0.3)  # the time in which the rest would come
        return built

    answer = Response()
    answer.feed(decode_chunk(json.dumps(chunk("Hel")).encode()))
    monkeypatch.setattr(Builder, "build", slow)
    thread = threading.Thread(target=lambda: answer.candidates)
    thread.start()
    assert looks.wait(10)
    answer.feed(decode_chunk(json.dumps(chunk("lo.", "STOP")).encode()))
    may_end.set()
    thread.join()
    answer.finish()
    assert answer.text == "Hello."


@pytest.mark.parametrize(
    "given",
    [
        {"html": True, "more": ("table",), "any_link": True},
        {"less": ("inline",), "any_link": True},
        {"html": True, "less": ("inline",)},
        {"more": ("table", "strikethrough")},
    ],
)
def test_nobody_gets_a_parser_whose_tables_are_not_made(given):
    """It would miss what is unsafe while another thread makes them."""
    parser.cache_clear()
    made = parser(**given)
    rulers = [made.core.ruler, made.block.ruler, made.inline.ruler, made.inline.ruler2]
    used = rulers[:2] if "inline" in given.get("less", ()) else rulers
    assert all(ruler.__cache__ for ruler in used)


def test_an_answer_that_is_over_is_dropped_in_silence(monkeypatch):
    """There is nothing to stop, and an interrupt that came in between would be lost."""
    cancelled = []
    monkeypatch.setattr(blocking._Job, "cancel", cancelled.append)

    async def source():
        yield 1

    feed = blocking.Feed(source())
    assert feed.next() == [1]
    with pytest.raises(StopIteration):
        feed.next()
    pump = feed._pump
    until(lambda: pump.is_over)
    del feed
    gc.collect()
    assert cancelled == []


# -- settings


def test_two_threads_configure_different_things(monkeypatch):
    """Both hold afterwards."""
    changed, both = settings.changed, threading.Barrier(2)

    def slow(now, **changes):
        made = changed(now, **changes)
        both.wait(10)
        return made

    monkeypatch.setattr(settings, "changed", slow)
    together(lambda: genai.configure(timeout=7), lambda: genai.configure(budget=0.5))
    now = settings.current()
    assert (now.timeout, now.budget) == (7, 0.5)


def test_a_pool_asks_for_the_key_once(monkeypatch):
    """Colab and a keyring show a dialog for it."""
    asked = []

    def dialog():
        asked.append(1)
        until(lambda: len(asked) > 1 or waited.wait(0.2))
        return settings.Secret("AIzaFAKE", "Colab")

    waited = threading.Event()
    monkeypatch.setattr(settings, "_found", None)
    monkeypatch.setattr(settings, "_colab_key", dialog)
    threading.Timer(0.1, waited.set).start()
    together(*[settings.find_key] * 8)
    assert len(asked) == 1


# -- media and files


def test_the_filters_of_warnings_are_left_as_they_were(restless):
    """They are the process's, and every picture needs another one for a moment."""
    png, before = picture("PNG"), list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(60):
            list(pool.map(lambda _: to_part(png), range(16)))
    assert list(warnings.filters) == before


@has_signals
def test_an_interrupt_is_no_damage_to_a_recording(monkeypatch):
    """Pressed while the header is read, it is not taken for a header that cannot be."""
    pressed = []

    class Pressed(media.Reader):
        def readinto(self, buffer):
            if not pressed:
                pressed.append(1)
                os.kill(os.getpid(), signal.SIGINT)
            return super().readinto(buffer)

    data = sounds.encoded("WAV", sounds.tone(1))
    monkeypatch.setattr(media, "Reader", Pressed)
    with pytest.raises(KeyboardInterrupt):
        media.check(data, "audio/wav", "talk.wav")


def test_many_uploads_end_at_once(restless, tmp_path, monkeypatch):
    """Each forgets the oldest file, and none trips over the others."""
    monkeypatch.setattr(known, "_known", {f"old {i}": ((), "") for i in range(known._MOST)})
    path = tmp_path / "a.txt"
    path.write_text("hi")
    source = sources.of(path)
    together(*[lambda: [known.remember(f"{i}", source) for i in range(1500)] for _ in range(4)])
    assert len(known._known) == known._MOST


# -- interrupts


def test_an_interrupt_leaves_no_place_in_a_line():
    """The next one in this chat would wait for ever."""

    class Pressed(list):
        def append(self, place):
            super().append(place)
            raise KeyboardInterrupt

    line = chat._Queue()
    line._line = Pressed()
    with pytest.raises(KeyboardInterrupt), line.turn():
        pass
    assert not line._line


SECOND_TASK = """
import asyncio, os, signal
from gemini_nb import blocking
begun = []
async def waits(number):
    begun.append(number)
    if number == 2:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(3600)
async def blocks(number):
    blocking.run(waits(number))
async def main():
    await asyncio.gather(*(blocks(number) for number in (1, 2, 3)))
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("stopped", begun[:2])
"""


@has_signals
def test_an_interrupt_stops_the_second_task_that_blocks():
    """As it stops the first, though the loop has not had control in between."""
    done = subprocess.run(
        [sys.executable, "-c", SECOND_TASK], cwd=ROOT, capture_output=True, check=False, timeout=20
    )
    assert done.stdout == b"stopped [1, 2]\n"


# -- a terminal, and children

TWO_ANSWERS = """
import termios, threading
from gemini_nb.display.echo import without_echo
one_draws, two_draws = threading.Event(), threading.Event()
def one():
    with without_echo():
        one_draws.set()
        two_draws.wait()
def two():
    one_draws.wait()
    with without_echo():
        two_draws.set()
        first.join()
def shows_keys():
    return bool(termios.tcgetattr(0)[3] & termios.ECHO)
before = shows_keys()
first, second = threading.Thread(target=one), threading.Thread(target=two)
first.start(); second.start(); second.join()
print("keys are shown:", before, shows_keys())
"""


@has_fork
def test_two_answers_leave_a_terminal_as_it_was():
    """The one that ends last did not find it as it was."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Pty([sys.executable, "-c", TWO_ANSWERS], env) as pty:
        pty.until(lambda pty: "keys are shown: True True" in pty.screen.text)


FORKED = """
import os, sys, threading, time
{before}
child = os.fork()
if not child:
    {inside}
end = time.monotonic() + 20
while time.monotonic() < end:
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        sys.exit(os.waitstatus_to_exitcode(status))
    time.sleep(0.01)
os.kill(child, 9)
sys.exit("the child hangs")
"""
READING = FORKED.format(
    before="""
from gemini_nb.tokens import vocabulary
vocabulary.warm()
while not vocabulary._lock.locked():
    pass""",
    inside='os._exit(vocabulary.count("two words", "gemini-2.5-flash") != 2)',
)
WRITING = FORKED.format(
    before="""
from gemini_nb import ledger
writes = threading.Event()
class Entry:
    def ready(self):
        return True
    def write(self, db):
        db.execute("INSERT INTO estimates (model, ratio) VALUES ('m', 1.0)")
        writes.set()
        time.sleep(0.3)
ledger.put(Entry())
writes.wait()""",
    inside="ledger.put(Entry()); os._exit(not ledger.flush(10) or bool(ledger.trouble()))",
)


@has_fork
@pytest.mark.parametrize("script", [READING, WRITING], ids=["vocabulary", "history"])
def test_a_child_of_that_moment_is_well(script):
    """What a thread of its parent was doing does not stand in its way."""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
