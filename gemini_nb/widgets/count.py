"""The tokens of what is being typed, in one quiet line beside it.

Importing this imports ipywidgets, so it is done where a widget is shown. It counts text alone: what
a whole prompt has, and costs, is said before it is sent.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import ipywidgets

from gemini_nb import settings
from gemini_nb.tokens import vocabulary
from gemini_nb.tokens.edited import Edited

PAUSE = 0.15
"""Seconds without a keystroke after which what was typed is counted."""
# The notebook's own colours, dark ones as well.
_LINE = (
    '<span style="color: var(--jp-ui-font-color2, gray);'
    ' font-size: var(--jp-ui-font-size1, 13px)">{}</span>'
)


class TokenLine(ipywidgets.HTML):
    """`1,234 tokens` of the text in another widget, or `≈ 1,234 tokens`; it follows the typing.

    Counting has a thread of its own, which ends where there is nothing to count.

    Args:
        followed: a `Textarea`, or anything else that has a trait `value`.
        model: whose vocabulary counts; the configured one unless said otherwise.
    """

    def __init__(self, followed: Any, model: str | None = None) -> None:
        super().__init__()
        self._model = model or settings.current().model
        self._edited = Edited(self._model)
        self._followed = followed
        self._changed = threading.Condition()
        self._text: str | None = None
        self._due = 0.0
        self._thread: threading.Thread | None = None
        self._is_closed = False
        followed.observe(self._typed, "value")
        self._take(followed.value, 0)

    def _typed(self, change: Any) -> None:
        self._take(change["new"], PAUSE)

    def _take(self, value: Any, pause: float) -> None:
        with self._changed:
            self._text = str(value or "")
            self._due = time.monotonic() + pause
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(
                    target=self._follow, name="gemini-nb-tokens", daemon=True
                )
                self._thread.start()

    def _follow(self) -> None:
        while (text := self._next()) is not None:
            tokens = self._edited.update(text)
            about = "" if vocabulary.is_ready() else "≈ "
            said = f"{about}{tokens:,} token{'' if tokens == 1 else 's'}"
            if not self._is_closed:
                self.value = _LINE.format(said)

    def _next(self) -> str | None:
        """The text, once it has not changed for a while; none where the thread is to end."""
        with self._changed:
            while not self._is_closed and (rest := self._due - time.monotonic()) > 0:
                self._changed.wait(rest)
            text, self._text = self._text, None
            if self._is_closed or text is None:
                self._thread = None
                return None
            return text

    def close(self) -> None:
        """Follow no more, and go."""
        with self._changed:
            is_first, self._is_closed = not self._is_closed, True
            thread = self._thread
            self._changed.notify_all()
        if is_first:
            self._followed.unobserve(self._typed, "value")
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        super().close()
