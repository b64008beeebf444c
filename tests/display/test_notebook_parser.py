"""What is safe and looks alike in the notebook's own parser, which sees code in places of its own.

The parser runs in one node process (`widgets/src/test/notebook.js`); the browser tests hold that
against the real JupyterLab.
"""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gemini_nb.display.html import neutral_markdown
from gemini_nb.display.static import bundle
from tests.documents import HARMLESS, SWALLOWED, borders, hostile
from tests.documents.notebook import Parser, missing

if missing():
    pytest.skip(missing(), allow_module_level=True)


@pytest.fixture(scope="module")
def notebook():
    parser = Parser()
    yield parser
    parser.close()


@pytest.mark.parametrize("name", hostile())
def test_nothing_of_the_corpus_is_left(notebook, name):
    """What the notebook makes of a snippet is text, also between others that may help it."""
    text = hostile()[name]
    for around in ("{}", "- a\n{}\n\nb", "a `\n\n{}\n\n` b", "$a {} b$"):
        assert notebook("dangers", neutral_markdown(around.format(text))) == []


def test_most_of_the_corpus_is_hostile(notebook):
    """Without the neutraliser, nearly all that is no terminal's business would do something."""
    found = {name for name, text in hostile().items() if notebook("dangers", text)}
    assert found <= set(hostile())
    assert len(found) >= 130


# Pieces of inline and of block structure, put together at random.
PIECES = [
    *("`", "``", "```", "~~~", "\n", "\n\n", "\r\n", "\r", " ", "\t", "    ", "a ", "b", "|"),
    *("<img src=x onerror=a()>", "<script>", "</b>", "<!--", "-->", "<", ">", "<?", "&lt;", "\0"),
    *("# ", "- ", "> ", "1. ", "---", "===", "|-|-|\n", "\n> ", "\n- ", "\n1. ", "\n    <b>"),
    *(
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\\\(",
        "\\\\)",
        "\\\\[",
        "\\",
        "*",
        "_",
        "~",
        "!",
        "[",
        "]",
        "(",
        ")",
    ),
    *("![a](http://e/x.png)", "[a](javascript:a())", "![", "](", "](http://e/x)", "[a](<", "[x]"),
    *("[x]: javascript:a()", "![x]", "[x]: http://e/p", "<https://e/>", "www.e.org/", "a@e.org"),
    *("&#106;avascript:", "data:text/html,x", "mermaid", '"', "@@0@@", "{", "}", "\\style1"),
    *(
        "\\begin{a}",
        "\\end{a}",
        "$\\style{x}$",
        "&#36;",
        "&#92;",
        "st&#121;le{x}",
        "\\unicode[a]{x}",
    ),
]
BEGINNINGS = ["", "", "- ", "> ", "1. ", "  ", "   ", "    ", "\t", "- - ", "10) ", "   > ", ">"]
CONTENTS = [
    *("a", "<b>", "`", "```", "~~~", "````", "```html", "---", "# h", "[x]: /u", "| a | b |", "$x"),
    *("|---|---|", "| ` | <b> ` |", "y$", "`<b>`", "a `<b>` c", "<!--", "</div>", "===", "- ```"),
    *(
        "> ```",
        "\\begin{a}",
        "\\end{a}",
        "[a](/u`) <b>`",
        "https://e/`<b>`",
        "`` <b> `",
        "\xa0",
        "- ",
    ),
]
ENDS = ["\n", "\n", "\n", "\n\n", "\r\n", "\r", "  \n", "\n \n", "\n\t\n"]
LINES = st.lists(
    st.tuples(*map(st.sampled_from, (BEGINNINGS, BEGINNINGS, CONTENTS, ENDS))).map("".join),
    max_size=9,
).map("".join)


@hypothesis_settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join) | LINES)
@example("- a\n> \n    <b>")
@example("- a\n> ```\n><script>\n```")
@example("10) >`\n> ```\n\n    <b>")
@example("[x]: /u\n- \n    a\n    ~~~\n    <b>")
@example("a\n\t\n    <b>")
@example("a ``\n\t\n<b> ``")
@example("> ```\n     >> a\n> <div>\n")
@example(">> a\n>`` <b> `\n>  \t~~~\n> <b>")
@example("1. a\n>b\n\n\n\t<b>")
@example("www.e.org/```a`--><img src=x onerror=a()>```")
@example("~`<b>`")
@example("~~a `~~<b>`")
@example("*x [`](u)* <b>`")
@example("*x <`> * <b>`")
@example("**a `**<b>\\`")
@example("``a ` b`` *x `*` <b>`")
@example("www.e.org/:$a\n$x`<b>`")
@example("_* * *\\([a]: /u\n ```  - </b>***<div> `?>  - ```* * *")
@example("&#92;![\\style1 ]")
@example("\\begin{a} `\\style{x}` \\end{a}")
@example("# h \\begin{a}\n    \\style{x}\\end{a}")
@example("&#36;&#92;st&#121;le{x}&#36;")
def test_nothing_runs_in_the_notebook(notebook, text):
    """Whatever is put together, the notebook makes text, links and code of it, and nothing else."""
    assert notebook("dangers", neutral_markdown(text)) == []


