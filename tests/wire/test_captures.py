"""Captured traffic of the official SDKs is read, written again, and asked the same way."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from gemini_nb import caching, embedding, request, structs
from gemini_nb.events import EventDecoder
from gemini_nb.model import GenerativeModel
from gemini_nb.stream import Response
from gemini_nb.types import (
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    Blob,
    CachedContent,
    CountTokensRequest,
    CountTokensResponse,
    GenerateContentRequest,
    GenerateContentResponse,
    Part,
)

CAPTURES = Path(__file__).parent / "captures"

# What each method takes and gives. Files speak in headers as well: see test_upload.py.
METHODS = {
    "generateContent": (GenerateContentRequest, GenerateContentResponse),
    "streamGenerateContent": (GenerateContentRequest, GenerateContentResponse),
    "countTokens": (CountTokensRequest, CountTokensResponse),
    "batchEmbedContents": (BatchEmbedContentsRequest, BatchEmbedContentsResponse),
    "/v1/cachedContents": (CachedContent, CachedContent),
}


def exchanges():
    for path in sorted(CAPTURES.glob("*/*.json")):
        for number, exchange in enumerate(json.loads(path.read_text())["exchanges"]):
            name = f"{path.parent.name}/{path.stem}/{number}"
            method = exchange["path"].rpartition(":")[2]
            yield pytest.param(method, exchange, id=name)


EVERY = list(exchanges())
TYPED = [param for param in EVERY if param.values[0] in METHODS]
STREAMS = [param for param in TYPED if param.values[0] == "streamGenerateContent"]
WHOLE = [param for param in TYPED if param not in STREAMS]


def meaning(value):
    """JSON as the service reads it: base64 in either alphabet is the same data."""
    if isinstance(value, dict):
        return {
            k: structs._from_base64(v) if k == "data" and isinstance(v, str) else meaning(v)
            for k, v in value.items()
        }
    return [meaning(v) for v in value] if isinstance(value, list) else value


def again(cls, value):
    """Decode and encode once."""
    return json.loads(structs.encode(structs.decode(cls, json.dumps(value))))


def chunks(body):
    """The JSON of each chunk of a captured stream: server-sent events, or one array."""
    if body.startswith("["):
        return json.loads(body)
    decoder = EventDecoder()
    events = decoder.feed(body.encode())
    assert decoder.close() == b""
    return [json.loads(event) for event in events]


def test_there_is_something_to_test():
    """The captures are there, of both SDKs, streams in both forms among them."""
    assert len(WHOLE) >= 11
    assert {param.values[1]["response"]["body"][0] for param in STREAMS} == {"d", "["}


def test_no_capture_holds_a_key():
    """Whoever wrote the captures down took the keys out."""
    for param in EVERY:
        headers = {k.lower(): v for k, v in param.values[1]["headers"].items()}
        assert headers.get("x-goog-api-key") in (None, "<redacted>")


@pytest.mark.parametrize(("method", "exchange"), TYPED)
def test_requests_are_read_and_written_again(method, exchange):
    """What the SDKs send is held by our types without loss."""
    body = exchange["body"]
    assert meaning(again(METHODS[method][0], body)) == meaning(body)


@pytest.mark.parametrize(("method", "exchange"), WHOLE)
def test_answers_are_read_and_written_again(method, exchange):
    """What the service answers is held by our types without loss."""
    body = exchange["response"]["body"]
    assert again(METHODS[method][1], body) == body


@pytest.mark.parametrize(("method", "exchange"), STREAMS)
def test_chunks_are_read_and_written_again(method, exchange):
    """Each chunk of a stream is held without loss."""
    found = chunks(exchange["response"]["body"])
    assert len(found) == 3
    for chunk in found:
        assert again(GenerateContentResponse, chunk) == chunk


@pytest.mark.parametrize(("method", "exchange"), STREAMS)
def test_streams_become_whole_answers(method, exchange):
    """The chunks of a captured stream make one whole answer."""
    found = chunks(exchange["response"]["body"])
    response = Response()
    for chunk in found:
        response.feed(msgspec.json.decode(json.dumps(chunk), type=GenerateContentResponse))
    response.finish()
    assert response.text == "Hello world."
    assert response.finish_reason == "STOP"
    assert response.usage_metadata.to_dict() == found[-1]["usageMetadata"]


@pytest.mark.parametrize(
    ("method", "exchange"), [p for p in EVERY if isinstance(p.values[1].get("body"), dict)]
)
def test_bodies_without_a_type_are_not_lost_either(method, exchange):
    """A type that knows no field at all still gives everything back."""
    assert again(structs.Wire, exchange["body"]) == exchange["body"]


# ------------------------------------------------------------------- the same calls, made by us

PNG = structs._from_base64(
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGP8z4AATAxEcQAz0QEHOoQ-uAAAAABJRU5E"
    "rkJggg=="
)
CONFIG = {
    "temperature": 0.2,
    "top_p": 0.9,
    "top_k": 40,
    "candidate_count": 1,
    "max_output_tokens": 100,
    "stop_sequences": ["END"],
    "response_logprobs": True,
    "logprobs": 3,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "seed": 7,
    "response_modalities": ["TEXT"],
    "media_resolution": "MEDIA_RESOLUTION_LOW",
}
ADD = {
    "name": "add",
    "description": "adds",
    "parameters": {
        "type": "OBJECT",
        "properties": {"a": {"type": "INTEGER"}, "b": {"type": "INTEGER"}},
        "required": ["a", "b"],
    },
}
ONLY_ADD = {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["add"]}}
IMAGE = Part(inline_data=Blob(mime_type="image/png", data=PNG))
SPOKEN = [
    {"role": "user", "parts": ["one"]},
    {"role": "model", "parts": ["Hello world."]},
    "two",
]


def ask(contents, *, stream=False, **more):
    def make(name):
        return request.generate(name, GenerativeModel(name, **more).build(contents), stream=stream)

    return make


def count(contents, **more):
    def make(name):
        return request.count_tokens(name, GenerativeModel(name, **more).build(contents))

    return make


def embed(contents):
    def make(_):
        task = embedding._Task("gemini-embedding-001", None, None, None, None)
        return next(task.many(contents))

    return make


def cache(**given):
    return lambda name: caching._create(name, **given)


OURS = {
    "google-genai/caches_create/0": cache(
        contents="long text", system_instruction="s", display_name="d", ttl=3600
    ),
    "google-genai/embed_many/0": embed(["hi", "there"]),
    "google-genai/count_tokens/0": count("hello"),
    "google-genai/generate_text/0": ask("hello"),
    "google-genai/generate_text_image/0": ask(["what is this", IMAGE]),
    "google-genai/generate_system_instruction/0": ask("hi", system_instruction="be brief"),
    "google-genai/generate_config_all/0": ask("hi", generation_config=CONFIG),
    "google-genai/generate_tools_declaration/0": ask("2+3", tools=[ADD], tool_config=ONLY_ADD),
    "google-genai/stream_sse/0": ask("hi", stream=True),
    "google-generativeai/chat/0": ask("one"),
    "google-generativeai/chat/1": ask(SPOKEN, stream=True),
    "google-generativeai/count_tokens_with_system/0": count(
        "hello", system_instruction="s", tools=[{"name": "f", "description": "d"}]
    ),
    "google-generativeai/generate_text/0": ask("hello"),
    "google-generativeai/stream_sse/0": ask("hi", stream=True),
}

# The differences that stay, and why. Each is a step on both bodies; none may be idle.


def no_empty_configuration(body):
    """`generationConfig: {}` says nothing, so we do not send it."""
    if body.get("generationConfig") == {}:
        del body["generationConfig"]


def no_role_of_an_instruction(body):
    """An instruction is nobody's turn: the reference gives it no role."""
    body.get("systemInstruction", {}).pop("role", None)


