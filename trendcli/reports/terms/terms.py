"""Rising and falling terms: which n-grams are in more, or fewer, submissions than in an earlier period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.base import build_report, describe_period, label_columns
from trendcli.reports.notes import NO_HISTORY_NOTE, overdispersion_note, pooled_overdispersion_note, verdict_note
from trendcli.reports.significance import History, PeriodPair, find_history
from trendcli.reports.terms.base import (
    MAX_EXAMPLES,
    TermFilter,
    build_example_fields,
    check_periods_complete,
    narrow_base_to_topic,
    nearest_interval_end,
    searched_fields,
    topic_suffix,
)
from trendcli.reports.terms.ngrams import count_ngrams, find_documents
from trendcli.reports.terms.term_tests import TermTests, group_changed_terms, run_term_tests
from trendcli.reports.terms.texts import TokenizedSelection, newest_ids, read_texts
from trendcli.stats.proportions import FDR, MIN_COUNT, Change, compute_share
from trendcli.stats.screening import MIN_POOLED_TERMS, compute_term_changes
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, comparison_periods

TERM_COLUMNS = (
    Column("term", "Term", "text", 0),
    Column("count_1", "Count {earlier}", "count", 0),
    Column("count_2", "Count {later}", "count", 0),
    Column("share_1", "Share {earlier}", "share", 5),
    Column("share_2", "Share {later}", "share", 5),
    Column("relative_change", "Relative change", "change", 1),
    Column("ci_low", "95 % interval", "interval", 0, second_key="ci_high"),
    Column("q", "q", "p", 2),
    Column("verdict", "Verdict", "verdict", 0),
    Column("also", "Also", "text", 3),
    Column("paper", "Such as", "text", 5),
)
UNCLEAR_VERDICT = "no clear change"
_MAX_LISTED_COMMON_TERMS = 6  # terms of common language that the note names


def build_term_changes(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    term_filter: TermFilter | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """Return the terms whose share rises or falls between two periods, near-duplicates merged, without common language.

    Without dates the last complete year is compared with the one before. A topic of the query makes its matches the
    base. CoverageMissing if one of the periods is incomplete.
    """
    term_filter = term_filter or TermFilter()
    bound = narrow_base_to_topic(bind(store, library, query, default_scope, progress))
    later, earlier = comparison_periods(bound)
    pair = earlier, later
    check_periods_complete(bound, pair)
    history = find_history(bound, pair)
    periods = [*pair, *history.periods]
    period_counts = bound.count_submissions(periods)
    tokenized = read_texts(bound, periods)
    ngrams = count_ngrams(
        tokenized.tokens,
        tokenized.group_of,
        term_filter.min_count,
        tokenized.group_mask([0, 1]),
        term_filter.max_words,
    )
    term_tests = run_term_tests(
        ngrams.terms, tokenized.sum_by_period(ngrams.counts), tokenized.period_totals, history, term_filter
    )
    rows, common_terms = _build_rows(bound, tokenized, term_tests, pair)
    return build_report(
        bound,
        "terms",
        f"Terms{topic_suffix(bound)}, {later.label} against {earlier.label}",
        columns=label_columns(TERM_COLUMNS, earlier, later),
        rows=[row for direction in (1, -1) for row in _select_rows(rows, direction, term_filter.limit)],
        described_periods=[describe_period(period, period_counts, bound.period_status(period)) for period in pair],
        period_counts=period_counts,
        notes=_build_notes(term_tests, rows, common_terms, term_filter, history, searched_fields(bound)),
        resolved_options={"by": later.unit, "period": later.label, "vs": earlier.label, **term_filter.query_fields},
        summary={"tested": term_tests.test_count, "common": common_terms},
    )


def _build_rows(
    bound: BoundQuery, tokenized: TokenizedSelection, term_tests: TermTests, pair: PeriodPair
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each group of changed terms, those with a verdict first, and the common language among these."""
    groups, common_terms = group_changed_terms(tokenized, term_tests, [0, 1])
    ngrams, totals = term_tests.ngrams, term_tests.totals
    leaders = np.array([group[0] for group in groups], np.int64)
    changes = compute_term_changes(
        ngrams.counts[leaders, 0],
        int(totals[0]),
        ngrams.counts[leaders, 1],
        int(totals[1]),
        term_tests.overdispersion.select_terms(leaders),
    )
    documents = find_documents(tokenized.tokens, [ngrams.terms[leader] for leader in leaders.tolist()])
    rows = []
    for group, numbers, change in zip(groups, documents, changes, strict=True):
        larger = 1 if (change.points or 0.0) > 0 else 0
        in_larger = numbers[tokenized.submission_mask([larger])[numbers]]
        rows.append(_build_row(bound, term_tests, group, change, newest_ids(tokenized, in_larger, MAX_EXAMPLES), pair))
    rows.sort(key=lambda row: (row["verdict"] == UNCLEAR_VERDICT, -abs(nearest_interval_end(row)), row["term"]))
    flagged = {ngrams.terms[index] for index in np.flatnonzero(term_tests.result.direction).tolist()}
    return rows, sorted(common_terms & flagged)


