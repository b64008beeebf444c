"""A process of its own that speaks with eSpeak NG: JSON comes in over stdin, samples go to stdout.

Run as a script, never imported, and with the standard library alone: it starts in some 30 ms. The
library is native code, not made for threads, and under another licence than this package; whatever
happens to it happens here, and a client that leaves ends it by ending this process. What is to be
said, and in what voice, is decided before.

In: `{"library": path, "data": path, "lines": [{"voice": "en-us+f2", "pitch": 50, "text": …}]}`.
Out: little-endian 16-bit mono samples at 22,050 Hz. The exit code is 0, or 1 if there is no voice.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from typing import BinaryIO

RATE = 22_050
_SYNCHRONOUS = 2
_KEEP_RUNNING = 0x8000
"""Without it the library would print, and end the process by itself."""
_CHARACTERS = 1
_UTF8 = 1
_PITCH = 3
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def main() -> int:
    """Say each line; what native code prints is kept out of the sound."""
    asked = json.load(sys.stdin.buffer)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        library = ctypes.CDLL(asked["library"])
        # From there, since it has room for a path of 160 characters only.
        os.chdir(asked["data"])
        if library.espeak_Initialize(_SYNCHRONOUS, 0, b".", _KEEP_RUNNING) != RATE:
            return 1
        written = _to(out)
        library.espeak_SetSynthCallback(written)
        for line in asked["lines"]:
            if library.espeak_SetVoiceByName(line["voice"].encode()):
                return 1
            # It has noise in it, which would be another each second.
            library.espeak_ng_SetRandSeed(ctypes.c_long(1))
            library.espeak_SetParameter(_PITCH, line["pitch"], 0)
            text = line["text"].encode() + b"\0"
            size = ctypes.c_size_t(len(text))
            library.espeak_Synth(text, size, 0, _CHARACTERS, 0, _UTF8, None, None)
    return 0


def _to(out: BinaryIO) -> ctypes._CFunctionType:
    def write(samples: ctypes._Pointer[ctypes.c_short], many: int, _: int) -> int:
        try:
            if samples and many:
                out.write(ctypes.string_at(samples, many * 2))
        except OSError:  # nobody listens any more; it would go on to the end
            return 1
        return 0

    return _Callback(write)


if __name__ == "__main__":
    # Who no longer listens has closed the other end.
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
