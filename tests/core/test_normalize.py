from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core.normalize import (
    CONTEXT_WORD,
    SEARCH_WORD,
    TITLE_WORD,
    format_one_line,
    normalize_text,
    split_author_line,
    split_words,
)


@pytest.mark.parametrize(
    ("raw", "normalized"),
    [
        # the bulk snapshot's line breaks, and a word broken at its hyphen
        ("  We train a recurrent\n  neural network.\n", "We train a recurrent neural network."),
        ("a time-\n  varying signal", "a time-varying signal"),
        ("a time- varying signal", "a time-varying signal"),
        ("pre- and post-training, short- or long-term", "pre- and post-training, short- or long-term"),
        # dashes, quotes and spaces that no ASCII rule would see
        (
            "few\u2010shot, zero\u2011shot \u2014 and \u201cmeta\u2013learning\u201d",
            'few-shot, zero-shot - and "meta-learning"',
        ),
        ("a\u00a0b\u2009c\u200bd\u00ade", "a b cde"),
        ("encoder--decoder models", "encoder-decoder models"),
        ("``quoted'' text", '"quoted" text'),
        # ligatures and accents
        ("\ufb01ne-tuning", "fine-tuning"),
        ("na\u00efve Bayes, Schr\u00f6dinger bridge, \u0141ukasz", "naive Bayes, Schrodinger bridge, Lukasz"),
        (r"na{\"\i}ve Bayes, Schr\"odinger bridge, {\L}ukasz", "naive Bayes, Schrodinger bridge, Lukasz"),
        (r"Erd\H{o}s--R\'enyi graphs, \v{C}ech, Ho\`{a}ng, \c{S}", "Erdos-Renyi graphs, Cech, Hoang, S"),
        # simple maths and markup
        ("$k$-shot and $K$-means, $L_1$", "k-shot and K-means, L_1"),
        (r"$\alpha$-divergence, an $\epsilon$-greedy policy", "alpha-divergence, an epsilon-greedy policy"),
        ("\u03b1-divergence", "alpha-divergence"),
        (r"\emph{deep learning} and {\em CNN}s, \textbf{RNN}", "deep learning and CNNs, RNN"),
        ("{CNN}s for {Deep Learning}", "CNNs for Deep Learning"),
        ("Fig.~1 shows LSTM~networks", "Fig. 1 shows LSTM networks"),
        # what is not simple stays
        (r"costs $5 and $10, $\frac{a}{b}$, x_{ij}", r"costs $5 and $10, $\frac{a}{b}$, x_{ij}"),
        # Latin-1 read as UTF-8, as recorded replies of the API hold it
        ("\u00ce\u00b1-divergence", "alpha-divergence"),
        ("深度学习", "深度学习"),
        ("", ""),
    ],
)
def test_spellings_of_the_same_words_become_one(raw: str, normalized: str) -> None:
    assert normalize_text(raw) == normalized
    assert normalize_text(normalized) == normalized


@given(st.text(max_size=200))
def test_any_text_becomes_one_line_without_invisible_characters(text: str) -> None:
    normalized = normalize_text(text)
    assert "\n" not in normalized and "  " not in normalized and normalized == normalized.strip(" ")
    assert not set(normalized) & set("\u200b\u202e\u2066\u00ad\ufeff\u2010\u2014\u00a0")


@given(st.text("abc XYZ,.", max_size=100))
def test_plain_words_only_lose_spaces(text: str) -> None:
    assert normalize_text(text).split() == text.split()


def test_lines_to_show_keep_accents_and_lose_control_characters() -> None:
    assert format_one_line("J. Bal\\'azs and\n  Y. Li") == "J. Balázs and Y. Li"
    assert format_one_line('{\\"O}zg\\"ur \\c{C}a') == "Özgür Ça"
    assert format_one_line("a\x1b[31m red\u202e b") == "a[31m red b"
    assert format_one_line("Erdős  Žižek") == "Erdős Žižek"


def test_author_lines_are_split_into_names() -> None:
    assert split_author_line("A. One, B. Two (Lab, X (Y)), and C. Three and D. Four") == [
        "A. One",
        "B. Two",
        "C. Three",
        "D. Four",
    ]
    assert split_author_line("") == []


WORDS_TEXT = "A C++ library_2 for Self-Attention in Alzheimer's; Schrödinger"


@pytest.mark.parametrize(
    ("word_pattern", "words"),
    [
        (SEARCH_WORD, ["a", "c", "library", "2", "for", "self", "attention", "in", "alzheimer", "s", "schrödinger"]),
        (TITLE_WORD, ["a", "c++", "library", "2", "for", "self-attention", "in", "alzheimer's", "schr", "dinger"]),
        (CONTEXT_WORD, ["library", "for", "self", "attention", "in", "alzheimer", "schr", "dinger"]),
    ],
)
def test_each_word_pattern_splits_text_its_own_way(word_pattern: str, words: list[str]) -> None:
    assert split_words(WORDS_TEXT, word_pattern) == words
