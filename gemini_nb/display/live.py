"""An answer that appears as it is written, and stays as one plain output.

Three ways, chosen by where it runs: a notebook that a person looks at gets at most 20 updates a
second of one display; a run that nobody watches (nbval, nbclient, nbconvert, papermill) gets
exactly one display, at the end, since replays ignore updates; a terminal gets the text as it comes.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Literal

from gemini_nb.display import static
from gemini_nb.display.html import terminal_text

if TYPE_CHECKING:
    from gemini_nb.stream import Response

Place = Literal["notebook", "replay", "terminal"]

# A reader sees no difference above 20 updates a second, and the server drops messages far above it.
_FRAME = 1 / 20


def place() -> Place:
    """Where this process shows its output."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return "terminal"
    # Front ends with a person in front allow a cell to ask for input; runners never do.
    return "notebook" if getattr(kernel, "_allow_stdin", True) else "replay"


class LiveMarkdown:
    """One answer on the screen: `write` what comes, `close` with what it became."""

    def __init__(self, how: static.Format = "markdown") -> None:
        self._how = how
        self._place = place()
        self._pieces: list[str] = []
        self._handle: Any = None
        self._shown_at = 0.0

    def write(self, delta: str) -> None:
        """Show more text, soon."""
        if not delta:
            return
        self._pieces.append(delta)
        if self._place == "terminal":
            if self._how in ("markdown", "text"):
                sys.stdout.write(terminal_text(delta))
                sys.stdout.flush()
            return
        now = time.monotonic()
        if self._place == "notebook" and now - self._shown_at >= _FRAME:
            self._show(static.bundle("".join(self._pieces), self._live_format), {})
            self._shown_at = time.monotonic()

    @property
    def _live_format(self) -> static.Format:
        """While it streams, JSON and code are still incomplete: they are shown as text."""
        return self._how if self._how == "markdown" else "text"

    def _show(self, data: static.Bundle, metadata: dict[str, Any]) -> None:
        from IPython.display import DisplayHandle, display

        if self._place == "replay":  # without an id: it would be another one in each run
            display(data, raw=True, metadata=metadata)
        elif self._handle is None:
            # The handle first: an interrupt while it displays must not lead to a second display.
            self._handle = DisplayHandle()
            self._handle.display(data, raw=True, metadata=metadata)
        else:
            self._handle.update(data, raw=True, metadata=metadata)

    def close(self, response: Response, seconds: float) -> None:
        """Leave the final output: the whole text, marked where it is not the whole answer."""
        text = "".join(self._pieces)
        if not text:
            return  # an error card says why, or there was nothing to say
        if self._how in ("markdown", "text"):
            text += static.mark(response)
        if self._place != "terminal":
            self._show(static.bundle(text, self._how), static.metadata(response, seconds))
        elif self._how in ("markdown", "text"):
            sys.stdout.write(text[sum(map(len, self._pieces)) :] + "\n")
        else:
            sys.stdout.write(f"{static.bundle(text, self._how)['text/plain']}\n")
