"""Alerts: which of some watched topics have left their own trend, with an error rate that holds over a whole year.

Looked at every week, a list of topics shows something at some time by chance alone. So a single look has to be sure
enough that in a year in which nothing changes the whole list shows any alert with probability RATE at most, whatever
its length; the longer the list, the larger a change has to be. `make calibrate` proves the rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats import overdispersion as dispersion
from trendcli.stats.distributions import FloatArray, two_sided_p_value
from trendcli.stats.proportions import MIN_COUNT

# complete weeks that are pooled; the weeks before them that say what is to be expected, of which the first are the same
# weeks a year before; how few of those will do; and the weeks that say how much the topic jumps
POOLED_WEEKS, HISTORY_WEEKS, MIN_HISTORY_WEEKS, OVERDISPERSION_WEEKS = 4, 52, 40, 156
# in how many years in which nothing changes any topic of the list may be shown
YEARLY_FALSE_ALERT_RATE = 0.05
# as how many independent looks a year counts, by simulation: neighbours share three of their four weeks
LOOKS_PER_YEAR = 33
# how much of the rate goes to rises, which are the news and come out of small counts; the rest goes to falls
RISING_RATE_FRACTION = 0.9
# by how much of its share a topic is taken to move in a year, as a standard deviation, unless its weeks say otherwise:
# a line that is free to tilt is so unsure half a year ahead that nothing could be seen against it
SLOPE_PRIOR_SD = 0.05
# standard errors by which the count must differ from the same weeks a year before, so that a season is no news
MIN_SEASONAL_Z = 0.67


class Alert(NamedTuple):
    """How many submissions a topic had in the pooled weeks, how many were to be expected, and what to say of it.

    `p` is that of no departure in this direction; `verdict` is 'rising', 'falling', 'no clear change', or 'n/a' where
    there is too little history, and then `expected` and `p` are None.
    """

    observed: int
    expected: float | None
    p: float | None
    verdict: str


def find_alerts(
    counts: NDArray[np.int64], totals: NDArray[np.int64], time_index: Sequence[int], watched_count: int
) -> list[Alert]:
    """The alert of each topic: `counts` (topics × weeks) of `bases` (weeks, all above 0).

    `places` number the weeks along the calendar, in order; the last is the last of the POOLED weeks. `watched` is how
    many topics are looked at each week.

    A line through the weekly shares of HISTORY, by weighted least squares with a prior on its slope, says how many are
    to be expected. The statistic is the difference of square roots, in which counts of variance φμ are near to normal
    whatever their mean, over √φ and the doubt about the line; its tail is Student's t with the degrees of freedom of φ.
    """
    weeks = np.asarray(time_index)
    ago = weeks[-1] - weeks
    now, past = ago < POOLED_WEEKS, (ago >= POOLED_WEEKS) & (ago < POOLED_WEEKS + HISTORY_WEEKS)
    far, twins = (
        (ago >= POOLED_WEEKS) & (ago < POOLED_WEEKS + OVERDISPERSION_WEEKS),
        (ago >= HISTORY_WEEKS) & (ago < POOLED_WEEKS + HISTORY_WEEKS),
    )
    found, number = counts[:, now].sum(axis=1), float(totals[now].sum())
    if now.sum() < POOLED_WEEKS or twins.sum() < POOLED_WEEKS or past.sum() < MIN_HISTORY_WEEKS:
        return [Alert(seen, None, None, "n/a") for seen in found.tolist()]
    spread = dispersion.estimate_overdispersion(counts[:, far], totals[far], weeks[far].tolist(), "week")
    phi = np.array([item.phi for item in spread])
    df = np.array([np.inf if item.df is None else item.df for item in spread])
    expected, doubt = _expected_counts(counts[:, past], totals[past], weeks[past], totals[now], weeks[now], phi)
    error = np.sqrt(phi * (1 - np.minimum(expected / number, 0.999)))
    statistic = _root_difference(found, expected) / (error * np.sqrt(1 + doubt))
    of = float(totals[twins].sum())
    season = _root_difference(found, counts[:, twins].sum(axis=1) * number / of) / (error * np.sqrt(1 + number / of))
    rises = statistic > 0
    p = two_sided_p_value(statistic, df) / 2
    enough = (
        np.where(rises, RISING_RATE_FRACTION, 1 - RISING_RATE_FRACTION)
        * YEARLY_FALSE_ALERT_RATE
        / (LOOKS_PER_YEAR * watched_count)
    )
    clear = (p <= enough) & (season * np.sign(statistic) >= MIN_SEASONAL_Z) & (np.maximum(found, expected) >= MIN_COUNT)
    said = np.where(clear, np.where(rises, "rising", "falling"), "no clear change")
    return list(map(Alert, found.tolist(), expected.tolist(), p.tolist(), said.tolist()))


def _root_difference(found: NDArray[np.int64], expected: FloatArray) -> FloatArray:
    """The difference of the roots of two counts (Anscombe 1948), in standard errors of a Poisson count."""
    roots: FloatArray = 2 * (np.sqrt(found + 3 / 8) - np.sqrt(expected + 3 / 8))
    return roots


def _expected_counts(
    counts: NDArray[np.int64],
    totals: NDArray[np.int64],
    weeks: NDArray[np.int64],
    target_totals: NDArray[np.int64],
    target_weeks: NDArray[np.int64],
    phi: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """How many of `then` are to be expected in the weeks `when`, and the variance of that over that of the count."""
    time, later = weeks - weeks.mean(), target_weeks - weeks.mean()
    shares = counts / totals
    level = np.maximum(shares.mean(axis=1), 0.1 / totals.sum())[:, None]
    least = level / 20
    means = np.broadcast_to(level, shares.shape)
    for _ in range(3):
        weights = totals / (means * np.maximum(1 - means, 1e-9)) / phi[:, None]
        a, b = weights.sum(axis=1), (weights * time).sum(axis=1)
        c = (weights * time**2).sum(axis=1) + (HISTORY_WEEKS / (SLOPE_PRIOR_SD * level[:, 0])) ** 2
        d, e = (weights * shares).sum(axis=1), (weights * shares * time).sum(axis=1)
        middle, tilt = (c * d - b * e) / (a * c - b * b), (a * e - b * d) / (a * c - b * b)
        means = np.clip(middle[:, None] + tilt[:, None] * time, least, 1.0)
    ahead = np.clip(middle[:, None] + tilt[:, None] * later, least, 0.999)
    whole, turned = float(target_totals.sum()), float((target_totals * later).sum())
    unsure = (whole * whole * c - 2 * whole * turned * b + turned * turned * a) / (a * c - b * b)
    return ahead @ target_totals, unsure / (phi * ((ahead * (1 - ahead)) @ target_totals))
