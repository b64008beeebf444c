"""The one exception that becomes an error answer, in the API's own shape.

Raised anywhere below the routes, turned into JSON in `app` (or into the last event of
a stream). It is not for mistakes of our own: those stay Python exceptions and answer 500.
"""

from __future__ import annotations

from typing import Any

STATUS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    409: "ALREADY_EXISTS",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class Fault(Exception):
    """An answer of `{"error": {"code", "message", "status", "details"?}}`."""

    def __init__(
        self, code: int, message: str, details: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        """The JSON that a Gemini client expects."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "status": STATUS.get(self.code, "UNKNOWN"),
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}


def bad_request(field: str, message: str) -> Fault:
    """A 400 that names the field at fault, as the API does."""
    return violations([(field, message)])


def violations(found: list[tuple[str, str]]) -> Fault:
    """A 400 for several faults at once: `(field, description)` each."""
    return Fault(
        400,
        "\n".join(description for _, description in found),
        [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {"field": field, "description": description} for field, description in found
                ],
            }
        ],
    )


def cannot(what: str) -> Fault:
    """What the API can do and this server cannot: said plainly, never made up."""
    return Fault(501, f"The local backend cannot {what} yet; use backend='api' for it.")
