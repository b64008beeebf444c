"""`%%gemini` and its relatives: they parse, call and show."""

from __future__ import annotations

import getpass
import math
import re
import threading
from typing import TYPE_CHECKING, Any, get_args

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, Enum, Float, TraitType, Unicode, observe

from gemini_nb import asking, completion, inline, options, recordings, settings
from gemini_nb.chat import ChatSession
from gemini_nb.display import places, slot, static
from gemini_nb.display.live import LiveMarkdown
from gemini_nb.model import GenerativeModel
from gemini_nb.prompt import without_markers

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from gemini_nb.forecast import Forecast
    from gemini_nb.stream import Response


# The settings that `%config GeminiMagics` sets, too.
_SHARED = {"model", "backend", "timeout", "badge", "budget", "history"}


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
    badge: TraitType[Any, Any] = Bool(
        True,
        help="Whether a cell shows its tokens and price, before and after.",
    ).tag(config=True)
    budget: TraitType[Any, Any] = Float(
        None, allow_none=True, help="US dollars that this session may spend."
    ).tag(config=True)
    history: TraitType[Any, Any] = Enum(
        list(get_args(settings.History)), "numbers", help="What is kept of calls on this machine."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)  # type: ignore[no-untyped-call,unused-ignore]
        self._chat = ChatSession(GenerativeModel())

    def follow(self, *_: Any) -> None:
        """Take in what `genai.configure` has changed, or a value of `%config` that was refused."""
        for name in (*_SHARED, "display"):
            setattr(self, name, getattr(settings.current(), name))

    @observe("model", "backend", "timeout", "display", "badge", "budget", "history")
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

    def _prompt(self, given: Namespace, typed: str) -> asking.Prompt:
        turns = self._chat.history if given.chat else []
        return asking.prompt(given, typed, self.shell.user_ns, turns)

    def _ask(self, given: Namespace, typed: str) -> None:
        prompt = self._prompt(given, typed)
        known = prompt.forecast(wait=given.max_input_tokens is not None)
        if given.dry_run:
            from gemini_nb.display import counts

            print(prompt.describe(stream=not given.no_stream))
            counts.show_forecast(known)
        known.check(given.max_input_tokens)
        too_much = inline.notice(prompt.body)
        if too_much:
            print(too_much)
        if given.dry_run:
            return
        self._show(prompt, known, given)

    def _show(self, prompt: asking.Prompt, known: Forecast, given: Namespace) -> None:
        """Send, show what comes as it comes, and keep it whatever happens."""
        from gemini_nb.receipt import Receipt

        receipt = Receipt(prompt.model, known)
        heard = recordings.Recordings(prompt)
        heard.show()
        live = LiveMarkdown(
            given.format, badge=receipt.before if settings.current().badge else None
        )
        try:
            response = self._send(prompt, given)
        except BaseException as error:
            live.drop()
            if not isinstance(error, KeyboardInterrupt):
                raise
            print("Stopped before anything came.")
            return
        try:
            for chunk in response:
                if any(part.text and not part.thought for part in chunk.parts):
                    receipt.began()
                live.take(chunk)
        except KeyboardInterrupt:
            pass  # the person asked for it: what came stays, marked as partial
        finally:
            if given.output:
                self.shell.user_ns[given.output] = response
            spoken = heard.spoken(response)
            live.close(response, receipt.seconds, receipt.used(response), spoken)
            heard.answered(response)
        if response.interrupted:
            return
        if not response.text and not spoken:  # which raises where a filter left none
            print("The answer is empty.")
        if given.next_cell:
            self._next_cell(response)

    def _send(self, prompt: asking.Prompt, given: Namespace) -> Response:
        how: dict[str, Any] = {"stream": not given.no_stream, "upload": "auto"}
        if not given.chat:
            return prompt.model.generate_content(prompt.content, **how)
        self._chat.model = prompt.model
        return self._chat.send_message(prompt.content, **how)

    def _next_cell(self, response: Response) -> None:
        code = static.first_code(response.text)
        if code is None:
            print("The answer holds no code block, so there is no next cell.")
        else:
            self.shell.set_next_input(code.rstrip("\n"))

    # -- %%gemini_tokens

    @no_var_expand
    @cell_magic("gemini_tokens")
    def gemini_tokens_cell(self, line: str, cell: str) -> None:
        """Count the tokens of a `%%gemini` cell, and what they cost; nothing is generated."""
        given = _usage(options.parse_cell, line, "%%gemini_tokens")
        if given is not None:
            self._count(given, without_markers(cell).strip("\n"))

    @no_var_expand
    @line_magic("gemini_tokens")
    def gemini_tokens_line(self, line: str) -> None:
        """Count the tokens of one line: %gemini_tokens [options] PROMPT."""
        found = _usage(options.parse_line, line, "%gemini_tokens")
        if found is not None:
            self._count(*found)

    def _count(self, given: Namespace, typed: str) -> None:
        from gemini_nb.display import counts
        from gemini_nb.tokens import vocabulary

        prompt = self._prompt(given, typed)
        vocabulary.load()  # here the number is the point
        known = prompt.forecast()
        told = prompt.model.count_tokens(prompt.body.contents) if given.ask else None
        if given.output:
            self.shell.user_ns[given.output] = told or known.count
        counts.show_forecast(known, told)

    # -- recordings

    @line_magic
    def gemini_transcribe(self, line: str) -> None:
        """Write down what is said: %gemini_transcribe FILE [--from MM:SS --to MM:SS] …"""
        given = _usage(options.parse, line, "%gemini_transcribe")
        if given is None:
            return
        try:
            self._transcribe(given)
        except KeyboardInterrupt as stop:
            print("Stopped.", *getattr(stop, "__notes__", ()))

    def _transcribe(self, given: Namespace) -> None:
        from IPython.display import display

        from gemini_nb import transcribe
        from gemini_nb.widgets.player import Player

        audio = asking.attached(given.audio, self.shell.user_ns)
        transcript = GenerativeModel(given.model).transcribe(
            audio,
            start=given.start,
            end=given.end,
            speakers=given.speakers,
            language=given.language,
        )
        if given.output:  # before what may be stopped: it is paid
            self.shell.user_ns[given.output] = transcript
        sound = transcribe.recording(audio)
        if given.align and sound is not None:
            transcript, moves = transcript.align(sound)
            print(f"Moved to a pause that is heard: {len(moves)} of {2 * len(transcript)} times.")
            if given.output:
                self.shell.user_ns[given.output] = transcript
        display(transcript if sound is None else Player(sound, transcript))  # type: ignore[no-untyped-call,unused-ignore]

    # -- the conversation, the settings

    @line_magic
    def gemini_chat(self, line: str) -> None:
        """Show the notebook's conversation (the turns of `%%gemini -c`), or start it anew."""
        given = _usage(options.parse, line, "%gemini_chat")
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
        given = _usage(options.parse, line, "%gemini_config")
        if given is None:
            return
        if given.key:
            asked = getpass.getpass("Gemini API key (not shown, not saved): ").strip()
            if asked:
                settings.configure(api_key=settings.Secret(asked, "%gemini_config --key"))
            del asked  # or a verbose traceback from below would show it
        changes = {
            name: getattr(given, name)
            for name in (*_SHARED, "base_url", "api_version")
            if getattr(given, name) is not None
        }
        if "badge" in changes:
            changes["badge"] = changes["badge"] == "on"
        if changes.get("budget") == math.inf:
            changes["budget"] = None
        settings.configure(**changes)
        for name in set(changes) & _SHARED:
            setattr(self, name, changes[name])  # or %config would go on showing the old one
        static.show_config(settings.current())

    # -- what was spent

    @line_magic
    def gemini_usage(self, line: str) -> None:
        """Show what was spent: in this session, in this notebook, and today."""
        from gemini_nb.display import spending

        if _usage(options.parse, line, "%gemini_usage") is not None:
            spending.show_usage(settings.current().budget)

    @line_magic
    def gemini_history(self, line: str) -> None:
        """Show earlier calls: %gemini_history [-n N] [WORD …]"""
        from gemini_nb import history
        from gemini_nb.display import spending

        given = _usage(options.parse, line, "%gemini_history")
        if given is not None:
            spending.show_history(history.search(" ".join(given.words), given.n))


