"""The front door: its names, and how little it costs to open."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gemini_nb as genai
from gemini_nb import enums, structs, types

ROOT = Path(__file__).parents[1]


def fresh(code):
    """Run code in a process of its own and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def test_the_public_names():
    """`__all__` is what it is; a change here is a change for everybody."""
    assert genai.__all__ == [
        "Audio",
        "ChatSession",
        "Chunk",
        "Client",
        "GenerationConfig",
        "GenerativeModel",
        "Player",
        "Response",
        "TokenCount",
        "TokenLine",
        "Transcript",
        "__version__",
        "batches",
        "caching",
        "configure",
        "count",
        "delete_file",
        "delete_file_async",
        "embed_content",
        "embed_content_async",
        "errors",
        "get_file",
        "get_file_async",
        "get_model",
        "get_model_async",
        "list_files",
        "list_files_async",
        "list_models",
        "list_models_async",
        "load_ipython_extension",
        "types",
        "unload_ipython_extension",
        "upload_file",
        "upload_file_async",
        "upload_files",
        "upload_files_async",
    ]
    assert dir(genai) == sorted(genai.__all__)


@pytest.mark.parametrize("name", genai.__all__)
def test_every_public_name_loads(name):
    """Each name is there, says what it is, and is documented."""
    value = getattr(genai, name)
    assert value is getattr(genai, name)
    if name != "__version__":
        assert value.__doc__


def test_star_import_takes_exactly_them():
    """`from gemini_nb import *` gives the public names."""
    space = {}
    exec("from gemini_nb import *", space)  # noqa: S102
    assert set(space) - {"__builtins__"} == set(genai.__all__)


def test_other_names_do_not_exist():
    """A name that nobody promised is an AttributeError, as for any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Generativemodel'"):
        _ = genai.Generativemodel


def test_the_version_is_one():
    """The version is a plain number."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", genai.__version__)


def test_the_import_is_nearly_free():
    """`import gemini_nb` loads neither HTTP, nor JSON, nor IPython, nor the event loop."""
    heavy = ["httpx", "msgspec", "IPython", "asyncio", "PIL", "traitlets", "markdown_it", "click"]
    loaded = fresh(
        f"import gemini_nb, sys; print([m for m in {heavy!r} if m in sys.modules],"
        " sorted(m for m in sys.modules if m.startswith('gemini_nb')))"
    )
    assert loaded == "[] ['gemini_nb']\n"


def test_building_a_request_loads_no_network():
    """What is pure stays so: a dry run needs neither httpx nor IPython."""
    code = (
        "import sys\nimport gemini_nb as genai\n"
        "genai.GenerativeModel('gemini-a', system_instruction='s').build(['hi'])\n"
        "heavy = ('httpx', 'IPython', 'PIL', 'markdown_it', 'pandas', 'matplotlib')\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    assert fresh(code) == "[]\n"


def test_using_it_loads_no_model_and_no_heavy_library():
    """The magics come without the local backend and without any optional library."""
    code = (
        "import sys\nimport gemini_nb.magics\n"
        "heavy = ('gemini_nb.local', 'xllamacpp', 'pandas', 'matplotlib', 'pydantic', 'numpy')\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    assert fresh(code) == "[]\n"


def test_every_type_of_the_wire_is_documented():
    """A type says what it is, and so does every enumeration."""
    kinds = [t for m in (types, enums) for t in vars(m).values() if isinstance(t, type)]
    ours = [t for t in kinds if issubclass(t, (structs.Wire, structs.OpenEnum))]
    assert len(ours) > 30
    assert not [t.__name__ for t in ours if not t.__doc__]
