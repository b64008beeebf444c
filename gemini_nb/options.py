"""The options of the magics: their parsers and their help. Pure."""

from __future__ import annotations

import argparse
import difflib
import keyword
import math
import re
import shlex
from typing import Any, NoReturn

FORMATS = ("markdown", "text", "json", "code")
RESOLUTIONS = ("low", "medium", "high")


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


def _dollars(text: str) -> float:
    """An amount; `none` is no limit, since what is not given stays as it is."""
    try:
        return math.inf if text == "none" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount, like 0.50, or none") from None


def _many(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


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
    add(
        "--voice", action="append", metavar="[SPEAKER=]VOICE",
        help="have the answer spoken; repeated with their names where several speak",
    )  # fmt: skip
    add("--media-resolution", choices=RESOLUTIONS, help="how closely media are looked at")
    add("-o", "--output", metavar="VARIABLE", help="keep the Response in this variable")
    add("-f", "--format", choices=FORMATS, default="markdown", help="how the answer is shown")
    add("-x", "--next-cell", action="store_true", help="put its first code block in the next cell")
    add("-c", "--chat", action="store_true", help="go on with the notebook's conversation")
    add("--no-stream", action="store_true", help="wait for the whole answer")
    add("--no-interpolate", action="store_true", help="send {braces} as they are")
    add("--max-input-tokens", type=_many, metavar="N", help="send no prompt of more tokens")
    add("--dry-run", action="store_true", help="show the request and its tokens, and send nothing")
    if prog.startswith("%%"):
        add("name", nargs="?", metavar="MODEL", help="the model that answers")
    return parser


def _counting_parser(prog: str) -> _Parser:
    """The options of a prompt, so that a cell can be counted as it stands."""
    parser = _prompt_parser(prog)
    parser.add_argument("--ask", action="store_true", help="let the service count as well")
    return parser


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
_CONFIG.add_argument(
    "--budget", type=_dollars, metavar="DOLLARS", help="what this session may spend, or none"
)
_CONFIG.add_argument("--badge", choices=("on", "off"), help="tokens and price at each answer")
_CONFIG.add_argument(
    "--history", choices=("numbers", "contents", "off"), help="what is kept of calls"
)

_TRANSCRIBE = _Parser(prog="%gemini_transcribe")
_TRANSCRIBE.add_argument("audio", metavar="FILE_OR_VARIABLE", help="the recording")
_TRANSCRIBE.add_argument("-m", "--model", metavar="MODEL", help="the model that listens")
_TRANSCRIBE.add_argument("--from", dest="start", metavar="MM:SS", help="where to begin")
_TRANSCRIBE.add_argument("--to", dest="end", metavar="MM:SS", help="where to end")
_TRANSCRIBE.add_argument("--speakers", action="store_true", help="tell the speakers apart")
_TRANSCRIBE.add_argument("--language", metavar="NAME", help="the language that is spoken")
_TRANSCRIBE.add_argument(
    "--align", action="store_true", help="move the times to the pauses that are heard"
)
_TRANSCRIBE.add_argument("-o", "--output", metavar="VARIABLE", help="keep the Transcript")

_USAGE = _Parser(prog="%gemini_usage")

_HISTORY = _Parser(prog="%gemini_history")
_HISTORY.add_argument("words", nargs="*", metavar="WORD", help="what the calls have to do with")
_HISTORY.add_argument("-n", type=_many, default=20, metavar="N", help="the last N of them (20)")

PARSERS = {
    parser.prog: parser
    for parser in (
        *map(_prompt_parser, ("%%gemini", "%gemini")),
        *map(_counting_parser, ("%%gemini_tokens", "%gemini_tokens")),
        *(_TRANSCRIBE, _CHAT, _CONFIG, _USAGE, _HISTORY),
    )
}


def _words(line: str, parser: _Parser) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""  # a path of Windows is full of backslashes
    try:
        return list(lexer)
    except ValueError:
        parser.error("a quote is not closed")


def parse(line: str, magic: str) -> argparse.Namespace:
    """The line after a magic that takes options alone. Raises BadOptions."""
    parser = PARSERS[magic]
    return _checked(parser.parse_args(_words(line, parser)), parser)


def parse_cell(line: str, magic: str = "%%gemini") -> argparse.Namespace:
    """The line above a prompt. Raises BadOptions."""
    given, parser = parse(line, magic), PARSERS[magic]
    if given.name and not re.match(r"(gemini|gemma|learnlm)-|(models|tunedModels)/", given.name):
        parser.error(f"{given.name!r} is no model; the prompt goes into the lines below")
    given.model = given.model or given.name
    return given


def parse_line(line: str, magic: str = "%gemini") -> tuple[argparse.Namespace, str]:
    """A line of options, then the prompt as typed. Raises BadOptions."""
    parser = PARSERS[magic]
    flags = parser._option_string_actions
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
    return parse(line[:end], magic), line[end:].strip()


def _checked(given: argparse.Namespace, parser: _Parser) -> argparse.Namespace:
    output = getattr(given, "output", None)
    if output and (keyword.iskeyword(output) or not output.isidentifier()):
        parser.error(f"-o {output}: that is no name for a variable")
    voices = getattr(given, "voice", None) or []
    is_named = len(voices) > 1 or any("=" in voice for voice in voices)
    if is_named and not all(re.fullmatch("[^=]+=[^=]+", voice) for voice in voices):
        parser.error("--voice takes a voice; of several, each with its speaker: --voice Anna=Kore")
    return given


def generation_config(given: argparse.Namespace) -> dict[str, Any]:
    """What the options say about the answer, in the API's names."""
    seen = given.media_resolution
    chosen = {
        "temperature": given.temperature,
        "top_p": given.top_p,
        "top_k": given.top_k,
        "max_output_tokens": given.max_tokens,
        "seed": given.seed,
        "stop_sequences": given.stop,
        "media_resolution": f"MEDIA_RESOLUTION_{seen.upper()}" if seen else None,
        "response_mime_type": "application/json" if given.format == "json" else None,
        "response_modalities": ["AUDIO"] if given.voice else None,
        "speech_config": _speech(given.voice),
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _speech(voices: list[str] | None) -> dict[str, Any] | None:
    """Who speaks: one voice, or one for each speaker that the prompt names."""
    if not voices:
        return None
    named = [voice.rpartition("=")[::2] for voice in voices]
    chosen = [{"prebuilt_voice_config": {"voice_name": name}} for _, name in named]
    if not named[0][0]:
        return {"voice_config": chosen[0]}
    pairs = zip(named, chosen, strict=True)
    each = [{"speaker": speaker, "voice_config": voice} for (speaker, _), voice in pairs]
    return {"multi_speaker_voice_config": {"speaker_voice_configs": each}}


def flags(magic: str) -> list[str]:
    """The options of a magic, the long names where there are both."""
    parser = PARSERS[magic]
    return sorted({max(a.option_strings, key=len) for a in parser._actions if a.option_strings})
