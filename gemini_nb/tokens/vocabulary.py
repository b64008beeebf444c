"""How many tokens a text has, by the model's own vocabulary, on this machine.

There are two vocabularies, `gemma3` and `gemma4`. They have the same pieces and merge them in the
same order (tests walk the pieces, and count by both); they differ in what is one token although
nobody merged it: in `gemma3` the tags of HTML and some names in brackets, in `gemma4` nothing that
a person types. So one table, that of `gemma3`, which loads five times as fast, counts for both.
Control tokens are never read out of a text: a person who types `<bos>` has typed five characters.

It does not know of images, roles, tools or prices.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .counted import How

_log = logging.getLogger("gemini_nb")

_NEWEST = "gemma4"
_VERSION = re.compile(r"(gemini|gemma)-(?:[a-z-]+-)?(\d+)(?:\.(\d+))?")
_FIRST_OF_NEWEST = {"gemini": (3, 1), "gemma": (4, 0)}

CUT = re.compile(
    r"(?<=[^ >])(?= )|(?<=\n)(?=[^\n])|(?<=[^\n])(?=\n)"
    r"|(?<=[0-9])(?=[A-Za-z])|(?<=[。，、！？])(?=[ぁ-ゖァ-ヺ一-鿿])"
)
"""Where no token reaches across, so that both sides can be counted apart: before a space (but
`> </` is one token), around newlines, after a digit, and after a mark of Chinese or Japanese."""

# What the table takes for one token although the model does not, wherever a text spells it. The
# match ends where a cut keeps it apart: no piece has a letter after these signs.
_SPELLED = {
    "gemma3": re.compile(r"<(?=(?:bos|eos|pad|unk)>)|<\|/?(?=[a-z])"),
    "gemma4": re.compile(r"<\|?/?(?=[a-z])|\[(?=multimodal\])"),
}
# A run is taken 31 at a time. The table needs quadratic time for long ones: they are shortened.
_RUN = 31
_LONG = 32 * _RUN
_RUNS = tuple((sign * _LONG, re.compile(f"{sign}{{{_LONG},}}")) for sign in "\n\t ")
_PIECE = 1024  # characters, so that all cores count one text
_BATCH = 1024  # pieces: other threads may run after 1 MB, even while texts are made ready
_SEARCHED = 65_536  # characters, at once, for the same reason

# Tokens a character, fitted to sentences in 34 languages, code, JSON and Markdown: 9 % off on
# average, English and code 5 %, the worst language (Vietnamese) 33 %. Space costs nothing.
_WEIGHTS = tuple(
    (re.compile(f"[{signs}]"), weight)
    for signs, weight in (
        ("A-Za-z", 0.28),
        ("!-/:-@\\[-`{-~", 0.73),
        ("¡-ɏ\u1e00-\u1eff", 0.51),  # letters with marks
        ("\u0400-\u052f", 0.38),  # Cyrillic
        ("\u0600-\u08ff", 0.39),  # Arabic
        ("\u0900-\u0bff\u0e00-\u0fff", 0.3),  # from Devanagari to Tamil, Thai
        ("\u0370-\u03ff\u0590-\u05ff\u0c00-\u0dff", 0.5),  # Greek, Hebrew, Telugu
        ("\u0530-\u058f\u10a0-\u1dff", 0.65),  # Armenian, Georgian, Amharic
        ("\u2e80-\ufaff", 0.7),  # Chinese, Japanese, Korean
        ("0-9\u2000-\u2e7f\ufb00-\U0010ffff", 1.0),  # digits, signs, emoji
    )
)
_SAMPLED = 10_000
_AT_FORK = 1.0  # seconds

_lock = threading.Lock()
_table: Any = None
_is_missing = False
_warming: threading.Thread | None = None


def _finish() -> None:
    """A forked process has not the thread that reads, and would wait for it: it reads first."""
    if _lock.acquire(timeout=_AT_FORK):
        _lock.release()


def _begin_anew() -> None:
    global _lock, _warming
    _lock, _warming = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish, after_in_child=_begin_anew)


def name_for(model: str) -> str:
    """Which vocabulary a model has: `gemma3` or `gemma4`.

    Gemini 2.x and older and the three previews of 3 have `gemma3`, 3.1 and newer have `gemma4`, as
    google-genai says. It says nothing of embedding models: they have `gemma3`, since
    gemini-embedding-001 is older than Gemini 3. A name without a version, such as
    `gemini-flash-latest`, is the newest.
    """
    name = model.rsplit("/", 1)[-1]
    if "embedding" in name:
        return "gemma3"
    found = _VERSION.match(name)
    if found is None:
        return _NEWEST
    family, major, minor = found.groups(default="0")
    return _NEWEST if (int(major), int(minor)) >= _FIRST_OF_NEWEST[family] else "gemma3"


def warm() -> None:
    """Begin to load the table, on a thread of its own."""
    global _warming
    with _lock:
        if _table is not None or _is_missing or _warming is not None:
            return
        _warming = threading.Thread(target=load, name="gemini-nb-vocabulary", daemon=True)
    _warming.start()


def is_ready() -> bool:
    """Whether a count is exact, and needs no loading any more."""
    return _table is not None


def load() -> Any:
    """The table, read once (0.1 s); none where splintr is not installed, or cannot read it."""
    global _table, _is_missing
    with _lock:
        if _table is None and not _is_missing:
            try:
                from splintr import Tokenizer

                _table = Tokenizer.from_pretrained("gemma3")
            except ImportError:
                _is_missing = True
            except Exception as error:  # noqa: BLE001 - a prompt goes out without its count, too
                _is_missing = True
                _log.warning(
                    "The vocabulary cannot be read (%s: %s): tokens are estimated.",
                    type(error).__name__,
                    error,
                )
        return _table


def count(text: str, model: str) -> int:
    """Tokens of a text. Waits for the vocabulary; where there is none, about so many."""
    return count_many([text], model)[0]


def count_now(text: str, model: str) -> tuple[int, How]:
    """Tokens of a text, at once, and how they were got; the vocabulary begins to load."""
    if is_ready():
        return count(text, model), "exact"
    warm()
    return estimate(text), "estimate"


def estimate(text: str) -> int:
    """About how many tokens a text has, without a vocabulary: by its letters, or by a sample."""
    step = len(text) // _SAMPLED + 1
    sample = text[::step]
    return round(step * sum(len(p.findall(sample)) * weight for p, weight in _WEIGHTS))


def count_many(texts: Iterable[str], model: str) -> list[int]:
    """Tokens of each of many texts."""
    table = load()
    if table is None:
        return [estimate(text) for text in texts]
    counts: list[int] = []
    pieces = _pieces(texts, _SPELLED[name_for(model)], counts)
    while batch := list(islice(pieces, _BATCH)):
        # This call lets other threads run.
        _, offsets = table.encode_batch_flat([piece for _, piece in batch])
        ends = memoryview(offsets).cast("Q").tolist()
        for (index, _), before, after in zip(batch, ends, ends[1:], strict=False):
            counts[index] += after - before
    return counts


def _pieces(
    texts: Iterable[str], spelled: re.Pattern[str], counts: list[int]
) -> Iterator[tuple[int, str]]:
    """All texts in pieces, each with its text's number; `counts` gets a place for each text."""
    for index, text in enumerate(texts):
        short, skipped = _shortened(clean(text))
        counts.append(skipped)
        at = 0
        while at < len(short):
            end = next_cut(short, at + _PIECE)
            for piece in _apart(short[at:end], spelled):
                yield index, piece
            at = end


def clean(text: str) -> str:
    """The text as a vocabulary reads it: `▁` is its space, half a character is none."""
    text = text.replace("▁", " ")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Two halves that stand together are a whole.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def next_cut(text: str, at: int) -> int:
    """The first place from `at` on where the text can be cut; its end is one."""
    for start in range(at, len(text), _SEARCHED):
        # One character more, since a place lies between two.
        if found := CUT.search(text, start, start + _SEARCHED + 1):
            return found.start()
    return len(text)


def _shortened(text: str) -> tuple[str, int]:
    """The text with long runs of white space cut short, and the tokens that this leaves out."""
    skipped = 0

    def shorten(run: re.Match[str]) -> str:
        nonlocal skipped
        # One whole token stays, and what is left over, which may be one with the next word.
        tokens = len(run[0]) // _RUN - 1
        skipped += tokens
        return run[0][tokens * _RUN :]

    for long, pattern in _RUNS:
        if long in text:
            text = pattern.sub(shorten, text)
    return text, skipped


def _apart(piece: str, spelled: re.Pattern[str]) -> Iterator[str]:
    at = 0
    for found in spelled.finditer(piece):
        yield piece[at : found.end()]
        at = found.end()
    yield piece[at:]
