"""One Jupyter server and one Chromium for all tests here; without them they skip and say why."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import threading

import pytest

from tests.browser.pages import LIMIT, Notebook, chromium, jupyter, write_notebook
from tests.browser.windowing import all_cells
from tests.server import Server, chunk

SETUP = """%load_ext gemini_nb
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url="{url}", retries=0)"""


def pytest_collection_modifyitems(items):
    missing = [n for n in ("playwright", "notebook") if importlib.util.find_spec(n) is None]
    missing += [] if shutil.which("chromium") else ["chromium (apt install chromium)"]
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(missing)}"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("books")


@pytest.fixture(scope="session")
def server(folder):
    with jupyter(folder) as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    with chromium() as browser:
        yield browser


class Answers:
    """A Gemini that says `parts`, then `text` in pieces of a `size`, with a `pause` after each.

    It begins when `may_begin` is set; where it never `ends`, somebody must hang up.
    """

    def __init__(self):
        self.text, self.size, self.pause, self.ends = "Hello.", 12, 0.02, True
        self.parts, self.reason, self.refusal = [], "STOP", None
        self.hung_up = []
        self.may_begin, self.is_over = threading.Event(), threading.Event()
        self.may_begin.set()

    def __call__(self, call):
        self.hung_up.append(call.hung_up)
        if self.refusal is not None:
            return self.refusal
        return 200, {"content-type": "text/event-stream"}, self._pieces(self.text)

    async def _pieces(self, text):
        await asyncio.to_thread(self.may_begin.wait, LIMIT)
        for part in self.parts:
            yield _event(part)
            await asyncio.sleep(0.5)
        for at in range(0, len(text), self.size):
            is_last = self.ends and at + self.size >= len(text)
            yield _line(chunk(text[at : at + self.size], self.reason if is_last else None))
            await asyncio.sleep(self.pause)
        self.is_over.set()
        if not self.ends:
            await asyncio.sleep(60)


def _event(part):
    return _line({"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]})


def _line(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


@pytest.fixture
def answers():
    """What the next cells are answered."""
    return Answers()


@pytest.fixture(params=["lab", "notebook"])
def front(request):
    return request.param


@pytest.fixture
def all_there(folder):
    """Outputs out of sight count as well."""
    with all_cells(folder):
        yield


@pytest.fixture
def cells():
    """The cells after the setup."""
    return ("%%gemini\nhello",)


@pytest.fixture
def book(request, folder, server, browser, answers, front, cells):
    """A notebook that is ready: a setup cell that ran, and one `%%gemini` cell."""
    path = folder / f"{abs(hash(request.node.name))}.ipynb"
    with Server(answers) as gemini:
        write_notebook(path, SETUP.format(url=gemini.url), *cells)
        book = Notebook(browser, server, path, front, viewport={"width": 1000, "height": 900})
        try:
            yield book
        finally:
            book.page.evaluate("() => window.kernel && window.kernel.shutdown()")
            book.close()
