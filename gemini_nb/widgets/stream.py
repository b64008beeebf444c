"""The kernel's side of a streaming answer in the browser: deltas out, `stop` and `need` in.

Importing this imports anywidget, so it is done where a widget is really shown. What is sent when is
`display/live.py`'s concern; `src/protocol.js` reads what is sent here.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import gzip
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import traitlets

if TYPE_CHECKING:
    from collections.abc import Callable

_STATIC = Path(__file__).parent / "static"
_VIEW = "application/vnd.jupyter.widget-view+json"

# A page that is loaded again asks for the models that its notebook names: those of the answers that
# ended last stay alive. Many may end at once, and each is looked for a moment later.
_KEPT = 16
_MOMENT = 60.0  # seconds


class Renderer(ipywidgets.Widget):
    """The code that all streams of a kernel share, so that it travels once, and packed."""

    code = traitlets.Bytes().tag(sync=True)


class Stream(anywidget.AnyWidget):
    """One answer. `base` is the text so far, which is only sent where `push` says so.

    `badge` is what is known before; it goes with the first of all that is sent, and only then.
    `home` is for a page that comes later, whose notebook was not saved since: where it stands.
    """

    _esm = (_STATIC / "shim.js").read_text(encoding="utf-8")
    renderer = traitlets.Instance(Renderer).tag(sync=True, **ipywidgets.widget_serialization)
    base = traitlets.Dict().tag(sync=True)
    badge = traitlets.Dict().tag(sync=True)
    stop = traitlets.Unicode("ask").tag(sync=True)
    home = traitlets.Callable(dict).tag(sync=True, to_json=lambda tell, _: tell())


class _Probe(anywidget.AnyWidget):
    """Nothing to see: a page that runs our widgets says so as soon as it knows of this one."""

    _esm = "export default { initialize({ model }) { model.send({ t: 'here' }); } };"


class _Parentless:
    """A kernel as a comm sees it, that rarely names the request which its messages answer.

    A page finds the model by the comm's id alone; the parent's header is a third of each message.
    Only a page that asks for a state waits for the answer to this very question, with all that it
    restores.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def get_parent(self) -> dict[str, Any]:
        """The request that asks for a state, else nothing."""
        parent = self._kernel.get_parent() or {}
        data = parent.get("content", {}).get("data")
        asks = isinstance(data, dict) and data.get("method") == "request_state"
        return parent if asks else {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)


def _lighten(widget: ipywidgets.Widget) -> None:
    kernel = getattr(widget.comm, "kernel", None)
    if kernel is not None:
        # Where a comm insists on a real kernel, its messages are longer, and that is all.
        with contextlib.suppress(traitlets.TraitError):
            widget.comm.kernel = _Parentless(kernel)
            # ipykernel ≥ 7.4 takes answers to where the comm was opened, which is the cell that now
            # runs: they were heard at its end. Without this, they are heard where the page sends
            # them, which is beside the cell.
            vars(widget.comm).pop("_reply_subshell_id", None)


class _Ears:
    """Whether a browser has ever answered: a stream, or the question that went out before one."""

    def __init__(self) -> None:
        self.heard = False
        self.is_deaf = False
        self._opened = False
        self._idle_since: float | None = None

    def opened(self) -> None:
        """A stream was shown; from now on an answer is due when the kernel has time to listen."""
        if self._opened:
            return
        self._opened = True
        from IPython.core.getipython import get_ipython

        shell = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
        if shell is not None:
            shell.events.register("post_run_cell", self.ran)
            shell.events.register("pre_run_cell", self.runs)

    def ask(self) -> None:
        """Ask, at the end of a cell and before there is an answer to show."""
        if self._opened:
            return
        self.opened()
        self.ran()
        self._probe = _Probe(layout=_common()[1])
        self._probe.on_msg(lambda *_: self.answered())
        # A page that knows no widgets at all hangs up.
        self._probe.comm.on_close(self.refused)

    def refused(self, *_: Any) -> None:
        """It has no ears, unless another page has."""
        self.is_deaf = not self.heard

    def answered(self) -> None:
        """It hears."""
        self.heard, self.is_deaf = True, False

    def ran(self, *_: Any) -> None:
        """A cell has ended."""
        self._idle_since = time.monotonic()

    def runs(self, *_: Any) -> None:
        """A cell begins."""
        # Cells that were sent together leave the kernel no time to listen in between.
        idle = 0.0 if self._idle_since is None else time.monotonic() - self._idle_since
        if idle > 1 and not self.heard:
            self.is_deaf = True


ears = _Ears()


@functools.cache
def _code() -> bytes:
    return gzip.compress((_STATIC / "stream.js").read_bytes(), mtime=0)


_lock = threading.Lock()
_shared: tuple[Renderer, ipywidgets.Layout] | None = None
_latest: collections.deque[tuple[float, Stream]] = collections.deque()


