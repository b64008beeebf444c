"""Markdown as blocks that a terminal draws, each on its own; this writes nothing.

It says where one ends, and which of them no later line can change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gemini_nb.display.commonmark import parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from rich.console import RenderableType


def _parser() -> MarkdownIt:
    # HTML is shown as it is written: a terminal has no other use for it.
    return parser(more=("table", "strikethrough"))


def blocks(text: str) -> Iterator[tuple[RenderableType, str]]:
    """The top-level blocks of Markdown and their sources: each to be rendered before the next."""
    from rich.markdown import Markdown

    made = Markdown("", hyperlinks=False)
    text = _with_addresses(text)
    lines = text.split("\n")
    block: list[Token] = []
    for token in _parser().parse(text):
        block.append(token)
        if token.children:
            token.children = [one for child in token.children for one in _readable(child)]
        if token.level == 0 and token.nesting <= 0:
            made.parsed = block
            first, last = block[0].map or (0, 0)
            yield made, "\n".join(lines[first:last])
            block = []


def _readable(token: Token) -> list[Token]:
    """An image as a link to it, everything else as it is."""
    from markdown_it.token import Token as New

    if token.type != "image":
        return [token]
    opened = New("link_open", "a", 1, attrs={"href": token.attrs["src"]})
    return [
        opened,
        New("text", "", 0, content=token.content or "image"),
        New("link_close", "a", -1),
    ]


def _with_addresses(text: str) -> str:
    """`text` with its link definitions as lines to read.

    The links that use them may be written already, with their labels.
    """
    env: dict[str, Any] = {}
    if "]:" not in text:
        return text
    _parser().parse(text, env)
    found = [*env.get("references", {}).values(), *env.get("duplicate_refs", ())]
    lines = text.split("\n")
    for first, last in sorted(one["map"] for one in found):
        lines[first] = lines[first].replace("[", "\\[", 1)
        lines[last - 1] += "  "  # the next definition is another line
    return "\n".join(lines)


def finished(text: str) -> int:
    """How much of `text` no later line can change: all before the last block after a blank line."""
    tops = [t.map[0] for t in _parser().parse(text) if t.map and not t.level]
    lines = text.split("\n")
    for line in reversed([top for top in tops if top]):
        if line < len(lines) - 1 and not lines[line - 1].strip():
            return len("\n".join(lines[:line])) + 1
    return 0
