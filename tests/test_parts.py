"""Any Python object becomes a Part, or one sentence says why not."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import sys
import types
from pathlib import Path

import IPython.display
import numpy as np
import pytest
from PIL import Image

from gemini_nb import parts
from gemini_nb.audio import Audio
from gemini_nb.errors import BadPrompt, UnknownName
from gemini_nb.parts import to_content, to_contents, to_part
from gemini_nb.types import Blob, Content, FileData, FunctionCall, Part
from tests.audio import sounds
from tests.media import picture

PNG = picture()


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PNG, "", "image/png"),
        (PNG, "lie.txt", "image/png"),
        (b"\xff\xd8\xff\xe0", "", "image/jpeg"),
        (b"GIF89a", "", "image/gif"),
        (b"%PDF-1.7", "", "application/pdf"),
        (b"fLaC\0", "", "audio/flac"),
        (b"OggS\0", "", "audio/ogg"),
        (b"ID3\x04\0", "", "audio/mp3"),
        (b"ID3 tags are old.", "notes.txt", "text/plain"),
        (b"RIFF....WAVEfmt ", "", "audio/wav"),
        (b"RIFF....WEBPVP8 ", "", "image/webp"),
        (b"RIFF....AVI LIST", "", "video/avi"),
        (b"FORM....AIFFCOMM", "", "audio/aiff"),
        (b"\0\0\0\x18ftypmp42", "", "video/mp4"),
        (b"\0\0\0\x18ftypisom", "talk.m4a", "audio/mp4"),
        (b"\0\0\0\x18ftypM4A ", "", "audio/mp4"),
        (b"\0\0\0\x14ftypqt  ", "film.mp4", "video/mov"),
        (b"\0\0\0\x18ftypheic", "photo.jpg", "image/heic"),
        (b"\x1a\x45\xdf\xa3....B\x82\x84webm", "", "video/webm"),
        (b"\0\0\x01\xba", "", "video/mpeg"),
        (b"\0\0", "song.mp3", "audio/mp3"),
        (b"\0\0", "film.mp4", "video/mp4"),
        (b"a,b\n", "table.csv", "text/csv"),
        (b"text", "Makefile", "text/plain"),
        (b"text", "", None),
        (b"\0\x01", "core", None),
        (b"\xff\xfe", "odd.thing", None),
    ],
)
def test_the_kind_is_read_from_the_bytes_then_the_name(data, name, kind):
    """What the first bytes say counts more than the name."""
    assert parts.mime_type(data, name) == kind


_TAG = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
_MP3 = sounds.encoded("MP3")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (_TAG + sounds.encoded("FLAC"), "audio/flac"),
        (_TAG + sounds.AAC, "audio/aac"),
        (_TAG + _MP3, "audio/mp3"),
        (_MP3, "audio/mp3"),
        (_MP3.replace(_MP3[:2], b"\xff\xf2"), "audio/mp3"),
        (sounds.AAC, "audio/aac"),
        (sounds.encoded("RF64"), "audio/wav"),
        ("\ufeffNotes".encode("utf-16-le"), None),
        (b"\xff\xff\xff\xff" * 40, None),
    ],
    ids=["FLAC, tag", "AAC, tag", "MP3, tag", "MP3", "MP3, sums", "AAC", "RF64", "text", "noise"],
)
def test_the_kind_of_a_recording_is_read_from_its_frames(data, kind):
    """A tag may stand before any, and the first two bytes do not tell all of them."""
    assert parts.mime_type(data) == kind


@pytest.mark.parametrize("value", ["", "text", "{braces}", "\u2028", "日本"])
def test_text_is_text(value):
    """A string goes as it is."""
    assert to_part(value) == Part(text=value)


def test_own_types_go_as_they_are():
    """A Part stays the same object, with all that nobody here knows."""
    part = Part(function_call=FunctionCall(name="f"), thought_signature="c2ln")
    assert to_part(part) is part
    assert to_part(Blob(mime_type="a/b", data=b"x")) == Part(
        inline_data=Blob(mime_type="a/b", data=b"x")
    )
    assert to_part(FileData(file_uri="u")) == Part(file_data=FileData(file_uri="u"))


@pytest.mark.parametrize(
    "value",
    [
        {"mime_type": "image/png", "data": b"x"},
        {"mimeType": "image/png", "data": bytearray(b"x")},
        {"mime_type": "image/png", "data": memoryview(b"x")},
        {"mime_type": "image/png", "data": "eA=="},
        {"mime_type": "image/png", "data": "eA"},
        {"inline_data": {"mime_type": "image/png", "data": b"x"}},
        {"inlineData": {"mimeType": "image/png", "data": "eA=="}},
        {"inline_data": Blob(mime_type="image/png", data=b"x")},
    ],
    ids=str,
)
def test_media_in_dicts(value):
    """A Blob or a Part as a dict, in either spelling, with bytes or base64."""
    assert to_part(value) == Part(inline_data=Blob(mime_type="image/png", data=b"x"))


def test_media_in_dicts_may_have_a_name():
    """The name of the file is kept in either spelling."""
    for key in ("display_name", "displayName"):
        made = to_part({"mimeType": "image/png", "data": b"x", key: "n"})
        assert made.inline_data.display_name == "n"


@pytest.mark.parametrize("value", [{"file_uri": "u", "mime_type": "a/b"}, {"fileUri": "u"}])
def test_files_in_dicts(value):
    """An uploaded file may be given by its address."""
    assert to_part(value).file_data.file_uri == "u"


def test_other_parts_in_dicts():
    """Every kind of Part can be written as a dict."""
    made = to_part({"functionCall": {"name": "f", "args": {"snake_case": 1}}})
    assert made == Part(function_call=FunctionCall(name="f", args={"snake_case": 1}))
    assert to_part({"text": "a", "thought": True}) == Part(text="a", thought=True)


@pytest.mark.parametrize(
    ("suffix", "data", "text"),
    [
        (".txt", "äöü".encode(), "äöü"),
        (".csv", b"\xef\xbb\xbfa,b", "a,b"),
        (".md", b"# Title", "# Title"),
        (".py", b"print(1)", "print(1)"),
        (".ipynb", b"{}", "{}"),
        (".json", b'{"a": 1}', '{"a": 1}'),
        (".svg", b"<svg/>", "<svg/>"),
        (".sh", b"ls", "ls"),
        (".tex", b"$x$", "$x$"),
        (".yaml", b"a: 1", "a: 1"),
        (".unheard-of", b"words", "words"),
        (".txt", b"", ""),
    ],
)
def test_text_files_become_text(tmp_path, suffix, data, text):
    """A file of text is text in the prompt, whatever its kind is called."""
    path = tmp_path / f"file{suffix}"
    path.write_bytes(data)
    assert to_part(path) == Part(text=text)


def test_media_files_become_data(tmp_path):
    """A file of media goes inline with its kind."""
    path = tmp_path / "no-suffix"
    path.write_bytes(PNG)
    assert to_part(path) == Part(inline_data=Blob(mime_type="image/png", data=PNG))


def test_bytes_of_a_known_kind():
    """Bytes alone are enough where they say what they are."""
    assert to_part(bytearray(PNG)) == Part(inline_data=Blob(mime_type="image/png", data=PNG))


def test_pictures():
    """A picture goes as PNG; one that was a JPEG as JPEG."""
    image_of = pytest.importorskip("PIL.Image")
    png = to_part(image_of.new("RGB", (3, 2), "red")).inline_data
    assert png.mime_type == "image/png"
    assert image_of.open(io.BytesIO(png.data)).getpixel((0, 0)) == (255, 0, 0)
    buffer = io.BytesIO()
    image_of.new("RGB", (8, 8), "blue").save(buffer, "JPEG")
    jpeg = to_part(image_of.open(buffer)).inline_data
    assert jpeg.mime_type == "image/jpeg"
    assert image_of.open(io.BytesIO(jpeg.data)).format == "JPEG"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "F"])
def test_pictures_of_every_mode(mode):
    """No mode of a picture is left that PNG could not take."""
    image_of = pytest.importorskip("PIL.Image")
    data = to_part(image_of.new(mode, (2, 2))).inline_data.data
    assert image_of.open(io.BytesIO(data)).size == (2, 2)


def test_figures():
    """A matplotlib figure goes as PNG."""
    figure_of = pytest.importorskip("matplotlib.figure")
    figure = figure_of.Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    made = to_part(figure).inline_data
    assert made.mime_type == "image/png"
    assert made.data.startswith(PNG[:8])


def test_tables_without_tabulate(monkeypatch):
    """A DataFrame or Series is CSV where `tabulate` is not installed."""
    pd = pytest.importorskip("pandas")
    monkeypatch.setitem(sys.modules, "tabulate", None)
    assert to_part(pd.DataFrame({"a": [1, 2]})).text == ",a\n0,1\n1,2\n"
    assert to_part(pd.Series([1], name="s")).text == ",s\n0,1\n"


def test_tables_with_tabulate(monkeypatch):
    """With `tabulate` a DataFrame is a table in Markdown."""
    pd = pytest.importorskip("pandas")
    monkeypatch.setattr(pd.DataFrame, "to_markdown", lambda self: "| a |")
    assert to_part(pd.DataFrame({"a": [1]})).text == "| a |"


def test_tables_of_polars():
    """A polars DataFrame, known by its name, writes its own CSV."""
    frame = type("DataFrame", (), {"__module__": "polars.dataframe", "write_csv": lambda _: "a\n"})
    assert to_part(frame()).text == "a\n"


def test_uploaded_files_of_any_kit():
    """What has a `uri` is a file that was uploaded before."""
    file = types.SimpleNamespace(uri="https://x/files/1", mime_type="audio/wav")
    assert to_part(file) == Part(
        file_data=FileData(file_uri="https://x/files/1", mime_type="audio/wav")
    )


def test_dataclasses_and_pydantic_models():
    """Models of other kits are read by their fields, absent ones left out."""

    @dataclasses.dataclass
    class Mine:
        text: str
        thought: bool | None = None

    assert to_part(Mine("a")) == Part(text="a")
    pydantic = pytest.importorskip("pydantic")

    class Theirs(pydantic.BaseModel):
        text: str | None = None
        inline_data: dict | None = None
        thought_signature: bytes | None = None

    assert to_part(Theirs(text="a", thought_signature=b"sig")) == Part(
        text="a", thought_signature=base64.b64encode(b"sig").decode()
    )
    assert to_part(Theirs(inline_data={"mime_type": "a/b", "data": b"x"})) == Part(
        inline_data=Blob(mime_type="a/b", data=b"x")
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (5, "A builtins.int cannot be part of a prompt."),
        (None, "A builtins.NoneType cannot be part of a prompt."),
        (["nested"], "A builtins.list cannot be part of a prompt."),
        (b"words", "The kind of 5 bytes is not known."),
        (b"", "The kind of 0 bytes is not known."),
        (Path("no-such-file"), "There is no file 'no-such-file'."),
        ({"mime_type": "a/b", "data": 5}, "Blob: data is a int."),
        ({"mime_type": "a/b", "data": None}, "Blob: data is a NoneType."),
        ({"mime_type": "a/b", "data": "no base64!"}, "Blob: not base64"),
        ({"text": 5}, "Part: Expected `str | null`, got `int`"),
        ({"inline_data": 5}, "Part: Expected `Blob`, got `int`"),
    ],
    ids=str,
)
def test_each_mistake_has_its_sentence(value, sentence):
    """Whatever cannot be a Part raises BadPrompt, which is a ValueError, with an advice."""
    with pytest.raises(BadPrompt, match=re.escape(sentence)) as caught:
        to_part(value)
    assert caught.value.advice
    assert isinstance(caught.value, ValueError)


def test_files_that_cannot_be_sent(tmp_path):
    """A folder, an empty picture, a text in no UTF-8 and an unknown kind are each named."""
    empty, latin, odd = tmp_path / "a.png", tmp_path / "b.txt", tmp_path / "c.bin1"
    empty.write_bytes(b"")
    latin.write_bytes("ä".encode("latin-1"))
    odd.write_bytes(b"\0\1\2")
    for path, sentence in (
        (tmp_path, "cannot be read"),
        (empty, "'a.png' is empty."),
        (latin, "'b.txt' is no UTF-8 text."),
        (odd, "The kind of 'c.bin1' is not known."),
    ):
        with pytest.raises(BadPrompt, match=re.escape(sentence)):
            to_part(path)


def test_a_file_that_could_not_even_be_uploaded_is_never_read(tmp_path):
    """What has more than 2 GB is refused by its size alone."""
    path = tmp_path / "talk.wav"
    with path.open("wb") as file:
        file.truncate(5 << 29)
    with pytest.raises(BadPrompt, match=r"'talk.wav' has 2\.5 GB; a file may have 2 GB") as caught:
        to_part(path)
    assert "audio.prepare()" in caught.value.advice


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ({"txt": "a"}, "text"),
        ({"inline_dat": {}}, "inline_data"),
        ({"inline_data": {"mime": "a/b"}}, "mime_type"),
        ({"functionCal": {}}, "function_call"),
    ],
    ids=str,
)
def test_a_wrong_key_names_what_was_meant(value, meant):
    """A key that no Part has is refused, at any depth."""
    with pytest.raises(UnknownName, match=f"Did you mean {meant}"):
        to_part(value)


@pytest.mark.parametrize(
    ("value", "roles"),
    [
        ("a", ["user"]),
        (["a", "b"], ["user"]),
        (("a", Part(text="b")), ["user"]),
        ({"text": "a"}, ["user"]),
        (Content(role="model", parts=[Part(text="a")]), ["model"]),
        ({"role": "user", "parts": ["a"]}, ["user"]),
        ({"parts": "a"}, ["user"]),
        ([{"role": "user", "parts": ["a"]}, {"role": "model", "parts": "b"}], ["user", "model"]),
        ([Content(role="model", parts=[Part(text="a")]), "b"], ["model", "user"]),
    ],
    ids=str,
)
def test_turns(value, roles):
    """One turn of the user, unless the value is made of turns."""
    made = to_contents(value)
    assert [content.role for content in made] == roles
    assert "".join(p.text for c in made for p in c.parts) in ("a", "ab")


@pytest.mark.parametrize("value", ["", " \n", [], [""], {"parts": []}, [{"parts": [" "]}]])
def test_an_empty_prompt_is_refused(value):
    """White space alone is nothing to send."""
    with pytest.raises(BadPrompt, match="The prompt is empty"):
        to_contents(value)


def test_a_picture_alone_is_a_prompt():
    """No words are needed where there is something to see."""
    assert to_contents(PNG)[0].parts[0].inline_data.mime_type == "image/png"


@pytest.mark.parametrize("role", ["system", "assistant", "User"])
def test_roles_of_other_apis_are_refused(role):
    """A role that Gemini does not have is named, with what to do instead."""
    with pytest.raises(BadPrompt, match=f"no role '{role}'") as caught:
        to_contents([{"role": role, "parts": ["a"]}])
    assert "system_instruction" in caught.value.advice


def test_a_wrong_key_in_a_turn_is_refused():
    """A turn has a role and parts, nothing else."""
    with pytest.raises(UnknownName, match="Did you mean role"):
        to_content({"rol": "user", "parts": ["a"]})


def test_a_photo_keeps_its_right_side_up():
    """What a camera says about up and down is applied, since it is not sent."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (4, 2)).save(buffer, "JPEG", exif=exif)
    part = to_part(Image.open(io.BytesIO(buffer.getvalue())))
    assert part.inline_data.mime_type == "image/jpeg"
    assert Image.open(io.BytesIO(part.inline_data.data)).size == (2, 4)


