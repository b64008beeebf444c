from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gemini_nb.local import LocalUnavailable, launch, serve, weights

ROOT = Path(launch.__file__).parents[2]
model = pytest.mark.model
posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks are POSIX")


def run(code, **options):
    """A Python process of its own that runs `code`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def alive(pid):
    """Whether a process runs, and is no mere corpse."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(pid, seconds):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def test_the_key_shows_in_no_repr():
    """An endpoint may be printed."""
    shown = repr(launch.Endpoint("http://127.0.0.1:1", "secret-key", "m"))
    assert "secret-key" not in shown
    assert "127.0.0.1" in shown


def test_the_launcher_brings_nothing_heavy():
    """A notebook that imports the launcher has loaded the standard library only."""
    code = """
        import sys, gemini_nb
        before = set(sys.modules)
        import gemini_nb.local.launch
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(new - set(sys.stdlib_module_names)))
    """
    with run(code) as process:
        assert process.communicate()[0].strip() == "['gemini_nb']"


def test_missing_packages_are_named(monkeypatch):
    """Without the extra the person reads what is missing and the line that brings it."""
    monkeypatch.setattr(launch.util, "find_spec", lambda name: name != "xllamacpp")
    monkeypatch.setattr(launch, "_child", None)
    with pytest.raises(LocalUnavailable, match=r"needs xllamacpp; .*pip install 'gemini_nb\[loc"):
        launch.ensure()


def test_status_starts_nothing(tmp_path, monkeypatch):
    """The doctor sees versions and the path of weights that are not there."""
    monkeypatch.setenv("GEMINI_NB_CACHE", str(tmp_path))
    monkeypatch.delenv("GEMINI_NB_LOCAL_MODEL", raising=False)
    monkeypatch.setattr(launch, "_child", None)
    found = launch.status()
    assert set(found.packages) == {"xllamacpp", "splintr-rs", "starlette", "uvicorn"}
    assert found.weights == tmp_path / "weights" / weights.TEXT.file
    assert not found.weights_present
    assert found.endpoint is None
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_one_sentence():
    """The sentence says what is in the way and what to do."""
    with serve.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalUnavailable, match=f"127.0.0.1:{port}: another program uses"):
            serve.listen("127.0.0.1", port)


def test_answers_are_not_held_back():
    """Whoever serves on the socket sends at once; Nagle's delay was 40 ms of each answer."""

    async def delayed():
        found = asyncio.get_running_loop().create_future()

        async def greet(_, writer):
            made = writer.get_extra_info("socket")
            found.set_result(not made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with serve.listen("127.0.0.1", 0) as listener:
            async with await asyncio.start_server(greet, sock=listener):
                _, writer = await asyncio.open_connection(*listener.getsockname())
                writer.close()
                return await found

    assert not asyncio.run(delayed())


@pytest.mark.parametrize("port", [-1, 65536, 10**20])
def test_a_port_that_cannot_be_is_one_sentence(port):
    """The sentence says which ports there are."""
    with pytest.raises(LocalUnavailable, match=f"There is no port {port}; choose one from 1 to 65"):
        serve.listen("127.0.0.1", port)


@model
def test_a_file_that_is_no_model_is_one_sentence(tmp_path, monkeypatch):
    """What the child said while failing reaches the person."""
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"GIF89a")
    monkeypatch.setenv("GEMINI_NB_LOCAL_MODEL", str(wrong))
    monkeypatch.setattr(launch, "_child", None)
    with pytest.raises(LocalUnavailable, match=r"could not start: .*is not a GGUF model"):
        launch.ensure(progress=False)


@model
def test_a_damaged_model_shows_what_the_engine_said(tmp_path, monkeypatch):
    """llama.cpp is silent in normal use, and heard when it fails."""
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"GGUF" + b"\xff" * 100)
    monkeypatch.setenv("GEMINI_NB_LOCAL_MODEL", str(wrong))
    monkeypatch.setattr(launch, "_child", None)
    with pytest.raises(LocalUnavailable, match=r"(?s)gguf.*could not be loaded"):
        launch.ensure(progress=False)


@model
def test_eight_threads_get_one_server(endpoint):
    """Whoever asks first starts it; all get the same endpoint."""
    launch.stop()
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: launch.ensure(progress=False), range(8)))
        assert len({id(e) for e in found}) == 1
        assert launch.status().endpoint is found[0]
    finally:
        launch.stop()
        assert launch.status().endpoint is None
        # The session's own server is the one that other tests go on using.
        launch._child = None
        _restore(endpoint)


def _restore(endpoint):
    port = int(endpoint.base_url.rpartition(":")[2])
    launch._child = launch._Child(weights.path(), endpoint.key, port)
    assert launch._child.endpoint == endpoint


