"""The only place where a model's text becomes safe to show. Pure: text in, text out.

JupyterLab does not sanitise *live* Markdown output, so whatever is displayed as `text/markdown`
goes through `neutral_markdown` first: outside code, raw HTML is escaped, images become links
(nothing is fetched until somebody clicks) and link targets that run something are cut. What follows
the opening of a fence is at most one word. Documents that hold none of these come out as they went
in.
"""

from __future__ import annotations

import functools
import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# Only a `<` before one of these can begin a tag, a comment or a declaration.
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_AUTOLINK = re.compile(r"<(?:https?://|mailto:)[^\s<>\"'`]*>")
_IMAGE = re.compile(r"(!*)!\[(?!(?:[^\[\]]*)\]\((?:data:image/(?:png|jpeg|gif|webp);|attachment:))")
# Where a link's target begins, the target itself only looked at: it may hold another link. A `>`
# may be the edge of a quotation whose line ends inside the link.
_TARGET = re.compile(
    r"\]\([\s>]*<?(?=(?P<inline>[^\s<>]+))"
    r"|\]:[\s>]*<?(?=(?P<defined>[^\s<>]+)>?[ \t]*(?:[\r\n\"'(]|\Z))"
)
_SAFE_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);|attachment:")
_SAFE_SCHEME = re.compile(r"(?:https?|mailto|attachment|ftp):|data:image/(?:png|jpeg|gif|webp);")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_MATH = re.compile(
    r"\$\$.+?\$\$|\$[^\s$][^$\n]*\$|\\\(.+?\\\)|\\\[.+?\\\]"
    r"|\\begin\{(?P<name>[a-zA-Z]*\*?)\}.+?\\end\{(?P=name)\}",
    re.DOTALL,
)
_RISKY = re.compile(
    r"[<]|!\[|\]\s*[(:]|\\(?:href|url|require)\b|```|~~~|(?:://|www\.)\S*[$\\@]", re.IGNORECASE
)
_RISKY_CODE = re.compile(r"[<]|!\[|\]\s*[(:]|\\(?:href|url|require)\b")
_TEX_LINK = re.compile(r"\\(href|url|require|style|class|cssId)\b")
# The line ends of Markdown; `str.splitlines` has more of them, and would see code where none is.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_BACKTICKS = re.compile(r"(?<!\\)(?:\\\\)*(`+)")
# A backtick inside the target or the title of a link opens no code.
_BACKTICK_IN_LINK = re.compile(r"\][(:][\s>]*(?:\S*`|<[^>\r\n]*`|\S+[\s>]+[\"'(])")
# The opening of a fence, in quotations and lists as well, and what follows it.
_FENCE = re.compile(
    r"((?:^|(?<=\r))[ \t>*+\-\d.)]*(?:`{3,}(?=[^`\r\n]*(?:[\r\n]|\Z))|~{3,}))([^\r\n]*)",
    re.MULTILINE,
)
_INFO = re.compile(r"[\w+.#-]{1,40}")

# JupyterLab's `removeMath` cuts formulas out before it looks for code, and puts them back into the
# finished HTML. These are its own patterns, which know more line ends than Python's `^` and `$`.
_FORMULA_MARK = re.compile(
    r"\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|\\\\[()\[\]]", re.IGNORECASE
)
_BLANK_LINE = re.compile(r"\n[^\n\r\u2028\u2029]*\n")
_FORMULA_FREE = (
    re.compile(
        r"(?:(?<=[\n\r\u2028\u2029])|\A)(`{3,}|~{3,})[^`\n]*\n(?:.*?[\n\r\u2028\u2029])??"
        r"\1`*(?=[\n\r\u2028\u2029]|\Z)",
        re.DOTALL,
    ),
    re.compile(r"(?:(?<=[\n\r\u2028\u2029])|\A|[^\\])(`+)[^\n]*?[^`\n]\1(?!`)"),
)
_PLACE = re.compile(r"@@\d")
_PLACE_IN_URL = re.compile(r"(?:://|www\.)\S*@@\d", re.IGNORECASE)

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
    is_code_risky = any(is_code and _RISKY_CODE.search(piece) for is_code, piece in pieces)
    formulas = _cut_at_formulas(made)[1::2]
    # What was changed before a block of code may have changed where that block begins. Code that
    # would do nothing outside of one needs no second look, unless formulas are put back into it.
    if not is_code_risky and not formulas:
        return made
    # A formula that swallows a backtick leaves other code than the one seen here.
    is_code_moved = is_code_risky and any("`" in f or "~~~" in f for f in formulas)
    if not is_code_moved and _is_harmless(made):
        return made
    made = _without_quotes(_neutral_prose(_plain_fences(text)))
    return made if _is_harmless(made) else _spelt_out(text)


