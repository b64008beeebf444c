"""A terminal for tests: what stands on its screen, and what has scrolled off it.

It obeys what programs here send: text with its widths and wraps, cursor moves, erasing. What it
does not know it ignores, as terminals do. `Pty` is a process that runs in one.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import select
import signal
import time
from typing import TYPE_CHECKING, Self

from wcwidth import wcwidth

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 30.0  # seconds after which a test gives up

_PIECE = re.compile(
    r"\x1b\[(?P<private>[?>=]?)(?P<numbers>[\d;:]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[^\[\]()]|(?P<char>[^\x1b])",
    re.DOTALL,
)


class Screen:
    """Rows of cells; the last row scrolls into `scrolled`."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.height = columns, rows
        self.cells = [self._blank() for _ in range(rows)]
        self.scrolled: list[str] = []
        self.row = self.column = 0
        self.wraps = True
        self.reply: Callable[[str], object] = lambda _: None
        self._rest = ""

    def _blank(self) -> list[str]:
        return [" "] * self.columns

    @property
    def lines(self) -> list[str]:
        """All lines from the first one that scrolled off, without the empty ones at the end."""
        found = self.scrolled + ["".join(row).rstrip() for row in self.cells]
        while found and not found[-1]:
            found.pop()
        return found

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def feed(self, text: str) -> None:
        """What a program writes; a sequence may be cut anywhere."""
        text = self._rest + text
        at = 0
        for found in _PIECE.finditer(text):
            if found.start() != at:
                break
            at = found.end()
            if found["char"]:
                self._put(found["char"])
            elif found["final"]:
                self._obey(found["private"] + found["final"], found["numbers"])
        self._rest = text[at:]

    def _put(self, char: str) -> None:
        if char == "\n":
            self._down()
        elif char == "\r":
            self.column = 0
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char == "\t":
            self.column = min(self.columns - 1, self.column // 8 * 8 + 8)
        elif char >= " ":
            self._draw(char, wcwidth(char))

    def _draw(self, char: str, width: int) -> None:
        if width <= 0:
            return
        if self.column + width > self.columns:
            if self.wraps:
                self.column = 0
                self._down()
            else:
                self.column = self.columns - width
        self.cells[self.row][self.column : self.column + width] = [char, *[""] * (width - 1)]
        self.column += width

    def _down(self) -> None:
        if self.row < self.height - 1:
            self.row += 1
        else:
            self.scrolled.append("".join(self.cells.pop(0)).rstrip())
            self.cells.append(self._blank())

    def _obey(self, what: str, numbers: str) -> None:
        values = [int(n) if n.isdigit() else 0 for n in re.split("[;:]", numbers)]
        first, least = values[0], max(1, values[0])
        if what == "A":
            self.row = max(0, self.row - least)
        elif what == "B":
            self.row = min(self.height - 1, self.row + least)
        elif what == "C":
            self.column = min(self.columns - 1, self.column + least)
        elif what == "D":
            self.column = max(0, min(self.column, self.columns - 1) - least)
        elif what == "G":
            self.column = least - 1
        elif what == "H":
            self.row = min(self.height, least) - 1
            self.column = min(self.columns, max(1, values[-1] if len(values) > 1 else 1)) - 1
        elif what in ("J", "K"):
            self._erase(what, first)
        elif what in ("?h", "?l") and 7 in values:
            self.wraps = what == "?h"
        elif what == "n" and first == 6:  # where is the cursor?
            self.reply(f"\x1b[{self.row + 1};{self.column + 1}R")

    def _erase(self, what: str, part: int) -> None:
        row, column = self.row, min(self.column, self.columns)
        if part in (0, 2):
            self.cells[row][column if part == 0 else 0 :] = [" "] * (
                self.columns - (column if part == 0 else 0)
            )
        if part == 1:
            self.cells[row][: column + 1] = [" "] * min(column + 1, self.columns)
        if what == "J":
            first, last = (row + 1, self.height) if part == 0 else (0, row if part == 1 else 0)
            if part == 2:
                last = self.height
            for other in range(first, last):
                self.cells[other] = self._blank()


class Pty:
    """A program in a terminal of its own; use it as a context."""

    def __init__(
        self, command: list[str], env: dict[str, str], columns: int = 80, rows: int = 24
    ) -> None:
        self.screen = Screen(columns, rows)
        self.screen.reply = self.type
        self.raw = ""
        self._command, self._env = command, env

    def __enter__(self) -> Self:
        import fcntl
        import pty
        import struct
        import termios

        size = struct.pack("HHHH", self.screen.height, self.screen.columns, 0, 0)
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.execvpe(self._command[0], self._command, self._env)  # noqa: S606 - the child is this
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGHUP)
        os.close(self._fd)
        os.waitpid(self._pid, 0)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def until(self, condition: Callable[[Pty], object]) -> Pty:
        """Read what the program writes until `condition` holds."""
        end = time.monotonic() + LIMIT
        while not condition(self):
            assert time.monotonic() < end, f"never came; on the screen:\n{self.screen.text}"
            if select.select([self._fd], [], [], 0.05)[0]:
                text = self._decoder.decode(os.read(self._fd, 65536))
                self.raw += text
                self.screen.feed(text)
        return self
