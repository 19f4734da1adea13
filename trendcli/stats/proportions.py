"""Two proportions compared: shares and their intervals, the risk ratio with its interval and test, and the verdict.

A proportion is the share of a topic: a count out of a total. The risk ratio is the ratio of two shares, (count 2 /
total 2) / (count 1 / total 1); the relative change is the risk ratio minus 1. Counts are integers, shares and changes
fractions. Functions of scalars give None where a number does not exist, functions of arrays NaN; nothing is infinite.
"""

from __future__ import annotations

from collections.abc import Iterable
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

# confidence level of all intervals
CONFIDENCE_LEVEL = 0.95
# the normal quantile of (1 + CONFIDENCE_LEVEL) / 2, written out because `statistics` takes 9 ms to import
NORMAL_QUANTILE = 1.959963984540054
# expected count below which the score method, a normal approximation, gives way to the exact conditional one
MIN_EXPECTED = 5
# submissions that a topic needs in one of two periods to be tested: fewer in both say nothing
MIN_COUNT = 5
# false discovery rate: the expected fraction of false verdicts among those of a table
FDR = 0.05


class TwoProportions(NamedTuple):
    """Two shares to compare: `count_1` out of `total_1` with `count_2` out of `total_2`.

    `phi` is the overdispersion of the counts and `df` the degrees of freedom of its estimate; with None φ was not
    estimated, and the normal distribution takes the place of Student's t.
    """

    count_1: int
    total_1: int
    count_2: int
    total_2: int
    phi: float = 1.0
    df: float | None = None


class Change(NamedTuple):
    """The change from one share to another.

    - `count_change`: count₂/count₁ − 1; None where count₁ is 0
    - `points`: share₂ − share₁, as a fraction (0.01: one percentage point)
    - `relative_change`: share₂/share₁ − 1; None where share₁ is 0
    - `change`: 'new' where only the second share is above 0, 'gone' where only the first is, otherwise None
    - `ci_low`, `ci_high`: the 95 % confidence interval of the relative change; None where both counts are 0
    - `ci_open`: whether the interval has no upper end; `ci_high` is None then
    - `p`: the p-value of the hypothesis that the shares are equal, by the method of the interval, which excludes 0
      exactly where p < 0.05; None where both counts are below MIN_COUNT
    """

    count_change: float | None
    points: float | None
    relative_change: float | None
    change: str | None
    ci_low: float | None
    ci_high: float | None
    ci_open: bool
    p: float | None = None


# where one of the shares does not exist
UNDEFINED_CHANGE = Change(None, None, None, None, None, None, False)


def compute_share(count: int | None, total: int | None) -> float | None:
    """Return count / total; None where either is not known, or the total is 0."""
    return None if count is None or not total else count / total


def wilson_interval(count: float, total: float) -> tuple[float | None, float | None]:
    """Return the 95 % confidence interval of a share by the score method of Wilson (1927).

    (None, None) for a total of 0. Equals proportion_confint(method="wilson") of statsmodels.
    """
    if not total:
        return None, None
    z = NORMAL_QUANTILE
    centre = (count + z * z / 2) / (total + z * z)
    half_width = z * sqrt(count * (total - count) / total + z * z / 4) / (total + z * z)
    return (0.0 if count == 0 else centre - half_width), (1.0 if count == total else centre + half_width)


def compute_change(pair: TwoProportions) -> Change:
    """Return the change between two shares, or UNDEFINED_CHANGE where a total is 0."""
    return compute_changes([pair])[0]


def compute_changes(pairs: Iterable[TwoProportions | None]) -> list[Change]:
    """Return the change of each pair; UNDEFINED_CHANGE for None and where a total is 0.

    Many pairs at once take a fraction of the time that they take one by one.
    """
    all_pairs = list(pairs)
    defined_pairs = [pair for pair in all_pairs if pair and pair.total_1 and pair.total_2]
    counts = np.array([pair[:4] for pair in defined_pairs], float).reshape(-1, 4).T
    phi = np.array([pair.phi for pair in defined_pairs], float)
    df = np.array([inf if pair.df is None else pair.df for pair in defined_pairs])
    low, high = risk_ratio_interval(counts, phi, df)
    p = np.full(len(defined_pairs), np.nan)
    testable = np.flatnonzero(np.maximum(counts[0], counts[2]) >= MIN_COUNT)
    p[testable] = risk_ratio_test(counts[:, testable], phi[testable], df[testable])
    changes = map(_build_change, defined_pairs, nan_to_none(low), nan_to_none(high), nan_to_none(p))
    return [next(changes) if pair and pair.total_1 and pair.total_2 else UNDEFINED_CHANGE for pair in all_pairs]


