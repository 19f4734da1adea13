"""N-grams against a naive count by the same rule, and against the topics that are made of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reports.terms.worlds import tokenize
from trendcli.core.errors import UsageError
from trendcli.reports.terms.ngrams import count_ngrams, find_documents
from trendcli.reports.terms.stopwords import NON_PLURALS, STOPWORDS
from trendcli.reports.terms.tokens import tokenize_batches
from trendcli.topics.patterns import phrase_regex

Counts = dict[str, tuple[int, ...]]


def naive_counts(
    texts: Sequence[Sequence[str]], groups: Sequence[int], min_documents: int, max_words: int = 4
) -> Counts:
    """Count by the rule of docs/explanation/terms.md with a Counter."""
    lower = [[re.sub(r"[^\x00-\x7f]", ".", part).lower() for part in parts] for parts in texts]
    frequency = Counter(word for parts in lower for part in parts for word in re.findall(r"[a-z0-9_]+", part))

    def singular(word: str) -> str:
        is_plural = len(word) > 3 and re.search("[^s]s$", word) and not {word, word[:-1]} & (STOPWORDS | NON_PLURALS)
        return word[:-1] if is_plural and frequency[word[:-1]] >= max(1, 0.01 * frequency[word]) else word

    counts: dict[tuple[str, ...], Counter[int]] = {}
    for parts, group in zip(lower, groups, strict=True):
        terms = set()
        for part in parts:
            for run in re.findall(r"[a-z0-9_]+(?:[ -][a-z0-9_]+)*", part):
                words = re.split("[ -]", run)
                for start in range(len(words)):
                    for stop in range(start + 1, min(start + max_words, len(words)) + 1):
                        terms.add((*words[start : stop - 1], singular(words[stop - 1])))
        for term in terms:
            counts.setdefault(term, Counter())[group] += 1
    return {
        " ".join(term): tuple(by_group[group] for group in range(max(groups) + 1))
        for term, by_group in counts.items()
        if by_group.total() >= min_documents
        and not term[0].isdigit()
        and not {term[0], term[-1]} & STOPWORDS
        and (len(term) > 1 or sum(map(str.isalpha, term[0])) > 1)
    }


def count(texts: Sequence[Sequence[str]], groups: Sequence[int], min_documents: int, max_words: int = 4) -> Counts:
    ngrams = count_ngrams(tokenize(texts), np.array(groups, np.int64), min_documents, max_words=max_words)
    assert ngrams.terms == sorted(set(ngrams.terms))
    return dict(zip(ngrams.terms, map(tuple, ngrams.counts.tolist()), strict=True))


PIECES = ["graph", "graphs", "Neural", "network", "networks", "the", "of", "loss", "los", "k", "2", "x_1", "Schrödinger", "é",
          " ", " ", " ", " ", " ", " ", "-", "-", ", ", ". ", "  ", " (", ") ", "\n", "'s ", "/", ""]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(st.lists(st.tuples(TEXT, TEXT, st.integers(0, 2)), min_size=1, max_size=9), st.integers(1, 3), st.integers(1, 4))
def test_counts_are_those_of_a_naive_count(
    rows: list[tuple[str, str, int]], min_documents: int, max_words: int
) -> None:
    texts, groups = [row[:2] for row in rows], [row[2] for row in rows]
    assert count(texts, groups, min_documents, max_words) == naive_counts(texts, groups, min_documents, max_words)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9))
def test_a_term_is_in_the_submissions_that_a_topic_of_its_words_matches(texts: list[tuple[str, str]]) -> None:
    frequency = Counter(word for parts in texts for part in parts for word in re.findall(r"[a-z0-9_]+", part.lower()))
    for term, (document_count,) in count(texts, [0] * len(texts), 1).items():
        last = term.split()[-1]
        if (
            len(last) >= 3
            and last[-1] != "s"
            and last + "s" not in STOPWORDS
            and (not frequency[last + "s"] or frequency[last])
        ):
            regex = re.compile(phrase_regex(term, any_case=True), re.ASCII)
            assert document_count == sum(any(regex.search(part) for part in parts) for parts in texts), term


def test_no_term_crosses_a_clause_a_text_or_a_submission() -> None:
    texts = [("Deep nets", "learn graphs (GNN). Deep: nets"), ("and more", "deep-nets, learn/graphs deep  nets")]
    counts = count(texts, [0, 1], 1)
    assert counts["deep nets"] == (1, 1)  # a hyphen is as good as a space, two spaces are not
    assert {"learn graphs", "graphs deep"} < set(counts)
    assert not {"nets learn", "graphs gnn", "gnn deep", "nets and more", "more deep"} & set(counts)


def test_counting_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    texts = [(" ".join(rng.choice(PIECES[:12], 9)), " ".join(rng.choice(PIECES[:24], 30))) for _ in range(200)]
    groups = rng.integers(0, 3, 200).tolist()
    at_once = count(texts, groups, 4)
    assert at_once == naive_counts(texts, groups, 4) and len(at_once) > 100
    monkeypatch.setattr("trendcli.reports.terms.ngrams._MAX_SORTED_KEYS", 500)
    monkeypatch.setattr("trendcli.reports.terms.ngrams._KEYS_PER_PIECE", 70)
    assert count(texts, groups, 4) == at_once


def test_the_minimum_may_be_of_some_groups() -> None:
    texts, groups = [("deep nets", "")] * 3 + [("old logic", "")] * 9, np.array([0, 1, 1] + [2] * 9)
    ngrams = count_ngrams(tokenize(texts), groups, 3, np.array([True, True, False]))
    assert ngrams.terms == ["deep", "deep nets", "nets"] and ngrams.counts.tolist() == [[1, 2, 0]] * 3


def test_no_texts_have_no_terms() -> None:
    assert count_ngrams(tokenize_batches([]), np.zeros(0, np.int64), 1).terms == []


def test_keys_that_do_not_fit_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trendcli.reports.terms.ngrams._MAX_KEY_BITS", 3)
    with pytest.raises(UsageError, match="larger --min-count"):
        count([("deep nets learn", "old logic")] * 4, [0, 0, 1, 1], 1)


@pytest.mark.journey
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9))
def test_documents_of_a_term_are_those_that_were_counted(texts: list[tuple[str, str]]) -> None:
    tokens = tokenize(texts)
    ngrams = count_ngrams(tokens, np.arange(len(texts)), 1)
    expected = [np.flatnonzero(row).tolist() for row in ngrams.counts]
    assert [documents.tolist() for documents in find_documents(tokens, ngrams.terms)] == expected
    some = slice(0, None, 3)
    documents_of_some = find_documents(tokens, [*ngrams.terms[some], "never seen", "unseen"])
    assert [documents.tolist() for documents in documents_of_some] == [*expected[some], [], []]
