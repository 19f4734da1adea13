from __future__ import annotations

from math import isclose, log

from hypothesis import given
from hypothesis import strategies as st

from trendcli.reports.curation.acronyms import (
    SURROUNDING_CHARS,
    compute_word_weights,
    estimate_recall,
    find_words,
    is_same_sense,
    surrounding_words,
    typical_words,
)


def test_the_words_around_a_match_are_found() -> None:
    assert find_words("The Networks process x analysis") == {"the", "network", "process", "analysis"}
    text = f"{'left ' * 60}RNN {'right ' * 60}"
    start = text.index("RNN")
    assert surrounding_words(text, start, start + 3) == {"left", "right"}
    assert surrounding_words(text, start, start + 3, excluded_words={"left"}) == {"right"}
    # within SURROUNDING_CHARS, and not beyond
    far = f"far {'x' * SURROUNDING_CHARS} RNN"
    assert "far" not in surrounding_words(far, len(far) - 3, len(far))


SENSE = [frozenset({"learn", "graph"})] * 6 + [frozenset({"learn"})] * 2
OTHER = [frozenset({"radar", "learn"})] * 4 + [frozenset({"radar"})] * 4


def test_weights_are_logarithms_of_odds() -> None:
    weights = compute_word_weights(SENSE, OTHER)
    assert isclose(weights["graph"], log((6.5 / 9) / (0.5 / 9)))
    assert isclose(weights["learn"], log((8.5 / 9) / (4.5 / 9)))
    assert isclose(weights["radar"], log((0.5 / 9) / (8.5 / 9)))
    assert is_same_sense({"graph"}, weights) and not is_same_sense({"radar", "learn"}, weights)
    assert not is_same_sense({"unheard"}, weights)
    assert compute_word_weights([{"once"}], [{"twice"}]) == {}  # fewer than MIN_SURROUNDINGS contain them
    # of the background at most MAX_BACKGROUND_RATIO as many are used
    assert isclose(compute_word_weights(SENSE[:4], OTHER * 9)["graph"], log((4.5 / 5) / (0.5 / 11)))


def test_recall_judges_each_half_by_the_other() -> None:
    assert estimate_recall(SENSE, OTHER) == 1.0
    assert estimate_recall(OTHER, SENSE) == 1.0
    assert estimate_recall([frozenset({"same"})] * 8, [frozenset({"same"})] * 8) == 0.0


def test_typical_words_occur_twice_and_have_threefold_odds() -> None:
    here = [frozenset({"radar", "the"}), frozenset({"radar", "the", "once"}), frozenset({"radar", "the"})]
    there = [frozenset({"the"})] * 5
    assert typical_words(here, there, 5) == ["radar"]
    assert typical_words([], there, 5) == []


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=2, max_size=12))
def test_a_list_has_no_weights_against_itself(surroundings: list[set[str]]) -> None:
    assert all(abs(value) < 1e-12 for value in compute_word_weights(surroundings, surroundings).values())
