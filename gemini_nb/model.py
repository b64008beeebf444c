"""GenerativeModel: a model with its instructions and settings, and the calls made with them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from gemini_nb import client as clients
from gemini_nb import inline, request
from gemini_nb.errors import UnknownName

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gemini_nb.caching import CachedContent
    from gemini_nb.chat import ChatSession
    from gemini_nb.content import GenerateContentRequest
    from gemini_nb.resources import Model
    from gemini_nb.stream import Response
    from gemini_nb.tokens.counted import TokenCount
    from gemini_nb.transcripts import Transcript


class GenerativeModel:
    """A model to talk to.

    Args:
        model_name: `gemini-…` or `models/gemini-…`; None for the one of `configure(model=…)`.
        safety_settings: a list of SafetySettings, `{category: threshold}`, or one threshold.
        generation_config: a GenerationConfig or a dict of its fields.
        tools: Tools, dicts, FunctionDeclarations, or names as "google_search".
        tool_config: a ToolConfig or a dict of its fields.
        system_instruction: what the model is told before every prompt.
        client: a Client of one's own; else that of `configure()`.

    Raises:
        UnknownName: a field that does not exist, before anything is sent.
        BadPrompt: a value that cannot be.
    """

    def __init__(
        self,
        model_name: str | None = None,
        safety_settings: Any = None,
        generation_config: Any = None,
        tools: Any = None,
        tool_config: Any = None,
        system_instruction: Any = None,
        *,
        client: clients.Client | None = None,
    ) -> None:
        # First what the repr shows: a refused argument may be looked at with this half-made.
        self.system_instruction = system_instruction
        self._cached: str | None = None
        self.cached_tokens = 0
        self._client = client
        self._name = model_name
        if model_name is not None:
            request.model_path(model_name)
        self._config = request.generation_config(generation_config)
        self._safety = request.safety_settings(safety_settings)
        self._tools = request.tools(tools)
        self._tool_config = tool_config

    @classmethod
    def from_cached_content(
        cls,
        cached_content: CachedContent | str,
        *,
        generation_config: Any = None,
        safety_settings: Any = None,
        client: clients.Client | None = None,
    ) -> GenerativeModel:
        """A model whose prompts go on where a cache ends; it is the model of that cache.

        Args:
            cached_content: a `caching.CachedContent`, or its name, which is looked up (a task
                gives `await CachedContent.get_async(name)`).
            generation_config, safety_settings: as above; instruction and tools are the cache's.
            client: a Client of one's own; else the one that the cache came through.

        Raises BadPrompt, UnknownName; what `CachedContent.get` raises where a name is given.
        """
        if isinstance(cached_content, str):
            from gemini_nb.caching import CachedContent

            cached_content = CachedContent.get(cached_content, client=client)
        made = cls(
            cached_content.model,
            safety_settings,
            generation_config,
            client=client or getattr(cached_content, "_client", None),
        )
        made._cached = cached_content.name
        made.cached_tokens = cached_content.usage_metadata.total_token_count or 0
        return made

    @property
    def client(self) -> clients.Client:
        """The client that this model's calls go through."""
        return self._client or clients.default()

    @property
    def model_name(self) -> str:
        """`models/NAME`."""
        return request.model_path(self._name or self.client.settings.model)

    def __repr__(self) -> str:
        told = (
            f", system_instruction={self.system_instruction!r}" if self.system_instruction else ""
        )
        kept = f", cached_content={self._cached!r}" if self._cached else ""
        name = self._name or self.client.settings.model
        return f"GenerativeModel({name.removeprefix('models/')!r}{told}{kept})"

    def build(
        self,
        contents: Any,
        *,
        generation_config: Any = None,
        safety_settings: Any = None,
        tools: Any = None,
        tool_config: Any = None,
    ) -> GenerateContentRequest:
        """The body that `generate_content` would send; sends nothing.

        Raises BadPrompt, UnknownName.
        """
        return request.content_request(
            contents,
            system_instruction=self.system_instruction,
            config=request.generation_config(self._config, generation_config),
            safety=request.merged_safety(self._safety, safety_settings),
            tool_list=self._tools if tools is None else tools,
            tool_config=self._tool_config if tool_config is None else tool_config,
            cached_content=self._cached,
        )

    def generate_content(
        self,
        contents: Any,
        *,
        stream: bool = False,
        upload: str | None = None,
        request_options: Any = None,
        **options: Any,
    ) -> Response:
        """Ask the model.

        Args:
            contents: a text, an image, a path…, a list of them, or a list of turns (`parts.py`).
            stream: return at once; the Response fills as it is iterated.
            upload: `"auto"` uploads media that is too much for one request (100 MB) and names it.
            request_options: `{"timeout": seconds}`.
            **options: generation_config, safety_settings, tools, tool_config: for this call.

        Returns:
            The Response; `.text` is what the model said.

        Raises:
            BadPrompt, UnknownName: before anything is sent; also for too much media.
            OverBudget, PromptTooLong: where there is a budget; nothing is sent.
            APIError, NetworkError, StreamInterrupted: see `errors.py`.
        """
        body = self.build(contents, **_checked(options))
        self._check(body)
        body = inline.fit(self.client, body, upload)
        send = self.client.stream if stream else self.client.generate
        return send(self.model_name, body, timeout=request.request_timeout(request_options))

    async def generate_content_async(
        self,
        contents: Any,
        *,
        stream: bool = False,
        upload: str | None = None,
        request_options: Any = None,
        **options: Any,
    ) -> Response:
        """`generate_content`, awaited; iterate a streamed Response with `async for`."""
        body = self.build(contents, **_checked(options))
        if self.client.settings.budget is not None:  # a vocabulary may have to be read
            await asyncio.to_thread(self._check, body)
        body = await inline.fit_async(self.client, body, upload)
        send = self.client.stream_async if stream else self.client.generate_async
        return await send(self.model_name, body, timeout=request.request_timeout(request_options))

    def count_tokens(
        self, contents: Any, *, request_options: Any = None, **options: Any
    ) -> TokenCount:
        """The tokens of the whole request, as the service counts them.

        System instruction and tools count, too. Arguments are those of `generate_content`.
        """
        body = self.build(contents, **_checked(options))
        timeout = request.request_timeout(request_options)
        from gemini_nb import counting

        own = self._own_count(body, wait=False)
        told = self.client.count_tokens(self.model_name, body, timeout=timeout)
        return counting.by_service(told, own, self.model_name, self.client)

    async def count_tokens_async(
        self, contents: Any, *, request_options: Any = None, **options: Any
    ) -> TokenCount:
        """`count_tokens`, awaited."""
        body = self.build(contents, **_checked(options))
        timeout = request.request_timeout(request_options)
        from gemini_nb import counting

        own = self._own_count(body, wait=False)
        told = await self.client.count_tokens_async(self.model_name, body, timeout=timeout)
        return counting.by_service(told, own, self.model_name, self.client)

    def estimate_tokens(self, contents: Any, **options: Any) -> TokenCount:
        """The tokens of the whole request, counted here: at once, offline, and free.

        Text is counted with the model's own vocabulary, media by the API's rules, as far as they
        are documented. Arguments are those of `generate_content`, the result is that of
        `count_tokens`. Raises BadPrompt, UnknownName.
        """
        return self._own_count(self.build(contents, **_checked(options)), wait=True)

    def _check(self, body: GenerateContentRequest) -> None:
        if self.client.settings.budget is not None:
            from gemini_nb import forecast

            forecast.of(self, body).check()

    def _own_count(self, body: GenerateContentRequest, *, wait: bool) -> TokenCount:
        from gemini_nb import counting

        return counting.estimated(body, self.model_name, cached=self.cached_tokens, wait=wait)

    def transcribe(
        self,
        audio: Any,
        *,
        start: Any = None,
        end: Any = None,
        speakers: bool = False,
        language: str | None = None,
        schema: bool = True,
    ) -> Transcript:
        """What was said in a recording, and when.

        A long one goes in stretches of ten minutes, several at once; where the call is interrupted,
        the same call goes on with those that are missing. What cannot be true of a time is flagged.
        After an error those on their way are kept. A stretch that the model refuses is a Segment
        without words that says why: ask for it alone with `start` and `end`.

        Args:
            audio: an Audio, a path, bytes, a File, `(samples, rate)`, or what else is a sound.
            start, end: the part that matters, `"02:30"` or seconds.
            speakers: tell them apart.
            language: the one that is spoken, in words.
            schema: ask for JSON; False where a model does better with lines.

        Raises:
            BadPrompt: no recording, silence, or no such place in it.
            ResponseError: the answer is no transcript.
            APIError, NetworkError: see `errors.py`.
        """
        from gemini_nb import transcribe

        how = {"speakers": speakers, "language": language, "schema": schema}
        return transcribe.transcribe(self, audio, start=start, end=end, **how)

    async def transcribe_async(self, audio: Any, **how: Any) -> Transcript:
        """`transcribe`, awaited."""
        from gemini_nb import transcribe

        return await transcribe.transcribe_async(self, audio, **how)

    def start_chat(self, *, history: Any = None) -> ChatSession:
        """A conversation, with the turns of `history` before it."""
        from gemini_nb.chat import ChatSession

        return ChatSession(self, history)


_OPTIONS = ("generation_config", "safety_settings", "tools", "tool_config")


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    for name in options:
        if name not in _OPTIONS:
            raise UnknownName(
                name, owner="generate_content()", known=(*_OPTIONS, "contents", "stream")
            )
    return options


def list_models(*, page_size: int = 50) -> Iterator[Model]:
    """The models that the configured key can use; pages are fetched as they are reached."""
    return clients.default().list_models(page_size=page_size)


def list_models_async(*, page_size: int = 50) -> AsyncIterator[Model]:
    """`list_models` for `async for`."""
    return clients.default().list_models_async(page_size=page_size)


def get_model(name: str) -> Model:
    """One model and its limits (tokens). Raises NotFound."""
    return clients.default().get_model(name)


async def get_model_async(name: str) -> Model:
    """`get_model`, awaited."""
    return await clients.default().get_model_async(name)
