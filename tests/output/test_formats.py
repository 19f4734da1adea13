from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from tests.reports.trends.test_comparison import ask
from trendcli.core import registry
from trendcli.core.errors import UsageError
from trendcli.core.report import Column, Report
from trendcli.output.values import format_cell
from trendcli.store.store import Store
from trendcli.topics.library import Library


@pytest.fixture
def compared(gans: Store, library: Library) -> Report:
    return ask("comparison", gans, library, "gan", "rnn")


def render(name: str, report: Report, **options: Any) -> str:
    text: str = registry.load_entry(registry.FORMATS[name])(report, **options)
    return text


def test_the_figures_in_every_format(compared: Report) -> None:
    for name in ("table", "md", "html"):
        text = render(name, compared)
        assert "no clear change" in text
        for figure in ("70", "100", "+42.9", "7.00", "6.25", "-0.75", "-10.7", "-36.2, +25.2"):
            assert figure in text, (name, figure)
    exact = {"count_1": 70, "count_2": 100, "count_change": 0.4285714285714286, "share_1": 0.07, "share_2": 0.0625}
    whole = json.loads(render("json", compared))
    assert {key: whole["rows"][0][key] for key in exact} == exact
    assert whole["rows"][0]["relative_change"] == pytest.approx(-0.107142857)
    assert [period["base"] for period in whole["periods"]] == [1000, 1600]
    line = json.loads(render("jsonl", compared).splitlines()[0])
    assert line == whole["rows"][0]
    row = next(csv.DictReader(io.StringIO(render("csv", compared))))
    assert {key: float(row[key]) for key in exact} == exact
    assert float(row["relative_change"]) == whole["rows"][0]["relative_change"]


def test_the_json_has_the_keys_of_the_contract(compared: Report) -> None:
    whole = json.loads(render("json", compared))
    assert set(whole) >= {
        "kind",
        "corpus",
        "synthetic",
        "query",
        "periods",
        "rows",
        "data_as_of",
        "coverage",
        "notes",
        "provenance",
    }
    assert set(whole["rows"][0]) >= {
        "topic", "name", "count_1", "count_2", "share_1", "share_2", "count_change", "relative_change", "ci_low", "ci_high",
        "p", "q", "verdict", "rank_1", "rank_2", "status",
    }  # fmt: skip
    assert set(whole["provenance"]) >= {"program", "store", "data", "rules", "sources", "match"}
    # every column that a table shows stands in the rows
    assert all(key in whole["rows"][0] for column in compared.columns for key in column.key.split(","))


def test_a_pipe_gets_plain_text_uncut(compared: Report) -> None:
    text = render("table", compared)
    assert "\x1b" not in text and "│" not in text
    assert max(map(len, text.splitlines())) > 100
    assert "Recurrent networks (RNN, LSTM, GRU)" in text


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200])
def test_a_terminal_gets_what_fits(compared: Report, width: int) -> None:
    text = render("table", compared, width=width)
    assert max(map(len, text.splitlines())) <= width
    for figure in ("70", "100", "-10.7", "[-36.2, +25.2]"):
        assert figure in text
    assert any(line.endswith(" Verdict") for line in text.splitlines()) == (width >= 80)
    assert ("+42.9" in text) == (width >= 80)
    assert ("7.00" in text) == (width >= 100)
    assert ("-0.75" in text) == ("Rank" in text) == (width >= 120)


def test_colour_only_where_asked(compared: Report) -> None:
    assert "\x1b" not in render("table", compared, width=80)
    assert "\x1b" in render("table", compared, width=80, color=True)


def test_zeros_and_holes_are_words() -> None:
    row = {"count_1": 0, "count_2": 5, "relative_change": None, "change": "new", "ci_low": 0.5, "ci_high": None}
    columns = [
        Column("count_1", "Count 1", "count"),
        Column("relative_change", "Relative change", "change"),
        Column("ci_low,ci_high", "I", "interval"),
    ]
    none = {"count_1": 0, "count_2": 0, "relative_change": None, "change": None, "ci_low": None, "ci_high": None}
    hole = {"count_1": None, "count_2": 5, "relative_change": None, "change": None, "ci_low": None, "ci_high": None}
    text = render("table", Report("comparison", "t", "arxiv", False, {}, columns, [row, none, hole]))
    assert [re.split(r"  +", line.strip()) for line in text.splitlines()[4:7]] == [
        ["0", "new", "from +50.0"], ["0", "–", "–"], ["n/a", "n/a", "n/a"],
    ]  # fmt: skip
    assert not re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE)


