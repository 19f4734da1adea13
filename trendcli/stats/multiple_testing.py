"""Correction for many tests at once: q-values, which control the false discovery rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trendcli.stats.distributions import FloatArray


def benjamini_hochberg(p_values: Sequence[float | None] | FloatArray) -> FloatArray:
    """Return the q-values of n p-values by the step-up procedure of Benjamini and Hochberg (1995), a float array (n,).

    A test that was not made, None or NaN, is not in the family: it does not count in the correction, and its q is NaN.
    Where all tests with q ≤ α are called discoveries, the expected fraction of false ones among them is at most α, for
    tests that are independent or positively dependent. Equals multipletests(method="fdr_bh") of statsmodels.
    """
    p = np.asarray(p_values, float)
    q = np.full(len(p), np.nan)
    ranked = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN sorts to the end
    ratios = p[ranked] * len(ranked) / np.arange(1, len(ranked) + 1)
    q[ranked] = np.minimum(np.minimum.accumulate(ratios[::-1])[::-1], 1.0)
    return q
