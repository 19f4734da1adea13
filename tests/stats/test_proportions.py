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
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, score_test_proportions_2indep

from trendcli.stats import proportions as change
from trendcli.stats.distributions import FloatArray, critical_value, two_sided_p_value
from trendcli.stats.proportions import (
    Change,
    TwoProportions,
    benjamini_hochberg,
    classify_change,
    compute_share,
    risk_ratio_interval,
    risk_ratio_test,
    wilson_interval,
)


def column(*numbers: int) -> FloatArray:
    return np.array(numbers, float).reshape(-1, 1)


PLAIN = np.ones(1), np.full(1, math.inf)


def compare(count_1: int, base_1: int, count_2: int, base_2: int, phi: float = 1.0, df: float | None = None) -> Change:
    return change.compute_change(TwoProportions(count_1, base_1, count_2, base_2, phi, df))


def interval(count_1: int, base_1: int, count_2: int, base_2: int) -> tuple[float | None, float | None]:
    low, high = (float(end[0]) for end in risk_ratio_interval(column(count_1, base_1, count_2, base_2), *PLAIN))
    return None if math.isnan(low) else low, None if math.isnan(high) else high


BASES = [(100, 160), (1000, 1600), (5000, 300), (40, 40)]
COUNTS = [0, 1, 2, 3, 5, 9, 20, 30, 39]


def test_the_case_to_get_right_first() -> None:
    found = compare(70, 1000, 100, 1600)
    assert found.count_change == pytest.approx(0.428571, abs=1e-6)
    assert found.points == pytest.approx(-0.0075)
    assert found.relative_change == pytest.approx(-0.107143, abs=1e-6)
    low, high = confint_proportions_2indep(100, 1600, 70, 1000, compare="ratio", method="score", correction=True)
    assert (found.ci_low, found.ci_high) == pytest.approx((low - 1, high - 1), rel=1e-9)
    assert found.ci_low < 0 < found.ci_high  # type: ignore[operator]


def test_zeros() -> None:
    new, gone, none = compare(0, 100, 12, 100), compare(12, 100, 0, 100), compare(0, 100, 0, 100)
    assert (new.relative_change, new.change, new.count_change) == (None, "new", None)
    assert (new.ci_high, new.ci_open) == (None, True)
    assert new.ci_low > 0  # type: ignore[operator]
    assert (gone.relative_change, gone.change, gone.ci_low) == (-1.0, "gone", -1.0)
    assert gone.ci_high < 0  # type: ignore[operator]
    assert (none.relative_change, none.change, none.ci_low, none.count_change) == (None, None, None, None)
    assert compare(0, 0, 5, 10) == compare(5, 10, 0, 0) == change.UNDEFINED_CHANGE
    assert compute_share(0, 0) is None and compute_share(0, 5) == 0.0


