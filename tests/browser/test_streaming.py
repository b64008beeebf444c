"""An answer in a real page: it appears, it ends as plain Markdown, and nothing gets lost."""

from __future__ import annotations

import base64
import io
import itertools

import pytest
from PIL import Image

from tests.browser.pages import distrust
from tests.server import answer_json

# A PNG of one pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
TEXT = """# Tides

The *moon* pulls the **ocean**, `a < b`, and $a_1 * b_2$.

- one
- two with a [link](https://e.org)

| a | b |
|---|--:|
| 1 | 2 |

```python
def f(x):
    return x < 2
```

> Quoted.

The end 🎉.
"""
SHOWN = "document.querySelector('.gemini-nb-text')"
BOX = "document.querySelector('.jp-WindowedPanel-outer')"
FINALS = ".jp-OutputArea-output.jp-RenderedMarkdown"
FINAL = f"document.querySelector('{FINALS}')"


def saved_output(book):
    """The one output of the answer as it is on disk."""
    (output,) = book.save().cells[1].outputs
    return output


def test_it_appears_and_stays_as_markdown(book, answers):
    """While it comes it is formatted; saved is one text/markdown that needs no widget."""
    answers.text = TEXT * 6
    book.run_all()
    book.until(f"{SHOWN}?.querySelector('table')")
    assert book.page.evaluate(f"() => {SHOWN}.querySelector('h1').textContent") == "Tides"
    assert book.page.evaluate(f"() => {SHOWN}.textContent.includes('$a_1 * b_2$')")
    book.until_idle()
    book.until(f"{FINAL} && !document.querySelector('.gemini-nb')")
    output = saved_output(book)
    assert set(output.data) == {"text/markdown", "text/plain"}
    assert output.data["text/plain"] == TEXT * 6
    assert output.metadata["gemini_nb"]["finish_reason"] == "STOP"


AFTER_A_PRINT = """import ipywidgets
out = ipywidgets.Output()
display(out)
with out:
    print("asked")
    get_ipython().run_cell_magic("gemini", "", "hello")"""


@pytest.mark.parametrize("cells", [("%%gemini\nhello",), (AFTER_A_PRINT,)], ids=["cell", "Output"])
def test_the_swap_changes_no_height(book, answers):
    """From the last words to the final output no frame is lower, and none is empty."""
    answers.text = TEXT.replace("$a_1 * b_2$", "so on") * 4
    book.page.evaluate(
        """() => { window.heights = []; const look = () => {
          const area = [...document.querySelectorAll('.jp-OutputArea')].pop();
          if (area) window.heights.push([area.getBoundingClientRect().height,
            area.textContent.length, !!area.querySelector('.gemini-nb')]);
          requestAnimationFrame(look); }; look(); }"""
    )
    book.run_all()
    book.until_idle()
    book.until(f"{FINAL} && !document.querySelector('.gemini-nb')")
    book.page.wait_for_timeout(500)
    seen = book.page.evaluate("() => window.heights")
    last = max(i for i, (_, _, streams) in enumerate(seen) if streams)
    heights = [height for height, *_ in seen[last - 5 :]]
    assert max(a - b for a, b in itertools.pairwise(heights)) <= 1
    assert abs(heights[-1] - seen[last][0]) <= 1
    assert min(length for _, length, _ in seen[last - 5 :]) > 400


@pytest.mark.parametrize("by", ["click", "key"])
def test_stop_keeps_what_came(book, answers, by):
    """The button ends the request, and the notebook keeps the part, marked, and its own keys."""
    answers.text, answers.ends = "Once upon a time. " * 5, False
    book.run_all()
    book.until(f"{SHOWN}?.textContent.includes('Once')")
    if by == "click":
        book.page.click(".gemini-nb-stop")
    else:
        book.page.focus(".gemini-nb-stop")
        book.page.keyboard.press("Enter")
    book.until_idle(20)
    assert book.page.evaluate("() => !!document.activeElement.closest('.jp-Notebook')")
    assert answers.hung_up[0].wait(10)
    text = saved_output(book).data["text/markdown"]
    assert text.startswith("Once upon")
    assert "stopped" in text


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_an_answer_that_breaks_off_keeps_what_came(book, answers):
    """It is saved as a part, with the reason; the error stands below it."""
    answers.text, answers.reason = "Once upon a time. " * 5, None
    book.run_all()
    book.until_idle()
    book.until(f"{FINAL}?.textContent.includes('not whole')")
    part, error = book.save().cells[1].outputs
    assert set(part.data) == {"text/markdown", "text/plain"}
    assert part.data["text/plain"].startswith(answers.text)
    assert "The answer broke off after 90 characters" in part.data["text/plain"]
    assert part.metadata["gemini_nb"]["interrupted"]
    assert error.ename == "StreamInterrupted"


