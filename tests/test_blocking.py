"""The bridges between the background loop and everybody else."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gemini_nb import blocking
from gemini_nb.errors import BadPrompt

ROOT = Path(__file__).parents[1]


async def counted(*batches, error=None):
    """Batches, with a turn of the loop between them, then an error or the end."""
    for batch in batches:
        await asyncio.sleep(0)
        for item in batch:
            yield item
    if error is not None:
        raise error


async def waiting(stopped, *batches):
    """Batches, then nothing; `stopped` is set when somebody gives up."""
    try:
        for batch in batches:
            for item in batch:
                yield item
        await asyncio.sleep(3600)
    finally:
        stopped.set()


def pull(feed):
    items = []
    while True:
        try:
            items += feed.next()
        except StopIteration:
            return items


async def apull(feed):
    items = []
    while True:
        try:
            items += await feed.anext()
        except StopAsyncIteration:
            return items


async def thread_name():
    await asyncio.sleep(0)
    return threading.current_thread().name


async def fail(error):
    await asyncio.sleep(0)
    raise error


def test_work_is_done_on_the_background_thread():
    """`run` and `arun` give the result of what ran on the one loop."""
    assert blocking.run(thread_name()) == "gemini_nb"
    assert asyncio.run(blocking.arun(thread_name())) == "gemini_nb"
    assert blocking.loop() is blocking.loop()


def test_run_inside_a_running_loop():
    """A blocking call works where a loop already runs, as in a notebook's cell."""

    async def cell():
        return blocking.run(thread_name())

    assert asyncio.run(cell()) == "gemini_nb"


@pytest.mark.parametrize("way", [blocking.run, lambda work: asyncio.run(blocking.arun(work))])
def test_errors_come_through(way):
    """What the work raises is raised; our own errors without the frames of the other thread."""
    with pytest.raises(ZeroDivisionError):
        way(fail(ZeroDivisionError()))
    with pytest.raises(BadPrompt) as caught:
        way(fail(BadPrompt("No.")))
    names = [frame.name for frame in caught.traceback]
    assert "fail" not in names


async def translate():
    try:
        {}["headers"]
    except KeyError:
        raise BadPrompt("No.") from None


@pytest.mark.parametrize("way", [blocking.run, lambda work: asyncio.run(blocking.arun(work))])
def test_what_an_error_was_made_of_stays_behind(way):
    """The exception that was translated, and its frames, are not even in the context of ours."""
    with pytest.raises(BadPrompt) as caught:
        way(translate())
    assert caught.value.__context__ is None


@pytest.mark.parametrize("handler", [signal.default_int_handler, lambda *_: None])
def test_an_interrupt_stops_the_work(handler):
    """SIGINT raises in the waiting thread, whoever handles it elsewhere, and cancels the work."""
    stopped = threading.Event()

    async def work():
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            blocking.run(work())
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.wait(5)


def test_an_interrupt_right_after_the_start_stops_the_awaited_work(monkeypatch):
    """It may come before the caller's loop has control, and raises right there."""
    begun, stopped = threading.Event(), threading.Event()
    start = blocking._Job.start

    def pressed(job):
        start(job)
        assert begun.wait(5)
        raise KeyboardInterrupt

    async def work():
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    async def main():
        with pytest.raises(KeyboardInterrupt):
            await blocking.arun(work())

    monkeypatch.setattr(blocking._Job, "start", pressed)
    asyncio.run(main())
    assert stopped.wait(5)


def test_an_interrupt_stops_a_feed():
    """SIGINT gets through while nothing comes."""
    before = signal.signal(signal.SIGINT, lambda *_: None)

    async def source():
        while signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # noqa: ASYNC110
            await asyncio.sleep(0.001)  # until somebody waits
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(3600)
        yield None

    try:
        with pytest.raises(KeyboardInterrupt):
            blocking.Feed(source()).next()
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
    """Off the main thread nothing is changed, since nothing may be."""
    results = []
    thread = threading.Thread(target=lambda: results.append(blocking.run(thread_name())))
    thread.start()
    thread.join(5)
    assert results == ["gemini_nb"]


