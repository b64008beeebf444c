from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb.local import names, wire
from gemini_nb.local.fault import Fault

URL = "type.googleapis.com/google.ai.generativelanguage.v1beta"


def read(request, table="GenerateContentRequest"):
    return wire.parse(json.dumps(request).encode(), table)


def fault(body, table="GenerateContentRequest"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Fault) as caught:
        wire.parse(raw, table)
    assert caught.value.code == 400
    return caught.value


def test_snake_case_becomes_camel_case():
    """Both spellings of a field are read as one."""
    made = read(
        {
            "system_instruction": {"parts": [{"text": "s"}]},
            "generation_config": {"max_output_tokens": 5, "topP": 0.5},
        }
    )
    assert made == {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "generationConfig": {"maxOutputTokens": 5, "topP": 0.5},
    }


def test_the_persons_own_keys_are_left_alone():
    """Arguments, JSON Schemas and property names keep their spelling, snake_case or not."""
    args = {"max_output_tokens": 1, "innerValue": {"top_p": 2}}
    schema = {"type": "object", "properties": {"first_name": {"type": "string"}}}
    made = read(
        {
            "contents": [
                {"parts": [{"function_call": {"name": "f", "args": args}}]},
                {"parts": [{"functionResponse": {"name": "f", "response": args}}]},
            ],
            "generationConfig": {
                "responseJsonSchema": schema,
                "responseSchema": {"type": "OBJECT", "properties": {"first_name": {"type": 1}}},
            },
        }
    )
    assert made["contents"][0]["parts"][0]["functionCall"]["args"] == args
    assert made["contents"][1]["parts"][0]["functionResponse"]["response"] == args
    assert made["generationConfig"]["responseJsonSchema"] == schema
    properties = made["generationConfig"]["responseSchema"]["properties"]
    assert properties == {"first_name": {"type": "STRING"}}


@pytest.mark.parametrize("value", [40, 40.0, "40"])
def test_integers_come_in_any_spelling(value):
    """A float or a numeric string stands for an integer, as in the API."""
    made = read({"generationConfig": {"topK": value}})["generationConfig"]["topK"]
    assert made == 40
    assert isinstance(made, int)


def test_integers_go_up_to_the_last_that_the_protocol_holds():
    """The ends of the 32-bit and of the 64-bit range are kept to the digit."""
    schema = {"maxItems": 2**63 - 1, "maxLength": 2**40}
    config = {"maxOutputTokens": 2**31 - 1, "seed": -(2**31), "responseSchema": schema}
    assert read({"generationConfig": config})["generationConfig"] == config


def test_enums_come_as_numbers_or_in_lower_case():
    """The older SDK sends numbers for enums, and people write schema types in lower case."""
    schema = {"type": 6, "properties": {"a": {"type": "array", "items": {"type": 3}}}}
    made = read({"generationConfig": {"responseSchema": schema, "responseModalities": [1]}})
    config = made["generationConfig"]
    assert config["responseSchema"]["type"] == "OBJECT"
    assert config["responseSchema"]["properties"]["a"]["type"] == "ARRAY"
    assert config["responseSchema"]["properties"]["a"]["items"]["type"] == "INTEGER"
    assert config["responseModalities"] == ["TEXT"]


def test_values_that_an_enum_does_not_have_are_refused():
    """Of schemas, safety settings and thinking alike, with the place."""
    said = fault(
        {
            "safetySettings": [{"category": "HARM_CATEGORY_FUN", "threshold": 9}],
            "generationConfig": {
                "thinkingConfig": {"thinkingLevel": "DEEP"},
                "responseSchema": {"properties": {"a": {"type": "text"}}},
            },
        }
    ).message
    for kind, value in (
        ("HarmCategory", '"HARM_CATEGORY_FUN"'),
        ("HarmBlockThreshold", "9"),
        ("ThinkingLevel", '"DEEP"'),
        ("Type", '"text"'),
    ):
        assert f"({URL}.{kind}), {value}" in said


def test_one_object_stands_for_a_list_of_one():
    """The documentation's own curl lines send `contents` and `parts` as one object."""
    made = read({"contents": {"parts": {"text": "hi"}}})
    assert made == {"contents": [{"parts": [{"text": "hi"}]}]}


def test_url_safe_base64_is_made_standard():
    """Bytes may come in the URL-safe alphabet and without padding."""
    made = read({"contents": [{"parts": [{"inline_data": {"mime_type": "a/b", "data": "-_8"}}]}]})
    assert made["contents"][0]["parts"][0]["inlineData"] == {"mimeType": "a/b", "data": "+/8="}


def test_null_means_not_set():
    """A null field is as good as none."""
    assert read({"contents": None, "generationConfig": {"seed": None}}) == {"generationConfig": {}}


