"""What one answer takes: its forecast for the badge before, what was used for the one after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gemini_nb import counting, history, notices, windows
from gemini_nb.display import badge

if TYPE_CHECKING:
    from gemini_nb.forecast import Forecast
    from gemini_nb.model import GenerativeModel
    from gemini_nb.stream import Response


class Receipt:
    """Begun when a prompt is about to be sent."""

    def __init__(self, model: GenerativeModel, known: Forecast) -> None:
        self._model = model
        self._known = known
        self._started = time.monotonic()
        self._first: float | None = None

    @property
    def before(self) -> badge.Before:
        """What is about to be sent."""
        known = self._known
        return badge.Before(
            known.count, known.window, known.price, known.is_free, known.left, known.drift
        )

    @property
    def seconds(self) -> float:
        """Since it was begun."""
        return time.monotonic() - self._started

    def began(self) -> None:
        """Text of the answer came."""
        if self._first is None:
            self._first = self.seconds

    def used(self, response: Response) -> badge.Used:
        """What it took. What there is to be learned from it is kept."""
        client, name = self._model.client, self._model.model_name
        usage, price = response.usage_metadata, None
        if usage is not None:
            own = client.settings.prices
            price = history.price_of(usage, name, response.model_version, own)
            count, told = self._known.count, usage.prompt_token_count
            counting.compare(name, count, told, client.settings)
            if notices.watched():
                windows.learn(client, name)
        return badge.Used(usage, price, self._known.is_free, self.seconds, self._first)
