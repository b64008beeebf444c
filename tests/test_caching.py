"""Caches are made, looked up, listed, prolonged, used and deleted."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle

import pytest

import gemini_nb as genai
from gemini_nb import errors
from gemini_nb.caching import CachedContent
from tests.server import answer_json, chunk

UTC = dt.UTC
KEPT = {
    "name": "cachedContents/c1",
    "model": "models/gemini-a",
    "displayName": "a book",
    "createTime": "2026-11-22T00:00:00.123456789Z",
    "updateTime": "2026-11-22T00:00:00Z",
    "expireTime": "2026-11-22T01:00:00Z",
    "usageMetadata": {"totalTokenCount": 12_345},
    "fieldOfTomorrow": [1],
}


def service(call):
    """One cache, on two pages; what is patched comes back changed."""
    place = call.target.partition("/v1beta/")[2]
    if call.method == "DELETE":
        return answer_json({})
    if call.method == "PATCH":
        return answer_json({**KEPT, "expireTime": "2026-11-23T00:00:00Z"})
    if "generateContent" in place:
        return answer_json(chunk("Hello", "STOP"))
    if "countTokens" in place:
        return answer_json({"totalTokens": 12_350, "cachedContentTokenCount": 12_345})
    if place.startswith("cachedContents?"):
        second = "pageToken=p2" in place
        page = [{**KEPT, "name": f"cachedContents/c{2 if second else 1}"}]
        more = {} if second else {"nextPageToken": "p2"}
        return answer_json({"cachedContents": page, **more})
    if place in ("cachedContents", "cachedContents/c1"):
        return answer_json(KEPT)
    return answer_json({"error": {"code": 404, "message": "No such cache."}}, 404)


@pytest.fixture
def server(serve):
    """The service above."""
    return serve(service)


def test_a_cache_is_made(server, do):
    """Everything that is kept goes into one body."""
    made = do(
        CachedContent,
        "create",
        "gemini-a",
        display_name="a book",
        contents=["Once", {"text": "upon a time"}],
        system_instruction="Be brief.",
        tools="code_execution",
        tool_config={"function_calling_config": {"mode": "AUTO"}},
        ttl=dt.timedelta(hours=2),
    )
    call = server.calls[0]
    assert (call.method, call.target) == ("POST", "/v1beta/cachedContents")
    assert call.json() == {
        "model": "models/gemini-a",
        "displayName": "a book",
        "contents": [{"role": "user", "parts": [{"text": "Once"}, {"text": "upon a time"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"codeExecution": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "ttl": "7200s",
    }
    assert (made.name, made.model, made.display_name) == (
        "cachedContents/c1",
        "models/gemini-a",
        "a book",
    )
    assert made.usage_metadata.total_token_count == 12_345
    assert made.create_time == dt.datetime(2026, 11, 22, 0, 0, 0, 123_456, tzinfo=UTC)
    assert made.update_time == dt.datetime(2026, 11, 22, tzinfo=UTC)
    assert made.expire_time == dt.datetime(2026, 11, 22, 1, tzinfo=UTC)
    assert made.to_dict() == KEPT


def test_it_reads_well(server):
    """One line says what it is, how much it holds, and until when."""
    assert repr(CachedContent.get("c1")) == (
        "<CachedContent cachedContents/c1 'a book' 12,345 tokens for gemini-a"
        " until 2026-11-22 01:00 UTC>"
    )


def test_a_moment_in_place_of_a_length(server):
    """`expire_time` is written in UTC."""
    when = dt.datetime(2026, 11, 22, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    CachedContent.create("gemini-a", system_instruction="s", expire_time=when)
    assert server.calls[0].json()["expireTime"] == "2026-11-22T01:00:00Z"


@pytest.mark.parametrize("name", ["c1", "cachedContents/c1"])
def test_a_cache_is_looked_up(server, do, name):
    """By its name, with or without prefix."""
    assert do(CachedContent, "get", name).name == "cachedContents/c1"
    assert CachedContent(name).to_dict() == KEPT
    assert {call.target for call in server.calls} == {"/v1beta/cachedContents/c1"}


def test_an_unknown_cache(server, do):
    """The service's own answer is the error."""
    with pytest.raises(errors.NotFound, match="No such cache"):
        do(CachedContent, "get", "gone")


