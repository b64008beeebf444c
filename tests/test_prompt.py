"""What was typed becomes the prompt: variables come in, braces of other languages stay."""

from __future__ import annotations

import json
import types
from pathlib import Path

import IPython.display
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb.audio import Audio
from gemini_nb.chunks import decode_chunk
from gemini_nb.errors import BadPrompt
from gemini_nb.prompt import fill, without_markers
from gemini_nb.stream import Response
from gemini_nb.types import Blob, Part
from tests.audio import sounds
from tests.media import picture
from tests.server import chunk

PNG = picture()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.text(alphabet=st.characters(exclude_characters="{}", exclude_categories=["Cs"])))
def test_text_without_braces_is_unchanged(text):
    """Nothing is touched where nothing is named."""
    assert fill(text, {"a": "x"}).pieces == ([text] if text else [])


@given(json_values, st.sampled_from([None, 0, 2]))
def test_json_survives(value, indent):
    """JSON has braces, but none of them is a name alone."""
    text = json.dumps(value, indent=indent)
    if any(f"{{{word}}}" in text for word in ("a", "b")):
        return  # a string that looks like a place is a place
    assert "".join(fill(text, Everything()).pieces) == text or "{" not in text


class Everything(dict):
    """Names of which each exists: what is replaced at all shows."""

    def __contains__(self, name):
        return False

    def __getitem__(self, name):
        raise AssertionError(name)

    def __iter__(self):
        return iter(())


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_comes_in_is_never_looked_at_again(first, second):
    """A value with braces in it stays as it is, whatever those braces hold."""
    names = {"a": first + "{b}", "b": second + "{a}{c}"}
    assert "".join(fill("<{a}|{b}>", names).pieces) == f"<{names['a']}|{names['b']}>"


@pytest.mark.parametrize(
    "text",
    [
        r"$\frac{a}{b}$",
        r"$x^{a} + y_{b}$",
        r"\sqrt[3]{a}",
        r"\begin{a}x\end{a}",
        r"\operatorname*{a}",
        r"\text{a}\mathbb{b}",
        "${a} $(b)",
        "{{a}}",
        '{"a": {"b": 1}}',
        "{a: 1}",
        "{ a }",
        "{}",
        "{1}",
        "{a b}",
        "{a-b}",
        "{a[0]}",
        "{a()}",
        "{a!r}",
        "{a:>10}",
        "f(x) = {x | x > 0}",
        "body { color: red }",
    ],
)
def test_other_braces_stay(text):
    """TeX, shells, JSON, CSS and format specifications are left alone."""
    assert fill(text, {"a": "WRONG", "b": "WRONG", "x": "WRONG"}).pieces == [text]


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{a}", "1"),
        ("{a}{a}", "11"),
        ("x{a}y", "x1y"),
        ("{box.inner.deep}", "found"),
        (r"\frac{x}{y} of {a}", r"\frac{x}{y} of 1"),
        ("({a})", "(1)"),
        ("{häß}", "ü"),
        ("{text} {things}", "words [1, 'b']"),
        ("{none} {table}", "None {'k': 1}"),
    ],
)
def test_names_are_replaced(template, filled):
    """A name, or a path of attributes, becomes what `print` would show."""
    names = {
        "a": 1,
        "häß": "ü",
        "text": "words",
        "things": [1, "b"],
        "none": None,
        "table": {"k": 1},
        "box": types.SimpleNamespace(inner=types.SimpleNamespace(deep="found")),
    }
    assert "".join(fill(template, names).pieces) == filled


def test_media_stays_media():
    """Pictures become Parts in their place; a path stays a path, an answer is its text."""
    answer = Response()
    answer.feed(decode_chunk(json.dumps(chunk("noted", "STOP")).encode()))
    names = {"picture": PNG, "notes": answer, "path": Path("no-such-file")}
    part = Part(inline_data=Blob(mime_type="image/png", data=PNG))
    assert fill("See {picture}{picture} and {notes}.", names).pieces == [
        "See ",
        part,
        part,
        " and noted.",
    ]
    assert fill("{picture}", names) == ([part], ["picture"])
    assert fill("{path}", names).pieces == ["no-such-file"]


@pytest.mark.parametrize("pair", [(sounds.tone(), 16_000), (16_000, sounds.tone())])
def test_samples_with_their_rate_are_sound(pair):
    """What libraries give for a recording is one; an array beside another number is text."""
    text, part = fill("Write down {speech}", {"speech": pair}).pieces
    assert (text, part.inline_data.mime_type) == ("Write down ", "audio/flac")
    (text,) = fill("{found}", {"found": (np.zeros(2), 5)}).pieces
    assert text == "(array([0., 0.]), 5)"


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (Audio.from_array(np.zeros(16_000), 16_000), "is silent"),
        ((np.zeros(16_000), 16_000), "is silent"),
        (IPython.display.Audio(url="https://host/a.wav"), "holds no data"),
    ],
)
def test_a_recording_that_cannot_be_sent_is_no_text(sound, words):
    """It is not sent as what Python shows of it, which would cost, and say nothing."""
    with pytest.raises(BadPrompt, match=words):
        fill("Write down {speech}", {"speech": sound})


@pytest.mark.parametrize(
    ("template", "sentence", "advice"),
    [
        ("{nam}", "there is no variable 'nam'", "Did you mean {name}?"),
        ("{nothing_like_it}", "there is no variable", "--no-interpolate"),
        ("{name.nope}", "'name' has no 'nope'", "--no-interpolate"),
        ("{_private}", "there is no variable", "--no-interpolate"),
    ],
)
def test_a_missing_name_is_named(template, sentence, advice):
    """A name that does not exist is refused, with the one that was probably meant."""
    with pytest.raises(BadPrompt) as caught:
        fill(template, {"name": "x"})
    assert sentence in caught.value.message
    assert advice in caught.value.advice


def test_attributes_fail_as_they_do():
    """A property that fails for a reason of its own is not called missing."""

    class Odd:
        @property
        def value(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill("{odd.value}", {"odd": Odd()})


@pytest.mark.parametrize(
    ("cell", "prompt"),
    [
        ("# NBVAL_IGNORE_OUTPUT\nhi", "hi"),
        ("  #PYTEST_VALIDATE_IGNORE_OUTPUT\r\nhi", "hi"),
        ("hi\n# NBVAL_SKIP", "hi\n"),
        ("# NBVAL_SKIP", ""),
        ("# A title\nhi", "# A title\nhi"),
        ("what is # NBVAL_SKIP?", "what is # NBVAL_SKIP?"),
        ("# NBVAL_SKIP is a marker", "# NBVAL_SKIP is a marker"),
    ],
)
def test_markers_of_nbval_are_no_prompt(cell, prompt):
    """Comment lines for nbval are taken out, and only those."""
    assert without_markers(cell) == prompt
