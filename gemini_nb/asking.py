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
    names: dict[int, str]  # of the media of its own turn, by their places in it
    attached: dict[int, Any]  # what -a names, by its place

    def describe(self, *, stream: bool) -> str:
        """The exact request, for a person to read."""
        return request.generate(self.model.model_name, self.body, stream=stream).describe()

    def forecast(self, *, wait: bool = False) -> Forecast:
        """What is known of it beforehand; see `forecast.of`."""
        from gemini_nb import forecast

        return forecast.of(self.model, self.body, self.names, wait=wait)


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
    more = [attached(name, names) for name in given.attach]
    content = to_content([*words.pieces, *more])
    # Built as it would be sent, history and all, so that what is shown is what would go.
    body = model.build([*history, content])
    media = [at for at, piece in enumerate(words.pieces) if not isinstance(piece, str)]
    names_of = dict(zip(media, words.media, strict=True))
    names_of |= {at: Path(n).name for at, n in enumerate(given.attach, len(words.pieces))}
    return Prompt(model, content, body, names_of, dict(enumerate(more, len(words.pieces))))


def _filled(text: str, given: Namespace, names: Mapping[str, Any]) -> Filled:
    return Filled([text], []) if given.no_interpolate else fill(text, names)


def attached(name: str, names: Mapping[str, Any]) -> Any:
    """What an option names: a variable, else a file. Raises BadPrompt."""
    if name in names:
        return names[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if "://" in name:
        raise BadPrompt(f"{name} is an address, no file.", advice="Download it first.")
    if name.strip() and path.is_dir():
        raise BadPrompt(f"{name!r} is a folder.", advice="Name a file in it.")
    raise BadPrompt(
        f"There is neither a variable nor a file {name!r}.",
        advice=f"The folder is {Path.cwd()}.",
    )
