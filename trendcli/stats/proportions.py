"""Change between two periods: shares with their intervals, the ratio of two shares with its own, its test and verdict.

Counts are integers, shares and changes fractions; None where a number does not exist. Never infinite, never NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, isnan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats.distributions import (
    FloatArray,
    IndexArray,
    critical_value,
    find_roots,
    log_binomial_coefficient,
    mid_p_upper_tail,
    two_sided_p_value,
)

CONFIDENCE_LEVEL = 0.95
# the normal quantile of (1 + LEVEL) / 2, written out because `statistics` takes 9 ms to import
NORMAL_QUANTILE = 1.959963984540054
# below this expected count the normal approximation of the score interval is left for the exact conditional one
MIN_EXPECTED = 5
# fewer than that many in both periods say nothing, and a share of false discoveries that a table may hold
MIN_COUNT, FDR = 5, 0.05


class TwoProportions(NamedTuple):
    """What is compared: (count 1 of base 1) with (count 2 of base 2).

    `phi` is the dispersion of the counts and `df` what it was estimated on (None: it was not).
    """

    count_1: int
    total_1: int
    count_2: int
    total_2: int
    phi: float = 1.0
    df: float | None = None


class Change(NamedTuple):
    """How a topic changed from (count 1 of base 1) to (count 2 of base 2).

    `count_change` = count₂/count₁ − 1, `points` = share₂ − share₁, `relative_change` = share₂/share₁ − 1 with its 95 %
    interval (`ci_low`, `ci_high`); `ci_open` says that the interval has no upper end. `change` is 'new' where only the
    second share is above 0, 'gone' where only the first is, else None. `p` is that of no change, by the method of the
    interval, which excludes 0 just where p is below 0.05; None where both counts are below FEW.
    """

    count_change: float | None
    points: float | None
    relative_change: float | None
    change: str | None
    ci_low: float | None
    ci_high: float | None
    ci_open: bool
    p: float | None = None


UNDEFINED_CHANGE = Change(None, None, None, None, None, None, False)


def compute_share(count: int, total: int) -> float | None:
    """count / base; None where the base is 0."""
    return count / total if total else None


def wilson_interval(count: float, total: float) -> tuple[float | None, float | None]:
    """The 95 % interval of a share by Wilson's score method (1927); (None, None) where the base is 0."""
    if not total:
        return None, None
    z = NORMAL_QUANTILE
    middle = (count + z * z / 2) / (total + z * z)
    half = z * sqrt(count * (total - count) / total + z * z / 4) / (total + z * z)
    return (0.0 if count == 0 else middle - half), (1.0 if count == total else middle + half)


def compute_change(pair: TwoProportions) -> Change:
    """The change from one period to another; all None where a base is 0."""
    return compute_changes([pair])[0]


def compute_changes(pairs: Iterable[TwoProportions | None]) -> list[Change]:
    """`compare` of each pair, all at once; NO_CHANGE for None."""
    asked = list(pairs)
    known = [sides for sides in asked if sides and sides.total_1 and sides.total_2]
    counts = np.array([sides[:4] for sides in known], float).reshape(-1, 4).T
    phi = np.array([sides.phi for sides in known], float)
    df = np.array([inf if sides.df is None else sides.df for sides in known])
    low, high = risk_ratio_interval(counts, phi, df)
    p = np.full(len(known), np.nan)
    tested = np.flatnonzero(np.maximum(counts[0], counts[2]) >= MIN_COUNT)
    p[tested] = risk_ratio_test(counts[:, tested], phi[tested], df[tested])
    numbers = ([None if isnan(value) else value for value in column.tolist()] for column in (low, high, p))
    found = map(_build_change, known, *numbers)
    return [next(found) if sides and sides.total_1 and sides.total_2 else UNDEFINED_CHANGE for sides in asked]


def _build_change(sides: TwoProportions, low: float | None, high: float | None, p: float | None) -> Change:
    count_1, base_1, count_2, base_2, *_ = sides
    points = count_2 / base_2 - count_1 / base_1
    if low is None:
        return Change(None, points, None, None, None, None, False)
    relative = (count_2 / base_2) / (count_1 / base_1) - 1 if count_1 else None
    word = "new" if not count_1 else "gone" if not count_2 else None
    upper = None if high is None else high - 1
    return Change(count_2 / count_1 - 1 if count_1 else None, points, relative, word, low - 1, upper, high is None, p)


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg's (1995) q of each p; rows without a test (None) are not in the family."""
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    least = 1.0
    for rank in range(len(tested), 0, -1):
        p, place = tested[rank - 1]
        least = min(least, p * len(tested) / rank)
        found[place] = least
    return found


def classify_change(count_1: int | None, count_2: int | None, points: float | None, q: float | None) -> str:
    """'rising', 'falling', 'no clear change', 'too few', or 'n/a' where there is nothing to judge."""
    if count_1 is None or count_2 is None or points is None:
        return "n/a"
    if max(count_1, count_2) < MIN_COUNT:
        return "too few"
    if q is None:
        return "n/a"
    if q > FDR:
        return "no clear change"
    return "rising" if points > 0 else "falling"


def interval_method(pair: TwoProportions) -> str:
    """The name of the method of `ratio_interval` and `ratio_test` for these counts."""
    if _is_score_applicable(np.array(pair[:4], float), np.array(pair.phi)):
        return "by Miettinen and Nurminen's score"
    return "by mid-p of the binomial given the sum of the counts"


