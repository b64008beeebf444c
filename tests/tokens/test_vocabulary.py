"""Text is counted by the model's own vocabulary, fast, and cut only where no token reaches across.

`test_same_counts.py` holds the numbers against another library; here they are held against the
vocabulary itself, which counts each text whole.
"""

from __future__ import annotations

import functools
import re
import statistics
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb.tokens import vocabulary
from tests.tokens.strings import SENTENCES, STRINGS

splintr = pytest.importorskip("splintr")
GEMMA3, GEMMA4 = "gemini-2.5-flash", "gemini-3.5-flash"
PIECES = 262_144

# What comes in runs, in tags and in halves, and cuts; and anything at all.
NASTY = st.lists(
    st.sampled_from(
        [
            *" \n\t▁<>/|[]a1é的。",
            *("  ", "> </", "<b>", "</td>", "<bos>", "<|user|>", "the ", "👍🏽"),
            *("<unused7>", "[multimodal]", "\u200d", "\ufeff", "\x00", "3x", "\n" * 40, " " * 40),
        ]
    )
    | st.characters(codec="utf-8"),
    max_size=60,
).map("".join)


@functools.cache
def table_of(name):
    """A vocabulary as splintr reads it, by itself."""
    return splintr.Tokenizer.from_pretrained(name)


@pytest.fixture(scope="module")
def tables():
    return {name: table_of(name) for name in ("gemma3", "gemma4")}


@pytest.fixture(scope="module")
def pieces(tables):
    """What can be made by merging, by the number of the token; bytes of a character are left out.

    What is taken whole is not made by merging: names in angle brackets, and one in square ones.
    """
    made = {}
    for name, table in tables.items():
        read = (table.decode_token_bytes(n).decode("utf-8", "replace") for n in range(PIECES))
        made[name] = [piece.replace("▁", " ") for piece in read]
    whole = {name: {p for p in made[name] if taken_whole(p, tables["gemma3"])} for name in made}
    return made, whole


def taken_whole(piece, table):
    if len(piece) < 3 or piece[0] not in "<[" or piece[-1] not in ">]":
        return False
    return piece in {"<bos>", "<eos>", "<pad>", "<unk>"} or len(table.encode_ordinary(piece)) > 1


@pytest.fixture
def fresh(monkeypatch):
    """Nothing is loaded yet."""
    monkeypatch.setattr(vocabulary, "_table", None)
    monkeypatch.setattr(vocabulary, "_is_missing", False)
    monkeypatch.setattr(vocabulary, "_warming", None)


@pytest.fixture
def missing(fresh, monkeypatch):
    """Splintr is not installed."""
    monkeypatch.setitem(sys.modules, "splintr", None)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gemini-1.5-pro", "gemma3"),
        ("gemini-2.0-flash-lite-001", "gemma3"),
        ("gemini-2.5-pro-preview-06-05", "gemma3"),
        ("models/gemini-2.5-flash", "gemma3"),
        ("publishers/google/models/gemini-2.5-flash-lite", "gemma3"),
        ("gemini-live-2.5-flash", "gemma3"),
        ("gemini-robotics-er-1.5-preview", "gemma3"),
        ("gemini-3-pro-preview", "gemma3"),
        ("gemini-3-flash-preview", "gemma3"),
        ("gemini-3-pro-image-preview", "gemma3"),
        ("gemini-3.1-pro-preview", "gemma4"),
        ("gemini-3.1-flash-lite", "gemma4"),
        ("models/gemini-3.5-flash", "gemma4"),
        ("gemini-3.8-flash", "gemma4"),
        ("gemini-4-pro", "gemma4"),
        ("gemini-10-pro", "gemma4"),
        ("gemini-flash-latest", "gemma4"),
        ("models/gemini-pro-latest", "gemma4"),
        ("gemma-3-27b-it", "gemma3"),
        ("models/gemma-3n-e4b-it", "gemma3"),
        ("gemma-4-31b-it", "gemma4"),
        ("gemini-embedding-001", "gemma3"),
        ("models/text-embedding-004", "gemma3"),
        ("somebody-elses", "gemma4"),
    ],
)
def test_a_model_has_a_vocabulary(model, name):
    """As google-genai maps them; what it does not know goes by its version."""
    assert vocabulary.name_for(model) == name


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("", 0, 0),
        ("hello", 1, 1),
        ("<table>", 1, 3),
        ("<bos>", 3, 3),
        ("<start_of_turn>", 1, 7),
        ("> </", 1, 1),
        ("x> </td>", 4, 4),
        ("▁▁x", 2, 2),
        ("  ▁▁x", 2, 2),
        ("\x00", 1, 1),
        ("\ud800", 1, 1),
        ("\ud83d\ude00", 1, 1),
    ],
)
def test_counts_worked_by_hand(text, old, new):
    """Tags are one token in the older vocabulary alone; control tokens are typed in neither."""
    assert (vocabulary.count(text, GEMMA3), vocabulary.count(text, GEMMA4)) == (old, new)


