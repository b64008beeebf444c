"""What is heard in a notebook: the recordings of a prompt, and answers that are spoken.

What a player is and how it is saved is `widgets/player.py`; importing it imports anywidget, so it
is done where there is sound.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemini_nb.chunks import text_of
from gemini_nb.display.document import is_sound
from gemini_nb.display.places import place
from gemini_nb.errors import GeminiError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from gemini_nb.asking import Prompt
    from gemini_nb.audio import Audio
    from gemini_nb.content import Part
    from gemini_nb.stream import Response
    from gemini_nb.transcripts import Transcript
    from gemini_nb.widgets.player import Player

# A prompt that asks for every word: no part of them, from one time to another.
_ALL_WORDS = re.compile(r"(?is)(?!.*\d:\d\d).*\btranscri")
# Models that read a prompt aloud.
_READS_ALOUD = re.compile(r"\btts\b")


class Recordings:
    """The recordings of a prompt, to be heard while it is answered; a terminal plays none."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._players: list[Player] = []
        if place() == "terminal":
            return
        for at, part in enumerate(prompt.content.parts):
            if is_sound(part):
                from gemini_nb.widgets.player import Player

                sound = _sound(part, prompt.attached.get(at), prompt.names.get(at, ""))
                self._players.append(Player(sound))

    def show(self) -> None:
        """Before the answer comes, where what is shown can be changed."""
        for player in self._players:
            player.show(is_final=False)

    def answered(self, response: Response) -> None:
        """After it: where it has the times of the one recording, the player has its lines."""
        if len(self._players) == 1:
            player = self._players[0]
            asked = text_of(self._prompt.content.parts)
            player.transcript = _transcript(response, player.audio, asked)
        for player in self._players:
            player.show()

    def spoken(self, response: Response) -> Player | None:
        """What was spoken, beside its words, as far as it came."""
        sound = response.audio
        if sound is None:
            return None
        try:
            return _player(sound, text_of(response.parts).strip() or self._read_aloud())
        except GeminiError:  # the answer has the bytes all the same
            print(repr(sound))
            return None

    def _read_aloud(self) -> str:
        """The prompt, for a model that reads it aloud."""
        prompt = self._prompt
        is_read = _READS_ALOUD.search(prompt.model.model_name)
        return text_of(prompt.content.parts) if is_read else ""


def _sound(part: Part, given: Any, name: str) -> Audio:
    """A recording as it was given: what lies on disk is found there by a page, too."""
    from gemini_nb.audio import Audio
    from gemini_nb.audio.spoken import recordings

    if isinstance(given, Audio):
        return given
    return Audio.from_path(given) if isinstance(given, Path) else recordings([part], name)[0]


def _transcript(response: Response, sound: Audio, asked: str) -> Transcript | None:
    """What an answer wrote down of a recording, None where it is an answer of another kind."""
    from gemini_nb.transcripts import reading, trust

    said = text_of(response.parts)
    try:
        if not reading.is_timed(said):
            return None
        found = reading.read(said, seconds=sound.probe().seconds)
    except GeminiError:
        return None
    try:
        levels = sound.levels()
    except GeminiError:  # of a kind that nothing here decodes
        levels = None
    # A list of places, or a part, leaves out what it leaves out.
    trust.check(found, levels, whole=bool(_ALL_WORDS.match(asked)))
    return found


def _player(sound: Audio, words: str) -> Player:
    from gemini_nb.transcripts import Segment, Transcript
    from gemini_nb.widgets.player import Player

    seconds = sound.probe().seconds
    said = [Segment(0.0, seconds or 0.0, " ".join(words.split()))] if words.strip() else []
    return Player(sound, Transcript(said, seconds=seconds))


# -- what stands at the end of a cell


def install(shell: InteractiveShell) -> None:
    """An Audio, a spoken Response and a Transcript look like what they are.

    Types are known by their names until there is one of them: nothing is imported here.
    """
    formatter = shell.display_formatter.mimebundle_formatter
    for (module, name), how in _SHOWN.items():
        formatter.for_type_by_name(module, name, how)


def uninstall(shell: InteractiveShell) -> None:
    """They look like Python's again."""
    formatter = shell.display_formatter.mimebundle_formatter
    for module, name in _SHOWN:
        formatter.pop(f"{module}.{name}", None)


def _of_audio(audio: Audio, **_: Any) -> Any:
    from gemini_nb.widgets.player import Player

    try:
        return Player(audio)._repr_mimebundle_()
    except GeminiError:  # its repr says so
        return {"text/plain": repr(audio)}


def _of_response(response: Response, **_: Any) -> Any:
    try:
        sound = response.audio if response.done else None
        if sound is not None:
            return _player(sound, text_of(response.parts))._repr_mimebundle_()
    except GeminiError:
        pass
    return response._repr_mimebundle_()


def _of_transcript(transcript: Transcript, **_: Any) -> Any:
    from gemini_nb.display import audio
    from gemini_nb.widgets.player import Player

    if transcript.audio is not None:
        with contextlib.suppress(GeminiError):  # the file may be gone
            return Player(transcript.audio, transcript)._repr_mimebundle_()
    return audio.table(transcript)


_SHOWN = {
    ("gemini_nb.audio", "Audio"): _of_audio,
    ("gemini_nb.stream", "Response"): _of_response,
    ("gemini_nb.transcripts.transcript", "Transcript"): _of_transcript,
}
