"""A model's text is hostile input, and comes out harmless and otherwise unchanged."""

from __future__ import annotations

import re
from unicodedata import bidirectional, category

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gemini_nb.display.html import neutral_markdown, terminal_text
from gemini_nb.display.static import bundle
from tests.documents import HARMLESS, HOSTILE, REWRITTEN, hostile

# Directions that a sign forces upon what follows it.
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

# A parser that lets everything through, to look at what a front end might make of a text.
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PARSER.validateLink = lambda _: True
SAFE = re.compile(r"(?:https?|mailto|attachment|ftp):|data:image/(?:png|jpeg|gif|webp);")


def dangers(text):
    """What would run or be fetched, were `text` shown as Markdown."""
    for block in PARSER.parse(text):
        for token in (block, *(block.children or ())):
            if token.type == "fence" and not re.fullmatch(r"(?!mermaid)[\w+.#-]*", token.info):
                yield token.info
            if token.type in ("html_block", "html_inline"):
                yield token.content
            elif token.type == "image":
                if not token.attrs["src"].startswith(("data:image/png;", "attachment:")):
                    yield token.attrs["src"]
            elif token.type == "link_open":
                target = re.sub(r"[\x00-\x20]", "", token.attrs["href"]).lower()
                if re.match(r"[a-z][a-z0-9+.-]*:", target) and not SAFE.match(target):
                    yield target


PIECES = [
    *("`", "``", "```", "~~~", "\n", "\n\n", "\r\n", "\r", " ", "\t", "    ", "a ", "b", "|"),
    *("<img src=x onerror=a()>", "<script>", "</b>", "<!--", "-->", "<", ">", "<java", "&lt;"),
    *("# ", "- ", "> ", "1. ", "---", "===", "|-|-|\n", "\n> ", "\n- ", "\n1. ", "\n    "),
    *("$", "$$", "\\(", "\\)", "\\[", "\\]", "\\", "*", "_", "!", "[", "]", "(", ")"),
    *("![a](http://e/x.png)", "[a](javascript:a())", "![", "](", "](http://e/x)", "[a](<"),
    *("[x]: javascript:a()", "[x]", "![x]", "[x]: http://e/p", "<https://e/>", "[a]( "),
    *("javascript:a()", "&#106;avascript:", "data:text/html,x"),
    *(
        "\\begin{a}",
        "\\end{a}",
        "\\\\(",
        "\\\\)",
        "\\\\[",
        "\\\\]",
        "{",
        "}",
        "mermaid",
        '"',
        "@@0@@",
    ),
]


@hypothesis_settings(max_examples=100)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("# h `\n<img src=x onerror=a()>`")
@example("- a `\n- <img src=x onerror=a()> `")
@example("> a `\n\n<img src=x onerror=a()>`")
@example("| a | b |\n|---|---|\n| ` | <img src=x onerror=a()> ` |")
@example("| a | b |\n|---|---|\n| ` x | ` y ` <img src=x onerror=a()> ` |")
@example("[x](`) <img src=x onerror=a()> `")
@example('[x](/u "`") <img src=x onerror=a()> `')
@example("`===</b>\t\n# <java`)a")
@example("\\( ![x](http://e/x.png) \\)")
@example("\\$a ![x](http://e/x.png) $")
@example("$a [k](javascript:a()) b$")
@example("> [a](\n> javascript:a())")
@example("- [x]: javascript:a()\n\n[x]")
@example("[a](<[a](javascript:a())")
@example("[x]: http://e/p![---    \n    ![ \\[\t</b>")
@example("[x]: javascript:a()\n- \n     <img src=x onerror=a()>")
def test_nothing_runs_and_nothing_is_fetched(text):
    """Whatever is put together, no tag, remote image or running link is left."""
    made = neutral_markdown(text)
    assert not list(dangers(made))
    assert not list(dangers(neutral_markdown(made)))


