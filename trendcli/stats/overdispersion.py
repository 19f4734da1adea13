"""Overdispersion: how much more the counts of a topic vary than chance alone would make them.

Deadlines, holidays and fashions make counts vary more than independent draws would. The overdispersion φ is the
variance of a topic's share about its own trend and season over the variance of independent (binomial) draws: 1 is
chance alone. It is estimated as in quasi-binomial regression, by Pearson's statistic over its degrees of freedom
(McCullagh and Nelder 1989, 4.5), from the periods outside and within those that are compared. Compared periods have
levels of their own, or the change under test would widen its own interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trendcli.stats.distributions import FloatArray, IntArray

# periods before those compared that the estimate looks at, by unit
HISTORY_PERIODS = {"month": 36, "week": 52}
# fewest periods from which anything is estimated
MIN_PERIODS = 12
# months from which a season is told from the trend: every month of the year was seen twice
MIN_SEASONAL_MONTHS = 24
# degrees of freedom below which estimates are not told apart: they say next to nothing
MIN_DF = 2.0
# rounds in which weights and estimate are brought in line; more change no digit that is shown
FIT_ITERATIONS = 3
# rows that are fitted together: enough to fill the vectors, few enough for their equations to stay in the cache
ROWS_PER_FIT = 1000
# the segment of periods outside those that are compared
BACKGROUND = -1


class Overdispersion(NamedTuple):
    """An estimate of the overdispersion of a topic.

    `phi` is φ, the ratio of the variance of its counts to that of binomial draws, at least 1 (chance alone). `df` is
    the degrees of freedom of the estimate, for Student's t in place of the normal distribution; None where nothing was
    estimated.
    """

    phi: float = 1.0
    df: float | None = None


NOT_ESTIMATED = Overdispersion()


def estimate_overdispersion(
    counts: IntArray,
    totals: IntArray,
    time_index: Sequence[int],
    unit: str,
    segment_of: Sequence[int] = (),
) -> list[Overdispersion]:
    """Estimate the overdispersion of each topic from its counts in some periods.

    - `counts`: integers, topics × periods
    - `totals`: the submissions that `counts` are part of, above 0; topics × periods, or (periods,) for all topics alike
    - `time_index`: the number of each period along the calendar (months or weeks), ascending; gaps are allowed
    - `unit`: 'month' or 'week'
    - `segment_of`: the compared period (0, 1, …) that each period lies in, or BACKGROUND; all are BACKGROUND by default

    Return one estimate a row of `counts`, or NOT_ESTIMATED for all where there are fewer than MIN_PERIODS periods, or
    too few for the coefficients of the fit. The fit is weighted least squares of the shares: each compared period has a
    level and a slope of its own, the background a cubic trend, and all share a season by month where there are
    MIN_SEASONAL_MONTHS.

    Squared residuals weigh by how certain they are: those of small counts have heavy tails, with the excess kurtosis
    κ = (6φ² − 6φ + 1) / (φμ) of a gamma-Poisson count of mean μ and variance φμ. So they weigh 1 / (1 + κ/2), and
    contribute as many degrees of freedom (Satterthwaite 1946).
    """
    design = _design_matrix(time_index, unit, segment_of or [BACKGROUND] * len(time_index))
    basis, singular_values, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, singular_values > 1e-10 * singular_values[0]]
    if len(time_index) < MIN_PERIODS or len(time_index) - basis.shape[1] < MIN_PERIODS // 2:
        return [NOT_ESTIMATED] * len(counts)
    row_totals = np.broadcast_to(totals, counts.shape)
    chunks = (slice(start, start + ROWS_PER_FIT) for start in range(0, len(counts), ROWS_PER_FIT))
    fits = [_fit_rows(counts[chunk], row_totals[chunk], basis) for chunk in chunks]
    return [Overdispersion(phi, max(MIN_DF, df)) for phis, dfs in fits for phi, df in zip(phis, dfs, strict=True)]


def _fit_rows(counts: IntArray, totals: IntArray, basis: FloatArray) -> tuple[list[float], list[float]]:
    """Return φ and its degrees of freedom for each row.

    `counts` and `totals` are rows × periods, `basis` holds the orthonormal columns of the design, periods × k.
    """
    shares = counts / totals
    floor = np.maximum(shares.mean(axis=1) / 20, 0.1 / totals.sum(axis=1))[:, None]
    means, phi = np.maximum(shares @ basis @ basis.T, floor), np.ones(len(counts))
    # the outer product of each period's row of the basis: weighted and summed they are the normal equations
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    for _ in range(FIT_ITERATIONS):
        weights = totals / (means * np.maximum(1 - means, 1e-9))
        means = np.clip(_fit_least_squares(shares, weights, basis, products)[0], floor, 1.0)
    weights = totals / (means * np.maximum(1 - means, 1e-9))
    fitted, normal, scaled = _fit_least_squares(shares, weights, basis, products)
    leverage = np.linalg.inv(normal).reshape(len(counts), -1) @ products.T * scaled
    squares = weights * (shares - fitted) ** 2
    for _ in range(FIT_ITERATIONS):
        certainty = 1 / (1 + _excess_kurtosis(phi, means * totals) / 2)
        phi = np.maximum((certainty * squares).sum(axis=1) / (certainty * (1 - leverage)).sum(axis=1), 1.0)
    certainty = 1 / (1 + _excess_kurtosis(phi, means * totals) / 2)
    return phi.tolist(), (certainty * (1 - leverage)).sum(axis=1).tolist()


def _fit_least_squares(
    shares: FloatArray, weights: FloatArray, basis: FloatArray, products: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the weighted least squares fit (rows × periods), its normal equations, and the weights used in them."""
    scaled = weights / weights.mean(axis=1, keepdims=True)
    normal = (scaled @ products).reshape(-1, basis.shape[1], basis.shape[1])
    coefficients = np.linalg.solve(normal, (scaled * shares @ basis)[:, :, None])
    return coefficients[:, :, 0] @ basis.T, normal, scaled


def _excess_kurtosis(phi: FloatArray, means: FloatArray) -> FloatArray:
    """Return the excess kurtosis of gamma-Poisson counts of `means` (rows × periods) and variance `phi` times that."""
    kurtosis: FloatArray = ((6 * phi**2 - 6 * phi + 1) / phi)[:, None] / means
    return kurtosis


def background_design(time_index: Sequence[int], unit: str) -> FloatArray:
    """Return the design matrix of background periods, periods × columns: a cubic in time, and a level by month.

    Weeks, and fewer than MIN_SEASONAL_MONTHS months, have a single level.
    """
    return _design_matrix(time_index, unit, [BACKGROUND] * len(time_index))


def _design_matrix(time_index: Sequence[int], unit: str, segment_of: Sequence[int]) -> FloatArray:
    index, segments = np.asarray(time_index, float), np.asarray(segment_of)
    columns = [np.ones(len(index))]
    if unit == "month" and len(index) >= MIN_SEASONAL_MONTHS:
        months = np.asarray(time_index) % 12
        columns = [(months == month).astype(float) for month in sorted(set(months.tolist()))]
    for segment in sorted(set(segment_of)):
        members = segments == segment
        inside = members.astype(float)
        time = (index - index[members].mean()) / max(float(np.ptp(index[members])) / 2, 1.0) * inside
        columns += [inside, time, *([time**2, time**3] if segment == BACKGROUND else [])]
    return np.column_stack(columns)
