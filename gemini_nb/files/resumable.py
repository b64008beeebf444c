"""The protocol of a resumable upload: its requests, and what their answers mean.

One request each, nothing is tried twice: who keeps trying is `upload.py`. Source: the public
documentation of the File API.
"""

from __future__ import annotations

import contextlib
import urllib.parse
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gemini_nb import errors, refusals, structs, transport
from gemini_nb.resources import CreateFileRequest, File

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping

    from gemini_nb.files.sources import Source
    from gemini_nb.request import Request

CHUNK = 8 << 20
_LARGEST_GRANULE = 64 << 20
_LONGEST_COUNT = 20

_AGAIN = (408, 429, 500, 502, 503, 504)
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
# How servers say that a chunk does not begin where they stand.
_MISPLACED = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
)


class Fault(Exception):
    """Something that may be over in a moment; `error` is what it was."""

    def __init__(self, error: errors.GeminiError) -> None:
        super().__init__(str(error))
        self.error = error


class Misplaced(Fault):
    """A chunk was refused, it may be for its place: the service knows where it stands."""


class Gone(Fault):
    """The service does not know this upload any more."""


class Standing(NamedTuple):
    """What the service has: how many bytes, whether that is all, and the File where it says so."""

    received: int | None
    final: bool = False
    file: File | None = None


class Session:
    """One upload at the service, at the address that it gives.

    Every request raises Fault, InsecureConnection, or the APIError that the service means for good.
    """

    def __init__(self, way: transport.Transport, request: Request, version: str) -> None:
        self.url = ""
        self.chunk = CHUNK
        self._way = way
        self._base = way.base_url
        self._path = f"/upload/{version}/files"
        self._request = request

    async def start(self, source: Source) -> None:
        """Announce the file; the answer is the address of the upload. Raises BadAnswer, too."""
        headers = {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-header-content-length": str(source.size),
            "x-goog-upload-header-content-type": source.mime_type,
            # A header is ASCII.
            "x-goog-upload-file-name": urllib.parse.quote(source.name),
            "content-type": "application/json",
        }
        content = self._request.content() or b""
        answer = await self._exchange("start", self._path, headers, content)
        self.take(answer.headers.get("x-goog-upload-url") or "")
        granule = number(answer.headers.get("x-goog-upload-chunk-granularity"))
        if granule and granule <= _LARGEST_GRANULE:
            self.chunk = -(-CHUNK // granule) * granule

    def take(self, url: str) -> None:
        """Use this address. Raises BadAnswer for one that is none, or lies in the open.

        Under the service's own host only the path is kept: a local backend that was started anew
        has another port.
        """
        base, found = urllib.parse.urlsplit(self._base), _split(url)
        own = url.removeprefix(self._base)
        if own.startswith("/") and not _split(own).netloc:
            self.url = own
            return
        if found.scheme not in ("http", "https") or not found.hostname:
            raise errors.BadAnswer(
                "The service gave no address to upload to.", request=self._request
            )
        if base.scheme == "https" and found.scheme != "https":
            raise errors.BadAnswer(
                f"The service wants the upload at {found.hostname} without encryption.",
                request=self._request,
            )
        self.url = url

    async def query(self) -> Standing:
        """What the service has."""
        return _standing(await self._exchange("query", self.url, {"content-length": "0"}))

    async def send(
        self, offset: int, size: int, content: AsyncIterable[bytes], *, last: bool
    ) -> Standing:
        """One chunk; after the last one the File is there. What `content` raises comes through."""
        headers = {"x-goog-upload-offset": str(offset), "content-length": str(size)}
        command = "upload, finalize" if last else "upload"
        return _standing(await self._exchange(command, self.url, headers, content))

    async def _exchange(
        self,
        command: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes] = b"",
    ) -> transport.Answer:
        try:
            answer = await self._way.exchange(
                "POST",
                url,
                headers={"x-goog-upload-command": command, **headers},
                content=content,
                request=self._request,
            )
        except errors.InsecureConnection:
            raise
        except errors.NetworkError as error:
            raise Fault(error) from None
        told = "x-goog-upload-url" if command == "start" else "x-goog-upload-status"
        if answer.status == HTTPStatus.OK and told in answer.headers:
            return answer
        raise self._refusal(command, answer)

    def _refusal(self, command: str, answer: transport.Answer) -> Exception:
        error = refusals.refusal(
            self._way.host,
            answer.status,
            answer.body,
            retry_after=transport.retry_after(answer.headers),
            request=self._request,
        )
        if answer.status in _AGAIN:
            return Fault(error)
        if command == "start" or isinstance(error, errors.InvalidKey):
            return error
        if answer.status in _GONE:
            return Gone(error)
        if answer.status in _MISPLACED and command != "query":
            return Misplaced(error)
        return Fault(error) if isinstance(error, errors.BadAnswer) else error


def _split(url: str) -> urllib.parse.SplitResult:
    """The parts of an address; of what is none they are empty."""
    try:
        found = urllib.parse.urlsplit(url)
        _ = found.port  # which is looked at only here
    except ValueError:
        return urllib.parse.urlsplit("")
    return found


def _standing(answer: transport.Answer) -> Standing:
    status = answer.headers["x-goog-upload-status"]
    received = number(answer.headers.get("x-goog-upload-size-received"))
    if status == "active":
        return Standing(received)
    if status != "final":
        raise Gone(errors.BadAnswer(f"The upload is {status!r}."))
    file = None
    with contextlib.suppress(msgspec.DecodeError):
        file = structs.decode(CreateFileRequest, answer.body).file
    return Standing(received, final=True, file=file if file and file.name else None)


def number(text: str | int | None) -> int | None:
    """A count as the service writes it, of 64 bits at most; None for what is none."""
    digits = "" if text is None else str(text)
    return int(digits) if digits.isdecimal() and len(digits) < _LONGEST_COUNT else None
