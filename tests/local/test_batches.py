"""Batches: run in the background, after people, once each, and through any kill."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from gemini_nb.local import app, files
from tests.local.keeper import FLASH, KEY, Echo, Keeper

testclient = pytest.importorskip("starlette.testclient")

BATCHES = "/v1beta/batches"
CREATE = f"{FLASH}:batchGenerateContent"
TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main."
SECONDS = 20


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Start applications on one store of this test's own, with engines as slow as told."""
    monkeypatch.setenv("GEMINI_NB_DATA", str(tmp_path))
    running = []

    def start(pause=0.0):
        engine = Echo(pause)
        made = app.build(engine, KEY, loopback=True)
        headers = {"x-goog-api-key": KEY}
        web = testclient.TestClient(made, base_url="http://127.0.0.1:8000", headers=headers)
        web.engine, web.runner, web.store = engine, made.state.runner, made.state.store
        running.append(web)
        return web

    yield start
    for web in running:
        web.runner.stop()
        web.engine.close()
        web.store.close()


@pytest.fixture
def web(serve):
    """One application."""
    return serve()


def prompt(text, **more):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def inline(*texts, **batch):
    requests = [{"request": prompt(t), "metadata": {"key": f"k{i}"}} for i, t in enumerate(texts)]
    return {"batch": {"inputConfig": {"requests": {"requests": requests}}, **batch}}