def test_thoughts_are_folded(book, answers):
    """What the model thinks stands in a closed <details>, and not in the plain text."""
    answers.parts, answers.text = [{"text": "I *think* so.", "thought": True}], TEXT
    book.run_all()
    book.until("document.querySelector('.gemini-nb-thoughts em')")
    assert book.page.evaluate("() => !document.querySelector('.gemini-nb-thoughts').open")
    book.until_idle()
    book.until(f"{FINAL}?.querySelector('details summary')")
    assert book.page.evaluate(f"() => !{FINAL}.querySelector('details').open")
    assert saved_output(book).data["text/plain"] == TEXT


def test_who_unfolds_thoughts_may_read_them(book, answers):
    """The end of the answer is not kept in sight then."""
    answers.parts = [{"text": "I think so.\n\n" * 60, "thought": True}]
    answers.text, answers.ends = "So.\n\n" * 12 + "It is so.", False
    book.run_all()
    book.until(f"{SHOWN}?.textContent.includes('It is so.')")
    before = book.page.evaluate(f"() => {BOX}.scrollTop")
    book.page.click(".gemini-nb-thoughts summary")
    book.until("document.querySelector('.gemini-nb-thoughts').clientHeight > 150")
    assert book.page.evaluate(f"() => {BOX}.scrollHeight > {BOX}.clientHeight + {BOX}.scrollTop")
    frames = "requestAnimationFrame(() => requestAnimationFrame(seen))"
    book.page.evaluate(f"() => new Promise((seen) => {frames})")
    assert book.page.evaluate(f"() => {BOX}.scrollTop") == before


def test_a_reader_who_scrolled_up_is_left_alone(book, answers):
    """The end is followed only by one who is there."""
    answers.text, answers.pause = TEXT * 12, 0.01
    book.run_all()
    box = "document.querySelector('.gemini-nb').closest('.jp-WindowedPanel-outer')"
    book.until(f"document.querySelector('.gemini-nb') && {box}.scrollTop > 200")
    book.page.evaluate(f"() => {{ {box}.scrollTop = 0; }}")
    length = book.page.evaluate(f"() => {SHOWN}.textContent.length")
    book.until(f"{SHOWN}?.textContent.length > {length} + 300")
    assert book.page.evaluate(f"() => {box}.scrollTop") == 0


def test_the_end_is_followed_from_the_first(book, answers):
    """Also where the first words are more than the window has room for."""
    answers.text, answers.size, answers.pause = "Words.\n\n" * 80, 320, 0.3
    book.run_all()
    book.until(f"{SHOWN} && {BOX}.scrollTop > 200")


def test_a_tall_image_leaves_the_end_in_sight(book, answers):
    """Its height is known a while after it is there."""
    tall = io.BytesIO()
    Image.new("RGB", (200, 1200), "teal").save(tall, "PNG")
    data = base64.b64encode(tall.getvalue()).decode()
    answers.parts = [{"inlineData": {"mimeType": "image/png", "data": data}}]
    answers.text, answers.ends = "The end.", False
    book.run_all()
    book.until(f"{SHOWN}?.querySelector('img')?.clientHeight > 1000")
    book.until(f"{SHOWN}.textContent.includes('The end.')")
    edge = f"{BOX}.getBoundingClientRect().bottom"
    book.until(f"{SHOWN}.getBoundingClientRect().bottom <= {edge}", 5)


