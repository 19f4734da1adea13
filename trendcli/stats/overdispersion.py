"""How much more than chance a topic jumps: its dispersion, from the periods beside and within those that are compared.

Deadlines, holidays and fashions make counts jump more than independent draws would. The dispersion φ is the variance
of a topic's share about its own trend and season, over what independent draws would give (Pearson's statistic over
its degrees of freedom, as quasi-binomial regression has it; McCullagh and Nelder 1989, 4.5). Periods under test have
levels of their own, or what is tested would widen its own test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# periods that are looked at, and how few are too few to say anything
HISTORY_PERIODS = {"month": 36, "week": 52}
MIN_PERIODS = 12
# a season is told from the trend where every month of the year was seen twice
MIN_SEASONAL_MONTHS = 24
# fewer degrees of freedom than that are not told apart: the estimate says next to nothing
MIN_DF = 2.0
# how often weights and estimate are brought in line with each other; more changes no digit that is shown
FIT_ITERATIONS = 3
# rows that are fitted together: enough to fill the vectors, few enough for their equations to stay in the cache
ROWS_PER_FIT = 1000


class Overdispersion(NamedTuple):
    """φ, at least 1, and the degrees of freedom that it rests on; None where there was nothing to estimate it from."""

    phi: float = 1.0
    df: float | None = None


NOT_ESTIMATED = Overdispersion()
BACKGROUND = -1


def estimate_overdispersion(
    counts: NDArray[np.int64],
    totals: NDArray[np.int64],
    time_index: Sequence[int],
    unit: str,
    segment_of: Sequence[int] = (),
) -> list[Overdispersion]:
    """The dispersion of each row of `counts` (rows × periods) of `bases` (rows × periods or periods, all above 0).

    `places` number the periods along the calendar; `unit` is 'month' or 'week'. `blocks` say of each period which of
    those under test it is a part of, or BESIDE (so are all where none are given): each of these has a level and a slope
    of its own, what lies beside has a trend.

    The fit is by weighted least squares. Squared residuals weigh by how sure they are: those of small counts have heavy
    tails, with the excess kurtosis κ = (6φ² − 6φ + 1) / (φμ) of a gamma-Poisson count of mean μ and variance φμ, so
    they weigh 1 / (1 + κ/2), and count for as many degrees of freedom (Satterthwaite 1946).
    """
    design = _design_matrix(time_index, unit, segment_of or [BACKGROUND] * len(time_index))
    basis, strength, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, strength > 1e-10 * strength[0]]
    if len(time_index) < MIN_PERIODS or len(time_index) - basis.shape[1] < MIN_PERIODS // 2:
        return [NOT_ESTIMATED] * len(counts)
    of = np.broadcast_to(totals, counts.shape)
    parts = (slice(at, at + ROWS_PER_FIT) for at in range(0, len(counts), ROWS_PER_FIT))
    found = [_fit_rows(counts[part], of[part], basis) for part in parts]
    return [Overdispersion(phi, max(MIN_DF, df)) for phis, dfs in found for phi, df in zip(phis, dfs, strict=True)]


def _fit_rows(
    counts: NDArray[np.int64], totals: NDArray[np.int64], basis: NDArray[np.float64]
) -> tuple[list[float], list[float]]:
    shares = counts / totals
    least = np.maximum(shares.mean(axis=1) / 20, 0.1 / totals.sum(axis=1))[:, None]
    means, phi = np.maximum(shares @ basis @ basis.T, least), np.ones(len(counts))
    # of each period the products of its row of the basis: weighed and added up they are the normal equations
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    for _ in range(FIT_ITERATIONS):
        weights = totals / (means * np.maximum(1 - means, 1e-9))
        means = np.clip(_fit_least_squares(shares, weights, basis, products)[0], least, 1.0)
    weights = totals / (means * np.maximum(1 - means, 1e-9))
    fitted, normal, scaled = _fit_least_squares(shares, weights, basis, products)
    leverage = np.linalg.inv(normal).reshape(len(counts), -1) @ products.T * scaled
    squares = weights * (shares - fitted) ** 2
    for _ in range(FIT_ITERATIONS):
        sure = 1 / (1 + _excess_kurtosis(phi, means * totals) / 2)
        phi = np.maximum((sure * squares).sum(axis=1) / (sure * (1 - leverage)).sum(axis=1), 1.0)
    sure = 1 / (1 + _excess_kurtosis(phi, means * totals) / 2)
    return phi.tolist(), (sure * (1 - leverage)).sum(axis=1).tolist()


def _fit_least_squares(
    shares: NDArray[np.float64],
    weights: NDArray[np.float64],
    basis: NDArray[np.float64],
    products: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The weighted least squares fit of each row, its normal equations, and the weights that they are made with."""
    scaled = weights / weights.mean(axis=1, keepdims=True)
    normal = (scaled @ products).reshape(-1, basis.shape[1], basis.shape[1])
    solved = np.linalg.solve(normal, (scaled * shares @ basis)[:, :, None])
    return solved[:, :, 0] @ basis.T, normal, scaled


def _excess_kurtosis(phi: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """The excess kurtosis of gamma-Poisson counts of some means, whose variance is φ times the mean."""
    found: NDArray[np.float64] = ((6 * phi**2 - 6 * phi + 1) / phi)[:, None] / means
    return found


def background_design(time_index: Sequence[int], unit: str) -> NDArray[np.float64]:
    """The design of what lies beside: a cubic in time, and where there is enough to tell it a level for each month."""
    return _design_matrix(time_index, unit, [BACKGROUND] * len(time_index))


def _design_matrix(time_index: Sequence[int], unit: str, segment_of: Sequence[int]) -> NDArray[np.float64]:
    every, of = np.asarray(time_index, float), np.asarray(segment_of)
    columns = [np.ones(len(every))]
    if unit == "month" and len(every) >= MIN_SEASONAL_MONTHS:
        months = np.asarray(time_index) % 12
        columns = [(months == month).astype(float) for month in sorted(set(months.tolist()))]
    for block in sorted(set(segment_of)):
        inside = (of == block).astype(float)
        time = (every - every[of == block].mean()) / max(float(np.ptp(every[of == block])) / 2, 1.0) * inside
        columns += [inside, time, *([time**2, time**3] if block == BACKGROUND else [])]
    return np.column_stack(columns)
