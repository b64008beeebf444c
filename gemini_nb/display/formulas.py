"""Where the notebook sees TeX in Markdown, and which of it is dangerous. Pure: text in, text out.

JupyterLab cuts formulas out of a text before it parses it, and puts them back into the finished
HTML; then MathJax looks for formulas in all that is shown. What becomes of a text between the two
is `html.py`'s.
"""

from __future__ import annotations

import bisect
import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Commands that set attributes, or load something. MathJax's safe mode does not catch all that they
# do: `\style` and `\mmlToken` load a cursor, `\unicode` takes a font's name for any style.
_NAMES = (
    "href|url|require|style|class|cssId|data|mmlToken|unicode|bbox|includegraphics"
    "|html(?:Class|Data|Id|Style)"
)
_COMMAND = re.compile(rf"\\({_NAMES})(?![A-Za-z])")
_NAME = re.compile(rf"(?:{_NAMES})(?![A-Za-z])")
_DELIMITER = re.compile(r"\$|\\!*[(\[]|\\begin")  # no `!` is left before an image
# A backslash with letters after it, either of them perhaps written as an entity.
_SPELT = re.compile(
    r"(?:\\|&(?:#0*92|#[xX]0*5[cC]|bsol);)(?=(?P<letters>(?:[A-Za-z]|&#?\w{1,9};)+))"
)
# Numbers that no character has: Python would fail to read some of them.
_ZEROS = re.compile(r"(&#[xX]?)0+(?=[0-9a-fA-F])")
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")
_BREAK = "\u2060"  # a word joiner: nobody sees it, and no name of a command goes on behind it

# JupyterLab's `removeMath` cuts formulas out before it looks for code, and puts them back into the
# finished HTML. These are its own patterns, which know more line ends than Python's `^` and `$`.
_FORMULA_MARK = re.compile(
    r"\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|\\\\[()\[\]]", re.IGNORECASE
)
_BLANK_LINE = re.compile(r"\n[^\n\r\u2028\u2029]*\n")
_FENCED = re.compile(
    r"(?:(?<=[\n\r\u2028\u2029])|\A)(`{3,}|~{3,})[^`\n]*\n(?:.*?[\n\r\u2028\u2029])??"
    r"\1`*(?=[\n\r\u2028\u2029]|\Z)",
    re.DOTALL,
)
_BACKTICKS = re.compile(r"`+")


def unescaped(text: str) -> str:
    """`text` with characters for its entities."""
    if "&" not in text:
        return text
    return html.unescape(_NO_CHARACTER.sub("\ufffd", _ZEROS.sub(r"\1", text)))


def has_commands(text: str) -> bool:
    """Whether something in `text` may be a dangerous command of a formula."""
    shown = unescaped(text)
    return bool(_COMMAND.search(shown) and _DELIMITER.search(shown))


def plain_formula(formula: str) -> str:
    """A formula whose dangerous commands are shown by their names instead."""
    return _COMMAND.sub(r"\\text{\1}", formula)


def without_commands(text: str) -> str:
    """`text` in which no formula finds a dangerous command; it looks the same."""

    def broken(found: re.Match[str]) -> str:
        return found.group() + _BREAK * bool(_NAME.match(unescaped(found["letters"])))

    return _SPELT.sub(broken, text)


def cut_at_formulas(text: str) -> list[str]:
    """`text` cut as JupyterLab's `removeMath` does; its formulas stand at the odd places."""
    if "`" in text or "~~~" in text:
        text = _FENCED.sub(lambda found: found.group().replace("$", "\0"), text)
        text = "\n".join(map(_without_dollars, text.split("\n")))
    text = re.sub(r"\r\n?", "\n", text)
    pieces: list[str] = []
    at = 0
    for start, end in _formulas(text):
        pieces += [text[at:start], text[start:end]]
        at = end
    return [piece.replace("\0", "$") for piece in (*pieces, text[at:])]


def _without_dollars(line: str) -> str:
    """A line with another sign for each `$` in its code spans, as `removeMath` sees those.

    To it, a span ends at the next run of as many backticks as it begins with, or else of as many as
    possible below that. Its own pattern tries all ways to divide them, which can take minutes.
    """
    runs = [found.span() for found in _BACKTICKS.finditer(line)]
    if "$" not in line:
        return line
    of_length: dict[int, list[int]] = {}
    for i, (start, end) in enumerate(runs):
        of_length.setdefault(end - start, []).append(i)
    pieces: list[str] = []
    done = i = 0
    while i < len(runs):
        start, end = runs[i]
        most = end - start - (line[start - 1 : start] == "\\")
        ends = (_next(of_length.get(length, ()), i) for length in range(most, 0, -1))
        closing = next((j for j in ends if j), 0)
        if closing:
            stop = runs[closing][1]
            begin = max(0, start - 1)  # the sign before it belongs to what the pattern finds
            pieces += [line[done:begin], line[begin:stop].replace("$", "\0")]
            done = stop
        i = max(i, closing) + 1
    return "".join([*pieces, line[done:]])


def _next(numbers: Sequence[int], than: int) -> int:
    """The first of `numbers`, which are sorted, that is greater; 0 if none is."""
    at = bisect.bisect_right(numbers, than)
    return numbers[at] if at < len(numbers) else 0


def _formulas(text: str) -> Iterator[tuple[int, int]]:
    marks = list(_FORMULA_MARK.finditer(text))
    at = 0
    while at < len(marks):
        opening = marks[at]
        closing, at = _closing(marks, at)
        if closing is not None:
            yield opening.start(), closing.end()


def _closing(marks: list[re.Match[str]], opening: int) -> tuple[re.Match[str] | None, int]:
    """What closes the formula that a mark opens, if anything, and the mark to go on with."""
    end = _end_of_formula(marks[opening].group())
    if not end:
        return None, opening + 1
    last = None
    braces = 0
    for i in range(opening + 1, len(marks)):
        mark = marks[i].group()
        if mark == end and not braces:
            return marks[i], i + 1
        if mark == end:
            last = i
        elif _BLANK_LINE.search(mark):
            return (None, i + 1) if last is None else (marks[last], last + 1)
        else:
            braces = max(0, braces + (mark == "{") - (mark == "}"))
    return (None if last is None else marks[last]), len(marks)


def _end_of_formula(mark: str) -> str:
    """What closes the formula that `mark` opens, nothing if it opens none."""
    if mark.startswith("\\begin"):
        return "\\end" + mark[len("\\begin") :]
    return {"$": "$", "$$": "$$", "\\\\(": "\\\\)", "\\\\[": "\\\\]"}.get(mark, "")


def without_quotes(text: str) -> str:
    """`text` with primes for the quotes in its formulas, which TeX shows alike."""
    pieces = cut_at_formulas(text)
    pieces[1::2] = [formula.replace('"', "''") for formula in pieces[1::2]]
    return "".join(pieces)