def _build_row(
    bound: BoundQuery,
    term_tests: TermTests,
    group: Sequence[int],
    change: Change,
    example_ids: Sequence[str],
    pair: PeriodPair,
) -> dict[str, Any]:
    leader, *others = group
    terms, counts = term_tests.ngrams.terms, term_tests.ngrams.counts
    count_1, count_2 = counts[leader, :2].tolist()
    total_1, total_2 = term_tests.totals[:2].tolist()
    variants = [
        {"term": terms[other], "count_1": int(counts[other, 0]), "count_2": int(counts[other, 1])} for other in others
    ]
    return {
        "term": terms[leader],
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "base_1": total_1,
        "base_2": total_2,
        "count_1": count_1,
        "count_2": count_2,
        "share_1": compute_share(count_1, total_1),
        "share_2": compute_share(count_2, total_2),
        **change._asdict(),
        "dispersion": float(term_tests.overdispersion.phi[leader]),
        "q": float(term_tests.result.q[leader]),
        "verdict": {1: "rising", -1: "falling", 0: UNCLEAR_VERDICT}[int(term_tests.result.direction[leader])],
        **build_example_fields(bound, terms[leader], variants, example_ids),
    }


def _select_rows(rows: Sequence[dict[str, Any]], direction: int, limit: int) -> list[dict[str, Any]]:
    """Return the first `limit` rows (0: all) that go up (1) or down (-1)."""
    one_way = [row for row in rows if direction * row["points"] > 0]
    return one_way[:limit] if limit else one_way


def _build_notes(
    term_tests: TermTests,
    rows: Sequence[Mapping[str, Any]],
    common_terms: Sequence[str],
    term_filter: TermFilter,
    history: History,
    fields: Sequence[str],
) -> list[str]:
    rising, falling = (sum(row["verdict"] == verdict for row in rows) for verdict in ("rising", "falling"))
    least, most = (term_tests.overdispersion.phi.min(initial=1e9), term_tests.overdispersion.phi.max(initial=1.0))
    if not term_tests.overdispersion.is_estimated:
        overdispersion = NO_HISTORY_NOTE
    elif len(term_tests.overdispersion.phi) < MIN_POOLED_TERMS:
        overdispersion = overdispersion_note(least, most, history.unit)
    else:
        overdispersion = pooled_overdispersion_note(least, history.unit)
    of_one = "" if term_filter.min_count >= 2 * MIN_COUNT else f" and at least {MIN_COUNT} in one of them"
    listed = (
        f"Up to {term_filter.limit:,} in each direction are listed"
        if term_filter.limit
        else f"All with p ≤ {FDR} are listed"
    )
    notes = [
        f"Tested {term_tests.test_count:,} terms of {term_filter.min_words} to {term_filter.max_words} words that "
        f"occur in at least {term_filter.min_count:,} submissions across both periods{of_one}: {rising:,} rising, "
        f"{falling:,} falling, near-duplicates merged. {listed}, those with a verdict first, then by the end of the "
        "interval nearer to no change.",
        f"Searched: {', '.join(fields)}. A submission counts once per term; a final plural s is ignored, and a hyphen "
        "counts as a space.",
        verdict_note(term_tests.test_count, "term"),
        *([overdispersion] if term_tests.test_count else []),
    ]
    if not term_tests.totals[:2].all():
        notes.insert(0, "One of the two periods has no submissions, so there is nothing to compare.")
    if common_terms:
        notes.append(
            f"Omitted as common language: {len(common_terms):,} more term{'s' * (len(common_terms) != 1)} that rose "
            f"or fell, such as {', '.join(common_terms[:_MAX_LISTED_COMMON_TERMS])}."
        )
    return notes
