"""Real speech for tests: a chapter's beginning from LibriVox, as Debian packs it, with its text."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

FOLDER = Path("/usr/share/pocketsphinx/test/data/librivox")
RATE = 16_000

needed = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs real speech: apt-get install pocketsphinx-testdata"
)


def pieces():
    """Its five sentences, each as samples."""
    return [soundfile.read(path, dtype="float32")[0] for path in sorted(FOLDER.glob("*.wav"))]


def clip():
    """All of them, 24.7 seconds."""
    return np.concatenate(pieces())


def text():
    """What is said in it."""
    lines = (FOLDER / "transcription").read_text().splitlines()
    return " ".join(re.sub(r"</?s>|\(.*\)", "", line) for line in lines)


def file(samples, kind="WAV", subtype=None):
    """A whole file of a kind that soundfile writes, or `M4A` or `AAC`."""
    made = io.BytesIO()
    if kind in ("M4A", "AAC"):
        _encode(made, samples, {"M4A": "mp4", "AAC": "adts"}[kind])
    else:
        soundfile.write(made, samples, RATE, format=kind, subtype=subtype)
    return made.getvalue()


def _encode(made, samples, container):
    import av

    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate = RATE
    with av.open(made, "w", format=container) as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        for each in (frame, None):
            output.mux(stream.encode(each))


def part(data, mime="audio/wav"):
    """It as a part of a prompt."""
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(data).decode()}}


def words(said):
    """Its words, without what a reader does not hear."""
    plain = said.lower().replace("mr.", "mister").replace("-", " ")
    return re.findall(r"[a-z']+", plain)


def word_errors(said, meant):
    """Words too many, too few or other ones, as a share of those that were meant."""
    said, meant = words(said), words(meant)
    costs = list(range(len(said) + 1))
    for row, one in enumerate(meant, 1):
        before, costs[0] = costs[0], row
        for at, other in enumerate(said, 1):
            kept = before + (one != other)
            before, costs[at] = costs[at], min(kept, costs[at] + 1, costs[at - 1] + 1)
    return costs[-1] / len(meant)
