"""Growth of a volume: a line through the logarithms of its counts, with an interval that allows for autocorrelation."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

import numpy as np

from trendcli.stats.distributions import FloatArray, critical_value
from trendcli.stats.proportions import CONFIDENCE_LEVEL

# periods of a year by unit, which turn a slope by period into a rate by year
PERIODS_PER_YEAR = {"year": 1, "quarter": 4, "month": 12, "week": 52.1775}
# periods of a season by unit; years have none, and weeks would need a level for each of 52
_SEASON_LENGTHS = {"quarter": 4, "month": 12}
# fewest periods through which a line is fitted
MIN_GROWTH_PERIODS = 5


class Growth(NamedTuple):
    """The growth of counts by exponential regression, with the quality of the fit.

    `growth` is the rate a year as a fraction (1.0: doubling each year), (`ci_low`, `ci_high`) its 95 % interval.
    `doubling_months` is the time in which the counts double and (`doubling_low`, `doubling_high`) its interval, in
    months; None where the interval of the growth includes 0 or lies below it. `r_squared` is that of the logarithms,
    `periods` the number of counts, and `fitted` holds the counts on the line without their season, one a period.
    """

    growth: float
    ci_low: float
    ci_high: float
    doubling_months: float | None
    doubling_low: float | None
    doubling_high: float | None
    r_squared: float
    periods: int
    fitted: tuple[float, ...]


def fit_growth(counts: Sequence[int], time_index: Sequence[int], unit: str) -> Growth | None:
    """Fit exponential growth to the counts of some periods.

    `time_index` numbers the periods along the calendar, ascending, so that a missing one leaves a gap; `unit` is
    'year', 'quarter', 'month' or 'week'. Return None for fewer than MIN_GROWTH_PERIODS counts, for less than two years,
    in which a season would pass for growth, where a count is 0, or where the season leaves too few degrees of freedom.

    The fit is ordinary least squares of log counts on time, with a level for each quarter or month of the year. Its
    standard error is that of Newey and West (1987), which allows for neighbours that resemble each other, with
    floor(4 (n/100)^(2/9)) lags, the small-sample factor n/(n − k), and Student's t with n − k degrees of freedom; n
    counts, k coefficients. Equals OLS.fit(cov_type="HAC", use_t=True, use_correction) of statsmodels.
    """
    if len(counts) < max(MIN_GROWTH_PERIODS, 2 * PERIODS_PER_YEAR[unit]) or min(counts) <= 0:
        return None
    time = np.asarray(time_index, float)
    time -= time.mean()
    design = np.column_stack([*_seasonal_levels(time_index, unit), time])
    n, k = design.shape
    if n - k < MIN_GROWTH_PERIODS - 2:
        return None
    logs = np.log(np.asarray(counts, float))
    coefficients, *_ = np.linalg.lstsq(design, logs, rcond=None)
    residuals = logs - design @ coefficients
    slope = float(coefficients[-1])
    half_width = float(critical_value(CONFIDENCE_LEVEL, n - k)[0]) * _newey_west_error(design, residuals)
    per_year = PERIODS_PER_YEAR[unit]
    rate, low, high = slope * per_year, (slope - half_width) * per_year, (slope + half_width) * per_year
    is_doubling = low > 0
    total_squares = float(((logs - logs.mean()) ** 2).sum())
    level = float(np.mean(logs - slope * time))
    return Growth(
        exp(rate) - 1,
        exp(low) - 1,
        exp(high) - 1,
        12 * log(2) / rate if is_doubling else None,
        12 * log(2) / high if is_doubling else None,
        12 * log(2) / low if is_doubling else None,
        1 - float((residuals**2).sum()) / total_squares if total_squares else 1.0,
        n,
        tuple(float(value) for value in np.exp(level + slope * time)),
    )


def _seasonal_levels(time_index: Sequence[int], unit: str) -> list[FloatArray]:
    """Return the columns of a design that hold a level for each quarter or month of the year, or one level for all."""
    season_length = _SEASON_LENGTHS.get(unit)
    if season_length is None:
        return [np.ones(len(time_index))]
    phases = np.asarray(time_index) % season_length
    return [(phases == phase).astype(float) for phase in sorted(set(phases.tolist()))]


def _newey_west_error(design: FloatArray, residuals: FloatArray) -> float:
    """Return the standard error of the last coefficient of a fit: `design` (n × k), `residuals` (n,)."""
    n, k = design.shape
    scores = design * residuals[:, None]
    lags = int(4 * (n / 100) ** (2 / 9))
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        product = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / (lags + 1)) * (product + product.T)
    bread = np.linalg.inv(design.T @ design)
    covariance = bread @ meat @ bread * n / (n - k)
    return float(np.sqrt(covariance[-1, -1]))
