"""The seam to the network, and the only user of httpx besides `client.py`: auth, timeouts, errors.

What goes in is a Request, what comes out are bytes or an exception of `errors.py`; nothing of
httpx gets past this module. The key is put on as a header at the very last moment.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from gemini_nb import errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gemini_nb.request import Request
    from gemini_nb.settings import Secret

CONNECT_TIMEOUT = 5.0
# Seconds without a byte: in a stream, and for an answer that comes all at once, which has to be
# thought out and written before its first byte.
IDLE_TIMEOUT = 60.0
WHOLE_TIMEOUT = 300.0


class _KeyAuth(httpx.Auth):
    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["x-goog-api-key"] = self._key.reveal()
        yield request


class Transport:
    """Requests to one address with one key. Lives on the background loop."""

    def __init__(
        self, base_url: str, key: Secret | None, *, api_version: str, timeout: float | None
    ) -> None:
        self._root = f"{base_url}/{api_version}/"
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            auth=_KeyAuth(key) if key else None,
            headers={"user-agent": _user_agent()},
            follow_redirects=False,
        )

    def _request(self, request: Request, default_timeout: float) -> httpx.Request:
        headers = {}
        content = request.content()
        if content is not None:
            headers["content-type"] = "application/json"
        limit = request.timeout or self._timeout
        if limit:
            headers["x-server-timeout"] = str(math.ceil(limit))
        timeout = httpx.Timeout(limit or default_timeout, connect=min(CONNECT_TIMEOUT, limit or 60))
        return self._http.build_request(
            request.method,
            self._root + request.path,
            params=request.params or None,
            content=content,
            headers=headers,
            timeout=timeout,
        )

    async def send(self, request: Request) -> bytes:
        """The body of the answer.

        Raises APIError where the service refuses, NetworkError where nothing readable comes.
        """
        with _translated(request):
            response = await self._http.send(self._request(request, WHOLE_TIMEOUT))
        if response.status_code != httpx.codes.OK:
            raise _refusal(response, response.content, request)
        _check_kind(response, response.content, request)
        return response.content

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The bytes of the answer as they come; raises like `send`, before or between them."""
        with _translated(request):
            response = await self._http.send(self._request(request, IDLE_TIMEOUT), stream=True)
        try:
            with _translated(request):
                if response.status_code != httpx.codes.OK:
                    raise _refusal(response, await response.aread(), request)
                if "text/html" in response.headers.get("content-type", ""):
                    _check_kind(response, await response.aread(), request)
                async for data in response.aiter_bytes():
                    yield data
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()


def _user_agent() -> str:
    from gemini_nb import __version__

    return f"gemini_nb/{__version__}"


@contextlib.contextmanager
def _translated(request: Request) -> Iterator[None]:
    """Httpx's exceptions → ours, without their frames: those hold the headers."""
    try:
        yield
    except httpx.TimeoutException as error:
        kind = "connection" if isinstance(error, httpx.ConnectTimeout) else "answer"
        raise errors.Timeout(f"No {kind} came in time.", request=request) from None
    except httpx.RemoteProtocolError:
        raise errors.NetworkError(
            "The connection was closed in the middle of an answer.", request=request
        ) from None
    except httpx.TransportError as error:
        host = error.request.url.host
        why = str(error) or type(error).__name__
        raise errors.NetworkError(f"{host} cannot be reached: {why}.", request=request) from None


def _refusal(response: httpx.Response, body: bytes, request: Request) -> errors.GeminiError:
    """An answer that is not 200 → the exception for it."""
    try:
        found: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        found = None
    if isinstance(found, list) and found:  # streams without alt=sse wrap their error in an array
        found = found[0]
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict):
        return errors.BadAnswer(
            f"{response.url.host} answered {response.status_code} without a Gemini error:"
            f" {_excerpt(body)}",
            request=request,
        )
    return errors.from_status(response.status_code, error, request=request)


def _check_kind(response: httpx.Response, body: bytes, request: Request) -> None:
    """Raise BadAnswer for a 200 that is a web page or nothing at all."""
    if body.lstrip()[:1] in (b"{", b"["):
        return
    what = "an empty body" if not body.strip() else f"no JSON: {_excerpt(body)}"
    raise errors.BadAnswer(f"{response.url.host} answered with {what}", request=request)


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:400].decode("utf-8", "replace").split())
    return repr(text[:120]) + "."
