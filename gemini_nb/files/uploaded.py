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

from gemini_nb import client as clients
from gemini_nb import errors, progress, resources, structs, times
from gemini_nb.display.html import terminal_text
from gemini_nb.enums import FileState
from gemini_nb.files.resumable import number
from gemini_nb.files.sources import readable_size
from gemini_nb.files.upload import sha256
from gemini_nb.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemini_nb.progress import Step
    from gemini_nb.transport import Transport

# Seconds between two looks at a file that is being processed.
_FIRST_LOOK, _LAST_LOOK = 0.5, 5.0

_NAME = re.compile(r"(?:https?://\S+/)?(?:files/)?([\w-]+)", re.ASCII)


class File:
    """A file of the service, as it was when it was last looked at."""

    def __init__(self, body: resources.File, client: clients.Client | None = None) -> None:
        self._body = body
        self._client = client

    def __getstate__(self) -> dict[str, Any]:
        return {"_body": self._body, "_client": None}  # a client does not travel

    @property
    def client(self) -> clients.Client:
        """The client that calls about this file go through."""
        return self._client or clients.default()

    # -- what it is

    @property
    def name(self) -> str:
        """`files/ID`."""
        return self._body.name or ""

    @property
    def display_name(self) -> str:
        """The person's name for it."""
        return self._body.display_name or ""

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
    def create_time(self) -> dt.datetime | None:
        """When it was uploaded (UTC)."""
        return times.moment(self._body.create_time)

    @property
    def update_time(self) -> dt.datetime | None:
        """When it was last changed (UTC)."""
        return times.moment(self._body.update_time)

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

    def to_dict(self) -> dict[str, Any]:
        """The API's JSON."""
        return self._body.to_dict()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<File {' · '.join(terminal_text(word) for word in self._words())}>"

    def _repr_html_(self) -> str:
        name, *rest = self._words()
        words = [f"<code>{html.escape(name)}</code>", *map(html.escape, rest)]
        return f"<span>{' · '.join(words)}</span>"

    def _words(self) -> list[str]:
        shown = repr(self.display_name) if self.display_name else ""
        left = _left(self.expiration_time)
        size = readable_size(self.size_bytes)
        return [w for w in (self.name, shown, self.mime_type, size, str(self.state), left) if w]

    # -- the calls

    def refresh(self) -> File:
        """Look at it again. Raises PermissionDenied where it is gone."""
        self._body = self.client.call(looking_up(self.name), resources.File)
        return self

    async def refresh_async(self) -> File:
        """`refresh`, awaited."""
        self._body = await self.client.call_async(looking_up(self.name), resources.File)
        return self

    def delete(self) -> None:
        """Delete it at the service. Raises PermissionDenied where it is gone already."""
        self.client.call(deleting(self), resources.File)

    async def delete_async(self) -> None:
        """`delete`, awaited."""
        await self.client.call_async(deleting(self), resources.File)

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
        self._body = structs.decode(resources.File, await transport.send(looking_up(self.name)))


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
