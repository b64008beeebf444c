"""The deltas of a streamed candidate → one Candidate. Pure; `stream.py` feeds it."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from gemini_nb.content import Candidate, Content, Part

if TYPE_CHECKING:
    from gemini_nb.structs import Wire


class Newer:
    """Copies into one object what another of its type has; what only the first knows stays."""

    def __init__(self, cls: type[Wire], *, but: tuple[str, ...] = ()) -> None:
        self._names = [name for name in cls.__struct_fields__ if name not in but]
        # One look at all fields in C: most deltas of a stream have nothing but their text.
        self._read = attrgetter(*self._names)
        self._empty = self._read(cls())

    def keep(self, kept: Wire, delta: Wire) -> None:
        """Copy the fields that `delta` has."""
        values = self._read(delta)
        if values == self._empty:
            return
        for name, value in zip(self._names, values, strict=True):
            if value is None or value == []:
                continue
            merged = name == "extra" and kept.extra
            setattr(kept, name, type(value)({**merged, **value}) if merged else value)


class Builder:
    """Deltas → one Content a candidate. Text is kept in pieces until somebody looks."""

    def __init__(self) -> None:
        self.candidate = Candidate()
        self._content = Content()
        self._parts: list[Part] = []
        self._pieces: list[str] = []  # of the text part that is still open, the last of _parts

    def add(self, delta: Candidate) -> None:
        """Take the next piece of this candidate in."""
        _CANDIDATE.keep(self.candidate, delta)
        if delta.content is None:
            return
        _CONTENT.keep(self._content, delta.content)
        for index, part in enumerate(delta.content.parts):
            # Only the first part of a chunk may go on where the last chunk stopped.
            self._add_part(part, goes_on=index == 0)

    def _add_part(self, part: Part, *, goes_on: bool) -> None:
        last = self._parts[-1] if self._pieces and goes_on else None
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


_CANDIDATE = Newer(Candidate, but=("content",))
_CONTENT = Newer(Content, but=("parts",))
_beside_text = attrgetter(*(n for n in Part.__struct_fields__ if n not in ("text", "thought")))
_NOTHING = _beside_text(Part())


def _plain_text(part: Part) -> bool:
    """Whether a part is text and nothing else: only such parts may be joined."""
    return part.text is not None and _beside_text(part) == _NOTHING
