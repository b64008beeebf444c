"""What media cost in tokens, as the API documents it: one dated table for each model family.

A rule needs little of a medium: its pixels, its seconds or its pages (`facts.py` reads them). Where
they are not known a guess stands in, and the count says `estimate`. Text is no business of these
rules: it is counted by a vocabulary.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemini_nb.tokens.counted import How
    from gemini_nb.tokens.facts import Facts


class Source(NamedTuple):
    """A page of the documentation, and the day it was last changed, as far as it says so."""

    title: str
    address: str
    date: str


class Cost(NamedTuple):
    """Tokens of one modality."""

    tokens: int
    modality: str
    how: How


class Clip(NamedTuple):
    """The stretch of a video that is read, in seconds, and the frames of each of them."""

    start: float = 0.0
    end: float = math.inf
    fps: float = 1.0


@dataclasses.dataclass(frozen=True)
class Family:
    """The rules for one family of models; tables go by media resolution, `""` where none is set.

    Attributes:
        image: tokens of a picture, or of each of its tiles.
        tiled: the resolutions at which a large picture is cut into tiles.
        frame: tokens of each frame of a video.
        page: tokens of each page of a PDF. The text inside it costs nothing more.
        page_modality: as what the API's usage lists these pages.
        second: tokens of each second of sound, also of a video's.
    """

    name: str
    image: Mapping[str, int]
    tiled: frozenset[str]
    frame: Mapping[str, int]
    page: Mapping[str, int]
    page_modality: str
    second: int
    sources: tuple[Source, ...]


_DOCS = "ai.google.dev/gemini-api/docs"
_TOKENS = Source("Understand and count tokens", f"{_DOCS}/tokens", "2026-09-23")
_RESOLUTION = Source("Media resolution", f"{_DOCS}/media-resolution", "2026-09-23")
_OLD_RESOLUTION = Source("Media resolution", f"{_DOCS}/media-resolution", "2025-12")
_IMAGES = Source("Image understanding", f"{_DOCS}/image-understanding", "2026-09")
_VIDEOS = Source("Video understanding", f"{_DOCS}/video-understanding", "2026-09-23")
_PAGES = Source("Document understanding", f"{_DOCS}/document-processing", "2026-09-04")
_AUDIO = Source("Explore audio capabilities", f"{_DOCS}/audio", "2024")

FAMILIES: Final = {
    "1.x": Family(
        "Gemini 1.x",
        # "Prior to Gemini 2.0, images used a fixed 258 tokens" (tokens).
        image={"": 258},
        tiled=frozenset(),
        frame={"": 258},
        page={"": 258},
        page_modality="DOCUMENT",
        # In the first documentation; it became 32 while these models were still served.
        second=25,
        sources=(_TOKENS, _AUDIO),
    ),
    "2.x": Family(
        "Gemini 2.0 and 2.5",
        # 258 a tile (tokens, images); LOW is 64, MEDIUM one tile, and HIGH has tiles (the table of
        # the older media resolution, which rounds 258 to 256).
        image={"": 258, "LOW": 64, "MEDIUM": 258, "HIGH": 258},
        tiled=frozenset({"", "HIGH"}),
        # 258 a frame, 66 at LOW, 32 a second of sound (videos). The same page adds them up to
        # "about 300 a second", and the tokens page says 263 for the picture: neither shows how.
        frame={"": 258, "LOW": 66},
        page={"": 258, "LOW": 64},
        page_modality="DOCUMENT",
        second=32,
        sources=(_TOKENS, _IMAGES, _VIDEOS, _PAGES, _OLD_RESOLUTION),
    ),
    "3.x": Family(
        "Gemini 3",
        # All of it is one table of the media resolution. Sound is 25 a second there, for these
        # models alone; pages that speak of all models still say 32.
        image={"": 1120, "LOW": 280, "MEDIUM": 560, "HIGH": 1120, "ULTRA_HIGH": 2240},
        tiled=frozenset(),
        frame={"": 70, "LOW": 70, "MEDIUM": 70, "HIGH": 280},
        page={"": 560, "LOW": 280, "MEDIUM": 560, "HIGH": 1120},
        # "Now counted under the IMAGE modality, not a separate DOCUMENT modality" (documents).
        page_modality="IMAGE",
        second=25,
        sources=(_RESOLUTION, _PAGES),
    ),
}
NEWEST: Final = "3.x"

_NUMBERED = re.compile(r"gemini-(?:live-)?([123])(?![0-9])")
_FIRST = re.compile(r"gemini-pro(?:-vision)?")
_LATEST = re.compile(r"gemini-[a-z-]*latest")

_SMALL = 384
"""Pixels; a picture no larger on both sides is one tile."""
_MOST_TILES = 8
"""A long strip has more by the formula; the table of the older page ends at some 2048 tokens."""
_FASTEST = 24.0
"""Frames a second, as the reference of VideoMetadata says."""

# Guesses, where nothing better is known.
_PHOTO_TILES = 4
_SOUND_BYTES: Final = {"audio/wav": 176_400, "audio/aiff": 176_400, "audio/flac": 90_000}
_PACKED_SOUND_BYTES = 16_000
_VIDEO_BYTES = 312_500
_PAGE_BYTES = 100_000
_SOME_SECONDS = 60.0
_SOME_PAGES = 10


def family(model: str) -> tuple[Family, bool]:
    """The rules for a model, and whether it is known to follow them; the newest where it is not."""
    name = model.removeprefix("models/").lower()
    if found := _NUMBERED.match(name):
        return FAMILIES[f"{found[1]}.x"], True
    if _FIRST.fullmatch(name):
        return FAMILIES["1.x"], True
    return FAMILIES[NEWEST], bool(_LATEST.fullmatch(name))


def resolution(value: object) -> str:
    """`MEDIA_RESOLUTION_LOW`, a part's `{"level": …}`, or an older client's number → `LOW`."""
    if isinstance(value, dict):
        value = value.get("level")
    if isinstance(value, int) and not isinstance(value, bool):
        value = dict(enumerate(("", *_LEVELS))).get(value)
    level = str(value or "").upper().removeprefix("MEDIA_RESOLUTION_")
    return level if level in _LEVELS else ""


_LEVELS = ("LOW", "MEDIUM", "HIGH", "ULTRA_HIGH")


def costs(facts: Facts, model: str, level: str = "", clip: Clip | None = None) -> list[Cost]:
    """What a picture, recording, video or PDF costs; a video's sound apart from its frames."""
    rules, known = family(model)
    found = _KINDS[facts.kind](facts, rules, level, clip or Clip())
    return found if known else [cost._replace(how="estimate") for cost in found]


