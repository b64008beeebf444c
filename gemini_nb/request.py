"""A method and its arguments → a Request: the exact thing that goes over the wire, less the key.

Pure: nothing is sent. Names that do not exist are refused here.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from gemini_nb import settings, structs
from gemini_nb.content import (
    Content,
    CountTokensRequest,
    FunctionDeclaration,
    GenerateContentRequest,
    GenerationConfig,
    SafetySetting,
    Tool,
    ToolConfig,
)
from gemini_nb.enums import HarmBlockThreshold, HarmCategory
from gemini_nb.errors import BadPrompt, UnknownName
from gemini_nb.parts import to_content, to_contents

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Request:
    """One call. `path` follows the API version: `models/NAME:generateContent`.

    `creates` marks what, sent twice, would make two: it is sent again only where that is certain
    not to happen.
    """

    method: str
    path: str
    body: structs.Wire | None = None
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    timeout: float | None = None
    creates: bool = False

    def content(self) -> bytes | None:
        """The body as it is sent. Raises BadPrompt for a value that JSON cannot hold."""
        try:
            return None if self.body is None else structs.encode(self.body)
        except TypeError as error:
            raise BadPrompt(f"The request holds what JSON cannot: {error}.") from None

    def rough_tokens(self) -> int:
        """About how many tokens it has: a quarter of its characters, and 258 for each medium."""
        text, media = _measured(self.to_dict())
        return text // 4 + 258 * media

    def to_dict(self) -> dict[str, Any]:
        """The body as JSON objects."""
        return {} if self.body is None else self.body.to_dict()

    def describe(self) -> str:
        """The request for a person to read: its line, and its body with long base64 cut short."""
        query = "?" + "&".join(f"{k}={v}" for k, v in self.params.items()) if self.params else ""
        body = json.dumps(_cut(self.to_dict()), indent=2, ensure_ascii=False)
        return f"{self.method} {self.path}{query}\n\n{body}"


def _measured(value: Any) -> tuple[int, int]:
    """Characters of text and pieces of media in a body."""
    if isinstance(value, str):
        return len(value), 0
    if isinstance(value, dict):
        if "inlineData" in value or "fileData" in value:
            return 0, 1
        value = list(value.values())
    if not isinstance(value, list):
        return 0, 0
    inner = [_measured(item) for item in value]
    return sum(text for text, _ in inner), sum(media for _, media in inner)


# Longer base64 is cut in what a person reads.
_LONGEST = 48


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: f"{v[:24]}… ({len(v):,} characters of base64)"
            if k == "data" and isinstance(v, str) and len(v) > _LONGEST
            else _cut(v)
            for k, v in value.items()
        }
    return [_cut(v) for v in value] if isinstance(value, list) else value


_MODEL = re.compile(r"\w[\w.@-]*(?:/\w[\w.@-]*)*")


def model_path(name: str) -> str:
    """`gemini-…` or `models/gemini-…` → `models/gemini-…`; tuned models keep their own prefix.

    Raises BadPrompt for what cannot be a name.
    """
    if not _MODEL.fullmatch(name):
        raise BadPrompt(f"{name!r} is no name of a model.", advice="One is like gemini-3.8-flash.")
    return name if "/" in name else f"models/{name}"


def build(cls: type[structs.Wire], value: Any) -> Any:
    """What a person gave for a `cls`: one, a dict or a pydantic model → a `cls` of its own.

    Raises BadPrompt for a wrong value, UnknownName for a wrong name.
    """
    extra = value.extra if isinstance(value, cls) else None
    if isinstance(value, cls):  # its constructor took what it was given; here it is looked at
        named = ((n, getattr(value, n)) for n in cls.__struct_fields__ if n != "extra")
        value = {name: item for name, item in named if item is not None}
    value = structs.plain(value)
    if not isinstance(value, Mapping):
        raise BadPrompt(
            f"A {type(value).__name__} is no {cls.__name__}.",
            advice="Give a dict, or the type itself.",
        )
    try:
        made = structs.build(cls, dict(value), strict=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadPrompt(
            f"{cls.__name__}: {error}.", advice="Look at the types of its values."
        ) from None
    made.extra = extra
    return made


def generation_config(*layers: Any) -> GenerationConfig | None:
    """Several configurations, later ones winning field by field → one; None where all are empty."""
    merged: dict[str, Any] = {}
    for layer in layers:
        if layer is None:
            continue
        made = build(GenerationConfig, layer)
        for name in made.__struct_fields__:
            value = getattr(made, name)
            if value is not None:
                merged[name] = value
    if not merged:
        return None
    extra = merged.pop("extra", None)
    config = GenerationConfig(**merged)
    config.extra = extra
    return config


_SHORT = {"DANGEROUS": "DANGEROUS_CONTENT", "HATE": "HATE_SPEECH", "SEXUAL": "SEXUALLY_EXPLICIT"}


def _category(name: str) -> HarmCategory:
    """`HARASSMENT`, `harassment` or the full name → the category; some have a shorter one."""
    text = str(name).upper().removeprefix("HARM_CATEGORY_")
    return _member(HarmCategory, f"HARM_CATEGORY_{_SHORT.get(text, text)}")


def _member(cls: type[T], name: str) -> T:
    """What a person named, which must exist; a server may name what it likes."""
    if name not in cls.__members__:  # type: ignore[attr-defined]
        raise UnknownName(name, owner=cls.__name__, known=list(cls.__members__))  # type: ignore[attr-defined]
    return cls(name)  # type: ignore[call-arg]


def _safety_setting(category: Any, threshold: Any) -> SafetySetting:
    return SafetySetting(
        category=_category(category), threshold=_member(HarmBlockThreshold, str(threshold).upper())
    )


_CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")


def safety_settings(value: Any) -> list[SafetySetting]:
    """SafetySettings, a dict {category: threshold}, or one threshold for all → a list."""
    if value is None:
        return []
    if isinstance(value, str):
        value = dict.fromkeys(_CATEGORIES, value)
    if isinstance(value, SafetySetting) or (isinstance(value, Mapping) and "category" in value):
        value = [value]
    if isinstance(value, Mapping):
        return [_safety_setting(c, t) for c, t in value.items()]
    made = [build(SafetySetting, item) for item in value]
    return [_safety_setting(m.category, m.threshold) for m in made]


def merged_safety(settings: list[SafetySetting], more: Any) -> list[SafetySetting]:
    """The settings of a model and those of one call, which win category by category."""
    return list({s.category: s for s in [*settings, *safety_settings(more)]}.values())


def tools(value: Any) -> list[Tool]:
    """Tools, dicts, FunctionDeclarations, or the names of the service's own tools."""
    if value is None:
        return []
    made: list[Tool] = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, str):
            if item not in Tool.__struct_fields__:
                raise UnknownName(item, owner="tools", known=Tool.__struct_fields__)
            made.append(build(Tool, {item: {}}))
        elif isinstance(item, FunctionDeclaration) or (
            isinstance(item, Mapping) and "name" in item
        ):
            made.append(Tool(function_declarations=[build(FunctionDeclaration, item)]))
        elif callable(item):
            raise BadPrompt(
                f"{getattr(item, '__name__', item)!r} is a Python function.",
                advice="Describe it with genai.types.FunctionDeclaration.",
            )
        else:
            made.append(build(Tool, item))
    return made


