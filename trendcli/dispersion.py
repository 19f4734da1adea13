"""How much more than chance a topic jumps: its dispersion, from the periods beside those that are compared.

Deadlines, holidays and fashions make counts jump more than independent draws would. The dispersion φ is the variance of
a topic's share about its own local trend and season, over what independent draws would give (Pearson's statistic over
its degrees of freedom, as quasi-binomial regression has it; McCullagh and Nelder 1989, 4.5). The periods under test are
left out of it, or what is tested would widen its own test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# periods that are looked at, and how few are too few to say anything
LAST = {"month": 36, "week": 52}
FEWEST = 12
# a season is told from the trend where every month of the year was seen twice
SEASON = 24
# fewer degrees of freedom than that are not told apart: the estimate says next to nothing
LEAST = 2.0


class Dispersion(NamedTuple):
    """φ, at least 1, and the degrees of freedom that it rests on; None where there was nothing to estimate it from."""

    phi: float = 1.0
    df: float | None = None


NONE = Dispersion()


def estimate(
    counts: NDArray[np.int64], bases: NDArray[np.int64], places: Sequence[int], unit: str, blocks: Sequence[int] = ()
) -> list[Dispersion]:
    """The dispersion of each topic: `counts` (topics × periods) of `bases` (periods, all above 0).

    `places` number the periods along the calendar; `unit` is 'month' or 'week'. Where `blocks` are given, one for each
    period, each block has a level and a slope of its own and no season is told.
    """
    design = _blocks(places, blocks) if blocks else trend(places, unit)
    orthogonal, _ = np.linalg.qr(design)
    df = len(places) - np.linalg.matrix_rank(design)
    if len(places) < FEWEST or df < FEWEST // 2:
        return [NONE] * len(counts)
    residual_maker = np.eye(len(places)) - orthogonal @ orthogonal.T
    shares = counts / bases
    found = ((shares @ residual_maker) ** 2).sum(axis=1)
    expected = (np.diag(residual_maker) * shares * (1 - shares) / bases).sum(axis=1)
    phi = np.maximum(np.divide(found, expected, out=np.ones(len(counts)), where=expected > 0), 1.0)
    return [
        Dispersion(float(value), float(sure))
        for value, sure in zip(phi, _freedom(counts.mean(axis=1) / bases.mean(), bases, phi, df), strict=True)
    ]


def _freedom(
    shares: NDArray[np.float64], bases: NDArray[np.int64], phi: NDArray[np.float64], df: int
) -> NDArray[np.float64]:
    """The degrees of freedom of a χ² that varies as the estimate does (Satterthwaite 1946); between LEAST and `df`.

    Residuals of small counts are skewed and have heavy tails, so that an estimate from 21 degrees of freedom can be as
    unsure as one from 10 would be with normal residuals. The excess kurtosis is that of a gamma-Poisson count of mean μ
    and variance φμ: (6φ² − 6φ + 1) / (φμ).
    """
    means = np.maximum(np.outer(shares, bases), 1e-9)
    kurtosis = ((6 * phi**2 - 6 * phi + 1) / phi)[:, None] / means
    variances = 1 / bases  # of shares, up to a factor that cancels
    sure = df / len(bases) * variances.sum() ** 2 / (variances**2 * (1 + kurtosis / 2)).sum(axis=1)
    found: NDArray[np.float64] = np.clip(sure, LEAST, df)
    return found


def trend(places: Sequence[int], unit: str) -> NDArray[np.float64]:
    """A cubic in time, and where there is enough to tell it a level for each month of the year."""
    time = np.asarray(places, float)
    time = (time - time.mean()) / max(float(np.ptp(time)) / 2, 1.0)
    curve = [time, time**2, time**3]
    if unit == "month" and len(places) >= SEASON:
        months = np.asarray(places) % 12
        return np.column_stack([*[(months == month).astype(float) for month in sorted(set(months.tolist()))], *curve])
    return np.column_stack([np.ones(len(time)), *curve])


def _blocks(places: Sequence[int], blocks: Sequence[int]) -> NDArray[np.float64]:
    time, of = np.asarray(places, float), np.asarray(blocks)
    columns = []
    for block in sorted(set(blocks)):
        inside = (of == block).astype(float)
        columns += [inside, inside * (time - time[of == block].mean())]
    return np.column_stack(columns)
