"""A ten-minute WAV in JupyterLab: our player beside wavesurfer.js and `IPython.display.Audio`.

Each is shown in a page of its own, from the bytes of the file. wavesurfer.js comes from npm, for
this run alone, and gets them as ours does, as a trait of an anywidget. Ready is: the length is
known and, but for `Audio`, which has none, the waveform is drawn; by the clock, from when the last
of the bytes arrived.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.pages import Notebook, chromium, jupyter, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 3
_PEER = "wavesurfer.js@8.0.1"
_LARGE = 1_000_000  # bytes of a frame that holds the sound
_MAKE = """import io
import numpy as np, soundfile
buffer = io.BytesIO()
tone = np.sin(np.arange(600 * 16_000) / 20) * np.sin(np.arange(600 * 16_000) / 9e4)
soundfile.write(buffer, tone, 16_000, format="WAV")
WAV = buffer.getvalue()
"""
_OURS = "from gemini_nb.widgets.player import Player\nPlayer(WAV)"
_AUDIO = "import IPython.display\nIPython.display.Audio(WAV)"
_SURFER = """import anywidget, pathlib, traitlets
class Surfer(anywidget.AnyWidget):
    _esm = pathlib.Path({path!r}).read_text() + '''
export default {{ render({{ model, el }}) {{
  const url = URL.createObjectURL(new Blob([model.get("sound")], {{ type: "audio/wav" }}));
  const made = NAME.create({{ container: el, url, normalize: false }});
  made.on("ready", () => {{ el.dataset.phase = "ready"; }});
}} }};'''
    sound = traitlets.Bytes().tag(sync=True)
Surfer(sound=WAV)"""
# When each frame came, and its bytes. The browser's own record of 20 MB would cost a second.
_HEAR = """window.frames_ = []; const Real = WebSocket;
window.WebSocket = class extends Real { constructor(...given) { super(...given);
  this.addEventListener("message", ({ data }) => window.frames_.push(
    [performance.now(), data.byteLength ?? data.size ?? data.length])); } };"""
_READY = {
    "ours": "document.querySelector('.gemini-nb-player[data-phase=ready]')",
    "wavesurfer.js": "document.querySelector('[data-phase=ready]')",
    "`Audio`": "document.querySelector('.jp-OutputArea audio')?.readyState >= 1",
}


@dataclasses.dataclass(frozen=True)
class Seen:
    """Bytes over the websocket, bytes of the notebook on disk, and seconds until it is ready.

    `ready` is since the last byte came, `felt` since the cell was run.
    """

    received: int
    saved: int
    ready: float
    felt: float


def rows() -> Iterator[list[str]]:
    """Ours and the two peers, three times in turn; the medians count."""
    with tempfile.TemporaryDirectory() as made, jupyter(Path(made)) as url, chromium() as browser:
        folder = Path(made)
        cells = {"ours": _OURS, "wavesurfer.js": _surfer(folder), "`Audio`": _AUDIO}
        seen: dict[str, list[Seen]] = {name: [] for name in cells}
        for run in range(RUNS):
            for at, (name, cell) in enumerate(cells.items()):
                path = folder / f"{run}-{at}.ipynb"
                seen[name].append(_shown(browser, url, path, cell, _READY[name]))
    middle = {
        name: sorted(runs, key=lambda one: one.ready)[RUNS // 2] for name, runs in seen.items()
    }
    ours, peers = middle.pop("ours"), middle
    for what, show, goal in (
        ("10 minutes of WAV: bytes to the page", lambda s: f"{s.received / 1e6:.1f} MB", ""),
        ("the notebook on disk", lambda s: f"{s.saved / 1e3:,.1f} KB", "≤ 20 KB"),
        ("ready after the bytes came", lambda s: f"{s.ready:.2f} s", "≤ 0.2 s"),
        ("ready after its cell was run", lambda s: f"{s.felt:.2f} s", ""),
    ):
        against = "; ".join(f"{name}: {show(peer)}" for name, peer in peers.items())
        yield [what, show(ours), against, "", goal]


def _surfer(folder: Path) -> str:
    """The cell that shows wavesurfer.js, fetched from npm."""
    npm = shutil.which("npm") or "npm"
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder / ".npm"]
    subprocess.run([*command, _PEER], check=True, capture_output=True)
    source = (folder / ".npm/node_modules/wavesurfer.js/dist/wavesurfer.esm.js").read_text()
    body, name = source.rsplit("export{", 1)
    path = folder / ".npm/surfer.js"
    path.write_text(body)
    return _SURFER.format(path=str(path)).replace("NAME", name.split(" as default")[0])


def _shown(browser: Any, url: str, path: Path, cell: str, ready: str) -> Seen:
    write_notebook(path, _MAKE, cell)
    book = Notebook(browser, url, path, viewport={"width": 1000, "height": 900})
    try:
        book.page.add_init_script(_HEAR)
        book.open()
        book.page.evaluate(
            f"""() => {{ const timer = setInterval(() => {{ if ({ready}) {{
              window.readyAt = performance.now(); clearInterval(timer); }} }}, 2); }}"""
        )
        book.command("notebook:run-cell-and-select-next")
        book.until("/1/.test(document.querySelector('.jp-CodeCell .jp-InputPrompt').textContent)")
        book.page.evaluate("() => { window.ranAt = performance.now(); }")
        book.command("notebook:run-cell")
        book.until("window.readyAt")
        book.until_idle()
        frames = book.page.evaluate("() => window.frames_")
        at, ran = book.page.evaluate("() => [window.readyAt, window.ranAt]")
        came = max(time for time, size in frames if size > _LARGE)
        book.save()
        received = sum(size for _, size in frames)
        return Seen(received, path.stat().st_size, (at - came) / 1000, (at - ran) / 1000)
    finally:
        book.page.evaluate("() => { window.kernel.shutdown(); }")
        book.close()
