"""The line about tokens and price in a real page: there before, there after, and never saved."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.server import answer_json

LINE = "system 12 · photo.png 1,120 — 0.1 % of 1 M · $0.0012 · $0.49 left"
USED = "in 4 · out 3 · $0.0021 · 2.4 s"
ASK = """from gemini_nb.display.badge import Before, Used
from gemini_nb.display.live import LiveMarkdown
from gemini_nb.stream import Response
from gemini_nb.tokens.counted import Counted, TokenCount

def ask(how="markdown", out=None):
    parts = [Counted("system", 12), Counted("photo.png", 1120, "IMAGE", "rule")]
    badge = Before(TokenCount.of(parts), 1 << 20, 0.0012, left=0.49)
    live = LiveMarkdown(how, badge=badge, out=out)
    response = Response()
    try:
        response = genai.GenerativeModel().generate_content("hello", stream=True)
        for chunk in response:
            live.take(chunk)
    finally:
        live.close(response, 2.4, Used(response.usage_metadata, 0.0021, seconds=2.4))
"""
TEXT = "# Tides\n\nThe *moon* pulls the **ocean**.\n\n- one\n- two\n\n" * 6
BADGES = "[...document.querySelectorAll('.gemini-nb-badge')].map((b) => b.textContent.trim())"
SHOWN = "document.querySelector('.gemini-nb-text')"
FINAL = "document.querySelector('.jp-OutputArea-output.jp-RenderedMarkdown')"
PLACE = "document.querySelector('.jp-OutputArea-child > .gemini-nb-badge')"
WATCH = """() => { window.heights = []; const look = () => {
  const area = [...document.querySelectorAll('.jp-OutputArea')].pop();
  if (area) window.heights.push([area.getBoundingClientRect().height,
    !!area.querySelector('.gemini-nb'), area.querySelectorAll('.gemini-nb-badge').length]);
  requestAnimationFrame(look); }; look(); }"""


@pytest.fixture
def cells():
    return (f"{ASK}\nask()",)


def begun(book, answers):
    """Run all cells; the first byte comes when the line has been seen."""
    answers.may_begin.clear()
    book.run_all()
    book.until(f"{BADGES}.join() === {json.dumps(LINE)}")
    answers.may_begin.set()


def ended(book):
    """Wait for the final output, and for the line below it."""
    book.until_idle()
    book.until(f"{PLACE} && !document.querySelector('.gemini-nb')")
    assert book.page.evaluate(f"() => {BADGES}") == [USED]


def test_it_is_there_before_and_after(book, answers):
    """Before the first byte, while the text comes, and below the final output; it is not saved."""
    answers.text = TEXT
    answers.may_begin.clear()
    book.page.evaluate(WATCH)
    book.run_all()
    book.until(f"{BADGES}.join() === {json.dumps(LINE)}")
    assert book.page.evaluate(f"() => {SHOWN}.textContent") == ""
    title = book.page.get_attribute(".gemini-nb-badge", "title")
    assert title == "1,132 tokens, 0.1 % of the context window\nsystem 12\nphoto.png 1,120"
    answers.may_begin.set()
    book.until(f"{SHOWN}?.querySelector('h1')")
    assert book.page.evaluate(f"() => {BADGES}") == [LINE]
    ended(book)
    left = "getBoundingClientRect().left"
    offset = f"{PLACE}.{left} - {FINAL}.querySelector('h1').{left}"
    assert abs(book.page.evaluate(f"() => {offset}")) <= 1
    book.page.wait_for_timeout(500)
    seen = book.page.evaluate("() => window.heights")
    first = next(i for i, (_, streams, _) in enumerate(seen) if streams)
    # As high as before in each frame, and one line or the other in all of them.
    assert all(b - a >= -1 for (a, *_), (b, *_) in itertools.pairwise(seen[first:]))
    assert {badges for *_, badges in seen[first:]} <= {1, 2}  # two: one of them is covered
    (output,) = book.save().cells[1].outputs
    assert set(output.data) == {"text/markdown", "text/plain"}
    assert output.data["text/plain"] == TEXT
    assert "0.0021" not in json.dumps(output)
    book.page.evaluate("() => { window.onbeforeunload = null; }")
    book.open()
    book.until(FINAL)
    assert book.page.evaluate(f"() => {BADGES}") == []


def test_each_run_has_its_own(book, answers):
    """Run again it is not doubled, and it goes with the output that is cleared."""
    for _ in range(2):
        begun(book, answers)
        ended(book)
    book.command("notebook:clear-all-cell-outputs")
    book.until(f"{BADGES}.length === 0")


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_a_refusal_leaves_nothing_of_it(book, answers):
    """What was not answered took no tokens, and no room."""
    answers.refusal = answer_json({"error": {"code": 404, "message": "no"}}, 404)
    book.run_all()
    book.until_idle()
    book.until("!document.querySelector('.gemini-nb')")
    assert book.page.evaluate(f"() => {BADGES}") == []
    empty, error = book.save().cells[1].outputs
    assert (empty.data, error.output_type) == ({}, "error")


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_it_stays_through_scrolling_and_another_theme(book, answers):
    """A cell out of sight is taken off the page, and has its line when it is back."""
    begun(book, answers)
    ended(book)
    for _ in range(40):
        book.command("notebook:insert-cell-below")
    book.until("window.jupyterapp.shell.currentWidget.content.widgets.length > 40")
    scroll = "window.jupyterapp.shell.currentWidget.content.scrollToItem"
    book.page.evaluate(f"() => {{ {scroll}(41, 'end'); }}")
    book.until(f"!{PLACE} || {PLACE}.getBoundingClientRect().bottom < 0")
    book.page.evaluate(
        "() => { window.jupyterapp.commands.execute("
        "'apputils:change-theme', { theme: 'JupyterLab Dark' }); }"
    )
    book.until("document.body.dataset.jpThemeName === 'JupyterLab Dark'")
    book.page.evaluate(f"() => {{ {scroll}(0, 'start'); }}")
    book.until(f"{PLACE} && {PLACE}.getBoundingClientRect().bottom > 0")
    assert book.page.evaluate(f"() => {BADGES}") == [USED]


FORMATS = f"{ASK}\nask('json')"


@pytest.mark.parametrize("front", ["lab"], indirect=True)
@pytest.mark.parametrize("cells", [(FORMATS,)], ids=["json"])
def test_other_formats_have_it_as_well(book, answers):
    """What is saved is the JSON alone."""
    answers.text = '```json\n{"a": [1, 2]}\n```'
    begun(book, answers)
    ended(book)
    (output,) = book.save().cells[1].outputs
    assert set(output.data) == {"application/json", "text/plain"}


OUTPUT = f"""{ASK}
import ipywidgets
out = ipywidgets.Output()
display(out)
with out:
    ask()
"""


@pytest.mark.parametrize("front", ["lab"], indirect=True)
@pytest.mark.parametrize("cells", [(OUTPUT,)], ids=["output"])
def test_it_stands_in_an_output_widget(book, answers):
    """Below the answer there, too, and once."""
    begun(book, answers)
    ended(book)
