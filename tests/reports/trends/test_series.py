from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reports.helpers import build_report
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.store.store import Store
from trendcli.topics.library import Library


def test_a_series_by_year_and_by_month(gans: Store, library: Library) -> None:
    years = build_report("series", gans, library, "gan")
    assert [(row["period"], row["count"], row["base"], row["share"], row["status"]) for row in years.rows] == [
        ("2018", 70, 1000, 0.07, "complete"),
        ("2019", 100, 1600, 0.0625, "complete"),
    ]
    assert years.rows[0]["relative_change"] is None  # 2017 was never requested
    assert years.rows[1]["relative_change"] == pytest.approx(-0.107143, abs=1e-6)
    months = build_report("series", gans, library, "gan", by="month", since="2018-06", until="2019-06")
    assert [row["period"] for row in months.rows] == [f"2018-{m:02d}" for m in range(6, 13)] + [
        f"2019-{m:02d}" for m in range(1, 6)
    ]
    same = next(row for row in months.rows if row["period"] == "2019-02")
    earlier = build_report("series", gans, library, "gan", by="month", period="2018-02").rows[0]
    assert same["count_change"] == pytest.approx(same["count"] / earlier["count"] - 1)


def test_a_window_that_clips_a_period_says_so(gans: Store, library: Library) -> None:
    report = build_report("series", gans, library, "gan", since="2018-03")
    assert [(row["period"], row["start"], row["clipped"]) for row in report.rows] == [
        ("2018", "2018-03-01", True),
        ("2019", "2019-01-01", False),
    ]
    assert report.rows[0]["relative_change"] is None


def test_volume_needs_no_topic(gans: Store, library: Library) -> None:
    report = build_report("series", gans, library, by="year")
    assert report.kind == "volume"
    assert [(row["period"], row["count"]) for row in report.rows] == [("2018", 1000), ("2019", 1600)]
    assert report.rows[1]["count_change"] == pytest.approx(0.6)


def test_last_counts_complete_periods_back_from_the_data(gans: Store, library: Library) -> None:
    report = build_report("series", gans, library, "gan", by="month", last="3m")
    assert [row["period"] for row in report.rows] == ["2019-10", "2019-11", "2019-12"]


def test_a_query_is_a_topic(gans: Store, library: Library) -> None:
    report = build_report("series", gans, library, queries=["generative adversarial network"])
    assert [(row["topic"], row["count"]) for row in report.rows] == [
        ("query:generative adversarial network", n) for n in (70, 100)
    ]


def test_each_week_has_its_own_base(gans: Store, library: Library) -> None:
    report = build_report("series", gans, library, "gan", by="week", since="2019-01-07", until="2019-02-04")
    assert [row["period"] for row in report.rows] == ["2019-W02", "2019-W03", "2019-W04", "2019-W05"]
    days = build_report("series", gans, library, by="week", since="2019-01-07", until="2019-02-04")
    assert [row["base"] for row in report.rows] == [row["count"] for row in days.rows]


def test_what_lies_before_the_window_is_counted_where_it_is_compared_with(gans: Store, library: Library) -> None:
    """A series in weeks is counted from rule matches, where the window of the query must not hide the year before."""
    every = {row["period"]: row for row in build_report("series", gans, library, "gan", by="week").rows}
    some = build_report("series", gans, library, "gan", by="week", since="2019-03-04", until="2019-04-01").rows
    assert len(some) == 4
    for row in some:
        alike = every[row["period"]]
        assert row["count_change"] is not None
        assert {**row, "q": 0, "verdict": ""} == {**alike, "q": 0, "verdict": ""}
    cut = build_report("comparison", gans, library, "gan", since="2019-03-04", until="2019-03-19").rows[0]
    assert (cut["count_1"], cut["base_1"]) > (0, 0)


def test_a_rolling_total_sums_periods_and_an_index_starts_at_100(gans: Store, library: Library) -> None:
    months = {row["period"]: row for row in build_report("series", gans, library, "gan", by="month").rows}
    rolled = build_report("series", gans, library, "gan", by="month", rolling=12, index="2018-12", since="2018-12")
    first, last = rolled.rows[0], rolled.rows[-1]
    assert (first["period"], first["count"], first["base"], first["index"]) == ("2018-01 to 2018-12", 70, 1000, 100.0)
    assert (last["period"], last["count"], last["base"]) == ("2019-01 to 2019-12", 100, 1600)
    assert last["index"] == pytest.approx(100 * 0.0625 / 0.07)
    assert last["relative_change"] == pytest.approx(-0.107143, abs=1e-6)  # against the twelve months before
    middle = next(row for row in rolled.rows if row["period"] == "2018-04 to 2019-03")
    assert middle["count"] == sum(months[f"2018-{m:02d}"]["count"] for m in range(4, 13)) + sum(
        months[f"2019-{m:02d}"]["count"] for m in range(1, 4)
    )
    assert middle["relative_change"] is None  # the total a year earlier begins before the data
    every = build_report("series", gans, library, "gan", by="month", rolling=12).rows
    assert (every[0]["period"], len(every)) == ("2018-01 to 2018-12", 13)  # not what reaches back before the data
    assert rolled.notes[0] == (
        "Each row is a 12-month rolling total, so neighbouring rows overlap; change is against the total one year earlier, "
        "with its 95 % interval."
    )
    with pytest.raises(UsageError, match="--rebase 2017 is not a period of this series"):
        build_report("series", gans, library, "gan", index="2017")


