"""Texts become vectors: one, many, lazily, as lists or arrays."""

from __future__ import annotations

import asyncio
import json

import pytest

import gemini_nb as genai
from gemini_nb import embedding, errors
from gemini_nb.types import Content, Part, TaskType
from tests.audio import sounds
from tests.server import answer_json

ONE = {"embedding": {"values": [0.25, -1, 3e-05]}}


def service(call):
    """The vector of a text is its length, three times; each call is answered whole."""

    def vector(request):
        size = len(request["content"]["parts"][0]["text"])
        return {"values": [size, size + 0.5, -size]}

    body = call.json()
    if call.target.endswith(":embedContent"):
        return answer_json({"embedding": vector(body)})
    return answer_json({"embeddings": [vector(one) for one in body["requests"]]})


class Pydantic:
    """As a model of pydantic, it can be iterated over, and is one all the same."""

    def __init__(self, **fields):
        self._fields = fields

    def __iter__(self):
        return iter(self._fields.items())

    def __str__(self):
        return "Pydantic"

    def model_dump(self, *, exclude_none):
        return self._fields


@pytest.fixture
def server(serve):
    """The service above."""
    return serve(service)


@pytest.fixture(params=["blocking", "async"])
def embed(request):
    """Either form."""
    if request.param == "blocking":
        return genai.embed_content
    return lambda *args, **kwargs: asyncio.run(genai.embed_content_async(*args, **kwargs))


def test_one_text(server, embed):
    """One content goes alone, and comes back as a list of floats."""
    found = embed(model="models/embedding-001", content="hello")
    assert found == {"embedding": [5.0, 5.5, -5.0]}
    assert {type(value) for value in found["embedding"]} == {float}
    call = server.calls[0]
    assert (call.method, call.target) == ("POST", "/v1beta/models/embedding-001:embedContent")
    assert call.json() == {
        "model": "models/embedding-001",
        "content": {"role": "user", "parts": [{"text": "hello"}]},
    }


def test_many_texts(server, embed):
    """Many contents go in one call, in their order."""
    assert embed("text-embedding-004", ["a", "bbb"]) == {
        "embedding": [[1.0, 1.5, -1.0], [3.0, 3.5, -3.0]]
    }
    call = server.calls[0]
    assert call.target == "/v1beta/models/text-embedding-004:batchEmbedContents"
    assert [one["model"] for one in call.json()["requests"]] == ["models/text-embedding-004"] * 2


def test_everything_that_can_be_said(server, embed):
    """Task, title and size go into each request."""
    said = {"task_type": "document", "title": "t", "output_dimensionality": 3}
    embed("gemini-embedding-001", "hello", **said)
    embed("gemini-embedding-001", ["hello"], **said)
    one, (many,) = server.calls[0].json(), server.calls[1].json()["requests"]
    assert one == many
    assert (one["taskType"], one["title"], one["outputDimensionality"]) == (
        "RETRIEVAL_DOCUMENT",
        "t",
        3,
    )


def test_a_hundred_at_a_time(server, embed):
    """More than the service takes go in several calls; their answers are one list."""
    texts = ["x" * n for n in range(1, 251)]
    found = embed("e", texts)["embedding"]
    assert [vector[0] for vector in found] == [float(n) for n in range(1, 251)]
    assert [len(call.json()["requests"]) for call in server.calls] == [100, 100, 50]


def test_an_iterable_is_taken_lazily(server, embed):
    """No more of it is taken than the next call needs."""
    taken = []

    def texts():
        for n in range(150):
            taken.append(n)
            if n == 120:
                assert len(server.calls) == 1
            yield f"text {n}"

    assert len(embed("e", texts())["embedding"]) == 150
    assert len(taken) == 150


@pytest.mark.parametrize(
    "content",
    [
        "text",
        {"text": "text"},
        {"parts": ["text", "more"]},
        Content(parts=[Part(text="text")]),
        Part(text="text"),
        Pydantic(parts=[{"text": "text"}], role="user"),
    ],
    ids=str,
)
def test_what_counts_as_one(server, content):
    """A text, a Part or a Content is one, whatever it is made of."""
    assert genai.embed_content("e", content)["embedding"] == [4.0, 4.5, -4.0]
    assert server.calls[0].target.endswith(":embedContent")


def test_a_column_of_a_table(server):
    """A Series is many texts; a whole table is refused, since its columns would be embedded."""
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"text": ["a", "bb"], "n": [1, 2]})
    assert [v[0] for v in genai.embed_content("e", table["text"])["embedding"]] == [1.0, 2.0]
    with pytest.raises(errors.BadPrompt, match=r'table\["text"\]'):
        genai.embed_content("e", table)


