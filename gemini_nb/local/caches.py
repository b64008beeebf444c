"""cachedContents: prompts kept on the server, and put before those that name them.

Nothing is computed ahead: what a cache saves here is sending the same long prompt again, so a
notebook that uses caches runs. The API refuses fewer than 1,024 or 4,096 tokens, depending on
the model; with a local model's window of 8,192 that rule would leave little to try, so a small
cache is accepted. Files are read when the cache is made, as the API does.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from gemini_nb.tokens.count import count

from . import checks, resolve, wire
from .answers import answer, read
from .fault import Fault, bad_request
from .files import timestamp
from .models import require
from .pages import Table, page
from .store import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from .store import Row, Store

_TTL = 3600
"""Seconds a cache is kept if nobody says for how long: the API's own."""

_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""The last day that a time can name, on the wire and in Python."""

_DISPLAY_NAME = 128
_PAGE, _LARGEST_PAGE = 50, 1000
_KEPT = ("contents", "systemInstruction", "tools", "toolConfig")
_DURATION = re.compile(r"(-?\d{1,12}(?:\.\d{1,9})?)s")


def routes(store: Store) -> Callable[[str, object], list[Route]]:
    """The routes of this module, over one store."""

    def of_version(version: str, _: object) -> list[Route]:
        async def create(request: Request) -> Response:
            body = await read(request, "CachedContent")
            row = await asyncio.to_thread(_create, store, body, version)
            return answer(request, _shape(row))

        async def update(request: Request) -> Response:
            body = await read(request, "CachedContent")
            row = await asyncio.to_thread(_update, store, request, body)
            return answer(request, _shape(row))

        def listed(request: Request) -> Response:
            table = Table("caches", "cachedContents", _PAGE, _LARGEST_PAGE)
            return answer(request, page(request, store, table, _shape))

        def one(request: Request) -> Response:
            return answer(request, _shape(resolve.find_cache(store, request.path_params["name"])))

        def delete(request: Request) -> Response:
            row = resolve.find_cache(store, request.path_params["name"])
            with store.change() as db:
                db.execute("DELETE FROM caches WHERE id = ?", [row["id"]])
            return answer(request, {})

        base = f"/{version}/cachedContents"
        return [
            Route(base, create, methods=["POST"]),
            Route(base, listed, methods=["GET"]),
            Route(f"{base}/{{name}}", one, methods=["GET"]),
            Route(f"{base}/{{name}}", update, methods=["PATCH"]),
            Route(f"{base}/{{name}}", delete, methods=["DELETE"]),
        ]

    return of_version


def _create(store: Store, body: dict[str, Any], version: str) -> Row:
    model = body.get("model", "").removeprefix("models/")
    if not model:
        field = "CreateCachedContentRequest.model"
        raise bad_request(field, f"* {field}: model is not specified\n")
    require(model, version, "createCachedContent")
    if len(body.get("displayName", "")) > _DISPLAY_NAME:
        field = "CreateCachedContentRequest.display_name"
        raise bad_request(field, f"* {field}: at most {_DISPLAY_NAME} characters.\n")
    kept = {key: body[key] for key in _KEPT if body.get(key)}
    if not kept:
        field = "CreateCachedContentRequest.contents"
        raise bad_request(field, f"* {field}: contents is not specified\n")
    checks.contents(kept, "CreateCachedContentRequest", required=False)
    kept = resolve.media(store, kept)
    checks.served(kept)
    now = time.time()
    expires = _expires(body, now) or now + _TTL
    made = new_id()
    values = (
        *(made, f"models/{model}", body.get("displayName", "")),
        *(json.dumps(kept), count(kept, model).total_tokens, now, now, expires),
    )
    with store.change() as db:
        db.execute("INSERT INTO caches VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return resolve.find_cache(store, made)


def _update(store: Store, request: Request, body: dict[str, Any]) -> Row:
    row = resolve.find_cache(store, request.path_params["name"])
    masked = request.query_params.get("updateMask") or request.query_params.get("update_mask", "")
    fields = {wire.snake(field.strip()) for field in masked.split(",") if field.strip()}
    if not fields:
        # google-genai sends no mask; what the request does not set is not to change.
        fields = {wire.snake(field) for field in body} - {"name"}
    if not fields or fields - {"ttl", "expire_time"}:
        text = "Only ttl or expire_time of a CachedContent can be updated."
        raise bad_request("update_mask", text)
    now = time.time()
    expires = _expires({key: body[key] for key in body if wire.snake(key) in fields}, now)
    if expires is None:
        raise bad_request("update_mask", "The update mask names a field that the request lacks.")
    with store.change() as db:
        statement = "UPDATE caches SET expires = ?, updated = ? WHERE id = ?"
        db.execute(statement, [expires, now, row["id"]])
    return resolve.find_cache(store, row["id"])


def _expires(body: dict[str, Any], now: float) -> float | None:
    if "ttl" in body and "expireTime" in body:
        field = "cached_content.expiration"
        raise bad_request(field, f"* {field}: set ttl or expire_time, not both.\n")
    if "ttl" in body:
        seconds = _DURATION.fullmatch(body["ttl"])
        if not seconds:
            text = f"ttl must be seconds such as '3600s', and is {body['ttl'][:40]!r}."
            raise bad_request("cached_content.ttl", text)
        expires = now + float(seconds[1])
    elif "expireTime" in body:
        expires = _moment(body["expireTime"])
    else:
        return None
    if expires <= now:
        raise Fault(400, "CachedContent cannot expire in the past; set a later time.")
    if expires > _LAST:
        raise Fault(400, "CachedContent cannot be kept beyond the year 9999; set an earlier time.")
    return expires


def _moment(text: str) -> float:
    try:
        # The API's fractions have up to nine digits, and Python reads six.
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
    except ValueError:
        said = f"expire_time must be a time such as '2030-01-31T12:00:00Z', and is {text[:40]!r}."
        raise bad_request("cached_content.expire_time", said) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _shape(row: Row) -> dict[str, Any]:
    made = {
        "name": f"cachedContents/{row['id']}",
        "model": row["model"],
        "displayName": row["display_name"],
        "createTime": timestamp(row["created"]),
        "updateTime": timestamp(row["updated"]),
        "expireTime": timestamp(row["expires"]),
        "usageMetadata": {"totalTokenCount": row["tokens"]},
    }
    if not row["display_name"]:
        del made["displayName"]
    return made