def _is_harmless(text: str) -> bool:
    """Whether a parser that lets everything through finds nothing to run or to fetch.

    It looks at the text as it is, and at the text as JupyterLab parses it, without its formulas.
    """
    pieces = _cut_at_formulas(text)
    pieces[1::2], formulas = [f"@@{i}@@" for i in range(len(pieces) // 2)], pieces[1::2]
    cut = "".join(pieces)
    # Formulas come back with their quotes, which end an attribute.
    has_quotes = any('"' in formula for formula in formulas)
    if has_quotes and _PLACE_IN_URL.search(cut):
        return False
    for block in [*_parser().parse(text), *_parser().parse(cut)]:
        for token in (block, *(block.children or ())):
            if _does_something(token):
                return False
            if has_quotes and token.type in ("image", "link_open"):
                values = (token.content, *map(str, token.attrs.values()))
                if any(_PLACE.search(value) for value in values):
                    return False
    return True


def _does_something(token: Token) -> bool:
    if token.type == "image":
        return not _SAFE_IMAGE.match(str(token.attrs["src"]))
    if token.type == "link_open":
        return _is_unsafe(str(token.attrs["href"]))
    if token.type == "fence":
        return _plain_info(token.info) != token.info
    return token.type in ("html_block", "html_inline")


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
    for start, end, fence in _code_blocks(text):
        # To the front end, a line indented right below another may go on with its paragraph.
        if not fence and start and lines[start - 1].strip(" \t\r\n>"):
            continue
        yield from _code_spans(_plain_fences("".join(lines[at:start])))
        if fence:
            before, _, info = lines[start].partition(fence)
            lines[start] = before + fence + _plain_info(info)
        yield True, "".join(lines[start:end])
        at = end
    yield from _code_spans(_plain_fences("".join(lines[at:])))


def _plain_fences(text: str) -> str:
    """`text` with plain words after whatever might open a fence."""
    return _FENCE.sub(lambda found: found[1] + _plain_info(found[2]), text)


def _plain_info(info: str) -> str:
    """The language a fence names: the front end writes all of it into an attribute as it is."""
    content = info.rstrip("\r\n")
    first = next(iter(content.split()), "")
    word = first if _INFO.fullmatch(first) else ""
    # A diagram would be drawn, and its labels and styles load pictures.
    if word.lower() == "mermaid":
        word = "text"
    return info if content.strip(" \t") == word else word + info[len(content) :]


def _code_blocks(text: str) -> list[tuple[int, int, str]]:
    """The lines of fenced and indented code as a CommonMark parser sees them, and the fences."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).disable("inline")
    parser.validateLink = lambda _: True  # type: ignore[assignment,method-assign]
    found = [t for t in parser.parse(text) if t.type in ("fence", "code_block")]
    return sorted((t.map[0], t.map[1], t.markup) for t in found if t.map)


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
    text = _IMAGE.sub(lambda found: found[1] + " " * bool(found[1]) + "[image: ", text)
    return "".join(
        piece if i % 2 else _TAG.sub("&lt;", piece)
        for i, piece in enumerate(_split_keeping(_AUTOLINK, text))
    )


def _cut_at_formulas(text: str) -> list[str]:
    """`text` cut as JupyterLab's `removeMath` does; its formulas stand at the odd places."""
    if "`" in text or "~~~" in text:
        for pattern in _FORMULA_FREE:
            text = pattern.sub(lambda found: found.group().replace("$", "\0"), text)
    text = re.sub(r"\r\n?", "\n", text)
    pieces: list[str] = []
    at = 0
    for start, end in _formulas(text):
        pieces += [text[at:start], text[start:end]]
        at = end
    return [piece.replace("\0", "$") for piece in (*pieces, text[at:])]


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


def _without_quotes(text: str) -> str:
    """`text` with primes for the quotes in its formulas, which TeX shows alike."""
    pieces = _cut_at_formulas(text)
    pieces[1::2] = [formula.replace('"', "''") for formula in pieces[1::2]]
    return "".join(pieces)


def _spelt_out(text: str) -> str:
    """`text` as nothing but text, for what two parsers read in two ways whatever is done."""
    return re.sub(r"[^\w\s.,:;-]", lambda found: f"&#{ord(found.group())};", text)


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
