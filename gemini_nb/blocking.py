"""One event loop on a background daemon thread, and the thin bridges to it.

All requests run there: a magic cannot be awaited, tasks on the kernel's own loop stand still while
a cell runs, and widget callbacks may come from another loop. Callers wait in short steps, so that
an interrupt gets through; `interruptible` makes sure that it does.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import queue
import signal
import threading
import traceback
import types
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gemini_nb.errors import GeminiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

T = TypeVar("T")

# How long the waiting thread sleeps before it looks for an interrupt; on POSIX a signal ends the
# sleep at once, on Windows it does not.
_STEP = 0.1

_HERE = str(Path(__file__).parent)

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


_inherited: list[Any] = []


def _forget() -> None:
    """A forked child has the loop object but not its thread.

    The object is kept: its end would take the parent's sockets out of the selector they share.
    """
    global _loop, _lock
    _inherited.append(_loop)
    _loop, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _stop_all() -> None:
    """Cancel what still runs when the process ends, or asyncio would complain about it."""
    if _loop is not None:
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), _loop).result(1)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


atexit.register(_stop_all)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt here, on the main thread.

    While a cell that contains `await` runs, the kernel's own SIGINT handler only asks its loop to
    cancel the cell, and a loop that is blocked never does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    task = _current_task()
    if isinstance(before, _Raise) and before.task is not task:
        before = before.before  # another task's, which the loop has not taken back yet
    if before in (signal.default_int_handler, None) or isinstance(before, _Raise):
        yield
        return
    if task is not None:
        # Stays in place until the loop has control again, so that an interrupt between two reads
        # is not lost.
        stop = _Raise(task, before)
        signal.signal(signal.SIGINT, stop)
        task.get_loop().call_soon(stop.restore)
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Raise:
    """A SIGINT handler that raises while its task has the thread, and else does as before."""

    def __init__(self, task: asyncio.Task[Any], before: Any) -> None:
        self.task = task
        self.before = before

    def __call__(self, number: int, frame: Any) -> None:
        # KeyboardInterrupt inside the loop itself, between two tasks, would end the kernel.
        if _current_task() is self.task:
            raise KeyboardInterrupt
        if callable(self.before):
            self.before(number, frame)

    def restore(self) -> None:
        in_force: object = signal.getsignal(signal.SIGINT)
        if in_force is self:  # nobody has set another since
            signal.signal(signal.SIGINT, self.before)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs on this thread
        return None


def _clean(error: BaseException) -> BaseException:
    """An error without the frames of libraries on the background thread: those hold headers.

    Our own errors need no frames at all; of another one ours are left, to find the fault by.
    """
    error.__context__ = None  # what it was translated from has frames, too
    if isinstance(error, GeminiError):
        return error.with_traceback(None)
    kept = None
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_code.co_filename.startswith(_HERE):
            kept = types.TracebackType(kept, frame, frame.f_lasti, line)
    return error.with_traceback(kept)


class _Job:
    """A coroutine on the background loop.

    It exists before it starts, so that an interrupt at any point finds something to cancel.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, Any],
        done: Callable[[asyncio.Task[Any]], Any] | None = None,
    ) -> None:
        self._work = work
        self._done = done
        self._loop = loop()
        self._task: asyncio.Task[Any] | None = None

    def start(self) -> None:
        self._loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        self._task = self._loop.create_task(self._work)
        if self._done is not None:
            self._task.add_done_callback(self._done)

    def cancel(self) -> None:
        self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is None:
            self._work.close()
        elif not self._task.cancelling():  # twice would break into the cleanup of the first
            self._task.cancel()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the background loop and wait for its result.

    An interrupt cancels it. Raises what it raises.
    """
    done: queue.SimpleQueue[asyncio.Task[T]] = queue.SimpleQueue()
    job = _Job(work, done.put)
    with interruptible():
        try:
            job.start()
            task = _wait(done)
        except BaseException:
            job.cancel()
            raise
    return _result(task)


def _result(task: asyncio.Task[T]) -> T:
    error = task.exception()
    if error is not None:
        raise _clean(error)
    return task.result()


def _wait(items: queue.SimpleQueue[T]) -> T:
    while True:
        try:
            return items.get(timeout=_STEP)
        except queue.Empty:
            continue


def spawn(work: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine on the background loop; nobody waits for it."""
    _Job(work).start()


