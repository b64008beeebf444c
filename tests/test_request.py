"""A method and its arguments make exactly one request, and nothing is sent."""

from __future__ import annotations

import dataclasses
import json

import pytest

from gemini_nb import request, types
from gemini_nb.errors import BadPrompt, UnknownName
from gemini_nb.types import (
    FunctionDeclaration,
    GenerationConfig,
    SafetySetting,
    ThinkingConfig,
    Tool,
)


def body(contents="hi", **more):
    return request.content_request(contents, **more)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("gemini-a", "models/gemini-a"),
        ("models/gemini-a", "models/gemini-a"),
        ("tunedModels/mine", "tunedModels/mine"),
    ],
)
def test_model_names(name, path):
    """A name with or without its prefix is the same model; other collections keep theirs."""
    assert request.model_path(name) == path


def test_generate():
    """A whole answer is one POST."""
    made = request.generate("gemini-a", body(), timeout=3)
    assert (made.method, made.path, dict(made.params), made.timeout) == (
        "POST",
        "models/gemini-a:generateContent",
        {},
        3,
    )
    assert made.content() == b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'


def test_generate_streamed():
    """A streamed answer is asked for as server-sent events."""
    made = request.generate("gemini-a", body(), stream=True)
    assert (made.path, made.params) == ("models/gemini-a:streamGenerateContent", {"alt": "sse"})


def test_gets_have_no_body():
    """Models are read with GET, one or a page of them."""
    assert request.get_model("gemini-a").content() is None
    assert request.get_model("gemini-a").to_dict() == {}
    assert request.listing("models", 5).params == {"pageSize": "5"}


def test_only_contents_are_counted_as_such():
    """What costs no tokens is left out of a count; the contents go bare."""
    counted = request.count_tokens(
        "gemini-a", body(config=GenerationConfig(temperature=0), safety="block_none")
    )
    assert counted.path == "models/gemini-a:countTokens"
    assert counted.to_dict() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"system_instruction": "s"}, "systemInstruction"),
        ({"tool_list": "google_search"}, "tools"),
        ({"cached_content": "cachedContents/c"}, "cachedContent"),
    ],
)
def test_what_costs_tokens_is_counted(more, field):
    """Instructions, tools and caches make the whole request count, with the model inside."""
    sent = request.count_tokens("gemini-a", body(**more)).to_dict()
    assert set(sent) == {"generateContentRequest"}
    assert sent["generateContentRequest"]["model"] == "models/gemini-a"
    assert field in sent["generateContentRequest"]


def test_media_is_counted():
    """Media go along in a count, whether it is of the contents or of the whole."""
    parts = [
        {"inline_data": {"mime_type": "image/png", "data": b"\x89PNG"}},
        {"file_data": {"file_uri": "https://x/files/1", "mime_type": "audio/wav"}},
    ]
    bare = request.count_tokens("gemini-a", request.content_request(["look", *parts])).to_dict()
    whole = request.count_tokens(
        "gemini-a", request.content_request(["look", *parts], system_instruction="s")
    ).to_dict()["generateContentRequest"]
    assert bare["contents"] == whole["contents"]
    assert bare["contents"][0]["parts"] == [
        {"text": "look"},
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
        {"fileData": {"fileUri": "https://x/files/1", "mimeType": "audio/wav"}},
    ]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"system_instruction": "s"}, "system_instruction"),
        ({"tool_list": "google_search"}, "tools"),
        ({"tool_config": {"retrieval_config": {}}}, "tool_config"),
    ],
)
def test_nothing_stands_beside_a_cache(more, what):
    """What a cache already has is not said again: the service answers 400 to it."""
    with pytest.raises(BadPrompt, match=f"cachedContents/c has no {what} of its own"):
        body(cached_content="cachedContents/c", **more)


def test_later_configurations_win_field_by_field():
    """Layers are merged; what a later one does not say stays."""
    merged = request.generation_config(
        GenerationConfig(temperature=0, top_k=3), None, {"temperature": 1, "seed": None}
    )
    assert merged == GenerationConfig(temperature=1, top_k=3)


