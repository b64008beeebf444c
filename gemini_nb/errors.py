"""What can go wrong, one tree:

    GeminiError
    ├── ConfigError               refused here, before anything was sent
    │   ├── MissingKey            no API key where one is needed
    │   ├── UnknownName           a name that does not exist (also a TypeError)
    │   ├── BadPrompt             something that cannot become a prompt (also a ValueError)
    │   │   └── PromptTooLong     more tokens than the limit: `count`, `limit`
    │   └── OverBudget            the prompt would cost more than is left of the budget: `left`
    ├── BackendError              the local backend is not installed, or did not start
    ├── APIError                  the service said no: code, status, details
    │   ├── InvalidArgument       400  (also FAILED_PRECONDITION)
    │   ├── InvalidKey            400, 401: the key is wrong
    │   ├── PermissionDenied      403
    │   ├── NotFound              404
    │   ├── ResourceExhausted     429: a quota; `retry_after` in seconds where the service says
    │   ├── Unimplemented         501: this backend, or this model, cannot do it
    │   ├── ServerError           500 and every other 5xx
    │   │   ├── Unavailable       503
    │   │   └── DeadlineExceeded  504
    ├── NetworkError              nothing, or nothing readable, came back
    │   ├── Timeout
    │   ├── InsecureConnection    TLS failed: whoever answers cannot prove who it is
    │   └── BadAnswer             something came that is no Gemini answer (a captive portal)
    ├── FileError                 a file did not get there whole, or is of no use there
    │   ├── UploadInterrupted     it stopped on the way: `sent` of `size` bytes; call again to go on
    │   ├── UploadCorrupted       what arrived is not what was sent, and was deleted there
    │   ├── UploadsFailed         some of several: `failed` says which, `files` has the others
    │   └── FileFailed            the service could not process it
    └── ResponseError             an answer came, but not a whole one: `response` has what there is
        ├── BlockedPrompt         the prompt was refused: `reason`
        ├── StoppedEarly          the answer ended before any text: `reason` (a filter, a limit)
        └── StreamInterrupted     the stream ended before it said that it was finished

Every error has `request` (where there was one; it never holds the key), `response` (what had come
of a streamed answer) and `advice`, one line that says what to do. In a notebook it shows as a short
card instead of a traceback through this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

KEY_PAGE = "https://aistudio.google.com/apikey"


class GeminiError(Exception):
    """The root: `except GeminiError` takes everything this package raises of its own."""

    advice: str = ""
    response: Any = None  # what came of a streamed answer until then
    tries: int = 1  # how often the request was made

    def __init__(self, message: str, *, advice: str = "", request: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        if advice:
            self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".rstrip()

    def __reduce__(self) -> Any:
        """An error comes back whole from another process, whatever its constructor asks for."""
        return _again, (type(self), self.args), self.__dict__

    def card(self) -> list[str]:
        """What happened and what to do: the lines that a person sees."""
        # A service, or whoever answers in its place, has no say over the person's terminal.
        message = "".join(c if c.isprintable() else " " for c in self.message)
        lines = [f"{type(self).__name__}: {message}"]
        if self.advice:
            lines.append(f"  → {self.advice}")
        if self.tries > 1:
            lines.append(f"  It was tried {self.tries} times.")
        return lines

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the card, and the line of the person's own code that led here."""
        where = _own_line(self.__traceback__)
        return [*self.card(), *([f"  at {where}"] if where else [])]


def _again(cls: type[GeminiError], args: tuple[Any, ...]) -> GeminiError:
    return cls.__new__(cls, *args)


def _own_line(tb: TracebackType | None) -> str:
    """The deepest frame that is neither in this package nor in a library, as `line 3: code`."""
    import traceback

    others = (str(Path(__file__).parent), str(Path(traceback.__file__).parent))
    own = [
        frame
        for frame in traceback.extract_tb(tb)
        if not frame.filename.startswith(others)
        and "site-packages" not in frame.filename
        and frame.line
        and "run_cell_magic" not in frame.line
        and "run_line_magic" not in frame.line
    ]
    if not own:
        return ""
    in_cell = "ipykernel" in own[-1].filename or own[-1].filename.startswith("<")
    place = "" if in_cell else f"{Path(own[-1].filename).name}, "
    # A line that sets a key may hold it; outputs are saved and shared more often than cells.
    code = "" if "key" in (own[-1].line or "").lower() else f": {own[-1].line}"
    return f"{place}line {own[-1].lineno}{code}"