def test_caches_are_listed(server, do):
    """Page by page; each can be used as it is."""
    names = [one.name for one in do(CachedContent, "list", page_size=1)]
    assert names == ["cachedContents/c1", "cachedContents/c2"]
    assert [call.target for call in server.calls] == [
        "/v1beta/cachedContents?pageSize=1",
        "/v1beta/cachedContents?pageSize=1&pageToken=p2",
    ]


def test_a_page_is_fetched_when_it_is_reached(server):
    """Whoever looks at the first alone pays for one page."""
    assert next(CachedContent.list(1)).name == "cachedContents/c1"
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("change", "mask", "body"),
    [
        ({"ttl": 300}, "ttl", {"ttl": "300s"}),
        (
            {"expire_time": dt.datetime(2026, 11, 23, tzinfo=UTC)},
            "expireTime",
            {"expireTime": "2026-11-23T00:00:00Z"},
        ),
    ],
    ids=str,
)
def test_a_cache_is_prolonged(server, do, change, mask, body):
    """The change names its field, and the object shows what the service made of it."""
    kept = CachedContent.get("c1")
    assert do(kept, "update", **change) is None
    call = server.calls[-1]
    assert (call.method, call.target) == ("PATCH", f"/v1beta/cachedContents/c1?updateMask={mask}")
    assert call.json() == body
    assert kept.expire_time == dt.datetime(2026, 11, 23, tzinfo=UTC)


def test_a_cache_is_deleted(server, do):
    """Its name goes to the service."""
    kept = CachedContent.get("c1")
    do(kept, "delete")
    call = server.calls[-1]
    assert (call.method, call.target) == ("DELETE", "/v1beta/cachedContents/c1")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing to keep"),
        ({"contents": " "}, "empty"),
        ({"contents": "a", "ttl": 5, "expire_time": 5}, "exclude each other"),
        ({"contents": "a", "ttl": "5 minutes"}, "no length of time"),
        ({"contents": "a", "expire_time": "later"}, "no moment"),
        ({"contents": "a", "display_name": "x" * 129}, "129 characters"),
    ],
    ids=str,
)
def test_what_cannot_be_is_never_sent(server, do, given, said):
    """A cache that the service would refuse is refused here."""
    with pytest.raises(errors.BadPrompt, match=said):
        do(CachedContent, "create", "gemini-a", **given)
    assert server.calls == []


@pytest.mark.parametrize("name", ["", "..", "cachedContents/", "a/b", "c1?x=1", None, 5], ids=repr)
def test_a_name_stays_a_name(server, name):
    """Nothing that leads elsewhere is asked for."""
    with pytest.raises(errors.BadPrompt, match="no name"):
        CachedContent.get(name)
    assert server.calls == []


def test_an_empty_change_is_never_sent(server):
    """Nothing but the time can be changed, and one of its two forms must be given."""
    kept = CachedContent.get("c1")
    with pytest.raises(errors.BadPrompt, match="nothing to change"):
        kept.update()
    with pytest.raises(errors.BadPrompt, match="exclude"):
        kept.update(ttl=1, expire_time=1)
    assert len(server.calls) == 1


@pytest.mark.parametrize("by_name", [False, True])
def test_a_model_goes_on_from_a_cache(server, by_name):
    """The model is the cache's, and each prompt names the cache."""
    kept = "cachedContents/c1" if by_name else CachedContent.get("c1")
    model = genai.GenerativeModel.from_cached_content(kept, generation_config={"temperature": 0})
    assert repr(model) == "GenerativeModel('gemini-a', cached_content='cachedContents/c1')"
    assert model.generate_content("go on").text == "Hello"
    call = server.calls[-1]
    assert call.target == "/v1beta/models/gemini-a:generateContent"
    assert call.json() == {
        "contents": [{"role": "user", "parts": [{"text": "go on"}]}],
        "generationConfig": {"temperature": 0},
        "cachedContent": "cachedContents/c1",
    }


