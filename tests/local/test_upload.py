"""Uploads by each protocol, whole and broken, and the files that they become."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import hashlib
import json
import os
import random
import socket
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gemini_nb.local import answers, app, files, resolve, sessions, upload
from gemini_nb.local.fault import Fault
from gemini_nb.local.multipart import Related
from tests.local.keeper import FLASH, KEY, Echo, Keeper

testclient = pytest.importorskip("starlette.testclient")

CAPTURES = Path(__file__).parents[1] / "wire" / "captures" / "google-genai"
START = "/upload/v1beta/files"
MIB = 1024 * 1024


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A store of this test's own."""
    monkeypatch.setenv("GEMINI_NB_DATA", str(tmp_path))
    return tmp_path / "local"


@pytest.fixture
def web(home):
    """A client of an application on that store."""
    return client()


def client():
    made = app.build(Echo(), KEY, loopback=True)
    headers = {"x-goog-api-key": KEY}
    return testclient.TestClient(made, base_url="http://127.0.0.1:8000", headers=headers)


def start(web, size=None, about=None, mime_type="text/plain", **query):
    headers = {
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Type": mime_type,
    }
    if size is not None:
        headers["X-Goog-Upload-Header-Content-Length"] = str(size)
    return web.post(START, headers=headers, json={"file": about or {}}, params=query)


def begin(web, *args, **about):
    answer = start(web, *args, **about)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-goog-upload-status"] == "active"
    assert answer.headers["x-goog-upload-chunk-granularity"] == "8388608"
    return answer.headers["x-goog-upload-url"]


def send(web, url, data=b"", offset=0, command="upload, finalize"):
    headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
    return web.post(url, content=data, headers=headers)


def put(web, data=b"hello", about=None, mime_type="text/plain"):
    """Upload in one go; the File."""
    answer = send(web, begin(web, len(data), about, mime_type), data)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-goog-upload-status"] == "final"
    return answer.json()["file"]


def received(web, url):
    answer = send(web, url, command="query")
    assert answer.status_code == 200, answer.text
    return answer.headers["x-goog-upload-status"], answer.headers["x-goog-upload-size-received"]


def error(answer, code, status):
    assert answer.status_code == code, answer.text
    found = answer.json()["error"]
    assert (found["code"], found["status"]) == (code, status)
    return found["message"]


def digest(data):
    return base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()


def read(web, file, mime_type="text/plain"):
    """What a prompt sees of a file: the engine repeats it."""
    part = {"fileData": {"fileUri": file["uri"], "mimeType": mime_type}}
    answer = web.post(f"{FLASH}:generateContent", json={"contents": [{"parts": [part]}]})
    assert answer.status_code == 200, answer.text
    return answer.json()["candidates"][0]["content"]["parts"][0]["text"]


def test_a_file_has_the_apis_shape(web):
    """Every field as the API sends it: sizes as text, the hash of the hash's text, 48 hours."""
    file = put(web, b"hello", {"displayName": "Größe.txt"})
    name = file.pop("name")
    assert name.startswith("files/")
    created, expires = file.pop("createTime"), file.pop("expirationTime")
    assert created == file.pop("updateTime")
    assert datetime.fromisoformat(expires) - datetime.fromisoformat(created) == timedelta(days=2)
    assert file == {
        "displayName": "Größe.txt",
        "mimeType": "text/plain",
        "sizeBytes": "5",
        "sha256Hash": digest(b"hello"),
        "uri": f"http://127.0.0.1:8000/v1beta/{name}",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }


def test_the_requests_of_a_real_client_are_answered(web):
    """What google-genai sent in a capture gets the headers that it got there."""
    for case in ("files_upload_small", "files_upload_big_2chunks"):
        url = None
        for exchange in json.loads((CAPTURES / f"{case}.json").read_text())["exchanges"]:
            headers = {k: v for k, v in exchange["headers"].items() if k.startswith("X-Goog-U")}
            body = exchange["body"]
            if url is None:
                answer = web.post(exchange["path"], json=body, headers=headers)
                url = answer.headers["x-goog-upload-url"]
            else:
                data = bytes(body["__bytes__"])
                bare = testclient.TestClient(web.app, base_url="http://127.0.0.1:8000")
                answer = bare.post(url, content=data, headers=headers)
            expected = exchange["response"]["headers"]
            for header in ("X-Goog-Upload-Status", "X-Goog-Upload-Size-Received"):
                if header in expected:
                    assert answer.headers[header] == expected[header]
        wanted = exchange["response"]["body"]["file"]
        assert answer.json()["file"].keys() | {"displayName"} == wanted.keys()
        assert answer.json()["file"]["sizeBytes"] == wanted["sizeBytes"]


