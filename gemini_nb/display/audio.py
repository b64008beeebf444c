"""What a notebook saves of a recording and its transcript: the player's twin, without a widget.

It is one `text/html` table with its times, which GitHub shows as well, and at most one small sound.
Each front end that shows Markdown shows HTML, too; so the words are there once, and `text/plain`
has their beginning.
"""

from __future__ import annotations

import base64
import html
import os
import unicodedata
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from gemini_nb.display.html import terminal_text
from gemini_nb.transcripts import clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gemini_nb.audio import Audio
    from gemini_nb.transcripts import Segment, Transcript

SMALL = 48_000
"""Bytes of a sound that is saved unasked: a quarter of a minute, less than a picture has."""
_SHORT = 30.0  # seconds that may fit
_LINES = 20
_UNBROKEN = 24  # letters of a name that stay on one line
_SILENT = "The sound is not saved here: run the cell again, or show it with embed=True."
# The two classes keep both versions of MathJax from seeing formulas in what was said.
_TWIN = '<div class="gemini-nb-twin tex2jax_ignore mathjax_ignore{}">'


def bundle(
    name: str,
    seconds: float | None,
    segments: Sequence[Segment],
    source: str | None = None,
    place: str = "",
) -> dict[str, str]:
    """The mimebundle of a recording.

    Args:
        name: of the recording, as it is shown.
        seconds: its length, where it is known.
        segments: of the transcript.
        source: the address of the sound, as `source` gives it.
        place: the class by which the player finds the twin that it stands over.
    """
    return {
        "text/html": "\n".join(_html(name, seconds, segments, source, place)),
        "text/plain": "\n".join(_plain(name, seconds, segments)),
    }


def table(transcript: Transcript) -> dict[str, str]:
    """The mimebundle of a transcript alone, without its recording."""
    lines = [_TWIN.format(""), f"<p>{_text(repr(transcript)[1:-1])}</p>"]
    lines += [*_table(transcript.segments), "</div>"]
    plain = list(_plain("Transcript", transcript.seconds, transcript.segments))
    return {"text/html": "\n".join(lines), "text/plain": "\n".join(plain)}


def source(audio: Audio, *, embed: bool) -> str | None:
    """Where the saved notebook finds the sound: a file beside it, or inside of it as `data:`.

    None where that would be too large and nobody asked to `embed` it.
    """
    if embed:
        return _data(audio.prepare("opus").data)
    if (beside := _beside(audio.path)) is not None:
        return beside
    seconds = audio.probe().seconds
    if seconds is None or seconds > _SHORT:
        return None
    small = audio.prepare("opus").data
    return _data(small) if len(small) <= SMALL else None


def _data(opus: bytes) -> str:
    return f"data:audio/ogg;base64,{base64.b64encode(opus).decode()}"


def _beside(path: Path | None) -> str | None:
    """A file in the notebook's folder, or below it, as a relative address."""
    if path is None:
        return None
    # Not resolved: a link in the folder is there for the page as well.
    relative = os.path.relpath(path)
    is_inside = not Path(relative).is_absolute() and Path(relative).parts[0] != os.pardir
    return urllib.parse.quote(Path(relative).as_posix()) if is_inside else None


def _html(
    name: str, seconds: float | None, segments: Sequence[Segment], source: str | None, place: str
) -> Iterator[str]:
    yield _TWIN.format(f" {place}" if place else "")
    yield f"<p><b{_turned(name)}>{_text(name)}</b>{_length(' · ', seconds)}</p>"
    if source:
        address = html.escape(source)
        # What is in it is seen where there are no players, such as on GitHub.
        yield f'<audio controls preload="metadata" style="width:100%" src="{address}">'
        yield f"<p><i>{_text(_where(source))}</i></p></audio>"
    else:
        yield f"<p><i>{_SILENT}</i></p>"
    if segments:
        yield from _table(segments)
    yield "</div>"


def _table(segments: Sequence[Segment]) -> Iterator[str]:
    yield '<div style="max-height:26em;overflow:auto"><table>'
    has_speakers = any(one.speaker for one in segments)
    speaker = "<th><div align=left>Speaker</div>" if has_speakers else ""
    yield f"<tr><th>Time{speaker}<th><div align=left>Text</div>"
    yield from (_row(one, has_speakers=has_speakers) for one in segments)
    yield "</table></div>"


def _where(source: str) -> str:
    if source.startswith("data:"):
        return "The sound is in this notebook: open it in Jupyter to hear it."
    return f"The sound is beside this notebook: {urllib.parse.unquote(source)}"


def _length(before: str, seconds: float | None) -> str:
    return "" if seconds is None else f"{before}{clock.mark(seconds)}"


def _row(segment: Segment, *, has_speakers: bool) -> str:
    # JupyterLab's style sets text in tables to the right, but for what has its own side.
    name = _text(segment.speaker)
    if len(name) <= _UNBROKEN:
        name = name.replace(" ", "\N{NO-BREAK SPACE}")
    speaker = f"<td><div align=left{_turned(name)}>{name}</div>" if has_speakers else ""
    text, why = _text(segment.text), _text("; ".join(segment.flags))
    turned = _turned(text)
    if why:
        text = f"{text} <small{turned}>⚠ {why}</small>" if text else f"<i>{why}</i>"
    time = clock.mark(segment.start)
    return f"<tr><td>{time}{speaker}<td><div align=left{turned}>{text}</div>"


def _turned(text: str) -> str:
    """Of what is written from right to left, that it is, and that it turns nothing else."""
    is_turned = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return " dir=auto" if is_turned else ""


def _text(text: str) -> str:
    return html.escape(_one_line(text), quote=False)


def _one_line(text: str) -> str:
    return " ".join(terminal_text(text).split())


def _plain(name: str, seconds: float | None, segments: Sequence[Segment]) -> Iterator[str]:
    yield f"{_one_line(name)}{_length(', ', seconds)}"
    for one in segments[:_LINES]:
        words = one.text or "; ".join(one.flags)
        said = f"{one.speaker}: {words}" if one.speaker else words
        yield f"{clock.mark(one.start)}  {_one_line(said)}"
    if more := len(segments[_LINES:]):
        yield f"… {more:,} more"
