"""One Source → one File, whole and once, whatever the network does.

After any fault the service is asked how much it has, and the upload goes on from there. The File is
named here and not by the service, so that it can be found when the last answer is lost. Tries in a
row that bring nothing are counted. What is kept for another process is in `unfinished.py`, the
requests themselves are in `resumable.py`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import random
import re
import secrets
import string
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from gemini_nb import errors, structs
from gemini_nb.files.resumable import Fault, Gone, Misplaced, Session, number
from gemini_nb.files.sources import Reading, readable_size
from gemini_nb.files.unfinished import Kept
from gemini_nb.request import Request
from gemini_nb.resources import CreateFileRequest, File

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gemini_nb.files.sources import Source
    from gemini_nb.files.unfinished import Entry
    from gemini_nb.transport import Transport

T = TypeVar("T")

# What is read at once, on a thread: a disk may be slow.
BLOCK = 4 << 20
# What is hashed and sent at once. Not on that thread: a piece that goes from one core to another
# and back costs more than its hash.
PIECE = 1 << 19

# Seconds between two notes of how far it got: the service knows better anyway.
KEPT_EVERY = 1.0
# Tries in a row that bring the upload no further.
TRIES = 5
FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0

_NOTHING = ((0, 0), None)
_NAME_LETTERS = string.ascii_lowercase + string.digits


def pause(tries: int, draw: float) -> float:
    """Seconds to wait after so many tries in vain; `draw` is between 0 and 1."""
    longest: float = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1))
    return longest * (0.5 + draw / 2)


class Upload:
    """One upload, from its first request to the File.

    Args:
        way: the transport to the service.
        source: what is sent.
        about: display name and MIME type, and the name, if the person wants one.
        version: the API version of the address.
        entry: where it is kept; the caller lets it go.
        report: told the bytes that have gone, and a word where it waits.
    """

    def __init__(
        self,
        way: Transport,
        source: Source,
        about: File,
        *,
        version: str,
        entry: Entry,
        report: Callable[[int, str], None],
    ) -> None:
        self._way = way
        self._source = source
        self._reading = Reading(source)
        self._entry = entry
        self._report = report
        self._about = about
        self._wanted = about.name
        self._request = Request("POST", "files", CreateFileRequest(file=about))
        self._session = Session(way, self._request, version)
        self._offset = 0
        self._unsure = False  # the offset is what we think; the service knows better
        self._begun = False  # there was an address to send to
        self._lost = False  # that address is gone; the File may be there all the same
        self._taken_up = False  # the address is from another process
        self._misplaced_at: int | None = None
        self._keep_next = 0.0
        self._hashed: str | None = None  # the hash of what was sent
        # One thread reads: what several allocate each of them would hold.
        self._thread = ThreadPoolExecutor(1, "gemini_nb-upload")
        self._ahead: tuple[tuple[int, int], asyncio.Future[bytes] | None] = _NOTHING

    async def run(self) -> File:
        """Send it.

        Raises UploadInterrupted where it got stuck, UploadCorrupted where something else arrived
        or the file changed meanwhile, APIError where the service refuses, NetworkError where it
        was never reached.
        """
        try:
            await self._take_up()
            file = await self._insist()
        except (errors.APIError, errors.UploadCorrupted):
            self._entry.forget()
            raise
        finally:
            # Behind what is still to be read ahead, which would open the file once more.
            self._thread.submit(self._source.rest)
            self._thread.shutdown(wait=False)
        self._entry.forget()
        return file

    async def _insist(self) -> File:
        try:
            return await self._persist()
        except errors.UploadCorrupted:
            if not self._taken_up:
                raise
        self._start_anew()  # what was there already was something else
        return await self._persist()

    async def _take_up(self) -> None:
        """Go on where another process was, if the file still begins as it did then."""
        kept = await asyncio.to_thread(self._entry.read)
        if kept is None or kept.offset > self._source.size:
            return
        found = await self._on_thread(self._reading.sha256, kept.offset)
        with contextlib.suppress(errors.BadAnswer):
            if found == kept.sha256:
                self._session.take(kept.url)
                self._about.name = kept.name
                self._begun = self._unsure = self._taken_up = True

    def _start_anew(self) -> None:
        self._session.url, self._about.name = "", self._wanted
        self._unsure = self._taken_up = False

    async def _persist(self) -> File:
        tries, furthest = 0, -1
        while True:
            try:
                file = await self._step()
            except Fault as fault:
                error = fault.error
                self._note(fault)
            else:
                if file is not None:
                    return file
                if self._offset > furthest:
                    tries, furthest = 0, self._offset
                continue
            tries += 1
            await self._wait(tries, error)

    def _note(self, fault: Fault) -> None:
        """What a fault means for the next step."""
        self._unsure = True
        if isinstance(fault, Gone):
            self._session.url, self._lost = "", True
        if isinstance(fault, Misplaced):
            if self._misplaced_at == self._offset:  # asked once more, and it was the right place
                raise fault.error from None
            self._misplaced_at = self._offset

    async def _wait(self, tries: int, error: errors.GeminiError) -> None:
        """Wait a little, or give up."""
        asked = getattr(error, "retry_after", None) or 0.0
        useless = asked > LONGEST_WAIT or getattr(error, "per_day", False)
        if tries >= TRIES or useless:
            if not self._begun:
                raise error.with_traceback(None) from None
            size = self._source.size
            raise errors.UploadInterrupted(
                f"The upload of {self._source} stopped at {readable_size(self._offset)} of "
                f"{readable_size(size)}: {error.message}",
                sent=self._offset,
                size=size,
                request=self._request,
            ) from None
        seconds = max(asked, pause(tries, random.random()))  # noqa: S311 - no secret
        self._report(self._offset, f"again in {seconds:.0f} s" if seconds >= 1 else "")
        await asyncio.sleep(seconds)

    async def _step(self) -> File | None:
        """The next request; the File where it was the last."""
        if self._lost:
            file = await self._look_up()
            self._lost = False
            return file if file is not None and await self._is_this(file) else None
        if not self._session.url:
            await self._start()
            return None
        return await (self._ask() if self._unsure else self._send())

    async def _start(self) -> None:
        if not self._about.name:
            letters = (secrets.choice(_NAME_LETTERS) for _ in range(12))
            self._about.name = f"files/{''.join(letters)}"
        await self._session.start(self._source)
        self._begun = True
        self._offset, self._unsure = 0, False
        self._hashed = hashlib.sha256().hexdigest()
        await self._keep()

    async def _ask(self) -> File | None:
        try:
            found = await self._session.query()
        except errors.APIError as error:
            if not self._taken_up:
                raise
            raise Gone(error) from None  # it was another time, the service may have forgotten
        if found.final:
            return await self._accepted(found.file)
        if found.received is None or found.received > self._source.size:
            raise Gone(self._bad("The service lost the upload."))
        self._offset, self._unsure = found.received, False
        self._report(self._offset, "")
        return None

    async def _send(self) -> File | None:
        start, end = self._offset, self._end_of_chunk(self._offset)
        last = end == self._source.size
        found = await self._session.send(start, end - start, self._pieces(start, end), last=last)
        if found.final:
            return await self._accepted(found.file)
        received = end if found.received is None else found.received
        if last or not start < received <= end:
            raise Fault(self._bad("The service did not take what was sent."))
        self._offset = received
        self._misplaced_at = None
        if received == end and time.monotonic() >= self._keep_next:
            await self._keep()
        return None

    async def _pieces(self, offset: int, end: int) -> AsyncIterator[bytes]:
        """The bytes of a chunk; the next block is read while one is on its way."""
        await self._catch_up(offset)
        while offset < end:
            (place, ahead), self._ahead = self._ahead, _NOTHING
            if ahead is None or place != (offset, end):
                ahead = self._block(offset, end)
            block = await ahead
            following = offset + len(block)
            end_of_it = end if following < end else self._end_of_chunk(following)
            if following < end_of_it:
                self._ahead = (following, end_of_it), self._block(following, end_of_it)
            for start in range(0, len(block), PIECE):
                piece = block[start : start + PIECE]
                self._hashed = self._reading.add(offset, piece)
                offset += len(piece)
                yield piece
                self._report(offset, "")

    async def _catch_up(self, offset: int) -> None:
        """Hash what lies before, where another process sent it."""
        if self._reading.done < offset:
            await self._on_thread(self._reading.sha256, offset)

    def _end_of_chunk(self, start: int) -> int:
        return min(start + self._session.chunk, self._source.size)

    def _block(self, offset: int, end: int) -> asyncio.Future[bytes]:
        return self._on_thread(self._source.read, offset, min(BLOCK, end - offset))

    def _on_thread(self, work: Callable[..., T], *given: Any) -> asyncio.Future[T]:
        """What reads, begun at once; where nobody waits for it any more, it fails in silence."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work, *given)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    async def _keep(self) -> None:
        """Note how far it got, where that is as far as it was read."""
        if self._hashed is not None:
            kept = Kept(self._session.url, self._about.name or "", self._offset, self._hashed)
            await asyncio.to_thread(self._entry.write, kept)
            self._keep_next = time.monotonic() + KEPT_EVERY

    def _bad(self, what: str) -> errors.BadAnswer:
        return errors.BadAnswer(what, request=self._request)

    # -- the File

    async def _accepted(self, file: File | None) -> File:
        """The File, if it is what was to be sent; else it is deleted there."""
        self._offset = self._source.size
        self._report(self._offset, "")
        file = file or await self._look_up()
        if file is None:
            raise Fault(self._bad("The service has it all, and shows no file."))
        try:
            right = await self._is_this(file)
            await asyncio.to_thread(self._source.check)
        except errors.FileError:
            await self._delete(file)
            raise
        if right:
            return file
        gone = await self._delete(file)
        raise errors.UploadCorrupted(
            f"{self._source} arrived as something else"
            f"{', and was deleted there' if gone else f': do not use {file.name}'}.",
            request=self._request,
        )

    async def _look_up(self) -> File | None:
        """The File by its name, where no answer has shown it."""
        try:
            body = await self._way.send(Request("GET", self._about.name or ""))
            file = structs.decode(File, body)
        except (errors.NotFound, errors.PermissionDenied):
            return None
        except (errors.NetworkError, errors.ServerError) as error:
            raise Fault(error) from None
        except msgspec.DecodeError:
            file = File()
        if not file.name:
            raise Fault(self._bad("The service was asked for the file, and answered none."))
        return file

    async def _is_this(self, file: File) -> bool:
        """Size and hash are ours, as far as the service says them."""
        ours = await self._on_thread(self._reading.sha256, self._source.size)
        size, found = number(file.size_bytes), sha256(file)
        return size in (None, self._source.size) and found in (None, ours)

    async def _delete(self, file: File) -> bool:
        with contextlib.suppress(errors.GeminiError):
            await self._way.send(Request("DELETE", file.name or ""))
            return True
        return False


def sha256(file: File) -> str | None:
    """The service's SHA-256 of a file in hexadecimal; None where it says none.

    On the wire it is base64 of the digest, or of the digest's hexadecimal text.
    """
    try:
        data = base64.b64decode(file.sha256_hash or "", validate=True)
    except ValueError:
        return None
    if len(data) == hashlib.sha256().digest_size:
        return data.hex()
    text = data.decode("ascii", "replace").lower()
    return text if re.fullmatch(r"[0-9a-f]{64}", text) else None
