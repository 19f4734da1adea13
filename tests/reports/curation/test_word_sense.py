from __future__ import annotations

from collections.abc import Callable

from trendcli.core.report import Report
from trendcli.core.types import Submission

OURS = "Nodes and edges of molecules are embedded by a {} whose layers pass messages between neighbours."
THEIRS = "Radar echoes of aircraft are assigned to tracks by a {} filter with gates around each prediction."
TOPICS = "topics: {gnn: {name: GNN, phrases: [graph neural network], acronyms: [GNN]}}"


def test_an_acronym_in_another_context_has_another_meaning(
    papers: Callable[..., list[Submission]], check: Callable[..., Report]
) -> None:
    with_phrase = papers("2012-03-01", 40, OURS.format("graph neural network"))
    same_meaning = papers("2012-03-02", 12, OURS.format("GNN"))
    other_meaning = papers("2012-03-03", 6, THEIRS.format("GNN"), categories="eess.SP")
    background = papers("2012-03-04", 60, THEIRS.format("Kalman"), categories="cs.RO")
    (row,) = check([*with_phrase, *same_meaning, *other_meaning, *background], TOPICS).rows
    assert (row["topic"], row["finding"], row["of"]) == ("gnn", "other-meaning", "GNN")
    assert "its context fits the topic in only 0 of 6 submissions in eess.SP; typical words: " in row["detail"]
    assert "aircraft" in row["detail"]
    assert len(row["ids"]) == 5 and set(row["ids"]) <= {paper.id for paper in other_meaning}
    # two submissions are too few to tell, even if neither fits
    assert check([*with_phrase, *same_meaning, *other_meaning[:2], *background], TOPICS).rows == []
    # restricted to other categories, the topic does not match it
    restricted = TOPICS.replace("acronyms: [GNN]", "acronyms: [GNN], categories: [cs.*]")
    assert check([*with_phrase, *same_meaning, *other_meaning, *background], restricted).rows == []


def test_small_categories_are_tested_as_one_group(
    papers: Callable[..., list[Submission]], check: Callable[..., Report]
) -> None:
    submissions = papers("2012-03-01", 40, OURS.format("graph neural network"))
    submissions += papers("2012-03-02", 12, OURS.format("GNN"))
    submissions += papers("2012-03-04", 60, THEIRS.format("Kalman"), categories="cs.RO")
    for category in ("eess.SP", "eess.SY", "cs.CE"):
        submissions += papers("2012-03-03", 2, THEIRS.format("GNN"), categories=category)
    (row,) = check(submissions, TOPICS).rows
    assert "in only 0 of 6 submissions in small categories" in row["detail"]
