"""The resumable upload where nothing fails: what goes over the wire, and where to."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import pytest

import gemini_nb as genai
from gemini_nb import errors, request, resources
from gemini_nb.files import resumable, sources, upload
from gemini_nb.transport import Transport
from tests.conftest import KEY
from tests.faults.uploads import GRANULE, UploadServer

CAPTURES = Path(__file__).parents[1] / "wire" / "captures" / "google-genai"


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    """A state directory that ends with the test, and chunks of 64 KB."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(resumable, "CHUNK", GRANULE)


def session(base="https://api.example", url=""):
    """A session that has not spoken yet."""
    way = Transport(base, None, api_version="v1beta", timeout=None)
    made = resumable.Session(way, request.Request("POST", "files"), "v1beta")
    if url:
        made.take(url)
    return made


def test_it_is_asked_as_the_official_sdk_asks(tmp_path):
    """Our start and our chunks are the captured ones in meaning; only the name is ours."""
    path = tmp_path / "small.txt"
    path.write_bytes(b"hello file")
    captured = json.loads((CAPTURES / "files_upload_small.json").read_text())["exchanges"]
    with UploadServer() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        genai.upload_file(path)
        for ours, theirs in zip(server.calls, captured, strict=True):
            expected = {k.lower(): v for k, v in theirs["headers"].items()}
            names = [n for n in ours.headers if n.startswith("x-goog-upload")]
            assert {n: ours.headers[n] for n in names} == {n: expected[n] for n in names}
            assert ours.headers["x-goog-api-key"] == KEY
        body = server.calls[0].json()["file"]
        assert body.pop("name").startswith("files/")
        assert body == {"displayName": "small.txt", "mimeType": "text/plain"}


def test_a_captured_answer_is_read():
    """The last answer of a captured upload is a File."""
    captured = json.loads((CAPTURES / "files_upload_big_2chunks.json").read_text())["exchanges"][-1]
    answer = captured["response"]
    headers = {k.lower(): v for k, v in answer["headers"].items()}
    found = resumable._standing(
        resumable.transport.Answer(200, headers, json.dumps(answer["body"]).encode())
    )
    assert found.final
    assert found.file.to_dict() == answer["body"]["file"]


def test_an_empty_file_is_one_request_more_than_none(tmp_path):
    """Nothing is a file, too: a start, and an end without bytes."""
    path = tmp_path / "empty.txt"
    path.write_bytes(b"")
    with UploadServer() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        file = genai.upload_file(path)
        assert server.commands == ["start", "finalize"]
        assert list(server.contents.values()) == [b""]
        assert file.size_bytes == 0


