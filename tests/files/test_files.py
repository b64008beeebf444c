"""The File API: upload, find, list, wait for and delete files."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle
import threading

import pytest

import gemini_nb as genai
from gemini_nb import enums, errors, files, known, resources
from gemini_nb.files import upload, uploaded
from gemini_nb.parts import to_part
from tests.audio import sounds
from tests.conftest import KEY
from tests.faults.uploads import UploadServer
from tests.media import picture
from tests.server import answer_json

WIRE = {
    "name": "files/abc-123",
    "displayName": "Talk <b>1</b>",
    "mimeType": "audio/mp3",
    "sizeBytes": "12884901",
    "createTime": "2026-11-22T00:00:00.000000Z",
    "updateTime": "2026-11-22T00:00:01.123456789Z",
    "expirationTime": "2026-11-24T00:00:00Z",
    "sha256Hash": "YWJj",
    "uri": "https://api.example/v1beta/files/abc-123",
    "state": "ACTIVE",
    "source": "UPLOADED",
}


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    """A state directory that ends with the test, and no long looks."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(uploaded, "_FIRST_LOOK", 0.01)


@pytest.fixture
def server():
    """A File API without faults."""
    with UploadServer() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        yield server


def made(**more):
    """A File as the service describes it."""
    from gemini_nb import structs

    return files.File(structs.build(resources.File, {**WIRE, **more}))


def in_hours(hours):
    return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours, seconds=30)).isoformat()


# -- what a File says


def test_a_file_says_what_it_is():
    """Numbers are numbers, times are datetimes, and the wire's text is kept."""
    file = made()
    assert (file.name, file.mime_type, file.size_bytes) == (
        "files/abc-123",
        "audio/mp3",
        12_884_901,
    )
    assert file.state is enums.FileState.ACTIVE
    assert file.state.name == "ACTIVE"
    assert file.expiration_time == dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    assert file.update_time == dt.datetime(2026, 11, 22, 0, 0, 1, 123456, dt.UTC)
    assert file.sha256 is None
    assert file.to_dict() == WIRE


def test_a_file_of_which_little_is_known():
    """What the service leaves out is empty, never an error."""
    file = files.File(resources.File())
    assert (file.name, file.uri, file.size_bytes, file.create_time) == ("", "", 0, None)
    assert file.state is enums.FileState.STATE_UNSPECIFIED
    assert repr(file) == "<File 0 bytes · STATE_UNSPECIFIED>"


@pytest.mark.parametrize(
    ("hours", "said"), [(48, "48 h left"), (2.5, "3 h left"), (1.5, "90 min left"), (-1, "expired")]
)
def test_the_repr_is_one_line_with_the_time_left(hours, said):
    """What a person wants to know of it, at a glance."""
    text = repr(made(expirationTime=in_hours(hours)))
    assert text == (
        f"<File files/abc-123 · 'Talk <b>1</b>' · audio/mp3 · 12.3 MB · ACTIVE · {said}>"
    )


def test_the_html_is_escaped():
    """Names come from anywhere."""
    hostile = '<img src=x onerror="alert(1)">'
    file = made(name=hostile, displayName=hostile, mimeType=hostile, state=hostile)
    text = file._repr_html_()
    assert "<img" not in text
    assert text.startswith("<span><code>&lt;img")
    assert "\x1b" not in repr(made(mimeType="\x1b]0;x\x07", name="\x1b[2J"))


def test_no_name_of_a_service_turns_the_line_around():
    """Signs that steer a terminal, or the direction of a text, are in neither form."""
    file = made(name="files/a\x1b[2J", mimeType="text/\u202eplain", state="\x07")
    assert repr(file).isprintable()
    assert file._repr_html_().isprintable()


def test_files_are_equal_by_name_and_travel_without_their_client():
    """A File in another process uses the client that is configured there."""
    file = files.File(made()._body, genai.Client(api_key=KEY))
    again = pickle.loads(pickle.dumps(file))  # noqa: S301 - our own
    assert again == file
    assert {again, file} == {file}
    assert again.client is not file.client
    assert again.to_dict() == file.to_dict()


# -- in a prompt


def test_a_file_in_a_prompt_is_its_address():
    """A File becomes `fileData`, with its kind."""
    part = to_part(made())
    assert part.to_dict() == {"fileData": {"fileUri": WIRE["uri"], "mimeType": "audio/mp3"}}
    assert to_part(made()._body) == part


@pytest.mark.parametrize(
    ("state", "why"), [("PROCESSING", r"file\.wait\(\)"), ("FAILED", "could not be processed")]
)
def test_a_file_that_is_not_ready_is_refused(state, why):
    """Before the service would refuse it, and with what to do."""
    with pytest.raises(errors.BadPrompt, match=why):
        to_part(made(state=state))


