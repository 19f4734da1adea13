from __future__ import annotations

import re
from datetime import date

import pytest

from trendcli.core.arxiv import STRUCTURAL_BREAKS, find_breaks


@pytest.mark.parametrize(
    ("categories", "years", "days"),
    [
        (["cs.LG"], (2010, 2026), ["2025-10-31"]),
        (["cs.LG"], (2010, 2025), []),
        (["eess.SY", "cs.RO"], (2015, 2020), ["2019-06-11"]),
        (["eess.*"], (2015, 2020), ["2017-09-18", "2019-06-11"]),
        (["stat.ML"], (2000, 2010), ["2007-04-01"]),
        (["hep-th"], (1990, 2030), []),
    ],
)
def test_breaks_in_a_window(categories: list[str], years: tuple[int, int], days: list[str]) -> None:
    found = find_breaks(date(years[0], 1, 1), date(years[1], 1, 1), categories)
    assert [str(item.day) for item in found] == days


def test_breaks_are_of_categories_that_exist() -> None:
    for item in STRUCTURAL_BREAKS:
        for glob in item.categories:
            assert re.fullmatch(r"[a-z-]+(\.(\*|[A-Za-z-]+))?", glob), glob
        assert item.description and item.source
    assert [item.day for item in STRUCTURAL_BREAKS] == sorted(item.day for item in STRUCTURAL_BREAKS)
