"""Who goes first: a person's request comes before a batch's, even one under way.

The engine does one job after the other. A batch gives it one request at a time, and only when
nobody waits; when somebody comes, the batch's request ends and is asked again later. Both sides
live on loops and threads of their own, where looking now and then is what cannot hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK_EVERY = 0.05
"""Seconds between two looks."""


class Turns:
    """How many people wait for the engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0

    @contextlib.contextmanager
    def somebody_waits(self) -> Iterator[None]:
        """As long as a person's request is in work."""
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    async def quiet(self, stopped: Callable[[], bool]) -> None:
        """Return when nobody waits, or when `stopped` says so."""
        while self._waiting and not stopped():  # noqa: ASYNC110 - see the module
            await asyncio.sleep(_LOOK_EVERY)

    async def disturbed(self, stopped: Callable[[], bool]) -> None:
        """Return when somebody waits, or when `stopped` says so."""
        while not self._waiting and not stopped():  # noqa: ASYNC110 - see the module
            await asyncio.sleep(_LOOK_EVERY)
