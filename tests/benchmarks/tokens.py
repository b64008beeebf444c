"""Counting text: the first count, English by the megabyte, many short texts, and an edit.

CPU seconds of all threads: a text is counted on all cores, so that a person waits for less. The
peer reads the same vocabulary by Hugging Face `tokenizers`; google-genai's local tokenizer fetches
its own from the net.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import time
from pydoc_data.topics import topics
from typing import TYPE_CHECKING, Any

from gemini_nb.tokens import vocabulary
from gemini_nb.tokens.edited import Edited
from tests.benchmarks.measure import in_turn, row
from tests.tokens.other import CannotFetch, merges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "gemini-3.5-flash"
OF_GOOGLE = "gemini-2.5-flash"  # what google-genai counts without transformers
ENGLISH = "\n".join(topics.values())  # the language reference of Python: 0.7 MB
MEGABYTES = len(ENGLISH.encode()) / 1e6
SHORT = [ENGLISH[n * 60 : n * 60 + 60] for n in range(10_000)]
PROMPT, OTHER = ENGLISH[:200_000], ENGLISH[300_000:500_000]
FIRST = """
import time
before = time.process_time()
from gemini_nb.tokens import vocabulary
vocabulary.count("Hello.", "gemini-3.5-flash")
print(time.process_time() - before)
"""


BADGE = """
import time
import gemini_nb as genai
from gemini_nb.receipt import Receipt
from gemini_nb.tokens import vocabulary
vocabulary.load()
genai.configure(api_key="AIzaFAKE", history="off")
model = genai.GenerativeModel("gemini-3.5-flash", system_instruction="Be brief.")
body = model.build(TEXT)
from gemini_nb import forecast
def badge():
    before = time.process_time()
    known = forecast.of(model, body)
    known.check()
    Receipt(model, known).before.facts()
    return time.process_time() - before
taken = [badge() for _ in range(101)]
print(taken[0], sorted(taken)[50])
"""


def seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _first() -> float:
    done = subprocess.run([sys.executable, "-c", FIRST], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _badges() -> tuple[float, float]:
    """What the line costs before a prompt of 1 KB is sent: the first one of a kernel, and any."""
    code = f"TEXT = {ENGLISH[:1000]!r}\n{BADGE}"
    runs = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        for _ in range(5)
    ]
    firsts, others = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
    return statistics.median(firsts), statistics.median(others)


def _edits() -> list[float]:
    """Ten kilobytes replaced at each of twenty places, the very start and the end among them."""
    typed, taken = Edited(MODEL), []
    typed.update(PROMPT)
    for at in range(0, 190_001, 10_000):
        text = PROMPT[:at] + OTHER[at : at + 10_000] + PROMPT[at + 10_000 :]
        taken += [seconds(lambda text=text: typed.update(text))]
        taken += [seconds(lambda: typed.update(PROMPT))]
    return taken


def _time(count: Callable[[], object]) -> float:
    return in_turn(5, lambda: seconds(count))[0]


def _megabytes(count: Callable[[], object]) -> float:
    """English counted in a second."""
    return MEGABYTES / _time(count)


def _peer() -> Any:
    """The other library with the same vocabulary; none where it, or npm, is missing."""
    try:
        from tokenizers import Tokenizer

        return Tokenizer.from_str(merges()[0])
    except (ImportError, CannotFetch):
        return None


def _google(ours: float) -> list[str]:
    try:
        from google.genai.local_tokenizer import LocalTokenizer

        tokenizer = LocalTokenizer(OF_GOOGLE)
        theirs = _megabytes(lambda: tokenizer.count_tokens(ENGLISH))
    except Exception as error:  # noqa: BLE001 - a peer may fail in any way
        why = f"google-genai's cannot run here ({type(error).__name__})"
        return ["the same", f"{ours:.3g} MB/s", why, "–", ""]
    return row("the same", ours, "google-genai's", theirs, "", "MB/s")


def rows() -> Iterator[list[str]]:
    """Each against its limit, and against the peers where they can be had."""
    yield row("first token count (fresh process)", *in_turn(7, _first), "limit", 0.3, "≤ 1")
    peer = _peer()
    speed = _megabytes(lambda: vocabulary.count(ENGLISH, MODEL))
    yield row("counting English", speed, "limit", 5.0, "≥ 1", "MB/s")
    if peer:
        theirs = _megabytes(lambda: peer.encode(ENGLISH, add_special_tokens=False))
        yield row("the same", speed, "`tokenizers`", theirs, "", "MB/s")
    yield _google(speed)
    ours = _time(lambda: vocabulary.count_many(SHORT, MODEL))
    yield row("counting 10,000 short texts", ours, "limit", 1.0, "≤ 1")
    if peer:
        theirs = _time(lambda: peer.encode_batch(SHORT, add_special_tokens=False))
        yield row("the same", ours, "`tokenizers`", theirs, "")
    edits = sorted(itertools.chain.from_iterable(_edits() for _ in range(5)))
    middle, late = statistics.median(edits), edits[int(len(edits) * 0.95)]
    first, any_other = _badges()
    yield row("the line before a prompt of 1 KB", any_other, "limit", 0.005, "≤ 1")
    yield row("the same, first in a kernel", first, "limit", 0.005, "≤ 1")
    yield row("10 KB edited in 200 KB (median)", middle, "limit", 0.01, "≤ 1")
    yield row("the same (95th percentile)", late, "limit", 0.01, "≤ 1")
