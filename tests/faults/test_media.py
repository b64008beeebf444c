"""Pictures and recordings that are not what they seem are refused by their header alone."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import Image

import gemini_nb as genai
from gemini_nb.errors import BadPrompt
from gemini_nb.parts import to_part
from tests.media import bomb, picture, recording

KINDS = [*((picture, k) for k in ("PNG", "JPEG", "WEBP", "GIF"))]
SOUNDS = [(recording, k) for k in ("WAV", "FLAC", "OGG", "AIFF", "MP3")]


def name_of(case):
    return case[1] if isinstance(case, tuple) else None


@pytest.mark.parametrize("case", KINDS + SOUNDS, ids=name_of)
def test_what_is_whole_goes(case, tmp_path):
    """A sound file of any kind is let through, as bytes and as a path."""
    make, kind = case
    data = make(kind)
    path = tmp_path / "file"
    path.write_bytes(data)
    assert to_part(data) == to_part(path)
    assert to_part(data).inline_data.data == data


@pytest.mark.parametrize("case", KINDS, ids=name_of)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_a_picture_that_is_cut_off(case, share):
    """A download that broke off is no picture, wherever it broke off."""
    make, kind = case
    data = make(kind, (200, 100))
    with pytest.raises(BadPrompt, match=r"is cut off|can be read|not known"):
        to_part(data[: int(len(data) * share)])


def test_a_preview_is_not_the_end_of_a_picture():
    """A photo's header holds a small picture with an end of its own."""
    preview = io.BytesIO()
    Image.effect_noise((40, 30), 50).save(preview, "JPEG")
    whole = picture("JPEG", (200, 100))
    note = b"\xff\xe1" + (len(preview.getvalue()) + 2).to_bytes(2, "big") + preview.getvalue()
    photo = whole[:2] + note + whole[2:]
    assert to_part(photo).inline_data.data == photo
    with pytest.raises(BadPrompt, match="cut off"):
        to_part(photo[:-2])


def test_more_behind_the_end_does_no_harm():
    """Phones write more behind a picture's end."""
    for kind in ("PNG", "JPEG", "WEBP"):
        data = picture(kind) + b"more" * 1000
        assert to_part(data).inline_data.data == data


@pytest.mark.parametrize("case", SOUNDS, ids=name_of)
def test_a_recording_that_is_none(case, tmp_path, capfd):
    """A name is not enough, and whatever reads it does not speak to the person."""
    make, kind = case
    path = tmp_path / f"talk.{kind.lower()}"
    broken = [b"junk" * 500]
    if kind not in ("MP3", "OGG"):  # these may hold what nobody here can read
        broken.append(make(kind)[:4] + b"junk" * 500)
    for data in broken:
        path.write_bytes(data)
        with pytest.raises(BadPrompt, match="recording that can be read"):
            to_part(path)
    assert capfd.readouterr().err == ""


def test_silence_of_no_length():
    """A recording without a single sample is told before it costs anything."""
    with pytest.raises(BadPrompt, match="holds no sound"):
        to_part(recording("WAV", 0))


def test_a_picture_that_would_unpack_to_gigapixels(serve, tmp_path):
    """Ten kilobytes that are sixty thousand pixels a side are refused; nothing is sent."""
    server = serve()
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb())
    assert path.stat().st_size < 10_240
    with pytest.raises(BadPrompt, match=r"'bomb\.png' would unpack to more than 179 million"):
        genai.GenerativeModel("m").generate_content(["What is this?", path])
    assert server.calls == []


@pytest.mark.parametrize("form", ["path", "bytes"])
def test_it_is_not_uploaded_either(serve, tmp_path, form):
    """A bomb, half a picture and a recording that is none stay here, on disk or in memory."""
    server = serve()
    for name, data in (
        ("bomb.png", bomb()),
        ("half.jpg", picture("JPEG", (200, 100))[:-9]),
        ("talk.wav", b"RIFF....WAVE" + b"junk" * 99),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadPrompt, match=r"would unpack|is cut off|can be read"):
            genai.upload_file(tmp_path / name if form == "path" else data)
    assert server.calls == []


def test_looking_at_it_takes_no_memory(tmp_path):
    """The memory of the process stays flat: only the header is read."""
    (tmp_path / "bomb.png").write_bytes(bomb())
    code = """
import resource, sys
from pathlib import Path
from gemini_nb import errors, parts
import PIL.Image, PIL.PngImagePlugin
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    parts.to_part(Path(sys.argv[1]))
except errors.BadPrompt:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bomb.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 8 * 1024  # KiB