def instruction(value: Any) -> Content | None:
    """What the model is told before every prompt → a Content without a role."""
    return None if value is None or value == "" else to_content(value, role=None)


def refuse_beside_cache(
    system_instruction: Any, tool_list: Any, tool_config: Any, name: str
) -> None:
    """Raise BadPrompt for what a cache already has: the service answers 400 to it."""
    beside = {
        "system_instruction": system_instruction,
        "tools": tool_list,
        "tool_config": tool_config,
    }
    for what, given in beside.items():
        if given:
            raise BadPrompt(
                f"A prompt that goes on from {name} has no {what} of its own.",
                advice=f"Give {what} where the cache is made.",
            )


def content_request(
    contents: Any,
    *,
    system_instruction: Any = None,
    config: GenerationConfig | None = None,
    safety: list[SafetySetting] | None = None,
    tool_list: Any = None,
    tool_config: Any = None,
    cached_content: str | None = None,
) -> GenerateContentRequest:
    """The body that `:generateContent` and `:countTokens` share."""
    if cached_content is not None:
        refuse_beside_cache(system_instruction, tool_list, tool_config, cached_content)
    return GenerateContentRequest(
        contents=to_contents(contents),
        system_instruction=instruction(system_instruction),
        generation_config=config,
        safety_settings=safety or [],
        tools=tools(tool_list),
        tool_config=None if tool_config is None else build(ToolConfig, tool_config),
        cached_content=cached_content,
    )


def generate(
    model: str, body: GenerateContentRequest, *, stream: bool = False, timeout: float | None = None
) -> Request:
    """`:generateContent`, or its streamed form as server-sent events."""
    if stream:
        path = f"{model_path(model)}:streamGenerateContent"
        return Request("POST", path, body, {"alt": "sse"}, timeout)
    return Request("POST", f"{model_path(model)}:generateContent", body, {}, timeout)


def count_tokens(model: str, body: GenerateContentRequest, timeout: float | None = None) -> Request:
    """`:countTokens`: the whole request is counted wherever it is more than its contents."""
    whole = structs.to_wire(body)
    if set(whole) <= {"contents", "generationConfig", "safetySettings"}:
        counted = CountTokensRequest(contents=body.contents)
    else:
        nested = GenerateContentRequest(
            **{name: getattr(body, name) for name in body.__struct_fields__ if name != "model"},
            model=model_path(model),
        )
        counted = CountTokensRequest(generate_content_request=nested)
    return Request("POST", f"{model_path(model)}:countTokens", counted, {}, timeout)


def request_timeout(options: Any) -> float | None:
    """The seconds in `request_options={"timeout": …}`. Raises UnknownName, ConfigError."""
    for name in options or {}:
        if name != "timeout":
            raise UnknownName(name, owner="request_options", known=("timeout",))
    return settings.seconds((options or {}).get("timeout"))


_ID = re.compile(r"\w[\w.-]*")


def resource_path(kind: str, name: Any) -> str:
    """`ID` or `kind/ID` → `kind/ID`, for `cachedContents`, `batches`…  Raises BadPrompt."""
    text = name.removeprefix(f"{kind}/") if isinstance(name, str) else ""
    if not _ID.fullmatch(text):
        raise BadPrompt(f"{name!r} is no name.", advice=f"One is like {kind}/abc123.")
    return f"{kind}/{text}"


def get_model(name: str) -> Request:
    """One model."""
    return Request("GET", model_path(name))


def listing(path: str, page_size: int) -> Request:
    """The first page of what there is at `path`: `models`, `files`… (`Client.pages` goes on)."""
    return Request("GET", path, None, {"pageSize": str(page_size)})