def _is_score_applicable(counts: FloatArray, phi: FloatArray) -> NDArray[np.bool_]:
    count_1, base_1, count_2, base_2 = counts
    pooled = (count_1 + count_2) / (base_1 + base_2)
    found: NDArray[np.bool_] = (phi > 1) | (np.minimum(base_1, base_2) * np.minimum(pooled, 1 - pooled) >= MIN_EXPECTED)
    return found


def risk_ratio_interval(counts: FloatArray, phi: FloatArray, df: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The 95 % intervals of share₂/share₁: NaN for both ends where both counts are 0, for the upper where the first is.

    `counts` has the rows count 1, base 1, count 2 and base 2, the bases above 0; `df` is infinite where φ was not
    estimated. Where the smallest expected count is EXPECTED or more, or φ above 1: the score method of Miettinen and
    Nurminen (1985), as statsmodels' confint_proportions_2indep(compare="ratio", method="score", correction=True), with
    its variance times φ and Student's t in place of the normal. Else: the conditional binomial given the sum of the
    counts, by mid-p (Lancaster 1961).
    """
    some = counts[0] + counts[2] > 0
    low, high = np.where(some, 0.0, np.nan), np.full(counts.shape[1], np.nan)
    by_score = _is_score_applicable(counts, phi)
    z = np.sqrt(phi)
    z[by_score] *= critical_value(CONFIDENCE_LEVEL, df[by_score])
    for side, ends in ((-1, low), (1, high)):
        # an end exists where something was counted on its side
        there = counts[1 - side] > 0
        score, exact = np.flatnonzero(there & by_score), np.flatnonzero(there & ~by_score)
        ends[score] = _score_bound(counts[:, score], z[score], side)
        ends[exact] = _mid_p_bound(counts[:, exact], side)
    return low, high


def risk_ratio_test(counts: FloatArray, phi: FloatArray, df: FloatArray) -> FloatArray:
    """The two-sided p of share₂ = share₁, by the method that `ratio_interval` inverts; its arguments."""
    by_score = _is_score_applicable(counts, phi)
    p = np.ones(counts.shape[1])
    zero = np.zeros(int(by_score.sum()))
    p[by_score] = two_sided_p_value(_score_statistic(counts[:, by_score], zero) / np.sqrt(phi[by_score]), df[by_score])
    count_1, base_1, count_2, base_2 = counts[:, ~by_score]
    odds, total = np.log(base_2 / base_1), count_1 + count_2
    chosen = log_binomial_coefficient(count_2, total)
    tails = mid_p_upper_tail(odds, count_2, total, chosen), mid_p_upper_tail(-odds, count_1, total, chosen)
    p[~by_score] = np.minimum(1, 2 * np.minimum(*tails))
    return p


def _score_statistic(counts: FloatArray, log_ratio: FloatArray) -> FloatArray:
    """The score statistic of a ratio of shares, given as its logarithm."""
    count_1, base_1, count_2, base_2 = counts
    total = base_1 + base_2
    ratio = np.exp(log_ratio)
    # the shares that are likeliest while their ratio is held: the smaller root of a quadratic
    b = base_2 * ratio + count_2 + base_1 + count_1 * ratio
    root = np.sqrt(np.maximum(b * b - 4 * total * ratio * (count_1 + count_2), 0.0))
    first = (b - root) / (2 * total * ratio)
    second = np.minimum(first * ratio, 1.0)
    variance = (second * (1 - second) / base_2 + ratio * ratio * first * (1 - first) / base_1) * total / (total - 1)
    difference = count_2 / base_2 - ratio * (count_1 / base_1)
    certain = np.where(difference == 0, 0.0, np.copysign(inf, difference))
    return np.where(variance > 0, difference / np.sqrt(np.where(variance > 0, variance, 1.0)), certain)


def _score_bound(counts: FloatArray, z: FloatArray, side: int) -> FloatArray:
    """Where the score statistic, as a function of the ratio, crosses ±z; solved in the logarithm of the ratio."""
    count_1, base_1, count_2, base_2 = counts
    both = (count_1 > 0) & (count_2 > 0)
    centre = np.log(np.where(both, count_2 * base_1, 1.0) / np.where(both, count_1 * base_2, 1.0))
    return np.exp(find_roots(lambda x, at: _score_statistic(counts[:, at], x) + side * z[at], centre, side))


def _mid_p_bound(counts: FloatArray, side: int) -> FloatArray:
    """count₂ given the sum is binomial with odds ratio · base₂ / base₁; each tail holds half of what is left."""
    count_1, base_1, count_2, base_2 = counts
    total, half = count_1 + count_2, (1 - CONFIDENCE_LEVEL) / 2
    # the lower tail of count 2 is the upper tail of count 1 at the opposite odds
    count, chosen = (count_1 if side > 0 else count_2), log_binomial_coefficient(count_2, total)
    centre = np.log((count_2 + 0.5) / (count_1 + 0.5))

    def tail_excess(x: FloatArray, at: IndexArray) -> FloatArray:
        return side * (mid_p_upper_tail(-side * x, count[at], total[at], chosen[at]) - half)

    found: FloatArray = np.exp(find_roots(tail_excess, centre, side)) * base_1 / base_2
    return found