def test_chunks_of_any_size_make_one_file(web):
    """The bytes are those that were sent, whatever the chunks were."""
    data = random.Random(1).randbytes(3 * MIB + 17)  # noqa: S311
    url, at = begin(web, len(data)), 0
    for size in (1, MIB, 2 * MIB - 1):
        answer = send(web, url, data[at : at + size], at, "upload")
        at += size
        assert answer.headers["x-goog-upload-status"] == "active"
        assert answer.headers["x-goog-upload-size-received"] == str(at)
    file = send(web, url, data[at:], at).json()["file"]
    assert file["sizeBytes"] == str(len(data))
    assert file["sha256Hash"] == digest(data)


@pytest.mark.parametrize("size", [0, None])
def test_an_empty_file_is_a_file(web, size):
    """With and without its size told before, sent or only finalized."""
    for command in ("upload, finalize", "finalize"):
        file = send(web, begin(web, size), command=command).json()["file"]
        assert file["sizeBytes"] == "0"
        assert file["sha256Hash"] == digest(b"")
        assert read(web, file) == ""


def test_a_wrong_offset_writes_nothing(web):
    """Neither a hole nor a second time the same; the answer says where to go on."""
    url = begin(web, 10)
    send(web, url, b"01234", 0, "upload")
    for offset in (0, 4, 6):
        said = error(send(web, url, b"56789", offset), 400, "INVALID_ARGUMENT")
        assert "5 bytes have arrived" in said
    assert received(web, url) == ("active", "5")
    assert send(web, url, b"56789", 5).json()["file"]["sha256Hash"] == digest(b"0123456789")


def test_an_upload_goes_on_in_another_server(home):
    """The next server, with another key, knows the upload's address and its bytes."""
    data = random.Random(2).randbytes(2 * MIB)  # noqa: S311
    url = begin(client(), len(data))
    send(client(), url, data[:MIB], 0, "upload")
    other = client()
    assert received(other, url) == ("active", str(MIB))
    file = send(other, url, data[MIB:], MIB).json()["file"]
    assert file["sha256Hash"] == digest(data)
    assert client().get(f"/v1/{file['name']}").json() == file


def test_the_last_answer_can_be_asked_for_again(web):
    """Who lost it asks, or finalizes once more, and gets the same File; nothing is there twice."""
    url = begin(web, 5)
    file = send(web, url, b"hello").json()["file"]
    for answer in (send(web, url, command="query"), send(web, url, b"hello")):
        assert answer.headers["x-goog-upload-status"] == "final"
        assert answer.json()["file"] == file
    assert len(web.get("/v1beta/files").json()["files"]) == 1


def test_too_few_bytes_cannot_be_finalized(web):
    """The upload stays, so that the rest may come."""
    url = begin(web, 10)
    said = error(send(web, url, b"01234"), 400, "INVALID_ARGUMENT")
    assert "5 of 10 bytes have arrived" in said
    assert send(web, url, b"56789", 5).json()["file"]["sizeBytes"] == "10"


def test_too_many_bytes_are_refused(web, monkeypatch):
    """More than was told, or more than a file may have: 400, and the size is named."""
    said = error(send(web, begin(web, 3), b"hello"), 400, "INVALID_ARGUMENT")
    assert "More bytes arrive than the 3" in said
    monkeypatch.setattr(files, "FILE_LIMIT", 4)
    said = error(start(web, 5), 400, "INVALID_ARGUMENT")
    assert "too large (5 bytes or more); the limit is 4 bytes" in said
    assert "too large" in error(send(web, begin(web), b"hello"), 400, "INVALID_ARGUMENT")


def test_all_files_together_have_a_limit(web, monkeypatch):
    """What is kept and what is on its way both count; a deleted file does not."""
    monkeypatch.setattr(files, "ALL_LIMIT", 10)
    file = put(web, b"01234")
    url = begin(web, 4)
    send(web, url, b"567", 0, "upload")
    assert "more than 10 bytes" in error(start(web, 3), 429, "RESOURCE_EXHAUSTED")
    web.delete(f"/v1beta/{file['name']}")
    begin(web, 3)


