"""Events → chunks → Response. The Response is fed; nothing here fetches.

A Response is one answer, whole or still arriving. It is complete only when every candidate gave a
`finish_reason` or the prompt was blocked: a stream that just ends raises StreamInterrupted, which
carries what came.
"""

from __future__ import annotations

import contextlib
import textwrap
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from gemini_nb import errors, structs
from gemini_nb.content import (
    Candidate,
    GenerateContentResponse,
    Part,
    PromptFeedback,
    UsageMetadata,
)
from gemini_nb.deltas import Builder, Newer
from gemini_nb.events import EventDecoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def _text(parts: list[Part], *, thoughts: bool = False) -> str:
    return "".join([p.text for p in parts if p.text and bool(p.thought) is thoughts])


class _Answer:
    """What can be read off a whole answer and off a piece of one alike."""

    __slots__ = ()

    if TYPE_CHECKING:
        candidates: Any
        prompt_feedback: Any

    @property
    def _first(self) -> Candidate | None:
        """The first candidate: not just any that a chunk happens to begin with."""
        return next((c for c in self.candidates if not c.index), None)

    @property
    def parts(self) -> list[Part]:
        """The parts of the first candidate."""
        first = self._first
        return first.content.parts if first and first.content else []

    @property
    def thoughts(self) -> str:
        """What the model thought aloud, where `include_thoughts` asked for it."""
        return _text(self.parts, thoughts=True)

    @property
    def finish_reason(self) -> Any:
        """Why the first candidate stopped: a FinishReason, or None while it has not."""
        first = self._first
        return first.finish_reason if first else None

    def _blocked(self) -> errors.BlockedPrompt | None:
        feedback = self.prompt_feedback
        if self.candidates or feedback is None or feedback.block_reason is None:
            return None
        said = f" ({feedback.block_reason_message})" if feedback.block_reason_message else ""
        return errors.BlockedPrompt(
            f"The prompt was blocked: {feedback.block_reason}{said}.",
            response=self,
            reason=str(feedback.block_reason),
        )


class Chunk(_Answer, GenerateContentResponse):
    """One piece of a streamed answer: a GenerateContentResponse with its text at hand."""

    @property
    def text(self) -> str:
        """The text in this piece, `""` where it has none. Raises BlockedPrompt."""
        blocked = self._blocked()
        if blocked:
            raise blocked
        return _text(self.parts)

    def __repr__(self) -> str:
        return f"<Chunk {_text(self.parts)!r}>"


def decode_chunk(data: bytes, *, request: Any = None) -> Chunk:
    """The data of one event → a Chunk. Raises APIError for an error, BadAnswer for no JSON."""
    try:
        chunk = structs.decode(Chunk, data)
    except msgspec.DecodeError:
        inner = data.strip()
        if inner.startswith(b"[") and inner.endswith(b"]"):  # an error may come as an array of one
            return decode_chunk(inner[1:-1], request=request)
        raise errors.BadAnswer("An event of the stream is no JSON.", request=request) from None
    error = chunk.extra.get("error") if chunk.extra else None
    if isinstance(error, dict):
        code = error.get("code")
        raise errors.from_status(code if isinstance(code, int) else 500, error, request=request)
    return chunk


class Source(Protocol):
    """Where the bytes of a streamed Response come from (`blocking.Feed`)."""

    def next(self) -> list[bytes]:
        """The next bytes; blocks. Raises StopIteration at the end."""

    async def anext(self) -> list[bytes]:
        """The next bytes. Raises StopAsyncIteration at the end."""

    def close(self) -> None:
        """Stop: the connection is closed."""


