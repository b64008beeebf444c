"""The kernel's side of a streaming answer: what it sends, and what it hears."""

from __future__ import annotations

import json
import shutil
import subprocess
import types
from pathlib import Path

import comm
import pytest
from comm.base_comm import BaseComm

from gemini_nb.widgets import stream

SOURCES = Path(stream.__file__).parent / "src"


class Wire(BaseComm):
    """A comm whose messages are kept."""

    sent: list = []

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        packed = sum(map(len, buffers or ()))
        self.sent.append((self.comm_id, msg_type, data or {}, packed))


@pytest.fixture
def wire(monkeypatch):
    """All that goes out: (comm, kind, data, bytes in buffers)."""
    monkeypatch.setattr(Wire, "sent", [])
    monkeypatch.setattr(comm, "create_comm", Wire)
    monkeypatch.setattr(stream, "_shared", None)
    monkeypatch.setattr(stream, "_latest", type(stream._latest)())
    monkeypatch.setattr(stream, "ears", stream._Ears())
    yield Wire.sent
    for _, kept in stream._latest:
        kept.close()


def said(wire):
    """The messages of our own among them."""
    return [data["content"] for _, _, data, _ in wire if data.get("method") == "custom"]


def bases(wire):
    updates = [data["state"] for _, _, data, _ in wire if data.get("method") == "update"]
    return [state["base"] for state in updates if "base" in state]


def test_pieces_carry_offsets_as_the_browser_counts(wire):
    """An emoji counts twice."""
    channel = stream.Channel(None, list)
    channel.piece("d", "a🎉")
    channel.piece("thought", "hm")
    channel.piece("d", "b")
    assert said(wire) == [
        {"t": "d", "o": 0, "s": "a🎉"},
        {"t": "thought", "o": 0, "s": "hm"},
        {"t": "d", "o": 3, "s": "b"},
    ]


def test_the_renderer_travels_once(wire):
    """The first stream brings the code; each further one is small."""
    stream.Channel(None, list)
    first = len(wire)
    assert [packed for *_, packed in wire if packed] == [len(stream._code())]
    stream.Channel(None, list)
    assert sum(len(json.dumps(data)) + packed for *_, data, packed in wire[first:]) < 4000


def test_the_end_is_kept_and_not_sent(wire):
    """A page that is loaded again finds the whole in the model's state, or asks for it."""
    channel = stream.Channel(None, list)
    channel.piece("d", "all")
    channel.push()
    final = {"data": {"text/plain": "all of it"}, "metadata": {}}
    channel.end(final)
    assert [base["text"] for base in bases(wire)] == ["all"]
    end = {"t": "end", "id": channel.name}
    assert said(wire)[-1] == end
    kept = stream._latest[-1][1].get_state("base")["base"]
    assert kept["text"] == "all of it"
    assert kept["final"] == {**final, "id": channel.name}
    channel._hear(None, {"t": "here", "view": 1}, [])  # by a kernel that was busy until now
    assert len(bases(wire)) == 1
    assert said(wire)[-2:] == [end, end]
    channel._hear(None, {"t": "need"}, [])
    assert bases(wire)[-1] == kept


def test_a_place_that_the_kernel_knows_is_its_own(wire):
    """The page puts nothing there by itself: whoever asks has the kernel show it again."""
    channel, shown = stream.Channel(None, list), []
    channel.end({"data": {"text/plain": "all of it"}, "metadata": {}}, lambda: shown.append(1))
    assert "final" not in stream._latest[-1][1].base
    channel._hear(None, {"t": "need"}, [])
    assert shown == [1]
    assert bases(wire) == []
    assert said(wire) == [{"t": "end"}]  # no update will come by an id


