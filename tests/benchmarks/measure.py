"""Medians of CPU time, of child processes and of functions."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def process(code: str) -> float:
    """CPU seconds of a fresh interpreter that runs `code`, its bytecode cached as after a first run."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process, all threads, while `work` runs."""
    before = time.process_time()
    work()
    return time.process_time() - before


def in_turn(runs: int, *works: Callable[[], float]) -> list[float]:
    """The median of each of several measurements, taken in turn after one warm-up."""
    for work in works:
        work()
    taken = [[work() for work in works] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def row(
    what: str, ours: float, other: str, theirs: float, goal: str, unit: str = "ms"
) -> list[str]:
    """One line of the table; `ms` are made of seconds, any other unit is printed as it is."""
    scale = 1000 if unit == "ms" else 1
    return [
        what,
        f"{ours * scale:,.3g} {unit}",
        f"{other}: {theirs * scale:,.3g} {unit}",
        f"{ours / theirs:.2f} ×",
        goal,
    ]
