"""Batches are handed in, waited for, read, stopped and deleted."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import pickle
import sys

import pytest

import gemini_nb as genai
from gemini_nb import batch_wire, batches, errors, structs
from gemini_nb.resources import Operation
from gemini_nb.types import GenerateContentRequest, InlinedRequest
from tests.server import answer_json, chunk

PLACE = "/v1beta/models/gemini-a:batchGenerateContent"
PROMPT = {"contents": [{"role": "user", "parts": [{"text": "one"}]}]}


def operation(state="PENDING", *, ended=0, **more):
    """A batch of two requests, as the service describes it."""
    stats = {"requestCount": "2", "successfulRequestCount": str(ended), "newCount": "1"}
    metadata = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "model": "models/gemini-a",
        "displayName": "nightly",
        "createTime": "2026-11-22T00:00:00Z",
        "state": f"BATCH_STATE_{state}",
        "batchStats": stats,
        "name": "batches/b1",
    }
    if state != "PENDING":
        metadata["endTime"] = "2026-11-22T01:00:00Z"
    done = state in ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")
    return {"name": "batches/b1", "metadata": metadata, **({"done": True} if done else {}), **more}


def inlined(*answers):
    """The end of a batch whose answers come along."""
    made = operation("SUCCEEDED", ended=2)
    made["metadata"]["output"] = {"inlinedResponses": {"inlinedResponses": list(answers)}}
    return made


OK = {"response": chunk("yes", "STOP"), "metadata": {"key": "a", "note": 1}}
REFUSED = {"error": {"code": 3, "message": "Too long."}, "metadata": {"key": "b"}}


@pytest.fixture
def quick(monkeypatch):
    """Look again at once."""
    monkeypatch.setattr(batches, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(batches, "_LONGEST_PAUSE", 0.002)


def known(body):
    """A BatchJob as it would come from the service."""
    return batches.BatchJob(structs.decode(genai.types.Operation, json.dumps(body)))


def test_a_batch_is_handed_in(serve, do):
    """A list of prompts goes along in the body."""
    server = serve(answer_json(operation()))
    made = do(batches, "create", "gemini-a", ["one", PROMPT], display_name="nightly")
    call = server.calls[0]
    assert (call.method, call.target) == ("POST", PLACE)
    assert call.json() == {
        "batch": {
            "displayName": "nightly",
            "inputConfig": {"requests": {"requests": [{"request": PROMPT}, {"request": PROMPT}]}},
        }
    }
    assert (made.name, made.display_name, made.model) == (
        "batches/b1",
        "nightly",
        "models/gemini-a",
    )
    assert (made.state, made.done, made.counts) == ("BATCH_STATE_PENDING", False, (0, 2))
    assert repr(made) == "<BatchJob batches/b1 'nightly' PENDING 0/2>"
    assert f"{made.create_time:%H:%M}" == "00:00"
    assert made.end_time is None
    assert made.to_dict() == operation()


@pytest.mark.parametrize(
    ("item", "metadata"),
    [
        ("one", None),
        (["one"], None),
        (PROMPT, None),
        ({"contents": "one"}, None),
        (GenerateContentRequest(), None),
        ({"request": "one"}, None),
        ({"request": PROMPT, "key": "k"}, {"key": "k"}),
        ({"request": "one", "metadata": {"a": 1}}, {"a": 1}),
        ({"request": "one", "key": 5, "metadata": {"a": 1}}, {"a": 1, "key": "5"}),
        (InlinedRequest(request=None, metadata={"key": "k"}), {"key": "k"}),
    ],
    ids=str,
)
def test_what_a_request_may_be(item, metadata):
    """A prompt, a request or its fields; around it a key and whatever else is to come back."""
    (made,) = batch_wire._requests("gemini-a", [item])
    assert made.metadata == metadata
    if not isinstance(item, (GenerateContentRequest, InlinedRequest)):
        assert made.request.to_dict() == PROMPT


def test_the_fields_of_a_request():
    """A dict is read as leniently as the arguments of a model."""
    (made,) = batch_wire._requests(
        "gemini-a",
        [
            {
                "contents": "one",
                "system_instruction": "s",
                "tools": "google_search",
                "generation_config": {"temperature": 0},
            }
        ],
    )
    assert made.request.to_dict() == {
        **PROMPT,
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"googleSearch": {}}],
        "generationConfig": {"temperature": 0},
    }


def test_a_model_gives_what_it_has_to_each_prompt(serve):
    """Instruction and settings of a GenerativeModel count for every prompt."""
    server = serve(answer_json(operation()))
    model = genai.GenerativeModel("gemini-a", system_instruction="s")
    batches.create(model, {"first": "one", "second": "one"})
    assert server.calls[0].target == PLACE
    sent = server.calls[0].json()["batch"]["inputConfig"]["requests"]["requests"]
    told = {**PROMPT, "systemInstruction": {"parts": [{"text": "s"}]}}
    assert sent == [
        {"request": told, "metadata": {"key": "first"}},
        {"request": told, "metadata": {"key": "second"}},
    ]


@pytest.mark.parametrize("src", ["files/f1", genai.types.File(name="files/f1")], ids=str)
def test_a_file_of_the_service(serve, src):
    """A file that was uploaded before is named."""
    server = serve(answer_json(operation()))
    batches.create("gemini-a", src)
    assert server.calls[0].json() == {"batch": {"inputConfig": {"fileName": "files/f1"}}}


def test_requests_as_lines():
    """What is no list is written as JSON lines, each with a key; the file is gone afterwards."""
    with batch_wire.source("gemini-a", iter(["one", {"request": "one", "key": "k"}])) as path:
        lines = path.read_text().splitlines()
        assert [json.loads(line) for line in lines] == [
            {"key": "request-1", "request": PROMPT},
            {"key": "k", "request": PROMPT},
        ]
    assert not path.parent.exists()


def test_a_file_that_could_not_be_written_is_gone(tmp_path, monkeypatch):
    """A request that is refused in the middle leaves no file behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    refused = pytest.raises(errors.BadPrompt, match="Request 2: The prompt is empty")
    with refused, batch_wire.source("gemini-a", iter(["one", ""])):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_left_as_it_is(tmp_path):
    """A file of JSON lines goes as it is, named as text or as a path."""
    for src in (tmp_path / "requests.jsonl", str(tmp_path / "requests.jsonl")):
        with batch_wire.source("gemini-a", src) as found:
            assert found == tmp_path / "requests.jsonl"