def create(web, body, url=CREATE):
    answer = web.post(url, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["name"]


def look(web, name):
    answer = web.get(f"/v1beta/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait(web, name, until=lambda found: found.get("done")):
    deadline = time.monotonic() + SECONDS
    while not until(found := look(web, name)):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def answered(count):
    """Whether so many requests of a batch have their answer."""

    def so_many(found):
        stats = found["metadata"]["batchStats"]
        return int(stats.get("successfulRequestCount", 0)) >= count

    return so_many


def upload(web, data, mime_type="application/jsonl"):
    headers = {
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Header-Content-Type": mime_type,
    }
    url = web.post("/upload/v1beta/files", json={}, headers=headers).headers["location"]
    headers = {"X-Goog-Upload-Command": "upload, finalize"}
    return web.post(url, content=data, headers=headers).json()["file"]["name"]


def lines(*items):
    return "\n".join(i if isinstance(i, str) else json.dumps(i) for i in items).encode()


def texts(found):
    """What was answered to an inline batch, by key."""
    kept = found["response"]["inlinedResponses"]["inlinedResponses"]
    return {
        one["metadata"]["key"]: one["response"]["candidates"][0]["content"]["parts"][0]["text"]
        for one in kept
    }


def error(answer, code, status):
    assert answer.status_code == code, answer.text
    found = answer.json()["error"]
    assert (found["code"], found["status"]) == (code, status)
    return found["message"]


def test_a_batch_is_an_operation(serve):
    """At first pending, with what is known of it; no key of an Operation is made up."""
    web = serve(pause=0.05)
    first = web.post(CREATE, json=inline("one two", "three", displayName="d", priority="3")).json()
    name = first["name"]
    assert name.startswith("batches/")
    metadata = first["metadata"]
    assert first.keys() == {"name", "metadata"}
    assert metadata.pop("createTime") == metadata.pop("updateTime")
    assert metadata == {
        "@type": f"{TYPE}GenerateContentBatch",
        "model": "models/gemini-3.8-flash",
        "displayName": "d",
        "batchStats": {"requestCount": "2", "pendingRequestCount": "2"},
        "state": "BATCH_STATE_PENDING",
        "name": name,
        "priority": "3",
    }
    found = wait(web, name)
    assert found["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert found["metadata"]["batchStats"] == {"requestCount": "2", "successfulRequestCount": "2"}
    assert found["metadata"]["endTime"] == found["metadata"]["updateTime"]
    assert found["response"].pop("@type") == f"{TYPE}GenerateContentBatchOutput"
    assert found["response"] == found["metadata"]["output"]


def test_inline_answers_come_in_order_with_their_metadata(web):
    """Each is a whole answer of the API's shape."""
    found = wait(web, create(web, inline("one two", "three", "four")))
    assert list(texts(found).items()) == [("k0", "one two"), ("k1", "three"), ("k2", "four")]
    response = found["response"]["inlinedResponses"]["inlinedResponses"][0]["response"]
    assert response["modelVersion"] == "local/echo"
    assert response["usageMetadata"]["totalTokenCount"] == 4
    assert response["candidates"][0]["finishReason"] == "STOP"


def test_a_file_of_requests_becomes_a_file_of_answers(web):
    """Line for line with their keys; the requests' file may be deleted meanwhile."""
    one, two = {"key": "a", "request": prompt("one")}, {"key": "b", "request": prompt("two")}
    source = upload(web, lines(one, "", two))
    name = create(web, {"batch": {"inputConfig": {"fileName": source}}})
    assert web.delete(f"/v1beta/{source}").status_code == 200
    found = wait(web, name)
    assert found["metadata"]["inputConfig"] == {"fileName": source}
    output = found["response"]["responsesFile"]
    assert found["metadata"]["output"] == {"responsesFile": output}
    file = web.get(f"/v1beta/{output}").json()
    assert file["source"] == "GENERATED"
    answer = web.get(f"/v1beta/{output}:download?alt=media")
    assert len(answer.content) == int(file["sizeBytes"])
    assert file["downloadUri"].endswith(f"{output}:download?alt=media")
    made = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["key"] for line in made] == ["a", "b"]
    assert made[1]["response"]["candidates"][0]["content"]["parts"][0]["text"] == "two"


def test_what_is_wrong_with_one_request_is_its_own_answer(web):
    """The others are answered; the codes are those of an Operation."""
    bad = [
        ("nonsense", 3, "not a JSON object"),
        ("[]", 3, "not a JSON object"),
        ({"key": "b", "contents": []}, 3, "not a JSON object"),
        ({"key": "c", "request": prompt("x", bogus=1)}, 3, "Cannot find field"),
        ({"key": "d", "request": {"contents": []}}, 3, "contents is not specified"),
        ({"key": "e", "request": prompt("x", tools=[{"codeExecution": {}}])}, 12, "cannot use"),
        ({"key": "f", "request": prompt("x", cachedContent="cachedContents/x")}, 7, "not found"),
        ({"key": "g", "request": prompt("x", model="models/other")}, 3, "names the model"),
    ]
    good = {"key": "z", "request": prompt("good", model="models/gemini-3.8-flash")}
    source = upload(web, lines(*(line for line, *_ in bad), good))
    found = wait(web, create(web, {"batch": {"inputConfig": {"fileName": source}}}))
    assert found["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert found["metadata"]["batchStats"] == {
        "requestCount": "9",
        "successfulRequestCount": "1",
        "failedRequestCount": "8",
    }
    answer = web.get(f"/v1beta/{found['response']['responsesFile']}:download?alt=media")
    made = [json.loads(line) for line in answer.text.splitlines()]
    for (line, code, text), got in zip(bad, made, strict=False):
        assert got.get("key") == (line.get("key") if isinstance(line, dict) else None)
        assert got["error"]["code"] == code
        assert text in got["error"]["message"]
    assert made[-1]["response"]["candidates"]


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ({}, "set either file_name or requests"),
        ({"inputConfig": {"requests": {"requests": []}}}, "set either file_name or requests"),
        (
            {"inputConfig": {"fileName": "files/x", "requests": {"requests": [{"request": {}}]}}},
            "set either file_name or requests",
        ),
        ({"input_config": {"fileName": "files/x", "bogus": 1}}, "Cannot find field"),
    ],
)
def test_a_batch_without_requests_is_refused(web, batch, expected):
    """Or with two kinds of them."""
    answer = web.post(CREATE, json={"batch": batch})
    assert expected in error(answer, 400, "INVALID_ARGUMENT")


