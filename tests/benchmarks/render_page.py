"""One answer in one real page, and what was seen of it: the measurements behind `render.py`.

Everything is bounded in time: a peer may keep a page busy for minutes, and is not waited for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import math
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from tests.browser.pages import Notebook, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCH = (Path(__file__).parent / "render_watch.js").read_text()
CELL = "from tests.benchmarks.render_kernel import stream\nstream({!r}, {}, {}, {}, {!r})"
# Seconds after which a text whose last chunk has come, and is not painted, is given up.
PAINT = 5.0
SAVE = 8.0
VIEW = {"width": 1000, "height": 900}


@dataclasses.dataclass(frozen=True)
class Seen:
    """The figures of one stream; times in milliseconds unless said otherwise."""

    size: int  # of the text, in bytes
    chunks: int
    seconds: float  # from the first chunk to the last
    received: int  # bytes over the websocket
    p50: float  # from chunk to paint; infinite where that was never painted
    p95: float
    painted: bool  # whether the last chunk was
    longest: float  # task on the main thread while it streams: its CPU time
    longest_clock: float  # and by the clock
    swap: float  # the longest task after the last chunk
    swap_clock: float
    busy: float  # CPU time of the main thread in each second of streaming
    script: float
    layout: float  # styles included
    drops: int  # frames that are lower than the one before, while it streams
    swap_drops: int  # and after the last chunk
    blank: int  # frames without any text once there was some
    back: int  # frames in which the page scrolled back
    cpu: float  # seconds of the kernel for each second of streaming
    saved: int | None  # bytes of the notebook
    outputs: int
    whole: bool  # whether all of the text was saved
    warned: bool  # whether the server said that it dropped something

    @property
    def per_chunk(self) -> float:
        """CPU microseconds of the kernel for each chunk."""
        return self.cpu * self.seconds / self.chunks * 1e6


class Stage:
    """A browser, a server, and the folder with its notebooks."""

    def __init__(self, browser: Any, url: str, folder: Path) -> None:
        self._browser, self._url, self._folder = browser, url, folder
        self._names = (f"{i}.ipynb" for i in itertools.count())

    def rest(self, seconds: float = 3.0) -> float:
        """What `busy` is in a page where nothing happens but our looking, frame by frame."""
        path = self._folder / next(self._names)
        write_notebook(path, "")
        book = Notebook(self._browser, self._url, path, viewport=VIEW)
        try:
            cdp = _observed(book)
            book.page.wait_for_timeout(2000)
            before = _spent(cdp)[0]
            book.page.wait_for_timeout(seconds * 1000)
            return (_spent(cdp)[0] - before) * 1000 / seconds
        finally:
            book.close()

    def stream(self, way: str, size: int, rate: int, front: str = "lab") -> Seen:
        """Stream once, in a notebook and a kernel of its own."""
        path = self._folder / next(self._names)
        facts = path.with_suffix(".json")
        write_notebook(path, CELL.format(way, size, rate, PAINT, str(facts)))
        book = Notebook(self._browser, self._url, path, front, viewport=VIEW)
        try:
            return _watched(book, facts, 30 + 2 * size / 20 / (rate or 1000))
        finally:
            # An idle kernel and a page that is left behind cost the next ones time.
            with contextlib.suppress(Exception):
                book.until("window.kernel.shutdown() && 1", 5)
            book.close()


def _watched(book: Notebook, facts: Path, limit: float) -> Seen:
    cdp = _observed(book)
    frames: list[int] = []
    cdp.send("Network.enable")
    cdp.on("Network.webSocketFrameReceived", lambda frame: frames.append(_size(frame["response"])))
    before = _spent(cdp)
    with _tasks(book) as tasks:
        book.run_all()
        said = _facts(book, facts, limit)
        with contextlib.suppress(Exception):  # else it is told by what was seen
            if said["shown"]:
                book.until(f"window.watch.seen.at(-1)?.[0] === {len(said['came']) - 1}", PAINT)
                book.page.wait_for_timeout(1500)  # for the swap
        spent = [b - a for a, b in zip(before, _spent(cdp), strict=True)]
        watched = json.loads(book.until("JSON.stringify(window.watch)").json_value())
        received = sum(frames)
    return _figures(said, watched, spent, received, tasks, _saved(book))


def _observed(book: Notebook) -> Any:
    book.page.evaluate(WATCH)
    cdp = book.page.context.new_cdp_session(book.page)
    # The CPU time of the thread: by the clock, a busy machine would count as ours.
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    return cdp


@contextlib.contextmanager
def _tasks(book: Notebook) -> Iterator[list[tuple[float, float, float]]]:
    """The tasks of the page's main thread: when each began, and its milliseconds by clock and CPU.

    They begin by the clock that Python calls monotonic.
    """
    browser = book.page.context.browser
    tasks: list[tuple[float, float, float]] = []
    browser.start_tracing(page=book.page, categories=["-*", "toplevel"])
    try:
        yield tasks
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
        threads: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
        for event in events:
            if event["ph"] == "X" and event["name"] == "ThreadControllerImpl::RunTask":
                task = event["ts"] / 1e6, event["dur"] / 1e3, event.get("tdur", 0) / 1e3
                threads.setdefault((event["pid"], event["tid"]), []).append(task)
        mains = [
            threads.get((event["pid"], event["tid"]), [])
            for event in events
            if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
        ]
        # The browser keeps an idle page in reserve.
        tasks += max(mains, key=lambda main: sum(clock for _, clock, _ in main))


def _size(frame: Any) -> int:
    data = frame["payloadData"]
    return len(data) * 3 // 4 if frame["opcode"] == 2 else len(data)  # binary comes in base64


def _spent(cdp: Any) -> tuple[float, float, float]:
    found = {m["name"]: m["value"] for m in cdp.send("Performance.getMetrics")["metrics"]}
    layout = found["LayoutDuration"] + found["RecalcStyleDuration"]
    return found["TaskDuration"], found["ScriptDuration"], layout


def _facts(book: Notebook, path: Path, limit: float) -> Any:
    end = time.monotonic() + limit
    while not path.exists() or not path.read_text().endswith("}"):
        if time.monotonic() > end:
            raise TimeoutError(f"the kernel did not end: {_saved(book)}")
        book.page.wait_for_timeout(200)
    return json.loads(path.read_text())


def _saved(book: Notebook) -> Any:
    """What is on disk, after the page has saved it; None where it does not come to that."""
    save = "window.jupyterapp.shell.currentWidget.context.save()"
    try:
        book.until(
            f"(window.saving ??= {save}.then(() => window.saved = true)) && window.saved", SAVE
        )
    except Exception:  # noqa: BLE001 - the page is too busy, whatever playwright calls that
        return None
    return nbformat.read(book.path, as_version=4), book.path.stat().st_size


def _figures(
    said: Any, watched: Any, spent: list[float], received: int, tasks: list[Any], saved: Any
) -> Seen:
    came, text, took = said["came"], said["text"], said["took"]
    waits = sorted(_waits(came, watched["seen"]))
    ended = came[-1]
    end = said["began"] + (ended - came[0]) / 1e3
    (streaming, streaming_clock), (swap, swap_clock) = _longest(tasks, said["began"], end)
    heights = list(itertools.pairwise(watched["heights"]))
    falls = [now for (_, high), (now, low) in heights if high - low > 1]
    outputs = saved[0].cells[0].outputs if saved else []
    said_by_server = "".join(o.text for o in outputs if o.output_type == "stream")
    return Seen(
        size=len(text.encode()),
        chunks=len(came),
        seconds=took,
        received=received,
        p50=statistics.median(waits),
        p95=waits[int(0.95 * len(waits))],
        painted=not math.isinf(waits[-1]),
        longest=streaming,
        longest_clock=streaming_clock,
        swap=swap,
        swap_clock=swap_clock,
        **{n: s * 1000 / took for n, s in zip(("busy", "script", "layout"), spent, strict=True)},
        drops=sum(came[0] <= now < ended for now in falls),
        swap_drops=sum(now >= ended for now in falls),
        blank=watched["blank"],
        back=watched["back"],
        cpu=said["cpu"] / took,
        saved=saved and saved[1],
        outputs=len(outputs),
        whole=any(text in said for o in outputs for said in _texts(o)),
        warned="rate exceeded" in said_by_server,
    )


def _longest(tasks: list[Any], began: float, end: float) -> list[tuple[float, float]]:
    """The longest task, CPU and clock, before and after the last chunk."""
    parts = [t for t in tasks if began <= t[0] < end], [t for t in tasks if t[0] >= end]
    return [(max(cpu for *_, cpu in part), max(ms for _, ms, _ in part)) for part in parts]


def _waits(came: list[float], seen: list[list[float]]) -> Iterator[float]:
    at = 0
    for latest, when in seen:
        yield from (when - came[i] for i in range(at, int(latest) + 1))
        at = int(latest) + 1
    yield from (math.inf for _ in came[at:])


def _texts(output: Any) -> list[str]:
    """What an output says; one for people may differ from one for programs."""
    data = output.get("data", {})
    return [output.get("text", ""), data.get("text/plain", ""), data.get("text/markdown", "")]


def middle(runs: list[Seen]) -> Seen:
    """The median of each figure; a fault in any of the runs counts."""
    first, worst = runs[0], {"drops", "swap_drops", "blank", "back", "outputs"}
    found: dict[str, Any] = {"saved": first.saved}
    for field in dataclasses.fields(Seen):
        values = [getattr(run, field.name) for run in runs]
        if field.name in ("painted", "whole"):
            found[field.name] = all(values)
        elif field.name == "warned":
            found[field.name] = any(values)
        elif field.name in worst:
            found[field.name] = max(values)
        elif field.name != "saved":
            found[field.name] = statistics.median(values)
    return Seen(**found)