def test_the_swap_moves_nobody(book, answers):
    """Whoever read at the end of a long answer does so after it, run by Shift+Enter."""
    answers.text = "Words.\n\n" * 80
    notebook = "window.jupyterapp.shell.currentWidget.content"
    book.page.evaluate(f"() => {{ {notebook}.activeCellIndex = 0; }}")
    book.page.evaluate(
        f"""() => {{ window.places = []; const look = () => {{
          window.places.push({BOX}.scrollTop); requestAnimationFrame(look); }}; look(); }}"""
    )
    for _ in range(2):
        book.command("notebook:run-cell-and-select-next")
    book.until(f"{FINAL} && !document.querySelector('.gemini-nb')")
    seen = book.page.evaluate("() => window.places.length")
    book.until(f"window.places.length > {seen} + 10")
    places = book.page.evaluate("() => window.places")
    assert places[-1] > 400
    assert places == sorted(places)


FORMULA = r"It is $$\sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6}$$ as one knows." + "\n\n"


def test_formulas_leave_the_end_in_sight(book, answers):
    """They grow when they are typeset, which is after the swap."""
    answers.text = "Words.\n\n" * 20 + FORMULA * 5 + "The end."
    book.run_all()
    book.until(f"document.querySelectorAll('{FINALS} mjx-container').length === 5")
    book.until(f"{FINAL}.getBoundingClientRect().height > 1.05 * {BOX}.clientHeight")
    edge = f"{BOX}.getBoundingClientRect().bottom"
    book.until(f"{FINAL}.getBoundingClientRect().bottom <= {edge}", 5)


@pytest.mark.parametrize("meanwhile", ["loaded again", "closed", "not saved"])
def test_a_page_that_was_away_saves_the_whole_answer(book, answers, meanwhile):
    """A notebook left in mid-stream gets the answer when it is opened again, as Markdown."""
    answers.text, answers.pause = TEXT * 4, 0.03
    book.run_all()
    book.until(f"{SHOWN}?.querySelector('h1')")
    if meanwhile != "not saved":
        book.save()
    book.page.evaluate("() => { window.onbeforeunload = null; }")
    if meanwhile == "closed":
        book.page.goto("about:blank")
        assert answers.is_over.wait(60)
    book.open()
    book.until(f"document.querySelectorAll('.jp-OutputArea h1').length === 4 && {FINAL}")
    book.until("!document.querySelector('.gemini-nb')")
    output = saved_output(book)
    assert set(output.data) == {"text/markdown", "text/plain"}
    assert output.data["text/plain"] == TEXT * 4
    assert output.metadata["gemini_nb"]["finish_reason"] == "STOP"


TWO_ANSWERS = """import pathlib, time
print("of this run")
get_ipython().run_cell_magic("gemini", "", "one")
while not pathlib.Path("go").exists(): time.sleep(0.02)
get_ipython().run_cell_magic("gemini", "", "two")"""


@pytest.mark.parametrize("front", ["lab"], indirect=True)
@pytest.mark.parametrize("cells", [(TWO_ANSWERS,)], ids=["two"])
def test_what_was_saved_of_a_run_stays(book, answers):
    """A page that lost the second answer is given it below what its file has of the same run."""
    go, answers.text = book.path.with_name("go"), "The first."
    try:
        book.run_all()
        book.until(f"{FINAL}?.innerText.includes('first') && !document.querySelector('.gemini-nb')")
        book.save()
        answers.text, answers.pause = "The second, and more. " * 10, 0.1
        go.touch()
        book.until(f"{SHOWN}?.textContent.includes('second')")
        book.page.evaluate("() => { window.onbeforeunload = null; }")
        book.open()
        book.until(f"document.querySelectorAll('{FINALS}').length === 2")
        printed, first, second = book.save().cells[1].outputs
        assert printed.text == "of this run\n"
        assert [first.data["text/plain"], second.data["text/plain"]] == ["The first.", answers.text]
    finally:
        go.unlink(missing_ok=True)


OF_A_THREAD = """import threading
from gemini_nb.display.live import LiveMarkdown
response = genai.GenerativeModel().generate_content("hello", stream=True)
live = LiveMarkdown(stop=response.close)
def work():
    for chunk in response:
        live.take(chunk)
    live.close(response, 1.0)
threading.Thread(target=work).start()"""


