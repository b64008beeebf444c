"""The parts of an answer → one Markdown text, each part in its place. Pure; nothing is safe yet.

Text goes through as it came. What is no text (code that the service ran and its output, images,
calls, parts that nobody knows yet) becomes a block of its own between blank lines. Thoughts are a
text apart. What makes all of this safe to show is `html.py`.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from gemini_nb.display.commonmark import parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemini_nb.content import Candidate, Part

# Images that every notebook shows by themselves.
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
# Characters of a part that has no form of its own; the Response has all of it.
_LONGEST = 4000
# Beside what a part is, not what it is.
_ASIDE = ("thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution")

_IMAGE = re.compile(r"!\[[^\]\n]*\]\(data:(image/[\w.+-]+);base64,([A-Za-z0-9+/]*)=*\)")
_LICENCE = re.compile(r"[\w.+-]{1,40}")
_ADDRESS = re.compile(r"https?://[^\s<>]+")


class Text:
    """One Markdown text that grows by parts."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def __str__(self) -> str:
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def add(self, part: Part) -> str:
        """Take a part in; returns the piece that it adds."""
        piece = _block(part) if part.text is None else part.text
        if part.text is None and piece:
            piece = f"{self._gap()}{piece}\n\n"
        self.write(piece)
        return piece

    def write(self, piece: str) -> None:
        """Take a piece of text as it is."""
        self._pieces.append(piece)

    def _gap(self) -> str:
        """What ends all that is open, so that a block can begin."""
        text = str(self)
        if not text.strip():
            return ""
        whole = closed(text)
        return whole[len(text) :] + "\n" * max(0, 2 - (len(whole) - len(whole.rstrip("\n"))))


class Document:
    """An answer as it comes: what was said, and what was thought aloud."""

    def __init__(self) -> None:
        self.said = Text()
        self.thoughts = Text()

    def add(self, part: Part) -> tuple[bool, str]:
        """Take a part in; returns whether it is a thought, and the piece that it adds."""
        is_thought = bool(part.thought)
        return is_thought, (self.thoughts if is_thought else self.said).add(part)


def is_sound(part: Part) -> bool:
    """Whether a part is sound that came along with it."""
    blob = part.inline_data
    return blob is not None and (blob.mime_type or "").lower().startswith("audio/")


def closed(text: str) -> str:
    """`text` with an end to the block of code that is open, so that what follows is none of it.

    A fence in a list or a quotation ends with it.
    """
    if "```" not in text and "~~~" not in text:
        return text
    tokens = parser(html=True, less=("inline",)).parse(f"{text}\n")
    last = next((t for t in reversed(tokens) if not t.level), None)
    if last is None or last.type != "fence" or not last.map:
        return text
    # A fence that is closed has one line more than its code, beside the one that opens it.
    if last.map[1] - last.map[0] >= last.content.count("\n") + 2:
        return text
    return f"{text}{'' if text.endswith(chr(10)) else chr(10)}{last.markup}"


def _block(part: Part) -> str:
    """A part that is no text, as Markdown; empty for one that holds nothing to show."""
    if part.executable_code is not None:
        code = part.executable_code
        return _fenced(code.code or "", (code.language or "").lower())
    if part.code_execution_result is not None:
        return _result(part.code_execution_result.outcome, part.code_execution_result.output)
    blob = part.inline_data
    if blob is not None:
        kind, data = (blob.mime_type or "").lower(), blob.data or b""
        if is_sound(part):
            return ""  # one of many pieces of what no Markdown holds: `Response.audio`
        if kind in _SHOWN:
            return f"![image](data:{kind};base64,{base64.b64encode(data).decode()})"
        return f"*{re.sub('[^a-z0-9/.+-]', '', kind) or 'data'}, {len(data):,} bytes*"
    wire = {name: value for name, value in part.to_dict().items() if name not in _ASIDE}
    return "\n\n".join(_unknown(name, value) for name, value in wire.items())


def _unknown(name: str, value: Any) -> str:
    label = re.sub(r"[^a-z0-9 ]", " ", re.sub(r"([A-Z])", r" \1", name).lower()).strip()
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n… ({len(text) - _LONGEST:,} more characters)"
    return f"*{label}*\n\n{_fenced(text, 'json')}"


def _result(outcome: str | None, output: str | None) -> str:
    shown = _fenced(output, "text") if output else ""
    if outcome in (None, "OUTCOME_OK", "OUTCOME_UNSPECIFIED"):
        return shown
    why = str(outcome).removeprefix("OUTCOME_").replace("_", " ").lower()
    return f"*The code did not run to its end: {re.sub('[^a-z ]', ' ', why)}.*\n\n{shown}".rstrip()


def _fenced(code: str, language: str) -> str:
    """A fence that nothing inside of it ends."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}{'' if code.endswith(chr(10)) else chr(10)}{fence}"


def sources(candidate: Candidate | None) -> str:
    """What an answer quotes or was found by, as a numbered list; empty where it names nothing."""
    found = dict(_sources(candidate)) if candidate else {}
    lines = [f"{i}. {line}" for i, line in enumerate(found.values(), 1)]
    return "\n\n**Sources**\n\n" + "\n".join(lines) if lines else ""


def _sources(candidate: Candidate) -> Iterator[tuple[str, str]]:
    cited = candidate.citation_metadata or {}
    # The name of the list differs between the versions of the API.
    for one in [*_list(cited, "citationSources"), *_list(cited, "citations")]:
        yield from _source(one, str(one.get("license") or ""))
    for chunk in _list(candidate.grounding_metadata or {}, "groundingChunks"):
        for one in chunk.values():
            if isinstance(one, dict):
                yield from _source(one, "")


def _list(value: Any, name: str) -> list[dict[str, Any]]:
    found = value.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _source(one: dict[str, Any], after: str) -> Iterator[tuple[str, str]]:
    address, title = str(one.get("uri") or ""), str(one.get("title") or "")
    name = re.sub(r"([\\`*_\[\]<>$!])", r"\\\1", " ".join((title or address).split()))
    if _ADDRESS.fullmatch(address):
        name = f"[{name}](<{address}>)"
    if name:
        yield address or name, name + (f" ({after})" if _LICENCE.fullmatch(after) else "")


def without_images(text: str) -> str:
    """`text` with a word in place of each image that it holds, for where none can be shown."""
    if "](data:" not in text:
        return text
    return _IMAGE.sub(lambda found: f"[{found[1]}, {len(found[2]) * 3 // 4:,} bytes]", text)