def test_a_batch_of_a_file_that_is_no_good_is_refused(web):
    """Unknown, or without a line."""
    answer = web.post(CREATE, json={"batch": {"inputConfig": {"fileName": "files/x"}}})
    error(answer, 403, "PERMISSION_DENIED")
    source = upload(web, b"\n\n")
    answer = web.post(CREATE, json={"batch": {"inputConfig": {"fileName": source}}})
    assert "holds no requests" in error(answer, 400, "INVALID_ARGUMENT")


def test_a_batch_of_another_kind_of_model_is_refused(web):
    """As every method of it is."""
    for model, method in (
        ("gemini-embedding-001", "batchGenerateContent"),
        ("gemini-3.8-flash", "asyncBatchEmbedContent"),
    ):
        answer = web.post(f"/v1beta/models/{model}:{method}", json=inline("x"))
        error(answer, 404, "NOT_FOUND")


def test_embeddings_come_in_batches_too(web):
    """The same vectors that a call gives, with what the request asks for."""
    content = {"content": {"parts": [{"text": "hello"}]}, "outputDimensionality": 8}
    requests = {"requests": [{"request": content, "metadata": {"key": "a"}}, {"request": {}}]}
    body = {"batch": {"inputConfig": {"requests": requests}}}
    url = "/v1beta/models/gemini-embedding-001"
    found = wait(web, create(web, body, f"{url}:asyncBatchEmbedContent"))
    assert found["metadata"]["@type"] == f"{TYPE}EmbedContentBatch"
    assert found["response"]["@type"] == f"{TYPE}EmbedContentBatchOutput"
    good, bad = found["response"]["inlinedResponses"]["inlinedResponses"]
    one = web.post(f"{url}:embedContent", json=content).json()
    assert good["response"]["embedding"] == one["embedding"]
    assert bad["error"]["code"] == 3


def test_people_come_before_batches(serve):
    """A call is answered while a long batch runs, and what it put aside is answered later."""
    web = serve(pause=0.01)
    name = create(web, inline("a " * 100, "b " * 20))
    wait(web, name, lambda found: web.engine.jobs)
    began = time.monotonic()
    answer = web.post(f"{FLASH}:generateContent", json=prompt("me first"))
    assert time.monotonic() - began < 1
    assert answer.json()["candidates"][0]["content"]["parts"][0]["text"] == "me first"
    found = wait(web, name)
    assert {key: len(text.split()) for key, text in texts(found).items()} == {"k0": 100, "k1": 20}
    assert [len(job.split()) for job in web.engine.jobs] == [100, 2, 100, 20]


def test_who_leaves_a_stream_does_not_hold_batches_up(tmp_path):
    """A caller that is gone does not wait any more."""
    with Keeper(tmp_path, 0.01) as keeper:
        url = f"{FLASH}:streamGenerateContent?alt=sse"
        with keeper.web.stream("POST", url, json=prompt("word " * 5000)) as answer:
            next(answer.iter_lines())
        found = wait(keeper.web, create(keeper.web, inline("one", "two")))
        assert list(texts(found).values()) == ["one", "two"]


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGINT to send")
def test_a_batch_does_not_keep_a_server_from_ending(tmp_path):
    """Ctrl-C ends it at once, and the next one goes on."""
    with Keeper(tmp_path, 0.02) as keeper:
        name = create(keeper.web, inline("one", "word " * 2000))
        wait(keeper.web, name, answered(1))
        keeper.process.send_signal(signal.SIGINT)
        assert keeper.process.wait(5) == 0
    with Keeper(tmp_path) as keeper:
        assert len(texts(wait(keeper.web, name))["k1"].split()) == 2000


def test_a_batch_of_higher_priority_goes_first(serve):
    """Of those that wait; what has begun is finished."""
    web = serve(pause=0.02)
    names = [create(web, inline(t * 9, priority=p)) for t, p in (("a ", 0), ("b ", 1), ("c ", 2))]
    for name in names:
        wait(web, name)
    assert [job[0] for job in web.engine.jobs] == ["a", "c", "b"]


