"""The routes and the gate, over an engine that answers without a model."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future

import pytest

from gemini_nb.local import answers, app, script
from gemini_nb.local.fault import Fault
from gemini_nb.local.text import Piece

testclient = pytest.importorskip("starlette.testclient")

KEY = "a-key"
HELLO = {"contents": [{"parts": [{"text": "hello"}]}]}
FLASH = "/v1beta/models/gemini-3.8-flash"


class Parrot:
    """An engine that says the same three pieces to every job, or what it is told to."""

    name = "parrot"
    limit = 100

    def __init__(self, *pieces):
        self.script = pieces or (Piece("Hel", 1), Piece("lo.", 2), Piece("", 2, "STOP"))

    def run(self, job, deliver):
        """Speak on a thread, as the real one does."""
        done = Future()

        def speak():
            try:
                for piece in self.script:
                    if isinstance(piece, Exception):
                        raise piece  # noqa: TRY301
                    deliver(piece)
                done.set_result(None)
            except Exception as error:  # noqa: BLE001
                done.set_exception(error)

        threading.Thread(target=speak).start()
        return done


def client(engine=None, *, loopback=True, **headers):
    made = app.build(engine or Parrot(), KEY, loopback=loopback)
    return testclient.TestClient(
        made,
        base_url="http://127.0.0.1:8000",
        headers={"x-goog-api-key": KEY, **headers},
        raise_server_exceptions=False,
    )


def error(answer, code, status):
    assert answer.status_code == code
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    found = answer.json()["error"]
    assert (found["code"], found["status"]) == (code, status)
    return found


def test_a_whole_answer_has_the_apis_shape():
    """A call that does not stream joins the pieces and says what really ran."""
    answer = client().post(f"{FLASH}:generateContent", json=HELLO)
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    body = answer.json()
    assert len(body.pop("responseId")) == 16
    assert body == {
        "candidates": [
            {
                "content": {"parts": [{"text": "Hello."}], "role": "model"},
                "index": 0,
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 1,
            "candidatesTokenCount": 2,
            "totalTokenCount": 3,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}],
        },
        "modelVersion": "local/parrot",
    }


def test_a_stream_of_events_has_usage_and_one_id_on_every_chunk():
    """Each event is one chunk; the last one says why it ended."""
    answer = client().post(f"{FLASH}:streamGenerateContent?alt=sse", json=HELLO)
    assert answer.headers["content-type"].startswith("text/event-stream")
    chunks = [json.loads(event[6:]) for event in answer.text.split("\r\n\r\n")[:-1]]
    assert [c["candidates"][0]["content"]["parts"][0]["text"] for c in chunks] == ["Hel", "lo.", ""]
    assert [c["candidates"][0].get("finishReason") for c in chunks] == [None, None, "STOP"]
    assert [c["usageMetadata"]["totalTokenCount"] for c in chunks] == [2, 3, 3]
    assert len({c["responseId"] for c in chunks}) == 1


def test_a_stream_without_sse_is_one_array_with_numbers_for_enums():
    """What the older SDK asks for and reads."""
    url = f"{FLASH}:streamGenerateContent?$alt=json;enum-encoding=int"
    answer = client().post(url, json=HELLO)
    assert answer.text.startswith("[{")
    assert answer.text.count("\n,\r\n") == 2
    assert answer.json()[-1]["candidates"][0]["finishReason"] == 1
    assert answer.json()[0]["usageMetadata"]["promptTokensDetails"][0]["modality"] == 1


def test_candidates_are_numbered_and_their_tokens_added():
    """Each candidate is a job of its own; usage counts all of them."""
    body = {**HELLO, "generation_config": {"candidate_count": 3}}
    found = client().post(f"{FLASH}:generateContent", json=body).json()
    assert [c["index"] for c in found["candidates"]] == [0, 1, 2]
    assert {c["content"]["parts"][0]["text"] for c in found["candidates"]} == {"Hello."}
    assert found["usageMetadata"]["candidatesTokenCount"] == 6


def test_a_fault_before_the_first_word_is_an_answer_of_its_own():
    """A stream that cannot begin answers with the status, not with an empty stream."""
    engine = Parrot(Fault(400, "too long"))
    answer = client(engine).post(f"{FLASH}:streamGenerateContent?alt=sse", json=HELLO)
    assert error(answer, 400, "INVALID_ARGUMENT")["message"] == "too long"


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_a_fault_under_way_is_the_last_thing_in_the_stream(query):
    """An error after the first word comes as an event, or as the array's last element."""
    engine = Parrot(Piece("a", 1), Fault(500, "broken"))
    answer = client(engine).post(f"{FLASH}:streamGenerateContent{query}", json=HELLO)
    if query:
        last = json.loads(answer.text.split("\r\n\r\n")[-2].removeprefix("data: "))
    else:
        last = answer.json()[-1]
    assert last == {"error": {"code": 500, "message": "broken", "status": "INTERNAL"}}


