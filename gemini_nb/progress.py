"""Work on the background loop, and a bar for it on the thread that waits.

The bar appears when something takes longer than a moment, and leaves nothing behind. Where nobody
looks (nbval, nbclient, papermill, a log) there is none: a replayed cell shows exactly what it says.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

from gemini_nb import blocking, notices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

T = TypeVar("T")

# Seconds before a bar appears.
_DELAY = 0.5


class Step(NamedTuple):
    """How far the work is, and a word about what it is at."""

    done: float
    note: str = ""


class _Result(NamedTuple, Generic[T]):
    value: T


async def _steps(
    work: Callable[[Callable[[Step], None]], Awaitable[T]],
) -> AsyncIterator[Step | _Result[T]]:
    """The steps that `work` reports, then its result."""
    seen: asyncio.Queue[Step | None] = asyncio.Queue()
    task = asyncio.ensure_future(work(seen.put_nowait))
    task.add_done_callback(lambda _: seen.put_nowait(None))
    try:
        while (step := await seen.get()) is not None:
            yield step
        yield _Result(await task)
    finally:
        task.cancel()
        await asyncio.wait((task,))


def run(
    work: Callable[[Callable[[Step], None]], Awaitable[T]], *, label: str, total: int | None = None
) -> T:
    """Do `work` on the background loop, with a bar here; an interrupt cancels it.

    `work` gets a function to report its steps to; `total` is in bytes, without it the bar shows the
    time. Raises what `work` raises.
    """
    feed = blocking.Feed(_steps(work))
    with _Bar(label, total) as bar:
        try:
            while True:
                for item in feed.next():
                    if isinstance(item, _Result):
                        result: T = item.value
                        return result
                    bar.show(item)
        finally:
            feed.close()


async def arun(
    work: Callable[[Callable[[Step], None]], Awaitable[T]], *, label: str, total: int | None = None
) -> T:
    """`run`, awaited."""
    feed = blocking.Feed(_steps(work))
    with _Bar(label, total) as bar:
        try:
            while True:
                for item in await feed.anext():
                    if isinstance(item, _Result):
                        result: T = item.value
                        return result
                    bar.show(item)
        finally:
            feed.close()


class _Bar:
    """tqdm's bar, and its import, for what takes longer than a moment."""

    def __init__(self, label: str, total: int | None) -> None:
        self._label = label
        self._total = total
        self._bar: Any = None
        self._note = ""
        self._due = time.monotonic() + _DELAY

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, step: Step) -> None:
        if self._bar is None:
            early = time.monotonic() < self._due and not step.note
            if early or not notices.watched():
                return
            self._bar = self._made(step)
        if step.note != self._note:
            self._note = step.note
            self._bar.set_postfix_str(step.note)
        self._bar.update(step.done - self._bar.n)

    def _made(self, step: Step) -> Any:
        from tqdm.auto import tqdm

        # None: not where the output goes to a file. A notebook's is no terminal either.
        kernel = notices.kernel()
        how = {"leave": False, "disable": None if kernel is None else False}
        if self._total is None:
            return tqdm(desc=self._label, bar_format="{desc} {elapsed}{postfix}", **how)
        return tqdm(
            desc=self._label,
            total=self._total,
            initial=step.done,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            **how,
        )