@given(st.text(max_size=60))
def test_plain_text_is_unchanged(text):
    """Where nothing could be dangerous, nothing is touched."""
    if not re.search(r"[<\[\\]|```|~~~|://|www\.", text):
        assert neutral_markdown(text) == text


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("a <b>c</b>", "a &lt;b>c&lt;/b>"),
        ("<!-- x -->", "&lt;!-- x -->"),
        ("<?php ?>", "&lt;?php ?>"),
        ("<meta http-equiv=refresh>", "&lt;meta http-equiv=refresh>"),
        ("![x](https://e.example/x.png)", "[image: x](https://e.example/x.png)"),
        ("![x][ref]", "[image: x][ref]"),
        ("oh!!![x](http://e/x.png)", "oh!! [image: x](http://e/x.png)"),
        ("[x](javascript:alert(1))", "[x](#javascript:alert(1))"),
        ("[x](JaVaScRiPt:alert(1))", "[x](#JaVaScRiPt:alert(1))"),
        ("[x](&#106;avascript:alert(1))", "[x](#&#106;avascript:alert(1))"),
        ("[x](java&#10;script:alert(1))", "[x](#java&#10;script:alert(1))"),
        ("[x](<javascript:alert(1)>)", "[x](<#javascript:alert(1)>)"),
        ("[x](vbscript:x)", "[x](#vbscript:x)"),
        ("[x](data:text/html;base64,eA==)", "[x](#data:text/html;base64,eA==)"),
        ("[x](file:///etc/passwd)", "[x](#file:///etc/passwd)"),
        ("[x]: javascript:alert(1)", "[x]: #javascript:alert(1)"),
        # Which backticks belong together is not the same to all parsers: no code is certain here.
        ("a ` c\n`<b>`", "a ` c\n`&lt;b>`"),
        ("| `x` | `a|<b>` |", "| `x` | `a|&lt;b>` |"),
        ("~`<b>`", "~`&lt;b>`"),
        ("~~a `~~<b>`", "~~a `~~&lt;b>`"),
        ("*a ``*`<b>``", "*a ``*`&lt;b>``"),
        ("https://e.example/`<b>`", "https://e.example/`&lt;b>`"),
        ("`a`\n\t\n    <b>", "`a`\n\t\n    &lt;b>"),
        ("- a\n> \n    <b>", "- a\n> \n    &lt;b>"),
        ("- a\n> ```\n> <b>\n> ```", "- a\n> ```\n> &lt;b>\n> ```"),
        ("- \n  ```\n  <b>\n  ```", "- \n  ```\n  &lt;b>\n  ```"),
        ("> ```\n     >> a\n> <b>", "> ```\n     >> a\n> &lt;b>"),
        ("[x](`<b>`)", "[x](`&lt;b>`)"),
        ("[x]: http://e/p<b>\n    ===<b>", "[x]: http://e/p&lt;b>\n    ===&lt;b>"),
        ("![x](data:image/svg+xml;base64,eA==)", "[image: x](#data:image/svg+xml;base64,eA==)"),
    ],
)
def test_what_is_dangerous_is_shown_instead(text, neutral):
    """A person still reads what the model wrote."""
    assert neutral_markdown(text) == neutral


@pytest.mark.parametrize(
    "text",
    [
        "Use `<div>` and `a < b`.",
        "See [docs](https://e.example/a?b=1&c=2) for `<p>` and ``x `<i>` y``.",
        "```html\n<script>x</script>\n![a](http://e/x.png)\n```\n",
        "~~~\n<b>\n~~~\n",
        "- item\n\n  ```\n  <b>\n  ```\n",
        "1. item\n   - more\n     ```\n     <b>\n     ```\n2. item\n```\n<b>\n```\n",
        "- item\n\n> ```\n> <b>\n> ```\n\n- item\n  ```\n  <b>\n  ```",
        "~~gone~~ `<b>` *and* ``a ` b`` (https://e.example) `<i>`",
        "para\n\n    <b>indented</b>\n",
        "1 < 2 and 3 > 2, a <= b, x<3",
        "<https://e.example/x> and <mailto:a@e.example>",
        "![plot](data:image/png;base64,iVBORw0KGgo=)",
        "![plot](attachment:plot.png)",
        "[x](#part) [y](/path) [z](mailto:a@e.example) [f](ftp://e.example)",
        "- [x] done: a thing\n- [ ] open: another",
        "[Note]: see [1]: and dict[str]: int",
        "$a < b$ and $$x_{i} \\le \\frac{a}{b}$$",
        "$x < 3$ but y",
        "*em* **strong** `code` ~~gone~~ # no\n# Title\n> quote\n",
        "`unclosed and more",
        "\\`<\\`",
        "日本 <3 \u2028 👩‍🚀",
        "",
    ],
)
def test_what_is_harmless_is_unchanged(text):
    """Code, formulas, links of the web and comparisons look as they did."""
    assert neutral_markdown(text) == text
    assert not list(dangers(text))


