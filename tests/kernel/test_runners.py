"""`%%gemini` where nobody looks: what nbclient runs, nbval compares and nbconvert makes of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import nbformat
import pytest

from tests.kernel.kernels import LIMIT
from tests.server import Server, answer_sse, chunk

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(find_spec("nbclient") is None, reason="needs nbclient"),
]

SETUP = """%load_ext gemini_nb
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url="{url}", retries=0)"""
TEXT = "# Tides\n\nThe *moon* <b>pulls</b>.\n\n```python\nx = 1 < 2\n```\n\n- one\n"


def in_pieces(call):
    """TEXT in small pieces; half of it where the prompt says so, with no end to it."""
    text = TEXT[:40] if b"half" in call.body else TEXT
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
    finish = [None] * (len(pieces) - 1) + [None if b"half" in call.body else "STOP"]
    return answer_sse(*map(chunk, pieces, finish))


def jupyter(*arguments, folder):
    """A tool of Jupyter, as one calls it."""
    env = {k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A notebook that nbclient has run, where it is, while its Gemini is still there."""
    from nbclient import NotebookClient

    cells = ["%%gemini\nhello", "%%gemini -f text\nhello", "%%gemini -f code\nhello"]
    path = tmp_path_factory.mktemp("runs") / "book.ipynb"
    with Server(in_pieces) as server:
        code = [SETUP.format(url=server.url), *cells, "%gemini half"]
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in code])
        book.cells[-1].metadata["tags"] = ["raises-exception"]
        NotebookClient(book, timeout=int(LIMIT), kernel_name="python3").execute()
        nbformat.write(book, path)
        yield path


def outputs(path):
    """The outputs of each cell but the first."""
    return [cell.outputs for cell in nbformat.read(path, as_version=4).cells[1:]]


def test_an_answer_is_one_display(book):
    """Markdown and its text, what is known about it in the metadata, and no widget anywhere."""
    (whole,), (text,), (code,), (part, error) = outputs(book)
    assert whole.output_type == "display_data"
    assert set(whole.data) == {"text/markdown", "text/plain"}
    assert whole.data["text/plain"] == TEXT
    assert whole.metadata["gemini_nb"]["finish_reason"] == "STOP"
    assert whole.metadata["gemini_nb"]["usage"]["totalTokenCount"] == 7
    assert text.data == {"text/plain": TEXT}
    assert code.data == {"text/plain": "x = 1 < 2\n"}
    assert part.data["text/plain"].startswith(TEXT[:40])
    assert "not whole" in part.data["text/markdown"]
    assert part.metadata["gemini_nb"]["interrupted"] is True
    assert error.ename == "StreamInterrupted"
    assert "widgets" not in nbformat.read(book, as_version=4).metadata
    assert "widget-view" not in book.read_text()


@pytest.mark.skipif(find_spec("nbval") is None, reason="needs nbval")
def test_nbval_finds_the_same_again(book):
    """The replay passes; with another word in what was saved it does not."""
    saved = book.read_text()
    other = book.with_name("other.ipynb")
    other.write_text(saved.replace("The *moon*", "The *sun*"))
    done = jupyter("pytest", "--nbval", "-q", "-p", "no:cacheprovider", ".", folder=book.parent)
    failed = re.findall(r"^FAILED (\S+::Cell \d)", done.stdout, re.MULTILINE)
    assert failed == [f"other.ipynb::Cell {i}" for i in (1, 2, 4)], done.stdout
    assert "7 passed" in done.stdout


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_nbconvert_makes_a_document(book, kind):
    """The answer stands in it formatted, with its code, and its mark where it is not whole."""
    done = jupyter("nbconvert", "--to", kind, "book.ipynb", "--stdout", folder=book.parent)
    assert done.returncode == 0, done.stderr
    if kind == "markdown":
        assert TEXT.replace("<b>", "&lt;b>").replace("</b>", "&lt;/b>") in done.stdout
    else:
        assert "<em>moon</em> &lt;b&gt;pulls&lt;/b&gt;." in done.stdout
        assert "<li>one</li>" in done.stdout
    assert done.stdout.count("not whole") >= 1
    assert "widget" not in done.stdout.partition("</head>")[2]