def test_a_state_that_is_not_known_is_no_obstacle():
    """The service will say what it thinks of it."""
    assert to_part(made(state="RESTING")).file_data.file_uri == WIRE["uri"]


# -- upload


def test_the_first_documentations_call(server, tmp_path):
    """`genai.upload_file(path=…, display_name=…)`, and the File in a prompt."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo := picture("JPEG"))
    file = genai.upload_file(path=str(path), display_name="A photo", resumable=True)
    assert (file.display_name, file.mime_type, file.size_bytes) == (
        "A photo",
        "image/jpeg",
        len(photo),
    )
    assert file.uri == f"{server.url}/v1beta/{file.name}"


def test_the_name_that_is_wanted(server):
    """With and without its prefix."""
    for name in ("my-talk", "files/my-talk-2"):
        file = genai.upload_file(b"x", "a/b", name)
        assert file.name == f"files/{name.removeprefix('files/')}"


@pytest.mark.parametrize("name", ["Upper", "-a", "a-", "a" * 41, "a/b", "", "files/ä"])
def test_a_name_that_cannot_be_is_refused(name):
    """Here, with the rule, and not after two gigabytes."""
    with pytest.raises(errors.BadPrompt, match="40 lowercase letters"):
        genai.upload_file(b"x", "a/b", name)


def test_a_name_that_is_taken_is_refused(server):
    """The service says so, and the other file stays."""
    genai.upload_file(b"x", "a/b", "mine")
    with pytest.raises(errors.APIError, match="exists"):
        genai.upload_file(b"y", "a/b", "mine")
    assert server.contents == {"files/mine": b"x"}


def test_nothing_is_kept_where_nothing_shall_be(tmp_path):
    """`resumable=False` leaves no trace on this machine."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"text")
    with UploadServer({("finalize", 0): "403"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.PermissionDenied):
            genai.upload_file(path, resumable=False)
    assert not (tmp_path / "state").exists()


def test_another_account(server):
    """A Client of one's own uploads with its key, and its Files go on using it."""
    other = genai.Client(api_key="AIzaFAKE-other", base_url=server.url)
    file = genai.upload_file(b"x", "a/b", client=other)
    file.refresh()
    file.delete()
    genai.get_file(genai.upload_file(b"x", "a/b", client=other).name, client=other)
    assert {call.headers["x-goog-api-key"] for call in server.calls} == {"AIzaFAKE-other"}


# -- find, list, delete


def test_find_and_delete(server):
    """By name, with and without prefix, by address, and by the File itself."""
    file = genai.upload_file(b"x", "a/b", "mine")
    for name in ("mine", "files/mine", file.uri, file):
        assert genai.get_file(name) == file
    genai.delete_file(file)
    with pytest.raises(errors.PermissionDenied):
        genai.get_file("mine")
    with pytest.raises(errors.PermissionDenied):
        file.delete()


@pytest.mark.parametrize("name", ["", "a b", "../models", "files/a:download", 7, None])
def test_what_is_no_name_is_refused(name):
    """Nothing is asked for that a person cannot have meant."""
    for call in (genai.get_file, genai.delete_file):
        with pytest.raises(errors.BadPrompt, match="no name of a file"):
            call(name)


def test_pages_are_fetched_as_they_are_reached(server):
    """The list can be left early, and then the rest is never asked for."""
    for number in range(5):
        genai.upload_file(b"x", "a/b", f"f{number}")
    before = len(server.calls)
    found = genai.list_files(page_size=2)
    assert [next(found).name for _ in range(3)] == ["files/f0", "files/f1", "files/f2"]
    assert len(server.calls) - before == 2
    assert len(list(genai.list_files())) == 5


def test_every_call_can_be_awaited(server, tmp_path):
    """The async forms do the same."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"text")

    async def all_of_it():
        file = await genai.upload_file_async(path)
        assert await genai.get_file_async(file.name) == file
        two = await genai.upload_files_async([path, path])
        listed = [found async for found in genai.list_files_async(page_size=2)]
        assert set(listed) == {file, *two}
        await (await (await file.wait_async()).refresh_async()).delete_async()
        for other in two:
            await genai.delete_file_async(other)

    asyncio.run(all_of_it())
    assert server.files == {}
    assert server.contents == {}


def test_a_recording(server, tmp_path):
    """It is called as its file, and of what a prompt names the length is known here."""
    path = tmp_path / "talk.mp3"
    path.write_bytes(sounds.encoded("FLAC"))
    audio = genai.Audio.from_path(path)
    for given, name, data in (
        (audio, "talk.mp3", path.read_bytes()),
        (audio.clip(1, 2), "talk.mp3", audio.clip(1, 2).data),
        ((sounds.tone(), 16_000), "", genai.Audio.from_array(sounds.tone(), 16_000).data),
    ):
        file = genai.upload_file(given)
        assert (file.display_name, file.mime_type) == (name, "audio/flac")
        assert server.contents[file.name] == data
        assert known.facts_of(file.uri).seconds == genai.Audio.from_bytes(data).probe().seconds


def test_a_recording_goes_on_where_its_upload_was_broken_off(tmp_path, monkeypatch):
    """From another session, too, as a path does: it is the same file."""
    monkeypatch.setattr(upload, "FIRST_WAIT", 0.01)
    path = tmp_path / "talk.wav"
    path.write_bytes(sounds.encoded("WAV", sounds.tone(30)))
    with UploadServer({("finalize", 0): "half"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.UploadInterrupted) as caught:
            genai.upload_file(genai.Audio.from_path(path))
        assert caught.value.sent
        server.faults.clear()
        before = server.received
        file = genai.upload_file(path)
        assert server.commands.count("start") == 1
        assert server.received - before == path.stat().st_size - caught.value.sent
        assert server.contents[file.name] == path.read_bytes()


# -- several


def test_several_side_by_side_in_their_order(server, tmp_path):
    """Files come back as they were given."""
    paths = []
    for number in range(9):
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_text(f"text {number}")
    found = genai.upload_files(paths)
    assert [file.display_name for file in found] == [path.name for path in paths]
    assert [server.contents[file.name].decode()[-1] for file in found] == list("012345678")


def test_several_are_really_side_by_side_but_not_all():
    """Four at once: the fifth waits for one of them."""
    together, most, lock = 0, 0, threading.Lock()

    class Counting(UploadServer):
        async def _upload(self, call, size, reader):
            nonlocal together, most
            with lock:
                together += 1
                most = max(most, together)
            try:
                await asyncio.sleep(0.02)  # or the first would be done before the next begins
                return await super()._upload(call, size, reader)
            finally:
                with lock:
                    together -= 1

    with Counting() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        genai.upload_files([picture(size=(n, n)) for n in range(1, 11)])
    assert most == 4


def test_one_that_fails_stops_no_other(tmp_path):
    """The error names the failed ones, says why, and holds the others."""
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path in paths:
        path.write_text(path.name)

    class Picky(UploadServer):
        def _start(self, call):
            if call.headers["x-goog-upload-file-name"] == "b.txt":
                return answer_json_error(403, "Not this one.")
            return super()._start(call)

    with Picky() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(
            errors.UploadsFailed, match=r"1 of 3 .*'b\.txt': Not this one"
        ) as caught:
            genai.upload_files(paths)
    first, second, third = caught.value.files
    assert (first.display_name, second, third.display_name) == ("a.txt", None, "c.txt")
    assert list(caught.value.failed) == [1]
    assert isinstance(caught.value.failed[1], errors.PermissionDenied)
    assert caught.value.failed[1].__traceback__ is None


def answer_json_error(code, why):
    status, headers, pieces = answer_json({"error": {"code": code, "message": why}}, code)
    return status, headers, b"".join(pieces)


def test_a_wrong_one_among_several_is_found_before_any_is_sent(server, tmp_path):
    """A path that does not exist is a mistake, no failure of an upload."""
    with pytest.raises(errors.BadPrompt, match="no file"):
        genai.upload_files([picture(), tmp_path / "missing"])
    with pytest.raises(errors.BadPrompt, match="takes a list"):
        genai.upload_files("a.txt")
    assert server.calls == []
    assert genai.upload_files([]) == []


# -- wait


def states(*names, **more):
    """A server where a file goes through these states, one at each look."""
    left = list(names)
    return lambda call: answer_json({**WIRE, **more, "state": left.pop(0) if left[1:] else left[0]})


def test_wait_until_it_is_ready(serve):
    """It is looked at until it is ACTIVE."""
    server = serve(states("PROCESSING", "PROCESSING", "ACTIVE"))
    file = made(state="PROCESSING")
    assert file.wait() is file
    assert file.state == "ACTIVE"
    assert len(server.calls) == 3
    file.wait()
    assert len(server.calls) == 3


def test_wait_for_what_fails(serve):
    """The service's reason is in the error."""
    serve(states("FAILED", error={"code": 13, "message": "The video is broken."}))
    with pytest.raises(errors.FileFailed, match=r"abc-123 could not be processed: The video is"):
        made(state="PROCESSING").wait()


def test_wait_not_for_ever(serve):
    """A timeout is one, and the file can be waited for again."""
    serve(states("PROCESSING"))
    with pytest.raises(errors.Timeout, match=r"not ready in 0\.05 s") as caught:
        made(state="PROCESSING").wait(0.05)
    assert isinstance(caught.value, TimeoutError)


def test_wait_where_something_else_answers(serve):
    """What is no file in place of one is a BadAnswer."""
    serve(lambda call: (200, {}, [b'{"name": "\xff"}']))
    with pytest.raises(errors.BadAnswer, match="no JSON"):
        made(state="PROCESSING").wait()
