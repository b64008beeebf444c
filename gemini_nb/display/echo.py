"""The keys of a terminal while an answer is drawn: they are kept, and not shown."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
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
        before = termios.tcgetattr(keys)
        is_ours = os.tcgetpgrp(keys) == os.getpgrp()  # one in the background would be stopped
    except (OSError, ValueError, termios.error):
        is_ours = False
    if not is_ours:
        yield _nothing
        return
    # ^C would also throw away what is written and not yet on the screen: the next frame counts on
    # it. The keys typed before it, which go with that, are then for us to forget.
    flags = before[3] & ~termios.ECHO | termios.NOFLSH
    quiet = [*before[:3], flags, *before[4:]]
    restore = functools.partial(termios.tcsetattr, keys, termios.TCSANOW, before)
    termios.tcsetattr(keys, termios.TCSANOW, quiet)
    atexit.register(restore)  # this thread does not outlive the process
    try:
        yield functools.partial(termios.tcflush, keys, termios.TCIFLUSH)
    finally:
        restore()
        atexit.unregister(restore)


def _nothing() -> None:
    """No keys are kept here."""
