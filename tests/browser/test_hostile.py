"""Hostile answers in a real page, live and reopened: nothing runs, is fetched, or moves the page.

First what the same snippets do where nobody makes them safe: a corpus that never fires proves
nothing.
"""

from __future__ import annotations

import pytest

from tests.browser.conftest import Answers
from tests.browser.pages import LIMIT, Notebook, distrust
from tests.documents import BORDERS, HOSTILE, hostile
from tests.server import Server, answer_json

pytestmark = pytest.mark.usefixtures("all_there")

# JupyterLab hides outputs after the 50th of a cell.
MOST = 45
MOVES = [name for name, snippet in HOSTILE.items() if snippet["kind"] == "pages that move"]
# What a click or a terminal would have to set off, or the notebook's own commands.
SILENT = {"links", "command linker", "terminal"}

# The line before: `Markdown` takes what begins with an address for one, and loads it.
RAW = """from IPython.display import Markdown, display
from tests.documents import hostile
for name in {names}:
    display(Markdown("\\n" + hostile("{address}")[name]))"""
SAFE = """from IPython.display import display
from gemini_nb.display import static
from tests.documents import hostile
for name in {names}:
    display(static.bundle(hostile("{address}")[name]), raw=True)"""
# The same as thoughts with an answer behind, and pairs: one half is thought, the other said.
THOUGHT = """from IPython.display import display
from gemini_nb.display import static
from tests.documents import borders, hostile
for name in {names}:
    display(static.bundle("The end.", thoughts=hostile("{address}")[name]), raw=True)
for thoughts, said in borders("{address}")[{first}:{last}]:
    display(static.bundle(said + "\\n\\nThe end.", thoughts=thoughts), raw=True)"""
COUNT = 2 * len(HOSTILE) + len(BORDERS) + 2


@pytest.fixture
def listener():
    with Server(lambda call: answer_json({})) as server:
        yield server


@pytest.fixture
def cells(request, listener):
    """Each snippet is an output of its own, so that none hides behind what another one opened."""
    is_raw = getattr(request, "param", "") == "raw"
    names = [name for name in HOSTILE if not (is_raw and name in MOVES)]
    address = listener.url.removeprefix("http://")
    shown = [names[at : at + MOST] for at in range(0, len(names), MOST)]
    code = [(RAW if is_raw else SAFE).format(names=some, address=address) for some in shown]
    if is_raw:
        return (*code, RAW.format(names=["refresh"], address=address))
    code += [THOUGHT.format(names=some, address=address, first=0, last=0) for some in shown]
    code += [THOUGHT.format(names=[], address=address, first=0, last=MOST)]
    return ("%%gemini\nin small pieces", "%%gemini\nin large pieces", *code)


@pytest.fixture
def answers(listener):
    """All snippets in one answer, in small pieces at first, then in large ones with thoughts."""

    class Pieces(Answers):
        def __call__(self, call):
            self.size = 400 if self.hung_up else 11
            self.parts = [{"text": self.text, "thought": True}] if self.hung_up else []
            self.pause = self.size / 4000
            return super().__call__(call)

    made = Pieces()
    texts = hostile(listener.url.removeprefix("http://")).values()
    made.text = "\n\n".join([*texts, "The end."])
    return made


# Everything in the outputs counts, also what is there for a moment only.
WATCH = """() => {
  [window.ran, window.forbidden] = [[], []];
  window.run = (name) => window.ran.push(name.source);
  const known = 'script,iframe,object,embed,form,meta,base,link,style,video,audio,dialog,svg,'
    + '[data-commandlinker-command]';
  const runs = ({ name, value }) => name.startsWith('on')
    || (['href', 'src'].includes(name) && /^\\s*(javascript|vbscript|file|blob):/i.test(value))
    || (name === 'href' && /^\\s*data:text/i.test(value));
  const loads = (one) => one.getAttribute('style')?.includes('url(')
    || (one.nodeName === 'IMG' && !/^data:image\\/(png|jpeg|gif|webp);/.test(one.src));
  const look = (node) => {
    const output = node.nodeType === 1 && node.closest('.jp-OutputArea-output');
    if (!output) return;
    for (const one of [node, ...node.querySelectorAll('*')]) {
      if (one.matches(known) || loads(one) || [...one.attributes].some(runs)) {
        window.forbidden.push(one.outerHTML.slice(0, 200));
      }
    }
  };
  document.querySelectorAll('.jp-OutputArea-output').forEach(look);
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) addedNodes.forEach(look);
  }).observe(document, { subtree: true, childList: true });
}"""
RENDERED = "document.querySelectorAll('.jp-OutputArea-output.jp-RenderedMarkdown')"
# Outputs with thoughts that do not show the answer below them, or show thoughts there.
SWALLOWED = f"""() => [...{RENDERED}].filter((one) => {{
  const rest = one.cloneNode(true);
  const thoughts = rest.querySelector(':scope > details');
  if (!thoughts) return false;
  thoughts.remove();
  return one.querySelectorAll('details').length > 1 || !rest.textContent.trim().endsWith('The end.')
    || rest.textContent.includes('Thoughts');
}}).map((one) => one.textContent)"""


