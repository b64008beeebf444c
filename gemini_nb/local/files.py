"""Files that were uploaded, or that a batch wrote: list, get, delete, and reading them.

A File is a row whose bytes are whole. How bytes become a File is `upload`'s business, and what
a prompt does with one is `resolve`'s. A file is found by its ID whatever host its address
names: the server of a restarted notebook has another port, and the old addresses go on.
"""

from __future__ import annotations

import base64
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse
from starlette.routing import Route

from .answers import answer
from .fault import Fault, bad_request
from .pages import Table, page
from .store import KEPT, new_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from .store import Row, Store

FILE_LIMIT = 2 * 1024**3
ALL_LIMIT = 20 * 1024**3
"""The API's own limits, for one file and for all of them."""

_PAGE, _LARGEST_PAGE = 10, 100
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def file_id(name: str) -> str:
    """The ID in a name that a client chose for its file."""
    given = name.removeprefix("files/")
    if not _ID.fullmatch(given):
        raise bad_request(
            "file.name",
            f"* CreateFileRequest.file.name: {name[:80]!r} is not a name for a file; an ID has 1 "
            "to 40 small letters, digits and dashes, and no dash at either end.\n",
        )
    return given


def find(store: Store, name: str) -> Row:
    """The row of a file, or the API's answer to a file that is not there (any more)."""
    query = "SELECT * FROM files WHERE id = ? AND expires > ?"
    row = store.row(query, name.removeprefix("files/"), time.time())
    if row is None or store.has(row["blob"]) != row["size"]:
        raise missing(name.removeprefix("files/"))
    return row


def missing(name: str) -> Fault:
    """The API says this of files deleted, expired, unknown and somebody else's alike."""
    text = f"You do not have permission to access the File {name} or it may not exist."
    return Fault(403, text)


def add(
    db: sqlite3.Connection,
    *,
    blob: str,
    size: int,
    sha256: str,
    mime_type: str,
    display_name: str = "",
    name: str = "",
    source: str = "UPLOADED",
) -> str:
    """Make a File of bytes that are whole, inside a transaction; the answer is its ID."""
    now = time.time()
    chosen = name or new_id()
    # What has expired is gone, even if no sweep has come by yet.
    db.execute("DELETE FROM files WHERE id = ? AND expires <= ?", [chosen, now])
    if db.execute("SELECT 1 FROM files WHERE id = ?", [chosen]).fetchone():
        raise Fault(409, f"File files/{chosen} already exists.")
    values = (chosen, blob, display_name, mime_type, size, sha256, source, now, now + KEPT)
    db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return chosen


def require_room(store: Store, more: int) -> None:
    """Refuse bytes that would go over what the API keeps for one project."""
    now = time.time()
    used = store.row("SELECT total(size) AS size FROM files WHERE expires > ?", now)
    query = "SELECT blob FROM uploads WHERE file = '' AND expires > ?"
    arriving = sum(store.has(row["blob"]) for row in store.rows(query, now))
    if int(used["size"] if used else 0) + arriving + more > ALL_LIMIT:
        raise Fault(
            429,
            f"The files kept here would take more than {ALL_LIMIT} bytes; delete some, or wait "
            "until they expire after 48 hours.",
        )


def shape(row: Row, base_url: str) -> dict[str, Any]:
    """A row as the API's File."""
    base = f"{base_url.rstrip('/')}/v1beta/files/{row['id']}"
    made = {
        "name": f"files/{row['id']}",
        "displayName": row["display_name"],
        "mimeType": row["mime_type"],
        "sizeBytes": str(row["size"]),
        "createTime": timestamp(row["created"]),
        "updateTime": timestamp(row["created"]),
        "expirationTime": timestamp(row["expires"]),
        # Not of the digest: of its hexadecimal text, which is what the API sends.
        "sha256Hash": base64.b64encode(row["sha256"].encode()).decode(),
        "uri": base,
        "state": "ACTIVE",
        "source": row["source"],
    }
    if row["source"] == "GENERATED":
        made["downloadUri"] = f"{base}:download?alt=media"
    if not row["display_name"]:
        del made["displayName"]
    return made


def timestamp(seconds: float) -> str:
    """A moment as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def path_of(store: Store, row: Row) -> Path:
    """Where the bytes of a file are."""
    return store.blob(row["blob"])


def routes(store: Store) -> Callable[[str, object], list[Route]]:
    """The routes of this module, over one store."""

    def of_version(version: str, _: object) -> list[Route]:
        def listed(request: Request) -> Response:
            def shaped(row: Row) -> dict[str, Any]:
                return shape(row, str(request.base_url))

            table = Table("files", "files", _PAGE, _LARGEST_PAGE)
            return answer(request, page(request, store, table, shaped))

        def one(request: Request) -> Response:
            row = find(store, request.path_params["name"])
            return answer(request, shape(row, str(request.base_url)))

        def delete(request: Request) -> Response:
            row = find(store, request.path_params["name"])
            with store.change() as db:
                db.execute("DELETE FROM files WHERE id = ?", [row["id"]])
                db.execute("DELETE FROM uploads WHERE file = ?", [row["id"]])
            store.drop(row["blob"])
            return answer(request, {})

        def download(request: Request) -> Response:
            row = find(store, request.path_params["name"])
            if row["source"] != "GENERATED":
                text = "was uploaded; only generated files can be downloaded."
                raise Fault(400, f"File files/{row['id']} {text}")
            return FileResponse(path_of(store, row), media_type=row["mime_type"])

        # Plain functions: they run on a thread, since they wait for the disk.
        base = f"/{version}/files"
        return [
            Route(base, listed, methods=["GET"]),
            Route(f"{base}/{{name}}:download", download, methods=["GET"]),
            Route(f"{base}/{{name}}", one, methods=["GET"]),
            Route(f"{base}/{{name}}", delete, methods=["DELETE"]),
        ]

    return of_version