def test_cancelling_arun_cancels_the_work():
    """A cancelled caller stops what runs for it."""
    started, stopped = threading.Event(), threading.Event()

    async def work():
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    async def caller():
        task = asyncio.create_task(blocking.arun(work()))
        await asyncio.to_thread(started.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(caller())
    assert stopped.wait(5)


@pytest.mark.parametrize("read", [pull, lambda feed: asyncio.run(apull(feed))])
def test_a_feed_gives_all_in_order(read):
    """Items come in their order, and the end is the end for whoever asks again."""
    feed = blocking.Feed(counted([1], [2, 3], [], [4]))
    assert read(feed) == [1, 2, 3, 4]
    assert read(feed) == []


@pytest.mark.parametrize("read", [pull, lambda feed: asyncio.run(apull(feed))])
def test_a_feed_raises_after_what_came(read):
    """An error of the source comes after the items before it, each time."""
    feed = blocking.Feed(counted([1], error=BadPrompt("No.")))
    assert feed.next() == [1]
    for _ in range(2):
        with pytest.raises(BadPrompt):
            read(feed)


def test_an_async_reader_waits_for_what_is_late():
    """An async reader sleeps until something comes."""
    go = threading.Event()

    async def late():
        await asyncio.to_thread(go.wait, 5)
        yield 1

    async def reader():
        asking = asyncio.create_task(apull(blocking.Feed(late())))
        await asyncio.sleep(0.01)
        assert not asking.done()
        go.set()
        return await asyncio.wait_for(asking, 5)

    assert asyncio.run(reader()) == [1]


def test_two_async_readers_both_end():
    """Two tasks that read one feed share its items, and neither waits forever."""
    go = threading.Event()

    async def late():
        await asyncio.to_thread(go.wait, 5)
        yield 1
        await asyncio.sleep(0)
        yield 2

    async def readers():
        feed = blocking.Feed(late())
        tasks = [asyncio.create_task(apull(feed)) for _ in range(2)]
        await asyncio.sleep(0.01)
        go.set()
        found = await asyncio.wait_for(asyncio.gather(*tasks), 5)
        return sorted(item for items in found for item in items)

    assert asyncio.run(readers()) == [1, 2]


@pytest.mark.parametrize("end", ["close", "forget"])
def test_a_feed_that_is_given_up_stops_its_source(end):
    """Closing a feed, or holding it no more, cancels the source."""
    stopped = threading.Event()
    feed = blocking.Feed(waiting(stopped, [1]))
    assert feed.next() == [1]
    if end == "close":
        feed.close()
    del feed
    gc.collect()
    assert stopped.wait(5)


def test_giving_up_twice_does_not_break_the_cleanup():
    """What a source does while it ends is not cancelled again: a connection would stay open."""
    cleaned = threading.Event()

    async def source():
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    feed = blocking.Feed(source())
    assert feed.next() == [1]
    feed.close()
    feed.close()
    del feed
    gc.collect()
    assert cleaned.wait(5)


def test_a_process_ends_with_a_feed_open():
    """A script that forgets a stream still ends, at once and in silence."""
    code = (
        "import asyncio\n"
        "from gemini_nb import blocking\n"
        "async def source():\n"
        "    yield 1\n"
        "    await asyncio.sleep(3600)\n"
        "feed = blocking.Feed(source())\n"
        "print(feed.next())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1]\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_connections_of_its_own():
    """After a call in the parent, a forked child calls over a loop and connections of its own."""
    code = (
        "import os, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)\n"  # fork beside threads, on purpose
        "import gemini_nb as genai\n"
        "from tests.server import Server, answer_json, chunk\n"
        "with Server(lambda call: answer_json(chunk('ok', 'STOP'))) as server:\n"
        "    genai.configure(api_key='AIzaFAKE', base_url=server.url)\n"
        "    model = genai.GenerativeModel('gemini-a')\n"
        "    print(model.generate_content('x').text, flush=True)\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        print(model.generate_content('x').text, flush=True)\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    print(model.generate_content('x').text, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("ok\nok\nok\n", "")


def test_a_loop_that_is_closed_while_a_call_runs(capfd):
    """Nobody is told of it: whoever waited has gone, and the next call works."""

    async def slow():
        await asyncio.sleep(0.05)

    loop = asyncio.new_event_loop()
    waiting = loop.create_task(blocking.arun(slow()))
    loop.run_until_complete(asyncio.sleep(0.01))
    waiting.cancel()
    loop.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
    loop.close()
    assert blocking.run(slow()) is None
    blocking.run(asyncio.sleep(0.1))
    assert capfd.readouterr().err == ""
