"""The three ways in which clients upload a file; all of them stream it to the disk.

- resumable (`X-Goog-Upload-*` headers): start, then chunks, each told its offset; `query` after
  a fault says where to go on. What google-genai and the JS SDK do.
- resumable by `Content-Range` (PUT, and 308 until it is whole): what the older SDK does.
- multipart: name and bytes in one body; the older SDK with `resumable=False`.

An upload's address holds an ID that cannot be guessed, and needs no key: real clients send
their key with the start only. A chunk may have any size, though the API wants multiples of
8 MiB; an offset that is not where the bytes end is refused, and nothing is written.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from . import files, wire
from .answers import read_body
from .fault import Fault, bad_request
from .multipart import Related
from .sessions import Sessions, misplaced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from .store import Row, Store

GRANULARITY = 8 * 1024 * 1024
_JSON = "application/json; charset=UTF-8"
_RANGE = re.compile(r"bytes (?:(?P<first>\d{1,15})-\d{1,15}|\*)/(?P<size>\d{1,15}|\*)", re.ASCII)
_DRAINED = 64 * 1024 * 1024
"""Bytes of a refused chunk that are read all the same, so that the client can read why."""


def routes(store: Store) -> Callable[[str, object], list[Route]]:
    """The routes of this module, over one store."""
    sessions = Sessions(store)

    def of_version(version: str, _: object) -> list[Route]:
        async def post(request: Request) -> Response:
            return await _post(request, sessions)

        async def put(request: Request) -> Response:
            return await _put(request, sessions)

        paths = (f"/upload/{version}/files", f"/resumable/upload/{version}/files")
        return [
            *(Route(path, post, methods=["POST"]) for path in paths),
            *(Route(path, put, methods=["PUT"]) for path in paths),
        ]

    return of_version


def is_session(path: str, query: str) -> bool:
    """Whether a request comes with an upload's own address, which stands for a key."""
    inside = path.startswith(("/upload/", "/resumable/upload/"))
    return inside and re.search(r"(?:^|&)upload_id=[^&]", query) is not None


async def _post(request: Request, sessions: Sessions) -> Response:
    if "upload_id" in request.query_params:
        return await _go_on(request, sessions)
    kind = request.query_params.get("uploadType") or request.headers.get("x-goog-upload-protocol")
    if request.headers.get("x-goog-upload-command") == "start":
        kind = "resumable"
    if kind == "multipart":
        return await _whole(request, sessions)
    if kind == "resumable":
        return await _start(request, sessions)
    text = "Say how the file comes: X-Goog-Upload-Protocol or uploadType, resumable or multipart."
    raise Fault(400, text)


async def _start(request: Request, sessions: Sessions) -> Response:
    headers = request.headers
    said = headers.get("x-goog-upload-header-content-type") or headers.get("x-upload-content-type")
    size = headers.get("x-goog-upload-header-content-length") or headers.get(
        "x-upload-content-length"
    )
    about = await asyncio.to_thread(_about, await read_body(request), said)
    announced = _whole_number(size, "X-Goog-Upload-Header-Content-Length") if size else None
    row = await asyncio.to_thread(sessions.begin, **about, size=announced)
    url = (
        f"{str(request.base_url).rstrip('/')}{request.url.path}"
        f"?upload_id={row['id']}&upload_protocol=resumable"
    )
    answered = {
        "X-Goog-Upload-URL": url,
        "Location": url,
        "X-Goog-Upload-Status": "active",
        "X-Goog-Upload-Chunk-Granularity": str(GRANULARITY),
    }
    return Response(headers=answered, media_type=_JSON)


async def _go_on(request: Request, sessions: Sessions) -> Response:
    row = await asyncio.to_thread(sessions.find, request.query_params["upload_id"])
    said = request.headers.get("x-goog-upload-command", "")
    commands = {word.strip().lower() for word in said.split(",")}
    if row["file"]:  # its last answer may have been lost
        await _drain(request)
        return _final(request, files.find(sessions.store, row["file"]))
    if commands == {"query"}:
        return _active(sessions.received(row))
    if commands == {"cancel"}:
        await asyncio.to_thread(sessions.cancel, row)
        return Response(headers={"X-Goog-Upload-Status": "cancelled"}, media_type=_JSON)
    if not commands or commands - {"upload", "finalize"}:
        text = f"X-Goog-Upload-Command {said[:80]!r} is none that an upload under way knows."
        raise Fault(400, text)
    if "upload" in commands:
        offset = request.headers.get("x-goog-upload-offset", "0")
        await _take(request, sessions, row, _whole_number(offset, "X-Goog-Upload-Offset"))
    if "finalize" in commands:
        return _final(request, await asyncio.to_thread(sessions.finish, row))
    return _active(sessions.received(row))