def test_a_cancelled_batch_stops(serve):
    """Also the request under way; what was answered is not kept."""
    web = serve(pause=0.05)
    name = create(web, inline("one", "word " * 1000, "never"))
    wait(web, name, answered(1))
    assert web.post(f"/v1beta/{name}:cancel", json={}).json() == {}
    found = look(web, name)
    assert found["metadata"]["state"] == "BATCH_STATE_CANCELLED"
    assert found["done"]
    assert found["error"] == {"code": 1, "message": "The batch was cancelled."}
    assert "response" not in found
    other = wait(web, create(web, inline("next")))
    assert texts(other) == {"k0": "next"}
    assert "never" not in web.engine.jobs
    assert look(web, name) == found
    assert web.post(f"/v1beta/{name}:cancel").json() == {}


def test_a_deleted_batch_leaves_nothing(serve, tmp_path):
    """In the middle of its work: no row, no answers, no bytes."""
    web = serve(pause=0.05)
    name = create(web, inline("one", "word " * 1000))
    wait(web, name, answered(1))
    assert web.delete(f"/v1beta/{name}").json() == {}
    for answer in (web.get(f"/v1beta/{name}"), web.delete(f"/v1beta/{name}")):
        assert error(answer, 404, "NOT_FOUND") == "Requested entity was not found."
    web.runner.stop()
    assert web.store.rows("SELECT * FROM answers") == []
    assert list((tmp_path / "local" / "blobs").iterdir()) == []


def test_batches_are_listed_in_pages(web):
    """Newest first, under the key of Operations."""
    assert web.get(BATCHES).json() == {}
    names = [create(web, inline("x")) for _ in range(3)][::-1]
    first = web.get(f"{BATCHES}?pageSize=2").json()
    rest = web.get(f"{BATCHES}?pageToken={first['nextPageToken']}").json()
    assert [one["name"] for one in first["operations"] + rest["operations"]] == names


def test_a_batch_goes_on_in_the_next_server(serve):
    """The request under way is asked again, and none that has its answer."""
    web = serve(pause=0.03)
    name = create(web, inline("one", "two", "word " * 50, "four"))
    wait(web, name, answered(2))
    web.runner.stop()
    assert look(web, name)["metadata"]["state"] == "BATCH_STATE_RUNNING"
    other = serve()
    other.runner.resume()
    assert list(texts(wait(other, name)).values()) == ["one", "two", "word " * 49 + "word", "four"]
    assert [job.split()[0] for job in other.engine.jobs] == ["word", "four"]


def test_a_server_without_a_store_makes_none(serve, tmp_path):
    """Starting is not using."""
    web = serve()
    web.runner.resume()
    assert web.post(f"{FLASH}:generateContent", json=prompt("x")).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_of_two_servers_one_works_and_the_other_takes_over(serve):
    """Whoever asks after a batch makes its server look whether somebody works on it."""
    first, second = serve(pause=0.02), serve(pause=0.02)
    name = create(first, inline(*("word " * 5 for _ in range(20))))
    wait(second, name, answered(3))
    assert second.engine.jobs == []
    first.runner.stop()
    done = len(first.engine.jobs)
    wait(second, name)
    # The request that was under way is the only one that both were asked.
    assert done + len(second.engine.jobs) in (20, 21)


def test_a_request_that_ends_the_server_is_given_up(serve):
    """Or it would end every server that starts, for ever."""
    web = serve(pause=0.05)
    name = create(web, inline("word " * 1000, "good"))
    wait(web, name, lambda found: web.engine.jobs)
    web.runner.stop()
    with web.store.change() as db:
        db.execute("UPDATE batches SET tries = 5")
    other = serve()
    found = wait(other, name)
    bad, good = found["response"]["inlinedResponses"]["inlinedResponses"]
    assert bad["error"]["code"] == 13
    assert "ended 5 times" in bad["error"]["message"]
    assert good["response"]


