"""What the service keeps for a person, as it goes over the wire: models, files.

No behaviour: a File that can be waited for and deleted is in `files.py`. Names and fields as in
`content.py`. Source: the public reference of the Gemini API.
"""

from __future__ import annotations

from gemini_nb.content import JSON
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
    state: str | None = None
    source: str | None = None
    video_metadata: dict[str, JSON] | None = None
    error: dict[str, JSON] | None = None


class ListFilesResponse(Wire):
    """One page of files."""

    files: list[File] = []
    next_page_token: str | None = None
