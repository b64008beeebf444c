"""Medians of CPU time, of child processes and of functions."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def process(code: str) -> float:
    """CPU seconds of a fresh interpreter that runs `code`, its bytecode cached."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


_CHILD = """
import statistics, sys, time
URL, runs, clock = sys.argv[1], int(sys.argv[2]), getattr(time, sys.argv[3])
{code}
call(); call()
taken = []
for _ in range(5):
    before = clock()
    for _ in range(runs):
        call()
    taken.append((clock() - before) / runs)
print(statistics.median(taken))
"""


def child(code: str, url: str, runs: int, clock: str = "process_time") -> float:
    """Seconds of one `call()`, which `code` defines, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.replace("{code}", code), url, str(runs), clock],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


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
