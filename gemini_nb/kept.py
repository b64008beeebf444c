"""Something that the service keeps for a person: the base of File, CachedContent and BatchJob.

It is as it was when it was last looked at. What each of them is and can do is in its own module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gemini_nb import client as clients
from gemini_nb import structs, times
from gemini_nb.request import Request

if TYPE_CHECKING:
    import datetime as dt


class Kept:
    """A name at the service, and what was told of it."""

    _body: Any  # the object of the wire
    _client: clients.Client | None

    def __init__(self, body: Any, client: clients.Client | None = None) -> None:
        self._body = body
        self._client = client

    def __getstate__(self) -> dict[str, Any]:
        return {"_body": self._body, "_client": None}  # a client does not travel

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Kept) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def client(self) -> clients.Client:
        """The client that calls about it go through."""
        return self._client or clients.default()

    @property
    def _told(self) -> Any:
        """Where its fields are: a batch is wrapped in an operation."""
        return self._body

    @property
    def name(self) -> str:
        """Its name at the service: the kind, a slash and an ID."""
        return self._body.name or self._told.name or ""

    @property
    def display_name(self) -> str:
        """The person's name for it."""
        return self._told.display_name or ""

    @property
    def create_time(self) -> dt.datetime | None:
        """When it was made (UTC)."""
        return times.moment(self._told.create_time)

    @property
    def update_time(self) -> dt.datetime | None:
        """When it was last changed (UTC)."""
        return times.moment(self._told.update_time)

    def to_dict(self) -> dict[str, Any]:
        """The API's JSON."""
        body: structs.Wire = self._body
        return body.to_dict()

    def delete(self) -> None:
        """Have the service forget it. Raises NotFound, PermissionDenied where it is gone."""
        self.client.call(Request("DELETE", self.name), structs.Wire)

    async def delete_async(self) -> None:
        """`delete`, awaited."""
        await self.client.call_async(Request("DELETE", self.name), structs.Wire)
