from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.output.worlds import papers_report, render
from trendcli.core.registry import FORMATS
from trendcli.core.report import Column
from trendcli.output.values import column_heading, format_cell, format_percent, is_numeric_column


@pytest.mark.parametrize(
    ("keys", "unit", "row", "text"),
    [
        ("count", "count", {"count": 1234}, "1,234"),
        ("share", "share", {"share": 0.0625}, "6.25"),
        ("points", "points", {"points": -0.0075}, "-0.75"),
        ("relative_change", "change", {"relative_change": -0.107}, "-10.7"),
        ("relative_change", "change", {"relative_change": None, "change": "new"}, "new"),
        ("index", "index", {"index": 98.76}, "98.8"),
        ("q", "p", {"q": 0.0004}, "<0.001"),
        ("q", "p", {"q": 0.0126}, "0.013"),
        ("ci_low ci_high", "interval", {"ci_low": -0.362, "ci_high": 0.252}, "[-36.2, +25.2]"),
        ("ci_low ci_high", "interval", {"ci_low": 0.5, "ci_high": None}, "from +50.0"),
        ("low high", "share_interval", {"low": 0.01, "high": 0.0234}, "[1.00, 2.34]"),
        ("rank_1 rank_2", "ranks", {"rank_1": 12, "rank_2": 7}, "12→7"),
        ("verdict", "verdict", {"verdict": "rising", "robust": True}, "rising, robust"),
        ("verdict", "verdict", {"verdict": "too few", "robust": True}, "too few"),
        ("v1", "day", {"v1": "2018-01-05T12:30:00Z"}, "2018-01-05"),
        ("matches", "matches", {"matches": [{"text": "GAN"}, {"text": "GAN"}, {"text": "RNN"}]}, "GAN; RNN"),
        ("status", "text", {"status": "provisional"}, "~ provisional"),
        ("status", "text", {"status": "complete", "clipped": True}, "complete, clipped"),
    ],
)
def test_a_cell_reads_as_people_write_it(keys: str, unit: str, row: dict[str, Any], text: str) -> None:
    first, _, second = keys.partition(" ")
    assert format_cell(row, Column(first, "Label", unit, second_key=second or None)) == text


def test_an_unknown_count_and_a_number_that_does_not_exist_differ() -> None:
    change = Column("relative_change", "Relative change", "change")
    interval = Column("ci_low", "95 % interval", "interval", second_key="ci_high")
    nothing = {"relative_change": None, "change": None, "ci_low": None, "ci_high": None}
    for column in (change, interval):
        assert format_cell({"count_1": 0, "count_2": 0, **nothing}, column) == "–"
        assert format_cell({"count_1": None, "count_2": 5, **nothing}, column) == "n/a"


def test_a_large_change_has_no_decimal() -> None:
    assert [format_percent(value) for value in (0.0004, -0.5, 0.9994, 0.9995, 12.5)] == [
        "+0.0", "-50.0", "+99.9", "+100", "+1,250",
    ]  # fmt: skip


def test_units_are_in_the_headings_and_numbers_are_right_aligned() -> None:
    assert column_heading(Column("share", "Share", "share")) == "Share %"
    assert column_heading(Column("count", "Count", "count")) == "Count"
    assert is_numeric_column(Column("count", "Count", "count"))
    assert not is_numeric_column(Column("title", "Title", "text"))


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_a_control_character_out(name: str) -> None:
    hostile = "a\x1b[31mb\x07\x9b2J\x00\u202e\u2066\ufffe\x85c\udce9\td\ne"
    report = papers_report(hostile)
    row = {**report.rows[0], "authors": [hostile], "name": hostile}
    report = replace(report, title=hostile, notes=[hostile], rows=[row], query={"a": hostile}, sections=[replace(report, rows=[row])])  # fmt: skip
    text = render(name, report)
    assert all(line.isprintable() for line in text.split("\n")), [char for char in text if not char.isprintable()]
    if name in ("json", "jsonl"):
        rows = json.loads(text)["rows"] if name == "json" else [json.loads(text)]
        assert rows[0]["title"] == hostile  # programs get what is stored
