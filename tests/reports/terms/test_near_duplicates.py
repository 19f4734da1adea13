from __future__ import annotations

import numpy as np

from trendcli.reports.terms.near_duplicates import DocumentIndices, drop_subsumed, group_near_duplicates


def documents(*numbers: int) -> DocumentIndices:
    return np.array(numbers, np.int32)


def test_terms_of_the_same_submissions_are_one_group() -> None:
    terms = {
        "graph neural": documents(1, 2, 3, 4),
        "graph neural network": documents(1, 2, 3, 4),
        "gnn": documents(2, 3),  # by its definition
        "graph": documents(1, 2, 3, 4, 5, 6),  # four of six
        "logic": documents(8, 9),
        "neural logic": documents(8),  # one of two
        "bert": documents(8, 9),  # shares no word with "logic"
    }
    names = list(terms)
    groups = group_near_duplicates(names, list(terms.values()), {"gnn": "graph neural network"})
    assert [[names[index] for index in group] for group in groups] == [
        ["graph neural network", "graph neural", "gnn"], ["graph"], ["logic"], ["neural logic"], ["bert"],
    ]  # fmt: skip


def test_an_acronym_that_more_submissions_contain_names_the_group() -> None:
    terms = ["short memory", "sm"]
    assert group_near_duplicates(terms, [documents(1, 2), documents(1, 2, 3)], {"sm": "short memory"}) == [[1, 0]]
    assert group_near_duplicates(terms, [documents(1, 2), documents(1, 2)], {"sm": "short memory"}) == [[0, 1]]


def test_a_part_of_a_longer_term_with_no_other_submission_is_dropped() -> None:
    terms = ["chain", "monte carlo", "chain monte carlo", "carlo", "monte"]
    assert drop_subsumed(terms, np.array([9, 4, 4, 4, 5])).tolist() == [True, False, True, False, True]
