"""The kernel's side of the player: what it sends, what it hears, and what is saved."""

from __future__ import annotations

import threading

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
    for player in list(module._kept):
        sent(player)
        player.close()


@pytest.fixture
def transcript():
    return Transcript(
        [Segment(0, 1, "one", "Anna"), Segment(1, float("inf"), "two", "", ("late",))]
    )


WAV = recording(seconds=2)


def shown(player):
    """What a cell displays."""
    return player._repr_mimebundle_()


def sent(player):
    """The model, with all that is sent behind what is displayed."""
    live = player.widget
    player._sending.join(30)
    return live


def test_it_sends_all_that_is_shown(wire, transcript):
    """The facts with the model, then waveform and sound; a number that JSON has not is none."""
    player = Player(WAV, transcript)
    shown(player)
    sent(player)
    _layout, (kind, data, _), *updates = wire
    state = data["state"]
    assert kind == "comm_open"
    assert (state["name"], state["seconds"]) == ("Recording", 2.0)
    assert (state["mime_type"], state["pieces"]) == ("audio/wav", 0)
    assert state["segments"] == [
        {"start": 0, "end": 1, "speaker": "Anna", "text": "one", "flags": []},
        {"start": 1, "end": None, "speaker": "", "text": "two", "flags": ["late"]},
    ]
    paths = [update["buffer_paths"] for _, update, _ in updates]
    assert paths == [[["peaks"]], *([[f"sound{at}"]] for at in range(8)), []]
    assert b"".join(buffers[0] for _, _, buffers in updates[1:-1]) == WAV
    assert updates[-1][1]["state"] == {"pieces": 8}


def test_it_is_displayed_before_anything_is_decoded(wire, monkeypatch):
    """However long the waveform takes; and the sound does not wait for it."""
    go_on = threading.Event()
    peaks = Audio.peaks

    def slow(self, count):
        assert go_on.wait(30)
        return peaks(self, count)

    monkeypatch.setattr(Audio, "peaks", slow)
    player = Player(WAV)
    assert "text/html" in shown(player)
    assert wire[-1][0] == "comm_open"
    came = threading.Event()
    player.widget.observe(lambda change: came.set(), "pieces")
    assert came.wait(30)
    assert not player.widget.peaks
    go_on.set()
    assert sent(player).peaks


def test_what_has_no_waveform_is_still_heard(wire, monkeypatch):
    """Another decoder may be in the browser."""

    def broken(self, count):
        raise BadPrompt("It cannot be decoded.")

    monkeypatch.setattr(Audio, "peaks", broken)
    live = sent(Player(WAV))
    assert (live.peaks, live.sound, live.failed) == (b"", WAV, "")


def test_a_file_that_is_gone_is_told(wire, tmp_path):
    """In the page, since the cell has ended by then."""
    path = tmp_path / "talk.wav"
    path.write_bytes(WAV)
    player = Player(path)
    player.widget  # noqa: B018 - opens it
    path.unlink()
    assert "There is no file" in sent(player).failed


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 1000])
def test_the_sound_comes_in_pieces(wire, size):
    """All of it, and no more pieces than there are bytes; another one takes its place."""
    live = module._Sounding()
    for data in (bytes(range(100)), bytes(size)):
        live.load("audio/wav", data)
        assert live.sound == data
    assert live.pieces <= min(8, size)
    live.close()


def test_the_waveform_is_two_bytes_a_stretch(wire):
    """A tone at half of full scale, from its lowest to its highest."""
    peaks = np.frombuffer(sent(Player(WAV)).peaks, "int8").reshape(-1, 2)
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


@pytest.mark.parametrize("where", ["terminal", "once"])
def test_without_a_page_it_is_the_same_in_each_run(wire, transcript, where):
    """Opus inside of it, too: whoever compares two runs finds them equal."""
    genai.configure(display=where)
    made = [shown(Player(recording(seconds=2, rate=44_100), transcript)) for _ in range(2)]
    assert made[0] == made[1]
    assert "data:audio/ogg" in made[0]["text/html"]


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
    sent(player)
    wire.clear()
    player._hear(None, {"t": "edit", "index": 1, "text": "zwei"}, [])
    assert transcript[1].text == "zwei"
    (_, update, _), (_, saved, _) = wire
    assert [one["text"] for one in update["state"]["segments"]] == ["one", "zwei"]
    assert "zwei" in saved["state"]["twin"]["text/html"]
    assert player.widget.place in saved["state"]["twin"]["text/html"]
    assert "zwei" in shown(player)["text/plain"]


def test_the_page_gets_what_can_be_read(wire):
    """Nothing that a terminal obeys, or that turns a text round."""
    hostile = "\x1b[31ma\u202e\0b\x9b31m"
    said = Transcript([Segment(0, 1, hostile, hostile, (hostile,))])
    live = sent(Player(Audio.from_bytes(WAV, name=hostile), said))
    (found,) = live.segments
    assert [live.name, found["text"], found["speaker"], *found["flags"]] == ["ab"] * 4
    assert said[0].text == hostile  # until somebody changes it