def test_a_cancelled_upload_is_gone(web, home):
    """Its address is unknown from then on, and its bytes are deleted."""
    url = begin(web, 10)
    send(web, url, b"01234", 0, "upload")
    assert send(web, url, command="cancel").headers["x-goog-upload-status"] == "cancelled"
    assert "begin anew" in error(send(web, url, command="query"), 404, "NOT_FOUND")
    assert list((home / "blobs").iterdir()) == []


def test_an_upload_that_nobody_went_on_with_is_swept(web, home):
    """After 48 hours its bytes are deleted."""
    url = begin(web, 10)
    send(web, url, b"01234", 0, "upload")
    kept = web.app.state.store
    with kept.change() as db:
        db.execute("UPDATE uploads SET expires = 1")
    error(send(web, url, command="query"), 404, "NOT_FOUND")
    for blob in (home / "blobs").iterdir():
        os.utime(blob, (1, 1))
    kept.sweep()
    assert list((home / "blobs").iterdir()) == []


@pytest.mark.parametrize("name", ["files/my-file-1", "my-file-1", "a", "a" * 40])
def test_a_chosen_name_is_kept(web, name):
    """With and without the prefix."""
    assert put(web, about={"name": name})["name"] == f"files/{name.removeprefix('files/')}"


@pytest.mark.parametrize("name", ["-a", "a-", "A", "a_b", "a/b", "a" * 41, "files/", "../a", "ä"])
def test_a_name_against_the_rules_is_refused(web, name):
    """The rule is said, and nothing is begun."""
    said = error(start(web, 5, {"name": name}), 400, "INVALID_ARGUMENT")
    assert "small letters, digits and dashes" in said


def test_a_name_is_taken_once(web):
    """At the start, and at the end if two began at once; a deleted name is free again."""
    first, second = begin(web, 5, {"name": "files/x"}), begin(web, 5, {"name": "files/x"})
    assert send(web, first, b"hello").status_code == 200
    assert "files/x already exists" in error(send(web, second, b"hello"), 409, "ALREADY_EXISTS")
    error(start(web, 5, {"name": "files/x"}), 409, "ALREADY_EXISTS")
    assert web.delete("/v1beta/files/x").json() == {}
    put(web, about={"name": "files/x"})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Goog-Upload-Command": "dance"}, "none that an upload under way knows"),
        ({}, "none that an upload under way knows"),
        ({"X-Goog-Upload-Command": "upload", "X-Goog-Upload-Offset": "-1"}, "number of bytes"),
    ],
)
def test_a_command_that_is_none_is_refused(web, headers, expected):
    """It says what was wrong; the upload stays."""
    url = begin(web, 5)
    assert expected in error(web.post(url, headers=headers), 400, "INVALID_ARGUMENT")
    assert received(web, url) == ("active", "0")


def test_who_says_no_protocol_is_told_which_there_are(web):
    """A body without a word about how it comes is no upload."""
    assert "resumable or multipart" in error(web.post(START, content=b"x"), 400, "INVALID_ARGUMENT")


def test_an_uploads_address_needs_no_key_and_nothing_else_does_without(web):
    """An ID that nobody was given opens nothing, and other paths do not look at it."""
    url = begin(web, 5)
    bare = testclient.TestClient(web.app, base_url="http://127.0.0.1:8000")
    assert send(bare, url, b"hello").status_code == 200
    error(send(bare, f"{START}?upload_id=guess"), 404, "NOT_FOUND")
    error(send(bare, f"{START}?upload_id="), 403, "PERMISSION_DENIED")
    error(start(bare, 5), 403, "PERMISSION_DENIED")
    error(bare.get("/v1beta/files?upload_id=guess"), 403, "PERMISSION_DENIED")
    evil = testclient.TestClient(web.app, base_url="http://evil.example")
    error(send(evil, url.replace("127.0.0.1:8000", "evil.example")), 403, "PERMISSION_DENIED")


