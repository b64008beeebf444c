"""What can go wrong with a conversation: turns that fail, and turns that come at once.

After every fault the history is a list of whole turns, and the next turn can be sent.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import gc
import json
import threading
import time

import pytest

import gemini_nb as genai
from gemini_nb import errors
from tests.kernel.kernels import Kernel
from tests.server import Server, answer_json, answer_sse, chunk

SSE = {"content-type": "text/event-stream"}
ONE = [("user", "one"), ("model", "re: one")]
TWO = [*ONE, ("user", "two"), ("model", "re: two")]


def event(body):
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def question(call):
    return call.json()["contents"][-1]["parts"][0]["text"]


def sent(call):
    return [(c["role"], c["parts"][0]["text"]) for c in call.json()["contents"]]


def said(contents):
    return [(c.role, "".join(p.text or "" for p in c.parts)) for c in contents]


def stalled(call):
    """The first word, then nothing for as long as the client stays."""

    async def pieces():
        yield event(chunk("half"))
        while not call.hung_up.is_set():  # noqa: ASYNC110 - the event is a thread's
            await asyncio.sleep(0.01)

    return 200, SSE, pieces()


def empty(**candidate):
    """An answer without content."""
    return {"candidates": [candidate] if candidate else []}


# What the service does to a turn, whether it is asked for a stream or not.
FAULTS = {
    "refused": answer_json({"error": {"code": 400, "message": "No."}}, 400),
    "a page": (200, {"content-type": "text/html"}, [b"<html>log in</html>"]),
    "blocked": {"promptFeedback": {"blockReason": "SAFETY"}},
    "filtered": empty(finishReason="SAFETY"),
    "recited": empty(finishReason="RECITATION", content={"role": "model"}),
    "no candidate": empty(),
    "an empty part": empty(finishReason="STOP", content={"role": "model", "parts": [{}]}),
    "unfinished": chunk("half"),
    "stalled": stalled,
}
# What only a stream can suffer.
BROKEN = {
    "an error event": [chunk("half"), {"error": {"code": 400, "message": "No."}}],
    "cut": [chunk("half"), chunk("more")],
}


def service(call):
    """Answers `re: …`, except to a question that names a fault."""
    asked, streams = question(call), "stream" in call.target
    fault = FAULTS.get(asked)
    if asked in BROKEN:
        return answer_sse(*BROKEN[asked])
    if callable(fault):
        return fault(call)
    if isinstance(fault, dict):
        return answer_sse(fault) if streams else answer_json(fault)
    if fault:
        return fault
    words = [chunk("re: "), chunk(asked, "STOP")]
    return answer_sse(*words) if streams else answer_json(chunk(f"re: {asked}", "STOP"))


@pytest.fixture
def chat(serve):
    """A conversation in which one turn went well; `chat.server` sees what is sent."""
    server = serve(service)
    chat = genai.GenerativeModel("gemini-a").start_chat()
    chat.server = server
    chat.send_message("one")
    return chat


def whole(chat, text):
    return chat.send_message(text)


def streamed(chat, text):
    return chat.send_message(text, stream=True).resolve()


def unread(chat, text):
    return chat.send_message(text, stream=True)


def whole_async(chat, text):
    return asyncio.run(chat.send_message_async(text))


def streamed_async(chat, text):
    async def talk():
        response = await chat.send_message_async(text, stream=True)
        return await response.resolve_async()

    return asyncio.run(talk())


WAYS = [whole, streamed, unread, whole_async, streamed_async]


def goes_on(chat):
    """The history is as before the fault, and the next turn follows it."""
    assert said(chat.history) == ONE
    assert chat.send_message("two").text == "re: two"
    assert said(chat.history) == TWO
    assert sent(chat.server.calls[-1]) == [*ONE, ("user", "two")]


# ------------------------------------------------------------------------------ turns that fail


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", [*FAULTS, *BROKEN])
def test_a_turn_that_failed(chat, way, fault):
    """It leaves no half pair, and what it did bring is in `last`."""
    if fault in BROKEN and way in (whole, whole_async):
        return  # nothing to break
    genai.configure(timeout=0.3)
    with contextlib.suppress(errors.GeminiError):
        way(chat, fault)
    goes_on(chat)


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_that_was_interrupted(chat, stream):
    """The stop button leaves no half pair."""

    def stop():
        # The main thread waits then: for the answer, or for its second word.
        assert wait_for(lambda: calls(chat) == 2)
        assert wait_for(lambda: not stream or [part.text for part in chat.last.parts] == ["half"])
        _thread.interrupt_main()

    stopping = threading.Thread(target=stop)
    stopping.start()
    with pytest.raises(KeyboardInterrupt):
        chat.send_message("stalled", stream=stream).resolve()
    stopping.join(5)
    assert chat.server.calls[1].hung_up.wait(5)
    if stream:
        assert (chat.last.interrupted, chat.last.parts[0].text) == (True, "half")
    goes_on(chat)


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_that_was_cancelled(chat, stream):
    """The same for a task."""

    async def talk():
        response = await chat.send_message_async("stalled", stream=stream)
        await response.resolve_async()

    async def cancelled():
        task = asyncio.create_task(talk())
        await asyncio.to_thread(wait_for, lambda: calls(chat) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert chat.server.calls[1].hung_up.wait(5)
    goes_on(chat)


def test_a_turn_that_was_left(chat):
    """Leaving the loop over an answer means that the turn did not happen."""
    for _ in chat.send_message("stalled", stream=True):
        break
    assert chat.server.calls[1].hung_up.wait(5)
    goes_on(chat)


def test_a_turn_that_was_forgotten(chat):
    """An answer that nobody reads is read before the next turn; one that breaks is dropped then."""
    chat.send_message("cut", stream=True)
    gc.collect()
    goes_on(chat)


def test_an_answer_without_a_role_gets_one(serve):
    """In a history each turn says whose it is, or the service would refuse the next one."""
    answer = {"content": {"parts": [{"text": "yes"}, {}]}, "finishReason": "STOP"}
    server = serve(answer_json({"candidates": [answer]}))
    chat = genai.GenerativeModel("gemini-a").start_chat()
    chat.send_message("one")
    chat.send_message("two")
    assert server.calls[1].json()["contents"] == [
        {"role": "user", "parts": [{"text": "one"}]},
        {"role": "model", "parts": [{"text": "yes"}]},
        {"role": "user", "parts": [{"text": "two"}]},
    ]


# -------------------------------------------------------------------------- turns that come at once


def wait_for(condition, limit=5.0):
    """Wait until something is so; False where it never is."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def calls(chat):
    """How many requests the service got."""
    return len(chat.server.calls)