def test_words_take_away_why_there_were_none(wire):
    """Other flags stay with what they are about."""
    said = Transcript(
        [Segment(0, 1, "", "", ("without words",)), Segment(1, 2, "b", "", ("late",))]
    )
    player = Player(WAV, said)
    sent(player)
    for index in (0, 1):
        player._hear(None, {"t": "edit", "index": index, "text": "A bell."}, [])
    assert [(one.text, one.flags) for one in said] == [("A bell.", ()), ("A bell.", ("late",))]


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
    sent(player)
    wire.clear()
    player._hear(None, said, [])
    assert [one.text for one in transcript] == ["one", "two"]
    assert wire == []


def test_what_a_page_cannot_play_becomes_flac(wire):
    """When it says so; of AIFF it is known before."""
    player = Player(recording("OGG"))
    assert sent(player).mime_type == "audio/ogg"
    player._hear(None, {"t": "unplayable"}, [])
    assert player.widget.mime_type == "audio/flac"
    assert player.widget.sound.startswith(b"fLaC")
    assert sent(Player(recording("AIFF"))).mime_type == "audio/flac"


def test_what_cannot_be_decoded_says_so(wire, monkeypatch):
    """The page then tells its reader."""
    player = Player(WAV)
    shown(player)
    sent(player)

    def broken(self, codec="flac"):
        raise BadPrompt("It is damaged.")

    monkeypatch.setattr(Audio, "prepare", broken)
    player._hear(None, {"t": "unplayable"}, [])
    assert "It is damaged." in wire[-1][1]["state"]["failed"]


def test_old_players_are_let_go(wire):
    """The last eight stay; one that is shown again has its sound again."""
    players = [Player(WAV) for _ in range(10)]
    for player in players:
        shown(player)
    assert [player._live is None for player in players] == [True] * 2 + [False] * 8
    shown(players[0])
    assert sent(players[0]).sound == WAV
    assert players[2]._live is None


def test_large_players_are_let_go_sooner(wire, monkeypatch):
    """All together hold less than a limit, but the last one is always there."""
    monkeypatch.setattr(module, "_WEIGHT", len(WAV) + 1)
    players = [Player(WAV) for _ in range(3)]
    for player in players:
        shown(player)
        sent(player)
    assert [player._live is None for player in players] == [True, True, False]


def test_it_comes_back_after_all_widgets_were_closed(wire):
    """`Widget.close_all()` is in many a notebook."""
    player = Player(WAV)
    player.widget.close()
    assert player.widget.comm is not None


class Displays:
    """A slot whose displays are kept."""

    def __init__(self, all_, name, *, is_live):
        self.all, self.name, self.is_live = all_, name, is_live

    def show(self, data, metadata):
        self.all.append((self, data))


@pytest.fixture
def displays(monkeypatch):
    """What is displayed: (the place, what)."""
    found = []
    monkeypatch.setattr(
        module, "slot", lambda name, *, is_live: Displays(found, name, is_live=is_live)
    )
    return found


@pytest.mark.parametrize("where", ["widget", "updates", "once", "terminal"])
def test_a_transcript_that_comes_later_is_in_what_was_displayed(wire, displays, transcript, where):
    """Where a display can be changed; elsewhere there is one, at the end."""
    genai.configure(display=where)
    player = Player(WAV)
    player.show(is_final=False)
    assert len(displays) == (where in ("widget", "updates"))
    player.transcript = transcript
    player.show()
    assert len({place for place, _ in displays}) == 1
    assert "two" in displays[-1][1]["text/html"]
    if where in ("widget", "updates"):
        assert [one["text"] for one in player.widget.segments] == ["one", "two"]
    else:
        assert wire == []
    player.show()
    assert len({place for place, _ in displays}) == 2  # as any other object that is shown again


def test_what_is_shown_anew_stays_in_its_place(wire, displays, transcript):
    """With what became of the transcript since."""
    genai.configure(display="updates")
    player = Player(WAV, transcript)
    player.show()
    del transcript.segments[0]
    player.refresh()
    assert len({place for place, _ in displays}) == 1
    assert "one" not in displays[-1][1]["text/html"]
    assert [one["text"] for one in player.widget.segments] == ["two"]
    player._hear(None, {"t": "edit", "index": 0, "text": "zwei"}, [])
    assert len(displays) == 2  # a new display would end what plays


def test_a_path_is_taken_as_well(wire, tmp_path):
    """It gives the name."""
    path = tmp_path / "talk.wav"
    path.write_bytes(WAV)
    assert [Player(p).name for p in (path, str(path), Audio.from_path(path))] == ["talk.wav"] * 3


def test_what_is_no_sound_is_told():
    """One clear sentence."""
    with pytest.raises(BadPrompt, match="A list is no recording"):
        Player([1, 2])
