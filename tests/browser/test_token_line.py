"""In a real page, the line beside a text area follows what a person types."""

from __future__ import annotations

import pytest

from gemini_nb.tokens import vocabulary

MODEL = "gemini-2.5-flash"
CELL = f"""import ipywidgets
from gemini_nb.widgets.count import TokenLine

area = ipywidgets.Textarea("hello")
line = TokenLine(area, "{MODEL}")
ipywidgets.VBox([area, line])"""
LINE = "document.querySelector('.jp-OutputArea .widget-html-content, .jp-OutputArea .widget-html')"


@pytest.mark.parametrize("cells", [(CELL,)])
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_the_line_follows_the_typing(book):
    """While no cell runs; the kernel stays free, and the page shows the last count."""
    pytest.importorskip("splintr")
    text = "hello, what does a <table> of tides look like?"

    def shows(text):
        tokens = vocabulary.count(text, MODEL)
        return f"{LINE}?.innerText.trim() === '{tokens} token{'' if tokens == 1 else 's'}'"

    book.run_all()
    book.until(shows("hello"))
    area = book.page.locator(".jp-OutputArea textarea")
    area.press("End")
    area.type(text.removeprefix("hello"), delay=20)
    book.until(shows(text))
    area.press("Control+a")
    area.press("Backspace")
    book.until(shows(""))
