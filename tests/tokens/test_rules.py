"""Hand-worked tables: what media cost, one for each kind and each family of models.

The numbers stand as the documentation has them, or with the sum that leads to them. Pages of
ai.google.dev/gemini-api/docs: `media-resolution` (2026-09-23; the table for 2.5 in its form of the
end of 2025), `tokens` and `video-understanding` (2026-09-23), `image-understanding`,
`document-processing` (2026-09), and `audio` (2024, for 1.x).
"""

from __future__ import annotations

import pytest

from gemini_nb.tokens import rules
from gemini_nb.tokens.facts import Facts

OLD, OLDER, NEW = "gemini-1.5-pro", "gemini-2.5-flash", "gemini-3.8-flash"


def picture(width, height):
    return Facts("image", "image/png", 1000, width=width, height=height)


def video(seconds, *, has_sound=True):
    return Facts("video", "video/mp4", 1000, seconds=seconds, has_sound=has_sound)


def cost(facts, model, level="", **clip):
    return rules.costs(facts, model, level, rules.Clip(**clip))


# ---------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        # Both sides up to 384: 258 (tokens).
        (1, 1, 258),
        (384, 384, 258),
        (384, 100, 258),
        # The documentation's own example: ⌊540 / 1.5⌋ = 360; 960 / 360 → 3, 540 / 360 → 2; 6 × 258.
        (960, 540, 1548),
        (540, 960, 1548),
        # One pixel more: ⌊385 / 1.5⌋ = 256; 385 / 256 → 2 each; 4 × 258.
        (385, 385, 1032),
        # A square stays four tiles, however large: ⌊4000 / 1.5⌋ = 2666 → 2 × 2.
        (4000, 4000, 1032),
        # A phone's 4:3: ⌊3024 / 1.5⌋ = 2016; 4032 / 2016 = 2, 3024 / 2016 → 2; 4 × 258.
        (4032, 3024, 1032),
        # 2:1: ⌊500 / 1.5⌋ = 333; 1000 / 333 → 4 (3.003), 500 / 333 → 2; 8 × 258.
        (1000, 500, 2064),
    ],
)
def test_a_picture_for_gemini_2_is_tiles(width, height, tokens):
    """By the formula of image-understanding, "Token calculation"."""
    assert cost(picture(width, height), OLDER) == [(tokens, "IMAGE", "rule")]
    assert cost(picture(width, height), "gemini-2.0-flash-001") == [(tokens, "IMAGE", "rule")]


def test_a_long_strip_is_an_estimate():
    """3000 × 300 were 15 × 2 tiles by the formula; media-resolution ends at about 2048 tokens."""
    assert cost(picture(3000, 300), OLDER) == [(8 * 258, "IMAGE", "estimate")]
    assert cost(picture(10_000, 1), OLDER) == [(8 * 258, "IMAGE", "estimate")]


@pytest.mark.parametrize(
    ("level", "tokens"),
    # media-resolution, Gemini 2.5: 64; 256, which is the tile of 258; 256 and pan & scan.
    [("LOW", 64), ("MEDIUM", 258), ("HIGH", 1548), ("ULTRA_HIGH", 1548)],
)
def test_resolutions_of_a_picture_for_gemini_2(level, tokens):
    """LOW and MEDIUM are never cut into tiles."""
    assert cost(picture(960, 540), OLDER, level) == [(tokens, "IMAGE", "rule")]


@pytest.mark.parametrize(
    ("level", "tokens"),
    [("", 1120), ("LOW", 280), ("MEDIUM", 560), ("HIGH", 1120), ("ULTRA_HIGH", 2240)],
)
@pytest.mark.parametrize("size", [(1, 1), (960, 540), (9000, 100), (None, None)])
def test_a_picture_for_gemini_3(level, tokens, size):
    """media-resolution, Gemini 3: its size changes nothing."""
    assert cost(picture(*size), NEW, level) == [(tokens, "IMAGE", "rule")]


@pytest.mark.parametrize("level", ["", "LOW", "HIGH"])
def test_a_picture_for_gemini_1(level):
    """Tokens: "Prior to Gemini 2.0, images used a fixed 258 tokens"."""
    assert cost(picture(4000, 3000), OLD, level) == [(258, "IMAGE", "rule")]


