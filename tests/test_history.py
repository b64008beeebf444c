"""One row for each call, what it cost, and how to look back."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime as dt
import gc
import hashlib
import os
import pickle
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import pytest

import gemini_nb as genai
from gemini_nb import client, errors, history, ledger, record, settings
from gemini_nb.history import INTERRUPTED, Spent
from gemini_nb.request import Request
from gemini_nb.stream import Response
from gemini_nb.types import Blob, Content, FunctionCall, Part
from tests.conftest import KEY
from tests.server import answer_json, answer_sse, chunk

# Four tokens in and three out, as `chunk` has them: 4 · 0.30 + 3 · 2.50 a million.
PRICE = 8.7e-6


@pytest.fixture(autouse=True)
def own_history(tmp_path, monkeypatch):
    """A session that has done nothing yet, and a file of its own."""
    ledger.flush(10)
    monkeypatch.setenv("GEMINI_NB_DATA", str(tmp_path))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    for module, name, value in (
        (history, "_spent", Spent()),
        (history, "_new", deque()),
        (history, "_ratios", None),
        (ledger, "_said", None),
        (ledger, "_logged", False),
    ):
        monkeypatch.setattr(module, name, value)
    yield
    ledger.flush(10)


def priced(text="Hello", finish="STOP", **more):
    return chunk(text, finish, **{"modelVersion": "gemini-2.5-flash", **more})


def generate(**more):
    return genai.GenerativeModel("gemini-2.5-flash").generate_content("hi there", **more)


def only():
    (one,) = history.search()
    return one


async def silence(*bodies):
    """A stream that says a little, and then nothing."""
    for piece in answer_sse(*bodies)[2]:
        yield piece
    await asyncio.sleep(60)


async def awaited():
    return await genai.GenerativeModel("gemini-2.5-flash").generate_content_async("hi there")


async def awaited_stream():
    model = genai.GenerativeModel("gemini-2.5-flash")
    response = await model.generate_content_async("hi there", stream=True)
    return await response.resolve_async()


@pytest.mark.parametrize(
    "call",
    [
        generate,
        lambda: generate(stream=True).resolve(),
        lambda: asyncio.run(awaited()),
        lambda: asyncio.run(awaited_stream()),
    ],
    ids=["whole", "stream", "whole async", "stream async"],
)
def test_one_row_for_each_way_to_call(serve, call):
    """What was used, by whom it was answered, what it cost; nothing of what was said."""

    def answer(asked):
        return answer_sse(priced()) if "sse" in asked.target else answer_json(priced())

    server = serve(answer)
    began = time.time()
    call()
    one = only()
    assert (one.model, one.version, one.backend) == ("gemini-2.5-flash", "gemini-2.5-flash", "api")
    assert (one.input, one.output, one.cached, one.thoughts, one.tool) == (4, 3, None, None, None)
    assert one.price == pytest.approx(PRICE)
    assert (one.finish, one.response) == ("STOP", "r1")
    assert began <= one.time <= time.time()
    assert 0 < one.seconds < 60
    assert one.hash == hashlib.sha256(server.calls[0].body).hexdigest()
    assert one.session == record.this_session()
    assert (one.notebook, one.prompt, one.answer) == (None, None, None)
    assert history.spent() == (pytest.approx(PRICE), 0)


def test_what_came_with_the_usage(serve):
    """Thoughts, what a cache held and what tools brought have columns of their own."""
    usage = {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 600,
        "candidatesTokenCount": 10,
        "thoughtsTokenCount": 90,
        "toolUsePromptTokenCount": 50,
    }
    serve(answer_json(priced(usageMetadata=usage)))
    generate()
    one = only()
    assert (one.input, one.cached, one.output, one.thoughts, one.tool) == (1000, 600, 10, 90, 50)
    # 400 · 0.30 + 600 · 0.03 + 50 · 0.30 + 100 · 2.50
    assert one.price == pytest.approx(0.000403)
    (used,) = history.usage()
    assert used == history.Usage("gemini-2.5-flash", "api", 1, 1050, 600, 10, 90, one.price, 0)


@pytest.mark.parametrize(
    ("asked", "answered", "own", "price"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash", None, PRICE),
        ("gemini-2.5-flash", "gemini-2.5-flash-001", None, PRICE),
        ("gemini-2.5-flash", None, None, PRICE),
        ("gemini-2.5-flash", "models/gemini-2.5-flash-002", None, PRICE),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-05-20", None, PRICE),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-12-2025", None, PRICE),
        # Names that begin with it are other models.
        ("gemini-2.5-flash", "gemini-2.5-flash-image", None, None),
        ("gemini-2.5-flash", "gemini-2.5-flash-image-preview-09-2025", None, None),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-tts", None, None),
        ("gemini-flash-latest", "gemini-2.5-flash", None, PRICE),
        ("gemini-flash-latest", "gemini-flash-latest", None, None),
        # Somebody else answers under that name: the local backend at a base_url, a proxy.
        ("gemini-2.5-flash", "local/SmolLM2", None, None),
        ("gemini-2.5-flash", "local/SmolLM2", {"gemini-2.5-flash": (1, 2)}, 1e-5),
        ("gemini-flash-latest", "gemini-2.5-flash", {"gemini-flash-latest": (1, 2)}, 1e-5),
        ("models/mine", "mine-2", {"models/mine-2": (1, 2)}, 1e-5),
        ("gemini-2.5-flash", "gemini-2.5-flash", {"gemini-2.5-flash": (0, 0)}, 0),
    ],
)
def test_who_answers_has_the_price(serve, asked, answered, own, price):
    """An alias costs what the model behind it does; one's own price is before all."""
    serve(answer_json(chunk("Hello", "STOP", modelVersion=answered)))
    genai.configure(prices=own)
    genai.GenerativeModel(asked).generate_content("hi")
    known = price is not None
    assert only().price == (pytest.approx(price) if known else None)
    assert history.spent() == (pytest.approx(price or 0), int(not known))


