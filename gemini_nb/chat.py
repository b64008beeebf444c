"""ChatSession: a conversation whose history is always a list of whole turns.

A turn enters the history when its answer is whole; one that failed or was interrupted leaves
nothing behind, so the next turn can be sent as if it had never been. What such a turn did bring is
in `last`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from gemini_nb.errors import GeminiError
from gemini_nb.parts import to_content, to_contents

if TYPE_CHECKING:
    from gemini_nb.content import Content
    from gemini_nb.model import GenerativeModel
    from gemini_nb.stream import Response


def _turn(content: Any) -> Content:
    """What is said now, checked alone: with a history before it an empty turn would pass."""
    return to_contents(to_content(content))[0]


async def _acquired(lock: threading.Lock) -> None:
    """Take a lock of threads without blocking this loop; given back if nobody waits any more."""
    taking = asyncio.ensure_future(asyncio.to_thread(lock.acquire))
    try:
        await asyncio.shield(taking)
    except asyncio.CancelledError:
        taking.add_done_callback(lambda _: lock.release())
        raise


class ChatSession:
    """A conversation with a GenerativeModel; made by `model.start_chat()`."""

    def __init__(self, model: GenerativeModel, history: Any = None) -> None:
        self.model = model
        self._history: list[Content] = to_contents(list(history)) if history else []
        self._pending: tuple[Content, Response] | None = None
        self._last: Response | None = None
        self._turn = threading.Lock()

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
        return self._pending[1] if self._pending else self._last

    def _settle(self) -> None:
        """Take a streamed turn that has ended into the history, if it is whole."""
        if self._pending is None or not self._pending[1].done:
            return
        (said, response), self._pending = self._pending, None
        self._last = response
        content = response.candidates[0].content if response.candidates else None
        if not response.interrupted and content is not None and content.parts:
            self._history += [said, content]

    def send_message(self, content: Any, *, stream: bool = False, **options: Any) -> Response:
        """Say something, with all that was said before.

        A streamed answer that was not read to its end yet is read first; if that fails, its turn
        is as if it had never been. Arguments, result and errors are those of `generate_content`.
        """
        with self._turn:
            if self._pending is not None:
                with contextlib.suppress(GeminiError):
                    self._pending[1].resolve()
            said = self._begin(content)
            response = self.model.generate_content([*self._history, said], stream=stream, **options)
            return self._keep(said, response)

    async def send_message_async(
        self, content: Any, *, stream: bool = False, **options: Any
    ) -> Response:
        """`send_message`, awaited."""
        await _acquired(self._turn)
        try:
            if self._pending is not None:
                with contextlib.suppress(GeminiError):
                    await self._pending[1].resolve_async()
            said = self._begin(content)
            response = await self.model.generate_content_async(
                [*self._history, said], stream=stream, **options
            )
            return self._keep(said, response)
        finally:
            self._turn.release()

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
        if len(self._history) < 2:  # noqa: PLR2004 - a turn is a pair
            return None
        answer, said = self._history.pop(), self._history.pop()
        return said, answer
