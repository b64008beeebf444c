"""What is to be uploaded: its name, kind and size, and its bytes from any place."""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import tempfile

import IPython.display
import numpy as np
import PIL.Image
import pytest

from gemini_nb import errors, media
from gemini_nb.audio import Audio, decoding
from gemini_nb.files import sources
from tests.audio import sounds
from tests.media import picture

PNG = picture()


class Stream(io.RawIOBase):
    """A file that only goes forward, like a pipe."""

    name = "pipe.bin"

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._data.readinto(buffer)


def whole(source):
    """All its bytes, and it is closed."""
    try:
        return source.read(0, source.size)
    finally:
        source.close()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "Vortrag über Äpfel 日本.png"
    path.write_bytes(PNG)
    return path


@pytest.mark.parametrize("form", [str, pathlib.Path, os.fsencode])
def test_a_path(form, path):
    """In any form; its name is the file's own, its identity what may change."""
    given = form(path) if form is not os.fsencode else pathlib.Path(os.fsdecode(os.fsencode(path)))
    source = sources.of(given)
    assert (source.name, source.mime_type, source.size) == (path.name, "image/png", len(PNG))
    assert source.identity == (str(path.resolve()), len(PNG), path.stat().st_mtime_ns)
    assert whole(source) == PNG


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes(form):
    """In any form; they have no name, and no life beyond this process."""
    source = sources.of(form(PNG))
    assert (source.name, source.mime_type, source.identity) == ("", "image/png", None)
    assert whole(source) == PNG


def test_an_open_file_is_taken_whole_and_stays_open(path):
    """Wherever it stands: a buffer that was just written stands at its end."""
    with path.open("rb") as file:
        file.read(5)
        source = sources.of(file)
        assert source.name == path.name
        assert whole(source) == PNG
        assert not file.closed
    buffer = io.BytesIO()
    buffer.write(PNG)
    assert whole(sources.of(buffer)) == PNG
    assert not buffer.closed


def test_what_cannot_go_back_is_copied_first():
    """After a fault an upload goes back, so a pipe is put on disk, and that copy goes, too."""
    source = sources.of(Stream(PNG))
    assert (source.name, source.size) == ("pipe.bin", len(PNG))
    assert source.read(4, 4) + source.read(0, 4) == PNG[4:8] + PNG[:4]
    copy = source._copy
    source.close()
    assert copy.closed


def test_images_and_figures_are_what_they_would_be_in_a_prompt():
    """What a prompt turns into media can be uploaded as such."""
    source = sources.of(PIL.Image.new("RGB", (2, 2)))
    assert source.mime_type == "image/png"
    assert whole(source).startswith(PNG[:8])


# -- recordings


@pytest.fixture
def talk(tmp_path):
    """A recording whose name lies."""
    path = tmp_path / "talk.mp3"
    path.write_bytes(sounds.encoded("FLAC"))
    return path


def test_a_recording_on_disk_stays_there(talk, monkeypatch):
    """It has its name, its identity and its kind, and is never read as a whole."""
    monkeypatch.delattr(Audio, "data")
    source = sources.of(Audio.from_path(talk))
    assert (source.name, source.mime_type) == ("talk.mp3", "audio/flac")
    assert source.identity == (str(talk.resolve()), talk.stat().st_size, talk.stat().st_mtime_ns)
    assert whole(source) == talk.read_bytes()


@pytest.mark.parametrize(
    ("given", "name", "kind", "seconds"),
    [
        (Audio.from_bytes(sounds.encoded("OGG Opus"), name="talk"), "talk", "audio/ogg", 3),
        (Audio.from_bytes(sounds.encoded(), name="talk").clip(1, 2), "talk", "audio/flac", 1),
        (Audio.from_array(sounds.tone(), 16_000), "", "audio/flac", 3),
        ((sounds.tone(), 16_000), "", "audio/flac", 3),
        ((16_000, sounds.tone()), "", "audio/flac", 3),
        (IPython.display.Audio(sounds.tone()[:, 0], rate=16_000), "", "audio/wav", 3),
        (IPython.display.Audio(sounds.encoded("FLAC")), "", "audio/flac", 3),
    ],
    ids=["bytes", "clip", "array", "pair", "scipy's pair", "IPython, array", "IPython, bytes"],
)
def test_a_recording_that_is_not_on_disk(given, name, kind, seconds):
    """It goes as it would in a prompt, by the name that it has."""
    source = sources.of(given)
    assert (source.name, source.mime_type, source.identity) == (name, kind, None)
    assert Audio.from_bytes(whole(source)).probe().seconds == seconds


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (sounds.encoded("WAV", np.zeros((32_000, 1))), "'talk.mp3' is silent"),
        (sounds.encoded()[:50_000], "'talk.mp3' is damaged"),
        (b"", "'talk.mp3' is empty"),
        (b"no sound", "'talk.mp3' is no recording"),
    ],
)
def test_a_recording_is_checked_before_it_is_uploaded(data, words, talk):
    """As before a prompt: the prompt that names it would cost its tokens."""
    talk.write_bytes(data)
    for audio in (Audio.from_path(talk), Audio.from_bytes(data, name="talk.mp3")):
        with pytest.raises(errors.BadPrompt, match=words):
            sources.of(audio)


def test_what_nothing_here_decodes_is_uploaded_all_the_same(monkeypatch):
    """AAC and M4A without PyAV: their headers can be read, and no more."""
    monkeypatch.setattr(decoding, "find_spec", lambda _: None)
    source = sources.of(Audio.from_bytes(sounds.M4A, name="talk.m4a"))
    assert (source.mime_type, whole(source)) == ("audio/mp4", sounds.M4A)