@pytest.mark.parametrize(("base_1", "base_2"), BASES)
@pytest.mark.parametrize("count_1", COUNTS)
@pytest.mark.parametrize("count_2", COUNTS)
def test_score_intervals_are_those_of_statsmodels(count_1: int, base_1: int, count_2: int, base_2: int) -> None:
    pooled = (count_1 + count_2) / (base_1 + base_2)
    if min(base_1, base_2) * min(pooled, 1 - pooled) < change.MIN_EXPECTED:
        return
    low, high = interval(count_1, base_1, count_2, base_2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels divides by zero on its way
        theirs = confint_proportions_2indep(
            count_2, base_2, count_1, base_1, compare="ratio", method="score", correction=True
        )
    if count_2 == 0:
        assert low == 0.0
    elif count_1:  # for a zero in the first sample statsmodels gives up on the lower end
        assert low == pytest.approx(theirs[0], rel=1e-9)
    if count_1 == 0:
        assert high is None and math.isinf(theirs[1])
    else:
        assert high == pytest.approx(theirs[1], rel=1e-9)


@pytest.mark.parametrize(("base_1", "base_2"), BASES)
@pytest.mark.parametrize("count_1", [0, 1, 2, 5, 11])
@pytest.mark.parametrize("count_2", [0, 1, 2, 5, 11])
def test_midp_intervals_invert_the_conditional_binomial(count_1: int, base_1: int, count_2: int, base_2: int) -> None:
    if not count_1 + count_2:
        assert interval(0, base_1, 0, base_2) == (None, None)
        return
    numbers = column(count_1, base_1, count_2, base_2)
    low, high = (
        float(change._mid_p_bound(numbers, side)[0]) if there else None for side, there in ((-1, count_2), (1, count_1))
    )
    total = count_1 + count_2

    def upper(log_odds: float) -> float:
        p = 1 / (1 + math.exp(-log_odds))
        return float(binom.sf(count_2, total, p) + binom.pmf(count_2, total, p) / 2)

    if count_2:
        assert low == pytest.approx(
            math.exp(brentq(lambda x: upper(x) - 0.025, -40, 40, xtol=1e-14)) * base_1 / base_2, rel=1e-9
        )
    if count_1:
        assert high == pytest.approx(
            math.exp(brentq(lambda x: 0.975 - upper(x), -40, 40, xtol=1e-14)) * base_1 / base_2, rel=1e-9
        )


@pytest.mark.parametrize(("count", "base"), [(0, 10), (10, 10), (3, 40), (70, 1000), (1, 1)])
def test_wilson(count: int, base: int) -> None:
    assert wilson_interval(count, base) == pytest.approx(
        proportion_confint(count, base, method="wilson"), rel=1e-9, abs=1e-15
    )
    assert wilson_interval(0, 0) == (None, None)


def test_the_quantile_is_that_of_the_level() -> None:
    from scipy.stats import norm

    assert pytest.approx(norm.ppf((1 + change.CONFIDENCE_LEVEL) / 2), rel=1e-15) == change.NORMAL_QUANTILE


@given(st.integers(0, 300), st.integers(1, 5000), st.integers(0, 300), st.integers(1, 5000))
def test_an_interval_holds_its_estimate_and_no_value_is_infinite(
    count_1: int, more_1: int, count_2: int, more_2: int
) -> None:
    found = compare(count_1, count_1 + more_1, count_2, count_2 + more_2)
    numbers = [
        value
        for value in (found.count_change, found.points, found.relative_change, found.ci_low, found.ci_high)
        if value is not None
    ]
    assert all(math.isfinite(value) for value in numbers)
    if found.relative_change is not None:
        assert found.ci_low <= found.relative_change + 1e-12  # type: ignore[operator]
        assert found.ci_high is None or found.relative_change <= found.ci_high + 1e-12
    swapped = compare(count_2, count_2 + more_2, count_1, count_1 + more_1)
    if count_1 and count_2:  # the ratio the other way round has the interval the other way round
        assert 1 + found.ci_low == pytest.approx(1 / (1 + swapped.ci_high), rel=1e-8)  # type: ignore[operator]


@pytest.mark.parametrize(("base_1", "base_2"), BASES)
@pytest.mark.parametrize("count_1", COUNTS)
@pytest.mark.parametrize("count_2", COUNTS)
def test_p_is_that_of_the_method_of_the_interval(count_1: int, base_1: int, count_2: int, base_2: int) -> None:
    if not count_1 + count_2:
        return
    p = risk_ratio_test(column(count_1, base_1, count_2, base_2), *PLAIN)[0]
    pooled = (count_1 + count_2) / (base_1 + base_2)
    if min(base_1, base_2) * min(pooled, 1 - pooled) >= change.MIN_EXPECTED:
        theirs = score_test_proportions_2indep(
            count_2, base_2, count_1, base_1, compare="ratio", correction=True
        ).pvalue
    else:
        total, odds = count_1 + count_2, base_2 / (base_1 + base_2)
        half = binom.pmf(count_2, total, odds) / 2
        theirs = min(1.0, 2 * min(binom.sf(count_2, total, odds), binom.cdf(count_2 - 1, total, odds)) + 2 * half)
    assert p == pytest.approx(theirs, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("df", [1, 5, 9, 20, 21, 33, 200])
def test_tails_are_those_of_scipy(df: int) -> None:
    for value in (0.01, 0.5, 1.0, 1.7, 2.5, 4.0, 8.0, 30.0):
        assert two_sided_p_value(value, df) == pytest.approx(2 * student.sf(value, df), rel=1e-9)
        assert two_sided_p_value(-value, df) == two_sided_p_value(value, df)
    assert critical_value(0.95, df) == pytest.approx(student.ppf(0.975, df), rel=1e-9)
    assert two_sided_p_value([0.0, math.inf], df).tolist() == [1.0, 0.0]


def test_many_at_once_are_as_each_alone() -> None:
    rng = np.random.default_rng(5)
    rows = [(int(a), int(a + b), int(c), int(c + d)) for a, b, c, d in rng.integers(0, 60, (80, 4))]
    spreads = [(1.0, None), (1.0, 9.0), (2.5, 21.0)]
    pairs = [TwoProportions(*row, *spreads[place % 3]) for place, row in enumerate(rows)]
    asked = [pair if place % 7 else None for place, pair in enumerate(pairs)]
    for pair, found in zip(asked, change.compute_changes(asked), strict=True):
        assert found == (change.compute_change(pair) if pair else change.UNDEFINED_CHANGE)


@given(st.integers(0, 200), st.integers(1, 4000), st.integers(0, 200), st.integers(1, 4000), st.sampled_from([(1.0, None), (1.0, 20.0), (1.7, 21.0)]))  # fmt: skip
def test_p_and_interval_agree(
    count_1: int, more_1: int, count_2: int, more_2: int, spread: tuple[float, float | None]
) -> None:
    found = compare(count_1, count_1 + more_1, count_2, count_2 + more_2, *spread)
    if found.p is None:
        assert max(count_1, count_2) < change.MIN_COUNT
        return
    outside = found.ci_low > 0 or (found.ci_high is not None and found.ci_high < 0)  # type: ignore[operator]
    if abs(found.p - 0.05) > 1e-9:
        assert outside == (found.p < 0.05)
    if outside and found.points:
        assert (found.ci_low > 0) == (found.points > 0)  # type: ignore[operator]


def test_dispersion_widens_the_interval_and_the_test() -> None:
    plain, wide = compare(700, 10000, 900, 10000), compare(700, 10000, 900, 10000, 2.0, 21.0)
    assert wide.ci_low < plain.ci_low < plain.ci_high < wide.ci_high  # type: ignore[operator]
    assert plain.p < 1e-6 < wide.p < 0.01  # type: ignore[operator]
    # a count that jumps twice as much as chance is worth half of one that does not
    z = math.sqrt(2) * student.ppf(0.975, 21)
    assert change._score_statistic(column(700, 10000, 900, 10000), np.log([1 + wide.ci_low]))[0] == pytest.approx(
        z, rel=1e-9
    )  # type: ignore[operator]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=40))
def test_q_is_that_of_statsmodels(ps: list[float | None]) -> None:
    found, tested = benjamini_hochberg(ps), [p for p in ps if p is not None]
    assert [q is None for q in found] == [p is None for p in ps]
    if tested:
        theirs = multipletests(tested, method="fdr_bh")[1]
        assert [q for q in found if q is not None] == pytest.approx(list(theirs), rel=1e-9, abs=1e-300)


def test_verdicts() -> None:
    assert classify_change(70, 100, -0.0075, 0.5) == "no clear change"
    assert classify_change(425, 338, -0.02, 0.01) == "falling"
    assert classify_change(0, 40, 0.02, 0.001) == "rising"
    assert classify_change(4, 4, 0.001, None) == classify_change(0, 0, 0.0, None) == "too few"
    assert classify_change(None, 5, None, None) == classify_change(5, 5, None, None) == "n/a"
