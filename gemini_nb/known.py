"""What is known of files that were uploaded from here: enough to count their tokens beforehand.

The service tells neither the size of a picture nor the length of a recording. A path is looked at
only when it is asked for; what has no path is looked at when it is uploaded.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
from typing import TYPE_CHECKING

from gemini_nb.tokens import facts

if TYPE_CHECKING:
    from gemini_nb.files.sources import Identity, Source
    from gemini_nb.tokens.facts import Facts

# Files of which something is kept; the service itself forgets them after two days.
_MOST = 1000
# What has no path is held for a look up to here: headers come first, but for some films.
_HEAD = 1 << 20

_known: dict[str, Facts | tuple[Identity, str]] = {}
_lock = threading.Lock()  # several uploads end at once, each on a thread


def remember(uri: str, source: Source) -> None:
    """This is now at that address. Blocks where it has no path: its head is read."""
    found: Facts | tuple[Identity, str]
    if source.identity is not None:
        found = (source.identity, source.mime_type)
    else:
        found = facts.look(source.read(0, min(source.size, _HEAD)), source.mime_type, source.size)
    with _lock:
        _known[uri] = found
        while len(_known) > _MOST:
            _known.pop(next(iter(_known)))


def facts_of(uri: str) -> Facts | None:
    """What is known of the file at that address; None for one of elsewhere, or that has changed."""
    found = _known.get(uri)
    if isinstance(found, tuple):
        found = _looked_at(*found)
        with _lock:
            if found is None:
                _known.pop(uri, None)
            elif found.text is None:  # a text would be held for good; its file is still there
                _known[uri] = found
    return found


def _looked_at(identity: Identity, kind: str) -> Facts | None:
    path, *state = identity
    with contextlib.suppress(OSError, ValueError), open(path, "rb") as file:  # noqa: PTH123
        now = os.fstat(file.fileno())
        if [now.st_size, now.st_mtime_ns] == state and now.st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return facts.look(data, kind)
    return None
