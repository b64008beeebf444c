"""How an answer gets onto the page: bytes, chunk to paint, long tasks, the swap, kernel CPU.

A real JupyterLab in Chromium. Each chunk carries a number; after each frame the page looks for the
latest one. Peers run in the same page: the whole text with each chunk, the whole text ten times a
second, and `rich.live`.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.pages import Notebook, chromium, jupyter, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

_KERNEL = """
import json, time, threading
from IPython.display import display, update_display, Markdown
from gemini_nb.display.live import LiveMarkdown
from gemini_nb.stream import Response

WORDS = "the tide comes in and goes out again while *we* look at `code` and **stone** over".split()


def chunk(i):
    if i % 120 == 40:
        return f"\\n\\n```python\\nx = {i}\\n```\\n\\nq{i}q "
    if i % 60 == 50:
        return f"\\n\\n- one q{i}q\\n- two "
    if i % 30 == 0:
        return f"\\n\\n## Part {i}\\n\\nq{i}q "
    return f"{WORDS[i % 16]} {WORDS[i * 7 % 16]} {WORDS[i * 5 % 16]} q{i}q "

class Ours:
    def __init__(self): self.live = LiveMarkdown()
    def write(self, text): self.live.write(text)
    def close(self): self.live.close(Response(), 1.0)

class Naive:
    fps = 1e9
    def __init__(self):
        self.text, self.at = "", 0
        self.handle = display(Markdown(""), display_id=True)
    def write(self, text):
        self.text += text
        if time.monotonic() - self.at >= 1 / self.fps:
            self.handle.update(Markdown(self.text)); self.at = time.monotonic()
    def close(self): self.handle.update(Markdown(self.text))

class Tenth(Naive):
    fps = 10

class Rich:
    def __init__(self):
        from rich.live import Live
        from rich.markdown import Markdown as M
        self.M, self.text, self.live = M, "", Live(refresh_per_second=10)
        self.live.start()
    def write(self, text):
        self.text += text; self.live.update(self.M(self.text))
    def close(self): self.live.stop()

class Print:
    def __init__(self): pass
    def write(self, text): print(text, end="")
    def close(self): print()

def stream(way, size, rate):
    sent, total, i = [], 0, 0
    shown = way()
    cpu, began = time.process_time(), time.monotonic()
    while total < size:
        text = chunk(i)
        total += len(text)
        sent.append(time.time() * 1000)
        shown.write(text)
        i += 1
        if rate:
            time.sleep(max(0, began + i / rate - time.monotonic()))
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    shown.close()
    json.dump({"sent": sent, "total": total, "took": took, "cpu": cpu}, open("facts.json", "w"))
