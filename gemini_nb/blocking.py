"""One event loop on a background daemon thread, and the thin bridges to it.

All requests run there: a magic cannot be awaited, tasks on the kernel's own loop stand still while
a cell runs, and widget callbacks may come from another loop. Callers wait in short steps, so that
an interrupt gets through; `interruptible` makes sure that it does.
"""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gemini_nb.errors import GeminiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

T = TypeVar("T")

# How long the waiting thread sleeps before it looks for an interrupt; on POSIX a signal ends the
# sleep at once, on Windows it does not.
_STEP = 0.1

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def loop() -> asyncio.AbstractEventLoop:
    """The background loop, started on first use."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="gemini_nb", daemon=True).start()
        return _loop


def _forget() -> None:
    """A forked child has the loop object but not its thread."""
    global _loop, _lock
    _loop, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt here, on the main thread.

    While a cell that contains `await` runs, the kernel's own SIGINT handler only cancels the cell's
    task, which a blocking call never notices.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler or before is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _clean(error: BaseException) -> BaseException:
    """Our own errors lose the frames of the background thread: their locals hold headers."""
    return error.with_traceback(None) if isinstance(error, GeminiError) else error


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the background loop and wait for its result.

    An interrupt cancels it. Raises what it raises.
    """
    done: queue.SimpleQueue[None] = queue.SimpleQueue()
    future = asyncio.run_coroutine_threadsafe(work, loop())
    future.add_done_callback(lambda _: done.put(None))
    with interruptible():
        try:
            while not future.done():
                try:
                    done.get(timeout=_STEP)
                except queue.Empty:
                    continue
        except BaseException:
            future.cancel()
            raise
    error = future.exception()
    if error is not None:
        raise _clean(error)
    return future.result()


async def arun(work: Coroutine[Any, Any, T]) -> T:
    """`run` for a caller that is itself on a loop: it awaits, and its cancellation cancels."""
    try:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop()))
    except GeminiError as error:
        raise _clean(error) from None


class _End:
    """The last thing in a Feed: how its source ended, None for well."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Feed(Generic[T]):
    """An async iterator on the background loop → items that any thread or loop pulls."""

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._items: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None
        self._future = asyncio.run_coroutine_threadsafe(self._pump(source), loop())

    async def _pump(self, source: AsyncIterator[T]) -> None:
        end = _End(None)
        try:
            async for item in source:
                self._put(item)
        except BaseException as error:
            end = _End(error)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._put(end)

    def _put(self, item: T | _End) -> None:
        self._items.put(item)
        waiter = self._waiter
        if waiter is not None:
            waiter[0].call_soon_threadsafe(_wake, waiter[1])

    def next(self) -> T:
        """The next item; blocks. Raises StopIteration at the end, and what the source raised."""
        with interruptible():
            while True:
                try:
                    item = self._items.get(timeout=_STEP)
                except queue.Empty:
                    continue
                if isinstance(item, _End):
                    raise self._ending(item, StopIteration)
                return item

    async def anext(self) -> T:
        """The next item. Raises StopAsyncIteration at the end, and what the source raised."""
        running = asyncio.get_running_loop()
        while True:
            self._waiter = (running, running.create_future())
            try:  # looked at after the waiter is set, so nothing can come in between unseen
                item = self._items.get_nowait()
            except queue.Empty:
                await self._waiter[1]
                continue
            finally:
                self._waiter = None
            if isinstance(item, _End):
                raise self._ending(item, StopAsyncIteration)
            return item

    def _ending(self, end: _End, stop: type[BaseException]) -> BaseException:
        self._items.put(end)  # whoever asks again gets the same answer
        return stop() if end.error is None else _clean(end.error)

    def close(self) -> None:
        """Cancel the source; its `finally` closes the connection."""
        self._future.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
