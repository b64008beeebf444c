"""The SQLite file of `history.py`, and the one thread that writes it. What is in it, that says.

Nobody waits for it: entries are queued, and written some at a time by a daemon thread, which also
is the first to import sqlite3. A connection lives as long as one writing, so nothing of it crosses
a fork. Whatever goes wrong costs one line in the log of this session, and no answer.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_log = logging.getLogger("gemini_nb")

# Seconds in which entries come together, and for which a locked database is waited for: by the
# thread that writes, by somebody who reads, and at the end of the process.
_LINGER = 0.2
_PATIENCE = 2.0
_AT_END = 1.0
# Entries that wait for the thread, and for a database which does not take them; more are dropped.
_QUEUED = 10_000
_WAITING = 1_000
# What is kept: numbers of about 200 bytes a call, and contents of at most 64 KB each.
_CALLS = 200_000
_CONTENTS = 2_000
_ESTIMATES = 50

_VERSION = 1
_SCHEMA = (
    """CREATE TABLE calls (
        id INTEGER PRIMARY KEY, time REAL NOT NULL, notebook TEXT, session TEXT NOT NULL,
        backend TEXT NOT NULL, model TEXT NOT NULL, version TEXT,
        input INTEGER, cached INTEGER, output INTEGER, thoughts INTEGER, tool INTEGER,
        price REAL, seconds REAL NOT NULL, finish TEXT NOT NULL, hash TEXT, response TEXT
    )""",
    "CREATE INDEX calls_by_time ON calls (time)",
    "CREATE TABLE contents (call INTEGER PRIMARY KEY, prompt TEXT NOT NULL, answer TEXT NOT NULL)",
    "CREATE TABLE estimates (id INTEGER PRIMARY KEY, model TEXT NOT NULL, ratio REAL NOT NULL)",
)
_SWEEP = (
    ("DELETE FROM calls WHERE id <= (SELECT max(id) FROM calls) - ?", _CALLS),
    (
        """DELETE FROM contents WHERE call <= (
            SELECT call FROM contents ORDER BY call DESC LIMIT 1 OFFSET ?)""",
        _CONTENTS,
    ),
    (
        """DELETE FROM estimates WHERE id IN (SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY model ORDER BY id DESC) AS place
            FROM estimates) WHERE place > ?)""",
        _ESTIMATES,
    ),
)


class Entry(Protocol):
    """Something to be written. Both are called on the thread that writes."""

    def ready(self) -> bool:
        """Work out what is written, and let go of what that was made of; whether there is any."""

    def write(self, db: sqlite3.Connection) -> None:
        """Write it, inside of a transaction."""


def path() -> Path:
    """Where the file is: under `GEMINI_NB_DATA`, or in the person's own data directory."""
    given = os.environ.get("GEMINI_NB_DATA")
    if given:
        home = Path(given).expanduser()
    else:
        import platformdirs

        home = Path(platformdirs.user_data_dir("gemini_nb", appauthor=False))
    return home / "history" / "history.sqlite3"


# -- writing


class _Mark:
    """A place in the queue; set when all before it was tried to be written."""

    def __init__(self, *, last: bool = False) -> None:
        self.reached = threading.Event()
        self.last = last