async def arun(work: Coroutine[Any, Any, T]) -> T:
    """`run` for a caller that is itself on a loop: it awaits, and its cancellation cancels."""
    running = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = running.create_future()
    tasks: list[asyncio.Task[T]] = []

    def done(task: asyncio.Task[T]) -> None:
        tasks.append(task)
        with contextlib.suppress(RuntimeError):  # whoever waited has gone, and closed their loop
            running.call_soon_threadsafe(_wake, waiter)

    job = _Job(work, done)
    try:
        job.start()
        with _awake(running):
            await waiter
    except BaseException:
        job.cancel()
        raise
    return _result(tasks[0])


# The loops on which somebody waits, how many do, and those that are woken already.
_waiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, int] = weakref.WeakKeyDictionary()
_woken: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


@contextlib.contextmanager
def _awake(running: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Wake a loop in short steps while somebody waits on it, as the blocking forms do.

    The kernel's SIGINT handler asks its loop to cancel the cell, but does not wake that loop: one
    that has nothing else to do would sleep on.
    """
    _waiting[running] = _waiting.get(running, 0) + 1
    if running not in _woken:
        _woken.add(running)
        running.call_later(_STEP, _beat, running)
    try:
        yield
    finally:
        if running in _waiting:  # else its loop was closed, and is gone
            _waiting[running] -= 1


def _beat(running: asyncio.AbstractEventLoop) -> None:
    if _waiting.get(running):
        running.call_later(_STEP, _beat, running)
    else:
        _woken.discard(running)


class _End:
    """The last thing in a Feed: how its source ended, None for well."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Feed(Generic[T]):
    """An async iterator on the background loop → batches that any thread or loop pulls.

    What comes with one read of the network is one batch, so the threads change places once a read
    and not once an item. When nobody holds the Feed any more, its source is cancelled.
    """

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._pump: _Pump[T] = _Pump()
        self._job = _Job(self._pump.run(source))
        self._job.start()

    def next(self) -> list[T]:
        """The next batch; blocks. Raises StopIteration at the end, and what the source raised."""
        with interruptible():
            batch = _wait(self._pump.batches)
        if isinstance(batch, _End):
            raise self._ending(batch, StopIteration)
        return batch

    async def anext(self) -> list[T]:
        """The next batch. Raises StopAsyncIteration at the end, and what the source raised."""
        running = asyncio.get_running_loop()
        while True:
            waiter = running.create_future()
            self._pump.waiters.add(waiter)
            try:  # looked at after the waiter is set, so nothing can come in between unseen
                batch = self._pump.batches.get_nowait()
            except queue.Empty:
                with _awake(running):
                    await waiter
                continue
            finally:
                self._pump.waiters.discard(waiter)
            if isinstance(batch, _End):
                raise self._ending(batch, StopAsyncIteration)
            return batch

    def _ending(self, end: _End, stop: type[BaseException]) -> BaseException:
        self._pump.batches.put(end)  # whoever asks again gets the same answer
        return stop() if end.error is None else _clean(end.error)

    def close(self) -> None:
        """Cancel the source; its `finally` closes the connection."""
        self._job.cancel()

    def __del__(self) -> None:
        if not self._pump.is_over:  # an interrupt that comes in here is lost
            self.close()


class _Pump(Generic[T]):
    """What the source's side needs; it holds no Feed, so that a Feed can be collected."""

    def __init__(self) -> None:
        self.batches: queue.SimpleQueue[list[T] | _End] = queue.SimpleQueue()
        self.waiters: set[asyncio.Future[None]] = set()
        self.is_over = False
        self._batch: list[T] = []

    async def run(self, source: AsyncIterator[T]) -> None:
        running = asyncio.get_running_loop()
        end = _End(None)
        try:
            async for item in source:
                if not self._batch:  # flushed when the source next waits for the network
                    running.call_soon(self._flush)
                self._batch.append(item)
        except asyncio.CancelledError as error:
            end = _End(error)
            raise
        except BaseException as error:  # noqa: BLE001 - raised where the batch is pulled
            end = _End(error)
        finally:
            self._flush()
            self._put(end)
            self.is_over = True

    def _flush(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            self._put(batch)

    def _put(self, batch: list[T] | _End) -> None:
        self.batches.put(batch)
        for waiter in tuple(self.waiters):
            with contextlib.suppress(RuntimeError):  # whoever waited has closed their loop
                waiter.get_loop().call_soon_threadsafe(_wake, waiter)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
