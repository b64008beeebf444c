"""A cell's options and words → a prompt, with the notebook's variables in it. Nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gemini_nb import options, request
from gemini_nb.errors import BadPrompt
from gemini_nb.model import GenerativeModel
from gemini_nb.parts import to_content
from gemini_nb.prompt import Filled, fill

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from gemini_nb.content import Content, GenerateContentRequest
    from gemini_nb.forecast import Forecast


class Prompt(NamedTuple):
    """What a cell would send: its own turn, and the whole body with the turns before it."""

    model: GenerativeModel
    content: Content
    body: GenerateContentRequest
    names: list[str]  # of the media of its own turn

    def describe(self, *, stream: bool) -> str:
        """The exact request, for a person to read."""
        return request.generate(self.model.model_name, self.body, stream=stream).describe()

    def forecast(self) -> Forecast:
        """What is known of it beforehand."""
        from gemini_nb import forecast

        return forecast.of(self.model, self.body, self.names)


def prompt(
    given: Namespace, typed: str, names: Mapping[str, Any], history: list[Content]
) -> Prompt:
    """What was typed, with `names` for its variables, after `history`.

    Raises BadPrompt, UnknownName.
    """
    system = _filled(given.system, given, names).pieces if given.system else None
    model = GenerativeModel(
        given.model,
        generation_config=options.generation_config(given),
        system_instruction=system,
    )
    words = _filled(typed, given, names)
    attached = [_attached(name, names) for name in given.attach]
    content = to_content([*words.pieces, *attached])
    # Built as it would be sent, history and all, so that what is shown is what would go.
    body = model.build([*history, content])
    sent = content.parts[len(words.pieces) :]  # an attached text is no medium, and has no name
    named = [Path(n).name for n, part in zip(given.attach, sent, strict=True) if part.text is None]
    return Prompt(model, content, body, [*words.media, *named])


def _filled(text: str, given: Namespace, names: Mapping[str, Any]) -> Filled:
    return Filled([text], []) if given.no_interpolate else fill(text, names)


def _attached(name: str, names: Mapping[str, Any]) -> Any:
    """What `-a` names: a variable, else a file."""
    if name in names:
        return names[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    raise BadPrompt(
        f"-a {name}: there is neither a variable nor a file of that name.",
        advice=f"The folder is {Path.cwd()}.",
    )
