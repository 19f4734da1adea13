from __future__ import annotations

from dataclasses import replace

from tests.output.worlds import COMPARED_FIGURES, MARKUP, papers_report
from trendcli.core.report import Column, Report
from trendcli.output.html import render_html


def test_the_figures_and_the_verdict_are_there(comparison: Report) -> None:
    text = render_html(comparison)
    assert "no clear change" in text
    assert all(figure in text for figure in COMPARED_FIGURES)


def test_text_from_submissions_never_becomes_markup() -> None:
    html = render_html(papers_report(MARKUP))
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_notes_and_sections_are_below_the_table(comparison: Report) -> None:
    section = Report(
        "section", "More", "arxiv", False, {}, [Column("id", "Id", "text")], [{"id": "x"}], notes=["Below."]
    )
    html = render_html(replace(comparison, sections=[section], notes=["A & B."]))
    pieces = [
        "Relative change",
        "<caption>More</caption>",
        "<td>x</td>",
        "<p>Below.</p>",
        "<footer>",
        "<p>A &amp; B.</p>",
    ]
    positions = [html.index(piece) for piece in pieces]
    assert positions == sorted(positions)


def test_made_up_data_are_marked(comparison: Report) -> None:
    assert "MADE-UP DATA" not in render_html(comparison)
    assert "<title>MADE-UP DATA: " in render_html(replace(comparison, synthetic=True))
