from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ML, answer, fill, paper
from tests.reports.trends.test_comparison import ask
from trendcli.core import periods
from trendcli.core.periods import Period
from trendcli.core.types import ignore_progress
from trendcli.reports import significance as evidence
from trendcli.stats import overdispersion as dispersion
from trendcli.stats.overdispersion import NOT_ESTIMATED
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, bind, parse_query

MONTHS = list(range(36))


def simulated(
    phi: float, share: float = 0.05, base: int = 4000, topics: int = 2000, **trend: float
) -> np.ndarray[Any, Any]:
    """Counts of flat or moving topics whose variance is φ times that of independent draws."""
    rng = np.random.default_rng(3)
    time = np.arange(36)
    mean = share * (1 + trend.get("rise", 0.0) * time / 36 + trend.get("season", 0.0) * np.sin(time * np.pi / 6))
    if phi > 1:
        rho = (phi - 1) / (base - 1)
        mean = rng.beta(mean * (1 / rho - 1), (1 - mean) * (1 / rho - 1), (topics, 36))
    return rng.binomial(base, np.broadcast_to(mean, (topics, 36)))


@pytest.mark.parametrize("phi", [1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("trend", [{}, {"rise": 2.0}, {"season": 0.3}, {"rise": -0.8, "season": 0.2}])
def test_dispersion_is_found_whatever_the_trend_and_the_season(phi: float, trend: dict[str, float]) -> None:
    bases = np.full(36, 4000)
    found = dispersion.estimate_overdispersion(simulated(phi, **trend), bases, MONTHS, "month")
    assert all(14 < item.df <= 36 - 12 - 3 for item in found if item.df)
    mean = np.mean([item.phi for item in found])
    # the floor of 1 lifts the mean where φ is near it
    assert mean == pytest.approx(phi, rel=0.06) if phi > 1 else 1.0 <= mean < 1.15


def test_too_little_to_tell() -> None:
    counts = np.array([[3] * 11])
    assert dispersion.estimate_overdispersion(counts, np.full(11, 100), list(range(11)), "month") == [NOT_ESTIMATED]
    silent_topic = dispersion.estimate_overdispersion(np.zeros((1, 36), int), np.full(36, 100), MONTHS, "month")
    assert silent_topic[0].phi == 1.0


def test_small_counts_say_less_of_their_dispersion() -> None:
    bases = np.full(36, 1000)
    dfs = [dispersion.estimate_overdispersion(np.array([[mean] * 35 + [mean + 1]]), bases, MONTHS, "month")[0].df for mean in (1, 5, 50)]  # fmt: skip
    # of a count of mean μ without dispersion the excess kurtosis is 1/μ
    assert dfs == [pytest.approx(21 / (1 + 1 / (2 * mean)), rel=0.03) for mean in (1, 5, 50)]
    nothing = dispersion.estimate_overdispersion(np.zeros((1, 36), int), bases, MONTHS, "month")[0]
    assert nothing == dispersion.Overdispersion(1.0, dispersion.MIN_DF)


def test_periods_under_test_do_not_widen_their_own_test() -> None:
    """Blocks have levels and slopes of their own, so a step between them is not taken for dispersion."""
    counts = np.array([[50] * 12 + [500] * 12])
    found = dispersion.estimate_overdispersion(counts, np.full(24, 1000), list(range(24)), "month", [0] * 12 + [1] * 12)
    assert found[0].phi == 1.0 and 9 < (found[0].df or 0) < 20


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
