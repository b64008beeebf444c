"""What the server counts: with the rules of the package, whichever way a request takes."""

from __future__ import annotations

import base64

import pytest

from gemini_nb.tokens.count import count
from tests import media
from tests.local.keeper import FLASH
from tests.local.test_upload import client, put

OLDER = "/v1beta/models/gemini-2.5-flash"
# 960 × 540: six tiles of 258 tokens for Gemini 2.5, 1,120 tokens for Gemini 3.
PICTURE = media.picture("PNG", (960, 540))
HELLO = {"contents": [{"parts": [{"text": "hello"}]}]}


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A client of an application with a store of its own."""
    monkeypatch.setenv("GEMINI_NB_DATA", str(tmp_path))
    return client()


def counted(web, body, path=FLASH):
    answer = web.post(f"{path}:countTokens", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def inline(data, mime_type):
    return {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}


def named(web, data, mime_type):
    file = put(web, data, mime_type=mime_type)
    return {"fileData": {"fileUri": file["uri"], "mimeType": mime_type}}


def test_modalities_are_counted_apart(web):
    """Two pictures and a word."""
    part = inline(PICTURE, "image/png")
    body = {"contents": [{"parts": [part, part, {"text": "hello"}]}]}
    assert counted(web, body) == {
        "totalTokens": 2241,
        "promptTokensDetails": [
            {"modality": "IMAGE", "tokenCount": 2240},
            {"modality": "TEXT", "tokenCount": 1},
        ],
    }


def test_the_rules_are_those_of_the_model_that_is_named(web):
    """And so is its media resolution."""
    body = {"contents": [{"parts": [inline(PICTURE, "image/png")]}]}
    assert counted(web, body)["totalTokens"] == 1120
    assert counted(web, body, OLDER)["totalTokens"] == 6 * 258
    low = {**body, "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}}
    inner = {"generateContentRequest": {"model": "models/gemini-2.5-flash", **low}}
    assert counted(web, inner, OLDER)["totalTokens"] == 64


@pytest.mark.parametrize("path", [FLASH, OLDER])
@pytest.mark.parametrize(
    ("data", "mime_type"), [(PICTURE, "image/png"), ("Grüße, 世界".encode(), "text/plain")]
)
def test_a_file_counts_what_it_counts_inside_the_request(web, path, data, mime_type):
    """The same, and the same as without any server."""
    bodies = [
        {"contents": [{"parts": [part, {"text": "hello"}]}]}
        for part in (inline(data, mime_type), named(web, data, mime_type))
    ]
    one, other = [counted(web, body, path) for body in bodies]
    own = count(bodies[0], path.rpartition("/")[2])
    assert one == other
    assert one["totalTokens"] == own.total_tokens
    assert own.how in ("exact", "rule")


def test_used_and_counted_are_one_number(web):
    """With a system instruction, a schema and a history."""
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "One?"}]},
            {"role": "model", "parts": [{"text": "Two."}]},
            *HELLO["contents"],
        ],
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseSchema": {"type": "OBJECT", "properties": {"fruit": {"type": "STRING"}}},
        },
    }
    answer = web.post(f"{FLASH}:generateContent", json=body)
    used = answer.json()["usageMetadata"]["promptTokenCount"]
    # Be brief. 3 · One? 2 · Two. 2 · hello 1 · fruit 1
    assert used == counted(web, {"generateContentRequest": body})["totalTokens"] == 9
    assert used == count(body, "gemini-3.8-flash").total_tokens


def test_a_cache_adds_what_it_holds(web):
    """A picture in a cache costs as much as one in the prompt, and is told apart."""
    cache = {"model": "models/gemini-3.8-flash", "contents": [{"parts": []}]}
    cache["contents"][0]["parts"] = [named(web, PICTURE, "image/png"), {"text": "hello"}]
    made = web.post("/v1beta/cachedContents", json=cache).json()
    assert made["usageMetadata"]["totalTokenCount"] == 1121
    body = {**HELLO, "cachedContent": made["name"]}
    found = counted(web, {"generateContentRequest": body})
    assert (found["totalTokens"], found["cachedContentTokenCount"]) == (1122, 1121)
    own = count(body, "gemini-3.8-flash", cached=1121)
    assert (own.total_tokens, own.cached_content_token_count) == (1122, 1121)


@pytest.mark.parametrize("kind", ["video/mp4", "application/pdf"])
def test_what_cannot_be_read_here_is_not_counted_either(web, kind):
    """One sentence, and nothing made up."""
    body = {"contents": [{"parts": [inline(b"x", kind)]}]}
    answer = web.post(f"{FLASH}:countTokens", json=body)
    assert answer.status_code == 501
    assert "cannot count the tokens of video" in answer.json()["error"]["message"]
