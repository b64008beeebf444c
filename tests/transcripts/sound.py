"""Levels of made-up and of real recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

STEP = 0.01
SPEECH, ROOM, NOTHING = -20.0, -55.0, -np.inf
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")


def levels(*stretches, seed=0):
    """(seconds, dBFS) in a row, as float32 per 10 ms; speech goes up and down."""
    rough = np.random.default_rng(seed)
    made = [
        level + rough.uniform(-6, 6, round(seconds / STEP)) if np.isfinite(level)
        else np.full(round(seconds / STEP), level)
        for seconds, level in stretches
    ]  # fmt: skip
    return np.concatenate(made).astype(np.float32)


def librivox():
    """Five sentences that a person reads: their texts, their ends in seconds, and the levels."""
    if not LIBRIVOX.is_dir():
        pytest.skip("needs real speech: apt-get install pocketsphinx-testdata")
    import soundfile

    said, ends, samples = [], [0.0], []
    for line in (LIBRIVOX / "transcription").read_text().splitlines():
        words, _, name = line.rpartition("(")
        clip, rate = soundfile.read(LIBRIVOX / f"{name.rstrip(')')}.wav")
        said.append(words.replace("<s>", "").replace("</s>", "").strip())
        ends.append(ends[-1] + len(clip) / rate)
        samples.append(clip)
    sound = np.concatenate(samples)
    block = round(rate * STEP)
    power = (sound[: len(sound) // block * block].reshape(-1, block) ** 2).mean(axis=1)
    with np.errstate(divide="ignore"):
        return said, ends, (10 * np.log10(power)).astype(np.float32)
