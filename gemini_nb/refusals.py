"""An answer that says no → the exception for it. Pure; which ones there are is in `errors.py`."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from gemini_nb import errors, structs
from gemini_nb.errors import APIError

_BY_CODE: dict[int, type[APIError]] = {
    400: errors.InvalidArgument,
    401: errors.InvalidKey,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    429: errors.ResourceExhausted,
    501: errors.Unimplemented,
    503: errors.Unavailable,
    504: errors.DeadlineExceeded,
}


def refusal(
    host: str, code: int, body: bytes, *, retry_after: float | None = None, request: Any = None
) -> errors.GeminiError:
    """An answer that is not 200. `retry_after` is what its header says, in seconds."""
    try:
        found: Any = structs.read(body)
    except msgspec.DecodeError:
        found = None
    if isinstance(found, list) and found:  # streams without alt=sse wrap their error in an array
        found = found[0]
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, dict):
        return from_status(code, error, retry_after=retry_after, request=request)
    strange = errors.BadAnswer(
        f"{host} answered {code} without a Gemini error: {excerpt(body)}.", request=request
    )
    strange.code = code
    return strange


def excerpt(body: bytes) -> str:
    """The beginning of what was no answer, quoted on one line."""
    text = " ".join(body[:400].decode("utf-8", "replace").split())
    return repr(text[:120])


def from_status(
    code: int,
    error: dict[str, Any],
    *,
    retry_after: float | None = None,
    request: Any = None,
) -> APIError:
    """The `error` object of an answer, in which a RetryInfo says more than a header."""
    given = error.get("details")
    details = [d for d in given if isinstance(d, dict)] if isinstance(given, list) else []
    failed = errors.ServerError if code >= HTTPStatus.INTERNAL_SERVER_ERROR else APIError
    cls = _BY_CODE.get(code, failed)
    if any(d.get("reason") == "API_KEY_INVALID" for d in details):
        cls = errors.InvalidKey
    if code == HTTPStatus.FORBIDDEN and "unregistered callers" in str(error.get("message")):
        cls = errors.InvalidKey
    kept = getattr(request, "path", "").partition("/")[0] in ("batches", "cachedContents", "files")
    delay = _retry_delay(details)
    return cls(
        str(error.get("message") or "The service gave no reason.").strip(),
        code=code,
        status=str(error.get("status") or ""),
        details=details,
        retry_after=retry_after if delay is None else delay,
        advice=_GONE if kept and code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND) else "",
        request=request,
    )


_GONE = "It may have expired, or been deleted, or belong to another project."
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s?")


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """Seconds in a RetryInfo (`"36s"`, `"1.5s"`), where there is one."""
    found = (_SECONDS.fullmatch(str(d.get("retryDelay") or "")) for d in details)
    return next((float(match[1]) for match in found if match), None)