def test_a_bug_of_the_runner_is_not_the_end_of_all_batches(serve, monkeypatch):
    """The next call finds nobody at work, and begins again."""
    web, met = serve(), threading.Event()

    def broken(*_):
        met.set()
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(web.runner, "_begin", broken)
        name = create(web, inline("hello"))
        assert met.wait(SECONDS)
    assert texts(wait(web, name)) == {"k0": "hello"}


def test_the_persons_own_metadata_may_be_called_like_an_enum(web):
    """A client that wants enums as numbers gets its own words back as they were."""
    batch = inline("hello")
    own = {"finishReason": "mine", "modality": ["mine"]}
    batch["batch"]["inputConfig"]["requests"]["requests"][0]["metadata"] = own
    name = create(web, batch)
    wait(web, name)
    found = web.get(f"/v1beta/{name}", params={"$alt": "json;enum-encoding=int"}).json()
    (answer,) = found["response"]["inlinedResponses"]["inlinedResponses"]
    assert answer["metadata"] == own
    assert answer["response"]["candidates"][0]["finishReason"] == 1


def test_a_batch_that_cannot_be_written_leaves_nothing(web, tmp_path, monkeypatch):
    """A full disk is said, and half of the requests is not kept."""

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    create(web, inline("first"))
    before = sorted((tmp_path / "local" / "blobs").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr("gemini_nb.local.batches.json", SimpleNamespace(dumps=full))
        answer = web.post(CREATE, json=inline("second"))
    assert "no room left" in error(answer, 429, "RESOURCE_EXHAUSTED")
    assert sorted((tmp_path / "local" / "blobs").iterdir()) == before


def test_a_batch_that_takes_too_long_expires(serve):
    """After 48 hours, as the API says; and it says so."""
    web = serve(pause=0.05)
    name = create(web, inline("word " * 1000))
    web.runner.stop()
    with web.store.change() as db:
        db.execute("UPDATE batches SET created = created - 49 * 3600")
    found = wait(serve(), name)
    assert found["metadata"]["state"] == "BATCH_STATE_EXPIRED"
    assert "48 hours" in found["error"]["message"]


def test_a_batch_whose_requests_are_gone_fails(serve):
    """Somebody may have cleaned up by hand."""
    web = serve(pause=0.05)
    name = create(web, inline("word " * 1000))
    web.runner.stop()
    for blob in web.store.blob("").iterdir():
        blob.unlink()
    found = wait(serve(), name)
    assert found["metadata"]["state"] == "BATCH_STATE_FAILED"
    assert "requests are gone" in found["error"]["message"]


def test_files_of_a_batch_keep_the_bytes_of_a_deleted_file(web):
    """Bytes are deleted when nothing names them any more, and not before."""
    source = upload(web, lines({"request": prompt("x")}))
    blob = files.find(web.store, source)["blob"]
    name = create(web, {"batch": {"inputConfig": {"fileName": source}}})
    web.delete(f"/v1beta/{source}")
    assert web.store.blob(blob).exists()
    wait(web, name)
    web.delete(f"/v1beta/{name}")
    assert not web.store.blob(blob).exists()


def test_kills_at_random_moments_lose_and_repeat_nothing(tmp_path):
    """Four servers are killed while they work; the next goes on by itself, to the last answer."""
    chance = random.Random(11)  # noqa: S311
    texts_ = [f"request number {number}" for number in range(40)]
    with Keeper(tmp_path, 0.005) as keeper:
        name = create(keeper.web, inline(*texts_))
    for _ in range(4):
        with Keeper(tmp_path, 0.005) as keeper:
            killer = threading.Timer(chance.uniform(0.02, 0.12), keeper.process.kill)
            killer.start()
            keeper.process.wait()
    with Keeper(tmp_path) as keeper:
        found = wait(keeper.web, name)
    stats = {"requestCount": "40", "successfulRequestCount": "40"}
    assert found["metadata"]["batchStats"] == stats
    assert list(texts(found).values()) == texts_
