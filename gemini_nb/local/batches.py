"""Batches: many requests handed over at once, answered in the background by `runner`.

Here are the routes and the API's shapes: a batch is an Operation whose metadata tells how far
it is. Its requests lie as lines of JSON in one file, whether they came inline or as a File, so
there is one way to run them; the answers are rows until the batch is done, and then either stay
that (inline) or become a File that can be downloaded.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from . import files
from .answers import BODY_LIMIT, answer, read
from .fault import Fault, bad_request
from .models import require
from .pages import Table, page
from .store import KEPT, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from .runner import Runner
    from .store import Row, Store

PENDING, RUNNING = "BATCH_STATE_PENDING", "BATCH_STATE_RUNNING"
SUCCEEDED, CANCELLED = "BATCH_STATE_SUCCEEDED", "BATCH_STATE_CANCELLED"
FAILED, EXPIRED = "BATCH_STATE_FAILED", "BATCH_STATE_EXPIRED"
_TYPES = {
    "batchGenerateContent": "GenerateContentBatch",
    "asyncBatchEmbedContent": "EmbedContentBatch",
}
_TYPE_URL = "type.googleapis.com/google.ai.generativelanguage.v1main."
_PAGE, _LARGEST_PAGE = 50, 1000
_ERROR_CODES = {FAILED: 3, CANCELLED: 1, EXPIRED: 4}
"""The numbers of google.rpc.Code: an Operation has those, not HTTP's."""


def routes(store: Store, runner: Runner) -> Callable[[str, object], list[Route]]:
    """The routes of this module, over one store."""

    def of_version(version: str, _: object) -> list[Route]:
        def creating(method: str) -> Route:
            async def create(request: Request) -> Response:
                name = request.path_params["name"]
                require(name, version, method)
                body = await read(request, "CreateBatchRequest")
                row = await asyncio.to_thread(_create, store, body.get("batch", {}), method, name)
                runner.wake()
                return answer(request, _shape(store, row))

            return Route(f"/{version}/models/{{name}}:{method}", create, methods=["POST"])

        def listed(request: Request) -> Response:
            def shaped(row: Row) -> dict[str, Any]:
                return _shape(store, row)

            runner.wake()
            table = Table("batches", "operations", _PAGE, _LARGEST_PAGE)
            return answer(request, page(request, store, table, shaped))

        def one(request: Request) -> Response:
            row = find(store, request.path_params["name"])
            runner.wake()  # the server that began it may be gone
            return answer(request, _shape(store, row))

        def cancel(request: Request) -> Response:
            row = find(store, request.path_params["name"])
            with store.change() as db:
                end(db, row["id"], CANCELLED, "The batch was cancelled.")
            return answer(request, {})

        def delete(request: Request) -> Response:
            row = find(store, request.path_params["name"])
            with store.change() as db:
                db.execute("DELETE FROM batches WHERE id = ?", [row["id"]])
                db.execute("DELETE FROM answers WHERE batch = ?", [row["id"]])
            store.drop(row["blob"])
            return answer(request, {})

        base = f"/{version}/batches"
        return [
            *(creating(method) for method in _TYPES),
            Route(base, listed, methods=["GET"]),
            Route(f"{base}/{{name}}:cancel", cancel, methods=["POST"]),
            Route(f"{base}/{{name}}", one, methods=["GET"]),
            Route(f"{base}/{{name}}", delete, methods=["DELETE"]),
        ]

    return of_version


def find(store: Store, name: str) -> Row:
    """The row of a batch, or the API's 404."""
    query = "SELECT * FROM batches WHERE id = ? AND expires > ?"
    row = store.row(query, name.removeprefix("batches/"), time.time())
    if row is None:
        raise Fault(404, "Requested entity was not found.")
    return row


def end(db: Any, name: str, state: str, error: str = "", output: str = "") -> bool:
    """Close a batch that is not closed yet, inside a transaction; whether it was still open."""
    now = time.time()
    found = db.execute(
        "UPDATE batches SET state = ?, error = ?, output = ?, ended = ?, updated = ?, expires = ? "
        "WHERE id = ? AND state IN (?, ?)",
        [state, error, output, now, now, now + KEPT, name, PENDING, RUNNING],
    )
    return bool(found.rowcount)


