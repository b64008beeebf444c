"""Lines with times → Drafts: `MM:SS text`, `[00:01 - 00:05] Anna: text`, SRT and WebVTT.

Models write what they like: lists, bold type, a sentence before the first line. Each pattern is
tried at the beginning of a line only, and takes what it takes for good: no text makes them slow.
"""

from __future__ import annotations

import html
import itertools
import re
from typing import TYPE_CHECKING

from gemini_nb.transcripts import clock
from gemini_nb.transcripts.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE = rf"(?P<start>{clock.SHAPE})(?:\s*+(?:-{{1,2}}>|[-–—→]|to\b)\s*+(?P<end>{clock.SHAPE}))?"
# 1. **[00:01 - 00:05]** text
_TIMED = re.compile(
    r"(?P<lead>[\s>#*_•`(\[–-]*+(?:\d{1,5}[.)]\s[\s*_`(\[]*+)?)"
    rf"{_RANGE}(?P<close>[\])*_`]*+)\s*+(?:[:–—-](?:\*\*)?)?\s*+(?P<said>.*)"
)
# **Speaker A** (00:01): text
_NAME_FIRST = re.compile(
    r"[\s>#*_•-]*+(?P<name>[^\W_][^\[\](){}:*]{0,40}?)[\s*_]{0,4}:?[\s*_]{0,4}"
    rf"[\[(]{_RANGE}[\])][\s*_]*+:?[\s*_]*+(?P<said>.*)"
)
# [00:01] one sentence [00:04] the next one
_ANOTHER = re.compile(rf"\s(?=\[{clock.SHAPE}[^\]\[]{{0,40}}\])")
# 00:01.000 --> 00:05.000 align:start
_CUE = re.compile(rf"(?P<start>{clock.SHAPE})\s*+-->\s*+(?P<end>{clock.SHAPE})(?:\s(?P<said>.*))?")
_SETTING = re.compile(r"[a-z]{1,20}:\S*")
_TAG = re.compile(r"<[^<>]{0,200}>")

# | 00:01 | Anna | text |
_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s:=-]*+\|[\s|:=-]*+")
_CELL = re.compile(rf"[\s*_`\[(]*+{_RANGE}[\s\])*_`]*+")
_WHO = re.compile(r"(?i)speaker|name|who|voice")

# [00:01 - 00:05], which no sentence begins with.
_BOX = re.compile(rf"[\s>#*_•-]*+\[{_RANGE}\]")
# Lines with a time that make a list, and how many there are for one without.
_SOME, _MOST_LINES = 2, 4

# What names a speaker beyond doubt.
_SPEAKER = re.compile(
    r"\[(?P<tag>[^\n]{1,80}?)\]: "
    r"|[*_]{0,4}(?P<number>(?i:speaker)[ _-]?[A-Za-z0-9]{1,12})[*_]{0,4}\s?:[*_]{0,4}(?=\s)"
    r"|\[(?P<box>(?i:speaker)[ _-]?[A-Za-z0-9]{1,12})\](?=\s)"
    r"|(?:\*\*|__)(?P<bold>[^\s:*_][^:*\n]{0,40})(?::(?:\*\*|__)|(?:\*\*|__)\s?:)(?=\s)"
)
_VOICE = re.compile(r"<v(?:\.[^\s>]{0,80})?[ \t](?P<name>[^<>]{1,200})>")
# What may be one: many lines have to begin so. Of [Music] nothing is said.
_NAME = re.compile(
    r"(?P<name>[^\W\d_][^:\n]{0,40}):(?=\s)|\[(?P<box>[^\W\d_][^\]\n]{0,40})\](?=\s+\S)"
)
_WORDS_OF_A_NAME = 4
# `Here is the transcript:`, a heading, a rule.
_PREFACE = re.compile(r"(?i)[#*_`~=-]|.*(?:trans[ck]ri|[:：][*_\s]*\Z)")


