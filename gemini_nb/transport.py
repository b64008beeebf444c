"""The seam to the network: auth, timeouts, errors. Only layer 2 knows of httpx.

What goes in is a Request, what comes out are bytes or an exception of `errors.py`; nothing of
httpx gets past this module. The key is put on as a header at the very last moment.
"""

from __future__ import annotations

import contextlib
import email.utils
import functools
import importlib
import logging
import math
import os
import ssl
import sys
import time
import urllib.parse
import urllib.request
import weakref
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from gemini_nb import blocking, errors, rate, refusals, retry

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping

    from gemini_nb.request import Request
    from gemini_nb.settings import Secret


def _import_httpx() -> None:
    """Load httpx without its command line, which brings rich and click: 40 % of the import."""
    name = "httpx._main"
    if "httpx" in sys.modules:
        return

    def main() -> None:
        del sys.modules[name]
        importlib.import_module(name).main()

    stub = ModuleType(name)
    stub.main = main  # type: ignore[attr-defined]
    sys.modules[name] = stub
    importlib.import_module("httpx")


_import_httpx()

import httpx  # noqa: E402

from gemini_nb.connection import NoHTTP  # noqa: E402
from gemini_nb.network import DirectTransport  # noqa: E402

_log = logging.getLogger("gemini_nb")

CONNECT_TIMEOUT = 5.0
# Seconds without a byte: in a stream, and for an answer that comes all at once, which has to be
# thought out and written before its first byte.
IDLE_TIMEOUT = 60.0
WHOLE_TIMEOUT = 300.0

# Seconds beyond which a wait is no time that a calendar could show.
_FAR = 1e9

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


# A forked process shares the sockets of its parent and the selector that watches them. What it
# inherits is kept there for good, since its end would take them away from the parent.
_open: weakref.WeakSet[Transport] = weakref.WeakSet()
_inherited: list[Transport] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _inherited.extend(_open))


