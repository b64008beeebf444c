"""Recordings: an hour's header and peaks, and what `prepare` makes of ten minutes of a recorder.

CPU seconds of one process, warm: the first call also loads numpy and libsndfile (0.2 s). The floor
is libsndfile alone, which decodes the same file into the same blocks.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from gemini_nb.audio import Audio
from tests.benchmarks.measure import in_turn, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOUR = 3600
_BLOCK = 1 << 16
_COUNTS = (b"Xing", b"Info")


def _sound(rate: int, channels: int, seconds: int = 60) -> np.ndarray:
    """Words of a kind: a tone that comes and goes, over noise."""
    times = np.arange(rate * seconds) / rate
    tone = np.sin(times * 2 * np.pi * 220) * (np.sin(times * 3) > 0) * 0.3
    noise = np.random.default_rng(6).normal(0, 0.003, (len(times), channels))
    return (tone[:, None] + noise).astype(np.float32)


def _written(path: Path, rate: int, channels: int, seconds: int) -> Path:
    minute = _sound(rate, channels)
    with soundfile.SoundFile(path, "w", rate, channels) as file:
        for _ in range(seconds // 60):
            file.write(minute)
    return path


def _mp3(path: Path, *, rate: int, channels: int, minutes: int) -> Path:
    """Frames without a count in front: the slowest header there is."""
    buffer = io.BytesIO()
    soundfile.write(buffer, _sound(rate, channels), rate, format="MP3")
    minute = buffer.getvalue()
    for sign in _COUNTS:
        minute = minute.replace(sign, bytes(4))
    path.write_bytes(minute * minutes)
    return path


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _decoded(path: Path, kind: str) -> None:
    with soundfile.SoundFile(path) as file:
        while len(file.read(_BLOCK, dtype=kind)):
            pass


def _probes(hours: dict[str, Path]) -> Iterator[list[str]]:
    for name, path in hours.items():
        taken = in_turn(5, lambda path=path: _seconds(Audio.from_path(path).probe))[0]
        yield row(f"header of an hour of {name}", taken, "limit", 0.02, "≤ 1")


def _peaks(hours: dict[str, Path]) -> Iterator[list[str]]:
    for name, path in hours.items():
        kind = "float32" if path.suffix == ".mp3" else "int16"
        ours, floor = in_turn(
            3,
            lambda path=path: _seconds(lambda: Audio.from_path(path).peaks(2000)),
            lambda path=path, kind=kind: _seconds(lambda: _decoded(path, kind)),
        )
        yield row(f"peaks of an hour of {name}", ours, "limit", 1.0, "≤ 1")
        yield row(f"peaks of an hour of {name}", ours, "decoding alone", floor, "")


def _prepared(recorded: dict[str, Path], seconds: int) -> Iterator[list[str]]:
    for name, path in recorded.items():
        audio = Audio.from_path(path)
        for codec in ("flac", "opus"):
            taken = in_turn(3, lambda a=audio, c=codec: _seconds(lambda: a.prepare(c)))[0]
            what = f"ten minutes of {name} to 16 kHz mono {codec.upper()}"
            goal = "≥ 1" if codec == "flac" else ""  # Opus thinks longer, for a fifth of the size
            yield row(what, seconds / taken, "limit", 100.0, goal, "× real time")
        small = len(audio.prepare().data)
        size = path.stat().st_size
        if path.suffix == ".wav":
            yield row("its bytes as FLAC", small / 1e6, "the WAV", size / 1e6, "≤ 0.1", "MB")


def rows() -> Iterator[list[str]]:
    """Each against its limit, and against the floor."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        hours = {
            "WAV, 44.1 kHz in stereo": _written(home / "a.wav", 44_100, 2, _HOUR),
            "FLAC, 16 kHz": _written(home / "a.flac", 16_000, 1, _HOUR),
            "MP3, 16 kHz": _mp3(home / "a.mp3", rate=16_000, channels=1, minutes=60),
            "MP3, 44.1 kHz in stereo": _mp3(home / "b.mp3", rate=44_100, channels=2, minutes=60),
        }
        yield from _probes(hours)
        yield from _peaks(hours)
        for path in hours.values():
            path.unlink()
        recorded = {
            "WAV": _written(home / "c.wav", 44_100, 2, 600),
            "MP3": _mp3(home / "c.mp3", rate=44_100, channels=2, minutes=10),
        }
        yield from _prepared(recorded, 600)
