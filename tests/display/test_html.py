"""A model's text is hostile input, and comes out harmless and otherwise unchanged."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gemini_nb.display.html import neutral_markdown, terminal_text

# A parser that lets everything through, to look at what a front end might make of a text.
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PARSER.validateLink = lambda _: True
SAFE = re.compile(r"(?:https?|mailto|attachment|ftp):|data:image/(?:png|jpeg|gif|webp);")


def dangers(text):
    """What would run or be fetched, were `text` shown as Markdown."""
    for block in PARSER.parse(text):
        for token in (block, *(block.children or ())):
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
    if not re.search(r"[<\[\\]", text):
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
        ("a `<b>` c `\nmore", "a `&lt;b>` c `\nmore"),
        ("| `x` | `a|<b>` |", "| `x` | `a|&lt;b>` |"),
        ("[x](`<b>`)", "[x](`&lt;b>`)"),
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


def test_formulas_stay_formulas():
    """In TeX a space after `<` means nothing, and links become their name."""
    assert neutral_markdown("$a<b$") == "$a< b$"
    assert neutral_markdown(r"$\href{javascript:x}{y}$") == r"$\text{href}{javascript:x}{y}$"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x08\x08b\rc\x00", "abc"),
        ("\x9b31mx", "31mx"),
        ("\x1bcx", "cx"),
        ("abc\u202edef\u2066g\u200f", "abcdefg"),
        ("äöü 日本 👩‍🚀", "äöü 日本 👩‍🚀"),
    ],
)
def test_terminal_text_moves_nothing(text, shown):
    """Escape sequences, controls and signs that turn the reading direction are taken out."""
    assert terminal_text(text) == shown


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_terminal_text_never_leaves_a_control(text):
    """What is left has no control but tab and newline."""
    left = terminal_text(text)
    assert not [c for c in left if c < " " and c not in "\t\n"]
    assert "\x1b" not in left
    assert not set(left) & set(map(chr, range(0x7F, 0xA0)))
