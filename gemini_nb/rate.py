"""A limit on requests and tokens a minute, which all calls of one client share.

Exact, not on average: in no stretch of sixty seconds does more go out. Calls go in the order in
which they came.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from gemini_nb import notices

if TYPE_CHECKING:
    from collections.abc import Callable

_MINUTE = 60.0


class Rate:
    """`rpm` requests and `tpm` tokens a minute at most; None for no limit."""

    def __init__(
        self,
        rpm: int | None = None,
        tpm: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rpm = rpm
        self._tpm = tpm
        self._clock = clock
        self._gone: deque[tuple[float, int]] = deque()
        self._turn = asyncio.Lock()

    @property
    def limited(self) -> bool:
        """Whether there is anything to wait for."""
        return self._rpm is not None or self._tpm is not None

    async def turn(self, measure: Callable[[], int]) -> None:
        """Wait until a request may go out; `measure` counts its tokens, where they matter."""
        tokens = measure() if self._tpm is not None else 0
        async with self._turn:  # first come, first served
            seconds = self._delay(tokens)
            if seconds > 0:
                with notices.Line() as line:
                    line.count_down(f"Your limit of {self._limit()}", seconds)
                    while seconds > 0:
                        await asyncio.sleep(seconds)
                        seconds = self._delay(tokens)
            self._gone.append((self._clock(), tokens))

    def _limit(self) -> str:
        parts = [(self._rpm, "requests"), (self._tpm, "tokens")]
        return " and ".join(f"{limit:,} {what}" for limit, what in parts if limit) + " a minute"

    def _delay(self, tokens: int) -> float:
        """Seconds until the oldest requests are a minute old that stand in the way."""
        now = self._clock()
        while self._gone and self._gone[0][0] <= now - _MINUTE:
            self._gone.popleft()
        requests, spent, until = len(self._gone), sum(used for _, used in self._gone), now
        for since, used in self._gone:  # what is more than a whole minute's share goes alone
            if (self._rpm is None or requests < self._rpm) and (
                self._tpm is None or spent + tokens <= self._tpm
            ):
                break
            requests, spent, until = requests - 1, spent - used, since + _MINUTE
        return until - now