def test_a_page_that_comes_later_is_told_the_cell(wire):
    """Until a page has the answer, or the cell runs again; the page that was there is not told."""
    channel, cell = stream.Channel(None, list), {"cell": "a", "count": 3}
    opened = wire[-1][2]["state"]["home"]
    channel.shown(cell.copy)
    home = channel._stream.get_state("home")["home"]
    assert opened == {}
    assert home == {"cell": "a", "count": 3, "id": channel.name, "at": home["at"]}
    later = stream.Channel(None, list)
    later.shown(cell.copy)
    assert later._stream.get_state("home")["home"]["at"] > home["at"]
    cell.clear()
    assert "cell" not in channel._stream.get_state("home")["home"]
    later.end({"data": {}, "metadata": {}})
    later._hear(None, {"t": "over"}, [])
    assert later._stream.get_state("home")["home"] == {}
    assert not [data for *_, data, _ in wire if data.get("state", {}).get("home")]


def test_only_who_asks_for_a_state_is_named():
    """A page that restores its widgets waits for the answer to its question, with all of them."""
    parent = {"content": {"data": {"method": "request_state"}}, "header": {"msg_id": "a"}}
    kernel = types.SimpleNamespace(get_parent=lambda: parent)
    assert stream._Parentless(kernel).get_parent() is parent
    for other in ({"content": {"code": "1"}}, {"content": {"data": {"method": "custom"}}}, None):
        kernel.get_parent = lambda other=other: other
        assert stream._Parentless(kernel).get_parent() == {}


def test_facts_are_sent_when_they_change(wire):
    """They come with a piece, and the same count comes once."""
    channel = stream.Channel(None, list)
    for tokens in (5, 5, 6):
        channel.status(tokens=tokens)
        channel.piece("d", "a")
    assert said(wire) == [
        {"t": "d", "o": 0, "s": "a", "tokens": 5},
        {"t": "d", "o": 1, "s": "a"},
        {"t": "d", "o": 2, "s": "a", "tokens": 6},
    ]


def test_it_hears(wire):
    """A view that is there gets a snapshot, one that misses something, too; Stop stops."""
    stopped, woken = [], []
    channel = stream.Channel(lambda: stopped.append(1), lambda: woken.append(1))
    assert not channel.wants_base
    channel._hear(None, {"t": "here"}, [])
    assert channel.wants_base
    assert channel.is_heard
    assert stream.ears.heard
    channel.push()
    channel._hear(None, {"t": "need"}, [])
    assert channel.wants_base
    assert woken == [1, 1]
    channel._hear(None, {"t": "stop"}, [])
    assert stopped == [1]


def test_old_streams_are_let_go(wire, monkeypatch):
    """The last sixteen stay for a page that is loaded again, and all of the last minute."""
    now = 100.0
    monkeypatch.setattr(stream, "time", types.SimpleNamespace(monotonic=lambda: now))
    final = {"data": {}, "metadata": {}}
    channels = [stream.Channel(None, list) for _ in range(stream._KEPT + 2)]
    assert not [kind for _, kind, *_ in wire if kind == "comm_close"]
    for channel in channels[:-1]:
        channel.end(final)
    assert not [kind for _, kind, *_ in wire if kind == "comm_close"]
    now += 61
    channels[-1].end(final)
    closed = [kind for _, kind, *_ in wire if kind == "comm_close"]
    assert (len(closed), len(stream._latest)) == (2, stream._KEPT)


def test_a_front_end_that_never_answers_is_deaf(monkeypatch):
    """Not while cells run one after the other; but after the kernel had time to listen."""
    clock = [0.0]
    monkeypatch.setattr(stream.time, "monotonic", lambda: clock[0])
    ears = stream._Ears()
    ears.ran()
    clock[0] = 0.5
    ears.runs()
    assert not ears.is_deaf
    ears.ran()
    clock[0] = 5
    ears.runs()
    assert ears.is_deaf
    ears.answered()
    ears.ran()
    clock[0] = 50
    ears.runs()
    assert not ears.is_deaf


@pytest.mark.skipif(
    not (SOURCES / "node_modules").exists() or not shutil.which("npm"),
    reason=f"needs npm ci in {SOURCES.name}",
)
@pytest.mark.parametrize("command", ["check", "test"])
def test_the_browser_side(command):
    """The committed bundle is what the sources build, and their own tests pass."""
    done = subprocess.run(
        [shutil.which("npm"), "run", command],
        cwd=SOURCES,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
