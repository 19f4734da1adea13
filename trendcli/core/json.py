"""Dataclasses and named tuples from JSON values, checked against their annotations."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def from_json(record_class: type[Record], value: Any) -> Record:
    """Build a dataclass or named tuple from a JSON object; unknown keys are ignored.

    Dates and datetimes are read from ISO 8601 text, tuples and lists from arrays, nested classes from objects. Raise
    ValueError, with the name of the field, if a value is missing or has another type than its annotation.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{record_class.__name__} is not an object: {value!r}")
    hints = _read_annotations(record_class)  # type: ignore[arg-type]  # mypy takes a type variable's class for unhashable
    annotations = {name: annotation for name, annotation in hints.items() if name in value}
    fields = {}
    for name, annotation in annotations.items():
        try:
            fields[name] = _convert_value(annotation, value[name])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from None
    try:
        return record_class(**fields)
    except TypeError as error:
        raise ValueError(str(error)) from None


@cache
def _read_annotations(record_class: type) -> dict[str, Any]:
    """Return the types of a class's fields; read once, as that takes as long as ten records."""
    return get_type_hints(record_class)


def _convert_value(annotation: Any, value: Any) -> Any:
    """Return a JSON value as the type of an annotation; ValueError or TypeError if it is of another."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return value
    origin = list if origin is Sequence else origin
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert_value(next(member for member in arguments if member is not type(None)), value)
    if origin in (tuple, list) and isinstance(value, list):
        if origin is tuple and Ellipsis not in arguments:
            return tuple(_convert_value(member, element) for member, element in zip(arguments, value, strict=True))
        return origin(_convert_value(arguments[0], element) for element in value)
    if annotation in (date, datetime) and isinstance(value, str):
        return annotation.fromisoformat(value)
    if isinstance(annotation, type) and (is_dataclass(annotation) or hasattr(annotation, "_fields")):
        return from_json(annotation, value)
    plain = origin or annotation
    if plain is float and type(value) is int:
        return float(value)
    if not isinstance(plain, type) or not isinstance(value, plain) or (type(value) is bool and plain is not bool):
        raise ValueError(f"{value!r} is not of type {getattr(plain, '__name__', plain)}")
    return value
