from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.stats.decomposition import decompose_share_change

PART = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)).map(
    lambda part: (min(part[0], part[1]), part[1], min(part[2], part[3]), part[3])
)


@given(st.lists(PART, min_size=1, max_size=8))
def test_the_terms_add_up_to_the_change(parts: list[tuple[int, int, int, int]]) -> None:
    whole = [sum(part[place] for part in parts) for place in range(4)]
    if not whole[1] or not whole[3]:
        return
    found = decompose_share_change(parts)
    assert sum(term.within + term.mix for term in found) == pytest.approx(
        whole[2] / whole[3] - whole[0] / whole[1], abs=1e-12
    )


def test_shares_that_change_inside_alone_and_weights_that_change_alone() -> None:
    inside = decompose_share_change([(10, 100, 20, 100), (10, 100, 20, 100)])
    assert [(term.within, term.mix) for term in inside] == [(pytest.approx(0.05), 0), (pytest.approx(0.05), 0)]
    # 10 % of one category and 50 % of the other in both periods, but the second has grown
    moved = decompose_share_change([(10, 100, 10, 100), (50, 100, 150, 300)])
    assert sum(term.within for term in moved) == 0
    assert sum(term.mix for term in moved) == pytest.approx(160 / 400 - 60 / 200)


def test_a_category_that_is_new_is_mix_alone() -> None:
    new = decompose_share_change([(10, 100, 10, 100), (0, 0, 50, 100)])
    assert new[1].within == 0
    assert sum(term.within + term.mix for term in new) == pytest.approx(60 / 200 - 10 / 100)
