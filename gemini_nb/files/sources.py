"""What is to be uploaded: a path, bytes or a buffer → its name, kind, size and bytes by the piece.

Nothing is sent here, and no more than a piece is ever held. Everything blocks: it runs on a thread.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import io
import mmap
import os
import re
import shutil
import stat
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gemini_nb import media, parts
from gemini_nb.audio import Audio
from gemini_nb.errors import BadPrompt, FileError, UploadCorrupted

if TYPE_CHECKING:
    from collections.abc import Callable

# What is read at once where it is only hashed.
_PIECE = 1 << 20
# As much as tells a text from something else.
_HEAD = 1 << 16
# What is not on disk is held for a look at its header up to here.
_LOOKED_AT = 64 << 20
_MIME = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w.=\"-]+)*", re.ASCII)
_STEPS = ("bytes", "KB", "MB", "GB")

# What tells one state of a file from another: its path, its size, its time in nanoseconds.
Identity = tuple[str, int, int]


def readable_size(count: float) -> str:
    """`12.3 MB`, as file managers count: 1 KB is 1024 bytes."""
    for step in _STEPS[:-1]:
        if count < 1024:  # noqa: PLR2004 - see above
            return f"{count:.3g} {step}" if count < 1000 else f"{count:.0f} {step}"  # noqa: PLR2004
        count /= 1024
    return f"{count:.3g} {_STEPS[-1]}"


class Source:
    """Bytes that can be read from any place, more than once.

    `identity` is None for what has no life beyond this process.
    """

    def __init__(
        self,
        name: str,
        size: int,
        opened: Callable[[], IO[bytes]],
        *,
        identity: Identity | None = None,
        copy: IO[bytes] | None = None,
    ) -> None:
        self.name = name
        self.size = size
        self.identity = identity
        self.mime_type = ""
        self._opened = opened
        self._copy = copy
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes from `offset` on.

        Raises UploadCorrupted where the file is another one by now, FileError where it cannot be
        read any more.
        """
        try:
            with self._lock:
                return self._read(offset, size)
        except (OSError, ValueError) as error:  # ValueError: the person closed it
            why = getattr(error, "strerror", None) or str(error)
            raise FileError(f"{self} cannot be read any more: {why}.") from None

    def _read(self, offset: int, size: int) -> bytes:
        if self._file is None:
            self._file = self._opened()
            self._refuse_another()
        self._file.seek(offset)
        pieces = []
        while size and (piece := self._file.read(size)):
            pieces.append(piece)
            size -= len(piece)
        if size:
            raise UploadCorrupted(f"{self} became shorter while it was uploaded.")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def look(self, check: Callable[[Any, str, str], None]) -> None:
        """Let `check` see the bytes, the kind and the name; what is on disk stays there."""
        if self.identity is None:
            if self.size <= _LOOKED_AT:
                check(self.read(0, self.size), self.mime_type, str(self))
            return
        with self._opened() as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            check(data, self.mime_type, str(self))

    def check(self) -> None:
        """Raises UploadCorrupted where the file was changed since it was first looked at."""
        with self._lock:
            self._refuse_another()

    def _refuse_another(self) -> None:
        if self.identity is None or self._file is None:
            return
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != self.identity[1:]:
            raise UploadCorrupted(f"{self} was changed while it was uploaded.")

    def rest(self) -> None:
        """Close what the next `read` can open again: a list of many files is open one by one."""
        with self._lock:
            if self._file is not None and self.identity is not None:
                self._file.close()
                self._file = None

    def close(self) -> None:
        """Let go of what was opened here; what the person opened stays open."""
        self.rest()
        if self._copy is not None:
            with self._lock:
                self._copy.close()

    def __str__(self) -> str:
        return repr(self.name) if self.name else f"What was given ({readable_size(self.size)})"


