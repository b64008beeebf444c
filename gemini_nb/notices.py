"""The one quiet line that a call shows while it waits, where somebody looks.

In a notebook it is an output of its own that stays as a note of what happened; in a terminal it is
gone when the wait is over. A run that nobody watches (nbval, nbclient, papermill) shows none.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
import uuid
from typing import Any, Self

# Shorter waits are over before anybody has read about them.
_SHORT = 1.0


class Line:
    """A countdown; use it as a context, on the background loop."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._shown = ""
        self._task: asyncio.Task[None] | None = None
        self._what = ""
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()

    def count_down(self, what: str, seconds: float) -> None:
        """Say what is waited for, and how long still."""
        self.settle()
        if seconds < _SHORT:
            return
        self._what, self._began = what, time.monotonic()
        self._task = asyncio.get_running_loop().create_task(self._count(what, seconds))

    async def _count(self, what: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._show(f"{what}: going on in {math.ceil(left)} s …")
            await asyncio.sleep(min(1.0, left))

    def settle(self) -> None:
        """The wait is over: say how long it was."""
        if self._task is None:
            return
        self._task.cancel()
        self._task = None
        if self._shown:
            waited = time.monotonic() - self._began
            self._show(f"{self._what}: waited {waited:.0f} s.", last=True)

    def _show(self, text: str, *, last: bool = False) -> None:
        front = kernel()
        if front is not None:
            if watched():
                again = {"display_id": self._id}
                publish = front.shell.display_pub.publish
                publish({"text/plain": text}, {}, transient=again, update=bool(self._shown))
        elif sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K" if last else f"\r\x1b[K{text}")
            sys.stderr.flush()
        self._shown = text


def watched() -> bool:
    """Whether a person may be looking: those who run notebooks allow no cell to ask for input."""
    return bool(getattr(kernel(), "_allow_stdin", True))


def kernel() -> Any:
    """The kernel that this process is, else None; there is no need of IPython to ask."""
    ipython = sys.modules.get("IPython")
    # Another thread may be importing it at this moment.
    ask = getattr(ipython, "get_ipython", None)
    shell = ask() if ask else None
    return getattr(shell, "kernel", None)
