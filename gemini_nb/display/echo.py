"""The keys of a terminal while an answer is drawn: they are kept, and not shown."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def without_echo() -> Iterator[Callable[[], None]]:
    """Keys pressed meanwhile wait for the next prompt: their echo would move the cursor.

    Gives what forgets those keys.
    """
    try:
        import termios
    except ImportError:
        yield _nothing
        return
    try:
        keys = sys.stdin.fileno()
        termios.tcgetattr(keys)
        is_ours = os.tcgetpgrp(keys) == os.getpgrp()  # one in the background would be stopped
    except (OSError, ValueError, termios.error):
        is_ours = False
    if not is_ours:
        yield _nothing
        return
    _terminal.begin(keys)
    try:
        yield functools.partial(termios.tcflush, keys, termios.TCIFLUSH)
    finally:
        _terminal.end()


class _Terminal:
    """The one terminal. The last of the answers that are drawn at once leaves it as it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn = 0
        self._restore: Callable[[], None] = _nothing

    def begin(self, keys: int) -> None:
        import termios

        with self._lock:
            self._drawn += 1
            if self._drawn > 1:
                return
            before = termios.tcgetattr(keys)
            # ^C would also throw away what is written and not yet on the screen: the next frame
            # counts on it. The keys typed before it, which go with that, are for us to forget.
            flags = before[3] & ~termios.ECHO | termios.NOFLSH
            self._restore = functools.partial(termios.tcsetattr, keys, termios.TCSANOW, before)
            termios.tcsetattr(keys, termios.TCSANOW, [*before[:3], flags, *before[4:]])
            atexit.register(self._restore)  # a thread does not outlive the process

    def end(self) -> None:
        with self._lock:
            self._drawn -= 1
            if not self._drawn:
                self._restore()
                atexit.unregister(self._restore)


def _nothing() -> None:
    """No keys are kept here."""


_terminal = _Terminal()
