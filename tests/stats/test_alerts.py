from __future__ import annotations

import numpy as np
import pytest

from trendcli.stats.alerts import HISTORY_WEEKS, OVERDISPERSION_WEEKS, POOLED_WEEKS, find_alerts

WEEKS = list(range(POOLED_WEEKS + OVERDISPERSION_WEEKS))
TOTALS = np.full(len(WEEKS), 1000)


def draw_steady_counts(*means: float, seed: int = 4) -> np.ndarray:  # type: ignore[type-arg]
    """Return counts of independent draws about some weekly means, one topic a row."""
    rng = np.random.default_rng(seed)
    return rng.binomial(1000, np.array(means)[:, None] / 1000 * np.ones(len(WEEKS)))


def test_a_doubling_is_an_alert_and_a_steady_topic_is_not() -> None:
    counts = draw_steady_counts(50, 50, 50)
    counts[0, -POOLED_WEEKS:] = 100
    counts[1, -POOLED_WEEKS:] = 15
    up, down, still = find_alerts(counts, TOTALS, WEEKS, 3)
    assert (up.observed, up.verdict) == (400, "rising")
    assert up.expected == pytest.approx(200, rel=0.05) and up.p is not None and up.p < 1e-6
    assert (down.observed, down.verdict) == (60, "falling")
    assert still.verdict == "no clear change"


def test_a_season_that_returns_each_year_is_no_alert() -> None:
    """Four weeks of twice as many, now and in earlier years: above the trend, but not above the year before."""
    once = draw_steady_counts(50)
    once[0, -POOLED_WEEKS:] = 100
    each_year = once.copy()
    for years in (1, 2):
        each_year[0, -POOLED_WEEKS - HISTORY_WEEKS * years : len(WEEKS) - HISTORY_WEEKS * years] = 100
    assert find_alerts(once, TOTALS, WEEKS, 1)[0].verdict == "rising"
    assert find_alerts(each_year, TOTALS, WEEKS, 1)[0].verdict == "no clear change"


def test_a_steady_trend_of_a_large_topic_is_followed() -> None:
    time = np.arange(len(WEEKS)) / 52
    counts = np.round(np.exp(0.2 * time) * 150).astype(int)[None, :]
    assert find_alerts(counts, TOTALS, WEEKS, 1)[0].verdict == "no clear change"


def test_a_longer_list_takes_a_larger_change() -> None:
    counts = draw_steady_counts(12)
    counts[0, -POOLED_WEEKS:] = 21
    verdicts = [find_alerts(counts, TOTALS, WEEKS, watched_count)[0].verdict for watched_count in (1, 1000)]
    assert verdicts == ["rising", "no clear change"]


def test_too_little_history_gives_no_verdict() -> None:
    counts = draw_steady_counts(50)[:, -POOLED_WEEKS - 30 :]
    alert = find_alerts(counts, TOTALS[-POOLED_WEEKS - 30 :], WEEKS[-POOLED_WEEKS - 30 :], 1)[0]
    assert (alert.observed, alert.expected, alert.p, alert.verdict) == (
        int(counts[0, -POOLED_WEEKS:].sum()),
        None,
        None,
        "n/a",
    )
    # one of the pooled weeks is missing
    weeks = [week for week in WEEKS if week != WEEKS[-2]]
    assert find_alerts(np.delete(draw_steady_counts(50), -2, 1), np.delete(TOTALS, -2), weeks, 1)[0].verdict == "n/a"


def test_few_submissions_are_no_alert() -> None:
    counts = np.zeros((1, len(WEEKS)), int)
    counts[0, -1] = 4
    assert find_alerts(counts, TOTALS, WEEKS, 1)[0].verdict == "no clear change"
