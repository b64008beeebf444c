"""The keys of a terminal while an answer is drawn: they are kept, and not shown."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def without_echo() -> Iterator[None]:
    """Keys pressed meanwhile wait for the next prompt: their echo would move the cursor."""
    try:
        import termios
    except ImportError:
        yield
        return
    try:
        keys = sys.stdin.fileno()
        before = termios.tcgetattr(keys)
        is_ours = os.tcgetpgrp(keys) == os.getpgrp()  # one in the background would be stopped
    except (OSError, ValueError, termios.error):
        is_ours = False
    if not is_ours:
        yield
        return
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    restore = functools.partial(termios.tcsetattr, keys, termios.TCSANOW, before)
    termios.tcsetattr(keys, termios.TCSANOW, quiet)
    atexit.register(restore)  # this thread does not outlive the process
    try:
        yield
    finally:
        restore()
        atexit.unregister(restore)
