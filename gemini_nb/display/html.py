"""The only place where a model's text becomes safe to show. Pure: text in, text out.

JupyterLab does not sanitise *live* Markdown output, so whatever is displayed as `text/markdown`
goes through `neutral_markdown` first: outside code, raw HTML is escaped, images become links
(nothing is fetched until somebody clicks) and link targets that run something are cut. What follows
the opening of a fence is at most one word, and formulas lose what sets attributes (`formulas.py`).
Documents that hold none of these come out as they went in.

The notebook's parser (marked) and a CommonMark parser (the one here) see code in different places.
What is code counts only where both see it; where they may differ, it is taken for prose, and shows
an entity at worst. Tests hold this against the real parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemini_nb.display import formulas
from gemini_nb.display.commonmark import parser

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_ADDRESS = r"(?:://|www\.)(?:(?!://|www\.)\S)*"
_RISKY = re.compile(rf"<|!\[|\]\s*[(:]|```|~~~|{_ADDRESS}[$\\@]", re.IGNORECASE)
_RISKY_CODE = re.compile(r"<|!\[|\]\s*[(:]")
# The line ends of Markdown; `str.splitlines` has more of them, and would see code where none is.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_BACKTICKS = re.compile(r"(?<!\\)(?:\\\\)*(`+)")
# A backtick inside the target or the title of a link opens no code, and none in an address.
_ADDRESS_END = re.compile(rf"{_ADDRESS}\Z", re.IGNORECASE)
_BACKTICK_IN_LINK = re.compile(r"\][(:][\s>]*(?:\S*`|<[^>\r\n]*`|\S+[\s>]+[\"'(])")
# The opening of a fence, in quotations and lists as well, and what follows it.
_FENCE = re.compile(
    r"((?:^|(?<=\r))[ \t>*+\-\d.)]*(?:`{3,}(?=[^`\r\n]*(?:[\r\n]|\Z))|~{3,}))([^\r\n]*)",
    re.MULTILINE,
)
# What a line of a list or a quotation begins with.
_BEGINNING = re.compile(r"[ \t]*(?:(?:(?:[-+*]|\d{1,9}[.)])(?=\s)|>)[ \t]*)*")
_QUOTED = re.compile(r" {0,3}>")
_INFO = re.compile(r"[\w+.#-]{1,40}")

_PLACE = re.compile(r"@@(\d{1,9})@@")
_CODE_IN_URL = re.compile(rf"{_ADDRESS}@@0@@\S*`", re.IGNORECASE)
_PLACE_IN_URL = re.compile(rf"{_ADDRESS}@@\d", re.IGNORECASE)

# Sequences of ESC or of its one-letter forms (CSI; OSC, DCS and others up to their end; of two
# characters), then C0 and C1 controls except tab and newline, then what reorders text.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)|\x1b[@-Z\\-_]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def terminal_text(text: str) -> str:
    """`text` without what moves a cursor, sets a title, or turns the reading direction."""
    return _TERMINAL.sub("", text)


def neutral_markdown(text: str) -> str:
    """Markdown that nothing runs in and that fetches nothing, looking the same otherwise."""
    has_commands = formulas.has_commands(text)
    if not has_commands and not _RISKY.search(text):
        return text
    text = text.replace("\0", "\ufffd")  # as every parser does
    tamed = formulas.without_commands if has_commands else str
    pieces = list(_code_and_prose(text))
    made = "".join(piece if is_code else tamed(_neutral_prose(piece)) for is_code, piece in pieces)
    is_code_risky = any(
        is_code and (has_commands or _RISKY_CODE.search(piece)) for is_code, piece in pieces
    )
    cut = formulas.cut_at_formulas(made)
    found = cut[1::2]
    # What was changed before a block of code may have changed where that block begins. Code that
    # would do nothing outside of one needs no second look, unless formulas are put back into it.
    if not is_code_risky and not found:
        return made
    # A formula that swallows a backtick leaves other code than the one seen here, and one that goes
    # on with an address lets that have the next.
    is_code_moved = any("`" in f or "~~~" in f for f in found) or bool(
        _CODE_IN_URL.search("@@0@@".join(cut[::2]))
    )
    if not (is_code_risky and is_code_moved) and _is_harmless(made):
        return made
    made = tamed(formulas.without_quotes(_neutral_prose(_plain_fences(text))))
    return made if _is_harmless(made) else _spelt_out(tamed(text))


def _is_harmless(text: str) -> bool:
    """Whether a parser that lets everything through finds nothing to run or to fetch.

    It looks at the text as it is, and at the text as JupyterLab parses it, without its formulas.
    """
    pieces = formulas.cut_at_formulas(text)
    pieces[1::2], found = [f"@@{i}@@" for i in range(len(pieces) // 2)], pieces[1::2]
    cut = "".join(pieces)
    # Formulas come back with their quotes, which end an attribute.
    has_quotes = any('"' in formula for formula in found)
    if has_quotes and _PLACE_IN_URL.search(cut):
        return False
    whole = parser(html=True, more=("table",), any_link=True)
    for block in [*whole.parse(text), *whole.parse(cut)]:
        for token in (block, *(block.children or ())):
            if _does_something(token) or _typesets(token, found):
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


def _typesets(token: Token, found: list[str]) -> bool:
    """Whether a formula in a text, or one that comes back into it, does more than to look nice."""
    if token.type != "inline":
        return False
    said = "".join(t.content for t in token.children or () if t.type == "text")
    whole = _PLACE.sub(lambda at: "".join(found[int(at[1]) :][:1]), said)
    return formulas.has_commands(whole)


def _code_and_prose(text: str) -> Iterator[tuple[bool, str]]:
    """The text in order, cut into (is code, piece)."""
    lines = _LINE.findall(text)
    around = _Around()
    at = seen = 0
    for start, end, fence in _code_blocks(text):
        for line in lines[seen : start + 1]:
            around.read(line)
        seen = start + 1
        # To the front end, a line indented right below another may go on with its paragraph.
        is_below = start and lines[start - 1].strip("\r\n")
        is_certain = around.holds(lines[start:end]) if fence else not is_below
        if around.doubt > bool(fence) or not is_certain:
            continue
        seen = end
        yield from _code_spans(_plain_fences("".join(lines[at:start])))
        if fence:
            before, _, info = lines[start].partition(fence)
            lines[start] = before + fence + _plain_info(info)
        yield True, "".join(lines[start:end])
        at = end
    yield from _code_spans(_plain_fences("".join(lines[at:])))


class _Around:
    """The lists and quotations that lines may be part of, to one parser or another."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._is_after_blank = True

    @property
    def doubt(self) -> int:
        """How far parsers differ on what is code: not at all, on what is indented, or on fences.

        One sees a quotation behind a list where the other sees it inside, and so on with the rest.
        """
        return 2 if "odd" in self._kinds else min(2, len(self._kinds))

    def read(self, line: str) -> None:
        """Take in the next line that is no code."""
        beginning = _BEGINNING.match(line)
        before = beginning.group() if beginning else ""
        rest = line[len(before) :]
        items = sum(before.count(sign) for sign in "-+*.)")
        # A line that begins at the edge after a blank one ends all of them, but a list may go on.
        if self._is_after_blank and rest.strip() and line[0] not in " \t":
            self._kinds = self._kinds - {"quotation"} if items and line[0] != ">" else set()
        if items:
            self._kinds.add("list")
        if ">" in before:
            self._kinds.add("quotation")
        # An item without a text is one to some parsers only, a line of tabs is blank to some only.
        is_odd = items > 1 or ("\t" in before and self._kinds)
        if is_odd or (not rest.strip() and (items or "\t" in before or rest.strip("\r\n"))):
            self._kinds.add("odd")
        self._is_after_blank = not line.strip("\r\n")

    def holds(self, lines: list[str]) -> bool:
        """Whether a fence is followed by something, and all of that is in the same quotation."""
        is_quoted = "quotation" in self._kinds
        return len(lines) > 1 and (not is_quoted or all(map(_QUOTED.match, lines)))


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
    lines = parser(less=("inline",), any_link=True)
    found = [t for t in lines.parse(text) if t.type in ("fence", "code_block")]
    return sorted((t.map[0], t.map[1], t.markup) for t in found if t.map)