def test_arrays(server, embed):
    """float32 on request: (d,) for one, (n, d) for many, (0, 0) for none."""
    np = pytest.importorskip("numpy")
    for content, shape in (("a", (3,)), (["a"], (1, 3)), (["a", "b"], (2, 3)), ([], (0, 0))):
        found = embed("e", content, as_numpy=True)["embedding"]
        assert (found.shape, found.dtype) == (shape, np.float32)
    assert embed("e", [])["embedding"] == []
    assert len(server.calls) == 3


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("retrieval_query", "RETRIEVAL_QUERY"),
        ("Retrieval_Query", "RETRIEVAL_QUERY"),
        ("query", "RETRIEVAL_QUERY"),
        ("DOCUMENT", "RETRIEVAL_DOCUMENT"),
        ("similarity", "SEMANTIC_SIMILARITY"),
        ("qa", "QUESTION_ANSWERING"),
        ("verification", "FACT_VERIFICATION"),
        ("code_retrieval_query", "CODE_RETRIEVAL_QUERY"),
        ("unspecified", "TASK_TYPE_UNSPECIFIED"),
        (5, "CLUSTERING"),
        (TaskType.CLASSIFICATION, "CLASSIFICATION"),
        (None, None),
    ],
)
def test_task_types(given, kind):
    """Long and short names in any case, numbers, members."""
    assert embedding.to_task_type(given) == kind


def test_task_types_of_the_older_sdk():
    """Every name and number that the first documentation takes means the same here."""
    older = pytest.importorskip("google.generativeai.embedding")
    for given, kind in older._EMBEDDING_TASK_TYPE.items():
        number = kind if isinstance(given, str) else given
        assert embedding.to_task_type(given) == list(TaskType)[number]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"content": "a", "task_type": "retrieval_querry"}, "Did you mean retrieval_query"),
        ({"content": "a", "task_type": 99}, "no '99'"),
        ({"content": "a", "title": "t"}, "Only a document has a title"),
        ({"content": "a", "title": "t", "task_type": "query"}, "Only a document has a title"),
        ({"content": "a", "output_dimensionality": 0}, "output_dimensionality=0"),
        ({"content": "a", "output_dimensionality": "9"}, "output_dimensionality='9'"),
        ({"content": ""}, "empty"),
        ({"content": ["a", " "]}, "Item 1: The prompt is empty"),
        ({"content": ["a", float("nan")]}, "Item 1: A builtins.float"),
        ({"content": "a", "model": "no name"}, "no name of a model"),
        ({"content": "a", "request_options": {"timout": 1}}, "Did you mean timeout"),
    ],
    ids=str,
)
def test_what_cannot_be_is_never_sent(server, embed, given, error):
    """What the service would refuse is refused here, with the place in the list."""
    with pytest.raises(errors.ConfigError, match=error):
        embed(**{"model": "e", **given})
    assert server.calls == []


@pytest.mark.parametrize("content", ["a", ["a", "b"]])
@pytest.mark.parametrize("answer", [{}, {"embedding": {}}, {"embeddings": [{"values": [1.0]}]}])
def test_vectors_that_are_missing(serve, embed, content, answer):
    """Too few vectors are an error: paired with their texts they would be the wrong ones."""
    serve(answer_json(answer))
    with pytest.raises(errors.BadAnswer, match="vector"):
        embed("e", content)


def test_a_refusal_in_the_middle(serve, embed):
    """An error of a later call is raised as it is."""
    quota = answer_json({"error": {"code": 400, "message": "Too long."}}, 400)

    def second_fails(call):
        return quota if "x150" in call.body.decode() else service(call)

    server = serve(second_fails)
    with pytest.raises(errors.InvalidArgument, match="Too long"):
        embed("e", [f"x{n}" for n in range(200)])
    assert len(server.calls) == 2


def test_the_timeout_is_told(server, embed):
    """`request_options` reach each call."""
    embed("e", ["a"], request_options={"timeout": 7})
    assert server.calls[0].headers["x-server-timeout"] == "7"


def test_a_client_of_ones_own(server, embed):
    """`client=` takes the place of the configured one."""
    own = genai.Client(api_key="AIzaFAKE-own")
    embed("e", "a", client=own)
    embed("e", ["a"], client=own)
    assert {call.headers["x-goog-api-key"] for call in server.calls} == {"AIzaFAKE-own"}
    own.close()


def test_what_is_unknown_in_an_answer_is_no_error(serve, embed):
    """New fields beside the vector change nothing."""
    serve(answer_json({**ONE, "usageMetadata": {"promptTokenCount": 3}, "new": {"a": 1}}))
    assert embed("e", "a")["embedding"] == json.loads("[0.25, -1.0, 3e-05]")


@pytest.mark.parametrize("pair", [(sounds.tone(), 16_000), (16_000, sounds.tone())])
def test_samples_with_their_rate_are_one(serve, embed, pair):
    """What libraries give for a recording is one content, though it is a pair."""
    server = serve(answer_json(ONE))
    assert embed("models/e", pair)["embedding"] == ONE["embedding"]["values"]
    (part,) = server.calls[0].json()["content"]["parts"]
    assert part["inlineData"]["mimeType"] == "audio/flac"
