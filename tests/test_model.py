"""GenerativeModel: what it builds, and what it refuses before anything is sent."""

from __future__ import annotations

import asyncio

import pytest

import gemini_nb as genai
from gemini_nb import errors
from gemini_nb.types import GenerationConfig, Tool
from tests.server import answer_json, answer_sse, chunk


def test_everything_goes_into_the_request():
    """Each argument of the model and of the call has its place in the body."""
    model = genai.GenerativeModel(
        "gemini-a",
        safety_settings={"HARASSMENT": "BLOCK_NONE"},
        generation_config={"temperature": 0, "max_output_tokens": 9},
        tools="google_search",
        tool_config={"function_calling_config": {"mode": "NONE"}},
        system_instruction="Be brief.",
    )
    assert model.build("hi", generation_config={"maxOutputTokens": 5, "seed": 1}).to_dict() == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "generationConfig": {"temperature": 0, "maxOutputTokens": 5, "seed": 1},
        "tools": [{"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "NONE"}},
    }


def test_a_call_replaces_tools_and_adds_to_safety():
    """Tools of a call stand in place of the model's own; safety settings win one by one."""
    safety = {"HARASSMENT": "BLOCK_NONE", "HATE": "BLOCK_NONE"}
    model = genai.GenerativeModel("gemini-a", tools="google_search", safety_settings=safety)
    body = model.build("hi", tools=[Tool(url_context={})], safety_settings={"HATE": "off"})
    assert body.to_dict() == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "safetySettings": [
            {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
            {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
        ],
        "tools": [{"urlContext": {}}],
    }


def test_building_changes_nothing():
    """A call's configuration does not stay with the model."""
    config = GenerationConfig(temperature=0)
    model = genai.GenerativeModel("gemini-a", generation_config=config)
    model.build("hi", generation_config={"temperature": 2})
    assert model.build("hi").generation_config == config == GenerationConfig(temperature=0)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "models/gemini-3.8-flash"),
        ("gemini-a", "models/gemini-a"),
        ("models/gemini-a", "models/gemini-a"),
        ("tunedModels/mine", "tunedModels/mine"),
    ],
)
def test_names(given, name):
    """Every way to name a model."""
    assert genai.GenerativeModel(given).model_name == name


def test_no_name_is_the_configured_one():
    """A model without a name follows `configure(model=…)`, also later."""
    model = genai.GenerativeModel()
    genai.configure(model="gemini-b")
    assert model.model_name == "models/gemini-b"
    assert repr(model) == "GenerativeModel('gemini-b')"
    told = genai.GenerativeModel("gemini-a", system_instruction="s")
    assert repr(told) == "GenerativeModel('gemini-a', system_instruction='s')"


WRONG = [
    ({"generation_config": {"max_tokens": 5}}, "max_output_tokens"),
    ({"generation_config": {"thinking_config": {"thinkingBudge": 5}}}, "thinking_budget"),
    ({"safety_settings": [{"categori": "x"}]}, "category"),
    ({"tools": [{"google_serch": {}}]}, "google_search"),
    ({"tool_config": {"function_calling": {}}}, "function_calling_config"),
]


@pytest.mark.parametrize(("wrong", "meant"), WRONG, ids=str)
def test_wrong_names_are_never_sent(serve, wrong, meant):
    """A name that does not exist is refused with the right one, before anything is sent."""
    server = serve()
    model = genai.GenerativeModel("gemini-a")
    with pytest.raises(errors.UnknownName, match=f"Did you mean {meant}"):
        model.generate_content("hi", **wrong)
    with pytest.raises(errors.UnknownName, match=f"Did you mean {meant}"):
        model.count_tokens("hi", **wrong)
    with pytest.raises(errors.UnknownName, match=f"Did you mean {meant}"):
        asyncio.run(model.generate_content_async("hi", stream=True, **wrong))
    with pytest.raises(errors.UnknownName, match=f"Did you mean {meant}"):
        genai.GenerativeModel("gemini-a", **wrong).generate_content("hi")
    assert server.calls == []


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("generation_confg", "generation_config"), ("config", "generation_config"), ("tool", "tools")],
)
def test_wrong_keywords_are_never_sent(serve, wrong, meant):
    """A keyword that a call does not have is refused with the right one."""
    server = serve()
    with pytest.raises(errors.UnknownName, match=f"Did you mean {meant}"):
        genai.GenerativeModel("gemini-a").generate_content("hi", **{wrong: {}})
    assert server.calls == []


@pytest.mark.parametrize("options", [{"timeout": -1}, {"timeout": "1"}, {"timout": 1}], ids=str)
def test_wrong_request_options_are_never_sent(serve, options):
    """A timeout is checked like the configured one."""
    server = serve()
    with pytest.raises(errors.ConfigError):
        genai.GenerativeModel("gemini-a").generate_content("hi", request_options=options)
    assert server.calls == []


@pytest.mark.parametrize("contents", ["", " \n", [], object(), {"txt": "a"}], ids=repr)
def test_bad_prompts_are_never_sent(serve, contents):
    """Nothing to send, or nothing that could be, is refused here."""
    server = serve()
    with pytest.raises(errors.ConfigError):
        genai.GenerativeModel("gemini-a").generate_content(contents)
    assert server.calls == []


def test_a_blocked_prompt(serve):
    """A blocked prompt is an answer whose text says why there is none."""
    serve(answer_json({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}))
    response = genai.GenerativeModel("gemini-a").generate_content("hi")
    assert response.prompt_feedback.block_reason == "PROHIBITED_CONTENT"
    with pytest.raises(errors.BlockedPrompt, match="PROHIBITED_CONTENT"):
        _ = response.text


def test_a_prompt_that_is_blocked_in_a_stream(serve):
    """The same, streamed."""
    serve(answer_sse({"promptFeedback": {"blockReason": "SAFETY"}}))
    response = genai.GenerativeModel("gemini-a").generate_content("hi", stream=True)
    with pytest.raises(errors.BlockedPrompt, match="SAFETY"):
        _ = response.text


def test_a_whole_answer_without_a_reason_is_not_whole(serve):
    """An answer without finishReason is an error, also when it came at once."""
    serve(answer_json(chunk("Half an")))
    with pytest.raises(errors.StreamInterrupted) as caught:
        genai.GenerativeModel("gemini-a").generate_content("hi")
    assert caught.value.response.parts[0].text == "Half an"


def test_several_answers(serve):
    """`candidate_count` asks for several, and all are there."""
    two = [
        {"index": i, "finishReason": "STOP", "content": {"role": "model", "parts": [{"text": t}]}}
        for i, t in enumerate("ab")
    ]
    server = serve(answer_json({"candidates": two}))
    response = genai.GenerativeModel("gemini-a").generate_content(
        "hi", generation_config={"candidate_count": 2}
    )
    assert server.calls[0].json()["generationConfig"] == {"candidateCount": 2}
    assert [c.content.parts[0].text for c in response.candidates] == ["a", "b"]
    assert response.text == "a"


def test_counting_counts_the_instruction(serve):
    """A model with an instruction counts it, too."""
    server = serve(answer_json({"totalTokens": 5}))
    model = genai.GenerativeModel("gemini-a", system_instruction="s")
    assert model.count_tokens("hi").total_tokens == 5
    assert asyncio.run(model.count_tokens_async("hi")).total_tokens == 5
    first, second = (call.json() for call in server.calls)
    assert first == second
    assert first["generateContentRequest"]["model"] == "models/gemini-a"
