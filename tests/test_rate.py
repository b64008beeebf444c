"""The limit on requests and tokens a minute, on a clock of its own."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemini_nb as genai
from gemini_nb import rate
from gemini_nb.rate import Rate


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(rate.asyncio, "sleep", self.sleep)

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


def times(monkeypatch, sizes, **limits):
    """When requests of these sizes go out, all of them asked for at once."""

    async def main():
        clock = Clock(monkeypatch)
        limit = Rate(**limits, clock=clock)
        gone = []
        for tokens in sizes:
            await limit.turn(lambda tokens=tokens: tokens)
            gone.append(clock.now)
        return gone

    try:
        return asyncio.run(main())
    finally:
        monkeypatch.undo()


def test_requests_a_minute(monkeypatch):
    """Three a minute: the fourth waits until the first is a minute old."""
    assert times(monkeypatch, [1] * 7, rpm=3) == [0, 0, 0, 60, 60, 60, 120]


def test_tokens_a_minute(monkeypatch):
    """A prompt waits until there is room for it, which may take several to leave."""
    assert times(monkeypatch, [50, 50, 10, 100], tpm=100) == [0, 0, 60, 120]


def test_a_prompt_that_is_too_large_goes_alone(monkeypatch):
    """More than a minute's share cannot be held back forever."""
    assert times(monkeypatch, [10, 500, 10], tpm=100) == [0, 60, 120]


def test_without_limits_nothing_waits(monkeypatch):
    """Nobody asked for a limit, so there is none."""
    assert not Rate().limited
    assert times(monkeypatch, [10**9] * 3) == [0, 0, 0]


@given(
    sizes=st.lists(st.integers(0, 120), max_size=30),
    rpm=st.none() | st.integers(1, 5),
    tpm=st.none() | st.integers(100, 300),
)
def test_no_minute_has_more(sizes, rpm, tpm):
    """Whatever comes, in no stretch of sixty seconds does more go out than was said."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        gone = times(monkeypatch, sizes, rpm=rpm, tpm=tpm)
    for start in gone:
        within = [n for at, n in zip(gone, sizes, strict=True) if start <= at < start + 60]
        assert rpm is None or len(within) <= rpm
        assert tpm is None or sum(within) <= tpm or len([n for n in within if n]) <= 1


def test_all_calls_of_a_client_share_it(serve, monkeypatch):
    """`configure(rpm=…)` holds for every call, and the server sees no more than that."""
    monkeypatch.setattr(rate, "_MINUTE", 0.5)
    server = serve()
    came = []
    answer = server.handler
    server.handler = lambda call: came.append(time.monotonic()) or answer(call)
    genai.configure(rpm=4)

    async def many():
        models = [genai.GenerativeModel("m") for _ in range(10)]
        await asyncio.gather(*(model.generate_content_async("hi") for model in models))

    asyncio.run(many())
    assert len(came) == 10
    assert all(last - first > 0.4 for first, last in zip(came, came[4:], strict=False))
    assert all(a <= b for a, b in itertools.pairwise(came))


def test_tokens_are_measured_roughly():
    """A quarter of the characters, and 258 for a picture, however many bytes it has."""
    blob = {"mime_type": "image/png", "data": b"x" * 100_000}
    body = genai.GenerativeModel("m", system_instruction="s" * 80).build(["a" * 400, blob])
    made = genai.client.request.generate("m", body)
    assert 370 <= made.rough_tokens() <= 400
