"""Small tables for a notebook and a terminal. What is in them comes from anywhere: plain text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemini_nb.display.html import neutral_markdown, terminal_text

if TYPE_CHECKING:
    from collections.abc import Iterable

Rows = list[tuple[str, ...]]

_RIGHT = {"tokens", "calls", "in", "out", "thoughts", "cached", "price", "seconds"}
# What is no letter, digit or one of these may be Markdown somewhere.
_SIGN = re.compile(r"[^\w\s+:;,.()…–-]|_")

_AMOUNT = re.compile(r"(?<![^\s(])(<?\$\d[\d.,]*\d|\$\d)(?!\w)")


def show(heads: tuple[str, ...], rows: Rows, below: list[str]) -> None:
    """Display a table, and lines below it."""
    from IPython.display import display

    bundle = {
        "text/markdown": markdown(heads, rows, below),
        "text/plain": plain(heads, rows, below),
    }
    display(bundle, raw=True)  # type: ignore[no-untyped-call,unused-ignore]


def markdown(heads: tuple[str, ...], rows: Rows, below: list[str]) -> str:
    """The table for a notebook, and the lines under it."""
    rules = ("--:" if head in _RIGHT else ":--" for head in heads)
    lines = [_line(heads), _line(rules), *(_line(map(_cell, row)) for row in rows)]
    table = "\n".join(lines) if rows else ""
    return neutral_markdown("\n\n".join(filter(None, (table, *map(_cell, below)))))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """`text` as nothing but text, on one line."""
    one = _one_line(text)
    if one.count("$") < 2:  # noqa: PLR2004 - between two of them a page sees a formula
        return _escaped(one)
    # Amounts apart from each other, in elements of their own, are none; what else has a dollar gets
    # one that looks the same.
    pieces = _AMOUNT.split(one)
    return "".join(
        f"*{_escaped(piece)}*" if at % 2 else _escaped(piece.replace("$", "\uff04"))
        for at, piece in enumerate(pieces)
    )


def _one_line(text: str) -> str:
    return " ".join(terminal_text(text).split())


def _escaped(text: str) -> str:
    return _SIGN.sub(lambda found: f"&#{ord(found.group())};", text)


def plain(heads: tuple[str, ...], rows: Rows, below: list[str]) -> str:
    """The same for a terminal, in columns."""
    table = [heads, *(tuple(map(_one_line, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if head in _RIGHT else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        ).rstrip()
        for row in table
    ]
    between = [""] if rows and below else []
    return "\n".join([*(lines if rows else []), *between, *map(_one_line, below)])
