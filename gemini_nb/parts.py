"""Any Python object → Parts and Contents. Nothing is sent; only a path that is given is read.

str                        text
Part, Content, File        as they are
dict                       a Part ({"text"}, {"inline_data"}…), a Blob ({"mime_type", "data"}),
                           a Content ({"role", "parts"})
pathlib.Path               the file's bytes, with the MIME type of its content or name
PIL.Image                  PNG, or JPEG where it was one
matplotlib figure          PNG
Audio                      the recording, once it is checked
(samples, rate)            the same: an array and a number, in either order
IPython's Image, Audio     the bytes that they show or play, or the file that they name
pandas DataFrame, Series   text, as Markdown where `tabulate` is installed, else as CSV
"""

from __future__ import annotations

import io
import mimetypes
from pathlib import Path
from typing import Any

import msgspec

from gemini_nb import media, structs
from gemini_nb.content import Blob, Content, FileData, Part
from gemini_nb.errors import BadPrompt, UnknownName

# What the first bytes say, where a name lies or is missing. RIFF is told apart by bytes 8 to 12, as
# are the relatives of MP4, whose other brands hold sound or film: there the name helps.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3\x02", "audio/mp3"),
    (b"ID3\x03", "audio/mp3"),
    (b"ID3\x04", "audio/mp3"),
    (b"\xff\xfb", "audio/mp3"),
    (b"\xff\xf3", "audio/mp3"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"FLV\x01", "video/x-flv"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/avi"}
_MP4 = {
    b"M4A ": "audio/mp4",
    b"qt  ": "video/mov",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
# The names that the API documents where the system's table has others.
_DOCUMENTED = {
    "audio/mpeg": "audio/mp3",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/mp4a-latm": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "video/quicktime": "video/mov",
    "video/x-msvideo": "video/avi",
    "video/x-ms-wmv": "video/wmv",
    "application/x-javascript": "text/javascript",
}
_KINDS = "Use text, an image, a path, bytes, a figure or a DataFrame, or str() of it."
_ARRAYS = "Sound: genai.Audio.from_array(samples, rate). A picture: PIL.Image.fromarray(pixels)."
_SAMPLES = {"numpy.ndarray", "torch.Tensor"}
_PART_KEYS = frozenset(Part.__struct_fields__)
_BLOB_KEYS = frozenset({"mime_type", "mimeType", "data", "display_name", "displayName"})


def mime_type(data: bytes, name: str = "") -> str | None:
    """The MIME type of `data` by its first bytes, then by its name; None where neither tells."""
    if found := _by_first_bytes(data):
        return found
    guessed = mimetypes.guess_type(name)[0]
    if name.lower().endswith(".m4a"):  # not in every system's table
        guessed = "audio/mp4"
    guessed = _DOCUMENTED.get(guessed, guessed) if guessed else None
    if data[4:8] == b"ftyp":
        by_name = guessed if (guessed or "").startswith(("audio/", "video/")) else None
        return _MP4.get(data[8:12]) or by_name or "video/mp4"
    if data.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in data[:64]:
        return "video/webm"
    return guessed or ("text/plain" if name and _is_utf8(data) else None)


def _by_first_bytes(data: bytes) -> str | None:
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and data[1:2] >= b"\xe0"):
        from gemini_nb.audio import header

        # A tag stands before AAC and FLAC, too, and frames of MP3 begin in many ways.
        if sound := header.kind_of(data):
            return sound
    for magic, found in _MAGIC:
        if data.startswith(magic):
            return found
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[:4] == b"RF64" and data[8:12] == b"WAVE":  # for more than 4 GB
        return "audio/wav"
    if data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    return None


def from_bytes(data: bytes, name: str = "") -> Part:
    """Bytes of a known kind → an inline Part; text files become text.

    Raises BadPrompt where the kind is not known.
    """
    kind = mime_type(data, name)
    what = repr(name) if name else f"{len(data):,} bytes"
    if kind is None:
        raise BadPrompt(
            f"The kind of {what} is not known.",
            advice='Say it: {"mime_type": "audio/wav", "data": …}.',
        )
    if _is_text(kind, data):
        try:
            return Part(text=data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise BadPrompt(
                f"{what} is no UTF-8 text.", advice="Convert it, then try again."
            ) from None
    if not data:
        raise BadPrompt(f"{what} is empty.", advice="Give a file with content.")
    media.check(data, kind, what)
    return Part(inline_data=Blob(mime_type=kind, data=data))


def _is_text(kind: str, data: bytes) -> bool:
    """Text by its kind; or, as scripts, TeX and YAML, `application/…` by name, text by content."""
    if kind.startswith("text/") or kind in ("application/json", "application/xml", "image/svg+xml"):
        return True
    return kind.startswith("application/") and kind != "application/pdf" and _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    if b"\0" in data[:8192]:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def from_path(path: Path) -> Part:
    """A file on disk → a Part. Raises BadPrompt where it cannot be read."""
    path = path.expanduser()
    try:
        media.check_size(path.stat().st_size, repr(path.name))
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadPrompt(f"There is no file {str(path)!r}.", advice="Check the path.") from None
    except OSError as error:
        raise BadPrompt(f"{str(path)!r} cannot be read: {error.strerror}.") from None
    return from_bytes(data, path.name)


def _from_image(image: Any) -> Part:
    """A PIL image → PNG, which loses nothing; or JPEG where it was one, ten times smaller."""
    from PIL import ImageOps

    kind = image.format
    image = ImageOps.exif_transpose(image)  # a camera's "this side up" does not survive otherwise
    buffer = io.BytesIO()
    if kind in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        image.save(buffer, "JPEG", quality=95)
        return Part(inline_data=Blob(mime_type="image/jpeg", data=buffer.getvalue()))
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = image.convert("RGB")
    image.save(buffer, "PNG")
    return Part(inline_data=Blob(mime_type="image/png", data=buffer.getvalue()))


def _from_figure(figure: Any) -> Part:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return Part(inline_data=Blob(mime_type="image/png", data=buffer.getvalue()))


def _from_frame(frame: Any) -> Part:
    if hasattr(frame, "write_csv"):  # polars
        return Part(text=frame.write_csv())
    try:
        return Part(text=frame.to_markdown())
    except ImportError:
        return Part(text=frame.to_csv())


def _from_dict(value: dict[str, Any]) -> Part:
    if "data" in value and set(value) <= _BLOB_KEYS:
        data = value["data"]
        if isinstance(data, (bytearray, memoryview)):
            data = bytes(data)
        if not isinstance(data, (str, bytes)):  # text is base64, as on the wire
            raise BadPrompt(
                f"Blob: data is a {type(data).__name__}.", advice="Give bytes, or base64 text."
            )
        return Part(inline_data=_build(Blob, {**value, "data": data}))
    if "file_uri" in value or "fileUri" in value:
        return Part(file_data=_build(FileData, value))
    part: Part = _build(Part, value)
    return part


def _build(cls: type[structs.Wire], value: dict[str, Any]) -> Any:
    try:
        return structs.build(cls, value, strict=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadPrompt(
            f"{cls.__name__}: {error}.", advice="Look at the types of its values."
        ) from None


def samples_of(value: Any) -> tuple[Any, Any] | None:
    """`(samples, rate)` of such a pair in either order; None for anything else.

    soundfile, librosa and torchaudio give a recording so, SciPy the other way round. An array alone
    has no rate.
    """
    if not isinstance(value, tuple) or len(value) != 2:  # noqa: PLR2004 - a pair
        return None
    for samples, beside in (value, value[::-1]):
        rate = structs.plain(beside)
        if _names(samples) & _SAMPLES and type(rate) in (int, float):
            return samples, rate
    return None


def to_part(value: Any) -> Part:
    """One object → one Part.

    Raises BadPrompt for an object that is none of the above, UnknownName for a wrong key in a dict.
    """
    if isinstance(value, str):
        return Part(text=value)
    if isinstance(value, Part):
        return value
    if isinstance(value, Blob):
        return Part(inline_data=value)
    if isinstance(value, FileData):
        return Part(file_data=value)
    value = structs.plain(value)
    if isinstance(value, dict):
        return _from_dict(value)
    if isinstance(value, Path):
        return from_path(value)
    if isinstance(value, (bytes, bytearray)):
        return from_bytes(bytes(value))
    made = _from_sound(value) or _from_library(value)
    if made is None:
        raise BadPrompt(
            f"A {type(value).__module__}.{type(value).__name__} cannot be part of a prompt.",
            advice=_ARRAYS if type(value).__name__ == "ndarray" else _KINDS,
        )
    return made


def _from_sound(value: Any) -> Part | None:
    found = samples_of(value)
    if found is not None:
        from gemini_nb.audio import Audio

        value = Audio.from_array(*found)
    if callable(getattr(value, "_part", None)):  # Audio, which is not imported for that
        made: Part = value._part()
        return made
    return None


def _names(value: Any) -> set[str]:
    """Its class and those above it, each with its library."""
    return {f"{c.__module__.partition('.')[0]}.{c.__name__}" for c in type(value).__mro__}


def _from_library(value: Any) -> Part | None:
    """Objects of libraries that need not be installed, known by the names of their classes."""
    names = _names(value)
    if "PIL.Image" in names:
        return _from_image(value)
    if "matplotlib.Figure" in names:
        return _from_figure(value)
    if names & {"IPython.Image", "IPython.Audio"}:
        return _from_display(value)
    if names & {"pandas.DataFrame", "pandas.Series", "polars.DataFrame"}:
        return _from_frame(value)
    if isinstance(getattr(value, "uri", None), str):
        return _from_file(value)
    return None


def _from_display(shown: Any) -> Part:
    """What IPython shows or plays: held by it, or named, and then it may be on this machine."""
    if shown.data:
        return from_bytes(bytes(shown.data))
    named = shown.filename or shown.url or ""
    is_address = len(named.partition(":")[0]) > 1 and ":" in named
    if not is_address and Path(named).is_file():
        return from_path(Path(named))
    raise BadPrompt(
        f"IPython's {type(shown).__name__} of {named[:100]!r} holds no data, and names no file.",
        advice="Download it, then give its path; or make it with embed=True.",
    )


def _from_file(file: Any) -> Part:
    """An uploaded File, of this package or of another SDK."""
    state = getattr(file, "state", None)
    state = getattr(state, "name", state)
    if state == "PROCESSING":
        raise BadPrompt(
            f"{file.name} is still being processed.", advice="Wait for it: file.wait()."
        )
    if state == "FAILED":
        raise BadPrompt(
            f"{file.name} could not be processed by the service.",
            advice="Upload it again, in another format.",
        )
    return Part(file_data=FileData(file_uri=file.uri, mime_type=getattr(file, "mime_type", None)))


def _is_turn(value: Any) -> bool:
    return isinstance(value, Content) or (
        isinstance(value, dict) and "parts" in value and not _PART_KEYS & set(value)
    )


def to_content(value: Any, role: str | None = "user") -> Content:
    """One object, or a list of them → one Content, said by `role` unless it says itself."""
    if isinstance(value, Content):
        return value
    value = structs.plain(value)
    if isinstance(value, dict) and "parts" in value:
        for key in value:
            if key not in ("role", "parts"):
                raise UnknownName(key, owner="Content", known=("role", "parts"))
        return to_content(value["parts"], value.get("role") or role)
    return Content(role=role, parts=[to_part(item) for item in _many(value)])


def _many(value: Any) -> list[Any]:
    """The objects of a list; one alone is a list of one, and so are samples with their rate."""
    is_list = isinstance(value, (list, tuple)) and samples_of(value) is None
    return list(value) if is_list else [value]


def to_contents(value: Any) -> list[Content]:
    """What `generate_content` takes → the turns of a request.

    A list of turns stays one; anything else is one turn of the user. Raises BadPrompt where there
    is nothing to send.
    """
    many = _many(value)
    if any(_is_turn(item) for item in many):
        contents = [to_content(item) for item in many]
    else:
        contents = [to_content(many)]
    for content in contents:
        if content.role not in ("user", "model", "function", None):
            raise BadPrompt(
                f"There is no role {content.role!r}.",
                advice='It is "user" or "model"; instructions go into system_instruction.',
            )
    if not any(p.text is None or p.text.strip() for c in contents for p in c.parts):
        raise BadPrompt("The prompt is empty.", advice="Write something to send.")
    return contents
