from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from matplotlib.figure import Figure

from tests.reports.helpers import build_report
from tests.worlds import coverage_record, days, fill, paper
from trendcli.core.errors import UsageError
from trendcli.core.registry import CHARTS, load_entry
from trendcli.core.report import Report
from trendcli.output import charts
from trendcli.output.charts import FIGURE_FORMATS, draw_change, draw_heatmap, draw_lines, draw_volume, encode_figure
from trendcli.store.store import Store
from trendcli.topics.library import Library


def test_lines_hold_the_shares_of_the_report(quarterly_series: Report) -> None:
    figure = draw_lines(quarterly_series)
    drawn = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    shares = [[row["share"] for row in quarterly_series.rows if row["topic"] == topic] for topic in ("gan", "rnn")]
    assert [list(line.get_ydata()) for line in drawn] == shares
    assert figure.axes[0].get_ylim()[0] == 0
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == ["Recurrent networks", "GANs"]  # at the ends of the lines, lowest first


def test_a_band_is_the_interval(quarterly_series: Report) -> None:
    band = draw_lines(quarterly_series).axes[0].collections[0].get_paths()[0].vertices
    rows = [row for row in quarterly_series.rows if row["topic"] == "gan"]
    assert {round(y, 9) for _, y in band} >= {round(row["share_low"], 9) for row in rows} | {
        round(row["share_high"], 9) for row in rows
    }


def test_a_gap_breaks_the_line_and_a_running_period_is_hatched(tmp_path: Path, library: Library) -> None:
    papers = [paper(f"{y}01.{n:05d}", f"20{y}-01-05", "A GAN") for y in (16, 17, 18, 19) for n in range(4)]
    records = [
        coverage_record(since="2016-01-01", until="2018-01-01"),
        coverage_record(since="2018-02-01", until="2020-03-01", at="2020-03-01"),
    ]
    store = fill(tmp_path, papers, records)
    report = build_report("series", store, library, "gan")
    assert [row["status"] for row in report.rows] == ["complete", "complete", "partial", "complete", "partial"]
    segments = [line for line in draw_lines(report).axes[0].lines if line.get_linestyle() != "None"]
    assert [len(line.get_xdata()) for line in segments] == [2]  # 2016-2017; 2018 is a gap, 2020 has no total
    running = build_report("series", store, library, by="quarter", since="2019-07")
    bars = draw_volume(running).axes[0].patches
    assert [bar.get_hatch() for bar in bars] == [None, None, "///"]


def test_bars_of_change_are_those_of_the_table(gans: Store, library: Library) -> None:
    report = build_report("comparison", gans, library, "gan", "generative-models")
    axes = draw_change(report).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [row["relative_change"] for row in report.rows][::-1]
    assert axes.get_yticklabels()[0].get_text() in ("GANs  70 → 100", "Generative models  70 → 100")
    ends = [
        tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2 and line.get_color() == "#222222"
    ]
    assert (report.rows[0]["ci_low"], report.rows[0]["ci_high"]) in ends


def test_volume_bars_start_at_zero_and_count(gans: Store, library: Library) -> None:
    report = build_report("series", gans, library, by="quarter")
    axes = draw_volume(report).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [row["count"] for row in report.rows]
    assert [round(bar.get_x()) for bar in axes.patches] == [days(row["start"]) for row in report.rows]
    assert axes.get_ylim()[0] == 0


def test_a_heatmap_scales_each_topic_to_its_peak(quarterly_series: Report) -> None:
    grid = np.asarray(draw_heatmap(quarterly_series).axes[0].images[0].get_array())
    gan = [row["share"] for row in quarterly_series.rows if row["topic"] == "gan"]
    assert np.nanmax(grid) == 1.0
    assert any(np.allclose(row, np.array(gan) / max(gan)) for row in grid)
    assert len(grid) == 1  # RNNs have no match


def test_a_heatmap_counts_the_topics_it_does_not_show(quarterly_series: Report) -> None:
    assert "Topics without matches (not shown): 1." in draw_heatmap(quarterly_series).get_supxlabel()


@pytest.mark.journey
@pytest.mark.parametrize("kind", FIGURE_FORMATS)
def test_the_same_report_gives_the_same_bytes(quarterly_series: Report, kind: str) -> None:
    first, second = (encode_figure(draw_lines(quarterly_series), kind) for _ in range(2))
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])


def test_a_chart_needs_its_kind_of_report(quarterly_series: Report, gans: Store, library: Library) -> None:
    comparison = build_report("comparison", gans, library, "gan")
    wrong = {"lines": comparison, "change": quarterly_series, "volume": comparison, "heatmap": comparison}
    for name, report in wrong.items():
        with pytest.raises(UsageError, match=f"A {name} chart needs a"):
            load_entry(CHARTS[name])(report)


def test_other_files_and_too_many_lines_are_refused(quarterly_series: Report, gans: Store, library: Library) -> None:
    with pytest.raises(UsageError, match=r"Charts are saved as .png, .svg or .pdf, not .gif."):
        encode_figure(draw_lines(quarterly_series), "gif")
    with pytest.raises(UsageError, match=r"Charts are saved as .png, .svg or .pdf\.$"):
        encode_figure(draw_lines(quarterly_series), "")
    with pytest.raises(UsageError, match="9 lines are too many; choose at most 8 with -t"):
        draw_lines(build_report("series", gans, library, *library.packs["ml"][:9]))


