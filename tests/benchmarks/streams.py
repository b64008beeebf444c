"""A stream of 5000 chunks: chunks a second against google-genai, CPU against a bare httpx loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.loopback import CHUNKS, running
from tests.benchmarks.measure import child, in_turn, row

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 3
OURS = """
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url=URL)
model = genai.GenerativeModel("gemini-test")
def call():
    texts = [chunk.text for chunk in model.generate_content("hi", stream=True)]
    assert len(texts) == 5000
"""
PEER = """
from google import genai
client = genai.Client(api_key="AIzaFAKE", http_options={"base_url": URL})
def call():
    stream = client.models.generate_content_stream(model="gemini-test", contents="hi")
    texts = [chunk.text for chunk in stream]
    assert len(texts) == 5000
"""
FLOOR = """
import httpx, json
client = httpx.Client()
body = {"contents": [{"parts": [{"text": "hi"}], "role": "user"}]}
address = URL + "/v1beta/models/gemini-test:streamGenerateContent?alt=sse"
def call():
    with client.stream("POST", address, content=json.dumps(body)) as answer:
        found = [json.loads(ln[6:]) for ln in answer.iter_lines() if ln.startswith("data: ")]
    texts = [f["candidates"][0]["content"]["parts"][0]["text"] for f in found]
    assert len(texts) == 5000
"""


def rows() -> Iterator[list[str]]:
    """Every chunk's text is looked at, by all three."""
    with running() as url:
        a, b = in_turn(9, *(lambda code=code: child(code, url, RUNS) for code in (OURS, FLOOR)))
        fast, slow = in_turn(
            3, *(lambda code=code: child(code, url, RUNS, "perf_counter") for code in (OURS, PEER))
        )
    yield row("CPU of 5000 chunks", a, "httpx `iter_lines` + `json.loads`", b, "≤ 1")
    rates = CHUNKS / fast, CHUNKS / slow
    yield row("chunks a second", rates[0], "google-genai", rates[1], "≥ 12", unit="/s")