def _build_change(pair: TwoProportions, low: float | None, high: float | None, p: float | None) -> Change:
    """Build the change of a pair from the interval of its risk ratio and its p-value."""
    count_1, total_1, count_2, total_2, *_ = pair
    points = count_2 / total_2 - count_1 / total_1
    if low is None:
        return Change(None, points, None, None, None, None, False)
    relative_change = (count_2 / total_2) / (count_1 / total_1) - 1 if count_1 else None
    kind = "new" if not count_1 else "gone" if not count_2 else None
    ci_high = None if high is None else high - 1
    count_change = count_2 / count_1 - 1 if count_1 else None
    return Change(count_change, points, relative_change, kind, low - 1, ci_high, high is None, p)


def nan_to_none(values: FloatArray) -> list[float | None]:
    """Return an array (n,) as a list, with None in place of NaN."""
    return [None if isnan(value) else value for value in values.tolist()]


def classify_change(count_1: int | None, count_2: int | None, points: float | None, q: float | None) -> str:
    """Return the verdict on a change, from its counts, its difference of shares and its q-value.

    'rising' or 'falling' where q ≤ FDR, 'no clear change' where it is larger, 'too few' where both counts are below
    MIN_COUNT, 'n/a' where a count, a share or the test is missing.
    """
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
    """Return the name of the method by which a pair is compared, to follow a number: 'by …'."""
    if _is_score_applicable(np.array(pair[:4], float), np.array(pair.phi)):
        return "by the score method of Miettinen and Nurminen"
    return "by the mid-p method for the conditional binomial"


def _is_score_applicable(counts: FloatArray, phi: FloatArray) -> NDArray[np.bool_]:
    """Return where the score method is used: the smallest expected count is MIN_EXPECTED or more, or φ above 1."""
    count_1, total_1, count_2, total_2 = counts
    pooled = (count_1 + count_2) / (total_1 + total_2)
    is_applicable: NDArray[np.bool_] = (phi > 1) | (
        np.minimum(total_1, total_2) * np.minimum(pooled, 1 - pooled) >= MIN_EXPECTED
    )
    return is_applicable


