"""The sound in the parts of a turn: what goes along with a prompt, what a model spoke."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

from gemini_nb.audio import Audio, samples
from gemini_nb.display.document import is_sound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemini_nb.content import Part

_SAMPLE = 2  # bytes


def recordings(parts: Iterable[Part], name: str = "answer") -> list[Audio]:
    """The sound that came along in these Parts.

    The API speaks raw samples (`audio/L16;rate=24000`) in pieces, which nothing plays: those of one
    type become one WAV. A file stays what it is.
    """
    raw: dict[str, list[bytes]] = {}
    found: list[Audio] = []
    for part in parts:
        blob = part.inline_data
        if blob is None or not blob.data or not is_sound(part):
            continue
        kind = blob.mime_type or ""
        if samples.is_raw(kind):
            raw.setdefault(kind, []).append(blob.data)
        else:
            found.append(Audio.from_bytes(blob.data, kind, name=blob.display_name or name))
    return [*(_wav(b"".join(pieces), kind, name) for kind, pieces in raw.items()), *found]


def _wav(data: bytes, kind: str, name: str) -> Audio:
    sound, rate = samples.of_raw(data, kind)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(_SAMPLE)
        file.setframerate(rate)
        file.writeframes(sound.astype("<i2", copy=False).tobytes())
    return Audio.from_bytes(buffer.getvalue(), name=f"{name}.wav")