@pytest.mark.parametrize(
    ("src", "said"),
    [
        ([], "empty"),
        (lambda: iter(()), "empty"),
        ("one prompt", "no source of a batch"),
        (b"one prompt", "no source of a batch"),
        (5, "no source of a batch"),
        (["one", ""], "Request 2: The prompt is empty"),
        ({"a": ""}, "'a': The prompt is empty"),
        ([{"request": "one", "key": "k"}] * 2, "Two requests have the key 'k'"),
        (lambda: iter([{"request": "one", "metadata": {"a": 1}}]), "Request 1 has metadata"),
    ],
)
def test_what_cannot_be_is_never_sent(serve, do, src, said):
    """A batch that the service would refuse is refused here."""
    server = serve()
    with pytest.raises(errors.BadPrompt, match=said):
        do(batches, "create", "gemini-a", src() if callable(src) else src)
    assert server.calls == []


@pytest.mark.parametrize(
    ("item", "meant"),
    [({"request": "one", "metdata": {}}, "metadata"), ({"contents": "a", "tool": 1}, "tools")],
    ids=str,
)
def test_wrong_names_are_never_sent(serve, item, meant):
    """A field that does not exist is refused with the right one."""
    server = serve()
    with pytest.raises(errors.UnknownName, match=f"Did you mean {meant}"):
        batches.create("gemini-a", [item])
    assert server.calls == []


def test_a_body_that_is_too_long(serve, monkeypatch):
    """What does not fit says how it would."""
    server = serve()
    monkeypatch.setattr(batch_wire, "INLINE_LIMIT", 1_000_000)
    with pytest.raises(errors.BadPrompt, match=r"2 MB; 1 MB go.*iter\(requests\)"):
        batches.create("gemini-a", ["x" * 1_000_000] * 2)
    assert server.calls == []


