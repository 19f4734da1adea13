from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from trendcli.stats.multiple_testing import benjamini_hochberg


def test_four_tests_by_hand() -> None:
    """4 tests in order of p: 0.01 · 4/1, 0.02 · 4/2, 0.03 · 4/3, 0.5 · 4/4, and no q above that of a larger p."""
    q = benjamini_hochberg([0.5, None, 0.01, 0.03, 0.02, np.nan])
    assert q == pytest.approx([0.5, np.nan, 0.04, 0.04, 0.04, np.nan], nan_ok=True)


def test_nothing_tested_gives_no_q() -> None:
    assert benjamini_hochberg([]).tolist() == []
    assert np.isnan(benjamini_hochberg([None, None])).all()


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=40))
def test_q_is_that_of_statsmodels(p_values: list[float | None]) -> None:
    q = benjamini_hochberg(p_values)
    is_tested = np.array([p is not None for p in p_values], bool)
    assert (np.isnan(q) == ~is_tested).all()
    if is_tested.any():
        reference = multipletests([p for p in p_values if p is not None], method="fdr_bh")[1]
        assert q[is_tested] == pytest.approx(reference, rel=1e-9, abs=1e-300)
