"""Tests of all terms of two periods, and the groups of near-duplicates among those that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trendcli.reports.significance import History, calendar_index
from trendcli.reports.terms.acronym_definitions import find_long_forms
from trendcli.reports.terms.base import TermFilter
from trendcli.reports.terms.near_duplicates import drop_subsumed, group_near_duplicates
from trendcli.reports.terms.ngrams import NgramCounts, find_documents
from trendcli.reports.terms.stopwords import is_stopword_phrase
from trendcli.reports.terms.texts import TokenizedSelection, find_common_terms
from trendcli.stats import screening
from trendcli.stats.distributions import IntArray
from trendcli.stats.proportions import FDR
from trendcli.stats.screening import ScreeningResult, TermOverdispersion


class TermTests(NamedTuple):
    """All terms that were tested, their counts by period, the totals of the periods, and the results.

    The columns of `ngrams.counts`, and the values of `totals`, are the earlier period, the later one and their history.
    """

    ngrams: NgramCounts
    totals: IntArray
    overdispersion: TermOverdispersion
    result: ScreeningResult

    @property
    def test_count(self) -> int:
        """The number of terms that have a test."""
        return int((~np.isnan(self.result.p)).sum())


def run_term_tests(
    terms: Sequence[str], counts: IntArray, totals: IntArray, history: History, term_filter: TermFilter
) -> TermTests:
    """Test every term that passes a filter as one family.

    The columns of `counts` (terms × periods) and `totals` are the earlier period, the later one, then those of the
    history; further ones are carried along. Terms of common words, and parts of longer terms that are in no other
    submission, are left out of the family.
    """
    word_counts = np.array([term.count(" ") + 1 for term in terms], int)
    is_tested = (
        (word_counts >= term_filter.min_words)
        & (word_counts <= term_filter.max_words)
        & (counts[:, :2].sum(axis=1) >= term_filter.min_count)
        & np.array([not is_stopword_phrase(term) for term in terms], bool)
    )
    ngrams = NgramCounts(list(terms), counts).select_rows(is_tested)
    ngrams = ngrams.select_rows(drop_subsumed(ngrams.terms, ngrams.counts[:, :2].sum(axis=1)))
    counts_1, counts_2 = ngrams.counts[:, 0], ngrams.counts[:, 1]
    in_history = slice(2, 2 + len(history.periods))
    overdispersion = screening.estimate_term_overdispersion(
        ngrams.counts[:, in_history],
        totals[in_history],
        [calendar_index(period) for period in history.periods],
        history.unit,
        history.segment_of,
        screening.is_testable(counts_1, counts_2),
    )
    result = screening.screen_terms(counts_1, int(totals[0]), counts_2, int(totals[1]), overdispersion)
    return TermTests(ngrams, totals, overdispersion, result)


def group_changed_terms(
    tokenized: TokenizedSelection, term_tests: TermTests, period_indices: Sequence[int]
) -> tuple[list[list[int]], set[str]]:
    """Return groups of near-duplicates among the terms with p ≤ FDR, and those of the terms that are common language.

    A group has the indices of its terms among those tested, and all change in one direction. Its first names it: a term
    with a verdict, if there is one. Common language is in no group. `period_indices` are the two periods among those
    that were read.
    """
    changed = np.flatnonzero(term_tests.result.p <= FDR)
    counts, totals = term_tests.ngrams.counts[changed], term_tests.totals
    direction = np.sign(counts[:, 1] * totals[0] - counts[:, 0] * totals[1])
    terms = [term_tests.ngrams.terms[index] for index in changed.tolist()]
    in_pair = tokenized.submission_mask(period_indices)
    documents = [numbers[in_pair[numbers]] for numbers in find_documents(tokenized.tokens, terms)]
    common_terms = find_common_terms(tokenized, terms, documents, in_pair)
    special = [number for number, term in enumerate(terms) if term not in common_terms]
    long_forms = find_long_forms(tokenized.tokens, [terms[number] for number in special if " " not in terms[number]])
    groups = []
    for sign in (1, -1):
        members = [number for number in special if direction[number] == sign]
        near_duplicates = group_near_duplicates(
            [terms[number] for number in members], [documents[number] for number in members], long_forms
        )
        groups += [[int(changed[members[member]]) for member in group] for group in near_duplicates]
    has_no_verdict = term_tests.result.direction == 0
    return [sorted(group, key=lambda index: bool(has_no_verdict[index])) for group in groups], common_terms