class ConfigError(GeminiError):
    """Refused here, before anything was sent."""


class MissingKey(ConfigError):
    """The API backend is wanted, and there is no key."""

    def __init__(self) -> None:
        super().__init__(
            'backend="api" needs an API key, and none was found.',
            advice=f"Get one at {KEY_PAGE}, then run %gemini_config --key, or set GEMINI_API_KEY.",
        )


# What people write who come from another API, and what it is called here.
_FOREIGN = {
    "max_tokens": "max_output_tokens",
    "max_new_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "stop": "stop_sequences",
    "n": "candidate_count",
    "system": "system_instruction",
    "system_prompt": "system_instruction",
    "messages": "contents",
    "prompt": "contents",
    "response_format": "response_mime_type",
    "model_name": "model",
    "config": "generation_config",
}


class UnknownName(ConfigError, TypeError):
    """A name that does not exist, with the one that was probably meant."""

    def __init__(self, name: str, *, owner: str, known: Iterable[str]) -> None:
        import difflib

        names = sorted(known)
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
        snake = name if name.isupper() else snake
        near = [n for n in (_FOREIGN.get(name), snake) if n in names]
        near = near or difflib.get_close_matches(snake, names, n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(names)}."
        super().__init__(f"{owner} has no {name!r}.", advice=hint)
        self.name = name
        self.suggestion = near[0] if near else None


class BadPrompt(ConfigError, ValueError):
    """Something that cannot become a prompt."""


