"""One output that is shown and shown anew: of the cell that runs, or of an `ipywidgets.Output`.

A notebook drops what a thread displays once the callback that began it has returned, and an Output
takes no updates of its displays. So there its list of outputs is changed, which reaches the page
from any thread, at any time.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import ipywidgets
    from IPython.display import DisplayHandle

# Threads may share an Output; its outputs are read and then set.
_lock = threading.Lock()


class Slot(Protocol):
    """Where an answer stands."""

    def show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show this, in the place of what was shown before."""


class _OfCell:
    def __init__(self, name: str | None) -> None:
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
    def __init__(self, out: ipywidgets.Output) -> None:
        self._out = out
        self._shown: dict[str, Any] | None = None

    def show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        new = {"output_type": "display_data", "data": data, "metadata": metadata}
        with _lock:
            outputs = list(self._out.outputs)
            # The page may have sent the list back: what was shown is equal, and not the same.
            found = (i for i, one in enumerate(outputs) if one.get("data") == self._shown)
            at = len(outputs) if self._shown is None else next(found, len(outputs))
            outputs[at : at + 1] = [new]
            self._out.outputs = tuple(outputs)
        self._shown = data


class _Once:
    """Without a name: it would be another one in each run."""

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
