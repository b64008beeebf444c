"""What every route needs to read a body and to answer: JSON in and out, nothing more."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from . import wire
from .fault import Fault

if TYPE_CHECKING:
    from starlette.requests import Request

BODY_LIMIT = 100 * 1024 * 1024
"""The API's own limit on an inline request."""


async def read_body(request: Request) -> bytes:
    """The whole body, given up on as soon as it is over the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise Fault(413, f"Request payload size exceeds the limit: {BODY_LIMIT} bytes.")
    return bytes(body)


async def read(request: Request, table: str) -> dict[str, Any]:
    """The request in the body, as `wire.parse` gives it; a large one keeps nobody waiting."""
    return await asyncio.to_thread(wire.parse, await read_body(request), table)


def as_json(request: Request, data: dict[str, Any]) -> bytes:
    """`data` as bytes, its enums as numbers if the client asked for that."""
    if "enum-encoding=int" in request.query_params.get("$alt", ""):
        data = wire.with_numbers(data)
    return json.dumps(data, ensure_ascii=False).encode()


def answer(request: Request, data: dict[str, Any]) -> Response:
    """A whole answer."""
    return Response(as_json(request, data), media_type="application/json; charset=UTF-8")


def fault_answer(fault: Fault) -> Response:
    """An error; in ASCII, since it may quote what cannot be encoded."""
    body = json.dumps(fault.body(), indent=2).encode()
    return Response(body, fault.code, media_type="application/json; charset=UTF-8")
