"""CPU of one whole answer: ours, google-genai's, and bare httpx posting the same body.

Each has a process of its own: in one heap, one would pay for collecting another's garbage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.loopback import running
from tests.benchmarks.measure import child, in_turn, row

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 200
OURS = """
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url=URL)
model = genai.GenerativeModel("gemini-test")
def call():
    assert model.generate_content("hi").text == "Hello world."
"""
PEER = """
from google import genai
client = genai.Client(api_key="AIzaFAKE", http_options={"base_url": URL})
def call():
    assert client.models.generate_content(model="gemini-test", contents="hi").text == "Hello world."
"""
FLOOR = """
import httpx, json
client = httpx.Client()
body = {"contents": [{"parts": [{"text": "hi"}], "role": "user"}]}
def call():
    answer = client.post(
        URL + "/v1beta/models/gemini-test:generateContent",
        content=json.dumps(body),
        headers={"x-goog-api-key": "AIzaFAKE"},
    )
    assert answer.json()["candidates"][0]["content"]["parts"][0]["text"] == "Hello world."
"""


def rows() -> Iterator[list[str]]:
    """Two hundred calls each, one after the other on one connection."""
    with running() as url:
        a, b, c = in_turn(
            9, *(lambda code=code: child(code, url, CALLS) for code in (OURS, FLOOR, PEER))
        )
    yield row("one `generate_content`", a, "httpx", b, "≤ 1.3")
    yield row("the same", a, "google-genai", c, "≤ 0.5")
