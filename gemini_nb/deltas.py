"""The deltas of a streamed candidate → one Candidate. Pure; `stream.py` feeds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemini_nb.types import Candidate, Content, Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemini_nb.structs import Wire


def keep_newer(kept: Wire, delta: Wire, names: Iterable[str]) -> None:
    """Copy into `kept` what `delta` has; what only `kept` knows beyond its fields stays."""
    for name in names:
        value = getattr(delta, name)
        if name == "extra" and value and kept.extra:
            value = type(value)({**kept.extra, **value})
        if value is not None and value != []:
            setattr(kept, name, value)


class Builder:
    """Deltas → one Content a candidate. Text is kept in pieces until somebody looks."""

    def __init__(self) -> None:
        self.candidate = Candidate()
        self._content = Content()
        self._parts: list[Part] = []
        self._pieces: list[str] = []  # of the text part that is still open, the last of _parts

    def add(self, delta: Candidate) -> None:
        """Take the next piece of this candidate in."""
        keep_newer(self.candidate, delta, _CANDIDATE_FIELDS)
        if delta.content is None:
            return
        keep_newer(self._content, delta.content, ("role", "extra"))
        for part in delta.content.parts:
            self._add_part(part)

    def _add_part(self, part: Part) -> None:
        last = self._parts[-1] if self._pieces else None
        if _plain_text(part):
            if last is not None and last.thought == part.thought:
                self._pieces.append(part.text or "")
                return
            self._settle()
            self._parts.append(Part(text="", thought=part.thought))
            self._pieces = [part.text or ""]
            return
        self._settle()
        self._parts.append(part)

    def _settle(self) -> None:
        if self._pieces:
            self._parts[-1].text = "".join(self._pieces)
            self._pieces = []

    def build(self) -> Candidate:
        """The candidate as far as it came."""
        if self._pieces:
            text = "".join(self._pieces)
            self._parts[-1].text = text
            self._pieces = [text]
        said = self._content
        if self._parts or said.role or said.extra:
            self.candidate.content = Content(role=said.role, parts=self._parts, extra=said.extra)
        return self.candidate


_CANDIDATE_FIELDS = [name for name in Candidate.__struct_fields__ if name != "content"]


def _plain_text(part: Part) -> bool:
    """Whether a part is text and nothing else: only such parts may be joined."""
    return part.text is not None and all(getattr(part, name) is None for name in _NOT_TEXT)


_NOT_TEXT = [name for name in Part.__struct_fields__ if name not in ("text", "thought")]
