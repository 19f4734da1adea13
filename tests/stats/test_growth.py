from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from trendcli.stats.growth import MIN_GROWTH_PERIODS, PERIODS_PER_YEAR, fit_growth


def simulate_counts(number: int, per_year: float, unit: str, noise: float = 0.05, seed: int = 1) -> list[int]:
    rng = np.random.default_rng(seed)
    time = np.arange(number) / PERIODS_PER_YEAR[unit]
    return [int(value) for value in np.exp(7 + np.log1p(per_year) * time + rng.normal(0, noise, number)).round()]


@pytest.mark.parametrize(("unit", "number"), [("year", 9), ("quarter", 8), ("quarter", 30), ("month", 24), ("month", 100), ("week", 120)])  # fmt: skip
def test_slope_and_error_are_those_of_statsmodels(unit: str, number: int) -> None:
    values, time_index = simulate_counts(number, 0.4, unit), list(range(3, number + 3))
    growth = fit_growth(values, time_index, unit)
    assert growth is not None
    season = {"quarter": 4, "month": 12}.get(unit, 1)
    phases = np.asarray(time_index) % season
    design = np.column_stack([*[(phases == phase).astype(float) for phase in sorted(set(phases))], time_index])
    lags = int(4 * (number / 100) ** (2 / 9))
    model = sm.OLS(np.log(values), design).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True
    )
    low, high = model.conf_int()[-1]
    per_year = PERIODS_PER_YEAR[unit]
    assert growth.growth == pytest.approx(np.expm1(model.params[-1] * per_year), rel=1e-9)
    assert (growth.ci_low, growth.ci_high) == pytest.approx((np.expm1(low * per_year), np.expm1(high * per_year)), rel=1e-8)  # fmt: skip
    assert growth.doubling_months == pytest.approx(12 * np.log(2) / (model.params[-1] * per_year), rel=1e-9)
    assert growth.doubling_low is not None and growth.doubling_high is not None
    assert growth.doubling_low < growth.doubling_months < growth.doubling_high
    total_squares = ((np.log(values) - np.log(values).mean()) ** 2).sum()
    assert growth.r_squared == pytest.approx(1 - (model.resid**2).sum() / total_squares, rel=1e-9)
    assert len(growth.fitted) == growth.periods == number


def test_counts_that_double_each_year() -> None:
    growth = fit_growth([100, 200, 400, 800, 1600], [0, 1, 2, 3, 4], "year")
    assert growth is not None
    assert (growth.growth, growth.doubling_months, growth.r_squared) == (pytest.approx(1), pytest.approx(12), 1)
    assert growth.fitted == pytest.approx((100, 200, 400, 800, 1600))


def test_there_is_no_doubling_time_where_growth_may_be_zero() -> None:
    flat = fit_growth(simulate_counts(40, 0.0, "month", 0.2), list(range(40)), "month")
    assert flat is not None and flat.ci_low < 0 < flat.ci_high
    assert (flat.doubling_months, flat.doubling_low, flat.doubling_high) == (None, None, None)
    falling = fit_growth([1600, 800, 400, 200, 101], [0, 1, 2, 3, 4], "year")
    assert falling is not None and falling.ci_high < 0 and falling.doubling_months is None


@pytest.mark.parametrize("values", [[1, 2, 3, 4], [0, 1, 2, 3, 4, 5], []])
def test_few_counts_and_zeros_have_no_growth(values: list[int]) -> None:
    assert MIN_GROWTH_PERIODS == 5
    assert fit_growth(values, list(range(len(values))), "year") is None


@pytest.mark.parametrize(("unit", "number"), [("quarter", 7), ("month", 23), ("week", 104)])
def test_less_than_two_years_tell_no_growth_from_a_season(unit: str, number: int) -> None:
    assert fit_growth(simulate_counts(number, 0.4, unit), list(range(number)), unit) is None
    assert fit_growth(simulate_counts(number + 1, 0.4, unit), list(range(number + 1)), unit) is not None


def test_a_missing_year_leaves_a_gap() -> None:
    """Time is the calendar and not the row: a year that is missing does not make the others grow faster."""
    growth = fit_growth([100, 200, 800, 1600, 3200], [0, 1, 3, 4, 5], "year")
    assert growth is not None and growth.growth == pytest.approx(1)
