"""From what a person gives to uploads, several of them side by side.

Here a file gets its names, its place among what is kept, and its share of the progress. How one
gets through is `upload.py`.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from gemini_nb import known, resources
from gemini_nb.errors import BadPrompt, GeminiError
from gemini_nb.files import sources, unfinished
from gemini_nb.files.upload import Upload
from gemini_nb.progress import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gemini_nb.client import Client
    from gemini_nb.transport import Transport

# Uploads at the same time: more would only share the same line.
_TOGETHER = 4
# What a person may call a file, by the reference.
_NAME = re.compile(r"(?:files/)?([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)")
_LONGEST_DISPLAY_NAME = 512


class Job:
    """One file to be uploaded. Raises BadPrompt for what cannot be."""

    def __init__(
        self,
        value: Any,
        mime_type: str | None = None,
        name: str | None = None,
        display_name: str | None = None,
        *,
        keep: bool = True,
    ) -> None:
        path = None if name is None else _path(name)
        self.source = sources.of(value, mime_type)
        shown = self.source.name if display_name is None else display_name
        self.about = resources.File(
            name=path,
            display_name=shown[:_LONGEST_DISPLAY_NAME] or None,
            mime_type=self.source.mime_type,
        )
        self.label = f"Uploading {self.source.name or shown or 'bytes'}"
        self._keep = keep

    async def run(
        self, client: Client, way: Transport, report: Callable[[Step], None]
    ) -> resources.File:
        """Upload it; raises as `Upload.run` does."""
        entry = self._claim(client)
        try:
            upload = Upload(
                way,
                self.source,
                self.about,
                version=client.settings.api_version,
                entry=entry,
                report=lambda sent, note: report(Step(sent, note)),
            )
            made = await upload.run()
            if made.uri:
                await asyncio.to_thread(known.remember, made.uri, self.source)
            return made
        finally:
            entry.release()

    def _claim(self, client: Client) -> unfinished.Entry:
        """The place of this very upload: the same file, for the same account, called the same."""
        if not self._keep or self.source.identity is None:
            return unfinished.Entry()
        about = self.about
        return unfinished.claim(
            *client.settings.account(),
            *self.source.identity,
            about.name,
            about.display_name,
            about.mime_type,
        )


def _path(name: str) -> str:
    found = _NAME.fullmatch(name)
    if found is None:
        raise BadPrompt(
            f"{name!r} is no name for a file.",
            advice="It has up to 40 lowercase letters, digits and dashes, as my-talk-2.",
        )
    return f"files/{found[1]}"


async def together(
    jobs: Sequence[Job], client: Client, way: Transport, report: Callable[[Step], None]
) -> list[resources.File | GeminiError]:
    """Upload them all, a few at a time: what became of each, in their order."""
    gate = asyncio.Semaphore(_TOGETHER)
    sent = [0.0] * len(jobs)

    async def one(place: int, job: Job) -> resources.File | GeminiError:
        def tell(step: Step) -> None:
            sent[place] = step.done
            report(Step(sum(sent), step.note))

        async with gate:
            try:
                return await job.run(client, way, tell)
            except GeminiError as error:
                # Frames of the background thread hold headers.
                error.__context__ = None
                return error.with_traceback(None)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(place, job)) for place, job in enumerate(jobs)]
    return [task.result() for task in tasks]
