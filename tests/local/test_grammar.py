from __future__ import annotations

import json

import pytest

from gemini_nb.local import grammar
from gemini_nb.local.fault import Fault


def schema_of(**config):
    text = grammar.of_request({"responseMimeType": "application/json", **config})
    head, _, schema = text.partition("%json ")
    assert head == "%llguidance {}\nstart: "
    made = json.loads(schema)
    assert made.pop("x-guidance")["whitespace_flexible"] is False
    return made


def test_free_text_has_no_grammar():
    """Without a response format the model speaks freely."""
    assert grammar.of_request({}) is None
    assert grammar.of_request({"responseMimeType": "text/plain"}) is None


def test_json_without_a_schema_is_an_object():
    """The JSON mode alone promises JSON that is worth parsing."""
    schema = schema_of()
    assert (schema["type"], schema["minProperties"], schema["maxProperties"]) == ("object", 1, 6)
    assert schema["additionalProperties"] is False


def test_an_enum_answer_is_one_bare_word_of_the_list():
    """text/x.enum leaves the choice between the values, and quotes nothing."""
    config = {
        "responseMimeType": "text/x.enum",
        "responseSchema": {"type": "STRING", "enum": ["yes", 'a "b"']},
    }
    assert grammar.of_request(config) == (
        '%llguidance {}\nCHOICE: "yes" | "a \\"b\\""\nstart: CHOICE'
    )


def test_the_apis_schema_becomes_json_schema():
    """Types, nullable, enum, anyOf, formats and the order of properties are carried over."""
    schema = {
        "type": "OBJECT",
        "properties": {
            "when": {"type": "STRING", "format": "date-time", "nullable": True},
            "kind": {"type": "STRING", "format": "enum", "enum": ["a", "b"]},
            "size": {"anyOf": [{"type": "INTEGER", "minimum": 1}, {"type": "NULL"}]},
            "tags": {"type": "ARRAY", "items": {"type": "STRING"}, "maxItems": 3},
        },
        "required": ["when"],
        "propertyOrdering": ["tags", "when"],
    }
    made = schema_of(responseSchema=schema)
    assert list(made["properties"]) == ["tags", "when", "kind", "size"]
    assert made == {
        "type": "object",
        "properties": {
            "when": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "size": {
                "anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": 2**53},
                    {"type": "null"},
                ]
            },
            "tags": {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": 3,
                "minItems": 1,
            },
        },
        "required": ["when"],
        "additionalProperties": False,
    }


def test_all_properties_are_required_where_none_is_named():
    """A tiny model would otherwise answer `{}` to most schemas."""
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}, "b": {"type": "STRING"}}}
    assert schema_of(responseSchema=schema)["required"] == ["a", "b"]


def test_json_schemas_keep_their_meaning():
    """References, an explicit openness and constants stay; only numbers and objects tighten."""
    schema = {
        "$ref": "#/$defs/person",
        "$defs": {
            "person": {
                "type": "object",
                "properties": {"age": {"type": "integer", "const": 5}, "more": {"type": "number"}},
                "additionalProperties": {"type": "integer"},
            }
        },
    }
    made = schema_of(responseJsonSchema=schema)
    person = made["$defs"]["person"]
    assert made["$ref"] == "#/$defs/person"
    assert person["properties"]["age"] == {"type": "integer", "const": 5}
    assert person["properties"]["more"]["multipleOf"] == 1e-6
    assert person["additionalProperties"]["type"] == "integer"
    assert "required" not in person


@pytest.mark.parametrize("order", [5, [[1]], "name", {"a": 1}])
def test_an_order_that_is_no_list_of_names_is_refused(order):
    """A person's own JSON Schema is not typed, so what is used of it is looked at."""
    schema = {"type": "object", "properties": {"a": {"type": "object", "propertyOrdering": order}}}
    with pytest.raises(Fault, match="each propertyOrdering must be a list of names") as caught:
        schema_of(responseJsonSchema=schema)
    assert caught.value.code == 400


def test_no_size_is_larger_than_any_answer():
    """The grammar's compiler would otherwise take all time and memory, and die."""
    schema = {
        "type": "string",
        "maxLength": 2**40,
        "allOf": [{"minLength": 1e12, "const": {"maxItems": 2**40}}],
        "$defs": {"a": {"type": "array", "minItems": 7, "maxItems": 2**63}},
    }
    made = schema_of(responseJsonSchema=schema)
    assert made["maxLength"] == 50_000
    assert made["allOf"] == [{"minLength": 50_000, "const": {"maxItems": 2**40}}]
    assert (made["$defs"]["a"]["minItems"], made["$defs"]["a"]["maxItems"]) == (7, 50_000)
