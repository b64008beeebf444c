r"""What a person typed into a cell → the pieces of a prompt. Pure: nothing is evaluated but names.

`{name}` and `{name.attribute}` are replaced by the variable, once; what comes in is never looked at
again. Braces that hold no name stay as they are, so JSON survives; so do those that TeX and shells
use (`\frac{a}{b}`, `x^{n}`, `${HOME}`) and doubled ones (`{{name}}`).
"""

from __future__ import annotations

import contextlib
import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gemini_nb.errors import BadPrompt, ConfigError
from gemini_nb.parts import mime_type, samples_of, to_part
from gemini_nb.stream import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemini_nb.content import Part

_PLACE = re.compile(
    r"(?<![\\^_{$])"  # not after what makes it TeX, a shell variable, or a doubled brace
    r"(?<!\\[A-Za-z])"
    r"\{(?P<path>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\}(?!\})"
)
_TEX_COMMAND = re.compile(r"\\[A-Za-z]+\*?(?:\[[^\]]*\])?\Z")
_NBVAL = re.compile(r"^[ \t]*#[ \t]*(?:NBVAL|PYTEST_VALIDATE)_\w+[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


def without_markers(cell: str) -> str:
    """The cell without the comment lines that are meant for nbval."""
    return _NBVAL.sub("", cell)


class Filled(NamedTuple):
    """A prompt in pieces, and the names of those that are media, in their order."""

    pieces: list[str | Part]
    media: list[str]


def fill(template: str, names: Mapping[str, Any]) -> Filled:
    """The prompt with its `{name}`s replaced: text as text, an image as an image.

    Raises BadPrompt for a name that does not exist.
    """
    pieces: list[str | Part] = []
    media: list[str] = []
    text = ""
    at = 0
    for found in _PLACE.finditer(template):
        before = template[at : found.start()]
        # A brace that follows another is TeX's second argument, unless that other was replaced.
        if before.endswith("}") or _TEX_COMMAND.search(before):
            continue
        value = _piece(_look_up(found["path"], names))
        text += before
        if isinstance(value, str):
            text += value
        else:
            pieces += [text, value] if text else [value]
            media.append(found["path"])
            text = ""
        at = found.end()
    text += template[at:]
    return Filled([*pieces, text] if text else pieces, media)


def _look_up(path: str, names: Mapping[str, Any]) -> Any:
    first, *rest = path.split(".")
    if first not in names:
        near = difflib.get_close_matches(first, [n for n in names if not n.startswith("_")], n=1)
        hint = f"Did you mean {{{near[0]}}}? " if near else ""
        raise BadPrompt(
            f"The prompt names {{{path}}}, and there is no variable {first!r}.",
            advice=f"{hint}To send braces as they are: --no-interpolate.",
        )
    value = names[first]
    for name in rest:
        try:
            value = getattr(value, name)
        except AttributeError:
            raise BadPrompt(
                f"The prompt names {{{path}}}, and {first!r} has no {name!r}.",
                advice="To send braces as they are: --no-interpolate.",
            ) from None
    return value


def _piece(value: Any) -> str | Part:
    """Media becomes a Part, an answer its text; everything else what `print` would show."""
    if isinstance(value, Response):
        return value.text
    value = _sound(value)
    if isinstance(value, (str, dict, list, tuple, Path)):
        return str(value)
    try:
        part = to_part(value)
    except ConfigError:
        if _is_media(value):
            raise
        return str(value)
    return part if part.text is None else part.text


def _sound(value: Any) -> Any:
    """Samples with their rate as an Audio; any other array beside a number stays a pair."""
    found = samples_of(value)
    if found is not None:
        from gemini_nb.audio import Audio

        with contextlib.suppress(BadPrompt):
            return Audio.from_array(*found)
    return value


def _is_media(value: Any) -> bool:
    """A broken picture, a silent recording, or a file that is not ready.

    It is not meant as what Python shows of it.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return mime_type(bytes(value)) is not None
    # A File, an Audio, what IPython shows or plays.
    return any(hasattr(value, name) for name in ("uri", "_part", "embed"))
