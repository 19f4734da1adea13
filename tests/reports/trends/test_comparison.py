from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.reports.helpers import build_report, two_category_world
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.types import Scope
from trendcli.reports.trends.comparison import build_comparison
from trendcli.reports.trends.series import build_series
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


def test_a_comparison_has_shares_and_their_relative_change(gans: Store, library: Library) -> None:
    report = build_report("comparison", gans, library, "gan")
    assert [(item["label"], item["base"], item["complete"]) for item in report.periods] == [
        ("2018", 1000, True),
        ("2019", 1600, True),
    ]
    row = report.rows[0]
    assert {key: row[key] for key in ("topic", "name", "count_1", "count_2", "share_1", "share_2", "status")} == {
        "topic": "gan", "name": "GANs", "count_1": 70, "count_2": 100, "share_1": 0.07, "share_2": 0.0625, "status": "complete",
    }  # fmt: skip
    assert row["relative_change"] == pytest.approx(-0.107143, abs=1e-6)
    assert row["count_change"] == pytest.approx(0.428571, abs=1e-6)
    assert (row["rank_1"], row["rank_2"], row["change"]) == (1, 1, None)
    assert report.data_as_of == "2020-01-01T00:00:00Z"


def test_a_comparison_of_a_pack(gans: Store, library: Library) -> None:
    report = build_report("comparison", gans, library, pack="ml")
    assert len(report.rows) == len(library.packs["ml"])
    by_topic = {row["topic"]: row for row in report.rows}
    assert by_topic["generative-models"]["count_2"] == by_topic["gan"]["count_2"] == 100
    assert by_topic["gan"]["rank_2"] == by_topic["generative-models"]["rank_2"] == 1
    assert by_topic["rnn"]["rank_2"] == 3  # ties share the smaller rank
    assert by_topic["rnn"]["relative_change"] is None
    assert report.rows[0]["topic"] in ("gan", "generative-models")
    assert [row["topic"] for row in report.rows[2:]] == sorted(row["topic"] for row in report.rows[2:])


def test_the_period_compared_with_can_be_named(gans: Store, library: Library) -> None:
    def pair(**options: Any) -> list[str]:
        return [period["label"] for period in build_report("comparison", gans, library, "gan", **options).periods]

    assert pair(vs="2018") == ["2018", "2019"]
    assert pair(period="2019-06", vs="previous") == ["2019-05", "2019-06"]
    assert pair(period="2019-06") == pair(period="2019-06", vs="year-ago") == ["2018-06", "2019-06"]
    assert pair(by="quarter") == ["2018-Q4", "2019-Q4"]
    assert pair(by="quarter", period="2019-Q3") == ["2018-Q3", "2019-Q3"]
    assert pair(since="2019-01", until="2019-03") == ["2018-11 to 2018-12", "2019-01 to 2019-02"]
    for options, message in [
        ({"vs": "2020"}, "is not before 2019"),
        ({"vs": "2018-03"}, "compare periods of the same unit"),
        ({"vs": "soon"}, "Not a date"),
        ({"since": "2019", "until": "2018"}, "reversed"),
        ({"period": "2019", "last": "3m"}, "Give one time window"),
        ({"period": "2019", "by": "month"}, "--by month does not fit --period 2019, which is a year; drop --by"),
    ]:
        with pytest.raises(UsageError, match=message):
            pair(**options)


