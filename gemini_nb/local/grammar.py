"""Turns a response schema into a grammar that the engine's sampler keeps to.

Input is the API's own Schema (OpenAPI style, uppercase types) or a JSON Schema; output
is an llguidance grammar. It tightens what a tiny model would run away with: free
whitespace, endless digits, properties nobody asked for. Whether the engine can compile
the grammar is asked of the engine (`Engine.compiles`), because it says nothing by itself
and answers as if there were no grammar.
"""

from __future__ import annotations

import json
from typing import Any

from .fault import bad_request

# On one line: between free line breaks the model loses its way, and one answer in three never ends.
_GUIDANCE = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "coerce_one_of": True,
}
# Without these, a number often ran on until the token limit.
_BOUNDS: dict[str, dict[str, float]] = {
    "integer": {"minimum": -(2**53), "maximum": 2**53},
    "number": {"multipleOf": 1e-6},
}
# No answer is that long, since the context ends before; and at 2**40 the grammar's compiler runs
# for minutes or takes all memory, and the process dies.
_LARGEST = 50_000
_SIZES = {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
# "Any JSON" is a flat object: left free, the model answers `null` or nests without end.
_SHORT = {"type": "string", "minLength": 1, "maxLength": 120}
_ANY_OBJECT = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 6,
    "additionalProperties": False,
    "patternProperties": {
        "^[a-z][a-z_]{1,20}$": {
            "anyOf": [
                _SHORT,
                {"type": "integer"},
                {"type": "array", "items": _SHORT, "maxItems": 6},
            ]
        }
    },
}
_KEPT = (
    "title",
    "description",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
    "additionalProperties",
)
# Other formats ("float", "int32", "enum", …) narrow nothing that JSON can show.
_STRING_FORMATS = {"date-time", "date", "time", "duration", "email", "uuid", "uri", "ipv4", "ipv6"}
_BRANCHES = ("items", "additionalProperties")
_LISTS = ("anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions")


def of_request(config: dict[str, Any]) -> str | None:
    """The grammar that a generationConfig asks for, or None for free text."""
    kind = config.get("responseMimeType") or "text/plain"
    if kind == "text/x.enum":
        # As one terminal: as alternatives of a rule, some 2,000 are too many, and the engine says
        # nothing and answers as if there were no grammar.
        choices = " | ".join(json.dumps(choice) for choice in config["responseSchema"]["enum"])
        return f"%llguidance {{}}\nCHOICE: {choices}\nstart: CHOICE"
    if kind != "application/json":
        return None
    if "responseSchema" in config:
        schema = _from_gemini(config["responseSchema"])
    else:
        schema = config.get("responseJsonSchema", _ANY_OBJECT)
    if isinstance(schema, dict):
        schema = {**_cap(_tighten(schema)), "x-guidance": _GUIDANCE}
    return "%llguidance {}\nstart: %json " + json.dumps(schema)


def _from_gemini(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema that says what one of the API's Schemas says."""
    made = {key: schema[key] for key in _KEPT if key in schema}
    if schema.get("type", "TYPE_UNSPECIFIED") != "TYPE_UNSPECIFIED":
        made["type"] = schema["type"].lower()
    if schema.get("format") in _STRING_FORMATS and made.get("type") == "string":
        made["format"] = schema["format"]
    if schema.get("enum"):
        made["enum"] = schema["enum"]
    if "items" in schema:
        made["items"] = _from_gemini(schema["items"])
    if "anyOf" in schema:
        made["anyOf"] = [_from_gemini(branch) for branch in schema["anyOf"]]
    if "properties" in schema:
        made["properties"] = {k: _from_gemini(v) for k, v in schema["properties"].items()}
        # The large models fill in what is optional; this one would answer `{}`.
        made["required"] = schema.get("required", list(made["properties"]))
    if "propertyOrdering" in schema:
        made["propertyOrdering"] = schema["propertyOrdering"]
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made


def _cap(schema: Any) -> Any:
    """The same JSON Schema with no size above the largest, wherever it stands."""
    if isinstance(schema, list):
        return [_cap(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {k: v if k in ("enum", "const") else _cap(v) for k, v in schema.items()}
    for key in _SIZES & made.keys():
        if isinstance(made[key], (int, float)):
            made[key] = min(made[key], _LARGEST)
    return made


def _tighten(schema: dict[str, Any]) -> dict[str, Any]:
    """The same JSON Schema with numbers bounded, objects closed, properties in order."""
    made = dict(schema)
    if made.get("type") == "array" and made.get("maxItems") != 0:
        made.setdefault("minItems", 1)  # the model's favourite list is an empty one
    if "enum" not in made and "const" not in made:
        made = {**_BOUNDS.get(str(made.get("type")), {}), **made}
    for key, inner in schema.items():
        if key in _BRANCHES and isinstance(inner, dict):
            made[key] = _tighten(inner)
        elif key in _LISTS and isinstance(inner, list):
            made[key] = [_tighten(s) if isinstance(s, dict) else s for s in inner]
        elif key in _MAPS and isinstance(inner, dict):
            made[key] = {k: _tighten(s) if isinstance(s, dict) else s for k, s in inner.items()}
    order = made.pop("propertyOrdering", None) or []
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        field = "generation_config.response_json_schema"
        raise bad_request(field, f"{field}: each propertyOrdering must be a list of names.")
    if isinstance(made.get("properties"), dict):
        listed = made["properties"]
        ordered = {name: listed[name] for name in order if name in listed}
        made["properties"] = {**ordered, **{k: v for k, v in listed.items() if k not in ordered}}
        if "allOf" not in schema:  # what is closed cannot be added to
            made.setdefault("additionalProperties", False)
    return made
