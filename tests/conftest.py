"""What every test stands on: fresh settings, no key in sight, and a server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import signal
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

import gemini_nb as genai
from gemini_nb import client, history, ledger, settings, windows
from tests.server import Answer, Call, Server, answer_json, chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

# The same examples in every run; and no deadline, since the machine may be busy.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=100)
hypothesis.settings.load_profile("fixed")

KEY = "AIzaFAKE-not-a-key"
# From the slowest on. The loop of the browser's driver runs on the main thread until the end, and
# lets no other be run there: those tests come last.
_SLOW = ("browser", "kernel", "model", "notebooks")


@pytest.hookimpl(trylast=True)  # after the markers that folders give
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is fast, and needs nothing but Python, fails first."""
    items.sort(key=lambda item: [item.get_closest_marker(name) is not None for name in _SLOW])


_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_NB_BACKEND", "KAGGLE_KERNEL_RUN_TYPE")


@pytest.fixture(autouse=True, scope="session")
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is read from, or left in, the folders of the person who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMINI_NB_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
        gc.collect()  # a Response that nobody holds is over now
        ledger.end(10)


@pytest.fixture(autouse=True, scope="session")
def hears_interrupts() -> Iterator[None]:
    """A shell that begins the tests in the background has them ignore ^C, which some press."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def settled() -> None:
    """Nothing of earlier tests is left, to be finalised where the stack is at its end."""
    gc.collect()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test begins with nothing configured, and leaves no connection behind."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # What fails, fails at once; tests of the retries ask for them.
    monkeypatch.setattr(settings, "_current", settings.Settings(retries=0))
    monkeypatch.setattr(settings, "_keyring_key", lambda: None)
    monkeypatch.setattr(settings, "_found", None)
    monkeypatch.setattr(settings, "_secrets", set())
    monkeypatch.setattr(client, "_default", None)
    history.spent()  # takes in what earlier tests have spent
    monkeypatch.setattr(history, "_spent", history.Spent())
    monkeypatch.setattr(history, "_ratios", {})
    yield
    if client._default is not None:
        client._default.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server: `serve(handler)` with a callable, `serve(answer)` with one answer for all.

    What is configured afterwards is its address and a fake key.
    """
    with contextlib.ExitStack() as stack:

        def start(handler: Callable[[Call], Answer] | Answer | None = None) -> Server:
            if handler is None:
                handler = answer_json(chunk("Hello world.", "STOP"))
            answer: Any = handler if callable(handler) else lambda call: handler
            server = stack.enter_context(Server(answer, tells_of_models=True))
            genai.configure(api_key=KEY, base_url=server.url)
            return server

        yield start
        if client._default is not None:  # before the servers go: a stream may still be open
            client._default.close()
            client._default = None


@pytest.fixture(params=["blocking", "async"])
def do(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Call the blocking form, or run the one that ends in `_async`; lists come whole."""

    async def awaited(made: Any) -> Any:
        if inspect.isasyncgen(made):
            return [one async for one in made]
        return await made

    def call(owner: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if request.param == "async":
            return asyncio.run(awaited(getattr(owner, f"{name}_async")(*args, **kwargs)))
        made = getattr(owner, name)(*args, **kwargs)
        return list(made) if inspect.isgenerator(made) else made

    return call


@pytest.fixture(scope="module")
def ipython() -> Iterator[InteractiveShell]:
    """One shell for all tests of a module, without a history file."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.colors = "nocolor"
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(ipython: InteractiveShell) -> Iterator[InteractiveShell]:
    """The shell with the extension just loaded and nothing else in it."""
    before = dict(ipython.user_ns)
    ipython.extension_manager.load_extension("gemini_nb")
    yield ipython
    ipython.extension_manager.unload_extension("gemini_nb")
    ipython.config.pop("GeminiMagics", None)
    for name in set(ipython.user_ns) - set(before):
        del ipython.user_ns[name]


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks in passing how much a model reads: calls are counted here."""
    monkeypatch.setattr(windows, "learn", lambda *_: None)