@pytest.mark.parametrize(("tier", "known"), [("standard", 1), ("STANDARD", 1), ("flex", 0)])
def test_another_tier_has_another_price(serve, tier, known):
    """It is not in the table, so it is not known."""
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 3, "serviceTier": tier}
    serve(answer_json(priced(usageMetadata=usage)))
    generate()
    assert (only().price is not None) == known


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_costs_nothing(serve, stream):
    """It is on record under the name of the error."""
    error = {"error": {"code": 429, "message": "No.", "status": "RESOURCE_EXHAUSTED"}}
    serve(answer_json(error, 429))
    with pytest.raises(errors.ResourceExhausted):
        generate(stream=stream).text  # noqa: B018 - it is read
    one = only()
    assert (one.finish, one.price, one.input) == ("ResourceExhausted", 0, None)
    assert history.spent() == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_what_broke_on_its_way_may_cost(serve, stream):
    """The service may have answered, so nobody knows."""

    def dropped(call):
        raise ConnectionResetError

    serve(dropped)
    with pytest.raises(errors.NetworkError):
        generate(stream=stream).text  # noqa: B018 - it is read
    assert (only().finish, only().price) == ("NetworkError", None)
    assert history.spent() == (0, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_never_sent_is_not_on_record(serve, stream):
    """Nobody listens there."""
    serve()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    genai.configure(base_url=f"http://127.0.0.1:{port}")
    with pytest.raises(errors.NetworkError):
        generate(stream=stream).text  # noqa: B018 - it is read
    assert history.search() == []
    assert history.spent() == (0, 0)


def test_a_blocked_prompt(serve):
    """It has its reason, and its tokens are paid for."""
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini-2.5-flash"}
    serve(answer_json({**body, "usageMetadata": {"promptTokenCount": 10}}))
    response = generate()
    assert response.prompt_feedback.block_reason == "SAFETY"
    assert (only().finish, only().price) == ("SAFETY", pytest.approx(3e-6))


def test_a_stream_that_breaks_off(serve):
    """One row with its error, and what was used until then."""
    serve(answer_sse(priced("Hel", None)))
    with pytest.raises(errors.StreamInterrupted):
        generate(stream=True).resolve()
    assert (only().finish, only().price) == ("StreamInterrupted", pytest.approx(PRICE))


def test_a_stream_that_is_left(serve):
    """Leaving the loop ends it: one row, and closing it again makes no other."""
    serve(lambda call: (200, {"content-type": "text/event-stream"}, silence(priced("Hel", None))))
    response = generate(stream=True)
    assert next(iter(response)).text == "Hel"
    gc.collect()
    response.close()
    response.close()
    assert (only().finish, only().output) == (INTERRUPTED, 3)


def test_a_stream_that_nobody_holds(serve):
    """It is over when it is collected."""
    server = serve(
        lambda call: (200, {"content-type": "text/event-stream"}, silence(priced("Hel", None)))
    )
    response = generate(stream=True)
    assert server.came.wait(10)
    del response
    gc.collect()
    assert (only().finish, only().price) == (INTERRUPTED, None)


def test_a_call_that_is_cancelled(serve):
    """Whether it costs anything is not known."""
    server = serve(lambda call: (200, {"content-type": "application/json"}, silence()))

    async def cancelled():
        task = asyncio.create_task(awaited())
        assert await asyncio.to_thread(server.came.wait, 10)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    end = time.monotonic() + 5
    while not history.search() and time.monotonic() < end:  # the other loop is told
        pass
    assert (only().finish, only().price) == (INTERRUPTED, None)


@pytest.mark.parametrize("way", ["whole", "stream", "left"])
def test_what_waits_for_its_turn_has_not_left(serve, way):
    """An interrupt while the limit of one's own holds a call up: no row, and no price unknown."""
    server = serve(answer_json(priced()))
    genai.configure(rpm=1)
    generate()
    model = genai.GenerativeModel("gemini-2.5-flash")

    async def interrupted():
        if way == "left":
            response = await model.generate_content_async("hi", stream=True)
            await asyncio.sleep(0)
            response.close()
            return
        call = awaited() if way == "whole" else awaited_stream()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.2)

    asyncio.run(interrupted())
    assert len(server.calls) == 1
    assert only().finish == "STOP"
    assert history.spent() == (pytest.approx(PRICE), 0)


