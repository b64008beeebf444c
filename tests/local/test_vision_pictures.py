"""Image bytes from strangers: what is refused, at what cost, and what comes out of the rest."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gemini_nb.local import pictures
from gemini_nb.local.fault import Fault
from tests.local.test_app import FLASH, client, error


def encoded(picture, kind, **options):
    made = io.BytesIO()
    picture.save(made, kind, **options)
    return made.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height):
    """A PNG of that size whose pixels are zeros: ten kilobytes for ten million of them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = zlib.compress(bytes(10_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def patched(data, at, *size):
    return data[:at] + struct.pack(*size) + data[at + struct.calcsize(size[0]) :]


SMALL = Image.new("RGB", (16, 16), "red")
JPEG, GIF = encoded(SMALL, "JPEG"), encoded(SMALL, "GIF")
HUGE_JPEG = patched(JPEG, JPEG.index(b"\xff\xc0") + 5, ">HH", 65500, 65500)
HUGE_GIF = patched(GIF, 6, "<HH", 65535, 65535)
HUGE_FRAME = patched(GIF, GIF.index(b",") + 5, "<HH", 65535, 65535)
VP8X = struct.pack("<4sI4s3s3s", b"VP8X", 10, bytes(4), b"\xfe\x3f\x00", b"\xfe\x3f\x00")
BODY = b"WEBP" + VP8X + encoded(SMALL, "WEBP", lossless=True)[12:]
HUGE_WEBP = b"RIFF" + struct.pack("<I", len(BODY)) + BODY
BOMBS = [
    ("image/png", png(60_000, 60_000)),
    ("image/png", png(10_000, 9_500)),  # between the two limits of Pillow's own
    ("image/png", png(7_100, 7_100)),
    ("image/jpeg", HUGE_JPEG),
    ("image/gif", HUGE_GIF),
    ("image/gif", HUGE_FRAME),
    ("image/webp", HUGE_WEBP),
]

# Reads bombs from stdin, and prints what each was answered and what it cost in memory.
CHILD = """
import base64, json, resource, sys
from gemini_nb.local import pictures
from gemini_nb.local.fault import Fault

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

pictures.opened(base64.b64decode(sys.stdin.readline()), "image/png")
for line in sys.stdin:
    mime, data = json.loads(line)
    before = peak()
    try:
        pictures.opened(base64.b64decode(data), mime)
        found = "opened"
    except Fault as fault:
        found = [fault.code, fault.message]
    print(json.dumps([found, peak() - before]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")
def test_a_bomb_is_refused_by_its_header_and_costs_no_memory():
    """A few bytes that claim gigapixels, of each kind, in a process that measures itself."""
    lines = [base64.b64encode(encoded(SMALL, "PNG")).decode()]
    lines += [json.dumps([mime, base64.b64encode(data).decode()]) for mime, data in BOMBS]
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(BOMBS)
    for (mime, _), (found, kilobytes) in zip(BOMBS, answers, strict=True):
        assert found[0] == 400, mime
        assert "more than 50 million pixels" in found[1]
        assert kilobytes < 8_000, mime


CIRCLE = Image.new("RGB", (300, 200), "white")
ImageDraw.Draw(CIRCLE).ellipse((50, 30, 250, 170), fill="blue", outline="black")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_truncated_image_is_refused(kind):
    """Half an image is not looked at as if it were whole; a whole one is."""
    data = encoded(CIRCLE, kind)
    mime = f"image/{kind.lower()}"
    picture, size = pictures.opened(data, mime)
    assert (picture.mode, picture.size, size) == ("RGB", (300, 200), (300, 200))
    for part in (data[: len(data) // 2], data[:40], b""):
        with pytest.raises(Fault, match="Unable to process input image: it is ") as caught:
            pictures.opened(part, mime)
        assert caught.value.code == 400


def test_bytes_that_are_not_what_they_are_called_are_refused():
    """With both names, so that the mistake can be found."""
    with pytest.raises(Fault, match="it is JPEG, and the request says image/png"):
        pictures.opened(JPEG, "image/png")
    with pytest.raises(Fault, match="it is no PNG file, or its header is damaged"):
        pictures.opened(b"%PDF-1.7 and so on", "image/png")


def test_every_byte_of_a_header_may_be_wrong():
    """Whatever a broken header makes Pillow meet comes out as one sentence."""
    for whole, mime in ((GIF, "image/gif"), (JPEG, "image/jpeg"), (HUGE_WEBP, "image/webp")):
        for index in range(min(len(whole), 400)):
            broken = bytearray(whole)
            broken[index] ^= 0xFF
            with contextlib.suppress(Fault):  # and nothing else
                pictures.opened(bytes(broken), mime)


@pytest.mark.parametrize(
    ("mime", "code", "status", "words"),
    [
        ("image/heic", 501, "UNIMPLEMENTED", "cannot read image/heic images"),
        ("image/svg+xml", 400, "INVALID_ARGUMENT", "Unsupported MIME type: image/svg+xml"),
        ("image/png", 400, "INVALID_ARGUMENT", "Unable to process input image"),
        ("video/mp4", 501, "UNIMPLEMENTED", "cannot read video or documents"),
    ],
)
def test_the_route_says_so_in_the_apis_shape(mime, code, status, words):
    """Before any model is asked."""
    part = {"inline_data": {"mime_type": mime, "data": "AAAA"}}
    body = {"contents": [{"parts": [part, {"text": "What is it?"}]}]}
    for method in ("generateContent", "streamGenerateContent?alt=sse"):
        answer = client().post(f"{FLASH}:{method}", json=body)
        assert words in error(answer, code, status)["message"]


def test_a_turned_photograph_is_upright():
    """Its width and height are those that a person sees."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    data = encoded(CIRCLE, "JPEG", exif=exif)
    picture, size = pictures.opened(data, "image/jpeg")
    assert picture.size == size == (200, 300)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_image_becomes_smaller_and_keeps_its_size_in_words(kind):
    """What is looked at is bounded; what is told is true."""
    data = encoded(CIRCLE.resize((6000, 4000)), kind)
    picture, size = pictures.opened(data, f"image/{kind.lower()}")
    assert size == (6000, 4000)
    assert picture.size == (3000, 2000)


def test_any_kind_of_pixels_becomes_rgb():
    """Clear pixels are white paper, deep greys keep their shade, a film is its first frame."""
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    deep = Image.fromarray(np.full((20, 20), 40_000, dtype=np.uint16))
    film = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(
        film, "GIF", save_all=True, append_images=[Image.new("RGB", (20, 20), "blue")]
    )
    seen = [
        (encoded(clear, "PNG"), "image/png", (255, 255, 255)),
        (encoded(deep, "PNG"), "image/png", (156, 156, 156)),
        (encoded(Image.new("1", (20, 20), 1), "PNG"), "image/png", (255, 255, 255)),
        (film.getvalue(), "image/gif", (255, 0, 0)),
    ]
    for data, mime, colour in seen:
        picture, _ = pictures.opened(data, mime)
        assert (picture.mode, picture.getpixel((5, 5))) == ("RGB", colour)


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("black", "black"),
        ("white", "white"),
        ("#808080", "grey"),
        ("red", "red"),
        ("crimson", "red"),
        ("orange", "orange"),
        ("saddlebrown", "brown"),
        ("yellow", "yellow"),
        ("forestgreen", "green"),
        ("turquoise", "turquoise"),
        ("navy", "blue"),
        ("skyblue", "blue"),
        ("rebeccapurple", "purple"),
        ("hotpink", "pink"),
    ],
)
def test_colours_have_their_plain_names(colour, name):
    """What a person would call it."""
    assert pictures.colours(Image.new("RGB", (50, 50), colour)) == [(name, 1.0)]


def test_colours_are_measured():
    """By the share of the picture that they cover, the largest first."""
    half = Image.new("RGB", (100, 100), "white")
    half.paste("blue", (0, 0, 100, 30))
    half.paste("red", (0, 99, 100, 100))  # too little to speak of
    (first, white), (second, blue) = pictures.colours(half)
    assert (first, second) == ("white", "blue")
    assert (white, blue) == (pytest.approx(0.69, abs=0.02), pytest.approx(0.3, abs=0.02))
