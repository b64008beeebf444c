"""What a well-formed request may ask for: the API's rules first, then this server's limits.

Works on the form `wire.parse` gives. The rules answer 400 in the API's words; what the
API can do and a small local model cannot answers 501 and says so. Nothing a person sent
is ever left out in silence.
"""

from __future__ import annotations

from typing import Any

from .fault import Fault, bad_request, cannot
from .speech import is_audio
from .vision import is_image
from .wire import snake

_ROLES = {"", "user", "model", "function"}
_RANGES: dict[str, tuple[float, float]] = {
    "candidateCount": (1, 8),
    "temperature": (0, 2),
    "topP": (0, 1),
    "topK": (0, float("inf")),
    "maxOutputTokens": (1, float("inf")),
    "presencePenalty": (-2, 2),
    "frequencyPenalty": (-2, 2),
}
_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
_MIME_TYPES = ("text/plain", "application/json", "text/x.enum")
_UNMADE_MIME_TYPES = ("application/xml", "application/yaml")
_UNREAD_PARTS = {
    "inlineData": "read video or documents",
    "functionCall": "call functions",
    "functionResponse": "call functions",
    "executableCode": "run code",
    "codeExecutionResult": "run code",
    "toolCall": "use tools",
    "toolResponse": "use tools",
}
_STOP_SEQUENCES = 5
_UNCOUNTED = ("inlineData",)


def generate(request: dict[str, Any]) -> None:
    """Refuse a generateContent request that is wrong, or that cannot be served here."""
    contents(request, "GenerateContentRequest")
    config = request.get("generationConfig", {})
    _config(config)
    served(request)
    wanted = set(config.get("responseModalities", ())) - {"TEXT", "MODALITY_UNSPECIFIED"}
    if unmade := wanted - {"AUDIO"}:
        raise cannot(f"answer with {' or '.join(sorted(unmade)).lower()}")
    if wanted and "TEXT" in config["responseModalities"]:
        raise cannot("answer with text and audio at once")
    if config.get("responseLogprobs") or config.get("logprobs"):
        raise cannot("give log probabilities")
    if config.get("responseMimeType") in _UNMADE_MIME_TYPES:
        raise cannot(f"answer in {config['responseMimeType']}")


def served(request: dict[str, Any]) -> None:
    """Refuse parts and tools that this server cannot read, in a prompt or in a cache."""
    for content in _all(request):
        for part in content["parts"]:
            for key, what in _UNREAD_PARTS.items():
                if key in part and not _is_perceived(part):
                    raise cannot(what)
    if any(request.get("tools", ())):
        raise cannot("use tools or call functions")


def _is_perceived(part: dict[str, Any]) -> bool:
    return is_image(part) or is_audio(part)


def counted(request: dict[str, Any]) -> dict[str, Any]:
    """The request whose tokens are asked for, out of a countTokens request."""
    inner: dict[str, Any] = request.get("generateContentRequest", request)
    if inner is not request and request.get("contents"):
        field = "CountTokensRequest.generate_content_request"
        raise bad_request(field, f"* {field}: set this or contents, not both.\n")
    contents(inner, "CountTokensRequest")
    return inner


def count(request: dict[str, Any]) -> None:
    """Refuse what cannot be counted here."""
    for content in _all(request):
        for part in content["parts"]:
            if any(key in part for key in _UNCOUNTED) and not _is_perceived(part):
                raise cannot("count the tokens of video, documents or other media")


def _all(request: dict[str, Any]) -> list[dict[str, Any]]:
    system = request.get("systemInstruction")
    return [*([system] if system else []), *request.get("contents", ())]


def contents(request: dict[str, Any], name: str, *, required: bool = True) -> None:
    """The rules for turns and their parts."""
    if required and not request.get("contents"):
        field = f"{name}.contents"
        raise bad_request(field, f"* {field}: contents is not specified\n")
    for index, content in enumerate(request.get("contents", ())):
        if content.get("role", "") not in _ROLES:
            raise Fault(400, "Please use a valid role: user, model.")
        _parts(content, f"{name}.contents[{index}]")
    # No role is checked here: real clients send "user" or none.
    if request.get("systemInstruction"):
        _parts(request["systemInstruction"], f"{name}.system_instruction")