def test_copies_of_a_stream_are_not_on_record(serve):
    """A Response that goes to another process leaves its row here."""
    serve(answer_sse(priced()))
    response = generate(stream=True).resolve()
    assert pickle.loads(pickle.dumps(response)).text == "Hello"  # noqa: S301 - our own
    copy.copy(response).close()
    assert only().finish == "STOP"


def test_the_local_backend_is_free(serve, monkeypatch):
    """Its calls are on record, too."""
    server = serve(answer_json(chunk("Hello", "STOP", modelVersion="local/SmolLM2")))
    monkeypatch.setattr(
        client.Client,
        "_endpoint",
        lambda self: setattr(self, "_is_local", True) or (server.url, None),
    )
    generate()
    assert (only().backend, only().price) == ("local", 0)
    assert history.spent() == (0, 0)


def test_nothing_is_kept_where_that_is_asked_for(serve, tmp_path):
    """No file; what was spent is known nevertheless."""
    serve(answer_json(priced()))
    genai.configure(history="off")
    generate()
    history.compared("gemini-2.5-flash", 10, 11)
    assert history.drift("gemini-2.5-flash") is None
    assert ledger.flush(5)
    assert list(tmp_path.iterdir()) == []
    assert history.search() == []
    assert history.usage() == []
    assert history.spent() == (pytest.approx(PRICE), 0)


# -- contents


