"""Puts in place what a request only names: its files, its texts sent as bytes, its cache.

After this, the rest of the server sees text and `inlineData` and nothing else, wherever the
bytes came from. What can be done with those bytes is decided elsewhere.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any

from gemini_nb.tokens.count import count
from gemini_nb.tokens.facts import is_text, kind_of

from . import files
from .answers import BODY_LIMIT
from .fault import Fault

if TYPE_CHECKING:
    from .store import Row, Store

# Whatever host it names: see `files`.
_FILE = re.compile(r"(?:^|/)files/([a-z0-9-]{1,40})$")


def media(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """The request with its files read, and with texts as text."""
    made, kept = dict(request), _Files(store)
    if request.get("systemInstruction"):
        made["systemInstruction"] = _content(kept, request["systemInstruction"])
    made["contents"] = [_content(kept, content) for content in request.get("contents", ())]
    return made


def cache(
    store: Store, request: dict[str, Any], model: str
) -> tuple[dict[str, Any], dict[str, int]]:
    """The request with what its cache holds before its own contents, and the cache's tokens."""
    name = request.get("cachedContent")
    if not name:
        return request, {}
    row = find_cache(store, name)
    if row["model"] != f"models/{model}":
        raise Fault(
            400,
            f"Model used by GenerateContent request (models/{model}) and CachedContent "
            f"({row['model']}) has to be the same.",
        )
    if any(request.get(key) for key in ("systemInstruction", "tools", "toolConfig")):
        raise Fault(
            400,
            "CachedContent can not be used with GenerateContent request setting "
            "system_instruction, tools or tool_config.\n\nProposed fix: move those values to "
            "CachedContent from GenerateContent request.",
        )
    kept = json.loads(row["body"])
    rest = {key: value for key, value in request.items() if key != "cachedContent"}
    contents = [*kept.get("contents", ()), *request["contents"]]
    return {**kept, **rest, "contents": contents}, count(kept, model).by_modality


def find_cache(store: Store, name: str) -> Row:
    """The row of a cache, or the API's answer to one that is not there (any more)."""
    query = "SELECT * FROM caches WHERE id = ? AND expires > ?"
    row = store.row(query, name.removeprefix("cachedContents/"), time.time())
    if row is None:
        raise Fault(403, "CachedContent not found (or permission denied)")
    return row


class _Files:
    """The files of one prompt: together no more bytes than it might have brought itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._left = BODY_LIMIT

    def find(self, name: str) -> Row:
        return files.find(self._store, name)

    def read(self, row: Row) -> bytes:
        self._left -= row["size"]
        if self._left < 0:
            raise Fault(
                400,
                f"File {row['id']} is too large for a prompt, whose files may have {BODY_LIMIT} "
                "bytes together.",
            )
        try:
            return files.path_of(self._store, row).read_bytes()
        except FileNotFoundError:  # deleted in this very moment
            raise files.missing(row["id"]) from None


def _content(kept: _Files, content: dict[str, Any]) -> dict[str, Any]:
    parts = content.get("parts", ())
    if not any("fileData" in part or "inlineData" in part for part in parts):
        return content
    return {**content, "parts": [_part(kept, part) for part in parts]}


def _part(kept: _Files, part: dict[str, Any]) -> dict[str, Any]:
    if "fileData" in part:
        rest = {key: value for key, value in part.items() if key != "fileData"}
        return {**rest, **_file(kept, part["fileData"])}
    given = part.get("inlineData", {})
    if is_text(given.get("mimeType", "")):
        rest = {key: value for key, value in part.items() if key != "inlineData"}
        data = base64.b64decode(given.get("data", ""))
        return {**rest, "text": _text(data, "The inline data")}
    return part


def _file(kept: _Files, given: dict[str, Any]) -> dict[str, Any]:
    found = _FILE.search(given.get("fileUri", "").partition("?")[0])
    if not found:
        text = "The local backend reads uploaded files only; upload what is on the web first."
        raise Fault(501, text)
    row = kept.find(found[1])
    mime_type = given.get("mimeType") or row["mime_type"]
    readable = kind_of(mime_type) in ("text", "image", "audio")
    data = kept.read(row) if readable else b""
    if is_text(mime_type):
        return {"text": _text(data, f"File {row['id']}")}
    # Of what nobody here can read, the type alone says so.
    return {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = f"{what} is said to be text, and is not UTF-8; save it as UTF-8 or name its type."
        raise Fault(400, text) from None
