"""Hostile answers in a real page, live and afterwards: nothing runs, nothing is fetched."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.server import Server, answer_json

SOURCES = Path(__file__).parents[2] / "gemini_nb" / "widgets" / "src"


def snippets(address):
    """The corpus of the JavaScript tests, with a listener that is really there."""
    code = "import('./test/documents.js').then((m) => console.log(JSON.stringify(m.HOSTILE)))"
    found = subprocess.run(
        [shutil.which("node"), "-e", code],
        cwd=SOURCES,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(found.stdout.replace("http://127.0.0.1:9", address))


@pytest.mark.skipif(not shutil.which("node"), reason="needs node, to read the corpus")
@pytest.mark.parametrize("size", [7, 400])
def test_nothing_runs_and_nothing_is_fetched(book, answers, size):
    """Streamed in small and in large pieces, and once more as the final output."""
    dialogs = []
    book.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    with Server(lambda call: answer_json({})) as listener:
        texts = snippets(listener.url)
        assert len(texts) >= 60
        answers.text, answers.size, answers.pause = "\n\n".join([*texts, "The end."]), size, size / 2000
        before = book.page.url
        book.run_all()
        book.until("document.querySelector('.gemini-nb-text')?.textContent.length > 1000")
        book.until_idle()
        book.until("document.querySelector('.jp-OutputArea-output.jp-RenderedMarkdown')")
        book.page.wait_for_timeout(1000)
        assert listener.calls == []
    assert dialogs == []
    assert book.page.url == before
    assert book.page.evaluate("() => window.ran") is None
