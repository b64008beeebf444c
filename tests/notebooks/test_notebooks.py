"""The tutorial notebooks run from top to bottom against the local backend, and are saved clean."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.notebooks
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path):
    """Every cell of the notebook passes under nbval, with a real kernel and a real model."""
    hidden = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "PYTEST_CURRENT_TEST")
    env = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", str(path)],
        env={**env, "GEMINI_NB_BACKEND": "local"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=FOLDER,
    )
    cells = sum(c.cell_type == "code" for c in nbformat.read(path, as_version=4).cells)
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{cells} passed" in done.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_saved_unexecuted(path):
    """A notebook holds no outputs, counts or ids of a run, so that its diffs are its text."""
    notebook = nbformat.read(path, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert code
    assert all(not c.outputs and c.execution_count is None for c in code)
    nbformat.validate(notebook)
