from __future__ import annotations

import pytest

from trendcli.reports.terms.stopwords import GENERIC_WORDS, NON_PLURALS, STOPWORDS, is_stopword_phrase


@pytest.mark.parametrize("term", ["large scale", "state of the art", "model", "models", "results of experiments"])
def test_a_term_of_common_words_alone_is_a_stopword_phrase(term: str) -> None:
    assert is_stopword_phrase(term)


@pytest.mark.parametrize("term", ["language model", "neural network", "graph"])
def test_one_word_of_a_field_makes_a_term(term: str) -> None:
    assert not is_stopword_phrase(term)


def test_the_lists_are_lower_case_words_as_tokens_have_them() -> None:
    for word in STOPWORDS | GENERIC_WORDS | NON_PLURALS:
        assert word.isascii() and word.isalnum() and word == word.lower(), word
    assert all(word.endswith(("s", "sensing")) for word in NON_PLURALS)
    assert not STOPWORDS & GENERIC_WORDS