"""

_WATCH = """() => {
  const w = window.watch = {seen: [], latest: -1, heights: [], blank: 0, long: []};
  new PerformanceObserver((l) => l.getEntries().forEach((e) => w.long.push(
    [e.startTime + performance.timeOrigin, e.duration]))).observe({entryTypes: ['longtask']});
  const area = () => [...document.querySelectorAll('.jp-CodeCell .jp-OutputArea')].pop();
  const look = () => {
    const now = performance.timeOrigin + performance.now();
    const out = area();
    if (!out) return;
    const height = out.getBoundingClientRect().height;
    const walk = document.createTreeWalker(out, NodeFilter.SHOW_TEXT);
    let node = walk.lastChild(), steps = 0, found = null;
    while (walk.lastChild()) ;
    for (node = walk.currentNode; node && steps < 60 && !found; node = walk.previousNode()) {
      if (node.nodeType === 3) found = [...node.data.slice(-4000).matchAll(/q(\\d+)q/g)].pop();
      steps++;
    }
    if (found && +found[1] > w.latest) { w.latest = +found[1]; w.seen.push([w.latest, now]); }
    if (w.latest >= 0) {
      w.heights.push([now, height]);
      if (!found) w.blank++;
    }
  };
  const frame = () => { setTimeout(look); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""


def measure(
    browser: Any, url: str, folder: Path, way: str, size: int, rate: int, front: str
) -> Any:
    """Stream once in a notebook of its own; what was seen."""
    path = folder / f"{way}-{size}-{front}.ipynb"
    write_notebook(path, _KERNEL, f"stream({way}, {size}, {rate})")
    frames: list[int] = []
    book = Notebook(browser, url, path, front, viewport={"width": 1000, "height": 900})
    try:
        facts = _stream(book, folder, size, rate, frames)
        saved = book.save().cells[1].outputs
        facts["saved"] = path.stat().st_size
        facts["outputs"] = len(saved)
        facts["warned"] = any("rate" in o.get("text", "") for o in saved)
        facts["whole"] = _whole(saved) >= facts["total"]
    finally:
        book.close()
    return facts


def _whole(saved: list[Any]) -> int:
    return max((len(o.get("data", {}).get("text/markdown", "")) for o in saved), default=0)


def _stream(book: Notebook, folder: Path, size: int, rate: int, frames: list[int]) -> Any:
    book.page.evaluate(_WATCH)
    sizes = book.page.context.new_cdp_session(book.page)
    sizes.send("Network.enable")
    sizes.on(
        "Network.webSocketFrameReceived",
        lambda frame: frames.append(_bytes(frame["response"])),
    )
    (folder / "facts.json").unlink(missing_ok=True)
    book.run_all()
    book.until_idle(60 + 4 * (size / 20 / rate if rate else 30))
    if not (folder / "facts.json").exists():
        raise RuntimeError(str([cell.outputs for cell in book.save().cells]))
    facts = json.loads((folder / "facts.json").read_text())
    last = len(facts["sent"]) - 1
    book.until(f"window.watch.latest >= {last - 1}", 90)
    book.page.wait_for_timeout(1500)
    seen = book.page.evaluate("() => window.watch")
    return _figures(facts, seen, sum(frames))


def _bytes(frame: Any) -> int:
    # Binary frames come in base64.
    return len(frame["payloadData"]) * 3 // 4 if frame["opcode"] == 2 else len(frame["payloadData"])


def _figures(facts: Any, seen: Any, received: int) -> Any:
    sent, waits, at = facts["sent"], [], 0
    for latest, when in seen["seen"]:
        waits += [when - sent[i] for i in range(at, min(latest + 1, len(sent)))]
        at = latest + 1
    began, ended = sent[0], sent[-1]
    heights = [height for _, height in seen["heights"]]
    drops = [a - b for a, b in itertools.pairwise(heights) if a - b > 1]
    streaming = [d for start, d in seen["long"] if began <= start < ended]
    swap = [d for start, d in seen["long"] if start >= ended]
    waits.sort()
    return {
        "bytes": received / facts["total"],
        "p50": statistics.median(waits),
        "p95": waits[int(0.95 * len(waits))],
        "long": max(streaming, default=0),
        "swap": max(swap, default=0),
        "drops": drops,
        "blank": seen["blank"],
        "cpu": facts["cpu"] / facts["took"],
        "total": facts["total"],
        "took": facts["took"],
    }


_RUNS = (
    ("Ours", 60_000, 100, "lab"),
    ("Ours", 60_000, 100, "notebook"),
    ("Ours", 600_000, 1000, "lab"),
    ("Ours", 600_000, 0, "lab"),
    ("Tenth", 60_000, 100, "lab"),
    ("Rich", 60_000, 100, "lab"),
    ("Naive", 60_000, 100, "lab"),
)


def rows() -> Iterator[list[str]]:
    """One line for each way."""
    wanted = os.environ.get("RENDER", "")  # the names of some runs, such as "Ours-600000"
    with tempfile.TemporaryDirectory() as made, jupyter(Path(made)) as url, chromium() as browser:
        for way, size, rate, front in _RUNS:
            if wanted and not f"{way}-{size}-{rate}-{front}".startswith(tuple(wanted.split(","))):
                continue
            name = f"{way}, {size // 1000} KB at {rate or 'any'}/s, {front}"
            try:
                found = measure(browser, url, Path(made), way, size, rate, front)
            except Exception as error:  # noqa: BLE001 - a peer may never come to its end
                yield [name, f"never ended: {str(error).splitlines()[0]}", "", "", ""]
                continue
            yield [
                name,
                f"{found['bytes']:.1f} × bytes; {found['p50']:.0f}/{found['p95']:.0f} ms to paint",
                f"longest task {found['long']:.0f} ms, at the swap {found['swap']:.0f} ms",
                f"CPU {found['cpu']:.3f}, drops {len(found['drops'])}, blank {found['blank']}",
                f"whole {found['whole']}, warned {found['warned']}, {found['outputs']} outputs",
            ]
