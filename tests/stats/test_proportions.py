from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom
from scipy.stats import t as student
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, score_test_proportions_2indep

from trendcli.stats.distributions import FloatArray
from trendcli.stats.proportions import (
    CONFIDENCE_LEVEL,
    MIN_COUNT,
    MIN_EXPECTED,
    NORMAL_QUANTILE,
    UNDEFINED_CHANGE,
    Change,
    TwoProportions,
    _mid_p_bound,
    _score_statistic,
    classify_change,
    compute_change,
    compute_changes,
    compute_share,
    interval_method,
    nan_to_none,
    risk_ratio_interval,
    risk_ratio_test,
    wilson_interval,
)


def as_column(*numbers: int) -> FloatArray:
    return np.array(numbers, float).reshape(-1, 1)


NO_OVERDISPERSION = np.ones(1), np.full(1, math.inf)


def compare(
    count_1: int, total_1: int, count_2: int, total_2: int, phi: float = 1.0, df: float | None = None
) -> Change:
    return compute_change(TwoProportions(count_1, total_1, count_2, total_2, phi, df))


def ratio_interval(count_1: int, total_1: int, count_2: int, total_2: int) -> tuple[float | None, float | None]:
    low, high = (
        float(end[0]) for end in risk_ratio_interval(as_column(count_1, total_1, count_2, total_2), *NO_OVERDISPERSION)
    )
    return None if math.isnan(low) else low, None if math.isnan(high) else high


TOTALS = [(100, 160), (1000, 1600), (5000, 300), (40, 40)]
COUNTS = [0, 1, 2, 3, 5, 9, 20, 30, 39]


def test_70_of_1000_against_100_of_1600() -> None:
    change = compare(70, 1000, 100, 1600)
    assert change.count_change == pytest.approx(0.428571, abs=1e-6)
    assert change.points == pytest.approx(-0.0075)
    assert change.relative_change == pytest.approx(-0.107143, abs=1e-6)
    low, high = confint_proportions_2indep(100, 1600, 70, 1000, compare="ratio", method="score", correction=True)
    assert (change.ci_low, change.ci_high) == pytest.approx((low - 1, high - 1), rel=1e-9)
    assert change.ci_low < 0 < change.ci_high  # type: ignore[operator]


def test_counts_of_zero_are_new_gone_or_undefined() -> None:
    new, gone, none = compare(0, 100, 12, 100), compare(12, 100, 0, 100), compare(0, 100, 0, 100)
    assert (new.relative_change, new.change, new.count_change) == (None, "new", None)
    assert (new.ci_high, new.ci_open) == (None, True)
    assert new.ci_low > 0  # type: ignore[operator]
    assert (gone.relative_change, gone.change, gone.ci_low) == (-1.0, "gone", -1.0)
    assert gone.ci_high < 0  # type: ignore[operator]
    assert (none.relative_change, none.change, none.ci_low, none.count_change) == (None, None, None, None)
    assert compare(0, 0, 5, 10) == compare(5, 10, 0, 0) == UNDEFINED_CHANGE
    assert compute_share(0, 0) is None and compute_share(0, 5) == 0.0
    assert compute_share(None, 5) is None and compute_share(5, None) is None


