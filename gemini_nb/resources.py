"""What the service keeps for a person, as it goes over the wire: models, files, caches, batches.

No behaviour: what can be waited for and deleted is in `files.py`, `caching.py` and `batches.py`.
Embeddings are here, too, being neither prompt nor answer. Names and fields as in `content.py`.
Source: the public reference of the Gemini API.
"""

from __future__ import annotations

from gemini_nb.content import (
    JSON,
    Content,
    GenerateContentRequest,
    GenerateContentResponse,
    Tool,
    ToolConfig,
    UsageMetadata,
)
from gemini_nb.enums import BatchState, FileState, TaskType
from gemini_nb.structs import Wire


class Model(Wire):
    """A model and its limits (tokens)."""

    name: str | None = None
    base_model_id: str | None = None
    version: str | None = None
    display_name: str | None = None
    description: str | None = None
    input_token_limit: int | None = None
    output_token_limit: int | None = None
    supported_generation_methods: list[str] | None = None
    thinking: bool | None = None
    temperature: float | int | None = None
    max_temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: float | int | None = None


class ListModelsResponse(Wire):
    """One page of models."""

    models: list[Model] = []
    next_page_token: str | None = None


# --------------------------------------------------------------------------------- embeddings


class EmbedContentRequest(Wire):
    """The body of `:embedContent`; inside a batch it names its model."""

    model: str | None = None
    content: Content | None = None
    task_type: TaskType | None = None
    title: str | None = None
    output_dimensionality: int | None = None


class ContentEmbedding(Wire):
    """One vector."""

    values: list[float | int] = []


class EmbedContentResponse(Wire):
    """One vector, and what it cost where the service says so."""

    embedding: ContentEmbedding | None = None
    usage_metadata: UsageMetadata | None = None


class BatchEmbedContentsRequest(Wire):
    """The body of `:batchEmbedContents`: at most 100 requests for one model."""

    model: str | None = None
    requests: list[EmbedContentRequest] = []


class BatchEmbedContentsResponse(Wire):
    """The vectors, in the order of the requests."""

    embeddings: list[ContentEmbedding] = []
    usage_metadata: UsageMetadata | None = None


# ------------------------------------------------------------------------------------- caches


class CachedContentUsageMetadata(Wire):
    """How much a cache holds."""

    total_token_count: int | None = None


class CachedContent(Wire):
    """The beginning of a prompt, kept by the service. Times are RFC 3339, `ttl` is like `"300s"`.

    `ttl` is only ever sent; what comes back is `expire_time`.
    """

    name: str | None = None
    display_name: str | None = None
    model: str | None = None
    contents: list[Content] = []
    system_instruction: Content | None = None
    tools: list[Tool] = []
    tool_config: ToolConfig | None = None
    ttl: str | None = None
    expire_time: str | None = None
    create_time: str | None = None
    update_time: str | None = None
    usage_metadata: CachedContentUsageMetadata | None = None


class ListCachedContentsResponse(Wire):
    """One page of caches; they come without their contents."""

    cached_contents: list[CachedContent] = []
    next_page_token: str | None = None


# ------------------------------------------------------------------------------------ batches


class Status(Wire):
    """Why one request of a batch, or the whole, was refused: as in the body of an error."""

    code: int | None = None
    message: str | None = None
    status: str | None = None
    details: list[JSON] | None = None


class InlinedRequest(Wire):
    """One request of a batch; `metadata` comes back with its answer."""

    request: GenerateContentRequest | None = None
    metadata: dict[str, JSON] | None = None


class InlinedRequests(Wire):
    """The requests of a batch, in its own body."""

    requests: list[InlinedRequest] = []


class InputConfig(Wire):
    """Where the requests of a batch are: here, or in a file of JSON lines (`files/ID`)."""

    file_name: str | None = None
    requests: InlinedRequests | None = None


class InlinedResponse(Wire):
    """The answer to one request of a batch, or why there is none."""

    metadata: dict[str, JSON] | None = None
    response: GenerateContentResponse | None = None
    error: Status | None = None


class InlinedResponses(Wire):
    """The answers of a batch, in the order of its requests."""

    inlined_responses: list[InlinedResponse] = []


class BatchOutput(Wire):
    """Where the answers of a batch are: here, or in a file of JSON lines (`files/ID`)."""

    responses_file: str | None = None
    inlined_responses: InlinedResponses | None = None


class BatchLine(Wire):
    """One line of such a file: a request under its key, or the answer to it."""

    key: str | None = None
    request: GenerateContentRequest | None = None
    response: GenerateContentResponse | None = None
    error: Status | None = None


class BatchStats(Wire):
    """How many requests a batch has, and what became of them."""

    request_count: str | int | None = None
    successful_request_count: str | int | None = None
    failed_request_count: str | int | None = None
    pending_request_count: str | int | None = None


class GenerateContentBatch(Wire):
    """A batch: what is asked for, and how far it is."""

    name: str | None = None
    display_name: str | None = None
    model: str | None = None
    input_config: InputConfig | None = None
    output: BatchOutput | None = None
    create_time: str | None = None
    update_time: str | None = None
    end_time: str | None = None
    batch_stats: BatchStats | None = None
    state: BatchState | None = None
    priority: str | int | None = None


class BatchGenerateContentRequest(Wire):
    """The body of `:batchGenerateContent`."""

    batch: GenerateContentBatch | None = None


class Operation(Wire):
    """Work that goes on at the service: `metadata` says how far it is, `response` what came."""

    name: str | None = None
    metadata: GenerateContentBatch | None = None
    done: bool | None = None
    response: BatchOutput | None = None
    error: Status | None = None


class ListBatchesResponse(Wire):
    """One page of batches."""

    operations: list[Operation] = []
    next_page_token: str | None = None


# -------------------------------------------------------------------------------------- files


class File(Wire):
    """A file that was uploaded. Kept for 48 hours; `size_bytes` is a number, times are RFC 3339."""

    name: str | None = None
    display_name: str | None = None
    mime_type: str | None = None
    size_bytes: str | int | None = None
    create_time: str | None = None
    update_time: str | None = None
    expiration_time: str | None = None
    sha256_hash: str | None = None
    uri: str | None = None
    download_uri: str | None = None
    state: FileState | None = None
    source: str | None = None
    video_metadata: dict[str, JSON] | None = None
    error: dict[str, JSON] | None = None


class CreateFileRequest(Wire):
    """What an upload begins with; its last answer, CreateFileResponse, looks the same."""

    file: File | None = None


class ListFilesResponse(Wire):
    """One page of files."""

    files: list[File] = []
    next_page_token: str | None = None
