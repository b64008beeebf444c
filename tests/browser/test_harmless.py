"""Harmless documents in a real page look as they would without the neutraliser."""

from __future__ import annotations

import html

import pytest

from gemini_nb.display.html import neutral_markdown
from tests.documents import HARMLESS, HOSTILE, SWALLOWED, hostile
from tests.documents.notebook import Parser, missing

pytestmark = pytest.mark.usefixtures("all_there")

NAMES = list(HARMLESS)
# JupyterLab hides outputs after the 50th of a cell.
HALVES = [NAMES[: len(NAMES) // 2], NAMES[len(NAMES) // 2 :]]

RAW = """from IPython.display import Markdown, display
from tests.documents import HARMLESS
for name in {names}:
    display(Markdown(HARMLESS[name]))"""
SAFE = """from IPython.display import display
from gemini_nb.display import static
from tests.documents import HARMLESS
for name in {names}:
    display(static.bundle(HARMLESS[name]), raw=True)"""

OUTPUTS = "[...document.querySelectorAll('.jp-OutputArea-output.jp-RenderedMarkdown')]"
TYPESET = "document.querySelectorAll('mjx-container').length"


@pytest.fixture
def cells():
    return [show.format(names=names) for show in (RAW, SAFE) for names in HALVES]


# What is shown: elements in their order and words, without what the notebook hangs on headings and
# without the colours of code.
OUTLINE = """(node) => {
  node.querySelectorAll('.jp-InternalAnchorLink').forEach((anchor) => anchor.remove());
  const tags = [...node.querySelectorAll(':not(span)')].map((one) => one.localName);
  return [tags.join(' '), node.textContent.replace(/\\s+/g, ' ').trim()];
}"""
# A renderer that is on no page typesets no formulas.
RENDER = f"""async (pairs) => {{
  const outline = {OUTLINE};
  const {{ rendermime }} = window.jupyterapp.shell.currentWidget.content;
  const found = [];
  for (const [text, html] of pairs) {{
    const renderer = rendermime.createRenderer('text/markdown');
    const data = {{ 'text/markdown': text }};
    await renderer.renderModel(rendermime.createModel({{ data, trusted: true }}));
    const other = document.createElement('template');
    other.innerHTML = html;
    found.push([outline(renderer.node), outline(other.content)]);
  }}
  return found;
}}"""
PARSE = f"""async (pairs) => {{
  const outline = {OUTLINE};
  const {{ rendermime }} = window.jupyterapp.shell.currentWidget.content;
  const found = [];
  for (const [text, html] of pairs) {{
    const [here, there] = [0, 1].map(() => document.createElement('template'));
    here.innerHTML = await rendermime.markdownParser.render(text);
    there.innerHTML = html;
    found.push([outline(here.content), outline(there.content)]);
  }}
  return found;
}}"""


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_documents_look_the_same(book):
    """The page is the same, element by element, whether `Markdown(…)` shows them or the bundle."""
    book.run_all()
    book.until_idle()
    book.until(f"{OUTPUTS}.length === {2 * len(NAMES)}")
    # The typesetter works through them in one go, once it is loaded.
    book.until(
        f"{TYPESET} > 10 && new Promise((done) => setTimeout(done, 500, {TYPESET}))"
        f".then((before) => before === {TYPESET})"
    )
    shown = book.page.evaluate(f"() => {OUTPUTS}.map((output) => output.innerHTML)")
    raw, safe = (
        dict(zip(NAMES, half, strict=True)) for half in (shown[: len(NAMES)], shown[len(NAMES) :])
    )
    assert any("mjx-container" in text for text in raw.values())
    for name in NAMES:
        if name in SWALLOWED:
            assert all(word in html.unescape(safe[name]) for word in SWALLOWED[name])
        else:
            assert safe[name] == raw[name], name


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize("front", ["lab"], indirect=True)
@pytest.mark.parametrize("cells", [()])
def test_the_parser_of_the_fast_tests_is_the_notebooks(book):
    """What fast tests look at instead of JupyterLab makes the same elements and words of a text."""
    parser = Parser()
    safe = [*HARMLESS.values(), *map(neutral_markdown, hostile().values())]
    # These go to the parser alone, which draws diagrams and knows nothing of formulas.
    skipped = ("TeX", "terminal")
    raw = [
        text
        for name, text in hostile().items()
        if HOSTILE[name]["kind"] not in skipped and "mermaid" not in text and "$" not in text
    ]
    for texts, script in ((safe, RENDER), (raw, PARSE)):
        pairs = [(text, parser("html", text)) for text in texts]
        for text, (real, ours) in zip(texts, book.page.evaluate(script, pairs), strict=True):
            assert ours == real, text
    parser.close()
