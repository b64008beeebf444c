"""JupyterLab and Notebook 7 in a headless Chromium, driven as a person drives them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 60.0  # seconds after which a test gives up
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """A server for JupyterLab and Notebook 7 alike; gives its address."""
    port = free_port()
    env = {k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
    env |= {
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "IPYTHONDIR": str(folder / ".ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
    }
    # The question for news would lie over what the tests look at.
    news = folder / ".settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *(f"--port={port}", "--ServerApp.ip=127.0.0.1"),
                *("--IdentityProvider.token=", "--ServerApp.password="),
                "--LabApp.expose_app_in_browser=True",
                "--JupyterNotebookApp.expose_app_in_browser=True",
                str(folder),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + LIMIT
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/api", timeout=5).close()  # noqa: S310 - ours
                break
            assert time.monotonic() < end, (folder / "server.log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS, timeout=LIMIT * 1000
        )
        try:
            yield browser
        finally:
            browser.close()


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook with its kernel named: without, a dialog would ask for one."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    book.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(book, path)


def distrust(path: Path) -> None:
    """Take the signature away that says who ran a notebook: it holds for what was signed alone."""
    saved = nbformat.read(path, as_version=4)
    saved.metadata["changed"] = True
    nbformat.write(saved, path)


class Notebook:
    """One notebook in one page."""

    def __init__(
        self, browser: Any, url: str, path: Path, front: str = "lab", **options: Any
    ) -> None:
        self.path = path
        self.page = browser.new_page(**options)
        self.page.set_default_timeout(LIMIT * 1000)
        # `reset`: a workspace would open the notebooks of earlier tests again, in hidden tabs.
        self.address = (
            f"{url}/lab/tree/{path.name}?reset"
            if front == "lab"
            else f"{url}/notebooks/{path.name}"
        )
        self.open()

    def open(self) -> None:
        """Load the page, and wait for its kernel."""
        self.page.goto(self.address, timeout=LIMIT * 1000)
        self.page.wait_for_function(
            """() => {
              const panel = window.jupyterapp?.shell?.currentWidget;
              const kernel = panel?.sessionContext?.session?.kernel;
              return kernel && kernel.connectionStatus === 'connected' && kernel.info
                && document.querySelectorAll('.jp-CodeCell').length > 0
                && (window.kernel = kernel);
            }"""
        )

    def command(self, name: str) -> None:
        """Run a command; its promise may last as long as the cells do, so it is not awaited."""
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute('{name}'); }}")

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def until(self, condition: str, seconds: float = LIMIT) -> Any:
        """Wait until a JavaScript expression holds."""
        return self.page.wait_for_function(f"() => {condition}", timeout=seconds * 1000)

    def until_idle(self, seconds: float = LIMIT) -> None:
        self.until(
            "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".every((p) => /\\d/.test(p.textContent))",
            seconds,
        )

    def save(self) -> Any:
        """Save, and read what was saved."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        return nbformat.read(self.path, as_version=4)

    def close(self) -> None:
        self.page.close()
