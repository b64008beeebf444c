"""How much sound one prompt may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gemini_nb.errors import BadPrompt
from gemini_nb.tokens import facts
from gemini_nb.transcripts import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gemini_nb.content import Content, Part
    from gemini_nb.tokens.facts import Facts

LIMIT: Final = 9.5 * 3600
"""Seconds of all recordings of one prompt, by the documentation of 2026."""


def total_seconds(
    contents: Iterable[Content], facts_of: Callable[[str], Facts | None] | None = None
) -> float:
    """Seconds of all recordings in these turns, as far as their headers tell.

    Args:
        contents: the turns of a request.
        facts_of: what is known of an uploaded file, by its address.
    """
    known = facts_of or (lambda _: None)
    found = (_facts(part, known) for content in contents for part in content.parts)
    return sum(each.seconds or 0.0 for each in found if each and each.kind == "audio")


def _facts(part: Part, facts_of: Callable[[str], Facts | None]) -> Facts | None:
    if part.inline_data and isinstance(part.inline_data.data, bytes):
        kind = part.inline_data.mime_type or ""
        is_sound = facts.kind_of(kind) == "audio"
        return facts.look(part.inline_data.data, kind) if is_sound else None
    if part.file_data and part.file_data.file_uri:
        said = part.file_data.mime_type
        if not said or facts.kind_of(said) == "audio":
            return facts_of(part.file_data.file_uri)
    return None


def check(seconds: float, what: str = "The recordings of this prompt") -> None:
    """Raises BadPrompt where that is more than one prompt may have."""
    if seconds > LIMIT:
        many = "last" if what.endswith("prompt") else "lasts"
        raise BadPrompt(
            f"{what} {many} {clock.mark(seconds)}; one prompt takes {clock.mark(LIMIT)}.",
            advice="Send parts of it: audio.split(3600), or audio.clip(start, end).",
        )
