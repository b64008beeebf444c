"""What tokens cost, and how many a model takes: one dated table of each, and what a person sets.

Prices are of the paid, standard tier, in US dollars for a million tokens. What the service asks
besides (searches, the hours of a cache) is not in them. A model without a source has no price, and
no alias has one: which model answers to it changes. The figures are those of the official pages,
each as it was on the day that `read` names.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_PRICING = "ai.google.dev/gemini-api/docs/pricing"
_MODELS = "ai.google.dev/gemini-api/docs/models"
_EMBEDDING = "developers.googleblog.com/en/gemini-embedding-available-gemini-api"
_MILLION = 1_000_000
# Prompts of more tokens than this have prices of their own, where a model has such.
_LONG = 200_000


class _Special(NamedTuple):
    """Input that is not of the price of text; `cached` None where it is as that of text."""

    input: float
    cached: float | None = None


@dataclasses.dataclass(frozen=True)
class Price:
    """The prices of one model, in US dollars for a million tokens.

    Attributes:
        input: of the prompt.
        output: of the answer, thoughts included.
        cached: of what a cache holds of the prompt; None where it is not known, and counted as
            `input`, which is more.
        special: the prices of `AUDIO` and others where they differ from that of text.
        long: the prices where the prompt has more than 200,000 tokens, None where they are these.
        read: the day, or month, of the source, as `2026-10-07`.
        source: where the figures are from.
    """

    input: float
    output: float = 0.0
    cached: float | None = None
    special: Mapping[str, _Special] = dataclasses.field(default_factory=dict)
    long: Price | None = None
    read: str = ""
    source: str = _PRICING

    def of_prompt(self, by_modality: Mapping[str, int], cached: int = 0) -> float:
        """Dollars for a prompt alone: its tokens by modality, and those a cache holds besides."""
        price = self._for(sum(by_modality.values()) + cached)
        return price._input(by_modality, {"TEXT": cached}) / _MILLION

    def of_answer(self, usage: Any) -> float:
        """Dollars for a call, by the UsageMetadata that came with its answer."""
        prompt = usage.prompt_token_count or 0
        cached = _split(
            min(prompt, usage.cached_content_token_count or 0), usage.cache_tokens_details
        )
        # What a cache holds is part of the prompt's count, and thoughts are none of the answer's.
        fresh = _split(prompt, usage.prompt_tokens_details)
        for modality, tokens in cached.items():
            fresh[modality] = fresh.get(modality, 0) - tokens
        fresh = _without_debts(fresh)
        fresh["TEXT"] = fresh.get("TEXT", 0) + (usage.tool_use_prompt_token_count or 0)
        output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        price = self._for(prompt)
        return (price._input(fresh, cached) + output * price.output) / _MILLION

    def _for(self, prompt: int) -> Price:
        return self.long if self.long is not None and prompt > _LONG else self

    def _input(self, fresh: Mapping[str, int], cached: Mapping[str, int]) -> float:
        sums = [tokens * self._of(modality).input for modality, tokens in fresh.items()]
        for modality, tokens in cached.items():
            price = self._of(modality)
            sums.append(tokens * (price.input if price.cached is None else price.cached))
        return math.fsum(sums)

    def _of(self, modality: str) -> _Special:
        return self.special.get(str(modality)) or _Special(self.input, self.cached)


def _split(total: int, details: Any) -> dict[str, int]:
    """`total` tokens by modality; what the details do not tell of is text."""
    found: dict[str, int] = {}
    left = total
    for one in details or ():
        tokens = min(left, one.token_count or 0)
        if one.modality and tokens > 0:
            found[str(one.modality)] = found.get(str(one.modality), 0) + tokens
            left -= tokens
    if left:
        found["TEXT"] = found.get("TEXT", 0) + left
    return found


def _without_debts(tokens: dict[str, int]) -> dict[str, int]:
    """The same sum with no modality under zero: a cache whose modalities were not told."""
    debt = -sum(count for count in tokens.values() if count < 0)
    kept = {modality: max(0, count) for modality, count in tokens.items()}
    for modality in sorted(kept, key=lambda name: kept[name]):
        paid = min(debt, kept[modality])
        kept[modality] -= paid
        debt -= paid
    return kept


@dataclasses.dataclass(frozen=True)
class Limits:
    """How many tokens a model takes, and gives at most (None where that is none of its kind)."""

    input: int
    output: int | None
    read: str
    source: str = _MODELS


_FIRST = dt.date.min
_NEXT_YEAR = dt.date(2027, 1, 1)


def _flash(read: str) -> tuple[tuple[dt.date, Price], ...]:
    """The introductory price "through December 31, 2026", and the one after it."""
    return (
        (_FIRST, Price(0.75, 3.75, 0.075, read=read)),
        (_NEXT_YEAR, Price(1.50, 7.50, 0.15, read=read)),
    )


def _by_length(
    short: tuple[float, float, float], long: tuple[float, float, float], read: str
) -> tuple[tuple[dt.date, Price], ...]:
    return ((_FIRST, Price(*short, long=Price(*long, read=read), read=read)),)


def _with_audio(
    text: tuple[float, float, float], audio: tuple[float, float], read: str
) -> tuple[tuple[dt.date, Price], ...]:
    return ((_FIRST, Price(*text, special={"AUDIO": _Special(*audio)}, read=read)),)


_3_PRO = (2.00, 12.00, 0.20), (4.00, 18.00, 0.40)
_25_FLASH = _with_audio((0.30, 2.50, 0.03), (1.00, 0.10), "2025-10-31")
_25_FLASH_LITE = _with_audio((0.10, 0.40, 0.01), (0.30, 0.03), "2025-10-31")
_31_FLASH_LITE = _with_audio((0.25, 1.50, 0.025), (0.50, 0.05), "2026-05-12")

# By model, from which day on. A preview has a price where the page names it beside its model.
_PRICES: dict[str, tuple[tuple[dt.date, Price], ...]] = {
    "gemini-3.8-flash": _flash("2026-10-07"),
    "gemini-3.7-flash": _flash("2026-08-13"),
    "gemini-3.6-flash": _flash("2026-08-13"),
    "gemini-3.5-flash": ((_FIRST, Price(1.50, 9.00, 0.15, read="2026-05-19")),),
    "gemini-3.5-flash-lite": ((_FIRST, Price(0.30, 2.50, 0.03, read="2026-07-22")),),
    "gemini-3.1-pro-preview": _by_length(*_3_PRO, "2026-02-23"),
    "gemini-3.1-flash-lite": _31_FLASH_LITE,
    "gemini-3.1-flash-lite-preview": _31_FLASH_LITE,
    "gemini-3-pro-preview": _by_length(*_3_PRO, "2025-11-18"),
    "gemini-3-flash-preview": _with_audio((0.50, 3.00, 0.05), (1.00, 0.10), "2025-12-19"),
    "gemini-2.5-pro": _by_length((1.25, 10.00, 0.125), (2.50, 15.00, 0.25), "2025-10-31"),
    "gemini-2.5-flash": _25_FLASH,
    "gemini-2.5-flash-preview-09-2025": _25_FLASH,
    "gemini-2.5-flash-lite": _25_FLASH_LITE,
    "gemini-2.5-flash-lite-preview-09-2025": _25_FLASH_LITE,
    "gemini-embedding-2": (
        (
            _FIRST,
            Price(
                0.20,
                special={"IMAGE": _Special(0.45), "AUDIO": _Special(6.50), "VIDEO": _Special(12)},
                read="2026-07-22",
            ),
        ),
    ),
    "gemini-embedding-001": ((_FIRST, Price(0.15, read="2025-07", source=_EMBEDDING)),),
}

_WIDE = (1_048_576, 65_536)

_LIMITS: dict[str, Limits] = {
    "gemini-3.8-flash": Limits(*_WIDE, read="2026-09-03"),
    "gemini-3.7-flash": Limits(*_WIDE, read="2026-08"),
    "gemini-3.6-flash": Limits(*_WIDE, read="2026-07"),
    "gemini-3.5-flash": Limits(*_WIDE, read="2026-05-19"),
    "gemini-3.5-flash-lite": Limits(*_WIDE, read="2026-07"),
    "gemini-3.1-pro-preview": Limits(*_WIDE, read="2026-02-19"),
    "gemini-3.1-flash-lite": Limits(*_WIDE, read="2026-05"),
    "gemini-3.1-flash-lite-preview": Limits(*_WIDE, read="2026-03"),
    "gemini-3-pro-preview": Limits(*_WIDE, read="2025-11-18"),
    "gemini-3-flash-preview": Limits(*_WIDE, read="2025-12-17"),
    "gemini-2.5-pro": Limits(*_WIDE, read="2025-06-17"),
    "gemini-2.5-flash": Limits(*_WIDE, read="2025-06-17"),
    "gemini-2.5-flash-lite": Limits(*_WIDE, read="2025-06-17"),
    "gemini-embedding-2": Limits(8_192, None, read="2026-04-22"),
    "gemini-embedding-001": Limits(2_048, None, read="2025-07", source=_EMBEDDING),
}

# A stable version of a model has its name and three digits; dates and previews may be other models.
_VERSION = re.compile(r"(?:models/)?(?P<name>.+?)(?:-\d{3})?")


@functools.lru_cache(256)
def _known_as(model: str, table: str) -> str | None:
    """The name of a model in a table, None where it is not there."""
    names: Mapping[str, Any] = _PRICES if table == "prices" else _LIMITS
    whole = model.removeprefix("models/")
    found = _VERSION.fullmatch(model)
    short = found["name"] if found else whole
    return next((name for name in (whole, short) if name in names), None)


def price_of(
    model: str, own: Mapping[str, Any] | None = None, day: dt.date | None = None
) -> Price | None:
    """The price of a model on a day (today), None where nobody told it.

    `own` are a person's prices by model, before those of the table. Raises ValueError for one that
    is none.
    """
    if own:
        bare = model.removeprefix("models/")
        mine = own.get(bare, own.get(f"models/{bare}"))
        if mine is not None:
            return mine if isinstance(mine, Price) else _own(bare, mine)
    name = _known_as(model, "prices")
    if name is None:
        return None
    day = day or dt.datetime.now(dt.UTC).date()
    return next(price for first, price in reversed(_PRICES[name]) if first <= day)


def limits_of(model: str) -> Limits | None:
    """How many tokens a model takes and gives, None where nobody told it."""
    name = _known_as(model, "limits")
    return None if name is None else _LIMITS[name]


_FIELDS = ("input", "output", "cached")


def checked(own: Any) -> dict[str, Price]:
    """A person's prices by model, each as a Price.

    Raises ValueError, in one sentence, for what is none.
    """
    if not isinstance(own, Mapping) or not all(isinstance(name, str) for name in own):
        raise ValueError("prices is no dict of prices by the names of models.")
    return {
        name.removeprefix("models/"): price if isinstance(price, Price) else _own(name, price)
        for name, price in own.items()
    }


def _own(model: str, given: Any) -> Price:
    if isinstance(given, (tuple, list)) and len(given) == 2:  # noqa: PLR2004 - a pair
        given = dict(zip(_FIELDS, given, strict=False))
    if not isinstance(given, Mapping) or not {"input", "output"} <= set(given):
        raise ValueError(f"The price of {model} has no input and output.")
    for name, value in given.items():
        if name not in _FIELDS:
            raise ValueError(f"The price of {model} has no {name!r}, only {', '.join(_FIELDS)}.")
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and 0 <= value < math.inf) and not (name == "cached" and value is None):
            raise ValueError(f"The price of {model} has {name}={value!r}, no amount of US dollars.")
    return Price(given["input"], given["output"], given.get("cached"), source="yours")


def dollars(amount: float) -> str:
    """An amount for a person to read: `$0.0021`, `$12.40`, `<$0.0001`, `$0`."""
    sign, amount = "−" * (amount < 0), abs(amount)
    if amount == 0:
        return "$0"
    if amount < 0.0001:  # noqa: PLR2004 - less is shown as less
        return f"{'>' if sign else '<'}{sign}$0.0001"
    if round(amount, 4) >= 1:
        return f"{sign}${amount:,.2f}"
    whole, _, cents = f"{amount:.4f}".partition(".")
    return f"{sign}${whole}.{cents[:2]}{cents[2:].rstrip('0')}"
