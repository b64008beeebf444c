"""The file under faults: no answer ever waits for it, fails because of it, or breaks it."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

import gemini_nb as genai
from gemini_nb import history, ledger
from gemini_nb.request import Request
from gemini_nb.settings import Settings
from gemini_nb.stream import Response

ROOT = Path(__file__).parents[1]
POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX has these limits")


def call(model="gemini-test"):
    """A call that has just ended."""
    made = Request("POST", f"models/{model}:generateContent")
    history.Call(made, model, Settings(), local=True).over(Response(made))


# The same in a process of its own: as many calls as it is told, a line when the first is written.
CALLS = """
import os, sys, sqlite3, platformdirs
from gemini_nb import history, ledger
from gemini_nb.request import Request
from gemini_nb.settings import Settings
from gemini_nb.stream import Response
{before}
made = Request("POST", "models/m:generateContent")
for number in range({calls}):
    history.Call(made, "m", Settings(), local=True).over(Response(made))
    if number % 100 == 0:
        ledger.flush(10)
        if number == 0:
            print("begun", flush=True)
print(ledger.trouble() or "")
"""


def calling(calls, before=""):
    """Start such a process; its errors of the interpreter's own are errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CALLS.format(calls=calls, before=before)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    """What it printed, and what it complained of."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out, err


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the file of this test will be."""
    ledger.flush(10)
    monkeypatch.setenv("GEMINI_NB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(ledger, "_said", None)
    monkeypatch.setattr(ledger, "_logged", False)
    monkeypatch.setattr(ledger._writer, "_left", [])
    yield ledger.path()
    ledger.flush(10)


@pytest.fixture
def impatient(monkeypatch):
    """A locked database is not waited for so long."""
    monkeypatch.setattr(ledger, "_PATIENCE", 0.1)


def rows(place, table="calls"):
    """How many there are, seen by somebody else."""
    with contextlib.closing(sqlite3.connect(place)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return len(db.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608 - our own


def test_the_place_can_be_chosen(monkeypatch, place, tmp_path):
    """An environment variable moves it; otherwise it is in the person's own data directory."""
    assert place == tmp_path / "data" / "history" / "history.sqlite3"
    monkeypatch.delenv("GEMINI_NB_DATA")
    assert ledger.path().parts[-3:] == ("gemini_nb", "history", "history.sqlite3")


def test_nothing_is_made_before_the_first_call(place):
    """Looking back makes no file."""
    assert ledger.read("SELECT 1") == []
    assert ledger.flush(5)
    assert not place.parent.parent.exists()


@POSIX
def test_nobody_else_can_look_inside(place):
    """The folder, the file, and what SQLite puts beside it while somebody reads."""
    place.parent.mkdir(parents=True, mode=0o755)
    call()
    assert ledger.flush(5)
    with contextlib.closing(sqlite3.connect(place)) as db:
        db.execute("SELECT * FROM calls").fetchall()
        call()
        assert ledger.flush(5)
        names = {path.name: path.stat().st_mode & 0o777 for path in place.parent.iterdir()}
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert names == dict.fromkeys([place.name, f"{place.name}-wal", f"{place.name}-shm"], 0o600)


def test_readers_and_a_writer_do_not_wait_for_each_other(place):
    """The journal is a WAL, and the file is whole by itself when nobody uses it."""
    call()
    assert ledger.flush(5)
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        db.execute("BEGIN")
        assert db.execute("SELECT count(*) FROM calls").fetchone() == (1,)
        call()
        assert ledger.flush(1)
        assert db.execute("SELECT count(*) FROM calls").fetchone() == (1,)
    assert rows(place) == 2
    assert ledger.trouble() is None


def test_a_locked_file(place, impatient, caplog):
    """The caller does not notice; one line says so; the rows come when the lock is gone."""
    call()
    assert ledger.flush(5)
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.perf_counter()
        for _ in range(20):
            call()
        assert time.perf_counter() - began < 1
        assert ledger.flush(5)
        call()
        assert ledger.flush(5)
        other.execute("ROLLBACK")
    assert [one.levelno for one in caplog.records] == [logging.WARNING]
    assert caplog.messages == [ledger.trouble()]
    assert ledger.trouble().startswith("The history of calls is not written: database is locked (")
    call()
    assert ledger.flush(5)
    assert rows(place) == 23
    assert len(caplog.records) == 1
    assert ledger.trouble() is None


