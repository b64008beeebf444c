"""Opens the image bytes that a stranger sent, and measures what needs no model.

An image is refused by its header, before any memory is given to its pixels, if its bytes
are not what its type says or if it has too many pixels; and when it is decoded, if it
ends early. What comes out is small, upright and RGB. Nothing here knows what is in it.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from .fault import Fault, cannot

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT = 50_000_000
"""Pixels; more than this the largest phones do not take, and RGB they are 150 MB."""

_KINDS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}
_UNREAD = ("image/heic", "image/heif", "image/avif")
_ALSO = {"MPO": "JPEG"}
"""What Pillow calls a JPEG with a second picture behind the first."""
_LARGEST_SIDE = 3000
"""Enough to read a page of small print; more only costs memory."""
_SAMPLE = 96
"""Sides of the picture whose colours are counted."""
_LEAST_SHARE = 0.05
_MOST_COLOURS = 4

# Pillow warns of what is above the limit here in any case: let it refuse, in silence.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def opened(data: bytes, mime: str) -> tuple[Image.Image, tuple[int, int]]:
    """The picture, ready to be looked at, and its true size; a `Fault` says why not."""
    named = mime.partition(";")[0].strip().lower()
    if named in _UNREAD:
        raise cannot(f"read {named} images")
    if named not in _KINDS:
        raise Fault(400, f"Unsupported MIME type: {mime}")
    try:
        picture = Image.open(io.BytesIO(data), formats=sorted(set(_KINDS.values())))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    except Exception:  # noqa: BLE001 - Pillow raises whatever a broken header makes it meet
        raise _unable(f"it is no {_KINDS[named]} file, or its header is damaged") from None
    with picture:
        found = _ALSO.get(picture.format or "", picture.format)
        if found != _KINDS[named]:
            raise _unable(f"it is {found}, and the request says {named}; name its real type")
        if picture.width * picture.height > LIMIT:
            raise _too_large()
        size = picture.size
        try:
            size = _turned(picture, size)
            return _upright(picture), size
        except Exception:  # noqa: BLE001 - as above, of its pixels
            raise _unable("it is truncated or damaged") from None


def colours(picture: Image.Image) -> list[tuple[str, float]]:
    """The colours that cover most of a picture, each with its share of it."""
    small = picture.resize((_SAMPLE, _SAMPLE), Image.Resampling.NEAREST)
    names = _named(np.asarray(small.convert("HSV"), dtype=np.int64))
    found, counts = np.unique(names, return_counts=True)
    shares = sorted(zip(counts / names.size, found, strict=True), reverse=True)
    kept = [(str(name), float(share)) for share, name in shares if share >= _LEAST_SHARE]
    return kept[:_MOST_COLOURS]


def _unable(why: str) -> Fault:
    return Fault(400, f"Unable to process input image: {why}.")


def _too_large() -> Fault:
    return _unable(f"it has more than {LIMIT / 1e6:.0f} million pixels; send a smaller one")


def _upright(picture: Image.Image) -> Image.Image:
    picture.draft("RGB", (_LARGEST_SIDE, _LARGEST_SIDE))  # a JPEG can be decoded smaller
    ImageOps.exif_transpose(picture, in_place=True)
    plain = _rgb(picture)
    plain.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE), reducing_gap=2.0)
    return plain


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits of grey, of which `convert` would cut off the upper
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return picture.convert("RGB")


def _turned(picture: Image.Image, size: tuple[int, int]) -> tuple[int, int]:
    on_its_side = picture.getexif().get(_ORIENTATION, 1) >= _FIRST_ON_ITS_SIDE
    return (size[1], size[0]) if on_its_side else size


_ORIENTATION, _FIRST_ON_ITS_SIDE = 0x0112, 5

# Hues from 0 to 255, each up to the number that stands with it.
_HUES = (
    (10, "red"),
    (28, "orange"),
    (47, "yellow"),
    (113, "green"),
    (138, "turquoise"),
    (182, "blue"),
    (210, "purple"),
    (238, "pink"),
    (256, "red"),
)
_GREYS = ((40, "black"), (215, "grey"), (256, "white"))
_COLOURLESS, _DARK, _BROWN = 38, 40, 170
"""Saturation below the first and brightness below the second have no hue; dark orange is brown."""


def _named(hsv: NDArray[np.int64]) -> NDArray[np.str_]:
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]

    def pick(table: tuple[tuple[int, str], ...], numbers: NDArray[np.int64]) -> NDArray[np.str_]:
        limits, names = zip(*table, strict=True)
        return np.array(names)[np.searchsorted(limits, numbers, side="right")]

    names = pick(_HUES, hue)
    names[(names == "orange") & (value < _BROWN)] = "brown"
    plain = (saturation < _COLOURLESS) | (value < _DARK)
    return np.where(plain, pick(_GREYS, value), names)
