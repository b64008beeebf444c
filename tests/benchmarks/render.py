"""How an answer gets onto the page, in JupyterLab and Notebook 7 in a real Chromium.

Beside ours, in the same run: the whole text as Markdown ten times a second and with each chunk,
`rich.live`, and `print` as the floor. The ratio is against ten times a second, which is the mildest
of them that shows Markdown. Tasks and the main thread are CPU time, unless the clock is named: a
machine that others use takes turns, which the clock counts as ours. How one stream is measured:
`render_page.py`.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.render_page import PAINT, Seen, Stage, middle
from tests.browser.pages import chromium, jupyter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 3
SIZE, RATE = 60_000, 100
LONG, FAST = 600_000, 1000
PEERS = {"10/s": "tenth", "each chunk": "whole", "`rich.live`": "rich"}
FLOOR = SIZE // 3  # what `print` costs grows with the text, and no faster


def rows() -> Iterator[list[str]]:
    """Ours at three speeds, and the peers at the slowest."""
    with tempfile.TemporaryDirectory() as made, jupyter(Path(made)) as url, chromium() as browser:
        stage = Stage(browser, url, Path(made))
        rest = stage.rest()  # this page also loads what the others find in the cache
        ours = middle([stage.stream("ours", SIZE, RATE) for _ in range(RUNS)])
        book = stage.stream("ours", SIZE, RATE, "notebook")
        peers = {name: stage.stream(way, SIZE, RATE) for name, way in PEERS.items()}
        peers[f"`print` of {FLOOR // 1000} KB"] = stage.stream("print", FLOOR, RATE)
        yield from _streams(ours, peers, rest)
        yield from _book(book, ours)
        yield from _long(stage.stream("ours", LONG, FAST), ours)
        yield from _at_once(stage.stream("ours", LONG, 0))


def _streams(ours: Seen, peers: dict[str, Seen], rest: float) -> Iterator[list[str]]:
    def row(
        what: str,
        show: Callable[[Seen], str],
        goal: str,
        part: Callable[[Seen], float] | None = None,
    ) -> list[str]:
        against = "; ".join(f"{name}: {show(peer)}" for name, peer in peers.items())
        ratio = f"{part(ours) / part(peers['10/s']):.2g} ×" if part else ""
        return [what, show(ours), against, ratio, goal]

    speed = f"{SIZE // 1000} KB at {RATE} chunks/s"
    yield row(f"{speed}: websocket bytes, of the text", _bytes, "≤ 9 ×", lambda s: s.received)
    yield row("chunk to paint, p50 / p95", _paint, "≤ 60 / 100 ms", lambda s: s.p95)
    yield row("longest task, streaming / at the swap", _tasks, "≤ 50 / 350 ms")
    yield row("the same by the clock", _clock, "≤ 50 / 350 ms")
    busy = row("main thread a second: all (script, layout)", _busy, "", lambda s: s.busy)
    busy[2] = f"a page at rest: {rest:,.0f} ms; {busy[2]}"
    yield busy
    yield row("blank frames; lower, streaming / at the swap; back", _jumps, "0; any / 0; 0")
    yield row("kernel CPU a second", _cpu, "≤ 0.03 s", lambda s: s.cpu)
    yield row("the notebook on disk, of the text", _saved, "")
    yield row("all of it saved; outputs", _kept, "yes; 1")


def _book(book: Seen, lab: Seen) -> Iterator[list[str]]:
    for what, show, goal in (
        ("Notebook 7: chunk to paint, p50 / p95", _paint, "≤ 60 / 100 ms"),
        ("longest task, streaming / at the swap", _tasks, "≤ 50 / 350 ms"),
        ("the same by the clock", _clock, "≤ 50 / 350 ms"),
        ("blank frames; lower, streaming / at the swap; back", _jumps, "0; any / 0; 0"),
    ):
        yield [what, show(book), f"JupyterLab: {show(lab)}", "", goal]


def _long(long: Seen, ours: Seen) -> Iterator[list[str]]:
    what = f"{LONG // 1000} KB at {FAST} chunks/s: "
    for name, show, goal in (
        ("websocket bytes, of the text", _bytes, "≤ 5 ×"),
        ("chunk to paint, p50 / p95", _paint, "p95 ≤ 100 ms"),
        ("longest task, streaming / at the swap", _tasks, ""),
        ("the same by the clock", _clock, ""),
        ("main thread a second: all (script, layout)", _busy, ""),
        ("all of it saved; outputs", _kept, "yes; 1"),
    ):
        yield [what + name, show(long), f"{SIZE // 1000} KB: {show(ours)}", "", goal]
        what = ""
    yield [
        "kernel CPU a chunk",
        f"{long.per_chunk:.0f} µs",
        f"{SIZE // 1000} KB: {ours.per_chunk:.0f} µs",
        f"{long.per_chunk / ours.per_chunk:.2f} ×",
        "≤ 1 (linear)",
    ]


def _at_once(most: Seen) -> Iterator[list[str]]:
    yield [
        f"{LONG // 1000} KB as fast as it comes, {most.chunks / most.seconds:,.0f} chunks/s",
        f"warned of its rate: {_yes(most.warned)}; all of it saved: {_yes(most.whole)}",
        f"websocket bytes {_bytes(most)}",
        "",
        "no; yes",
    ]


def _yes(it: bool) -> str:  # noqa: FBT001 - it is what is shown
    return "yes" if it else "no"


def _bytes(seen: Seen) -> str:
    return f"{seen.received / seen.size:.3g} ×"


def _paint(seen: Seen) -> str:
    times = [f"{ms:,.0f}" for ms in (seen.p50, seen.p95) if not math.isinf(ms)]
    late = [] if seen.painted else [f"the end not painted {PAINT:.0f} s after it came"]
    return " / ".join(times) + " ms" * bool(times) + "; " * bool(times and late) + "".join(late)


def _tasks(seen: Seen) -> str:
    return f"{seen.longest:,.0f} / {seen.swap:,.0f} ms"


def _clock(seen: Seen) -> str:
    return f"{seen.longest_clock:,.0f} / {seen.swap_clock:,.0f} ms"


def _busy(seen: Seen) -> str:
    return f"{seen.busy:,.0f} ({seen.script:,.0f}, {seen.layout:,.0f}) ms"


def _jumps(seen: Seen) -> str:
    return f"{seen.blank}; {seen.drops} / {seen.swap_drops}; {seen.back}"


def _cpu(seen: Seen) -> str:
    return f"{seen.cpu:.3f} s"


def _saved(seen: Seen) -> str:
    return f"{seen.saved / seen.size:.2f} ×" if seen.saved else "not saved in time"


def _kept(seen: Seen) -> str:
    return f"{_yes(seen.whole)}; {seen.outputs}" if seen.saved else "not saved in time"
