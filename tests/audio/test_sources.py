"""Bytes on disk, in memory, and made here: as much of them as is asked for."""

from __future__ import annotations

import gc
import os

import pytest

from gemini_nb.audio import Audio, sources
from gemini_nb.errors import BadPrompt
from tests.audio import sounds


def test_parts_of_a_file(tmp_path):
    """A slice is what a slice of bytes is."""
    data = bytes(range(200))
    path = tmp_path / "bytes"
    path.write_bytes(data)
    with sources.AtPath(path).opened() as found:
        assert len(found) == 200
        for part in (slice(5), slice(3, 9), slice(190, 300), slice(-4, None), slice(9, 3)):
            assert found[part] == data[part]
            assert sources.Tail(found, 100)[part] == data[100:][part]


@pytest.mark.parametrize(
    ("name", "words"), [("none.wav", "There is no file"), (".", "directory"), ("a\0b", "null")]
)
def test_what_cannot_be_read(tmp_path, name, words):
    """One sentence, when it is asked for; before, a path is only a name."""
    audio = Audio.from_path(os.path.join(tmp_path, name))  # noqa: PTH118 - a NUL among them
    with pytest.raises(BadPrompt, match=words):
        audio.probe()
    assert "cannot be read" in repr(audio)


def _open_files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only how many


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux tells")  # noqa: PTH112
def test_no_file_stays_open(tmp_path, monkeypatch):
    """Neither a person's, nor one made here when nobody holds it any more."""
    monkeypatch.setattr(sources, "_HELD", 1000)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    path = tmp_path / "a.wav"
    path.write_bytes(sounds.encoded())
    before = _open_files()
    audio = Audio.from_path(path)
    audio.levels()
    assert _open_files() == before
    made = audio.prepare("opus")
    assert len(made.data) > 1000
    assert _open_files() == before + 1
    del made
    gc.collect()
    assert _open_files() == before
    assert list((tmp_path / "scratch").iterdir()) == []