def test_trouble_is_over_when_it_works_again(place, caplog):
    """What could not be read says nothing of what is written; each is over by itself."""
    call()
    assert ledger.flush(5)
    assert ledger.read("SELECT nothing FROM calls") == []
    assert "cannot be read" in ledger.trouble()
    call()
    assert ledger.flush(5)
    assert "cannot be read" in ledger.trouble()
    assert len(ledger.read("SELECT * FROM calls")) == 2
    assert ledger.trouble() is None
    assert ledger.read("SELECT nothing FROM calls") == []
    assert "cannot be read" in ledger.trouble()
    assert len(caplog.records) == 1  # in the log it is one line a session


def test_a_lock_that_goes_away_is_waited_for(place):
    """Another kernel is writing just now: nothing is said of that."""
    call()
    assert ledger.flush(5)
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        call()
        assert not ledger.flush(0.5)
        other.execute("ROLLBACK")
    assert ledger.flush(5)
    assert rows(place) == 2
    assert ledger.trouble() is None


def test_a_lock_that_stays_drops_the_oldest(place, impatient, monkeypatch):
    """What waits is bounded."""
    monkeypatch.setattr(ledger, "_WAITING", 5)
    call("first")
    assert ledger.flush(5)
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for number in range(9):
            call(f"m{number}")
            assert ledger.flush(5)
        other.execute("ROLLBACK")
    call("last")
    assert ledger.flush(5)
    found = [row[0] for row in ledger.read("SELECT model FROM calls ORDER BY id")]
    assert found == ["first", "m4", "m5", "m6", "m7", "m8", "last"]


def test_a_body_is_let_go_while_its_row_waits(place, impatient):
    """Twenty megabytes are not kept for a database that is locked."""
    call()
    assert ledger.flush(5)
    made = Request("POST", "models/m:generateContent", body=genai.GenerativeModel("m").build("hi"))
    held = weakref.ref(made)
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        history.Call(made, "m", Settings(), local=True).over(Response(made))
        assert held() is made
        del made
        assert ledger.flush(5)
        gc.collect()
        assert held() is None
        other.execute("ROLLBACK")
    call()
    assert ledger.flush(5)
    assert rows(place) == 3


@pytest.mark.parametrize(
    "garbage", [b"no database at all " * 300, b"\0" * 8192, b"SQLite format 3"]
)
def test_a_file_of_garbage_is_set_aside(place, garbage, caplog):
    """It keeps its bytes under another name, and a new one is begun; one line says so."""
    place.parent.mkdir(parents=True)
    place.write_bytes(garbage)
    assert history.search() == []
    call()
    assert ledger.flush(5)
    assert rows(place) == 1
    (aside,) = place.parent.glob("broken-*.sqlite3")
    assert aside.read_bytes() == garbage
    assert len(caplog.records) == 1


def test_a_file_that_breaks_later(place):
    """Pages in the middle are overwritten: whatever happens, the next calls are on record."""
    for _ in range(300):
        call()
    assert ledger.flush(5)
    broken = bytearray(place.read_bytes())
    broken[4096:-4096] = b"\xff" * (len(broken) - 8192)
    place.write_bytes(broken)
    call()
    assert ledger.flush(5)
    assert rows(place) == 1
    assert "was broken, and is begun anew" in ledger.trouble()


def test_a_file_that_another_kernel_has_begun_anew(place):
    """What is whole is not set aside, even where it was broken a moment ago."""
    call()
    assert ledger.flush(5)
    ledger._set_aside()
    assert rows(place) == 1
    assert list(place.parent.glob("broken-*")) == []


def test_a_file_of_a_later_version_is_left_alone(place):
    """Whoever made it knows what is in it."""
    call()
    assert ledger.flush(5)
    with contextlib.closing(sqlite3.connect(place)) as db:
        db.execute("PRAGMA user_version = 99")
    call()
    assert ledger.flush(5)
    assert rows(place) == 1
    assert "a newer gemini_nb made it" in ledger.trouble()


def test_no_folder_can_be_made(place, caplog):
    """A file is where the folder ought to be."""
    place.parent.parent.write_text("a file")
    call()
    assert ledger.flush(5)
    assert history.usage() == []
    assert len(caplog.records) == 1
    assert "is not written" in ledger.trouble()


@POSIX
def test_a_folder_that_is_closed(place):
    """In a process without the rights of root: it ends well, with one line."""
    place.parent.mkdir(parents=True)
    place.parent.chmod(0)
    without = "if os.geteuid() == 0: os.setuid(65534)"
    out, err = ended(calling(250, without))
    assert "The history of calls is not written: " in out
    assert "ermission denied" in out
    assert err.strip() == out.removeprefix("begun").strip()
    place.parent.chmod(0o700)
    assert list(place.parent.iterdir()) == []


