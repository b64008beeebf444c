"""Media that goes along inside a prompt, and what to do when it is too much: refuse, or upload.

Here each prompt comes by before it is sent; so it is here, too, that its recordings are added up.
Where the person asks for it (`upload="auto"`), the largest media are uploaded until the rest fits,
and the prompt names them instead. Nothing that was given is changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import TYPE_CHECKING, Any

import msgspec

from gemini_nb import errors, progress
from gemini_nb.content import FileData
from gemini_nb.enums import FileState

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemini_nb.client import Client
    from gemini_nb.content import Blob, Content, GenerateContentRequest, Part
    from gemini_nb.files.uploaded import File
    from gemini_nb.progress import Step
    from gemini_nb.transport import Transport

# What a request may carry, as base64: since January 2026; before, it was 20 MB.
INLINE_LIMIT = 100 << 20
_SOUND = "audio/"
# Seconds for the service to process what was uploaded.
_LONGEST_WAIT = 600.0

# Files that were uploaded for a prompt, by kind and hash: a chat sends its history each time.
_known: weakref.WeakKeyDictionary[Client, dict[str, File]] = weakref.WeakKeyDictionary()


def _media(body: GenerateContentRequest) -> list[Blob]:
    """Every Blob of the prompt, as often as it is sent."""
    blobs = [part.inline_data for content in body.contents for part in content.parts]
    return [blob for blob in blobs if blob is not None and blob.data]


def _size(blob: Blob) -> int:
    """Bytes on the wire, in base64."""
    return -(-len(blob.data or b"") // 3) * 4


def excess(body: GenerateContentRequest) -> list[Blob]:
    """The media that have to be uploaded before the rest fits into one request, largest first."""
    media = _media(body)
    over = sum(map(_size, media)) - INLINE_LIMIT
    found = []
    for blob in sorted({id(blob): blob for blob in media}.values(), key=_size, reverse=True):
        if over <= 0:
            break
        found.append(blob)
        over -= sum(_size(other) for other in media if other is blob)
    return found


def _too_much(body: GenerateContentRequest) -> str:
    from gemini_nb.files.sources import readable_size

    total = sum(map(_size, _media(body)))
    return (
        f"The media of this prompt takes {readable_size(total)} as it is sent, "
        f"and one request carries {readable_size(INLINE_LIMIT)}"
    )


def notice(body: GenerateContentRequest) -> str:
    """One line about what `upload="auto"` will do, empty where that is nothing."""
    many = len(excess(body))
    if not many:
        return ""
    files = "a file, which is" if many == 1 else f"{many} files, which are"
    return f"{_too_much(body)}: uploaded as {files} kept for 48 hours."


def check(body: GenerateContentRequest) -> None:
    """Raises BadPrompt where the media does not fit."""
    if excess(body):
        raise errors.BadPrompt(
            f"{_too_much(body)}.",
            advice='Upload it first: genai.upload_file(path); or give upload="auto".',
        )


def fit(
    client: Client, body: GenerateContentRequest, upload: str | None = None
) -> GenerateContentRequest:
    """A body that one request carries; `upload="auto"` uploads what is too much.

    Raises BadPrompt where it is too much otherwise, or more sound than one prompt takes; and what
    uploading and waiting raise.
    """
    if _has_sound(body):
        _check_length(body)
    blobs = _chosen(body, upload)
    if not blobs:
        return body
    way = client.connect()
    files = progress.run(lambda report: _uploaded(client, way, blobs, report), **_bar(blobs))
    return _naming(body, blobs, files)


async def fit_async(
    client: Client, body: GenerateContentRequest, upload: str | None = None
) -> GenerateContentRequest:
    """`fit`, awaited."""
    if _has_sound(body):
        await asyncio.to_thread(_check_length, body)
    blobs = _chosen(body, upload)
    if not blobs:
        return body
    way = await asyncio.to_thread(client.connect)
    files = await progress.arun(lambda report: _uploaded(client, way, blobs, report), **_bar(blobs))
    return _naming(body, blobs, files)


def _has_sound(body: GenerateContentRequest) -> bool:
    """Whether there may be some, by the names of its media alone: what has none waits for nothing.

    A file of which the prompt does not say what it is may be sound.
    """
    for content in body.contents:
        for part in content.parts:
            if part.inline_data is not None:
                kind = part.inline_data.mime_type or ""
            elif part.file_data is not None:
                kind = part.file_data.mime_type or _SOUND
            else:
                continue
            if kind.lower().startswith(_SOUND):
                return True
    return False


def _check_length(body: GenerateContentRequest) -> None:
    """Raises BadPrompt for more hours than one prompt takes. Headers are read, and no more."""
    from gemini_nb.audio import limits
    from gemini_nb.known import facts_of

    limits.check(limits.total_seconds(body.contents, facts_of))


def _chosen(body: GenerateContentRequest, upload: str | None) -> list[Blob]:
    if upload not in (None, "auto"):
        raise errors.UnknownName(str(upload), owner="upload", known=("auto",))
    if upload is None:
        check(body)
    return excess(body)


def _bar(blobs: list[Blob]) -> dict[str, Any]:
    return {
        "label": "Uploading the media of the prompt",
        "total": sum(len(blob.data or b"") for blob in blobs),
    }


async def _uploaded(
    client: Client, way: Transport, blobs: list[Blob], report: Callable[[Step], None]
) -> list[File]:
    """The Files of these media, ready for use."""
    from gemini_nb.files.sending import Job, together
    from gemini_nb.files.uploaded import File

    known = _known.setdefault(client, {})
    keys = [await asyncio.to_thread(_hash, blob) for blob in blobs]
    files = [await _still_there(known.get(key), way) for key in keys]
    new = [place for place, file in enumerate(files) if file is None]
    jobs = [Job(blobs[i].data, blobs[i].mime_type, None, blobs[i].display_name) for i in new]
    for place, body in zip(new, await together(jobs, client, way, report), strict=True):
        if isinstance(body, errors.GeminiError):
            raise body
        known[keys[place]] = files[place] = File(body, client)
    ready = [file for file in files if file is not None]
    for file in ready:
        await file._wait(way, _LONGEST_WAIT, report)
    return ready


def _hash(blob: Blob) -> str:
    import hashlib

    found = hashlib.sha256(blob.data or b"").hexdigest()
    return f"{blob.mime_type} {found}"  # the same bytes as another kind are another file


async def _still_there(file: File | None, way: Transport) -> File | None:
    """An upload of an earlier prompt, if it may be used again."""
    if file is not None:
        with contextlib.suppress(errors.GeminiError):
            await file._look(way)
            if file.state == FileState.ACTIVE:
                return file
    return None


def _naming(
    body: GenerateContentRequest, blobs: list[Blob], files: list[File]
) -> GenerateContentRequest:
    """The body with its largest media named instead of carried."""
    by_blob = {id(blob): file for blob, file in zip(blobs, files, strict=True)}

    def part(given: Part) -> Part:
        file = by_blob.get(id(given.inline_data))
        if file is None:
            return given
        named = FileData(file_uri=file.uri, mime_type=file.mime_type or None)
        return msgspec.structs.replace(given, inline_data=None, file_data=named)

    contents: list[Content] = [
        msgspec.structs.replace(content, parts=[part(p) for p in content.parts])
        for content in body.contents
    ]
    return msgspec.structs.replace(body, contents=contents)
