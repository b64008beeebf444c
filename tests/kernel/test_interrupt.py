"""The stop button, in a real kernel: a silent stream stops, and what came is kept."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from tests.kernel.kernels import Kernel
from tests.server import Server, chunk

pytestmark = pytest.mark.kernel

SETUP = """
%load_ext gemini_nb
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url="{url}")
model = genai.GenerativeModel()
"""

MAGIC = "%%gemini -o answer\nhello"
PLAIN = """
answer = model.generate_content("hello", stream=True)
for chunk in answer:
    print(chunk.text, flush=True)
"""
AROUND_AWAIT = "import asyncio\nawait asyncio.sleep(0)\n" + PLAIN
ASYNC = """
answer = await model.generate_content_async("hello", stream=True)
async for chunk in answer:
    print(chunk.text, flush=True)
"""
WHOLE = "model.generate_content('hello')"
WHOLE_ASYNC = "await model.generate_content_async('hello')"


def one_then_silence(call):
    """One chunk, then nothing, for as long as the client stays."""

    async def pieces():
        if "stream" in call.target:
            yield b"data: " + json.dumps(chunk("so far")).encode() + b"\n\n"
        while not call.hung_up.is_set():  # noqa: ASYNC110 - the event is a thread's
            await asyncio.sleep(0.01)

    return 200, {"content-type": "text/event-stream"}, pieces()


@pytest.fixture(scope="module")
def stalled():
    """A kernel that is set up to talk to a server that falls silent."""
    with Server(one_then_silence) as server, Kernel() as kernel:
        ready = kernel.run(SETUP.format(url=server.url))
        assert ready.reply["status"] == "ok", ready.reply
        yield server, kernel


def interrupted(server, kernel, cell, *, streams=True):
    """Run `cell`, press stop once the stream is silent: the run, and the seconds it took."""
    seen = len(server.calls)
    run = kernel.start(cell)
    if streams:
        run.until(lambda r: r.outputs)
    else:
        server.came.clear()
        assert len(server.calls) > seen or server.came.wait(10)
    pressed = time.monotonic()
    kernel.interrupt()
    run.finish()
    return run, time.monotonic() - pressed


@pytest.mark.parametrize("cell", [PLAIN, AROUND_AWAIT, ASYNC], ids=["plain", "around", "await"])
def test_a_silent_stream_stops(stalled, cell):
    """Stop ends a cell within half a second, keeps the text, and hangs up on the server."""
    server, kernel = stalled
    run, seconds = interrupted(server, kernel, cell)
    assert run.reply["status"] == "error"
    assert run.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert seconds < 0.5
    assert server.calls[-1].hung_up.wait(5)
    kept = kernel.run("print(answer.text, answer.interrupted)")
    assert kept.text == "so far True\n"


def test_the_magic_ends_quietly(stalled):
    """A stopped `%%gemini` is no error: the partial text stays, marked, and in its variable."""
    server, kernel = stalled
    run, seconds = interrupted(server, kernel, MAGIC)
    assert run.reply["status"] == "ok"
    assert seconds < 0.5
    assert server.calls[-1].hung_up.wait(5)
    (shown,) = run.shown
    assert shown["data"]["text/markdown"].startswith("so far\n\n*— stopped")
    assert shown["metadata"]["gemini_nb"]["interrupted"] is True
    assert kernel.run("print(answer.text, answer.interrupted)").text == "so far True\n"


@pytest.mark.parametrize("cell", [WHOLE, WHOLE_ASYNC], ids=["sync", "async"])
def test_a_whole_answer_that_does_not_come_stops(stalled, cell):
    """A call that is not streamed stops as fast."""
    server, kernel = stalled
    run, seconds = interrupted(server, kernel, cell, streams=False)
    assert run.reply["status"] == "error"
    assert seconds < 0.5
    assert server.calls[-1].hung_up.wait(5)


HANDLER = "import asyncio, signal\nawait asyncio.sleep(0)\nprint(signal.getsignal(signal.SIGINT))"


def test_the_kernel_has_its_own_handler_back(stalled):
    """After an interrupt the kernel handles SIGINT as it did before, in sync and async cells."""
    server, kernel = stalled
    before = kernel.run(HANDLER).text.partition(" at ")[0]
    interrupted(server, kernel, AROUND_AWAIT)
    assert kernel.run(HANDLER).text.partition(" at ")[0] == before
    assert "default_int_handler" in kernel.run(HANDLER.replace("await asyncio.sleep(0)\n", "")).text


def test_leaving_the_loop_stops_the_request(stalled):
    """A `break` closes the connection, and the response says that it is not whole."""
    server, kernel = stalled
    run = kernel.run(PLAIN + "    break\nprint(answer.interrupted)")
    assert run.text == "so far\nTrue\n"
    assert server.calls[-1].hung_up.wait(5)
