"""Caches: made, found, changed, expired, and put before a prompt."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from gemini_nb.local import app
from tests.local.keeper import FLASH, KEY, Echo

testclient = pytest.importorskip("starlette.testclient")

CACHES = "/v1beta/cachedContents"
MODEL = "models/gemini-3.8-flash"
LONG = [{"role": "user", "parts": [{"text": "A long text."}]}]
ASK = [{"role": "user", "parts": [{"text": "What?"}]}]


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A client of an application with a store of its own."""
    monkeypatch.setenv("GEMINI_NB_DATA", str(tmp_path))
    headers = {"x-goog-api-key": KEY}
    made = app.build(Echo(), KEY, loopback=True)
    return testclient.TestClient(made, base_url="http://127.0.0.1:8000", headers=headers)


def create(web, **body):
    return web.post(CACHES, json={"model": MODEL, "contents": LONG, **body})


def made(web, **body):
    answer = create(web, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(web, method="generateContent", model=FLASH, **body):
    return web.post(f"{model}:{method}", json={"contents": ASK, **body})


def error(answer, code, status):
    assert answer.status_code == code, answer.text
    found = answer.json()["error"]
    assert (found["code"], found["status"]) == (code, status)
    return found["message"]


def moment(text):
    return datetime.fromisoformat(text)


def test_a_cache_has_the_apis_shape(web):
    """What went in is not sent back; its tokens are."""
    cache = made(web, displayName="d", systemInstruction={"parts": [{"text": "Be brief."}]})
    assert cache.pop("name").startswith("cachedContents/")
    lived = moment(cache.pop("expireTime")) - moment(cache["createTime"])
    assert lived == timedelta(hours=1)
    assert cache.pop("createTime") == cache.pop("updateTime")
    usage = {"totalTokenCount": 7}
    assert cache == {"model": MODEL, "displayName": "d", "usageMetadata": usage}


def test_a_prompt_begins_with_its_cache(web):
    """Contents before its own, and the system instruction; usage says how many tokens."""
    system = {"parts": [{"text": "Be brief."}]}
    name = made(web, systemInstruction=system)["name"]
    answer = ask(web, cachedContent=name).json()
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "A long text. What?"
    usage = answer["usageMetadata"]
    whole = ask(web, contents=LONG + ASK, systemInstruction=system).json()["usageMetadata"]
    assert usage.pop("cachedContentTokenCount") == 7
    assert usage.pop("cacheTokensDetails") == [{"modality": "TEXT", "tokenCount": 7}]
    assert usage == whole


def test_a_count_includes_the_cache(web):
    """In both forms of the request."""
    name = made(web)["name"]
    inner = {"generateContentRequest": {"contents": ASK, "cachedContent": name}}
    for body in ({"contents": ASK, "cachedContent": name}, inner):
        counted = web.post(f"{FLASH}:countTokens", json=body).json()
        assert (counted["totalTokens"], counted["cachedContentTokenCount"]) == (6, 4)


def test_a_cache_may_hold_a_system_instruction_alone(web):
    """Contents are not required."""
    system = {"parts": [{"text": "Be brief."}]}
    answer = web.post(CACHES, json={"model": MODEL, "systemInstruction": system})
    assert answer.json()["usageMetadata"]["totalTokenCount"] == 3


def test_a_streamed_answer_counts_the_cache_on_every_chunk(web):
    """As the API does."""
    name = made(web)["name"]
    chunks = ask(web, "streamGenerateContent", cachedContent=name).json()
    assert {c["usageMetadata"]["cachedContentTokenCount"] for c in chunks} == {4}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"systemInstruction": {"parts": [{"text": "x"}]}}, "can not be used with"),
        ({"tools": [{"codeExecution": {}}]}, "can not be used with"),
        ({"toolConfig": {"functionCallingConfig": {}}}, "can not be used with"),
    ],
)
def test_what_is_in_the_cache_cannot_be_set_beside_it(web, body, expected):
    """The API's words, with its proposed fix."""
    said = error(ask(web, cachedContent=made(web)["name"], **body), 400, "INVALID_ARGUMENT")
    assert expected in said
    assert "Proposed fix" in said


def test_a_cache_belongs_to_its_model(web):
    """Another model cannot use it."""
    other = FLASH.replace("3.8", "2.5")
    answer = ask(web, model=other, cachedContent=made(web)["name"])
    said = error(answer, 400, "INVALID_ARGUMENT")
    assert "(models/gemini-2.5-flash) and CachedContent (models/gemini-3.8-flash)" in said


def test_a_cache_that_is_not_there_answers_in_the_apis_words(web):
    """Deleted or never made: 403 everywhere."""
    name = made(web)["name"]
    assert web.delete(f"/v1/{name}").json() == {}
    for answer in (
        ask(web, cachedContent=name),
        ask(web, "countTokens", cachedContent=name),
        web.get(f"/v1/{name}"),
        web.delete(f"/v1/{name}"),
        web.patch(f"/v1/{name}", json={"ttl": "60s"}),
    ):
        said = error(answer, 403, "PERMISSION_DENIED")
        assert said == "CachedContent not found (or permission denied)"


