"""Which of very many terms rise or fall: one family of tests, in which all tell how much counts jump anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli import change, dispersion
from trendcli.change import FALSE, FEW, Change, Sides

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Judged(NamedTuple):
    """Of each term p (NaN where it was not tested), q, and 1 where it rises, -1 where it falls, else 0."""

    p: Floats
    q: Floats
    verdict: Ints


def spread(counts: Ints, bases: Ints, places: Sequence[int], unit: str, blocks: Sequence[int]) -> tuple[Floats, bool]:
    """The dispersion of each term (rows of `counts`, terms × periods), and whether it could be estimated.

    The larger of its own, as `dispersion.estimate` has it, and the mean of all: one term's months say little, and by
    themselves make a tail so heavy that no change passes the correction for ten thousand tests; those of all terms
    together say how much a term jumps, and a term that jumps more is not thought to be like the others.
    """
    kept = np.flatnonzero(bases).tolist()
    found = dispersion.estimate(
        counts[:, kept], bases[kept], [places[place] for place in kept], unit, [blocks[place] for place in kept]
    ) if len(kept) and len(counts) else []  # fmt: skip
    own = np.array([one.phi for one in found] or np.ones(len(counts)))
    known = any(one.df is not None for one in found)
    return np.maximum(own, own.mean() if len(own) else 1.0), known


def judged(one: Ints, base_1: int, two: Ints, base_2: int, phi: Floats) -> Judged:
    """The tests of all terms, from `one` of `base_1` submissions to `two` of `base_2`, as one family."""
    p = np.full(len(one), np.nan)
    tested = np.flatnonzero(np.maximum(one, two) >= FEW) if base_1 and base_2 else np.zeros(0, np.intp)
    sides = np.array([one, np.full(len(one), base_1), two, np.full(len(one), base_2)], float)[:, tested]
    p[tested] = change.ratio_test(sides, phi[tested], np.full(len(tested), np.inf))
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


def changes(one: Ints, base_1: int, two: Ints, base_2: int, phi: Floats) -> list[Change]:
    """The changes of some terms, with the intervals that `judged` tests by."""
    rows = zip(one.tolist(), two.tolist(), phi.tolist(), strict=True)
    return change.compared(Sides(before, base_1, after, base_2, spread) for before, after, spread in rows)
