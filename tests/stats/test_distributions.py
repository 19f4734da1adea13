from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import binom
from scipy.stats import t as student

from trendcli.stats.distributions import (
    critical_value,
    find_roots,
    log_binomial_coefficient,
    mid_p_upper_tail,
    two_sided_p_value,
)


@pytest.mark.parametrize("df", [1, 5, 9, 20, 21, 33, 200])
def test_tails_are_those_of_scipy(df: int) -> None:
    for value in (0.01, 0.5, 1.0, 1.7, 2.5, 4.0, 8.0, 30.0):
        assert two_sided_p_value(value, df) == pytest.approx(2 * student.sf(value, df), rel=1e-9)
        assert two_sided_p_value(-value, df) == two_sided_p_value(value, df)
    assert critical_value(0.95, df) == pytest.approx(student.ppf(0.975, df), rel=1e-9)
    assert two_sided_p_value([0.0, math.inf], df).tolist() == [1.0, 0.0]


def test_infinite_degrees_of_freedom_mean_the_normal_distribution() -> None:
    assert two_sided_p_value([1.959963984540054, 2.0], [math.inf, 5.0]) == pytest.approx([0.05, 2 * student.sf(2, 5)])
    assert critical_value(0.95, [math.inf, 5.0]) == pytest.approx([1.959963984540054, student.ppf(0.975, 5)])


def test_the_mid_p_tail_counts_half_of_the_observed_value() -> None:
    count, trials = np.array([0.0, 3.0, 10.0, 400.0]), np.array([10.0, 10.0, 10.0, 1000.0])
    p = np.array([0.1, 0.5, 0.9, 0.3])
    log_coefficient = log_binomial_coefficient(count, trials)
    assert log_coefficient == pytest.approx(gammaln(trials + 1) - gammaln(count + 1) - gammaln(trials - count + 1))
    tails = mid_p_upper_tail(np.log(p / (1 - p)), count, trials, log_coefficient)
    assert tails == pytest.approx(binom.sf(count, trials, p) + binom.pmf(count, trials, p) / 2, rel=1e-10)


@pytest.mark.parametrize("direction", [1, -1])
def test_roots_are_found_on_either_side_of_the_start(direction: int) -> None:
    roots = np.array([-50.0, -0.3, 0.0, 2.5, 300.0])
    assert find_roots(lambda x, rows: np.sinh((roots[rows] - x) / 100), np.zeros(5), direction) == pytest.approx(
        roots, rel=1e-12, abs=1e-12
    )
