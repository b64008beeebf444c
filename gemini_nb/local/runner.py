"""Runs batches in the background: one request after the other, and after everybody who waits.

A thread that lives while there is an unfinished batch. Each answer and the place behind its
request are written in one transaction, so whatever is killed goes on with the first request
that has no answer, and no request is answered twice. Among several servers on one store the
one that holds a lock works, and the others look every second whether it is gone: the lock is
SQLite's, which the system lets go of when its process ends, however that happens.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from . import batches, files, generate, wire
from .fault import Fault
from .store import KEPT, connect

if TYPE_CHECKING:
    from .store import Row, Store
    from .text import Engine
    from .turns import Turns

_LOOK_EVERY = 1.0
_TRIES = 5
"""Starts of one request, each ended by the end of its process, before it is given up."""

_OPEN = (batches.PENDING, batches.RUNNING)
_CODES = {400: 3, 403: 7, 404: 5, 409: 6, 413: 3, 429: 8, 500: 13, 501: 12, 503: 14}
"""HTTP's numbers as those of google.rpc.Code."""


class Runner:
    """Works off the batches of one store with one engine."""

    def __init__(self, engine: Engine, store: Store, turns: Turns) -> None:
        self._engine = engine
        self._store = store
        self._turns = turns
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def resume(self) -> None:
        """Go on with what a server before this one left; makes no store."""
        if self._store.exists():
            self.wake()

    def wake(self) -> None:
        """See to it that unfinished batches are worked on."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Leave the request under way for the next server, and wait for the thread."""
        self._stopped = True
        thread = self._thread
        if thread:
            thread.join()

    def _run(self) -> None:
        while self._has_work():
            try:
                asyncio.run(self._work_if_free())
            except Exception:  # noqa: BLE001 - a full disk, say: the next call may help
                with self._lock:
                    self._thread = None
                return

    def _has_work(self) -> bool:
        with self._lock:  # so that who wakes us finds us at work, or gone
            try:
                found = not self._stopped and self._next() is not None
            except (Fault, sqlite3.Error):
                found = False
            if not found:
                self._thread = None
            return found

    def _next(self) -> Row | None:
        return self._store.row(
            "SELECT * FROM batches WHERE state IN (?, ?) AND expires > ? "
            "ORDER BY state = ? DESC, priority DESC, created LIMIT 1",
            *_OPEN,
            time.time(),
            batches.RUNNING,
        )

    async def _work_if_free(self) -> None:
        lock = connect(self._store.root / "runner.sqlite3", 0)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:  # another server works
            await asyncio.sleep(_LOOK_EVERY)
            return
        else:
            while (row := self._next()) and not self._stopped:
                await self._work(row)
        finally:
            lock.close()

    async def _work(self, row: Row) -> None:
        if not self._begin(row):
            return
        try:
            file = self._store.blob(row["blob"]).open("rb")
        except OSError:
            with self._store.change() as db:
                batches.end(db, row["id"], batches.FAILED, "The batch's requests are gone.")
            return
        with file:
            file.seek(row["position"])
            # Not `for line in file`: that reads ahead, and hides the place.
            while line := await asyncio.to_thread(file.readline):
                if line.strip() and not await self._step(row, line, file.tell()):
                    return
        self._finish(row)

    def _begin(self, row: Row) -> bool:
        with self._store.change() as db:
            if row["created"] + KEPT < time.time():
                text = "The batch was not done within 48 hours."
                batches.end(db, row["id"], batches.EXPIRED, text)
                return False
            found = db.execute(
                "UPDATE batches SET state = ?, updated = ?, tries = tries + 1 "
                "WHERE id = ? AND state IN (?, ?)",
                [batches.RUNNING, time.time(), row["id"], *_OPEN],
            )
        return bool(found.rowcount)

    async def _step(self, row: Row, line: bytes, position: int) -> bool:
        """Answer one request and keep the answer; whether to go on with this batch."""
        now = self._running(row)
        if now is None:
            return False
        if now["tries"] > _TRIES:
            text = f"The server ended {_TRIES} times while it worked on this request."
            return self._keep(row, _Line(line).answer({"error": _status(500, text)}), position)
        request = _Line(line)
        try:
            answer = await self._answer(row, request)
        except ClientDisconnect:  # cancelled, or the server ends
            return False
        return self._keep(row, request.answer(answer), position)

    async def _answer(self, row: Row, line: _Line) -> dict[str, Any]:
        try:
            made = await self._ask(row, line.read())
        except Fault as fault:
            return {"error": _status(fault.code, fault.message)}
        except ClientDisconnect:
            raise
        except Exception:  # noqa: BLE001 - one request's bug is not the end of its batch
            return {"error": _status(500, "The local backend met an internal error.")}
        return {"response": made}

    async def _ask(self, row: Row, request: dict[str, Any]) -> dict[str, Any]:
        model = row["model"].removeprefix("models/")
        named = request.get("model", model)
        if str(named).removeprefix("models/") != model:
            raise Fault(400, f"The request names the model {named!r}, and its batch {model!r}.")
        body = json.dumps(request).encode()
        if row["method"] == "asyncBatchEmbedContent":
            from .embeddings import embed

            parsed = wire.parse(body, "EmbedContentRequest")
            return await asyncio.to_thread(embed, parsed, model)
        parsed = wire.parse(body, "GenerateContentRequest")

        async def gone() -> None:
            await self._turns.disturbed(lambda: self._running(row) is None)

        while True:
            await self._turns.quiet(lambda: self._stopped)
            try:
                return await generate.whole(self._engine, self._store, parsed, model, gone)
            except ClientDisconnect:
                if self._running(row) is None:
                    raise

    def _running(self, row: Row) -> Row | None:
        """The batch as it is now, if it is still to be worked on, and by us."""
        if self._stopped:
            return None
        query = "SELECT * FROM batches WHERE id = ? AND state = ?"
        return self._store.row(query, row["id"], batches.RUNNING)

    def _keep(self, row: Row, answer: dict[str, Any], position: int) -> bool:
        good, bad = int("response" in answer), int("error" in answer)
        with self._store.change() as db:
            found = db.execute(
                "UPDATE batches SET good = good + ?, bad = bad + ?, position = ?, updated = ?, "
                "tries = 1 WHERE id = ? AND state = ?",
                [good, bad, position, time.time(), row["id"], batches.RUNNING],
            )
            if not found.rowcount:
                return False
            # The position is where this request ends, so it orders the answers, too.
            values = [row["id"], position, json.dumps(answer)]
            db.execute("INSERT INTO answers VALUES (?, ?, ?)", values)
        return True

    def _finish(self, row: Row) -> None:
        if not row["file"]:
            with self._store.change() as db:
                batches.end(db, row["id"], batches.SUCCEEDED)
            return
        blob, size, sha256 = self._write_answers(row)
        with self._store.change() as db:
            about = {"mime_type": "application/jsonl", "source": "GENERATED"}
            name = f"batch-{row['id']}"
            output = f"files/{name}"
            if batches.end(db, row["id"], batches.SUCCEEDED, output=output):
                files.add(db, blob=blob, size=size, sha256=sha256, name=name, **about)
                db.execute("DELETE FROM answers WHERE batch = ?", [row["id"]])
        self._store.drop(blob)  # unless it became a File

    def _write_answers(self, row: Row) -> tuple[str, int, str]:
        blob, size, sha256 = secrets.token_hex(16), 0, hashlib.sha256()
        query = "SELECT line FROM answers WHERE batch = ? ORDER BY number"
        with self._store.making(blob) as file:
            for kept in self._store.rows(query, row["id"]):
                line = kept["line"].encode() + b"\n"
                size += file.write(line)
                sha256.update(line)
        return blob, size, sha256.hexdigest()


class _Line:
    """One line of a batch: the request, and what its answer is to be known by."""

    def __init__(self, line: bytes) -> None:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        self._found = found if isinstance(found, dict) else {}

    def read(self) -> dict[str, Any]:
        """The request."""
        request = self._found.get("request")
        if not isinstance(request, dict):
            raise Fault(400, "This line is not a JSON object with a request in it.")
        return request

    def answer(self, made: dict[str, Any]) -> dict[str, Any]:
        """The answer, known by the same key."""
        known_by = {key: self._found[key] for key in ("key", "metadata") if key in self._found}
        return {**known_by, **made}


def _status(code: int, message: str) -> dict[str, Any]:
    return {"code": _CODES.get(code, 2), "message": message}
