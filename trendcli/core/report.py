"""Report: the answer to one query, with its provenance; all that output formats and charts get to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column of a Report: the `key` of its values in the rows, its `label`, and how values are shown.

    `unit` is 'text', 'number', 'count', 'share', 'points' (difference of shares), 'change' (a fraction), 'p',
    'index', 'verdict', 'interval', 'share_interval', 'ranks', 'day' or 'matches'; intervals and ranks show
    two values, those of `key` and `second_key`. Columns are hidden on narrow terminals, those of the highest `rank`
    first; rank 0 always stays.
    """

    key: str
    label: str
    unit: str
    rank: int = 0
    second_key: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the values that a cell shows."""
        return (self.key,) if self.second_key is None else (self.key, self.second_key)


@dataclass(frozen=True)
class Report:
    """The answer to one query, with its provenance. Numbers stay numbers until they are rendered.

    - `kind`: the name of the report in the registry; `title`: its heading
    - `corpus`: 'arxiv' or a venue; `synthetic`: whether any of its data are made up
    - `query`: what was asked, by the JSON keys of the command-line contract
    - `columns`, `rows`: the table; rows map JSON keys to values, None where a number does not exist
    - `periods`: the periods of the rows, with their coverage; `coverage`: that of the whole report
    - `data_as_of`: the moment at which the data were known, ISO 8601 in UTC; None if it is not known
    - `notes`: sentences to read with the table; `provenance`: versions and sources, to reproduce it
    - `summary`: results about all rows together; `breaks`: days on which arXiv's categories or rules changed
    - `sections`: further tables below the first
    """

    kind: str
    title: str
    corpus: str
    synthetic: bool
    query: Mapping[str, Any]
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    periods: Sequence[Mapping[str, Any]] = ()
    data_as_of: str | None = None
    coverage: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    breaks: Sequence[Mapping[str, Any]] = ()
    sections: Sequence[Report] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas data frame, one column per key; missing numbers are NaN."""
        import pandas as pd  # 0.4 s, so only where a data frame is returned

        return pd.DataFrame([dict(row) for row in self.rows])