def _parts(content: dict[str, Any], field: str) -> None:
    if not content.get("parts"):
        raise bad_request(f"{field}.parts", f"* {field}.parts: contents.parts must not be empty.\n")
    for index, part in enumerate(content["parts"]):
        found = [key for key in _DATA if key in part]
        where = f"{field}.parts[{index}]"
        if not found:
            text = "required oneof field 'data' must have one initialized field"
            raise bad_request(f"{where}.data", f"* {where}.data: {text}\n")
        if len(found) > 1:
            text = f"oneof field 'data' is already set. Cannot set '{found[1]}'"
            raise bad_request(where, f"Invalid value at '{where}' (oneof), {text}.")
        if found == ["inlineData"] and not part["inlineData"].get("mimeType"):
            where = f"{where}.inline_data.mime_type"
            raise bad_request(where, f"* {where}: mime_type is not specified\n")


def _config(config: dict[str, Any]) -> None:
    prefix = "GenerateContentRequest.generation_config"
    for key, (low, high) in _RANGES.items():
        if not low <= config.get(key, low) <= high:
            name = snake(key)
            allowed = f"at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
            text = f"{name} must be {allowed}, and is {config[key]:g}.\n"
            raise bad_request(f"{prefix}.{name}", f"* {prefix}.{name}: {text}")
    thinking = config.get("thinkingConfig", {})
    if "thinkingBudget" in thinking and thinking.get("thinkingLevel"):
        raise Fault(400, "You can only set only one of thinking budget and thinking level.")
    if len(config.get("stopSequences", ())) > _STOP_SEQUENCES:
        field = f"{prefix}.stop_sequences"
        raise bad_request(field, f"* {field}: at most {_STOP_SEQUENCES} stop sequences.\n")
    if "" in config.get("stopSequences", ()):
        field = f"{prefix}.stop_sequences"
        raise bad_request(field, f"* {field}: a stop sequence must not be empty.\n")
    _response_format(config, prefix)


def _response_format(config: dict[str, Any], prefix: str) -> None:
    kind = config.get("responseMimeType") or "text/plain"
    if kind not in _MIME_TYPES + _UNMADE_MIME_TYPES:
        allowed = ", ".join(f"`{name}`" for name in _MIME_TYPES + _UNMADE_MIME_TYPES)
        field = f"{prefix}.response_mime_type"
        raise bad_request(field, f"* {field}: allowed mimetypes are {allowed}.\n")
    schemas = [key for key in ("responseSchema", "responseJsonSchema") if key in config]
    if len(schemas) > 1:
        field = f"{prefix}.response_json_schema"
        raise bad_request(field, f"* {field}: set this or response_schema, not both.\n")
    if schemas and kind == "text/plain":
        field = f"{prefix}.{snake(schemas[0])}"
        text = "needs response_mime_type 'application/json' or 'text/x.enum'"
        raise bad_request(field, f"* {field}: {text}.\n")
    if "responseSchema" in config:
        _schema(config["responseSchema"], f"{prefix}.response_schema")
    if kind == "text/x.enum" and not config.get("responseSchema", {}).get("enum"):
        field = f"{prefix}.response_schema"
        raise bad_request(field, f"* {field}: 'text/x.enum' needs a schema with an enum.\n")


def _schema(schema: dict[str, Any], field: str) -> None:
    """The rules for the API's own Schema; those of JSON Schema are the grammar's business."""
    if schema.get("type") == "ARRAY" and "items" not in schema:
        raise bad_request(f"{field}.items", f"* {field}.items: missing field.\n")
    properties = schema.get("properties", {})
    for index, name in enumerate(schema.get("required", ())):
        if properties and name not in properties:
            where = f"{field}.required[{index}]"
            raise bad_request(where, f"* {where}: property is not defined\n")
    inner = {f"{field}.properties[{name}]": value for name, value in properties.items()}
    inner |= {f"{field}.any_of[{i}]": value for i, value in enumerate(schema.get("anyOf", ()))}
    if "items" in schema:
        inner[f"{field}.items"] = schema["items"]
    for where, value in inner.items():
        _schema(value, where)