def test_a_bug_answers_500_in_the_apis_shape():
    """What nobody foresaw is an INTERNAL error, without its insides."""
    engine = Parrot(ZeroDivisionError("secret"))
    found = error(client(engine).post(f"{FLASH}:generateContent", json=HELLO), 500, "INTERNAL")
    assert found["message"] == "The local backend met an internal error."


def test_without_a_key_nothing_answers():
    """No key at all is 403, in the API's words."""
    answer = client(**{"x-goog-api-key": ""}).get("/v1beta/models")
    found = error(answer, 403, "PERMISSION_DENIED")
    assert found["message"].startswith("Method doesn't allow unregistered callers")


def test_a_wrong_key_is_named_as_such():
    """A wrong key is 400 with the reason that clients look for."""
    answer = client(**{"x-goog-api-key": "wröng".encode()}).get("/v1beta/models")
    found = error(answer, 400, "INVALID_ARGUMENT")
    assert found["message"] == "API key not valid. Please pass a valid API key."
    assert found["details"][0]["reason"] == "API_KEY_INVALID"
    assert found["details"][0]["domain"] == "googleapis.com"


def test_the_key_may_come_in_the_query():
    """Older tools send `?key=`."""
    answer = client(**{"x-goog-api-key": ""}).get(f"/v1beta/models?key={KEY}")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1", 200),
        ("localhost:8888", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
        ("localhost@evil.example", 403),
        ("", 403),
    ],
)
def test_only_this_machines_own_names_are_answered(host, code):
    """A page in a browser cannot come in under a name that it had pointed here."""
    assert client(host=host).get("/v1beta/models").status_code == code


def test_a_public_address_answers_to_any_name():
    """Who asked for another address than loopback has a name of their own for it."""
    assert client(loopback=False, host="box.lan").get("/v1beta/models").status_code == 200


@pytest.mark.parametrize("host", ["[", "a b", "a/b", "evil@host", "x:y", ""])
def test_a_host_that_is_none_is_refused_at_any_address(host):
    """It would stand in the addresses of uploads and files."""
    answer = client(loopback=False, host=host).get("/v1/models")
    assert "Host header" in error(answer, 400, "INVALID_ARGUMENT")["message"]


def test_no_other_origin_is_let_in():
    """There is no CORS header, and no preflight is answered."""
    answer = client(origin="https://evil.example").options(f"{FLASH}:generateContent")
    error(answer, 405, "INVALID_ARGUMENT")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_list_says_that_a_local_model_answers():
    """Each listed model has the local model's limits and a description that tells."""
    models = client().get("/v1beta/models").json()["models"]
    assert "models/gemini-3.8-flash" in [m["name"] for m in models]
    able = [m for m in models if "generateContent" in m["supportedGenerationMethods"]]
    able = [m for m in able if not script.is_voice(m["name"])]
    assert {m["inputTokenLimit"] for m in able} == {100}
    assert all("parrot, a small local model" in m["description"] for m in able)
    assert all("Answered on this machine" in m["description"] for m in models)
    assert client().get(FLASH).json() == models[0]


