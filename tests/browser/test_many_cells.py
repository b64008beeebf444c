"""Twenty cells whose buttons stream answers: none mixes or starves, and each ends as Markdown."""

from __future__ import annotations

import itertools

import pytest

from tests.browser.conftest import Answers

COUNT = 20
# How a person may go about it. What a thread displays once its callback has returned is lost, in
# whatever it stands, so a thread is told its Output, or gets what a cell has displayed.
SHOWN = {
    # in the callback itself, which the kernel runs one after the other
    "callback": """
def clicked(_):
    with out:
        print("asked")
        answer(LiveMarkdown(stop=print))""",
    "thread": """
def work():
    out.append_stdout("asked")
    answer(LiveMarkdown(stop=print, out=out))
def clicked(_):
    threading.Thread(target=work).start()""",
    "thread of the cell": """
live, may_begin = LiveMarkdown(stop=print), threading.Event()
def work():
    may_begin.wait()
    answer(live)
threading.Thread(target=work, daemon=True).start()
def clicked(_):
    out.append_stdout("asked")
    may_begin.set()""",
}
CELL = """import threading, time
import ipywidgets
from gemini_nb.display.live import LiveMarkdown

def cell():
    button, out = ipywidgets.Button(description="Ask"), ipywidgets.Output()
    def answer(live):
        response = genai.GenerativeModel().generate_content("cell {k}", stream=True)
        for chunk in response:
            live.take(chunk)
        live.close(response, 1.0)
    {shown}
    button.on_click(clicked)
    display(button, out)

cell()"""
SETTING = ".settings/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"
STREAMS = "document.querySelectorAll('.gemini-nb')"
ASK = "() => document.querySelectorAll('.jupyter-button').forEach((one) => one.click())"
FINALS = "document.querySelectorAll('.jp-OutputArea-output.jp-RenderedMarkdown')"
# When each cell's text grew, by the number of the frame; and what was scrolled away or covered.
WATCH = f"""() => {{
  window.grown = Array.from({{ length: {COUNT} }}, () => []);
  const lengths = window.grown.map(() => 0);
  window.hidden = [];
  let frame = 0;
  const look = () => {{
    frame += 1;
    [...document.querySelectorAll('.jp-CodeCell')].slice(1).forEach((cell, k) => {{
      const length = cell.querySelector('.gemini-nb-text')?.textContent.length ?? 0;
      if (length > lengths[k]) window.grown[k].push(frame);
      lengths[k] = Math.max(length, lengths[k]);
    }});
    for (const one of document.querySelectorAll('.jp-OutputArea-output')) {{
      if (one.scrollTop) window.hidden.push(one.className);
    }}
    for (const stop of document.querySelectorAll('[data-phase=writing] .gemini-nb-stop')) {{
      const {{ left, top, width, height }} = stop.getBoundingClientRect();
      const seen = document.elementFromPoint(left + width / 2, top + height / 2);
      if (top > 200 && top < 800 && seen !== stop) window.hidden.push(seen?.className);
    }}
    requestAnimationFrame(look);
  }};
  look();
}}"""

# How many streams there are at most at the same time, without the picture that covers a swap.
COUNT_STREAMS = """() => {
  window.most = 0;
  const look = () => {
    const streams = document.querySelectorAll('.gemini-nb:not(.gemini-nb-cover *)');
    window.most = Math.max(window.most, streams.length);
    requestAnimationFrame(look);
  };
  look();
}"""


def text_of(k):
    """What the model says to a cell: long enough for some frames, and like no other's."""
    rows = "".join(f"| {k} | r{k}x{i} |\n" for i in range(4))
    words = " ".join(f"*w{k}x{i}*" for i in range(60))
    return f"## Cell {k}\n\n{words}\n\n| a | b |\n|---|---|\n{rows}\nThe end of {k}."


class ToEach(Answers):
    """Says to each prompt what is meant for it."""

    def __call__(self, call):
        prompt = call.json()["contents"][-1]["parts"][0]["text"]
        self.text = text_of(int(prompt.removeprefix("cell ")))
        return super().__call__(call)


