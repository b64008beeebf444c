"""What a rule must know of a medium: its pixels, seconds or pages, from its header only.

Nothing is unpacked and nothing raises: what a header does not tell, or tells wrongly, is None. A
broken file is the service's to refuse.
"""

from __future__ import annotations

import dataclasses
import threading
import warnings
from typing import IO, TYPE_CHECKING, Any, Final, Literal, cast

from gemini_nb.tokens import lengths, pages
from gemini_nb.tokens.buffers import Head, Reader

if TYPE_CHECKING:
    from gemini_nb.tokens.buffers import Buffer

Kind = Literal["image", "audio", "video", "pdf", "text", "other"]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of one medium.

    Attributes:
        text: all of a text file, which is counted as text.
    """

    kind: Kind
    mime_type: str = ""
    size: int | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    has_sound: bool | None = None
    pages: int | None = None
    text: str | None = dataclasses.field(default=None, repr=False)


_TEXTS: Final = {
    "application/json",
    "application/x-javascript",
    "application/x-typescript",
    "application/x-python-code",
    "application/x-ipynb+json",
    "application/xml",
    "application/x-yaml",
}
_OTHER_NAMES: Final = {
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/mpeg": "audio/mp3",
    "audio/mpga": "audio/mp3",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-aac": "audio/aac",
    "video/mov": "video/quicktime",
    "application/x-pdf": "application/pdf",
}
_PICTURES: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_LONGEST = 10 * 24 * 3600.0
"""Seconds; a header that tells of more lies."""


def plain_type(mime_type: str) -> str:
    """`Audio/MPEG; rate=…` → `audio/mp3`: one name for each type."""
    named = mime_type.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(named, named)


def is_text(mime_type: str) -> bool:
    """Whether the API reads a file of this type as text."""
    named = plain_type(mime_type)
    return (named.startswith("text/") and named != "text/rtf") or named in _TEXTS


def kind_of(mime_type: str) -> Kind:
    """By which rule a type is counted."""
    named = plain_type(mime_type)
    if is_text(named):
        return "text"
    if named == "application/pdf":
        return "pdf"
    first = named.partition("/")[0]
    return cast("Kind", first) if first in ("image", "audio", "video") else "other"


def look(data: Buffer, mime_type: str, size: int | None = None) -> Facts:
    """What the header of `data` tells, which is said to be of this type. Never raises.

    Where `data` is only the beginning, `size` is that of the whole.
    """
    if size is not None and size > len(data):
        data = Head(data, size)
    known = Facts(kind_of(mime_type), plain_type(mime_type), len(data))
    reader = _READERS.get(known.kind)
    if reader is None:
        return known
    try:
        return dataclasses.replace(known, **reader(data, known.mime_type))
    except Exception:  # noqa: BLE001 - libraries raise whatever a broken header makes them meet
        return known


def _text(data: Buffer, _: str) -> dict[str, Any]:
    whole = bytes(data[:])
    return {"text": whole.decode("utf-8-sig")} if len(whole) == len(data) else {}


def _image(data: Buffer, _: str) -> dict[str, Any]:
    """Its size as it is stored: a picture that lies on its side has as many tiles."""
    from PIL import Image

    # Python's switch for warnings is the process's: two threads would leave it as neither found it.
    with quiet, warnings.catch_warnings():
        # None of its pixels is unpacked here. Above Pillow's own limit the size remains unknown.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(cast("IO[bytes]", Reader(data)), formats=_PICTURES) as picture:
            return {"width": picture.width, "height": picture.height}


quiet = threading.Lock()


def _audio(data: Buffer, mime_type: str) -> dict[str, Any]:
    return {"seconds": _sane(lengths.of_audio(data, mime_type))}


def _video(data: Buffer, mime_type: str) -> dict[str, Any]:
    seconds, has_sound = lengths.of_video(data, mime_type)
    return {"seconds": _sane(seconds), "has_sound": has_sound}


def _sane(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 < seconds < _LONGEST else None


def _pdf(data: Buffer, _: str) -> dict[str, Any]:
    return {"pages": pages.count(bytes(data[:]))}


_READERS: Final = {"text": _text, "image": _image, "audio": _audio, "video": _video, "pdf": _pdf}
