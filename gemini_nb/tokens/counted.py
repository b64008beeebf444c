"""What a count says: how many tokens, of what, and how each number was got."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

How = Literal["exact", "rule", "estimate", "server"]
"""`exact`: by the model's own vocabulary; `rule`: as the API documents it; `estimate`: about so
many; `server`: the service said so. From the surest of one's own down: exact, rule, estimate."""
_ORDER = ("exact", "rule", "estimate")


class ModalityCount(NamedTuple):
    """Tokens of one modality, by the API's names."""

    modality: str
    token_count: int


@dataclasses.dataclass(frozen=True)
class Counted:
    """One part of a prompt: what a person would call it, and its tokens."""

    label: str
    tokens: int
    modality: str = "TEXT"
    how: How = "exact"


@dataclasses.dataclass(frozen=True, repr=False)
class TokenCount:
    """The tokens of a whole prompt.

    Attributes:
        total_tokens: all of them, those of a cache included.
        parts: part by part, in the order in which they are sent. Where the service counted, these
            are still one's own counts: it does not tell parts apart.
        cached_content_token_count: how many of them a cache holds.
        by_modality: tokens by `TEXT`, `IMAGE`, `AUDIO`, `VIDEO`, `DOCUMENT`.
        how: how the total was got; the least sure of its parts decides.
    """

    total_tokens: int
    parts: tuple[Counted, ...] = ()
    cached_content_token_count: int = 0
    by_modality: dict[str, int] = dataclasses.field(default_factory=dict)
    how: How = "exact"

    @classmethod
    def of(cls, parts: list[Counted], cached: int = 0) -> TokenCount:
        """The sum of some parts, and of a cache."""
        by: dict[str, int] = {}
        for part in parts:
            by[part.modality] = by.get(part.modality, 0) + part.tokens
        hows: list[How] = ["exact", *(part.how for part in parts)]
        how = max(hows, key=_ORDER.index)
        return cls(sum(by.values()) + cached, tuple(parts), cached, by, how)

    @property
    def prompt_tokens_details(self) -> list[ModalityCount]:
        """The same as `by_modality`, as the API gives it."""
        return [ModalityCount(*pair) for pair in self.by_modality.items()]

    def __repr__(self) -> str:
        about = "≈ " if self.how == "estimate" else ""
        said = " · ".join(f"{part.label} {part.tokens:,}" for part in self.parts)
        return f"<TokenCount {about}{self.total_tokens:,} tokens{': ' if said else ''}{said}>"
