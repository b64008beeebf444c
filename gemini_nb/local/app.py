"""The web application: routes put together, and a gate before all of them.

The gate lets in who knows the key and (on a loopback address) who calls this machine by
its own name: without the second, any page in a browser could reach the server by DNS
rebinding. For the same reason no CORS header is ever sent. What is behind the routes
lives in modules of its own, each with a `routes(version, engine)`.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from . import batches, caches, discovery, embeddings, files, generate, models, unmade, upload
from .answers import fault_answer
from .fault import Fault
from .runner import Runner
from .store import Store, is_full
from .turns import Turns

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .text import Engine

VERSIONS = ("v1beta", "v1", "v1alpha")
_OWN_NAME = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)

_HOST = re.compile(r"([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?", re.IGNORECASE | re.ASCII)


def build(engine: Engine, key: str, *, loopback: bool) -> Starlette:
    """The application that answers with `engine` to those who hold `key`."""
    store, turns = Store(), Turns()
    runner = Runner(engine, store, turns)
    rooms = (
        models.routes,
        generate.routes(store, turns),
        embeddings.routes,
        files.routes(store),
        upload.routes(store),
        caches.routes(store),
        batches.routes(store, runner),
        unmade.routes,  # takes what is left
    )
    routes = [route for version in VERSIONS for room in rooms for route in room(version, engine)]
    made = Starlette(
        routes=[*routes, discovery.route()],
        middleware=[Middleware(Gate, key=key, loopback=loopback)],
        exception_handlers=_FAULTS,
    )
    made.state.store, made.state.runner = store, runner
    return made


class Gate:
    """Turns away whoever calls by a foreign name or without the key."""

    def __init__(self, app: ASGIApp, *, key: str, loopback: bool) -> None:
        self._app = app
        self._key = key.encode()
        self._loopback = loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the fault."""
        if scope["type"] != "http":
            return
        fault = self._fault(Request(scope))
        await (fault_answer(fault) if fault else self._app)(scope, receive, send)

    def _fault(self, request: Request) -> Fault | None:
        host = request.headers.get("host", "")
        if self._loopback and not _OWN_NAME.fullmatch(host):
            return Fault(403, "This server answers only to 127.0.0.1, localhost and [::1].")
        if not _HOST.fullmatch(host):  # addresses are made of it: an upload's, a file's
            return Fault(400, "The Host header is not a name and a port.")
        if upload.is_session(request.url.path, request.url.query):
            return None  # its ID cannot be guessed, and clients send no key with it
        given = request.headers.get("x-goog-api-key") or request.query_params.get("key")
        if not given:
            return Fault(403, _NO_KEY)
        if not secrets.compare_digest(given.encode(), self._key):
            return Fault(400, "API key not valid. Please pass a valid API key.", [_WRONG_KEY])
        return None


_NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please "
    "use API Key or other form of API consumer identity to call this API."
)
_WRONG_KEY = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
    "metadata": {"service": "generativelanguage.googleapis.com"},
}


async def _on_fault(_: Request, error: Fault) -> Response:
    return fault_answer(error)


async def _on_http(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        text = f"Method {request.method} is not allowed for {request.url.path}."
        return fault_answer(Fault(405, text))
    return fault_answer(Fault(404, f"The requested URL {request.url.path} was not found."))


async def _on_gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody is there to read it


async def _on_disk(_: Request, error: Exception) -> Response:
    if not is_full(error):
        raise error
    return fault_answer(Fault(429, "There is no room left on this machine's disk."))


async def _on_bug(_: Request, __: Exception) -> Response:
    return fault_answer(Fault(500, "The local backend met an internal error."))


_FAULTS: dict[Any, Any] = {
    Fault: _on_fault,
    HTTPException: _on_http,
    ClientDisconnect: _on_gone,
    OSError: _on_disk,
    sqlite3.Error: _on_disk,
    Exception: _on_bug,
}
