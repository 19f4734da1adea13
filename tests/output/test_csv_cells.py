from __future__ import annotations

import csv
import io
from dataclasses import replace

import duckdb
import pytest

from tests.output.worlds import papers_report
from trendcli.core.report import Report
from trendcli.output.csv_cells import protect_cell, protect_cell_sql, read_cell
from trendcli.output.machine import render_csv

TEXTS = {
    "=1+1": "'=1+1",
    "+49 30": "'+49 30",
    "-Aw0rrPUF": "'-Aw0rrPUF",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1+1": "' =1+1",
    "\r\n=1": "' =1",
    "\x01=1": "'=1",
    "  @x": "'  @x",
    "＝1": "'＝1",
    "a=b": "a=b",
    "'quoted'": "'quoted'",
    "": "",
    "C++ and a\u202eb\x1b": "C++ and ab",
}


@pytest.mark.parametrize(("text", "cell"), TEXTS.items())
def test_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(text: str, cell: str) -> None:
    assert protect_cell(text) == cell
    assert duckdb.execute(f"SELECT {protect_cell_sql('$text')}", {"text": text}).fetchall() == [(cell,)]
    if text.isprintable():
        assert read_cell(cell) == text


def test_numbers_stay_numbers_and_text_does_not_become_one(comparison: Report) -> None:
    row = {**comparison.rows[0], "name": "=cmd|' /C calc'!A0", "note": None, "flag": True, "list": ["-a", "=b"]}
    (read,) = csv.DictReader(io.StringIO(render_csv(replace(comparison, rows=[row]))))
    assert float(read["points"]) == row["points"] < 0
    assert float(read["relative_change"]) == row["relative_change"] < 0
    assert (read["name"], read["note"], read["flag"], read["list"]) == ("'=cmd|' /C calc'!A0", "", "true", "'-a; =b")


def test_every_title_of_a_listing_is_protected() -> None:
    assert ",'=HYPERLINK(1)," in render_csv(papers_report("=HYPERLINK(1)"))
