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
from trendcli.stats.distributions import Floats, two_sided
from trendcli.stats.proportions import FEW

# complete weeks that are pooled; the weeks before them that say what is to be expected, of which the first are the same
# weeks a year before; how few of those will do; and the weeks that say how much the topic jumps
POOLED, HISTORY, FEWEST, SPREAD = 4, 52, 40, 156
# in how many years in which nothing changes any topic of the list may be shown
RATE = 0.05
# as how many independent looks a year counts, by simulation: neighbours share three of their four weeks
LOOKS = 33
# how much of the rate goes to rises, which are the news and come out of small counts; the rest goes to falls
RISES = 0.9
# by how much of its share a topic is taken to move in a year, as a standard deviation, unless its weeks say otherwise:
# a line that is free to tilt is so unsure half a year ahead that nothing could be seen against it
SLOPE = 0.05
# standard errors by which the count must differ from the same weeks a year before, so that a season is no news
APART = 0.67


class Alert(NamedTuple):
    """How many submissions a topic had in the pooled weeks, how many were to be expected, and what to say of it.

    `p` is that of no departure in this direction; `verdict` is 'rising', 'falling', 'no clear change', or 'n/a' where
    there is too little history, and then `expected` and `p` are None.
    """

    seen: int
    expected: float | None
    p: float | None
    verdict: str


def judged(counts: NDArray[np.int64], bases: NDArray[np.int64], places: Sequence[int], watched: int) -> list[Alert]:
    """The alert of each topic: `counts` (topics × weeks) of `bases` (weeks, all above 0).

    `places` number the weeks along the calendar, in order; the last is the last of the POOLED weeks. `watched` is how
    many topics are looked at each week.

    A line through the weekly shares of HISTORY, by weighted least squares with a prior on its slope, says how many are
    to be expected. The statistic is the difference of square roots, in which counts of variance φμ are near to normal
    whatever their mean, over √φ and the doubt about the line; its tail is Student's t with the degrees of freedom of φ.
    """
    weeks = np.asarray(places)
    ago = weeks[-1] - weeks
    now, past = ago < POOLED, (ago >= POOLED) & (ago < POOLED + HISTORY)
    far, twins = (ago >= POOLED) & (ago < POOLED + SPREAD), (ago >= HISTORY) & (ago < POOLED + HISTORY)
    found, number = counts[:, now].sum(axis=1), float(bases[now].sum())
    if now.sum() < POOLED or twins.sum() < POOLED or past.sum() < FEWEST:
        return [Alert(seen, None, None, "n/a") for seen in found.tolist()]
    spread = dispersion.estimate(counts[:, far], bases[far], weeks[far].tolist(), "week")
    phi = np.array([item.phi for item in spread])
    df = np.array([np.inf if item.df is None else item.df for item in spread])
    expected, doubt = _expected(counts[:, past], bases[past], weeks[past], bases[now], weeks[now], phi)
    error = np.sqrt(phi * (1 - np.minimum(expected / number, 0.999)))
    statistic = _apart(found, expected) / (error * np.sqrt(1 + doubt))
    of = float(bases[twins].sum())
    season = _apart(found, counts[:, twins].sum(axis=1) * number / of) / (error * np.sqrt(1 + number / of))
    rises = statistic > 0
    p = two_sided(statistic, df) / 2
    enough = np.where(rises, RISES, 1 - RISES) * RATE / (LOOKS * watched)
    clear = (p <= enough) & (season * np.sign(statistic) >= APART) & (np.maximum(found, expected) >= FEW)
    said = np.where(clear, np.where(rises, "rising", "falling"), "no clear change")
    return list(map(Alert, found.tolist(), expected.tolist(), p.tolist(), said.tolist()))


def _apart(found: NDArray[np.int64], expected: Floats) -> Floats:
    """The difference of the roots of two counts (Anscombe 1948), in standard errors of a Poisson count."""
    roots: Floats = 2 * (np.sqrt(found + 3 / 8) - np.sqrt(expected + 3 / 8))
    return roots


def _expected(
    counts: NDArray[np.int64],
    bases: NDArray[np.int64],
    weeks: NDArray[np.int64],
    then: NDArray[np.int64],
    when: NDArray[np.int64],
    phi: Floats,
) -> tuple[Floats, Floats]:
    """How many of `then` are to be expected in the weeks `when`, and the variance of that over that of the count."""
    time, later = weeks - weeks.mean(), when - weeks.mean()
    shares = counts / bases
    level = np.maximum(shares.mean(axis=1), 0.1 / bases.sum())[:, None]
    least = level / 20
    means = np.broadcast_to(level, shares.shape)
    for _ in range(3):
        weights = bases / (means * np.maximum(1 - means, 1e-9)) / phi[:, None]
        a, b = weights.sum(axis=1), (weights * time).sum(axis=1)
        c = (weights * time**2).sum(axis=1) + (HISTORY / (SLOPE * level[:, 0])) ** 2
        d, e = (weights * shares).sum(axis=1), (weights * shares * time).sum(axis=1)
        middle, tilt = (c * d - b * e) / (a * c - b * b), (a * e - b * d) / (a * c - b * b)
        means = np.clip(middle[:, None] + tilt[:, None] * time, least, 1.0)
    ahead = np.clip(middle[:, None] + tilt[:, None] * later, least, 0.999)
    whole, turned = float(then.sum()), float((then * later).sum())
    unsure = (whole * whole * c - 2 * whole * turned * b + turned * turned * a) / (a * c - b * b)
    return ahead @ then, unsure / (phi * ((ahead * (1 - ahead)) @ then))