@hypothesis_settings(max_examples=100)
@given(LINES, LINES)
def test_thoughts_open_nothing(notebook, thoughts, text):
    """What stands folded before an answer changes nothing of what is safe."""
    made = bundle(text, thoughts=f"a{thoughts}")["text/markdown"]
    assert set(notebook("dangers", made)) <= {"<details>", "<summary>"}


@pytest.mark.parametrize(
    ("thoughts", "said"), [*((text, "") for text in hostile().values()), *borders()]
)
def test_no_thought_holds_the_answer(notebook, thoughts, said):
    """Whatever a thought leaves open, the answer stands below it, and nothing runs in either."""
    made = bundle(f"{said}\n\nThe end.", thoughts=thoughts)["text/markdown"]
    folded, rest = notebook("html", made).split("</details>")
    assert folded.count("<details") == 1
    assert re.sub("<[^>]*>", "", rest).strip().endswith("The end.")
    assert set(notebook("dangers", made)) <= {"<details>", "<summary>"}


@hypothesis_settings(max_examples=200)
@given(LINES)
def test_no_lines_of_a_thought_hold_the_answer(notebook, thoughts):
    """Lists, quotations, blocks of code and formulas all end with the thoughts."""
    made = bundle("The end.", thoughts=f"a{thoughts}")["text/markdown"]
    rest = notebook("html", made).split("</details>")[-1]
    assert rest.strip() == "<p>The end.</p>"


BODIES = [
    "x = 1",
    "<b>x</b>",
    "![a](http://e/x.png)",
    "[a](javascript:a())",
    "if a < b:",
    "echo `ls`",
]
BODY = st.lists(st.sampled_from([*BODIES, "", "# no heading", "- no item"]), min_size=1, max_size=4)
PROSE = [
    "Text with `<i>`.",
    "a < b & c > d",
    "# Title",
    "A <b> tag",
    "**bold** `x`",
    "a | b",
    "x^2",
]


def fence(body, before):
    content = [f"{before}{line}".rstrip() for line in ("```html", *body, "```")]
    return "\n".join(content)


BLOCKS = (
    st.sampled_from(
        [*PROSE, "- item\n- `<u>`", "1. one\n2. two", "> quoted `<s>`", "| a |\n|---|\n| `<`"]
    )
    | st.builds(fence, BODY, st.just(""))
    | st.builds(lambda body: "- item\n\n" + fence(body, "  "), BODY)
    | st.builds(lambda body: "1. item\n" + fence(body, "   ") + "\n2. more", BODY)
    | st.builds(lambda body: "> quoted\n>\n" + fence(body, "> "), BODY)
    | st.builds(lambda body: "Then:\n" + fence(body, ""), BODY)
)


def seen_here(text):
    """The blocks of code that a CommonMark parser sees."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [token.content.strip("\n") for token in tokens if token.type in ("fence", "code_block")]


@hypothesis_settings(max_examples=150)
@given(st.lists(BLOCKS, min_size=1, max_size=6).map("\n\n".join))
@example("Text:\n\n    <b>indented</b>\n\nmore")
@example("```latex\n$\\href{https://e.example}{<a>}$\n```")
@example("- a\n- b\n```html\n<b>\n```\nc")
def test_code_that_both_see_is_unchanged(notebook, text):
    """Where the parsers agree on blocks of code, as in all that is well-formed, each stays."""
    before = [block.strip("\n") for block in notebook("blocks", text)]
    assume(before == seen_here(text))
    after = [block.strip("\n") for block in notebook("blocks", neutral_markdown(text))]
    assert after == before


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_documents_look_the_same(notebook, name):
    """The notebook makes the same of them as it would without the neutraliser."""
    text = HARMLESS[name]
    made = neutral_markdown(text)
    shown = notebook("html", made)
    if name in SWALLOWED:  # raw, the front end takes their words for tags and shows nothing there
        assert all(word in html.unescape(shown) for word in SWALLOWED[name])
    else:
        # The one change in a formula is a space, which TeX does not show.
        assert shown.replace("&lt; x", "&lt;x") == notebook("html", text).replace("&lt; x", "&lt;x")


@pytest.mark.parametrize("name", HARMLESS)
def test_while_it_streams_it_looks_like_the_final_output(notebook, name):
    """The widget makes the same elements of a text as the notebook, with the same words in them."""
    final = notebook("elements", neutral_markdown(HARMLESS[name]))
    live = notebook("live", HARMLESS[name])
    assert live == final.replace("&lt; x", "&lt;x")
