from __future__ import annotations

import numpy as np

from tests.reports.terms.worlds import tokenize
from trendcli.reports.terms.tokens import (
    NEXT_IS_CLOSING,
    NEXT_IS_OPENING,
    NEXT_IS_OTHER,
    NEXT_IS_WORD,
    TokenizedDocuments,
    tokenize_batches,
)


def spell(tokens: TokenizedDocuments) -> list[str]:
    words = tokens.vocabulary.to_pylist()
    return [words[word_id] for block in tokens.blocks for word_id in block.word_ids.tolist()]


def singulars(*words: str) -> list[str]:
    tokens = tokenize([("", " ".join(words))])
    by_word = dict(zip(tokens.vocabulary.to_pylist(), tokens.singular_ids.tolist(), strict=True))
    return [tokens.vocabulary[by_word[word]].as_py() for word in words]


def test_words_are_runs_of_ascii_letters_digits_and_underscores_in_lower_case() -> None:
    assert spell(tokenize([("C++ x_1", "Alzheimer's self-Attention, naïve GPT2!")])) == [
        "c", "x_1", "alzheimer", "s", "self", "attention", "na", "ve", "gpt2",
    ]  # fmt: skip


def test_a_word_is_adjacent_behind_one_space_or_hyphen_alone() -> None:
    tokens = tokenize([("deep-nets learn", "graphs (GNN) and  trees, twice")])
    assert spell(tokens) == ["deep", "nets", "learn", "graphs", "gnn", "and", "trees", "twice"]
    assert tokens.blocks[0].next_kinds.tolist() == [
        NEXT_IS_WORD,
        NEXT_IS_WORD,
        NEXT_IS_OTHER,  # the end of the title
        NEXT_IS_OPENING,
        NEXT_IS_CLOSING,
        NEXT_IS_OTHER,  # two spaces
        NEXT_IS_OTHER,  # a comma
        NEXT_IS_OTHER,
    ]


def test_each_word_knows_its_submission() -> None:
    tokens = tokenize([("a b", "c"), ("", ""), ("d", ""), ("e f", "g h")], batch_size=3)
    assert tokens.document_count == 4
    assert [block.first_document for block in tokens.blocks] == [0, 3]
    assert [block.document_lengths.tolist() for block in tokens.blocks] == [[3, 0, 1], [4]]
    numbers = np.arange(4)
    assert [block.repeat_by_length(numbers).tolist() for block in tokens.blocks] == [[0, 0, 0, 2], [3, 3, 3, 3]]


def test_a_plural_s_goes_where_the_word_occurs_without_it() -> None:
    assert singulars("networks", "network") == ["network", "network"]
    assert singulars("networks") == ["networks"]
    assert singulars("gas", "ga", "loss", "los") == ["gas", "ga", "loss", "los"]  # too short, and -ss
    assert singulars("physics", "physic") == ["physics", "physic"]  # in the list
    words = tokenize([("", "bayeses " * 101 + "bayese")])  # a hundred times as rare
    assert words.vocabulary[int(words.singular_ids[0])].as_py() == "bayeses"


def test_nothing_is_tokenised_to_nothing() -> None:
    tokens = tokenize_batches([])
    assert (tokens.blocks, len(tokens.vocabulary), tokens.document_count) == ([], 0, 0)
