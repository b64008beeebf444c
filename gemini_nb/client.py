"""The client: which backend answers, and the calls of the protocol on it.

There is one implementation, async, on the background loop (`blocking.py`); every call has a
blocking form and one ending in `_async`. The module-level functions use a client made of
`configure()`; a `Client` of one's own serves a second account beside it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from gemini_nb import blocking, errors, history, request, settings, structs
from gemini_nb.chunks import decode_chunk
from gemini_nb.content import CountTokensResponse, GenerateContentRequest
from gemini_nb.stream import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gemini_nb.resources import Model
    from gemini_nb.transport import Transport

T = TypeVar("T")


class _Page(Protocol):
    """One page of a listing, as `resources.py` has them."""

    @property
    def next_page_token(self) -> str | None: ...


P = TypeVar("P", bound=_Page)


class Client:
    """One account at one address.

    Args:
        api_key, backend, base_url, model, api_version, timeout: as `genai.configure` takes them;
            what is not given is as configured.

    Raises:
        UnknownName, ConfigError: for an argument that cannot be.
    """

    def __init__(self, **choices: Any) -> None:
        settings.hide_key(choices)
        self.settings = settings.current()  # for __repr__, where a choice is refused
        self.settings = settings.changed(self.settings, **choices)
        self._lock = threading.Lock()
        self._transport: tuple[Any, Transport] | None = None
        self._is_local = False

    def __repr__(self) -> str:
        # Who would answer is not asked here: Colab would ask the person for a key.
        return f"<Client {self.settings.backend or 'auto'} {self.settings.model}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "A Client is not pickled: it holds connections. Make one on the other side."
        )

    # -- where the calls go

    def connect(self) -> Transport:
        """The transport to the backend that answers; the local one is started on first use.

        Blocks (a first use may fetch a model), so it runs where the person sees its progress.
        Raises MissingKey, BackendError.
        """
        from gemini_nb.transport import Transport

        with blocking.interruptible(), self._lock:
            url, key = self._endpoint()
            # Made anew for another key, too, and in a forked process, which has a loop of its own.
            place = (url, key, blocking.loop())
            if self._transport is None or self._transport[0] != place:
                made = Transport(
                    url,
                    key,
                    api_version=self.settings.api_version,
                    timeout=self.settings.timeout,
                    retries=self.settings.retries,
                    rpm=self.settings.rpm,
                    tpm=self.settings.tpm,
                )
                self._transport = (place, made)
            return self._transport[1]

    async def _connected(self) -> Transport:
        """`connect` for a caller on a loop, which must not stand still meanwhile."""
        if self._transport is not None and self.settings.resolve_backend() == "api":
            return self.connect()
        return await asyncio.to_thread(self.connect)

    def guard(self, model: str) -> None:
        """Raises OverBudget where a budget is spent, or cannot be kept for this model."""
        if self.settings.budget is not None and self.settings.resolve_backend() == "api":
            history.guard(model, self.settings)

    def _call(self, made: request.Request, model: str) -> history.Call:
        """What is on record of a call on this connection. Raises OverBudget."""
        self.guard(model)
        return history.Call(made, model, self.settings, local=self._is_local)

    def _endpoint(self) -> tuple[str, settings.Secret | None]:
        chosen = self.settings
        self._is_local = chosen.resolve_backend() == "local"
        if not self._is_local:
            key = chosen.resolve_key()
            if key is None:
                raise errors.MissingKey
            return chosen.base_url or settings.API_URL, key
        from gemini_nb.local import LocalUnavailable, launch

        try:
            endpoint = launch.ensure()
        except LocalUnavailable as error:
            raise errors.BackendError(str(error)) from None
        if chosen.backend is None:
            _announce(endpoint.model)
        return endpoint.base_url, settings.Secret(endpoint.key, "the local backend")

    async def _send(self, call: request.Request, kind: type[T], transport: Transport) -> T:
        model = _paid(call)
        if model:
            self.guard(model)
        body = await transport.send(call)
        try:
            return structs.decode(kind, body)
        except msgspec.DecodeError:
            raise errors.BadAnswer("The answer is no JSON object.", request=call) from None

    def call(self, made: request.Request, kind: type[T]) -> T:
        """Send one Request and decode its answer as `kind`."""
        return blocking.run(self._send(made, kind, self.connect()))

    async def call_async(self, made: request.Request, kind: type[T]) -> T:
        """`call`, awaited."""
        transport = await self._connected()
        return await blocking.arun(self._send(made, kind, transport))

    def pages(self, first: request.Request, kind: type[P]) -> Iterator[P]:
        """The pages of a listing, each fetched when it is reached; `request.listing` makes `first`.

        Raises BadAnswer where a page leads back to itself, and what `call` raises.
        """
        made: request.Request | None = first
        seen: set[str] = set()
        while made is not None:
            page = self.call(made, kind)
            yield page
            made = _following(made, page, seen)

    async def pages_async(self, first: request.Request, kind: type[P]) -> AsyncIterator[P]:
        """`pages` for `async for`."""
        made: request.Request | None = first
        seen: set[str] = set()
        while made is not None:
            page = await self.call_async(made, kind)
            yield page
            made = _following(made, page, seen)

    # -- the calls

    def generate(
        self, model: str, body: GenerateContentRequest, *, timeout: float | None = None
    ) -> Response:
        """One whole answer."""
        made = request.generate(model, body, timeout=timeout)
        transport = self.connect()
        return blocking.run(_whole(transport, made, self._call(made, model)))

    async def generate_async(
        self, model: str, body: GenerateContentRequest, *, timeout: float | None = None
    ) -> Response:
        """`generate`, awaited."""
        made = request.generate(model, body, timeout=timeout)
        transport = await self._connected()
        return await blocking.arun(_whole(transport, made, self._call(made, model)))

    def stream(
        self, model: str, body: GenerateContentRequest, *, timeout: float | None = None
    ) -> Response:
        """An answer that fills as it is iterated."""
        made = request.generate(model, body, stream=True, timeout=timeout)
        transport = self.connect()
        return _streamed(transport, made, self._call(made, model))

    async def stream_async(
        self, model: str, body: GenerateContentRequest, *, timeout: float | None = None
    ) -> Response:
        """`stream` for `async for`."""
        made = request.generate(model, body, stream=True, timeout=timeout)
        transport = await self._connected()
        return _streamed(transport, made, self._call(made, model))

    def count_tokens(
        self, model: str, body: GenerateContentRequest, *, timeout: float | None = None
    ) -> CountTokensResponse:
        """The tokens of a request, as the service counts them."""
        return self.call(request.count_tokens(model, body, timeout), CountTokensResponse)

    async def count_tokens_async(
        self, model: str, body: GenerateContentRequest, *, timeout: float | None = None
    ) -> CountTokensResponse:
        """`count_tokens`, awaited."""
        made = request.count_tokens(model, body, timeout)
        return await self.call_async(made, CountTokensResponse)

    def get_model(self, name: str) -> Model:
        """One model and its limits. Raises NotFound."""
        from gemini_nb.resources import Model

        return self.call(request.get_model(name), Model)

    async def get_model_async(self, name: str) -> Model:
        """`get_model`, awaited."""
        from gemini_nb.resources import Model

        return await self.call_async(request.get_model(name), Model)

    def list_models(self, *, page_size: int = 50) -> Iterator[Model]:
        """The models that this key can use; pages are fetched as they are reached."""
        from gemini_nb.resources import ListModelsResponse

        for page in self.pages(request.listing("models", page_size), ListModelsResponse):
            yield from page.models

    async def list_models_async(self, *, page_size: int = 50) -> AsyncIterator[Model]:
        """`list_models` for `async for`."""
        from gemini_nb.resources import ListModelsResponse

        first = request.listing("models", page_size)
        async for page in self.pages_async(first, ListModelsResponse):
            for model in page.models:
                yield model

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            self._transport = None


_PAID = re.compile(r"([^:]+):(?:embedContent|batchEmbedContents|batchGenerateContent)")


def _paid(made: request.Request) -> str | None:
    """The model that a call is paid for, though its answer does not say how much; else None."""
    if made.method != "POST":
        return None
    if made.path == "cachedContents":
        return getattr(made.body, "model", None)
    found = _PAID.fullmatch(made.path)
    return found[1] if found else None


def _following(made: request.Request, page: _Page, seen: set[str]) -> request.Request | None:
    """The request for the page after this one, None after the last; `seen` are those before."""
    token = page.next_page_token
    if not token:
        return None
    if token in seen:
        raise errors.BadAnswer("The list turns in a circle.", request=made)
    seen.add(token)
    return dataclasses.replace(made, params={**made.params, "pageToken": token})


async def _whole(transport: Transport, made: request.Request, call: history.Call) -> Response:
    response = Response(made, over=call.over)
    try:
        body = await transport.send(made, response.earlier, call.sent)
        response.feed(decode_chunk(body, request=made))
    except BaseException as error:
        call.failed(error, response)
        raise
    response.finish()
    return response


def _streamed(transport: Transport, made: request.Request, call: history.Call) -> Response:
    earlier: list[errors.GeminiError] = []
    source = blocking.Feed(transport.stream(made, earlier, call.sent))
    return Response(made, source, earlier, call.over)


_announced = False


def _announce(model: str) -> None:
    """Say once, in one line, that no key was found and who answers instead."""
    global _announced
    if _announced:
        return
    _announced = True
    # In a notebook stderr is an alarm in red; in a script stdout may be somebody's data.
    notebook = "ipykernel" in sys.modules
    print(
        f"No key: a small local model ({model}) answers. "
        f"For Gemini: {'%gemini_config --key' if notebook else 'set GEMINI_API_KEY'}",
        file=sys.stdout if notebook else sys.stderr,
    )


_default: Client | None = None
_default_lock = threading.Lock()


def default() -> Client:
    """The client of `configure()`: the same one until something is configured anew."""
    global _default
    with _default_lock:
        if _default is None or _default.settings != settings.current():
            _default = Client()
        return _default
