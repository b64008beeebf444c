"""The local backend against the engine in it: what HTTP, JSON and a second process cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gemini_nb as genai
from gemini_nb.local import text, weights
from tests.benchmarks.measure import in_turn, row

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "Tell me about the sea, its waves and its winds."
CONFIG = {"temperature": 0, "max_output_tokens": 120}
WIRE = {"temperature": 0, "maxOutputTokens": 120}


def rows() -> Iterator[list[str]]:
    """One prompt, temperature 0, 120 tokens, alternately through both; wall time."""
    genai.configure(backend="local")
    model = genai.GenerativeModel()
    engine = text.Engine(weights.ensure())
    contents = [{"role": "user", "parts": [{"text": PROMPT}]}]
    job = text.job({"contents": contents, "generationConfig": WIRE}, 0)
    firsts: dict[str, float] = {}

    def ours() -> float:
        started = time.perf_counter()
        response = model.generate_content(PROMPT, generation_config=CONFIG, stream=True)
        for index, _ in enumerate(response):
            if index == 0:
                firsts["ours"] = time.perf_counter() - started
        tokens = response.usage_metadata.candidates_token_count
        return tokens / (time.perf_counter() - started)

    def direct() -> float:
        started = time.perf_counter()
        tokens = 0

        def deliver(piece: Any) -> bool:
            nonlocal tokens
            if piece is not None and piece.text:
                if not tokens:
                    firsts["direct"] = time.perf_counter() - started
                tokens = piece.tokens
            return False

        engine.run(job, deliver).result()
        return tokens / (time.perf_counter() - started)

    def first(name: str, run: Any) -> float:
        run()
        return firsts[name]

    ours_rate, direct_rate = in_turn(5, ours, direct)
    ours_first, direct_first = in_turn(
        5, lambda: first("ours", ours), lambda: first("direct", direct)
    )
    yield row("local: first text", ours_first, "xllamacpp", direct_first, "≤ 1.1")
    yield row("local: tokens a second", ours_rate, "xllamacpp", direct_rate, "≥ 0.9", unit="/s")
