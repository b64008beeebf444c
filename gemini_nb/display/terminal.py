"""An answer in a terminal: formatted on a TTY, plain text as it comes elsewhere.

Nothing that a terminal would obey gets through: see `html.terminal_text`. What is finished is
written once and scrolls away; only what may still change is drawn again, and never more of it than
the screen holds.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from gemini_nb.display.blocks import blocks, finished
from gemini_nb.display.document import without_images
from gemini_nb.display.echo import without_echo
from gemini_nb.display.html import terminal_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType
    from rich.segment import Segment

    from gemini_nb.display import static
    from gemini_nb.display.badge import Before, Used

# Seconds between two frames; a frame that takes long to make is followed by as many times itself.
_FRAME = 0.1
_REST = 3


def best(how: static.Format, badge: Before | None = None) -> Any:
    """The way for where stdout goes, after the badge."""
    if badge is not None:
        _aside(f"{badge.line()}\n")
    console = _console()
    return _Formatted(console) if console is not None and how == "markdown" else _Plain(how)


def _console() -> Console | None:
    """What draws, where something can be drawn."""
    if not sys.stdout.isatty() or not importlib.util.find_spec("rich"):
        return None
    from rich.console import Console

    console = Console(file=sys.stdout)
    return None if console.is_dumb_terminal or console.legacy_windows else console


def _aside(line: str) -> None:
    """A quiet line for a person: a file, or a program that reads, has no use for it."""
    if sys.stdout.isatty():
        _put(f"{line}\n" if _console() is None else f"\x1b[2m{line}\x1b[0m\n")


def _put(text: str) -> None:
    """Write what stdout's encoding can hold, and a `?` for the rest."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    # A kernel's own stdout flushes itself in time; a front end loses what comes too often.
    if not hasattr(sys.stdout, "flush_interval"):
        sys.stdout.flush()


def _clean(text: str) -> str:
    return terminal_text(without_images(text))


class _Plain:
    """Text as it comes; JSON and code when they are whole."""

    def __init__(self, how: static.Format) -> None:
        self._flows = how in ("markdown", "text")
        self._count = 0
        self._last = ""

    def write(self, delta: str) -> None:
        self._count += len(delta)
        if self._flows:
            self._flow(delta)

    def _flow(self, piece: str) -> None:
        shown = _clean(piece)
        self._last = shown[-1:] or self._last
        _put(shown)

    def think(self, delta: str) -> None:
        """Thoughts would stand between the lines of the answer."""

    def count(self, tokens: int) -> None:
        """So would counts."""

    def drop(self, used: Used | None) -> None:
        """Nothing was written."""
        if used is not None:
            _aside(used.line())

    def close(
        self, text: str, data: static.Bundle, _facts: dict[str, Any], used: Used | None
    ) -> None:
        if self._flows:
            self._flow(text[self._count :])
        else:
            _put(f"{data['text/plain']}\n")
        if self._last not in ("", "\n"):
            _put("\n")
        if used is not None:
            _aside(f"\n{used.line()}")


class _Formatted:
    """Markdown by rich: finished blocks are written once, the open tail is drawn again below them.

    All is written on a thread of its own. An interrupt, which hits the main thread, then never
    falls between the writing of a line and the note that it was written.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pieces: list[str] = []  # as they came; one call adds, which no interrupt cuts in two
        self._taken = 0
        self._tail = ""
        self._thinks = self._is_whole = self._is_over = False
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawn: list[str] = []  # the lines that the next frame replaces
        self._is_first = True

    def write(self, delta: str) -> None:
        self._pieces.append(delta)
        self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()
            _at_cell_end(self._end)
        self._news.set()

    def think(self, _delta: str) -> None:
        """Thoughts themselves would stand between the lines of the answer."""
        if not self._thinks:
            self._thinks = True
            self._wake()

    def count(self, tokens: int) -> None:
        """Counts would stand there, too."""

    def drop(self, used: Used | None) -> None:
        """Leave nothing behind, not even that it thought."""
        self._end()
        if used is not None:
            _aside(used.line())

    def close(
        self, text: str, _data: static.Bundle, facts: dict[str, Any], used: Used | None
    ) -> None:
        self._is_whole = "interrupted" not in facts["gemini_nb"]
        rest = text[sum(map(len, self._pieces)) :]
        if rest:
            self.write(rest)
        self._end()
        if used is not None:
            _aside(f"\n{used.line()}")

    def _end(self, *_: Any) -> None:
        self._is_over = True
        self._over.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join()

    def _draw(self) -> None:
        with without_echo() as forget_keys:
            while not self._is_over:
                self._news.wait()
                self._news.clear()
                began = time.monotonic()
                if not self._is_over:
                    self._frame()
                self._over.wait(max(_FRAME, _REST * (time.monotonic() - began)))
            self._frame()
            if not self._is_whole:  # what was typed meanwhile counted on that
                forget_keys()

    def _frame(self) -> None:
        new = self._pieces[self._taken :]
        self._taken += len(new)
        text = self._tail + "".join(map(_clean, new))
        at = len(text) if self._is_over else finished(text)
        self._tail = text[at:]
        written = self._lines(text[:at])
        self._is_first = self._is_first and not written
        drawn = self._lines(self._tail)
        if self._thinks and self._is_first and not drawn and not self._is_over:
            drawn = self._rendered(_thinking())
        self._replace(written, drawn[1 - self._console.height :])

    def _replace(self, written: list[str], drawn: list[str]) -> None:
        """Write lines that stay, and below them lines that the next call replaces."""
        kept = 0 if written else _alike(self._drawn[:-1], drawn[:-1])
        up = len(self._drawn) - kept - 1
        pieces = []
        if self._drawn:
            pieces += ["\r", f"\x1b[{up}A" if up else "", "\x1b[J"]
        pieces += [f"{line}\n" for line in written]
        if drawn:
            # A line that is wider than was thought must not become two.
            pieces += ["\x1b[?7l", "\n".join(drawn[kept:]), "\x1b[?7h"]
        _put("".join(pieces))
        self._drawn = drawn

    def _lines(self, text: str) -> list[str]:
        """Markdown as lines for the screen, one empty line before each block but the first."""
        lines: list[str] = []
        for block, source in blocks(text):
            try:
                made = self._rendered(block)
            except Exception:  # noqa: BLE001 - some riches fail at half a table; the words count
                made = source.strip("\n").split("\n")
            if made:
                lines += ([""] if lines or not self._is_first else []) + made
        return lines

    def _rendered(self, what: RenderableType) -> list[str]:
        from rich.segment import SegmentLines

        lines = self._console.render_lines(what, pad=False)
        while lines and _is_blank(lines[-1]):
            lines.pop()
        while lines and _is_blank(lines[0]):
            lines.pop(0)
        with self._console.capture() as captured:
            self._console.print(SegmentLines(lines, new_lines=True), end="")
        return [line.rstrip(" ") for line in captured.get().split("\n")[:-1]]


def _at_cell_end(end: Callable[..., None]) -> None:
    """Call `end` with the cell, at the latest: two interrupts in a row may skip what closes."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    if shell is None:
        return

    def ended(*_: Any) -> None:
        shell.events.unregister("post_run_cell", ended)
        end()

    shell.events.register("post_run_cell", ended)


def _is_blank(line: list[Segment]) -> bool:
    return not any(s.text.strip() or (s.style and s.style.bgcolor) for s in line)


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines at the beginning are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _thinking() -> RenderableType:
    from rich.text import Text

    return Text("Thinking …", style="dim")
