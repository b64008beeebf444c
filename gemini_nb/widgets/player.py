"""A recording that can be heard beside its transcript: the kernel's side of the player.

What is displayed is the twin (`display/audio.py`), so the notebook saves nothing else. Where a page
runs our widgets the player stands over its twin for as long as the kernel lives, also in a page
that is loaded again; `src/player/place.js` finds the place. A widget's own view would be saved as
such, and JupyterLab shows "model not found" for it when the notebook is opened again, whatever else
the output holds.

Importing this imports anywidget, so it is done where a player is wanted.
"""

from __future__ import annotations

import collections
import math
import os
import uuid
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gemini_nb.audio import Audio
from gemini_nb.display import audio as twin
from gemini_nb.display.places import place
from gemini_nb.errors import BadPrompt, GeminiError

_STATIC = Path(__file__).parent / "static"
_VIEW = "application/vnd.jupyter.widget-view+json"
_PEAKS = 1000
# Every browser plays FLAC; what one cannot play becomes that. Of AIFF it is known beforehand.
_PLAYED, _UNPLAYED = "audio/flac", {"audio/aiff"}
# The players that were shown last stay alive, as long as they hold less than so many bytes.
_KEPT = 8
_WEIGHT = 256 << 20


class _Live(anywidget.AnyWidget):
    """What the page has. `place` is the class of the twin that it stands over."""

    _esm = (_STATIC / "player.js").read_text(encoding="utf-8")
    place = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    seconds = traitlets.Float().tag(sync=True)
    mime_type = traitlets.Unicode().tag(sync=True)
    peaks = traitlets.Bytes().tag(sync=True)
    segments: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    sound = traitlets.Bytes().tag(sync=True)


class Player:
    """A recording with its waveform and its transcript, to be heard, read, searched and corrected.

    Args:
        audio: an `Audio`, a path, or the bytes of a file.
        transcript: a `Transcript`; what is corrected in the page, is corrected in its segments.
        embed: save the sound in the notebook, as Opus at the quality of speech. Without it a sound
            of a few seconds is saved, and of a file in the notebook's folder the relative path.
    """

    def __init__(self, audio: Any, transcript: Any = None, *, embed: bool = False) -> None:
        self.audio = _sound(audio)
        self.transcript = transcript
        self._embed = embed
        self._place = f"gemini-nb-{uuid.uuid4().hex}"
        self._source: str | None = None
        self._is_sourced = False
        self._segments: list[Any] = []
        self._live: _Live | None = None

    @property
    def name(self) -> str:
        """What the recording is called."""
        return self.audio.name or "Recording"

    @property
    def widget(self) -> anywidget.AnyWidget:
        """The player as a widget, to be put into others."""
        # `Widget.close_all()` in somebody's cell closes it as well.
        if self._live is None or self._live.comm is None:
            self._live = self._opened()
        _keep(self)
        return self._live

    def _opened(self) -> _Live:
        self._segments = list(self.transcript or ())
        live = _Live(
            place=self._place,
            name=self.name,
            seconds=self.audio.probe().seconds or 0.0,
            peaks=_bytes(self.audio.peaks(_PEAKS)),
            segments=_facts(self._segments),
        )
        live.on_msg(self._hear)
        _load(live, self.audio.prepare() if self.audio.mime_type in _UNPLAYED else self.audio)
        return live

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if content.get("t") == "edit":
            self._edit(content)
        elif content.get("t") == "unplayable" and self._live is not None:
            try:
                _load(self._live, self.audio.prepare())
            except GeminiError:
                self._live.send({"t": "failed"})

    def _edit(self, content: dict[str, Any]) -> None:
        index, text = content.get("index"), content.get("text")
        if isinstance(index, int) and isinstance(text, str) and 0 <= index < len(self._segments):
            self._segments[index].text = text
            self.refresh()

    def refresh(self) -> None:
        """Show the texts as the transcript has them now, in the page and in what is saved."""
        if self._live is not None:
            self._live.segments = _facts(self._segments)
            self._live.send({"t": "twin", "data": self._twin()})

    def close(self) -> None:
        """Give back the memory; the twin is seen in the page."""
        if self._live is not None:
            self._live.layout.close()
            self._live.close()
            self._live = None

    def _twin(self) -> dict[str, Any]:
        if not self._is_sourced:
            self._source = twin.source(self.audio, embed=self._embed)
            self._is_sourced = True
        segments = self._segments or list(self.transcript or ())
        seconds = self.audio.probe().seconds
        return dict(twin.bundle(self.name, seconds, segments, self._source, self._place))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        where = place()
        if where in ("terminal", "once"):
            return self._twin()
        model_id = self.widget.model_id
        if where == "widget":
            return self._twin()
        # Other front ends have each output in a frame of its own: nothing there can stand over it.
        view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        return {_VIEW: view, **self._twin()}


def _sound(audio: Any) -> Audio:
    if isinstance(audio, (bytes, bytearray, memoryview)):
        return Audio.from_bytes(bytes(audio))
    if isinstance(audio, (str, os.PathLike)):
        return Audio.from_path(audio)
    if isinstance(audio, Audio):
        return audio
    raise BadPrompt(
        f"A {type(audio).__name__} is no recording.",
        advice="Give an Audio, a path, or the bytes of a file.",
    )


def _load(live: _Live, audio: Audio) -> None:
    # The kind first: the page makes its sound when the bytes come.
    live.mime_type = audio.mime_type
    live.sound = audio.data


def _bytes(peaks: Any) -> bytes:
    """Peaks as pairs of signed bytes: more than a waveform of a few pixels can show."""
    import numpy as np

    scaled = np.nan_to_num(np.asarray(peaks, "float32")).clip(-1, 1) * 127
    return bytes(scaled.round().astype("int8").tobytes())


def _facts(segments: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "start": one.start if math.isfinite(one.start) else None,
            "end": one.end if math.isfinite(one.end) else None,
            "speaker": one.speaker,
            "text": one.text,
            "flags": list(one.flags),
        }
        for one in segments
    ]


_kept: collections.deque[Player] = collections.deque()


def _keep(latest: Player) -> None:
    """Let go of the players that were shown long ago: page and kernel both hold their sound."""
    if latest in _kept:
        _kept.remove(latest)
    _kept.append(latest)
    while len(_kept) > 1 and (len(_kept) > _KEPT or sum(map(_weight, _kept)) > _WEIGHT):
        _kept.popleft().close()


def _weight(player: Player) -> int:
    return len(player._live.sound) if player._live else 0
