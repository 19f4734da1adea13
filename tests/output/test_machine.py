from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from tests.output.worlds import render
from trendcli.core.registry import FORMATS
from trendcli.core.report import Column, Report
from trendcli.output.machine import format_json, render_csv, render_json, render_jsonl
from trendcli.output.values import format_cell


def test_the_figures_are_exact(comparison: Report) -> None:
    exact = {"count_1": 70, "count_2": 100, "count_change": 0.4285714285714286, "share_1": 0.07, "share_2": 0.0625}
    content = json.loads(render_json(comparison))
    assert {key: content["rows"][0][key] for key in exact} == exact
    assert content["rows"][0]["relative_change"] == pytest.approx(-0.107142857)
    assert [period["base"] for period in content["periods"]] == [1000, 1600]
    assert json.loads(render_jsonl(comparison).splitlines()[0]) == content["rows"][0]
    row = next(csv.DictReader(io.StringIO(render_csv(comparison))))
    assert {key: float(row[key]) for key in exact} == exact
    assert float(row["relative_change"]) == content["rows"][0]["relative_change"]


def test_the_json_has_the_keys_of_the_contract(comparison: Report) -> None:
    content = json.loads(render_json(comparison))
    assert set(content) >= {
        "kind", "corpus", "synthetic", "query", "periods", "rows", "data_as_of", "coverage", "notes", "provenance",
    }  # fmt: skip
    assert set(content["rows"][0]) >= {
        "topic", "name", "count_1", "count_2", "share_1", "share_2", "count_change", "relative_change", "ci_low", "ci_high",
        "p", "q", "verdict", "rank_1", "rank_2", "status",
    }  # fmt: skip
    assert set(content["provenance"]) >= {"program", "store", "data", "rules", "sources", "match"}
    # every column that a table shows is in the rows
    assert all(key in content["rows"][0] for column in comparison.columns for key in column.key.split(","))


def test_values_of_csv_by_hand() -> None:
    rows = [{"name": "a", "whole": True, "count": None, "list": ["x", {"k": 1}]}]
    report = Report("papers", "t", "arxiv", False, {}, [Column("name", "Name", "text")], rows)
    assert render_csv(report) == 'name,whole,count,list\na,true,,"x; {""k"": 1}"\n'
    assert render_csv(replace(report, rows=[])) == "name\n"


def test_a_number_that_json_lacks_is_refused() -> None:
    assert format_json({"a": "é"}) == '{\n "a": "é"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        format_json({"a": float("nan")})


def test_made_up_data_are_marked_in_every_row(comparison: Report) -> None:
    synthetic = replace(comparison, synthetic=True)
    assert json.loads(render_json(synthetic))["synthetic"] is True
    assert json.loads(render_jsonl(synthetic).splitlines()[0])["synthetic"] is True
    assert next(csv.DictReader(io.StringIO(render_csv(synthetic))))["synthetic"] == "true"


def test_every_format_renders_an_empty_report() -> None:
    empty = Report("papers", "Nothing", "arxiv", False, {}, [Column("id", "Id", "text")], [])
    for name in FORMATS:
        assert isinstance(render(name, empty), str)


def test_all_formats_hold_the_same_numbers(comparison: Report) -> None:
    """Every cell of the table, of Markdown and of HTML is what the value in JSON and CSV reads as."""
    exact = json.loads(render_json(comparison))["rows"]
    assert [json.loads(text) for text in render_jsonl(comparison).splitlines()] == exact
    lines = list(csv.DictReader(io.StringIO(render_csv(comparison))))
    assert [{key: _csv_value(value) for key, value in row.items()} for row in exact] == lines
    cells = [[format_cell(row, column) for column in comparison.columns] for row in exact]
    markdown = [row.split(" | ") for row in render("md", comparison).splitlines() if row.startswith("| ")][2:]
    assert [[cell.strip("| ").replace("\\", "") for cell in row] for row in markdown] == cells
    html = re.findall(r"<tr>((?:<td.*?</td>)+)</tr>", render("html", comparison))
    assert [[unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in html] == cells
    table = render("table", comparison).splitlines()[4 : 4 + len(cells)]
    assert [re.split(r"\s{2,}", row.strip()) for row in table] == cells
    for row in exact:
        shown = {column.key: format_cell(row, column).replace(",", "") for column in comparison.columns}
        assert shown["count_2"] == str(row["count_2"])
        if row["relative_change"] is not None:
            assert float(shown["relative_change"]) == pytest.approx(100 * row["relative_change"], abs=0.051)


def _csv_value(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
