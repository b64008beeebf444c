"""A File: something that the service keeps for 48 hours, and what can be done with it.

It is as it was when it was last looked at. Making and finding one is `files.py`; the object of the
wire is `types.File`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import html
import re
import time
from typing import TYPE_CHECKING, Any

import msgspec

from gemini_nb import errors, progress, resources, structs, times
from gemini_nb.display.html import terminal_text
from gemini_nb.enums import FileState
from gemini_nb.files.resumable import number
from gemini_nb.files.sources import readable_size
from gemini_nb.files.upload import sha256
from gemini_nb.kept import Kept
from gemini_nb.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemini_nb.progress import Step
    from gemini_nb.transport import Transport

# Seconds between two looks at a file that is being processed.
_FIRST_LOOK, _LAST_LOOK = 0.5, 5.0

_NAME = re.compile(r"(?:https?://\S+/)?(?:files/)?([\w-]+)", re.ASCII)


class File(Kept):
    """A file of the service, as it was when it was last looked at."""

    _body: resources.File

    # -- what it is

    @property
    def uri(self) -> str:
        """The address by which a prompt names it."""
        return self._body.uri or ""

    @property
    def mime_type(self) -> str:
        """As `audio/mp3`."""
        return self._body.mime_type or ""

    @property
    def size_bytes(self) -> int:
        """Its size."""
        return number(self._body.size_bytes) or 0

    @property
    def state(self) -> FileState:
        """`ACTIVE` when it can be used, `PROCESSING` before, `FAILED` if it never will."""
        return self._body.state or FileState.STATE_UNSPECIFIED

    @property
    def expiration_time(self) -> dt.datetime | None:
        """When the service deletes it (UTC)."""
        return times.moment(self._body.expiration_time)

    @property
    def sha256(self) -> str | None:
        """The hash of its bytes in hexadecimal, as the service has them."""
        return sha256(self._body)

    @property
    def video_metadata(self) -> dict[str, Any] | None:
        """What is known of a video."""
        return self._body.video_metadata

    @property
    def error(self) -> dict[str, Any] | None:
        """Why it failed: `code` and `message`."""
        return self._body.error

    def __repr__(self) -> str:
        return f"<File {' · '.join(self._words())}>"

    def _repr_html_(self) -> str:
        name, *rest = self._words()
        words = [f"<code>{html.escape(name)}</code>", *map(html.escape, rest)]
        return f"<span>{' · '.join(words)}</span>"

    def _words(self) -> list[str]:
        shown = repr(self.display_name) if self.display_name else ""
        left = _left(self.expiration_time)
        size = readable_size(self.size_bytes)
        words = (self.name, shown, self.mime_type, size, str(self.state), left)
        return [clean for clean in map(terminal_text, words) if clean]

    # -- the calls

    def refresh(self) -> File:
        """Look at it again. Raises PermissionDenied where it is gone."""
        self._body = self.client.call(looking_up(self.name), resources.File)
        return self

    async def refresh_async(self) -> File:
        """`refresh`, awaited."""
        self._body = await self.client.call_async(looking_up(self.name), resources.File)
        return self

    def wait(self, timeout: float = 600.0) -> File:
        """Wait until it can be used: a video has to be processed first.

        Args:
            timeout: seconds.

        Raises:
            FileFailed: the service could not process it.
            Timeout: it was not ready in time.
            APIError, NetworkError: what looking at it raises.
        """
        transport = self.client.connect()
        return progress.run(
            lambda report: self._wait(transport, timeout, report), label=self._waiting()
        )

    async def wait_async(self, timeout: float = 600.0) -> File:
        """`wait`, awaited."""
        transport = await asyncio.to_thread(self.client.connect)
        return await progress.arun(
            lambda report: self._wait(transport, timeout, report), label=self._waiting()
        )

    def _waiting(self) -> str:
        return f"{self.display_name or self.name} is being processed"

    async def _wait(
        self, transport: Transport, timeout: float, report: Callable[[Step], None]
    ) -> File:
        end = time.monotonic() + timeout
        pause = _FIRST_LOOK
        while self.state != FileState.ACTIVE:
            if self.state == FileState.FAILED:
                why = str((self.error or {}).get("message") or "the service gave no reason")
                raise errors.FileFailed(f"{self.name} could not be processed: {why.rstrip('.')}.")
            left = end - time.monotonic()
            if left <= 0:
                raise errors.Timeout(
                    f"{self.name} was not ready in {timeout:g} s.",
                    advice="Wait on: file.wait() again.",
                )
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _LAST_LOOK)
            await self._look(transport)
            report(progress.Step(0))
        return self

    async def _look(self, transport: Transport) -> None:
        made = looking_up(self.name)
        body = await transport.send(made)
        try:
            self._body = structs.decode(resources.File, body)
        except msgspec.DecodeError:
            raise errors.BadAnswer("The answer is no JSON object.", request=made) from None


def _left(end: dt.datetime | None) -> str:
    """How long a file is still kept."""
    if end is None:
        return ""
    seconds = (end - dt.datetime.now(dt.UTC)).total_seconds()
    if seconds < 0:
        return "expired"
    hour = 3600
    return f"{seconds / hour:.0f} h left" if seconds > 2 * hour else f"{seconds // 60:.0f} min left"


def _path(file: Any) -> str:
    """A File, `files/ID`, `ID` or the file's address → `files/ID`. Raises BadPrompt."""
    name = getattr(file, "name", file)
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise errors.BadPrompt(
            f"{name!r} is no name of a file.", advice="One is like files/abc-123."
        )
    return f"files/{found[1]}"


def looking_up(file: Any) -> Request:
    """The request for a file, named in any way. Raises BadPrompt."""
    return Request("GET", _path(file))


def deleting(file: Any) -> Request:
    """The request to delete one. Raises BadPrompt."""
    return Request("DELETE", _path(file))