@pytest.mark.parametrize("written", [False, True], ids=["a path", "a generator"])
def test_a_file_is_uploaded(serve, do, tmp_path, monkeypatch, written):
    """A file here is uploaded as it is, what is no list is written first; then it is named."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"key": "request-1", "request": PROMPT}) + "\n")
    uploaded = bytearray()

    def handler(call):
        if call.headers.get("x-goog-upload-command") == "start":
            head = {"x-goog-upload-url": f"{server.url}/up", "x-goog-upload-status": "active"}
            return 200, head, [b""]
        if call.target == "/up":
            uploaded.extend(call.body)
            sha = base64.b64encode(hashlib.sha256(uploaded).hexdigest().encode()).decode()
            file = {"name": "files/f1", "uri": f"{server.url}/v1beta/files/f1", "state": "ACTIVE"}
            file |= {"sizeBytes": str(len(uploaded)), "sha256Hash": sha}
            return 200, {"x-goog-upload-status": "final"}, [json.dumps({"file": file}).encode()]
        return answer_json(operation())

    server = serve(handler)
    src = iter(["one"]) if written else path
    made = do(batches, "create", "gemini-a", src, display_name="nightly")
    assert made.name == "batches/b1"
    assert bytes(uploaded).decode().splitlines() == [
        json.dumps({"key": "request-1", "request": PROMPT}, separators=(",", ":"))
        if written
        else path.read_text().rstrip()
    ]
    start = server.calls[0]
    assert start.headers["x-goog-upload-header-content-type"] == "application/jsonl"
    assert start.json()["file"]["displayName"] == "nightly"
    assert server.calls[-1].json() == {
        "batch": {"displayName": "nightly", "inputConfig": {"fileName": "files/f1"}}
    }


class Terminal(io.StringIO):
    """A terminal that keeps what it is told."""

    def isatty(self):
        return True


def test_waiting(serve, do, quick, monkeypatch):
    """It is looked at until it has ended; who looks on sees how far it is."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    states = iter(["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"])
    serve(lambda call: answer_json(operation(next(states), ended=1)))
    made = do(batches, "get", "b1")
    assert do(made, "wait") is made
    assert (made.state, made.done) == ("BATCH_STATE_SUCCEEDED", True)
    assert next(states, "none left") == "none left"
    shown = sys.stderr.getvalue()
    assert "nightly" in shown
    assert "1/2" in shown
    assert do(made, "wait") is made  # nothing more is asked


def test_a_state_of_tomorrow_is_waited_out(serve, quick):
    """A state that nobody knows is no end, unless the service says so."""
    last = {**operation("DONE_OF_TOMORROW"), "done": True}
    answers = iter([operation("RESTING"), last])
    serve(lambda call: answer_json(next(answers)))
    made = batches.get("b1").wait()
    assert made.state == "BATCH_STATE_DONE_OF_TOMORROW"


def test_waiting_has_an_end(serve, do, quick):
    """After the time that was given a Timeout says that the batch goes on."""
    serve(answer_json(operation("RUNNING")))
    made = do(batches, "get", "b1")
    with pytest.raises(errors.Timeout, match=r"batches/b1 has not ended after 0\.01 s.*goes on"):
        do(made, "wait", 0.01)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (operation("FAILED", error={"code": 8, "message": "Quota."}), "ResourceExhausted", "Quota"),
        (operation("FAILED", error={"code": 400, "message": "No."}), "InvalidArgument", "No"),
        (operation("FAILED"), "ServerError", "FAILED"),
        (operation("CANCELLED"), "APIError", "499 CANCELLED"),
        (operation("EXPIRED"), "DeadlineExceeded", "EXPIRED"),
    ],
    ids=["quota", "refused", "failed", "cancelled", "expired"],
)
def test_a_batch_that_failed(serve, do, body, kind, said):
    """The reason is the error of waiting and of the results."""
    serve(answer_json(body))
    made = do(batches, "get", "b1")
    for name in ("wait", "results"):
        with pytest.raises(getattr(errors, kind), match=said):
            do(made, name)