class PromptTooLong(BadPrompt):
    """The prompt has more tokens than it may: `count` is a TokenCount, `limit` in tokens."""

    def __init__(self, message: str, *, count: Any, limit: int, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.count = count
        self.limit = limit


class OverBudget(ConfigError):
    """The prompt would cost more than the budget has left: `left`, in US dollars."""

    def __init__(self, message: str, *, left: float, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.left = left


class BackendError(GeminiError):
    """The local backend is not installed, or did not start."""


class APIError(GeminiError):
    """The service refused: `code` is the HTTP status, `status` its name, `details` as they came."""

    def __init__(
        self,
        message: str,
        *,
        code: int,
        status: str = "",
        details: list[Any] | None = None,
        retry_after: float | None = None,
        advice: str = "",
        request: Any = None,
    ) -> None:
        super().__init__(message, advice=advice, request=request)
        self.code = code
        self.status = status
        self.details = details or []
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{f'{self.code} {self.status}'.rstrip()}: {super().__str__()}"

    def card(self) -> list[str]:
        """The card, with the status that the service gave."""
        first, *rest = super().card()
        name, _, message = first.partition(": ")
        return [f"{name} ({f'{self.code} {self.status}'.rstrip()}): {message}", *rest]


class InvalidArgument(APIError):
    """400: the request is wrong."""

    advice = "Look at the request with --dry-run, or at error.request."


class InvalidKey(APIError):
    """The service does not know this key."""

    advice = f"Run %gemini_config --key to enter another, or get one at {KEY_PAGE}."


class PermissionDenied(APIError):
    """403: the key may not do this, or the file belongs to another project or is gone."""

    advice = "May the key's project use this model? Files and caches go when their time is over."


class NotFound(APIError):
    """404: there is no such model or file."""

    advice = "genai.list_models() shows the models that this key can use."


class ResourceExhausted(APIError):
    """429: a quota is used up: `quota` names it, `retry_after` is in seconds."""

    advice = "Wait, or raise the quota of the project."

    @property
    def quota(self) -> str:
        """The quota's own name, as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`, or `""`."""
        lists = [d.get("violations") for d in self.details]
        found = [v for some in lists if isinstance(some, list) for v in some if isinstance(v, dict)]
        names = [str(v.get("quotaId") or v.get("quotaMetric") or "") for v in found]
        # Where several are used up, the day's is the one that lasts.
        return next((n for n in names if "PerDay" in n), next(iter(names), ""))

    @property
    def per_day(self) -> bool:
        """No second of waiting helps: the quota of a day is used up."""
        return "PerDay" in self.quota

    def card(self) -> list[str]:
        """The card, with the quota and the time to wait."""
        first, *rest = super().card()
        lines = [first, *([f"  Quota: {self.quota}"] if self.quota else []), *rest]
        if self.retry_after is not None and not self.per_day:
            lines.append(f"  → Try again in {self.retry_after:g} s.")
        return lines


class Unimplemented(APIError):
    """501: what was asked for cannot be done here, now or later; the message says what can."""


class ServerError(APIError):
    """5xx: the service failed."""

    advice = "Nothing is wrong with the request; try again in a moment."


class Unavailable(ServerError):
    """503: the model is overloaded."""

    advice = "The model is overloaded; try again in a moment, or another model."


class DeadlineExceeded(ServerError):
    """504: the service ran out of time."""

    advice = "Ask for less at once, or give a longer timeout."


class NetworkError(GeminiError):
    """Nothing came back.

    `sent` says that the request had gone out: the service may have answered, and billed, it.
    """

    sent: bool = False
    advice = "Check the connection and the address (gemini-nb doctor shows both)."


class Timeout(NetworkError, TimeoutError):
    """Nothing came in time."""

    advice = "Try again, or give more time: genai.configure(timeout=120)."


class InsecureConnection(NetworkError):
    """Whoever answers cannot prove to be the host that was called; nothing was sent."""

    advice = "Is the clock right, and is a proxy in between? SSL_CERT_FILE names its certificate."


class BadAnswer(NetworkError):
    """Something came that is not an answer of the Gemini API; `code` is its HTTP status."""

    code: int = 200
    advice = "Is a proxy or a login page in between? Check the address with gemini-nb doctor."


class FileError(GeminiError):
    """A file did not get there whole, or is of no use there."""


class UploadInterrupted(FileError):
    """An upload stopped on the way: the service has `sent` of its `size` bytes."""

    advice = "Run the same call again: it goes on from there while the file is unchanged."

    def __init__(self, message: str, *, sent: int, size: int, request: Any = None) -> None:
        super().__init__(message, request=request)
        self.sent = sent
        self.size = size


class UploadCorrupted(FileError):
    """What arrived is not what was sent; it was deleted there."""

    advice = "Upload it again, when nobody writes to it."


class UploadsFailed(FileError):
    """Some of several uploads failed.

    `failed` maps the place of each in the list to its error; `files` has the Files in the order of
    the list, None in the place of a failed one.
    """

    advice = "error.files holds those that arrived, error.failed says why the others did not."

    def __init__(self, message: str, *, files: list[Any], failed: dict[int, GeminiError]) -> None:
        super().__init__(message)
        self.files = files
        self.failed = failed


class FileFailed(FileError):
    """The service could not process a file."""

    advice = "Is it whole, and of a kind that the API takes? Convert it and upload it again."


class ResponseError(GeminiError):
    """An answer came, but not a whole one. `response` holds what there is."""

    def __init__(
        self, message: str, *, response: Any = None, reason: str = "", advice: str = ""
    ) -> None:
        super().__init__(message, advice=advice, request=getattr(response, "request", None))
        self.response = response
        self.reason = reason


class BlockedPrompt(ResponseError, ValueError):
    """The prompt was refused; `reason` says why."""

    advice = "Say it otherwise, or change safety_settings where that may help."


class StoppedEarly(ResponseError, ValueError):
    """The answer ended before any text; `reason` says why."""

    advice = "What came before is in error.response."


class StreamInterrupted(ResponseError):
    """The stream ended without a finishReason: what came is not the whole answer."""

    advice = "What came is in error.response; run it again for the rest."
