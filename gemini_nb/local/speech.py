"""Hears what is said in a recording: Whisper base (MIT) on faster-whisper, one thread.

Whisper makes words up where nobody speaks, so a smaller model looks for speech first, and what is
not speech never reaches it. It hears words and where they are; it cannot tell speakers apart, and
does not know music or noise. Its weights are fetched when the first recording comes.

All work is done on one thread of its own, a step at a time: `hear` is a generator, and whoever
takes its segments runs each step on `worker`. So a short recording is answered while a long one is
in work, requests without sound wait for neither, and a step that nobody takes is never done.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from gemini_nb.tokens.facts import kind_of

from . import weights
from .fault import Fault
from .spoken import Heard, Segment, Word, stamp
from .vision import step_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_REMEMBERED = 64
_MARGIN = 1.0
"""Seconds before and after a stretch that is asked for: a word that is cut is misheard."""
_SURE = 0.5
"""A language this probable stays that of the whole recording."""
_PAUSE, _LONGEST = 0.7, 15.0
"""Seconds: what ends without a full stop goes on after the first, up to the second."""
_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟")

worker = ThreadPoolExecutor(1, thread_name_prefix="speech", initializer=step_back)
_fetcher = ThreadPoolExecutor(1, thread_name_prefix="speech-weights")
_fetching: Future[Path] | None = None
_lock = threading.Lock()
_recogniser: Recogniser | None = None
_heard: OrderedDict[tuple[bytes, float, float, str], Heard] = OrderedDict()


def is_audio(part: dict[str, Any]) -> bool:
    """Whether a part is for this module, be it readable or not."""
    return kind_of(part.get("inlineData", {}).get("mimeType", "")) == "audio"


def hear(
    data: bytes, mime: str, start: float, end: float, told: str = ""
) -> Iterator[Segment | Heard]:
    """Each segment between two moments as soon as it is heard; at the end, all of them.

    A language that was told is believed.
    """
    key = (hashlib.sha256(data).digest(), start, end, told)
    found = _remembered(key)
    if found is None:
        segments, seconds, language = [], 0.0, ""
        for item in _listen(data, mime, start, end, told):
            if isinstance(item, Segment):
                segments.append(item)
                yield item
            else:
                seconds, language = item
        found = Heard(seconds, language if segments else "", tuple(segments))
        _remember(key, found)
    else:
        yield from found.segments
    yield found


def _remembered(key: tuple[bytes, float, float, str]) -> Heard | None:
    """A chat sends all its recordings with every turn."""
    with _lock:
        if key in _heard:
            _heard.move_to_end(key)
        return _heard.get(key)


def _remember(key: tuple[bytes, float, float, str], found: Heard) -> None:
    with _lock:
        _heard[key] = found
        if len(_heard) > _REMEMBERED:
            _heard.popitem(last=False)


def _listen(
    data: bytes, mime: str, start: float, end: float, told: str
) -> Iterator[Segment | tuple[float, str]]:
    """The segments, and after each stretch how far it reaches and its language."""
    try:
        from . import sounds
    except ImportError:
        raise Fault(501, _MISSING) from None
    language = kept = told
    reached = 0.0
    wide = (max(0.0, start - _MARGIN), end + _MARGIN)
    for offset, samples in sounds.stretches(data, mime, *wide):
        found, sure, said = _loaded().listen(samples, kept)
        language, kept = language or found, found if sure else ""
        for words in _sentences(said):
            moved = tuple(Word(offset + w.start, offset + w.end, w.text) for w in words)
            yield from Heard(0, "", (Segment(moved),)).between(start, end).segments
        reached = offset + len(samples) / sounds.RATE
        yield min(reached, end), language
    if reached <= start:
        raise Fault(400, f"The recording ends before {stamp(start)}, where its transcript begins.")


class Recogniser:
    """The model, loaded."""

    def __init__(self, folder: Path) -> None:
        from faster_whisper import WhisperModel

        # The folder itself: a name would be looked up on the network.
        self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)

    def listen(
        self, samples: NDArray[Any], language: str = ""
    ) -> tuple[str, bool, Iterator[list[Word]]]:
        """The language, whether that is sure, and the words; each step hears half a minute."""
        found, about = self._model.transcribe(
            samples,
            language=language or None,
            # On real speech as good as a beam of five, in half the time.
            beam_size=1,
            # Higher ones are tried where the first was poor: slower, other each time, and made up.
            temperature=0.0,
            # With it, one mistake goes on to the end.
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=True,
        )
        sure = bool(language) or about.language_probability >= _SURE
        said = (
            [Word(float(w.start), float(w.end), w.word) for w in one.words or ()] for one in found
        )
        return about.language, sure, said


def _sentences(found: Iterator[list[Word]]) -> Iterator[list[Word]]:
    """Whisper's pieces, those that break off in a sentence joined with what follows."""
    kept: list[Word] = []
    for words in found:
        if not words:
            continue
        goes_on = kept and not kept[-1].text.strip().endswith(_ENDS)
        if (
            goes_on
            and words[0].start - kept[-1].end < _PAUSE
            and words[-1].end - kept[0].start <= _LONGEST
        ):
            kept = kept + words
            continue
        if kept:
            yield kept
        kept = words
    if kept:
        yield kept


class Unfetched(Exception):
    """There are no weights yet: `fetch` them, and hear again from the beginning."""


def fetch() -> Future[Path]:
    """The weights, on their way on a thread of its own; all who come meanwhile get the same."""
    global _fetching
    with _lock:
        if _fetching is None or _fetching.done():
            _fetching = _fetcher.submit(weights.joined, weights.EARS, progress=False)
        return _fetching


def _loaded() -> Recogniser:
    global _recogniser
    if _recogniser is None:
        folder = weights.folder() / weights.EARS.folder
        if not folder.is_dir():
            raise Unfetched
        try:
            _recogniser = Recogniser(folder)
        except ImportError:
            raise Fault(501, _MISSING) from None
    return _recogniser


_MISSING = (
    "The local backend hears with the package faster-whisper; run `pip install "
    "'gemini_nb[local]'`, or use backend='api'."
)