def test_a_chat_goes_on_from_a_cache(server):
    """Each turn names the cache; its contents are no part of the history."""
    chat = genai.GenerativeModel.from_cached_content("c1").start_chat()
    chat.send_message("one")
    chat.send_message("two")
    assert [call.json()["cachedContent"] for call in server.calls[1:]] == ["cachedContents/c1"] * 2
    assert len(chat.history) == 4


def test_a_cache_is_counted(server):
    """The whole request is counted, with the cache in it."""
    model = genai.GenerativeModel.from_cached_content("c1")
    counted = model.count_tokens("go on")
    assert (counted.total_tokens, counted.cached_content_token_count) == (12_350, 12_345)
    assert server.calls[-1].json() == {
        "generateContentRequest": {
            "model": "models/gemini-a",
            "contents": [{"role": "user", "parts": [{"text": "go on"}]}],
            "cachedContent": "cachedContents/c1",
        }
    }


@pytest.mark.parametrize(
    "given", [{"tools": "code_execution"}, {"tool_config": {"retrieval_config": {}}}], ids=str
)
def test_a_prompt_has_no_tools_beside_a_cache(server, given):
    """The service would answer 400, so it is said before anything is sent."""
    model = genai.GenerativeModel.from_cached_content("c1")
    for ask in (model.generate_content, model.count_tokens):
        with pytest.raises(errors.BadPrompt, match=f"no {next(iter(given))} of its own"):
            ask("go on", **given)
    assert len(server.calls) == 1


def test_a_model_has_no_instruction_beside_a_cache(server):
    """Also where it is set later."""
    model = genai.GenerativeModel.from_cached_content("c1")
    model.system_instruction = "s"
    with pytest.raises(errors.BadPrompt, match="no system_instruction of its own"):
        model.generate_content("go on")
    with pytest.raises(TypeError):
        genai.GenerativeModel.from_cached_content("c1", system_instruction="s")


def test_a_client_of_ones_own(server):
    """Everything about a cache goes through the client that it came through."""
    own = genai.Client(api_key="AIzaFAKE-own")
    made = CachedContent.create("gemini-a", contents="a", client=own)
    made.update(ttl=5)
    [*CachedContent.list(client=own)][1].delete()
    asyncio.run(CachedContent.get_async("c1", client=own))
    genai.GenerativeModel.from_cached_content(made).generate_content("go on")
    genai.GenerativeModel.from_cached_content("c1", client=own).count_tokens("go on")
    assert {call.headers["x-goog-api-key"] for call in server.calls} == {"AIzaFAKE-own"}
    own.close()


def test_an_answer_with_nothing_in_it():
    """What the service leaves out is empty, not an error."""
    bare = CachedContent._of(genai.types.CachedContent(name="cachedContents/x"))
    assert (bare.model, bare.display_name, bare.expire_time) == ("", "", None)
    assert bare.usage_metadata.total_token_count is None
    assert repr(bare) == "<CachedContent cachedContents/x>"


def test_a_cache_travels_without_its_client(server):
    """A CachedContent goes to another process; a client, which holds connections, does not."""
    made = CachedContent.get("c1", client=genai.Client(api_key="AIzaFAKE"))
    assert pickle.loads(pickle.dumps(made)).to_dict() == made.to_dict()  # noqa: S301


def test_the_repr_holds_nothing_for_a_terminal(serve):
    """What a service calls a cache has no say over the person's terminal."""
    serve(answer_json({"name": "cachedContents/c\x1b[2J\u202e1"}))
    assert repr(CachedContent.get("c1")).isprintable()