@pytest.mark.parametrize("layers", [(), (None,), ({}, None), (GenerationConfig(),)])
def test_empty_configurations_are_none(layers):
    """Nothing chosen is nothing sent."""
    assert request.generation_config(*layers) is None


def test_a_zero_is_a_choice():
    """0, False and an empty list are kept apart from nothing."""
    made = request.generation_config(
        {"temperature": 0, "responseLogprobs": False, "stop_sequences": []}
    )
    assert made.to_dict() == {"temperature": 0, "responseLogprobs": False, "stopSequences": []}


def test_unknown_fields_of_a_typed_configuration_are_sent():
    """What a GenerationConfig that came from elsewhere knows beyond its fields is kept."""
    config = types.GenerateContentRequest
    decoded = request.structs.decode(
        config, b'{"generationConfig": {"newKnob": 1, "topK": 2}}'
    ).generation_config
    assert request.generation_config(decoded).to_dict() == {"newKnob": 1, "topK": 2}


def test_configurations_of_other_kits():
    """A dataclass with the same fields is read by its fields."""

    @dataclasses.dataclass
    class TheirConfig:
        temperature: float | None = None
        max_output_tokens: int | None = None

    assert request.generation_config(TheirConfig(max_output_tokens=5)).to_dict() == {
        "maxOutputTokens": 5
    }


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (5, "A int is no GenerationConfig."),
        ("text", "A str is no GenerationConfig."),
        ({"temperature": "hot"}, "GenerationConfig: Expected `int | float | null`, got `str`"),
        ({"thinking_config": 3}, "Expected `ThinkingConfig`, got `int`"),
        ({"response_schema": int}, "Expected `Schema`, got `type`"),
    ],
    ids=str,
)
def test_wrong_configurations_have_a_sentence(value, sentence):
    """A configuration that cannot be is refused in one sentence."""
    with pytest.raises(BadPrompt) as caught:
        request.generation_config(value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ({"max_tokens": 5}, "max_output_tokens"),
        ({"stop": ["a"]}, "stop_sequences"),
        ({"thinking_config": {"thinking_budge": 1}}, "thinking_budget"),
        ({"response_schema": {"typ": "STRING"}}, "type"),
    ],
    ids=str,
)
def test_wrong_names_say_what_was_meant(value, meant):
    """A field that does not exist is refused with the one that does."""
    with pytest.raises(UnknownName, match=f"Did you mean {meant}"):
        request.generation_config(value)


HARASSMENT = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}


@pytest.mark.parametrize(
    "value",
    [
        [HARASSMENT],
        [SafetySetting(**HARASSMENT)],
        HARASSMENT,
        SafetySetting(**HARASSMENT),
        {"HARASSMENT": "BLOCK_NONE"},
        {"harassment": "block_none"},
        {"HARM_CATEGORY_HARASSMENT": "block_none"},
        {types.HarmCategory.HARM_CATEGORY_HARASSMENT: types.HarmBlockThreshold.BLOCK_NONE},
    ],
    ids=str,
)
def test_safety_settings_in_every_form(value):
    """Lists, one setting and dicts, short names and long ones: the same setting."""
    assert [setting.to_dict() for setting in request.safety_settings(value)] == [HARASSMENT]


def test_one_threshold_for_all():
    """A single threshold holds for the four categories that can be set."""
    made = request.safety_settings("block_only_high")
    assert {str(s.category) for s in made} == {
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
    }
    assert {str(s.threshold) for s in made} == {"BLOCK_ONLY_HIGH"}


@pytest.mark.parametrize(
    ("short", "long"),
    [("dangerous", "DANGEROUS_CONTENT"), ("hate", "HATE_SPEECH"), ("SEXUAL", "SEXUALLY_EXPLICIT")],
)
def test_short_names_of_categories(short, long):
    """The names that the first documentation used are taken."""
    assert request.safety_settings({short: "OFF"})[0].category == f"HARM_CATEGORY_{long}"


