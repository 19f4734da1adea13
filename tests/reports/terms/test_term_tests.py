from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.periods import parse_period
from trendcli.core.types import Scope
from trendcli.reports.significance import History
from trendcli.reports.terms.base import TermFilter
from trendcli.reports.terms.ngrams import NgramCounts
from trendcli.reports.terms.term_tests import TermTests, group_changed_terms, run_term_tests
from trendcli.reports.terms.texts import read_texts
from trendcli.stats.screening import ScreeningResult, TermOverdispersion
from trendcli.topics.library import Library
from trendcli.topics.query import bind, parse_query


def test_common_words_and_parts_of_longer_terms_are_not_tested() -> None:
    terms = ["large scale", "monte carlo", "chain monte carlo", "graph", "rare", "two"]
    counts = np.array([[90, 10], [50, 5], [50, 5], [10, 90], [3, 1], [40, 40]])
    no_history = History("month", ())
    term_tests = run_term_tests(terms, counts, np.array([1000, 1000]), no_history, TermFilter(min_count=10))
    assert term_tests.ngrams.terms == ["chain monte carlo", "graph"]
    assert term_tests.result.direction.tolist() == [-1, 1]
    assert term_tests.test_count == 2 and not term_tests.overdispersion.is_estimated
    one_word = run_term_tests(terms, counts, np.array([1000, 1000]), no_history, TermFilter(max_words=1, min_count=1))
    assert one_word.ngrams.terms == ["graph", "rare"]
    assert one_word.test_count == 1  # fewer than five submissions have no test


def test_a_term_with_a_verdict_names_its_group(tmp_path: Path, library: Library) -> None:
    """Else a rise would be hidden in the row of a longer term that alone is not clear."""
    papers = [paper(f"18{number % 9 + 1:02d}.{number:05d}", "2018-03-05", "Alpha beta") for number in range(9)]
    store = fill(tmp_path, [*papers, paper("1909.00001", "2019-03-05", "Alpha beta")], [coverage_record()])
    query, known = parse_query(library, scope=Scope("cs.LG", ("cs.LG",)))
    tokenized = read_texts(bind(store, known, query, ML), [parse_period("2018"), parse_period("2019")])
    ngrams = NgramCounts(["alpha beta", "alpha"], np.array([[9, 1], [9, 1]]))
    overdispersion = TermOverdispersion(np.ones(2), np.full(2, np.inf), True)
    for direction, first in (([0, -1], 1), ([0, 0], 0), ([-1, -1], 0)):
        result = ScreeningResult(np.array([0.04, 0.001]), np.array([0.2, 0.01]), np.array(direction))
        term_tests = TermTests(ngrams, np.array([10, 20]), overdispersion, result)
        ((leader, _),), _ = group_changed_terms(tokenized, term_tests, [0, 1])
        assert leader == first
