"""64 calls in flight on one client, to a server that takes 50 ms for each: calls a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.loopback import running
from tests.benchmarks.measure import child, in_turn, row

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 320
TOGETHER = """
import asyncio
async def many():
    places = asyncio.Semaphore(64)
    async def one():
        async with places:
            assert (await ask()).text == "Hello world."
    await asyncio.gather(*(one() for _ in range(320)))
loop = asyncio.new_event_loop()
def call():
    loop.run_until_complete(many())
"""
OURS = """
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url=URL)
model = genai.GenerativeModel("gemini-slow")
def ask():
    return model.generate_content_async("hi")
"""
PEER = """
from google import genai
client = genai.Client(api_key="AIzaFAKE", http_options={"base_url": URL})
def ask():
    return client.aio.models.generate_content(model="gemini-slow", contents="hi")
"""


def rows() -> Iterator[list[str]]:
    """320 calls by the clock, and their CPU time: 64 at 50 ms each can be no more than 1,280/s."""
    clocks = "perf_counter", "process_time"
    works = [(code + TOGETHER, clock) for clock in clocks for code in (OURS, PEER)]
    with running() as url:
        a, b, c, d = in_turn(
            3, *(lambda code=code, clock=clock: child(code, url, 1, clock) for code, clock in works)
        )
    yield row("64 calls at once", CALLS / a, "google-genai", CALLS / b, "≥ 2", unit="/s")
    yield row("CPU of one of them", c / CALLS, "google-genai", d / CALLS, "")
