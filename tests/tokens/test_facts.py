"""What the header of a medium tells, and that a broken one tells nothing and raises nothing."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemini_nb.tokens import buffers, facts
from gemini_nb.tokens.facts import look
from tests import media
from tests.tokens import samples


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(mode="RGB", size=(40, 30)):
    return Image.effect_noise(size, 90).convert(mode)


def turned():
    """A JPEG that lies on its side, and says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(noise(), "JPEG", exif=exif)


def sixteen_bits():
    return saved(Image.fromarray(np.zeros((30, 40), np.uint16)), "PNG")


def animated(kind):
    frames = [noise() for _ in range(3)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


PICTURES = {
    "png": ("image/png", saved(noise(), "PNG")),
    "jpeg": ("image/jpeg", saved(noise(), "JPEG")),
    "webp": ("image/webp", saved(noise(), "WEBP")),
    "gif": ("image/gif", saved(noise("P"), "GIF")),
    "bmp": ("image/bmp", saved(noise(), "BMP")),
    "progressive jpeg": ("image/jpeg", saved(noise(), "JPEG", progressive=True)),
    "cmyk jpeg": ("image/jpeg", saved(noise("CMYK"), "JPEG")),
    "grey jpeg": ("image/jpeg", saved(noise("L"), "JPEG")),
    "turned jpeg": ("image/jpeg", turned()),
    "16-bit png": ("image/png", sixteen_bits()),
    "png with a palette": ("image/png", saved(noise("P"), "PNG")),
    "transparent png": ("image/png", saved(noise("RGBA"), "PNG")),
    "animated gif": ("image/gif", animated("GIF")),
    "animated webp": ("image/webp", animated("WEBP")),
    "lossless webp": ("image/webp", saved(noise("RGBA"), "WEBP", lossless=True)),
    "a png that is called a jpeg": ("image/jpeg", saved(noise(), "PNG")),
    "a type with capitals": ("Image/PNG; q=1", saved(noise(), "PNG")),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_size_of_a_picture(name):
    """As it is stored; for the rules it is the same whether it lies or stands."""
    mime_type, data = PICTURES[name]
    found = look(data, mime_type)
    assert (found.kind, found.width, found.height, found.size) == ("image", 40, 30, len(data))


@pytest.mark.parametrize("name", PICTURES)
def test_base64_tells_what_its_bytes_tell(name):
    """In either alphabet, padded or not, in one line or in many."""
    mime_type, data = PICTURES[name]
    plain, safe = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    lines = base64.encodebytes(data).decode()
    for text in (plain, plain.rstrip("="), safe, safe.rstrip("="), lines):
        assert look(buffers.Base64(text), mime_type) == look(data, mime_type)


@given(st.binary(max_size=200), st.slices(200))
def test_base64_is_sliced_as_bytes_are(data, part):
    """Wherever the slice begins and ends; steps there are none."""
    part = slice(part.start, part.stop)
    made = buffers.Base64(base64.b64encode(data).decode())
    assert len(made) == len(data)
    assert made[part] == data[part]


@given(st.text(max_size=60), st.sampled_from(["image/png", "text/plain", "application/pdf"]))
def test_what_is_no_base64_is_unknown(text, mime_type):
    """And raises nothing."""
    assert look(buffers.Base64(text), mime_type).kind


@pytest.mark.parametrize(
    ("mime_type", "data"),
    [
        ("image/png", b""),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/png", saved(noise(), "PNG")[:20]),
        ("image/jpeg", saved(noise(), "JPEG")[:100]),
        ("image/webp", saved(noise(), "WEBP")[:18]),
        ("image/gif", b"GIF89a"),
        ("image/heic", b"\0\0\0\x18ftypheic"),
        ("image/png", b"no picture at all"),
        # Of more pixels than Pillow opens, even to look.
        ("image/png", media.bomb(60_000, 60_000)),
    ],
)
def test_a_picture_that_cannot_be_read_has_no_size(mime_type, data):
    """Cut off, of another kind, or a bomb."""
    found = look(data, mime_type)
    assert (found.kind, found.width, found.height) == ("image", None, None)


def test_a_picture_that_is_cut_off_behind_its_header_has_one():
    """The rest is not looked at."""
    found = look(saved(noise(), "PNG")[:60], "image/png")
    assert (found.width, found.height) == (40, 30)


def test_a_large_picture_costs_as_much_as_a_small_one():
    """Of 20 MB only the head is read, be they bytes or base64."""
    data = saved(Image.new("RGB", (9000, 6000), "red"), "PNG") + bytes(20_000_000)
    for buffer in (data, buffers.Base64(base64.b64encode(data).decode())):
        begun = time.process_time()
        assert look(buffer, "image/png").width == 9000
        assert time.process_time() - begun < 0.05


def test_many_pixels_are_no_warning():
    """A map of a hundred million pixels is sent as it is; warnings are errors here."""
    assert look(media.bomb(12_000, 10_000), "image/png").width == 12_000


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("text/plain", "text"),
        ("text/csv; charset=utf-8", "text"),
        ("application/json", "text"),
        ("text/rtf", "other"),
        ("application/pdf", "pdf"),
        ("application/x-pdf", "pdf"),
        ("audio/ogg", "audio"),
        ("video/webm", "video"),
        ("application/octet-stream", "other"),
        ("", "other"),
        ("image", "image"),
    ],
)
def test_the_kind_of_a_type(mime_type, kind):
    """It decides by which rule something is counted."""
    assert facts.kind_of(mime_type) == kind
    assert look(b"\xff\xd8", mime_type).kind == kind


def test_a_text_is_kept_whole():
    """It is counted as text; a mark at its beginning is none of it."""
    assert look("\ufeffGrüße".encode(), "text/plain").text == "Grüße"
    assert look(b"", "text/plain").text == ""
    assert look(b"\xff\xfe\x00", "text/plain").text is None


def test_of_a_beginning_the_whole_size_is_told():
    """A text that is not all there is unknown, not short."""
    found = look(b"hello", "text/plain", 5000)
    assert (found.text, found.size) == (None, 5000)
    data = saved(noise(), "PNG")
    assert look(data[:100], "image/png", len(data)) == look(data, "image/png")


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF", "MP3", "OGG"])
def test_of_the_beginning_of_a_recording_its_length_is_told(kind):
    """By its header, but for Ogg, which tells it at its end."""
    data = media.recording(kind, seconds=30.0)
    found = look(data[: len(data) // 2], f"audio/{kind.lower()}", len(data))
    expected = None if kind == "OGG" else pytest.approx(30.0, abs=0.3)
    assert (found.seconds, found.size) == (expected, len(data))


@given(st.sampled_from([*samples.RECORDINGS, *samples.PDFS]), st.data())
def test_nothing_raises_however_broken_it_is(name, draw):
    """Real media with bytes changed, and cut anywhere, said to be anything."""
    sample = samples.RECORDINGS.get(name) or samples.PDFS[name]
    data = bytearray(samples.data(sample))
    for at in draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=20)):
        data[at] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    mime_type = draw.draw(st.sampled_from(["application/pdf", "audio/aac", "audio/mp3", "video/a"]))
    found = look(bytes(data[:cut]), mime_type)
    assert found.seconds is None or 0 < found.seconds < 864_000
    assert found.pages is None or 0 < found.pages < 1_000_000
