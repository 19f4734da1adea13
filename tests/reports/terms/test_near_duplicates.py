from __future__ import annotations

import numpy as np

from trendcli.reports.terms import near_duplicates as folding


def held(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def test_common_words_alone_say_nothing() -> None:
    assert (
        folding.is_stopword_phrase("large scale")
        and folding.is_stopword_phrase("state of the art")
        and folding.is_stopword_phrase("model")
    )
    assert not folding.is_stopword_phrase("language model") and not folding.is_stopword_phrase("neural network")


def test_what_is_spread_alike_over_the_categories_is_common_language() -> None:
    bases = np.array([1000, 1000, 1000, 1000, 1000, 1000, 50])
    counts = np.array([[100, 110, 95, 104, 99, 102, 50], [300, 20, 40, 100, 48, 60, 0], [16, 17, 16, 17, 16, 16, 0]])
    # the third is alike as well, but too rare to tell, and the smallest category has no say
    assert folding.is_evenly_spread(counts, bases).tolist() == [True, False, False]
    assert not folding.is_evenly_spread(counts[:, :5], bases[:5]).any()  # too few categories


def test_terms_of_the_same_submissions_are_one_row() -> None:
    terms = ["graph neural", "graph neural network", "gnn", "graph", "logic", "neural logic", "bert"]
    holders = [held(1, 2, 3, 4), held(1, 2, 3, 4), held(2, 3), held(1, 2, 3, 4, 5, 6), held(8, 9), held(8), held(8, 9)]
    groups = folding.group_near_duplicates(terms, holders, {"gnn": "graph neural network"})
    assert [[terms[one] for one in group] for group in groups] == [
        ["graph neural network", "graph neural", "gnn"], ["graph"], ["logic"], ["neural logic"], ["bert"],
    ]  # fmt: skip
    # an acronym that more submissions hold gives the name
    more = folding.group_near_duplicates(["short memory", "sm"], [held(1, 2), held(1, 2, 3)], {"sm": "short memory"})
    assert more == [[1, 0]]


def test_an_acronym_stands_for_what_most_of_its_definitions_say() -> None:
    defined = {
        ("gan", "adversarial network"): 9,
        ("gan", "gallium nitride"): 3,
        ("ml", "once"): 1,
        ("pa", "a"): 2,
        ("pa", "b"): 2,
    }
    assert folding.find_long_forms(defined) == {"gan": "adversarial network"}


def test_a_part_of_a_longer_term_with_no_other_submission_is_no_other_test() -> None:
    terms = ["chain", "monte carlo", "chain monte carlo", "carlo", "monte"]
    assert folding.drop_subsumed(terms, np.array([9, 4, 4, 4, 5])).tolist() == [True, False, True, False, True]
