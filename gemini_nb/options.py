"""The options of the magics: their parsers and their help. Pure."""

from __future__ import annotations

import argparse
import difflib
import keyword
import re
import shlex
from typing import Any, NoReturn

FORMATS = ("markdown", "text", "json", "code")


class BadOptions(Exception):
    """A mistake in the options of a magic: one line, then the usage."""


class HelpAsked(Exception):
    """`-h`: the help is the answer."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            near = difflib.get_close_matches(unknown[1], self._option_string_actions, n=1)
            message = f"there is no option {unknown[1]}" + (f", but {near[0]}" if near else "")
        raise BadOptions(f"{self.prog}: {message}.\n{self.format_usage().rstrip()}")

    def exit(self, *_: object) -> NoReturn:
        raise HelpAsked(self.format_help())

    def print_help(self, file: Any = None) -> None:
        """Nothing: `exit`, which argparse calls next, hands the help on."""


def _prompt_parser(prog: str) -> _Parser:
    parser = _Parser(prog=prog, allow_abbrev=False)
    add = parser.add_argument
    add("-m", "--model", metavar="MODEL", help="the model that answers")
    add("-s", "--system", metavar="TEXT", help="the system instruction")
    add("-t", "--temperature", type=float, metavar="T", help="0 is sober, 2 is wild")
    add("--top-p", type=float, metavar="P", help="keep the likeliest tokens up to this mass")
    add("--top-k", type=int, metavar="K", help="keep the K likeliest tokens")
    add("--max-tokens", type=int, metavar="N", help="the longest answer, in tokens")
    add("--seed", type=int, metavar="N", help="the same seed, the same dice")
    add("--stop", action="append", metavar="TEXT", help="end the answer before this text")
    add(
        "-a", "--attach", action="append", default=[], metavar="FILE_OR_VARIABLE",
        help="send a file, image, figure, DataFrame or bytes along; may be repeated",
    )  # fmt: skip
    add("-o", "--output", metavar="VARIABLE", help="keep the Response in this variable")
    add("-f", "--format", choices=FORMATS, default="markdown", help="how the answer is shown")
    add("-x", "--next-cell", action="store_true", help="put its first code block in the next cell")
    add("-c", "--chat", action="store_true", help="go on with the notebook's conversation")
    add("--no-stream", action="store_true", help="wait for the whole answer")
    add("--no-interpolate", action="store_true", help="send {braces} as they are")
    add("--dry-run", action="store_true", help="show the exact request and send nothing")
    return parser


_CELL = _prompt_parser("%%gemini")
_CELL.add_argument("name", nargs="?", metavar="MODEL", help="the model that answers")
_LINE = _prompt_parser("%gemini")

_CHAT = _Parser(prog="%gemini_chat")
_CHAT.add_argument("--new", action="store_true", help="start the conversation anew")
_CHAT.add_argument("--rewind", action="store_true", help="take the last turn back")

_CONFIG = _Parser(prog="%gemini_config")
_CONFIG.add_argument("--key", action="store_true", help="ask for the API key, unseen")
_CONFIG.add_argument("--model", metavar="MODEL", help="the model where a cell names none")
_CONFIG.add_argument("--backend", choices=("api", "local"), help="who answers")
_CONFIG.add_argument("--base-url", metavar="URL", help="another address of the same protocol")
_CONFIG.add_argument("--api-version", metavar="V", help="v1beta or v1")
_CONFIG.add_argument("--timeout", type=float, metavar="SECONDS", help="when to give up")


def _words(line: str, parser: _Parser) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""  # a path of Windows is full of backslashes
    try:
        return list(lexer)
    except ValueError:
        parser.error("a quote is not closed")


def parse_cell(line: str) -> argparse.Namespace:
    """The line after `%%gemini`. Raises BadOptions."""
    given = _CELL.parse_args(_words(line, _CELL))
    if given.name and not re.match(r"(gemini|gemma|learnlm)-|(models|tunedModels)/", given.name):
        _CELL.error(f"{given.name!r} is no model; the prompt goes into the lines below")
    given.model = given.model or given.name
    return _checked(given, _CELL)


def parse_line(line: str) -> tuple[argparse.Namespace, str]:
    """The line after `%gemini`: options, then the prompt as typed. Raises BadOptions."""
    flags = _LINE._option_string_actions
    end = 0
    for word in re.finditer(r"""(?:"[^"]*"|'[^']*'|[^\s"'])+|["'].*""", line):
        if word.start() < end:
            continue
        name, has_value, _ = word.group().partition("=")
        action = flags.get(name)
        if action is None and name[:2] in flags:  # -t0, -xc: the value, or more letters, follow
            has_value = "yes" if flags[name[:2]].nargs is None else ""
            action = flags[name[:2]] if has_value else flags.get(f"-{name[-1]}")
        if action is None and not (name.startswith("--") and len(name) > 2):  # noqa: PLR2004
            break
        end = word.end()
        if action is not None and action.nargs is None and not has_value:
            value = re.compile(r"""\s*(?:"[^"]*"|'[^']*'|\S+)""").match(line, end)
            end = value.end() if value else end
    given = _checked(_LINE.parse_args(_words(line[:end], _LINE)), _LINE)
    return given, line[end:].strip()


def _checked(given: argparse.Namespace, parser: _Parser) -> argparse.Namespace:
    if given.output and (keyword.iskeyword(given.output) or not given.output.isidentifier()):
        parser.error(f"-o {given.output}: that is no name for a variable")
    return given


def parse_chat(line: str) -> argparse.Namespace:
    """The line after `%gemini_chat`. Raises BadOptions."""
    return _CHAT.parse_args(_words(line, _CHAT))


def parse_config(line: str) -> argparse.Namespace:
    """The line after `%gemini_config`. Raises BadOptions."""
    return _CONFIG.parse_args(_words(line, _CONFIG))


def generation_config(given: argparse.Namespace) -> dict[str, Any]:
    """What the options say about the answer, in the API's names."""
    chosen = {
        "temperature": given.temperature,
        "top_p": given.top_p,
        "top_k": given.top_k,
        "max_output_tokens": given.max_tokens,
        "seed": given.seed,
        "stop_sequences": given.stop,
        "response_mime_type": "application/json" if given.format == "json" else None,
    }
    return {name: value for name, value in chosen.items() if value is not None}


PARSERS = {parser.prog: parser for parser in (_CELL, _LINE, _CHAT, _CONFIG)}


def flags(magic: str) -> list[str]:
    """The options of a magic, the long names where there are both."""
    parser = PARSERS[magic]
    return sorted({max(a.option_strings, key=len) for a in parser._actions if a.option_strings})
