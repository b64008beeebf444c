"""A look at the size and the header of a file, before it is read or sent for nothing.

Nothing is unpacked: a few hundred bytes are read, however much the rest would become. What is not
known here (HEIC, AAC, video) is left to the service.
"""

from __future__ import annotations

import re
import struct
import warnings
from typing import IO, TYPE_CHECKING, Final, cast

from gemini_nb.errors import BadPrompt
from gemini_nb.tokens import facts
from gemini_nb.tokens.buffers import Reader, apart

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable

    Buffer = bytes | mmap.mmap

# One file at the service, by the documentation of 2026.
FILE_LIMIT = 2 << 30

_PICTURES: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}
_PNG_HEAD = 8
_MAGIC = 4
_HEAD = 65_536
_FRAME = re.compile(rb"\xff[\xe0-\xff]")
# libsndfile's codes for a coding that it does not know; the service may.
_RARE = (4, 18)


def check_size(size: int, what: str) -> None:
    """Raise BadPrompt where a prompt could not even name it as an uploaded file."""
    if size > FILE_LIMIT:
        raise BadPrompt(
            f"{what} has {size / (1 << 30):.3g} GB; a file may have {FILE_LIMIT >> 30} GB.",
            advice="Send it in parts, or make it smaller; of a recording: audio.prepare().",
        )


def check(data: Buffer, kind: str, what: str) -> None:
    """Raise BadPrompt where `data` cannot be the `kind` that it is taken for.

    `what` names it in the error.
    """
    if kind in _CHECKS:
        _CHECKS[kind](data, kind, what)


def _check_picture(data: Buffer, kind: str, what: str) -> None:
    from PIL import Image

    with facts.quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            Image.open(cast("IO[bytes]", Reader(data)), formats=[_PICTURES[kind]]).close()
        except Image.DecompressionBombError:
            raise BadPrompt(
                f"{what} would unpack to more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} "
                "million pixels.",
                advice="Scale it down, or cut it into pieces.",
            ) from None
        except (OSError, SyntaxError, ValueError, struct.error):  # as Pillow's readers raise them
            raise BadPrompt(
                f"{what} is no {_PICTURES[kind]} picture that can be read.",
                advice="Open it in a viewer: is it whole?",
            ) from None
    if not _WHOLE[kind](data):
        raise BadPrompt(
            f"{what} is cut off: its end is missing.", advice="Copy or download it once more."
        )


def _png_is_whole(data: Buffer) -> bool:
    at = _PNG_HEAD
    while at + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        at += 12 + length
        if name == b"IEND":
            return bool(at <= len(data))
    return False


def _jpeg_is_whole(data: Buffer) -> bool:
    """An end after the beginning of the picture: a preview inside the header has one, too."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - each segment begins so
        marker, length = struct.unpack(">BH", data[at + 1 : at + 4])
        if marker == 0xDA:  # noqa: PLR2004 - the picture itself
            return bool(data.rfind(b"\xff\xd9") > at)
        at += 2 + length
    return False


def _webp_is_whole(data: Buffer) -> bool:
    return len(data) >= 8 + int.from_bytes(data[_MAGIC:8], "little")


def _gif_is_whole(data: Buffer) -> bool:
    return bytes(data[-1024:]).rstrip(b"\0\r\n").endswith(b";")


_WHOLE: Final = {
    "image/png": _png_is_whole,
    "image/jpeg": _jpeg_is_whole,
    "image/webp": _webp_is_whole,
    "image/gif": _gif_is_whole,
}


def _check_recording(data: Buffer, kind: str, what: str) -> None:
    import soundfile

    try:
        with apart() as run:
            found = run(soundfile.info, Reader(data))
    except soundfile.LibsndfileError as error:
        if error.code in _RARE:
            return
        raise _no_recording(kind, what) from None
    if not found.frames:
        raise BadPrompt(f"{what} holds no sound.", advice="Record it once more.")


def _check_mp3(data: Buffer, kind: str, what: str) -> None:
    """A frame begins somewhere near the start. (libsndfile's reader of MP3 talks to stderr.)"""
    if not (data[:3] == b"ID3" or _FRAME.search(data[:_HEAD])):
        raise _no_recording(kind, what)


def _no_recording(kind: str, what: str) -> BadPrompt:
    return BadPrompt(
        f"{what} is no {kind.partition('/')[2].upper()} recording that can be read.",
        advice="Play it: is it whole?",
    )


_CHECKS: Final[dict[str, Callable[[Buffer, str, str], None]]] = {
    **dict.fromkeys(_PICTURES, _check_picture),
    **dict.fromkeys(("audio/wav", "audio/flac", "audio/ogg", "audio/aiff"), _check_recording),
    "audio/mp3": _check_mp3,
}
