"""The MP3 reader of libsndfile tells stderr what it thinks of a file; here it is not heard.

It writes to the process's own stderr, which a kernel shows in the cell. What others write there
meanwhile is passed on.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_STDERR = 2
_ITS_WORDS: Final = re.compile(
    rb"^(?:\[[^\]\n]*libmpg123[^\]\n]*\]|Note: |Warning: (?:Xing|Real sample|Encountered|Big))"
    rb".*\n?",
    re.MULTILINE,
)
_lock = threading.Lock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep that reader quiet; not longer than it reads."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_lock)
        with contextlib.suppress(OSError):  # where there is no stderr, nobody hears it
            _turn_aside(stack)
        yield


def _turn_aside(stack: contextlib.ExitStack) -> None:
    real = os.dup(_STDERR)
    stack.callback(os.close, real)
    aside = stack.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - it is
    os.dup2(aside.fileno(), _STDERR)
    stack.callback(_pass_on, aside, real)
    stack.callback(os.dup2, real, _STDERR)


def _pass_on(aside: IO[bytes], real: int) -> None:
    aside.seek(0)
    others = _ITS_WORDS.sub(b"", aside.read())
    if others:
        os.write(real, others)