@pytest.mark.parametrize("name", HARMLESS)
def test_documents_come_out_byte_for_byte(name):
    """All but those whose change is explained are what they were."""
    text = HARMLESS[name]
    assert (neutral_markdown(text) == text) is (name not in REWRITTEN)


def test_the_documents_are_many():
    """A corpus is there to be varied."""
    assert len(HARMLESS) >= 40
    assert len(REWRITTEN) <= 4
    assert len(HOSTILE) >= 60


COMMANDS = [
    "href", "url", "require", "style", "class", "cssId", "data", "mmlToken", "unicode", "bbox",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_formulas_set_no_attributes(command):
    """Commands that style, load or lead somewhere become their names, wherever a formula may be."""
    for text in (
        f"$\\{command}{{a}}{{b}}$",
        f"$$\n\\{command}1$$",
        f"\\\\(\\let\\s\\{command}\\\\)",
    ):
        assert neutral_markdown(text) == text.replace(f"\\{command}", f"\\text{{{command}}}")
    spelt = f"&#36;&bsol;&#{ord(command[0])};{command[1:]}&#36; \\$\\{command}\\$"
    assert neutral_markdown(spelt).count("\u2060") == 1
    assert f"\\{command}" not in neutral_markdown(spelt)
    assert (
        neutral_markdown(f"C:\\{command}\\x, `\\{command}`") == f"C:\\{command}\\x, `\\{command}`"
    )


@pytest.mark.parametrize(
    "text",
    [
        "```latex\n\\begin{a}\n\\href{x}{<y>}\n\\end{a}\n```\n",
        "`$\\style{color:red}{x}$` and $x$",
        "$\\unicodes + \\classy$",
        "$x$\n\n    \\url{x}\n",
    ],
)
def test_commands_in_code_are_unchanged(text):
    """No formula is typeset in code."""
    assert neutral_markdown(text) == text


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("[x](&#0000000000106;avascript:a())", "[x](#&#0000000000106;avascript:a())"),
        (f"[x](&#{'1' * 5000};)", f"[x](&#{'1' * 5000};)"),
        (f"[x](&#x{'f' * 5000};) @@{'1' * 5000}@@", f"[x](&#x{'f' * 5000};) @@{'1' * 5000}@@"),
        (f"$\\{'x' * 5000}$ \\style &#{'1' * 5000};", None),
    ],
)
def test_numbers_of_any_length_are_read(text, neutral):
    """Numbers that no character has do not stop what looks at them."""
    assert neutral_markdown(text) == (neutral or text.replace("\\style", "\\\u2060style"))


def test_formulas_stay_formulas():
    """In TeX a space after `<` means nothing, and links become their name."""
    assert neutral_markdown("$a<b$") == "$a< b$"
    environment = "\\begin{align} a<b \\end{align}"
    assert neutral_markdown(environment) == environment.replace("<", "< ")
    assert neutral_markdown(r"$\href{javascript:x}{y}$") == r"$\text{href}{javascript:x}{y}$"


IMG = '<img src="x" onerror="fetch(1)">'


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        (f'```">{IMG}\ncode\n```', "```\ncode\n```"),
        (f'~~~">{IMG}\ncode\n~~~\n', "~~~\ncode\n~~~\n"),
        (f'```python ">{IMG}\ncode\n```', "```python\ncode\n```"),
        ('- > ```c++ " onfocus=x\n  > a\n', "- > ```c++\n  > a\n"),
        ('```"\r\na\r\n```', "```\r\na\r\n```"),
        ("```&quot;\na\n```", "```\na\n```"),
        ("```{code} x\na\n```", "```\na\n```"),
        ("````md\n```a b\n```\n````", "````md\n```a b\n```\n````"),
    ],
)
def test_the_info_of_a_fence_is_one_word(text, neutral):
    """The front end writes it into an attribute as it is, so nothing but a word may be there."""
    assert neutral_markdown(text) == neutral


