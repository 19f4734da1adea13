"""Terms against a naive count of the same rule, and against the topics that are made of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.reports.terms import ngrams, tokens
from trendcli.reports.terms.stopwords import NON_PLURALS, STOPWORDS
from trendcli.topics.patterns import phrase_regex


def naive(
    texts: Sequence[Sequence[str]], groups: Sequence[int], least: int, longest: int = 4
) -> dict[str, tuple[int, ...]]:
    """The rule of docs/explanation/terms.md with a Counter."""
    lower = [[re.sub(r"[^\x00-\x7f]", ".", part).lower() for part in parts] for parts in texts]
    often = Counter(word for parts in lower for part in parts for word in re.findall(r"[a-z0-9_]+", part))

    def single(word: str) -> str:
        plural = len(word) > 3 and re.search("[^s]s$", word) and not {word, word[:-1]} & (STOPWORDS | NON_PLURALS)
        return word[:-1] if plural and often[word[:-1]] >= max(1, 0.01 * often[word]) else word

    counts = {}
    for parts, group in zip(lower, groups, strict=True):
        held = set()
        for part in parts:
            for row in re.findall(r"[a-z0-9_]+(?:[ -][a-z0-9_]+)*", part):
                words = re.split("[ -]", row)
                for start in range(len(words)):
                    for run in (words[start : start + length] for length in range(1, longest + 1)):
                        held.add((*run[:-1], single(run[-1])) if start + len(run) <= len(words) else ())
        for term in held:
            counts.setdefault(term, Counter())[group] += 1
    return {
        " ".join(term): tuple(amounts[group] for group in range(max(groups) + 1))
        for term, amounts in counts.items()
        if term and sum(amounts.values()) >= least and not term[0].isdigit() and not {term[0], term[-1]} & STOPWORDS
        and (len(term) > 1 or sum(map(str.isalpha, term[0])) > 1)
    }  # fmt: skip


def words_of(texts: Sequence[Sequence[str]], at_once: int = 3) -> tokens.TokenizedDocuments:
    titles, bodies = (pa.array([parts[place] for parts in texts], pa.string()) for place in (0, 1))
    return tokens.tokenize_batches(
        (titles[start : start + at_once], bodies[start : start + at_once]) for start in range(0, len(texts), at_once)
    )


def counted(
    texts: Sequence[Sequence[str]], groups: Sequence[int], least: int, longest: int = 4
) -> dict[str, tuple[int, ...]]:
    found = ngrams.count_ngrams(words_of(texts), np.array(groups, np.int64), least, max_words=longest)
    assert len(set(found.terms)) == len(found.terms)
    return dict(zip(found.terms, map(tuple, found.counts.tolist()), strict=True))


PIECES = ["graph", "graphs", "Neural", "network", "networks", "the", "of", "loss", "los", "k", "2", "x_1", "Schrödinger", "é",
          " ", " ", " ", " ", " ", " ", "-", "-", ", ", ". ", "  ", " (", ") ", "\n", "'s ", "/", ""]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(st.lists(st.tuples(TEXT, TEXT, st.integers(0, 2)), min_size=1, max_size=9), st.integers(1, 3), st.integers(1, 4))
def test_counts_are_those_of_a_naive_count(rows: list[tuple[str, str, int]], least: int, longest: int) -> None:
    texts, groups = [row[:2] for row in rows], [row[2] for row in rows]
    assert counted(texts, groups, least, longest) == naive(texts, groups, least, longest)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9))
def test_a_term_is_held_by_those_that_a_topic_of_its_words_matches(texts: list[tuple[str, str]]) -> None:
    often = Counter(word for parts in texts for part in parts for word in re.findall(r"[a-z0-9_]+", part.lower()))
    for term, (number,) in counted(texts, [0] * len(texts), 1).items():
        last = term.split()[-1]
        if (
            len(last) >= 3
            and last[-1] != "s"
            and last + "s" not in STOPWORDS
            and (not often[last + "s"] or often[last])
        ):
            regex = re.compile(phrase_regex(term, any_case=True), re.ASCII)
            assert number == sum(any(regex.search(part) for part in parts) for parts in texts), term


def test_no_run_crosses_a_clause_a_text_or_a_submission() -> None:
    texts = [("Deep nets", "learn graphs (GNN). Deep: nets"), ("and more", "deep-nets, learn/graphs deep  nets")]
    found = counted(texts, [0, 1], 1)
    assert found["deep nets"] == (1, 1)  # a hyphen is as good as a space, two spaces are not
    assert {"learn graphs", "graphs deep"} < set(found)
    assert not {"nets learn", "graphs gnn", "gnn deep", "deep", "nets and more", "more deep"} & (set(found) - {"deep"})


def test_counts_are_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    texts = [(" ".join(rng.choice(PIECES[:12], 9)), " ".join(rng.choice(PIECES[:24], 30))) for _ in range(200)]
    groups = rng.integers(0, 3, 200).tolist()
    whole = counted(texts, groups, 4)
    assert whole == naive(texts, groups, 4) and len(whole) > 100
    monkeypatch.setattr(ngrams, "_MAX_SORTED_KEYS", 500)
    monkeypatch.setattr(ngrams, "_KEYS_PER_PIECE", 70)
    assert counted(texts, groups, 4) == whole


def test_the_least_count_may_be_asked_of_some_groups() -> None:
    texts, groups = [("deep nets", "")] * 3 + [("old logic", "")] * 9, np.array([0, 1, 1] + [2] * 9)
    found = ngrams.count_ngrams(words_of(texts), groups, 3, np.array([True, True, False]))
    assert found.terms == ["deep", "deep nets", "nets"] and found.counts.tolist() == [[1, 2, 0]] * 3
    assert ngrams.count_ngrams(tokens.tokenize_batches([]), np.zeros(0, np.int64), 1).terms == []


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9))
def test_holders_are_those_that_were_counted(texts: list[tuple[str, str]]) -> None:
    words = words_of(texts)
    found = ngrams.count_ngrams(words, np.arange(len(texts)), 1)
    expected = [np.flatnonzero(row).tolist() for row in found.counts]
    assert [held.tolist() for held in ngrams.find_documents(words, found.terms)] == expected
    some = slice(0, None, 3)
    assert [held.tolist() for held in ngrams.find_documents(words, [*found.terms[some], "never seen", "unseen"])] == [*expected[some], [], []]  # fmt: skip


def test_acronyms_are_defined_in_brackets_behind_words_with_their_initials() -> None:
    texts = [
        ("Bags", "We use graph neural networks (GNNs), and a bag of words (BoW) of long short-term memory (LSTM)."),
        ("More", "Graph neural network (GNN) and area under the curve (AUC) by (ours) and recurrent networks (GNN)"),
    ]
    assert tokens.count_acronym_definitions(words_of(texts), ["gnn", "bow", "lstm", "auc", "ours"]) == Counter(
        {
            ("gnn", "graph neural network"): 2,
            ("bow", "bag of words"): 1,
            ("lstm", "long short term memory"): 1,
            ("auc", "area under the curve"): 1,
        }
    )
