"""A request of ours becomes what the rules count; a count of the service has the same shape."""

from __future__ import annotations

import asyncio
import math

import pandas as pd
import pytest

import gemini_nb as genai
from gemini_nb import history
from gemini_nb.errors import BadPrompt
from gemini_nb.tokens import vocabulary
from tests.media import picture
from tests.server import answer_json

FOX = "The quick brown fox jumps over the lazy dog."


def test_the_documented_sentence():
    """The first documentation counts ten tokens in it."""
    found = genai.GenerativeModel("gemini-2.5-flash").estimate_tokens(FOX)
    assert (found.total_tokens, found.how) == (10, "exact")
    assert repr(found) == "<TokenCount 10 tokens: text 10>"
    assert found.prompt_tokens_details == [("TEXT", 10)]


def test_the_whole_request_counts():
    """System instruction, history, tools and media are there, each by its name."""
    model = genai.GenerativeModel(
        "gemini-2.5-flash",
        system_instruction="Be brief.",
        tools=[{"function_declarations": [{"name": "look", "description": "Looks."}]}],
    )
    image = {"mime_type": "image/png", "data": picture()}
    found = model.estimate_tokens(
        [
            {"role": "user", "parts": ["Hello!"]},
            {"role": "model", "parts": ["Hi."]},
            {"role": "user", "parts": [image, "What is this?"]},
        ]
    )
    assert {part.label for part in found.parts} == {"system", "history", "image", "text", "tools"}
    assert found.by_modality["IMAGE"] == 258
    assert sum(found.by_modality.values()) == found.total_tokens


def test_what_the_service_counts_has_the_same_shape(serve, monkeypatch):
    """Its total, its modalities and its cache; the parts are our own; the difference is kept."""
    kept = []
    monkeypatch.setattr(history, "compared", lambda *args: kept.append(args[:3]))
    vocabulary.load()
    details = [{"modality": "TEXT", "tokenCount": 112}]
    told = {"totalTokens": 112, "cachedContentTokenCount": 2, "promptTokensDetails": details}
    serve(answer_json(told))
    model = genai.GenerativeModel("gemini-2.5-flash")
    found = model.count_tokens(" ".join([FOX] * 10))
    assert (found.total_tokens, found.cached_content_token_count, found.how) == (112, 2, "server")
    assert found.by_modality == {"TEXT": 112}
    assert [(part.label, part.tokens) for part in found.parts] == [("text", 100)]
    assert kept == [("models/gemini-2.5-flash", 100, 112)]
    model.count_tokens(FOX)  # too short to say anything of others
    assert len(kept) == 1


def test_counting_is_awaited_too(serve):
    """The form for a loop gives the same."""
    serve(answer_json({"totalTokens": 12}))
    model = genai.GenerativeModel("gemini-2.5-flash")
    found = asyncio.run(model.count_tokens_async(FOX))
    assert found.total_tokens == 12


def test_texts_of_a_column():
    """A text gives a number, a list a list, a Series a Series with its index; nothing is 0."""
    assert genai.count(FOX, "gemini-2.5-flash") == 10
    assert genai.count([FOX, "", None], "gemini-2.5-flash") == [10, 0, 0]
    column = pd.Series([FOX, math.nan], index=["a", "b"], name="text")
    found = genai.count(column, "gemini-2.5-flash")
    pd.testing.assert_series_equal(found, pd.Series([10, 0], index=["a", "b"], name="text"))
    assert genai.count(iter([FOX])) == [vocabulary.count(FOX, "gemini-3.8-flash")]


def test_what_is_missing_is_nothing():
    """Whatever a column has in the place of a text."""
    column = pd.Series([FOX, None], dtype="string")
    assert list(genai.count(column, "gemini-2.5-flash")) == [10, 0]
    assert genai.count([None, math.nan, pd.NA, pd.NaT], "gemini-2.5-flash") == [0, 0, 0, 0]


def test_an_error_of_the_person_stays_theirs():
    """A generator that fails, fails."""

    def broken():
        yield FOX
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        genai.count(broken())


WRONG = [3, [3], b"bytes", [FOX, {"a": 1}], {"a": "text"}, pd.DataFrame({"a": [FOX]})]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: type(value).__name__)
def test_what_is_no_text_is_named(wrong):
    """A number is not counted as if it were written."""
    with pytest.raises(BadPrompt, match="is no text to count"):
        genai.count(wrong)
