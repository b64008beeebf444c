"""Cells that are out of sight are on the page as well, for tests that look at many outputs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTING = ".settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"


@contextlib.contextmanager
def all_cells(folder: Path) -> Iterator[None]:
    """All cells of the notebooks that are opened meanwhile are there."""
    setting = folder / SETTING
    setting.parent.mkdir(parents=True, exist_ok=True)
    setting.write_text('{"windowingMode": "none"}')
    try:
        yield
    finally:
        setting.unlink()