DECLARATION = {"name": "f", "description": "d"}


@pytest.mark.parametrize(
    "value",
    [
        DECLARATION,
        [DECLARATION],
        FunctionDeclaration(**DECLARATION),
        {"function_declarations": [DECLARATION]},
        {"functionDeclarations": [DECLARATION]},
        [Tool(function_declarations=[FunctionDeclaration(**DECLARATION)])],
    ],
    ids=str,
)
def test_functions_in_every_form(value):
    """A declaration alone, in a list, or in a Tool: the same tool."""
    assert [tool.to_dict() for tool in request.tools(value)] == [
        {"functionDeclarations": [DECLARATION]}
    ]


def test_tools_of_the_service_by_name():
    """A name is enough for the tools that the service runs itself."""
    assert [t.to_dict() for t in request.tools(["google_search", "code_execution"])] == [
        {"googleSearch": {}},
        {"codeExecution": {}},
    ]
    with pytest.raises(UnknownName, match="Did you mean google_search"):
        request.tools("google_serch")


def test_python_functions_are_not_described_yet():
    """A callable is refused by its name, with what to write instead."""
    with pytest.raises(BadPrompt, match="'len' is a Python function"):
        request.tools([len])


def test_a_system_instruction_has_no_role():
    """An instruction is nobody's turn; an empty one is none."""
    assert body(system_instruction="s").to_dict()["systemInstruction"] == {"parts": [{"text": "s"}]}
    assert "systemInstruction" not in body(system_instruction="").to_dict()


def test_describe_cuts_base64_alone():
    """What a person reads has the request line and long data cut short, the rest in full."""
    long = "x" * 500
    made = request.generate(
        "gemini-a", body([long, {"mime_type": "image/png", "data": b"\0" * 999}]), stream=True
    )
    line, _, shown = made.describe().partition("\n\n")
    parts = json.loads(shown)["contents"][0]["parts"]
    assert line == "POST models/gemini-a:streamGenerateContent?alt=sse"
    assert parts[0]["text"] == long
    assert parts[1]["inlineData"]["data"] == f"{'A' * 24}… (1,332 characters of base64)"


def test_what_json_cannot_hold_is_a_bad_prompt():
    """An object of no JSON kind inside an argument is found before anything is sent."""
    call = {"function_call": {"name": "f", "args": {"x": object()}}}
    with pytest.raises(BadPrompt, match="holds what JSON cannot"):
        request.generate("gemini-a", body([call])).content()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"HARASMENT": "BLOCK_NONE"}, "HARM_CATEGORY_HARASSMENT"),
        ({"HARASSMENT": "BLOCK_NON"}, "BLOCK_NONE"),
        (
            [{"category": "HARM_CATEGORY_HATE_SPEACH", "threshold": "OFF"}],
            "HARM_CATEGORY_HATE_SPEECH",
        ),
    ],
)
def test_safety_settings_that_do_not_exist(given, meant):
    """A category or threshold that nobody knows is refused, with the one that was meant."""
    with pytest.raises(UnknownName) as refused:
        request.safety_settings(given)
    assert refused.value.suggestion == meant


@pytest.mark.parametrize(
    "config", [GenerationConfig(temperature="hot"), GenerationConfig(stop_sequences="END")]
)
def test_wrong_values_of_a_config_are_refused(config):
    """What a constructor took unseen is looked at before it is sent."""
    with pytest.raises(BadPrompt, match="GenerationConfig"):
        request.generation_config(config)


def test_a_dict_inside_a_config_is_looked_at():
    """A nested dict is built like the outer one, wrong names and all."""
    made = request.generation_config(GenerationConfig(thinking_config={"thinking_budget": 5}))
    assert made.thinking_config == ThinkingConfig(thinking_budget=5)
    with pytest.raises(UnknownName):
        request.generation_config(GenerationConfig(thinking_config={"budgett": 1}))