def test_a_recording_that_is_too_large_is_refused_unheard(talk, monkeypatch):
    """Nothing of it is decoded."""
    monkeypatch.setattr(media, "FILE_LIMIT", 1000)
    monkeypatch.delattr(Audio, "check")
    with pytest.raises(errors.BadPrompt, match=r"'talk.mp3' has .* audio.prepare\(\)"):
        sources.of(Audio.from_path(talk))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.png", b"%PDF-1.7", "application/pdf"),
        ("a.mp3", b"", "audio/mp3"),
        ("empty.txt", b"", "text/plain"),
        ("notes", b"only text", "text/plain"),
        ("notes", ("ä" * sources._HEAD).encode(), "text/plain"),
        ("notes", ("x" + "ä" * sources._HEAD).encode(), "text/plain"),
        ("notes", ("xx" + "日" * sources._HEAD).encode(), "text/plain"),
        ("film", b"\0\0\0\x18ftypmp42", "video/mp4"),
        ("film.mov", b"\0\0\0\x14ftypqt  ", "video/mov"),
        ("talk.m4a", b"\0\0\0\x18ftypmp42", "audio/mp4"),
        ("photo", b"\0\0\0\x18ftypheic", "image/heic"),
        ("film", b"\x1a\x45\xdf\xa3....webm", "video/webm"),
        ("table.csv", b"a,b", "text/csv"),
    ],
)
def test_the_kind_is_told_by_content_then_by_name(name, content, kind, tmp_path):
    """As in a prompt; a text whose head ends inside a character is still a text."""
    path = tmp_path / name
    path.write_bytes(content)
    source = sources.of(path)
    source.close()
    assert source.mime_type == kind


def test_the_kind_that_is_given_counts(path):
    """A person knows better than the first bytes."""
    assert sources.of(path, "application/x-thing; v=1").mime_type == "application/x-thing; v=1"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"\0\x01\x02", "mime_type="),
        ("no such file", "no file 'no such file'"),
        ("a\0b", "cannot be read"),
        (".", r"^'\.' is no file\. Give"),
        (io.StringIO("text"), 'mode "rb"'),
        (7, "cannot be part of a prompt"),
        ({"text": "hi"}, "cannot be uploaded"),
    ],
)
def test_what_cannot_be_uploaded_is_refused(given, why):
    """Before anything is sent, in a sentence that says what to do."""
    with pytest.raises(errors.BadPrompt, match=why):
        sources.of(given)


@pytest.mark.parametrize("kind", ["audio", "audio/mp3\r\nx: y", "a/b/c", "ä/b", ""])
def test_a_kind_that_is_none_is_refused(kind):
    """It goes into a header."""
    with pytest.raises(errors.BadPrompt, match="is no MIME type"):
        sources.of(b"x", kind)


def test_a_file_that_is_too_large_is_refused(tmp_path):
    """2 GB is what the service takes; nothing is read to find out."""
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(media.FILE_LIMIT + 1)
    with pytest.raises(errors.BadPrompt, match="a file may have 2 GB"):
        sources.of(path)


def test_a_file_that_cannot_be_read_says_so(tmp_path, monkeypatch):
    """An error of the disk is one of ours, with the name that was given and no more."""
    path = tmp_path / "bad.png"
    path.write_bytes(PNG)
    source = sources.of(path)

    def broken(offset, size):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(source, "_read", broken)
    with pytest.raises(errors.FileError, match=r"'bad\.png' cannot be read any more: Input/"):
        source.read(0, 1)
    source.close()


@pytest.mark.parametrize("change", ["longer", "shorter", "time"])
def test_a_file_that_changes_is_another(change, path):
    """Half of one and half of the other is neither."""
    source = sources.of(path)
    source.read(0, 4)
    if change == "time":
        os.utime(path, ns=(1, 1))
    else:
        path.write_bytes(PNG * 2 if change == "longer" else PNG[:8])
    if change == "shorter":
        with pytest.raises(errors.UploadCorrupted, match="shorter while it was uploaded"):
            source.read(4, len(PNG) - 4)
    with pytest.raises(errors.UploadCorrupted, match="was changed while it was uploaded"):
        source.check()
    source.close()
    if change != "time":
        with pytest.raises(errors.UploadCorrupted):
            source.read(0, 1)  # opened anew
    source.close()


def test_it_is_hashed_once_whatever_is_read_twice():
    """Forward, back, and over a gap: the hash is that of the bytes in their order."""
    data = os.urandom(1000)
    reading = sources.Reading(sources.of(data, "a/b"))
    digest = hashlib.sha256(data).hexdigest()
    assert reading.add(0, data[:100]) == hashlib.sha256(data[:100]).hexdigest()
    assert reading.add(50, data[50:90]) is None
    assert reading.add(50, data[50:150]) == hashlib.sha256(data[:150]).hexdigest()
    reading.sha256(300)  # over a gap
    assert reading.add(300, data[300:400]) == hashlib.sha256(data[:400]).hexdigest()
    assert reading.sha256(1000) == digest
    assert reading.add(900, data[900:]) == digest


def test_nothing_is_left_of_a_copy_that_was_refused(monkeypatch):
    """A pipe of an unknown kind leaves no open file behind."""
    made = []
    kept = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: made.append(kept()) or made[-1])
    stream = Stream(b"\0\x01")
    stream.name = "odd"
    with pytest.raises(errors.BadPrompt):
        sources.of(stream)
    assert [file.closed for file in made] == [True]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1000, "1000 bytes"),
        (1024, "1 KB"),
        (1023 * 1024, "1023 KB"),
        (12_884_901, "12.3 MB"),
        (100 << 20, "100 MB"),
        (2 << 30, "2 GB"),
    ],
)
def test_sizes_read_well(count, text):
    """As file managers count."""
    assert sources.readable_size(count) == text
