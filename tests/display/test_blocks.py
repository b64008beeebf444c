"""Markdown as blocks for a terminal."""

from __future__ import annotations

import pytest

from gemini_nb.display.blocks import finished


@pytest.mark.parametrize(
    ("text", "at"),
    [("a\n\nb", 0), ("a\n\nb\n", 3), ("a\n\n#", 0), ("- a\n\n- b\n", 0), ("a\n# b\n", 0)],
)
def test_what_is_finished(text, at):
    """A block is, where a blank line closed it and the line that follows is whole."""
    assert finished(text) == at