class Reading:
    """The hash of a Source, made once on its way, however often parts of it are read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sha256 = hashlib.sha256()
        self.done = 0

    def add(self, offset: int, data: bytes) -> str | None:
        """Take what was read from there on; what lies before is done.

        Returns the hash of all up to its end; None where more was read before.
        """
        self._update(memoryview(data)[max(0, self.done - offset) :])
        return self._sha256.hexdigest() if self.done == offset + len(data) else None

    def sha256(self, offset: int) -> str:
        """The hash of the first `offset` bytes, in hexadecimal, or of more where more was read."""
        while self.done < offset:
            self._update(self._source.read(self.done, min(_PIECE, offset - self.done)))
        return self._sha256.hexdigest()

    def _update(self, data: bytes | memoryview) -> None:
        self._sha256.update(data)
        self.done += len(data)


def of(value: Any, mime_type: str | None = None) -> Source:
    """A path, bytes, an open binary file, an Audio, or an image or figure of a library → a Source.

    An open file is uploaded whole, wherever it stands. The kind is the one given, else what the
    first bytes say, else what the name says.

    Raises BadPrompt for what cannot be uploaded, or where the kind is not known.
    """
    with contextlib.ExitStack() as stack:
        source = _source(value)
        stack.callback(source.close)
        media.check_size(source.size, str(source))
        source.mime_type = _kind(source, mime_type)
        if mime_type is None and source.size:
            source.look(media.check)
        stack.pop_all()
        return source


def _source(value: Any) -> Source:
    if isinstance(value, (str, os.PathLike)):
        return _of_path(Path(os.fsdecode(value)).expanduser())
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(value))
    if isinstance(value, io.TextIOBase):
        raise BadPrompt(
            "A file that is open as text cannot be uploaded.", advice='Open it with mode "rb".'
        )
    if callable(getattr(value, "read", None)):
        return _of_buffer(value)
    if isinstance(value, Audio):
        return _of_audio(value)
    if samples := parts.samples_of(value):
        return _of_audio(Audio.from_array(*samples))
    part = parts.to_part(value)
    if part.inline_data is None or not part.inline_data.data:
        raise BadPrompt(
            f"A {type(value).__name__} cannot be uploaded.",
            advice="Give a path, bytes, an open binary file, or an image.",
        )
    source = _of_bytes(part.inline_data.data)
    source.mime_type = part.inline_data.mime_type or ""
    return source


def _of_audio(audio: Audio) -> Source:
    """A recording, once it is checked, as in a prompt: else the prompt that names it would cost."""
    from gemini_nb.audio import decoding

    source = None
    if audio.path is not None:
        source = _of_path(audio.path)
        media.check_size(source.size, str(source))  # before all of it is decoded for nothing
    kind = audio.mime_type
    if decoding.can_decode(kind):
        audio.check()
    if source is None:
        source = _of_bytes(audio.data)
        source.name = audio.name
    source.mime_type = kind
    return source


def _of_path(path: Path) -> Source:
    try:
        found = path.stat()
        place = str(path.resolve())
    except FileNotFoundError:
        raise BadPrompt(f"There is no file {str(path)!r}.", advice="Check the path.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise BadPrompt(f"{str(path)!r} cannot be read: {_why(error)}.") from None
    if not stat.S_ISREG(found.st_mode):
        raise BadPrompt(f"{str(path)!r} is no file.", advice="Give the path of a file.")
    identity = (place, found.st_size, found.st_mtime_ns)
    # Not buffered: what is read goes on as it is.
    return Source(path.name, found.st_size, lambda: path.open("rb", buffering=0), identity=identity)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _of_bytes(data: bytes) -> Source:
    return Source("", len(data), lambda: io.BytesIO(data))


def _of_buffer(value: Any) -> Source:
    """An open file; one that cannot go back is copied, since after a fault an upload does."""
    name = getattr(value, "name", "")
    name = Path(name).name if isinstance(name, str) else ""
    copy = None
    try:
        if not _seekable(value):
            copy = value = _spooled(value)
        size = value.seek(0, io.SEEK_END)
    except (OSError, ValueError) as error:
        raise BadPrompt(f"The open file cannot be read: {_why(error)}.") from None
    except TypeError:
        raise BadPrompt(
            "A file that gives no bytes cannot be uploaded.", advice='Open it with mode "rb".'
        ) from None
    return Source(name, size, lambda: value, copy=copy)


def _seekable(value: Any) -> bool:
    asked = getattr(value, "seekable", None)
    return bool(asked()) if callable(asked) else hasattr(value, "seek")


def _spooled(value: Any) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it ends with the Source that holds it
    with contextlib.ExitStack() as stack:
        stack.callback(file.close)
        shutil.copyfileobj(value, file, _HEAD)
        stack.pop_all()
    return file


def _kind(source: Source, given: str | None) -> str:
    if given is not None:
        if not _MIME.fullmatch(given):
            raise BadPrompt(f"{given!r} is no MIME type.", advice="One is like audio/mp3.")
        return given
    if source.mime_type:
        return source.mime_type
    try:
        head = source.read(0, min(source.size, _HEAD))
    except FileError as error:
        raise BadPrompt(error.message) from None
    finally:
        source.rest()
    kind = parts.mime_type(_whole(head), source.name)
    if kind is None:
        raise BadPrompt(
            f"The kind of {source} is not known.", advice='Say it: mime_type="audio/wav".'
        )
    return kind


def _whole(head: bytes) -> bytes:
    """`head` without the piece of a character at its end, where it was cut off."""
    try:
        return head[: codecs.utf_8_decode(head, "strict", False)[1]]
    except UnicodeDecodeError:
        return head