def test_contents_where_they_are_asked_for(serve):
    """What was asked since the model's last turn, and what it said aloud."""
    parts = [{"text": "hm", "thought": True}, {"text": "42"}]
    serve(answer_json({**priced(), "candidates": [{"content": {"parts": parts}, "index": 0}]}))
    genai.configure(history="contents")
    call = FunctionCall(name="add", args={"a": 1})
    turns = [
        Content(role="user", parts=[Part(text="first")]),
        Content(role="model", parts=[Part(text="second")]),
        Content(
            role="user",
            parts=[
                Part(text="third"),
                Part(inline_data=Blob(mime_type="image/png", data=b"x" * 100)),
                Part(function_call=call),
            ],
        ),
    ]
    with contextlib.suppress(errors.StreamInterrupted):
        genai.GenerativeModel("gemini-2.5-flash").generate_content(turns)
    one = only()
    assert one.prompt == 'third\n[image/png]\n{"functionCall":{"name":"add","args":{"a":1}}}'
    assert one.answer == "42"


def test_contents_are_cut(serve):
    """A book fits into a prompt, and not into a row."""
    serve(answer_json(priced("y" * 40_000)))
    genai.configure(history="contents")
    genai.GenerativeModel("gemini-2.5-flash").generate_content("x" * 40_000)
    assert only().prompt == "x" * 32_768 + "…"
    assert only().answer == "y" * 32_768 + "…"


@pytest.mark.parametrize("place", ["configured", "environment"])
def test_no_key_is_in_the_file(serve, tmp_path, monkeypatch, place):
    """Neither the one of the header nor one that was written into a prompt."""
    serve(answer_json(priced(f"Your key is {KEY}.")))
    genai.configure(history="contents")
    if place == "environment":
        genai.configure(api_key=None)
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
    genai.GenerativeModel("gemini-2.5-flash").generate_content(f"My key is {KEY}, really.")
    assert only().prompt == "My key is [key], really."
    assert only().answer == "Your key is [key]."
    files = [path for path in (tmp_path / "history").iterdir() if path.is_file()]
    assert b"My key is" in b"".join(path.read_bytes() for path in files)
    assert KEY.encode() not in b"".join(path.read_bytes() for path in files)


@pytest.mark.parametrize("at", [32_768 - 10, 32_768 - len(KEY), 32_768 - 1])
def test_no_part_of_a_key_is_left_where_a_text_is_cut(serve, at):
    """The key is replaced first."""
    serve(answer_json(priced("y" * at + KEY)))
    genai.configure(history="contents")
    genai.GenerativeModel("gemini-2.5-flash").generate_content("y" * at + KEY + "y" * 100)
    for said in (only().prompt, only().answer):
        assert said.startswith("y" * at + "[key]"[: 32_768 - at])
        assert KEY[:4] not in said


def test_keys_of_before_and_of_others_are_not_in_the_file(serve, tmp_path, monkeypatch):
    """One that was configured once, another Client's, one of the environment that is gone."""
    keys = [f"AIzaFAKE-number-{number}" for number in range(6)]
    genai.configure(api_key=keys[0])
    client.Client(api_key=keys[1])
    client.Client(api_key=keys[1] + "-longer")
    with monkeypatch.context() as patch:
        patch.setenv("GEMINI_API_KEY", keys[2])
        genai.configure(api_key=None)
        settings.find_key()
    serve(answer_json(priced("Hello")))
    genai.configure(history="contents")
    with monkeypatch.context() as patch:
        monkeypatch.setattr(ledger, "_LINGER", 0.5)
        patch.setenv("GEMINI_API_KEY", keys[3])  # neither is used for this call
        patch.setenv("GOOGLE_API_KEY", keys[4])
        genai.GenerativeModel("gemini-2.5-flash").generate_content(
            f"{keys[:5]} {keys[1]}-longer {KEY}"
        )
    with contextlib.suppress(errors.GeminiError):  # a key in the place of a name
        genai.GenerativeModel(KEY).generate_content("hi")
    assert ledger.flush(5)
    prompts = [one.prompt for one in history.search()]
    assert prompts[-1] == f"{['[key]'] * 5} [key] [key]"
    whole = b"".join(p.read_bytes() for p in (tmp_path / "history").iterdir() if p.is_file())
    assert b"AIzaFAKE" not in whole
    assert "AIzaFAKE" not in repr(vars(settings))