@pytest.fixture
def answers():
    made = ToEach()
    made.may_begin.clear()
    return made


@pytest.fixture
def cells(request):
    shown = SHOWN[request.param].strip().replace("\n", "\n    ")
    return [CELL.format(k=k, shown=shown) for k in range(COUNT)]


@pytest.fixture(autouse=True)
def state_is_saved(folder, all_there):
    """What the widgets hold is in the notebook's file as well."""
    setting = folder / SETTING
    setting.parent.mkdir(parents=True, exist_ok=True)
    setting.write_text('{"saveState": true}')
    yield
    setting.unlink()


def waits(grown):
    """How much of another's growth each had to wait for at most, between two of its own steps."""
    for mine in grown:
        yield max(
            sum(a < frame < b for frame in other) / len(other)
            for a, b in itertools.pairwise([0, *mine])
            for other in grown
        )


def outputs_of(saved):
    """The outputs of each cell, those in its Output as well."""
    state = saved.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    for cell in saved.cells[1:]:
        found = []
        for output in cell.outputs:
            view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json")
            model = state[view["model_id"]] if view else {"model_name": None}
            is_held = model["model_name"] == "OutputModel"
            found += model["state"]["outputs"] if is_held else [output]
        yield found


def check_saved(book):
    """Each cell holds its button, what was printed, and its own answer as plain Markdown."""
    for k, outputs in enumerate(outputs_of(book.save())):
        printed = [one["text"].strip() for one in outputs if one["output_type"] == "stream"]
        datas = [one["data"] for one in outputs if one["output_type"] != "stream"]
        (answer,) = [data for data in datas if "text/markdown" in data]
        others = [data["text/plain"] for data in datas if data is not answer]
        assert printed == ["asked"]
        assert answer == {"text/markdown": text_of(k), "text/plain": text_of(k)}
        assert len(others) == 1
        assert others[0].startswith("Button(")


def check_shown(book):
    """Each cell on the page shows its own answer alone."""
    buttons = "document.querySelectorAll('.jupyter-button')"
    book.until(f"[{FINALS}, {buttons}].every((all) => all.length === {COUNT}) && !{STREAMS}.length")
    # Its element is there before its text.
    book.until(f"[...{FINALS}].every((one) => one.innerText.trim())")
    texts = book.page.evaluate(f"() => [...{FINALS}].map((one) => one.innerText)")
    for k, text in enumerate(texts):
        assert text.startswith(f"Cell {k}")
        assert text.rstrip().endswith(f"The end of {k}.")
        assert text.count("w") == text.count(f"w{k}x") == 60


@pytest.mark.parametrize("cells", ["thread", "thread of the cell"], indirect=True)
def test_all_of_them_grow_at_once(book, answers):
    """Asked at once, each grows as long as any does, and the page knows all when it comes back."""
    answers.size, answers.pause = 9, 0.03
    book.run_all()
    book.until_idle()
    book.page.evaluate(ASK)
    book.until(f"{STREAMS}.length === {COUNT}")
    book.page.evaluate(WATCH)
    answers.may_begin.set()
    book.until(f"!{STREAMS}.length")
    grown = book.page.evaluate("() => window.grown")
    assert min(map(len, grown)) >= 10
    assert max(waits(grown)) <= 1 / 3, grown
    assert book.page.evaluate("() => window.hidden") == []
    check_shown(book)
    check_saved(book)
    book.open()
    check_shown(book)
    check_saved(book)


@pytest.mark.parametrize("cells", ["callback"], indirect=True)
def test_callbacks_stream_one_after_the_other(book, answers):
    """In a callback itself an answer gives way to its final form at once, in an Output as well."""
    answers.size, answers.pause = 60, 0.02
    book.run_all()
    book.until_idle()
    book.page.evaluate(COUNT_STREAMS)
    answers.may_begin.set()
    book.page.evaluate(ASK)
    check_shown(book)
    assert book.page.evaluate("() => window.most") <= 2
    check_saved(book)
    book.open()
    check_shown(book)
    check_saved(book)
