"""The official SDK makes the same calls, of which there are no captures: what it sends, we send."""

from __future__ import annotations

import warnings

import pytest

import gemini_nb as genai
from gemini_nb import batches
from gemini_nb.caching import CachedContent
from tests.conftest import KEY
from tests.server import answer_json

PARTS = [{"text": "one"}]
OPERATION = {"name": "batches/b1", "metadata": {"state": "BATCH_STATE_RUNNING"}}
CACHE = {"name": "cachedContents/c1", "model": "models/gemini-a"}
VECTOR = {"values": [0.5]}


def service(call):
    """Whatever is asked for, in its simplest form."""
    if "batchEmbedContents" in call.target:
        return answer_json({"embeddings": [VECTOR] * len(call.json()["requests"])})
    if "cachedContents" in call.target:
        page = "?pageSize" in call.target
        return answer_json({"cachedContents": [CACHE]} if page else CACHE)
    if call.method == "DELETE" or call.target.endswith(":cancel"):
        return answer_json({})
    return answer_json({"operations": [OPERATION]} if "?pageSize" in call.target else OPERATION)


@pytest.fixture(scope="module")
def sdk():
    """The package google-genai."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("google.genai")


# Each call, made by the SDK (`c` is its client) and by us.
CALLS = {
    "batch of prompts": (
        lambda c: c.batches.create(
            model="gemini-a",
            src=[
                {"contents": [{"role": "user", "parts": PARTS}], "metadata": {"key": "k"}},
                {
                    "contents": [{"role": "user", "parts": PARTS}],
                    "config": {"temperature": 0.5, "system_instruction": {"parts": PARTS}},
                },
            ],
            config={"display_name": "d"},
        ),
        lambda: batches.create(
            "gemini-a",
            [
                {"request": "one", "key": "k"},
                {
                    "contents": "one",
                    "generation_config": {"temperature": 0.5},
                    "system_instruction": "one",
                },
            ],
            display_name="d",
        ),
    ),
    "batch of a file": (
        lambda c: c.batches.create(model="gemini-a", src="files/f1"),
        lambda: batches.create("gemini-a", "files/f1"),
    ),
    "look at a batch": (lambda c: c.batches.get(name="batches/b1"), lambda: batches.get("b1")),
    "list batches": (
        lambda c: list(c.batches.list(config={"page_size": 5})),
        lambda: list(batches.list(5)),
    ),
    "cancel a batch": (
        lambda c: c.batches.cancel(name="batches/b1"),
        lambda: batches.cancel("b1"),
    ),
    "delete a batch": (
        lambda c: c.batches.delete(name="batches/b1"),
        lambda: batches.delete("b1"),
    ),
    "look at a cache": (
        lambda c: c.caches.get(name="cachedContents/c1"),
        lambda: CachedContent("c1"),
    ),
    "list caches": (
        lambda c: list(c.caches.list(config={"page_size": 5})),
        lambda: list(CachedContent.list(5)),
    ),
    "delete a cache": (
        lambda c: c.caches.delete(name="cachedContents/c1"),
        lambda: CachedContent._of(genai.types.CachedContent(**CACHE)).delete(),
    ),
    "prolong a cache": (
        lambda c: c.caches.update(name="cachedContents/c1", config={"ttl": "300s"}),
        lambda: CachedContent._of(genai.types.CachedContent(**CACHE)).update(ttl=300),
    ),
    "embed with all options": (
        lambda c: c.models.embed_content(
            model="e",
            contents=["one"],
            config={"task_type": "RETRIEVAL_DOCUMENT", "title": "t", "output_dimensionality": 9},
        ),
        lambda: genai.embed_content("e", ["one"], "document", "t", 9),
    ),
}


def told(call):
    """Method, place and body of a call; the version is a choice of each."""
    path, _, query = call.target.partition("?")
    # The reference asks for a mask beside each PATCH; the SDK leaves it out.
    query = "" if query.startswith("updateMask=") else query
    return call.method, path.split("/", 2)[2], query, call.json() if call.body else {}


@pytest.mark.parametrize("name", CALLS)
def test_the_same_call(serve, sdk, name):
    """The same arguments lead to the same place with the same body."""
    server = serve(service)
    theirs, ours = CALLS[name]
    theirs(sdk.Client(api_key=KEY, http_options={"base_url": server.url}))
    ours()
    first, second = server.calls
    assert told(second) == told(first)
