from __future__ import annotations

import pytest

from trendcli.stats.turning_points import find_crossovers, find_first_occurrence, find_resurgence


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ([3, 3, 3, 1, 1, 1], [2, 2, 2, 2, 2, 2], [(3, False)]),
        ([1, 1, 1, 3, 3, 3], [2, 2, 2, 2, 2, 2], [(3, True)]),
        ([3, 3, 3, 1, 1, 3], [2, 2, 2, 2, 2, 2], []),  # it does not stay
        ([3, 3, 3, 1, 1, 1, 3, 3, 3], [2] * 9, [(3, False), (6, True)]),
        ([3, 3, 1, 1, 1, 1], [2] * 6, []),  # nobody was above for three periods before
        ([3, 3, 3, 2, 1, 1, 1], [2] * 7, [(4, False)]),  # equal is not above
        ([3, 3, 3, None, 1, 1, 1], [2] * 7, []),  # what happened in the hole is not known
        ([3, 3, 3, 1, 3, 1, 1, 1], [2] * 8, [(5, False)]),
        ([], [], []),
    ],
)
def test_crossings(first: list[float | None], second: list[float | None], found: list[tuple[int, bool]]) -> None:
    assert find_crossovers(first, second) == found
    assert find_crossovers(second, first) == [(place, not above) for place, above in found]


def test_rows_that_overlap_have_to_stay_above_for_longer() -> None:
    first, second = [1.0] * 6 + [3.0] * 6, [2.0] * 12
    assert find_crossovers(first, second, 6) == [(6, True)]
    assert find_crossovers(first[:-1], second[:-1], 6) == []


@pytest.mark.parametrize(
    ("counts", "place"),
    [([0, 0, 3, 1], 2), ([3, 1], None), ([0, None, 3], None), ([0, 0], None), ([], None), ([0, 1, None], 1)],
)
def test_first_seen(counts: list[int | None], place: int | None) -> None:
    assert find_first_occurrence(counts) == place


def test_comeback() -> None:
    flat, up = "no clear change", "rising"
    assert find_resurgence([0.5, 0.5, 0.01, 0.02, 0.01, 0.2], [flat] * 5 + [up]) == 5
    assert find_resurgence([0.5, 0.01, 0.02, 0.01, 0.01, 0.2], [flat] * 5 + [up]) == 5
    assert find_resurgence([0.5, 0.5, 0.01, 0.02, 0.01, 0.2], [flat] * 6) is None  # it may be chance
    assert find_resurgence([0.5, 0.5, 0.5, 0.02, 0.01, 0.2], [flat] * 5 + [up]) is None  # two quiet years
    assert find_resurgence([0.5, 0.5, 0.01, 0.06, 0.01, 0.2], [flat] * 5 + [up]) is None  # a tenth of 0.5 is 0.05
    assert (
        find_resurgence([0.5, 0.5, 0.01, None, 0.01, 0.2], [flat] * 5 + [up]) is None
    )  # nobody knows how quiet it was
    assert find_resurgence([0.01, 0.01, 0.01, 0.2], [flat] * 3 + [up]) is None  # a beginning
    assert find_resurgence([], []) is None
