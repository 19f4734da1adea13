"""Which of very many terms rise or fall: one family of tests, in which all tell how much counts jump anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats import overdispersion as dispersion
from trendcli.stats import proportions as change
from trendcli.stats.proportions import FDR, MIN_COUNT, Change, TwoProportions

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


# from so many terms on they tell of each other, for as much as so many months of a term's own would; as few as hold
# the rate of false verdicts where days, weeks or months are dealt out anew (docs/explanation/terms.md)
MIN_POOLED_TERMS, PRIOR_DF = 100, 60


class TermOverdispersion(NamedTuple):
    """Of each term its dispersion φ and its degrees of freedom (infinite: the normal); `known`: it was estimated."""

    phi: FloatArray
    df: FloatArray
    is_estimated: bool

    def select_terms(self, rows: IntArray) -> TermOverdispersion:
        """That of some terms."""
        return TermOverdispersion(self.phi[rows], self.df[rows], self.is_estimated)


class ScreeningResult(NamedTuple):
    """Of each term p (NaN where it was not tested), q, and 1 where it rises, -1 where it falls, else 0."""

    p: FloatArray
    q: FloatArray
    direction: IntArray


def estimate_term_overdispersion(
    counts: IntArray,
    totals: IntArray,
    time_index: Sequence[int],
    unit: str,
    segment_of: Sequence[int],
    in_pool: BoolArray,
) -> TermOverdispersion:
    """The dispersion of each term (rows of `counts`, terms × periods), as `dispersion.estimate` has it.

    Of MANY that are `asked` for it is the larger of a term's own and the mean of these, with PRIOR degrees of freedom
    beside its own: one term's months say little, and by themselves make a tail so heavy that no change passes the
    correction for ten thousand tests. Those of all tell how much a term jumps (Smyth 2004); one that jumps more is not
    like the others.
    """
    kept = np.flatnonzero(totals).tolist()
    found = dispersion.estimate_overdispersion(
        counts[:, kept], totals[kept], [time_index[place] for place in kept], unit, [segment_of[place] for place in
        kept]
    ) if kept and len(counts) else []  # fmt: skip
    if not found or all(one.df is None for one in found):
        return TermOverdispersion(np.ones(len(counts)), np.full(len(counts), np.inf), False)
    own = np.array([one.phi for one in found])
    df = np.array([one.df or np.inf for one in found])
    if int(in_pool.sum()) < MIN_POOLED_TERMS:
        return TermOverdispersion(own, df, True)
    return TermOverdispersion(np.maximum(own, own[in_pool].mean()), df + PRIOR_DF, True)


def is_testable(counts_1: IntArray, counts_2: IntArray) -> BoolArray:
    """Which terms have enough submissions in one of two periods to be tested."""
    return np.maximum(counts_1, counts_2) >= MIN_COUNT


def test_many(
    counts_1: IntArray, total_1: int, counts_2: IntArray, total_2: int, overdispersion: TermOverdispersion
) -> ScreeningResult:
    """The tests of all terms, from `one` of `base_1` submissions to `two` of `base_2`, as one family."""
    p = np.full(len(counts_1), np.nan)
    tested = np.flatnonzero(is_testable(counts_1, counts_2)) if total_1 and total_2 else np.zeros(0, np.intp)
    sides = np.array([counts_1, np.full(len(counts_1), total_1), counts_2, np.full(len(counts_1), total_2)], float)[
        :, tested
    ]
    p[tested] = change.risk_ratio_test(sides, overdispersion.phi[tested], overdispersion.df[tested])
    q = adjust_p_values(p)
    points = counts_2 * float(total_1) - counts_1 * float(total_2)
    return ScreeningResult(p, q, np.where(q <= FDR, np.sign(points), 0).astype(np.int64))


def adjust_p_values(p_values: FloatArray) -> FloatArray:
    """`change.adjusted` of many: NaN is not in the family."""
    found = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: int((~np.isnan(p_values)).sum())]
    steps = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return found


def compute_term_changes(
    counts_1: IntArray, total_1: int, counts_2: IntArray, total_2: int, overdispersion: TermOverdispersion
) -> list[Change]:
    """The changes of some terms, with the intervals that `judged` tests by."""
    rows = zip(
        counts_1.tolist(), counts_2.tolist(), overdispersion.phi.tolist(), overdispersion.df.tolist(), strict=True
    )
    return change.compute_changes(
        TwoProportions(before, total_1, after, total_2, phi, df if np.isfinite(df) else None)
        for before, after, phi, df in rows
    )