@pytest.mark.parametrize("front", ["lab"], indirect=True)
@pytest.mark.parametrize("cells", [(OF_A_THREAD,)], ids=["thread"])
def test_it_goes_on_in_a_notebook_that_was_not_saved(book, answers):
    """Its cell shows what a thread of it writes, though the page knows nothing of it."""
    answers.text, answers.ends = TEXT, False
    book.save()
    book.run_all()
    book.until(f"{SHOWN}?.textContent.includes('The end')")
    book.page.evaluate("() => { window.onbeforeunload = null; }")
    book.open()
    book.until(f"{SHOWN}?.textContent.includes('The end')")
    book.page.click(".gemini-nb-stop")
    book.until(f"{FINAL}?.innerText.includes('stopped')")


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_a_notebook_that_is_not_trusted_gets_the_whole_answer(book, answers):
    """Opened again in mid-stream it shows no widget, and in the end the answer."""
    answers.text, answers.pause = TEXT * 4, 0.05
    book.run_all()
    book.until(f"{SHOWN}?.querySelector('h1')")
    book.save()
    book.page.evaluate("() => { window.onbeforeunload = null; }")
    book.page.goto("about:blank")
    distrust(book.path)
    book.open()
    assert not answers.is_over.is_set()
    book.until(f"{FINAL}?.innerText.includes('The end')")
    assert saved_output(book).data["text/plain"] == TEXT * 4


BUSY = """import ipywidgets, pathlib, time
display(ipywidgets.IntSlider())
while not pathlib.Path("go").exists(): time.sleep(0.02)"""
# The page has given up to be told all states at once: it will ask each widget.
ASKS_EACH = """() => {
  setTimeout(() => { window.asksEach = true; }, 8000);  // where it was too early to be heard
  window.kernel.anyMessage.connect((_, { direction, msg }) => {
    window.asksEach ||= direction === 'send' && msg.header.msg_type === 'comm_info_request';
  });
}"""


@pytest.mark.parametrize("cells", [("%%gemini\nhello", BUSY)], ids=["busy"])
def test_a_page_that_comes_to_a_busy_kernel_has_its_widgets(book):
    """Also those of the person, once the kernel listens again."""
    go, slider = (
        book.path.with_name("go"),
        "document.querySelector('.jupyter-widgets.widget-slider')",
    )
    try:
        book.run_all()
        book.until(slider)
        book.save()
        book.page.evaluate("() => { window.onbeforeunload = null; }")
        book.open()
        book.page.evaluate(ASKS_EACH)
        book.until("window.asksEach")
        go.touch()
        book.until(slider)
    finally:
        go.unlink(missing_ok=True)


def test_a_kernel_that_is_restarted_takes_nothing_with_it(book, answers):
    """What came is saved, as plain text; there is no Stop that would stop what runs next."""
    answers.text, answers.ends = TEXT, False
    book.run_all()
    book.until(f"{SHOWN}?.textContent.includes('The end 🎉.')")
    book.page.evaluate("() => window.kernel.restart()")
    book.until("document.querySelector('.jp-RenderedText')?.innerText.includes('kernel is gone')")
    book.until("!document.querySelector('.gemini-nb')")
    (kept,) = saved_output(book).data.values()
    assert kept == f"{TEXT.strip()}\n\n— not whole: its kernel is gone —"


def test_one_waits_where_the_answer_will_be(book, answers):
    """Before the first words a line says so and has the Stop button; an error leaves no gap."""
    answers.may_begin.clear()
    book.run_all()
    book.until("document.querySelector('.gemini-nb[data-phase=waiting] button')")
    assert book.page.inner_text(".gemini-nb-phase") == "Waiting"
    answers.may_begin.set()
    book.until(f"{FINAL}?.textContent.includes('Hello.')")


