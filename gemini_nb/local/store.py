"""What the server keeps on disk: one SQLite database, and one file for each upload's bytes.

It keeps files, caches and batches, and everything in it expires. The rows are the truth: the
bytes of an upload lie in a file that never moves, and become a File by one transaction that
adds a row. So a process may be killed at any moment, and what opens afterwards shows whole
files only; bytes that no row names are garbage, and swept. Several servers of one person share
one store, since SQLite's locks hold between processes.

What a table means is the business of the module that owns it; none of them is made before the
first request that needs one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = 48 * 3600
"""Seconds that the API keeps a file; unfinished uploads and batches are kept as long here."""

_SWEEP_EVERY = 60
_PATIENCE = 30
"""Seconds to wait for another server's transaction; each of them takes milliseconds."""

_AGAIN = 0.02
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
# A row comes before its bytes, so bytes without a row are left over, except for an instant
# between two statements of another server; a minute is long enough to be sure.
_SURELY_OLD = 60

_TABLES = """
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, blob TEXT NOT NULL, name TEXT NOT NULL, display_name TEXT NOT NULL,
    mime_type TEXT NOT NULL, size INTEGER, file TEXT NOT NULL, expires REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, blob TEXT NOT NULL, display_name TEXT NOT NULL, mime_type TEXT NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, source TEXT NOT NULL,
    created REAL NOT NULL, expires REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS caches (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, display_name TEXT NOT NULL, body TEXT NOT NULL,
    tokens INTEGER NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, expires REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY, method TEXT NOT NULL, model TEXT NOT NULL, display_name TEXT NOT NULL,
    priority INTEGER NOT NULL, state TEXT NOT NULL, blob TEXT NOT NULL, file TEXT NOT NULL,
    position INTEGER NOT NULL, tries INTEGER NOT NULL, total INTEGER NOT NULL,
    good INTEGER NOT NULL, bad INTEGER NOT NULL, output TEXT NOT NULL, error TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, ended REAL, expires REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS answers (
    batch TEXT NOT NULL, number INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (batch, number)
) WITHOUT ROWID;
"""
_EXPIRING = ("uploads", "files", "caches", "batches")
_NAMED = "SELECT blob FROM uploads UNION SELECT blob FROM files UNION SELECT blob FROM batches"

Row = sqlite3.Row


def home() -> Path:
    """Where the store is: `GEMINI_NB_DATA`, or the person's own data directory."""
    given = os.environ.get("GEMINI_NB_DATA")
    if given:
        return Path(given).expanduser() / "local"
    import platformdirs

    return Path(platformdirs.user_data_dir("gemini_nb", appauthor=False)) / "local"


def new_id() -> str:
    """A name of the API's own kind: twelve small letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """A connection for any thread, whose transactions begin where we say so."""
    return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)


def is_full(error: Exception) -> bool:
    """Whether an error of the disk or the database means that there is no room left."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


class Store:
    """The database and the bytes beside it; opened, and made, by the first use."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or home()
        self._blobs = self.root / "blobs"
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._swept = float("-inf")

    def exists(self) -> bool:
        """Whether there is one already; does not make it."""
        return (self.root / "store.sqlite3").exists()

    def rows(self, query: str, *values: Any) -> list[Row]:
        """What a SELECT finds."""
        with self._lock:
            found = self._open().execute(query, values).fetchall()
        self._sweep_sometimes()
        return found

    def row(self, query: str, *values: Any) -> Row | None:
        """The first row a SELECT finds."""
        found = self.rows(query, *values)
        return found[0] if found else None

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction that nobody else writes beside; all of it happens, or nothing."""
        with self._lock:
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:  # it failed, or its commit did: a full disk, say
                    db.execute("ROLLBACK")

    def blob(self, name: str) -> Path:
        """Where the bytes of that name are, or are to be."""
        with self._lock:
            self._open()
        return self._blobs / name

    @contextlib.contextmanager
    def making(self, name: str) -> Iterator[IO[bytes]]:
        """A file for new bytes; where writing breaks off, nothing is left of it."""
        path = self.blob(name)
        try:
            with path.open("xb") as file:
                yield file
        except BaseException:
            self._delete(name)
            raise

    def has(self, name: str) -> int:
        """How many bytes have arrived under that name."""
        try:
            return self.blob(name).stat().st_size
        except FileNotFoundError:
            return 0

    def drop(self, *names: str) -> None:
        """Delete bytes unless a row still names them; call it after the row is gone."""
        for name in names:
            query = f"SELECT blob FROM ({_NAMED}) WHERE blob = ?"  # noqa: S608 - no value in it
            if not self.row(query, name):
                self._delete(name)

    def sweep(self) -> None:
        """Delete what has expired, and bytes that a kill left behind."""
        now = time.time()
        with self.change() as db:
            for table in _EXPIRING:
                db.execute(f"DELETE FROM {table} WHERE expires <= ?", [now])  # noqa: S608
            db.execute("DELETE FROM answers WHERE batch NOT IN (SELECT id FROM batches)")
            named = {row["blob"] for row in db.execute(_NAMED)}
        for entry in os.scandir(self._blobs):
            with contextlib.suppress(FileNotFoundError):  # another server sweeps, too
                if entry.name not in named and entry.stat().st_mtime < now - _SURELY_OLD:
                    self._delete(entry.name)

    def close(self) -> None:
        """Let go of the database; the next use opens it again."""
        with self._lock:
            if self._db:
                self._db.close()
                self._db = None

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            try:
                self._blobs.mkdir(parents=True, exist_ok=True)
                self.root.chmod(0o700)  # what is kept here is nobody else's business
                self._db = _connect(self.root / "store.sqlite3")
            except (OSError, sqlite3.Error) as error:
                raise Fault(
                    500,
                    f"The local backend cannot keep files in {self.root} ({error}): delete that "
                    "directory, or set GEMINI_NB_DATA to one that can be written.",
                ) from error
        return self._db

    def _sweep_sometimes(self) -> None:
        with self._lock:
            if time.monotonic() < self._swept + _SWEEP_EVERY:
                return
            self._swept = time.monotonic()
        # Who only wants to read need not know that the disk is full, say.
        with contextlib.suppress(OSError, sqlite3.Error):
            self.sweep()

    def _delete(self, name: str) -> None:
        # On Windows a file that somebody reads stays, until a later sweep.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            self.blob(name).unlink()


def _connect(path: Path) -> sqlite3.Connection:
    deadline = time.monotonic() + _PATIENCE
    while True:
        db = connect(path, _PATIENCE)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(_TABLES)
        except sqlite3.Error as error:
            db.close()
            # Where two servers make the store at once, SQLite does not wait by itself.
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)
        else:
            return db
