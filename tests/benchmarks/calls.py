"""CPU of one whole answer: ours, google-genai's, and bare httpx posting the same body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
from google import genai as google

import gemini_nb as genai
from tests.benchmarks.loopback import running
from tests.benchmarks.measure import cpu, in_turn, row

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 200
BODY = {"contents": [{"parts": [{"text": "hi"}], "role": "user"}]}


def rows() -> Iterator[list[str]]:
    """Two hundred calls each, one after the other on one connection."""
    with running() as url:
        genai.configure(api_key="AIzaFAKE", base_url=url)
        model = genai.GenerativeModel("gemini-test")
        peer = google.Client(api_key="AIzaFAKE", http_options={"base_url": url})
        raw = httpx.Client()
        address = f"{url}/v1beta/models/gemini-test:generateContent"

        def ours() -> None:
            for _ in range(CALLS):
                assert model.generate_content("hi").text == "Hello world."

        def theirs() -> None:
            for _ in range(CALLS):
                answer = peer.models.generate_content(model="gemini-test", contents="hi")
                assert answer.text == "Hello world."

        def floor() -> None:
            for _ in range(CALLS):
                got = raw.post(
                    address, content=json.dumps(BODY), headers={"x-goog-api-key": "AIzaFAKE"}
                )
                assert got.json()["candidates"]

        a, b, c = in_turn(7, lambda: cpu(ours), lambda: cpu(floor), lambda: cpu(theirs))
    yield row("one `generate_content`", a / CALLS, "httpx", b / CALLS, "≤ 1.3")
    yield row("the same", a / CALLS, "google-genai", c / CALLS, "≤ 0.5")
