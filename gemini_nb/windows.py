"""How many tokens a model reads at most: as the service says, else as the dated table has it.

The service is asked once for each model, in the background, when it has answered a first prompt:
nothing waits for it, and nothing is said where it fails.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING

import msgspec

from gemini_nb import blocking, request, structs
from gemini_nb.errors import GeminiError
from gemini_nb.resources import Model
from gemini_nb.tokens import prices

if TYPE_CHECKING:
    from gemini_nb.client import Client
    from gemini_nb.transport import Transport

_told: weakref.WeakKeyDictionary[Client, dict[str, int | None]] = weakref.WeakKeyDictionary()


def of(client: Client, model: str) -> int | None:
    """The most tokens that a prompt to `models/NAME` may have; None where nobody has said."""
    told = _told.get(client, {}).get(model)
    if told is not None:
        return told
    if client.settings.resolve_backend() == "local":  # it answers under any name
        return None
    known = prices.limits_of(model)
    return known.input if known else None


def learn(client: Client, model: str) -> None:
    """Ask the service, unless it was asked before. The client is connected already."""
    told = _told.setdefault(client, {})
    if model in told or client.settings.rpm is not None:  # no call to spare for it
        return
    told[model] = None
    with contextlib.suppress(GeminiError):
        blocking.spawn(_learn(client.connect(), model, told))


async def _learn(way: Transport, model: str, told: dict[str, int | None]) -> None:
    with contextlib.suppress(GeminiError, msgspec.DecodeError):
        body = await way.once(request.get_model(model))
        told[model] = structs.decode(Model, body).input_token_limit
