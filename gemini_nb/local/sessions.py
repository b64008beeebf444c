"""Uploads under way: bytes go to the disk as they come, and become a File in one step.

An upload lives in the store, not in this process: after a restart, or a broken connection, it
goes on where its bytes end. Whoever writes begins where they end, so the same upload written
twice at once is harmless, but only the last one to come may go on. The hash is computed beside
the writing; after a restart it is computed from the disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import time
from typing import TYPE_CHECKING

from . import files
from .fault import Fault
from .store import KEPT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from .store import Row, Store

_BUFFER = 1024 * 1024
_TURNS = 64
"""Uploads whose hash is kept between two chunks; that of more is computed from the disk."""


class Sessions:
    """All uploads of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._turns: dict[str, _Turn] = {}

    def begin(self, *, name: str, display_name: str, mime_type: str, size: int | None) -> Row:
        """A new upload; its ID is the right to write to it, so it cannot be guessed."""
        if size is not None and size > files.FILE_LIMIT:
            raise _too_large(size)
        files.require_room(self.store, size or 0)
        made = secrets.token_urlsafe(24)
        with self.store.change() as db:
            now = time.time()
            taken = "SELECT 1 FROM files WHERE id = ? AND expires > ?"
            if name and db.execute(taken, [name, now]).fetchone():
                raise Fault(409, f"File files/{name} already exists.")
            values = (made, secrets.token_hex(16), name, display_name, mime_type, size, "")
            statement = "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            db.execute(statement, [*values, now + KEPT])
        return self.find(made)

    def find(self, made: str) -> Row:
        """The upload of that ID, under way or done."""
        query = "SELECT * FROM uploads WHERE id = ? AND expires > ?"
        row = self.store.row(query, made, time.time())
        if row is None:
            raise _unknown()
        return row

    def received(self, row: Row) -> int:
        """How many bytes have arrived: what a client asks after a fault."""
        return self.store.has(row["blob"])

    def keep(self, row: Row) -> None:
        """Count the time until it expires from now."""
        with self.store.change() as db:
            later = time.time() + KEPT
            db.execute("UPDATE uploads SET expires = ? WHERE id = ?", [later, row["id"]])

    async def take(self, row: Row, chunks: AsyncIterator[bytes], offset: int) -> None:
        """Write what comes; whatever breaks, what has come by then is kept."""
        turn = self._turn(row, offset)
        limit = files.FILE_LIMIT if row["size"] is None else row["size"]
        arrived, buffer = turn.at, bytearray()
        writing: asyncio.Task[None] | None = None
        try:
            async for chunk in chunks:
                arrived += len(chunk)
                if arrived > limit:
                    raise _too_many(limit) if row["size"] is not None else _too_large(arrived)
                buffer += chunk
                if len(buffer) >= _BUFFER:
                    if writing:
                        await writing
                    # The next bytes arrive while these go to the disk.
                    writing = asyncio.create_task(asyncio.to_thread(turn.write, buffer))
                    buffer = bytearray()
        finally:
            if writing:
                await writing
            turn.write(buffer)
            turn.busy = False

    def finish(self, row: Row) -> Row:
        """Make a File of an upload whose bytes are all there; of one upload, one File."""
        size = self.received(row)
        if row["size"] not in (None, size):
            text = f"The upload cannot be finalized: {size} of {row['size']} bytes have arrived."
            raise Fault(400, text)
        turn = self._turns.pop(row["id"], None)
        if turn:
            turn.over = True
        path = self.store.blob(row["blob"])
        if not size:
            path.touch(0o600)  # an empty file may never have had a byte to write
        if turn is None or (found := turn.hash_of(size)) is None:
            found = _hash(path)
        with self.store.change() as db:
            now = db.execute("SELECT file FROM uploads WHERE id = ?", [row["id"]]).fetchone()
            if now is None:
                raise _unknown()
            made = now["file"] or files.add(  # who finalized it beside us may have been first
                db,
                blob=row["blob"],
                size=size,
                sha256=found,
                mime_type=row["mime_type"],
                display_name=row["display_name"],
                name=row["name"],
            )
            db.execute("UPDATE uploads SET file = ? WHERE id = ?", [made, row["id"]])
        return files.find(self.store, made)

    def cancel(self, row: Row) -> None:
        """Forget an upload and its bytes."""
        turn = self._turns.pop(row["id"], None)
        if turn:
            turn.over = True
        with self.store.change() as db:
            db.execute("DELETE FROM uploads WHERE id = ?", [row["id"]])
        self.store.drop(row["blob"])

    def _turn(self, row: Row, offset: int) -> _Turn:
        at = self.received(row)
        if at != offset:  # others may have written since the offset was looked at
            raise misplaced(offset, at)
        last = self._turns.pop(row["id"], None)
        if last is None or last.busy or last.at != at:
            if last:
                last.over = True
            last = _Turn(self.store.blob(row["blob"]), at)
        last.busy = True
        self._turns[row["id"]] = last
        if len(self._turns) > _TURNS:
            idle = (key for key, turn in self._turns.items() if not turn.busy)
            self._turns.pop(next(idle, ""), None)
        return last


class _Turn:
    """The right to write behind byte `at`, and the hash if it began at the first byte."""

    def __init__(self, path: Path, at: int) -> None:
        self._path = path
        self._hash = None if at else hashlib.sha256()
        self.at = at
        self.busy = True
        self.over = False

    def write(self, data: bytearray) -> None:
        """Write, unless somebody else has come since."""
        if self.over:
            raise Fault(409, "Another request goes on with this upload.")
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        with open(os.open(self._path, flags, 0o600), "wb") as file:  # noqa: PTH123
            file.seek(self.at)
            file.write(data)
        if self._hash:
            self._hash.update(data)
        self.at += len(data)

    def hash_of(self, size: int) -> str | None:
        """The hash of the first `size` bytes, if it is known."""
        return self._hash.hexdigest() if self._hash and self.at == size else None


def misplaced(offset: int, received: int) -> Fault:
    """Bytes that begin elsewhere than where those that are here end."""
    return Fault(
        400,
        f"The chunk begins at byte {offset}, and {received} bytes have arrived; go on from "
        "there (X-Goog-Upload-Command: query tells it).",
    )


def _unknown() -> Fault:
    return Fault(404, "There is no such upload: it was cancelled, or has expired; begin anew.")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _too_large(size: int) -> Fault:
    text = f"The file is too large ({size} bytes or more); the limit is {files.FILE_LIMIT} bytes."
    return Fault(400, text)


def _too_many(size: int) -> Fault:
    return Fault(400, f"More bytes arrive than the {size} that the upload began with.")
