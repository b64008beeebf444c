"""Which model names exist here, and the routes that list them.

Any Gemini name is answered, since notebooks name many; the list shows a few current ones
and says of each that a local model answers in its place. Voices are in it where there is one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from . import embed, speaking, text
from .answers import answer
from .fault import Fault
from .pages import number
from .script import is_voice

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

NAMES = (
    "gemini-3.8-flash",
    "gemini-3.5-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.1-pro-preview",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-flash-latest",
)
EMBEDDERS = ("gemini-embedding-2", "gemini-embedding-001", "text-embedding-004", "embedding-001")
VOICES = ("gemini-3.8-flash-tts", "gemini-2.5-flash-preview-tts")
_GENERATOR = re.compile(r"gemini-(?!.*embedding)[\w.-]+")
_EMBEDDER = re.compile(r"gemini-embedding-[\w.-]+|text-embedding-004|embedding-001")
_EMBEDDING_METHODS = ("embedContent", "batchEmbedContents", "asyncBatchEmbedContent")
_ANY_METHODS = ("getModel", "countTokens")
_PAGE = 50
_LARGEST_PAGE = 1000


def require(name: str, version: str, method: str) -> None:
    """A 404 in the API's words, unless this server answers `method` under that name."""
    embeds = method in _EMBEDDING_METHODS
    if _EMBEDDER.fullmatch(name):
        fits = embeds or method in _ANY_METHODS
    else:
        fits = not embeds and bool(_GENERATOR.fullmatch(name))
    if not fits:
        raise not_found(name, version, method)


def not_found(name: str, version: str, method: str) -> Fault:
    """The API's words for a model, or a method of it, that does not exist."""
    return Fault(
        404,
        f"models/{name} is not found for API version {version}, or is not supported for "
        f"{method}. Call ListModels to see the list of available models and their supported "
        "methods.",
    )


def routes(version: str, engine: text.Engine) -> list[Route]:
    """The routes of this module under `/version`."""

    async def listed(request: Request) -> Response:
        size = number(request, "pageSize", _PAGE) or _PAGE
        start = number(request, "pageToken", 0)
        end = start + min(size, _LARGEST_PAGE)
        names = NAMES + VOICES * speaking.is_here() + EMBEDDERS
        page: dict[str, Any] = {"models": [_model(name, engine) for name in names[start:end]]}
        if end < len(names):
            page["nextPageToken"] = str(end)
        return answer(request, page)

    async def one(request: Request) -> Response:
        name = request.path_params["name"]
        require(name, version, "getModel")
        return answer(request, _model(name, engine))

    return [
        Route(f"/{version}/models", listed, methods=["GET"]),
        Route(f"/{version}/models/{{name}}", one, methods=["GET"]),
    ]


def _model(name: str, engine: text.Engine) -> dict[str, Any]:
    title = name.replace("-", " ").title()
    shown = {"name": f"models/{name}", "version": "local", "displayName": f"{title} (local)"}
    if _EMBEDDER.fullmatch(name):
        return shown | {
            "description": (
                f"Answered on this machine by Universal Sentence Encoder Multilingual 3, "
                f"{embed.DIMENSIONS} dimensions for any task, not by {title}."
            ),
            "inputTokenLimit": embed.LIMIT,
            "outputTokenLimit": 1,
            "supportedGenerationMethods": [*_EMBEDDING_METHODS, "countTokens"],
        }
    if is_voice(name):
        return shown | {
            "description": f"Answered on this machine by eSpeak NG, a small voice, not by {title}.",
            "inputTokenLimit": speaking.LONGEST_PROMPT,
            "outputTokenLimit": speaking.LONGEST_ANSWER,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }
    return shown | {
        "description": (
            f"Answered on this machine by {engine.name}, a small local model, not by {title}."
        ),
        "inputTokenLimit": engine.limit,
        "outputTokenLimit": engine.limit,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": text.TEMPERATURE,
        "topP": text.TOP_P,
        "topK": text.TOP_K,
        "maxTemperature": 2,
    }