def test_files_are_listed_newest_first_in_pages(web):
    """Each once, also when one is deleted between two pages."""
    names = [put(web, about={"name": f"f{i}"})["name"] for i in range(7)][::-1]
    assert [f["name"] for f in web.get("/v1beta/files").json()["files"]] == names
    first = web.get("/v1beta/files?pageSize=3").json()
    assert [f["name"] for f in first["files"]] == names[:3]
    web.delete(f"/v1beta/{names[2]}")
    rest = web.get(f"/v1beta/files?page_size=100&pageToken={first['nextPageToken']}").json()
    assert [f["name"] for f in rest["files"]] == names[3:]
    assert "nextPageToken" not in rest
    assert "page_token" in error(web.get("/v1beta/files?pageToken=x"), 400, "INVALID_ARGUMENT")


def test_no_files_are_an_empty_answer(web):
    """The API leaves an empty list out."""
    assert web.get("/v1beta/files").json() == {}


def test_a_file_that_is_not_there_answers_in_the_apis_words(web):
    """Deleted, never there, or against every rule: 403, also in a prompt and a count."""
    file = put(web)
    web.delete(f"/v1beta/{file['name']}")
    name = file["name"].removeprefix("files/")
    expected = f"You do not have permission to access the File {name} or it may not exist."
    part = {"fileData": {"fileUri": file["uri"], "mimeType": "text/plain"}}
    body = {"contents": [{"parts": [{"text": "x"}, part]}]}
    for answer in (
        web.get(f"/v1beta/{file['name']}"),
        web.delete(f"/v1beta/{file['name']}"),
        web.get(f"/v1beta/{file['name']}:download?alt=media"),
        web.post(f"{FLASH}:generateContent", json=body),
        web.post(f"{FLASH}:streamGenerateContent?alt=sse", json=body),
        web.post(f"{FLASH}:countTokens", json=body),
    ):
        assert error(answer, 403, "PERMISSION_DENIED") == expected


def test_what_was_uploaded_cannot_be_downloaded(web):
    """Only what was generated can be."""
    answer = web.get(f"/v1beta/{put(web)['name']}:download?alt=media")
    assert "only generated files" in error(answer, 400, "INVALID_ARGUMENT")


def test_a_file_in_a_prompt_is_its_text(web):
    """Whatever host and version its address names, and the count agrees."""
    file = put(web, "The word is Bartholomäus.".encode("utf-8-sig"), mime_type="text/markdown")
    assert read(web, file, "text/markdown") == "The word is Bartholomäus."
    for uri in (f"https://127.0.0.1:1/v1/{file['name']}", file["name"]):
        assert read(web, {"uri": uri}, "") == "The word is Bartholomäus."
    part = {"fileData": {"fileUri": file["uri"]}}
    counts = [
        web.post(f"{FLASH}:countTokens", json={"contents": [{"parts": [p]}]}).json()["totalTokens"]
        for p in (part, {"text": "The word is Bartholomäus."})
    ]
    assert counts[0] == counts[1]


def test_text_sent_as_bytes_is_text(web):
    """Inline as well as in a file, and in the system instruction."""
    part = {"inlineData": {"mimeType": "text/csv", "data": base64.b64encode(b"a,b").decode()}}
    body = {"contents": [{"parts": [part]}], "systemInstruction": {"parts": [part]}}
    answer = web.post(f"{FLASH}:generateContent", json=body).json()
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "a,b"
    assert answer["usageMetadata"]["promptTokenCount"] == 6