def _usage(parse: Callable[..., Any], line: str, *magic: str) -> Any:
    """The options; None where only help was asked for, which is shown.

    A mistake is one line and the usage, as IPython shows it: no traceback.
    """
    try:
        return parse(line, *magic)
    except options.HelpAsked as asked:
        print(asked)
        return None
    except options.BadOptions as error:
        raise UsageError(str(error)) from None


_QUESTION = re.compile(r"\s*%(?P<magic>gemini(?:_tokens)?)\s+(?P<rest>.*[^\s?].*\?)\s*")


def _keep_questions(lines: list[str]) -> list[str]:
    """`%gemini Who was Ada?` is a prompt; IPython would take its last sign for a call for help."""
    if lines and lines[0].startswith("%%"):
        return lines
    found = [(line, _QUESTION.fullmatch(line)) for line in lines]
    return [
        f"get_ipython().run_line_magic({asked['magic']!r}, {asked['rest']!r})\n" if asked else line
        for line, asked in found
    ]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext gemini_nb`: the magics and their Tab completion."""
    held = shell.magics_manager.magics["cell"].get("gemini")
    owner = _owner(held)
    if held is not None and owner != __name__:
        print(f"%%gemini was {owner}'s; it is gemini_nb's now (%reload_ext {owner} gives it back).")
    magics = GeminiMagics(shell)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", magics.follow)
    shell.input_transformers_cleanup.append(_keep_questions)
    completion.install(shell)
    places.ask_early(shell)
    slot.follow_cells(shell)
    recordings.install(shell)
    _warm_later(shell)


def _warm_later(shell: InteractiveShell) -> None:
    """Load what counts when the cell that loads the extension is over, and nobody waits."""

    def warm(*_: Any) -> None:
        shell.events.unregister("post_run_cell", warm)
        threading.Thread(target=_warm, name="gemini-nb-counting", daemon=True).start()

    shell.events.register("post_run_cell", warm)


def _warm() -> None:
    from gemini_nb import receipt  # noqa: F401 - all that a prompt needs
    from gemini_nb.tokens import vocabulary

    vocabulary.warm()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext gemini_nb`."""
    shell.input_transformers_cleanup.remove(_keep_questions)
    completion.uninstall(shell)
    slot.unfollow_cells(shell)
    recordings.uninstall(shell)
    shell.events.unregister("pre_run_cell", shell.magics_manager.registry["GeminiMagics"].follow)
    for magics in shell.magics_manager.magics.values():
        for name in [n for n, held in magics.items() if _owner(held) == __name__]:
            del magics[name]


def _owner(held: Any) -> str | None:
    return getattr(held, "__module__", None)
