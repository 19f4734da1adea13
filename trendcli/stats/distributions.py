"""Tails, quantiles and roots of many rows at once, to a relative error of about 1e-12.

They stand in for scipy, whose import costs 0.19 s of CPU (a whole report takes 0.38 s). Arrays are float64 and have one
entry a row, shape (n,), unless a function says otherwise. Infinite degrees of freedom mean the normal distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from math import erfc, inf, lgamma, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# positions of rows, as numpy.flatnonzero gives them
IndexArray = NDArray[np.intp]
# stands in for 0 in a denominator, and ends sums whose terms underflow
_SMALLEST_POSITIVE = 1e-300


def two_sided_p_value(statistic: ArrayLike, df: ArrayLike) -> FloatArray:
    """Return P(|T| ≥ |statistic|) for Student's t with `df` degrees of freedom, shape (n,).

    `statistic` and `df` are scalars or arrays that broadcast; NaN in the statistic gives NaN.
    """
    statistic, df = np.broadcast_arrays(np.atleast_1d(np.abs(statistic)), np.asarray(df, float))
    p_values = _map_values(lambda value: erfc(value / sqrt(2)), statistic)
    is_student = np.flatnonzero(np.isfinite(df) & np.isfinite(statistic))
    student_df = df[is_student]
    p_values[is_student] = _incomplete_beta(student_df / (student_df + statistic[is_student] ** 2), student_df / 2, 0.5)
    return p_values


def critical_value(level: float, df: ArrayLike) -> FloatArray:
    """Return the value that |T| exceeds with probability 1 − `level`, for each `df`, shape (n,).

    Solved by Newton's method. The tail is convex, so that steps from below never pass the root. They start at the
    normal quantile, for Student's t plus the first term by which its own is larger (Abramowitz and Stegun 1964,
    26.7.5); all further terms are positive.
    """
    df = np.atleast_1d(np.asarray(df, float))
    normal = _solve_quantile(level, np.ones(1), np.full(1, inf))[0]
    quantiles = np.full(len(df), normal)
    is_student = np.isfinite(df)
    student_start = normal + (normal**3 + normal) / (4 * df[is_student])
    quantiles[is_student] = _solve_quantile(level, student_start, df[is_student])
    return quantiles


def _solve_quantile(level: float, start: FloatArray, df: FloatArray) -> FloatArray:
    quantile, active = start.copy(), np.arange(len(start))
    log_constant = np.full(len(df), -np.log(2 * pi) / 2)
    is_student = np.isfinite(df)
    student_df = df[is_student]
    log_constant[is_student] = (
        _map_values(lgamma, (student_df + 1) / 2) - _map_values(lgamma, student_df / 2) - np.log(student_df * pi) / 2
    )
    for _ in range(100):
        value, value_df = quantile[active], df[active]
        log_kernel = -value * value / 2
        is_student = np.isfinite(value_df)
        student_df = value_df[is_student]
        log_kernel[is_student] = -(student_df + 1) / 2 * np.log1p(value[is_student] ** 2 / student_df)
        density = np.exp(log_constant[active] + log_kernel)
        step = (two_sided_p_value(value, value_df) - (1 - level)) / (2 * density)
        quantile[active] += step
        active = active[np.abs(step) > 1e-14 * quantile[active]]
        if not len(active):
            break
    return quantile


def _incomplete_beta(x: FloatArray, a: FloatArray, b: float) -> FloatArray:
    """Return the regularised incomplete beta function I_x(a, b).

    Computed from its continued fraction (DLMF 8.17.22) by Lentz's method, from the side on which it converges fast.
    """
    is_upper = x > (a + 1) / (a + b + 2)
    x, a, other = np.where(is_upper, 1 - x, x), np.where(is_upper, b, a), np.where(is_upper, a, b)
    with np.errstate(divide="ignore"):
        log_beta = _map_values(lgamma, a + other) - _map_values(lgamma, a) - _map_values(lgamma, other)
        factor = np.exp(log_beta + a * np.log(x) + other * np.log1p(-x)) / a
    value, c, d = np.ones(len(x)), np.ones(len(x)), np.zeros(len(x))
    active = np.arange(len(x))
    for i in range(500):
        m, p, q, y = i // 2, a[active], other[active], x[active]
        if i == 0:
            term = np.ones(len(active))
        elif i % 2 == 0:
            term = m * (q - m) * y / ((p + 2 * m - 1) * (p + 2 * m))
        else:
            term = -(p + m) * (p + q + m) * y / ((p + 2 * m) * (p + 2 * m + 1))
        d[active] = 1 / _avoid_zero(1 + term * d[active])
        c[active] = _avoid_zero(1 + term / c[active])
        ratio = c[active] * d[active]
        value[active] *= ratio
        active = active[np.abs(ratio - 1) >= 1e-15]
        if not len(active):
            break
    result: FloatArray = np.where(is_upper, 1 - factor * (value - 1), factor * (value - 1))
    return result


def _avoid_zero(values: FloatArray) -> FloatArray:
    return np.where(values == 0, _SMALLEST_POSITIVE, values)


def log_binomial_coefficient(count: FloatArray, trials: FloatArray) -> FloatArray:
    """Return the logarithm of the number of ways to choose `count` of `trials`, 0 ≤ count ≤ trials."""
    coefficient: FloatArray = (
        _map_values(lgamma, trials + 1) - _map_values(lgamma, count + 1) - _map_values(lgamma, trials - count + 1)
    )
    return coefficient


def mid_p_upper_tail(
    log_odds: FloatArray, count: FloatArray, trials: FloatArray, log_coefficient: FloatArray
) -> FloatArray:
    """Return the mid-p upper tail P(X > count) + P(X = count) / 2 of a binomial X.

    X counts the successes of `trials` draws whose odds are exp(`log_odds`); `log_coefficient` is
    log_binomial_coefficient(count, trials), which callers that vary only the odds compute once.
    """
    log_p, log_q = -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)
    mass = np.exp(log_coefficient + count * log_p + (trials - count) * log_q)
    # the smaller tail is summed outwards, so that it keeps its digits: 1 minus the larger one would not
    is_upper = count >= trials * np.exp(log_p)
    total, term, k, active = mass / 2, mass, count.copy(), np.arange(len(count))
    odds = np.exp(np.where(is_upper, log_odds, -log_odds))
    while len(active):
        is_rising = is_upper[active]
        remaining = np.where(is_rising, trials[active] - k[active], k[active])
        term[active] *= remaining / np.where(is_rising, k[active] + 1, trials[active] - k[active] + 1) * odds[active]
        k[active] += np.where(is_rising, 1, -1)
        total[active] += term[active]
        active = active[term[active] >= np.maximum(total[active] * 1e-17, _SMALLEST_POSITIVE)]
    return np.where(is_upper, total, 1 - total)


def find_roots(
    function: Callable[[FloatArray, IndexArray], FloatArray], starts: FloatArray, direction: int
) -> FloatArray:
    """Return the roots of n decreasing functions, to 1e-13 relative to the larger of 1 and the root.

    - `function(x, rows)` gives the values of the functions of some rows at the points `x`
    - `starts`: where to begin, shape (n,)
    - `direction`: 1 if roots are expected above the starts, -1 if below; a start beyond its root is moved back

    The roots are bracketed by steps that double, and found by the Illinois variant of regula falsi (Dowell and Jarratt
    1971), with bisection where that leaves the bracket.
    """
    near, step, active = starts.copy(), 0.5, np.arange(len(starts))
    while len(active := active[function(near[active], active) * direction < 0]) and step < 1e4:
        near[active] -= direction * step
        step *= 2
    far, step, active = near + direction * 0.5, 1.0, np.arange(len(starts))
    while len(active := active[function(far[active], active) * direction > 0]) and step < 1e4:
        near[active] = far[active]
        far[active] += direction * step
        step *= 2
    rows = np.arange(len(starts))
    a, b = np.minimum(near, far), np.maximum(near, far)
    f_a, f_b, last_side = function(a, rows), function(b, rows), np.zeros(len(starts), int)
    for _ in range(200):
        active = np.flatnonzero((f_a != 0) & (f_b != 0) & (b - a > 1e-13 * np.maximum(1, np.maximum(abs(a), abs(b)))))
        if not len(active):
            break
        low, high, f_low, f_high = a[active], b[active], f_a[active], f_b[active]
        with np.errstate(invalid="ignore"):
            x = (low * f_high - high * f_low) / (f_high - f_low)
        x = np.where((low < x) & (x < high), x, (low + high) / 2)
        f_x = function(x, active)
        is_positive = f_x > 0
        # Illinois: an end that stays twice in a row counts half, or it would never move
        is_repeated = last_side[active] == np.where(is_positive, 1, -1)
        a[active] = np.where(is_positive, x, low)
        f_a[active] = np.where(is_positive, f_x, np.where(is_repeated, f_low / 2, f_low))
        b[active] = np.where(is_positive, high, x)
        f_b[active] = np.where(is_positive, np.where(is_repeated, f_high / 2, f_high), f_x)
        last_side[active] = np.where(is_positive, 1, -1)
    return np.where(abs(f_a) < abs(f_b), a, b)


def _map_values(function: Callable[[float], float], values: FloatArray) -> FloatArray:
    """Return a function of floats applied to each entry; numpy has neither erfc nor lgamma."""
    return np.array([function(value) for value in values.tolist()], float)
