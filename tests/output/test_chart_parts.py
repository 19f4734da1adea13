from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from matplotlib.figure import Figure

from trendcli.core.errors import UsageError
from trendcli.core.registry import CHARTS, load_entry
from trendcli.core.report import Report
from trendcli.output.chart_parts import (
    add_note,
    check_report_kind,
    create_figure,
    draw_period_line,
    format_time_axis,
    is_partial,
    is_whole,
    label_line_ends,
    mark_breaks,
    period_middle,
    split_runs,
    to_day_number,
)


def year_row(year: int, share: float | None, status: str = "complete", clipped: bool = False) -> dict[str, Any]:
    return {
        "period": str(year), "start": f"{year}-01-01", "end": f"{year + 1}-01-01", "share": share, "count": share,
        "status": status, "clipped": clipped,
    }  # fmt: skip


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text")))


def test_days_are_counted_from_1970() -> None:
    assert (to_day_number("1970-01-01"), to_day_number("1971-01-01")) == (0, 365)
    assert period_middle({"start": "1970-01-01", "end": "1970-01-03"}) == 1


def test_a_gap_ends_a_run() -> None:
    rows = [{"share": value} for value in (None, 1, 2, None, None, 3)]
    runs = split_runs(rows, lambda row: row["share"] is not None)
    assert [[row["share"] for row in run] for run in runs] == [[1, 2], [3]]


def test_a_line_is_solid_between_complete_periods_and_dashed_to_others() -> None:
    rows = [
        year_row(2015, 1),
        year_row(2016, 2),
        year_row(2017, 3, "provisional"),
        year_row(2018, None),
        year_row(2019, 5),
    ]
    axes = Figure().add_subplot()
    draw_period_line(axes, rows, "share", "black")
    lines = [(line.get_linestyle(), list(line.get_ydata())) for line in axes.lines]
    assert lines == [("-", [1, 2]), ("--", [2, 3]), ("None", [1, 2, 3]), ("None", [5])]


def test_a_clipped_period_is_partial_and_a_provisional_one_neither() -> None:
    rows = [year_row(2019, 1, status) for status in ("complete", "unknown", "provisional", "partial")]
    rows.append(year_row(2019, 1, clipped=True))
    assert [is_whole(row) for row in rows] == [True, True, False, False, False]
    assert [is_partial(row) for row in rows] == [False, False, False, True, True]


def test_few_years_are_labelled_in_their_middle() -> None:
    axes = Figure().add_subplot()
    format_time_axis(axes, [year_row(2015, 1), year_row(2016, 2)])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2015", "2016"]
    assert list(axes.get_xticks()) == [period_middle(year_row(2015, 1)), period_middle(year_row(2016, 2))]


def test_a_report_of_another_kind_or_without_rows_is_refused(quarterly_series: Report) -> None:
    with pytest.raises(UsageError, match="A change chart needs a comparison report, not a series report"):
        check_report_kind(quarterly_series, "change", "comparison")
    with pytest.raises(UsageError, match="Nothing to draw: the report has no rows"):
        check_report_kind(replace(quarterly_series, rows=[]), "lines", "series")


def test_the_source_line_says_base_state_and_source(quarterly_series: Report) -> None:
    def source_line(mark_style: str, status: str, **query: Any) -> str:
        rows = [{**row, "status": status} for row in quarterly_series.rows[:1]]
        report = replace(quarterly_series, rows=rows, query={**quarterly_series.query, **query})
        return create_figure(report, mark_style=mark_style)[0].get_supxlabel().replace("\n", " ")

    assert source_line("dashed", "complete") == (
        "Base: all submissions in cs.LG (any listed). Data as of 2020-01-01. Source: arXiv metadata (CC0), "
        f"{quarterly_series.provenance['program']}, match: any."
    )
    assert "Data as of 2020-01-01; coverage unknown. Source" in source_line("dashed", "unknown")
    assert "; dashed: 2018-Q1 (partial). Source" in source_line("dashed", "partial")
    assert "; dashed: 2018-Q1 (may still grow). Source" in source_line("dashed", "provisional")
    assert "; partial periods are not marked. Source" in source_line("", "partial")
    assert "in cs.LG, each category separately (primary)" in source_line(
        "", "complete", across="category", primary_only=True
    )


def test_made_up_data_are_marked_in_title_and_across(quarterly_series: Report) -> None:
    for name in ("lines", "heatmap"):
        draw = load_entry(CHARTS[name])
        assert "MADE-UP" not in texts(draw(quarterly_series))
        assert texts(draw(replace(quarterly_series, synthetic=True))).count("MADE-UP DATA") == 2


def test_notes_are_added_below_each_other() -> None:
    figure = Figure()
    add_note(figure, "One.")
    add_note(figure, "Two.")
    assert figure.get_supxlabel() == "One.\nTwo."


def test_breaks_are_numbered_and_explained(quarterly_series: Report) -> None:
    breaks = [{"day": "2019-06-11", "what": "cs.SY becomes eess.SY"}, {"day": "2019-07-01", "what": "more"}]
    report = replace(quarterly_series, breaks=breaks)
    figure, axes = create_figure(report)
    mark_breaks(figure, axes, report)
    assert [line.get_xdata()[0] for line in axes.lines] == [to_day_number(change["day"]) for change in breaks]
    assert "(1) 2019-06-11: cs.SY becomes eess.SY; (2) 2019-07-01: more." in figure.get_supxlabel()


def test_labels_at_the_ends_of_lines_do_not_overlap() -> None:
    axes = Figure(figsize=(9, 5)).add_subplot()
    axes.set_ylim(0, 1)
    label_line_ends(
        axes, [(0.5, "Second", "red", 1), (0.49, "First (with more)", "blue", 1), (0.9, "x" * 40, "grey", 1)]
    )
    assert [text.get_text() for text in axes.texts] == ["First", "Second", "x" * 31 + "…"]
    heights = [text.xy[1] for text in axes.texts]
    assert heights == [0.49, 0.5, 0.9]
    inches = axes.get_position().height * 5
    shifts = [text.xyann[1] / 72 / inches for text in axes.texts]
    assert shifts == pytest.approx([0, 0.04, 0])  # the second moves up to 5 % of the axis above the first