def a_role_for_every_turn(body):
    """A turn without a role is the user's; we say so, since in a longer list it must be said."""
    for content in body.get("contents", ()):
        content.setdefault("role", "user")


def camel_case(body):
    """`mime_type` inside a Blob is taken as `mimeType`; we write the name of the reference."""
    for content in body.get("contents", ()):
        for part in content["parts"]:
            if "mime_type" in part.get("inlineData", {}):
                part["inlineData"]["mimeType"] = part["inlineData"].pop("mime_type")


KEPT = (no_empty_configuration, no_role_of_an_instruction, a_role_for_every_turn, camel_case)


def applied(step, body):
    """A copy of a body, or of the request inside a count, after one step."""
    body = json.loads(json.dumps(body))
    step(body)
    if "generateContentRequest" in body:
        step(body["generateContentRequest"])
    return body


@pytest.mark.parametrize(("method", "exchange"), TYPED)
def test_our_requests_are_the_same(method, exchange, request):
    """The same arguments make the same body, but for the differences above."""
    made = OURS[request.node.callspec.id]("gemini-test")
    theirs, ours = exchange["body"], json.loads(made.content())
    for step in KEPT:
        theirs, ours = applied(step, theirs), applied(step, ours)
    assert meaning(ours) == meaning(theirs)


@pytest.mark.parametrize(("method", "exchange"), TYPED)
def test_our_requests_go_to_the_same_place(method, exchange, request):
    """The same model and method; our version is v1beta, which has the newest models and caches.

    google-genai calls v1. The older SDK streams as one array and asks for numbers in place of
    names; we ask for server-sent events and names.
    """
    made = OURS[request.node.callspec.id]("gemini-test")
    version, place = exchange["path"].removeprefix("/").split("/", 1)
    assert (made.method, made.path) == (exchange["method"], place)
    assert version in ("v1", "v1beta")
    theirs = {k: v for k, v in exchange["query"].items() if k != "$alt"}
    if "$alt" in exchange["query"] and method == "streamGenerateContent":
        theirs["alt"] = "sse"
    assert dict(made.params) == theirs


@pytest.mark.parametrize("step", KEPT)
def test_no_difference_is_idle(step):
    """A difference that no capture shows any more would be dead."""
    bodies = [param.values[1]["body"] for param in TYPED]
    assert any(applied(step, body) != body for body in bodies)
