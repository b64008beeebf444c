"""A File API on loopback that fails as it is told, at any request of an upload.

It keeps what has arrived, byte by byte, so a connection that breaks leaves what came before. A
fault has a name (`FAULTS`) and a place: the n-th request of one command.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import datetime as dt
import hashlib
import json
import threading
from typing import Any

from tests.server import Call, Server, _head

GRANULE = 1 << 16
PIECE = 1 << 14


class _Cut(Exception):
    """The connection is reset here."""


@dataclasses.dataclass
class Session:
    """One upload: what was announced, and what has come."""

    announced: dict[str, Any]
    size: int
    kind: str
    data: bytearray = dataclasses.field(default_factory=bytearray)
    file: dict[str, Any] | None = None


class UploadServer(Server):
    """`faults` is {(command, number): fault}, number counted from 1, 0 for every one."""

    def __init__(self, faults: dict[tuple[str, int], str] | None = None, **file: Any) -> None:
        super().__init__(self._plain)
        self.faults = faults or {}
        self.more = file  # what the service says of a File beyond the usual
        self.sessions: dict[str, Session] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.commands: list[str] = []
        self.deleted: list[str] = []
        self.received = 0
        self.stuck = threading.Event()

    # -- the whole connection, since a fault may come in the middle of a body

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                call, size = await _read_head(reader)
                self.calls.append(call)
                if call.target.startswith("/upload/"):
                    answer = await self._upload(call, size, reader)
                else:
                    call.body = await reader.readexactly(size)
                    answer = self._plain(call)
                status, headers, body = answer
                head = {**headers, "content-length": str(len(body))}
                writer.write(_head(status, head) + body)
                await writer.drain()
        except _Cut:
            writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _upload(self, call: Call, size: int, reader: asyncio.StreamReader) -> Any:
        command = call.headers["x-goog-upload-command"].replace("upload, ", "")
        self.commands.append(command)
        number = self.commands.count(command)
        fault = self.faults.get((command, number)) or self.faults.get((command, 0), "")
        if fault == "reset":
            raise _Cut
        take = size // 2 if fault.startswith("half") else size
        late = fault in ("503", "429", "408", "html", "empty", "misplaced", "deaf")
        if command == "start":
            call.body = await reader.readexactly(size)
            answer = None if late else self._start(call)
        else:
            answer = await self._chunk(call, command, take, reader, keep=not late)
            if fault in ("half, 503", "half taken"):
                await reader.readexactly(size - take)
        return await self._spoilt(fault, call, answer)

    async def _spoilt(self, fault: str, call: Call, answer: Any) -> Any:
        if fault in ("lost", "half"):
            raise _Cut
        if fault == "stuck":
            self.stuck.set()
            await asyncio.sleep(3600)
        if fault == "gone":
            self.sessions.clear()
            return _error(410, "The upload is gone.")
        if fault == "lost and gone":
            self.sessions.clear()
            raise _Cut
        if fault == "forgets":  # less than it has said
            for session in self.sessions.values():
                del session.data[GRANULE // 2 :]
            return answer
        plain = {
            "503": _error(503, "Try again."),
            "half, 503": _error(503, "Try again."),
            "408": _error(408, "Too slow."),
            "403": _error(403, "Not yours."),
            "misplaced": _error(400, "The offset is wrong."),
            "429": _error(429, "Slowly.", {"retryDelay": "0.05s"}),
            "quota": _error(429, "Much later.", {"retryDelay": "300s"}),
            "html": (200, {"content-type": "text/html"}, b"<html>Log in</html>"),
            "empty": (200, {}, b""),
        }
        return plain.get(fault, answer)

    # -- the protocol

    def _start(self, call: Call) -> Any:
        announced = call.json()["file"]
        if announced.get("name") in self.files:
            return _error(409, "The file exists.")
        name = f"u{len(self.commands)}"
        size = int(call.headers["x-goog-upload-header-content-length"])
        kind = call.headers["x-goog-upload-header-content-type"]
        self.sessions[name] = Session(announced, size, kind)
        headers = {
            "X-Goog-Upload-URL": f"{self.url}/upload/v1beta/files?upload_id={name}",
            "X-Goog-Upload-Status": "active",
            "X-Goog-Upload-Chunk-Granularity": str(GRANULE),
        }
        return 200, headers, b""

    async def _chunk(
        self, call: Call, command: str, take: int, reader: asyncio.StreamReader, *, keep: bool
    ) -> Any:
        session = self.sessions.get(call.target.rpartition("=")[2])
        offset = int(call.headers.get("x-goog-upload-offset", 0))
        right = session is not None and session.file is None and len(session.data) == offset
        while take:
            data = await reader.readexactly(min(take, PIECE))
            take -= len(data)
            self.received += len(data)
            if keep and right and command != "query":
                session.data += data
        if session is None:
            return _error(404, "There is no such upload.")
        if command == "query" or not keep:
            return self._standing(session)
        if not right:
            return _error(400, "The offset is wrong.")
        if command == "finalize" and len(session.data) == session.size:
            self._finish(session)
        return self._standing(session)

    def _standing(self, session: Session) -> Any:
        if session.file is None:
            headers = {
                "X-Goog-Upload-Status": "active",
                "X-Goog-Upload-Size-Received": str(len(session.data)),
            }
            return 200, headers, b""
        shown = {} if self.more.get("mute") and self.commands[-1] == "query" else session.file
        body = json.dumps({"file": shown}).encode() if shown else b""
        return 200, {"X-Goog-Upload-Status": "final"}, body

    def _finish(self, session: Session) -> None:
        name = session.announced["name"]
        data = bytes(session.data)
        digest = hashlib.sha256(data).hexdigest()
        now = dt.datetime.now(dt.UTC)
        session.file = {
            "name": name,
            "displayName": session.announced.get("displayName", ""),
            "mimeType": session.kind,
            "sizeBytes": str(len(data)),
            "createTime": now.isoformat().replace("+00:00", "Z"),
            "expirationTime": (now + dt.timedelta(hours=48)).isoformat().replace("+00:00", "Z"),
            "sha256Hash": base64.b64encode(digest.encode()).decode(),
            "uri": f"{self.url}/v1beta/{name}",
            "state": "ACTIVE",
            **{k: v for k, v in self.more.items() if k != "mute"},
        }
        self.files[name] = session.file
        self.contents[name] = data

    def _plain(self, call: Call) -> Any:
        """Get, list and delete."""
        path, _, query = call.target.removeprefix("/v1beta/").partition("?")
        if path == "files":
            asked = dict(pair.split("=") for pair in query.split("&") if pair)
            first, size = int(asked.get("pageToken") or 0), int(asked["pageSize"])
            found = list(self.files.values())[first : first + size]
            more = {"nextPageToken": str(first + size)} if first + size < len(self.files) else {}
            return _json({"files": found, **more})
        if path not in self.files:
            return _error(403, f"You do not have permission to access the File {path}.")
        if call.method == "DELETE":
            self.deleted.append(path)
            del self.files[path], self.contents[path]
            return _json({})
        return _json(self.files[path])


def _json(value: Any, status: int = 200) -> Any:
    return status, {"content-type": "application/json"}, json.dumps(value).encode()


def _error(code: int, why: str, detail: dict[str, Any] | None = None) -> Any:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", **detail}] if detail else []
    return _json({"error": {"code": code, "message": why, "details": details}}, code)


async def _read_head(reader: asyncio.StreamReader) -> tuple[Call, int]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
    call = Call(method, target, headers, b"", threading.Event())
    return call, int(headers.get("content-length", 0))
