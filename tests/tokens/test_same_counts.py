"""Counts equal those of another library that reads the same vocabulary."""

from __future__ import annotations

import pytest

from gemini_nb.tokens import vocabulary
from tests.tokens.other import CannotFetch, merges
from tests.tokens.strings import SENTENCES, STRINGS

tokenizers = pytest.importorskip("tokenizers")
MODELS = {"gemma3": "gemini-2.5-flash", "gemma4": "gemini-3.5-flash"}


@pytest.fixture(scope="module")
def theirs():
    """The other library's counts of all strings, by the name of the vocabulary."""
    try:
        bare, named = merges()
    except CannotFetch as error:
        pytest.skip(str(error))
    other = tokenizers.Tokenizer.from_str(bare)

    def counts():
        return [len(found.ids) for found in other.encode_batch(STRINGS, add_special_tokens=False)]

    plain = counts()
    other.add_tokens([tokenizers.AddedToken(name, normalized=False) for name in named])
    # Gemma 4 has the pieces and merges of Gemma 3, and takes nothing whole that a person types.
    return {"gemma3": counts(), "gemma4": plain}


def test_there_are_enough_strings():
    """Five hundred at least, in twenty languages at least, and no two alike by mistake."""
    assert len(SENTENCES) >= 20
    assert len(set(STRINGS)) >= 500


@pytest.mark.parametrize("name", MODELS)
def test_counts_are_the_same(theirs, name):
    """String by string."""
    ours = vocabulary.count_many(STRINGS, MODELS[name])
    wrong = [
        (text, mine, other)
        for text, mine, other in zip(STRINGS, ours, theirs[name], strict=True)
        if mine != other
    ]
    assert wrong == []


def test_the_two_vocabularies_differ(theirs):
    """Where a text has tags; otherwise the test above would say nothing of one of them."""
    assert theirs["gemma3"] != theirs["gemma4"]