class Answer(NamedTuple):
    """What came back: the HTTP status, the headers (names in lower case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Requests to one address with one key. Lives on the background loop.

    Attributes:
        base_url: the address as it was given.
        host: its host, for errors to name.

    Raises ConfigError for a key that cannot be sent.
    """

    def __init__(
        self,
        base_url: str,
        key: Secret | None,
        *,
        api_version: str,
        timeout: float | None,
        retries: int = 0,
        rpm: int | None = None,
        tpm: int | None = None,
    ) -> None:
        # Refused here, or the HTTP library would quote the whole header in its own words.
        if key and not (key.reveal().isascii() and key.reveal().isprintable()):
            raise errors.ConfigError(
                f"The key ({key.source}) holds a character that no key has.",
                advice="Copy it once more: a line break or a typographic sign came along.",
            )
        root = httpx.URL(f"{base_url}/{api_version}/")
        self.base_url = base_url
        self._root = str(root)
        self.host = root.host
        self._key = key
        self._timeout = timeout
        self._retries = retry.Retries(retries)
        self._rate = rate.Rate(rpm, tpm)
        self._http = _route(root)
        # Closed when its client was let go, or configured anew, and its last answer is in.
        weakref.finalize(self, _close, self._http).atexit = False
        _open.add(self)

    def _request(self, request: Request, default_timeout: float, coding: str) -> httpx.Request:
        headers = {"accept-encoding": coding, "user-agent": _user_agent()}
        content = request.content()
        if content is not None:
            headers["content-type"] = "application/json"
        limit = request.timeout or self._timeout
        if limit:
            headers["x-server-timeout"] = str(math.ceil(limit))
        query = f"?{urllib.parse.urlencode(request.params)}" if request.params else ""
        made = httpx.Request(
            request.method,
            _url(self._root + request.path + query),
            headers=headers,
            content=content,
            extensions={"timeout": self._timeouts(request, default_timeout)},
        )
        # Last, and never in a variable: a verbose traceback shows the locals of each frame.
        if self._key is not None:
            made.headers["x-goog-api-key"] = self._key.reveal()
        return made

    def _timeouts(self, request: Request, default: float) -> dict[str, float]:
        idle = request.timeout or self._timeout or default
        return {
            "connect": min(CONNECT_TIMEOUT, idle),
            "read": idle,
            "write": idle,
            "pool": idle,
        }

    async def _answer(
        self, made: httpx.Request, sent: Callable[[], None] | None = None
    ) -> httpx.Response:
        if sent is not None:
            sent()
        response = await self._http.handle_async_request(made)
        _log.debug("%s %s: %d", made.method, made.url, response.status_code)
        return response

    async def send(
        self,
        request: Request,
        earlier: list[errors.GeminiError] | None = None,
        sent: Callable[[], None] | None = None,
    ) -> bytes:
        """The body of the answer; `earlier` takes in what went wrong before it came.

        `sent` is called when the request goes out, each time.

        Raises APIError where the service refuses, NetworkError where nothing readable comes.
        """
        earlier = [] if earlier is None else earlier
        return await self._retries.call(lambda: self.once(request, sent), earlier)

    async def stream(
        self,
        request: Request,
        earlier: list[errors.GeminiError] | None = None,
        sent: Callable[[], None] | None = None,
    ) -> AsyncIterator[bytes]:
        """The bytes of the answer as they come; raises like `send`, before or between them.

        Only what fails before the first byte is tried again.
        """
        earlier = [] if earlier is None else earlier
        response, pieces, first = await self._retries.call(
            lambda: self._begun(request, sent), earlier
        )
        try:
            yield first
            with _translated(request, self.host):
                async for data in pieces:
                    yield data
        finally:
            await response.aclose()

    async def once(self, request: Request, sent: Callable[[], None] | None = None) -> bytes:
        """The body of the answer, asked for a single time; raises like `send`."""
        await self._turn(request)
        with _translated(request, self.host):
            made = self._request(request, WHOLE_TIMEOUT, "gzip, deflate")
            response = await self._answer(made, sent)
            try:
                body = b"".join([data async for data in _body(response)])
            finally:
                await response.aclose()
        self._check(response, body, request)
        return body

    async def _begun(
        self, request: Request, sent: Callable[[], None] | None
    ) -> tuple[httpx.Response, AsyncIterator[bytes], bytes]:
        """An answer, the pieces of its body, and the first of them."""
        await self._turn(request)
        with _translated(request, self.host):
            response = await self._answer(self._request(request, IDLE_TIMEOUT, "identity"), sent)
            try:
                html = "text/html" in response.headers.get("content-type", "")
                if response.status_code != httpx.codes.OK or html:
                    self._check(response, await response.aread(), request)
                pieces = aiter(_body(response))
                first: bytes = await anext(pieces, b"")
                if not first:
                    self._check(response, b"", request)
            except BaseException:
                await response.aclose()
                raise
        return response, pieces, first

    async def _turn(self, request: Request) -> None:
        if self._rate.limited:
            await self._rate.turn(request.rough_tokens)

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes] = b"",
        request: Request,
    ) -> Answer:
        """One request of the upload protocol, which speaks in headers; nothing is judged here.

        `url` is absolute, or a path under the base URL (`/upload/v1beta/files`). The key goes to
        the base URL's own origin only. Content in pieces needs a content-length among the headers,
        and what its iterator raises comes through. `request` is what an error carries.

        Raises NetworkError.
        """
        try:
            place = httpx.URL(url if "://" in url else self.base_url + url)
        except httpx.InvalidURL:
            raise errors.BadAnswer("The service gave no address.", request=request) from None
        made = httpx.Request(
            method,
            place,
            headers={"user-agent": _user_agent(), **headers},
            content=content,
            extensions={"timeout": self._timeouts(request, IDLE_TIMEOUT)},
        )
        if self._key is not None and _origin(made.url) == _origin(_url(self._root)):
            made.headers["x-goog-api-key"] = self._key.reveal()
        with _translated(request, made.url.host):
            response = await self._answer(made)
            try:
                body = await response.aread()
            finally:
                await response.aclose()
        return Answer(response.status_code, response.headers, body)

    def _check(self, response: httpx.Response, body: bytes, request: Request) -> None:
        """Raise for an answer that is no success, or a success that is no answer."""
        host = self.host
        if response.status_code != httpx.codes.OK:
            raise refusals.refusal(
                host,
                response.status_code,
                body,
                retry_after=retry_after(response.headers),
                request=request,
            )
        if body.lstrip()[:1] not in (b"{", b"["):
            what = "an empty body" if not body.strip() else f"no JSON: {refusals.excerpt(body)}"
            raise errors.BadAnswer(f"{host} answered with {what}.", request=request)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _route(url: httpx.URL) -> httpx.AsyncBaseTransport:
    """A direct way to the host, or the proxy that the environment names for it."""
    if url.host in _LOOPBACK:  # a proxy would look for it on its own machine
        return DirectTransport()
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if proxy and not urllib.request.proxy_bypass(url.host):
        return _through(proxy if "://" in proxy else f"http://{proxy}")
    return DirectTransport()


