"""The thirty voices, and the language of a text."""

from __future__ import annotations

import pytest

from gemini_nb.local import prebuilt
from gemini_nb.local.fault import Fault

SPOKEN = {"en", "en-us", "de", "es", "es-419", "he", "nb", "pt", "pt-br", "cmn", "yue"}


def test_no_two_voices_are_the_same():
    """All thirty of the API are there, in any case of letters, each another."""
    assert len(prebuilt.VOICES) == len(set(prebuilt.VOICES.values())) == 30
    assert prebuilt.voice("Kore") == prebuilt.voice("KORE") == prebuilt.DEFAULT
    assert prebuilt.voice("Puck").variant.startswith("m")


def test_an_unknown_voice_is_refused_with_the_list():
    """In the API's own words, which clients read the list out of."""
    with pytest.raises(Fault) as caught:
        prebuilt.voice("Alloy")
    assert caught.value.code == 400
    start = "Voice name Alloy is not supported. Allowed voice names are: achernar, achird, "
    assert caught.value.message.startswith(start)
    assert caught.value.message.endswith("zephyr, zubenelgenubi")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("de-DE", "de"),
        ("en", "en-us"),
        ("en-US", "en-us"),
        ("en-GB", "en"),
        ("en-IN", "en-us"),
        ("es-419", "es-419"),
        ("pt_BR", "pt-br"),
        ("pt-PT", "pt"),
        ("zh-CN", "cmn"),
        ("zh-HK", "yue"),
        ("cmn-CN", "cmn"),
        ("no", "nb"),
        ("iw", "he"),
    ],
)
def test_codes_are_those_that_are_spoken(code, expected):
    """With a region, or without one."""
    assert prebuilt.named(code, SPOKEN) == expected


def test_a_language_that_is_not_spoken_is_refused():
    """Rather than read as another."""
    with pytest.raises(Fault, match="Language code tlh is not spoken here"):
        prebuilt.named("tlh", SPOKEN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Have a wonderful day!", "en-us"),
        ("¡Qué día tan bonito!", "en-us"),
        ("Добрый день, Jane!", "ru"),
        ("你好，世界", "cmn"),
        ("東京は日本の首都です", "ja"),
        ("안녕하세요", "ko"),
        ("नमस्ते", "hi"),
        ("مرحبا", "ar"),
        ("שלום", "he"),
        ("Καλημέρα", "el"),
        ("12:30", "en-us"),
    ],
)
def test_a_script_tells_the_language(text, expected):
    """As far as it can: Latin letters are read as English."""
    assert prebuilt.guessed(text) == expected