class _Writer:
    """The thread, begun with the first entry, and what waits for it.

    An answer may be over when it is collected, anywhere in the code of this very thread: nothing
    here waits for a lock.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Entry | _Mark] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._left: list[Entry] = []  # of what a database did not take
        self._begun = threading.Lock()

    def put(self, entry: Entry) -> None:
        if self._queue.qsize() < _QUEUED:  # else it stands still
            self._queue.put(entry)
        if self._begun.acquire(blocking=False):
            self._begin()

    def _begin(self) -> None:
        try:
            threading.Thread(target=self._run, name="gemini_nb history", daemon=True).start()
        except RuntimeError:  # no more threads, now or for good
            self._begun.release()
            return
        # Processes of multiprocessing end without atexit.
        others = sys.modules.get("multiprocessing.util")
        if others is not None:
            others.Finalize(None, end, exitpriority=10)

    def flush(self, seconds: float, *, last: bool = False) -> bool:
        if not self._begun.locked():
            return True
        mark = _Mark(last=last)
        self._queue.put(mark)
        self._hurry.set()
        return mark.reached.wait(seconds)

    def _run(self) -> None:
        last = False
        while not last:
            items = [self._queue.get()]
            self._hurry.wait(_LINGER)
            self._hurry.clear()
            with contextlib.suppress(queue.Empty):
                while True:
                    items.append(self._queue.get_nowait())
            marks = [item for item in items if isinstance(item, _Mark)]
            entries = [item for item in items if not isinstance(item, _Mark)]
            del items
            last = any(mark.last for mark in marks)
            self._left += filter(_is_ready, entries)
            del entries
            if self._left and _written(self._left, _AT_END / 2 if last else _PATIENCE):
                self._left = []
            del self._left[:-_WAITING]
            for mark in marks:
                mark.reached.set()


def _is_ready(entry: Entry) -> bool:
    try:
        return entry.ready()
    except Exception as error:  # noqa: BLE001 - one entry is not worth the thread
        _say(f"A call could not be put on record: {type(error).__name__}.")
        return False


def _written(entries: Sequence[Entry], patience: float) -> bool:
    """Whether they need not be written any more."""
    try:
        import sqlite3

        for again in (False, True):
            try:
                _write(entries, patience)
            except sqlite3.DatabaseError as error:
                if again or not _is_damage(error):
                    raise
                _set_aside()
            else:
                _worked("write")
                return True
    except Exception as error:  # noqa: BLE001 - no database, or no sqlite3, is no reason to fail
        said = f"The history of calls is not written: {error}{_where()}. Answers are not affected."
        _say(said, "write")
    return False


def _write(entries: Sequence[Entry], patience: float) -> None:
    import sqlite3

    with _at_work, contextlib.closing(_opened(patience)) as db:
        _begin(db, patience)
        _prepare(db)
        for entry in entries:
            try:
                entry.write(db)
            except (ValueError, OverflowError, sqlite3.IntegrityError, sqlite3.ProgrammingError):
                _say("A call could not be put on record: it holds what SQLite cannot.")
        for statement, most in _SWEEP:
            db.execute(statement, (most,))
        db.execute("COMMIT")


def _opened(patience: float) -> sqlite3.Connection:
    """A connection to the file, which is made where there is none, for its owner alone."""
    import sqlite3

    place = path()
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(PermissionError):  # somebody else's, who let us in
        place.parent.chmod(0o700)
    # SQLite gives the files beside it the same permissions. One that exists is not opened here:
    # closing it would take the locks from other connections of this process.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(place, timeout=patience, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        # Others read while one writes. Refused where somebody is writing just now, or by a file
        # system that has no shared memory: then it is as it was.
        with contextlib.suppress(sqlite3.OperationalError):
            db.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        db.close()
        raise
    return db


def _begin(db: sqlite3.Connection, patience: float) -> None:
    """Begin to write. SQLite gives up at once where another makes the file just then."""
    import sqlite3

    end = time.monotonic() + patience
    while True:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)  # it may be another process, and nothing tells when that is done
        else:
            return


def _prepare(db: sqlite3.Connection) -> None:
    """Make the tables where there are none. Raises ValueError for those of a later version."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise ValueError("a newer gemini_nb made it")
    if version == 0:
        for statement in _SCHEMA:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {_VERSION}")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    import sqlite3

    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def _is_damaged() -> bool:
    import sqlite3

    try:
        with contextlib.closing(_opened(_PATIENCE)) as db:
            return bool(db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        return _is_damage(error)


def _set_aside() -> None:
    """Give a broken file another name, with what belongs to it, and say so."""
    if not _is_damaged():  # another kernel was faster, and this one is new
        return
    place = path()
    aside = place.with_name(f"broken-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.sqlite3")
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            place.with_name(place.name + ending).rename(aside.with_name(aside.name + ending))
    _say(f"The history of calls was broken, and is begun anew; the old one is {aside}.")


# -- reading


def read(query: str, values: Sequence[Any] = (), seconds: float = _PATIENCE) -> list[Any]:
    """The rows of a query; none where nothing can be read.

    The query may use `folded(text)`, which has no capital letters.
    """
    try:
        import sqlite3

        if not path().exists():
            return []
        with contextlib.closing(_opened(seconds)) as db:
            if db.execute("PRAGMA user_version").fetchone() == (0,):  # made, and still empty
                return []
            db.row_factory = sqlite3.Row
            db.create_function("folded", 1, _folded, deterministic=True)
            found = db.execute(query, values).fetchall()
    except Exception as error:  # noqa: BLE001 - as above
        _say(f"The history of calls cannot be read: {error}{_where()}.", "read")
        return []
    _worked("read")
    return found


def _where() -> str:
    with contextlib.suppress(Exception):  # there may be no home
        return f" ({path()})"
    return ""


def _folded(text: Any) -> str:
    return str(text).casefold()


# -- this process

_writer = _Writer()
_ended = False
_said: str | None = None
_said_of = ""
_logged = False


def put(entry: Entry) -> None:
    """Have an entry written, soon. Never blocks, never raises."""
    if not _ended:
        _writer.put(entry)


def flush(seconds: float = _PATIENCE) -> bool:
    """Wait until all that was queued was tried to be written; whether that was so in time."""
    return _ended or _writer.flush(seconds)


def trouble() -> str | None:
    """What is wrong with the file, or was broken and is not, in a sentence; None for nothing."""
    return _said


def _say(sentence: str, of: str = "") -> None:
    """One line in the log, and no other in this session; `of` what may go well again."""
    global _said, _said_of, _logged
    if _said is None:
        _said, _said_of = sentence, of
    if not _logged:
        _logged = True
        _log.warning(sentence)


def _worked(of: str) -> None:
    """It goes well again: what was said of it is over."""
    global _said
    if _said_of == of:
        _said = None


def end(seconds: float = _AT_END) -> None:
    """Write what is left, and take no more in this process."""
    global _ended
    if not _ended:
        _ended = True
        _writer.flush(seconds, last=True)


# A process that is forked while the thread writes would keep SQLite's locks as they were then.
_at_work = threading.Lock()
_waited = False


def _pause() -> None:
    global _waited
    _waited = _at_work.acquire(timeout=_AT_END)


def _go_on() -> None:
    global _waited
    if _waited:
        _waited = False
        _at_work.release()


def _forget() -> None:
    """A forked process has neither the thread nor anything to write."""
    global _writer, _said, _logged, _ended, _at_work, _waited
    _writer, _said, _logged, _ended = _Writer(), None, False, False
    _at_work, _waited = threading.Lock(), False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause, after_in_parent=_go_on, after_in_child=_forget)
atexit.register(end)