def _create(store: Store, given: dict[str, Any], method: str, model: str) -> Row:
    source = given.get("inputConfig", {})
    inline = source.get("requests", {}).get("requests", [])
    if bool(source.get("fileName")) == bool(inline):
        field = "batch.input_config"
        raise bad_request(field, f"* {field}: set either file_name or requests.\n")
    if inline:
        file, blob, total = "", secrets.token_hex(16), len(inline)
        _write(store, blob, inline)
    else:
        row = files.find(store, source["fileName"])
        file, blob, total = row["id"], row["blob"], _lines(store, row)
    made, now = new_id(), time.time()
    values = {
        "id": made,
        "method": method,
        "model": f"models/{model}",
        "display_name": given.get("displayName", ""),
        "priority": given.get("priority", 0),
        "state": PENDING,
        "blob": blob,
        "file": file,
        **dict.fromkeys(("position", "tries", "good", "bad"), 0),
        "total": total,
        "output": "",
        "error": "",
        "created": now,
        "updated": now,
        # The runner closes what is not done by then; the rest of the time is for telling so.
        "expires": now + 2 * KEPT,
    }
    columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    with store.change() as db:
        db.execute(f"INSERT INTO batches ({columns}) VALUES ({marks})", values)  # noqa: S608
    return find(store, made)


def _write(store: Store, blob: str, requests: list[dict[str, Any]]) -> None:
    # The bytes come before their row here; were it the other way, a kill in between would
    # leave a batch without requests.
    with store.making(blob) as file:
        for request in requests:
            file.write(json.dumps(request).encode() + b"\n")


def _lines(store: Store, row: Row) -> int:
    total = 0
    with files.path_of(store, row).open("rb") as file:
        while line := file.readline(BODY_LIMIT + 1):
            if len(line) > BODY_LIMIT:
                raise Fault(400, f"A line of file files/{row['id']} is over {BODY_LIMIT} bytes.")
            total += bool(line.strip())
    if not total:
        raise Fault(400, f"File files/{row['id']} holds no requests; each line must be one.")
    return total


def _shape(store: Store, row: Row) -> dict[str, Any]:
    kind = _TYPES[row["method"]]
    metadata: dict[str, Any] = {
        "@type": f"{_TYPE_URL}{kind}",
        "model": row["model"],
        "displayName": row["display_name"],
        "createTime": files.timestamp(row["created"]),
        "updateTime": files.timestamp(row["updated"]),
        "batchStats": _stats(row),
        "state": row["state"],
        "name": f"batches/{row['id']}",
    }
    if row["file"]:
        metadata["inputConfig"] = {"fileName": f"files/{row['file']}"}
    if row["priority"]:
        metadata["priority"] = str(row["priority"])
    made: dict[str, Any] = {"name": f"batches/{row['id']}", "metadata": metadata}
    if row["ended"]:
        metadata["endTime"] = files.timestamp(row["ended"])
        made["done"] = True
    if row["error"]:
        made["error"] = {"code": _ERROR_CODES[row["state"]], "message": row["error"]}
    elif row["state"] == SUCCEEDED:
        metadata["output"] = _output(store, row)
        made["response"] = {"@type": f"{_TYPE_URL}{kind}Output", **metadata["output"]}
    return made


def _stats(row: Row) -> dict[str, str]:
    counts = {
        "requestCount": row["total"],
        "successfulRequestCount": row["good"],
        "failedRequestCount": row["bad"],
        "pendingRequestCount": row["total"] - row["good"] - row["bad"],
    }
    return {name: str(count) for name, count in counts.items() if count}


def _output(store: Store, row: Row) -> dict[str, Any]:
    if row["output"]:
        return {"responsesFile": row["output"]}
    query = "SELECT line FROM answers WHERE batch = ? ORDER BY number"
    found = [json.loads(kept["line"]) for kept in store.rows(query, row["id"])]
    return {"inlinedResponses": {"inlinedResponses": found}}
