"""Where output goes: a page that runs widgets, one that does not, a replay, or a terminal.

This looks; it shows nothing.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from gemini_nb import settings


def place() -> settings.Display:
    """Where this process shows its output, unless `configure(display=…)` says so."""
    from IPython.core.getipython import get_ipython

    chosen = settings.current().display
    if chosen is not None:
        return chosen
    shell = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return "terminal"
    # Front ends with a person in front allow a cell to ask for input; runners never do.
    if not getattr(kernel, "_allow_stdin", True):
        return "once"
    return "widget" if _runs_widgets(kernel) else "updates"


def _runs_widgets(kernel: Any) -> bool:
    """Whether the page that asks is JupyterLab or Notebook 7, and our widgets work there.

    No front end says so. These two name the deleted cells in each request; VS Code and Colab fetch
    the code of a widget from elsewhere and may ask first, a console has no page at all. A front end
    that should have answered an earlier stream by now, and has not, gets plain updates.
    """
    parent = _parent(kernel)
    asked = parent.get("header", {}).get("msg_type") == "execute_request"
    if asked and "deletedCells" not in parent.get("metadata", {}):
        return False
    streams = sys.modules.get("gemini_nb.widgets.stream")
    if streams is None:
        return asked and importlib.util.find_spec("anywidget") is not None
    return bool(streams.ears.heard or (asked and not streams.ears.is_deaf))


def _parent(kernel: Any) -> dict[str, Any]:
    get = getattr(kernel, "get_parent", None)
    return (get("shell") if get else getattr(kernel, "_parent_header", None)) or {}