def test_over_a_gap_there_is_no_number(tmp_path: Path, library: Library) -> None:
    world = [paper(f"{y}01.{n:05d}", f"20{y}-01-05", "A GAN") for y in (17, 18, 19) for n in range(9)]
    covered = [
        coverage_record(since="2017-01-01", until="2018-06-01"),
        coverage_record(since="2018-06-02", until="2020-01-01"),
    ]
    store = fill(tmp_path, world, covered)
    years = build_report("series", store, library, "gan")
    assert [(row["period"], row["status"], row["count"], row["share"]) for row in years.rows] == [
        ("2017", "complete", 9, 1.0), ("2018", "partial", None, None), ("2019", "complete", 9, 1.0),
    ]  # fmt: skip
    assert [row["relative_change"] for row in years.rows] == [None, None, None]
    assert any(note == "Incomplete, so n/a: 2018 (not covered for cs.LG)." for note in years.notes)
    row = build_report("comparison", store, library, "gan").rows[0]
    assert (row["count_1"], row["count_2"], row["relative_change"], row["status"]) == (None, 9, None, "partial")
    shown = build_report("comparison", store, library, "gan", include_partial=True).rows[0]
    assert (shown["count_1"], shown["relative_change"], shown["status"]) == (9, 0.0, "partial")
    # without dates the last period without a gap is taken
    assert [item["label"] for item in build_report("comparison", store, library, "gan", vs="2017").periods] == [
        "2017",
        "2019",
    ]


def test_a_scope_or_window_without_coverage_is_refused(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path, [paper("1801.00001", "2018-01-05")], [coverage_record(["cs.LG"], "2018-01-01", "2018-02-01")]
    )
    with pytest.raises(CoverageMissing, match=r"does not cover cs.CV. It covers cs.LG"):
        build_report("comparison", store, library, "gan", categories=["cs.CV"])
    with pytest.raises(CoverageMissing, match=r"No year is completely covered"):
        build_report("comparison", store, library, "gan")
    with pytest.raises(CoverageMissing, match="Nothing from 2016-01-01 to 2017-01-01 is covered"):
        build_report("series", store, library, "gan", period="2016")


def test_a_venue_without_a_complete_year_is_refused(tmp_path: Path, library: Library) -> None:
    (tmp_path / "list.json").write_text('[{"id": "abc", "title": "A GAN", "status": "Poster", "keywords": ""}]')
    words = ("import", tmp_path / "list.json", "--venue", "iclr", "--year", "2021", "--store", tmp_path / "store")
    assert run(*words).exit_code == 0
    complete = Store.open(tmp_path / "store" / "venues" / "iclr")
    records = tuple(replace(record, status="partial") for record in complete.manifest.ledger)
    store = Store(complete.root, replace(complete.manifest, ledger=records), ("title",))
    query, known = parse_query(library, topics=["gan"], corpus="iclr")
    submitted = Scope("submitted", ("submitted",))
    with pytest.raises(CoverageMissing, match=r"Choose a year with --period, .* see `trend status --corpus iclr`"):
        build_comparison(store, known, query, submitted)
    for options in ({"by": "month"}, {"by": "month", "period": "2021"}, {"period": "2021-03"}):
        query, known = parse_query(library, topics=["gan"], corpus="iclr", **options)
        with pytest.raises(UsageError, match="dated by year only"):
            build_series(store, known, query, submitted)


def test_across_categories_each_has_a_base_of_its_own(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, two_category_world(), [coverage_record(["cs.LG", "cs.CL"])])
    report = build_report("comparison", store, library, "gan", across="category", sort="category")
    rows = [(r["category"], r["count_1"], r["base_1"], r["count_2"], r["base_2"], r["rank_1"], r["rank_2"]) for r in report.rows]  # fmt: skip
    assert rows == [("cs.CL", 5, 20, 5, 60, 2, 2), ("cs.LG", 10, 40, 20, 40, 1, 1)]
    assert [column.key for column in report.columns][:2] == ["category", "rank_1"]
    years = build_report("series", store, library, "gan", across="category")
    assert any("over 1 topic and 2 categories (Benjamini-Hochberg)" in note for note in report.notes)
    assert any(note.startswith("A submission counts in each") for note in years.notes)
    assert any("counted once in each category" in note for note in years.notes)
    assert [(r["category"], r["period"], r["count"], r["base"]) for r in years.rows] == [
        ("cs.CL", "2018", 5, 20), ("cs.CL", "2019", 5, 60), ("cs.LG", "2018", 10, 40), ("cs.LG", "2019", 20, 40),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="accepts only 'category', not 'topic'"):
        build_report("comparison", store, library, "gan", across="topic")


