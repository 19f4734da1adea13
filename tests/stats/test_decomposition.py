from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.stats.decomposition import decompose_share_change

GROUP = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)).map(
    lambda group: (min(group[0], group[1]), group[1], min(group[2], group[3]), group[3])
)


@given(st.lists(GROUP, min_size=1, max_size=8))
def test_contributions_add_up_to_the_change(groups: list[tuple[int, int, int, int]]) -> None:
    overall = [sum(group[column] for group in groups) for column in range(4)]
    if not overall[1] or not overall[3]:
        return
    contributions = decompose_share_change(groups)
    assert sum(one.within + one.mix for one in contributions) == pytest.approx(
        overall[2] / overall[3] - overall[0] / overall[1], abs=1e-12
    )


def test_shares_that_change_within_and_weights_that_change() -> None:
    within_only = decompose_share_change([(10, 100, 20, 100), (10, 100, 20, 100)])
    assert [(one.within, one.mix) for one in within_only] == [(pytest.approx(0.05), 0), (pytest.approx(0.05), 0)]
    # 10 % of one category and 50 % of the other in both periods, but the second has grown
    mix_only = decompose_share_change([(10, 100, 10, 100), (50, 100, 150, 300)])
    assert sum(one.within for one in mix_only) == 0
    assert sum(one.mix for one in mix_only) == pytest.approx(160 / 400 - 60 / 200)


def test_a_new_category_contributes_by_mix_alone() -> None:
    new = decompose_share_change([(10, 100, 10, 100), (0, 0, 50, 100)])
    assert new[1].within == 0
    assert sum(one.within + one.mix for one in new) == pytest.approx(60 / 200 - 10 / 100)
