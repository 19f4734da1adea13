from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.conftest import answer, fill, paper
from tests.reports.trends.test_comparison import ask
from trendcli.core import registry
from trendcli.core.errors import UsageError
from trendcli.core.report import Report
from trendcli.output import charts
from trendcli.store.store import Store
from trendcli.topics.library import Library


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.fixture
def years(gans: Store, library: Library) -> Report:
    return ask("series", gans, library, "gan", "rnn", by="quarter")


def test_lines_hold_the_shares_they_were_given(years: Report) -> None:
    figure = charts.draw_lines(years)
    drawn = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    shares = [[row["share"] for row in years.rows if row["topic"] == topic] for topic in ("gan", "rnn")]
    assert [list(line.get_ydata()) for line in drawn] == shares
    assert figure.axes[0].get_ylim()[0] == 0
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == ["Recurrent networks", "GANs"]  # at the ends of the lines, lowest first


def test_a_band_is_the_interval(years: Report) -> None:
    band = charts.draw_lines(years).axes[0].collections[0].get_paths()[0].vertices
    rows = [row for row in years.rows if row["topic"] == "gan"]
    assert {round(y, 9) for _, y in band} >= {round(row["share_low"], 9) for row in rows} | {
        round(row["share_high"], 9) for row in rows
    }


def test_a_hole_breaks_the_line_and_a_running_period_is_dashed(tmp_path: Any, library: Library) -> None:
    world = [paper(f"{y}01.{n:05d}", f"20{y}-01-05", "A GAN") for y in (16, 17, 18, 19) for n in range(4)]
    covered = [
        answer(since="2016-01-01", until="2018-01-01"),
        answer(since="2018-02-01", until="2020-03-01", at="2020-03-01"),
    ]
    store = fill(tmp_path, world, covered)
    found = ask("series", store, library, "gan")
    assert [row["status"] for row in found.rows] == ["complete", "complete", "partial", "complete", "partial"]
    segments = [line for line in charts.draw_lines(found).axes[0].lines if line.get_linestyle() != "None"]
    assert [len(line.get_xdata()) for line in segments] == [2]  # 2016-2017; 2018 is a hole, 2020 has no base
    running = ask("series", store, library, by="quarter", since="2019-07")
    bars = charts.draw_volume(running).axes[0].patches
    assert [bar.get_hatch() for bar in bars] == [None, None, "///"]


def test_bars_of_change_are_those_of_the_table(gans: Store, library: Library) -> None:
    found = ask("comparison", gans, library, "gan", "generative-models")
    axes = charts.draw_change(found).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [row["relative_change"] for row in found.rows][::-1]
    assert axes.get_yticklabels()[0].get_text() in ("GANs  70 → 100", "Generative models  70 → 100")
    ends = [
        tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2 and line.get_color() == "#222222"
    ]
    assert (found.rows[0]["ci_low"], found.rows[0]["ci_high"]) in ends


def test_volume_bars_start_at_zero_and_count(gans: Store, library: Library) -> None:
    found = ask("series", gans, library, by="quarter")
    axes = charts.draw_volume(found).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [row["count"] for row in found.rows]
    assert [round(bar.get_x()) for bar in axes.patches] == [day(row["start"]) for row in found.rows]
    assert axes.get_ylim()[0] == 0


def test_a_heatmap_scales_each_topic_to_its_peak(years: Report) -> None:
    grid = np.asarray(charts.draw_heatmap(years).axes[0].images[0].get_array())
    gan = [row["share"] for row in years.rows if row["topic"] == "gan"]
    assert np.nanmax(grid) == 1.0
    assert any(np.allclose(row, np.array(gan) / max(gan)) for row in grid)
    silent = {row["topic"] for row in years.rows} - {row["topic"] for row in years.rows if row["count"]}
    assert len(grid) == len({row["topic"] for row in years.rows}) - len(silent)


@pytest.mark.parametrize("kind", charts.FIGURE_FORMATS)
def test_the_same_report_gives_the_same_bytes(years: Report, kind: str) -> None:
    first, second = (charts.encode_figure(charts.draw_lines(years), kind) for _ in range(2))
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])


