"""A recording that can be heard beside its transcript: the kernel's side of the player.

What is displayed is the twin (`display/audio.py`), so the notebook saves nothing else. Where a page
runs our widgets the player stands over its twin for as long as the kernel lives, also in a page
that is loaded again; `src/player/place.js` finds the place. A widget's own view would be saved as
such, and JupyterLab shows "model not found" for it when the notebook is opened again, whatever else
the output holds.

The player is seen before it can be heard: waveform and sound are made and sent by a thread, behind
what is displayed, and ask nothing of the page, which a kernel that runs all cells would hear late.

Importing this imports anywidget, so it is done where a player is wanted.
"""

from __future__ import annotations

import collections
import contextlib
import math
import os
import threading
import uuid
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gemini_nb.audio import Audio
from gemini_nb.display import audio as twin
from gemini_nb.display.html import terminal_text
from gemini_nb.display.places import place
from gemini_nb.display.slot import Slot, slot
from gemini_nb.errors import BadPrompt, GeminiError

_STATIC = Path(__file__).parent / "static"
_VIEW = "application/vnd.jupyter.widget-view+json"
_PEAKS = 1000
_PIECES = 8
# Until what a cell ends with is displayed; and the time that a waveform has to be there first.
_MOMENT, _PATIENCE = 0.03, 0.3
# Every browser plays FLAC; what one cannot play becomes that. Of AIFF it is known beforehand.
_PLAYED, _UNPLAYED = "audio/flac", {"audio/aiff"}
# The players that were shown last stay alive, as long as they hold less than so many bytes.
_KEPT = 8
_WEIGHT = 256 << 20


