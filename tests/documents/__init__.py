"""The documents that tests of both languages show: what models write, and what is done to them."""

from __future__ import annotations

import functools
import json
from pathlib import Path

HERE = Path(__file__).parent
HARMLESS = json.loads((HERE / "harmless.json").read_text())
HOSTILE = json.loads((HERE / "hostile.json").read_text())
# One half is thought, and the other said: each is harmless where the two do not meet.
BORDERS = json.loads((HERE / "borders.json").read_text())

# Words between angle brackets in prose are tags to the front end: it shows nothing in their place,
# or what they mean. Here they are shown.
SWALLOWED = {
    "generics": ["List<String>", "Promise<void>", "Map<K, V>"],
    "tags_in_prose": [
        "The <b> and <br/> tags, </p> closes",
        "<!-- a comment -->",
        '<div class="x">',
    ],
}
# What comes out of the neutraliser in other letters: those, and `<` before a letter, which becomes
# an entity in prose and gets a space in a formula. Both are shown as before.
REWRITTEN = {*SWALLOWED, "comparisons", "math_less"}


@functools.cache
def hostile(listener: str = "127.0.0.1:9") -> dict[str, str]:
    """The hostile snippets by name: what runs calls `run(/<name>/)`, what phones asks for it."""
    return {name: _armed(snippet["text"], name, listener) for name, snippet in HOSTILE.items()}


@functools.cache
def borders(listener: str = "127.0.0.1:9") -> list[tuple[str, str]]:
    """What is thought and what is said then, of which only both together are hostile."""
    return [
        (_armed(thoughts, f"border{i}", listener), _armed(said, f"border{i}", listener))
        for i, (thoughts, said) in enumerate(BORDERS)
    ]


def _armed(text: str, name: str, listener: str) -> str:
    return text.replace("RUN", f"run(/{name}/)").replace("ADDRESS", f"{listener}/{name}")
