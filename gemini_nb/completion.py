"""Tab completion for the options of the magics.

One hook serves every IPython from 7.34 on; it is asked with the line up to the cursor.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemini_nb import options

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# Offered where a model is expected; any other name can be typed.
MODELS = (
    "gemini-3.8-flash",
    "gemini-3.5-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.1-pro-preview",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-flash-latest",
)


def candidates(line: str, names: list[str]) -> list[str]:
    """What may follow at the end of `line`, a magic up to the cursor; `names` are variables."""
    words = line.split()
    typed = "" if line[-1:].isspace() else words.pop()
    before = words[-1] if len(words) > 1 else ""
    found: list[str]
    if before in ("-m", "--model"):
        found = list(MODELS)
    elif before in ("-f", "--format"):
        found = list(options.FORMATS)
    elif before == "--backend":
        found = ["api", "local"]
    elif before in ("-a", "--attach"):
        found = [*names, *_files(typed)]
    elif before in ("-o", "--output"):
        found = names
    elif typed.startswith("-"):
        found = options.flags(words[0])
    elif words == ["%%gemini"]:
        found = list(MODELS)
    else:
        found = []
    return sorted(word for word in found if word.startswith(typed))


def _files(typed: str) -> list[str]:
    """The files and folders whose path begins as typed, in the words it was typed in."""
    folder, slash, name = typed.rpartition("/")
    start = folder + slash
    try:
        found = list(Path(start or ".").expanduser().iterdir())
    except (OSError, RuntimeError):  # RuntimeError: `~somebody` who does not exist
        return []
    return [f"{start}{p.name}" + "/" * p.is_dir() for p in found if p.name.startswith(name)]


def install(shell: InteractiveShell) -> None:
    """Register the hook for each magic."""

    def complete(_: Any, event: Any) -> list[str]:
        names = [n for n in shell.user_ns if not n.startswith("_")]
        return candidates(event.text_until_cursor, names)

    for magic in options.PARSERS:
        shell.set_hook("complete_command", complete, str_key=magic)  # type: ignore[no-untyped-call,unused-ignore]