def risk_ratio_interval(counts: FloatArray, phi: FloatArray, df: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper ends of the 95 % confidence intervals of n risk ratios, each of shape (n,).

    - `counts`: shape (4, n), the rows count 1, total 1, count 2 and total 2; totals above 0
    - `phi`: the overdispersion of each pair, shape (n,); 1 is chance alone
    - `df`: its degrees of freedom, shape (n,); infinite where φ was not estimated

    An end that does not exist is NaN: both where both counts are 0, the upper one where only the first is.

    Where the smallest expected count is MIN_EXPECTED or more, or φ above 1, the interval is that of Miettinen and
    Nurminen (1985), as confint_proportions_2indep(compare="ratio", method="score", correction=True) of statsmodels has
    it, with its variance times φ and Student's t in place of the normal. Elsewhere it is that of the binomial
    distribution of count 2 given the sum of the counts, inverted by mid-p (Lancaster 1961).
    """
    is_counted = counts[0] + counts[2] > 0
    low, high = np.where(is_counted, 0.0, np.nan), np.full(counts.shape[1], np.nan)
    by_score = _is_score_applicable(counts, phi)
    z = np.sqrt(phi)
    z[by_score] *= critical_value(CONFIDENCE_LEVEL, df[by_score])
    for side, ends in ((-1, low), (1, high)):
        # an end exists where something was counted on its side: count 2 for the lower one, count 1 for the upper
        exists = counts[1 - side] > 0
        score, exact = np.flatnonzero(exists & by_score), np.flatnonzero(exists & ~by_score)
        ends[score] = _score_bound(counts[:, score], z[score], side)
        ends[exact] = _mid_p_bound(counts[:, exact], side)
    return low, high


def risk_ratio_test(counts: FloatArray, phi: FloatArray, df: FloatArray) -> FloatArray:
    """Return the two-sided p-values of n hypotheses that two shares are equal (risk ratio 1), shape (n,).

    Takes the arguments of `risk_ratio_interval`, and tests by the method that it inverts.
    """
    by_score = _is_score_applicable(counts, phi)
    p = np.ones(counts.shape[1])
    log_ratio = np.zeros(np.count_nonzero(by_score))
    statistic = _score_statistic(counts[:, by_score], log_ratio)
    p[by_score] = two_sided_p_value(statistic / np.sqrt(phi[by_score]), df[by_score])
    count_1, total_1, count_2, total_2 = counts[:, ~by_score]
    log_odds, count_sum = np.log(total_2 / total_1), count_1 + count_2
    log_coefficient = log_binomial_coefficient(count_2, count_sum)
    upper_tail = mid_p_upper_tail(log_odds, count_2, count_sum, log_coefficient)
    lower_tail = mid_p_upper_tail(-log_odds, count_1, count_sum, log_coefficient)
    p[~by_score] = np.minimum(1, 2 * np.minimum(upper_tail, lower_tail))
    return p


def _score_statistic(counts: FloatArray, log_ratio: FloatArray) -> FloatArray:
    """Return the score statistic of the hypotheses that n risk ratios have the logarithms `log_ratio`, shape (n,)."""
    count_1, total_1, count_2, total_2 = counts
    total = total_1 + total_2
    ratio = np.exp(log_ratio)
    # the likeliest shares of this ratio: the smaller root of a quadratic (Miettinen and Nurminen 1985)
    b = total_2 * ratio + count_2 + total_1 + count_1 * ratio
    root = np.sqrt(np.maximum(b * b - 4 * total * ratio * (count_1 + count_2), 0.0))
    share_1 = (b - root) / (2 * total * ratio)
    share_2 = np.minimum(share_1 * ratio, 1.0)
    variance = (
        (share_2 * (1 - share_2) / total_2 + ratio * ratio * share_1 * (1 - share_1) / total_1) * total / (total - 1)
    )
    difference = count_2 / total_2 - ratio * (count_1 / total_1)
    without_variance = np.where(difference == 0, 0.0, np.copysign(inf, difference))
    return np.where(variance > 0, difference / np.sqrt(np.where(variance > 0, variance, 1.0)), without_variance)


def _score_bound(counts: FloatArray, z: FloatArray, side: int) -> FloatArray:
    """Return one end of the score intervals: the risk ratios at which the score statistic is `-side` · `z`.

    `side` is -1 for the lower end and 1 for the upper; solved in the logarithm of the ratio.
    """
    count_1, total_1, count_2, total_2 = counts
    is_defined = (count_1 > 0) & (count_2 > 0)
    estimate = np.log(np.where(is_defined, count_2 * total_1, 1.0) / np.where(is_defined, count_1 * total_2, 1.0))
    return np.exp(find_roots(lambda x, rows: _score_statistic(counts[:, rows], x) + side * z[rows], estimate, side))


def _mid_p_bound(counts: FloatArray, side: int) -> FloatArray:
    """Return one end of the mid-p intervals of risk ratios; `side` is -1 for the lower end and 1 for the upper.

    Given the sum of the counts, count 2 is binomial with the odds ratio · total 2 / total 1. Each tail holds half of
    1 − CONFIDENCE_LEVEL.
    """
    count_1, total_1, count_2, total_2 = counts
    count_sum, tail = count_1 + count_2, (1 - CONFIDENCE_LEVEL) / 2
    # the lower tail of count 2 is the upper tail of count 1 at the opposite odds
    count, log_coefficient = (count_1 if side > 0 else count_2), log_binomial_coefficient(count_2, count_sum)
    start = np.log((count_2 + 0.5) / (count_1 + 0.5))

    def tail_excess(log_odds: FloatArray, rows: IndexArray) -> FloatArray:
        return side * (mid_p_upper_tail(-side * log_odds, count[rows], count_sum[rows], log_coefficient[rows]) - tail)

    bounds: FloatArray = np.exp(find_roots(tail_excess, start, side)) * total_1 / total_2
    return bounds
