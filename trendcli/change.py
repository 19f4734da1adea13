"""Change between two periods: shares with their intervals, the ratio of two shares with its own, its test and verdict.

Counts are integers, shares and changes fractions; None where a number does not exist. Never infinite, never NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, inf, lgamma, log, log1p, sqrt
from typing import NamedTuple

from trendcli.distributions import critical, two_sided

LEVEL = 0.95
# the normal quantile of (1 + LEVEL) / 2, written out because `statistics` takes 9 ms to import
Z = 1.959963984540054
# below this expected count the normal approximation of the score interval is left for the exact conditional one
EXPECTED = 5
# fewer than that many in both periods say nothing, and a share of false discoveries that a table may hold
FEW, FALSE = 5, 0.05


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


def compare(count_1: int, base_1: int, count_2: int, base_2: int, phi: float = 1.0, df: float | None = None) -> Change:
    """The change from one period to another; all None where a base is 0.

    `phi` is the dispersion of the counts and `df` what it was estimated on (None: it was not).
    """
    if not base_1 or not base_2:
        return NO_CHANGE
    count_change = count_2 / count_1 - 1 if count_1 else None
    points = count_2 / base_2 - count_1 / base_1
    low, high = ratio_interval(count_1, base_1, count_2, base_2, phi, df)
    if low is None:
        return Change(count_change, points, None, None, None, None, False)
    relative = (count_2 / base_2) / (count_1 / base_1) - 1 if count_1 else None
    word = "new" if not count_1 else "gone" if not count_2 else None
    p = None if max(count_1, count_2) < FEW else ratio_test(count_1, base_1, count_2, base_2, phi, df)
    return Change(count_change, points, relative, word, low - 1, None if high is None else high - 1, high is None, p)


def adjusted(ps: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg's (1995) q of each p; rows without a test (None) are not in the family."""
    tested = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    found: list[float | None] = [None] * len(ps)
    least = 1.0
    for rank in range(len(tested), 0, -1):
        p, place = tested[rank - 1]
        least = min(least, p * len(tested) / rank)
        found[place] = least
    return found


def verdict(count_1: int | None, count_2: int | None, points: float | None, q: float | None) -> str:
    """'rising', 'falling', 'no clear change', 'too few', or 'n/a' where there is nothing to judge."""
    if count_1 is None or count_2 is None or points is None:
        return "n/a"
    if max(count_1, count_2) < FEW:
        return "too few"
    if q is None:
        return "n/a"
    if q > FALSE:
        return "no clear change"
    return "rising" if points > 0 else "falling"


def _is_large(count_1: int, base_1: int, count_2: int, base_2: int) -> bool:
    pooled = (count_1 + count_2) / (base_1 + base_2)
    return min(base_1, base_2) * min(pooled, 1 - pooled) >= EXPECTED


def ratio_interval(
    count_1: int, base_1: int, count_2: int, base_2: int, phi: float = 1.0, df: float | None = None
) -> tuple[float | None, float | None]:
    """The 95 % interval of share₂/share₁; (None, None) where both counts are 0, no upper end where the first is.

    Where the smallest expected count is EXPECTED or more, or `phi` above 1: the score method of Miettinen and Nurminen
    (1985), as statsmodels' confint_proportions_2indep(compare="ratio", method="score", correction=True), with its
    variance times `phi` and Student's t with `df` degrees of freedom in place of the normal. Else: the conditional
    binomial given the sum of the counts, by mid-p (Lancaster 1961).
    """
    if not count_1 and not count_2:
        return None, None
    if phi > 1 or _is_large(count_1, base_1, count_2, base_2):
        z = Z if phi == 1 and df is None else sqrt(phi) * critical(LEVEL, df)
        return _score_interval(count_1, base_1, count_2, base_2, z)
    return _midp_interval(count_1, base_1, count_2, base_2)


def ratio_test(
    count_1: int, base_1: int, count_2: int, base_2: int, phi: float = 1.0, df: float | None = None
) -> float:
    """The two-sided p of share₂ = share₁, by the method that `ratio_interval` inverts."""
    if phi > 1 or _is_large(count_1, base_1, count_2, base_2):
        return two_sided(_score(count_1, base_1, count_2, base_2, 0.0) / sqrt(phi), df)
    odds, total = log(base_2 / base_1), count_1 + count_2
    return min(1.0, 2 * min(_upper_tail(odds, count_2, total), _upper_tail(-odds, count_1, total)))


def method(count_1: int, base_1: int, count_2: int, base_2: int, phi: float = 1.0) -> str:
    """The name of the method of `ratio_interval` and `ratio_test` for these counts."""
    if phi > 1 or _is_large(count_1, base_1, count_2, base_2):
        return "by Miettinen and Nurminen's score"
    return "by mid-p of the binomial given the sum of the counts"


def _score(count_1: int, base_1: int, count_2: int, base_2: int, log_ratio: float) -> float:
    """The score statistic of a ratio of shares, given as its logarithm."""
    total = base_1 + base_2
    share_1, share_2 = count_1 / base_1, count_2 / base_2
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


def _score_interval(count_1: int, base_1: int, count_2: int, base_2: int, z: float = Z) -> tuple[float, float | None]:
    """Where the score statistic, as a function of the ratio, crosses ±z; solved in the logarithm of the ratio."""

    def statistic(log_ratio: float) -> float:
        return _score(count_1, base_1, count_2, base_2, log_ratio)

    share_1, share_2 = count_1 / base_1, count_2 / base_2
    centre = log(share_2 / share_1) if count_1 and count_2 else 0.0
    low = exp(_crossing(lambda x: statistic(x) - z, centre, -1)) if count_2 else 0.0
    high = exp(_crossing(lambda x: statistic(x) + z, centre, +1)) if count_1 else None
    return low, high


def _midp_interval(count_1: int, base_1: int, count_2: int, base_2: int) -> tuple[float, float | None]:
    """count₂ given the sum is binomial with odds ratio · base₂ / base₁; each tail holds half of what is left."""
    total = count_1 + count_2
    tail = (1 - LEVEL) / 2
    scale = log(base_1 / base_2)
    centre = log((count_2 + 0.5) / (count_1 + 0.5))
    low, high = 0.0, None
    if count_2:
        low = exp(_crossing(lambda x: tail - _upper_tail(x, count_2, total), centre, -1) + scale)
    if count_1:
        # the lower tail of count 2 is the upper tail of count 1 at the opposite odds
        high = exp(_crossing(lambda x: _upper_tail(-x, count_1, total) - tail, centre, +1) + scale)
    return low, high


def _upper_tail(log_odds: float, count: int, of: int) -> float:
    """P(X > count) + P(X = count) / 2 for X binomial(of, odds / (1 + odds))."""
    log_p = -log1p(exp(-log_odds)) if log_odds > -700 else log_odds
    log_q = -log1p(exp(log_odds)) if log_odds < 700 else -log_odds
    whole = lgamma(of + 1)

    def mass(k: int) -> float:
        return exp(whole - lgamma(k + 1) - lgamma(of - k + 1) + k * log_p + (of - k) * log_q)

    def beyond(counts: range) -> float:
        total = mass(count) / 2
        for k in counts:
            term = mass(k)
            total += term
            if term < total * 1e-17:
                break
        return total

    # the smaller tail is summed outwards, so that it keeps its digits: 1 minus the larger one would not
    if count >= of * exp(log_p):
        return beyond(range(count + 1, of + 1))
    return 1 - beyond(range(count - 1, -1, -1))


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