def test_both_vocabularies_have_the_same_pieces(pieces):
    """So one table counts for both, but for what is taken whole."""
    made, whole = pieces
    differing = {pair for pair in zip(*made.values(), strict=True) if pair[0] != pair[1]}
    assert all(old in whole["gemma3"] and new.startswith("<") for old, new in differing)
    assert len(differing) < len(whole["gemma3"])


def test_no_token_reaches_across_a_cut(pieces):
    """Every piece of both is searched; so are the names that are taken whole."""
    made, _ = pieces
    assert [p for p in {*made["gemma3"], *made["gemma4"]} if vocabulary.CUT.search(p)] == []


def test_what_is_spelled_is_cut_where_no_token_reaches_across(pieces):
    """A letter is never merged with the signs before it."""
    made, whole = pieces
    for name, spelled in vocabulary._SPELLED.items():
        merged = {*made[name]} - whole["gemma3"] - whole["gemma4"]
        assert [p for p in merged if spelled.search(p)] == []


def test_all_that_the_table_takes_whole_is_cut(tables, pieces):
    """Control tokens in both vocabularies, and in the newer one everything else that has a name."""
    _, whole = pieces
    controls = set(tables["gemma3"].special_tokens())
    old, new = (vocabulary._SPELLED[name] for name in ("gemma3", "gemma4"))
    assert [name for name in controls if not old.search(name)] == []
    assert [name for name in whole["gemma3"] | controls if not new.search(name)] == []
    assert [name for name in whole["gemma3"] - controls if old.search(name)] == []


@pytest.mark.parametrize("text", STRINGS[-2:])
def test_texts_that_are_cut_count_as_whole(tables, text):
    """Longer than a piece."""
    assert len(text) > 2 * vocabulary._PIECE
    assert vocabulary.count(text, GEMMA4) == len(tables["gemma4"].encode_ordinary(text))


@given(NASTY)
def test_any_text_counts_as_by_the_newer_vocabulary(text):
    """Splintr's own `gemma4` is the judge, which has no names that are taken whole."""
    assert vocabulary.count(text, GEMMA4) == len(table_of("gemma4").encode_ordinary(text))


@given(NASTY, st.integers(1, 9))
def test_any_text_may_be_cut(text, size):
    """Pieces of a few characters add up to the same, in both vocabularies."""
    wholes = [vocabulary.count(text, model) for model in (GEMMA3, GEMMA4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "_PIECE", size)
        assert [vocabulary.count(text, model) for model in (GEMMA3, GEMMA4)] == wholes


@given(st.lists(NASTY, max_size=8))
def test_many_are_counted_as_one_by_one(texts):
    """Whatever batch they are in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "_BATCH", 3)
        counts = vocabulary.count_many(texts, GEMMA3)
    assert counts == [vocabulary.count(text, GEMMA3) for text in texts]


@given(st.text(st.characters()))
def test_anything_python_calls_a_string_can_be_counted(text):
    """Halves of characters as well, each of which counts as one that cannot be shown."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert vocabulary.count(text, GEMMA4) == len(table_of("gemma4").encode_ordinary(whole))


@pytest.mark.parametrize("model", [GEMMA3, GEMMA4])
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("\n" * 1_000_000, 32_259),  # 31 to a token
        ("\t" * 1_000_000, 32_259),
        (" " * 1_000_000, 32_259),
        ("x" + "\n" * 1_000_000 + "y", 32_261),
        ("a" * 200_000, 25_000),  # 8 to a token
        ("é" * 200_000, 200_000),
        ("7" * 200_000, 200_000),
    ],
    ids=lambda value: repr(value)[:5],
)
def test_the_worst_texts_take_no_quadratic_time(model, text, tokens):
    """A million newlines took ten seconds; now each takes well under one."""
    before = time.process_time()
    assert vocabulary.count(text, model) == tokens
    assert time.process_time() - before < 5


