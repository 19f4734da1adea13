"""Tails and roots, many at a time and to about 1e-12: all that the tests of change need of distributions.

Arrays hold one entry a row; degrees of freedom are infinite for the normal distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from math import erfc, inf, lgamma, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
_SMALLEST_POSITIVE = 1e-300


def two_sided_p_value(statistic: ArrayLike, df: ArrayLike) -> FloatArray:
    """P(|T| ≥ |statistic|) for Student's t with `df` degrees of freedom."""
    statistic, df = np.broadcast_arrays(np.atleast_1d(np.abs(statistic)), np.asarray(df, float))
    found = _map_values(lambda value: erfc(value / sqrt(2)), statistic)
    known = np.flatnonzero(np.isfinite(df) & np.isfinite(statistic))
    of = df[known]
    found[known] = _incomplete_beta(of / (of + statistic[known] ** 2), of / 2, 0.5)
    return found


def critical_value(level: float, df: ArrayLike) -> FloatArray:
    """The value that |T| exceeds with probability 1 − `level`, by Newton's method.

    The tail is convex, so that steps from below, where it starts, never go past the root: for Student's t from the
    first term that it is larger by than the normal's (Abramowitz and Stegun 1964, 26.7.5); all further ones add to it.
    """
    df = np.atleast_1d(np.asarray(df, float))
    normal = _solve_quantile(level, np.ones(1), np.full(1, inf))[0]
    found = np.full(len(df), normal)
    known = np.isfinite(df)
    found[known] = _solve_quantile(level, normal + (normal**3 + normal) / (4 * df[known]), df[known])
    return found


def _solve_quantile(level: float, start: FloatArray, df: FloatArray) -> FloatArray:
    value, at = start.copy(), np.arange(len(start))
    front = np.full(len(df), -np.log(2 * pi) / 2)
    known = np.isfinite(df)
    of = df[known]
    front[known] = _map_values(lgamma, (of + 1) / 2) - _map_values(lgamma, of / 2) - np.log(of * pi) / 2
    for _ in range(100):
        now, of = value[at], df[at]
        fall = -now * now / 2
        known = np.isfinite(of)
        fall[known] = -(of[known] + 1) / 2 * np.log1p(now[known] ** 2 / of[known])
        step = (two_sided_p_value(now, of) - (1 - level)) / (2 * np.exp(front[at] + fall))
        value[at] += step
        at = at[np.abs(step) > 1e-14 * value[at]]
        if not len(at):
            break
    return value


def _incomplete_beta(x: FloatArray, a: FloatArray, b: float) -> FloatArray:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, Lentz's method)."""
    over = x > (a + 1) / (a + b + 2)
    x, a, other = np.where(over, 1 - x, x), np.where(over, b, a), np.where(over, a, b)
    with np.errstate(divide="ignore"):
        front = _map_values(lgamma, a + other) - _map_values(lgamma, a) - _map_values(lgamma, other)
        front = np.exp(front + a * np.log(x) + other * np.log1p(-x)) / a
    value, c, d = np.ones(len(x)), np.ones(len(x)), np.zeros(len(x))
    at = np.arange(len(x))
    for i in range(500):
        m, p, q, y = i // 2, a[at], other[at], x[at]
        if i == 0:
            term = np.ones(len(at))
        elif i % 2 == 0:
            term = m * (q - m) * y / ((p + 2 * m - 1) * (p + 2 * m))
        else:
            term = -(p + m) * (p + q + m) * y / ((p + 2 * m) * (p + 2 * m + 1))
        d[at] = 1 / _avoid_zero(1 + term * d[at])
        c[at] = _avoid_zero(1 + term / c[at])
        grown = c[at] * d[at]
        value[at] *= grown
        at = at[np.abs(grown - 1) >= 1e-15]
        if not len(at):
            break
    found: FloatArray = np.where(over, 1 - front * (value - 1), front * (value - 1))
    return found


def _avoid_zero(values: FloatArray) -> FloatArray:
    return np.where(values == 0, _SMALLEST_POSITIVE, values)


def log_binomial_coefficient(count: FloatArray, trials: FloatArray) -> FloatArray:
    """The logarithm of the number of ways to choose `count` of `of`."""
    found: FloatArray = (
        _map_values(lgamma, trials + 1) - _map_values(lgamma, count + 1) - _map_values(lgamma, trials - count + 1)
    )
    return found


def mid_p_upper_tail(
    log_odds: FloatArray, count: FloatArray, trials: FloatArray, log_coefficient: FloatArray
) -> FloatArray:
    """P(X > count) + P(X = count) / 2 for X binomial(of, odds / (1 + odds)); `chosen` are its `ways`."""
    log_p, log_q = -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)
    mass = np.exp(log_coefficient + count * log_p + (trials - count) * log_q)
    # the smaller tail is summed outwards, so that it keeps its digits: 1 minus the larger one would not
    up = count >= trials * np.exp(log_p)
    total, term, k, at = mass / 2, mass, count.copy(), np.arange(len(count))
    odds = np.exp(np.where(up, log_odds, -log_odds))
    while len(at):
        rising = up[at]
        left = np.where(rising, trials[at] - k[at], k[at])
        term[at] *= left / np.where(rising, k[at] + 1, trials[at] - k[at] + 1) * odds[at]
        k[at] += np.where(rising, 1, -1)
        total[at] += term[at]
        at = at[term[at] >= np.maximum(total[at] * 1e-17, _SMALLEST_POSITIVE)]
    return np.where(up, total, 1 - total)


def find_roots(
    function: Callable[[FloatArray, IndexArray], FloatArray], starts: FloatArray, direction: int
) -> FloatArray:
    """The roots of falling functions to 1e-13: bracketed by doubling steps from `start`, then by the Illinois method.

    `function` gives the values of some rows at some points. A root is expected on the side of `direction`; where it is
    not, the start moves until it is.
    """
    near, step, at = starts.copy(), 0.5, np.arange(len(starts))
    while len(at := at[function(near[at], at) * direction < 0]) and step < 1e4:
        near[at] -= direction * step
        step *= 2
    far, step, at = near + direction * 0.5, 1.0, np.arange(len(starts))
    while len(at := at[function(far[at], at) * direction > 0]) and step < 1e4:
        near[at] = far[at]
        far[at] += direction * step
        step *= 2
    every = np.arange(len(starts))
    a, b = np.minimum(near, far), np.maximum(near, far)
    fa, fb, side = function(a, every), function(b, every), np.zeros(len(starts), int)
    for _ in range(200):
        at = np.flatnonzero((fa != 0) & (fb != 0) & (b - a > 1e-13 * np.maximum(1, np.maximum(abs(a), abs(b)))))
        if not len(at):
            break
        low, high, above, below = a[at], b[at], fa[at], fb[at]
        with np.errstate(invalid="ignore"):
            x = (low * below - high * above) / (below - above)
        x = np.where((low < x) & (x < high), x, (low + high) / 2)
        fx = function(x, at)
        over = fx > 0
        again = side[at] == np.where(over, 1, -1)
        a[at], fa[at] = np.where(over, x, low), np.where(over, fx, np.where(again, above / 2, above))
        b[at], fb[at] = np.where(over, high, x), np.where(over, np.where(again, below / 2, below), fx)
        side[at] = np.where(over, 1, -1)
    return np.where(abs(fa) < abs(fb), a, b)


def _map_values(function: Callable[[float], float], values: FloatArray) -> FloatArray:
    return np.array([function(value) for value in values.tolist()], float)
