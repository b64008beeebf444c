"""The API's prebuilt voices as eSpeak NG's, and the language of a text. Data, no sound.

None of the voices sounds like its namesake: eSpeak NG has no such voices. What is kept is whether
it is a woman's or a man's, and that no two of the thirty are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .fault import Fault

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True)
class Voice:
    """A variant of eSpeak NG's voice of any language, and its pitch from 0 to 99."""

    variant: str
    pitch: int


VOICES = {
    "achernar": Voice("f3", 35),
    "achird": Voice("m6", 60),
    "algenib": Voice("m7", 40),
    "algieba": Voice("m5", 40),
    "alnilam": Voice("m4", 60),
    "aoede": Voice("f5", 50),
    "autonoe": Voice("f4", 65),
    "callirrhoe": Voice("f5", 35),
    "charon": Voice("m1", 40),
    "despina": Voice("f2", 35),
    "enceladus": Voice("m8", 40),
    "erinome": Voice("f4", 50),
    "fenrir": Voice("m5", 60),
    "gacrux": Voice("f1", 35),
    "iapetus": Voice("m1", 60),
    "kore": Voice("f2", 50),
    "laomedeia": Voice("f5", 65),
    "leda": Voice("f1", 65),
    "orus": Voice("m2", 60),
    "puck": Voice("m3", 60),
    "pulcherrima": Voice("f1", 50),
    "rasalgethi": Voice("m6", 40),
    "sadachbia": Voice("m7", 60),
    "sadaltager": Voice("m8", 60),
    "schedar": Voice("m3", 40),
    "sulafat": Voice("f4", 35),
    "umbriel": Voice("m4", 40),
    "vindemiatrix": Voice("f3", 50),
    "zephyr": Voice("f2", 65),
    "zubenelgenubi": Voice("m2", 40),
}
DEFAULT = VOICES["kore"]

_OTHER_NAMES = {
    "en": "en-us",
    "en-gb": "en",
    "iw": "he",
    "no": "nb",
    "zh": "cmn",
    "zh-hk": "yue",
}
"""Codes that eSpeak NG knows by another name, or would understand in another way."""
_LATIN = "en-us"
"""Letters alone do not tell which of the languages of Latin script it is."""
_HAN, _KANA = "cmn", "ja"
_SCRIPTS = {
    _LATIN: r"[A-Za-zÀ-ɏ]",
    _HAN: r"[㐀-鿿]",
    _KANA: r"[ぁ-ヿ]",
    "am": r"[ሀ-፿]",
    "ar": r"[؀-ۿ]",
    "bn": r"[ঀ-৿]",
    "el": r"[Ͱ-Ͽ]",
    "gu": r"[઀-૿]",
    "he": r"[֐-׿]",
    "hi": r"[ऀ-ॿ]",
    "hy": r"[԰-֏]",
    "ka": r"[Ⴀ-ჿ]",
    "kn": r"[ಀ-೿]",
    "ko": r"[가-힣]",
    "ml": r"[ഀ-ൿ]",
    "pa": r"[਀-੿]",
    "ru": r"[Ѐ-ӿ]",
    "si": r"[඀-෿]",
    "ta": r"[஀-௿]",
    "te": r"[ఀ-౿]",
    "th": r"[฀-๿]",
}


def voice(name: str) -> Voice:
    """The voice of that name, in any case of letters; the API's fault where it has none."""
    found = VOICES.get(name.lower())
    if found is None:
        allowed = ", ".join(VOICES)
        raise Fault(400, f"Voice name {name} is not supported. Allowed voice names are: {allowed}")
    return found


def named(code: str, spoken: Collection[str]) -> str:
    """A language code as one of those that are spoken: `de-DE` is `de`."""
    whole = code.lower().replace("_", "-")
    first = whole.partition("-")[0]
    for name in (whole, first):
        if (known := _OTHER_NAMES.get(name, name)) in spoken:
            return known
    raise Fault(
        400,
        f"Language code {code} is not spoken here; name another, such as de-DE, or leave it out.",
    )


def guessed(text: str) -> str:
    """The language of most of its letters; English for all Latin ones."""
    counts = {name: len(re.findall(letters, text)) for name, letters in _SCRIPTS.items()}
    most = max(counts, key=lambda name: counts[name])
    return _KANA if most == _HAN and counts[_KANA] else most
