"""Lists in pages: what `pageSize` and `pageToken` mean, the same for every kind of thing kept.

Newest first. A token names the last one of the page before, so that what is added or deleted
between two pages makes nobody see a thing twice, or miss one.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from .fault import bad_request
from .wire import snake

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from .store import Row, Store

_DIGITS = 9
"""What fits in 32 bits, whatever the digits are; Python itself refuses very many."""


def number(request: Request, name: str, default: int) -> int:
    """A whole number out of the query, in either spelling."""
    given = request.query_params.get(name) or request.query_params.get(snake(name), "")
    if not given:
        return default
    if not re.fullmatch(rf"[0-9]{{1,{_DIGITS}}}", given):
        shown = repr(given[:40])
        text = (
            f"Invalid value for {name}: {shown}; it must be a number of at most {_DIGITS} digits."
        )
        raise bad_request(name, text)
    return int(given)


class Table(NamedTuple):
    """What is listed, under which key, and how many of it at once."""

    name: str
    key: str
    size: int
    largest: int


def page(
    request: Request, store: Store, table: Table, shape: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """One page of a table as the API lists it, with the token for the next one."""
    size = min(number(request, "pageSize", table.size) or table.size, table.largest)
    created, last = _position(request)
    found = store.rows(
        f"SELECT * FROM {table.name} WHERE expires > ? AND (created, id) < (?, ?) "  # noqa: S608 - ours
        "ORDER BY created DESC, id DESC LIMIT ?",
        time.time(),
        created,
        last,
        size + 1,
    )
    listed: dict[str, Any] = {}
    if found:  # the API leaves an empty list out
        listed[table.key] = [shape(row) for row in found[:size]]
    if len(found) > size:
        listed["nextPageToken"] = _token(found[size - 1])
    return listed


def _token(row: Row) -> str:
    return base64.urlsafe_b64encode(json.dumps([row["created"], row["id"]]).encode()).decode()


def _position(request: Request) -> tuple[float, str]:
    given = request.query_params.get("pageToken") or request.query_params.get("page_token", "")
    if not given:
        return float("inf"), ""
    try:
        created, last = json.loads(base64.urlsafe_b64decode(given))
        last.encode()  # half of a surrogate pair is not what SQLite takes
        return float(created), last
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        text = "page_token is not valid; take it from the nextPageToken of the page before."
        raise bad_request("page_token", text) from None