def waits_for(response):
    """Whether somebody else reads an answer, too: the next speaker, who waits for its end."""
    return len(response._readers) == 2


class Gate:
    """A service whose streams say `re: `, and go on when the gate is opened."""

    def __init__(self, words=1, finish="STOP"):
        self.open = threading.Event()
        self.words = words
        self.finish = finish

    def __call__(self, call):
        if "slow" not in question(call):
            return service(call)

        async def pieces():
            yield event(chunk("re: "))
            while not self.open.is_set() and not call.hung_up.is_set():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
            for n in range(self.words):
                yield event(chunk(f"{n} "))
                await asyncio.sleep(0)
            yield event(chunk("slow", self.finish))

        return 200, SSE, pieces()


@pytest.fixture
def gated(serve):
    """`gated(…)`: a conversation with a Gate of these arguments, in which nothing was said yet."""

    def start(*args, **kwargs):
        gate = Gate(*args, **kwargs)
        chat = genai.GenerativeModel("gemini-a").start_chat()
        chat.server = serve(gate)
        chat.gate = gate
        return chat

    return start


class Reader(threading.Thread):
    """A cell that reads a stream on a thread of its own."""

    def __init__(self, response):
        super().__init__(daemon=True)
        self.response = response
        self.pieces = []
        self.error = None
        self.start()
        assert wait_for(lambda: self.pieces)

    def run(self):
        try:
            for piece in self.response:
                self.pieces.append(piece.text)
        except errors.GeminiError as error:
            self.error = error


def numbers(n):
    return "re: " + "".join(f"{i} " for i in range(n)) + "slow"


