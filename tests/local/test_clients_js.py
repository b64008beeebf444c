"""The official SDK of JavaScript as a client: one run of `client.mjs`, looked at from all sides."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.model
SCRIPT = Path(__file__).with_name("client.mjs")


@pytest.fixture(scope="module")
def package(request):
    """A directory that has @google/genai; kept between test runs."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are needed to run @google/genai")
    home = request.config.cache.mkdir("google-genai-js")
    if not (home / "node_modules" / "@google" / "genai" / "package.json").exists():
        command = ["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund"]
        command += ["--ignore-scripts", "@google/genai"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install @google/genai: {done.stderr.strip()[-200:]}")
    return home


@pytest.fixture(scope="module")
def found(package, endpoint, picture):
    """What the script printed."""
    script = package / SCRIPT.name
    shutil.copy(SCRIPT, script)
    done = subprocess.run(
        [shutil.which("node"), script, endpoint.base_url, endpoint.key, picture],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_asks_and_streams(found):
    """The stream's pieces are the answer."""
    assert "Paris" in found["text"]["text"]
    assert found["text"]["version"].startswith("local/")
    assert "".join(found["stream"]) == found["text"]["text"]
    assert len(found["stream"]) > 2


def test_it_chats(found):
    """Two turns, four contents."""
    assert found["chat"] == ["user", "model"] * 2


def test_it_counts_and_embeds(found):
    """The API's own count, and vectors as long as asked for."""
    assert found["count"] == 5
    assert found["embed"] == [64, 64]


def test_it_uploads_files(found):
    """Small and in chunks; found, listed, read in a prompt, counted and gone."""
    files = found["files"]
    assert files["got"] == files["file"]["name"]
    assert files["file"]["displayName"] == "Größe"
    assert files["size"] == str(9 * 1024 * 1024)
    assert files["listed"][:2] == ["files/from-js", files["got"]]
    assert files["tokens"] == 7
    assert files["asked"]
    assert files["gone"]["status"] == 403


def test_it_sends_images(found):
    """An inline image is read."""
    assert "Hello World" in found["image"]["text"]


def test_it_keeps_caches(found):
    """Made, used, changed, listed and gone."""
    caches = found["caches"]
    assert caches.pop("gone")["status"] == 403
    assert caches == {"tokens": 10, "used": 10, "shorter": True, "got": "js", "listed": True}


def test_it_runs_batches(found):
    """Inline requests are answered; a batch is listed, cancelled and deleted."""
    batches = found["batches"]
    assert batches["answers"] == ["STOP", "STOP"]
    assert batches["listed"]
    assert batches["cancelled"] == "JOB_STATE_CANCELLED"
    assert batches["gone"]["status"] == 404
