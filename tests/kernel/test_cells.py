"""`%%gemini` in a real kernel: what a notebook shows, saves and completes."""

from __future__ import annotations

import asyncio
import json

import ipykernel
import pytest

from tests.kernel.kernels import Kernel
from tests.server import Server, answer_json, chunk

pytestmark = pytest.mark.kernel

SETUP = """
%load_ext gemini_nb
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url="{url}", retries=0, history="off")
"""


def slow_words(call):
    """Two hundred words, five milliseconds apart; a 429 for a prompt that says `quota`."""
    if b"quota" in call.body:
        error = {"code": 429, "message": "Out of quota.", "status": "RESOURCE_EXHAUSTED"}
        return answer_json({"error": error}, 429)

    async def pieces():
        for i in range(200):
            finish = "STOP" if i == 199 else None
            yield b"data: " + json.dumps(chunk(f"w{i} ", finish)).encode() + b"\n\n"
            await asyncio.sleep(0.005)

    return 200, {"content-type": "text/event-stream"}, pieces()


@pytest.fixture(scope="module")
def kernel():
    """A kernel whose Gemini is `slow_words`."""
    with Server(slow_words) as server, Kernel() as kernel:
        ready = kernel.run(SETUP.format(url=server.url))
        assert ready.reply["status"] == "ok", ready.reply
        yield kernel


WHOLE = "".join(f"w{i} " for i in range(200))


def test_a_streamed_answer_is_one_display(kernel):
    """The answer appears early, is updated at most 20 times a second, and is saved once, whole."""
    run = kernel.run("%%gemini\nhello")
    shown, used = run.shown
    assert shown["data"] == {"text/markdown": WHOLE, "text/plain": WHOLE}
    assert used["data"]["text/plain"].startswith("in 4 · out 3 · ")
    facts = shown["metadata"]["gemini_nb"]
    assert facts["finish_reason"] == "STOP"
    assert facts["usage"]["totalTokenCount"] == 7
    assert 2 <= len(run.updates) <= 20 * facts["seconds"] + 1
    assert len(run.outputs) == 2


def test_what_goes_is_told_before_it_goes(kernel):
    """The badge is there at once, and stays below the text until the answer is whole."""
    run = kernel.run("%%gemini -s 'Be brief.'\nhello")
    lines = [shown["data"]["text/plain"] for shown in (run.outputs[0], *run.updates)]
    assert lines[0].startswith("system 3 · text 1 — ")
    assert all(line.endswith(lines[0]) for line in lines[:-1])
    assert lines[-1] == WHOLE


def test_a_widget_gives_way_to_the_same_output(kernel):
    """What a widget showed while it came is saved as everywhere, in one display."""
    kernel.run('genai.configure(display="widget")')
    run = kernel.run("%%gemini\nhello")
    kernel.run("genai.configure(display=None)")
    assert "application/vnd.jupyter.widget-view+json" in run.outputs[0]["data"]
    assert len(run.updates) == 1
    (shown,) = run.shown
    assert shown["data"] == {"text/markdown": WHOLE, "text/plain": WHOLE}


def test_a_runner_gets_exactly_one_display(kernel):
    """Where nobody looks (no stdin: nbval, nbclient), nothing is updated."""
    run = kernel.run("%%gemini\nhello", allow_stdin=False)
    assert run.updates == []
    (shown,) = run.outputs
    assert shown["data"]["text/markdown"] == WHOLE
    assert "display_id" not in shown.get("transient", {})


def test_an_api_error_is_a_card(kernel):
    """A refused request fails the cell with what happened and what to do, and no traceback."""
    run = kernel.run("%%gemini\nquota")
    assert run.reply["status"] == "error"
    _badge, error = run.outputs
    assert [shown["data"] for shown in run.shown] == [{}]
    card = "\n".join(error["traceback"])
    assert card.startswith("ResourceExhausted (429 RESOURCE_EXHAUSTED): Out of quota.")
    assert len(card.splitlines()) <= 3
    assert "AIzaFAKE" not in json.dumps(run.outputs)


def test_an_error_in_python_names_the_line(kernel):
    """The same error from Python code points at the person's own line."""
    run = kernel.run("x = 1\ngenai.GenerativeModel().generate_content('quota')")
    (error,) = run.outputs
    assert error["traceback"][-1] == (
        "  at line 2: genai.GenerativeModel().generate_content('quota')"
    )


def test_a_mistake_in_the_options_is_one_line_and_the_usage(kernel):
    """A wrong option shows the usage, no traceback, and the cell does not look passed."""
    run = kernel.run("%%gemini --tempature 3\nhello")
    assert run.reply["status"] == "error"
    assert "there is no option --tempature, but --temperature" in run.text
    assert "Traceback" not in run.text


def test_tab_completes_options(kernel):
    """The front end's completion knows the options, models and variables."""
    kernel.run("sunset = 1")

    def complete(code):
        return kernel.client.complete(code, len(code), reply=True, timeout=30)["content"]["matches"]

    assert "--temperature" in complete("%%gemini --te")
    assert "gemini-2.5-pro" in complete("%%gemini -m gemini-2")
    assert "sunset" in complete("%%gemini -a sun")


def test_the_next_cell_gets_the_code(kernel):
    """`-x` on an answer without code says so, and sets nothing."""
    run = kernel.run("%%gemini -x\nhello")
    assert "no code block" in run.text
    assert not [p for p in run.reply["payload"] if p["source"] == "set_next_input"]


BESIDE = """
import threading
from gemini_nb.display.live import LiveMarkdown

def other():  # as a page does that says something to a widget
    get_ipython().set_parent({"header": {**get_ipython().get_parent()["header"], "msg_id": "x"}})

def go():
    live = LiveMarkdown()
    live.write("from a thread")
    live.close(genai.Response(), 1.0)

for work in (other, go):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


@pytest.mark.skipif(ipykernel.version_info[0] < 7, reason="one request for all threads, before 7")
def test_a_thread_shows_in_the_cell_that_runs(kernel):
    """Also where something else was asked of the kernel meanwhile, whose output it would become."""
    run = kernel.run(BESIDE)
    assert [shown["data"]["text/plain"] for shown in run.shown] == ["from a thread"]


WHERE = """
import threading
from gemini_nb.display.slot import slot

before, told = globals().get("told", []), []
thread = threading.Thread(target=lambda: told.append(slot(name="a").cell))
thread.start()
thread.join()
told.append(slot(name="b").cell)
print([tell() for tell in (*before, *told)])
"""


def test_an_answer_knows_its_cell_until_it_runs_again(kernel):
    """A page that lost the answer may put it there, and not over what a later run shows."""
    first, second = (eval(kernel.run(WHERE).text) for _ in range(2))  # noqa: S307 - ours
    count = first[0]["count"]
    assert first == [{"cell": "cell", "count": count}] * 2
    assert second == [{}, {}, *[{"cell": "cell", "count": count + 1}] * 2]


NESTED = (
    """
get_ipython().run_cell("1", store_history=True)
"""
    + BESIDE
)


@pytest.mark.skipif(ipykernel.version_info[0] < 7, reason="one request for all threads, before 7")
def test_a_cell_that_runs_another_goes_on(kernel):
    """`%run` and `%%capture` end before the cell does."""
    run = kernel.run(NESTED)
    shown = [one["data"]["text/plain"] for one in run.shown]
    assert shown == ["1", "from a thread"]
