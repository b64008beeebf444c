"""What is known of a prompt before it is sent: its tokens, their price, and whether it may go."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from gemini_nb import counting, history, windows
from gemini_nb.errors import OverBudget, PromptTooLong
from gemini_nb.tokens import prices

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        OverBudget where it costs more than is left.
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
        total, about = self.count.total_tokens, "about " * (self.count.how == "estimate")
        return PromptTooLong(
            f"The prompt has {about}{total:,} token{'s' * (total != 1)}, {limit}. "
            f"{self._largest()}",
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


def of(
    model: GenerativeModel,
    body: GenerateContentRequest,
    names: Mapping[int, str] | None = None,
    *,
    wait: bool = False,
) -> Forecast:
    """What is known of this prompt; nothing is asked of the service.

    Args:
        model: that it goes to.
        body: the whole request.
        names: what a person calls the media of the last turn, by their places in it.
        wait: for a vocabulary that is still being read, as where a limit hangs on the number; where
            there is a budget one does.

    Raises OverBudget where a budget is spent, or cannot be kept for this model.
    """
    client = model.client
    chosen = client.settings
    name = model.model_name
    free = chosen.resolve_backend() == "local"
    client.guard(name)
    left = None if free else history.left(chosen)
    count = counting.estimated(
        body, name, cached=model.cached_tokens, wait=wait or left is not None, names=names
    )
    price = prices.price_of(name, chosen.prices)
    cost = price.of_prompt(count.by_modality, count.cached_content_token_count) if price else None
    return Forecast(
        model=name.removeprefix("models/"),
        count=count,
        window=windows.of(client, name),
        price=0.0 if free else cost,
        is_free=free,
        left=left,
        drift=None if free else history.drift(name, chosen),
    )
