"""How the types of the wire keep what they do not know. Not the types themselves (`content.py`).

A msgspec Struct is decoded in C, but drops every field that it does not name. The API grows, and a
chat sends a model's Part back as it came, so nothing may be dropped. Two roads therefore lead in:

* the fast one decodes straight into Structs that forbid unknown fields;
* whatever it refuses goes over the slow one (`build`), which puts into the field `extra` all that
  has no field, or has a value that its field cannot hold.

`to_wire` writes `extra` back where it came from. Absent, `null` and an empty list mean the same in
proto JSON; they are the one difference that a round trip may show.
"""

from __future__ import annotations

import base64
import binascii
import enum
import functools
import threading
import types as stdlib_types
import typing
from typing import Any, NamedTuple, TypeVar

import msgspec

from gemini_nb.errors import UnknownName

T = TypeVar("T")

# The wire name of `extra`: a name with these characters is no identifier, so no API has it, and the
# type below cannot be decoded from JSON, so that even such a key would take the slow road.
_EXTRA_NAME = "~extra~"


class _Extra(dict[str, Any]):
    """The unknown fields of one object, by their wire names."""


class OpenEnum(enum.StrEnum):
    """A string enumeration that takes a value it has never seen, and keeps it.

    A member equals its text: `reason == "STOP"` and `reason.name == "STOP"` both hold.
    """

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member


class _WireMeta(msgspec.StructMeta):
    """Names the field that was probably meant when a constructor gets one that does not exist."""

    def __new__(cls, *args: Any, **config: Any) -> Any:
        return super().__new__(cls, *args, **{"kw_only": True, **config})

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - it is a metaclass
        for name in kwargs:
            if name not in cls.__struct_fields__:
                raise UnknownName(name, owner=cls.__name__, known=_public_names(cls))
        return super().__call__(*args, **kwargs)


class Wire(
    msgspec.Struct,
    metaclass=_WireMeta,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,  # a JSON tree has no cycles; the collector would walk every chunk of a stream
):
    """The base of the wire's types: snake_case here, camelCase there, `extra` for the rest."""

    extra: _Extra | None = msgspec.field(default=None, name=_EXTRA_NAME)

    def to_dict(self) -> dict[str, Any]:
        """The JSON that the API reads: camelCase names, base64 for bytes."""
        return typing.cast("dict[str, Any]", to_wire(self))

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name in [*_public_names(type(self)), "extra"])
        shown = ", ".join(f"{name}={v!r}" for name, v in values if v is not None and v != [])
        return f"{type(self).__name__}({shown})"


class _Field(NamedTuple):
    name: str
    wire: str
    type: Any
    nested: type[Wire] | None  # the Struct inside, be it bare, optional, or in a list
    many: bool


def _nested(tp: Any) -> tuple[type[Wire] | None, bool]:
    """The Struct that a field's type holds, and whether it holds a list of them."""
    origin = typing.get_origin(tp)
    if origin in (typing.Union, stdlib_types.UnionType):
        found = [_nested(arg) for arg in typing.get_args(tp)]
        return next((pair for pair in found if pair[0]), (None, False))
    if origin is list:
        return _nested(typing.get_args(tp)[0])[0], True
    if isinstance(tp, type) and issubclass(tp, Wire):
        return tp, False
    return None, False


# msgspec prepares a type when it is first used, and lets other threads see it half prepared: they
# crash, and the kernel with them. So a type is prepared here, by one thread, before it is used.
_preparing = threading.Lock()


@functools.cache
def decoder(cls: type[Any]) -> msgspec.json.Decoder[Any]:
    """The decoder of a msgspec Struct, for any number of threads."""
    with _preparing:
        return msgspec.json.Decoder(cls)


@functools.cache
def _fields(cls: type[Wire]) -> dict[str, _Field]:
    """The fields of `cls` by wire name, `extra` last and by its own."""
    decoder(cls)  # their values are to be converted
    hints = typing.get_type_hints(cls)
    table = {}
    for info in msgspec.structs.fields(cls):
        table[info.encode_name] = _Field(
            info.name, info.encode_name, hints[info.name], *_nested(hints[info.name])
        )
    table[_EXTRA_NAME] = table.pop(_EXTRA_NAME)
    return table


def _public_names(cls: type[Any]) -> list[str]:
    return [name for name in cls.__struct_fields__ if name != "extra"]