def test_a_picture_of_unknown_size_is_guessed():
    """As a photograph of 4:3, four tiles."""
    assert cost(picture(None, None), OLDER) == [(1032, "IMAGE", "estimate")]


# ---------------------------------------------------------------------------------- recordings


@pytest.mark.parametrize(
    ("model", "seconds", "tokens"),
    [
        # audio (2024): 25 a second in the first documentation.
        (OLD, 60.0, 1500),
        # audio: "one minute of audio is represented as 1,920 tokens".
        (OLDER, 60.0, 1920),
        (OLDER, 0.01, 1),  # 0.32 → 1
        # media-resolution, Gemini 3: 25 a second at every resolution.
        (NEW, 60.0, 1500),
        (NEW, 141.0, 3525),
        (NEW, 2.5, 63),  # 62.5 → 63
        (NEW, 0.28, 7),  # 7.000000000000001 in floats
    ],
)
@pytest.mark.parametrize("level", ["", "LOW", "HIGH"])
def test_a_recording(model, seconds, tokens, level):
    """By its seconds, whatever the resolution."""
    facts = Facts("audio", "audio/mp3", 1000, seconds=seconds)
    assert cost(facts, model, level) == [(tokens, "AUDIO", "rule")]


@pytest.mark.parametrize(
    ("mime_type", "size", "tokens"),
    [
        ("audio/mp3", 160_000, 250),  # 128 kbit/s: 10 s × 25
        ("audio/wav", 1_764_000, 250),  # 44.1 kHz, 16 bits, two channels: 10 s × 25
        ("audio/mp3", None, 1500),  # a minute, for want of anything
    ],
)
def test_a_recording_of_unknown_length_is_guessed(mime_type, size, tokens):
    """By its size."""
    assert cost(Facts("audio", mime_type, size), NEW) == [(tokens, "AUDIO", "estimate")]


# ---------------------------------------------------------------------------------- videos


@pytest.mark.parametrize(
    ("model", "level", "frames", "sound"),
    [
        # Ten seconds, ten frames. Gemini 2.5: 258 a frame, 66 at LOW, 32 a second (videos).
        (OLD, "", 2580, 250),
        (OLDER, "", 2580, 320),
        (OLDER, "LOW", 660, 320),
        (OLDER, "HIGH", 2580, 320),
        # Gemini 3: 70 a frame, 280 at HIGH, 25 a second (media-resolution).
        (NEW, "", 700, 250),
        (NEW, "LOW", 700, 250),
        (NEW, "MEDIUM", 700, 250),
        (NEW, "HIGH", 2800, 250),
        (NEW, "ULTRA_HIGH", 2800, 250),  # "N/A" there: as HIGH
    ],
)
def test_a_video(model, level, frames, sound):
    """Its frames, one a second, and its sound."""
    facts = video(10.0)
    assert cost(facts, model, level) == [(frames, "VIDEO", "rule"), (sound, "AUDIO", "rule")]
    assert cost(video(10.0, has_sound=False), model, level) == [(frames, "VIDEO", "rule")]


@pytest.mark.parametrize(
    ("clip", "frames", "sound"),
    [
        ({"fps": 5.0}, 3500, 250),  # 50 frames × 70
        ({"fps": 0.2}, 140, 250),  # 2 × 70
        ({"fps": 100.0}, 16_800, 250),  # at most 24 a second: 240 × 70
        ({"start": 4.0}, 420, 150),  # 6 s
        ({"start": 2.0, "end": 4.5}, 210, 63),  # 2.5 s: 3 frames, 62.5 → 63
        ({"end": 99.0}, 700, 250),
        ({"start": 99.0}, 0, 0),
        ({"start": 5.0, "end": 2.0}, 0, 0),
        ({"fps": 0.0}, 700, 250),  # no number of frames: the default
    ],
)
def test_a_clip_of_a_video(clip, frames, sound):
    """videoMetadata: which stretch is read, and how many frames of it."""
    assert cost(video(10.0), NEW, **clip) == [(frames, "VIDEO", "rule"), (sound, "AUDIO", "rule")]


