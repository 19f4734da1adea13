from __future__ import annotations

import pytest

from trendcli.core.words import CONTEXT_WORD, SEARCH_WORD, TITLE_WORD, split_words

TEXT = "A C++ library_2 for Self-Attention in Alzheimer's; Schrödinger"


@pytest.mark.parametrize(
    ("word_pattern", "words"),
    [
        (SEARCH_WORD, ["a", "c", "library", "2", "for", "self", "attention", "in", "alzheimer", "s", "schrödinger"]),
        (TITLE_WORD, ["a", "c++", "library", "2", "for", "self-attention", "in", "alzheimer's", "schr", "dinger"]),
        (CONTEXT_WORD, ["library", "for", "self", "attention", "in", "alzheimer", "schr", "dinger"]),
    ],
)
def test_each_word_pattern_splits_text_its_own_way(word_pattern: str, words: list[str]) -> None:
    assert split_words(TEXT, word_pattern) == words
