"""The language that a prompt names."""

from __future__ import annotations

import pytest

from gemini_nb.local import languages
from gemini_nb.transcripts import reading


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (reading.prompt(language="German"), "de"),
        (reading.prompt(language="de"), "de"),
        (reading.prompt(language="pt-BR"), "pt"),
        (reading.prompt(language="Español"), "es"),
        (reading.prompt(language="日本語"), "ja"),
        ("language: fr", "fr"),
        ("Language: 'fr'", "fr"),
        ("The recording is in Dutch.", "nl"),
        ("She speaks Swedish.", "sv"),
        ("What language is it?", ""),
        ("Is the language no longer spoken?", ""),
        ("Summarize it in German.", ""),
        (reading.prompt(), ""),
    ],
)
def test_what_is_said_to_be_spoken(prompt, expected):
    """By a name or by a code, and not by a word that happens to be one."""
    assert languages.told(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Transcribe this in German", "de"),
        ("Say in a low voice, in Français", "fr"),
        ("Transcribe the speech in full", ""),
        ("Say in Germanic style", ""),
    ],
)
def test_what_is_to_be_written(prompt, expected):
    """After "in", as a whole word."""
    assert languages.written(prompt) == expected
