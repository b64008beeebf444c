"""The service's own message definitions, as published, read what we write."""

from __future__ import annotations

import datetime as dt
import json
import warnings

import pytest

from gemini_nb import caching, embedding, request, structs, types
from gemini_nb.enums import TaskType
from gemini_nb.model import GenerativeModel
from gemini_nb.types import (
    Blob,
    Content,
    FileData,
    FunctionCall,
    FunctionResponse,
    GenerationConfig,
    Part,
)

# What some version of the published definitions may know, and EVERYTHING below does not set.
OTHERS = {
    "imageConfig",
    "responseJsonSchema",
    "thinkingConfig",
    "audioTranscriptionConfig",
    "mediaResolution",
}
PNG = b"\x89PNG\r\n\x1a\n\xfb\xff\xbf"

EVERYTHING = {
    "candidate_count": 2,
    "stop_sequences": ["END", "\n"],
    "max_output_tokens": 100,
    "temperature": 0.25,
    "top_p": 0.5,
    "top_k": 40,
    "seed": 7,
    "presence_penalty": 0.125,
    "frequency_penalty": -0.5,
    "response_mime_type": "application/json",
    "response_schema": {
        "type": "OBJECT",
        "description": "a thing",
        "properties": {
            "names": {"type": "ARRAY", "items": {"type": "STRING"}, "max_items": 3},
            "kind": {"type": "STRING", "format": "enum", "enum": ["a", "b"], "nullable": True},
        },
        "required": ["names"],
    },
    "response_logprobs": True,
    "logprobs": 3,
    "response_modalities": ["TEXT", "AUDIO"],
    "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
    "enable_enhanced_civic_answers": True,
}


@pytest.fixture(scope="module")
def proto():
    """The published messages, and the parser of their JSON."""
    with warnings.catch_warnings():
        # The package warns of the end of this Python's support, which is nobody's mistake here.
        warnings.simplefilter("ignore", FutureWarning)
        generative = pytest.importorskip("google.ai.generativelanguage")
    json_format = pytest.importorskip("google.protobuf.json_format")

    def read(name, made):
        message = getattr(generative, name).pb()()
        json_format.Parse(structs.encode(made), message)
        return message

    read.types = generative
    return read


def known(proto, name, made):
    """The fields of a message that its published definition has."""
    fields = {field.json_name for field in getattr(proto.types, name).pb().DESCRIPTOR.fields}
    return {key: value for key, value in made.to_dict().items() if key in fields}


def test_every_published_field_of_a_configuration_is_ours(proto):
    """No published field of GenerationConfig is missing here, and the next test sets them all."""
    published = {f.json_name for f in proto.types.GenerationConfig.pb().DESCRIPTOR.fields}
    ours = set(structs._fields(GenerationConfig))
    assert published <= ours
    made = request.generation_config(EVERYTHING)
    assert published - OTHERS <= set(made.to_dict())


@pytest.mark.parametrize(
    "name",
    [
        "Part",
        "Content",
        "Candidate",
        "UsageMetadata",
        "Tool",
        "Schema",
        "CachedContent",
        "ListCachedContentsResponse",
        "EmbedContentRequest",
        "EmbedContentResponse",
        "ContentEmbedding",
        "BatchEmbedContentsRequest",
        "BatchEmbedContentsResponse",
    ],
)
def test_our_types_have_every_published_field(proto, name):
    """Whatever was published has a field here."""
    home = proto.types.GenerateContentResponse if name == "UsageMetadata" else proto.types
    published = {f.json_name for f in getattr(home, name).pb().DESCRIPTOR.fields}
    assert published <= set(structs._fields(getattr(types, name)))


def test_a_whole_configuration_is_understood(proto):
    """Every value arrives where it belongs."""
    made = known(proto, "GenerationConfig", request.generation_config(EVERYTHING))
    config = proto("GenerationConfig", made)
    for name in (
        "candidate_count",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "response_mime_type",
        "response_logprobs",
        "logprobs",
        "enable_enhanced_civic_answers",
    ):
        if hasattr(config, name):  # `seed` is younger than some published definitions
            assert getattr(config, name) == EVERYTHING[name], name
    assert list(config.stop_sequences) == ["END", "\n"]
    assert config.speech_config.voice_config.prebuilt_voice_config.voice_name == "Kore"
    schema = config.response_schema
    assert schema.properties["names"].max_items == 3
    assert list(schema.properties["kind"].enum) == ["a", "b"]
    assert list(schema.required) == ["names"]
    modalities = proto.types.GenerationConfig.Modality
    assert list(config.response_modalities) == [modalities.TEXT, modalities.AUDIO]


