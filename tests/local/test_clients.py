"""The official SDKs as clients: what they can do with the API they can do with this server."""

from __future__ import annotations

import asyncio

import pydantic
import pytest

pytestmark = pytest.mark.model
MODEL = "gemini-3.8-flash"


def test_google_genai_asks(genai):
    """A whole answer, with usage and what really ran."""
    answer = genai.models.generate_content(
        model=MODEL, contents="What is the capital of France?", config={"temperature": 0}
    )
    assert "Paris" in answer.text
    assert answer.model_version.startswith("local/")
    assert answer.usage_metadata.prompt_token_count == 7


def test_google_genai_streams(genai):
    """Pieces come one by one and end with a reason."""
    chunks = list(
        genai.models.generate_content_stream(
            model=MODEL,
            contents="Say hello.",
            config={"temperature": 0, "system_instruction": "Be brief.", "top_k": 40},
        )
    )
    assert len(chunks) > 2
    assert chunks[-1].candidates[0].finish_reason == "STOP"
    assert all(chunk.usage_metadata.total_token_count for chunk in chunks)


def test_google_genai_chats(genai):
    """A chat sends back what it got, streamed pieces included."""
    chat = genai.chats.create(model=MODEL, config={"temperature": 0, "max_output_tokens": 20})
    for _ in chat.send_message_stream("My name is Bartholomew."):
        pass
    assert chat.send_message("What is my name?").text


def test_google_genai_counts(genai):
    """count_tokens gives the API's own count."""
    counted = genai.models.count_tokens(
        model=MODEL, contents="The quick brown fox jumps over the lazy dog."
    )
    assert counted.total_tokens == 10


class Person(pydantic.BaseModel):
    """What the model is asked for."""

    name: str = pydantic.Field(max_length=20)
    age: int
    likes: list[str] = pydantic.Field(max_length=2)


@pytest.mark.parametrize("way", ["response_schema", "response_json_schema"])
def test_google_genai_gets_its_schema(genai, way):
    """A pydantic model goes out as a schema and comes back as an object."""
    schema = Person if way == "response_schema" else Person.model_json_schema()
    answer = genai.models.generate_content(
        model=MODEL,
        contents="Invent a person.",
        config={"response_mime_type": "application/json", way: schema, "seed": 3},
    )
    assert Person.model_validate_json(answer.text)


def test_google_genai_sees_errors(genai):
    """What goes wrong arrives as the SDK's own error."""
    errors = pytest.importorskip("google.genai.errors")
    with pytest.raises(errors.ClientError, match="gpt-4 is not found"):
        genai.models.generate_content(model="gpt-4", contents="x")
    with pytest.raises(errors.APIError, match="cannot use tools"):
        genai.models.generate_content(
            model=MODEL, contents="x", config={"tools": [{"google_search": {}}]}
        )


def test_google_genai_asks_on_a_loop(genai):
    """The same without blocking: an answer, a stream, a chat and a count."""

    async def ask():
        aio, config = genai.aio, {"temperature": 0, "max_output_tokens": 20}
        question = "What is the capital of France?"
        answer = await aio.models.generate_content(model=MODEL, contents=question, config=config)
        assert "Paris" in answer.text
        stream = await aio.models.generate_content_stream(
            model=MODEL, contents=question, config=config
        )
        assert "".join([chunk.text or "" async for chunk in stream]) == answer.text
        chat = aio.chats.create(model=MODEL, config=config)
        await chat.send_message("Hello.")
        assert (await chat.send_message("And you?")).text
        counted = await aio.models.count_tokens(model=MODEL, contents=question)
        assert counted.total_tokens == answer.usage_metadata.prompt_token_count
        await aio.aclose()

    asyncio.run(ask())


def test_google_genai_lists_models(genai):
    """The list can be read."""
    assert "models/gemini-3.8-flash" in [model.name for model in genai.models.list()]


def test_the_older_sdk_asks_and_counts(older):
    """Numbers for enums, both ways."""
    model = older.GenerativeModel(MODEL, system_instruction="Be brief.")
    answer = model.generate_content("Say hello.", generation_config={"max_output_tokens": 3})
    assert answer.candidates[0].finish_reason.name == "MAX_TOKENS"
    assert answer.usage_metadata.candidates_token_count == 3
    assert model.count_tokens("Say hello.").total_tokens == 6


def test_the_older_sdk_streams_and_chats(older):
    """The array is read piece by piece, and goes back as history."""
    chat = older.GenerativeModel(MODEL).start_chat()
    config = {"temperature": 0, "max_output_tokens": 20}
    pieces = [c.text for c in chat.send_message("Hi!", stream=True, generation_config=config)]
    assert len(pieces) > 1
    assert chat.send_message("And you?", generation_config=config).text
    assert len(chat.history) == 4


def test_the_older_sdk_gets_its_schema(older):
    """A schema with numbers for types is kept to."""
    config = {
        "response_mime_type": "application/json",
        "response_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "max_output_tokens": 50,
    }
    answer = older.GenerativeModel(MODEL).generate_content("A number.", generation_config=config)
    assert answer.text.replace(" ", "").replace("\n", "").startswith('{"n":')