def test_growth_is_drawn_over_the_volume_it_was_fitted_to(tmp_path: Path, library: Library) -> None:
    papers = [paper(f"{y}01.{n:05d}", f"20{y}-03-05", categories="eess.SY") for y in range(14, 20) for n in range(2 ** (y - 12))]  # fmt: skip
    store = fill(tmp_path, papers, [coverage_record(["eess.SY"], since="2014-01-01")])
    report = build_report("series", store, library, by="year")
    bars = draw_volume(report)
    (fitted, structural_break) = [line for line in bars.axes[0].lines if len(line.get_xdata()) > 1]
    assert list(fitted.get_ydata()) == pytest.approx([4, 8, 16, 32, 64, 128])
    assert structural_break.get_linestyle() == ":"
    assert "Line: fitted growth of +100.0 % a year" in bars.get_supxlabel()
    points = draw_volume(report, log=True)
    assert points.axes[0].get_yscale() == "log" and not points.axes[0].patches


def test_an_index_and_categories_are_lines(gans: Store, library: Library) -> None:
    index = draw_lines(build_report("series", gans, library, "gan", index="2018"))
    assert "share, 2018 = 100" in index.axes[0].get_ylabel()
    assert max(line.get_ydata()[0] for line in index.axes[0].lines) == 100
    across = draw_lines(build_report("series", gans, library, "gan", by="quarter", rolling=4, across="category"))
    assert [text.get_text() for text in across.axes[0].texts] == ["cs.LG"]
    assert across.axes[0].get_ylabel() == "share of submissions, 4-quarter rolling sum"


def test_an_axis_of_shares_follows_the_line_and_not_the_band(tmp_path: Path, library: Library) -> None:
    papers = [paper(f"1801.{n:05d}", "2018-01-05", "A cat") for n in range(4)]
    papers += [paper(f"1802.{n:05d}", "2018-02-05", "A GAN" if n < 10 else "A cat") for n in range(200)]
    store = fill(tmp_path, papers, [coverage_record(since="2018-01-01", until="2018-03-01", at="2018-06-01")])
    report = build_report("series", store, library, "gan", by="month", since="2018-01", until="2018-03")
    figure = draw_lines(report)
    assert [row["share_high"] > 0.4 for row in report.rows] == [True, False]
    assert figure.axes[0].get_ylim() == (0, pytest.approx(2 * 0.05))
    assert "Band: 95 % interval; some extend beyond the top of the chart." in figure.get_supxlabel()
    whole = draw_lines(build_report("series", store, library, "gan", by="month", since="2018-02", until="2018-03"))
    assert "beyond" not in whole.get_supxlabel()


def test_a_volume_says_which_periods_are_incomplete(tmp_path: Path, library: Library) -> None:
    papers = [paper(f"{y}01.{n:05d}", f"20{y}-01-05") for y in (16, 17, 18, 19) for n in range(4)]
    store = fill(tmp_path, papers, [coverage_record(since="2016-01-01", until="2020-01-03", at="2020-01-03")])
    figure = draw_volume(build_report("series", store, library, by="year"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["4", "4", "4", "4", "0\npartial"]
    assert "hatched: 2019 (may still grow), 2020 (partial)" in figure.get_supxlabel().replace("\n", " ")


def test_the_largest_falls_all_fell(gans: Store, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    report = build_report("comparison", gans, library, "gan")
    changes = {"a": -0.2, "b": 0.0, "c": 0.1, "d": 0.2, "e": 0.3}
    rows = [
        {**report.rows[0], "topic": name, "name": name, "relative_change": value, "ci_low": value, "ci_high": value}
        for name, value in changes.items()
    ]
    few = replace(report, rows=rows)
    assert "Shown" not in draw_change(few).get_supxlabel()
    monkeypatch.setattr(charts, "MAX_BARS", 4)
    figure = draw_change(few)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [-0.2, 0.2, 0.3]
    assert "Shown: the 2 largest of 3 rises and the only fall; 1 unchanged." in figure.get_supxlabel()


@pytest.mark.parametrize("largest", [0.3, 1.5, 7, 19, 33, 140])
def test_labels_of_an_axis_of_changes_do_not_overlap(gans: Store, library: Library, largest: float) -> None:
    report = build_report("comparison", gans, library, "gan")
    wide = {**report.rows[0], "name": "A name that takes half of the picture, which is nine inches"}
    rows = [{**wide, "relative_change": value, "ci_low": value, "ci_high": value} for value in (-0.5, largest)]
    figure = draw_change(replace(report, rows=rows))
    figure.canvas.draw()
    labels = [text.get_window_extent() for text in figure.axes[0].get_xticklabels() if text.get_text()]
    assert len(labels) > 2 and all(one.x1 < other.x0 for one, other in pairwise(labels))


@pytest.mark.parametrize("draw", [draw_lines, draw_heatmap])
def test_a_dollar_sign_is_no_formula(quarterly_series: Report, draw: Callable[[Report], Figure]) -> None:
    name = "$\\foo{ $x^ \x1b[31m\ufffe & \u202e<b>"
    rows = [{**row, "name": name} for row in quarterly_series.rows if row["topic"] == "gan"]
    svg = encode_figure(draw(replace(quarterly_series, title=name, rows=rows)), "svg")
    texts = [
        "".join(element.itertext()) for element in etree.fromstring(svg).iter() if str(element.tag).endswith("text")
    ]
    assert any("$\\foo{ $x^ [31m & <b>" in text for text in texts)
