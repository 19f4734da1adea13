from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.conftest import ML, answer, fill, paper
from tests.reports.trends.test_comparison import ask
from trendcli.core import periods
from trendcli.core.periods import Period
from trendcli.core.types import ignore_progress
from trendcli.reports import significance as evidence
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, bind, parse_query


@pytest.fixture
def years(tmp_path: Path) -> Store:
    """Five years, a hole in 2016-03, and nothing after 2019-12."""
    papers = [paper(f"{y % 100}{m:02d}.{n:05d}", f"{y}-{m:02d}-{n + 1:02d}", "A GAN" if n < 5 else "On nothing") for y in range(2015, 2020) for m in range(1, 13) for n in range(20)]  # fmt: skip
    covered = [answer(since="2015-01-01", until="2016-03-01"), answer(since="2016-04-01", until="2020-01-01")]
    return fill(tmp_path, papers, covered)


def context(store: Store, library: Library) -> BoundQuery:
    question, known = parse_query(library, topics=["gan"])
    return bind(store, known, question, ML, ignore_progress)


def labels(found: tuple[Period, ...]) -> list[str]:
    return [item.label for item in found]


def test_history_leaves_out_what_is_tested_and_what_is_not_whole(years: Store, library: Library) -> None:
    asked = context(years, library)
    year = evidence.find_history(asked, (periods.parse_period("2018"), periods.parse_period("2019")))
    # 2015 to 2017 without the hole beside them, and the months of both
    assert (year.unit, year.placement, year.segment_of) == (
        "month",
        "beside and within",
        (-1,) * 35 + (0,) * 12 + (1,) * 12,
    )
    assert labels(year.periods)[0] == "2015-01" and "2016-03" not in labels(year.periods)
    month = evidence.find_history(asked, (periods.parse_period("2018-06"), periods.parse_period("2019-06")))
    assert len(month.periods) == 36 and labels(month.periods)[-1] == "2019-05"
    assert "2018-06" not in labels(month.periods) and labels(month.periods)[0] == "2016-05"
    inside = evidence.find_history(asked, (periods.parse_period("2015"), periods.parse_period("2016")))
    assert (
        inside.periods[0].start == date(2015, 1, 1)
        and inside.segment_of.count(0) == 12
        and inside.segment_of.count(1) == 11
    )
    week = evidence.find_history(asked, (periods.parse_period("2018-W20"), periods.parse_period("2019-W20")))
    assert (week.unit, len(week.periods)) == ("week", 52)


def test_the_family_is_all_rows_whatever_is_shown(years: Store, library: Library) -> None:
    whole = ask("comparison", years, library, "gan", "rnn", "transformer")
    cut = ask("comparison", years, library, "gan", "rnn", "transformer", limit=1, sort="count_2", reverse=False)
    assert whole.rows[0]["topic"] == cut.rows[0]["topic"] == "gan"
    for key in ("p", "q", "verdict", "dispersion"):
        assert whole.rows[0][key] == cut.rows[0][key]
    assert [row["verdict"] for row in whole.rows] == ["no clear change", "too few", "too few"]
    assert [row["q"] is None for row in whole.rows] == [False, True, True]
    assert any("Verdicts hold over 1 topic, 1 comparison" in note for note in whole.notes)


def test_a_clear_rise_and_fall(tmp_path: Path, library: Library) -> None:
    def title(year: int, n: int) -> str:
        return (
            "A GAN" if n < {2018: 10, 2019: 30}[year] else "An RNN" if n > {2018: 170, 2019: 190}[year] else "Nothing"
        )

    papers = [paper(f"{y % 100}{m:02d}.{n:05d}", f"{y}-{m:02d}-{n % 28 + 1:02d}", title(y, n)) for y in (2018, 2019) for m in range(1, 13) for n in range(200)]  # fmt: skip
    store = fill(tmp_path, papers, [answer()])
    found = ask("comparison", store, library, "gan", "rnn")
    assert {row["topic"]: row["verdict"] for row in found.rows} == {"gan": "rising", "rnn": "falling"}
    for row in found.rows:
        assert row["q"] <= 0.05 and (row["ci_low"] > 0 if row["verdict"] == "rising" else row["ci_high"] < 0)
    assert any("from the months within the periods" in note for note in found.notes)
