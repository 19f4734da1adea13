from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trendcli.stats.overdispersion import (
    BACKGROUND,
    MIN_DF,
    NOT_ESTIMATED,
    Overdispersion,
    background_design,
    estimate_overdispersion,
)

MONTHS = list(range(36))


def simulate_counts(
    phi: float, share: float = 0.05, total: int = 4000, topics: int = 2000, **trend: float
) -> np.ndarray[Any, Any]:
    """Return counts of flat or moving topics whose variance is φ times that of independent draws."""
    rng = np.random.default_rng(3)
    time = np.arange(36)
    mean = share * (1 + trend.get("rise", 0.0) * time / 36 + trend.get("season", 0.0) * np.sin(time * np.pi / 6))
    if phi > 1:
        rho = (phi - 1) / (total - 1)
        mean = rng.beta(mean * (1 / rho - 1), (1 - mean) * (1 / rho - 1), (topics, 36))
    return rng.binomial(total, np.broadcast_to(mean, (topics, 36)))


@pytest.mark.parametrize("phi", [1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("trend", [{}, {"rise": 2.0}, {"season": 0.3}, {"rise": -0.8, "season": 0.2}])
def test_overdispersion_is_estimated_whatever_the_trend_and_the_season(phi: float, trend: dict[str, float]) -> None:
    totals = np.full(36, 4000)
    estimates = estimate_overdispersion(simulate_counts(phi, **trend), totals, MONTHS, "month")
    assert all(14 < estimate.df <= 36 - 12 - 3 for estimate in estimates if estimate.df)
    mean = np.mean([estimate.phi for estimate in estimates])
    # the floor of 1 lifts the mean where φ is near it
    assert mean == pytest.approx(phi, rel=0.06) if phi > 1 else 1.0 <= mean < 1.15


def test_eleven_months_are_too_few() -> None:
    counts = np.array([[3] * 11])
    assert estimate_overdispersion(counts, np.full(11, 100), list(range(11)), "month") == [NOT_ESTIMATED]
    silent_topic = estimate_overdispersion(np.zeros((1, 36), int), np.full(36, 100), MONTHS, "month")
    assert silent_topic[0].phi == 1.0


def test_small_counts_say_less_of_their_overdispersion() -> None:
    totals = np.full(36, 1000)
    dfs = [estimate_overdispersion(np.array([[mean] * 35 + [mean + 1]]), totals, MONTHS, "month")[0].df for mean in (1, 5, 50)]  # fmt: skip
    # of a count of mean μ without overdispersion the excess kurtosis is 1/μ
    assert dfs == [pytest.approx(21 / (1 + 1 / (2 * mean)), rel=0.03) for mean in (1, 5, 50)]
    silent_topic = estimate_overdispersion(np.zeros((1, 36), int), totals, MONTHS, "month")[0]
    assert silent_topic == Overdispersion(1.0, MIN_DF)


def test_periods_under_test_do_not_widen_their_own_test() -> None:
    """Compared periods have levels and slopes of their own, so a step between them is not taken for overdispersion."""
    counts = np.array([[50] * 12 + [500] * 12])
    estimates = estimate_overdispersion(counts, np.full(24, 1000), list(range(24)), "month", [0] * 12 + [1] * 12)
    assert estimates[0].phi == 1.0 and 9 < (estimates[0].df or 0) < 20


def test_a_cubic_trend_is_always_fitted_and_a_season_from_two_years_of_months_on() -> None:
    assert background_design(list(range(23)), "month").shape == (23, 1 + 4)
    assert background_design(list(range(24)), "month").shape == (24, 12 + 4)
    assert background_design(list(range(52)), "week").shape == (52, 1 + 4)
    assert BACKGROUND == -1  # indices of compared periods begin at 0
