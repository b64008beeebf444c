"""The tokens of a text while it is typed: only what changed is counted again.

It does not wait for a pause in the typing, and has no thread: whoever shows the number does.
"""

from __future__ import annotations

from . import vocabulary

_NEAR = 256


class Edited:
    """A text, and its tokens by the vocabulary of a model."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._text = ""
        self._tokens = 0

    def update(self, text: str) -> int:
        """The tokens of the text as it now is: exact where `vocabulary.is_ready` says so."""
        old, new = self._text, vocabulary.clean(text)
        if new == old:
            return self._tokens
        begin = _last_cut(new, _same_at_the_start(old, new))
        same = _same_at_the_end(old[begin:], new[begin:])
        # A cut lies between two characters: both must be the same as before.
        behind = len(new) - vocabulary.next_cut(new, len(new) - same + 1)
        before, after = vocabulary.count_many(
            [old[begin : len(old) - behind], new[begin : len(new) - behind]], self._model
        )
        is_exact = vocabulary.is_ready()
        # Estimates do not add up.
        tokens = self._tokens - before + after if is_exact else vocabulary.estimate(new)
        self._text, self._tokens = new, tokens
        return tokens


def _last_cut(text: str, end: int) -> int:
    """The last place where the characters before `end` can be cut; the beginning is one."""
    near = _NEAR
    while True:
        start = max(0, end - near)
        cuts = [found.start() for found in vocabulary.CUT.finditer(text, start, end)]
        if cuts or start == 0:
            return cuts[-1] if cuts else 0
        near *= 2


def _same_at_the_start(a: str, b: str) -> int:
    """How many characters of two texts are the same, from the start on; by halves, for speed."""
    same, end = 0, min(len(a), len(b))
    while same < end:
        middle = (same + end + 1) // 2
        if a[same:middle] == b[same:middle]:
            same = middle
        else:
            end = middle - 1
    return same


def _same_at_the_end(a: str, b: str) -> int:
    same, end = 0, min(len(a), len(b))
    while same < end:
        middle = (same + end + 1) // 2
        if a[len(a) - middle : len(a) - same] == b[len(b) - middle : len(b) - same]:
            same = middle
        else:
            end = middle - 1
    return same
