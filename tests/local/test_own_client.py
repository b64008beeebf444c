"""Our own client against our own server: embeddings, caches and batches, over the whole way."""

from __future__ import annotations

import pytest

import gemini_nb as genai
from gemini_nb import batches, errors
from gemini_nb.caching import CachedContent

pytestmark = pytest.mark.model
MODEL = "gemini-3.8-flash"
SHORT = {"temperature": 0, "max_output_tokens": 4}


@pytest.fixture(autouse=True)
def configured(endpoint):
    """The local backend of this test run, reached like any address."""
    genai.configure(base_url=endpoint.base_url, api_key=endpoint.key)


def test_embeddings():
    """One and many give the same vectors; shorter ones begin the same, at length one."""
    np = pytest.importorskip("numpy")
    texts = [f"text number {n}" for n in range(130)]
    many = genai.embed_content("gemini-embedding-001", iter(texts), as_numpy=True)["embedding"]
    one = genai.embed_content("models/embedding-001", texts[-1], "retrieval_document", "t")
    assert many.shape == (130, 512)
    assert len(one["embedding"]) == 512
    short = genai.embed_content(
        "gemini-embedding-001", texts[-1], output_dimensionality=64, as_numpy=True
    )["embedding"]
    assert short.shape == (64,)
    assert np.linalg.norm(short) == pytest.approx(1, abs=1e-4)
    assert short @ many[-1][:64] / np.linalg.norm(many[-1][:64]) == pytest.approx(1, abs=1e-4)
    with pytest.raises(errors.InvalidArgument):
        genai.embed_content("gemini-embedding-001", "a", output_dimensionality=4096)


def test_a_cache():
    """It is made, listed, prolonged, counted, used and deleted."""
    made = CachedContent.create(
        MODEL, contents="The cat is called Minka.", system_instruction="Be brief.", ttl=600
    )
    first = made.expire_time
    made.update(ttl=1200)
    assert made.expire_time > first
    assert made.name in [one.name for one in CachedContent.list()]
    kept = made.usage_metadata.total_token_count
    model = genai.GenerativeModel.from_cached_content(made, generation_config=SHORT)
    counted = model.count_tokens("What is the cat called?")
    assert counted.total_tokens > counted.cached_content_token_count == kept > 0
    answer = model.generate_content("What is the cat called?")
    assert answer.usage_metadata.cached_content_token_count == kept
    made.delete()
    with pytest.raises(errors.APIError):
        CachedContent.get(made.name)


@pytest.mark.parametrize("whole", [True, False], ids=["in the body", "in a file"])
def test_a_batch(whole):
    """Requests in the body or in a file are answered, each under its key."""
    model = genai.GenerativeModel(MODEL, generation_config=SHORT)
    requests = [{"request": "Say hi.", "key": "b"}, {"request": "Say ho.", "key": "a"}]
    made = batches.create(model, requests if whole else iter(requests), display_name="two")
    assert made.wait(60).state == "BATCH_STATE_SUCCEEDED"
    assert made.counts == (2, 2)
    found = made.results()
    assert [one.key for one in found] == ["b", "a"]
    assert all(one.text for one in found)
    assert found[0].response.finish_reason in ("STOP", "MAX_TOKENS")
    assert made.name in [one.name for one in batches.list()]
    made.delete()
    with pytest.raises(errors.NotFound):
        batches.get(made.name)


def test_a_batch_that_is_stopped():
    """A batch that was cancelled says so, and has no results."""
    made = batches.create(MODEL, ["Tell a long story."] * 20)
    made.cancel()
    with pytest.raises(errors.APIError, match="cancelled"):
        made.wait(60)
    assert made.state == "BATCH_STATE_CANCELLED"