def test_unknown_names_are_all_reported():
    """Each field that does not exist is named with its place, in the API's words."""
    found = fault({"generationConfig": {"max_tokens": 1}, "prompt": "x"})
    first = (
        "Invalid JSON payload received. Unknown name \"max_tokens\" at 'generation_config': "
        "Cannot find field."
    )
    second = 'Invalid JSON payload received. Unknown name "prompt": Cannot find field.'
    assert found.message == f"{first}\n{second}"
    (details,) = found.details
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert details["fieldViolations"] == [
        {"field": "generation_config", "description": first},
        {"field": "", "description": second},
    ]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            {"generationConfig": {"temperature": "hot"}},
            "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
        ),
        (
            {"generationConfig": {"topK": 1.5}},
            "Invalid value at 'generation_config.top_k' (TYPE_INT32), 1.5",
        ),
        (
            {"generationConfig": {"maxOutputTokens": 2**40}},
            "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), 1099511627776",
        ),
        (
            {"generationConfig": {"maxOutputTokens": str(2**32 + 2)}},
            "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), \"4294967298\"",
        ),
        (
            {"generationConfig": {"seed": -(2**31) - 1}},
            "Invalid value at 'generation_config.seed' (TYPE_INT32), -2147483649",
        ),
        (
            {"generationConfig": {"responseSchema": {"minItems": 2**63}}},
            f"Invalid value at 'generation_config.response_schema.min_items' (TYPE_INT64), {2**63}",
        ),
        (
            {"generationConfig": {"responseSchema": {"type": "STRNG"}}},
            f"Invalid value at 'generation_config.response_schema.type' ({URL}.Type), \"STRNG\"",
        ),
        (
            {"contents": "hi"},
            f"Invalid value at 'contents[0]' ({URL}.Content), \"hi\"",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"data": "a b"}}]}]},
            "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), \"a b\"",
        ),
        (
            {"contents": [{"parts": [{"text": 5}]}]},
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5",
        ),
        (
            {"contents": [{"parts": [{"text": "\ud800"}]}]},
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), \"\\ud800\"",
        ),
    ],
)
def test_wrong_values_are_named_with_their_place(request_, expected):
    """A value of the wrong kind is quoted with its path and the kind that belongs there."""
    assert fault(request_).message == expected


@pytest.mark.parametrize(
    "body",
    [b'{"contents": [}', b"\xff\xfe", b'{"a": NaN}', b"[1]", b'"x"', b"[" * 100_000],
)
def test_what_is_no_json_object_is_refused(body):
    """Broken JSON answers 400 and says what it stumbled over."""
    assert fault(body).message.startswith("Invalid JSON payload received. ")


def nested(levels):
    made = "leaf"
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize(
    "request_",
    [
        {"toolConfig": nested(100)},
        {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"a": nested(300)}}}]}]},
        {"generationConfig": {"responseJsonSchema": {"items": nested(800)}}},
    ],
)
def test_what_is_nested_too_deeply_is_refused(request_):
    """Also where the person's own data stand: whatever walks them later must not run out."""
    assert "nested too deeply (over 100 levels)" in fault(request_).message
    assert read({"toolConfig": nested(99)}) == {"toolConfig": nested(99)}


def test_half_a_character_is_refused_wherever_it_stands():
    """No answer could carry it back, and no file could keep it."""
    for request_ in (
        {"toolConfig": {"a": ["\ud800"]}},
        {"toolConfig": {"\ud800": 1}},
        {"generationConfig": {"responseSchema": {"properties": {"\ud800": {}}}}},
    ):
        assert "\\ud800" in fault(request_).message


def test_a_million_faults_are_not_all_told():
    """The answer to a hostile body is short, and made without reading the rest."""
    found = fault({"contents": [1] * 100_000})
    (told,) = found.body()["error"]["details"]
    assert len(told["fieldViolations"]) == 50


def test_answers_can_carry_numbers_for_enums():
    """The older SDK gets the enum numbers it asks for, and text is never touched."""
    reply = {
        "candidates": [{"content": {"parts": [{"text": "STOP"}]}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}]},
    }
    made = wire.with_numbers(reply)
    assert made["candidates"][0] == {"content": {"parts": [{"text": "STOP"}]}, "finishReason": 2}
    assert made["usageMetadata"]["promptTokensDetails"] == [{"modality": 1, "tokenCount": 1}]
    own = {"metadata": {"finishReason": "mine", "modality": ["TEXT"]}}
    assert wire.with_numbers(own) == own


def test_enum_numbers_are_those_of_the_protocol():
    """Each enum value stands at the number that the published protocol gives it."""
    protos = pytest.importorskip("google.ai.generativelanguage_v1beta.types")
    kinds = {
        "Type": protos.Type,
        "ResponseModality": protos.GenerationConfig.Modality,
        "FinishReason": protos.Candidate.FinishReason,
    }
    for name, kind in kinds.items():
        known = {value.name: value.value for value in kind}
        for number, value in enumerate(names.ENUMS[name]):
            assert known.get(value, number) == number, (name, value)


def test_fields_of_the_published_protocol_are_known():
    """No field that the published protocol has for a request is unknown here."""
    protos = pytest.importorskip("google.ai.generativelanguage_v1beta.types")
    for name in ("GenerateContentRequest", "GenerationConfig", "Content", "Part", "Tool", "Schema"):
        for field in getattr(protos, name).pb().DESCRIPTOR.fields:
            assert field.json_name in names.TABLES[name], (name, field.json_name)


fields = sorted({field for table in names.TABLES.values() for field in table})
keys = st.sampled_from(fields) | st.text()
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(keys, json_values, max_size=4))
def test_any_json_is_read_or_refused(request_):
    """Whatever comes is read or answered with a Fault, never with a crash."""
    try:
        read(request_)
    except Fault as found:
        json.dumps(found.body())
