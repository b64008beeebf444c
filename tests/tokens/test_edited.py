"""A text that is being typed has, after each edit, the tokens that a full count finds."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb.tokens import vocabulary
from gemini_nb.tokens.edited import Edited
from tests.tokens.strings import SENTENCES, STRINGS

pytest.importorskip("splintr")
GEMMA3, GEMMA4 = "gemini-2.5-flash", "gemini-3.5-flash"
PROMPT = " ".join(SENTENCES["English"]) * 550

TYPED = st.lists(
    st.sampled_from(
        [
            *" \n\t▁<>/|[]ab19é的。",
            *("  ", "> </", "<b>", "</td>", "<bos>", "<|user|>", "the ", "👍🏽"),
            *("\ud83d", "\ude00", "\u200d", "\n" * 33, " " * 33),
        ]
    ),
    max_size=12,
).map("".join)
# Where, as a share of the text; how many characters go; what comes.
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), TYPED), max_size=12)


def edited(text, where, gone, come):
    at = round(where * len(text))
    return text[:at] + come + text[at + gone :]


@pytest.mark.parametrize("model", [GEMMA3, GEMMA4])
@given(text=st.lists(TYPED, max_size=30).map("".join), edits=EDITS)
def test_each_edit_counts_as_the_whole(model, text, edits):
    """Wherever it is, and whatever it tears apart or joins."""
    typed = Edited(model)
    assert typed.update(text) == vocabulary.count(text, model)
    for edit in edits:
        text = edited(text, *edit)
        assert typed.update(text) == vocabulary.count(text, model)


def test_one_text_after_another():
    """Not edits at all, but a text that is replaced by the next."""
    typed = Edited(GEMMA3)
    assert [typed.update(text) for text in STRINGS] == vocabulary.count_many(STRINGS, GEMMA3)


def test_letter_by_letter():
    """As a person types, and then deletes from the front."""
    typed = Edited(GEMMA3)
    text = "A <b>tag</b>, 12 Zeilen:\n\n\n    und 猫。猫 <bos> 👩🏽‍🚀."
    for shown in [*(text[:n] for n in range(len(text))), *(text[n:] for n in range(len(text) + 1))]:
        assert typed.update(shown) == vocabulary.count(shown, GEMMA3)


@pytest.mark.parametrize("where", [0, 0.5, 1])
def test_only_what_changed_is_counted(where, monkeypatch):
    """Ten thousand characters in a prompt of two hundred thousand: the old ones and the new."""
    counted = []
    whole = vocabulary.count_many

    def count_many(texts, model):
        counted.append(sum(map(len, texts)))
        return whole(texts, model)

    typed = Edited(GEMMA4)
    typed.update(PROMPT)
    monkeypatch.setattr(vocabulary, "count_many", count_many)
    typed.update(edited(PROMPT, where, 10_000, "new words " * 1_000))
    typed.update(edited(PROMPT, where, 10_000, "new words " * 1_000))
    assert len(PROMPT) > 190_000
    assert len(counted) == 1, "what did not change is not counted"
    assert 10_000 <= counted[0] < 21_000


def test_without_splintr_it_is_an_estimate(monkeypatch):
    """The same as that of the whole text: the rounding of parts does not add up."""
    monkeypatch.setattr(vocabulary, "_table", None)
    monkeypatch.setattr(vocabulary, "_is_missing", False)
    monkeypatch.setitem(sys.modules, "splintr", None)
    typed = Edited(GEMMA4)
    for n in range(len(SENTENCES["English"][0])):
        text = SENTENCES["English"][0][:n]
        assert typed.update(text) == vocabulary.estimate(text)
