"""Counts tokens the way the API counts them: with the Gemma 3 vocabulary.

Both countTokens and `promptTokenCount` come from here, so the two always agree. It does
not count what the local model itself reads or writes: `candidatesTokenCount` is in the
local model's own tokens, so that it agrees with `maxOutputTokens`, and so is the context
limit. The text counts; roles and turns add nothing. An image is 258 tokens whatever its
size: what the API documents for a small image, and for each tile of a large one, of 2.x.
A very long text is counted in pieces, each of which may add a token.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from .vision import is_image

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = 258
_PIECE = 65_536
"""Characters. The tokenizer lets nobody else run meanwhile: 20 MB at once were 23 s of silence."""

_lock = threading.Lock()
_vocabulary: Any = None


def load() -> Any:
    """The vocabulary, read once (0.2 s); call it early on another thread to hide that."""
    global _vocabulary
    with _lock:
        if _vocabulary is None:
            from splintr import Tokenizer

            _vocabulary = Tokenizer.from_pretrained("gemma3")
        return _vocabulary


def count(request: dict[str, Any]) -> int:
    """Tokens of a request: contents, system instruction and tools."""
    return sum(by_modality(request).values())


def by_modality(request: dict[str, Any]) -> dict[str, int]:
    """The same, as text and images apart; modalities that are not there are left out."""
    contents = [request.get("systemInstruction") or {}, *request["contents"]]
    parts = [part for content in contents for part in content.get("parts", ())]
    images = [part for part in parts if is_image(part)]
    texts = [_text(part) for part in parts if not is_image(part)]
    texts += [_compact(tool) for tool in request.get("tools", ())]
    # "Ordinary": a person who types `<bos>` has typed five characters.
    encode = load().encode_ordinary
    counts = {"TEXT": sum(len(encode(piece)) for text in texts for piece in _pieces(text))}
    return {**counts, "IMAGE": IMAGE * len(images)} if images else counts


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def _text(part: dict[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    return _compact({k: v for k, v in part.items() if k != "thoughtSignature"})


def _compact(data: Any) -> str:
    # ASCII escapes would count many times over.
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
