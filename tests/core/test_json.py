from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pytest

from trendcli.core.json import from_json


class Span(NamedTuple):
    since: date
    until: date | None = None


@dataclass(frozen=True)
class Record:
    name: str
    at: datetime
    spans: tuple[Span, ...]
    bounds: tuple[float, float]
    share: float = 0.0
    note: str | None = None
    extra: Mapping[str, Any] | None = None
    parts: Sequence[Span] = ()


VALUE = {
    "name": "a",
    "at": "2019-03-05T12:00:00+00:00",
    "spans": [{"since": "2019-01-01"}, {"since": "2019-02-01", "until": "2019-03-01"}],
    "bounds": [1, 2.5],
    "note": None,
    "extra": {"n": 1},
    "parts": [{"since": "2019-04-01"}],
    "unknown": 5,
}


def test_every_field_has_the_type_of_its_annotation() -> None:
    assert from_json(Record, VALUE) == Record(
        "a",
        datetime(2019, 3, 5, 12, tzinfo=UTC),
        (Span(date(2019, 1, 1)), Span(date(2019, 2, 1), date(2019, 3, 1))),
        (1.0, 2.5),
        extra={"n": 1},
        parts=[Span(date(2019, 4, 1))],
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 5}, "name: 5 is not of type str"),
        ({"at": "soon"}, "at: "),
        ({"bounds": [1]}, "bounds: "),
        ({"bounds": [True, 1]}, "bounds: True is not of type float"),
        ({"spans": [{}]}, "spans: .*since"),
        ({"spans": "none"}, "spans: 'none' is not of type tuple"),
        ({"extra": []}, r"extra: \[\] is not of type Mapping"),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(Record, {**VALUE, **change})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ValueError, match="name"):
        from_json(Record, {name: value for name, value in VALUE.items() if name != "name"})
    with pytest.raises(ValueError, match="Record is not an object"):
        from_json(Record, [])