# -- looking back


def test_usage_by_model_and_since_when(serve, monkeypatch):
    """The dearest first; of a time, of a notebook, of a session."""
    serve(answer_json(chunk("Hello", "STOP", modelVersion=None)))
    for model, notebook in (
        ("gemini-2.5-flash", "/home/a.ipynb"),
        ("gemini-2.5-pro", "/home/a.ipynb"),
        ("gemini-2.5-pro", "/home/b.ipynb"),
        ("gemini-test", "/home/b.ipynb"),
    ):
        monkeypatch.setenv("JPY_SESSION_NAME", notebook)
        genai.GenerativeModel(model).generate_content("hi")
        assert ledger.flush(5)
    pro = (4 * 1.25 + 3 * 10) / 1e6
    assert [(u.model, u.calls, u.dollars, u.unpriced) for u in history.usage()] == [
        ("gemini-2.5-pro", 2, pytest.approx(2 * pro), 0),
        ("gemini-2.5-flash", 1, pytest.approx(PRICE), 0),
        ("gemini-test", 1, 0, 1),
    ]
    assert [u.model for u in history.usage(notebook="/home/b.ipynb")] == [
        "gemini-2.5-pro",
        "gemini-test",
    ]
    assert len(history.usage(session=record.this_session())) == 3
    assert history.usage(session="another") == []
    assert history.usage(since=time.time() + 1) == []
    assert len(history.usage(since=dt.datetime.now().astimezone() - dt.timedelta(hours=1))) == 3


def test_usage_of_both_backends():
    """The local backend is asked by the same name, and is another one."""
    request = Request("POST", "models/m:generateContent")
    for local in (True, False, True):
        history.Call(request, "m", settings.Settings(), local=local).over(Response(request))
    used = [(one.model, one.backend, one.calls, one.unpriced) for one in history.usage()]
    assert used == [("m", "local", 2, 0), ("m", "api", 1, 1)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ["drei", "zwei", "ein"]),
        ("ÄPFEL", ["drei", "ein"]),
        ("äpfel ein", ["ein"]),
        ("answered", ["drei", "zwei", "ein"]),
        ("2.5-flash stop", ["drei", "zwei", "ein"]),
        ("100%", ["zwei"]),
        ("_", ["zwei"]),
        ("'; DROP TABLE calls; --", []),
        ("' OR 1=1", []),
        ('"', []),
        ("nothing", []),
    ],
)
def test_words_are_looked_for(serve, words, found):
    """All of them, in names and contents, in small letters and capitals; never as SQL."""
    serve(answer_json(priced("answered")))
    genai.configure(history="contents")
    for prompt in ("ein Äpfel", "zwei 100% a_b", "drei äpfel"):
        genai.GenerativeModel("gemini-2.5-flash").generate_content(prompt)
    assert [one.prompt.split()[0] for one in history.search(words)] == found
    assert len(history.search()) == 3


def test_the_last_ones(serve):
    """No more than were asked for, and the last first."""
    serve(answer_json(priced()))
    for _ in range(5):
        generate()
    found = history.search(limit=2)
    assert len(found) == 2
    assert found[0].time > found[1].time
    assert found[1].time > history.search(limit=3)[2].time
    assert len(history.search(limit=10**20)) == 5
    assert history.search(limit=-1) == []
    assert ledger.trouble() is None


# -- one's own counts


def test_how_far_off_counts_are():
    """The median of three or more; of the last fifty; by model."""
    for counted in (100, 110):
        history.compared("models/a", 100, counted)
    assert history.drift("a") is None
    history.compared("a", 100, 400)
    assert history.drift("models/a") == pytest.approx(0.1)
    history.compared("a", 100, 120)
    assert history.drift("a") == pytest.approx(0.15)
    assert history.drift("b") is None
    for _ in range(50):
        history.compared("a", 100, 90)
    assert history.drift("a") == pytest.approx(-0.1)


