"""Whether a call that failed is made once more, and when.

Made again is what may pass by itself (an overloaded service, a connection that broke), and only
before the first byte of an answer. When the service says how long to wait, that is how long; when
it says more than a minute, nobody sits and waits for it. The loop is stamina's.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from typing import TYPE_CHECKING, TypeVar

from gemini_nb import notices
from gemini_nb.errors import (
    APIError,
    BadAnswer,
    GeminiError,
    InsecureConnection,
    NetworkError,
    ResourceExhausted,
    Timeout,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
# Of these, what says that the request was not even begun.
_REFUSED = frozenset({429, 503})
# Seconds. The first wait, doubled each time; the longest; and all of a call's tries together.
_FIRST = 0.5
_LONGEST = 60.0
_TOTAL = 120.0
_HALF_A_DAY = 12 * 3600.0
# What all calls of a client may try again at once, and what each success adds to it: a service that
# fails for good gets a fifth more requests from us, not four times as many.
_BUDGET = 20.0
_REFUND = 0.2


class Retries:
    """The retries of one client: at most `most` for a call, out of one budget for all calls."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._budget = _BUDGET

    async def call(self, work: Callable[[], Awaitable[T]], earlier: list[GeminiError]) -> T:
        """What `work` gives, in the end; `earlier` takes the errors in that came before.

        Raises the last error, whose `tries` says how many there were.
        """
        try:
            result = await work()
        except GeminiError as error:
            if not _passing(error):
                raise
            result = await self._again(work, error, earlier)
        self._budget = min(_BUDGET, self._budget + _REFUND)
        return result

    async def _again(
        self, work: Callable[[], Awaitable[T]], first: GeminiError, earlier: list[GeminiError]
    ) -> T:
        """`call`, after its first failure: what goes well need not load a library for this."""
        import stamina

        _quieten()
        started = time.monotonic()
        fallen: list[GeminiError] = [first]
        with notices.Line() as line:

            def decide(error: Exception) -> float | bool:
                if not isinstance(error, GeminiError):
                    return False
                error.tries = len(earlier) + 1
                seconds = self._delay(error, time.monotonic() - started)
                if seconds is None:
                    return False
                # Kept for as long as the answer is: without its frames, which hold headers.
                error.__context__ = None
                earlier.append(error.with_traceback(None))
                line.count_down(_what(error), seconds)
                return seconds

            async for attempt in stamina.retry_context(on=decide, attempts=None, timeout=None):
                with attempt:
                    line.settle()
                    if fallen:
                        raise fallen.pop()
                    return await work()
        raise first

    def _delay(self, error: GeminiError, elapsed: float) -> float | None:
        """Seconds to wait before the next try; None for none, with the reason on the error."""
        if isinstance(error, ResourceExhausted) and error.per_day:
            error.advice = _TOMORROW
            return None
        if not _passing(error) or error.tries > self._most:
            return None
        told = error.retry_after if isinstance(error, APIError) else None
        own = _FIRST * 2.0 ** (error.tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        if told is not None and told >= own:
            # To the second, and a little apart from the others who were told the same.
            seconds = told + random.uniform(0, 0.5)  # noqa: S311
            if told > _LONGEST or elapsed + seconds > _TOTAL:
                error.advice = f"That is too long to hold a cell up: call again {_at(told)}."
                return None
            return seconds
        if elapsed + own > _TOTAL:
            return None
        if self._budget < 1:
            error.advice = (
                "Too many calls failed of late for each to be tried again. Wait a moment."
            )
            return None
        self._budget -= 1
        return own


def _passing(error: GeminiError) -> bool:
    """Another try may go better, and does nothing twice that should be done once."""
    if getattr(error.request, "creates", False) and not _undone(error):
        return False
    if isinstance(error, (APIError, BadAnswer)):
        return error.code in _PASSING
    if isinstance(error, Timeout):  # a service that was given all the time it needs gets no more
        return not error.sent
    return isinstance(error, NetworkError) and not isinstance(error, InsecureConnection)


def _undone(error: GeminiError) -> bool:
    """It is certain that the service did nothing."""
    if isinstance(error, NetworkError) and not isinstance(error, BadAnswer):
        return not error.sent
    return getattr(error, "code", None) in _REFUSED


_TOMORROW = (
    "This quota is for a day, which begins at midnight Pacific time. "
    'Until then: another model, or genai.configure(backend="local").'
)


def _at(seconds: float) -> str:
    """When that is, by the clock; the day, too, where the clock alone would mislead."""
    at = dt.datetime.now().astimezone() + dt.timedelta(seconds=seconds)
    return f"at {at:%H:%M:%S}" if seconds < _HALF_A_DAY else f"on {at:%d %B %Y, %H:%M}"


def _what(error: GeminiError) -> str:
    if isinstance(error, APIError):
        return f"{error.code} {error.status or type(error).__name__}"
    return error.message.rstrip(".")


def _quieten() -> None:
    """What stamina logs of a retry would be a red line in a cell, where nobody set logging up."""
    logger = logging.getLogger("stamina")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
