from __future__ import annotations

import re
from dataclasses import replace

from tests.output.worlds import COMPARED_FIGURES, MARKUP, papers_report
from trendcli.core.report import Column, Report
from trendcli.output.markdown import escape_markdown, render_markdown


def test_the_figures_and_the_verdict_are_there(comparison: Report) -> None:
    text = render_markdown(comparison)
    assert "no clear change" in text
    assert all(figure in text for figure in COMPARED_FIGURES)


def test_a_table_by_hand() -> None:
    columns = [Column("name", "Name", "text"), Column("count", "Count", "count")]
    section = Report("section", "More", "arxiv", False, {}, columns[:1], [{"name": "b"}])
    report = Report(
        "papers",
        "A #1",
        "arxiv",
        True,
        {},
        columns,
        [{"name": "a|b", "count": 1234}],
        notes=["Note."],
        sections=[section],
    )
    assert render_markdown(report) == (
        "## MADE-UP DATA: A \\#1\n\n| Name | Count |\n| --- | ---: |\n| a\\|b | 1,234 |\n\n- Note.\n\n"
        "## More\n\n| Name |\n| --- |\n| b |\n"
    )


def test_text_from_submissions_never_becomes_markup() -> None:
    cell = render_markdown(papers_report(MARKUP)).splitlines()[4]
    assert len(re.findall(r"(?<!\\)\|", cell)) == 3
    assert "<script>" not in cell.replace("\\<", "")
    assert "\\# \\$y\\$" in cell


def test_escaped_text_is_on_one_line() -> None:
    assert escape_markdown("a\r\nb\u2028c\u202ed") == "a b cd"
    assert escape_markdown("\\`*_[]<>#|~$") == "\\\\\\`\\*\\_\\[\\]\\<\\>\\#\\|\\~\\$"
    assert escape_markdown("plain (text), 5 % + 3!") == "plain (text), 5 % + 3!"


def test_made_up_data_are_marked(comparison: Report) -> None:
    assert "MADE-UP DATA" not in render_markdown(comparison)
    assert "MADE-UP DATA" in render_markdown(replace(comparison, synthetic=True))