@model
def test_a_server_that_died_comes_back_where_it_was(endpoint):
    """The endpoint that a client holds goes on working."""
    launch._child.process.kill()
    launch._child.process.wait()
    assert launch.ensure(progress=False) == endpoint
    assert launch.status().endpoint == endpoint


HOLD = """
    import os, sys, time, threading
    sys.path.insert(0, os.getcwd())
    from gemini_nb.local import launch
    launch.ensure(progress=False)
    PIPE = launch._child.process.stdin
    {more}
    print(launch._child.process.pid, flush=True)
    time.sleep(60)
"""


@model
@posix
@pytest.mark.parametrize(
    "more",
    [
        "",
        "os.fork() or time.sleep(60)",
        "import subprocess; subprocess.Popen(['sleep', '60'], pass_fds=[PIPE.fileno()])",
    ],
    ids=["alone", "a fork lives on", "another holds the pipe"],
)
def test_the_server_dies_with_a_killed_notebook(more):
    """SIGKILL leaves nobody to tidy up; the server is gone within three seconds all the same."""
    with run(HOLD.format(more=more), start_new_session=True) as process:
        child = int(process.stdout.readline())
        assert alive(child)
        os.kill(process.pid, signal.SIGKILL)
        assert gone_within(child, 3)
        if more:
            os.killpg(process.pid, signal.SIGKILL)


@model
@posix
def test_an_interrupt_of_the_notebook_leaves_the_server(endpoint):
    """A kernel's interrupt goes to its process group; the server is in one of its own."""
    pid = launch._child.process.pid
    assert os.getpgid(pid) != os.getpgid(0)
    assert os.getsid(pid) != os.getsid(0)


@model
@posix
def test_a_fork_uses_the_server_and_leaves_it_running():
    """A forked worker has the same endpoint, and its end is not the server's."""
    code = """
        import os, sys, urllib.request
        sys.path.insert(0, os.getcwd())
        from gemini_nb.local import launch
        first = launch.ensure(progress=False)
        pid = os.fork()
        if pid == 0:
            same = launch.ensure(progress=False) == first
            sys.exit(0 if same else 1)  # runs atexit, as a worker's end does
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        request = urllib.request.Request(first.base_url + "/v1/models")
        request.add_header("x-goog-api-key", first.key)
        print(urllib.request.urlopen(request).status)
    """
    with run(code) as process:
        assert process.communicate(timeout=30)[0].split() == ["0", "200"]


@model
@posix
def test_the_key_is_in_no_argument_and_no_environment(endpoint):
    """Other users of the machine can list processes; they find no key there."""
    pid = launch._child.process.pid
    for name in ("cmdline", "environ"):
        assert endpoint.key.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()


@model
@posix
def test_the_persons_api_keys_stay_out_of_the_server(monkeypatch):
    """The server calls nobody, so no variable that holds a key is passed on to it."""
    monkeypatch.setenv("GEMINI_API_KEY", "secret-one")
    monkeypatch.setenv("GOOGLE_API_KEY", "secret-two")
    child = launch._Child(weights.path(), "k", 0)
    try:
        found = Path(f"/proc/{child.process.pid}/environ").read_bytes()
    finally:
        child.end()
    assert b"PATH=" in found
    assert b"_API_KEY=" not in found
    assert b"secret-" not in found


@model
@posix
def test_serve_invites_answers_and_stops_on_ctrl_c():
    """`run` says where and how, answers, and ends cleanly on SIGINT."""
    code = """
        import os, sys
        sys.path.insert(0, os.getcwd())
        from gemini_nb.local import serve
        serve.run(key="the-key")
        print("ended")
    """
    with run(code) as process:
        url = process.stdout.readline().rsplit(" ", 1)[1].strip()
        shown = [process.stdout.readline() for _ in range(11)]
        assert f'genai.configure(backend="api", base_url="{url}", api_key="the-key")' in str(shown)
        answer = httpx.get(f"{url}/v1/models", headers={"x-goog-api-key": "the-key"})
        assert answer.status_code == 200
        # An answer under way does not hold the end up.
        body = {"contents": [{"parts": [{"text": "Write a very long story."}]}]}
        path = "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse&key=the-key"
        with httpx.stream("POST", url + path, json=body) as stream:
            lines = stream.iter_lines()
            assert json.loads(next(lines).removeprefix("data: "))["candidates"]
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            threading.Thread(target=lambda: _drain(lines), daemon=True).start()
            assert process.wait(10) == 0
        assert time.monotonic() - started < 4
        assert process.stdout.read().endswith("ended\n")


def _drain(lines):
    try:
        for _ in lines:
            pass
    except httpx.HTTPError:
        pass


def test_the_place_for_files_is_the_same_for_the_server(monkeypatch, tmp_path):
    """A relative one is meant from where the notebook is, not from where the server runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMINI_NB_DATA", "kept")
    assert launch._environment()["GEMINI_NB_DATA"] == str(tmp_path / "kept")