def read(text: str) -> list[Draft]:
    """The Drafts in a text; one without a time where it gives none at all."""
    lines = text.splitlines()
    if any(_CUE.match(line.strip()) for line in lines):
        return _cues(lines)
    return _named(_timed(lines))


def is_timed(text: str) -> bool:
    """Has each line its time, but for a few? One alone has to have it in square brackets."""
    lines = [line for line in text.splitlines() if line.strip()]
    if any(_CUE.match(line.strip()) for line in lines):
        return True
    pieces = [piece for piece in _pieces(lines) if piece]
    while pieces and isinstance(pieces[0], str) and _PREFACE.match(pieces[0]):
        pieces.pop(0)
    timed = [piece for piece in pieces if isinstance(piece, Draft)]
    if len(timed) < _SOME:
        return len(pieces) == len(timed) == 1 and any(map(_BOX.match, lines))
    # Under a time that stands alone are its words.
    alone = sum(not draft.text.strip() for draft in timed)
    return _MOST_LINES * (len(pieces) - len(timed) - alone) <= len(timed)


def _timed(lines: list[str]) -> list[Draft]:
    drafts: list[Draft] = []
    said: list[list[str]] = [[]]  # before the first time, and since each
    for piece in _pieces(lines):
        if isinstance(piece, Draft):
            drafts.append(piece)
            said.append([piece.text])
        else:
            said[-1].append(piece)
    before, *after = said
    for draft, pieces in zip(drafts, after, strict=True):
        draft.text = " ".join(pieces)
    if drafts:  # else there is nothing that a preface could be before
        before = [line for line in before if not _PREFACE.match(line)]
    first = " ".join(filter(None, before))
    return [Draft(None, None, first), *drafts] if first else drafts


def _pieces(lines: list[str]) -> Iterator[Draft | str]:
    """The Drafts that begin in these lines, and what else is in them."""
    head: list[str] = []  # of the table
    is_table = any(_row(_cells(line), head) for line in lines)
    for line, below in itertools.pairwise([*lines, ""]):
        cells = _cells(line) if is_table else []
        if row := _row(cells, head):
            yield row
        elif cells and _RULE.fullmatch(below):
            head = cells
        elif cells and line.lstrip().startswith("|"):
            yield "" if _RULE.fullmatch(line) else " ".join(filter(None, cells))
        else:
            yield from _in_line(line)


def _in_line(line: str) -> Iterator[Draft | str]:
    is_boxed = line.lstrip(" \t*_>#-").startswith("[")
    for piece in _ANOTHER.split(line) if is_boxed else [line]:
        yield _begun(piece) or piece.strip()


def _cells(line: str) -> list[str]:
    """The cells of a row of a table; none where there is no bar."""
    if "|" not in line:
        return []
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(inner)]


def _row(cells: list[str], head: list[str]) -> Draft | None:
    """The Draft in a row that has a time; who speaks is told by the head, or looks like a name."""
    at, place = next(((i, m) for i, c in enumerate(cells) if (m := _CELL.fullmatch(c))), (0, None))
    if not place:
        return None
    end, after = _end(place), at + 1
    if after < len(cells) and (last := _CELL.fullmatch(cells[after])):
        end, after = clock.look(last["start"]), after + 1
    # A number in front of the time counts the rows.
    others = [n for n in range(at) if not cells[n].isdigit()] + list(range(after, len(cells)))
    others = [n for n in others if cells[n]]
    named = [n for n in others if n < len(head) and _WHO.search(head[n])]
    if not named and len(others) > 1 and _is_name(cells[others[0]].strip("*_")):
        named = others[:1]
    speaker = cells[named[0]].strip(" *_:") if named else ""
    said = " ".join(cells[n] for n in others if n not in named[:1])
    return Draft(clock.look(place["start"]), end, said, speaker)


def _begun(line: str) -> Draft | None:
    """The Draft that a line begins, if it begins one."""
    if found := _TIMED.match(line):
        said = found["said"]
        if "**" in found["lead"] and "*" not in found["close"]:
            said = said.rstrip().removesuffix("**")
        return Draft(clock.look(found["start"]), _end(found), said)
    found = _NAME_FIRST.match(line)
    if found and _is_name(found["name"]):
        return Draft(clock.look(found["start"]), _end(found), found["said"], found["name"].strip())
    return None


