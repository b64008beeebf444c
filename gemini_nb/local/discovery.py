"""The part of the API's discovery document that the older SDK uploads files by.

google-generativeai asks for it before its first upload. It describes that one method and
nothing else, since no client we know asks it for more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from .answers import answer
from .files import FILE_LIMIT

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_PATH = "v1beta/files"


def route() -> Route:
    """Where the document is."""

    def document(request: Request) -> Response:
        upload = {
            "id": "generativelanguage.media.upload",
            "path": _PATH,
            "flatPath": _PATH,
            "httpMethod": "POST",
            "parameters": {},
            "parameterOrder": [],
            "request": {"$ref": "CreateFileRequest"},
            "response": {"$ref": "CreateFileResponse"},
            "supportsMediaUpload": True,
            "mediaUpload": {
                "accept": ["*/*"],
                "maxSize": str(FILE_LIMIT),
                "protocols": {
                    "simple": {"multipart": True, "path": f"/upload/{_PATH}"},
                    "resumable": {"multipart": True, "path": f"/resumable/upload/{_PATH}"},
                },
            },
        }
        described = {
            "kind": "discovery#restDescription",
            "id": "generativelanguage:v1beta",
            "name": "generativelanguage",
            "version": "v1beta",
            "protocol": "rest",
            "rootUrl": str(request.base_url),
            "baseUrl": str(request.base_url),
            "servicePath": "",
            "batchPath": "batch",
            "resources": {"media": {"methods": {"upload": upload}}},
            "schemas": {
                name: {"id": name, "type": "object", "properties": {"file": {"type": "any"}}}
                for name in ("CreateFileRequest", "CreateFileResponse")
            },
        }
        return answer(request, described)

    return Route("/$discovery/rest", document, methods=["GET"])
