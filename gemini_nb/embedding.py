"""Texts and media → vectors.

One content goes through `:embedContent`, many through `:batchEmbedContents`, 100 to a call. What
comes back is the dict of the first documentation, or NumPy arrays where they are asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gemini_nb import client as clients
from gemini_nb import request, structs
from gemini_nb.enums import TaskType
from gemini_nb.errors import BadAnswer, BadPrompt, UnknownName
from gemini_nb.parts import samples_of, to_content, to_contents
from gemini_nb.request import Request
from gemini_nb.resources import (
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    ContentEmbedding,
    EmbedContentRequest,
    EmbedContentResponse,
)

if TYPE_CHECKING:
    from gemini_nb.client import Client

# The service takes no more requests in one call.
BATCH_SIZE = 100

_SHORT = {
    "UNSPECIFIED": "TASK_TYPE_UNSPECIFIED",
    "QUERY": "RETRIEVAL_QUERY",
    "DOCUMENT": "RETRIEVAL_DOCUMENT",
    "SIMILARITY": "SEMANTIC_SIMILARITY",
    "QA": "QUESTION_ANSWERING",
    "VERIFICATION": "FACT_VERIFICATION",
    "CODE": "CODE_RETRIEVAL_QUERY",
}


def embed_content(
    model: Any,
    content: Any,
    task_type: Any = None,
    title: str | None = None,
    output_dimensionality: int | None = None,
    *,
    request_options: Any = None,
    client: Client | None = None,
    as_numpy: bool = False,
) -> dict[str, Any]:
    """Embed one content, or many.

    Args:
        model: like `gemini-embedding-001`; old names pass as they are.
        content: a text, an image, a path, a dict or Content with several parts (`parts.py`); or a
            list, generator or Series of those, of which 100 at a time are taken and sent.
        task_type: what the vectors are for: `"retrieval_query"`, `"retrieval_document"`,
            `"semantic_similarity"`, `"classification"`, `"clustering"`, `"question_answering"`,
            `"fact_verification"`, `"code_retrieval_query"`, or short: `"query"`, `"document"`…
        title: of a document; goes with `retrieval_document` alone.
        output_dimensionality: how many numbers of each vector to keep, from its beginning.
        request_options: `{"timeout": seconds}`, for each call.
        client: a Client of one's own; else that of `configure()`.
        as_numpy: float32 arrays instead of lists.

    Returns:
        `{"embedding": [d floats]}` for one content, `{"embedding": [[d floats], …]}` for many, in
        their order; with `as_numpy` arrays of shape (d,) and (n, d).

    Raises:
        BadPrompt, UnknownName: for what cannot be embedded; earlier calls of many were made then.
        APIError, NetworkError: see `errors.py`.
    """
    asked = client or clients.default()
    task = _Task(model, task_type, title, output_dimensionality, request_options)
    if not _is_many(content):
        return _one(asked.call(task.one(content), EmbedContentResponse), as_numpy=as_numpy)
    found: list[list[float]] = []
    for made in task.many(content):
        found += _vectors(made, asked.call(made, BatchEmbedContentsResponse))
    return {"embedding": _array(found) if as_numpy else found}


async def embed_content_async(
    model: Any,
    content: Any,
    task_type: Any = None,
    title: str | None = None,
    output_dimensionality: int | None = None,
    *,
    request_options: Any = None,
    client: Client | None = None,
    as_numpy: bool = False,
) -> dict[str, Any]:
    """`embed_content`, awaited."""
    asked = client or clients.default()
    task = _Task(model, task_type, title, output_dimensionality, request_options)
    if not _is_many(content):
        answer = await asked.call_async(task.one(content), EmbedContentResponse)
        return _one(answer, as_numpy=as_numpy)
    found: list[list[float]] = []
    for made in task.many(content):
        found += _vectors(made, await asked.call_async(made, BatchEmbedContentsResponse))
    return {"embedding": _array(found) if as_numpy else found}


def to_task_type(value: Any) -> TaskType | None:
    """A name, long or short, in any case, or its number → the TaskType. Raises UnknownName."""
    if value is None:
        return None
    if isinstance(value, int) and 0 <= value < len(TaskType):
        return list(TaskType)[value]
    name = getattr(value, "name", str(value)).upper()
    name = _SHORT.get(name, name)
    if name not in TaskType.__members__:
        known = [known.lower() for known in TaskType.__members__]
        raise UnknownName(str(value).lower(), owner="task_type", known=known)
    return TaskType(name)


def _is_many(content: Any) -> bool:
    if hasattr(content, "columns"):
        raise BadPrompt("A table is not embedded.", advice='Give one column: table["text"].')
    one = isinstance(content, (str, bytes, bytearray, Mapping))
    one = one or structs.plain(content) is not content  # a model of pydantic is iterable, too
    one = one or samples_of(content) is not None
    return isinstance(content, Iterable) and not one


class _Task:
    """What all requests of one call have in common."""

    def __init__(
        self, model: Any, task_type: Any, title: str | None, size: Any, options: Any
    ) -> None:
        self.model = request.model_path(getattr(model, "name", model))
        self.type = to_task_type(task_type)
        self.title = title
        self.size = size
        self.timeout = request.request_timeout(options)
        if title and self.type != TaskType.RETRIEVAL_DOCUMENT:
            raise BadPrompt(
                "Only a document has a title.", advice='Give task_type="retrieval_document".'
            )
        if size is not None and (not isinstance(size, int) or size < 1):
            raise BadPrompt(f"output_dimensionality={size!r} is no number of dimensions.")

    def _request(self, content: Any) -> EmbedContentRequest:
        return EmbedContentRequest(
            model=self.model,
            content=to_contents(to_content(content))[0],
            task_type=self.type,
            title=self.title,
            output_dimensionality=self.size,
        )

    def one(self, content: Any) -> Request:
        return Request(
            "POST", f"{self.model}:embedContent", self._request(content), {}, self.timeout
        )

    def many(self, contents: Iterable[Any]) -> Iterator[Request]:
        numbered = enumerate(contents)
        while batch := list(itertools.islice(numbered, BATCH_SIZE)):
            body = BatchEmbedContentsRequest(requests=[self._numbered(n, one) for n, one in batch])
            yield Request("POST", f"{self.model}:batchEmbedContents", body, {}, self.timeout)

    def _numbered(self, number: int, content: Any) -> EmbedContentRequest:
        try:
            return self._request(content)
        except BadPrompt as error:
            raise BadPrompt(f"Item {number}: {error.message}", advice=error.advice) from None


# --------------------------------------------------------------------------------- the answer


def _floats(embedding: ContentEmbedding | None) -> list[float]:
    # JSON has no sign for "a float that happens to be whole".
    return list(map(float, embedding.values)) if embedding else []


def _one(answer: EmbedContentResponse, *, as_numpy: bool) -> dict[str, Any]:
    values = _floats(answer.embedding)
    if not values:
        raise BadAnswer("The answer holds no vector.")
    return {"embedding": _array([values])[0] if as_numpy else values}


def _vectors(made: Request, answer: BatchEmbedContentsResponse) -> list[list[float]]:
    found = [_floats(embedding) for embedding in answer.embeddings]
    body = made.body
    asked = len(body.requests) if isinstance(body, BatchEmbedContentsRequest) else 0
    if len(found) != asked:
        # Whoever zips texts and vectors would pair the wrong ones without a word.
        raise BadAnswer(f"{asked} contents were sent, {len(found)} vectors came.", request=made)
    return found


def _array(vectors: list[list[float]]) -> Any:
    import numpy as np

    return np.array(vectors, dtype=np.float32).reshape(len(vectors), -1 if vectors else 0)
