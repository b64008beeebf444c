"""Where output goes: a page that runs widgets, one that does not, a replay, or a terminal.

This looks, and may ask; it shows nothing. No front end says what it can do, but their requests
differ:

- JupyterLab and Notebook 7 name the cells that were deleted since (`deletedCells`).
- VS Code sends `cellId` and the metadata of the cell (vscode-jupyter's cellExecution.ts). The code
  of a widget comes from elsewhere there, after a question.
- Colab sends `colab: {cell_id: …}` (google/colab/_history.py reads it). Widgets like ours need
  `enable_custom_widget_manager()` first (google/colab/output/_widgets.py).
- jupyter console and qtconsole, which Spyder uses, send no metadata, and ids that begin with their
  session, as jupyter_client makes them. They show a display and ignore its updates (both have code
  for `display_data` and none for `update_display_data`), but print a stream as it comes.
- nbclient, which nbconvert and papermill use, and nbval let no cell ask for input.
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
    parent = _parent(kernel)
    if _is_console(parent):
        return "terminal"
    return "widget" if _runs_widgets(parent) else "updates"


def ask_early(shell: Any) -> None:
    """Have the page say whether it runs our widgets, as soon as the cell that runs now has ended.

    Else the first answer would find out, in front of the reader.
    """

    def ask(*_: Any) -> None:
        shell.events.unregister("post_run_cell", ask)
        if place() == "widget":
            from gemini_nb.widgets.stream import ears

            ears.ask()

    shell.events.register("post_run_cell", ask)


def _is_console(parent: dict[str, Any]) -> bool:
    """Whether a program written with jupyter_client asks, and it is no notebook that says so."""
    header = parent.get("header", {})
    of_client = str(header.get("msg_id")).startswith(f"{header.get('session')}_")
    return _is_cell(parent) and of_client and not parent.get("metadata")


def _is_cell(parent: dict[str, Any]) -> bool:
    return bool(parent.get("header", {}).get("msg_type") == "execute_request")


def _runs_widgets(parent: dict[str, Any]) -> bool:
    """Whether the page that asks is JupyterLab or Notebook 7, and our widgets work there.

    A front end that should have answered an earlier stream by now, and has not, gets plain updates.
    """
    asked = _is_cell(parent)
    if asked and "deletedCells" not in parent.get("metadata", {}):
        return False
    streams = sys.modules.get("gemini_nb.widgets.stream")
    if streams is None:
        return asked and importlib.util.find_spec("anywidget") is not None
    return bool(streams.ears.heard or (asked and not streams.ears.is_deaf))


def _parent(kernel: Any) -> dict[str, Any]:
    get = getattr(kernel, "get_parent", None)
    return (get("shell") if get else getattr(kernel, "_parent_header", None)) or {}