def test_made_up_data_are_marked_in_every_format(compared: Report) -> None:
    from dataclasses import replace

    made_up = replace(compared, synthetic=True)
    for name in ("table", "md", "html"):
        assert "MADE-UP DATA" in render(name, made_up)
        assert "MADE-UP DATA" not in render(name, compared)
    assert json.loads(render("json", made_up))["synthetic"] is True
    assert json.loads(render("jsonl", made_up).splitlines()[0])["synthetic"] is True
    assert next(csv.DictReader(io.StringIO(render("csv", made_up))))["synthetic"] == "true"
    assert "MADE-UP DATA" in render("table", made_up, width=80)


EVIL = '<script>alert("x")</script> | *bold* `code` _x_ [link](http://x) \\'


def papers(title: str) -> Report:
    row = {
        "id": "1801.00001", "v1": "2018-01-05T00:00:00Z", "version": 1, "title": title, "authors": ["Ada O'Abel", "Bo {B}"],
        "primary": "cs.LG", "categories": ["cs.LG"], "url": "https://arxiv.org/abs/1801.00001", "matches": [], "doi": None,
    }  # fmt: skip
    return Report(
        "papers", "Papers", "arxiv", False, {}, [Column("id", "Id", "text"), Column("title", "Title", "text")], [row]
    )


def test_text_from_papers_never_becomes_markup() -> None:
    html = render("html", papers(EVIL))
    assert "<script>" not in html and "&lt;script&gt;" in html
    cell = render("md", papers(EVIL)).splitlines()[4]
    assert len(re.findall(r"(?<!\\)\|", cell)) == 3
    assert "<script>" not in cell.replace("\\<", "")
    assert EVIL in render("table", papers(EVIL))
    assert "[link]" in render("table", papers(EVIL), width=120)


def test_bibtex() -> None:
    text = render("bibtex", papers("Costs 5% & more {unbalanced"))
    assert text.startswith("@misc{oabel2018_1801.00001,\n")
    assert r"title = {{Costs 5\% \& more unbalanced}}" in text
    assert "eprint = {1801.00001}" in text and "primaryClass = {cs.LG}" in text and "doi" not in text
    assert text.count("{") == text.count("}")


def test_bibtex_is_for_papers(compared: Report) -> None:
    with pytest.raises(UsageError, match="trend papers"):
        render("bibtex", compared)


def test_every_format_is_there_and_renders_an_empty_report() -> None:
    empty = Report("papers", "Nothing", "arxiv", False, {}, [Column("id", "Id", "text")], [])
    for name in registry.FORMATS:
        assert isinstance(render(name, empty), str)


def test_all_formats_hold_the_same_numbers(compared: Report) -> None:
    """Every cell of the table, of Markdown and of HTML is what the value in JSON and CSV reads as."""
    exact = json.loads(render("json", compared))["rows"]
    assert [json.loads(text) for text in render("jsonl", compared).splitlines()] == exact
    lines = list(csv.DictReader(io.StringIO(render("csv", compared))))
    assert [{key: _plain(value) for key, value in row.items()} for row in exact] == lines
    cells = [[format_cell(row, column) for column in compared.columns] for row in exact]
    markdown = [row.split(" | ") for row in render("md", compared).splitlines() if row.startswith("| ")][2:]
    assert [[cell.strip("| ").replace("\\", "") for cell in row] for row in markdown] == cells
    html = re.findall(r"<tr>((?:<td.*?</td>)+)</tr>", render("html", compared))
    assert [[unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in html] == cells
    table = render("table", compared).splitlines()[4 : 4 + len(cells)]
    assert [re.split(r"\s{2,}", row.strip()) for row in table] == cells
    for row in exact:
        shown = {column.key: format_cell(row, column).replace(",", "") for column in compared.columns}
        assert shown["count_2"] == str(row["count_2"])
        if row["relative_change"] is not None:
            assert float(shown["relative_change"]) == pytest.approx(100 * row["relative_change"], abs=0.051)


def _plain(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_words_are_broken_only_where_nothing_else_would_fit(compared: Report) -> None:
    rows = [{**row, "name": "Interpretability and explainability of networks"} for row in compared.rows]
    report = replace(compared, rows=rows)
    for width in (80, 100, 120):
        assert "Interpretability" in render("table", report, width=width)
    assert "Interpretability" not in render("table", report, width=40)
