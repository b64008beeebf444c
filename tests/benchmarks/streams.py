"""A stream of 5000 chunks: chunks a second against google-genai, CPU against a bare httpx loop."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
from google import genai as google

import gemini_nb as genai
from tests.benchmarks.loopback import CHUNKS, running
from tests.benchmarks.measure import cpu, in_turn, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BODY = {"contents": [{"parts": [{"text": "hi"}], "role": "user"}]}


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rows() -> Iterator[list[str]]:
    """Every chunk's text is looked at, by all three."""
    with running() as url:
        genai.configure(api_key="AIzaFAKE", base_url=url)
        model = genai.GenerativeModel("gemini-test")
        peer = google.Client(api_key="AIzaFAKE", http_options={"base_url": url})
        raw = httpx.Client()
        address = f"{url}/v1beta/models/gemini-test:streamGenerateContent?alt=sse"

        def ours() -> None:
            texts = [chunk.text for chunk in model.generate_content("hi", stream=True)]
            assert len(texts) == CHUNKS

        def theirs() -> None:
            stream = peer.models.generate_content_stream(model="gemini-test", contents="hi")
            assert len([chunk.text for chunk in stream]) == CHUNKS

        def floor() -> None:
            with raw.stream("POST", address, content=json.dumps(BODY)) as got:
                found = [json.loads(ln[6:]) for ln in got.iter_lines() if ln.startswith("data: ")]
            texts = [f["candidates"][0]["content"]["parts"][0]["text"] for f in found]
            assert len(texts) == CHUNKS

        a, b = in_turn(7, lambda: cpu(ours), lambda: cpu(floor))
        fast, slow = in_turn(5, lambda: _seconds(ours), lambda: _seconds(theirs))
    yield row("CPU of 5000 chunks", a, "httpx `iter_lines` + `json.loads`", b, "≤ 1")
    yield row("chunks a second", CHUNKS / fast, "google-genai", CHUNKS / slow, "≥ 12", unit="/s")