def tiles(width: int, height: int) -> int:
    """Into how many tiles a picture is cut: the documentation's own "rough formula"."""
    if max(width, height) <= _SMALL:
        return 1
    unit = max(1, math.floor(min(width, height) / 1.5))
    return math.ceil(width / unit) * math.ceil(height / unit)


def _image(facts: Facts, rules: Family, level: str, _: Clip) -> list[Cost]:
    each = _at(rules.image, level)
    if level.removeprefix("ULTRA_") not in rules.tiled:
        return [Cost(each, "IMAGE", "rule")]
    if not facts.width or not facts.height:
        return [Cost(each * _PHOTO_TILES, "IMAGE", "estimate")]
    many = tiles(facts.width, facts.height)
    how: How = "rule" if many <= _MOST_TILES else "estimate"
    return [Cost(each * min(many, _MOST_TILES), "IMAGE", how)]


def _audio(facts: Facts, rules: Family, _: str, __: Clip) -> list[Cost]:
    bytes_a_second = _SOUND_BYTES.get(facts.mime_type, _PACKED_SOUND_BYTES)
    seconds, how = _seconds(facts, bytes_a_second)
    return [Cost(_whole(seconds * rules.second), "AUDIO", how)]


def _video(facts: Facts, rules: Family, level: str, clip: Clip) -> list[Cost]:
    seconds, how = _seconds(facts, _VIDEO_BYTES)
    seconds = max(0.0, min(seconds, clip.end) - max(clip.start, 0.0))
    fps = min(clip.fps, _FASTEST) if clip.fps > 0 else 1.0
    frames = _whole(seconds * fps)
    found = [Cost(frames * _at(rules.frame, level), "VIDEO", how)]
    if facts.has_sound is False:
        return found
    heard: How = how if facts.has_sound else "estimate"
    return [*found, Cost(_whole(seconds * rules.second), "AUDIO", heard)]


def _pdf(facts: Facts, rules: Family, level: str, _: Clip) -> list[Cost]:
    each = _at(rules.page, level)
    if facts.pages is not None:
        return [Cost(facts.pages * each, rules.page_modality, "rule")]
    pages = _SOME_PAGES if facts.size is None else max(1, round(facts.size / _PAGE_BYTES))
    return [Cost(pages * each, rules.page_modality, "estimate")]


_KINDS: Final = {"image": _image, "audio": _audio, "video": _video, "pdf": _pdf}


def _at(table: Mapping[str, int], level: str) -> int:
    """A level that a kind of media does not have is the nearest one that it has."""
    return table.get(level) or table.get(level.removeprefix("ULTRA_")) or table[""]


def _seconds(facts: Facts, bytes_a_second: int) -> tuple[float, How]:
    if facts.seconds is not None:
        return facts.seconds, "rule"
    if facts.size is None:
        return _SOME_SECONDS, "estimate"
    return facts.size / bytes_a_second, "estimate"


def _whole(number: float) -> int:
    """Up to a whole number, but not for what floats add to one."""
    return math.ceil(round(number, 3))
