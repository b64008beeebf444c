"""An answer that appears as it is written, and stays as one plain output.

Four ways, chosen by where it runs (`places.py`): a page with widgets gets deltas, at most 18 times
a second; other notebooks get as many updates of one display; a run that nobody watches (nbval,
nbclient, nbconvert, papermill) gets exactly one display, at the end, since replays ignore updates;
a terminal gets the text as it comes.
"""

from __future__ import annotations

import contextvars
import threading
import time
from typing import TYPE_CHECKING, Any

from gemini_nb import blocking
from gemini_nb.display import static, terminal
from gemini_nb.display.places import place

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemini_nb.chunks import Chunk
    from gemini_nb.stream import Response

# A reader sees no difference above some updates a second, and the server drops messages far above
# it. Each message brings 0.5 KB of headers, which is most of what a widget costs.
_FRAME = 1 / 18
# When a widget gets the whole text so far, in seconds: its view may begin to listen only then.
# Later on the time between two doubles, so all of them together are about the text once or twice.
_BASES = (0.05, 0.1, 0.2, 0.35, 0.5)


class LiveMarkdown:
    """One answer on the screen: `write` what comes, `close` with what it became.

    Args:
        how: what the final output is.
        stop: cancels the request, for an answer that no cell waits for; else the Stop button
            interrupts the kernel.
    """

    def __init__(
        self, how: static.Format = "markdown", stop: Callable[[], Any] | None = None
    ) -> None:
        self._how = how
        self._pieces: list[str] = []
        where = place()
        self._way: Any
        if where == "terminal":
            self._way = terminal.best(how)
        elif where == "widget" and how == "markdown":
            self._way = _Widget(stop)
        else:
            self._way = _Display(how, is_live=where != "once")

    def write(self, delta: str) -> None:
        """Show more text, soon."""
        if delta:
            self._pieces.append(delta)
            self._way.write(delta)

    def take(self, chunk: Chunk) -> None:
        """Show a chunk: its text, and its thoughts and counts where there is a place for them."""
        text = chunk.text
        usage = chunk.usage_metadata
        if usage and usage.candidates_token_count:
            self._way.count(usage.candidates_token_count)
        if chunk.thoughts:
            self._way.think(chunk.thoughts)
        self.write(text)

    def close(self, response: Response, seconds: float) -> None:
        """Leave the final output: the whole text, marked where it is not the whole answer."""
        text = "".join(self._pieces)
        if not text:
            self._way.drop()  # an error card says why, or there was nothing to say
            return
        if self._how in ("markdown", "text"):
            text += static.mark(response)
        data, facts = static.bundle(text, self._how), static.metadata(response, seconds)
        self._way.close(text, data, facts)


class _Display:
    """One display, updated with the whole text, or shown once at the end."""

    def __init__(self, how: static.Format, *, is_live: bool) -> None:
        # While it streams, JSON and code are still incomplete: they are shown as text.
        self._how: static.Format = how if how == "markdown" else "text"
        self._is_live = is_live
        self._pieces: list[str] = []
        self._handle: Any = None
        self._shown_at = 0.0

    def write(self, delta: str) -> None:
        self._pieces.append(delta)
        if self._is_live and time.monotonic() - self._shown_at >= _FRAME:
            self._show(static.bundle("".join(self._pieces), self._how), {})
            self._shown_at = time.monotonic()

    def think(self, delta: str) -> None:
        """Thoughts have no place in a plain display."""

    def count(self, tokens: int) -> None:
        """Nor have counts."""

    def drop(self) -> None:
        """Nothing was shown."""

    def close(self, _text: str, data: static.Bundle, facts: dict[str, Any]) -> None:
        self._show(data, facts)

    def _show(self, data: static.Bundle, metadata: dict[str, Any]) -> None:
        from IPython.display import DisplayHandle, display

        if not self._is_live:  # without an id: it would be another one in each run
            display(data, raw=True, metadata=metadata)
        elif self._handle is None:
            # The handle first: an interrupt while it displays must not lead to a second display.
            self._handle = DisplayHandle()
            self._handle.display(data, raw=True, metadata=metadata)
        else:
            self._handle.update(data, raw=True, metadata=metadata)


class _Widget:
    """A widget while it streams, then the same display as everywhere."""

    def __init__(self, stop: Callable[[], Any] | None) -> None:
        self._stop = stop
        self._channel: Any = None
        self._handle: Any = None
        self._waiting: dict[str, list[str]] = {"d": [], "thought": []}
        self._tokens = 0
        self._began = self._sent_at = self._based_at = 0.0
        self._is_behind = self._is_due = self._is_closed = False
        self._lock = threading.RLock()
        # Frames that a timer sends belong to the cell that began them.
        self._context = contextvars.copy_context()

    def write(self, delta: str) -> None:
        self._take("d", delta)

    def think(self, delta: str) -> None:
        self._take("thought", delta)

    def count(self, tokens: int) -> None:
        self._tokens = tokens

    def _take(self, kind: str, delta: str) -> None:
        with self._lock:
            self._waiting[kind].append(delta)
            if self._channel is None:
                self._open()
            self._step()

    def _open(self) -> None:
        from IPython.display import DisplayHandle

        from gemini_nb.widgets.stream import Channel

        self._channel = Channel(self._stop)
        self._began = self._based_at = time.monotonic()
        self._handle = DisplayHandle()
        self._handle.display(self._channel.bundle, raw=True)

    def _step(self) -> None:
        """Send what is due, and see to it that the rest will be."""
        now = time.monotonic()
        if now - self._sent_at >= _FRAME:
            self._flush()
            self._sent_at = time.monotonic()
        if self._channel.wants_base or (self._is_behind and now >= self._next_base()):
            self._channel.push()
            self._based_at = now
            self._is_behind = False
        self._remind(now)

    def _flush(self) -> None:
        for kind, pieces in self._waiting.items():
            if pieces:
                self._channel.piece(kind, "".join(pieces))
                pieces.clear()
                # A view that is there asks for what it misses.
                self._is_behind = not self._channel.is_heard
        self._channel.status(tokens=self._tokens)

    def _next_base(self) -> float:
        since = self._based_at - self._began
        return self._began + next((at for at in _BASES if at > since), 2 * since)

    def _remind(self, now: float) -> None:
        """Have what is left sent in time, also where nothing more comes for a while."""
        dues = [self._sent_at + _FRAME] if any(self._waiting.values()) else []
        dues += [self._next_base()] if self._is_behind else []
        if not dues or self._is_due:
            return
        self._is_due = True
        loop, wait = blocking.loop(), max(0.0, min(dues) - now)
        loop.call_soon_threadsafe(lambda: loop.call_later(wait, self._wake))

    def _wake(self) -> None:
        with self._lock:
            self._is_due = False
            if not self._is_closed:
                self._context.copy().run(self._step)

    def drop(self) -> None:
        """Thoughts alone came: they end, and leave nothing to save."""
        self._end("")
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)

    def close(self, text: str, data: static.Bundle, facts: dict[str, Any]) -> None:
        self._end(text)
        self._handle.update(data, raw=True, metadata=facts)

    def _end(self, text: str) -> None:
        with self._lock:
            self._is_closed = True
            if self._channel is not None:
                self._flush()
                self._channel.end(text)
