"""What an option of a magic names, and what it cannot name."""

from __future__ import annotations

import pytest

from gemini_nb import asking
from gemini_nb.errors import BadPrompt


def test_a_variable_comes_before_a_file(tmp_path, monkeypatch):
    """Then the file of that name, whatever the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk").write_text("hi")
    assert asking.attached("talk", {"talk": 5}) == 5
    assert asking.attached("talk", {}).read_text() == "hi"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nope.mp3", "There is neither a variable nor a file 'nope.mp3'. The folder is "),
        ("", "There is neither a variable nor a file ''. "),
        ("sub", "'sub' is a folder. Name a file in it."),
        (
            "https://example.com/talk.mp3",
            "https://example.com/talk.mp3 is an address, no file. Download it first.",
        ),
    ],
)
def test_what_is_nothing_of_the_kind(tmp_path, monkeypatch, name, told):
    """One sentence says what it is, one what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    with pytest.raises(BadPrompt) as caught:
        asking.attached(name, {})
    assert str(caught.value).startswith(told)