def test_a_cell_speaks_while_another_reads(gated):
    """It waits for the answer before, takes no piece of it away, and follows it in the history."""
    chat = gated(words=300)
    reader = Reader(chat.send_message("slow", stream=True))
    speaker = threading.Thread(target=chat.send_message, args=("two",))
    speaker.start()
    assert wait_for(lambda: waits_for(reader.response))
    assert calls(chat) == 1
    chat.gate.open.set()
    reader.join(10)
    speaker.join(10)
    assert "".join(reader.pieces) == numbers(300)
    assert said(chat.history) == [("user", "slow"), ("model", numbers(300)), *TWO[2:]]
    assert sent(chat.server.calls[1]) == said(chat.history)[:3]


def test_a_task_speaks_while_a_cell_reads(gated):
    """The same, where the second is a task."""
    chat = gated(words=300)
    reader = Reader(chat.send_message("slow", stream=True))

    async def speak():
        task = asyncio.create_task(chat.send_message_async("two"))
        assert await asyncio.to_thread(wait_for, lambda: waits_for(reader.response))
        chat.gate.open.set()
        await task

    asyncio.run(speak())
    reader.join(10)
    assert "".join(reader.pieces) == numbers(300)
    assert said(chat.history) == [("user", "slow"), ("model", numbers(300)), *TWO[2:]]


def test_a_cell_that_waits_keeps_its_model(gated):
    """Another cell may choose its own model meanwhile."""
    chat = gated()
    reader = Reader(chat.send_message("slow", stream=True))
    speaker = threading.Thread(target=chat.send_message, args=("two",))
    speaker.start()
    assert wait_for(lambda: waits_for(reader.response))
    chat.model = genai.GenerativeModel("gemini-b")
    chat.gate.open.set()
    speaker.join(10)
    reader.join(10)
    chat.send_message("three")
    models = [call.target.split("/")[3].partition(":")[0] for call in chat.server.calls]
    assert models == ["gemini-a", "gemini-a", "gemini-b"]


def test_a_reader_of_a_broken_answer_is_told(gated):
    """Where the next speaker finds the end first, the reader does not take a part for the whole."""
    chat = gated(finish=None)
    reader = Reader(chat.send_message("slow", stream=True))
    speaker = threading.Thread(target=chat.send_message, args=("two",))
    speaker.start()
    assert wait_for(lambda: waits_for(reader.response))
    chat.gate.open.set()
    reader.join(10)
    speaker.join(10)
    assert isinstance(reader.error, errors.StreamInterrupted)
    assert said(chat.history) == TWO[2:]


def test_who_gives_up_waiting_stops_nobody(gated):
    """A task that is cancelled while it waits for another's answer leaves that answer alone."""
    chat = gated()
    reader = Reader(chat.send_message("slow", stream=True))

    async def cancelled():
        task = asyncio.create_task(chat.send_message_async("two"))
        assert await asyncio.to_thread(wait_for, lambda: waits_for(reader.response))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    chat.gate.open.set()
    reader.join(10)
    assert (reader.error, "".join(reader.pieces)) == (None, numbers(1))
    assert said(chat.history) == [("user", "slow"), ("model", numbers(1))]


def test_who_closes_an_answer_lets_the_next_speak(gated):
    """An answer that is closed while somebody waits for it is as if it had never been."""
    chat = gated()
    response = chat.send_message("slow", stream=True)
    speaker = threading.Thread(target=chat.send_message, args=("two",))
    speaker.start()
    assert wait_for(lambda: response.parts)
    response.close()
    speaker.join(10)
    assert said(chat.history) == TWO[2:]


def test_two_read_one_answer(gated):
    """Readers of one Response each get every piece, in order."""
    chat = gated(words=500)
    response = chat.send_message("slow", stream=True)
    readers = [Reader(response) for _ in range(3)]
    chat.gate.open.set()
    for reader in readers:
        reader.join(10)
        assert (reader.error, "".join(reader.pieces)) == (None, numbers(500))


