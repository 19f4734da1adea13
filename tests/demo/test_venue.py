"""The made-up conference: the same each time, and what was planted in it is there."""

from __future__ import annotations

from trendcli.demo import venue


def test_the_lists_are_the_same_each_time() -> None:
    one, other = venue.build_lists(), venue.build_lists()
    assert one == other
    assert {year: len(papers) for year, papers in one.items()} == venue.YEARLY_COUNTS
    assert len({paper["id"] for papers in one.values() for paper in papers}) == sum(venue.YEARLY_COUNTS.values())


def test_what_was_planted_is_there() -> None:
    active = [paper for paper in venue.build_lists()[2019] if paper["status"] in ("Oral", "Poster", "Reject")]

    def rate(word: str) -> float:
        about = [paper for paper in active if word in paper["keywords"].split(";")]
        return sum(paper["status"] != "Reject" for paper in about) / len(about)

    assert rate("gnn") > 0.5 > rate("deep learning") > 0.33 > rate("rnn")