def test_results_that_came_along(serve, do):
    """In the order of the requests; an error stands in its place and is raised with the text."""
    serve(answer_json(inlined(OK, REFUSED)))
    first, second = do(do(batches, "get", "b1"), "results")
    assert (first.key, first.text, first.error) == ("a", "yes", None)
    assert first.metadata == {"key": "a", "note": 1}
    assert first.response.usage_metadata.total_token_count == 7
    assert [piece.text for piece in first.response] == ["yes"]
    assert (second.key, second.response) == ("b", None)
    with pytest.raises(errors.InvalidArgument, match=r"400.*Too long"):
        _ = second.text


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"response": chunk("half")}, errors.StreamInterrupted),
        ({"response": {"candidates": []}}, errors.StreamInterrupted),
        ({}, errors.BadAnswer),
        ({"error": {"code": 14, "message": "Busy."}}, errors.Unavailable),
        ({"error": {"message": "?"}}, errors.ServerError),
    ],
    ids=["broken off", "no candidate", "nothing", "unavailable", "no code"],
)
def test_an_answer_that_is_none(answer, error):
    """What is not whole is an error that keeps what there is."""
    (found,) = known(inlined(answer)).results()
    assert type(found.error) is error
    if "candidates" in answer.get("response", {}) and answer["response"]["candidates"]:
        assert found.response.parts[0].text == "half"
    with pytest.raises(error):
        _ = found.text


@pytest.mark.parametrize("line", [b'{"key":"\xff"}', b"[" * 5000, b"no", b"[]", b'{"key": 5'])
@pytest.mark.usefixtures("settled")
def test_a_broken_line_is_an_error_in_its_place(line):
    """One line of the results that cannot be read does not take the others along."""
    assert "no JSON" in str(batch_wire._line(line).error)


@pytest.mark.parametrize("details", [5, "x", {}, [5, None]])
def test_an_error_in_a_form_of_its_own(details):
    """Details that are none of the API's are left out."""
    (found,) = known(
        inlined({"error": {"code": 5, "message": "No.", "details": details}})
    ).results()
    assert (type(found.error), found.error.details) == (errors.NotFound, [])


def test_a_blocked_prompt_in_a_batch():
    """A blocked prompt is an answer whose text says why there is none."""
    (found,) = known(inlined({"response": {"promptFeedback": {"blockReason": "SAFETY"}}})).results()
    assert found.error is None
    with pytest.raises(errors.BlockedPrompt, match="SAFETY"):
        _ = found.text


def test_results_elsewhere_in_the_answer():
    """Where the service puts the output under `response`, it is found as well."""
    body = operation("SUCCEEDED", response={"inlinedResponses": {"inlinedResponses": [OK]}})
    assert [one.text for one in known(body).results()] == ["yes"]


def test_a_cancelled_batch_keeps_what_it_has():
    """Results that came before the end can be read."""
    body = inlined(OK)
    body["metadata"]["state"] = "BATCH_STATE_CANCELLED"
    assert [one.text for one in known(body).results()] == ["yes"]


def test_results_before_the_end():
    """There are none yet, and what to do is said."""
    with pytest.raises(errors.ConfigError, match=r"batches/b1 has not ended.*wait\(\)"):
        known(operation("RUNNING")).results()


def in_a_file(lines):
    """The end of a batch whose answers are in a file, and that file."""
    body = operation("SUCCEEDED")
    body["metadata"]["output"] = {"responsesFile": "files/batch-b1"}
    data = "\n".join(lines).encode()

    async def pieces():
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    def handler(call):
        if ":download" in call.target:
            return 200, {"content-type": "application/octet-stream"}, pieces()
        return answer_json(body)

    return handler


def test_results_in_a_file(serve, do):
    """They are read line by line; keys made here put them in order."""
    lines = [
        json.dumps({"key": "request-10", "response": chunk("ten", "STOP")}),
        json.dumps({"key": "request-9", "error": {"code": 5, "message": "Gone."}}),
        json.dumps(
            {"key": "request-1", "response": chunk("öne\u2028", "STOP")}, ensure_ascii=False
        ),
        "",
    ]
    server = serve(in_a_file(lines))
    found = do(do(batches, "get", "b1"), "results")
    assert server.calls[-1].target == "/v1beta/files/batch-b1:download?alt=media"
    assert [one.key for one in found] == ["request-1", "request-9", "request-10"]
    assert found[0].text == "öne\u2028"
    assert isinstance(found[1].error, errors.NotFound)