def _end(found: re.Match[str]) -> float | None:
    return clock.look(found["end"]) if found["end"] else None


# ---------------------------------------------------------------------------------- SRT and WebVTT


def _cues(lines: list[str]) -> list[Draft]:
    """Cues; what is before the first of them is a header."""
    found = [(at, match) for at, line in enumerate(lines) if (match := _CUE.match(line.strip()))]
    first = found[0][0]
    is_vtt = any(line.lstrip("\ufeff \t").startswith("WEBVTT") for line in lines[:first])
    is_numbered = first > 0 and lines[first - 1].strip().isdigit()
    drafts = []
    ends = [at for at, _ in found[1:]] + [len(lines)]
    for (at, cue), end in zip(found, ends, strict=True):
        said = [line.strip() for line in lines[at + 1 : end]]
        if end < len(lines) and _is_id(said, is_numbered=is_numbered):
            said.pop()
        beside = (cue["said"] or "").split()
        if not all(map(_SETTING.fullmatch, beside)):
            said.insert(0, " ".join(beside))
        drafts.append(_cue(cue, _without_notes(said) if is_vtt else said, is_vtt=is_vtt))
    return drafts


def _is_id(said: list[str], *, is_numbered: bool) -> bool:
    """Is the last line above a cue its name? It stands alone, or all are numbered."""
    if not said or not said[-1]:
        return False
    is_alone = len(said) > 1 and not said[-2]
    return is_alone or (is_numbered and said[-1].isdigit())


def _without_notes(said: list[str]) -> list[str]:
    kept: list[str] = []
    is_note = False
    for at, line in enumerate(said):
        if not line:
            is_note = False
        elif at and not said[at - 1]:
            is_note = line.split()[0] in ("NOTE", "STYLE", "REGION")
        if not is_note:
            kept.append(line)
    return kept


def _cue(found: re.Match[str], said: list[str], *, is_vtt: bool) -> Draft:
    text = " ".join(filter(None, said))
    voice = _VOICE.match(text)
    speaker = voice["name"].strip() if voice else ""
    if is_vtt:
        text, speaker = html.unescape(_TAG.sub("", text)), html.unescape(speaker)
    elif voice:
        text = text[voice.end() :].removesuffix("</v>")
    if not speaker:
        speaker, text = speaker_of(text)
    return Draft(clock.look(found["start"]), clock.look(found["end"]), text, speaker)


# ---------------------------------------------------------------------------------------- speakers


def speaker_of(text: str) -> tuple[str, str]:
    """The speaker whom a text begins with, `""` for none, and what is said."""
    found = _SPEAKER.match(text)
    if not found:
        return "", text
    return found[found.lastgroup or 0].strip(), text[found.end() :].lstrip()


def _named(drafts: list[Draft]) -> list[Draft]:
    """Speakers apart from what they say. A bare `Anna:` is one where half of the lines have such.

    (`Note: …` in the one line that has it is what somebody said.)
    """
    for draft in drafts:
        if not draft.speaker and draft.start is not None:
            draft.speaker, draft.text = speaker_of(draft.text)
    maybe = [
        (draft, found)
        for draft in drafts
        if not draft.speaker
        and draft.start is not None
        and (found := _NAME.match(draft.text))
        and _is_name(found[found.lastgroup or 0])
    ]
    if len(maybe) > 1 and 2 * len(maybe) >= sum(not draft.speaker for draft in drafts):
        for draft, found in maybe:
            draft.speaker = found[found.lastgroup or 0].strip()
            draft.text = draft.text[found.end() :].lstrip()
    return drafts


def _is_name(text: str) -> bool:
    """Few words, each with a capital, or of a script that has none."""
    words = text.split()
    return 0 < len(words) <= _WORDS_OF_A_NAME and not any(word[0].islower() for word in words)