@pytest.mark.parametrize(("total_1", "total_2"), TOTALS)
@pytest.mark.parametrize("count_1", COUNTS)
@pytest.mark.parametrize("count_2", COUNTS)
def test_score_intervals_are_those_of_statsmodels(count_1: int, total_1: int, count_2: int, total_2: int) -> None:
    pooled = (count_1 + count_2) / (total_1 + total_2)
    if min(total_1, total_2) * min(pooled, 1 - pooled) < MIN_EXPECTED:
        return
    low, high = ratio_interval(count_1, total_1, count_2, total_2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels divides by zero on its way
        expected = confint_proportions_2indep(
            count_2, total_2, count_1, total_1, compare="ratio", method="score", correction=True
        )
    if count_2 == 0:
        assert low == 0.0
    elif count_1:  # for a zero in the first sample statsmodels gives up on the lower end
        assert low == pytest.approx(expected[0], rel=1e-9)
    if count_1 == 0:
        assert high is None and math.isinf(expected[1])
    else:
        assert high == pytest.approx(expected[1], rel=1e-9)


@pytest.mark.parametrize(("total_1", "total_2"), TOTALS)
@pytest.mark.parametrize("count_1", [0, 1, 2, 5, 11])
@pytest.mark.parametrize("count_2", [0, 1, 2, 5, 11])
def test_mid_p_intervals_invert_the_conditional_binomial(
    count_1: int, total_1: int, count_2: int, total_2: int
) -> None:
    if not count_1 + count_2:
        assert ratio_interval(0, total_1, 0, total_2) == (None, None)
        return
    counts = as_column(count_1, total_1, count_2, total_2)
    low, high = (
        float(_mid_p_bound(counts, side)[0]) if exists else None for side, exists in ((-1, count_2), (1, count_1))
    )
    total = count_1 + count_2

    def upper_tail(log_odds: float) -> float:
        p = 1 / (1 + math.exp(-log_odds))
        return float(binom.sf(count_2, total, p) + binom.pmf(count_2, total, p) / 2)

    if count_2:
        assert low == pytest.approx(
            math.exp(brentq(lambda x: upper_tail(x) - 0.025, -40, 40, xtol=1e-14)) * total_1 / total_2, rel=1e-9
        )
    if count_1:
        assert high == pytest.approx(
            math.exp(brentq(lambda x: 0.975 - upper_tail(x), -40, 40, xtol=1e-14)) * total_1 / total_2, rel=1e-9
        )


@pytest.mark.parametrize(("count", "total"), [(0, 10), (10, 10), (3, 40), (70, 1000), (1, 1)])
def test_the_wilson_interval_is_that_of_statsmodels(count: int, total: int) -> None:
    assert wilson_interval(count, total) == pytest.approx(
        proportion_confint(count, total, method="wilson"), rel=1e-9, abs=1e-15
    )
    assert wilson_interval(0, 0) == (None, None)


def test_the_quantile_is_that_of_the_level() -> None:
    from scipy.stats import norm

    assert pytest.approx(norm.ppf((1 + CONFIDENCE_LEVEL) / 2), rel=1e-15) == NORMAL_QUANTILE


@given(st.integers(0, 300), st.integers(1, 5000), st.integers(0, 300), st.integers(1, 5000))
def test_an_interval_holds_its_estimate_and_no_value_is_infinite(
    count_1: int, more_1: int, count_2: int, more_2: int
) -> None:
    change = compare(count_1, count_1 + more_1, count_2, count_2 + more_2)
    numbers = [
        value
        for value in (change.count_change, change.points, change.relative_change, change.ci_low, change.ci_high)
        if value is not None
    ]
    assert all(math.isfinite(value) for value in numbers)
    if change.relative_change is not None:
        assert change.ci_low <= change.relative_change + 1e-12  # type: ignore[operator]
        assert change.ci_high is None or change.relative_change <= change.ci_high + 1e-12
    swapped = compare(count_2, count_2 + more_2, count_1, count_1 + more_1)
    if count_1 and count_2:  # the ratio the other way round has the interval the other way round
        assert 1 + change.ci_low == pytest.approx(1 / (1 + swapped.ci_high), rel=1e-8)  # type: ignore[operator]


@pytest.mark.parametrize(("total_1", "total_2"), TOTALS)
@pytest.mark.parametrize("count_1", COUNTS)
@pytest.mark.parametrize("count_2", COUNTS)
def test_p_is_that_of_the_method_of_the_interval(count_1: int, total_1: int, count_2: int, total_2: int) -> None:
    if not count_1 + count_2:
        return
    p = risk_ratio_test(as_column(count_1, total_1, count_2, total_2), *NO_OVERDISPERSION)[0]
    pooled = (count_1 + count_2) / (total_1 + total_2)
    if min(total_1, total_2) * min(pooled, 1 - pooled) >= MIN_EXPECTED:
        expected = score_test_proportions_2indep(
            count_2, total_2, count_1, total_1, compare="ratio", correction=True
        ).pvalue
    else:
        total, odds = count_1 + count_2, total_2 / (total_1 + total_2)
        half = binom.pmf(count_2, total, odds) / 2
        expected = min(1.0, 2 * min(binom.sf(count_2, total, odds), binom.cdf(count_2 - 1, total, odds)) + 2 * half)
    assert p == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_many_changes_at_once_are_as_each_alone() -> None:
    rng = np.random.default_rng(5)
    rows = [(int(a), int(a + b), int(c), int(c + d)) for a, b, c, d in rng.integers(0, 60, (80, 4))]
    estimates = [(1.0, None), (1.0, 9.0), (2.5, 21.0)]
    pairs = [TwoProportions(*row, *estimates[index % 3]) for index, row in enumerate(rows)]
    with_gaps = [pair if index % 7 else None for index, pair in enumerate(pairs)]
    for pair, change in zip(with_gaps, compute_changes(with_gaps), strict=True):
        assert change == (compute_change(pair) if pair else UNDEFINED_CHANGE)


@given(st.integers(0, 200), st.integers(1, 4000), st.integers(0, 200), st.integers(1, 4000), st.sampled_from([(1.0, None), (1.0, 20.0), (1.7, 21.0)]))  # fmt: skip
def test_p_and_interval_agree(
    count_1: int, more_1: int, count_2: int, more_2: int, estimate: tuple[float, float | None]
) -> None:
    change = compare(count_1, count_1 + more_1, count_2, count_2 + more_2, *estimate)
    if change.p is None:
        assert max(count_1, count_2) < MIN_COUNT
        return
    outside = change.ci_low > 0 or (change.ci_high is not None and change.ci_high < 0)  # type: ignore[operator]
    if abs(change.p - 0.05) > 1e-9:
        assert outside == (change.p < 0.05)
    if outside and change.points:
        assert (change.ci_low > 0) == (change.points > 0)  # type: ignore[operator]


def test_overdispersion_widens_the_interval_and_the_test() -> None:
    binomial, wide = compare(700, 10000, 900, 10000), compare(700, 10000, 900, 10000, 2.0, 21.0)
    assert wide.ci_low < binomial.ci_low < binomial.ci_high < wide.ci_high  # type: ignore[operator]
    assert binomial.p < 1e-6 < wide.p < 0.01  # type: ignore[operator]
    # twice the variance of chance widens the interval by √2, and Student's t by the doubt about φ
    z = math.sqrt(2) * student.ppf(0.975, 21)
    assert _score_statistic(as_column(700, 10000, 900, 10000), np.log([1 + wide.ci_low]))[0] == pytest.approx(
        z, rel=1e-9
    )  # type: ignore[operator]


def test_a_verdict_needs_counts_and_a_test_and_a_small_q() -> None:
    assert classify_change(70, 100, -0.0075, 0.5) == "no clear change"
    assert classify_change(425, 338, -0.02, 0.01) == "falling"
    assert classify_change(0, 40, 0.02, 0.001) == "rising"
    assert classify_change(4, 4, 0.001, None) == classify_change(0, 0, 0.0, None) == "too few"
    assert classify_change(None, 5, None, None) == classify_change(5, 5, None, None) == "n/a"


def test_the_method_is_named() -> None:
    assert interval_method(TwoProportions(70, 1000, 100, 1600)) == "by the score method of Miettinen and Nurminen"
    assert interval_method(TwoProportions(2, 1000, 3, 1600)) == "by the mid-p method for the conditional binomial"
    assert interval_method(TwoProportions(2, 1000, 3, 1600, 1.5)).startswith("by the score method")


def test_nan_becomes_none() -> None:
    assert nan_to_none(np.array([0.5, math.nan, 0.0])) == [0.5, None, 0.0]
    assert nan_to_none(np.array([])) == []
