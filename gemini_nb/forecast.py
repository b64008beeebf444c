"""What is known of a prompt before it is sent: its tokens, their price, and whether it may go."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from gemini_nb import counting, history, windows
from gemini_nb.errors import OverBudget, PromptTooLong
from gemini_nb.tokens import prices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemini_nb.content import GenerateContentRequest
    from gemini_nb.model import GenerativeModel
    from gemini_nb.tokens.counted import Counted, TokenCount

# How far beyond a window an estimate must be before it is believed more than the service.
_SURE = 1.25
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Tokens and US dollars of a prompt; None for what nobody knows.

    Attributes:
        model: its name, without `models/`.
        count: the tokens, part by part.
        window: how many tokens the model reads at most.
        price: of the prompt alone; the answer's price is known at its end.
        is_free: it goes to the local backend.
        left: what is left of the budget; None where there is none, or nothing is paid.
        drift: by how much the service counts more, lately: 0.02 is 2 %.
    """

    model: str
    count: TokenCount
    window: int | None
    price: float | None
    is_free: bool
    left: float | None
    drift: float | None

    def check(self, most: int | None = None) -> None:
        """Refuse what may not go.

        Raises PromptTooLong where it has more tokens than `most`, or than the model reads;
        OverBudget where it costs more than is left. (That something is left at all, every call
        looks at: `history.guard`.)
        """
        total = self.count.total_tokens
        if most is not None and total > most:
            raise self._too_long(f"and --max-input-tokens allows {most:,}", most)
        sure = _SURE if self.count.how == "estimate" else 1
        if self.window is not None and total > sure * self.window:
            raise self._too_long(f"and {self.model} reads {self.window:,} at most", self.window)
        if self.left is not None and self.price is not None and self.price >= self.left:
            raise OverBudget(
                f"The prompt costs {prices.dollars(self.price)} before its answer, and "
                f"{prices.dollars(max(0.0, self.left))} of the budget is left. {self._largest()}",
                left=self.left,
                advice=f"{self._hint()} Or raise it: %gemini_config --budget.",
            )

    def _too_long(self, limit: str, most: int) -> PromptTooLong:
        about = "about " if self.count.how == "estimate" else ""
        return PromptTooLong(
            f"The prompt has {about}{self.count.total_tokens:,} tokens, {limit}. {self._largest()}",
            count=self.count,
            limit=most,
            advice=self._hint(),
        )

    def _by_size(self) -> list[Counted]:
        return sorted(self.count.parts, key=lambda part: -part.tokens)

    def _largest(self) -> str:
        named = " · ".join(f"{part.label} {part.tokens:,}" for part in self._by_size()[:_NAMED])
        return f"Largest: {named}." if named else ""

    def _hint(self) -> str:
        first = next(iter(self._by_size()), None)
        if first is None:
            return "Send less."
        if first.label in _HINTS:
            return _HINTS[first.label]
        return _HINTS.get(first.modality, "Trim the text, or keep it in a cache.")


_HINTS = {
    "history": "Begin anew (%gemini_chat --new), or take turns back (--rewind).",
    "tools": "Send fewer tools, or say less of each.",
    "IMAGE": "Send it at a lower resolution: --media-resolution low.",
    "VIDEO": "Cut it, or send it at a lower resolution: --media-resolution low.",
    "AUDIO": "Cut it to the stretch that matters.",
    "DOCUMENT": "Send the pages that matter, or keep it in a cache; or --media-resolution low.",
}


def of(model: GenerativeModel, body: GenerateContentRequest, names: Sequence[str] = ()) -> Forecast:
    """What is known of this prompt.

    `names` are those of its media, which come last and in this order. Nothing is asked of the
    service, and a vocabulary is waited for only where a limit hangs on the number.
    """
    client = model.client
    chosen = client.settings
    name = model.model_name
    free = chosen.resolve_backend() == "local"
    left = None if free else history.left(chosen)
    count = counting.estimated(body, name, cached=model.cached_tokens, wait=left is not None)
    price = prices.price_of(name, chosen.prices)
    cost = price.of_prompt(count.by_modality, count.cached_content_token_count) if price else None
    return Forecast(
        model=name.removeprefix("models/"),
        count=_named(count, names),
        window=windows.of(client, name),
        price=0.0 if free else cost,
        is_free=free,
        left=left,
        drift=history.drift(name),
    )


def _named(count: TokenCount, names: Sequence[str]) -> TokenCount:
    """The count with the person's names for its last media."""
    media = [at for at, part in enumerate(count.parts) if part.modality != "TEXT"]
    parts = list(count.parts)
    for at, name in zip(media[-len(names) :] if names else [], names, strict=False):
        if name:
            parts[at] = dataclasses.replace(parts[at], label=name)
    return dataclasses.replace(count, parts=tuple(parts))