class Watch:
    """What a page does that it should not."""

    def __init__(self, page, address):
        self.page, self.seen, self.url = page, [], page.url
        self._server = address[: address.index("/", len("http://")) + 1]
        page.on("dialog", lambda dialog: (self.seen.append(dialog.message), dialog.dismiss()))
        page.on("popup", lambda popup: self.seen.append(popup.url))
        page.on("frameattached", lambda frame: self.seen.append(frame.url))
        page.on("request", self._asked)
        page.add_init_script(f"({WATCH})()")
        page.evaluate(WATCH)

    def _asked(self, request):
        if not request.url.startswith((self._server, "data:", "blob:")):
            self.seen.append(request.url)

    def nothing_happened(self, listener):
        self.page.wait_for_timeout(1500)
        assert listener.calls == []
        assert self.seen == []
        assert self.page.evaluate("() => window.forbidden") == []
        assert self.page.evaluate("() => window.ran") == []
        assert self.page.url == self.url
        assert len(self.page.frames) == 1
        assert self.page.evaluate("() => [window.scrollX, window.scrollY]") == [0, 0]


class Watched(Notebook):
    """A notebook that is watched from before it is there."""

    def open(self):
        self.watch = Watch(self.page, self.address)
        super().open()
        self.watch.url = self.page.url


def test_nothing_runs_nothing_is_fetched(book, listener, server, browser, front):
    """Streamed in small and in large pieces, at the end, and when it is opened again untrusted."""
    watch = Watch(book.page, book.address)
    book.run_all()
    book.until("document.querySelector('.gemini-nb-text')?.textContent.length > 1000")
    book.until_idle()
    book.until(f"{RENDERED}.length === {COUNT} && document.querySelector('.MathJax')")
    assert book.page.evaluate(SWALLOWED) == []
    watch.nothing_happened(listener)
    book.save()
    if front == "lab":  # and in the other front end while the kernel is still there
        book.page.evaluate("() => window.kernel.shutdown()")
    book.page.goto("about:blank")
    distrust(book.path)
    again = Watched(browser, server, book.path, front, viewport={"width": 1000, "height": 900})
    try:
        again.until(f"{RENDERED}.length === {COUNT} && document.querySelector('.MathJax')")
        assert again.page.evaluate(SWALLOWED) == []
        trust = (
            "[...window.jupyterapp.shell.currentWidget.content.widgets].map((c) => c.model.trusted)"
        )
        assert set(again.page.evaluate(f"() => {trust}.slice(1)")) == {False}
        again.watch.nothing_happened(listener)
    finally:
        again.page.evaluate("() => window.kernel.shutdown()")
        again.close()


@pytest.mark.parametrize("front", ["lab"], indirect=True)
@pytest.mark.parametrize("cells", ["raw"], indirect=True)
def test_the_snippets_are_hostile(book, listener):
    """Shown by `Markdown(…)` snippets of each kind run or phone, and one moves the page away."""
    book.page.evaluate(WATCH)
    book.page.on("dialog", lambda dialog: dialog.accept())
    cells = "window.jupyterapp.shell.currentWidget.content"
    book.page.evaluate(f"() => {{ {cells}.activeCellIndex = {cells}.widgets.length - 1; }}")
    book.command("notebook:run-all-above")
    book.until(f"{cells}.widgets.slice(0, -1).every((cell) => cell.model.executionCount)")
    book.until(f"{RENDERED}.length >= {len(HOSTILE) - len(MOVES)}")
    book.page.wait_for_timeout(3000)
    ran = set(book.page.evaluate("() => window.ran"))
    phoned = {call.target.strip("/") for call in listener.calls}
    fired = {HOSTILE[name]["kind"] for name in ran | phoned}
    links = book.page.evaluate("() => document.querySelectorAll('a[href^=javascript]').length")
    assert len(ran) >= 50, sorted(ran)
    assert len(phoned) >= 45, sorted(phoned)
    assert links >= 15
    assert len(book.page.evaluate("() => window.forbidden")) >= 100
    assert {snippet["kind"] for snippet in HOSTILE.values()} - fired <= {"pages that move", *SILENT}
    book.command("notebook:run-cell")
    book.page.wait_for_url(f"{listener.url}/refresh", timeout=LIMIT * 1000)