@pytest.mark.parametrize("size", [GRANULE - 1, GRANULE, GRANULE + 1, 2 * GRANULE])
def test_the_last_chunk_ends_it(size):
    """No chunk is empty, and the last one says that it is the last."""
    with UploadServer() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        genai.upload_file(b"x" * size, "a/b")
        many = -(-size // GRANULE)
        assert server.commands == ["start", *["upload"] * (many - 1), "finalize"]
        assert server.received == size


def test_names_of_every_language_arrive():
    """In the header as ASCII, in the body as they are."""
    with UploadServer() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        file = genai.upload_file(b"x", "a/b", display_name="Äpfel 日本 🍎")
        assert file.display_name == "Äpfel 日本 🍎"


def test_chunks_are_as_the_service_wants_them(monkeypatch):
    """A multiple of its granularity, where that is no nonsense."""
    made = session()
    monkeypatch.setattr(resumable, "CHUNK", 8 << 20)
    for granule, chunk in (("3000000", 9_000_000), ("0", 8 << 20), ("x", 8 << 20)):
        made.chunk = resumable.CHUNK

        async def answer(*_, granule=granule):
            headers = {
                "x-goog-upload-url": "https://api.example/u",
                "x-goog-upload-chunk-granularity": granule,
            }
            return resumable.transport.Answer(200, headers, b"")

        monkeypatch.setattr(made, "_exchange", answer)
        genai.client.blocking.run(made.start(sources.of(b"x", "a/b")))
        assert made.chunk == chunk


# -- where it goes


@pytest.mark.parametrize(
    ("base", "url", "kept"),
    [
        ("https://api.example", "https://api.example/u?id=1", "/u?id=1"),
        ("https://api.example", "https://other.example/u", "https://other.example/u"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1/u", "/u"),
        ("http://127.0.0.1:1", "https://api.example/u", "https://api.example/u"),
        ("https://api.example", "/u?id=1", "/u?id=1"),
        ("https://api.example", "https://api.example.evil/u", "https://api.example.evil/u"),
    ],
)
def test_an_address_is_kept_without_its_own_host(base, url, kept):
    """A local backend that is started anew has another port."""
    assert session(base, url).url == kept


@pytest.mark.parametrize("url", ["http://api.example/u", "http://other.example/u"])
def test_nothing_leaves_encryption_on_the_way(url):
    """An upload that began over HTTPS does not go on in the open."""
    with pytest.raises(errors.BadAnswer, match="without encryption"):
        session(url=url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "file:///etc/passwd", "//other.example/u", "u", "https://"),
        *("https://[", "https://a:b/", "https://a:99999/"),
    ],
)
def test_what_is_no_address_is_refused(url):
    """Nothing is sent to an address that is none."""
    with pytest.raises(errors.BadAnswer, match="no address"):
        session().take(url)


def test_the_key_stays_at_home():
    """An upload that goes to another host goes there without the key."""
    with UploadServer() as other, UploadServer() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        start = server._start

        def elsewhere(call):
            status, headers, body = start(call)
            other.sessions.update(server.sessions)
            away = headers["X-Goog-Upload-URL"].replace(server.url, other.url)
            return status, {**headers, "X-Goog-Upload-URL": away}, body

        server._start = elsewhere
        genai.upload_file(b"x", "a/b")
        assert len(other.calls) == 1
        assert KEY not in str(other.calls[0].headers)


# -- how long it waits, and what ends it


def test_pauses_grow_and_have_an_end():
    """Doubled each time, spread by chance, never more than a minute."""
    assert [upload.pause(n, 1.0) for n in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert [upload.pause(n, 0.0) for n in (1, 2, 3)] == [0.25, 0.5, 1.0]
    assert upload.pause(50, 1.0) == upload.LONGEST_WAIT


def test_an_interrupt_stops_it_and_the_same_call_goes_on(tmp_path):
    """Control-C in the middle: what is there is kept, nothing of it is sent twice."""
    path = tmp_path / "talk.bin"
    path.write_bytes(b"x" * (2 * GRANULE + 5))
    with UploadServer({("upload", 2): "stuck"}) as server:
        genai.configure(api_key=KEY, base_url=server.url)
        thread = threading.Thread(
            target=lambda: server.stuck.wait(10) and signal.raise_signal(signal.SIGINT)
        )
        thread.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                genai.upload_file(path)
        finally:
            thread.join()
        server.faults = {}
        genai.upload_file(path)
        assert server.commands == ["start", "upload", "upload", "query", "finalize"]
        assert len(server.contents) == 1


def test_a_file_that_changes_on_the_way_is_not_left_there(tmp_path):
    """Half of one and half of the other is deleted, and an error says why."""
    path = tmp_path / "talk.bin"
    path.write_bytes(b"x" * (3 * GRANULE))

    class Writing(UploadServer):
        def _finish(self, session):
            super()._finish(session)
            path.write_bytes(b"y" * (3 * GRANULE + 1))

    with Writing() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        with pytest.raises(errors.UploadCorrupted, match="was changed"):
            genai.upload_file(path)
        assert server.files == {}


def test_a_hash_in_no_known_form_is_none():
    """What cannot be compared says nothing."""
    for text in (None, "", "YWJj", "no base64!", "A" * 88):
        assert upload.sha256(resources.File(sha256_hash=text)) is None
