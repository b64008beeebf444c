"""The figures of the README: `python -m tests.benchmarks [NAME …]`. Never part of the tests.

Each figure is a ratio against a peer or a floor measured in the same run, in turn, so that a busy
machine slows both; the median of several runs counts. Times are CPU seconds unless said otherwise.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
import platform
import sys

NAMES = ("imports", "calls", "together", "streams", "uploads", "local", "render", "tokens")


def main() -> None:
    """Run the benchmarks that are named, or all, and print a Markdown table of their rows."""
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
