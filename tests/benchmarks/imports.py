"""What it costs to load: the bare import, and everything that a first call needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.loopback import running
from tests.benchmarks.measure import in_turn, process, row

if TYPE_CHECKING:
    from collections.abc import Iterator

BARE = "pass"
FIRST_CALL = """
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url="URL")
assert genai.GenerativeModel("gemini-test").generate_content("hi").text == "Hello world."
"""
PEER_FIRST_CALL = """
from google import genai
client = genai.Client(api_key="AIzaFAKE", http_options={"base_url": "URL"})
assert client.models.generate_content(model="gemini-test", contents="hi").text == "Hello world."
"""
EXTENSION = """
import time
from IPython.core.interactiveshell import InteractiveShell
import ipykernel.ipkernel
shell = InteractiveShell.instance()
before = time.process_time()
shell.run_line_magic("load_ext", "gemini_nb")
print(time.process_time() - before)
"""


def _extension() -> float:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", EXTENSION], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def rows() -> Iterator[list[str]]:
    """Each import less the interpreter's own start."""
    with running() as url:
        bare, ours, httpx, first, peer_import, peer = in_turn(
            7,
            lambda: process(BARE),
            lambda: process("import gemini_nb"),
            lambda: process("import httpx"),
            lambda: process(FIRST_CALL.replace("URL", url)),
            lambda: process("import google.genai"),
            lambda: process(PEER_FIRST_CALL.replace("URL", url)),
        )
    yield row("`import gemini_nb`", ours - bare, "`import httpx`", httpx - bare, "≤ 0.5")
    yield row("import and first call", first - bare, "`import httpx`", httpx - bare, "≤ 1.3")
    yield row("the same", first - bare, "`import google.genai`", peer_import - bare, "≤ 0.25")
    yield row("the same", first - bare, "google-genai's first call", peer - bare, "")
    (extension,) = in_turn(5, _extension)
    yield row("`%load_ext gemini_nb`", extension, "limit", 0.050, "≤ 1")
