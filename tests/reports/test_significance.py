from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.reports.helpers import bind_words, build_report
from tests.worlds import coverage_record, fill, paper
from trendcli.core.periods import Period, parse_period
from trendcli.reports.significance import (
    History,
    add_verdicts,
    calendar_index,
    estimate_overdispersions,
    family_notes,
    find_history,
)
from trendcli.stats.overdispersion import NOT_ESTIMATED
from trendcli.stats.proportions import TwoProportions
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.library import Library


@pytest.fixture
def years(tmp_path: Path) -> Store:
    """Five years, a gap in 2016-03, and nothing after 2019-12."""
    papers = [paper(f"{y % 100}{m:02d}.{n:05d}", f"{y}-{m:02d}-{n + 1:02d}", "A GAN" if n < 5 else "On nothing") for y in range(2015, 2020) for m in range(1, 13) for n in range(20)]  # fmt: skip
    covered = [
        coverage_record(since="2015-01-01", until="2016-03-01"),
        coverage_record(since="2016-04-01", until="2020-01-01"),
    ]
    return fill(tmp_path, papers, covered)


def labels(periods: tuple[Period, ...]) -> list[str]:
    return [period.label for period in periods]


def test_history_leaves_out_what_is_tested_and_what_is_incomplete(years: Store, library: Library) -> None:
    bound = bind_words(years, library, "gan")
    year = find_history(bound, (parse_period("2018"), parse_period("2019")))
    # 2015 to 2017 without the gap, and the months of both
    assert (year.unit, year.placement, year.segment_of) == (
        "month",
        "around and within",
        (-1,) * 35 + (0,) * 12 + (1,) * 12,
    )
    assert labels(year.periods)[0] == "2015-01" and "2016-03" not in labels(year.periods)
    month = find_history(bound, (parse_period("2018-06"), parse_period("2019-06")))
    assert len(month.periods) == 36 and labels(month.periods)[-1] == "2019-05"
    assert "2018-06" not in labels(month.periods) and labels(month.periods)[0] == "2016-05"
    inside = find_history(bound, (parse_period("2015"), parse_period("2016")))
    assert (
        inside.periods[0].start == date(2015, 1, 1)
        and inside.segment_of.count(0) == 12
        and inside.segment_of.count(1) == 11
    )
    week = find_history(bound, (parse_period("2018-W20"), parse_period("2019-W20")))
    assert (week.unit, len(week.periods)) == ("week", 52)


def test_the_family_is_all_rows_whatever_is_shown(years: Store, library: Library) -> None:
    whole = build_report("comparison", years, library, "gan", "rnn", "transformer")
    cut = build_report(
        "comparison", years, library, "gan", "rnn", "transformer", limit=1, sort="count_2", reverse=False
    )
    assert whole.rows[0]["topic"] == cut.rows[0]["topic"] == "gan"
    for key in ("p", "q", "verdict", "dispersion"):
        assert whole.rows[0][key] == cut.rows[0][key]
    assert [row["verdict"] for row in whole.rows] == ["no clear change", "too few", "too few"]
    assert [row["q"] is None for row in whole.rows] == [False, True, True]
    assert any("over 1 topic (Benjamini-Hochberg)" in note for note in whole.notes)


def test_a_clear_rise_and_fall(tmp_path: Path, library: Library) -> None:
    def title(year: int, n: int) -> str:
        return (
            "A GAN" if n < {2018: 10, 2019: 30}[year] else "An RNN" if n > {2018: 170, 2019: 190}[year] else "Nothing"
        )

    papers = [paper(f"{y % 100}{m:02d}.{n:05d}", f"{y}-{m:02d}-{n % 28 + 1:02d}", title(y, n)) for y in (2018, 2019) for m in range(1, 13) for n in range(200)]  # fmt: skip
    store = fill(tmp_path, papers, [coverage_record()])
    report = build_report("comparison", store, library, "gan", "rnn")
    assert {row["topic"]: row["verdict"] for row in report.rows} == {"gan": "rising", "rnn": "falling"}
    for row in report.rows:
        assert row["q"] <= 0.05 and (row["ci_low"] > 0 if row["verdict"] == "rising" else row["ci_high"] < 0)
    assert "over 2 topics (Benjamini-Hochberg)" in report.notes[1]
    assert report.notes[2] == "Month-to-month noise is no larger than chance predicts."


def test_without_history_overdispersion_is_not_estimated() -> None:
    year = parse_period("2019")
    counts = PeriodCounts({year: 10}, {year: ""}, {("gan", year): 1})
    assert estimate_overdispersions({year: History("month", ())}, counts, ["gan"]) == {("gan", year): NOT_ESTIMATED}


def test_months_and_weeks_are_numbered_along_the_calendar() -> None:
    assert calendar_index(parse_period("2019-01")) - calendar_index(parse_period("2018-12")) == 1
    assert calendar_index(parse_period("2019-W01")) - calendar_index(parse_period("2018-W52")) == 1


def test_a_row_without_counts_is_not_in_the_family() -> None:
    rows = [{"topic": topic, "period": "2019"} for topic in "abc"]
    pairs = [TwoProportions(10, 1000, 100, 1000), None, TwoProportions(3, 1000, 4, 1000)]
    a, b, c = add_verdicts(rows, pairs)
    assert (a["verdict"], b["verdict"], c["verdict"]) == ("rising", "n/a", "too few")
    assert a["q"] == a["p"] and b["q"] is None and c["q"] is None  # one test needs no correction
    assert (a["dispersion"], b["dispersion"]) == (1.0, None)
    assert family_notes([a, b, c], "period", []) == [
        "Verdicts control the false discovery rate at 5 % over 1 topic (Benjamini-Hochberg); intervals are per row.",
        "Too little history to estimate overdispersion, so intervals may be too narrow.",
    ]
    assert family_notes([b, c], "period", []) == []