def test_the_list_comes_in_pages():
    """A page size and a page token walk through all models once."""
    names, token = [], ""
    while True:
        page = client().get(f"/v1/models?pageSize=3&pageToken={token}").json()
        names += [m["name"] for m in page["models"]]
        assert len(page["models"]) <= 3
        if not (token := page.get("nextPageToken")):
            break
    assert names == [m["name"] for m in client().get("/v1/models").json()["models"]]


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "\u0663", "9" * 5000])
@pytest.mark.parametrize("name", ["pageSize", "pageToken"])
def test_a_page_that_is_no_number_is_refused(name, value):
    """The answer quotes as much of the value as one can read."""
    found = error(client().get("/v1/models", params={name: value}), 400, "INVALID_ARGUMENT")
    assert found["message"].startswith(f"Invalid value for {name}: {value[:40]!r}; it must be")


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gemini-9-whatever.1", 200),
        ("gemini-embedding-2", 404),
        ("gpt-4", 404),
        ("x/gemini-1", 404),
    ],
)
def test_any_gemini_name_is_answered_and_no_other(version, name, code):
    """Names of chat models answer, all else is not found, in the API's words."""
    answer = client().post(f"/{version}/models/{name}:generateContent", json=HELLO)
    assert answer.status_code == code
    if code == 404 and "/" not in name:
        assert answer.json()["error"]["message"].startswith(
            f"models/{name} is not found for API version {version}, or is not supported"
        )


def test_unknown_addresses_and_methods_answer_in_json():
    """404 and 405 have the API's shape too."""
    error(client().get("/nowhere"), 404, "NOT_FOUND")
    error(client().get("/v1beta/tunedModels/gemini-1"), 404, "NOT_FOUND")
    error(client().delete(FLASH), 405, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("imagen-4:predict", "make images"),
        ("veo-3:predictLongRunning", "make videos"),
    ],
)
@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_methods_of_the_api_that_are_not_served_say_so(version, address, what):
    """What the API can do and this server cannot is 501, under whatever model's name."""
    found = error(client().post(f"/{version}/models/{address}"), 501, "UNIMPLEMENTED")
    assert found["message"] == f"The local backend cannot {what} yet; use backend='api' for it."


def test_methods_that_nobody_has_are_not_found():
    """A method that the API lacks too is 404, in the API's words."""
    found = error(client().post(f"{FLASH}:dance", json=HELLO), 404, "NOT_FOUND")
    assert found["message"].startswith(
        "models/gemini-3.8-flash is not found for API version v1beta, or is not supported for dance"
    )


def test_tokens_are_counted_as_in_the_prompt():
    """countTokens, in both forms, agrees with promptTokenCount."""
    body = {
        "systemInstruction": {"parts": [{"text": "Answer like a pirate."}]},
        "contents": [{"parts": [{"text": "The quick brown fox jumps over the lazy dog."}]}],
    }
    used = client().post(f"{FLASH}:generateContent", json=body).json()["usageMetadata"]
    inner = {"generateContentRequest": {"model": "models/gemini-3.8-flash", **body}}
    for request in (body, inner):
        counted = client().post(f"{FLASH}:countTokens", json=request).json()
        assert counted["totalTokens"] == used["promptTokenCount"] == 15
        assert counted["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": 15}]


def test_tools_count_too():
    """A request with tools has more tokens than one without, here as in the API."""
    tools = [{"functionDeclarations": [{"name": "weather", "description": "of a town"}]}]
    plain = client().post(f"{FLASH}:countTokens", json=HELLO).json()["totalTokens"]
    inner = {"generateContentRequest": {**HELLO, "tools": tools}}
    assert client().post(f"{FLASH}:countTokens", json=inner).json()["totalTokens"] > plain


def test_too_large_a_body_is_refused(monkeypatch):
    """Over the API's limit the answer says what the limit is."""
    monkeypatch.setattr(answers, "BODY_LIMIT", 1000)
    big = {"contents": [{"parts": [{"text": "x" * 1000}]}]}
    found = error(client().post(f"{FLASH}:generateContent", json=big), 413, "INVALID_ARGUMENT")
    assert "exceeds the limit: 1000 bytes" in found["message"]
