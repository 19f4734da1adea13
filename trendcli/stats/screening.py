"""Which of very many terms rise or fall: one family of tests, in which all tell how much counts jump anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats import overdispersion as dispersion
from trendcli.stats import proportions as change
from trendcli.stats.proportions import FALSE, FEW, Change, Sides

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


# from so many terms on they tell of each other, for as much as so many months of a term's own would; as few as hold
# the rate of false verdicts where days, weeks or months are dealt out anew (docs/terms.md)
MANY, PRIOR = 100, 60


class Spread(NamedTuple):
    """Of each term its dispersion φ and its degrees of freedom (infinite: the normal); `known`: it was estimated."""

    phi: Floats
    df: Floats
    known: bool

    def of(self, places: Ints) -> Spread:
        """That of some terms."""
        return Spread(self.phi[places], self.df[places], self.known)


class Judged(NamedTuple):
    """Of each term p (NaN where it was not tested), q, and 1 where it rises, -1 where it falls, else 0."""

    p: Floats
    q: Floats
    verdict: Ints


def spread(counts: Ints, bases: Ints, places: Sequence[int], unit: str, blocks: Sequence[int], asked: Truths) -> Spread:
    """The dispersion of each term (rows of `counts`, terms × periods), as `dispersion.estimate` has it.

    Of MANY that are `asked` for it is the larger of a term's own and the mean of these, with PRIOR degrees of freedom
    beside its own: one term's months say little, and by themselves make a tail so heavy that no change passes the
    correction for ten thousand tests. Those of all tell how much a term jumps (Smyth 2004); one that jumps more is not
    like the others.
    """
    kept = np.flatnonzero(bases).tolist()
    found = dispersion.estimate(
        counts[:, kept], bases[kept], [places[place] for place in kept], unit, [blocks[place] for place in kept]
    ) if kept and len(counts) else []  # fmt: skip
    if not found or all(one.df is None for one in found):
        return Spread(np.ones(len(counts)), np.full(len(counts), np.inf), False)
    own = np.array([one.phi for one in found])
    df = np.array([one.df or np.inf for one in found])
    if int(asked.sum()) < MANY:
        return Spread(own, df, True)
    return Spread(np.maximum(own, own[asked].mean()), df + PRIOR, True)


def testable(one: Ints, two: Ints) -> Truths:
    """Which terms have enough submissions in one of two periods to be tested."""
    return np.maximum(one, two) >= FEW


def judged(one: Ints, base_1: int, two: Ints, base_2: int, spread: Spread) -> Judged:
    """The tests of all terms, from `one` of `base_1` submissions to `two` of `base_2`, as one family."""
    p = np.full(len(one), np.nan)
    tested = np.flatnonzero(testable(one, two)) if base_1 and base_2 else np.zeros(0, np.intp)
    sides = np.array([one, np.full(len(one), base_1), two, np.full(len(one), base_2)], float)[:, tested]
    p[tested] = change.ratio_test(sides, spread.phi[tested], spread.df[tested])
    q = adjusted(p)
    points = two * float(base_1) - one * float(base_2)
    return Judged(p, q, np.where(q <= FALSE, np.sign(points), 0).astype(np.int64))


def adjusted(p: Floats) -> Floats:
    """`change.adjusted` of many: NaN is not in the family."""
    found = np.full(len(p), np.nan)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    steps = p[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return found


def changes(one: Ints, base_1: int, two: Ints, base_2: int, spread: Spread) -> list[Change]:
    """The changes of some terms, with the intervals that `judged` tests by."""
    rows = zip(one.tolist(), two.tolist(), spread.phi.tolist(), spread.df.tolist(), strict=True)
    return change.compared(
        Sides(before, base_1, after, base_2, phi, df if np.isfinite(df) else None) for before, after, phi, df in rows
    )
