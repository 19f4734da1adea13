"""How fast a volume grows: a line through the logarithms of its counts, with an interval that knows of their memory."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats.distributions import critical_value
from trendcli.stats.proportions import CONFIDENCE_LEVEL

# periods of a year, by unit: how a slope becomes a rate a year, and how many make a season
PERIODS_PER_YEAR = {"year": 1, "quarter": 4, "month": 12, "week": 52.1775}
MIN_GROWTH_PERIODS = 5


class Growth(NamedTuple):
    """Growth of counts a year as a fraction, its 95 % interval, the months in which they double, and the fit's quality.

    `r_squared` is that of the logarithms; the doubling time and its bounds are None where the interval of the growth
    includes 0. `fitted` are the counts on the line, season aside, one for each period.
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
    """The growth of counts at some places of a calendar (numbers of periods).

    None for fewer than FEWEST, for less than two years, in which a season would pass for growth, or with a zero.

    Ordinary least squares of log counts on time; quarters and months have a level for each of the year where there are
    two years of them. The standard error is Newey and West's (1987), which allows for neighbours that resemble each
    other, with floor(4 (n/100)^(2/9)) lags, the small-sample factor n/(n − k), and Student's t.
    """
    if len(counts) < max(MIN_GROWTH_PERIODS, 2 * PERIODS_PER_YEAR[unit]) or min(counts) <= 0:
        return None
    time = np.asarray(time_index, float)
    time -= time.mean()
    design = np.column_stack([*_seasonal_levels(time_index, unit), time])
    number, columns = design.shape
    if number - columns < MIN_GROWTH_PERIODS - 2:
        return None
    logs = np.log(np.asarray(counts, float))
    solved, *_ = np.linalg.lstsq(design, logs, rcond=None)
    residuals = logs - design @ solved
    slope, error = float(solved[-1]), _newey_west_error(design, residuals)
    half = float(critical_value(CONFIDENCE_LEVEL, number - columns)[0]) * error
    per_year = PERIODS_PER_YEAR[unit]
    rate, low, high = (slope * per_year, (slope - half) * per_year, (slope + half) * per_year)
    doubles = low > 0
    spread = float(((logs - logs.mean()) ** 2).sum())
    level = float(np.mean(logs - slope * time))
    return Growth(
        exp(rate) - 1,
        exp(low) - 1,
        exp(high) - 1,
        12 * log(2) / rate if doubles else None,
        12 * log(2) / high if doubles else None,
        12 * log(2) / low if doubles else None,
        1 - float((residuals**2).sum()) / spread if spread else 1.0,
        number,
        tuple(float(value) for value in np.exp(level + slope * time)),
    )


def _seasonal_levels(time_index: Sequence[int], unit: str) -> list[NDArray[np.float64]]:
    season = {"quarter": 4, "month": 12}.get(unit)
    if season is None:
        return [np.ones(len(time_index))]
    phases = np.asarray(time_index) % season
    return [(phases == phase).astype(float) for phase in sorted(set(phases.tolist()))]


def _newey_west_error(design: NDArray[np.float64], residuals: NDArray[np.float64]) -> float:
    """The standard error of the last coefficient."""
    number, columns = design.shape
    scores = design * residuals[:, None]
    lags = int(4 * (number / 100) ** (2 / 9))
    middle = scores.T @ scores
    for lag in range(1, lags + 1):
        product = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (product + product.T)
    bread = np.linalg.inv(design.T @ design)
    covariance = bread @ middle @ bread * number / (number - columns)
    return float(np.sqrt(covariance[-1, -1]))
