"""Alerts: which of the watched topics have left their own trend, at an error rate that holds over a whole year.

A list of topics that is looked at every week shows some change sooner or later by chance alone. So each look has to be
sure enough that the probability of any alert in a year without changes is at most YEARLY_FALSE_ALERT_RATE for the whole
list, whatever its length; the longer the list, the larger a change has to be. `make calibrate` proves the rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trendcli.stats.distributions import FloatArray, IntArray, two_sided_p_value
from trendcli.stats.overdispersion import estimate_overdispersion
from trendcli.stats.proportions import MIN_COUNT

# complete weeks that are added up and compared with what was to be expected
POOLED_WEEKS = 4
# weeks before them from which the expectation comes; the first of these are the same weeks a year before
HISTORY_WEEKS = 52
# fewest of these weeks that have to be known
MIN_HISTORY_WEEKS = 40
# weeks before the pooled ones from which the overdispersion of a topic is estimated
OVERDISPERSION_WEEKS = 156
# probability of any alert of the list in a year in which nothing changes
YEARLY_FALSE_ALERT_RATE = 0.05
# independent looks that the 52 of a year amount to, by simulation: neighbours share three of their four weeks
LOOKS_PER_YEAR = 33
# the fraction of that rate spent on rises, which are the news and come out of small counts; falls get the rest
RISING_RATE_FRACTION = 0.9
# standard deviation of the change of a topic in a year, as a fraction of its share, that is assumed unless its weeks
# say otherwise: a line free to tilt is so uncertain half a year ahead that nothing could be seen against it
SLOPE_PRIOR_SD = 0.05
# standard errors by which the count must differ from the same weeks a year before, so that a season is no news
MIN_SEASONAL_Z = 0.67


class Alert(NamedTuple):
    """What the pooled weeks of a topic say.

    `observed` is its number of submissions in them, `expected` the number to be expected from its history, and `p` the
    one-sided p-value of no departure in the direction of the difference. `verdict` is 'rising', 'falling',
    'no clear change', or 'n/a' for too little history, where `expected` and `p` are None.
    """

    observed: int
    expected: float | None
    p: float | None
    verdict: str


def find_alerts(counts: IntArray, totals: IntArray, time_index: Sequence[int], watched_count: int) -> list[Alert]:
    """Return the alert of each topic, a row of `counts` (topics × weeks).

    - `totals`: all submissions by week, shape (weeks,), above 0
    - `time_index`: the number of each week along the calendar, ascending; the last is the last of the pooled weeks, and
      weeks that are not known are left out
    - `watched_count`: the number of topics that are looked at each week

    The expected number comes from a line through the weekly shares of HISTORY_WEEKS, by weighted least squares with a
    prior on its slope. The statistic is the difference of the square roots of the two numbers, which is near to normal
    for counts of variance φμ whatever their mean μ (Anscombe 1948), over √φ and the uncertainty of the line. Its tail
    is that of Student's t with the degrees of freedom of φ.
    """
    weeks = np.asarray(time_index)
    age = weeks[-1] - weeks
    is_pooled = age < POOLED_WEEKS
    is_history = (age >= POOLED_WEEKS) & (age < POOLED_WEEKS + HISTORY_WEEKS)
    is_background = (age >= POOLED_WEEKS) & (age < POOLED_WEEKS + OVERDISPERSION_WEEKS)
    is_year_ago = (age >= HISTORY_WEEKS) & (age < POOLED_WEEKS + HISTORY_WEEKS)
    observed, total = counts[:, is_pooled].sum(axis=1), float(totals[is_pooled].sum())
    if is_pooled.sum() < POOLED_WEEKS or is_year_ago.sum() < POOLED_WEEKS or is_history.sum() < MIN_HISTORY_WEEKS:
        return [Alert(count, None, None, "n/a") for count in observed.tolist()]
    estimates = estimate_overdispersion(
        counts[:, is_background], totals[is_background], weeks[is_background].tolist(), "week"
    )
    phi = np.array([estimate.phi for estimate in estimates])
    df = np.array([np.inf if estimate.df is None else estimate.df for estimate in estimates])
    expected, line_variance = _expected_counts(
        counts[:, is_history], totals[is_history], weeks[is_history], totals[is_pooled], weeks[is_pooled], phi
    )
    error = np.sqrt(phi * (1 - np.minimum(expected / total, 0.999)))
    statistic = _root_difference(observed, expected) / (error * np.sqrt(1 + line_variance))
    total_year_ago = float(totals[is_year_ago].sum())
    expected_by_season = counts[:, is_year_ago].sum(axis=1) * total / total_year_ago
    seasonal_z = _root_difference(observed, expected_by_season) / (error * np.sqrt(1 + total / total_year_ago))
    is_rise = statistic > 0
    p = two_sided_p_value(statistic, df) / 2
    threshold = (
        np.where(is_rise, RISING_RATE_FRACTION, 1 - RISING_RATE_FRACTION)
        * YEARLY_FALSE_ALERT_RATE
        / (LOOKS_PER_YEAR * watched_count)
    )
    is_clear = (
        (p <= threshold)
        & (seasonal_z * np.sign(statistic) >= MIN_SEASONAL_Z)
        & (np.maximum(observed, expected) >= MIN_COUNT)
    )
    verdicts = np.where(is_clear, np.where(is_rise, "rising", "falling"), "no clear change")
    return list(map(Alert, observed.tolist(), expected.tolist(), p.tolist(), verdicts.tolist()))


def _root_difference(observed: IntArray, expected: FloatArray) -> FloatArray:
    """Return the difference of the roots of two counts (Anscombe 1948), in standard errors of a Poisson count."""
    difference: FloatArray = 2 * (np.sqrt(observed + 3 / 8) - np.sqrt(expected + 3 / 8))
    return difference


def _expected_counts(
    counts: IntArray,
    totals: IntArray,
    weeks: IntArray,
    target_totals: IntArray,
    target_weeks: IntArray,
    phi: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Extrapolate a line through the shares of past weeks to the target weeks.

    `counts` (topics × weeks) of `totals` (weeks,) were seen in `weeks`; `target_totals` and `target_weeks` describe the
    weeks to extrapolate to. Return two arrays of shape (topics,): the count to be expected in all target weeks
    together, and the variance of that expectation as a multiple of the variance of the count.
    """
    time, target_time = weeks - weeks.mean(), target_weeks - weeks.mean()
    shares = counts / totals
    level = np.maximum(shares.mean(axis=1), 0.1 / totals.sum())[:, None]
    floor = level / 20
    means = np.broadcast_to(level, shares.shape)
    for _ in range(3):
        weights = totals / (means * np.maximum(1 - means, 1e-9)) / phi[:, None]
        # the normal equations [[a, b], [b, c]] · (intercept, slope) = (d, e); the prior adds its precision to c
        a, b = weights.sum(axis=1), (weights * time).sum(axis=1)
        c = (weights * time**2).sum(axis=1) + (HISTORY_WEEKS / (SLOPE_PRIOR_SD * level[:, 0])) ** 2
        d, e = (weights * shares).sum(axis=1), (weights * shares * time).sum(axis=1)
        intercept, slope = (c * d - b * e) / (a * c - b * b), (a * e - b * d) / (a * c - b * b)
        means = np.clip(intercept[:, None] + slope[:, None] * time, floor, 1.0)
    target_shares = np.clip(intercept[:, None] + slope[:, None] * target_time, floor, 0.999)
    total, moment = float(target_totals.sum()), float((target_totals * target_time).sum())
    line_variance = (total * total * c - 2 * total * moment * b + moment * moment * a) / (a * c - b * b)
    count_variance = phi * ((target_shares * (1 - target_shares)) @ target_totals)
    return target_shares @ target_totals, line_variance / count_variance
