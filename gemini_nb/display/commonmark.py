"""CommonMark parsers that any number of threads may use."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# markdown-it, and the library it writes addresses with, fill their tables when these are first
# used, and show them to other threads half filled: what is unsafe would be missed. So one thread
# uses them all before anybody has a parser.
_filling = threading.Lock()
_USES_ALL = "# a\n\n> - [b](http://c/%20)\n\n|d|\n|-|\n|<http://e/%20>|\n\n[f]: http://g/%20\n"


@functools.cache
def parser(
    *,
    html: bool = False,
    more: tuple[str, ...] = (),
    less: tuple[str, ...] = (),
    any_link: bool = False,
) -> MarkdownIt:
    """CommonMark with `more` rules and `less`; with `any_link` also those it takes for unsafe."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": html}).enable(more).disable(less)
    if any_link:
        made.validateLink = lambda _: True  # type: ignore[assignment,method-assign]
    with _filling:
        made.parse(_USES_ALL)
    return made