def test_a_refusal_leaves_nothing_but_itself(book, answers):
    """Where nothing came the line goes, and takes no room."""
    answers.refusal = answer_json({"error": {"code": 404, "message": "no"}}, 404)
    book.run_all()
    book.until(
        "document.querySelector('[data-mime-type$=\"vnd.jupyter.stderr\"], .jp-RenderedText')"
    )
    book.until_idle()
    book.until("!document.querySelector('.gemini-nb')")
    children = "[...document.querySelectorAll('.jp-OutputArea')].pop().children"
    heights = book.page.evaluate(f"() => [...{children}].map((c) => c.clientHeight)")
    empty, error = book.save().cells[1].outputs
    assert heights[0] == 0
    assert heights[1] > 0
    assert (empty.data, error.output_type) == ({}, "error")


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_every_part_has_its_place(book, answers):
    """Code that was run, what it printed, an image, and a part that nobody knows."""
    answers.parts = [
        {"executableCode": {"language": "PYTHON", "code": "print(1 + 1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2\n"}},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
        {"holoGram": {"depth": 3}},
    ]
    answers.text = "So it is two. " * 20
    tags = "[...{root}.children].map((e) => e.tagName).join(' ')"
    wanted = "PRE PRE P P PRE P"
    book.run_all()
    book.until(f"{SHOWN} && {tags.format(root=SHOWN)} === '{wanted}'")
    assert book.page.evaluate(f"() => {SHOWN}.querySelector('img').naturalWidth") == 1
    book.until(f"{FINAL} && {tags.format(root=FINAL)} === '{wanted}'")
    assert book.page.evaluate(f"() => {FINAL}.querySelector('img').naturalWidth") == 1


def test_code_has_the_colours_of_the_notebook(book, answers):
    """While it is written already, and the same as in the final output."""
    answers.text, answers.pause = (
        "```python\ndef f(x):\n    return 'a<b'  # why\n```\n\nNext" + " word" * 80,
        0.05,
    )
    code = "querySelector('pre code')"
    book.run_all()
    book.until(f"{SHOWN}?.{code}?.querySelectorAll('span').length > 4")
    live = book.page.evaluate(f"() => {SHOWN}.{code}.innerHTML")
    book.until(f"{FINAL}?.{code}?.querySelector('span')")
    assert live.rstrip() == book.page.evaluate(f"() => {FINAL}.{code}.innerHTML").rstrip()


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_as_fast_as_it_comes(book, answers):
    """However fast, nothing is dropped by the server and the final output is whole."""
    answers.text, answers.size, answers.pause = TEXT * 1500, 40, 0
    book.run_all()
    book.until_idle()
    output = saved_output(book)
    assert output.data["text/plain"] == answers.text


MANY = """import threading, time
from gemini_nb.display.live import LiveMarkdown
from gemini_nb.stream import Response

def go(k):
    live = LiveMarkdown(stop=lambda: None)
    for i in range(60):
        live.write(f"s{k}w{i} ")
        time.sleep(0.02)
    live.close(Response(), 1.0)

genai.configure(display="widget")
threads = [threading.Thread(target=go, args=(k,)) for k in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("front", ["lab"], indirect=True)
@pytest.mark.parametrize("cells", [(MANY,)], ids=["threads"])
def test_twenty_at_once_do_not_mix(book):
    """Each of twenty streams of as many threads has its own words, all of them, in order."""
    book.run_all()
    book.until_idle()
    saved = book.save().cells[1].outputs
    texts = sorted(output.data["text/plain"] for output in saved)
    wanted = sorted("".join(f"s{k}w{i} " for i in range(60)) for k in range(20))
    assert texts == wanted


LOST = """import ipywidgets
from gemini_nb.display.live import LiveMarkdown
from gemini_nb.stream import Response

class Lossy(ipywidgets.Output):
    # Of each list that ends with an answer, the first two messages never arrive.
    lost = 0
    def send_state(self, key=None):
        if key == "outputs" and "text/markdown" in self.outputs[-1]["data"] and self.lost < 2:
            self.lost += 1
        else:
            super().send_state(key)

out = Lossy()
display(out)
live = LiveMarkdown(stop=print, out=out)
live.write("All of it.")
live.close(Response(), 1.0)
"""


@pytest.mark.parametrize("cells", [(LOST,)], ids=["lost"])
def test_a_final_output_that_is_lost_comes_again(book):
    """The page asks for it as long as the widget stands in its place."""
    book.run_all()
    book.until(f"{FINAL}?.innerText.trim() === 'All of it.' && !{SHOWN}")
    assert book.page.evaluate(f"() => document.querySelectorAll('{FINALS}').length") == 1
