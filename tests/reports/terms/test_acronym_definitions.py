from __future__ import annotations

from collections import Counter

import pytest

from tests.reports.terms.worlds import tokenize
from trendcli.reports.terms.acronym_definitions import (
    count_definitions,
    find_long_forms,
    iter_long_forms,
    select_long_forms,
)

TEXTS = [
    ("Bags", "We use graph neural networks (GNNs), and a bag of words (BoW) of long short-term memory (LSTM)."),
    ("More", "Graph neural network (GNN) and area under the curve (AUC) by (ours) and recurrent networks (GNN)"),
]


def test_words_with_the_initials_of_an_acronym_in_brackets_define_it() -> None:
    assert count_definitions(tokenize(TEXTS), ["gnn", "bow", "lstm", "auc", "ours"]) == Counter(
        {
            ("gnn", "graph neural network"): 2,
            ("bow", "bag of words"): 1,
            ("lstm", "long short term memory"): 1,
            ("auc", "area under the curve"): 1,
        }
    )


def test_an_acronym_stands_for_what_is_defined_twice_and_mostly() -> None:
    counts = {
        ("gan", "adversarial network"): 9,
        ("gan", "gallium nitride"): 3,
        ("ml", "once"): 1,
        ("pa", "a"): 2,
        ("pa", "b"): 2,
    }
    assert select_long_forms(counts) == {"gan": "adversarial network"}
    assert find_long_forms(tokenize(TEXTS), ["gnn", "bow"]) == {"gnn": "graph neural network"}


@pytest.mark.parametrize(
    ("acronym", "text", "long_forms"),
    [
        ("GNN", "We train a graph neural network (GNN) on molecules.", ["graph neural network"]),
        (
            "GNN",
            "Graph-based neural networks (GNNs), and a global nearest neighbor (GNN)",
            ["graph-based neural networks", "global nearest neighbor"],
        ),
        ("VAE", "a variational autoencoder (VAE)", ["variational autoencoder"]),
        # what stands before DRNN defines no RNN
        ("DRNN", "deep recurrent neural networks (DRNN)", ["deep recurrent neural networks"]),
        ("RNN", "deep recurrent neural networks (DRNN)", []),
        # the shortest run of words
        ("SVM", "a support of the support vector machine (SVM; see below)", ["support vector machine"]),
        ("XYZ", "nothing that spells it (XYZ)", []),
        # only 2n words before the bracket are looked at
        ("AB", "all of this and much more than a few words bring (AB)", ["a few words bring"]),
    ],
)
def test_a_long_form_begins_with_the_first_letter_and_contains_the_others(
    acronym: str, text: str, long_forms: list[str]
) -> None:
    assert list(iter_long_forms(acronym, text)) == long_forms
