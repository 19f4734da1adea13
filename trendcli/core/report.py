"""An answer with its provenance: all that output formats and charts get to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column of a Report: the key of its values in the rows, what people read, its unit, and how soon it may go.

    `unit` is 'text', 'number', 'count', 'share', 'points' (difference of shares), 'change' (a fraction), 'p',
    'index', 'verdict', 'interval', 'share_interval', 'ranks', 'day' or 'matches'; an interval and ranks show two
    values, of `key` and `second_key`. `rank` 0 stays on the narrowest terminal; higher ones go first.
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
    """An answer with its provenance: all that renderers and charts get to see. Numbers are numbers here.

    `rows` are mappings by the JSON keys of the command-line contract; None where a number does not exist. `summary` is
    what was found in all rows together, `breaks` are days on which arXiv's rules changed, `sections` further tables
    below the first.
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
        """The rows as a pandas frame, a column for each key; missing numbers are NaN."""
        import pandas as pd  # 0.4 s, so only where a frame is handed over

        return pd.DataFrame([dict(row) for row in self.rows])
