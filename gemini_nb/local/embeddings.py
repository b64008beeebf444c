"""The routes for embeddings, and `embed`, which answers one such request.

The model makes the same vector for every task, so `taskType` is checked and changes
nothing; a title is read as the text's first line. Fewer dimensions are the first ones,
made one in length again.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from gemini_nb.tokens.count import count

from . import embed as engine
from .answers import answer, read
from .fault import Fault, bad_request, cannot
from .models import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

_BATCH = 100
"""Requests in one batch: the API's own limit."""
_LARGEST = 3072
"""Dimensions of the API's own models."""
_DIGITS = 8

# Of its own, so that texts waiting here never hold up a prompt that only wants counting.
_worker = ThreadPoolExecutor(1, thread_name_prefix="embed")


def routes(version: str, _: object) -> list[Route]:
    """The routes of this module under `/version`."""

    def route(method: str, table: str, make: Callable[[dict[str, Any], str], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            name = request.path_params["name"]
            require(name, version, method)
            body = await read(request, table)
            loop = asyncio.get_running_loop()
            return answer(request, await loop.run_in_executor(_worker, make, body, name))

        return Route(f"/{version}/models/{{name}}:{method}", endpoint, methods=["POST"])

    return [
        route("embedContent", "EmbedContentRequest", embed),
        route("batchEmbedContents", "BatchEmbedContentsRequest", _batch),
    ]


def embed(request: dict[str, Any], name: str) -> dict[str, Any]:
    """The answer to one request in the form `wire.parse` gives; to be called on a thread."""
    text = _text(request, "EmbedContentRequest")
    usage = _usage([request], name)
    return {"embedding": {"values": _values(request, text)}, "usageMetadata": usage}


def _batch(body: dict[str, Any], name: str) -> dict[str, Any]:
    requests = body.get("requests", [])
    prefix = "BatchEmbedContentsRequest.requests"
    if not requests:
        raise bad_request(prefix, f"* {prefix}: requests is not specified\n")
    if len(requests) > _BATCH:
        text = f"* {prefix}: at most {_BATCH} requests can be in one batch, and here are "
        raise bad_request(prefix, f"{text}{len(requests)}.\n")
    for index, request in enumerate(requests):
        if request.get("model", name).removeprefix("models/") != name:
            field = f"{prefix}[{index}].model"
            raise bad_request(field, f"* {field}: it has to be the model of the batch, {name}.\n")
    # All are read before the first is made: a batch is answered whole or not at all.
    texts = [_text(request, f"{prefix}[{index}]") for index, request in enumerate(requests)]
    values = [_values(request, text) for request, text in zip(requests, texts, strict=True)]
    usage = _usage(requests, name)
    return {"embeddings": [{"values": each} for each in values], "usageMetadata": usage}


def _text(request: dict[str, Any], prefix: str) -> str:
    """What is to be embedded, if it may be."""
    parts = request.get("content", {}).get("parts", [])
    if not parts:
        raise bad_request(f"{prefix}.content", f"* {prefix}.content: content is not specified\n")
    for index, part in enumerate(parts):
        if part.keys() & {"inlineData", "fileData"}:
            raise cannot("make embeddings of images, audio or files")
        if not part.get("text"):
            field = f"{prefix}.content.parts[{index}]"
            raise bad_request(field, f"* {field}: content contains an empty Part.\n")
    title = request.get("title")
    if title and request.get("taskType") != "RETRIEVAL_DOCUMENT":
        field = f"{prefix}.title"
        text = "a title goes with task_type RETRIEVAL_DOCUMENT only"
        raise bad_request(field, f"* {field}: {text}.\n")
    _dimensions(request, prefix)
    return "\n".join([*([title] if title else []), *(part["text"] for part in parts)])


def _dimensions(request: dict[str, Any], prefix: str) -> None:
    wanted = request.get("outputDimensionality", 1)
    if not 0 < wanted <= _LARGEST:
        field = f"{prefix}.output_dimensionality"
        raise bad_request(field, f"* {field}: it must be from 1 to {_LARGEST}, and is {wanted}.\n")
    if wanted > engine.DIMENSIONS:
        raise Fault(
            501,
            f"The local backend's model makes {engine.DIMENSIONS} dimensions, so it cannot give "
            f"{wanted}; ask for at most {engine.DIMENSIONS}, or use backend='api'.",
        )


def _values(request: dict[str, Any], text: str) -> list[float]:
    import numpy as np

    found = engine.encode(text).astype(np.float64)
    wanted = request.get("outputDimensionality")
    if wanted:
        found = found[:wanted] / np.linalg.norm(found[:wanted])
    values: list[float] = found.round(_DIGITS).tolist()  # the model's own are no finer
    return values


def _usage(requests: list[dict[str, Any]], name: str) -> dict[str, Any]:
    contents = [request["content"] for request in requests]
    return {"promptTokenCount": count({"contents": contents}, name).total_tokens}