def _code_spans(text: str) -> Iterator[tuple[bool, str]]:
    """Prose cut at its backtick spans, where every parser sees the same ones.

    Which backticks belong together depends on where a heading, a list item or a cell of a table
    ends. A span therefore counts only up to the first backtick that its own line does not close.
    What is code after all, but not seen as such, shows an entity at worst.
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
        if not line.strip("\r\n"):  # one of spaces is none, here and there
            yield "".join(lines)
            lines = []
    yield "".join(lines)


def _spans(paragraph: str) -> list[tuple[int, int]]:
    """Where its code spans are; none where two parsers might see different ones."""
    if "`" not in paragraph or _BACKTICK_IN_LINK.search(paragraph):
        return []
    found: list[tuple[int, int]] = []
    signs: set[str] = set()
    for line in _LINE.finditer(paragraph):
        of_line, is_whole = _spans_of_line(paragraph, line.start(), line.end(), signs)
        if not any("|" in paragraph[start:end] for start, end in of_line):  # the edge of a cell
            found += of_line
        if not is_whole:
            break
    return found


def _spans_of_line(
    text: str, at: int, end: int, signs: set[str]
) -> tuple[list[tuple[int, int]], bool]:
    """The code spans of a line, and whether it closes each that it opens.

    `signs` are those that its paragraph has outside of code so far.
    """
    found: list[tuple[int, int]] = []
    while opening := _BACKTICKS.search(text, at, end):
        run = opening.group(1)
        gap = text[at : opening.start(1)]
        signs.update(gap)
        closing = re.compile(rf"(?<!`){run}(?!`)").search(text, opening.end(), end)
        if closing is None or _is_cut(gap, text[opening.start(1) : closing.end()], signs):
            return found, False
        at = closing.end()
        found.append((opening.start(1), at))
        signs.update(run[1:])  # the front end counts backticks one by one in places
    signs.update(text[at:end])
    return found, True


def _is_cut(gap: str, span: str, signs: set[str]) -> bool:
    """Whether the front end may see something that ends, or begins, within what is code here.

    An address may hold a backtick, and right after a tilde it is none. What is struck out is looked
    for before code is. So is emphasis, with code left out that is simple to find.
    """
    is_struck = gap.endswith("~") or ("~" in span and "~" in signs)
    is_emphasised = any(sign in span and sign in signs for sign in "*_")
    is_simple = (
        not span.startswith("``")
        and not span.endswith("\\`")
        and "`" not in signs
        and not ("]" in span and "[" in signs)
        and not (">" in span and "<" in signs)
    )
    return is_struck or (is_emphasised and not is_simple) or bool(_ADDRESS_END.search(gap))


def _neutral_prose(text: str) -> str:
    text = _TARGET.sub(_neutral_target, text)
    out = []
    at = 0
    for math in _MATH.finditer(text):
        out.append(_neutral_text(text[at : math.start()]))
        # What is math here need not be math to the front end, so it is made safe as well. TeX takes
        # the space for nothing, while an entity would be shown as such.
        formula = _TAG.sub("< ", math.group()).replace("![", "! [")
        out.append(formulas.plain_formula(formula))
        at = math.end()
    out.append(_neutral_text(text[at:]))
    return "".join(out)


def _neutral_text(text: str) -> str:
    text = _IMAGE.sub(lambda found: found[1] + " " * bool(found[1]) + "[image: ", text)
    return "".join(
        piece if i % 2 else _TAG.sub("&lt;", piece)
        for i, piece in enumerate(_split_keeping(_AUTOLINK, text))
    )


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
    bare = re.sub(r"[\x00-\x20\x7f-\xa0\\]", "", formulas.unescaped(target)).lower()
    return bool(_SCHEME.match(bare)) and not _SAFE_SCHEME.match(bare)
