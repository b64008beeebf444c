"""Gemini in notebooks: `%%gemini` and its panels, over a small client that works in scripts, too.

`import gemini_nb as genai` runs the first documentation of the Gemini API as it stands. Names load
when they are used, so the import itself is nearly free.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Audio": "audio",
    "ChatSession": "chat",
    "Chunk": "chunks",
    "Client": "client",
    "GenerationConfig": "content",
    "GenerativeModel": "model",
    "Player": "widgets.player",
    "Response": "stream",
    "TokenCount": "tokens.counted",
    "TokenLine": "widgets.count",
    "Transcript": "transcripts",
    "configure": "settings",
    "count": "counting",
    "delete_file": "files",
    "delete_file_async": "files",
    "embed_content": "embedding",
    "embed_content_async": "embedding",
    "get_file": "files",
    "get_file_async": "files",
    "get_model": "model",
    "get_model_async": "model",
    "list_files": "files",
    "list_files_async": "files",
    "list_models": "model",
    "list_models_async": "model",
    "load_ipython_extension": "magics",
    "unload_ipython_extension": "magics",
    "upload_file": "files",
    "upload_file_async": "files",
    "upload_files": "files",
    "upload_files_async": "files",
}
_MODULES = ("batches", "caching", "errors", "types")

__all__ = [
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

if TYPE_CHECKING:
    from gemini_nb import batches, caching, errors, types
    from gemini_nb.audio import Audio
    from gemini_nb.chat import ChatSession
    from gemini_nb.chunks import Chunk
    from gemini_nb.client import Client
    from gemini_nb.content import GenerationConfig
    from gemini_nb.counting import count
    from gemini_nb.embedding import embed_content, embed_content_async
    from gemini_nb.files import (
        delete_file,
        delete_file_async,
        get_file,
        get_file_async,
        list_files,
        list_files_async,
        upload_file,
        upload_file_async,
        upload_files,
        upload_files_async,
    )
    from gemini_nb.magics import load_ipython_extension, unload_ipython_extension
    from gemini_nb.model import (
        GenerativeModel,
        get_model,
        get_model_async,
        list_models,
        list_models_async,
    )
    from gemini_nb.settings import configure
    from gemini_nb.stream import Response
    from gemini_nb.tokens.counted import TokenCount
    from gemini_nb.transcripts import Transcript
    from gemini_nb.widgets.count import TokenLine
    from gemini_nb.widgets.player import Player


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