def _through(proxy: str) -> httpx.AsyncBaseTransport:
    """A way through a proxy. Raises ConfigError, which does not quote it: it may hold a password"""
    try:
        return httpx.AsyncHTTPTransport(proxy=proxy)
    except ImportError:
        advice = "Run pip install 'httpx[socks]', then restart."
    except (ValueError, httpx.InvalidURL):
        advice = "One is like http://proxy.example:3128."
    raise errors.ConfigError("The proxy of the environment cannot be used.", advice=advice)


def _close(http: httpx.AsyncBaseTransport) -> None:
    blocking.spawn(http.aclose())


@functools.lru_cache(256)
def _url(text: str) -> httpx.URL:
    """Parsing an address takes as long as sending it, and a notebook has few."""
    return httpx.URL(text)


def _body(response: httpx.Response) -> Any:
    """The pieces of a body; what is not compressed need not pass through httpx's decoders."""
    coded = any(name.lower() == b"content-encoding" for name, _ in response.headers.raw)
    return response.aiter_bytes() if coded else response.stream


def _user_agent() -> str:
    from gemini_nb import __version__

    return f"gemini_nb/{__version__}"


@contextlib.contextmanager
def _translated(request: Request, host: str) -> Iterator[None]:
    """The exceptions of httpx → ours, without their frames: those hold the headers."""
    try:
        yield
    except (httpx.ConnectTimeout, httpx.PoolTimeout):
        raise errors.Timeout(f"{host} did not take the call in time.", request=request) from None
    except httpx.TimeoutException:
        raise _after_sending(
            errors.Timeout(f"{host} sent nothing in time.", request=request)
        ) from None
    except NoHTTP:
        raise errors.BadAnswer(
            f"{host} answered with something that is no HTTP.", request=request
        ) from None
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        raise _after_sending(
            errors.NetworkError(
                f"{host} closed the connection before its answer was whole.", request=request
            )
        ) from None
    except httpx.DecodingError:
        raise errors.BadAnswer(
            "The answer is not compressed as it says.", request=request
        ) from None
    except httpx.LocalProtocolError as error:
        raise errors.ConfigError(f"This cannot be sent: {error}", request=request) from None
    except httpx.TransportError as error:
        why = str(error) or type(error).__name__
        kind = errors.InsecureConnection if _is_tls(error) else errors.NetworkError
        raise kind(f"{host} cannot be reached: {why}.", request=request) from None


def _after_sending(error: errors.NetworkError) -> errors.NetworkError:
    error.sent = True
    return error


def _is_tls(error: BaseException | None) -> bool:
    """Whether an SSLError is at the bottom of it."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """What a Retry-After header says, a number of seconds or a date, in seconds from now."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), _FAR)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max(0.0, at.timestamp() - time.time()), _FAR)
