"""The notebook's Markdown parser without a browser, in one node process (`widgets/src/test`)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parents[2] / "gemini_nb" / "widgets" / "src"


def missing() -> str:
    """What has to be installed first, nothing if all is there."""
    if not shutil.which("node"):
        return "needs node (apt install nodejs)"
    if not (SOURCES / "node_modules" / "marked").is_dir():
        return "needs npm's packages (npm ci in gemini_nb/widgets/src)"
    return ""


class Parser:
    """What the notebook makes of a text, as `notebook.js` tells.

    That is its `html`, what in it is one of the `dangers`, its `blocks` of code, or its `elements`;
    and those that the widget makes `live`.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "test/notebook.js"],  # noqa: S607 - where node is, is the machine's business
            cwd=SOURCES,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, what: str, text: str) -> Any:
        if not self._process.stdin or not self._process.stdout:
            raise OSError("The parser has no ends to write to and to read from.")
        self._process.stdin.write(json.dumps([what, text]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=20)
