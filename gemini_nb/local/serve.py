"""Runs the server: in the foreground for a person, or as a notebook's child.

`run` is what `gemini-nb serve` calls. `child` is what `launch` starts: it is told its key
over stdin, says over stdout that it is ready, and ends when the process that started it
ends, however that happens. Both load the model before they open for callers.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import LocalUnavailable, weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from .text import Engine

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LAST_PORT = 65535
_LOOK_EVERY = 0.5
"""Seconds between two looks at whether the parent still lives."""


def run(host: str = "127.0.0.1", port: int = 0, key: str | None = None) -> None:
    """Serve until Ctrl-C; port 0 is any free one, without a key one is made up."""
    model = weights.ensure()
    key = key or secrets.token_urlsafe(24)
    listener = listen(host, port)
    engine = _load(model)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    if host not in _LOOPBACK:
        print(f"Warning: {host} can be reached from other machines; whoever has the key can call.")

    def ready() -> None:
        print(_INVITATION.format(url=url, key=key, model=engine.name), flush=True)

    _serve(engine, key, listener, ready, loopback=host in _LOOPBACK)


def child() -> int:
    """Serve the process that started this one; see `launch` for the other end."""
    # Whatever native code prints must not reach the pipe that carries the ready line.
    ready_line = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    hello = json.loads(sys.stdin.buffer.readline())
    _end_with_parent(hello["parent"])
    try:
        listener = _listen_again(hello["port"])
        engine = _load(Path(hello["model"]))
    except LocalUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def ready() -> None:
        ready_line.write(json.dumps({"base_url": url, "model": engine.name}) + "\n")
        ready_line.close()

    _serve(engine, hello["key"], listener, ready, loopback=True)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or one sentence that says why there is none."""
    if not 0 <= port <= _LAST_PORT:
        raise LocalUnavailable(
            f"There is no port {port}; choose one from 1 to {_LAST_PORT}, or 0 for any free one."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol has to be named: asyncio turns Nagle's delay (40 ms an answer) off only then.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # on Windows it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            why = "another program uses that port; choose another, or 0 for any free one"
        else:
            why = f"{error.strerror or error}; choose an address of this machine and a free port"
        raise LocalUnavailable(f"Cannot listen on {host}:{port}: {why}.") from error
    listener.listen(128)
    return listener


def _listen_again(port: int) -> socket.socket:
    """The port of the server before this one if it is free, so that old clients go on."""
    try:
        return listen("127.0.0.1", port)
    except LocalUnavailable:
        return listen("127.0.0.1", 0)


def _load(model: Path) -> Engine:
    from .text import Engine

    # While native code loads the model, Python can read the rest of the server: 0.2 s less.
    threading.Thread(target=_import, daemon=True).start()
    engine = Engine(model)
    # llama.cpp has taken Ctrl-C for itself by now, and would end without ending us.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return engine


def _import() -> None:
    import uvicorn  # noqa: F401

    from . import app  # noqa: F401


def _serve(
    engine: Engine,
    key: str,
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    loopback: bool,
) -> None:
    import uvicorn

    from gemini_nb.tokens import vocabulary

    from . import app

    application = app.build(engine, key, loopback=loopback)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()
            application.state.runner.resume()

    # The vocabulary loads while the first caller is still on the way.
    vocabulary.warm()
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    try:
        asyncio.run(Server(config).serve(sockets=[listener]))
    except KeyboardInterrupt:
        pass
    finally:
        application.state.runner.stop()
        application.state.store.close()
        engine.close()


def _end_with_parent(parent: int) -> None:
    """End this process when stdin ends, or when the parent is another one.

    Two ways, since neither is enough: the other end of a pipe may live on in something
    the parent forked, and on Windows the parent's id never changes.
    """

    def read() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=look, daemon=True).start()


_INVITATION = """\
Ready: {model} answers at {url}
Key:   {key}

In a notebook:
    genai.configure(backend="api", base_url="{url}", api_key="{key}")

In a shell:
    curl -s "{url}/v1beta/models/gemini-3.8-flash:generateContent" \\
      -H "x-goog-api-key: {key}" -H "Content-Type: application/json" \\
      -d '{{"contents": [{{"parts": [{{"text": "Hello"}}]}}]}}'

Ctrl-C stops it."""
