"""Nine and a half hours are what one prompt takes."""

from __future__ import annotations

import pytest

from gemini_nb.audio import limits
from gemini_nb.errors import BadPrompt
from gemini_nb.parts import to_contents
from gemini_nb.tokens.facts import Facts
from gemini_nb.types import FileData, Part
from tests import media
from tests.audio import sounds


def test_the_sum_of_a_prompt():
    """Recordings inside it, and uploaded ones of which the length is known; nothing else."""
    known = {"files/long": Facts("audio", seconds=3600.0), "files/film": Facts("video", seconds=60)}
    contents = to_contents(
        [
            {"role": "user", "parts": ["Listen.", sounds.encoded("MP3"), media.picture()]},
            {"role": "model", "parts": ["Yes?"]},
            {
                "role": "user",
                "parts": [sounds.encoded(), *(_file(uri) for uri in (*known, "files/unknown"))],
            },
        ]
    )
    found = limits.total_seconds(contents, known.get)
    assert found == pytest.approx(3600 + 2 * sounds.SECONDS, abs=0.2)
    assert limits.total_seconds(contents) == pytest.approx(2 * sounds.SECONDS, abs=0.2)


def _file(uri, kind="audio/mp3"):
    return Part(file_data=FileData(file_uri=uri, mime_type=kind))


def test_files_that_are_no_sound_are_not_looked_at():
    """A file is asked for where the prompt says that it is sound, or does not say."""
    asked = []
    kinds = ("Audio/MP3", None, "video/mp4", "text/plain", "image/png")
    limits.total_seconds(to_contents([_file(str(kind), kind) for kind in kinds]), asked.append)
    assert asked == ["Audio/MP3", "None"]


def test_more_than_the_limit():
    """One sentence says how much it is, another what to do."""
    limits.check(limits.LIMIT)
    words = "The recordings of this prompt last 9:30:01; one prompt takes 9:30:00."
    with pytest.raises(BadPrompt, match=words) as caught:
        limits.check(limits.LIMIT + 1)
    assert "audio.split" in caught.value.advice
    with pytest.raises(BadPrompt, match=r"'talk.mp3' lasts 10:00:00;"):
        limits.check(36_000, "'talk.mp3'")
