"""The MP3 reader is not heard; everybody else is."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from gemini_nb.audio import Audio
from gemini_nb.audio.quiet import quiet
from tests.audio import sounds


def test_a_broken_mp3(capfd):
    """Of this one, libsndfile alone writes lines to stderr."""
    data = bytearray(sounds.encoded("MP3", sounds.tone(20.0, end=20.0)))
    for at in np.random.default_rng(0).integers(2000, len(data), 200):
        data[at] ^= 255
    del data[9000:12_000]
    code = (
        "import io, soundfile, sys\n"
        "soundfile.SoundFile(io.BytesIO(sys.stdin.buffer.read())).read()\n"
    )
    run = [sys.executable, "-c", code]
    alone = subprocess.run(run, input=bytes(data), capture_output=True, check=False)
    assert b"libmpg123" in alone.stderr
    Audio.from_bytes(bytes(data)).levels()
    assert capfd.readouterr().err == ""


def test_others_are_heard(capfd):
    """What somebody else writes meanwhile comes after it, whole."""
    with quiet():
        os.write(2, b"[src/libmpg123/layer3.c:do():1] error: x\nmine\nNote: y\n")
        os.write(2, b"Warning: mine, too\n\nlast")
    assert capfd.readouterr().err == "mine\nWarning: mine, too\n\nlast"


def test_an_error_inside_leaves_stderr_as_it_was(capfd):
    """Whatever happens."""
    with pytest.raises(KeyError), quiet():
        raise KeyError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_a_process_without_stderr():
    """Nobody hears it there anyway."""
    code = "import os, sys\nfrom gemini_nb.audio.quiet import quiet\nos.close(2)\n"
    code += "with quiet():\n    print('on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"on"
