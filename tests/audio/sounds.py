"""Recordings for tests: a tone between silences in each format, and real speech where it is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.tokens import samples

RATE = 16_000
SECONDS = 3.0
# What libsndfile writes: its names of format and coding, and the MIME type.
WRITTEN = {
    "WAV": ("WAV", "PCM_16", "audio/wav"),
    "WAV, float": ("WAV", "FLOAT", "audio/wav"),
    "RF64": ("RF64", "PCM_16", "audio/wav"),
    "AIFF": ("AIFF", "PCM_16", "audio/aiff"),
    "FLAC": ("FLAC", "PCM_16", "audio/flac"),
    "OGG Vorbis": ("OGG", "VORBIS", "audio/ogg"),
    "OGG Opus": ("OGG", "OPUS", "audio/ogg"),
    "MP3": ("MP3", "MPEG_LAYER_III", "audio/mp3"),
}
M4A = samples.data(samples.RECORDINGS["m4a, a tone after half a second"])
AAC = samples.data(samples.RECORDINGS["aac, a tone after half a second"])
_LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")


def tone(seconds=SECONDS, rate=RATE, channels=1, start=1.0, end=2.0):
    """A tone of −9 dBFS from the first second to the second; the second channel is half as loud."""
    times = np.arange(int(seconds * rate)) / rate
    sound = np.where((times >= start) & (times < end), np.sin(times * 2 * np.pi * 440) / 2, 0)
    return np.stack([sound / (1 + n) for n in range(channels)], axis=1).astype(np.float32)


def encoded(kind="WAV", sound=None, rate=RATE):
    """The bytes of a file of that kind."""
    buffer = io.BytesIO()
    name, coding, _ = WRITTEN[kind]
    soundfile.write(buffer, tone() if sound is None else sound, rate, format=name, subtype=coding)
    return buffer.getvalue()


def speech():
    """Files of a reading of Jane Austen (LibriVox, public domain), by Debian."""
    found = sorted(_LIBRIVOX.glob("*.wav"))
    if not found:
        pytest.skip("Real speech is in Debian's package pocketsphinx-testdata.")
    return found
