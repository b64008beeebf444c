"""Chunks → Response. The Response is fed; nothing here fetches.

A Response is one answer, whole or still arriving. It is complete only when every candidate gave a
`finish_reason` or the prompt was blocked: a stream that just ends raises StreamInterrupted, which
carries what came.
"""

from __future__ import annotations

import asyncio
import contextlib
import textwrap
import threading
from typing import TYPE_CHECKING, Any, Protocol

from gemini_nb import errors
from gemini_nb.chunks import Answer, Chunk, decode_chunk, text_of
from gemini_nb.content import Candidate, GenerateContentResponse, PromptFeedback, UsageMetadata
from gemini_nb.deltas import Builder, Newer
from gemini_nb.events import EventDecoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from gemini_nb.audio import Audio


# Seconds after which one reader looks at what another has read.
_STEP = 0.02


class Source(Protocol):
    """Where the bytes of a streamed Response come from (`blocking.Feed`)."""

    def next(self) -> list[bytes]:
        """The next bytes; blocks. Raises StopIteration at the end."""

    async def anext(self) -> list[bytes]:
        """The next bytes. Raises StopAsyncIteration at the end."""

    def close(self) -> None:
        """Stop: the connection is closed."""


class Response(Answer):
    """One answer. A streamed one fills as it is iterated, and is whole after `resolve()`.

    Attributes:
        request: the Request that it answers.
        interrupted: True where it was stopped before it was whole.
        error: what ended it early, else None.
        earlier: the errors of tries before this one.
    """

    def __init__(
        self,
        request: Any = None,
        source: Source | None = None,
        earlier: list[errors.GeminiError] | None = None,
        over: Callable[[Response], None] | None = None,
    ) -> None:
        self.request = request
        self._over = over  # called once, when nothing more will come
        self.earlier: list[errors.GeminiError] = [] if earlier is None else earlier
        self.interrupted = False
        self.error: BaseException | None = None
        self._source = source
        self._events = EventDecoder()
        self._failure: errors.GeminiError | None = None  # raised when what came before it is read
        self._begun = False
        # Readers of other threads go one by one, or their batches would change places; those of
        # one thread cannot, since none can run between another's read and its taking in.
        self._reading = threading.RLock()
        self._readers: set[object] = set()
        # Who looks builds from what another thread is just taking in.
        self._filling = threading.RLock()
        self._chunks: list[Chunk] = []
        self._builders: dict[int, Builder] = {}
        self._rest = GenerateContentResponse()
        self._built: GenerateContentResponse | None = None

    # -- filling

    def feed(self, chunk: Chunk) -> None:
        """Take one chunk in."""
        with self._filling:
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
            self._end()
            return
        self.interrupted = True
        self.error = self._broken("The service did not say why (no finishReason).")
        self._end()
        raise self.error

    def _broken(self, why: str) -> errors.StreamInterrupted:
        came = f"after {len(self._so_far()):,} characters" if self._builders else "before any text"
        return errors.StreamInterrupted(f"The answer broke off {came}. {why}", response=self)

    def _stop(self, error: BaseException) -> None:
        """Something ended the reading: keep what came, close the connection."""
        if isinstance(error, errors.GeminiError):
            error.response = self
        elif len(self._readers) > 1:  # one of several leaves
            return
        if not isinstance(error, GeneratorExit):
            self.error = error
        self.close()

    def close(self) -> None:
        """Stop a stream that is no longer wanted; what came is kept."""
        if self._source is not None:
            self.interrupted = True
            source, self._source = self._source, None
            source.close()
            self._end()

    def _end(self) -> None:
        """Say once, to whoever wants to know, that this is over."""
        over = self.__dict__.pop("_over", None)  # at one stroke: threads may close it together
        if over is not None:
            over(self)

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
        seen, place, opened = 0, object(), not self.done
        self._readers.add(place)
        try:
            while True:
                while seen < len(self._chunks):
                    seen += 1
                    yield self._chunks[seen - 1]
                source = self._open_source(opened=opened)
                if source is None:
                    return
                self._pull(source, seen)
        except BaseException as error:
            self._stop(error)
            raise
        finally:
            self._readers.discard(place)

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """The chunks, as `async for` takes them; see `__iter__`."""
        seen, place, opened = 0, object(), not self.done
        self._readers.add(place)
        try:
            while True:
                while seen < len(self._chunks):
                    seen += 1
                    yield self._chunks[seen - 1]
                source = self._open_source(opened=opened)
                if source is None:
                    return
                await self._pull_async(source, seen)
        except BaseException as error:
            self._stop(error)
            raise
        finally:
            self._readers.discard(place)

    def _pull(self, source: Source, seen: int) -> None:
        """Take in what comes next; or nothing, where another reader brings it."""
        if not self._reading.acquire(timeout=_STEP):
            return
        try:
            if not self._has_more(seen):
                self._take(source.next())
        except StopIteration:
            self._take_last()
        except errors.NetworkError as error:
            raise self._cut(error) from None
        except asyncio.CancelledError:
            if not self.done:  # else somebody else has closed it
                raise
        finally:
            self._reading.release()

    async def _pull_async(self, source: Source, seen: int) -> None:
        """`_pull`, awaited."""
        if not self._reading.acquire(blocking=False):
            await asyncio.sleep(_STEP)
            return
        try:
            if not self._has_more(seen):
                self._take(await source.anext())
        except StopAsyncIteration:
            self._take_last()
        except errors.NetworkError as error:
            raise self._cut(error) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.done or (task and task.cancelling()):
                raise
        finally:
            self._reading.release()

    def _open_source(self, *, opened: bool) -> Source | None:
        """The source, where there may be more; all that came so far was read."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if opened and self._source is None and isinstance(self.error, errors.GeminiError):
            raise self.error  # found by another reader; no reader takes a part for the whole
        return self._source

    def _has_more(self, seen: int) -> bool:
        """Whether another reader brought something in the meantime."""
        return seen < len(self._chunks) or self._failure is not None or self.done

    def _cut(self, error: errors.NetworkError) -> errors.GeminiError:
        """A connection that ends in the middle of an answer is an answer that is not whole."""
        if self._begun and type(error) is errors.NetworkError:
            return self._broken(error.message)
        return error

    def _take(self, data: list[bytes]) -> None:
        self._begun = True
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
        with self._filling:
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
        return self._rest.usage_metadata

    @property
    def prompt_feedback(self) -> PromptFeedback:
        """Why the prompt was refused; empty where it was not."""
        return self._rest.prompt_feedback or PromptFeedback()

    @property
    def model_version(self) -> str | None:
        """The model that really answered."""
        return self._rest.model_version

    @property
    def response_id(self) -> str | None:
        """The service's name for this answer."""
        return self._rest.response_id

    @property
    def maybe_billed(self) -> int:
        """How many tries before this one may have been billed, too: they broke once sent."""
        return sum(bool(getattr(error, "sent", False)) for error in self.earlier)

    def _so_far(self) -> str:
        return text_of(self.parts)

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

    @property
    def audio(self) -> Audio | None:
        """What the model spoke (`.data` is a file), None where it did not; read as `text` is."""
        self.resolve()
        return super().audio

    def to_dict(self) -> dict[str, Any]:
        """The whole answer as the API's JSON."""
        return self.body.to_dict()

    def __getstate__(self) -> dict[str, Any]:
        """An answer that is whole, or was stopped, goes to another process."""
        alone: dict[str, Any] = {
            "_reading": None,
            "_filling": contextlib.nullcontext(),
            "_readers": set(),
        }
        return {**self.__dict__, **alone, "_over": None}

    # -- showing

    def __repr__(self) -> str:
        text = self._so_far()
        if self._blocked():
            state = f"blocked: {self.prompt_feedback and self.prompt_feedback.block_reason}"
        elif self.interrupted:
            state = "interrupted"
        else:
            state = str(self.finish_reason or "…")
        shown = repr(textwrap.shorten(text, 60, placeholder="…"))
        return f"<Response {shown if text else super().audio or shown} {state}>"

    def _said(self) -> str:
        """All parts as Markdown, without what was thought."""
        from gemini_nb.display.document import Document

        document = Document()
        for part in self.parts:
            document.add(part)
        return str(document.said)

    def _repr_markdown_(self) -> str:
        return self._repr_mimebundle_()["text/markdown"]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from gemini_nb.display.document import without_images
        from gemini_nb.display.html import neutral_markdown, terminal_text

        sound = super().audio
        heard = f"*{repr(sound)[1:-1]}*" if sound else ""
        said = "\n\n".join(filter(None, [self._said(), heard]))
        plain = terminal_text(without_images(said)) or repr(self)
        return {"text/markdown": neutral_markdown(said), "text/plain": plain}


_REST = Newer(GenerateContentResponse, but=("candidates",))