@pytest.mark.parametrize("sign", [" ", "\n", "\t"])
@pytest.mark.parametrize("behind", ["", "x", "</b>", "\n", "\t "])
def test_a_run_that_is_cut_short_counts_as_whole(tables, sign, behind, monkeypatch):
    """Whatever its length, and whatever comes after it."""
    monkeypatch.setattr(vocabulary, "_RUNS", ((sign * 62, re.compile(f"{sign}{{62,}}")),))
    texts = ["y" + sign * n + behind for n in range(1, 160)]
    judged = [len(tables["gemma4"].encode_ordinary(text)) for text in texts]
    assert vocabulary.count_many(texts, GEMMA4) == judged


def test_other_threads_run_meanwhile():
    """Counting three megabytes whole kept the interpreter for a second and a half."""
    text = " ".join(SENTENCES["English"]) * 9_000
    vocabulary.count("warm", GEMMA4)
    counted = threading.Event()
    ticks = 0

    def tick():
        nonlocal ticks
        while not counted.wait(0.001):
            ticks += 1

    other = threading.Thread(target=tick)
    other.start()
    vocabulary.count(text, GEMMA4)
    counted.set()
    other.join()
    assert ticks > 10


def test_what_is_not_loaded_is_estimated_and_begins_to_load(fresh):
    """At once, and exact when the vocabulary is there."""
    text = SENTENCES["English"][0]
    assert not vocabulary.is_ready()
    assert vocabulary.count_now(text, GEMMA4) == (vocabulary.estimate(text), "estimate")
    vocabulary._warming.join()
    assert vocabulary.is_ready()
    assert vocabulary.count_now(text, GEMMA4) == (vocabulary.count(text, GEMMA4), "exact")


def test_it_is_loaded_once(fresh, monkeypatch):
    """However many threads ask at the same time."""
    loads = []

    class Slow:
        @staticmethod
        def from_pretrained(name, made=splintr.Tokenizer.from_pretrained):
            loads.append(name)
            return made(name)

    monkeypatch.setattr(splintr, "Tokenizer", Slow)
    vocabulary.warm()
    vocabulary.warm()
    threads = [threading.Thread(target=vocabulary.count, args=("x", GEMMA4)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in (*threads, vocabulary._warming):
        thread.join()
    assert loads == ["gemma3"]


def test_without_splintr_all_is_an_estimate(missing):
    """Nothing is ever ready, and nothing tries again with each text."""
    text = SENTENCES["English"][0]
    about = vocabulary.estimate(text)
    assert vocabulary.count_now(text, GEMMA4) == (about, "estimate")
    vocabulary._warming.join()
    assert vocabulary.count_now(text, GEMMA4) == (about, "estimate")
    assert vocabulary.count(text, GEMMA4) == about
    assert vocabulary.count_many([text, ""], GEMMA4) == [about, 0]
    assert not vocabulary.is_ready()
    began = vocabulary._warming
    vocabulary.warm()
    assert vocabulary._warming is began


def test_a_table_that_cannot_be_read_is_missing(fresh, monkeypatch, caplog):
    """Counts are estimates, and the log says why, once."""

    class Broken:
        @staticmethod
        def from_pretrained(_name):
            raise RuntimeError("bad data")

    monkeypatch.setattr(splintr, "Tokenizer", Broken)
    assert vocabulary.count_many(["hello"] * 2, GEMMA4) == [vocabulary.estimate("hello")] * 2
    assert vocabulary.count("hello", GEMMA4) == vocabulary.estimate("hello")
    (line,) = caplog.messages
    assert "RuntimeError: bad data" in line


def test_estimates_are_near():
    """Ten per cent off on average over all languages, a third at worst."""
    texts = [" ".join(sentences) for sentences in SENTENCES.values()]
    counts = vocabulary.count_many(texts, GEMMA4)
    off = [abs(vocabulary.estimate(t) / n - 1) for t, n in zip(texts, counts, strict=True)]
    assert statistics.mean(off) < 0.13
    assert max(off) < 0.35


def test_a_long_text_is_estimated_by_a_sample():
    """As near as the whole would be."""
    text = " ".join(SENTENCES["English"]) * 200
    assert vocabulary.estimate(text) == pytest.approx(
        vocabulary.estimate(text[:361]) * 200, rel=0.05
    )