def test_keys_of_ones_own_stay_in_the_order_of_the_file(serve, do):
    """The file's order is kept, and a line that is no JSON is an error in its place."""
    lines = [
        json.dumps({"key": "z", "response": chunk("1", "STOP")}),
        '{"key": "cut',
        json.dumps({"key": "a", "response": chunk("3", "STOP")}),
    ]
    serve(in_a_file(lines))
    found = do(do(batches, "get", "b1"), "results")
    assert [one.key for one in found] == ["z", None, "a"]
    assert isinstance(found[1].error, errors.BadAnswer)


def test_a_file_that_leads_elsewhere(serve):
    """The name of a file is a name."""
    body = operation("SUCCEEDED")
    body["metadata"]["output"] = {"responsesFile": "../models"}
    serve(answer_json(body))
    with pytest.raises(errors.BadPrompt, match="no name"):
        batches.get("b1").results()


def pages(call):
    """Two pages of batches."""
    if call.method != "GET":
        return answer_json({})
    if "pageToken" in call.target:
        return answer_json({"operations": [operation("SUCCEEDED")]})
    return answer_json({"operations": [operation()], "nextPageToken": "p2"})


def test_batches_are_listed(serve, do):
    """Page by page."""
    server = serve(pages)
    states = [one.state for one in do(batches, "list", 1)]
    assert states == ["BATCH_STATE_PENDING", "BATCH_STATE_SUCCEEDED"]
    assert [call.target for call in server.calls] == [
        "/v1beta/batches?pageSize=1",
        "/v1beta/batches?pageSize=1&pageToken=p2",
    ]


@pytest.mark.parametrize("by_name", [False, True])
def test_a_batch_is_stopped_and_deleted(serve, do, by_name):
    """By the job, or by its name."""
    server = serve(pages)
    for name in ("cancel", "delete"):
        if by_name:
            do(batches, name, "b1")
        else:
            do(known(operation()), name)
    assert [(call.method, call.target) for call in server.calls] == [
        ("POST", "/v1beta/batches/b1:cancel"),
        ("DELETE", "/v1beta/batches/b1"),
    ]


@pytest.mark.parametrize("name", ["", "../x", "b/1", None], ids=repr)
def test_a_name_stays_a_name(serve, name):
    """Nothing that leads elsewhere is asked for."""
    server = serve()
    for call in (batches.get, batches.cancel, batches.delete):
        with pytest.raises(errors.BadPrompt, match="no name"):
            call(name)
    assert server.calls == []


def test_a_client_of_ones_own(serve, quick):
    """Everything about a batch goes through the client that it came through."""
    states = iter(["PENDING", "RUNNING", "SUCCEEDED"])

    def handler(call):
        return answer_json(operation(next(states))) if call.method != "DELETE" else answer_json({})

    server = serve(handler)
    own = genai.Client(api_key="AIzaFAKE-own")
    made = batches.create("gemini-a", ["one"], client=own)
    made.wait()
    made.delete()
    assert {call.headers["x-goog-api-key"] for call in server.calls} == {"AIzaFAKE-own"}
    assert len(server.calls) == 4
    own.close()


def test_a_batch_travels_without_its_client():
    """A BatchJob goes to another process; a client, which holds connections, does not."""
    made = batches.BatchJob(structs.build(Operation, operation()), genai.Client(api_key="AIzaFAKE"))
    assert pickle.loads(pickle.dumps(made)).to_dict() == made.to_dict()  # noqa: S301


def test_the_repr_holds_nothing_for_a_terminal(serve):
    """What a service calls a batch has no say over the person's terminal."""
    serve(answer_json({"name": "batches/b\x1b[2J\u202e1"}))
    assert repr(batches.get("b1")).isprintable()


def test_counts_that_are_none(serve):
    """What the service may write in place of a number is no error."""
    body = operation("RUNNING")
    body["metadata"]["batchStats"] = {"requestCount": "many", "failedRequestCount": 1}
    assert known(body).counts == (1, 0)


def test_a_bare_operation():
    """What the service leaves out is empty, not an error."""
    bare = batches.BatchJob(genai.types.Operation(name="batches/x"))
    assert (bare.state, bare.done, bare.error, bare.counts) == (
        "BATCH_STATE_UNSPECIFIED",
        False,
        None,
        (0, 0),
    )
    assert repr(bare) == "<BatchJob batches/x UNSPECIFIED>"
    done = batches.BatchJob(genai.types.Operation(name="batches/x", done=True))
    assert done.results() == []
