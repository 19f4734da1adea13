from __future__ import annotations

from math import isclose, log

from hypothesis import given
from hypothesis import strategies as st

from trendcli.reports.curation import acronyms


def test_definitions_end_before_the_bracket_and_begin_with_the_first_letter() -> None:
    def of(acronym: str, text: str) -> list[str]:
        return list(acronyms.iter_long_forms(acronym, text))

    assert of("GNN", "We train a graph neural network (GNN) on molecules.") == ["graph neural network"]
    assert of("GNN", "Graph-based neural networks (GNNs), and a global nearest neighbor (GNN)") == [
        "graph-based neural networks",
        "global nearest neighbor",
    ]
    # the letters of a longer name: what stands before DRNN is no definition of RNN, and the shortest run is taken
    assert of("DRNN", "deep recurrent neural networks (DRNN)") == ["deep recurrent neural networks"]
    assert of("RNN", "deep recurrent neural networks (DRNN)") == []
    assert of("SVM", "a support of the support vector machine (SVM; see below)") == ["support vector machine"]
    assert of("XYZ", "nothing that spells it (XYZ)") == []
    # at most 2n words before the bracket are looked at
    assert of("AB", "all of this and much more than a few words bring (AB)") == ["a few words b" + "ring"]


def test_words_around_a_mention() -> None:
    assert acronyms.find_words("The Networks process x analysis") == {"the", "network", "process", "analysis"}
    text = f"{'left ' * 60}RNN {'right ' * 60}"
    start = text.index("RNN")
    assert acronyms.surrounding_words(text, start, start + 3) == {"left", "right"}
    assert acronyms.surrounding_words(text, start, start + 3, excluded_words={"left"}) == {"right"}
    # within REACH characters, and not beyond
    far = f"far {'x' * acronyms.SURROUNDING_CHARS} RNN"
    assert "far" not in acronyms.surrounding_words(far, len(far) - 3, len(far))


LIKE = [frozenset({"learn", "graph"})] * 6 + [frozenset({"learn"})] * 2
OTHER = [frozenset({"radar", "learn"})] * 4 + [frozenset({"radar"})] * 4


def test_weights_are_logarithms_of_odds() -> None:
    found = acronyms.compute_word_weights(LIKE, OTHER)
    assert isclose(found["graph"], log((6.5 / 9) / (0.5 / 9)))
    assert isclose(found["learn"], log((8.5 / 9) / (4.5 / 9)))
    assert isclose(found["radar"], log((0.5 / 9) / (8.5 / 9)))
    assert acronyms.is_same_sense({"graph"}, found) and not acronyms.is_same_sense({"radar", "learn"}, found)
    assert not acronyms.is_same_sense({"unheard"}, found)
    assert acronyms.compute_word_weights([{"once"}], [{"twice"}]) == {}  # fewer than RARE surroundings hold them
    # of the other side at most BESIDE as many are taken
    assert isclose(acronyms.compute_word_weights(LIKE[:4], OTHER * 9)["graph"], log((4.5 / 5) / (0.5 / 11)))


def test_recognised_judges_each_half_by_the_other() -> None:
    assert acronyms.estimate_recall(LIKE, OTHER) == 1.0
    assert acronyms.estimate_recall(OTHER, LIKE) == 1.0
    assert acronyms.estimate_recall([frozenset({"same"})] * 8, [frozenset({"same"})] * 8) == 0.0


def test_typical_words_come_twice_and_are_of_threefold_odds() -> None:
    here = [frozenset({"radar", "the"}), frozenset({"radar", "the", "once"}), frozenset({"radar", "the"})]
    there = [frozenset({"the"})] * 5
    assert acronyms.typical_words(here, there, 5) == ["radar"]
    assert acronyms.typical_words([], there, 5) == []


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=2, max_size=12))
def test_nothing_tells_a_list_from_itself(surroundings: list[set[str]]) -> None:
    assert all(abs(value) < 1e-12 for value in acronyms.compute_word_weights(surroundings, surroundings).values())
