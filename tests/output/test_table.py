from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.output.worlds import COMPARED_FIGURES, MARKUP, papers_report
from trendcli.core.report import Column, Report
from trendcli.output.table import render_table


def test_the_figures_and_the_verdict_are_there(comparison: Report) -> None:
    text = render_table(comparison)
    assert "no clear change" in text
    assert all(figure in text for figure in COMPARED_FIGURES)


def test_a_pipe_gets_plain_text_uncut(comparison: Report) -> None:
    text = render_table(comparison)
    assert "\x1b" not in text and "│" not in text
    assert max(map(len, text.splitlines())) > 100
    assert "Recurrent networks (RNN, LSTM, GRU)" in text
    assert "Hidden to fit" not in text


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200])
def test_a_terminal_gets_what_fits(comparison: Report, width: int) -> None:
    text = render_table(comparison, width=width)
    assert max(map(len, text.splitlines())) <= width
    for figure in ("70", "100", "-10.7", "[-36.2, +25.2]"):
        assert figure in text
    assert any(line.endswith(" Verdict") for line in text.splitlines()) == (width >= 80)
    assert ("+42.9" in text) == (width >= 80)
    assert ("7.00" in text) == (width >= 100)
    assert ("-0.75" in text) == ("Rank" in text) == (width >= 120)


def test_what_is_hidden_is_named_with_the_way_out(comparison: Report) -> None:
    text = " ".join(render_table(comparison, width=100).split())
    assert "Hidden to fit (widen the terminal or use --format csv): rank, points." in text
    assert "Hidden to fit" not in render_table(comparison, width=200)


def test_names_are_broken_only_if_nothing_else_would_fit(comparison: Report) -> None:
    rows = [{**row, "name": "Interpretability and explainability of networks"} for row in comparison.rows]
    report = replace(comparison, rows=rows)
    for width in (80, 100, 120):
        assert "Interpretability" in render_table(report, width=width)
    assert "Interpretability" not in render_table(report, width=40)


def test_colour_only_if_requested(comparison: Report) -> None:
    assert "\x1b" not in render_table(comparison, width=80)
    assert "\x1b" in render_table(comparison, width=80, color=True)


def test_zeros_and_gaps_are_words() -> None:
    row = {"count_1": 0, "count_2": 5, "relative_change": None, "change": "new", "ci_low": 0.5, "ci_high": None}
    columns = [
        Column("count_1", "Count 1", "count"),
        Column("relative_change", "Relative change", "change"),
        Column("ci_low", "I", "interval", second_key="ci_high"),
    ]
    nothing = {"relative_change": None, "change": None, "ci_low": None, "ci_high": None}
    rows = [row, {"count_1": 0, "count_2": 0, **nothing}, {"count_1": None, "count_2": 5, **nothing}]
    text = render_table(Report("comparison", "t", "arxiv", False, {}, columns, rows))
    assert [re.split(r"  +", line.strip()) for line in text.splitlines()[4:7]] == [
        ["0", "new", "from +50.0"], ["0", "–", "–"], ["n/a", "n/a", "n/a"],
    ]  # fmt: skip
    assert not re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE)


def test_an_empty_report_says_so_unless_its_notes_do() -> None:
    empty = Report("papers", "Title", "arxiv", False, {}, [Column("id", "Id", "text")], [], notes=["A note."])
    assert render_table(empty) == "Title\n\n(no rows)\n\nA note.\n"
    assert render_table(replace(empty, kind="doctor")) == "Title\n\nA note.\n"


def test_sections_follow_the_first_table(comparison: Report) -> None:
    section = Report("section", "More", "arxiv", False, {}, [Column("id", "Id", "text")], [{"id": "x"}])
    assert render_table(replace(comparison, sections=[section])).endswith("\n\nMore\n\nId\n--\nx\n\n")


def test_made_up_data_are_marked(comparison: Report) -> None:
    synthetic = replace(comparison, synthetic=True)
    assert "MADE-UP DATA" not in render_table(comparison)
    assert "MADE-UP DATA" in render_table(synthetic) and "MADE-UP DATA" in render_table(synthetic, width=80)


def test_text_from_submissions_is_shown_as_it_is() -> None:
    assert MARKUP in render_table(papers_report(MARKUP))
    assert "[link]" in render_table(papers_report(MARKUP), width=120)
