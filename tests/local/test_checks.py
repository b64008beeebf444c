from __future__ import annotations

import pytest

from gemini_nb.local import checks
from gemini_nb.local.fault import Fault

PART = "GenerateContentRequest.contents[0].parts[0]"
DATA = f"{PART}.data"
VIDEO = {"mimeType": "video/mp4", "data": ""}
HELLO = [{"role": "user", "parts": [{"text": "hello"}]}]


def refused(request, code=400, check=checks.generate):
    with pytest.raises(Fault) as caught:
        check(request)
    assert caught.value.code == code
    return caught.value.message


def config(**fields):
    return {"contents": HELLO, "generationConfig": fields}


def schema(**fields):
    return {"responseMimeType": "application/json", "responseSchema": fields}


def test_what_changes_nothing_is_accepted():
    """Fields without a meaning for a local model do not make a request fail."""
    checks.generate(
        {
            "contents": HELLO,
            "systemInstruction": {"role": "user", "parts": [{"text": "s"}]},
            "safetySettings": [{"category": 7, "threshold": 4}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "serviceTier": "flex",
            "store": True,
            "labels": {"a": "b"},
            "tools": [],
            "generationConfig": {
                "thinkingConfig": {"thinkingLevel": "LOW"},
                "responseModalities": ["TEXT"],
                "candidateCount": 8,
                "temperature": 2,
            },
        }
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, "* GenerateContentRequest.contents: contents is not specified\n"),
        ({"contents": []}, "* GenerateContentRequest.contents: contents is not specified\n"),
        (
            {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]},
            "Please use a valid role: user, model.",
        ),
        (
            {"contents": [{"role": "user"}]},
            "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n",
        ),
        (
            {"contents": [{"parts": [{"thought": True}]}]},
            f"* {DATA}: required oneof field 'data' must have one initialized field\n",
        ),
        (
            {"contents": [{"parts": [{"text": "x", "inlineData": VIDEO}]}]},
            (
                f"Invalid value at '{PART}' (oneof), oneof field 'data' is already set. Cannot "
                "set 'inlineData'."
            ),
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"data": ""}}]}]},
            f"* {PART}.inline_data.mime_type: mime_type is not specified\n",
        ),
    ],
)
def test_contents_follow_the_apis_rules(request_, expected):
    """Missing contents, strange roles and empty parts answer in the API's words."""
    assert refused(request_) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("candidateCount", 0),
        ("candidateCount", 9),
        ("topP", 1.1),
        ("topK", -1),
        ("maxOutputTokens", 0),
        ("presencePenalty", 3.0),
        ("frequencyPenalty", -3.0),
    ],
)
def test_numbers_out_of_range_are_refused(field, value):
    """The fault names the field, what is allowed and what was sent."""
    said = refused(config(**{field: value}))
    assert said.startswith(f"* GenerateContentRequest.generation_config.{checks.snake(field)}: ")
    assert f"{value:g}" in said


def test_thinking_level_and_budget_exclude_each_other():
    """Both at once answer 400, as the API does."""
    said = refused(config(thinkingConfig={"thinkingLevel": "LOW", "thinkingBudget": 0}))
    assert "only one of thinking budget and thinking level" in said


def test_five_stop_sequences_are_allowed():
    """One more is refused, as the documentation says."""
    checks.generate(config(stopSequences=list("abcde")))
    assert "at most 5 stop sequences" in refused(config(stopSequences=list("abcdef")))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"responseMimeType": "text/html"}, "allowed mimetypes are"),
        ({"responseSchema": {"type": "STRING"}}, "needs response_mime_type"),
        ({"responseMimeType": "text/x.enum"}, "needs a schema with an enum"),
        (
            {
                "responseMimeType": "application/json",
                "responseSchema": {},
                "responseJsonSchema": {},
            },
            "not both",
        ),
        ({"stopSequences": ["a", ""]}, "a stop sequence must not be empty"),
        (schema(type="ARRAY"), "response_schema.items: missing field"),
        (
            schema(properties={"a": {"anyOf": [{"type": "ARRAY"}]}}),
            "response_schema.properties[a].any_of[0].items: missing field",
        ),
        (
            schema(type="ARRAY", items={"properties": {"a": {}}, "required": ["a", "b"]}),
            "response_schema.items.required[1]: property is not defined",
        ),
    ],
)
def test_response_formats_must_fit_together(fields, expected):
    """A schema without a JSON answer, or two schemas, is a mistake and says so."""
    assert expected in refused(config(**fields))


@pytest.mark.parametrize(
    "request_",
    [
        {"contents": [{"parts": [{"text": "look"}, {"inlineData": VIDEO}]}]},
        {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f"}}]}]},
        {"contents": [{"role": "function", "parts": [{"functionResponse": {"name": "f"}}]}]},
        {"contents": HELLO, "systemInstruction": {"parts": [{"inlineData": VIDEO}]}},
        {"contents": HELLO, "tools": [{"functionDeclarations": [{"name": "f"}]}]},
        {"contents": HELLO, "tools": [{"googleSearch": {}}]},
        config(responseModalities=["TEXT", "AUDIO"]),
        config(responseLogprobs=True),
        config(responseMimeType="application/xml"),
    ],
)
def test_what_cannot_be_served_is_said(request_):
    """Nothing a person sent is ignored in silence: the answer is a 501 that names it."""
    said = refused(request_, 501)
    assert said.startswith("The local backend cannot ")
    assert said.endswith("use backend='api' for it.")


def test_count_takes_both_forms():
    """A countTokens request is the contents, or a whole request to be counted."""
    assert checks.counted({"contents": HELLO})["contents"] == HELLO
    inner = {"model": "models/x", "contents": HELLO, "tools": [{"functionDeclarations": [{}]}]}
    assert checks.counted({"generateContentRequest": inner}) == inner


def test_count_refuses_what_it_cannot_count():
    """Both forms at once, none, or media answer with a fault."""
    both = {"contents": HELLO, "generateContentRequest": {}}
    assert "not both" in refused(both, check=checks.counted)
    assert "contents is not specified" in refused({}, check=checks.counted)
    media = [{"parts": [{"inlineData": VIDEO}]}]
    assert "media" in refused({"contents": media}, 501, checks.count)
