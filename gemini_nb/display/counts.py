"""A prompt's tokens as a table, part by part, with what they cost; for `%gemini_tokens`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemini_nb.display import tables
from gemini_nb.tokens.prices import dollars

if TYPE_CHECKING:
    from gemini_nb.forecast import Forecast
    from gemini_nb.tokens.counted import TokenCount

_HOW = {"exact": "counted", "rule": "by the API's rule", "estimate": "estimated"}


def show_forecast(known: Forecast, told: TokenCount | None = None) -> None:
    """What a prompt has and costs; `told` is what the service counted, where it was asked."""
    rows: tables.Rows = [
        (part.label, f"{part.tokens:,}", _HOW[part.how]) for part in known.count.parts
    ]
    held = known.count.cached_content_token_count
    rows += [("cache", f"{held:,}", "told by the service")] if held else []
    below = [_sum(known), *([_told(known, told)] if told else [])]
    tables.show(("part", "tokens", "how"), rows, below)


def _sum(known: Forecast) -> str:
    total = known.count.total_tokens
    about = "about " * (known.count.how == "estimate")
    share = f": {100 * total / known.window:.2f} % of what the model reads" if known.window else ""
    said = [f"Together {about}{total:,} token{'s' * (total != 1)}{share}."]
    if known.is_free:
        said.append("It stays on this machine, and costs nothing.")
    elif known.price is None:
        said.append(f"No price of {known.model} is known.")
    else:
        said.append(f"{dollars(known.price)} before its answer.")
    if known.left is not None:
        said.append(f"{dollars(known.left)} of the budget is left.")
    return " ".join(said)


def _told(known: Forecast, told: TokenCount) -> str:
    own, counted = known.count.total_tokens, told.total_tokens
    if own == counted or not own:
        return f"The service counts {counted:,}."
    more = counted / own - 1
    word = "more" if more > 0 else "less"
    return f"The service counts {counted:,}, {100 * abs(more):.1f} % {word}."
