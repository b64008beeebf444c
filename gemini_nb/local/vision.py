"""What this server sees in an image: its size, its colours and the text in it. No more.

No model here tells what a photograph shows, so nobody guesses.
What was measured and read is given to the text model as text at the start of the user's
turn, and to the caller as `observations` beside the answer. The model that reads loads at
first use (its weights are fetched then, too) and works on one thread of its own, so that
requests without images never wait for it. An image seen before is not read again: a chat
sends all its images with every turn.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import LocalUnavailable, weights
from .fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .ocr import Line, Reader

NAME = "PP-OCRv6"
"""What reads, as `modelVersion` names it."""
_REMEMBERED = 64
_PAIR = 2


def step_back() -> None:
    """Leave the cores to whoever waits for words, where a thread can be that polite."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


worker = ThreadPoolExecutor(1, thread_name_prefix="vision", initializer=step_back)
_lock = threading.Lock()
_reader: Reader | None = None
_seen: OrderedDict[tuple[bytes, str], Seen] = OrderedDict()


@dataclass(frozen=True)
class Seen:
    """What was found in one image; colours with their shares, lines from top to bottom."""

    width: int
    height: int
    colours: tuple[tuple[str, float], ...]
    lines: tuple[Line, ...]

    def told(self, which: str) -> str:
        """In words for the text model.

        Of some twenty forms this one served it best, with 22 of 31 questions about eight
        images answered right (others 17 to 21): whole sentences, the text last, and behind it
        the question; before it, the question is forgotten.
        """
        colours = ", ".join(f"{name} ({share:.0%})" for name, share in self.colours)
        facts = (
            f"{which} was attached. It is {self.width} pixels wide and {self.height} pixels high. "
            f"Main colors: {colours}."
        )
        if not self.lines:
            return f"{facts} No text was found in it. What it shows is not known."
        # "Milk: 1.15" it understands better than "Milk  1.15".
        rows = "\n".join(
            (": " if len(line.pieces) == _PAIR else "  ").join(line.pieces) for line in self.lines
        )
        return f"{facts} This text was read from it:\n{rows}\n"

    def listed(self) -> dict[str, Any]:
        """As data for the caller."""
        return {
            "modality": "IMAGE",
            "width": self.width,
            "height": self.height,
            "colors": [{"name": name, "share": round(share, 3)} for name, share in self.colours],
            "lines": [
                {"text": "  ".join(line.pieces), "confidence": round(line.confidence, 3)}
                for line in self.lines
            ],
            "source": NAME,
        }


def is_image(part: dict[str, Any]) -> bool:
    """Whether a part is for this module, be it readable or not."""
    kind: str = part.get("inlineData", {}).get("mimeType", "")
    return kind.strip().lower().startswith("image/")


def has_images(request: dict[str, Any]) -> bool:
    """Whether `look` would have anything to do."""
    return any(is_image(part) for content in _contents(request) for part in content["parts"])


def look(
    request: dict[str, Any], stop: Callable[[], bool] = lambda: False
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The request with its images as text, and what was observed in them, in their order.

    Before each image `stop` is asked whether anybody still wants to know.
    """
    found = []
    for content in _contents(request):
        for part in filter(is_image, content["parts"]):
            if stop():
                return request, []
            found.append(_of_part(part))
    told = iter(
        [
            {"text": seen.told(f"Image {number}" if len(found) > 1 else "An image")}
            for number, seen in enumerate(found, 1)
        ]
    )
    made = dict(request)
    if request.get("systemInstruction"):
        made["systemInstruction"] = _told(request["systemInstruction"], told)
    made["contents"] = [_told(content, told) for content in request["contents"]]
    return made, [seen.listed() for seen in found]


def describe(data: bytes, mime_type: str) -> Seen:
    """What can be said of an image; a `Fault` if it cannot be read."""
    key = (hashlib.sha256(data).digest(), mime_type)
    with _lock:
        if key not in _seen:
            _seen[key] = _looked_at(data, mime_type)
            if len(_seen) > _REMEMBERED:
                _seen.popitem(last=False)
        _seen.move_to_end(key)
        return _seen[key]


def _contents(request: dict[str, Any]) -> list[dict[str, Any]]:
    system = request.get("systemInstruction")
    return [*([system] if system else []), *request["contents"]]


def _told(content: dict[str, Any], told: Iterator[dict[str, Any]]) -> dict[str, Any]:
    images = [next(told) for part in content["parts"] if is_image(part)]
    # Before the question, wherever the image stood: a small model answers what it read last.
    return {**content, "parts": [*images, *(p for p in content["parts"] if not is_image(p))]}


def _of_part(part: dict[str, Any]) -> Seen:
    blob = part["inlineData"]
    return describe(base64.b64decode(blob.get("data", "")), blob["mimeType"])


def _looked_at(data: bytes, mime_type: str) -> Seen:
    try:
        from . import pictures

        picture, (width, height) = pictures.opened(data, mime_type)
        lines = tuple(_loaded().read(picture))
    except ImportError:
        raise Fault(501, _MISSING) from None
    except LocalUnavailable as error:
        raise Fault(501, f"The local backend cannot read images now. {error}") from error
    return Seen(width, height, tuple(pictures.colours(picture)), lines)


def _loaded() -> Reader:
    global _reader
    if _reader is None:
        from .ocr import Reader

        _reader = Reader(weights.ensure(progress=False, weights=weights.EYES))
    return _reader


_MISSING = (
    "The local backend reads images with the packages numpy, onnxruntime and pillow; run "
    "`pip install 'gemini_nb[local]'`, or use backend='api'."
)
