"""`%%gemini` and its relatives: they parse, call and show."""

from __future__ import annotations

import getpass
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Enum, Float, TraitType, Unicode, observe

from gemini_nb import completion, inline, options, request, settings
from gemini_nb.chat import ChatSession
from gemini_nb.display import places, static
from gemini_nb.display.live import LiveMarkdown
from gemini_nb.errors import BadPrompt
from gemini_nb.model import GenerativeModel
from gemini_nb.parts import to_content
from gemini_nb.prompt import fill, without_markers

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from gemini_nb.content import Content
    from gemini_nb.stream import Response


@magics_class
class GeminiMagics(Magics):
    """The magics, and what `%config GeminiMagics` sets."""

    model: TraitType[Any, Any] = Unicode(
        settings.DEFAULT_MODEL, help="The model where a cell names none."
    ).tag(config=True)
    backend: TraitType[Any, Any] = Enum(
        ["api", "local"], None, allow_none=True, help="Who answers; None: whichever has a key."
    ).tag(config=True)
    timeout: TraitType[Any, Any] = Float(
        None, allow_none=True, help="Seconds in which something must come."
    ).tag(config=True)

    display: TraitType[Any, Any] = Enum(
        list(get_args(settings.Display)),
        None,
        allow_none=True,
        help="How an answer appears; None: whatever suits the place.",
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)  # type: ignore[no-untyped-call,unused-ignore]
        self._chat = ChatSession(GenerativeModel())

    @observe("model", "backend", "timeout", "display")
    def _configured(self, change: Any) -> None:
        settings.configure(**{change["name"]: change["new"]})

    # -- %%gemini

    @no_var_expand
    @cell_magic("gemini")
    def gemini_cell(self, line: str, cell: str) -> None:
        """Ask Gemini; the answer streams in below the cell."""
        given = _usage(options.parse_cell, line)
        if given is not None:
            self._ask(given, without_markers(cell).strip("\n"))

    @no_var_expand
    @line_magic("gemini")
    def gemini_line(self, line: str) -> None:
        """Ask Gemini in one line: %gemini [options] PROMPT."""
        found = _usage(options.parse_line, line)
        if found is not None:
            self._ask(*found)

    def _ask(self, given: Namespace, typed: str) -> None:
        model = GenerativeModel(
            given.model,
            generation_config=options.generation_config(given),
            system_instruction=self._filled(given.system, given) if given.system else None,
        )
        pieces = [*self._filled(typed, given), *(self._attached(name) for name in given.attach)]
        content = to_content(pieces)
        # Built as it would be sent, history and all, so that what is shown is what would go.
        history = self._chat.history if given.chat else []
        body = model.build([*history, content])
        if given.dry_run:
            print(request.generate(model.model_name, body, stream=not given.no_stream).describe())
            return
        too_much = inline.notice(body)
        if too_much:
            print(too_much)
        if given.chat:
            self._chat.model = model
        send = self._chat.send_message if given.chat else model.generate_content
        self._show(send, content, given)

    def _show(self, send: Callable[..., Response], content: Content, given: Namespace) -> None:
        """Send, show what comes as it comes, and keep it whatever happens."""
        started = time.monotonic()
        try:
            response = send(content, stream=not given.no_stream, upload="auto")
        except KeyboardInterrupt:
            print("Stopped before anything came.")
            return
        live = LiveMarkdown(given.format)
        try:
            for chunk in response:
                live.take(chunk)
        except KeyboardInterrupt:
            pass  # the person asked for it: what came stays, marked as partial
        finally:
            if given.output:
                self.shell.user_ns[given.output] = response
            live.close(response, time.monotonic() - started)
        if response.interrupted:
            return
        if not response.text:  # which raises where a filter or a limit left none
            print("The answer is empty.")
        if given.next_cell:
            self._next_cell(response)

    def _next_cell(self, response: Response) -> None:
        code = static.first_code(response.text)
        if code is None:
            print("The answer holds no code block, so there is no next cell.")
        else:
            self.shell.set_next_input(code.rstrip("\n"))

    def _filled(self, text: str, given: Namespace) -> list[Any]:
        if given.no_interpolate:
            return [text]
        return list(fill(text, self.shell.user_ns))

    def _attached(self, name: str) -> Any:
        """What `-a` names: a variable, else a file."""
        if name in self.shell.user_ns:
            return self.shell.user_ns[name]
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise BadPrompt(
            f"-a {name}: there is neither a variable nor a file of that name.",
            advice=f"The folder is {Path.cwd()}.",
        )

    # -- the conversation, the settings

    @line_magic
    def gemini_chat(self, line: str) -> None:
        """Show the notebook's conversation (the turns of `%%gemini -c`), or start it anew."""
        given = _usage(options.parse_chat, line)
        if given is None:
            return
        if given.new:
            self._chat = ChatSession(GenerativeModel())
        elif given.rewind and self._chat.rewind() is None:
            print("There is no turn to take back.")
        static.show_chat(self._chat.history)

    @line_magic
    def gemini_config(self, line: str) -> None:
        """Show or change who answers: %gemini_config [--key] [--model M] [--backend B] …"""
        given = _usage(options.parse_config, line)
        if given is None:
            return
        if given.key:
            asked = getpass.getpass("Gemini API key (not shown, not saved): ").strip()
            if asked:
                settings.configure(api_key=settings.Secret(asked, "%gemini_config --key"))
            del asked  # or a verbose traceback from below would show it
        changes = {
            name: getattr(given, name)
            for name in ("model", "backend", "base_url", "api_version", "timeout")
            if getattr(given, name) is not None
        }
        settings.configure(**changes)
        for name in set(changes) & {"model", "backend", "timeout"}:
            setattr(self, name, changes[name])  # or %config would go on showing the old one
        static.show_config(settings.current())


def _usage(parse: Callable[[str], Any], line: str) -> Any:
    """The options; None where only help was asked for, which is shown.

    A mistake is one line and the usage, as IPython shows it: no traceback.
    """
    try:
        return parse(line)
    except options.HelpAsked as asked:
        print(asked)
        return None
    except options.BadOptions as error:
        raise UsageError(str(error)) from None


_QUESTION = re.compile(r"\s*%gemini\s+(?P<rest>.*[^\s?].*\?)\s*")


def _keep_questions(lines: list[str]) -> list[str]:
    """`%gemini Who was Ada?` is a prompt; IPython would take its last sign for a call for help."""
    if lines and lines[0].startswith("%%"):
        return lines
    found = [(line, _QUESTION.fullmatch(line)) for line in lines]
    return [
        f"get_ipython().run_line_magic('gemini', {asked['rest']!r})\n" if asked else line
        for line, asked in found
    ]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext gemini_nb`: the magics and their Tab completion."""
    held = shell.magics_manager.magics["cell"].get("gemini")
    owner = _owner(held)
    if held is not None and owner != __name__:
        print(f"%%gemini was {owner}'s; it is gemini_nb's now (%reload_ext {owner} gives it back).")
    shell.register_magics(GeminiMagics)
    shell.input_transformers_cleanup.append(_keep_questions)
    completion.install(shell)
    places.ask_early(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext gemini_nb`."""
    shell.input_transformers_cleanup.remove(_keep_questions)
    completion.uninstall(shell)
    for magics in shell.magics_manager.magics.values():
        for name in [n for n, held in magics.items() if _owner(held) == __name__]:
            del magics[name]


def _owner(held: Any) -> str | None:
    return getattr(held, "__module__", None)