@pytest.mark.parametrize(
    ("data", "mime_type", "code", "expected"),
    [
        (b"\xff\xfe\x00", "text/plain", 400, "is not UTF-8"),
        (b"x", "video/mp4", 501, "cannot read"),
        (b"x", "application/pdf", 501, "cannot read"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(web, data, mime_type, code, expected):
    """Nothing is guessed at."""
    uri = put(web, data, mime_type=mime_type)["uri"]
    body = {"contents": [{"parts": [{"fileData": {"fileUri": uri}}]}]}
    answer = web.post(f"{FLASH}:generateContent", json=body)
    assert answer.status_code == code
    assert expected in answer.json()["error"]["message"]


def test_an_address_of_the_web_is_not_read(web):
    """The API reads some; this server calls nobody."""
    part = {"fileData": {"fileUri": "https://www.youtube.com/watch?v=files", "mimeType": "video/*"}}
    answer = web.post(f"{FLASH}:generateContent", json={"contents": [{"parts": [part]}]})
    assert "upload what is on the web" in error(answer, 501, "UNIMPLEMENTED")


def test_too_large_a_text_for_a_prompt_is_refused(web, monkeypatch):
    """Before it is read into memory."""
    monkeypatch.setattr("gemini_nb.local.resolve.BODY_LIMIT", 3)
    body = {"contents": [{"parts": [{"fileData": {"fileUri": put(web)["uri"]}}]}]}
    answer = web.post(f"{FLASH}:generateContent", json=body)
    assert "too large for a prompt" in error(answer, 400, "INVALID_ARGUMENT")


def test_a_file_named_many_times_counts_each_time(web, monkeypatch):
    """Or a small request would fill the memory with one large file."""
    monkeypatch.setattr("gemini_nb.local.resolve.BODY_LIMIT", 12)
    part = {"fileData": {"fileUri": put(web)["uri"]}}
    address, body = f"{FLASH}:generateContent", {"contents": [{"parts": [part, part]}]}
    assert web.post(address, json=body).status_code == 200
    body["contents"].append({"role": "user", "parts": [part]})
    assert "12 bytes together" in error(web.post(address, json=body), 400, "INVALID_ARGUMENT")


def test_a_mime_type_may_be_spelt_in_capitals(web):
    """An image is one, and is read before it is judged."""
    file = put(web, b"no image", mime_type="image/png")
    part = {"fileData": {"fileUri": file["uri"], "mimeType": "IMAGE/PNG"}}
    inner = resolve.media(web.app.state.store, {"contents": [{"parts": [part]}]})
    data = inner["contents"][0]["parts"][0]["inlineData"]["data"]
    assert base64.b64decode(data) == b"no image"


def test_ranges_upload_as_the_older_sdk_does(web):
    """PUT with Content-Range: 308 until it is whole, and an empty one asks how far it got."""
    headers = {"X-Upload-Content-Type": "text/plain", "X-Upload-Content-Length": "10"}
    begun = web.post(f"{START}?uploadType=resumable", json={"file": {}}, headers=headers)
    url = begun.headers["location"]

    def ranged(data, span):
        return web.put(url, content=data, headers={"Content-Range": f"bytes {span}"})

    assert "range" not in ranged(b"", "*/10").headers
    answer = ranged(b"01234", "0-4/10")
    assert (answer.status_code, answer.headers["range"]) == (308, "bytes=0-4")
    assert ranged(b"", "*/10").headers["range"] == "bytes=0-4"
    error(ranged(b"x", "7-7/10"), 400, "INVALID_ARGUMENT")
    error(ranged(b"x", "nonsense"), 400, "INVALID_ARGUMENT")
    file = ranged(b"56789", "5-9/10").json()["file"]
    assert file["sha256Hash"] == digest(b"0123456789")
    assert ranged(b"", "*/10").json()["file"] == file


def test_one_put_is_a_whole_file(web):
    """Without a range, with bytes and without."""
    for data in (b"", b"hello"):
        url = web.post(f"{START}?uploadType=resumable", json={}).headers["location"]
        assert web.put(url, content=data).json()["file"]["sizeBytes"] == str(len(data))


def multipart(data, newline=b"\r\n", boundary=b"==b==", mime_type=b"text/plain"):
    return newline.join(
        [
            b"--" + boundary,
            b"Content-Type: application/json",
            b"",
            b'{"file": {"displayName": "d"}}',
            b"--" + boundary,
            b"Content-Type: " + mime_type,
            b"Content-Transfer-Encoding: binary",
            b"",
            data,
            b"--" + boundary + b"--",
            b"",
        ]
    )


TRICKY = [b"", b"x", b"\r\n", b"\n--==b=", b"--==b==", b"\r\r\r", b"a\r\n--==b\r\n" * 3]


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
@pytest.mark.parametrize("data", TRICKY)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_multipart_gives_back_the_bytes(newline, data, step):
    """Whatever they look like and however the body is cut."""
    body = multipart(data, newline)

    async def chunks():
        for at in range(0, len(body), step):
            yield body[at : at + step]

    async def read_all():
        related = Related('multipart/related; boundary="==b=="', chunks())
        assert json.loads(await related.head()) == {"file": {"displayName": "d"}}
        assert related.mime_type == "text/plain"
        return b"".join([piece async for piece in related.data()])

    assert asyncio.run(read_all()) == data


def test_multipart_uploads_a_file(web):
    """Name and bytes in one request."""
    headers = {"Content-Type": "multipart/related; boundary===b=="}
    url = f"{START}?uploadType=multipart"
    file = web.post(url, content=multipart(b"hello"), headers=headers).json()["file"]
    assert (file["displayName"], file["sha256Hash"]) == ("d", digest(b"hello"))
    assert read(web, file) == "hello"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (multipart(b"hello")[:-12], "multipart/related; boundary===b=="),
        (multipart(b"hello"), "multipart/related; boundary=other"),
        (multipart(b"hello"), "multipart/related"),
        (multipart(b"hello").replace(b"binary", b"base64"), "multipart/related; boundary===b=="),
    ],
)
def test_a_broken_multipart_leaves_nothing(web, home, body, kind):
    """It answers 400, and no bytes stay behind."""
    url = f"{START}?uploadType=multipart"
    answer = web.post(url, content=body, headers={"Content-Type": kind})
    error(answer, 400, "INVALID_ARGUMENT")
    assert not (home / "blobs").exists() or list((home / "blobs").iterdir()) == []


def test_a_start_has_a_limit(web, monkeypatch):
    """What comes before a file's bytes is read into memory, so it cannot be long."""
    monkeypatch.setattr(answers, "BODY_LIMIT", 100)
    answer = start(web, 5, {"displayName": "x" * 100})
    error(answer, 413, "INVALID_ARGUMENT")
    monkeypatch.undo()
    said = error(start(web, 5, {"displayName": "x" * 513}), 400, "INVALID_ARGUMENT")
    assert "at most 512 characters" in said


@pytest.mark.parametrize("mime_type", ["a b", "a/b/c", "text/<script>", "x" * 130 + "/y", "ä/ö"])
def test_a_mime_type_that_is_none_is_refused(web, mime_type):
    """It would be kept, listed and sent to others."""
    answer = web.post(
        START,
        headers={"X-Goog-Upload-Command": "start"},
        json={"file": {"mimeType": mime_type}},
    )
    assert "is no MIME type" in error(answer, 400, "INVALID_ARGUMENT")
    assert put(web, mime_type="jsonl")["mimeType"] == "jsonl"  # what the API's documentation sends


def test_the_same_bytes_twice_at_once_are_written_once(web, monkeypatch):
    """Who comes second finds other bytes there than a moment ago, and is told where to go on."""
    url, keep = begin(web, 10), sessions.Sessions.keep

    def meanwhile(kept, row):
        monkeypatch.setattr(sessions.Sessions, "keep", keep)
        assert send(web, url, b"01234", 0, "upload").status_code == 200
        keep(kept, row)

    monkeypatch.setattr(sessions.Sessions, "keep", meanwhile)
    said = error(send(web, url, b"01234", 0, "upload"), 400, "INVALID_ARGUMENT")
    assert "5 bytes have arrived" in said
    assert send(web, url, b"56789", 5).json()["file"]["sha256Hash"] == digest(b"0123456789")


@pytest.mark.parametrize("name", ["", "files/mine"])
def test_an_upload_finalized_twice_at_once_is_one_file(home, name):
    """Both get the same File; one that was cancelled meanwhile becomes none."""
    kept = sessions.Sessions(client().app.state.store)
    about = {"name": name.removeprefix("files/"), "display_name": "", "mime_type": "text/plain"}
    row = kept.begin(**about, size=0)
    assert dict(kept.finish(row)) == dict(kept.finish(row))
    assert len(client().get("/v1beta/files").json()["files"]) == 1
    other = kept.begin(**about | {"name": "other"}, size=0)
    kept.cancel(other)
    with pytest.raises(Fault, match="begin anew"):
        kept.finish(other)
    assert len(client().get("/v1beta/files").json()["files"]) == 1


def test_a_full_disk_is_said_and_what_came_before_is_kept(web, monkeypatch):
    """The answer is not an internal error, and the upload goes on when there is room."""
    url = begin(web, 10)
    send(web, url, b"01234", 0, "upload")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sessions._Turn, "write", full)
        said = error(send(web, url, b"56789", 5), 429, "RESOURCE_EXHAUSTED")
    assert said == "There is no room left on this machine's disk."
    assert received(web, url) == ("active", "5")


