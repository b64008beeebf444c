"""The File API: files that the service keeps for 48 hours, for prompts that name them.

`upload_file` sends one whole and once (`sending.py`); what comes of it is a File (`uploaded.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

from gemini_nb import client as clients
from gemini_nb import errors, progress, resources
from gemini_nb.errors import BadPrompt
from gemini_nb.files.sending import Job, together
from gemini_nb.files.uploaded import File, deleting, looking_up
from gemini_nb.request import listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

_NAMED_AT_MOST = 5


def get_file(name: Any, *, client: clients.Client | None = None) -> File:
    """A file by its name (`files/ID` or `ID`), its address, or as the File of another time.

    Raises BadPrompt, PermissionDenied where there is none (any more).
    """
    return File((client or clients.default()).call(looking_up(name), resources.File), client)


async def get_file_async(name: Any, *, client: clients.Client | None = None) -> File:
    """`get_file`, awaited."""
    asked = client or clients.default()
    return File(await asked.call_async(looking_up(name), resources.File), client)


def delete_file(name: Any, *, client: clients.Client | None = None) -> None:
    """Delete a file at the service; named as for `get_file`, raises as `get_file`."""
    (client or clients.default()).call(deleting(name), resources.File)


async def delete_file_async(name: Any, *, client: clients.Client | None = None) -> None:
    """`delete_file`, awaited."""
    await (client or clients.default()).call_async(deleting(name), resources.File)


def list_files(page_size: int = 100, *, client: clients.Client | None = None) -> Iterator[File]:
    """The files of the account; pages are fetched as they are reached."""
    asked = client or clients.default()
    for page in asked.pages(listing("files", page_size), resources.ListFilesResponse):
        for body in page.files:
            yield File(body, client)


async def list_files_async(
    page_size: int = 100, *, client: clients.Client | None = None
) -> AsyncIterator[File]:
    """`list_files` for `async for`."""
    asked = client or clients.default()
    first = listing("files", page_size)
    async for page in asked.pages_async(first, resources.ListFilesResponse):
        for body in page.files:
            yield File(body, client)


def upload_file(
    path: Any,
    mime_type: str | None = None,
    name: str | None = None,
    display_name: str | None = None,
    resumable: bool = True,  # noqa: FBT001, FBT002 - as the first documentation has it
    *,
    client: clients.Client | None = None,
) -> File:
    """Upload a file; no more than a few MB of it are ever in memory.

    Where the connection fails it goes on from where the service is. Where this process is killed,
    the same call on the same unchanged path does so.

    Args:
        path: a path, bytes, a binary file that is open (uploaded whole), an Audio, samples with
            their rate, or an image or figure.
        mime_type: as `audio/mp3`; by default what the content says, then the name.
        name: `files/ID` or `ID`: up to 40 lowercase letters, digits and dashes.
        display_name: by default the file's own name.
        resumable: False keeps nothing on this machine's disk for a later call.
        client: a Client of one's own; else that of `configure()`.

    Returns:
        The File, which is ACTIVE or, as videos at first, PROCESSING: see `File.wait`.

    Raises:
        BadPrompt: it cannot be uploaded, or its kind is not known.
        UploadInterrupted: it stopped on the way; `sent` bytes are there, call again to go on.
        UploadCorrupted: something else arrived, or the file changed meanwhile.
        APIError, NetworkError: the service refused, or was never reached.
    """
    asked = client or clients.default()
    job = Job(path, mime_type, name, display_name, keep=resumable)
    with contextlib.closing(job.source):
        way = asked.connect()
        body = progress.run(
            lambda report: job.run(asked, way, report), label=job.label, total=job.source.size
        )
    return File(body, client)


async def upload_file_async(
    path: Any,
    mime_type: str | None = None,
    name: str | None = None,
    display_name: str | None = None,
    resumable: bool = True,  # noqa: FBT001, FBT002 - as above
    *,
    client: clients.Client | None = None,
) -> File:
    """`upload_file`, awaited."""
    asked = client or clients.default()
    job = await asyncio.to_thread(Job, path, mime_type, name, display_name, keep=resumable)
    with contextlib.closing(job.source):
        way = await asyncio.to_thread(asked.connect)
        body = await progress.arun(
            lambda report: job.run(asked, way, report), label=job.label, total=job.source.size
        )
    return File(body, client)


def upload_files(paths: Iterable[Any], *, client: clients.Client | None = None) -> list[File]:
    """Upload several files side by side; each is what `upload_file` takes.

    Returns:
        The Files in the order of `paths`.

    Raises:
        BadPrompt: one cannot be uploaded; nothing was sent.
        UploadsFailed: some failed; it has those and the Files of the others.
    """
    asked = client or clients.default()
    with contextlib.ExitStack() as stack:
        jobs = _jobs(paths, stack)
        way = asked.connect()
        found = progress.run(lambda report: together(jobs, asked, way, report), **_sum(jobs))
    return _all(jobs, found, client)


async def upload_files_async(
    paths: Iterable[Any], *, client: clients.Client | None = None
) -> list[File]:
    """`upload_files`, awaited."""
    asked = client or clients.default()
    with contextlib.ExitStack() as stack:
        jobs = await asyncio.to_thread(_jobs, paths, stack)
        way = await asyncio.to_thread(asked.connect)
        found = await progress.arun(lambda report: together(jobs, asked, way, report), **_sum(jobs))
    return _all(jobs, found, client)


def _jobs(paths: Iterable[Any], stack: contextlib.ExitStack) -> list[Job]:
    if isinstance(paths, (str, bytes, os.PathLike)):
        raise BadPrompt("upload_files takes a list.", advice="For one file: upload_file.")
    jobs = []
    for path in paths:
        jobs.append(Job(path))
        stack.callback(jobs[-1].source.close)
    return jobs


def _sum(jobs: list[Job]) -> dict[str, Any]:
    return {
        "label": f"Uploading {len(jobs)} files",
        "total": sum(job.source.size for job in jobs),
    }


def _all(
    jobs: list[Job],
    found: list[resources.File | errors.GeminiError],
    client: clients.Client | None,
) -> list[File]:
    failed = {i: one for i, one in enumerate(found) if isinstance(one, errors.GeminiError)}
    files = [None if isinstance(one, errors.GeminiError) else File(one, client) for one in found]
    if failed:
        named = [f"{jobs[i].source}: {e.message}" for i, e in failed.items()][:_NAMED_AT_MOST]
        more = len(failed) - len(named)
        raise errors.UploadsFailed(
            f"{len(failed)} of {len(jobs)} files did not arrive. {' '.join(named)}"
            f"{f' And {more} more.' if more else ''}",
            files=files,
            failed=failed,
        )
    return [file for file in files if file is not None]