def test_an_expired_cache_is_gone(web):
    """At the moment it expires."""
    name = made(web)["name"]
    with web.app.state.store.change() as db:
        db.execute("UPDATE caches SET expires = ?", [time.time() - 1])
    error(ask(web, cachedContent=name), 403, "PERMISSION_DENIED")
    assert web.get(CACHES).json() == {}


@pytest.mark.parametrize("body", [{"ttl": "90s"}, {"ttl": "90.000s"}])
def test_a_time_to_live_counts_from_now(web, body):
    """As seconds."""
    cache = made(web, **body)
    lived = moment(cache["expireTime"]) - moment(cache["createTime"])
    assert lived == timedelta(seconds=90)


@pytest.mark.parametrize("spelt", ["{:%Y-%m-%dT%H:%M:%S}Z", "{:%Y-%m-%dT%H:%M:%S}.123456789+00:00"])
def test_an_expiry_may_be_a_moment(web, spelt):
    """With any number of digits, and any zone."""
    wanted = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    cache = made(web, expireTime=spelt.format(wanted))
    assert moment(cache["expireTime"]).replace(microsecond=0) == wanted


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"model": ""}, "model is not specified"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"role": "nobody", "parts": [{"text": "x"}]}]}, "valid role"),
        ({"displayName": "x" * 129}, "at most 128 characters"),
        ({"ttl": "soon"}, "ttl must be seconds"),
        ({"ttl": "60"}, "ttl must be seconds"),
        ({"ttl": "-60s"}, "cannot expire in the past"),
        ({"expireTime": "2001-01-01T00:00:00Z"}, "cannot expire in the past"),
        ({"expireTime": "tomorrow"}, "expire_time must be a time"),
        ({"ttl": "999999999999s"}, "beyond the year 9999"),
        ({"expireTime": "9999-12-31T23:59:59-23:59"}, "beyond the year 9999"),
        ({"ttl": "60s", "expireTime": "2040-01-01T00:00:00Z"}, "not both"),
        ({"nonsense": 1}, "Cannot find field"),
    ],
)
def test_a_cache_that_cannot_be_is_refused(web, body, expected):
    """With the reason, and nothing is kept."""
    assert expected in error(create(web, **body), 400, "INVALID_ARGUMENT")
    assert web.get(CACHES).json() == {}


def test_models_and_tools_that_are_not_here_are_refused_when_the_cache_is_made(web):
    """Not only when it is used."""
    error(create(web, model="models/gpt-4"), 404, "NOT_FOUND")
    error(create(web, tools=[{"codeExecution": {}}]), 501, "UNIMPLEMENTED")


@pytest.mark.parametrize("query", ["", "?updateMask=ttl", "?update_mask=ttl"])
def test_only_the_expiry_changes(web, query):
    """With a mask and without one."""
    cache = made(web, displayName="d")
    changed = web.patch(f"/v1beta/{cache['name']}{query}", json={"ttl": "60s"}).json()
    assert moment(changed["expireTime"]) - moment(changed["updateTime"]) == timedelta(minutes=1)
    assert changed["updateTime"] > cache["updateTime"]
    for key in ("name", "model", "displayName", "createTime", "usageMetadata"):
        assert changed[key] == cache[key]
    assert web.get(f"/v1beta/{cache['name']}").json() == changed


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {"displayName": "other"}),
        ("?updateMask=displayName", {"displayName": "other"}),
        ("?updateMask=ttl", {}),
        ("?updateMask=expire_time", {"ttl": "60s"}),
        ("", {}),
    ],
)
def test_nothing_else_changes(web, query, body):
    """The refusal names what can be changed."""
    cache = made(web)
    answer = web.patch(f"/v1beta/{cache['name']}{query}", json=body)
    error(answer, 400, "INVALID_ARGUMENT")
    assert web.get(f"/v1beta/{cache['name']}").json() == cache


def test_caches_are_listed_in_pages(web):
    """Newest first, each once."""
    names = [made(web)["name"] for _ in range(3)][::-1]
    first = web.get(f"{CACHES}?pageSize=2").json()
    rest = web.get(f"{CACHES}?pageToken={first['nextPageToken']}").json()
    listed = first["cachedContents"] + rest["cachedContents"]
    assert [cache["name"] for cache in listed] == names


def test_a_file_is_read_when_the_cache_is_made(web):
    """So that it may be deleted afterwards."""
    url = web.post(
        "/upload/v1beta/files", json={}, headers={"X-Goog-Upload-Protocol": "resumable"}
    ).headers["x-goog-upload-url"]
    headers = {"X-Goog-Upload-Command": "upload, finalize"}
    file = web.post(url, content=b"Text of a file.", headers=headers).json()["file"]
    part = {"fileData": {"fileUri": file["uri"], "mimeType": "text/plain"}}
    name = made(web, contents=[{"parts": [part]}])["name"]
    web.delete(f"/v1beta/{file['name']}")
    answer = ask(web, cachedContent=name).json()
    text = answer["candidates"][0]["content"]["parts"][0]["text"]
    assert text == "Text of a file. What?"
    error(create(web, contents=[{"parts": [part]}]), 403, "PERMISSION_DENIED")
