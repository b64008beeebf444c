"""The only place where a model's text becomes safe to show. Pure: text in, text out.

JupyterLab does not sanitise *live* Markdown output, so whatever is displayed as `text/markdown`
goes through `neutral_markdown` first: outside code, raw HTML is escaped, images become links
(nothing is fetched until somebody clicks) and link targets that run something are cut. Documents
that hold none of these come out as they went in.
"""

from __future__ import annotations

import functools
import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt

# Only a `<` before one of these can begin a tag, a comment or a declaration.
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_AUTOLINK = re.compile(r"<(?:https?://|mailto:)[^\s<>\"'`]*>")
_IMAGE = re.compile(r"!\[(?!(?:[^\[\]]*)\]\((?:data:image/(?:png|jpeg|gif|webp);|attachment:))")
# Where a link's target begins, the target itself only looked at: it may hold another link. A `>`
# may be the edge of a quotation whose line ends inside the link.
_TARGET = re.compile(
    r"\]\([\s>]*<?(?=(?P<inline>[^\s<>]+))"
    r"|\]:[\s>]*<?(?=(?P<defined>[^\s<>]+)>?[ \t]*(?:[\r\n\"'(]|\Z))"
)
_SAFE_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);|attachment:")
_SAFE_SCHEME = re.compile(r"(?:https?|mailto|attachment|ftp):|data:image/(?:png|jpeg|gif|webp);")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_MATH = re.compile(r"\$\$.+?\$\$|\$[^\s$][^$\n]*\$|\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)
_RISKY = re.compile(r"[<]|!\[|\]\s*[(:]|\\(?:href|url|require)\b")
_TEX_LINK = re.compile(r"\\(href|url|require|style|class|cssId)\b")
# The line ends of Markdown; `str.splitlines` has more of them, and would see code where none is.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_BACKTICKS = re.compile(r"(?<!\\)(?:\\\\)*(`+)")
# A backtick inside the target or the title of a link opens no code.
_BACKTICK_IN_LINK = re.compile(r"\][(:][\s>]*(?:\S*`|<[^>\r\n]*`|\S+[\s>]+[\"'(])")

# ESC sequences (CSI, OSC, two-character), then C0 and C1 controls except tab and newline, then the
# controls that reorder text.
_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\u202a-\u202e\u2066-\u2069\u200e\u200f]"
)


def terminal_text(text: str) -> str:
    """`text` without what moves a cursor, sets a title, or turns the reading direction."""
    return _TERMINAL.sub("", text)


def neutral_markdown(text: str) -> str:
    """Markdown that nothing runs in and that fetches nothing, looking the same otherwise."""
    if not _RISKY.search(text):
        return text
    pieces = list(_code_and_prose(text))
    made = "".join(piece if is_code else _neutral_prose(piece) for is_code, piece in pieces)
    # What was changed before a block of code may have changed where that block begins. Code that
    # would do nothing outside of one needs no second look.
    if not any(is_code and _RISKY.search(piece) for is_code, piece in pieces):
        return made
    return made if _is_harmless(made) else _neutral_prose(text)


def _is_harmless(text: str) -> bool:
    """Whether a parser that lets everything through finds nothing to run or to fetch."""
    for token in (t for block in _parser().parse(text) for t in (block, *(block.children or ()))):
        if token.type in ("html_block", "html_inline"):
            return False
        if token.type == "image" and not _SAFE_IMAGE.match(str(token.attrs["src"])):
            return False
        if token.type == "link_open" and _is_unsafe(str(token.attrs["href"])):
            return False
    return True


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.validateLink = lambda _: True  # type: ignore[assignment,method-assign]
    return parser


def _code_and_prose(text: str) -> Iterator[tuple[bool, str]]:
    """The text in order, cut into (is code, piece)."""
    lines = _LINE.findall(text)
    at = 0
    for start, end in _code_blocks(text):
        yield from _code_spans("".join(lines[at:start]))
        yield True, "".join(lines[start:end])
        at = end
    yield from _code_spans("".join(lines[at:]))


