"""Samples → FLAC, as they are; or mono at 16 kHz as FLAC or Opus, which is what the service hears.

soxr makes the other rate (0.3 MB; a resampler of one's own in numpy is slower and sounds worse).
"""

from __future__ import annotations

import contextlib
import shutil
import struct
import tempfile
import zlib
from typing import IO, TYPE_CHECKING, Any, Final, Literal

import numpy as np

from gemini_nb.audio.measures import blocks
from gemini_nb.audio.sources import Made
from gemini_nb.errors import BadPrompt
from gemini_nb.tokens.buffers import apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from gemini_nb.audio.decoding import Stream

Codec = Literal["flac", "opus"]
RATE: Final = 16_000
CODECS: Final[dict[str, tuple[str, str]]] = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}
_MOST_CHANNELS = 8
_FASTEST = 655_350


def as_flac(stream: Stream, frames: int | None, what: str) -> Made:
    """As it is, to 16 bits. Raises BadPrompt for what FLAC has no room for."""
    if stream.channels > _MOST_CHANNELS or stream.rate > _FASTEST:
        raise BadPrompt(
            f"{what} has {stream.channels} channels at {stream.rate:,} Hz; FLAC holds "
            f"{_MOST_CHANNELS} at {_FASTEST:,}.",
            advice="Mix it down: audio.prepare().",
        )
    made = Made()
    with _written(made, "flac", stream.rate, stream.channels) as write:
        for block in blocks(stream, frames):
            write(_writable(block, stream.scale))
    return made


def as_mono(stream: Stream, frames: int | None, codec: Codec) -> Made:
    """One channel, the mean of all, at 16 kHz."""
    import soxr

    made = Made()
    resampler = soxr.ResampleStream(stream.rate, RATE, 1, dtype="float32")
    same = stream.rate == RATE
    with _written(made, codec, RATE, 1) as write:
        for block in blocks(stream, frames):
            mono = _mono(block, stream.scale)
            write(mono if same else resampler.resample_chunk(mono))
        if not same:
            write(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    if codec == "opus":
        _number(made.file)
    return made


@contextlib.contextmanager
def _written(made: Made, codec: Codec, rate: int, channels: int) -> Iterator[Callable[..., None]]:
    """What writes samples. Raises BadPrompt where there is no room for what becomes of them."""
    import soundfile

    kind, coding = CODECS[codec]
    sink = _Sink(made.file)
    with apart() as run:
        file = run(soundfile.SoundFile, sink, "w", rate, channels, format=kind, subtype=coding)

        def write(samples: NDArray[Any]) -> None:
            run(file.write, samples)
            sink.check()

        try:
            yield write
        finally:
            run(file.close)
    sink.flush()
    sink.check()


class _Sink:
    """A file that libsndfile writes to; of an error, which it would not hear, `check` tells."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        self._kept(self._file.write, data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._kept(self._file.seek, offset, whence)

    def tell(self) -> int:
        return self._kept(self._file.tell)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def flush(self) -> None:
        self._kept(self._file.flush)

    def _kept(self, act: Callable[..., Any], *args: Any) -> int:
        try:
            return int(act(*args) or 0) if self._error is None else 0
        except OSError as error:
            self._error = error
            return 0

    def check(self) -> None:
        """Raises BadPrompt where something could not be written."""
        if self._error is None:
            return
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
        raise BadPrompt(
            f"A temporary file cannot be written in {folder!r}, which has "
            f"{free / 1e6:,.1f} MB left: {self._error.strerror}.",
            advice="Make room there, or set TMPDIR to a folder with more.",
        ) from None


_PAGE: Final = struct.Struct("<14sIIIB")  # of an OGG: its start, serial number, place, CRC, lacing
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _number(file: IO[bytes]) -> None:
    """Give each page of an OGG the serial number 1; libsndfile draws another one each time."""
    at = 0
    while len(head := _read(file, at, _PAGE.size)) == _PAGE.size:
        start, _, place, _, count = _PAGE.unpack(head)
        lacing = file.read(count)
        page = _PAGE.pack(start, 1, place, 0, count) + lacing + file.read(sum(lacing))
        file.seek(at)
        file.write(page[:22] + struct.pack("<I", _crc(page)) + page[26:])
        at += len(page)


def _read(file: IO[bytes], at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _crc(page: bytes) -> int:
    """OGG's checksum: zlib's polynomial, from the other end and without its inversions."""
    found = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2)


def _mono(block: NDArray[Any], scale: float) -> NDArray[np.float32]:
    weights = np.full(block.shape[1], scale / block.shape[1], np.float32)
    mono: NDArray[np.float32] = block.astype(np.float32, copy=False) @ weights
    return mono


def _writable(block: NDArray[Any], scale: float) -> NDArray[Any]:
    """Integers of 16 and 32 bits, and floats, libsndfile takes as they are."""
    return block if block.dtype in (np.int16, np.int32, np.float32) else block * np.float32(scale)
