"""The stop button, in a real kernel: a silent stream stops, and what came is kept."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from tests.kernel.kernels import Kernel
from tests.server import Server, answer_json, chunk

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


def interrupted(server, kernel, cell, *, ready=lambda run: run.outputs):
    """Run `cell` and press stop once it waits: the last of up to three runs.

    Stopped within half a second; on a machine that is busy with something else, the best counts.
    """
    taken = []
    while len(taken) < 3 and min(taken, default=1) >= 0.5:
        seen = len(server.calls)
        run = kernel.start(cell)
        if ready:
            run.until(ready)
        else:
            server.came.clear()
            assert len(server.calls) > seen or server.came.wait(10)
        pressed = time.monotonic()
        kernel.interrupt()
        run.finish()
        taken.append(time.monotonic() - pressed)
    assert min(taken) < 0.5, taken
    return run


@pytest.mark.parametrize("cell", [PLAIN, AROUND_AWAIT, ASYNC], ids=["plain", "around", "await"])
def test_a_silent_stream_stops(stalled, cell):
    """Stop ends a cell within half a second, keeps the text, and hangs up on the server."""
    server, kernel = stalled
    run = interrupted(server, kernel, cell)
    assert run.reply["status"] == "error"
    assert run.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert server.calls[-1].hung_up.wait(5)
    kept = kernel.run("print(answer.text, answer.interrupted)")
    assert kept.text == "so far True\n"


def test_the_magic_ends_quietly(stalled):
    """A stopped `%%gemini` is no error: the partial text stays, marked, and in its variable."""
    server, kernel = stalled
    run = interrupted(server, kernel, MAGIC, ready=lambda run: "so far" in str(run.updates))
    assert run.reply["status"] == "ok"
    assert server.calls[-1].hung_up.wait(5)
    shown, _ = run.shown
    assert shown["data"]["text/markdown"].startswith("so far\n\n*— not whole: it was stopped")
    assert shown["metadata"]["gemini_nb"]["interrupted"] is True
    assert kernel.run("print(answer.text, answer.interrupted)").text == "so far True\n"


@pytest.mark.parametrize("cell", [WHOLE, WHOLE_ASYNC], ids=["sync", "async"])
def test_a_whole_answer_that_does_not_come_stops(stalled, cell):
    """A call that is not streamed stops as fast."""
    server, kernel = stalled
    run = interrupted(server, kernel, cell, ready=None)
    assert run.reply["status"] == "error"
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


BUSY = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "50s"}]


@pytest.fixture(scope="module")
def busy():
    """A kernel that is set up to talk to a server which says: come back in 50 seconds."""
    error = {"code": 503, "message": "Busy.", "status": "UNAVAILABLE", "details": BUSY}
    with Server(lambda call: answer_json({"error": error}, 503)) as server, Kernel() as kernel:
        kernel.run(SETUP.format(url=server.url))
        kernel.run("1 / 0")  # the first traceback loads what tracebacks need
        yield server, kernel


@pytest.mark.parametrize("cell", [MAGIC, PLAIN, ASYNC, WHOLE, WHOLE_ASYNC])
def test_waiting_for_another_try_stops(busy, cell):
    """Stop ends a wait, too; until then a line counts the seconds down."""
    server, kernel = busy
    server.calls.clear()

    def lines(run):
        shown = [update["data"].get("text/plain", "") for update in run.updates]
        return [line for line in shown if line]  # the badge is gone

    run = interrupted(server, kernel, cell, ready=lambda run: run.updates)
    assert lines(run)[0].startswith("503 UNAVAILABLE: going on in ")
    # The last word comes from another thread, maybe after the cell's.
    run.until(lambda run: lines(run)[-1].startswith("503 UNAVAILABLE: waited "))


def test_nobody_reads_a_countdown_in_a_replay():
    """Where no person looks, a cell that waited shows its answer and nothing else."""
    error = {"code": 503, "message": "Busy.", "status": "UNAVAILABLE", "details": [
        {"@type": BUSY[0]["@type"], "retryDelay": "2s"}
    ]}  # fmt: skip
    answers = iter([answer_json({"error": error}, 503), answer_json(chunk("Hello", "STOP"))])
    with Server(lambda call: next(answers)) as server, Kernel() as kernel:
        kernel.run(SETUP.format(url=server.url))
        run = kernel.run("%%gemini --no-stream\nhello", allow_stdin=False)
        assert [o["data"]["text/plain"] for o in run.outputs] == ["Hello"]
        assert len(server.calls) == 2