def _code_blocks(text: str) -> list[tuple[int, int]]:
    """The line ranges of fenced and indented code, as a CommonMark parser sees them."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).disable("inline")
    parser.validateLink = lambda _: True  # type: ignore[assignment,method-assign]
    tokens = parser.parse(text)
    found = [t.map for t in tokens if t.type in ("fence", "code_block") and t.map]
    return sorted((a, b) for a, b in found)


def _code_spans(text: str) -> Iterator[tuple[bool, str]]:
    """Prose cut at its backtick spans, where every parser sees the same ones.

    Which backticks belong together depends on where a heading, a list item or a cell of a table
    ends. A span therefore counts only where each line of its paragraph closes what it opens. What
    is code after all, but not seen as such, shows an entity at worst.
    """
    for paragraph in _paragraphs(text):
        at = 0
        for start, end in _spans(paragraph):
            yield False, paragraph[at:start]
            yield True, paragraph[start:end]
            at = end
        yield False, paragraph[at:]


def _paragraphs(text: str) -> Iterator[str]:
    """The text cut after its blank lines, which end every inline construct."""
    lines: list[str] = []
    for line in _LINE.findall(text):
        lines.append(line)
        if not line.strip(" \t\r\n"):
            yield "".join(lines)
            lines = []
    yield "".join(lines)


def _spans(paragraph: str) -> list[tuple[int, int]]:
    """Where its code spans are; none where two parsers might see different ones."""
    if "`" not in paragraph or _BACKTICK_IN_LINK.search(paragraph):
        return []
    found: list[tuple[int, int]] = []
    for line in _LINE.finditer(paragraph):
        of_line: list[tuple[int, int]] = []
        at = line.start()
        while opening := _BACKTICKS.search(paragraph, at, line.end()):
            run = opening.group(1)
            closing = re.compile(rf"(?<!`){run}(?!`)").search(paragraph, opening.end(), line.end())
            if closing is None:
                return []
            at = closing.end()
            of_line.append((opening.start(1), at))
        if not any("|" in paragraph[start:end] for start, end in of_line):  # the edge of a cell
            found += of_line
    return found


def _neutral_prose(text: str) -> str:
    text = _TARGET.sub(_neutral_target, text)
    out = []
    at = 0
    for math in _MATH.finditer(text):
        out.append(_neutral_text(text[at : math.start()]))
        # What is math here need not be math to the front end, so it is made safe as well. TeX takes
        # the space for nothing, while an entity would be shown as such.
        formula = _TAG.sub("< ", math.group()).replace("![", "! [")
        out.append(_TEX_LINK.sub(r"\\text{\1}", formula))
        at = math.end()
    out.append(_neutral_text(text[at:]))
    return "".join(out)


def _neutral_text(text: str) -> str:
    text = _IMAGE.sub("[image: ", text)
    return "".join(
        piece if i % 2 else _TAG.sub("&lt;", piece)
        for i, piece in enumerate(_split_keeping(_AUTOLINK, text))
    )


def _split_keeping(pattern: re.Pattern[str], text: str) -> list[str]:
    """`text` cut at the matches of `pattern`, which stand at the odd places."""
    pieces, at = [], 0
    for found in pattern.finditer(text):
        pieces += [text[at : found.start()], found.group()]
        at = found.end()
    return [*pieces, text[at:]]


def _neutral_target(found: re.Match[str]) -> str:
    """A `#` before a link target that is no address of the web: it then leads nowhere."""
    return found.group() + "#" * _is_unsafe(found["inline"] or found["defined"])


def _is_unsafe(target: str) -> bool:
    bare = re.sub(r"[\x00-\x20\x7f-\xa0\\]", "", html.unescape(target)).lower()
    return bool(_SCHEME.match(bare)) and not _SAFE_SCHEME.match(bare)