def test_the_last_one_to_come_goes_on(home, monkeypatch):
    """A connection that hangs does not keep others from going on; what it still sends is lost."""
    web = client()
    kept = sessions.Sessions(web.app.state.store)
    row = kept.begin(name="", display_name="", mime_type="text/plain", size=10)
    first = kept._turn(row, 0)
    first.write(bytearray(b"012"))
    second = kept._turn(row, 3)
    second.write(bytearray(b"3456"))
    with pytest.raises(Fault, match="Another request goes on"):
        first.write(bytearray(b"xxxx"))
    second.write(bytearray(b"789"))
    assert kept.finish(row)["sha256"] == hashlib.sha256(b"0123456789").hexdigest()


def test_only_an_uploads_own_address_is_let_in():
    """The gate looks at the path and for an ID that is not empty."""
    assert upload.is_session("/upload/v1beta/files", "a=b&upload_id=x")
    assert not upload.is_session("/upload/v1beta/files", "xupload_id=x")
    assert not upload.is_session("/v1beta/files", "upload_id=x")


def test_what_a_broken_connection_brought_is_kept(tmp_path):
    """The bytes that arrived are there, and the rest comes in another request."""
    data = random.Random(3).randbytes(3 * MIB)  # noqa: S311
    with Keeper(tmp_path) as keeper:
        url = begin(keeper.web, len(data))
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port)) as line:
            head = (
                f"POST {address.raw_path.decode()} HTTP/1.1\r\nHost: {address.host}\r\n"
                f"Content-Length: {len(data)}\r\nX-Goog-Upload-Command: upload, finalize\r\n"
                "X-Goog-Upload-Offset: 0\r\n\r\n"
            )
            line.sendall(head.encode() + data[: 2 * MIB + 5])
        deadline = time.monotonic() + 10
        while received(keeper.web, url) != ("active", str(2 * MIB + 5)):
            assert time.monotonic() < deadline
        file = send(keeper.web, url, data[2 * MIB + 5 :], 2 * MIB + 5).json()["file"]
        assert file["sha256Hash"] == digest(data)


