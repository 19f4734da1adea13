"""Dataclasses and named tuples from JSON values, checked against their annotations."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Item = TypeVar("Item")


def from_json(kind: type[Item], value: Any) -> Item:
    """Build a dataclass or named tuple from a JSON object; keys that it does not know are ignored.

    Dates and datetimes are read from ISO 8601 text, tuples and lists from arrays, nested classes from objects. Raise
    ValueError, with the name of the field, where a value is missing or of another type.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{kind.__name__} is not an object: {value!r}")
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name in value}
    fields = {}
    for name, hint in hints.items():
        try:
            fields[name] = _convert(hint, value[name])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from None
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _convert(hint: Any, value: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    origin = list if origin is Sequence else origin
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return _convert(next(one for one in inner if one is not type(None)), value)
    if origin in (tuple, list) and isinstance(value, list):
        if origin is tuple and Ellipsis not in inner:
            return tuple(_convert(one, part) for one, part in zip(inner, value, strict=True))
        return origin(_convert(inner[0], part) for part in value)
    if hint in (date, datetime) and isinstance(value, str):
        return hint.fromisoformat(value)
    if isinstance(hint, type) and (is_dataclass(hint) or hasattr(hint, "_fields")):
        return from_json(hint, value)
    plain = origin or hint
    if plain is float and type(value) is int:
        return float(value)
    if not isinstance(plain, type) or not isinstance(value, plain) or (type(value) is bool and plain is not bool):
        raise ValueError(f"{value!r} is no {getattr(plain, '__name__', plain)}")
    return value
