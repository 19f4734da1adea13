"""Screening: which of very many terms rise or fall, as one family of tests with a pooled overdispersion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendcli.stats.distributions import FloatArray, IntArray
from trendcli.stats.multiple_testing import benjamini_hochberg
from trendcli.stats.overdispersion import estimate_overdispersion
from trendcli.stats.proportions import FDR, MIN_COUNT, Change, TwoProportions, compute_changes, risk_ratio_test

BoolArray = NDArray[np.bool_]

# terms from which their overdispersion is pooled; this and PRIOR_DF are the smallest that hold the rate of false
# verdicts where days, weeks or months are permuted (docs/explanation/terms.md)
MIN_POOLED_TERMS = 100
# degrees of freedom that the pool adds to a term's own, as that many months of its own would
PRIOR_DF = 60


class TermOverdispersion(NamedTuple):
    """The overdispersion of n terms: `phi` (φ ≥ 1) and its degrees of freedom `df`, both float arrays of shape (n,).

    `df` is infinite where φ was not estimated. `is_estimated` is False where it was for no term.
    """

    phi: FloatArray
    df: FloatArray
    is_estimated: bool

    def select_terms(self, rows: IntArray) -> TermOverdispersion:
        """Return the overdispersion of some terms, by their positions."""
        return TermOverdispersion(self.phi[rows], self.df[rows], self.is_estimated)


class ScreeningResult(NamedTuple):
    """The tests of n terms, arrays of shape (n,).

    `p` and `q` are floats, NaN where a term was not tested; `direction` holds integers: 1 where a term rises, -1 where
    it falls, 0 where neither is clear at the false discovery rate FDR.
    """

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
    """Estimate the overdispersion of each term, a row of `counts` (terms × periods).

    `totals` has shape (periods,), and periods with a total of 0 are left out; `time_index`, `unit` and `segment_of` are
    those of `estimate_overdispersion`. `in_pool`, shape (terms,), marks the terms that the pooled estimate is made
    from.

    With MIN_POOLED_TERMS or more in the pool, φ is the larger of a term's own and the mean of the pool, with PRIOR_DF
    degrees of freedom added to its own. The months of a single term say little, and alone make a tail so heavy that no
    change passes the correction for ten thousand tests; all terms together show how much a term varies (Smyth 2004),
    and one that varies more keeps its own estimate. With a smaller pool each term stands alone.
    """
    periods = np.flatnonzero(totals).tolist()
    estimates = (
        estimate_overdispersion(
            counts[:, periods],
            totals[periods],
            [time_index[period] for period in periods],
            unit,
            [segment_of[period] for period in periods],
        )
        if periods and len(counts)
        else []
    )
    if not estimates or all(estimate.df is None for estimate in estimates):
        return TermOverdispersion(np.ones(len(counts)), np.full(len(counts), np.inf), False)
    phi = np.array([estimate.phi for estimate in estimates])
    df = np.array([estimate.df or np.inf for estimate in estimates])
    if np.count_nonzero(in_pool) < MIN_POOLED_TERMS:
        return TermOverdispersion(phi, df, True)
    return TermOverdispersion(np.maximum(phi, phi[in_pool].mean()), df + PRIOR_DF, True)


def is_testable(counts_1: IntArray, counts_2: IntArray) -> BoolArray:
    """Return which terms have MIN_COUNT submissions or more in one of two periods."""
    return np.maximum(counts_1, counts_2) >= MIN_COUNT


def screen_terms(
    counts_1: IntArray, total_1: int, counts_2: IntArray, total_2: int, overdispersion: TermOverdispersion
) -> ScreeningResult:
    """Test the change of n terms between two periods, as one family.

    `counts_1` of `total_1` submissions have each term in the earlier period, `counts_2` of `total_2` in the later one;
    both have shape (n,). Only testable terms are tested, and none where a total is 0.
    """
    p = np.full(len(counts_1), np.nan)
    tested = np.flatnonzero(is_testable(counts_1, counts_2)) if total_1 and total_2 else np.zeros(0, np.intp)
    totals_1, totals_2 = np.full(len(counts_1), total_1), np.full(len(counts_1), total_2)
    proportions = np.array([counts_1, totals_1, counts_2, totals_2], float)[:, tested]
    p[tested] = risk_ratio_test(proportions, overdispersion.phi[tested], overdispersion.df[tested])
    q = benjamini_hochberg(p)
    differences = counts_2 * float(total_1) - counts_1 * float(total_2)
    return ScreeningResult(p, q, np.where(q <= FDR, np.sign(differences), 0).astype(np.int64))


def compute_term_changes(
    counts_1: IntArray, total_1: int, counts_2: IntArray, total_2: int, overdispersion: TermOverdispersion
) -> list[Change]:
    """Return the changes of n terms, with the intervals that belong to the tests of `screen_terms`; its arguments."""
    rows = zip(
        counts_1.tolist(), counts_2.tolist(), overdispersion.phi.tolist(), overdispersion.df.tolist(), strict=True
    )
    return compute_changes(
        TwoProportions(count_1, total_1, count_2, total_2, phi, df if np.isfinite(df) else None)
        for count_1, count_2, phi, df in rows
    )