def test_the_source_line_and_the_mark_of_made_up_data(years: Report) -> None:
    from dataclasses import replace

    def words(figure: Figure) -> str:
        return " ".join(text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text")))

    assert "arXiv metadata (CC0)" in words(charts.draw_lines(years)) and "MADE-UP" not in words(
        charts.draw_lines(years)
    )
    made_up = replace(years, synthetic=True)
    for name in ("lines", "heatmap"):
        assert "MADE-UP DATA" in words(registry.load_entry(registry.CHARTS[name])(made_up))


def test_what_cannot_be_drawn(years: Report, gans: Store, library: Library) -> None:
    compared = ask("comparison", gans, library, "gan")
    for name, wrong in (("lines", compared), ("change", years), ("volume", compared), ("heatmap", compared)):
        with pytest.raises(UsageError, match="is drawn from a"):
            registry.load_entry(registry.CHARTS[name])(wrong)
    with pytest.raises(UsageError, match="not .gif"):
        charts.encode_figure(charts.draw_lines(years), "gif")
    with pytest.raises(UsageError, match="lines are too many"):
        charts.draw_lines(ask("series", gans, library, *library.packs["ml"][:9]))


def test_growth_is_drawn_over_the_volume_it_was_fitted_to(tmp_path: Any, library: Library) -> None:
    world = [paper(f"{y}01.{n:05d}", f"20{y}-03-05", categories="eess.SY") for y in range(14, 20) for n in range(2 ** (y - 12))]  # fmt: skip
    store = fill(tmp_path, world, [answer(["eess.SY"], since="2014-01-01")])
    report = ask("series", store, library, by="year")
    bars = charts.draw_volume(report)
    (fitted, broken) = [line for line in bars.axes[0].lines if len(line.get_xdata()) > 1]
    assert list(fitted.get_ydata()) == pytest.approx([4, 8, 16, 32, 64, 128])
    assert broken.get_linestyle() == ":"
    said = bars.get_supxlabel()
    assert "growth of +100.0 % a year" in said and "(1) 2019-06-11: cs.SY becomes eess.SY" in said
    points = charts.draw_volume(report, log=True)
    assert points.axes[0].get_yscale() == "log" and not points.axes[0].patches


def test_an_index_and_categories_are_lines(gans: Store, library: Library) -> None:
    index = charts.draw_lines(ask("series", gans, library, "gan", index="2018"))
    assert "share, 2018 = 100" in index.axes[0].get_ylabel()
    assert max(line.get_ydata()[0] for line in index.axes[0].lines) == 100
    across = charts.draw_lines(ask("series", gans, library, "gan", by="quarter", rolling=4, across="category"))
    assert [text.get_text() for text in across.axes[0].texts] == ["cs.LG"]
    assert "4 quarters added up" in across.axes[0].get_ylabel()


def test_an_axis_of_shares_follows_the_line_and_not_the_band(tmp_path: Any, library: Library) -> None:
    world = [paper(f"1801.{n:05d}", "2018-01-05", "A cat") for n in range(4)]
    world += [paper(f"1802.{n:05d}", "2018-02-05", "A GAN" if n < 10 else "A cat") for n in range(200)]
    store = fill(tmp_path, world, [answer(since="2018-01-01", until="2018-03-01", at="2018-06-01")])
    found = ask("series", store, library, "gan", by="month", since="2018-01", until="2018-03")
    figure = charts.draw_lines(found)
    assert [row["share_high"] > 0.4 for row in found.rows] == [True, False]
    assert figure.axes[0].get_ylim() == (0, pytest.approx(2 * 0.05))
    assert "goes on beyond the chart" in figure.get_supxlabel()
    whole = charts.draw_lines(ask("series", store, library, "gan", by="month", since="2018-02", until="2018-03"))
    assert "beyond" not in whole.get_supxlabel()


def test_a_volume_says_which_periods_are_not_whole(tmp_path: Any, library: Library) -> None:
    world = [paper(f"{y}01.{n:05d}", f"20{y}-01-05") for y in (16, 17, 18, 19) for n in range(4)]
    store = fill(tmp_path, world, [answer(since="2016-01-01", until="2020-01-03", at="2020-01-03")])
    figure = charts.draw_volume(ask("series", store, library, by="year"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["4", "4", "4", "4", "0\nnot whole"]
    assert "hatched: 2019 (may still grow), 2020 (not a whole period)" in figure.get_supxlabel().replace("\n", " ")


def test_the_largest_falls_all_fell(gans: Store, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    found = ask("comparison", gans, library, "gan")
    changes = {"a": -0.2, "b": 0.0, "c": 0.1, "d": 0.2, "e": 0.3}
    rows = [
        {**found.rows[0], "topic": name, "name": name, "relative_change": value, "ci_low": value, "ci_high": value}
        for name, value in changes.items()
    ]
    told = replace(found, rows=rows)
    assert "Shown" not in charts.draw_change(told).get_supxlabel()
    monkeypatch.setattr(charts, "MAX_BARS", 4)
    figure = charts.draw_change(told)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [-0.2, 0.2, 0.3]
    assert "Shown are the 2 largest of 3 rises and the only fall; 1 did not change." in figure.get_supxlabel()


@pytest.mark.parametrize("largest", [0.3, 1.5, 7, 19, 33, 140])
def test_labels_of_an_axis_of_changes_lie_apart(gans: Store, library: Library, largest: float) -> None:
    from dataclasses import replace

    found = ask("comparison", gans, library, "gan")
    wide = {**found.rows[0], "name": "A name that takes half of the picture, which is nine inches"}
    rows = [{**wide, "relative_change": value, "ci_low": value, "ci_high": value} for value in (-0.5, largest)]
    figure = charts.draw_change(replace(found, rows=rows))
    figure.canvas.draw()
    labels = [text.get_window_extent() for text in figure.axes[0].get_xticklabels() if text.get_text()]
    assert len(labels) > 2 and all(one.x1 < other.x0 for one, other in pairwise(labels))
