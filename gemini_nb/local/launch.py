"""Starts the local backend for this process, and hands out its address and key.

Used in the notebook's process, so it imports nothing but the standard library. It is not
a client: what answers behind the address is reached over HTTP.

Each process has a server of its own, so nothing needs locks between processes, shared
keys or a search for orphans: the server ends when its stdin does, and when its parent is
gone. The weights are shared all the same: they are memory-mapped, so a second server finds
them in the page cache. It costs 271 MB of its own, of which 189 MB are the keys and values
of its context; both together measured 664 MB (PSS) where one measured 390 MB.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from . import LocalUnavailable

__all__ = ["Endpoint", "LocalUnavailable", "Status", "ensure", "status", "stop"]

PACKAGES = ("xllamacpp", "splintr-rs", "starlette", "uvicorn")
_MODULES = {"splintr-rs": "splintr"}
_START_SECONDS = 60


@dataclass(frozen=True)
class Endpoint:
    """Where the local backend answers, with what key, and which model it really is."""

    base_url: str
    key: str = field(repr=False)
    model: str


@dataclass(frozen=True)
class Status:
    """What a person who asks "why does it not work?" wants to see."""

    packages: dict[str, str | None]
    """Each package that is needed, with its version, or None where it is missing."""
    weights: Path
    weights_present: bool
    endpoint: Endpoint | None
    """The server of this process, if one runs."""


class _Child:
    """A server process that has said it is ready."""

    def __init__(self, model: Path, key: str, port: int) -> None:
        import tempfile

        self.owner = os.getpid()
        # A file, not a pipe: nobody has to keep reading it.
        with tempfile.TemporaryFile() as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gemini_nb.local"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
                # `-m` looks in the working directory first: there it shall find this package,
                # not what a notebook's directory happens to hold.
                cwd=Path(__file__).parents[2],
                # An interrupt goes to the kernel's whole process group; it is not for us.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
            try:
                hello: dict[str, str | int] = {"key": key, "model": str(model), "port": port}
                hello["parent"] = self.owner
                self.endpoint = self._greet(hello, key, log)
            except BaseException:
                self.end()
                raise

    def _greet(self, hello: dict[str, str | int], key: str, log: IO[bytes]) -> Endpoint:
        stdin, stdout = _pipe(self.process.stdin), _pipe(self.process.stdout)
        try:
            stdin.write(json.dumps(hello).encode() + b"\n")
            stdin.flush()
        except OSError:
            pass  # it has ended already; the missing answer tells the rest
        lines: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=_START_SECONDS)
        except Empty:
            why = f"The local backend was not ready within {_START_SECONDS} seconds"
            raise LocalUnavailable(f"{why}: {_tail(log)}") from None
        stdout.close()
        if not line:
            raise LocalUnavailable(f"The local backend could not start: {_tail(log)}")
        return Endpoint(key=key, **json.loads(line))

    def alive(self) -> bool:
        if os.getpid() == self.owner:
            return self.process.poll() is None
        # After a fork the process is nobody's child here; ask whether it answers.
        return _answers(self.endpoint.base_url)

    def end(self) -> None:
        """Close the pipe it lives by, and see it gone."""
        if os.getpid() != self.owner:
            return
        _pipe(self.process.stdin).close()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _pipe(self.process.stdout).close()


_lock = threading.Lock()
_child: _Child | None = None


def ensure(*, progress: bool = True) -> Endpoint:
    """The local backend's endpoint, starting it (and fetching the model) on first use.

    Raises `LocalUnavailable` with one sentence about what is missing and what to do.
    """
    global _child
    with _lock:
        if _child and _child.alive():
            return _child.endpoint
        _require_packages()
        from . import weights

        model = weights.ensure(progress=progress)
        if _child is None:
            atexit.register(stop)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_after_fork)
        # The same key and, if it is free, the same port: whoever holds the old endpoint goes on.
        key = _child.endpoint.key if _child else secrets.token_urlsafe(32)
        port = int(_child.endpoint.base_url.rpartition(":")[2]) if _child else 0
        if _child:
            _child.end()
        _child = _Child(model, key, port)
        return _child.endpoint


def stop() -> None:
    """End this process's server; a process that was forked from it cannot."""
    global _child
    with _lock:
        if _child:
            _child.end()
            _child = None


def status() -> Status:
    """What is installed, fetched and running; starts and fetches nothing."""
    from . import weights

    running = _child.endpoint if _child and _child.alive() else None
    return Status(
        packages={name: _version(name) for name in PACKAGES},
        weights=weights.path(),
        weights_present=weights.present(),
        endpoint=running,
    )


def _require_packages() -> None:
    missing = [name for name in PACKAGES if not util.find_spec(_MODULES.get(name, name))]
    if missing:
        raise LocalUnavailable(
            f"The local backend needs {', '.join(missing)}; install what it needs with "
            "`pip install 'gemini_nb[local]'`, or use backend='api' with a key."
        )


def _version(name: str) -> str | None:
    from importlib import metadata  # 30 ms that only a doctor needs

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _answers(base_url: str) -> bool:
    import socket

    host, _, port = base_url.removeprefix("http://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held the old one
    if _child:
        # Or this copy of the pipe would keep the server alive after its owner.
        _pipe(_child.process.stdin).close()


def _environment() -> dict[str, str]:
    """What the server inherits: no keys, since it calls nobody and others may read it."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().endswith("_API_KEY")}
    if kept.get("GEMINI_NB_DATA"):  # the server has another working directory
        kept["GEMINI_NB_DATA"] = str(Path(kept["GEMINI_NB_DATA"]).expanduser().absolute())
    return kept


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise TypeError("the server was started without its pipes")
    return end


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-20:]) or "it said nothing."
