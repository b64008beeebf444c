"""Imports point downward only, and no module is too long to hold in one's head."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gemini_nb"
LONGEST = 400

# The layers of the house, from the ground up. What is not here is not known: add it.
LAYERS = (
    {"structs", "enums", "content", "resources", "types", "errors", "settings", "times"}
    | {"tokens", "tokens.counted", "tokens.vocabulary", "tokens.edited"}
    | {"tokens.facts", "tokens.rules", "tokens.count", "tokens.prices"}
    | {"tokens.buffers", "tokens.lengths", "tokens.pages"},
    {
        "display.commonmark",
        "display.html",
        "display.formulas",
        "display.document",
        "parts",
        "request",
        "events",
        "deltas",
        "chunks",
        "refusals",
        "media",
        "stream",
        "prompt",
        "options",
    }
    | {"transcripts", "transcripts.clock", "transcripts.transcript", "transcripts.subtitles"}
    | {"transcripts.draft", "transcripts.lines", "transcripts.structured", "transcripts.reading"}
    | {"transcripts.joining", "transcripts.trust", "transcripts.pauses"}
    | {"audio", "audio.sources", "audio.header", "audio.mp3", "audio.decoding"}
    | {"audio.samples", "audio.measures", "audio.encoding", "audio.limits"}
    | {"audio.spoken"},
    {"blocking", "notices", "rate", "retry", "connection", "network", "transport", "client"}
    | {"progress", "files", "files.sources", "files.unfinished", "files.resumable"}
    | {"files.upload", "files.sending", "files.uploaded"}
    | {"ledger", "record", "history", "inline", "kept", "known", "state"},
    {"model", "chat", "caching", "embedding", "batches", "batch_wire"}
    | {"counting", "windows", "forecast", "transcribe", "stretches", "answers"},
    {"display", "display.static", "display.live", "display.places", "display.slot"}
    | {"display.terminal", "display.blocks", "display.echo", "display.badge"}
    | {"display.tables", "display.counts", "display.spending", "display.audio"}
    | {"widgets", "widgets.stream", "widgets.count", "widgets.player"},
    {"magics", "asking", "recordings", "receipt", "completion", "cli"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# The local backend is a house of its own; HTTP is its contract.
LOCAL_IS_STARTED_BY = {"client", "cli"}
HTTP_IS_KNOWN_BY = {"connection", "network", "transport"}
HTTP = {"httpx", "httpcore", "aiohttp", "requests", "urllib3"}


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


class Imports(ast.NodeVisitor):
    """The modules that a source imports, inside functions as well, but not for types alone."""

    def __init__(self, package):
        self.package = package
        self.found = set()

    def visit_If(self, node):
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for other in node.orelse:
                self.visit(other)
        else:
            self.generic_visit(node)

    def visit_Import(self, node):
        self.found |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node):
        home = node.module
        if node.level:
            above = self.package.split(".")[: 1 - node.level or None]
            home = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            whole = f"{home}.{alias.name}"
            is_module = whole.removeprefix("gemini_nb.") in MODULES
            self.found.add(whole if is_module else home)


def imports(source, package="gemini_nb"):
    visitor = Imports(package)
    visitor.visit(ast.parse(source))
    return visitor.found


def imports_of(name):
    """What a module imports, by full names."""
    path = MODULES[name]
    return imports(path.read_text(), ".".join(path.parent.relative_to(PACKAGE.parent).parts))


def of_ours(found):
    """Those of this package among them, by their names in the table."""
    names = {name for name in found if name.split(".")[0] == "gemini_nb"}
    return {name.removeprefix("gemini_nb").removeprefix(".") for name in names} - {""}


def is_local(name):
    return name.split(".")[0] == "local"


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_downward(name):
    """A module imports from its own layer or from below; `__version__` is at the very ground."""
    found = of_ours(imports_of(name))
    if name == "":
        assert found == set(), "the front door is lazy"
    elif is_local(name):
        assert not {n for n in found if not is_local(n) and LEVEL[n] > 0}
    else:
        started = {n for n in found if is_local(n)}
        assert not started or name in LOCAL_IS_STARTED_BY
        assert not {n for n in found - started if LEVEL[n] > LEVEL[name]}


def test_no_layer_turns_in_a_circle():
    """Inside a layer, too, nobody imports whom it is imported by."""
    edges = {name: of_ours(imports_of(name)) for name in MODULES if name}

    def below(name, seen):
        for other in edges.get(name, ()):
            assert other not in seen, f"{' → '.join([*seen, other])}"
            below(other, (*seen, other))

    for name in edges:
        if not is_local(name):
            below(name, (name,))


@pytest.mark.parametrize("name", MODULES)
def test_only_one_layer_knows_of_http(name):
    """HTTP libraries stay behind one seam; the local backend has a server instead."""
    found = {n.split(".")[0] for n in imports_of(name)} & HTTP
    assert not found or name in HTTP_IS_KNOWN_BY


def test_the_core_knows_nothing_of_notebooks():
    """Whoever needs no notebook needs no IPython: only what shows and parses imports it."""
    surfaces = {n for n in MODULES if LEVEL.get(n, 0) >= LEVEL["display"]}
    for name in MODULES:
        found = {n.split(".")[0] for n in imports_of(name)}
        if name not in surfaces and not is_local(name):
            assert not found & {"IPython", "traitlets", "ipykernel", "ipywidgets", "click"}, name


def test_the_table_is_whole():
    """Every module has its place, and every place its module."""
    known = {name for name in MODULES if name and not is_local(name)}
    assert known == set(LEVEL)


@pytest.mark.parametrize("name", MODULES)
def test_no_module_is_too_long(name):
    """Four hundred lines hold one idea; more are two."""
    assert len(MODULES[name].read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import gemini_nb.chat", {"chat"}),
        ("from gemini_nb import chat as c, __version__", {"chat"}),
        ("from gemini_nb.chat import ChatSession", {"chat"}),
        ("from gemini_nb.display import live", {"display.live"}),
        ("def f():\n    from gemini_nb.chat import ChatSession", {"chat"}),
        ("if TYPE_CHECKING:\n    from gemini_nb.chat import ChatSession", set()),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import gemini_nb.chat", {"chat"}),
        ("from gemini_nb import __version__", set()),
        ("import httpx", set()),
    ],
)
def test_the_walker_sees_what_it_should(source, found):
    """What holds the layers is itself held."""
    assert of_ours(imports(source)) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from . import launch", {"local.launch"}),
        ("from .launch import ensure", {"local.launch"}),
        ("from . import LocalUnavailable", {"local"}),
        ("from .. import chat", {"chat"}),
        ("from ..chat import ChatSession", {"chat"}),
    ],
)
def test_the_walker_resolves_what_is_relative(source, found):
    """Dots are counted as Python counts them."""
    assert of_ours(imports(source, "gemini_nb.local")) == found
