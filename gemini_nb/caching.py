"""CachedContent: the beginning of a prompt that the service keeps, for less than sending it anew.

`GenerativeModel.from_cached_content` makes the model that goes on from there. The object of the
wire is `types.CachedContent`; this one can be prolonged and deleted. Nothing is kept on this side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gemini_nb import client as clients
from gemini_nb import request, resources, times
from gemini_nb.content import ToolConfig
from gemini_nb.display.html import terminal_text
from gemini_nb.errors import BadPrompt
from gemini_nb.kept import Kept
from gemini_nb.parts import to_contents
from gemini_nb.request import Request

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncIterator, Iterator

_HOME = "cachedContents"
# What the service refuses beyond.
_LONGEST_NAME = 128


class CachedContent(Kept):
    """A cache of the service, as it was when it was last looked at.

    `CachedContent(name)` looks it up, as `get` does.
    """

    _body: resources.CachedContent

    def __init__(self, name: str, *, client: clients.Client | None = None) -> None:
        super().__init__(resources.CachedContent(name=name), client)  # for __repr__, if it is gone
        self._body = self.client.call(_get(name), resources.CachedContent)

    @classmethod
    def _of(
        cls, body: resources.CachedContent, client: clients.Client | None = None
    ) -> CachedContent:
        made = cls.__new__(cls)
        Kept.__init__(made, body, client)
        return made

    # -- what it is

    @property
    def model(self) -> str:
        """`models/NAME`: the one model that can go on from here."""
        return self._body.model or ""

    @property
    def usage_metadata(self) -> resources.CachedContentUsageMetadata:
        """`total_token_count`: how many tokens it holds."""
        return self._body.usage_metadata or resources.CachedContentUsageMetadata()

    @property
    def expire_time(self) -> dt.datetime | None:
        """When it goes (UTC)."""
        return times.moment(self._body.expire_time)

    def __repr__(self) -> str:
        tokens = self.usage_metadata.total_token_count
        known = (
            repr(self.display_name) if self.display_name else "",
            f"{tokens:,} tokens" if tokens is not None else "",
            f"for {self.model.removeprefix('models/')}" if self.model else "",
            f"until {times.shown(self.expire_time)}" if self.expire_time else "",
        )
        return terminal_text(f"<CachedContent {' '.join([self.name, *filter(None, known)])}>")

    # -- the calls

    @classmethod
    def create(
        cls,
        model: str,
        *,
        display_name: str | None = None,
        system_instruction: Any = None,
        contents: Any = None,
        tools: Any = None,
        tool_config: Any = None,
        ttl: Any = None,
        expire_time: Any = None,
        client: clients.Client | None = None,
    ) -> CachedContent:
        """Have the service keep the beginning of a prompt.

        Args:
            model: the one model that will go on from it; a cache serves no other.
            display_name: the person's name for it, of at most 128 characters.
            system_instruction, tools, tool_config: as a GenerativeModel takes them.
            contents: as `generate_content` takes them.
            ttl: how long it is kept: seconds, a timedelta, `"300s"`; one hour where nothing is
                said.
            expire_time: until when it is kept, in place of ttl: a datetime.
            client: a Client of one's own; else that of `configure()`.

        Raises:
            BadPrompt, UnknownName: before anything is sent.
            InvalidArgument: also where the service finds too few tokens to be worth keeping.
        """
        made = _create(
            model,
            display_name=display_name,
            contents=contents,
            system_instruction=system_instruction,
            tools=tools,
            tool_config=tool_config,
            ttl=ttl,
            expire_time=expire_time,
        )
        return cls._of((client or clients.default()).call(made, resources.CachedContent), client)

    @classmethod
    async def create_async(
        cls, model: str, *, client: clients.Client | None = None, **given: Any
    ) -> CachedContent:
        """`create`, awaited; `given` is what `create` takes."""
        made, asked = _create(model, **given), client or clients.default()
        return cls._of(await asked.call_async(made, resources.CachedContent), client)

    @classmethod
    def get(cls, name: str, *, client: clients.Client | None = None) -> CachedContent:
        """Look a cache up by its name. Raises NotFound, PermissionDenied."""
        return cls(name, client=client)

    @classmethod
    async def get_async(cls, name: str, *, client: clients.Client | None = None) -> CachedContent:
        """`get`, awaited."""
        asked = client or clients.default()
        return cls._of(await asked.call_async(_get(name), resources.CachedContent), client)

    @classmethod
    def list(
        cls, page_size: int = 50, *, client: clients.Client | None = None
    ) -> Iterator[CachedContent]:
        """The caches of this key; pages are fetched as they are reached."""
        first, asked = request.listing(_HOME, page_size), client or clients.default()
        for page in asked.pages(first, resources.ListCachedContentsResponse):
            for body in page.cached_contents:
                yield cls._of(body, client)

    @classmethod
    async def list_async(
        cls, page_size: int = 50, *, client: clients.Client | None = None
    ) -> AsyncIterator[CachedContent]:
        """`list` for `async for`."""
        first, asked = request.listing(_HOME, page_size), client or clients.default()
        async for page in asked.pages_async(first, resources.ListCachedContentsResponse):
            for body in page.cached_contents:
                yield cls._of(body, client)

    def update(self, *, ttl: Any = None, expire_time: Any = None) -> None:
        """Keep it longer, or shorter: from now on for `ttl`, or until `expire_time`.

        Nothing else of a cache can be changed. Raises BadPrompt, NotFound.
        """
        made = _update(self.name, ttl, expire_time)
        self._body = self.client.call(made, resources.CachedContent)

    async def update_async(self, *, ttl: Any = None, expire_time: Any = None) -> None:
        """`update`, awaited."""
        made = _update(self.name, ttl, expire_time)
        self._body = await self.client.call_async(made, resources.CachedContent)


# ------------------------------------------------------------------------------- the requests


def _get(name: str) -> Request:
    return Request("GET", request.resource_path(_HOME, name))


def _create(
    model: str,
    *,
    display_name: str | None = None,
    contents: Any = None,
    system_instruction: Any = None,
    tools: Any = None,
    tool_config: Any = None,
    ttl: Any = None,
    expire_time: Any = None,
) -> Request:
    if not (contents or system_instruction or tools):
        raise BadPrompt(
            "There is nothing to keep.", advice="Give contents, system_instruction or tools."
        )
    if display_name and len(display_name) > _LONGEST_NAME:
        raise BadPrompt(
            f"display_name has {len(display_name)} characters.",
            advice=f"{_LONGEST_NAME} are allowed.",
        )
    body = resources.CachedContent(
        model=request.model_path(model),
        display_name=display_name,
        contents=to_contents(contents) if contents else [],
        system_instruction=request.instruction(system_instruction),
        tools=request.tools(tools),
        tool_config=None if tool_config is None else request.build(ToolConfig, tool_config),
        **_lifetime(ttl, expire_time),
    )
    return Request("POST", _HOME, body, creates=True)


def _update(name: str, ttl: Any, expire_time: Any) -> Request:
    changed = _lifetime(ttl, expire_time)
    if not changed:
        raise BadPrompt("There is nothing to change.", advice="Give ttl or expire_time.")
    mask = "ttl" if "ttl" in changed else "expireTime"
    return Request("PATCH", name, resources.CachedContent(**changed), {"updateMask": mask})


def _lifetime(ttl: Any, expire_time: Any) -> dict[str, Any]:
    if ttl is not None and expire_time is not None:
        raise BadPrompt("ttl and expire_time exclude each other.", advice="Give one of them.")
    if ttl is not None:
        return {"ttl": times.to_duration(ttl)}
    return {} if expire_time is None else {"expire_time": times.to_moment(expire_time)}
