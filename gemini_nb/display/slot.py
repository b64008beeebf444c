"""One output that is shown and shown anew: of the cell that runs, or of an `ipywidgets.Output`.

A notebook drops what a thread displays once the callback that began it has returned, and an Output
takes no updates of its displays. So there its list of outputs is changed, which reaches the page
from any thread, at any time.
"""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from IPython.core.getipython import get_ipython

if TYPE_CHECKING:
    from collections.abc import Callable

    import ipywidgets
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import DisplayHandle

# Threads may share an Output; its outputs are read and then set.
_lock = threading.RLock()  # who observes the list may show an answer


class Run(TypedDict, total=False):
    """A run of a cell as the page knows it."""

    cell: str
    count: int


class Slot(Protocol):
    """Where an answer stands."""

    @property
    def cell(self) -> Callable[[], Run] | None:
        """The cell that it stands in, empty where that has run again; None where nobody knows."""

    @property
    def again(self) -> Callable[[], None] | None:
        """Has a page that missed the last change hear of it; None where only the page can."""

    def show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show this, in the place of what was shown before."""


_running: dict[str, Any] | None = None  # the request of the cell that runs
_depth = 0  # a cell may run others: `%run`, `%%capture`
_last: dict[str, tuple[str, int]] = {}  # by the cell's id: the request of its last run, its number


def follow_cells(shell: InteractiveShell) -> None:
    """Know which cell runs, for the threads that it begins.

    A thread has no request of its own that its output could answer. It would answer whatever was
    asked of the kernel last, be it by a widget on the page, and the page would drop it.
    """
    _runs()  # this very cell
    shell.events.register("pre_run_cell", _runs)
    shell.events.register("post_run_cell", _ran)


def unfollow_cells(shell: InteractiveShell) -> None:
    """The end of it."""
    shell.events.unregister("pre_run_cell", _runs)
    shell.events.unregister("post_run_cell", _ran)


def _runs(*_: Any) -> None:
    global _running, _depth
    shell: Any = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    kernel: Any = getattr(shell, "kernel", None)
    request = kernel.get_parent() if hasattr(kernel, "get_parent") else None
    _depth = _depth + 1 if request and _running and _id(request) == _id(_running) else 1
    _running = request
    if _depth == 1 and request and (cell := request.get("metadata", {}).get("cellId")):
        _last[cell] = _id(request), shell.execution_count


def _id(request: dict[str, Any]) -> str:
    return str(request.get("header", {}).get("msg_id"))


def _ran(*_: Any) -> None:
    global _running, _depth
    _depth -= 1
    if _depth <= 0:
        _running = None


def _belong() -> None:
    """What this thread shows belongs to the cell that runs, unless it has a request of its own."""
    publisher = getattr(get_ipython(), "display_pub", None)  # type: ignore[no-untyped-call,unused-ignore]
    own = getattr(publisher, "_parent_header", None)
    if _running is None or not isinstance(own, contextvars.ContextVar):  # ipykernel before 7
        return
    if own not in contextvars.copy_context():
        own.set(_running["header"])


def _cell() -> Callable[[], Run] | None:
    """Tells the cell that this thread shows something in."""
    publisher = getattr(get_ipython(), "display_pub", None)  # type: ignore[no-untyped-call,unused-ignore]
    request = (getattr(publisher, "parent_header", None) or {}).get("msg_id")
    for cell, run in _last.copy().items():
        if run[0] == request:
            return lambda: Run(cell=cell, count=run[1]) if _last[cell] == run else Run()
    return None


class _OfCell:
    again = None

    def __init__(self, name: str | None) -> None:
        _belong()
        self.cell = _cell()
        self._name = name
        self._handle: DisplayHandle | None = None

    def show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        from IPython.display import DisplayHandle

        if self._handle is not None:
            self._handle.update(data, raw=True, metadata=metadata)  # type: ignore[no-untyped-call,unused-ignore]
            return
        # The handle first: an interrupt while it displays must not lead to a second display.
        self._handle = DisplayHandle(self._name)  # type: ignore[no-untyped-call,unused-ignore]
        self._handle.display(data, raw=True, metadata=metadata)  # type: ignore[no-untyped-call,unused-ignore]


class _OfOutput:
    cell = None  # it finds its place by its Output

    def __init__(self, out: ipywidgets.Output) -> None:
        self._out = out
        self._shown: list[dict[str, Any]] = []  # what it is, and what it was before that

    def show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        new = {"output_type": "display_data", "data": data, "metadata": metadata}
        with _lock:
            outputs = list(self._out.outputs)
            at = self._place(outputs)
            outputs[at : at + 1] = [new]
            self._out.outputs = tuple(outputs)
            self._shown = [new, *self._shown[:1]]

    def _place(self, outputs: list[dict[str, Any]]) -> int:
        # The page may have sent the list back: what was shown is equal, and not the same. Or it
        # sent, in the very moment of the last change, the list as it was before.
        for shown in self._shown:
            for at, one in enumerate(outputs):
                if one.get("data") == shown["data"]:
                    return at
        return len(outputs)

    def again(self) -> None:
        with _lock:
            new, before = self._shown[0], self._shown[-1]
            outputs = tuple(
                new if one.get("data") == before["data"] else one for one in self._out.outputs
            )
            if outputs == self._out.outputs:
                self._out.send_state("outputs")
            else:
                self._out.outputs = outputs


class _Once:
    """Without a name: it would be another one in each run."""

    cell = again = None

    def show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        from IPython.display import display

        display(data, raw=True, metadata=metadata)  # type: ignore[no-untyped-call,unused-ignore]


def slot(
    out: ipywidgets.Output | None = None, name: str | None = None, *, is_live: bool = True
) -> Slot:
    """A place for one output. In a cell updates go by its `name`, where it `is_live`."""
    if out is not None:
        return _OfOutput(out)
    return _OfCell(name) if is_live else _Once()
