"""Counts tokens the way the API counts them: with the Gemma 3 vocabulary.

Both countTokens and `promptTokenCount` come from here, so the two always agree. It does
not count what the local model itself reads or writes: `candidatesTokenCount` is in the
local model's own tokens, so that it agrees with `maxOutputTokens`, and so is the context
limit. The text counts; roles and turns add nothing.
"""

from __future__ import annotations

import json
import threading
from typing import Any

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
    contents = [request.get("systemInstruction") or {}, *request["contents"]]
    parts = [part for content in contents for part in content.get("parts", ())]
    texts = [_text(part) for part in parts]
    texts += [_compact(tool) for tool in request.get("tools", ())]
    # "Ordinary": a person who types `<bos>` has typed five characters.
    encode = load().encode_ordinary
    return sum(len(encode(text)) for text in texts if text)


def _text(part: dict[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    return _compact({k: v for k, v in part.items() if k != "thoughtSignature"})


def _compact(data: Any) -> str:
    # ASCII escapes would count many times over, but half a surrogate pair cannot be encoded.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()
