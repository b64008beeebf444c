"""The output that a notebook saves: one `text/markdown` with its `text/plain`, and no widget."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from gemini_nb.display import formulas
from gemini_nb.display.commonmark import parser
from gemini_nb.display.document import Text, closed, is_sound, without_images
from gemini_nb.display.html import neutral_markdown, terminal_text
from gemini_nb.errors import GeminiError
from gemini_nb.settings import API_URL
from gemini_nb.tokens.prices import dollars

if TYPE_CHECKING:
    from gemini_nb.content import Content, Part
    from gemini_nb.settings import Settings
    from gemini_nb.stream import Response

_RULE = "\n\n---\n\n"
_FENCE = re.compile("`{3,}|~{3,}")

Format = Literal["markdown", "text", "json", "code"]
Bundle = dict[str, Any]


def first_code(text: str) -> str | None:
    """The inside of the first fenced block, None where there is none."""
    if "```" not in text and "~~~" not in text:
        return None
    fences = (t for t in parser(html=True).parse(text) if t.type == "fence")
    found = next(fences, None)
    return None if found is None else found.content


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is Python's, not JSON's")


def bundle(text: str, how: Format = "markdown", thoughts: str = "") -> Bundle:
    """An answer as a mimebundle; its thoughts are folded, and not part of the plain text.

    `json` that does not parse and `code` without a block fall back to the whole text.
    """
    plain = terminal_text(without_images(text))
    if how == "markdown":
        return {"text/markdown": _folded(thoughts) + neutral_markdown(text), "text/plain": plain}
    if how == "json":
        try:
            value = json.loads(first_code(text) or text, parse_constant=_no_json)
        except (ValueError, RecursionError):
            return {"text/plain": plain}
        return {
            "application/json": value,
            "text/plain": json.dumps(value, indent=2, ensure_ascii=False),
        }
    if how == "code":
        return {"text/plain": terminal_text(first_code(text) or text)}
    return {"text/plain": plain}


def _folded(thoughts: str) -> str:
    """Thoughts as the only HTML in an answer: Markdown has no word for what is folded."""
    if not thoughts.strip():
        return ""
    thoughts = thoughts.strip("\n")
    # What was HTML and is none now may have held a fence. JupyterLab takes formulas out before it
    # looks for fences, so one may be open to it alone, and would hold the answer.
    inside = closed(neutral_markdown(closed(thoughts)))
    as_parsed = "@".join(formulas.cut_at_formulas(inside)[::2])
    if closed(as_parsed) != as_parsed:
        inside = neutral_markdown(_FENCE.sub(lambda found: "\\" + "\\".join(found[0]), thoughts))
    return f"<details><summary>Thoughts</summary>\n\n{inside}\n\n</details>\n\n"


def metadata(response: Response, seconds: float) -> dict[str, Any]:
    """What is known of an answer, for the output's metadata, which nbval ignores."""
    usage = response.usage_metadata
    facts = {
        "model": response.model_version,
        "response_id": response.response_id,
        "finish_reason": str(response.finish_reason) if response.finish_reason else None,
        "interrupted": response.interrupted or None,
        "usage": usage.to_dict() if usage else None,
        "seconds": round(seconds, 3),
    }
    return {"gemini_nb": {name: value for name, value in facts.items() if value is not None}}


def mark(response: Response) -> str:
    """The line under an answer that is not whole, in Markdown; empty under one that is."""
    if response.interrupted:
        error = response.error
        why = error.message if isinstance(error, GeminiError) else "it was stopped"
        return f"\n\n*— not whole: {' '.join(why.replace('*', '').split()).rstrip('.')} —*"
    reason = str(response.finish_reason or "")
    if reason in ("", "STOP"):
        return ""
    hint = " (raise --max-tokens for more)" if reason == "MAX_TOKENS" else ""
    return f"\n\n*— ended early: {reason}{hint} —*"


def show(markdown: str) -> None:
    """Display Markdown of our own making that may quote a model."""
    from IPython.display import display

    display(bundle(markdown), raw=True)  # type: ignore[no-untyped-call,unused-ignore]


def show_chat(history: list[Content]) -> None:
    """A conversation, turn by turn."""
    if not history:
        print("The conversation is empty. Its turns are those of %%gemini -c.")
        return
    said: list[str] = []
    for content in history:
        said.append(f"**{'Model' if content.role == 'model' else 'You'}**\n\n{_turn(content)}")
        if any(map(is_sound, content.parts)):
            show(_RULE.join(said))
            said = []
            _play(content.parts)
    if said:
        show(_RULE.join(said))


def _play(parts: list[Part]) -> None:
    from IPython.display import display

    from gemini_nb.audio.spoken import recordings
    from gemini_nb.widgets.player import Player

    for sound in recordings(parts, "recording"):
        display(Player(sound))  # type: ignore[no-untyped-call,unused-ignore]


def _turn(content: Content) -> str:
    """What was said, without what was thought; of images their kind and size, many are large."""
    said = []
    for part in content.parts:
        text = Text()
        if not part.thought and text.add(part):
            said.append(closed(without_images(str(text)).strip("\n")))
    return "\n\n".join(said)


def show_config(current: Settings) -> None:
    """Who would answer, as a few plain lines."""
    backend = current.resolve_backend()
    key = current.resolve_key()
    why = "" if current.backend or current.base_url else f" (there is {'a' if key else 'no'} key)"
    print(f"backend      {backend}{why}")
    print(f"model        {current.model}")
    print(f"key          {'none' if key is None else f'from {key.source}'}")
    if backend == "api":
        print(f"address      {current.base_url or API_URL}/{current.api_version}")
    if current.timeout:
        print(f"timeout      {current.timeout:g} s")
    if current.budget is not None:
        print(f"budget       {dollars(current.budget)}")
    if current.history != "numbers":
        print(f"history      {current.history}")
    if not current.badge:
        print("badge        off")
