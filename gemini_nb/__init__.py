"""Gemini in notebooks: `%%gemini` and its panels, over a small client that works in scripts, too.

`import gemini_nb as genai` runs the first documentation of the Gemini API as it stands. Names load
when they are used, so the import itself is nearly free.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Chunk": "stream",
    "ChatSession": "chat",
    "Client": "client",
    "GenerationConfig": "content",
    "GenerativeModel": "model",
    "Response": "stream",
    "configure": "settings",
    "get_model": "model",
    "list_models": "model",
    "load_ipython_extension": "magics",
    "unload_ipython_extension": "magics",
}
_MODULES = ("errors", "types")

__all__ = [
    "ChatSession",
    "Chunk",
    "Client",
    "GenerationConfig",
    "GenerativeModel",
    "Response",
    "__version__",
    "configure",
    "errors",
    "get_model",
    "list_models",
    "load_ipython_extension",
    "types",
    "unload_ipython_extension",
]

if TYPE_CHECKING:
    from gemini_nb import errors, types
    from gemini_nb.chat import ChatSession
    from gemini_nb.client import Client
    from gemini_nb.content import GenerationConfig
    from gemini_nb.magics import load_ipython_extension, unload_ipython_extension
    from gemini_nb.model import GenerativeModel, get_model, list_models
    from gemini_nb.settings import configure
    from gemini_nb.stream import Chunk, Response


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
