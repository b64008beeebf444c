"""Tab completion for the options of the magics: a matcher, or a hook where IPython is older."""

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

# Those that the documentation names; each model says which it has.
VOICES = (
    *("Achernar", "Achird", "Algenib", "Algieba", "Alnilam", "Aoede", "Autonoe", "Callirrhoe"),
    *("Charon", "Despina", "Enceladus", "Erinome", "Fenrir", "Gacrux", "Iapetus", "Kore"),
    *("Laomedeia", "Leda", "Orus", "Puck", "Pulcherrima", "Rasalgethi", "Sadachbia"),
    *("Sadaltager", "Schedar", "Sulafat", "Umbriel", "Vindemiatrix", "Zephyr", "Zubenelgenubi"),
)

_CHOICES = {
    "--voice": VOICES,
    "-f": options.FORMATS,
    "--format": options.FORMATS,
    "--media-resolution": options.RESOLUTIONS,
    "--backend": ("api", "local"),
    "--badge": ("on", "off"),
    "--history": ("numbers", "contents", "off"),
}


def candidates(line: str, names: list[str]) -> list[str]:
    """What may follow at the end of `line`, a magic up to the cursor; `names` are variables."""
    words = line.split()
    typed = "" if line[-1:].isspace() else words.pop()
    before = words[-1] if len(words) > 1 else ""
    found: list[str]
    if before in ("-m", "--model"):
        found = list(MODELS)
    elif before in _CHOICES:
        found = list(_CHOICES[before])
    elif before in ("-a", "--attach"):
        found = [*names, *_files(typed)]
    elif before in ("-o", "--output"):
        found = names
    elif typed.startswith("-"):
        found = options.flags(words[0])
    elif words in (["%%gemini"], ["%%gemini_tokens"]):
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
    """Offer the options of the magics, and nothing else, on their lines."""

    def found(line: str) -> list[str]:
        if line.split(" ", maxsplit=1)[0] not in options.PARSERS:
            return []
        return candidates(line, [n for n in shell.user_ns if not n.startswith("_")])

    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:  # before 8.6: the hook, which cannot keep other words away
        for magic in options.PARSERS:
            shell.set_hook(
                "complete_command", lambda _, e: found(e.text_until_cursor), str_key=magic
            )
        return

    @context_matcher()
    def gemini_nb(context: Any) -> Any:
        words = found(context.text_until_cursor)
        return {"completions": [SimpleCompletion(w) for w in words], "suppress": bool(words)}

    uninstall(shell)
    shell.Completer.custom_matchers.append(gemini_nb)


def uninstall(shell: InteractiveShell) -> None:
    """Take the matcher away; an older hook stays, and finds no magic to complete."""
    matchers = getattr(shell.Completer, "custom_matchers", [])
    matchers[:] = [m for m in matchers if getattr(m, "__module__", "") != __name__]