def test_a_refusal_of_a_whole_chunk_can_be_read(tmp_path):
    """A client that is still sending 8 MiB gets the answer, not a reset."""
    with Keeper(tmp_path) as keeper:
        url = begin(keeper.web, 20 * MIB)
        said = error(send(keeper.web, url, bytes(8 * MIB), 5), 400, "INVALID_ARGUMENT")
        assert "0 bytes have arrived" in said


@pytest.mark.skipif(not Path("/proc").exists(), reason="another process's memory is seen there")
def test_memory_stays_flat(tmp_path):
    """200 MB go through the server, and it needs at most 32 MB more than before."""
    with Keeper(tmp_path) as keeper:
        put(keeper.web)

        def peak():
            status = Path(f"/proc/{keeper.process.pid}/status").read_text()
            return int(status.partition("VmHWM:")[2].split()[0]) * 1024

        before = peak()
        chunk = random.Random(4).randbytes(8 * MIB)  # noqa: S311
        url = begin(keeper.web, 25 * 8 * MIB)
        for index in range(25):
            send(keeper.web, url, chunk, index * 8 * MIB, "upload").raise_for_status()
        assert send(keeper.web, url, command="finalize").json()["file"]["sizeBytes"]
        assert peak() - before < 32 * MIB


def go_on(web, url, data):
    """Send what is missing, as a client does that asks first; the File."""
    while True:
        at = int(received(web, url)[1])
        last = at + MIB >= len(data)
        command = "upload, finalize" if last else "upload"
        answer = send(web, url, data[at : at + MIB], at, command)
        if last:
            return answer.json()["file"]


def test_a_kill_in_the_middle_of_an_upload_loses_nothing(tmp_path):
    """Killed at random moments, the upload goes on in the next server and the file is whole."""
    chance = random.Random(5)  # noqa: S311
    data = chance.randbytes(24 * MIB)
    with Keeper(tmp_path) as keeper:
        path = httpx.URL(begin(keeper.web, len(data))).raw_path.decode()
    for _ in range(4):
        with Keeper(tmp_path) as keeper:
            killer = threading.Timer(chance.uniform(0.0, 0.05), keeper.process.kill)
            killer.start()
            with contextlib.suppress(httpx.TransportError):
                go_on(keeper.web, keeper.url + path, data)
            killer.join()
    with Keeper(tmp_path) as keeper:
        file = go_on(keeper.web, keeper.url + path, data)
        assert file["sha256Hash"] == digest(data)
        assert keeper.web.get("/v1beta/files").json()["files"] == [file]
