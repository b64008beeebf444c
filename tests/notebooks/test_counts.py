"""What a prompt is counted as beforehand is what the local server says of it: in every notebook.

A notebook runs in a real kernel against the real server, with a recorder between the two that
passes everything on. Each answer with a number of tokens is held against a count of its request.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import nbformat
import pytest
from nbclient import NotebookClient

from gemini_nb.local import launch
from gemini_nb.tokens import facts
from gemini_nb.tokens.count import count

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
METHODS = {"generateContent", "streamGenerateContent", "countTokens"}
EMBEDDINGS = {"embedContent", "batchEmbedContents"}
# How many requests each notebook makes that are answered with a number of tokens. Whoever changes
# a notebook counts them again; none shall be left out unseen.
MADE = {"01_quickstart": 15, "02_files": 5, "03_tokens": 3, "04_audio": 7}
HOPS = {"connection", "transfer-encoding", "content-length", "keep-alive", "content-encoding"}


class Recorder:
    """A server that passes every call on to another, and keeps what was asked and answered."""

    def __init__(self, address: str) -> None:
        self.calls: list[tuple[str, bytes, httpx.Response]] = []
        self._web = httpx.Client(base_url=address, timeout=120)
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                answer = recorder.ask(self.command, self.path, dict(self.headers), body)
                self.send_response(answer.status_code)
                for name, value in answer.headers.multi_items():
                    if name not in HOPS:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - its names

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """One call. The host stays the recorder's, so that uploads come this way, too."""
        sent = {name: value for name, value in headers.items() if name.lower() not in HOPS}
        sent["accept-encoding"] = "identity"
        answer = self._web.request(method, target, headers=sent, content=body)
        self.calls.append((target, body, answer))
        return answer

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._web.close()


class Known:
    """What a client knows by then: its uploads, and what its caches hold."""

    def __init__(self, recorder: Recorder) -> None:
        self.files: dict[str, facts.Facts] = {}
        self.caches: dict[str, int] = {}
        data: dict[str, bytes] = {}
        for target, body, answer in recorder.calls:
            if answer.headers.get("x-goog-upload-status") == "final":
                made = answer.json()["file"]
                whole = data.get(target, b"") + body
                assert len(whole) == int(made["sizeBytes"])
                self.files[made["uri"]] = facts.look(whole, made["mimeType"])
            elif "x-goog-upload-status" in answer.headers:
                data[target] = data.get(target, b"") + body
            elif target.endswith("/cachedContents") and body:
                made = answer.json()
                self.caches[made["name"]] = made["usageMetadata"]["totalTokenCount"]

    def count(self, body: dict[str, Any], model: str) -> int:
        """The number that is shown before the prompt is sent."""
        cached = self.caches.get(body.get("cachedContent", ""), 0)
        found = count(body, model, facts_of=self.files.get, cached=cached)
        assert found.how != "estimate", f"{found} of {body}"
        return found.total_tokens


def said(answer: httpx.Response) -> int:
    """The number of tokens in an answer, whole or streamed."""
    text = answer.text
    if text.startswith("data:"):
        text = text.rstrip().rpartition("data:")[2]
    found = json.loads(text)
    return found["totalTokens"] if "totalTokens" in found else found["usageMetadata"][_ASKED]


_ASKED = "promptTokenCount"


def compared(recorder: Recorder) -> list[tuple[str, int, int]]:
    """Each method that was called, what was counted beforehand, and what the server said."""
    known, pairs = Known(recorder), []
    for target, body, answer in recorder.calls:
        found = re.fullmatch(r"/v1beta/models/([\w.-]+):(\w+)", target.partition("?")[0])
        if not found:
            continue
        model, method = found.groups()
        assert method in METHODS | EMBEDDINGS | {"batchGenerateContent"}, method
        if method == "batchGenerateContent":  # answered with a job, whose prompts come later
            continue
        assert answer.status_code == 200, answer.text
        given = json.loads(body)
        if method in EMBEDDINGS:
            given = {"contents": [each["content"] for each in given.get("requests", [given])]}
        given = given.get("generateContentRequest", given)
        pairs.append((method, known.count(given, model), said(answer)))
    return pairs


@pytest.fixture(scope="module")
def endpoint():
    """The local backend, with a store of this test run."""
    yield launch.ensure(progress=False)
    launch.stop()


@pytest.mark.notebooks
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebooks_prompts_count_what_the_server_says(path, endpoint):
    """Each of them, and as many as the notebook makes."""
    with Recorder(endpoint.base_url) as recorder:
        notebook = nbformat.read(path, as_version=4)
        choice = f"backend='api', base_url={recorder.url!r}, api_key={endpoint.key!r}"
        first = nbformat.v4.new_code_cell(f"import gemini_nb\ngemini_nb.configure({choice})")
        notebook.cells.insert(0, first)
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": FOLDER}}).execute()
        pairs = compared(recorder)
    assert len(pairs) == MADE[path.stem]
    assert [(method, own) for method, own, _ in pairs] == [(m, told) for m, _, told in pairs]
    assert all(own > 0 for _, own, _ in pairs)
