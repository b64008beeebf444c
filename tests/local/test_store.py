"""The store: what a kill, an expiry or a second server leaves behind."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gemini_nb.local import files, store
from gemini_nb.local.fault import Fault

ROOT = Path(__file__).parents[2]
# Adds whole files as fast as it can: bytes first, the row after, as an upload does.
ADDS = """
import hashlib, secrets, sys
from pathlib import Path
from gemini_nb.local import files, store
kept = store.Store(Path(sys.argv[1]))
print("ready", flush=True)
for _ in range(int(sys.argv[2])):
    data, blob = secrets.token_bytes(10_000), secrets.token_hex(16)
    kept.blob(blob).write_bytes(data)
    with kept.change() as db:
        files.add(db, blob=blob, size=len(data), sha256=hashlib.sha256(data).hexdigest(),
                  mime_type="text/plain")
"""


@pytest.fixture
def kept(tmp_path):
    made = store.Store(tmp_path / "kept")
    yield made
    made.close()


def add(kept, data=b"data", **about):
    blob = f"blob{random.random()}"  # noqa: S311
    kept.blob(blob).write_bytes(data)
    about = {"mime_type": "text/plain", "sha256": "", "size": len(data), **about}
    with kept.change() as db:
        return files.add(db, blob=blob, **about)


def age(path, seconds=3600):
    long_ago = time.time() - seconds
    os.utime(path, (long_ago, long_ago))


def adding(root, count):
    command = [sys.executable, "-c", ADDS, str(root), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def test_nothing_is_made_before_the_first_use(tmp_path, kept):
    """A store that nobody used has no directory."""
    assert not kept.exists()
    assert list(tmp_path.iterdir()) == []
    kept.rows("SELECT 1")
    assert kept.exists()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_nobody_else_can_look_inside(kept):
    """What a person uploads is theirs alone."""
    kept.rows("SELECT 1")
    assert kept.root.stat().st_mode & 0o777 == 0o700


def test_the_place_can_be_chosen(monkeypatch, tmp_path):
    """An environment variable moves it; otherwise it is in the person's own data directory."""
    monkeypatch.setenv("GEMINI_NB_DATA", str(tmp_path))
    assert store.home() == tmp_path / "local"
    monkeypatch.delenv("GEMINI_NB_DATA")
    assert store.home().parts[-2:] == ("gemini_nb", "local")


def test_what_has_expired_is_gone_with_its_bytes(kept):
    """At the moment it expires it is not found; the next sweep deletes its bytes."""
    name = add(kept)
    blob = kept.blob(files.find(kept, name)["blob"])
    age(blob)
    with kept.change() as db:
        db.execute("UPDATE files SET expires = ?", [time.time() - 1])
    with pytest.raises(Fault, match="do not have permission"):
        files.find(kept, name)
    kept.sweep()
    assert not blob.exists()
    assert kept.rows("SELECT * FROM files") == []


def test_a_name_is_free_again_when_its_file_has_expired(kept):
    """Between the expiry and the sweep, too."""
    add(kept, name="mine")
    with pytest.raises(Fault, match="already exists"):
        add(kept, name="mine")
    with kept.change() as db:
        db.execute("UPDATE files SET expires = ?", [time.time() - 1])
    assert add(kept, name="mine") == "mine"


def test_bytes_that_no_row_names_are_swept_when_they_are_old(kept):
    """Young ones may be somebody's whose row is about to come."""
    name = add(kept)
    young, old = kept.blob("young"), kept.blob("old")
    young.write_bytes(b"x")
    old.write_bytes(b"x")
    age(old)
    age(kept.blob(files.find(kept, name)["blob"]))
    kept.sweep()
    assert young.exists()
    assert not old.exists()
    assert files.find(kept, name)


def test_a_store_sweeps_when_it_opens(tmp_path, kept):
    """What a killed server left is cleaned up by the next one."""
    add(kept)
    old = kept.blob("old")
    old.write_bytes(b"x")
    age(old)
    other = store.Store(kept.root)
    other.rows("SELECT 1")
    other.close()
    assert not old.exists()


