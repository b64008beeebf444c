"""An answer that appears as it is written, and stays as one plain output.

Four ways, chosen by where it runs (`places.py`): a page with widgets gets deltas, at most 18 times
a second; other notebooks get updates of one display, the rarer the longer it is; a run that nobody
watches (nbval, nbclient, nbconvert, papermill) gets exactly one display, at the end, since replays
ignore updates; a terminal gets the text as it comes.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from gemini_nb import blocking
from gemini_nb.content import Part
from gemini_nb.display import static, terminal
from gemini_nb.display.document import Document, Text, closed, sources
from gemini_nb.display.places import place
from gemini_nb.display.slot import slot

if TYPE_CHECKING:
    from collections.abc import Callable

    import ipywidgets

    from gemini_nb.chunks import Chunk
    from gemini_nb.display.badge import Before, Used
    from gemini_nb.stream import Response
    from gemini_nb.widgets.player import Player

# A reader sees no difference above some updates a second, and the server drops messages far above
# it. Each message brings 0.5 KB of headers, which is most of what a widget costs.
_FRAME = 1 / 18
# Characters a second that updates of the whole text may come to: the page lays out all of them.
_PACE = 200_000
# When a widget gets the whole text so far, in seconds: its view may begin to listen only then.
# Later on the time between two doubles, so all of them together are about the text once or twice.
_BASES = (0.05, 0.1, 0.2, 0.35, 0.5)
# While it streams, JSON and code are still incomplete: a widget shows them as text, in a fence that
# no answer closes.
_FENCE = f"{'`' * 40}\n"
_FENCES = re.compile(r"^[ >]*(?:```|~~~)", re.MULTILINE)


class LiveMarkdown:
    """One answer on the screen: `write` or `take` what comes, `close` with what it became.

    Args:
        how: what the final output is.
        stop: cancels the request, for an answer that no cell waits for; else the Stop button
            interrupts the kernel.
        out: the Output to show it in, for a thread that a widget's callback began: what such a
            thread displays gets lost, `with out:` or not.
        badge: the line that is there at once; None: no such line, neither before nor after.
    """

    def __init__(
        self,
        how: static.Format = "markdown",
        stop: Callable[[], Any] | None = None,
        badge: Before | None = None,
        out: ipywidgets.Output | None = None,
    ) -> None:
        self._how = how
        self._document = Document()
        self._has_badge = badge is not None
        where = place()
        self._shows_media = where != "terminal"
        self._way: Any
        if where == "terminal":
            self._way = terminal.best(how, badge)
        elif where == "widget":
            self._way = _Widget(how, stop, badge, out)
        else:
            self._way = _Display(how, badge, out, is_live=where != "once")

    def write(self, delta: str) -> None:
        """Show more text, soon."""
        self.add(Part(text=delta))

    def add(self, part: Part) -> None:
        """Show a part, soon, where there is a place for it."""
        if part.text is None and self._how != "markdown":
            return
        is_thought, piece = self._document.add(part)
        if piece:
            (self._way.think if is_thought else self._way.write)(piece)

    def take(self, chunk: Chunk) -> None:
        """Show a chunk: its parts in their order, and its counts. Raises BlockedPrompt."""
        usage = chunk.usage_metadata
        if usage and usage.candidates_token_count:
            self._way.count(usage.candidates_token_count)
        if chunk.text or chunk.parts:  # looking at the text raises where the prompt was blocked
            for part in chunk.parts:
                self.add(part)

    def drop(self) -> None:
        """Nothing came, and nothing will: leave nothing behind."""
        self._way.drop(None)

    def close(
        self,
        response: Response,
        seconds: float,
        used: Used | None = None,
        sound: Player | None = None,
    ) -> None:
        """Leave the final output: the whole text, marked where it is not the whole answer.

        What was `used` stands below it, where there is a badge. The player of a spoken answer
        follows, or stands in the place of the text where there is none.
        """
        used = used if self._has_badge else None
        text, thoughts = str(self._document.said), str(self._document.thoughts)
        if sound is not None and self._shows_media and not f"{text}{thoughts}".strip():
            data = sound._repr_mimebundle_()
            self._way.close("", data, static.metadata(response, seconds), used)
            return
        self._close(response, seconds, used, text, thoughts)
        if sound is not None:
            sound.show()

    def _close(
        self, response: Response, seconds: float, used: Used | None, text: str, thoughts: str
    ) -> None:
        if not text and not thoughts:
            # An error card says why, or there was nothing to say; it may have its price, though.
            self._way.drop(used if used and used.usage else None)
            return
        how, mark = self._how, static.mark(response)
        if how == "markdown":
            text += sources(response.candidates[0] if response.candidates else None)
        if mark:  # half a JSON is a text
            how = "markdown" if how == "markdown" else "text"
            text = closed(text) + mark
        data = static.bundle(text, how, thoughts)
        self._way.close(text, data, static.metadata(response, seconds), used)


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


class _Later:
    """Calls back after a while, for the cell that began it: what it sends belongs there."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.lock = threading.RLock()
        self._call = call
        self._context = contextvars.copy_context()
        self._at = math.inf  # when it will call, by the monotonic clock
        self._is_over = False

    def ask(self, seconds: float) -> None:
        """Call in so many seconds, unless a call is due before."""
        seconds = max(0.0, seconds)
        at = time.monotonic() + seconds
        with self.lock:
            if at >= self._at:
                return
            self._at = at
        loop = blocking.loop()
        if _is_running(loop):  # it need not be woken
            loop.call_later(seconds, self._wake, at)
        else:
            loop.call_soon_threadsafe(loop.call_later, seconds, self._wake, at)

    def is_due(self, seconds: float) -> bool:
        """Whether it will call within so many seconds, and is not late."""
        return 0 <= self._at - time.monotonic() <= seconds

    def _wake(self, at: float) -> None:
        with self.lock:
            if at != self._at or self._is_over:  # another call took its place
                return
            self._at = math.inf
            self._context.copy().run(self._call)

    def end(self) -> None:
        """No more calls. Whoever holds the lock knows that none runs."""
        self._is_over = True


