"""Batches: many requests that the service answers within a day, at half the price.

A batch is made of requests that go along in its body, or of a file of JSON lines. What comes back
are Responses in the order of the requests; a request that was refused has its error in its place.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemini_nb import batch_wire, blocking, progress, request, resources, structs, times
from gemini_nb import client as clients
from gemini_nb.batch_wire import BatchResult
from gemini_nb.display.html import terminal_text
from gemini_nb.enums import BatchState
from gemini_nb.errors import APIError, ConfigError, Timeout
from gemini_nb.kept import Kept
from gemini_nb.refusals import from_status
from gemini_nb.request import Request

if TYPE_CHECKING:
    import builtins
    import datetime as dt
    from collections.abc import AsyncIterator, Callable, Iterator

__all__ = [
    "BatchJob",
    "BatchResult",
    "cancel",
    "cancel_async",
    "create",
    "create_async",
    "delete",
    "delete_async",
    "get",
    "get_async",
    "list",
    "list_async",
]

_KIND = "application/jsonl"
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")
# What a batch that ended without results is called among errors.
_WHY = {"CANCELLED": (499, "CANCELLED"), "EXPIRED": (504, "DEADLINE_EXCEEDED")}


class BatchJob(Kept):
    """A batch of the service, as it was when it was last looked at (`refresh`)."""

    _body: resources.Operation

    # -- what it is

    @property
    def _told(self) -> resources.GenerateContentBatch:
        return self._body.metadata or resources.GenerateContentBatch()

    @property
    def model(self) -> str:
        """`models/NAME`."""
        return self._told.model or ""

    @property
    def state(self) -> BatchState:
        """How far it is; a BatchState equals its text, `"BATCH_STATE_RUNNING"`."""
        return self._told.state or BatchState.BATCH_STATE_UNSPECIFIED

    @property
    def done(self) -> bool:
        """Whether nothing more will happen, well or not."""
        return bool(self._body.done) or self.state.removeprefix("BATCH_STATE_") in _ENDED

    @property
    def end_time(self) -> dt.datetime | None:
        """When it ended (UTC)."""
        return times.moment(self._told.end_time)

    @property
    def counts(self) -> tuple[int, int]:
        """How many requests are answered or refused, and how many there are."""
        stats = self._told.batch_stats or resources.BatchStats()
        well, badly = stats.successful_request_count, stats.failed_request_count
        return _number(well) + _number(badly), _number(stats.request_count)

    @property
    def error(self) -> APIError | None:
        """Why the whole batch failed, where it did; errors of single requests are in results."""
        if self._body.error is not None:
            return batch_wire.refusal(self._body.error)
        state = self.state.removeprefix("BATCH_STATE_")
        if self._output is not None or state not in ("FAILED", *_WHY):
            return None
        code, status = _WHY.get(state, (500, "INTERNAL"))
        return from_status(code, {"message": f"{self.name}: {state}.", "status": status})

    @property
    def _output(self) -> resources.BatchOutput | None:
        return self._told.output or self._body.response

    def __repr__(self) -> str:
        ended, whole = self.counts
        return terminal_text(
            f"<BatchJob {self.name}{f' {self.display_name!r}' if self.display_name else ''}"
            f" {self.state.removeprefix('BATCH_STATE_')}{f' {ended}/{whole}' if whole else ''}>"
        )

    # -- the calls

    def refresh(self) -> BatchJob:
        """Look how far it is. Raises NotFound."""
        self._body = self.client.call(Request("GET", self.name), resources.Operation)
        return self

    async def refresh_async(self) -> BatchJob:
        """`refresh`, awaited."""
        self._body = await self.client.call_async(Request("GET", self.name), resources.Operation)
        return self

    def wait(self, timeout: float | None = None) -> BatchJob:
        """Wait until it has ended, with a line that shows how far it is.

        Args:
            timeout: seconds; None for as long as it takes, which may be a day.

        Raises:
            Timeout: it has not ended; it goes on at the service.
            APIError: it failed, was cancelled or expired, and there are no results.
        """
        return progress.run(lambda report: self._ended(timeout, report), label=self._label)

    async def wait_async(self, timeout: float | None = None) -> BatchJob:
        """`wait`, awaited."""
        return await progress.arun(lambda report: self._ended(timeout, report), label=self._label)

    @property
    def _label(self) -> str:
        return self.display_name or self.name

    async def _ended(
        self, timeout: float | None, report: Callable[[progress.Step], None]
    ) -> BatchJob:
        begun, pause = time.monotonic(), _FIRST_PAUSE
        while not self.done:
            ended, whole = self.counts
            report(progress.Step(ended, f"{ended}/{whole}" if whole else ""))
            left = float("inf") if timeout is None else begun + timeout - time.monotonic()
            if left <= 0:
                raise Timeout(
                    f"{self.name} has not ended after {timeout:g} s.",
                    advice="It goes on at the service: call wait() again.",
                )
            await asyncio.sleep(min(pause, left))
            await self.refresh_async()
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return self._well()

    def _well(self) -> BatchJob:
        if self.error is not None:
            raise self.error
        return self

    def results(self) -> builtins.list[BatchResult]:
        """The answers, in the order of the requests; an error stands in the place of its request.

        A file of results is read here. Its own order counts where its keys were not made here.
        Raises ConfigError while it goes on, APIError where the whole failed.
        """
        inlined, file = self._ready()
        if file is None:
            return inlined
        return blocking.run(batch_wire.download(self.client.connect(), file))

    async def results_async(self) -> builtins.list[BatchResult]:
        """`results`, awaited."""
        inlined, file = self._ready()
        if file is None:
            return inlined
        transport = await asyncio.to_thread(self.client.connect)
        return await blocking.arun(batch_wire.download(transport, file))

    def _ready(self) -> tuple[builtins.list[BatchResult], str | None]:
        """The results that came along, or the name of the file that has them."""
        if not self.done:
            raise ConfigError(f"{self.name} has not ended.", advice="Call its wait() first.")
        output = self._well()._output or resources.BatchOutput()
        inlined = output.inlined_responses or resources.InlinedResponses()
        return [
            batch_wire.result(one) for one in inlined.inlined_responses
        ], output.responses_file or None

    def cancel(self) -> None:
        """Ask the service to stop it; its state says so at a later `refresh`."""
        self.client.call(Request("POST", f"{self.name}:cancel"), structs.Wire)

    async def cancel_async(self) -> None:
        """`cancel`, awaited."""
        await self.client.call_async(Request("POST", f"{self.name}:cancel"), structs.Wire)


def _number(value: str | int | None) -> int:
    """A count, which JSON has as text since it may be long; 0 for none."""
    return int(value) if value and str(value).isdecimal() else 0


# Seconds between two looks at a batch.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


# ---------------------------------------------------------------------------------- functions


def create(
    model: Any,
    src: Any,
    *,
    display_name: str | None = None,
    client: clients.Client | None = None,
) -> BatchJob:
    """Hand many requests in; `job.wait()`, then `job.results()`.

    Args:
        model: a name, or a GenerativeModel, whose instruction, settings and tools then count for
            each prompt.
        src: a list of requests, or `{key: request}`: they go along in one body of at most 20 MB.
            Any other iterable is written to a file of JSON lines and uploaded. A request is a
            prompt (as `generate_content` takes it), a GenerateContentRequest, a dict with its
            fields (`contents`…), or `{"request": …, "key": …, "metadata": {…}}`.
            Or a file of JSON lines: `files/ID`, a File, or a path that is uploaded.
        display_name: the person's name for it.
        client: a Client of one's own; else that of `configure()`.

    Raises:
        BadPrompt, UnknownName: before anything is sent.
        APIError, NetworkError: see `errors.py`.
    """
    asked = client or clients.default()
    with batch_wire.source(model, src) as given:
        if isinstance(given, Path):
            from gemini_nb.files import upload_file

            file = upload_file(given, _KIND, None, display_name, _is_kept(src), client=asked)
            given = resources.InputConfig(file_name=file.name)  # noqa: PLW2901
        made = batch_wire.create(model, given, display_name)
        return BatchJob(asked.call(made, resources.Operation), client)


def _is_kept(src: Any) -> bool:
    """Whether an upload may go on in another process: a file written here is gone by then."""
    return isinstance(src, (str, Path))


async def create_async(
    model: Any,
    src: Any,
    *,
    display_name: str | None = None,
    client: clients.Client | None = None,
) -> BatchJob:
    """`create`, awaited."""
    asked = client or clients.default()
    with batch_wire.source(model, src) as given:
        if isinstance(given, Path):
            from gemini_nb.files import upload_file_async

            file = await upload_file_async(
                given, _KIND, None, display_name, _is_kept(src), client=asked
            )
            given = resources.InputConfig(file_name=file.name)  # noqa: PLW2901
        made = batch_wire.create(model, given, display_name)
        return BatchJob(await asked.call_async(made, resources.Operation), client)


def _get(name: str) -> Request:
    return Request("GET", request.resource_path("batches", name))


def get(name: str, *, client: clients.Client | None = None) -> BatchJob:
    """Look a batch up by its name. Raises NotFound."""
    asked = client or clients.default()
    return BatchJob(asked.call(_get(name), resources.Operation), client)


async def get_async(name: str, *, client: clients.Client | None = None) -> BatchJob:
    """`get`, awaited."""
    asked = client or clients.default()
    return BatchJob(await asked.call_async(_get(name), resources.Operation), client)


def list(  # noqa: A001 - `genai.batches.list`, as other clients have it
    page_size: int = 50, *, client: clients.Client | None = None
) -> Iterator[BatchJob]:
    """The batches of this key; pages are fetched as they are reached."""
    first, asked = request.listing("batches", page_size), client or clients.default()
    for page in asked.pages(first, resources.ListBatchesResponse):
        for body in page.operations:
            yield BatchJob(body, client)


async def list_async(
    page_size: int = 50, *, client: clients.Client | None = None
) -> AsyncIterator[BatchJob]:
    """`list` for `async for`."""
    first, asked = request.listing("batches", page_size), client or clients.default()
    async for page in asked.pages_async(first, resources.ListBatchesResponse):
        for body in page.operations:
            yield BatchJob(body, client)


def _named(name: str, client: clients.Client | None) -> BatchJob:
    return BatchJob(resources.Operation(name=request.resource_path("batches", name)), client)


def cancel(name: str, *, client: clients.Client | None = None) -> None:
    """`BatchJob.cancel`, by name."""
    _named(name, client).cancel()


async def cancel_async(name: str, *, client: clients.Client | None = None) -> None:
    """`cancel`, awaited."""
    await _named(name, client).cancel_async()


def delete(name: str, *, client: clients.Client | None = None) -> None:
    """`BatchJob.delete`, by name."""
    _named(name, client).delete()


async def delete_async(name: str, *, client: clients.Client | None = None) -> None:
    """`delete`, awaited."""
    await _named(name, client).delete_async()
