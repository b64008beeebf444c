"""Reads a request as lenient as the API reads it, and as strict.

Turns any spelling that real clients send (snake_case, numbers for enums, floats for
integers, one object for a list of one, URL-safe base64) into the one camelCase form the
rest works on, and reports what does not belong in the API's own words. It knows shapes,
not meaning: what a well-formed request may ask for is `checks`' business.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from functools import cache
from typing import Any, NoReturn

from .fault import Fault, bad_request, violations
from .names import ENUMS, TABLES

_TYPE_URL = "type.googleapis.com/google.ai.generativelanguage.v1beta."
_SCALARS = {
    "string": "TYPE_STRING",
    "int": "TYPE_INT32",
    "long": "TYPE_INT64",
    "float": "TYPE_FLOAT",
    "bool": "TYPE_BOOL",
    "bytes": "TYPE_BYTES",
}
_BITS = {"int": 32, "long": 64}
_SHOWN = 200
"""Characters of a bad value that an error quotes."""

_DEEPEST = 100
"""Levels of nesting: as many as the API's own parser takes."""

_REPORTED = 50
"""Faults that one answer names; a body has room for millions."""


def parse(body: bytes, table: str) -> dict[str, Any]:
    """The request in `body`, in the one form, or a `Fault` that lists all that is wrong."""
    try:
        data = json.loads(body or b"{}", parse_constant=_no_constant)
        if not isinstance(data, dict):
            text = 'Invalid JSON payload received. Unknown name "": Root element must be a message.'
            raise bad_request("", text)
        _require_flat(data)
        faults: list[tuple[str, str]] = []
        request: dict[str, Any] = _read(data, table, "", faults)
    except RecursionError:
        raise Fault(400, _TOO_DEEP) from None
    except ValueError as error:
        raise Fault(400, f"Invalid JSON payload received. {error}") from None
    if faults:
        raise violations(faults)
    return request


def snake(name: str) -> str:
    """`maxOutputTokens` → `max_output_tokens`: how the API's errors name a field."""
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def with_numbers(reply: Any) -> Any:
    """The answer with its enums as numbers, for `enum-encoding=int`."""
    if isinstance(reply, list):
        return [with_numbers(item) for item in reply]
    if not isinstance(reply, dict):
        return reply
    return {key: _number(key, value) for key, value in reply.items()}


_REPLY_ENUMS = {"finishReason": "FinishReason", "modality": "Modality"}


def _number(key: str, value: Any) -> Any:
    known = ENUMS[_REPLY_ENUMS[key]] if key in _REPLY_ENUMS else ()
    # A batch's answer carries the person's own data, whose keys may be called the same.
    return known.index(value) if value in known else with_numbers(value)


_TOO_DEEP = f"Invalid JSON payload received. It is nested too deeply (over {_DEEPEST} levels)."


def _require_flat(data: Any) -> None:
    """Whatever walks a request later may call itself for each level."""
    level = [data]
    for _ in range(_DEEPEST):
        within = (each.values() if isinstance(each, dict) else each for each in level)
        level = [item for items in within for item in items if isinstance(item, (dict, list))]
        if not level:
            return
    raise Fault(400, _TOO_DEEP)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


@cache
def _spellings(table: str) -> dict[str, str]:
    """Both spellings of each field of a table, each with the one we keep."""
    return {spelt: name for name in TABLES[table] for spelt in (name, snake(name))}


def _read(value: Any, kind: str, path: str, faults: list[tuple[str, str]]) -> Any:
    if kind.startswith("[]"):
        # The documentation's own curl lines send one object where a list belongs.
        items = value if isinstance(value, list) else [value]
        return [_read(v, kind[2:], f"{path}[{i}]", faults) for i, v in enumerate(items)]
    if kind.startswith("{}"):
        if not isinstance(value, dict):
            return _wrong(value, _TYPE_URL + kind[2:], path, faults)
        return {
            _read(key, "string", f"{path}[{i}].key", faults): _read(
                v, kind[2:], f"{path}[{i}].value", faults
            )
            for i, (key, v) in enumerate(value.items())
        }
    if kind in TABLES:
        return _read_table(value, kind, path, faults)
    try:
        return _enum(value, ENUMS[kind]) if kind in ENUMS else _scalar(value, kind)
    except (ValueError, TypeError, OverflowError):
        return _wrong(value, _SCALARS.get(kind, _TYPE_URL + kind), path, faults)


def _read_table(value: Any, table: str, path: str, faults: list[tuple[str, str]]) -> Any:
    if not isinstance(value, dict):
        return _wrong(value, _TYPE_URL + table, path, faults)
    found = {}
    spellings = _spellings(table)
    for key, item in value.items():
        if key not in spellings:
            where = f" at '{path}'" if path else ""
            shown = json.dumps(key)
            text = f"Invalid JSON payload received. Unknown name {shown}{where}: Cannot find field."
            _report(faults, path, text)
        elif item is not None:  # null means "not set"
            name = spellings[key]
            inner = f"{path}.{snake(name)}" if path else snake(name)
            found[name] = _read(item, TABLES[table][name], inner, faults)
    return found


def _wrong(value: Any, type_name: str, path: str, faults: list[tuple[str, str]]) -> None:
    shown = json.dumps(value)
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    _report(faults, path, f"Invalid value at '{path}' ({type_name}), {shown}")


def _report(faults: list[tuple[str, str]], path: str, text: str) -> None:
    faults.append((path, text))
    if len(faults) == _REPORTED:
        raise violations(faults)


def _enum(value: Any, values: tuple[str, ...]) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(values):
        return values[value]
    if isinstance(value, str) and value.upper() in values:
        return value.upper()
    raise ValueError(value)


def _scalar(value: Any, kind: str) -> Any:
    if kind == "any":
        json.dumps(value, ensure_ascii=False).encode()  # for surrogates, as below
        return value
    if kind == "string" and isinstance(value, str):
        value.encode()  # half of a surrogate pair is no text, and no engine takes it
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "bytes" and isinstance(value, str):
        return _base64(value)
    if kind in ("int", "long", "float") and not isinstance(value, bool):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(value)
        if kind == "float":
            return number
        if number.is_integer():
            whole = value if isinstance(value, int) else int(number)
            limit = 2 ** (_BITS[kind] - 1)
            if -limit <= whole < limit:  # the engine would wrap it around without a word
                return whole
    raise ValueError(value)


def _base64(text: str) -> str:
    """Standard, padded base64 from either alphabet, padded or not."""
    standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    padded = standard + "=" * (-len(standard) % 4)
    try:
        base64.b64decode(padded, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error
    return padded