def test_a_transaction_that_fails_leaves_nothing(kept):
    """All of it, or nothing."""

    def fail():
        with kept.change() as db:
            files.add(db, blob="b", size=0, sha256="", mime_type="")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert kept.rows("SELECT * FROM files") == []


def test_a_row_whose_bytes_are_not_whole_is_no_file(kept):
    """After a power cut the disk may have kept the one and lost the other."""
    name = add(kept, b"all of it")
    kept.blob(files.find(kept, name)["blob"]).write_bytes(b"all")
    with pytest.raises(Fault, match="do not have permission"):
        files.find(kept, name)


def test_a_place_that_cannot_be_used_is_said(kept):
    """One sentence with the place, the reason and what to do."""
    kept.root.write_text("a file, where a directory is to be")
    with pytest.raises(Fault, match="set GEMINI_NB_DATA to one that can be written"):
        kept.rows("SELECT 1")


def test_a_database_that_is_none_is_said(kept):
    """Somebody else's file in that place is not overwritten."""
    kept.root.mkdir()
    (kept.root / "store.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Fault, match="delete that directory"):
        kept.rows("SELECT 1")


def test_a_sweep_that_fails_keeps_nobody_from_reading(kept, monkeypatch):
    """A full disk cannot be swept, and still be read."""

    def full():
        raise sqlite3.OperationalError("database or disk is full")

    name = add(kept)
    monkeypatch.setattr(kept, "sweep", full)
    kept._swept = float("-inf")
    assert files.find(kept, name)["id"] == name


def test_a_full_database_is_known_as_such(tmp_path):
    """By SQLite's own number, and the disk by the system's; other errors are something else."""
    with contextlib.closing(store.connect(tmp_path / "small", 1)) as db:
        db.execute("PRAGMA max_page_count = 2")
        db.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError) as full:
            db.execute("INSERT INTO t VALUES (?)", ["x" * 100_000])
        with pytest.raises(sqlite3.OperationalError) as other:
            db.execute("SELECT * FROM nothing")
    assert store.is_full(full.value)
    assert store.is_full(OSError(errno.ENOSPC, ""))
    assert not store.is_full(other.value)
    assert not store.is_full(OSError(errno.EACCES, ""))


def test_several_servers_share_one_store(kept):
    """Four processes open it at once and write; nothing is lost, and each sees all."""
    running = [adding(kept.root, 50) for _ in range(4)]
    assert [one.wait(60) for one in running] == [0] * 4
    for one in running:
        one.stdout.close()
    found = kept.rows("SELECT id FROM files")
    assert len(found) == 200
    assert all(files.find(kept, row["id"]) for row in found)


def test_a_store_that_another_server_is_making_is_waited_for(kept):
    """SQLite itself gives up at once there, however long it is told to wait."""
    kept.root.mkdir()
    path = kept.root / "store.sqlite3"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    done.start()
    assert kept.rows("SELECT * FROM files") == []
    done.join()
    other.close()


def test_a_kill_at_any_moment_leaves_a_store_that_opens(kept):
    """Ten kills at random moments: every row has its whole bytes, and the rest is swept."""
    chance = random.Random(7)  # noqa: S311
    for _ in range(10):
        running = adding(kept.root, 100_000)
        running.stdout.readline()
        time.sleep(chance.uniform(0.01, 0.2))
        running.kill()
        running.wait()
        running.stdout.close()
        checked = sqlite3.connect(kept.root / "store.sqlite3")
        assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        checked.close()
    rows = kept.rows("SELECT * FROM files")
    assert len(rows) > 10
    for row in rows:
        assert files.find(kept, row["id"])
        age(kept.blob(row["blob"]))
    for left in kept.blob("").iterdir():
        age(left)
    kept.sweep()
    assert len(list(kept.blob("").iterdir())) == len(rows)