class _Display:
    """One display, updated with the whole text, or shown once at the end."""

    def __init__(
        self,
        how: static.Format,
        badge: Before | None,
        out: ipywidgets.Output | None,
        *,
        is_live: bool,
    ) -> None:
        # While it streams, JSON and code are still incomplete: they are shown as text.
        self._how: static.Format = how if how == "markdown" else "text"
        self._is_live = is_live
        self._text = Text()
        self._out = out
        self._slot = slot(out, is_live=is_live)
        self._next_at = 0.0
        self._later = _Later(self._step)
        self._badge = badge.bundle() if badge and is_live else None
        if self._badge:
            self._slot.show(self._so_far(""), {})

    def write(self, delta: str) -> None:
        with self._later.lock:
            self._text.write(delta)
            if self._is_live:
                self._step()

    def _step(self) -> None:
        wait = self._next_at - time.monotonic()
        if wait > 0:
            self._later.ask(wait)
            return
        text = str(self._text)
        self._slot.show(self._so_far(text), {})
        self._next_at = time.monotonic() + max(_FRAME, len(text) / _PACE)

    def _so_far(self, text: str) -> static.Bundle:
        """The text, and below it the badge."""
        if self._badge is None:
            return static.bundle(text, self._how)
        # The badge would be code where a fence is still open. With pairs of them none is, most
        # likely; to be sure costs as much as all the rest.
        is_open = self._how == "markdown" and len(_FENCES.findall(text)) % 2
        shown = static.bundle(closed(text) if is_open else text, self._how)
        return {
            kind: f"{said}\n\n{self._badge[kind]}" if said else self._badge[kind]
            for kind, said in shown.items()
        }

    def think(self, delta: str) -> None:
        """Thoughts have no place in a plain display before its end."""

    def count(self, tokens: int) -> None:
        """Nor have counts."""

    def drop(self, used: Used | None) -> None:
        """Nothing but the badge was shown."""
        if self._badge:
            self.close("", {}, {}, used)

    def close(
        self, _text: str, data: static.Bundle, facts: dict[str, Any], used: Used | None
    ) -> None:
        with self._later.lock:
            self._later.end()
            self._slot.show(data, facts)
        if used and self._is_live:
            slot(self._out, is_live=False).show(used.bundle(), {})


class _Widget:
    """A widget while it streams, then the same display as everywhere."""

    def __init__(
        self,
        how: static.Format,
        stop: Callable[[], Any] | None,
        badge: Before | None,
        out: ipywidgets.Output | None,
    ) -> None:
        from gemini_nb.widgets.stream import Channel

        self._waiting: dict[str, list[str]] = {"d": [], "thought": []}
        self._tokens = 0
        self._sent_at = 0.0
        self._is_behind = False
        self._later = _Later(self._step)
        self._thinks = how == "markdown"  # other formats have no place for thoughts
        self._opening = "" if how == "markdown" else _FENCE
        said = {"badge": badge.facts()} if badge else {}
        self._channel = Channel(stop, lambda: self._later.ask(0), **said)
        if self._opening:
            self._channel.status(plain=True)
        self._began = self._based_at = time.monotonic()
        self._slot = slot(out, self._channel.name)
        self._slot.show(self._channel.bundle, {})
        self._channel.shown(self._slot.cell)

    def write(self, delta: str) -> None:
        opening, self._opening = self._opening, ""
        self._take("d", opening + delta)

    def think(self, delta: str) -> None:
        if self._thinks:
            self._take("thought", delta)

    def count(self, tokens: int) -> None:
        self._tokens = tokens

    def _take(self, kind: str, delta: str) -> None:
        with self._later.lock:
            self._waiting[kind].append(delta)
            if not self._later.is_due(_FRAME):
                self._step()

    def _step(self) -> None:
        """Send what is due, and see to it that the rest will be."""
        now = time.monotonic()
        if now >= self._sent_at + _FRAME and any(self._waiting.values()):
            self._flush()
            self._sent_at = now
        if self._channel.wants_base or (self._is_behind and now >= self._next_base()):
            self._channel.push()
            self._based_at = now
            self._is_behind = False
        # Also where nothing waits: more comes, most likely, and then nobody need be woken for it.
        dues = [self._sent_at + _FRAME] if now < self._sent_at + _FRAME else []
        dues += [self._next_base()] if self._is_behind else []
        if dues:
            self._later.ask(min(dues) - now)

    def _flush(self) -> None:
        self._channel.status(tokens=self._tokens)
        for kind, pieces in self._waiting.items():
            if pieces:
                self._channel.piece(kind, "".join(pieces))
                pieces.clear()
                # A view that is there asks for what it misses.
                self._is_behind = not self._channel.is_heard

    def _next_base(self) -> float:
        since = self._based_at - self._began
        return self._began + next((at for at in _BASES if at > since), 2 * since)

    def drop(self, used: Used | None) -> None:
        """Nothing came: an output that holds nothing takes no room."""
        self.close("", {}, {}, used)

    def close(
        self, _text: str, data: static.Bundle, facts: dict[str, Any], used: Used | None
    ) -> None:
        said = {"used": used.facts()} if used else {}
        with self._later.lock:
            self._later.end()
            self._flush()
            self._channel.end({"data": data, "metadata": facts}, self._slot.again, **said)
        self._slot.show(data, facts)
