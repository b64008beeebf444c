"""ChatSession: a conversation whose history is always a list of whole turns.

A turn enters the history when its answer is whole; one that failed or was interrupted leaves
nothing behind, so the next turn can be sent as if it had never been. What such a turn did bring is
in `last`. Cells, tasks and threads that speak at once are heard one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from gemini_nb import blocking
from gemini_nb.content import Part
from gemini_nb.errors import ConfigError, GeminiError
from gemini_nb.parts import to_content, to_contents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gemini_nb.content import Content
    from gemini_nb.model import GenerativeModel
    from gemini_nb.stream import Response

# Seconds after which whoever waits looks whether it is its turn.
_STEP = 0.02


def _turn(content: Any) -> Content:
    """What is said now, checked alone: with a history before it an empty turn would pass."""
    return to_contents(to_content(content))[0]


def _answer(response: Response) -> Content | None:
    """What the model said, as it can be sent again; None where there is nothing of the kind."""
    said = response.candidates[0].content if response.candidates else None
    parts = [part for part in said.parts if part != Part()] if said else []
    if response.interrupted or said is None or not parts:
        return None
    return msgspec.structs.replace(said, role=said.role or "model", parts=parts)


@dataclasses.dataclass(eq=False)
class _Place:
    """One who speaks or waits, and the thread it does so on."""

    thread: int = dataclasses.field(default_factory=threading.get_ident)


class _Queue:
    """Who speaks, and who waits to: first come, first served, in threads and tasks alike.

    No lock of threads: a task would have to hold it while it awaits, and a blocking call on its
    thread would then wait for ever.
    """

    def __init__(self) -> None:
        self._line: list[_Place] = []

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, blocking. Raises ConfigError where it could never come."""
        place = _Place()
        if any(one.thread == place.thread for one in tuple(self._line)):
            raise ConfigError(
                "A task of this thread is still speaking in this chat.",
                advice="Await it first, or use send_message_async here as well.",
            )
        try:
            self._line.append(place)
            with blocking.interruptible():
                while self._line[0] is not place:
                    time.sleep(_STEP)
            yield
        finally:
            with contextlib.suppress(ValueError):  # an interrupt came before it stood there
                self._line.remove(place)

    @contextlib.asynccontextmanager
    async def turn_async(self) -> AsyncIterator[None]:
        """`turn` for a task: others of its loop go on meanwhile."""
        place = _Place()
        try:
            self._line.append(place)
            while self._line[0] is not place:  # noqa: ASYNC110 - an Event has one loop alone
                await asyncio.sleep(_STEP)
            yield
        finally:
            with contextlib.suppress(ValueError):  # as above
                self._line.remove(place)


class ChatSession:
    """A conversation with a GenerativeModel; made by `model.start_chat()`."""

    def __init__(self, model: GenerativeModel, history: Any = None) -> None:
        self.model = model
        self._history: list[Content] = to_contents(list(history)) if history else []
        self._pending: tuple[Content, Response] | None = None
        self._last: Response | None = None
        self._queue = _Queue()
        self._change = threading.Lock()  # of the history: held for a moment, never while waiting

    def __repr__(self) -> str:
        return f"<ChatSession {len(self._history)} contents, {self.model!r}>"

    @property
    def history(self) -> list[Content]:
        """The turns so far, the person's and the model's. A streamed answer enters it when read."""
        self._settle()
        return self._history

    @history.setter
    def history(self, turns: Any) -> None:
        self._settle()
        self._history = to_contents(list(turns)) if turns else []

    @property
    def last(self) -> Response | None:
        """The latest answer, whole or not."""
        pending = self._pending
        return pending[1] if pending else self._last

    def _settle(self) -> None:
        """Take a streamed turn that has ended into the history, if it is whole."""
        with self._change:
            if self._pending is None or not self._pending[1].done:
                return
            (said, response), self._pending = self._pending, None
            self._last = response
            answer = _answer(response)
            if answer is not None:
                self._history += [said, answer]

    def send_message(self, content: Any, *, stream: bool = False, **options: Any) -> Response:
        """Say something, with all that was said before.

        A streamed answer that was not read to its end yet is read first; if that fails, its turn
        is as if it had never been. Arguments, result and errors are those of `generate_content`.
        Also raises ConfigError where a task of this very thread is still speaking.
        """
        model = self.model  # another cell may set its own while this one waits
        with self._queue.turn():
            if self._pending is not None:
                with contextlib.suppress(GeminiError):
                    self._pending[1].resolve()
            said = self._begin(content)
            response = model.generate_content([*self._history, said], stream=stream, **options)
            return self._keep(said, response)

    async def send_message_async(
        self, content: Any, *, stream: bool = False, **options: Any
    ) -> Response:
        """`send_message`, awaited."""
        model = self.model
        async with self._queue.turn_async():
            if self._pending is not None:
                with contextlib.suppress(GeminiError):
                    await self._pending[1].resolve_async()
            said = self._begin(content)
            response = await model.generate_content_async(
                [*self._history, said], stream=stream, **options
            )
            return self._keep(said, response)

    def _begin(self, content: Any) -> Content:
        self._settle()
        return _turn(content)

    def _keep(self, said: Content, response: Response) -> Response:
        self._pending = (said, response)
        self._settle()
        return response

    def rewind(self) -> tuple[Content, Content] | None:
        """Take the last turn back: (what was said, the answer), or None where there is none."""
        self._settle()
        with self._change:
            if len(self._history) < 2:  # noqa: PLR2004 - a turn is a pair
                return None
            answer, said = self._history.pop(), self._history.pop()
            return said, answer