def decode(cls: type[T], data: bytes | str) -> T:
    """One JSON document → `cls`, whatever it holds beyond what `cls` knows.

    Raises msgspec.DecodeError where `data` is no JSON, or no JSON object.
    """
    try:
        try:
            return typing.cast("T", decoder(cls).decode(data))  # type: ignore[arg-type]
        except (msgspec.ValidationError, NotImplementedError, TypeError):  # the slow road takes it
            value = read(data)
            if not isinstance(value, dict):
                raise msgspec.DecodeError("expected a JSON object") from None
            return typing.cast("T", build(typing.cast("type[Wire]", cls), value))
    except (UnicodeDecodeError, RecursionError) as error:  # `build` has its depth, too
        raise msgspec.DecodeError(str(error)) from None


def read(data: bytes | str) -> Any:
    """Any JSON document. Raises msgspec.DecodeError, also for bytes and depths that none has."""
    try:
        return msgspec.json.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None


def build(cls: type[Wire], value: dict[str, Any], *, strict: bool = False) -> Any:
    """Make a `cls` of a dict; names may be camelCase or snake_case.

    Strict is for what a person wrote: an unknown name raises UnknownName and a wrong value
    msgspec.ValidationError. Otherwise (what a server sent) both are kept in `extra`.
    """
    table = _fields(cls)
    by_name = {field.name: field for field in table.values() if field.name != "extra"}
    known: dict[str, Any] = {}
    extra = _Extra()
    for key, item in value.items():
        field = (table.get(key) if key != _EXTRA_NAME else None) or (
            by_name.get(key) if strict else None
        )
        if field is None:
            if strict:
                raise UnknownName(str(key), owner=cls.__name__, known=_public_names(cls))
            extra[key] = item
            continue
        try:
            known[field.name] = _value(field, item, strict=strict)
        except (msgspec.ValidationError, ValueError):
            if strict:
                raise
            extra[key] = item
    made = cls(**known)
    made.extra = extra or None
    return made


def _value(field: _Field, item: Any, *, strict: bool) -> Any:
    """`item` as the value of `field`: nested Structs built, base64 decoded."""
    if field.nested and field.many and isinstance(item, (list, tuple)):
        return [_nested_value(field.nested, one, strict=strict) for one in item]
    if field.nested and item is not None:
        return _nested_value(field.nested, item, strict=strict)
    if field.type == (bytes | None) and isinstance(item, str):
        return _from_base64(item)
    if strict:
        item = item.value if isinstance(item, enum.Enum) else plain(item)
        if field.type == (str | None) and isinstance(item, bytes):  # as other SDKs hold a signature
            return base64.b64encode(item).decode("ascii")
    return msgspec.convert(item, field.type, strict=not strict)


def _nested_value(cls: type[Wire], item: Any, *, strict: bool) -> Any:
    if isinstance(item, cls):
        return item
    if strict:
        item = plain(item)
    if not isinstance(item, dict):
        raise msgspec.ValidationError(f"Expected `{cls.__name__}`, got `{type(item).__name__}`")
    return build(cls, item, strict=strict)


def _from_base64(text: str) -> bytes:
    """Base64 in either alphabet, padded or not: real clients send all four."""
    standard = text.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


def plain(value: Any) -> Any:
    """Dataclasses and pydantic models → their dict, NumPy scalars → numbers; the rest as it is."""
    if isinstance(value, type):
        return value
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(exclude_none=True)
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        return value.item()
    if hasattr(type(value), "__dataclass_fields__"):
        return {
            name: getattr(value, name)
            for name in value.__dataclass_fields__
            if getattr(value, name) is not None
        }
    return value


def to_wire(value: Any) -> Any:
    """Structs, lists and dicts → what `json.dumps` takes: camelCase, base64, `extra` merged in."""
    if value is None or type(value) in _JSON_TYPES:
        return value
    if isinstance(value, Wire):
        result = {}
        for wire, field in _fields(type(value)).items():
            item = getattr(value, field.name)
            if item is None or (field.many and not item) or wire == _EXTRA_NAME:
                continue
            result[wire] = to_wire(item)
        return {**result, **value.extra} if value.extra else result
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {key: to_wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_wire(item) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, str):  # of a kind of its own, as NumPy's
        return str.__str__(value)
    made = plain(value)
    return value if made is value else to_wire(made)


_JSON_TYPES = frozenset({str, int, float, bool})


def encode(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON.

    Raises TypeError for a value that JSON cannot hold.
    """
    return msgspec.json.encode(to_wire(value))