def test_what_a_notebook_shows_can_be_sent():
    """IPython's Image goes as the bytes that it shows."""
    data = PNG
    assert to_part(IPython.display.Image(data=data)).inline_data.data == data


# -- sound


def test_what_a_notebook_plays_can_be_sent(tmp_path):
    """IPython's Audio of bytes, of samples, and of a file goes as what it plays."""
    path = tmp_path / "talk.wav"
    path.write_bytes(sounds.encoded())
    made = IPython.display.Audio(sounds.tone()[:, 0], rate=16_000)
    for shown, data in (
        (IPython.display.Audio(path.read_bytes()), path.read_bytes()),
        (IPython.display.Audio(str(path)), path.read_bytes()),
        (IPython.display.Audio(url=str(path)), path.read_bytes()),
        (made, made.data),
    ):
        part = to_part(shown)
        assert (part.inline_data.mime_type, part.inline_data.data) == ("audio/wav", data)
        assert Audio.from_bytes(part.inline_data.data).probe().seconds == sounds.SECONDS


@pytest.mark.parametrize("url", ["https://host/talk.wav", "talk.wav", "data:audio/wav;base64,AAAA"])
@pytest.mark.parametrize("kind", ["Audio", "Image"])
def test_what_a_page_would_fetch_cannot_be_sent(kind, url):
    """Nothing is downloaded for a prompt, and the error says what to do."""
    shown = getattr(IPython.display, kind)(url=url)
    with pytest.raises(BadPrompt, match=f"IPython's {kind} of '{url}' holds no data") as caught:
        to_part(shown)
    assert "embed=True" in caught.value.advice


