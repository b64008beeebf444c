"""What tokens cost: worked by hand from the table, and what a person sets instead."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from gemini_nb.content import ModalityTokenCount, UsageMetadata
from gemini_nb.tokens import prices
from gemini_nb.tokens.prices import Price

THIS_YEAR = dt.date(2026, 12, 31)
NEXT_YEAR = dt.date(2027, 1, 1)


def details(**tokens):
    return [ModalityTokenCount(modality=name, token_count=n) for name, n in tokens.items()]


def used(**fields):
    return UsageMetadata(**fields)


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        # 1,000 · 0.75 + 200 · 3.75
        ("gemini-3.8-flash", used(prompt_token_count=1000, candidates_token_count=200), 0.0015),
        # Thoughts are paid as the answer is: 1,000 · 0.75 + (200 + 100) · 3.75
        (
            "gemini-3.8-flash",
            used(prompt_token_count=1000, candidates_token_count=200, thoughts_token_count=100),
            0.001875,
        ),
        # What is cached is part of the prompt: 400 · 0.75 + 600 · 0.075
        (
            "gemini-3.8-flash",
            used(prompt_token_count=1000, cached_content_token_count=600),
            0.000345,
        ),
        # What a tool brought is paid as input: (100 + 900) · 0.75
        (
            "gemini-3.8-flash",
            used(prompt_token_count=100, tool_use_prompt_token_count=900),
            0.00075,
        ),
        # Sound costs more where it does: 40 · 0.30 + 960 · 1.00 + 10 · 2.50
        (
            "gemini-2.5-flash",
            used(
                prompt_token_count=1000,
                candidates_token_count=10,
                prompt_tokens_details=details(TEXT=40, AUDIO=960),
            ),
            0.000997,
        ),
        # … and less out of a cache: 40 · 0.30 + 160 · 1.00 + 800 · 0.10
        (
            "gemini-2.5-flash",
            used(
                prompt_token_count=1000,
                cached_content_token_count=800,
                prompt_tokens_details=details(TEXT=40, AUDIO=960),
                cache_tokens_details=details(AUDIO=800),
            ),
            0.000252,
        ),
        # A cache that does not say what it holds: 600 · 1.00 + 400 · 0.03
        (
            "gemini-2.5-flash",
            used(
                prompt_token_count=1000,
                cached_content_token_count=400,
                prompt_tokens_details=details(AUDIO=1000),
            ),
            0.000612,
        ),
        # Sound that costs the same: 1,000 · 0.30
        (
            "gemini-3.5-flash-lite",
            used(prompt_token_count=1000, prompt_tokens_details=details(AUDIO=1000)),
            0.0003,
        ),
        # Up to 200,000 tokens: 200,000 · 2 + 1,000 · 12
        (
            "gemini-3.1-pro-preview",
            used(prompt_token_count=200_000, candidates_token_count=1000),
            0.412,
        ),
        # One more, and all of it costs more: 100,001 · 4 + 100,000 · 0.40 + 1,000 · 18
        (
            "gemini-3.1-pro-preview",
            used(
                prompt_token_count=200_001,
                cached_content_token_count=100_000,
                candidates_token_count=1000,
            ),
            0.458004,
        ),
        # Counts that contradict each other cost no less than nothing: 100 · 1.00
        (
            "gemini-2.5-flash",
            used(prompt_token_count=100, prompt_tokens_details=details(AUDIO=900)),
            0.0001,
        ),
        ("gemini-3.8-flash", used(), 0),
        # 1,000 · 0.45 + 1,000 · 6.50
        (
            "gemini-embedding-2",
            used(prompt_token_count=2000, prompt_tokens_details=details(IMAGE=1000, AUDIO=1000)),
            0.00695,
        ),
    ],
)
def test_an_answer(model, usage, dollars):
    """The usage that came with an answer, by hand."""
    found = prices.price_of(model, day=THIS_YEAR).of_answer(usage)
    assert found == pytest.approx(dollars, abs=1e-12)


@pytest.mark.parametrize(
    ("model", "by_modality", "cached", "dollars"),
    [
        ("gemini-3.8-flash", {"TEXT": 1000}, 0, 0.00075),
        ("gemini-3.8-flash", {"TEXT": 800, "IMAGE": 200}, 10_000, 0.0015),
        ("gemini-2.5-flash", {"TEXT": 100, "AUDIO": 1000}, 0, 0.00103),
        ("gemini-3.1-pro-preview", {"TEXT": 150_000}, 50_001, 0.6200004),
        ("gemini-3.8-flash", {}, 0, 0),
    ],
)
def test_a_prompt(model, by_modality, cached, dollars):
    """What a prompt alone will cost, the answer still unknown."""
    found = prices.price_of(model, day=THIS_YEAR).of_prompt(by_modality, cached)
    assert found == pytest.approx(dollars, abs=1e-12)


def test_a_price_that_ends():
    """An introductory price holds to its last day; the next day has the next."""
    before = prices.price_of("gemini-3.8-flash", day=THIS_YEAR)
    after = prices.price_of("gemini-3.8-flash", day=NEXT_YEAR)
    assert (before.input, before.output, before.cached) == (0.75, 3.75, 0.075)
    assert (after.input, after.output, after.cached) == (1.50, 7.50, 0.15)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("models/gemini-2.5-pro-002", "gemini-2.5-pro"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("gemini-3.1-flash-lite-preview", "gemini-3.1-flash-lite"),
        ("gemini-2.5-flash-preview-05-20", None),
        ("gemini-2.5-flash-image", None),
        ("gemini-2.5-flash-preview-tts", None),
        ("gemini-flash-latest", None),
        ("gemini-pro-latest", None),
        ("tunedModels/mine", None),
        ("local/SmolLM2-135M-Instruct", None),
        ("gemini-embedding-002", None),
        ("", None),
    ],
)
def test_names_and_versions(name, same):
    """A stable version costs what its model does; what only begins alike has no price."""
    found = prices.price_of(name)
    assert found == (prices.price_of(same) if same else None)
    assert (found is None) is (same is None)


def test_every_figure_has_its_source():
    """A day or a month, a page, and no price of nothing."""
    for table in prices._PRICES.values():
        days = [first for first, _ in table]
        assert days == sorted(days)
        assert days[0] == dt.date.min
        for _, price in table:
            for one in filter(None, (price, price.long)):
                assert one.read[:2] == "20"
                assert one.source
                assert one.input > 0
                assert one.cached is None or one.cached < one.input
    for limits in prices._LIMITS.values():
        assert limits.read[:2] == "20"
        assert limits.source
        assert limits.input > 0


def test_what_a_model_takes():
    """Its window and the longest answer; nothing for a model that nobody told about."""
    limits = prices.limits_of("models/gemini-3.8-flash-001")
    assert (limits.input, limits.output) == (1_048_576, 65_536)
    assert prices.limits_of("gemini-embedding-001").output is None
    assert prices.limits_of("gemini-flash-latest") is None


OWN = {"gemini-3.8-flash": {"input": 0.3, "output": 2.5}, "models/mine": (1, 2, 0.5)[:2]}


@pytest.mark.parametrize("own", [OWN, prices.checked(OWN)])
def test_prices_of_ones_own(own):
    """They come before the table, and give a price to what has none; the rest is as it was."""
    usage = used(prompt_token_count=1_000_000, candidates_token_count=1_000_000)
    assert prices.price_of("models/gemini-3.8-flash", own).of_answer(usage) == 2.8
    assert prices.price_of("mine", own).of_answer(usage) == 3
    assert prices.price_of("models/mine", own).of_answer(usage) == 3
    assert prices.price_of("gemini-2.5-flash", own) == prices.price_of("gemini-2.5-flash")
    assert prices.price_of("other", own) is None


def test_own_prices_of_what_is_cached():
    """Where none is given, what is cached costs no less than it would otherwise."""
    usage = used(prompt_token_count=1_000_000, cached_content_token_count=1_000_000)
    own = {"a": {"input": 1, "output": 2}, "b": {"input": 1, "output": 2, "cached": 0.25}}
    assert prices.price_of("a", own).of_answer(usage) == 1
    assert prices.price_of("b", own).of_answer(usage) == 0.25


def test_checked_twice():
    """What was checked is still good; names lose their prefix."""
    once = prices.checked({"models/a": (1, 2)})
    assert once == {"a": Price(1, 2, source="yours")}
    assert prices.checked(once) == once


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ([1, 2], "prices is no dict"),
        ("gemini", "prices is no dict"),
        ({1: (1, 2)}, "prices is no dict"),
        ({"a": 1}, "The price of a has no input and output."),
        ({"a": (1, 2, 3)}, "The price of a has no input and output."),
        ({"a": {"input": 1}}, "The price of a has no input and output."),
        ({"a": {"input": 1, "output": 2, "in": 3}}, "The price of a has no 'in', only input, "),
        ({"a": (-1, 2)}, "input=-1, no amount of US dollars."),
        ({"a": ("1", 2)}, "input='1', no amount of US dollars."),
        ({"a": (True, 2)}, "input=True, no amount of US dollars."),
        ({"a": (1, float("nan"))}, "output=nan, no amount of US dollars."),
        ({"a": (1, float("inf"))}, "output=inf, no amount of US dollars."),
        ({"a": (1, None)}, "output=None, no amount of US dollars."),
    ],
)
def test_a_price_that_is_none(wrong, why):
    """One sentence names the model and what is wrong."""
    with pytest.raises(ValueError, match=re.escape(why)):
        prices.checked(wrong)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0"),
        (0.0, "$0"),
        (1e-9, "<$0.0001"),
        (0.00009999, "<$0.0001"),
        (0.0001, "$0.0001"),
        (0.0021, "$0.0021"),
        (0.00214, "$0.0021"),
        (0.0123, "$0.0123"),
        (0.1, "$0.10"),
        (0.5, "$0.50"),
        (0.125, "$0.125"),
        (0.99994, "$0.9999"),
        (0.99999, "$1.00"),
        (1, "$1.00"),
        (12.4, "$12.40"),
        (1234.5, "$1,234.50"),
        (1e15, "$1,000,000,000,000,000.00"),
        (-0.5, "−$0.50"),
        (-12, "−$12.00"),
    ],
)
def test_dollars(amount, text):
    """Readable, and never as a power of ten."""
    assert prices.dollars(amount) == text