@pytest.mark.parametrize("pair", [(0, 5), (5, 0), (-1, 5)])
def test_counts_that_say_nothing(pair):
    """Nothing is divided by nothing."""
    for _ in range(3):
        history.compared("a", *pair)
    assert history.drift("a") is None


def test_whose_settings_say_what_is_kept(monkeypatch):
    """Those of the client that compares, where it has its own."""
    off, on = settings.Settings(history="off"), settings.Settings()
    genai.configure(history="off")
    for _ in range(3):
        history.compared("a", 100, 120, on)
    assert ledger.flush(5)
    monkeypatch.setattr(history, "_ratios", None)
    assert history.drift("a") is None
    assert ledger.flush(5)
    assert history.drift("a") is None
    monkeypatch.setattr(history, "_ratios", None)
    assert history.drift("a", on) is None  # not yet
    assert ledger.flush(5)
    assert history.drift("a", on) == pytest.approx(0.2)
    genai.configure(history="numbers")
    for _ in range(3):
        history.compared("b", 100, 120, off)
    assert ledger.flush(5)
    assert len(ledger.read("SELECT * FROM estimates")) == 3


def test_another_session_knows_them(monkeypatch):
    """The last fifty of each model are on file, and those of this session after them."""
    for n in range(60):
        history.compared("a", 100, 100 + n)
    history.compared("b", 100, 200)
    assert ledger.flush(5)
    assert ledger.read("SELECT count(*) FROM estimates WHERE model = 'a'")[0][0] == 50
    monkeypatch.setattr(history, "_ratios", None)
    for _ in range(2):
        history.compared("b", 100, 300)
    history.drift("b")
    assert ledger.flush(5)
    assert history.drift("a") == pytest.approx(0.345)
    assert history.drift("b") == pytest.approx(2)


# -- whose call it is


def test_the_notebook(monkeypatch):
    """jupyter-server says it in the environment, VS Code among the names of the notebook."""
    assert record.this_notebook() is None
    names = {"__vsc_ipynb_file__": "/home/c.ipynb"}
    shell = type("Shell", (), {"user_ns": names})()
    monkeypatch.setattr(record.notices, "kernel", type("Kernel", (), {"shell": shell}))
    assert record.this_notebook() == "/home/c.ipynb"
    names["__vsc_ipynb_file__"] = 3
    assert record.this_notebook() is None
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/d.ipynb")
    assert record.this_notebook() == "/home/d.ipynb"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_forked_process_is_a_session_of_its_own(serve):
    """It has spent nothing, and its calls are on record beside those of its parent."""
    serve(answer_json(priced()))
    generate()
    code = f"""
import multiprocessing, os, sys
import gemini_nb as genai
from gemini_nb import history, record
genai.configure(api_key="x", base_url={settings.current().base_url!r}, retries=0)
def call():
    genai.GenerativeModel("gemini-2.5-flash").generate_content("hi")
    return record.this_session(), history.spent().dollars
def child(pipe):
    pipe.send(call())
if __name__ == "__main__":
    own = call()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
    process.start()
    other = ours.recv()
    process.join()
    assert process.exitcode == 0
    assert own[0] != other[0] and own[1] == other[1]
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len({one.session for one in history.search()}) == 3


@pytest.mark.skipif(os.name != "posix", reason="elsewhere HOME does not say where the data is")
def test_tests_leave_nothing_in_the_home(tmp_path):
    """Rows that are still queued when the last test is over go where those of the others did."""
    places = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    kept = {name: value for name, value in os.environ.items() if name != "GEMINI_NB_DATA"}
    test = "tests/test_inline.py::test_what_fits_goes_as_it_is"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        check=True,
        cwd=Path(__file__).parents[1],
        env={**kept, **places},
        capture_output=True,
    )
    assert [path for path in tmp_path.rglob("*") if "sqlite" in path.name] == []


def test_nothing_heavy_is_imported_for_it():
    """The thread that writes is the first to load SQLite."""
    code = "import sys, gemini_nb.history; assert 'sqlite3' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
