"""The language that a prompt names, as its code. No sound and no model.

By its English or its own name, or by its code after "language" where that can be no other word:
"What language is it?" names none.
"""

from __future__ import annotations

import re

_NAMES = {
    "af": "afrikaans",
    "ar": "arabic",
    "bg": "bulgarian",
    "bn": "bengali",
    "bs": "bosnian",
    "ca": "catalan català",
    "cs": "czech čeština",
    "cy": "welsh cymraeg",
    "da": "danish dansk",
    "de": "german deutsch",
    "el": "greek ελληνικά",
    "en": "english",
    "es": "spanish español castilian",
    "et": "estonian eesti",
    "eu": "basque euskara",
    "fa": "persian farsi",
    "fi": "finnish suomi",
    "fr": "french français",
    "gu": "gujarati",
    "he": "hebrew",
    "hi": "hindi",
    "hr": "croatian hrvatski",
    "hu": "hungarian magyar",
    "hy": "armenian",
    "id": "indonesian",
    "is": "icelandic íslenska",
    "it": "italian italiano",
    "ja": "japanese 日本語",
    "ka": "georgian",
    "kk": "kazakh",
    "kn": "kannada",
    "ko": "korean 한국어",
    "la": "latin",
    "lt": "lithuanian",
    "lv": "latvian",
    "mk": "macedonian",
    "ml": "malayalam",
    "mr": "marathi",
    "ms": "malay",
    "nl": "dutch nederlands flemish",
    "no": "norwegian norsk",
    "pa": "punjabi",
    "pl": "polish polski",
    "pt": "portuguese português",
    "ro": "romanian română",
    "ru": "russian русский",
    "sk": "slovak slovenčina",
    "sl": "slovenian slovenščina",
    "sq": "albanian",
    "sr": "serbian српски",
    "sv": "swedish svenska",
    "sw": "swahili",
    "ta": "tamil",
    "te": "telugu",
    "th": "thai",
    "tr": "turkish türkçe",
    "uk": "ukrainian українська",
    "ur": "urdu",
    "vi": "vietnamese",
    "zh": "chinese mandarin 中文",
}
_CODES = {name: code for code, names in _NAMES.items() for name in [code, *names.split()]}
_ANY = "|".join(name for names in _NAMES.values() for name in names.split())
_EACH = "|".join(_NAMES)
_SAYS = r"\blanguage(?:\s+(?:is|code)|\s*[:=])*\s+[\"'“]?"
_TOLD = re.compile(
    rf"{_SAYS}({_ANY})\b|\b(?:speaks?|speaking|spoken in|is in)\s+({_ANY})\b|"
    rf"{_SAYS}({_EACH})(?:-\w{{2,4}})?(?=[.,;\"'”])|\blanguage\s*[:=]\s*({_EACH})\b",
    re.IGNORECASE,
)
_IN = re.compile(rf"\bin\s+({_ANY})\b", re.IGNORECASE)


def told(prompt: str) -> str:
    """The one that is said to be spoken: "the language is German", "spoken in German"; or `""`."""
    return _code(_TOLD.search(prompt))


def written(prompt: str) -> str:
    """The one that is to be written or said: "in German"; or `""`."""
    return _code(_IN.search(prompt))


def _code(found: re.Match[str] | None) -> str:
    return next((_CODES[name.lower()] for name in found.groups() if name), "") if found else ""