def test_growth_is_fitted_to_a_volume(tmp_path: Path, library: Library) -> None:
    papers = [paper(f"{y}01.{n:05d}", f"20{y}-03-05") for y, base in zip(range(13, 19), (4, 8, 16, 32, 64, 128), strict=True) for n in range(base)]  # fmt: skip
    store = fill(tmp_path, papers, [coverage_record(since="2013-01-01", until="2019-01-01")])
    report = build_report("series", store, library, by="year")
    assert report.summary["growth"]["growth"] == pytest.approx(1)
    assert report.summary["growth"]["doubling_months"] == pytest.approx(12)
    assert [row["fitted"] for row in report.rows] == pytest.approx([4, 8, 16, 32, 64, 128])
    assert any("doubles in 12 months" in note for note in report.notes)
    assert build_report("series", store, library, by="year", since="2016").summary["growth"] is None


def test_as_of_an_earlier_day_a_year_is_partial(gans: Store, library: Library) -> None:
    report = build_report("series", gans, library, "gan", as_of="2019-06-30", by="year")
    assert [(row["period"], row["status"]) for row in report.rows] == [("2018", "complete"), ("2019", "partial")]
    assert report.data_as_of == "2019-07-01T00:00:00Z"
    assert report.rows[1]["base"] == sum(
        row["base"]
        for row in build_report("series", gans, library, "gan", by="month", since="2019", until="2019-07").rows
    )


def test_an_uncovered_category_makes_the_period_partial_and_is_named(gans: Store, library: Library) -> None:
    with pytest.raises(CoverageMissing, match="is covered for cs.CL"):
        build_report("series", gans, library, "gan", categories=["cs.LG", "cs.CL"])
    report = build_report("series", gans, library, "gan", categories=["cs.LG", "cs.CL"], include_partial=True)
    assert [(row["status"], row["count"]) for row in report.rows] == [("partial", 70), ("partial", 100)]
    assert report.coverage == {"status": "partial", "missing": ["cs.CL"]}


def test_the_default_scope_is_what_the_store_covers(tmp_path: Path, library: Library) -> None:
    def scope_of(*answers: Any) -> list[str]:
        store = fill(tmp_path / str(len(list(tmp_path.iterdir()))), [paper("1801.00001", "2018-01-05")], answers)
        return list(build_report("series", store, library, "gan", include_partial=True).query["categories"])

    assert scope_of(coverage_record(["cs.LG"])) == ["cs.LG"]
    assert scope_of(coverage_record(["cs.LG"]), coverage_record(["cs.CL"])) == ["cs.CL", "cs.LG"]
    assert scope_of(coverage_record(["*"])) == list(ML.categories)
    assert scope_of(coverage_record(["*"], status="unknown")) == list(ML.categories)
    assert scope_of(coverage_record([*ML.categories, "hep-th"])) == list(ML.categories)


def test_a_running_year_is_shown_and_left_out_of_change(tmp_path: Path, library: Library) -> None:
    world = [paper(f"{y}01.{n:05d}", f"20{y}-01-05", "A GAN") for y in (18, 19) for n in range(9)]
    store = fill(tmp_path, world, [coverage_record(since="2018-01-01", until="2019-07-01", at="2019-07-01")])
    rows = build_report("series", store, library, "gan").rows
    assert [(row["period"], row["status"], row["count"], row["relative_change"]) for row in rows] == [
        ("2018", "complete", 9, None), ("2019", "partial", 9, None),
    ]  # fmt: skip
    report = build_report("series", store, library, "gan")
    assert any(note == "Not yet over on the data date: 2019." for note in report.notes)
    with pytest.raises(CoverageMissing, match="2017 is not covered|Neither|No year|n/a"):
        build_report("comparison", store, library, "gan", period="2017", vs="2016")


def test_the_status_is_hidden_before_the_change_unless_a_row_is_clipped(gans: Store, library: Library) -> None:
    ranks = {column.key: column.rank for column in build_report("series", gans, library, "gan").columns}
    assert ranks["q"] > ranks["base"] > ranks["status"] > ranks["relative_change"] == ranks["verdict"]
    cut = build_report("series", gans, library, "gan", since="2018-03")
    assert {column.key: column.rank for column in cut.columns}["status"] == 0
