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
    """320 calls by the clock; the server alone takes a quarter of a second for them."""
    codes = [code + TOGETHER for code in (OURS, PEER)]
    with running() as url:
        a, b = in_turn(
            3, *(lambda code=code: child(code, url, 1, "perf_counter") for code in codes)
        )
    yield row("64 calls at once", CALLS / a, "google-genai", CALLS / b, "≥ 2", unit="/s")
