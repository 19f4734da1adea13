"""The synthetic conference: the same each time, and with its planted acceptance."""

from __future__ import annotations

import pytest

from trendcli.demo.venue import YEARLY_COUNTS, build_lists


@pytest.mark.journey
def test_the_lists_are_the_same_each_time() -> None:
    lists = build_lists()
    assert build_lists() == lists
    assert {year: len(entries) for year, entries in lists.items()} == YEARLY_COUNTS
    assert len({entry["id"] for entries in lists.values() for entry in entries}) == sum(YEARLY_COUNTS.values())


@pytest.mark.journey
def test_the_planted_acceptance_is_there() -> None:
    active = [entry for entry in build_lists()[2019] if entry["status"] in ("Oral", "Poster", "Reject")]

    def acceptance_rate(keyword: str) -> float:
        about = [entry for entry in active if keyword in entry["keywords"].split(";")]
        return sum(entry["status"] != "Reject" for entry in about) / len(about)

    assert acceptance_rate("gnn") > 0.5 > acceptance_rate("deep learning") > 0.33 > acceptance_rate("rnn")