@POSIX
def test_a_full_disk(place):
    """No file may become larger than 64 KB: what fits is there, whole, and one line says so."""
    limit = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)); "
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    )
    out, err = ended(calling(2000, limit))
    assert "The history of calls is not written: " in out
    assert err.strip() == out.removeprefix("begun").strip()
    assert 50 < rows(place) < 2000


def test_a_row_that_sqlite_cannot_hold(place):
    """It is left out, and those around it are not."""

    class Huge:
        def ready(self):
            return True

        def write(self, db):
            db.execute("INSERT INTO estimates (model, ratio) VALUES (?, ?)", ("m", 10**30))

    class Unready:
        def ready(self):
            raise ZeroDivisionError

    call()
    ledger.put(Huge())
    ledger.put(Unready())
    call()
    assert ledger.flush(5)
    assert rows(place) == 2
    assert rows(place, "estimates") == 0


def test_only_the_last_are_kept(place, monkeypatch):
    """Of rows, and of contents, so many and no more."""
    sweep = [(statement, 3 - at) for at, (statement, _) in enumerate(ledger._SWEEP)]
    monkeypatch.setattr(ledger, "_SWEEP", sweep)
    made = Request("POST", "models/m:generateContent", body=genai.GenerativeModel("m").build("hi"))
    for _ in range(10):
        history.Call(made, "m", Settings(history="contents"), local=True).over(Response(made))
    for _ in range(4):
        history.compared("m", 100, 120)
        history.compared("n", 100, 120)
    assert ledger.flush(5)
    assert (rows(place), rows(place, "contents"), rows(place, "estimates")) == (3, 2, 2)
    found = history.search()
    assert [one.prompt for one in found] == ["hi", "hi", None]


def test_several_processes_write_at_once(place):
    """Four begin with no file at all; nothing is lost, and nothing is said."""
    running = [calling(300) for _ in range(4)]
    for one in running:
        out, err = ended(one)
        assert (out.split(), err) == (["begun"], "")
    assert rows(place) == 1200


def test_a_kill_at_any_moment_leaves_a_file_that_opens(place):
    """Eight kills at random moments: the file is whole, and what was flushed is in it."""
    chance = random.Random(7)  # noqa: S311
    for _ in range(8):
        running = calling(1_000_000)
        assert running.stdout.readline() == "begun\n"
        time.sleep(chance.uniform(0.01, 0.2))
        running.kill()
        running.communicate()
        rows(place)
    assert rows(place) >= 8
    call()
    assert ledger.flush(5)
    assert ledger.trouble() is None


def test_the_end_of_a_process_writes_what_is_left(place):
    """At once, and without a word; a file that is locked makes it wait a second, and no more."""
    out, err = ended(calling(50))
    assert (out.split(), err) == (["begun"], "")
    assert rows(place) == 50
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        quick = "ledger._PATIENCE = 0.1"
        began = time.monotonic()
        out, err = ended(calling(50, quick))
        assert time.monotonic() - began < 5
        other.execute("ROLLBACK")
    assert "database is locked" in err
    assert "Traceback" not in err
    assert rows(place) == 50


def test_an_end_that_is_said(place, monkeypatch):
    """What was queued is written; what comes later is not, wherever the file would be then."""
    monkeypatch.setattr(ledger, "_writer", ledger._Writer())
    monkeypatch.setattr(ledger, "_ended", False)
    call()
    ledger.end(10)
    call()
    ledger.end(10)
    assert rows(place) == 1


def test_nothing_is_put_after_the_end(place, monkeypatch):
    """What is over when the interpreter is has no thread to write it, and begins none."""
    monkeypatch.setattr(ledger, "_writer", ledger._Writer())
    monkeypatch.setattr(ledger, "_ended", True)
    call()
    assert ledger.flush(5)
    assert not ledger._writer._begun.locked()


def test_where_no_thread_can_begin(place, monkeypatch):
    """The next call tries again; what waited is written then."""

    def fail(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as outer:
        outer.setattr(ledger, "_writer", ledger._Writer())
        with monkeypatch.context() as inner:
            inner.setattr(threading.Thread, "start", fail)
            call()
            assert ledger.flush(5)
        call()
        assert ledger._writer.flush(5, last=True)
    assert rows(place) == 2


def test_an_answer_that_is_over_anywhere(place):
    """Collected where the same thread holds a lock, it is counted, and waits for nobody."""
    before = history.spent().unpriced
    made = Request("POST", "models/m:generateContent")
    with history._lock:
        history.Call(made, "m", Settings(history="off"), local=False).over(Response(made))
    assert history.spent().unpriced == before + 1