@pytest.mark.parametrize("fence", ["```", "~~~"])
def test_a_diagram_is_shown_as_its_source(fence):
    """A Mermaid diagram loads the pictures in its labels, its source loads nothing."""
    text = f"{fence}mermaid\ngraph TD; A[x]\n{fence}\n"
    assert neutral_markdown(text) == text.replace("mermaid", "text")


@pytest.mark.parametrize(
    "text",
    [
        f"\\begin{{x}} `\\end{{x}} {IMG} `",
        f"\\\\( `\\\\) {IMG} `",
        f"\\\\[ `\\\\] {IMG} `",
        f"\\begin{{a}}\n```\n\\end{{a}}\n{IMG}\n```",
        f"\\begin{{a}}\n~~~\n\\end{{a}}\n{IMG}\n~~~",
        f"```\n\\begin{{a}}\n```\n\\end{{a}}\n```\n{IMG}\n```",
        f"# h \\begin{{a}}\n    \\end{{a}}{IMG}",
        f"\\\\( {{ ` \\\\) }} \n{IMG} `",
    ],
)
def test_no_formula_hides_where_code_begins(text):
    """JupyterLab cuts formulas out before it looks for code, so what they swallow opens none."""
    assert "<img" not in neutral_markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        'https://e.example/$"onfocus="a()$',
        'www.e.example/\\\\("onfocus="a()\\\\)',
        '[x](https://e.example/$"onfocus="a()$)',
        '[x](/u "$"onfocus="a()$")',
        '$"onfocus="a()$ [x](@\\@0@@)',
        '![x](data:image/png;$"onerror="a()$)',
        '<https://e.example/@@0$"onerror="a()$>',
    ],
)
def test_no_formula_leaves_the_address_of_a_link(text):
    """JupyterLab puts formulas back into finished HTML, where a quote would end an attribute."""
    assert '"onfocus' not in neutral_markdown(text)
    assert '"onerror' not in neutral_markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        "```python\nx = 1\n```\n\n~~~c++\nx\n~~~\n\n```\n```\n",
        '$\\text{"a"}$ and [x](https://e.example/a@b) and https://e.example/$x',
        '```latex\n\\begin{a}\n<x> & "y"\n\\end{a}\n```\n`<b>` $x$ `$` `$`',
        "`<b>` costs $5, `<i>` too\n\n`<u>` $6",
    ],
)
def test_formulas_and_fences_side_by_side_are_unchanged(text):
    """Where formulas and code keep apart, both stay as they are."""
    assert neutral_markdown(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x08\x08b\rc\x00", "abc"),
        ("\x9b31mx", "x"),
        ("\x9d0;title\x9cx", "x"),
        ("\x1bP+q544e\x1b\\x", "x"),
        ("\x1b]no end, so it is text", "no end, so it is text"),
        ("\x1b\x1b[31m[31mx", "[31mx"),
        ("\x1b(0x", "(0x"),
        ("\x1bcx", "cx"),
        ("abc\u202edef\u2066g\u200f\u061c", "abcdefg"),
        ("äöü 日本 👩‍🚀", "äöü 日本 👩‍🚀"),
    ],
)
def test_terminal_text_moves_nothing(text, shown):
    """Escape sequences, controls and signs that turn the reading direction are taken out."""
    assert terminal_text(text) == shown


@pytest.mark.parametrize("name", hostile())
def test_no_snippet_moves_a_terminal(name):
    """Neither what is printed nor the plain text of an output holds a control or turns around."""
    text = hostile()[name]
    for shown in (
        terminal_text(text),
        bundle(text)["text/plain"],
        bundle(text, "text")["text/plain"],
    ):
        assert not [sign for sign in shown if category(sign) == "Cc" and sign not in "\t\n"]
        assert not [sign for sign in shown if bidirectional(sign) in TURNS]


def test_what_terminals_obey_is_in_the_corpus():
    """The snippets for terminals are not harmless to begin with."""
    texts = [hostile()[name] for name, snippet in HOSTILE.items() if snippet["kind"] == "terminal"]
    assert len(texts) >= 15
    assert all(terminal_text(text) != text for text in texts)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_terminal_text_never_leaves_a_control(text):
    """What is left has no control but tab and newline."""
    left = terminal_text(text)
    assert not [c for c in left if c < " " and c not in "\t\n"]
    assert "\x1b" not in left
    assert not set(left) & set(map(chr, range(0x7F, 0xA0)))