def _common() -> tuple[Renderer, ipywidgets.Layout]:
    global _shared
    with _lock:
        # `Widget.close_all()` in somebody's cell closes these as well.
        if _shared is None or _shared[0].comm is None or _shared[1].comm is None:
            _shared = Renderer(code=_code()), ipywidgets.Layout()
        return _shared


def _let_go(latest: Stream) -> list[Stream]:
    """The streams that nobody will ask for, now that one more has ended."""
    now = time.monotonic()
    with _lock:
        _latest.append((now, latest))
        old = []
        while len(_latest) > _KEPT and now - _latest[0][0] > _MOMENT:
            old.append(_latest.popleft()[1])
        return old


class Channel:
    """What one stream sends. Offsets count UTF-16 units, as the browser does.

    Args:
        stop: called where the person stops this answer.
        wake: called where a view asks for what it misses, which the next `push` brings.
        badge: the facts of the line that is there before the text.
    """

    def __init__(
        self,
        stop: Callable[[], Any] | None,
        wake: Callable[[], Any],
        badge: dict[str, Any] | None = None,
    ) -> None:
        renderer, layout = _common()
        self._stop = stop
        self._wake = wake
        self._sent = {"d": 0, "thought": 0}
        self._texts: dict[str, list[str]] = {"d": [], "thought": []}
        self._status: dict[str, Any] = {}
        self._news: dict[str, Any] = {}  # of the status
        self._ended: dict[str, Any] = {}  # what was said at the end
        self.is_heard = False
        self._views: set[Any] = set()
        self.wants_base = False
        self._began = time.monotonic()
        self._stream = Stream(
            renderer=renderer,
            layout=layout,
            stop="ask" if stop else "interrupt",
            badge=badge or {},
        )
        self._stream.on_msg(self._hear)
        _lighten(self._stream)
        ears.opened()

    @property
    def name(self) -> str:
        """The widget's id; the display that it gives way to bears it, too."""
        return str(self._stream.model_id)

    @property
    def bundle(self) -> dict[str, Any]:
        """What is displayed while it streams."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.name}
        return {_VIEW: view, "text/plain": "The answer shows here when it is whole."}

    def shown(self, cell: Callable[[], Any] | None) -> None:
        """It stands in this run of a cell. A page that is there knows, so that nothing is sent."""
        if cell is None:
            return
        name, at = self.name, self._began
        self._stream._trait_values["home"] = lambda: {**cell(), "id": name, "at": at}

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("t")
        if kind == "here":
            ears.answered()
            if self._ended:
                # It has been heard late and knows; or its model was there before its view, when the
                # end came, and then it will ask for what it misses.
                self._stream.send(self._ended)
                return
            if content.get("view") in self._views:  # said twice
                return
            self._views.add(content.get("view"))
            self.is_heard = True
        if kind in ("need", "here"):
            self.wants_base = True
            self._wake()
        elif kind == "over":  # from now on it is the page that keeps it
            self._stream._trait_values["home"] = dict
        elif kind == "stop" and self._stop is not None:
            self._stop()

    def piece(self, kind: str, text: str) -> None:
        """More text (`d`) or more of the thoughts (`thought`)."""
        self._texts[kind].append(text)
        offset = self._sent[kind]
        self._sent[kind] += len(text.encode("utf-16-le", "replace")) // 2
        self._stream.send({"t": kind, "o": offset, "s": text, **self._news})
        self._news = {}

    def status(self, **facts: Any) -> None:
        """Facts for the status line, such as `tokens`: the next piece brings what is new.

        A message of their own would have more headers than the piece has text.
        """
        self._news |= {name: fact for name, fact in facts.items() if self._status.get(name) != fact}
        self._status |= facts

    def push(self) -> None:
        """Send all that there is so far, for a view that missed its beginning."""
        self.wants_base = False
        self._stream.base = self._base()

    def _base(self) -> dict[str, Any]:
        return {
            "id": self.name,
            "text": "".join(self._texts["d"]),
            "thoughts": "".join(self._texts["thought"]),
            "status": {**self._status, "seconds": round(time.monotonic() - self._began, 1)},
        }

    def end(
        self, final: dict[str, Any], again: Callable[[], None] | None = None, **more: Any
    ) -> None:
        """Nothing more comes: `final` is the output that takes the widget's place.

        A page that was loaded again in the meantime does not know the place any more; it asks, and
        puts the output there by itself, or the kernel does so `again`. `more` is for the page
        alone, such as what was `used`.
        """
        ended = {"t": "end", **more}
        if again is None:
            ended["id"] = self.name  # of the update that brings it
        self._stream.send(ended)
        # Not sent now: to the page that saw it all the output itself is on its way.
        whole: dict[str, Any] = {"text": final["data"].get("text/plain", ""), "ended": ended}
        if again is None:
            whole["final"] = {**final, "id": self.name}
        self._stream._trait_values["base"] = {**self._base(), **whole}
        self._texts = {"d": [], "thought": []}
        self._stop = None
        self._ended = ended
        self._wake = again or self._resend
        for old in _let_go(self._stream):
            old.close()

    def _resend(self) -> None:
        self._stream.send_state("base")
