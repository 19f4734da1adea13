"""Change between two periods: shares with their intervals, and the ratio of two shares with its own.

Counts are integers, shares and changes fractions; None where a number does not exist. Never infinite, never NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, lgamma, log, log1p, sqrt
from typing import NamedTuple

LEVEL = 0.95
# the normal quantile of (1 + LEVEL) / 2, written out because `statistics` takes 9 ms to import
Z = 1.959963984540054
# below this expected count the normal approximation of the score interval is left for the exact conditional one
EXPECTED = 5


class Change(NamedTuple):
    """How a topic changed from (count 1 of base 1) to (count 2 of base 2).

    `count_change` = count₂/count₁ − 1, `points` = share₂ − share₁, `relative_change` = share₂/share₁ − 1 with its 95 %
    interval (`ci_low`, `ci_high`); `ci_open` says that the interval has no upper end. `change` is 'new' where only the
    second share is above 0, 'gone' where only the first is, else None.
    """

    count_change: float | None
    points: float | None
    relative_change: float | None
    change: str | None
    ci_low: float | None
    ci_high: float | None
    ci_open: bool


NO_CHANGE = Change(None, None, None, None, None, None, False)


def share(count: int, base: int) -> float | None:
    """count / base; None where the base is 0."""
    return count / base if base else None


def wilson(count: int, base: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a share by Wilson's score method (1927); (None, None) where the base is 0."""
    if not base:
        return None, None
    z = Z
    middle = (count + z * z / 2) / (base + z * z)
    half = z * sqrt(count * (base - count) / base + z * z / 4) / (base + z * z)
    return (0.0 if count == 0 else middle - half), (1.0 if count == base else middle + half)


def compare(count_1: int, base_1: int, count_2: int, base_2: int) -> Change:
    """The change from one period to another; all None where a base is 0."""
    if not base_1 or not base_2:
        return NO_CHANGE
    count_change = count_2 / count_1 - 1 if count_1 else None
    points = count_2 / base_2 - count_1 / base_1
    low, high = ratio_interval(count_1, base_1, count_2, base_2)
    if low is None:
        return Change(count_change, points, None, None, None, None, False)
    relative = (count_2 / base_2) / (count_1 / base_1) - 1 if count_1 else None
    word = "new" if not count_1 else "gone" if not count_2 else None
    return Change(count_change, points, relative, word, low - 1, None if high is None else high - 1, high is None)


def ratio_interval(count_1: int, base_1: int, count_2: int, base_2: int) -> tuple[float | None, float | None]:
    """The 95 % interval of share₂/share₁; (None, None) where both counts are 0, no upper end where the first is.

    Where the smallest expected count is EXPECTED or more: the score method of Miettinen and Nurminen (1985), as
    statsmodels' confint_proportions_2indep(compare="ratio", method="score", correction=True). Below: the conditional
    binomial given the sum of the counts, by mid-p (Lancaster 1961).
    """
    if not count_1 and not count_2:
        return None, None
    pooled = (count_1 + count_2) / (base_1 + base_2)
    if min(base_1, base_2) * min(pooled, 1 - pooled) >= EXPECTED:
        return _score_interval(count_1, base_1, count_2, base_2)
    return _midp_interval(count_1, base_1, count_2, base_2)


def _score_interval(count_1: int, base_1: int, count_2: int, base_2: int) -> tuple[float, float | None]:
    """Where the score statistic, as a function of the ratio, crosses ±z; solved in the logarithm of the ratio."""
    total = base_1 + base_2
    share_1, share_2 = count_1 / base_1, count_2 / base_2

    def statistic(log_ratio: float) -> float:
        ratio = exp(log_ratio)
        # the shares that are likeliest while their ratio is held: the smaller root of a quadratic
        b = base_2 * ratio + count_2 + base_1 + count_1 * ratio
        first = (b - sqrt(max(b * b - 4 * total * ratio * (count_1 + count_2), 0.0))) / (2 * total * ratio)
        second = min(first * ratio, 1.0)
        variance = (second * (1 - second) / base_2 + ratio * ratio * first * (1 - first) / base_1) * total / (total - 1)
        difference = share_2 - ratio * share_1
        if variance <= 0:
            return 0.0 if difference == 0 else inf if difference > 0 else -inf
        return difference / sqrt(variance)

    z = Z
    centre = log(share_2 / share_1) if count_1 and count_2 else 0.0
    low = exp(_crossing(lambda x: statistic(x) - z, centre, -1)) if count_2 else 0.0
    high = exp(_crossing(lambda x: statistic(x) + z, centre, +1)) if count_1 else None
    return low, high


def _midp_interval(count_1: int, base_1: int, count_2: int, base_2: int) -> tuple[float, float | None]:
    """count₂ given the sum is binomial with odds ratio · base₂ / base₁; each tail holds half of what is left."""
    total = count_1 + count_2
    tail = (1 - LEVEL) / 2
    scale = log(base_1 / base_2)

    def upper_tail(log_odds: float, count: int, of: int) -> float:
        """P(X > count) + P(X = count) / 2 for X binomial(of, odds / (1 + odds))."""
        log_p = -log1p(exp(-log_odds)) if log_odds > -700 else log_odds
        log_q = -log1p(exp(log_odds)) if log_odds < 700 else -log_odds
        whole = lgamma(of + 1)

        def mass(k: int) -> float:
            return exp(whole - lgamma(k + 1) - lgamma(of - k + 1) + k * log_p + (of - k) * log_q)

        if of - count <= count:
            return sum(map(mass, range(count + 1, of + 1))) + mass(count) / 2
        return 1 - sum(map(mass, range(count))) - mass(count) / 2

    centre = log((count_2 + 0.5) / (count_1 + 0.5))
    low, high = 0.0, None
    if count_2:
        low = exp(_crossing(lambda x: tail - upper_tail(x, count_2, total), centre, -1) + scale)
    if count_1:
        # the lower tail of count 2 is the upper tail of count 1 at the opposite odds
        high = exp(_crossing(lambda x: upper_tail(-x, count_1, total) - tail, centre, +1) + scale)
    return low, high


def _crossing(function: Callable[[float], float], start: float, direction: int) -> float:
    """The root of a falling function to 1e-13: bracketed by doubling steps from `start`, then by the Illinois method.

    The root is expected on the side of `direction`; where it is not, the start moves until it is.
    """
    step = 0.5
    while function(start) * direction < 0 and step < 1e4:
        start, step = start - direction * step, step * 2
    step, near = 0.5, start
    far = start + direction * step
    while function(far) * direction > 0:
        near, step = far, step * 2
        far = start + direction * step
        if step > 1e4:
            return far
    a, b = (near, far) if near < far else (far, near)
    fa, fb = function(a), function(b)
    side = 0
    for _ in range(200):
        if fa == 0 or fb == 0 or b - a <= 1e-13 * max(1.0, abs(a), abs(b)):
            break
        usable = fa not in (inf, -inf) and fb not in (inf, -inf)
        x = (a * fb - b * fa) / (fb - fa) if usable else (a + b) / 2
        if not a < x < b:
            x = (a + b) / 2
        fx = function(x)
        if fx > 0:
            a, fa = x, fx
            fb, side = (fb / 2, 1) if side == 1 else (fb, 1)
        else:
            b, fb = x, fx
            fa, side = (fa / 2, -1) if side == -1 else (fa, -1)
        if fx == 0:
            return x
    return a if abs(fa) < abs(fb) else b
