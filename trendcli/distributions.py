"""Tails of the normal and of Student's t distribution, to about 1e-12: all that the tests of change need of them."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, inf, lgamma, log, log1p, pi, sqrt


def two_sided(statistic: float, df: float | None) -> float:
    """P(|T| ≥ |statistic|) for Student's t with `df` degrees of freedom; for a standard normal where that is None."""
    if statistic in (inf, -inf):
        return 0.0
    if df is None:
        return erfc(abs(statistic) / sqrt(2))
    return _beta(df / (df + statistic * statistic), df / 2, 0.5)


@lru_cache(maxsize=1 << 16)
def critical(level: float, df: float | None) -> float:
    """The value that |T| exceeds with probability 1 − `level`, by Newton's method.

    The tail is convex, so that steps from below, where it starts, never go past the root: for Student's t from the
    first term that it is larger by than the normal's (Abramowitz and Stegun 1964, 26.7.5); all further ones add to it.
    """
    value = 1.0
    if df is not None:
        normal = critical(level, None)
        value = normal + (normal**3 + normal) / (4 * df)
    for _ in range(100):
        step = (two_sided(value, df) - (1 - level)) / (2 * _density(value, df))
        value += step
        if abs(step) <= 1e-14 * value:
            break
    return value


def _density(value: float, df: float | None) -> float:
    if df is None:
        return exp(-value * value / 2) / sqrt(2 * pi)
    front = lgamma((df + 1) / 2) - lgamma(df / 2) - log(df * pi) / 2
    return exp(front - (df + 1) / 2 * log1p(value * value / df))


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, Lentz's method)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    tiny = 1e-300
    value, c, d = 1.0, 1.0, 0.0
    for i in range(500):
        m = i // 2
        if i == 0:
            term = 1.0
        elif i % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + term * d or tiny)
        c = 1 + term / c or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * (value - 1)
