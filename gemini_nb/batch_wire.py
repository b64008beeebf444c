"""A batch on the wire: what a person gives → its input, and its output → results.

The jobs themselves are in `batches.py`. The one call made here reads a file of results.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gemini_nb import errors, request, structs
from gemini_nb.chunks import Chunk
from gemini_nb.content import GenerateContentRequest
from gemini_nb.errors import BadPrompt, UnknownName
from gemini_nb.parts import to_contents
from gemini_nb.refusals import from_status
from gemini_nb.request import Request
from gemini_nb.resources import (
    BatchGenerateContentRequest,
    BatchLine,
    GenerateContentBatch,
    InlinedRequest,
    InlinedRequests,
    InlinedResponse,
    InputConfig,
    Status,
)
from gemini_nb.stream import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gemini_nb.transport import Transport

# What a batch may hold in its own body; a file may have 2 GB. Public documentation, 2026.
INLINE_LIMIT = 20_000_000


@dataclasses.dataclass(frozen=True)
class BatchResult:
    """What became of one request of a batch.

    Attributes:
        key: the request's key, where it had one.
        response: its answer; also one that broke off, beside its `error`.
        error: why there is none, else None.
        metadata: what was sent along with the request.
    """

    key: str | None
    response: Response | None
    error: errors.GeminiError | None = None
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def text(self) -> str:
        """What the model said. Raises `error`, and what `Response.text` raises."""
        if self.error is not None:
            raise self.error
        return self.response.text if self.response else ""


# -------------------------------------------------------------------------------------- input


def create(model: Any, given: InputConfig, display_name: str | None) -> Request:
    """The request that hands a batch in; `model` is a name or a GenerativeModel."""
    path = request.model_path(getattr(model, "model_name", model))
    batch = GenerateContentBatch(display_name=display_name, input_config=given)
    body = BatchGenerateContentRequest(batch=batch)
    return Request("POST", f"{path}:batchGenerateContent", body, creates=True)


@contextlib.contextmanager
def source(model: Any, src: Any) -> Iterator[InputConfig | Path]:
    """What a person gives as `src` → what goes into the body, or the path that is to be uploaded.

    A file that had to be written is gone at the end. Raises BadPrompt, UnknownName.
    """
    name = src if isinstance(src, str) else getattr(src, "name", None)
    if isinstance(src, Path) or (isinstance(src, str) and src.endswith(".jsonl")):
        yield Path(src).expanduser()
    elif isinstance(name, str) and name.startswith("files/"):
        yield InputConfig(file_name=request.resource_path("files", name))
    elif isinstance(src, (list, tuple, Mapping)):
        yield _inline(model, src)
    elif isinstance(src, Iterable) and not isinstance(src, (str, bytes)):
        with tempfile.TemporaryDirectory(prefix="gemini_nb-") as folder:
            path = Path(folder) / "batch.jsonl"
            with path.open("wb") as file:
                file.writelines(_lines(model, src))
            yield path
    else:
        raise BadPrompt(
            f"{src!r:.60} is no source of a batch.",
            advice="Give a list of prompts, files/ID, or the path of a .jsonl file.",
        )


def _inline(model: Any, src: Any) -> InputConfig:
    made = InputConfig(requests=InlinedRequests(requests=[*_requests(model, src)]))
    size = len(structs.encode(made))
    if size > INLINE_LIMIT:
        raise BadPrompt(
            f"The batch has {size / 1e6:,.0f} MB; {INLINE_LIMIT / 1e6:.0f} MB go in one body.",
            advice="Give iter(requests): they are written to a file and uploaded.",
        )
    return made


def _lines(model: Any, src: Iterable[Any]) -> Iterator[bytes]:
    for number, made in enumerate(_requests(model, src), 1):
        metadata = made.metadata or {"key": f"request-{number}"}
        if set(metadata) != {"key"}:
            raise BadPrompt(
                f"Request {number} has metadata.", advice="In a file requests have keys alone."
            )
        yield structs.encode(BatchLine(key=metadata["key"], request=made.request)) + b"\n"


def _requests(model: Any, src: Iterable[Any]) -> Iterator[InlinedRequest]:
    """The requests with their keys in their metadata, each key once."""
    build = getattr(model, "build", request.content_request)
    items = src.items() if isinstance(src, Mapping) else ((None, item) for item in src)
    keys: set[str] = set()
    number = 0
    for number, (named, item) in enumerate(items, 1):
        try:
            made = _request(named, item, build)
        except BadPrompt as error:
            place = f"Request {number}" if named is None else f"{named!r}"
            raise BadPrompt(f"{place}: {error.message}", advice=error.advice) from None
        key = (made.metadata or {}).get("key")
        if key in keys:
            raise BadPrompt(f"Two requests have the key {key!r}.", advice="Give each its own.")
        if key is not None:
            keys.add(key)
        yield made
    if not number:
        raise BadPrompt("The batch is empty.", advice="Give at least one request.")


def _request(named: Any, item: Any, build: Callable[[Any], GenerateContentRequest]) -> Any:
    if isinstance(item, InlinedRequest):
        return item
    metadata = {} if named is None else {"key": str(named)}
    item = structs.plain(item)
    if isinstance(item, Mapping) and "request" in item:
        for name in item:
            if name not in _AROUND:
                raise UnknownName(str(name), owner="A request of a batch", known=_AROUND)
        metadata |= item.get("metadata") or {}
        if item.get("key") is not None:
            metadata["key"] = str(item["key"])
        item = item["request"]
    return InlinedRequest(request=_body(item, build), metadata=metadata or None)


_AROUND = ("request", "key", "metadata")


def _body(value: Any, build: Callable[[Any], GenerateContentRequest]) -> GenerateContentRequest:
    """A request as it is, a dict of its fields, or a prompt for `build`."""
    if isinstance(value, GenerateContentRequest):
        return value
    value = structs.plain(value)
    if not (isinstance(value, Mapping) and "contents" in value):
        return build(value)
    given = dict(value)
    contents = given.pop("contents")
    told = given.pop("systemInstruction", given.pop("system_instruction", None))
    tools = request.tools(given.pop("tools", None))
    made: GenerateContentRequest = request.build(GenerateContentRequest, given)
    made.contents, made.tools = to_contents(contents), tools
    made.system_instruction = request.instruction(told)
    return made


# ------------------------------------------------------------------------------------- output

# The numbers of google.rpc.Code, which a Status inside an answer has, as HTTP has them.
_HTTP = {1: 499, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400}
_HTTP |= {12: 501, 14: 503, 16: 401}
_LOWEST_HTTP = 100


def refusal(status: Status) -> errors.APIError:
    """The Status of a request, or of a whole batch → the exception for it."""
    code = status.code or 0
    code = code if code >= _LOWEST_HTTP else _HTTP.get(code, 500)
    return from_status(code, status.to_dict())


def result(one: InlinedResponse | BatchLine) -> BatchResult:
    """One answer, as it came along in the body or on a line of a file."""
    metadata = (one.metadata if isinstance(one, InlinedResponse) else None) or {}
    key = one.key if isinstance(one, BatchLine) else metadata.get("key")
    if one.error is not None:
        return BatchResult(key, None, refusal(one.error), metadata)
    if one.response is None:
        error = errors.BadAnswer("There is neither an answer nor an error for this request.")
        return BatchResult(key, None, error, metadata)
    response = Response()
    response.feed(structs.build(Chunk, one.response.to_dict()))
    try:
        response.finish()
    except errors.GeminiError as broken:
        return BatchResult(key, response, broken, metadata)
    return BatchResult(key, response, None, metadata)


async def download(transport: Transport, name: str) -> list[BatchResult]:
    """The results in a file of the service. Raises APIError, NetworkError."""
    path = f"{request.resource_path('files', name)}:download"
    read = transport.stream(Request("GET", path, None, {"alt": "media"}))
    found = [_line(line) async for line in _split(read) if line.strip()]
    numbers = [_NUMBERED.fullmatch(one.key or "") for one in found]
    if all(numbers):
        order = {one.key: int(n[1]) for one, n in zip(found, numbers, strict=True) if n}
        found.sort(key=lambda one: order[one.key])
    return found


# The keys that were made here, where the person gave none.
_NUMBERED = re.compile(r"request-(\d+)")


async def _split(read: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for data in read:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line
    yield rest


def _line(line: bytes) -> BatchResult:
    try:
        return result(structs.decode(BatchLine, line))
    except msgspec.DecodeError:
        return BatchResult(None, None, errors.BadAnswer("A line of the results is no JSON."))
