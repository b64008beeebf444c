"""The kernel's side of the player: what it sends, what it hears, and what is saved."""

from __future__ import annotations

import comm
import numpy as np
import pytest
from comm.base_comm import BaseComm

import gemini_nb as genai
from gemini_nb.audio import Audio
from gemini_nb.errors import BadPrompt
from gemini_nb.transcripts import Segment, Transcript
from gemini_nb.widgets import player as module
from gemini_nb.widgets.player import Player
from tests.media import recording


class Wire(BaseComm):
    """A comm whose messages are kept."""

    sent: list = []

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        self.sent.append((msg_type, data or {}, [bytes(b) for b in buffers or ()]))


@pytest.fixture
def wire(monkeypatch):
    """All that goes out: (kind, data, buffers)."""
    monkeypatch.setattr(Wire, "sent", [])
    monkeypatch.setattr(comm, "create_comm", Wire)
    monkeypatch.setattr(module, "_kept", type(module._kept)())
    genai.configure(display="widget")
    yield Wire.sent
    for kept in module._kept:
        kept.close()


@pytest.fixture
def transcript():
    return Transcript(
        [Segment(0, 1, "one", "Anna"), Segment(1, float("inf"), "two", "", ("late",))]
    )


WAV = recording(seconds=2)


def shown(player):
    """What a cell displays."""
    return player._repr_mimebundle_()


def test_it_sends_all_that_is_shown(wire, transcript):
    """The facts with the model, then the sound; a number that JSON has not is none."""
    player = Player(WAV, transcript)
    shown(player)
    _layout, (kind, data, _), *updates = wire
    state = data["state"]
    assert kind == "comm_open"
    assert (state["name"], state["seconds"]) == ("Recording", 2.0)
    assert state["segments"] == [
        {"start": 0, "end": 1, "speaker": "Anna", "text": "one", "flags": []},
        {"start": 1, "end": None, "speaker": "", "text": "two", "flags": ["late"]},
    ]
    assert [list(u["state"]) for _, u, _ in updates] == [["mime_type"], []]
    assert updates[0][1]["state"]["mime_type"] == "audio/wav"
    assert updates[-1][2] == [WAV]


def test_the_waveform_is_two_bytes_a_stretch(wire):
    """A tone at half of full scale, from its lowest to its highest."""
    peaks = np.frombuffer(Player(WAV).widget.peaks, "int8").reshape(-1, 2)
    assert len(peaks) == module._PEAKS
    assert (peaks.min(), peaks.max()) == (-64, 64)


def test_what_is_saved_is_its_twin(wire, transcript):
    """It names the place by which the page finds it, and no widget."""
    player = Player(WAV, transcript)
    bundle = shown(player)
    assert set(bundle) == {"text/html", "text/plain"}
    assert player.widget.place in bundle["text/html"]
    assert "data:audio/ogg" in bundle["text/html"]


@pytest.mark.parametrize("where", ["terminal", "once"])
def test_without_a_page_nothing_is_sent(wire, where):
    """A runner would save the widget's state, with all of the sound."""
    genai.configure(display=where)
    assert set(shown(Player(WAV))) == {"text/html", "text/plain"}
    assert wire == []


def test_other_pages_get_a_view(wire):
    """Those that have a frame for each output."""
    genai.configure(display="updates")
    player = Player(WAV)
    view = shown(player)["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == player.widget.model_id


def test_an_edit_reaches_the_transcript(wire, transcript):
    """The segment changes in place; page and twin follow."""
    player = Player(WAV, transcript)
    shown(player)
    wire.clear()
    player._hear(None, {"t": "edit", "index": 1, "text": "zwei"}, [])
    assert transcript[1].text == "zwei"
    (_, update, _), (_, said, _) = wire
    assert [one["text"] for one in update["state"]["segments"]] == ["one", "zwei"]
    assert said["content"]["t"] == "twin"
    assert "zwei" in said["content"]["data"]["text/html"]
    assert "zwei" in shown(player)["text/plain"]


@pytest.mark.parametrize(
    "said",
    [
        {"t": "edit", "index": 2, "text": "x"},
        {"t": "edit", "index": -1, "text": "x"},
        {"t": "edit", "index": 0, "text": None},
        {"t": "edit", "index": "0", "text": "x"},
        {"t": "else"},
        {},
    ],
)
def test_what_is_no_edit_changes_nothing(wire, transcript, said):
    """Another version of the page may say anything."""
    player = Player(WAV, transcript)
    shown(player)
    wire.clear()
    player._hear(None, said, [])
    assert [one.text for one in transcript] == ["one", "two"]
    assert wire == []


def test_what_a_page_cannot_play_becomes_flac(wire):
    """When it says so; of AIFF it is known before."""
    player = Player(recording("OGG"))
    assert player.widget.mime_type == "audio/ogg"
    player._hear(None, {"t": "unplayable"}, [])
    assert player.widget.mime_type == "audio/flac"
    assert player.widget.sound.startswith(b"fLaC")
    assert Player(recording("AIFF")).widget.mime_type == "audio/flac"


def test_what_cannot_be_decoded_says_so(wire, monkeypatch):
    """The page then tells its reader."""
    player = Player(WAV)
    shown(player)

    def broken(self, codec="flac"):
        raise BadPrompt("It is damaged.")

    monkeypatch.setattr(Audio, "prepare", broken)
    player._hear(None, {"t": "unplayable"}, [])
    assert wire[-1][1]["content"] == {"t": "failed"}


def test_old_players_are_let_go(wire):
    """The last eight stay; one that is shown again has its sound again."""
    players = [Player(WAV) for _ in range(10)]
    for player in players:
        shown(player)
    assert [player._live is None for player in players] == [True] * 2 + [False] * 8
    shown(players[0])
    assert players[0].widget.sound == WAV
    assert players[2]._live is None


def test_large_players_are_let_go_sooner(wire, monkeypatch):
    """All together hold less than a limit, but the last one is always there."""
    monkeypatch.setattr(module, "_WEIGHT", len(WAV) + 1)
    players = [Player(WAV) for _ in range(3)]
    for player in players:
        shown(player)
    assert [player._live is None for player in players] == [True, True, False]


def test_it_comes_back_after_all_widgets_were_closed(wire):
    """`Widget.close_all()` is in many a notebook."""
    player = Player(WAV)
    player.widget.close()
    assert player.widget.comm is not None


def test_a_path_is_taken_as_well(wire, tmp_path):
    """It gives the name."""
    path = tmp_path / "talk.wav"
    path.write_bytes(WAV)
    assert [Player(p).name for p in (path, str(path), Audio.from_path(path))] == ["talk.wav"] * 3


def test_what_is_no_sound_is_told():
    """One clear sentence."""
    with pytest.raises(BadPrompt, match="A list is no recording"):
        Player([1, 2])