class _Live(anywidget.AnyWidget):
    """What the page has. `place` is the class of the twin that it stands over.

    The sound comes in `pieces`, each a trait of its own: the page puts one away while the next is
    on its way. How many there are is said when all are there. `failed` is why there are none.
    """

    _esm = (_STATIC / "player.js").read_text(encoding="utf-8")
    place = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    seconds = traitlets.Float().tag(sync=True)
    mime_type = traitlets.Unicode().tag(sync=True)
    peaks = traitlets.Bytes().tag(sync=True)
    segments: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    twin: traitlets.Dict[str, str] = traitlets.Dict().tag(sync=True)
    pieces = traitlets.Int().tag(sync=True)
    failed = traitlets.Unicode().tag(sync=True)

    def load(self, mime_type: str, data: bytes) -> None:
        """Send the sound, and then that it is whole."""
        self.pieces = 0
        size = max(1, -(-len(data) // _PIECES))
        count = -(-len(data) // size)
        for at in range(count):
            self.set_trait(f"sound{at}", data[at * size : (at + 1) * size])
        with self.hold_sync():
            self.mime_type, self.pieces = mime_type, count

    @property
    def sound(self) -> bytes:
        """All that was sent of it."""
        return b"".join(getattr(self, f"sound{at}") for at in range(self.pieces))


_Sounding: type[_Live] = type(
    "_Sounding", (_Live,), {f"sound{at}": traitlets.Bytes().tag(sync=True) for at in range(_PIECES)}
)


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
        self._sending: threading.Timer | None = None
        self._weight = 0
        self._slot: Slot | None = None
        self._is_open = False  # the slot

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
        live = _Sounding(
            place=self._place,
            name=terminal_text(self.name),
            seconds=self.audio.probe().seconds or 0.0,
            mime_type=self.audio.mime_type,
            segments=_facts(self._segments),
        )
        live.on_msg(self._hear)
        self._sending = threading.Timer(_MOMENT, self._send, [live])
        self._sending.daemon = True
        self._sending.start()
        return live

    def _send(self, live: _Live) -> None:
        drawing = threading.Thread(target=self._draw, args=[live], daemon=True)
        drawing.start()
        # On a slow line it would stand in the queue behind the sound.
        drawing.join(_PATIENCE)
        self._load(live, is_unplayed=live.mime_type in _UNPLAYED)
        drawing.join()

    def _draw(self, live: _Live) -> None:
        # What cannot be decoded here may well be played there, without a waveform.
        with contextlib.suppress(GeminiError):
            live.peaks = _bytes(self.audio.peaks(_PEAKS))

    def _load(self, live: _Live, *, is_unplayed: bool) -> None:
        try:
            audio = self.audio.prepare() if is_unplayed else self.audio
            data = audio.data
        except GeminiError as error:
            live.failed = str(error)
            return
        live.load(audio.mime_type, data)
        self._weight = len(data)
        if live.comm is not None:  # not let go meanwhile
            _keep(self)

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if content.get("t") == "edit":
            self._edit(content)
        elif content.get("t") == "unplayable" and self._live is not None:
            self._load(self._live, is_unplayed=True)

    def _edit(self, content: dict[str, Any]) -> None:
        index, text = content.get("index"), content.get("text")
        if isinstance(index, int) and isinstance(text, str) and 0 <= index < len(self._segments):
            segment = self._segments[index]
            if not segment.text:
                segment.flags = ()  # they said why there were no words
            segment.text = text
            self._tell()

    def show(self, *, is_final: bool = True) -> None:
        """Display it; or, after one that was not final, what has become of it, in the same place.

        Args:
            is_final: nothing more comes. Where a display cannot be changed, in a terminal and in a
                run that nobody watches, it is left to the final one.
        """
        is_live = place() in ("widget", "updates")
        if self._is_open:
            self.refresh()
        elif is_live or is_final:
            shown = slot(name=self._place, is_live=is_live)
            shown.show(self._repr_mimebundle_(), {})
            self._slot = shown if is_live else None
        self._is_open = is_live and not is_final

    def refresh(self) -> None:
        """Show the transcript as it is now, in the page and in what is saved."""
        self._segments = list(self.transcript or ())
        self._tell()
        if self._slot is not None:
            self._slot.show(self._repr_mimebundle_(), {})

    def _tell(self) -> None:
        """The page alone. A new display would take away the list in which somebody writes."""
        if self._live is not None:
            self._live.segments = _facts(self._segments)
            self._live.twin = self._twin(self._place)

    def close(self) -> None:
        """Give back the memory; the twin is seen in the page."""
        if self._live is not None:
            self._live.layout.close()
            self._live.close()
            self._live = None

    def _twin(self, named: str = "") -> dict[str, str]:
        if not self._is_sourced:
            self._source = twin.source(self.audio, embed=self._embed)
            self._is_sourced = True
        segments = list(self.transcript or ())
        seconds = self.audio.probe().seconds
        return twin.bundle(self.name, seconds, segments, self._source, named)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        where = place()
        if where in ("terminal", "once"):
            # Without a name, which is another one in each run.
            return dict(self._twin())
        model_id = self.widget.model_id
        if where == "widget":
            return dict(self._twin(self._place))
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


def _bytes(peaks: Any) -> bytes:
    """Peaks as pairs of signed bytes: more than a waveform of a few pixels can show."""
    import numpy as np

    scaled = np.nan_to_num(np.asarray(peaks, "float32")).clip(-1, 1) * 127
    return bytes(scaled.round().astype("int8").tobytes())


def _facts(segments: list[Any]) -> list[dict[str, Any]]:
    """What the page has of them: as in the twin, without what turns a text round."""
    return [
        {
            "start": one.start if math.isfinite(one.start) else None,
            "end": one.end if math.isfinite(one.end) else None,
            "speaker": terminal_text(one.speaker),
            "text": terminal_text(one.text),
            "flags": [terminal_text(flag) for flag in one.flags],
        }
        for one in segments
    ]


_kept: collections.deque[Player] = collections.deque()
_keeping = threading.Lock()


def _keep(latest: Player) -> None:
    """Let go of the players that were shown long ago: page and kernel both hold their sound."""
    with _keeping:
        if latest in _kept:
            _kept.remove(latest)
        _kept.append(latest)
        while len(_kept) > 1 and (
            len(_kept) > _KEPT or sum(one._weight for one in _kept) > _WEIGHT
        ):
            _kept.popleft().close()
