from __future__ import annotations

import numpy as np
import pytest

from trendcli.stats import alerts
from trendcli.stats.alerts import HISTORY_WEEKS, OVERDISPERSION_WEEKS, POOLED_WEEKS

WEEKS = list(range(POOLED_WEEKS + OVERDISPERSION_WEEKS))
BASES = np.full(len(WEEKS), 1000)


def steady(*means: float, seed: int = 4) -> np.ndarray:  # type: ignore[type-arg]
    """Counts of independent draws about some means, a topic a row."""
    rng = np.random.default_rng(seed)
    return rng.binomial(1000, np.array(means)[:, None] / 1000 * np.ones(len(WEEKS)))


def test_what_doubles_is_seen_and_what_stays_is_not() -> None:
    counts = steady(50, 50, 50)
    counts[0, -POOLED_WEEKS:] = 100
    counts[1, -POOLED_WEEKS:] = 15
    up, down, still = alerts.find_alerts(counts, BASES, WEEKS, 3)
    assert (up.observed, up.verdict) == (400, "rising")
    assert up.expected == pytest.approx(200, rel=0.05) and up.p is not None and up.p < 1e-6
    assert (down.observed, down.verdict) == (60, "falling")
    assert still.verdict == "no clear change"


def test_a_season_that_comes_each_year_is_no_news() -> None:
    """Four weeks of twice as many, a year ago and now: the trend is left, the year before is not."""
    once = steady(50)
    once[0, -POOLED_WEEKS:] = 100
    each_year = once.copy()
    for years in (1, 2):
        each_year[0, -POOLED_WEEKS - HISTORY_WEEKS * years : len(WEEKS) - HISTORY_WEEKS * years] = 100
    assert alerts.find_alerts(once, BASES, WEEKS, 1)[0].verdict == "rising"
    assert alerts.find_alerts(each_year, BASES, WEEKS, 1)[0].verdict == "no clear change"


def test_a_steady_trend_of_a_large_topic_is_followed() -> None:
    time = np.arange(len(WEEKS)) / 52
    counts = np.round(np.exp(0.2 * time) * 150).astype(int)[None, :]
    assert alerts.find_alerts(counts, BASES, WEEKS, 1)[0].verdict == "no clear change"


def test_a_longer_list_takes_a_larger_change() -> None:
    counts = steady(12)
    counts[0, -POOLED_WEEKS:] = 21
    verdicts = [alerts.find_alerts(counts, BASES, WEEKS, watched)[0].verdict for watched in (1, 1000)]
    assert verdicts == ["rising", "no clear change"]


def test_too_little_history_says_nothing() -> None:
    counts = steady(50)[:, -POOLED_WEEKS - 30 :]
    found = alerts.find_alerts(counts, BASES[-POOLED_WEEKS - 30 :], WEEKS[-POOLED_WEEKS - 30 :], 1)[0]
    assert (found.observed, found.expected, found.p, found.verdict) == (
        int(counts[0, -POOLED_WEEKS:].sum()),
        None,
        None,
        "n/a",
    )
    # one of the pooled weeks is a hole
    torn = [week for week in WEEKS if week != WEEKS[-2]]
    assert alerts.find_alerts(np.delete(steady(50), -2, 1), np.delete(BASES, -2), torn, 1)[0].verdict == "n/a"


def test_few_submissions_are_no_alert() -> None:
    counts = np.zeros((1, len(WEEKS)), int)
    counts[0, -1] = 4
    assert alerts.find_alerts(counts, BASES, WEEKS, 1)[0].verdict == "no clear change"
