"""The output that a notebook saves."""

from __future__ import annotations

import json
import types

import pytest

import gemini_nb as genai
from gemini_nb import errors, settings
from gemini_nb.display import static
from gemini_nb.stream import Response
from gemini_nb.types import Blob, Content, FunctionCall, Part


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("~~~\nx\n~~~", "x\n"),
        ("a\n\n```\none\n```\n```\ntwo\n```", "one\n"),
        ("````\n```\ninner\n```\n````", "```\ninner\n```\n"),
        ("- a\n  ```\n  x\n  ```", "x\n"),
        ("```\nunclosed", "unclosed"),
        ("no `code` here", None),
        ("    indented", None),
        ("", None),
    ],
)
def test_the_first_block_of_code(text, code):
    """The first fenced block as a Markdown parser sees it, or None."""
    found = static.first_code(text)
    assert (found and found.rstrip("\n")) == (code and code.rstrip("\n"))


@pytest.mark.parametrize(
    ("text", "how", "bundle"),
    [
        ("<b>", "markdown", {"text/markdown": "&lt;b>", "text/plain": "<b>"}),
        ("\x1b[1m<b>", "text", {"text/plain": "<b>"}),
        ('{"a": "ü"}', "json", {"application/json": {"a": "ü"}}),
        ("```json\n[1]\n```", "json", {"application/json": [1]}),
        ("sorry", "json", {"text/plain": "sorry"}),
        ("```\nx\n```", "code", {"text/plain": "x\n"}),
        ("x", "code", {"text/plain": "x"}),
    ],
)
def test_bundles(text, how, bundle):
    """Each format has its kinds of data; what cannot be has the text."""
    made = static.bundle(text, how)
    assert made | bundle == made
    assert set(made) == set(bundle) | {"text/plain"}
    json.dumps(made)


def answered(**more):
    response = types.SimpleNamespace(
        model_version=None,
        response_id=None,
        finish_reason=None,
        interrupted=False,
        error=None,
        usage_metadata=None,
    )
    vars(response).update(more)
    return response


def test_metadata_holds_what_is_known():
    """Facts that are not there are left out; nbval never looks at them."""
    facts = static.metadata(answered(model_version="gemini-a", finish_reason="STOP"), 1.23456)
    assert facts == {"gemini_nb": {"model": "gemini-a", "finish_reason": "STOP", "seconds": 1.235}}
    assert static.metadata(answered(), 0) == {"gemini_nb": {"seconds": 0}}


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (answered(finish_reason="STOP"), ""),
        (answered(), ""),
        (answered(finish_reason="MAX_TOKENS"), "*— ended early: MAX_TOKENS (raise --max-tokens"),
        (answered(finish_reason="SAFETY"), "*— ended early: SAFETY —*"),
        (answered(interrupted=True, error=KeyboardInterrupt()), "*— not whole: it was stopped —*"),
        (answered(interrupted=True), "*— not whole: it was stopped —*"),
        (answered(interrupted=True, error=errors.NetworkError("*x*\n y.")), "*— not whole: x y —*"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_whole_is_marked(response, line):
    """A line under the answer says that, and why, it is not the whole answer."""
    assert static.mark(response).strip().startswith(line)
    assert bool(static.mark(response)) is bool(line)


def test_a_real_response_can_be_marked():
    """The facts are those of a Response, also of one that is empty."""
    assert static.mark(Response()) == ""
    assert static.metadata(Response(), 0) == {"gemini_nb": {"seconds": 0}}


def test_a_conversation_is_shown_turn_by_turn(monkeypatch):
    """Who says what, media by their kind, and other parts by their name."""
    shown = []
    monkeypatch.setattr(static, "show", shown.append)
    history = [
        Content(
            role="user",
            parts=[Part(text="Look"), Part(inline_data=Blob(mime_type="a/b", data=b"123"))],
        ),
        Content(
            role="model",
            parts=[
                Part(text="hm", thought=True),
                Part(function_call=FunctionCall(name="f")),
                Part(text="So."),
            ],
        ),
    ]
    static.show_chat(history)
    (text,) = shown
    first, second = text.split("\n\n---\n\n")
    assert first == "**You**\n\nLook\n\n*a/b, 3 bytes*"
    assert second == '**Model**\n\n*function call*\n\n```json\n{\n  "name": "f"\n}\n```\n\nSo.'


def test_the_settings_are_shown_without_secrets(capsys, monkeypatch):
    """Who would answer, at which address, with a key from where."""
    genai.configure(api_key="AIzaFAKE", timeout=5)
    static.show_config(settings.current())
    said = capsys.readouterr().out
    assert "api" in said
    assert "https://generativelanguage.googleapis.com/v1beta" in said
    assert "from configure()" in said
    assert "AIzaFAKE" not in said
    genai.configure(api_key=None, timeout=None)
    static.show_config(settings.current())
    said = capsys.readouterr().out
    assert "local" in said
    assert "address" not in said


@pytest.mark.parametrize("text", ['{"a": NaN}', "[" * 5000, "no JSON"])
@pytest.mark.usefixtures("settled")
def test_json_that_is_none_is_shown_as_text(text):
    """What a notebook could not hold as JSON is shown as it came."""
    assert static.bundle(text, "json") == {"text/plain": text}