class Tensor:
    """As torch has them: NumPy makes an array of it."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._array, dtype=dtype)


Tensor.__module__ = "torch"
TONE = sounds.tone()[:, 0]


@pytest.mark.parametrize(
    "pair",
    [
        (TONE, 16_000),
        (16_000, TONE),
        (TONE, 16_000.0),
        (TONE, np.int64(16_000)),
        (np.stack([TONE, TONE], axis=1), 16_000),
        ((TONE * 32_767).astype(np.int16), 16_000),
        (Tensor(TONE), 16_000),
    ],
    ids=["soundfile", "scipy", "float", "numpy", "stereo", "int16", "torch"],
)
def test_samples_with_their_rate(pair):
    """What libraries give for a recording is one part, wherever a part is, and FLAC."""
    parts_of = [
        to_part(pair),
        to_content(pair).parts[0],
        to_contents(pair)[0].parts[0],
        to_contents(["Listen.", pair])[0].parts[1],
        to_contents(("Listen.", pair))[0].parts[1],
        to_contents({"role": "user", "parts": pair})[0].parts[0],
        to_contents([{"role": "user", "parts": [pair]}, "And?"])[0].parts[0],
    ]
    for part in parts_of:
        assert part.inline_data.mime_type == "audio/flac"
        found = Audio.from_bytes(part.inline_data.data).probe()
        assert (found.seconds, found.rate) == (sounds.SECONDS, 16_000)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((np.zeros((4, 3, 3), np.uint8), 5), "5 is no sample rate"),
        ((np.zeros((4, 3, 3), np.uint8), 16_000), "Samples have the shape (4, 3, 3)"),
        ((np.zeros((4, 3), np.uint8), 16_000), "not uint8"),
        ((np.zeros((2, 16_000)), 16_000), "would have 16,000 channels"),
        ((np.zeros(16_000), 16_000), "is silent"),
        ((np.zeros(16_000), True), "A numpy.ndarray cannot be part of a prompt"),
        ((np.zeros(16_000), "16000"), "A numpy.ndarray cannot be part of a prompt"),
        ([np.zeros(16_000), 16_000], "A numpy.ndarray cannot be part of a prompt"),
        ((np.zeros(16_000), 16_000, 1), "A numpy.ndarray cannot be part of a prompt"),
        ((1, 2), "A builtins.int cannot be part of a prompt"),
    ],
)
def test_pairs_that_are_no_sound(value, words):
    """Each has its sentence; a list, or a third thing, is no such pair."""
    with pytest.raises(BadPrompt, match=re.escape(words)) as caught:
        to_contents(value)
    assert caught.value.advice