def test_a_video_that_nothing_is_known_of_is_guessed():
    """3.125 MB at 2.5 Mbit/s are ten seconds, with sound."""
    facts = Facts("video", "video/mp4", 3_125_000)
    assert cost(facts, NEW) == [(700, "VIDEO", "estimate"), (250, "AUDIO", "estimate")]
    known = Facts("video", "video/mp4", 3_125_000, seconds=10.0)
    assert cost(known, NEW) == [(700, "VIDEO", "rule"), (250, "AUDIO", "estimate")]


# ---------------------------------------------------------------------------------- documents


@pytest.mark.parametrize(
    ("model", "level", "tokens", "modality"),
    [
        # document-processing: "Each document page is equivalent to 258 tokens".
        (OLD, "", 2580, "DOCUMENT"),
        (OLDER, "", 2580, "DOCUMENT"),
        (OLDER, "LOW", 640, "DOCUMENT"),
        # media-resolution, Gemini 3; the usage lists the pages as IMAGE (document-processing).
        (NEW, "", 5600, "IMAGE"),
        (NEW, "LOW", 2800, "IMAGE"),
        (NEW, "MEDIUM", 5600, "IMAGE"),
        (NEW, "HIGH", 11_200, "IMAGE"),
    ],
)
def test_a_pdf(model, level, tokens, modality):
    """Ten pages; the text inside them costs nothing more."""
    facts = Facts("pdf", "application/pdf", 1000, pages=10)
    assert cost(facts, model, level) == [(tokens, modality, "rule")]


@pytest.mark.parametrize(("size", "pages"), [(1_000_000, 10), (1, 1), (None, 10)])
def test_a_pdf_of_unknown_length_is_guessed(size, pages):
    """By its size, 100 KB a page."""
    facts = Facts("pdf", "application/pdf", size)
    assert cost(facts, NEW) == [(560 * pages, "IMAGE", "estimate")]


# ---------------------------------------------------------------------------------- families


@pytest.mark.parametrize(
    ("model", "family", "known"),
    [
        ("gemini-pro", "1.x", True),
        ("gemini-pro-vision", "1.x", True),
        ("gemini-1.5-flash-latest", "1.x", True),
        ("models/gemini-2.0-flash", "2.x", True),
        ("gemini-2.5-flash-lite-preview-06-17", "2.x", True),
        ("gemini-live-2.5-flash", "2.x", True),
        ("gemini-3-pro-preview", "3.x", True),
        ("models/gemini-3.8-flash", "3.x", True),
        ("Gemini-3.1-Pro-Preview", "3.x", True),
        ("gemini-flash-latest", "3.x", True),
        ("gemini-flash-lite-latest", "3.x", True),
        # Nobody has said by what rules these are counted.
        ("gemini-4-argon", "3.x", False),
        ("gemini-10.5", "3.x", False),
        ("gemini-30-pro", "3.x", False),
        ("gemma-3-27b-it", "3.x", False),
        ("tunedModels/mine", "3.x", False),
        ("", "3.x", False),
    ],
)
def test_the_family_of_a_model(model, family, known):
    """An unknown one follows the newest rules, and its counts are estimates."""
    assert rules.family(model) == (rules.FAMILIES[family], known)
    how = "rule" if known else "estimate"
    assert {each.how for each in cost(video(1.0), model)} == {how}


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("MEDIA_RESOLUTION_LOW", "LOW"),
        ("media_resolution_high", "HIGH"),
        ({"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}, "ULTRA_HIGH"),
        (2, "MEDIUM"),
        ("MEDIA_RESOLUTION_UNSPECIFIED", ""),
        ("MEDIA_RESOLUTION_OF_NEXT_YEAR", ""),
        (None, ""),
        (0, ""),
        (99, ""),
        (True, ""),
        ([], ""),
        ({"level": {"level": 1}}, ""),
    ],
)
def test_a_resolution_in_each_of_its_spellings(value, level):
    """What is not known is as if it were not set."""
    assert rules.resolution(value) == level


def test_each_family_names_its_sources():
    """With the address and the day, since the numbers change."""
    for family in rules.FAMILIES.values():
        assert family.sources
        assert all(s.title and "ai.google.dev" in s.address and s.date for s in family.sources)
