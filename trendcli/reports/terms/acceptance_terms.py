"""Terms associated with acceptance: which terms or keywords the accepted submissions to a venue contain more often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trendcli.core.arrow import pc
from trendcli.core.errors import UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.base import build_report, describe_period
from trendcli.reports.notes import verdict_note
from trendcli.reports.terms.acronym_definitions import find_long_forms
from trendcli.reports.terms.base import (
    MAX_EXAMPLES,
    TermFilter,
    build_example_fields,
    narrow_base_to_topic,
    nearest_interval_end,
    topic_suffix,
)
from trendcli.reports.terms.near_duplicates import DocumentIndices, drop_subsumed, group_near_duplicates
from trendcli.reports.terms.ngrams import count_ngrams, find_documents
from trendcli.reports.terms.stopwords import NON_PLURALS, is_stopword_phrase
from trendcli.reports.terms.texts import TokenizedSelection, newest_ids, read_texts
from trendcli.reports.trends.acceptance import (
    ACCEPTANCE_VERDICTS,
    DIFFERENCE_NOTE,
    RATE_COLUMNS,
    acceptance_rate_fields,
    drop_count_change,
    find_decided_year,
    format_acceptance_rate,
)
from trendcli.stats.distributions import IntArray
from trendcli.stats.multiple_testing import benjamini_hochberg
from trendcli.stats.proportions import (
    FDR,
    Change,
    TwoProportions,
    classify_change,
    compute_changes,
    nan_to_none,
)
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind

ACCEPTANCE_TERM_COLUMNS = (
    Column("term", "Term", "text", 0),
    *RATE_COLUMNS,
    Column("also", "Also", "text", 4),
    Column("paper", "Such as", "text", 5),
)
UNCLEAR_VERDICT = ACCEPTANCE_VERDICTS["no clear change"]

# the forms of a term (such as its plural), and the submissions that contain each
FormDocuments = Mapping[str, DocumentIndices]


def build_acceptance_terms(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    term_filter: TermFilter | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """Return the terms whose submissions were accepted more, or less, often than all others.

    The base is the scope of the query in one year, by default the last whose decisions are all known. Where only
    keywords are read, a term is a whole keyword. UsageError for arXiv; CoverageMissing where decisions are not known.
    """
    term_filter = term_filter or TermFilter()
    if store.corpus == ARXIV:
        raise UsageError("Only venues accept or reject submissions: name one, such as --corpus iclr.")
    bound = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    period = find_decided_year(bound)
    period_counts = bound.count_submissions([period])
    tokenized = read_texts(bound, [period])
    is_accepted = pc.match_substring_regex(tokenized.categories, "(^| )accepted( |$)").to_numpy().astype(np.int64)
    submission_count, accepted_count = len(is_accepted), int(is_accepted.sum())
    is_by_keyword = store.text_fields == ("keywords",)
    forms = _find_keyword_documents(tokenized) if is_by_keyword else _find_term_documents(tokenized, term_filter)
    rows, test_count = _build_rows(bound, tokenized, is_accepted, forms, term_filter.min_count)
    shown = [
        row
        for sign in (1, -1)
        for row in [row for row in rows if sign * row["points"] > 0][: term_filter.limit or None]
    ]
    more, less = (sum(row["verdict"].startswith(verdict) for row in rows) for verdict in ("more", "less"))
    unit = "keywords" if is_by_keyword else f"terms of {term_filter.min_words} to {term_filter.max_words} words"
    limit = f", up to {term_filter.limit:,} in each direction" if term_filter.limit else ""
    return build_report(
        bound,
        "outcome",
        f"Terms associated with acceptance{topic_suffix(bound)}, {period.label}",
        columns=ACCEPTANCE_TERM_COLUMNS,
        rows=shown,
        described_periods=[describe_period(period, period_counts, bound.period_status(period))],
        period_counts=period_counts,
        notes=[
            format_acceptance_rate(accepted_count, submission_count),
            DIFFERENCE_NOTE,
            f"Tested {test_count:,} {unit} that occur in at least {term_filter.min_count:,} submissions: {more:,} "
            f"associated with acceptance, {less:,} with rejection, near-duplicates merged. Terms with p ≤ {FDR} are "
            f"listed{limit}, sorted by the bound of the interval that is nearer to no difference, so that rare terms "
            "with extreme rates do not outrank common ones with clear differences.",
            verdict_note(test_count, "keyword" if is_by_keyword else "term"),
        ],
        resolved_options={"period": period.label, "outcome": "accepted", **term_filter.query_fields},
        summary={"tested": test_count, "accepted": accepted_count, "submissions": submission_count},
    )


def _build_rows(
    bound: BoundQuery,
    tokenized: TokenizedSelection,
    is_accepted: IntArray,
    forms: Mapping[str, FormDocuments],
    min_count: int,
) -> tuple[list[dict[str, Any]], int]:
    """Return a row for each group of terms with p ≤ FDR, those with a verdict first, and the number of tests."""
    documents_of = {term: np.unique(np.concatenate(list(documents.values()))) for term, documents in forms.items()}
    terms = sorted(
        term for term, documents in documents_of.items() if len(documents) >= min_count and not is_stopword_phrase(term)
    )
    documents = [documents_of[term] for term in terms]
    proportions = [_term_proportions(is_accepted, numbers) for numbers in documents]
    changes = compute_changes(proportions)
    q_values = nan_to_none(benjamini_hochberg([change.p for change in changes]))
    significant = [index for index, change in enumerate(changes) if change.p is not None and change.p <= FDR]
    long_forms = find_long_forms(tokenized.tokens, [terms[index] for index in significant if " " not in terms[index]])
    rows = []
    for sign in (1, -1):
        members = [index for index in significant if sign * (changes[index].points or 0.0) > 0]
        groups = group_near_duplicates(
            [terms[index] for index in members], [documents[index] for index in members], long_forms
        )
        for group in groups:
            leader, *others = (members[member] for member in group)
            term = terms[leader]
            own_forms = forms[term] if len(forms[term]) > 1 else {}
            variants = [
                {"term": variant, **_acceptance_counts(is_accepted, numbers)}
                for variant, numbers in {**own_forms, **{terms[other]: documents[other] for other in others}}.items()
            ]
            example_ids = newest_ids(tokenized, documents[leader], MAX_EXAMPLES)
            rows.append(
                _build_row(term, proportions[leader], changes[leader], q_values[leader])
                | build_example_fields(bound, term, variants, example_ids)
            )
    rows.sort(key=lambda row: (row["verdict"] == UNCLEAR_VERDICT, -abs(nearest_interval_end(row)), row["term"]))
    return rows, sum(change.p is not None for change in changes)


def _acceptance_counts(is_accepted: IntArray, documents: DocumentIndices) -> dict[str, int]:
    return {"count": len(documents), "accepted": int(is_accepted[documents].sum())}


def _term_proportions(is_accepted: IntArray, documents: DocumentIndices) -> TwoProportions:
    """Return the accepted of the submissions without a term, and of those with it."""
    accepted_count = int(is_accepted[documents].sum())
    return TwoProportions(
        int(is_accepted.sum()) - accepted_count, len(is_accepted) - len(documents), accepted_count, len(documents)
    )


def _build_row(term: str, proportions: TwoProportions, change: Change, q_value: float | None) -> dict[str, Any]:
    verdict = classify_change(proportions.count_1, proportions.count_2, change.points, q_value)
    return {
        "term": term,
        **acceptance_rate_fields(proportions),
        **drop_count_change(change._asdict()),
        "q": q_value,
        "verdict": ACCEPTANCE_VERDICTS.get(verdict, verdict),
    }


def _find_term_documents(tokenized: TokenizedSelection, term_filter: TermFilter) -> dict[str, FormDocuments]:
    """Return terms and the submissions that contain each; their only form is the term itself."""
    one_group = np.zeros(tokenized.tokens.document_count, np.int64)
    ngrams = count_ngrams(tokenized.tokens, one_group, term_filter.min_count, max_words=term_filter.max_words)
    word_counts = np.array([term.count(" ") + 1 for term in ngrams.terms], int)
    ngrams = ngrams.select_rows(word_counts >= term_filter.min_words)
    ngrams = ngrams.select_rows(drop_subsumed(ngrams.terms, ngrams.counts.sum(axis=1)))
    documents = find_documents(tokenized.tokens, ngrams.terms)
    return {term: {term: numbers} for term, numbers in zip(ngrams.terms, documents, strict=True)}


def _find_keyword_documents(tokenized: TokenizedSelection) -> dict[str, FormDocuments]:
    """Return whole keywords and the submissions that list each, by its forms with and without a plural s.

    A keyword is in lower case, and a hyphen in it is a space.
    """
    keyword_lists = [
        {keyword.strip().lower().replace("-", " ") for keyword in line.split(";")} - {""}
        for line in tokenized.keywords.to_pylist()
    ]
    all_keywords = {keyword for keywords in keyword_lists for keyword in keywords}
    documents: dict[str, dict[str, list[int]]] = {}
    for number, keywords in enumerate(keyword_lists):
        for keyword in keywords:
            is_plural = keyword[-1] == "s" and keyword[:-1] in all_keywords and keyword.split()[-1] not in NON_PLURALS
            term = keyword[:-1] if is_plural else keyword
            documents.setdefault(term, {}).setdefault(keyword, []).append(number)
    return {
        term: {form: np.array(numbers, np.int32) for form, numbers in sorted(by_form.items())}
        for term, by_form in documents.items()
    }
