"""For each fault: the file arrives once and whole, or a typed error says how far it got."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import gemini_nb as genai
from gemini_nb import errors
from gemini_nb.files import resumable, sources, unfinished, upload
from tests.conftest import KEY
from tests.faults.uploads import GRANULE, UploadServer
from tests.waiting import until

ROOT = Path(__file__).parents[2]
# Four chunks, the last one short.
CONTENT = random.Random(7).randbytes(3 * GRANULE + 12_345)  # noqa: S311 - no secret


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Small chunks, short waits, and a state directory that ends with the test."""
    monkeypatch.setattr(resumable, "CHUNK", GRANULE)
    monkeypatch.setattr(upload, "BLOCK", GRANULE // 3)
    monkeypatch.setattr(upload, "PIECE", GRANULE // 5)
    monkeypatch.setattr(upload, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(upload, "KEPT_EVERY", 0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def path(tmp_path):
    """A file to upload."""
    path = tmp_path / "talk.bin"
    path.write_bytes(CONTENT)
    return path


def arrived(server, file=None):
    """One file is there, whole."""
    assert list(server.contents.values()) == [CONTENT]
    assert file is None or (file.size_bytes, file.sha256) == (
        len(CONTENT),
        hashlib.sha256(CONTENT).hexdigest(),
    )


def kept(tmp_path):
    """The uploads that are kept for later, by what is kept of each."""
    folder = tmp_path / "state" / "gemini_nb" / "uploads"
    return [json.loads(path.read_bytes()) for path in folder.glob("*.json")]


PASSING = {
    "start, 503 twice": {("start", 1): "503", ("start", 2): "503"},
    "start, reset": {("start", 1): "reset"},
    "start, lost response": {("start", 1): "lost"},
    "start, 429": {("start", 1): "429"},
    "chunk, 503": {("upload", 2): "503"},
    "chunk, 503 twice": {("upload", 2): "503", ("query", 1): "503"},
    "chunk, 408": {("upload", 1): "408"},
    "chunk, 429": {("upload", 3): "429"},
    "chunk, reset": {("upload", 1): "reset"},
    "chunk, lost response": {("upload", 2): "lost"},
    "chunk, half committed": {("upload", 2): "half"},
    "chunk, half committed and 503": {("upload", 2): "half, 503"},
    "chunk, half taken": {("upload", 2): "half taken"},
    "chunk, nothing taken": {("upload", 2): "deaf"},
    "chunk, login page": {("upload", 2): "html"},
    "chunk, empty answer": {("upload", 2): "empty"},
    "chunk, wrong offset": {("upload", 2): "misplaced"},
    "chunk, the server forgot some": {("upload", 2): "forgets"},
    "chunk, session gone": {("upload", 3): "gone"},
    "query, lost response": {("upload", 2): "lost", ("query", 1): "lost"},
    "query, session gone": {("upload", 2): "lost", ("query", 1): "gone"},
    "end, 503": {("finalize", 1): "503"},
    "end, not taken": {("finalize", 1): "deaf"},
    "end, half taken": {("finalize", 1): "half taken"},
    "end, reset": {("finalize", 1): "reset"},
    "end, half committed": {("finalize", 1): "half"},
    "end, lost response": {("finalize", 1): "lost"},
    "end, lost response and query": {("finalize", 1): "lost", ("query", 1): "lost"},
    "end, lost response and session": {("finalize", 1): "lost and gone"},
    "end, misplaced": {("finalize", 1): "misplaced"},
    "everything once": {
        ("start", 1): "503",
        ("upload", 1): "lost",
        ("query", 1): "503",
        ("upload", 2): "half",
        ("upload", 4): "forgets",
        ("finalize", 1): "half",
        ("finalize", 2): "lost",
    },
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_the_file_arrives_once_and_whole(faults, path, tmp_path):
    """After any fault the service is asked, and the upload goes on from there."""
    with UploadServer(faults) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        arrived(server, genai.upload_file(path))
        assert server.deleted == []
    assert kept(tmp_path) == []


@pytest.mark.parametrize("place", [("start", 1), ("upload", 2), ("query", 1), ("finalize", 1)])
def test_silence_is_a_fault_like_any_other(place, path):
    """A server that says nothing more is asked again after the timeout."""
    faults = {place: "stuck"} | ({("upload", 1): "lost"} if place[0] == "query" else {})
    with UploadServer(faults) as server:
        genai.configure(api_key=KEY, base_url=server.url, timeout=0.3)
        arrived(server, genai.upload_file(path))


@pytest.mark.parametrize(
    "shown", [b"{}", b'{"name": 5}', b'{"name": "files/\xff"}', b"{", b"[]"], ids=str
)
def test_a_file_that_the_service_does_not_show_is_no_success(path, shown):
    """All was sent and no File comes: the error says how far it got, and no empty File is given."""
    with UploadServer({("finalize", 1): "lost"}, mute=True) as server:
        server._plain = lambda call: (200, {"content-type": "application/json"}, shown)
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.UploadInterrupted) as caught:
            genai.upload_file(path)
        assert caught.value.sent == caught.value.size == len(CONTENT)


def test_the_last_answer_may_be_lost_for_good(path):
    """Where the service says `final` and no more, the File is found by its name."""
    with UploadServer({("finalize", 1): "lost"}, mute=True) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        file = genai.upload_file(path)
        arrived(server, file)
        assert server.commands.count("finalize") == 1


@pytest.mark.parametrize("fault", ["503", "reset", "html", "empty", "deaf", "lost"])
def test_an_upload_that_gets_no_further_says_how_far_it_got(fault, path, tmp_path):
    """Tries in a row that bring nothing are counted; what is there is kept, and used."""
    faults = {("upload", number): fault for number in range(2, 40)} | {("finalize", 0): fault}
    if fault == "lost":
        faults = {("upload", 2): "lost", ("query", 0): "lost"}
    with UploadServer(faults) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.UploadInterrupted) as caught:
            genai.upload_file(path)
        assert (caught.value.sent, caught.value.size) == (GRANULE, len(CONTENT))
        assert "64 KB of 204 KB" in str(caught.value)
        assert server.files == {}
        assert len(server.commands) < 4 * upload.TRIES
        assert [one["offset"] for one in kept(tmp_path)] == [GRANULE]
        server.faults = {}
        before = server.commands.count("start")
        arrived(server, genai.upload_file(path))
        assert server.commands.count("start") == before


def test_a_file_that_is_read_ahead_is_closed(path, monkeypatch):
    """Also where the upload is over before that read begins."""
    over, read_of, read = threading.Event(), [], sources.Source.read

    def late(source, offset, size):
        read_of.append(source)
        if offset >= GRANULE:  # read while the first chunk is on its way
            over.wait(10)
        return read(source, offset, size)

    monkeypatch.setattr(sources.Source, "read", late)
    with UploadServer({("upload", 0): "403"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.PermissionDenied):
            genai.upload_file(path)
    over.set()
    until(lambda: not any(t.name.startswith("gemini_nb-upload") for t in threading.enumerate()))
    assert read_of[-1]._file is None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("503", errors.Unavailable), ("reset", errors.NetworkError), ("html", errors.BadAnswer)],
)
def test_a_service_that_was_never_reached_is_no_upload(fault, kind, path, tmp_path):
    """Before there is anything to go on with, the error is what it is."""
    with UploadServer({("start", 0): fault}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(kind) as caught:
            genai.upload_file(path)
        assert type(caught.value) is kind
        assert len(server.commands) == (1 if fault == "html" else upload.TRIES)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("place", ["start", "upload"])
def test_a_long_wait_is_not_waited_for(place, path):
    """A service that wants minutes fails at once."""
    with UploadServer({(place, 1): "quota"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(
            (errors.ResourceExhausted, errors.UploadInterrupted), match="Much later"
        ):
            genai.upload_file(path)
        assert server.commands.count(place) == 1


@pytest.mark.parametrize(("place", "asked"), [("start", 0), ("upload", 0), ("finalize", 0)])
def test_a_refusal_is_no_fault(place, asked, path, tmp_path):
    """What the service means for good is not tried again, nor kept."""
    with UploadServer({(place, 0): "403"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.PermissionDenied, match="Not yours"):
            genai.upload_file(path)
        assert server.commands.count("query") == asked
    assert kept(tmp_path) == []


def test_a_chunk_refused_at_its_right_place_is_a_refusal(path):
    """Asked once more, the service stands where we are: then it means something else."""
    faults = {("upload", number): "misplaced" for number in range(2, 9)}
    with UploadServer(faults) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.InvalidArgument, match="offset is wrong"):
            genai.upload_file(path)
        assert server.commands == ["start", "upload", "upload", "query", "upload"]


def test_a_session_that_is_always_lost_ends(path):
    """Beginning anew is no progress, so it does not go on for ever."""
    with UploadServer({("upload", number): "gone" for number in range(2, 99, 2)}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.UploadInterrupted):
            genai.upload_file(path)
        assert server.commands.count("start") <= upload.TRIES + 1


@pytest.mark.parametrize(
    "said",
    [
        {"sha256Hash": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"sizeBytes": "17"},
    ],
)
def test_what_arrived_wrong_is_deleted_there(said, path, tmp_path):
    """A wrong hash or size is an error, and nobody can use that file by mistake."""
    with UploadServer(**said) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.UploadCorrupted, match="was deleted there"):
            genai.upload_file(path)
        assert server.files == {}
        assert len(server.deleted) == 1
    assert kept(tmp_path) == []


@pytest.mark.parametrize("form", ["hex", "raw", "odd", "none"])
def test_the_hash_is_read_in_either_form(form, path):
    """Base64 of the digest or of its text; what is neither is not compared."""
    import base64

    digest = hashlib.sha256(CONTENT)
    said = {
        "hex": base64.b64encode(digest.hexdigest().encode()).decode(),
        "raw": base64.b64encode(digest.digest()).decode(),
        "odd": "YWJj",
        "none": "",
    }
    with UploadServer(sha256Hash=said[form]) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        file = genai.upload_file(path)
        assert file.sha256 == (digest.hexdigest() if form in ("hex", "raw") else None)


# -- a process that dies

_CHILD = """
import sys
import gemini_nb as genai
from gemini_nb.files import resumable, upload
resumable.CHUNK, upload.KEPT_EVERY = int(sys.argv[3]), 0
genai.configure(api_key="AIzaFAKE-not-a-key", base_url=sys.argv[1])
genai.upload_file(sys.argv[2])
"""


def killed(server, path):
    """A process that uploads, killed when the server gets stuck; its state stays."""
    command = [sys.executable, "-c", _CHILD, server.url, str(path), str(GRANULE)]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ)) as child:
        try:
            assert server.stuck.wait(30)
        finally:
            child.send_signal(signal.SIGKILL)
    server.stuck.clear()
    server.faults = {}


@pytest.mark.parametrize(
    ("place", "again"),
    [
        (("start", 1), len(CONTENT)),
        (("upload", 1), len(CONTENT) - GRANULE),
        (("upload", 3), len(CONTENT) - 3 * GRANULE),
        (("finalize", 1), 0),
    ],
)
def test_a_killed_process_is_gone_on_with(place, again, path, tmp_path):
    """The same call on the same file sends only what is missing, even where that is nothing."""
    with UploadServer({place: "stuck"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        killed(server, path)
        before = server.received
        arrived(server, genai.upload_file(path))
        assert server.received - before == again
        assert server.commands.count("start") == (2 if place[0] == "start" else 1)
    assert kept(tmp_path) == []


def test_what_is_kept_holds_no_secret_and_is_nobody_elses(path, tmp_path):
    """The file of the state is for its owner alone, without key, path or name of the file."""
    with UploadServer({("upload", 2): "stuck"}) as server:
        killed(server, path)
        folder = tmp_path / "state" / "gemini_nb" / "uploads"
        for file in folder.iterdir():
            assert file.stat().st_mode & 0o777 == 0o600
            text = file.read_text() + file.name
            assert KEY not in text
            assert "talk" not in text
        (one,) = kept(tmp_path)
        assert one["offset"] == GRANULE
        assert one["sha256"] == hashlib.sha256(CONTENT[:GRANULE]).hexdigest()
        assert server.url not in one["url"]


@pytest.mark.parametrize("change", ["content", "time", "key", "type", "display name"])
def test_another_upload_begins_anew(change, path):
    """Only the same file, for the same account, called the same, is gone on with."""
    with UploadServer({("upload", 2): "stuck"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        killed(server, path)
        given = {}
        if change == "content":
            path.write_bytes(CONTENT)
        elif change == "time":
            os.utime(path, ns=(1, 1))
        elif change == "key":
            genai.configure(api_key="AIzaFAKE-another")
        elif change == "type":
            given = {"mime_type": "video/mp4"}
        else:
            given = {"display_name": "Another talk"}
        arrived(server, genai.upload_file(path, **given))
        assert server.commands.count("start") == 2


def test_a_file_that_only_looks_unchanged_begins_anew(path):
    """Same path, size and time, another content: the hash of what was sent tells."""
    with UploadServer({("upload", 2): "stuck"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_bytes(b"X" + CONTENT[1:])
        os.utime(path, ns=times)
        killed(server, path)
        path.write_bytes(CONTENT)
        os.utime(path, ns=times)
        arrived(server, genai.upload_file(path))
        assert server.commands.count("start") == 2
        assert server.deleted == []


def test_a_change_behind_what_was_checked_is_found_at_the_end(path):
    """What was sent by the other process and not kept in time is found by the whole hash."""
    with UploadServer({("upload", 2): "stuck"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        odd = bytearray(CONTENT)
        odd[GRANULE + 7] ^= 1
        path.write_bytes(odd)
        os.utime(path, ns=times)
        killed(server, path)
        path.write_bytes(CONTENT)
        os.utime(path, ns=times)
        arrived(server, genai.upload_file(path))
        assert len(server.deleted) == 1


@pytest.mark.parametrize("fault", ["gone", "403", "misplaced"])
def test_an_upload_that_the_service_forgot_begins_anew(fault, path):
    """What is kept may be older than what the service keeps."""
    with UploadServer({("upload", 2): "stuck"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        killed(server, path)
        server.faults = {("query", 1): fault}
        arrived(server, genai.upload_file(path))
        assert server.commands.count("start") == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"url": 7}',
        b'{"url":"x","name":"files/a","offset":0,"sha256":""}',
    ],
)
def test_a_broken_state_never_blocks_an_upload(text, path, tmp_path):
    """Whatever stands in the file of the state, the upload begins anew."""
    with UploadServer({("upload", 2): "stuck"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        killed(server, path)
        (entry,) = (tmp_path / "state" / "gemini_nb" / "uploads").glob("*.json")
        entry.write_bytes(text)
        arrived(server, genai.upload_file(path))
    assert kept(tmp_path) == []


def test_a_directory_that_cannot_be_written_never_blocks_an_upload(path, tmp_path, monkeypatch):
    """Without a place for its state an upload is only not gone on with."""
    place = tmp_path / "a file"
    place.write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    with UploadServer({("upload", 2): "lost"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        arrived(server, genai.upload_file(path))


def test_old_state_is_swept_away(path, tmp_path):
    """After a week the service has forgotten an upload, and so have we."""
    folder = tmp_path / "state" / "gemini_nb" / "uploads"
    folder.mkdir(parents=True)
    for name in ("old.json", "old.lock", "old.part", "new.json"):
        (folder / name).write_bytes(b"{}")
        if name.startswith("old"):
            os.utime(folder / name, (1, 1))
    with UploadServer() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        genai.upload_file(path)
    assert [file.name for file in folder.iterdir()] == ["new.json"]


def test_two_at_the_same_file_do_not_meet():
    """Whoever comes second has no place to go on from, and leaves the first one's alone."""
    first, second = unfinished.claim("a", 1), unfinished.claim("a", 1)
    one = unfinished.Kept("/u", "files/a", 0, "")
    first.write(one)
    second.write(unfinished.Kept("/other", "files/b", 0, ""))
    assert second.read() is None
    second.forget()
    second.release()
    assert first.read() == one
    first.release()
    third = unfinished.claim("a", 1)
    assert third.read() == one
    third.forget()
    third.release()
