"""Samples that a person gives, as an array → the same, checked, and not copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gemini_nb.errors import BadPrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHAPE_ADVICE = "Give the shape (frames,) or (frames, channels)."
_LOUDEST = 2.0
"""A float above it is no sample that went a little over full scale, but of another scale."""
_RATES = range(100, 1_000_000)
_FEW = 32


def checked(samples: Any, rate: Any) -> tuple[NDArray[Any], int]:
    """Rows of one sample a channel, and the rate. Raises BadPrompt."""
    try:
        hertz = int(rate)
    except (TypeError, ValueError, OverflowError):
        hertz = 0
    if isinstance(rate, bool) or hertz != rate or hertz not in _RATES:
        raise BadPrompt(
            f"{rate!r} is no sample rate.", advice="Give frames a second, like 16000 or 44100."
        )
    try:
        found = np.asarray(samples)
    except ValueError:  # lists of several lengths
        raise BadPrompt("These samples make no array.", advice=_SHAPE_ADVICE) from None
    _check_shape(found)
    if found.ndim == 1:
        found = found[:, None]
    if found.dtype in (np.int16, np.int32):
        return found, hertz
    if found.dtype.kind != "f":
        raise BadPrompt(
            f"Samples are floats from −1 to 1, int16 or int32, not {found.dtype}.",
            advice="Convert them first.",
        )
    _check_range(found)
    return found, hertz


def is_raw(mime_type: str) -> bool:
    """Whether that is samples without a file around them."""
    return mime_type.partition(";")[0].strip().lower() in ("audio/l16", "audio/pcm")


def of_raw(data: bytes, mime_type: str) -> tuple[NDArray[Any], int]:
    """`audio/L16;rate=24000`, which Gemini speaks → its samples. Raises BadPrompt.

    They are little-endian, whatever the registered type says. Half a sample at the end is dropped.
    """
    settings = (each.strip().lower() for each in mime_type.split(";")[1:])
    said = dict(each.partition("=")[::2] for each in settings)
    try:
        rate, channels = int(said.get("rate", "24000")), int(said.get("channels", "1"))
        found = np.frombuffer(data[: len(data) // (2 * channels) * 2 * channels], "<i2")
    except (ValueError, ZeroDivisionError):
        raise BadPrompt(
            f"{mime_type!r} is no type of raw samples.", advice="One is audio/L16;rate=24000."
        ) from None
    return checked(found.reshape(-1, channels), rate)


def _check_shape(found: NDArray[Any]) -> None:
    if found.ndim not in (1, 2):
        raise BadPrompt(f"Samples have the shape {found.shape}.", advice=_SHAPE_ADVICE)
    if found.size == 0:
        raise BadPrompt("There are no samples.", advice="Record once more.")
    if found.ndim == 2 and found.shape[1] > _FEW:  # noqa: PLR2004 - rows and columns
        raise BadPrompt(
            f"Samples of the shape {found.shape} would have {found.shape[1]:,} channels.",
            advice="Turn them round: samples.T.",
        )


def _check_range(found: NDArray[Any]) -> None:
    low, high = float(found.min()), float(found.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise BadPrompt(
            "Some samples are no numbers (NaN), or infinite.", advice="Mend them: np.nan_to_num()."
        )
    if max(-low, high) > _LOUDEST:
        raise BadPrompt(
            f"These samples go from {low:.4g} to {high:.4g}; floats are from −1 to 1.",
            advice="Divide them by their largest: samples / abs(samples).max().",
        )
