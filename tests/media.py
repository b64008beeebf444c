"""Small pictures and recordings, whole ones."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import soundfile
from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (4, 3)) -> bytes:
    """A picture of noise, which nothing compresses."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 50).save(buffer, kind)
    return buffer.getvalue()


def recording(kind: str = "WAV", seconds: float = 0.5, rate: int = 16_000) -> bytes:
    """A tone."""
    buffer = io.BytesIO()
    tone = np.sin(np.arange(int(seconds * rate)) / 20) / 2
    soundfile.write(buffer, tone, rate, format=kind)
    return buffer.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few kilobytes that is whole, and would unpack to so many pixels."""

    def piece(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = piece(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = piece(b"IDAT", zlib.compress(bytes(10_000_000)))
    return b"\x89PNG\r\n\x1a\n" + head + rows + piece(b"IEND", b"")
