"""An answer in a terminal: formatted on a TTY, plain text as it comes elsewhere.

Nothing that a terminal would obey gets through: see `html.terminal_text`.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from gemini_nb.display.html import terminal_text

if TYPE_CHECKING:
    from gemini_nb.display import static

# rich lays the open tail out again for each of these.
_FRAMES = 10


def best(how: static.Format) -> Any:
    """The way for where stdout goes."""
    if how == "markdown" and sys.stdout.isatty() and importlib.util.find_spec("rich"):
        return _Formatted()
    return _Plain(how)


class _Plain:
    """Text as it comes; JSON and code when they are whole."""

    def __init__(self, how: static.Format) -> None:
        self._flows = how in ("markdown", "text")
        self._count = 0

    def write(self, delta: str) -> None:
        self._count += len(delta)
        if self._flows:
            sys.stdout.write(terminal_text(delta))
            sys.stdout.flush()

    def think(self, delta: str) -> None:
        """Thoughts would stand between the lines of the answer."""

    def count(self, tokens: int) -> None:
        """So would counts."""

    def drop(self) -> None:
        """Nothing was written."""

    def close(self, text: str, data: static.Bundle, _facts: dict[str, Any]) -> None:
        rest = terminal_text(text[self._count :]) if self._flows else data["text/plain"]
        sys.stdout.write(f"{rest}\n")


class _Formatted:
    """Markdown by rich: finished blocks are printed once, the open tail is drawn again below."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=sys.stdout)
        self._live = Live(
            console=self._console,
            refresh_per_second=_FRAMES,
            transient=True,
            vertical_overflow="crop",
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._count = 0
        self._tail = ""
        self._is_first = True

    def write(self, delta: str) -> None:
        from rich.markdown import Markdown

        self._count += len(delta)
        self._tail += terminal_text(delta)
        at = finished(self._tail)
        if at:
            self._print(self._tail[:at])
            self._tail = self._tail[at:]
        if not self._live.is_started:
            self._live.start()
        self._live.update(Markdown(self._tail, hyperlinks=False))

    def _print(self, text: str) -> None:
        from rich.markdown import Markdown

        if not self._is_first:
            self._console.print()
        self._is_first = False
        self._console.print(Markdown(text, hyperlinks=False))

    def think(self, delta: str) -> None:
        """Thoughts would stand between the lines of the answer."""

    def count(self, tokens: int) -> None:
        """So would counts."""

    def drop(self) -> None:
        self._live.stop()

    def close(self, text: str, _data: static.Bundle, _facts: dict[str, Any]) -> None:
        self._live.stop()
        rest = self._tail + terminal_text(text[self._count :])
        if rest.strip():
            self._print(rest)


def finished(text: str) -> int:
    """How much of `text` no later line can change: all before the last block after a blank line."""
    from markdown_it import MarkdownIt

    tops = [t.map[0] for t in MarkdownIt().enable("table").parse(text) if t.map and not t.level]
    lines = text.split("\n")
    for line in reversed([top for top in tops if top]):
        if line < len(lines) - 1 and not lines[line - 1].strip():
            return len("\n".join(lines[:line])) + 1
    return 0
