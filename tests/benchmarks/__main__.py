"""The figures of the README: `python -m tests.benchmarks [NAME …]`. Never part of the tests.

Each figure is a ratio against a peer or a floor measured in the same run, in turn, so that a busy
machine slows both; the median of several runs counts. Times are CPU seconds unless said otherwise.
"""

from __future__ import annotations

import datetime as dt
import gc
import importlib
import os
import platform
import sys
import tempfile

NAMES = (
    "imports",
    "calls",
    "together",
    "streams",
    "uploads",
    "local",
    "render",
    "tokens",
    "audio",
    "player",
)


def main() -> None:
    """Run the benchmarks; their calls are on record in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["GEMINI_NB_DATA"] = folder  # of the processes that they start, too
        try:
            _run()
        finally:
            # Not before: the import is one of the figures.
            from gemini_nb import ledger
            from gemini_nb.local import launch

            launch.stop()  # its server would keep things there
            gc.collect()
            ledger.end(10)


def _run() -> None:
    """Run those that are named, or all, and print a Markdown table of their rows."""
    wanted = sys.argv[1:] or NAMES
    print(
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}\n"
    )
    print("| what | measured | against | ratio | goal |\n|---|---|---|---|---|")
    for name in wanted:
        for row in importlib.import_module(f"tests.benchmarks.{name}").rows():
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