def test_a_whole_request_is_understood(proto):
    """Contents of every kind, instruction, tools and safety settings arrive."""
    model = GenerativeModel(
        "gemini-a",
        system_instruction="Be brief.",
        safety_settings={"HARASSMENT": "BLOCK_NONE", "hate": "off"},
        tools=[
            {
                "name": "add",
                "description": "adds",
                "parameters": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}},
            },
            "code_execution",
        ],
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["add"]}},
        generation_config={"temperature": 0},
    )
    call = Part(function_call=FunctionCall(name="add", args={"a": 1, "snake_case": None}))
    told = FunctionResponse(name="add", response={"result": [1.5, True]})
    made = model.build(
        [
            Content(
                role="user",
                parts=[
                    Part(text="äöü \u2028"),
                    Part(inline_data=Blob(mime_type="image/png", data=PNG)),
                    Part(file_data=FileData(file_uri="https://x/files/1", mime_type="audio/wav")),
                ],
            ),
            Content(role="model", parts=[call]),
            Content(role="user", parts=[Part(function_response=told)]),
        ]
    )
    read = proto("GenerateContentRequest", made)
    first = read.contents[0].parts
    assert first[0].text == "äöü \u2028"
    assert (first[1].inline_data.data, first[1].inline_data.mime_type) == (PNG, "image/png")
    assert first[2].file_data.file_uri == "https://x/files/1"
    arguments = read.contents[1].parts[0].function_call.args
    assert (arguments["a"], arguments["snake_case"]) == (1, None)
    assert read.contents[2].parts[0].function_response.response["result"][0] == 1.5
    assert [content.role for content in read.contents] == ["user", "model", "user"]
    assert (read.system_instruction.role, read.system_instruction.parts[0].text) == (
        "",
        "Be brief.",
    )
    assert read.tools[0].function_declarations[0].parameters.properties["a"].type_ == 3
    assert read.tools[1].HasField("code_execution")
    assert list(read.tool_config.function_calling_config.allowed_function_names) == ["add"]
    thresholds = proto.types.SafetySetting.HarmBlockThreshold
    assert [s.threshold for s in read.safety_settings] == [thresholds.BLOCK_NONE, thresholds.OFF]
    assert read.generation_config.temperature == 0
    assert read.generation_config.HasField("temperature")


@pytest.mark.parametrize("instruction", [None, "s"])
def test_a_count_is_understood(proto, instruction):
    """Contents alone, or the whole request with its model."""
    made = GenerativeModel("gemini-a", system_instruction=instruction).build("hi")
    read = proto("CountTokensRequest", request.count_tokens("gemini-a", made).body)
    inner = read.generate_content_request if instruction else read
    assert inner.contents[0].parts[0].text == "hi"
    assert (inner.model == "models/gemini-a") is bool(instruction)


def test_a_cache_is_understood(proto):
    """Contents, instruction, tools, and how long it is kept."""
    made = caching._create(
        "gemini-a",
        display_name="d",
        contents="text",
        system_instruction="s",
        tools="code_execution",
        tool_config={"function_calling_config": {"mode": "ANY"}},
        ttl=1.5,
    )
    read = proto("CachedContent", made.body)
    assert (read.model, read.display_name) == ("models/gemini-a", "d")
    assert read.ttl.ToMilliseconds() == 1500
    assert read.contents[0].parts[0].text == "text"
    assert read.system_instruction.parts[0].text == "s"
    assert read.tools[0].HasField("code_execution")
    when = dt.datetime(2026, 11, 22, 1, 2, 3, 500_000, tzinfo=dt.UTC)
    until = caching._create("gemini-a", contents="text", expire_time=when)
    assert proto("CachedContent", until.body).expire_time.ToDatetime(dt.UTC) == when


def test_embeddings_are_understood(proto):
    """Every option, and every task that was published."""
    task = embedding._Task("e", "document", "t", 9, None)
    read = proto("BatchEmbedContentsRequest", next(task.many(["one", "two"])).body)
    first = read.requests[0]
    assert (first.model, first.title, first.output_dimensionality) == ("models/e", "t", 9)
    assert first.task_type == proto.types.TaskType.RETRIEVAL_DOCUMENT
    assert [r.content.parts[0].text for r in read.requests] == ["one", "two"]
    published = [task.name for task in proto.types.TaskType]
    assert list(TaskType.__members__)[: len(published)] == published


def test_what_is_newer_is_written_all_the_same(proto):
    """Fields that the published definition lacks are sent as they are named."""
    config = request.generation_config(
        {"thinking_config": {"thinking_level": "LOW"}, "response_json_schema": {"type": "object"}}
    )
    assert set(config.to_dict()) - set(known(proto, "GenerationConfig", config)) <= OTHERS
    assert json.loads(structs.encode(config)) == {
        "thinkingConfig": {"thinkingLevel": "LOW"},
        "responseJsonSchema": {"type": "object"},
    }