async def _put(request: Request, sessions: Sessions) -> Response:
    row = await asyncio.to_thread(sessions.find, request.query_params.get("upload_id", ""))
    if row["file"]:
        await _drain(request)
        return _final(request, files.find(sessions.store, row["file"]))
    given = request.headers.get("content-range", "bytes 0-0/*")  # all of it, or an empty file
    found = _RANGE.fullmatch(given)
    if not found:
        raise Fault(400, f"Content-Range {given[:80]!r} cannot be read.")
    if found["first"]:
        await _take(request, sessions, row, int(found["first"]))
    received = sessions.received(row)
    if "content-range" not in request.headers or found["size"] == str(received):
        return _final(request, await asyncio.to_thread(sessions.finish, row))
    headers = {"Range": f"bytes=0-{received - 1}"} if received else {}
    return Response(status_code=308, headers=headers)


async def _whole(request: Request, sessions: Sessions) -> Response:
    body = Related(request.headers.get("content-type", ""), _chunks(request))
    head = await body.head()
    about = await asyncio.to_thread(_about, head, body.mime_type)
    row = await asyncio.to_thread(sessions.begin, **about, size=None)
    try:
        await sessions.take(row, body.data(), 0)
        made = await asyncio.to_thread(sessions.finish, row)
    except BaseException:
        sessions.cancel(row)  # nobody could go on with it
        raise
    return _final(request, made)


async def _take(request: Request, sessions: Sessions, row: Row, offset: int) -> None:
    """Write the body of a chunk, if it begins where the bytes that are here end."""
    received = sessions.received(row)
    if offset != received:
        await _drain(request)
        raise misplaced(offset, received)
    await asyncio.to_thread(sessions.keep, row)
    await sessions.take(row, _chunks(request), offset)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


async def _drain(request: Request) -> None:
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > _DRAINED:
            return


def _about(body: bytes, content_type: str | None) -> dict[str, str]:
    """What the client says of its file."""
    given = wire.parse(body, "CreateFileRequest").get("file", {})
    name = given.get("name", "")
    if len(given.get("displayName", "")) > _DISPLAY_NAME:
        text = f"* CreateFileRequest.file.display_name: at most {_DISPLAY_NAME} characters.\n"
        raise bad_request("file.display_name", text)
    said = content_type or given.get("mimeType") or "application/octet-stream"
    mime_type = said.partition(";")[0].strip().lower()
    if not _MIME_TYPE.fullmatch(mime_type):
        text = f"* CreateFileRequest.file.mime_type: {said[:80]!r} is no MIME type.\n"
        raise bad_request("file.mime_type", text)
    return {
        "name": files.file_id(name) if name else "",
        "display_name": given.get("displayName", ""),
        "mime_type": mime_type,
    }


_DISPLAY_NAME = 512
# "jsonl" as well: the API's own documentation uploads a batch's requests by that type.
_MIME_TYPE = re.compile(r"[\w!#$&^.+*-]{1,127}(/[\w!#$&^.+*-]{1,127})?", re.ASCII)


def _whole_number(given: str, header: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", given):
        raise Fault(400, f"{header} must be a number of bytes, and is {given[:40]!r}.")
    return int(given)


def _active(received: int) -> Response:
    headers = {
        "X-Goog-Upload-Status": "active",
        "X-Goog-Upload-Size-Received": str(received),
        "X-Goog-Upload-Chunk-Granularity": str(GRANULARITY),
    }
    return Response(headers=headers, media_type=_JSON)


def _final(request: Request, row: Row) -> Response:
    headers = {
        "X-Goog-Upload-Status": "final",
        "X-Goog-Upload-Size-Received": str(row["size"]),
    }
    file: dict[str, Any] = {"file": files.shape(row, str(request.base_url))}
    body = json.dumps(file, ensure_ascii=False).encode()
    return Response(body, headers=headers, media_type=_JSON)