class Response(_Answer):
    """One answer. A streamed one fills as it is iterated, and is whole after `resolve()`.

    Attributes:
        request: the Request that it answers.
        interrupted: True where it was stopped before it was whole.
        error: what ended it early, else None.
    """

    def __init__(self, request: Any = None, source: Source | None = None) -> None:
        self.request = request
        self.interrupted = False
        self.error: BaseException | None = None
        self._source = source
        self._events = EventDecoder()
        self._failure: errors.GeminiError | None = None  # raised when what came before it is read
        self._chunks: list[Chunk] = []
        self._builders: dict[int, Builder] = {}
        self._rest = GenerateContentResponse()
        self._built: GenerateContentResponse | None = None

    # -- filling

    def feed(self, chunk: Chunk) -> None:
        """Take one chunk in."""
        self._chunks.append(chunk)
        self._built = None
        _REST.keep(self._rest, chunk)
        for delta in chunk.candidates:
            index = delta.index or 0
            if index not in self._builders:
                self._builders[index] = Builder()
            self._builders[index].add(delta)

    def finish(self) -> None:
        """Say that nothing more comes. Raises StreamInterrupted where the answer is not whole."""
        self._source = None
        whole = self._builders and all(b.candidate.finish_reason for b in self._builders.values())
        if whole or self._blocked():
            return
        self.interrupted = True
        came = f"after {len(self._so_far()):,} characters" if self._builders else "before any text"
        self.error = errors.StreamInterrupted(
            f"The answer broke off {came}: no finishReason came.", response=self
        )
        raise self.error

    def _stop(self, error: BaseException) -> None:
        """Something ended the reading: keep what came, close the connection."""
        if isinstance(error, errors.GeminiError):
            error.response = self
        if not isinstance(error, GeneratorExit):
            self.error = error
        self.close()

    def close(self) -> None:
        """Stop a stream that is no longer wanted; what came is kept."""
        if self._source is not None:
            self.interrupted = True
            source, self._source = self._source, None
            source.close()

    def __del__(self) -> None:
        if getattr(self, "_source", None) is not None:
            self.close()

    # -- reading

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks, those that already came first.

        Leaving the loop early stops the request: nothing more is paid for, and what came is kept
        (so a `next(iter(response))` takes the first chunk and ends the rest). A stream that broke
        raises once; then it is `interrupted`, and has what came.
        Raises what ends the stream early: APIError, NetworkError, StreamInterrupted,
        KeyboardInterrupt.
        """
        seen = 0
        try:
            while True:
                while seen < len(self._chunks):
                    seen += 1
                    yield self._chunks[seen - 1]
                source = self._open_source()
                if source is None:
                    return
                try:
                    data = source.next()
                except StopIteration:
                    self._take_last()
                else:
                    self._take(data)
        except BaseException as error:
            self._stop(error)
            raise

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """The chunks, as `async for` takes them; see `__iter__`."""
        seen = 0
        try:
            while True:
                while seen < len(self._chunks):
                    seen += 1
                    yield self._chunks[seen - 1]
                source = self._open_source()
                if source is None:
                    return
                try:
                    data = await source.anext()
                except StopAsyncIteration:
                    self._take_last()
                else:
                    self._take(data)
        except BaseException as error:
            self._stop(error)
            raise

    def _open_source(self) -> Source | None:
        """The source, where there may be more; all that came so far was read."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return self._source

    def _take(self, data: list[bytes]) -> None:
        try:
            for event in self._events.feed(b"".join(data)):
                self.feed(decode_chunk(event, request=self.request))
        except errors.GeminiError as error:
            self._failure = error

    def _take_last(self) -> None:
        rest = self._events.close()
        # An event that was cut in the middle is no answer; `finish` finds that it is missing.
        with contextlib.suppress(errors.BadAnswer):
            if rest:
                self.feed(decode_chunk(rest, request=self.request))
        self.finish()

    def resolve(self) -> Response:
        """Wait for the rest of the stream; does nothing where the answer is whole."""
        for _ in self:
            pass
        return self

    async def resolve_async(self) -> Response:
        """`resolve`, awaited."""
        async for _ in self:
            pass
        return self

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self._source is None

    @property
    def body(self) -> GenerateContentResponse:
        """The whole as one object of the wire, as far as it came."""
        if self._built is None:
            built = [self._builders[i].build() for i in sorted(self._builders)]
            self._rest.candidates = built
            self._built = self._rest
        return self._built

    @property
    def candidates(self) -> list[Candidate]:
        """The answers, one unless `candidate_count` asked for more."""
        return self.body.candidates

    @property
    def usage_metadata(self) -> UsageMetadata | None:
        """Tokens used, as the service counts them."""
        return self.body.usage_metadata

    @property
    def prompt_feedback(self) -> PromptFeedback:
        """Why the prompt was refused; empty where it was not."""
        return self.body.prompt_feedback or PromptFeedback()

    @property
    def model_version(self) -> str | None:
        """The model that really answered."""
        return self.body.model_version

    @property
    def response_id(self) -> str | None:
        """The service's name for this answer."""
        return self.body.response_id

    def _so_far(self) -> str:
        return _text(self.parts)

    @property
    def text(self) -> str:
        """What the model said, exactly; a streamed answer is read to its end first.

        Raises BlockedPrompt where the prompt was refused, StoppedEarly where the answer ended for
        any other reason than STOP before it had any text, and what broke the stream.
        """
        if not self.done:
            self.resolve()
        blocked = self._blocked()
        if blocked:
            raise blocked
        text = self._so_far()
        reason = str(self.finish_reason or "STOP")
        if text or reason == "STOP" or any(part.text is None for part in self.parts):
            return text
        said = self._first.finish_message if self._first else None
        raise errors.StoppedEarly(
            f"The answer ended before any text: {reason}{f' ({said})' if said else ''}.",
            response=self,
            reason=reason,
            advice="Allow more with max_output_tokens (--max-tokens); thinking uses them, too."
            if reason == "MAX_TOKENS"
            else "",
        )

    def to_dict(self) -> dict[str, Any]:
        """The whole answer as the API's JSON."""
        return self.body.to_dict()

    # -- showing

    def __repr__(self) -> str:
        text = self._so_far()
        if self._blocked():
            state = f"blocked: {self.prompt_feedback and self.prompt_feedback.block_reason}"
        elif self.interrupted:
            state = "interrupted"
        else:
            state = str(self.finish_reason or "…")
        shown = textwrap.shorten(text, 60, placeholder="…")
        return f"<Response {shown!r} {state}>"

    def _repr_markdown_(self) -> str:
        from gemini_nb.display.html import neutral_markdown

        return neutral_markdown(self._so_far())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from gemini_nb.display.html import terminal_text

        plain = terminal_text(self._so_far()) or repr(self)
        return {"text/markdown": self._repr_markdown_(), "text/plain": plain}


_REST = Newer(GenerateContentResponse, but=("candidates",))