def test_many_tasks_take_turns(chat):
    """More tasks than there are threads to wait on, each after the other, in their order."""

    async def talk():
        await asyncio.wait_for(
            asyncio.gather(*(chat.send_message_async(f"q{n}") for n in range(40))), 30
        )

    asyncio.run(talk())
    asked = [text for role, text in said(chat.history) if role == "user"]
    assert asked == ["one", *(f"q{n}" for n in range(40))]
    for n, call in enumerate(chat.server.calls):
        assert len(sent(call)) == 2 * n + 1


def test_a_call_that_would_wait_for_ever(serve):
    """Blocking on a task of one's own thread is refused with the way out; the task goes on."""
    released = threading.Event()

    def later(call):
        async def pieces():
            while not released.is_set():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
            yield json.dumps(chunk("re: one", "STOP")).encode()

        return 200, {"content-type": "application/json"}, pieces()

    server = serve(lambda call: later(call) if question(call) == "one" else service(call))
    chat = genai.GenerativeModel("gemini-a").start_chat()

    async def talk():
        task = asyncio.create_task(chat.send_message_async("one"))
        await asyncio.to_thread(server.came.wait, 5)
        with pytest.raises(errors.ConfigError, match=r"still speaking.*send_message_async"):
            chat.send_message("two")
        released.set()
        await task
        chat.send_message("two")

    asyncio.run(talk())
    assert said(chat.history) == TWO


def test_a_blocking_turn_after_an_async_stream(chat):
    """A stream that a task of this loop has begun to read is read to its end, on this thread."""

    async def talk():
        response = await chat.send_message_async("two", stream=True)
        pieces = aiter(response)
        first = await anext(pieces)
        chat.send_message("three")
        return first.text + "".join([piece.text async for piece in pieces])

    assert asyncio.run(talk()) == "re: two"
    assert said(chat.history) == [*TWO, ("user", "three"), ("model", "re: three")]


def test_cells_that_speak_look_and_take_back(chat):
    """Whatever is done at once, the history holds pairs."""
    ended = threading.Event()
    odd = []

    def look():
        while not ended.is_set():
            roles = [content.role for content in tuple(chat.history)]
            if roles != ["user", "model"] * (len(roles) // 2):
                odd.append(roles)
            chat.rewind()

    lookers = [threading.Thread(target=look) for _ in range(2)]
    speakers = [
        threading.Thread(
            target=lambda n=n: [chat.send_message(f"{n}.{i}", stream=i % 2 == 0) for i in range(10)]
        )
        for n in range(4)
    ]
    for thread in (*lookers, *speakers):
        thread.start()
    for thread in speakers:
        thread.join(30)
    ended.set()
    for thread in lookers:
        thread.join(5)
    chat.last.resolve()
    roles = [content.role for content in chat.history]
    assert odd == []
    assert roles == ["user", "model"] * (len(roles) // 2)
    for call in chat.server.calls:
        assert [role for role, _ in sent(call)][::2] == ["user"] * ((len(sent(call)) + 1) // 2)


# ------------------------------------------------------------------------------- kernel restart

SETUP = """
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url="{url}")
chat = genai.GenerativeModel("gemini-a").start_chat()
"""


@pytest.mark.kernel
def test_a_kernel_that_restarts_in_the_middle(tmp_path):
    """The request ends with its kernel, nothing is on disk, and the new one begins anew."""
    home = {name: str(tmp_path) for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    home["IPYTHONDIR"] = str(tmp_path / "ipython")
    with Server(service) as server:
        with Kernel(**home) as kernel:
            assert kernel.run(SETUP.format(url=server.url)).reply["status"] == "ok"
            kernel.run("chat.send_message('one')")
            before = {path for path in tmp_path.rglob("*") if "ipython" not in path.parts}
            run = kernel.start("for c in chat.send_message('stalled', stream=True): print(c.text)")
            run.until(lambda run: "half" in run.text)
            kernel.manager.restart_kernel(now=True)
            kernel.client.wait_for_ready(timeout=30)
            assert server.calls[1].hung_up.wait(5)
            assert {path for path in tmp_path.rglob("*") if "ipython" not in path.parts} == before
            kernel.run(SETUP.format(url=server.url))
            again = kernel.run("print(len(chat.history), chat.send_message('one').text)")
            assert again.text == "0 re: one\n"
        assert sent(server.calls[-1]) == [("user", "one")]
