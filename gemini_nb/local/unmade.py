"""Methods of a model that the API has and this server lacks: each says so.

Its route matches whatever method the other modules left, so it has to come last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from .fault import cannot
from .models import not_found

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .text import Engine

_METHODS = {
    "bidiGenerateContent": "hold live conversations",
    "generateAnswer": "answer out of given passages",
    "predict": "make images",
    "predictLongRunning": "make videos",
}


def routes(version: str, _: Engine) -> list[Route]:
    """The route of this module under `/version`."""

    async def refuse(request: Request) -> Response:
        name, method = request.path_params["name"], request.path_params["method"]
        if method in _METHODS:
            raise cannot(_METHODS[method])
        raise not_found(name, version, method)

    return [Route(f"/{version}/models/{{name}}:{{method}}", refuse, methods=["POST"])]
