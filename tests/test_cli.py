"""The command line, as a person runs it: real processes, a real model, a real JupyterLab."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

import gemini_nb as genai

COMMAND = (sys.executable, "-m", "gemini_nb.cli")


def environment(**more):
    """This process's environment without keys, and with a terminal that is no terminal."""
    hidden = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_NB_BACKEND")
    clean = {k: v for k, v in os.environ.items() if k not in hidden}
    return {**clean, "PYTHONUNBUFFERED": "1", **more}


def gemini_nb(*arguments, **env):
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(**env),
        check=False,
    )


def until(process, pattern):
    """Read what a process prints until a line matches."""
    seen = []
    for line in process.stdout:
        seen.append(line)
        found = re.search(pattern, line)
        if found:
            return found
    raise AssertionError(f"{pattern} never came: {''.join(seen)}")


def listening(port):
    """Wait until a port takes connections: Jupyter says that it runs just before it does."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port)).close()
    raise AssertionError(f"nothing listens on {port}")


def test_help_names_every_command():
    """`gemini-nb --help` lists the four commands."""
    shown = gemini_nb("--help").stdout
    assert all(f"  {name} " in shown for name in ("demo", "doctor", "lab", "serve"))


def test_doctor_says_what_does_not_work():
    """An address where nothing listens fails the check, names it, and shows no key."""
    code = (
        "import gemini_nb; gemini_nb.configure(base_url='http://127.0.0.1:1');"
        "from gemini_nb.cli import main; main(['doctor'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(GEMINI_API_KEY="AIzaFAKEdoctor"),
        check=False,
    )
    assert done.returncode == 1
    assert "✓ API key: from GEMINI_API_KEY" in done.stdout
    assert "✗ 127.0.0.1 cannot be reached" in done.stdout
    assert "→ " in done.stdout
    assert "AIzaFAKEdoctor" not in done.stdout + done.stderr


def test_doctor_finds_a_wrong_path_and_a_wrong_backend():
    """A model file that is not there is no health; nor is a backend that nobody knows."""
    done = gemini_nb("doctor", GEMINI_NB_LOCAL_MODEL="/nowhere/model.gguf")
    assert done.returncode == 1
    assert "→ correct GEMINI_NB_LOCAL_MODEL" in done.stdout
    done = gemini_nb("doctor", GEMINI_NB_BACKEND="foo")
    assert done.returncode == 1
    assert "GEMINI_NB_BACKEND='foo'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.model
def test_doctor_is_content_with_the_local_model():
    """Without a key the local model is started, asked, and found well."""
    done = gemini_nb("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "API key: none found" in done.stdout
    assert re.search(r"✓ local/SmolLM2\S+ answers", done.stdout)


@pytest.mark.model
def test_demo_streams_runs_and_saves(tmp_path):
    """The README's first command: an answer, every cell of the quickstart, a notebook, a page."""
    done = gemini_nb("demo", "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "— local/SmolLM2" in done.stdout
    saved = nbformat.read(tmp_path / "out" / "01_quickstart.ipynb", as_version=4)
    code = [c for c in saved.cells if c.cell_type == "code"]
    assert f"[{len(code)}/{len(code)}]" in done.stdout
    assert all(c.execution_count for c in code)
    assert not [o for c in code for o in c.outputs if o.output_type == "error"]
    page = (tmp_path / "out" / "01_quickstart.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "WARNING" not in done.stderr


@pytest.mark.model
def test_serve_answers_any_client():
    """`gemini-nb serve` prints its address and key, and a client that uses them is answered."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--key", "AIzaFAKEserve"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        try:
            url = until(process, r"(http://127\.0\.0\.1:\d+)")[1]
            client = genai.Client(api_key="AIzaFAKEserve", base_url=url)
            model = genai.GenerativeModel(client=client)
            answer = model.generate_content("Hi", generation_config={"max_output_tokens": 3})
            assert answer.text
            assert answer.usage_metadata.candidates_token_count <= 3
        finally:
            process.terminate()


@pytest.mark.kernel
def test_lab_opens_on_the_notebooks(tmp_path):
    """`gemini-nb lab` is a JupyterLab on the notebooks; what follows goes to it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "jupyter_server_config.py").write_text(
        "c.ServerApp.allow_root = True\n"
        f"c.ServerApp.port = {port}\nc.IdentityProvider.token = ''\n",
        encoding="utf-8",
    )
    with subprocess.Popen(
        [*COMMAND, "lab", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(JUPYTER_CONFIG_DIR=str(tmp_path)),
    ) as process:
        try:
            until(process, r"Jupyter Server \S+ is running at")
            listening(port)
            url = f"http://127.0.0.1:{port}/api/contents"
            with urllib.request.urlopen(url, timeout=30) as reply:
                assert b"01_quickstart.ipynb" in reply.read()
        finally:
            process.terminate()
