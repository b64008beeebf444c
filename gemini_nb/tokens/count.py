"""How many tokens a whole request has, part by part, before it is sent.

Texts are counted by the model's vocabulary, media by the rules. Which strings count in tools, calls
and schemas is as in the local tokenizer of the official SDK (`google.genai.local_tokenizer`, 3.4):
names, descriptions, keys, values, `enum`, `required`, `format`; not types, titles or punctuation.
Roles and turns add nothing there, nor do thought signatures, and nothing here.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

from gemini_nb.tokens import facts, rules, vocabulary
from gemini_nb.tokens.buffers import Base64
from gemini_nb.tokens.counted import Counted, TokenCount
from gemini_nb.tokens.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gemini_nb.tokens.counted import How

_BYTES_OF_A_TOKEN = 4
_SOME_TOKENS = 1000
"""Of a text of which nothing is known."""


def count(
    body: dict[str, Any],
    model: str,
    *,
    facts_of: Callable[[str], Facts | None] | None = None,
    cached: int = 0,
    wait: bool = True,
) -> TokenCount:
    """The tokens of a `generateContent` request; it never raises for what is odd in it.

    Args:
        body: the request as its JSON, camelCase; `inlineData.data` as base64 or as bytes.
        model: decides the vocabulary and the rules.
        facts_of: what is known of an uploaded file, by its address.
        cached: the tokens of the cache that the request names.
        wait: load the vocabulary first, where that is not done. Otherwise texts are estimated.
    """
    level = rules.resolution(_dict(body.get("generationConfig")).get("mediaResolution"))
    prompt = _Prompt(model, level, facts_of)
    if body.get("cachedContent") and not cached:
        prompt.entries.append(Counted("cache", 0, how="estimate"))
    prompt.add_content(body.get("systemInstruction"), "system")
    for tool in _list(body.get("tools")):
        for declaration in _list(_dict(tool).get("functionDeclarations")):
            prompt.add_declaration(_dict(declaration))
    turns = _list(body.get("contents"))
    for at, turn in enumerate(turns, 1):
        prompt.add_content(turn, "text" if at == len(turns) else "history")
    prompt.add_schemas("schema", _dict(body.get("generationConfig")), *_RESPONSE_SCHEMAS)
    if wait:
        vocabulary.load()
    return TokenCount.of(list(prompt.counted()), cached)


@dataclasses.dataclass
class _Texts:
    """Texts that a person would call by one name."""

    label: str
    texts: list[str] = dataclasses.field(default_factory=list)
    how: How = "exact"


@dataclasses.dataclass
class _Medium:
    """One medium, and what it costs."""

    kind: str
    name: str
    costs: list[rules.Cost]


_RESPONSE_SCHEMAS: Final = ("responseSchema", "responseJsonSchema")
_PARAMETERS: Final = ("parameters", "parametersJsonSchema")
_RESPONSES: Final = ("response", "responseJsonSchema")


class _Prompt:
    """Collects what counts, in the order in which it is sent."""

    def __init__(
        self, model: str, level: str, facts_of: Callable[[str], Facts | None] | None
    ) -> None:
        self.entries: list[_Texts | _Medium | Counted] = []
        self._model = model
        self._level = level
        self._facts_of = facts_of or (lambda _: None)

    # -- collecting

    def _texts(self, label: str) -> _Texts:
        for entry in self.entries:
            if isinstance(entry, _Texts) and entry.label == label:
                return entry
        made = _Texts(label)
        self.entries.append(made)
        return made

    def add(self, label: str, texts: list[str], how: How = "exact") -> None:
        if texts:
            entry = self._texts(label)
            entry.texts += texts
            entry.how = how if how != "exact" else entry.how

    def add_content(self, content: Any, label: str) -> None:
        for part in _list(_dict(content).get("parts")):
            self._add_part(_dict(part), label)

    def _add_part(self, part: dict[str, Any], label: str) -> None:
        self.add(label, _strings(part, "text"))
        call, reply = _dict(part.get("functionCall")), _dict(part.get("functionResponse"))
        self.add(label, [*_strings(call, "name"), *_values(_dict(call.get("args")))])
        self.add(label, [*_strings(reply, "name"), *_values(_dict(reply.get("response")))])
        # What the SDK leaves out with a warning, the service reads all the same.
        code, result = _dict(part.get("executableCode")), _dict(part.get("codeExecutionResult"))
        more = [*_strings(code, "code"), *_strings(result, "output")]
        self.add(label, more, "estimate")
        for one in (part, *map(_dict, _list(reply.get("parts")))):
            self._add_media(one, label)

    def add_declaration(self, declaration: dict[str, Any]) -> None:
        self.add("tools", _strings(declaration, "name", "description"))
        self.add_schemas("tools", declaration, *_PARAMETERS)
        self.add_schemas("tools", declaration, *_RESPONSES)

    def add_schemas(self, label: str, owner: dict[str, Any], own: str, json: str) -> None:
        """The API's own Schema; JSON Schema the SDK does not count, though the service reads it."""
        self.add(label, list(_schema(owner.get(own))))
        self.add(label, list(_schema(owner.get(json), more=True)), "estimate")

    def _add_media(self, part: dict[str, Any], label: str) -> None:
        if "inlineData" in part:
            given = _dict(part["inlineData"])
            self._add_medium(part, given, _of_blob(given), label)
        if "fileData" in part:
            given = _dict(part["fileData"])
            uri = given.get("fileUri")
            known = self._facts_of(uri) if isinstance(uri, str) else None
            self._add_medium(part, given, _of_file(given, known), label)

    def _add_medium(
        self, part: dict[str, Any], given: dict[str, Any], known: Facts, label: str
    ) -> None:
        name = given.get("displayName")
        name = name if isinstance(name, str) else ""
        if known.text is not None:
            self.add(name or label, [known.text])
            return
        if known.kind in ("text", "other"):
            size = known.size if known.size is not None else _SOME_TOKENS * _BYTES_OF_A_TOKEN
            costs = [rules.Cost(size // _BYTES_OF_A_TOKEN, "TEXT", "estimate")]
        else:
            level = rules.resolution(part.get("mediaResolution")) or self._level
            costs = rules.costs(known, self._model, level, _clip(part.get("videoMetadata")))
        kind = "file" if known.kind in ("text", "other") else known.kind
        self.entries.append(_Medium(kind, name, costs))

    # -- counting

    def counted(self) -> Iterator[Counted]:
        """Each part with its tokens."""
        names = self._names()
        for entry in self.entries:
            if isinstance(entry, Counted):
                yield entry
            elif isinstance(entry, _Medium):
                yield from _of_medium(entry, next(names))
            else:
                found = [vocabulary.count_now(text, self._model) for text in entry.texts]
                guessed = entry.how == "estimate" or any(how != "exact" for _, how in found)
                total = sum(tokens for tokens, _ in found)
                yield Counted(entry.label, total, how="estimate" if guessed else "exact")

    def _names(self) -> Iterator[str]:
        """What each medium is called; those without a name are numbered where there are several."""
        media = [entry for entry in self.entries if isinstance(entry, _Medium)]
        nameless = [medium.kind for medium in media if not medium.name]
        seen: dict[str, int] = {}
        for medium in media:
            if medium.name:
                yield medium.name
                continue
            seen[medium.kind] = seen.get(medium.kind, 0) + 1
            several = nameless.count(medium.kind) > 1
            yield f"{medium.kind} {seen[medium.kind]}" if several else medium.kind


def _of_medium(medium: _Medium, name: str) -> Iterator[Counted]:
    for at, (tokens, modality, how) in enumerate(medium.costs):
        yield Counted(f"{name} (sound)" if at else name, tokens, modality, how)


# ---------------------------------------------------------------------------------- media


def _of_blob(given: dict[str, Any]) -> Facts:
    data, mime_type = given.get("data"), given.get("mimeType")
    mime_type = mime_type if isinstance(mime_type, str) else ""
    if isinstance(data, str):
        return facts.look(Base64(data), mime_type)
    return facts.look(data if isinstance(data, (bytes, bytearray, memoryview)) else b"", mime_type)


def _of_file(given: dict[str, Any], known: Facts | None) -> Facts:
    mime_type = given.get("mimeType")
    if not isinstance(mime_type, str) or not mime_type:
        elsewhere: facts.Kind = "video" if _is_video_page(given.get("fileUri")) else "other"
        return known or Facts(elsewhere)
    kind = facts.kind_of(mime_type)
    if known and known.kind == kind:
        return known
    return Facts(kind, facts.plain_type(mime_type), known.size if known else None)


def _is_video_page(uri: Any) -> bool:
    return isinstance(uri, str) and ("youtube.com/" in uri or "youtu.be/" in uri)


def _clip(given: Any) -> rules.Clip:
    given = _dict(given)
    return rules.Clip(
        _number(given.get("startOffset"), 0.0),
        _number(given.get("endOffset"), math.inf),
        _number(given.get("fps"), 1.0),
    )


def _number(value: Any, default: float) -> float:
    """`"12.5s"` → 12.5, and a number is one."""
    try:
        found = float(value.removesuffix("s") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        return default
    return default if math.isnan(found) else found


# ---------------------------------------------------------------------------------- strings

_LISTS_OF_SCHEMAS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS_OF_SCHEMAS: Final = ("$defs", "definitions")


def _schema(schema: Any, *, more: bool = False) -> Iterator[str]:
    """The strings of a schema; `more` are the ways in which JSON Schema alone holds others."""
    schema = _dict(schema)
    yield from _strings(schema, "format", "description")
    for key in ("enum", "required"):
        yield from (item for item in _list(schema.get(key)) if isinstance(item, str))
    yield from _schema(schema["items"], more=more) if "items" in schema else ()
    for name, inner in _dict(schema.get("properties")).items():
        yield name
        yield from _schema(inner, more=more)
    if schema.get("example"):
        yield from _values(schema["example"])
    if more:
        within = [inner for key in _LISTS_OF_SCHEMAS for inner in _list(schema.get(key))]
        maps = [_dict(schema.get(key)) for key in _MAPS_OF_SCHEMAS]
        for inner in (*within, *(each for one in maps for each in one.values())):
            yield from _schema(inner, more=True)


def _values(value: Any) -> Iterator[str]:
    """All keys and all strings of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)


def _strings(owner: dict[str, Any], *keys: str) -> list[str]:
    return [owner[key] for key in keys if owner.get(key) and isinstance(owner[key], str)]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    """A list, or one object where a list belongs."""
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []
