from __future__ import annotations

import pytest

from trendcli.stats.turning_points import find_crossovers, find_first_occurrence, find_resurgence


@pytest.mark.parametrize(
    ("first", "second", "crossovers"),
    [
        ([3, 3, 3, 1, 1, 1], [2, 2, 2, 2, 2, 2], [(3, False)]),
        ([1, 1, 1, 3, 3, 3], [2, 2, 2, 2, 2, 2], [(3, True)]),
        ([3, 3, 3, 1, 1, 3], [2, 2, 2, 2, 2, 2], []),  # it does not stay
        ([3, 3, 3, 1, 1, 1, 3, 3, 3], [2] * 9, [(3, False), (6, True)]),
        ([3, 3, 1, 1, 1, 1], [2] * 6, []),  # nobody was above for three periods before
        ([3, 3, 3, 2, 1, 1, 1], [2] * 7, [(4, False)]),  # equal is not above
        ([3, 3, 3, None, 1, 1, 1], [2] * 7, []),  # nobody knows who was above in the gap
        ([3, 3, 3, 1, 3, 1, 1, 1], [2] * 8, [(5, False)]),
        ([], [], []),
    ],
)
def test_a_crossover_needs_three_periods_on_either_side(
    first: list[float | None], second: list[float | None], crossovers: list[tuple[int, bool]]
) -> None:
    assert find_crossovers(first, second) == crossovers
    assert find_crossovers(second, first) == [(index, not above) for index, above in crossovers]


def test_a_longer_lead_can_be_required() -> None:
    first, second = [1.0] * 6 + [3.0] * 6, [2.0] * 12
    assert find_crossovers(first, second, 6) == [(6, True)]
    assert find_crossovers(first[:-1], second[:-1], 6) == []


@pytest.mark.parametrize(
    ("counts", "index"),
    [([0, 0, 3, 1], 2), ([3, 1], None), ([0, None, 3], None), ([0, 0], None), ([], None), ([0, 1, None], 1)],
)
def test_the_first_occurrence_follows_a_known_zero(counts: list[int | None], index: int | None) -> None:
    assert find_first_occurrence(counts) == index


def test_a_resurgence_follows_three_quiet_years() -> None:
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