def test_a_gap_in_one_category_is_a_gap_in_its_row_alone(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path, two_category_world(), [coverage_record(["cs.LG"]), coverage_record(["cs.CL"], until="2019-01-01")]
    )
    report = build_report(
        "comparison", store, library, "gan", categories=["cs.LG", "cs.CL"], period="2019", across="category"
    )
    assert {row["category"]: (row["count_2"], row["status"]) for row in report.rows} == {
        "cs.CL": (None, "partial"), "cs.LG": (20, "complete"),
    }  # fmt: skip


def test_a_decomposition_adds_up_to_the_change(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path, two_category_world(), [coverage_record(["cs.LG", "cs.CL"])])
    report = build_report("decomposition", store, library, "gan")
    total = report.rows[0]
    assert (total["category"], total["points"]) == ("all", pytest.approx(25 / 100 - 15 / 60))
    assert total["within"] + total["mix"] == pytest.approx(total["points"])
    for key in ("points", "within", "mix"):
        assert sum(row[key] for row in report.rows[1:]) == pytest.approx(total[key])
    # cs.LG: from 1/4 to 1/2 at a mean weight of (2/3 + 2/5)/2
    assert {row["category"]: row["within"] for row in report.rows}["cs.LG"] == pytest.approx((2 / 3 + 2 / 5) / 2 / 4)
    several = build_report("decomposition", store, library, "gan", "rnn")
    assert [row["category"] for row in several.rows] == ["all", "all"]


@pytest.mark.journey
def test_a_robust_verdict_survives_four_ways_to_count(tmp_path: Path, library: Library) -> None:
    def year(y: int, titles: int, abstracts: int) -> list[Any]:
        texts = [("A GAN", "x")] * titles + [("x", "We use a GAN.")] * abstracts
        texts += [("x", "y")] * (1000 - len(texts))
        return [paper(f"{y}{n % 12 + 1:02d}.{n:05d}", f"20{y}-{n % 12 + 1:02d}-05", t, a) for n, (t, a) in enumerate(texts)]  # fmt: skip

    robust = fill(tmp_path / "a", [*year(18, 60, 60), *year(19, 240, 240)])
    report = build_report("comparison", robust, library, "gan", sensitivity=True)
    assert report.notes[0] == "Relative change is the later share divided by the earlier, minus 1."  # no interval shown
    row = report.rows[0]
    assert (row["verdict"], row["robust"]) == ("rising", True)
    assert {name: row[f"relative_change_{name}"] for name in ("any", "title", "strict", "primary")} == dict.fromkeys(
        ("any", "title", "strict", "primary"), 3.0
    )
    mixed = fill(tmp_path / "b", [*year(18, 60, 60), *year(19, 50, 430)])
    row = build_report("comparison", mixed, library, "gan", sensitivity=True).rows[0]
    assert (row["verdict"], row["robust"], row["relative_change_title"] < 0) == ("rising", False, True)


def test_a_topic_can_be_the_base_or_a_second_condition(gans: Store, library: Library) -> None:
    report = build_report("comparison", gans, library, within="generative-models")
    rows = {row["topic"]: row for row in report.rows}
    assert "gan" in rows and all("generative-models" in library.get_topic(name).parents for name in rows)
    assert (rows["gan"]["count_2"], rows["gan"]["base_2"], rows["gan"]["share_2"]) == (100, 100, 1.0)
    assert any("need not add up" in note for note in report.notes)
    assert any(note.startswith("Base: every submission on Generative models in cs.LG") for note in report.notes)
    both = build_report("comparison", gans, library, "gan", both=["generative-models"]).rows[0]
    assert (both["count_2"], both["base_2"], both["name"]) == (100, 1600, "GANs and Generative models")
    for options, message in [
        ({"both": ["gan"]}, "--and needs a topic"),
        ({"within": "gan-none"}, "No topic"),
        ({"within": "automata"}, "no child topics"),
    ]:
        with pytest.raises(UsageError, match=message):
            build_report("comparison", gans, library, **options)
