"""Use-case check: possible faults in the rules of topics, and which of them the topic files explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trendcli.core.periods import Period, list_periods
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports.curation.check_input import CheckInput, TopicFinding
from trendcli.reports.curation.findings import (
    MIN_CANDIDATES,
    find_dominant_rules,
    find_early_matches,
    find_overlaps,
    find_renamings,
    find_silent_rules,
)
from trendcli.reports.curation.word_sense import find_other_meanings
from trendcli.reports.notes import build_provenance, common_notes, format_timestamp
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_to_json
from trendcli.topics.selection_tables import create_selection_tables

# rules are checked against everything by default, of which any report counts a part
ALL_STORED_SCOPE = Scope("everything stored", ("*",))
_FINDING_CHECKS = (
    find_silent_rules,
    find_overlaps,
    find_dominant_rules,
    find_other_meanings,
    find_early_matches,
    find_renamings,
)
_FINDING_COLUMNS = (
    Column("topic", "Topic", "text"),
    Column("finding", "Finding", "text"),
    Column("of", "Rule or topic", "text"),
    Column("detail", "Detail", "text"),
    Column("advice", "What to do", "text"),
)
_EXPECTED_COLUMN = Column("expected", "Explanation", "text")


def check_topics(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope = ALL_STORED_SCOPE,
    progress: Progress = ignore_progress,
    *,
    include_explained: bool = False,
) -> Report:
    """Return the findings on a query's topics, a row each; with `include_explained` also those that files explain.

    Rows: topic, finding (one of core.types.FINDING_KINDS), of (the rule or topic it is about), detail, advice, ids, and
    expected (the sentence of the topic file, or None). The summary holds the numbers of `unexplained` and `explained`
    findings.
    """
    bound = bind(store, library, query, default_scope, progress)
    submission_count, silent_count, findings = _run_checks(bound)
    suspects = [f for f in findings if f.kind == "nothing" and _find_explanation(library, f) is None]
    elsewhere = _find_matching_elsewhere(bound, suspects)
    findings = [finding for finding in findings if finding not in elsewhere]
    undecided_count = silent_count - len(elsewhere) - sum(finding.kind == "nothing" for finding in findings)
    rows = [_build_row(finding, _find_explanation(library, finding)) for finding in findings]
    unexplained = [row for row in rows if row["expected"] is None]
    explained = [row for row in rows if row["expected"] is not None]
    unmet = list(_iter_unmet_expectations(library, query.topics, findings)) if include_explained else []
    notes = []
    if explained:
        notes.append(f"{_format_count(len(explained), 'finding')} explained in the topic files (--all shows them).")
    if undecided_count:
        notes.append(
            f"{_format_count(undecided_count, 'more rule')} matched nothing, but could match fewer than "
            f"{MIN_CANDIDATES:,} submissions, too few to judge them."
        )
    if elsewhere:
        notes.append(
            f"{_format_count(len(elsewhere), 'rule')} matched nothing here, but did match elsewhere in the store."
        )
    return Report(
        kind="check",
        title=f"{_format_count(len(unexplained), 'finding')} in {_format_count(len(query.topics), 'topic')}, "
        f"over {submission_count:,} submissions",
        corpus=bound.selection.corpus,
        synthetic=store.manifest.synthetic,
        query=query_to_json(bound),
        columns=(*_FINDING_COLUMNS[:-1], *([_EXPECTED_COLUMN] if include_explained else []), _FINDING_COLUMNS[-1]),
        rows=sorted(
            [*unexplained, *(explained if include_explained else []), *unmet],
            key=lambda row: list(query.topics).index(row["topic"]),
        ),
        data_as_of=format_timestamp(bound.data_as_of),
        notes=[*notes, *common_notes(bound, [])],
        provenance=build_provenance(bound),
        summary={"unexplained": len(unexplained), "explained": len(explained)},
    )


def _run_checks(bound: BoundQuery) -> tuple[int, int, list[TopicFinding]]:
    """Return the numbers of submissions checked and of rules that match nothing, and the findings.

    Topics are compared with all others of the library.
    """
    selection = bound.with_selection(topics=tuple(bound.library.topics)).selection
    with bound.store.connect() as db:
        create_selection_tables(
            db, bound.store, bound.library, selection, bound.store.list_files(*selection.window), bound.progress
        )
        (submission_count,) = db.execute("SELECT count(*) FROM paper").fetchall()[0]
        check_input = CheckInput(db, bound.store, bound.library, bound.query.topics, _list_complete_years(bound))
        findings = [finding for check in _FINDING_CHECKS for finding in check(check_input)]
        return submission_count, len(check_input.rules) - len(check_input.rule_counts), findings


def _find_matching_elsewhere(bound: BoundQuery, silent_findings: Sequence[TopicFinding]) -> list[TopicFinding]:
    """Return those of rules that match nothing in the selection but do elsewhere in the store: they are spelt right."""
    topics = tuple(dict.fromkeys(finding.topic for finding in silent_findings))
    everything = {
        "scope": ALL_STORED_SCOPE,
        "window": Window(None, None),
        "author": None,
        "id": None,
        "primary_only": False,
    }
    selection = bound.with_selection(topics=topics, **everything).selection
    if not topics or selection == bound.with_selection(topics=topics).selection:
        return []
    with bound.store.connect() as db:
        create_selection_tables(
            db, bound.store, bound.library, selection, bound.store.list_files(None, None), bound.progress
        )
        matching_keys = set(db.execute("SELECT DISTINCT topic, rule FROM topic_match").fetchall())
    matching_rules = {
        (topic, rule.text)
        for topic in topics
        for rule in bound.library.get_topic(topic).rules
        if (topic, rule.key) in matching_keys
    }
    return [finding for finding in silent_findings if (finding.topic, finding.subject) in matching_rules]


def _list_complete_years(bound: BoundQuery) -> list[Period]:
    """Return the years that lie wholly in the selection and in the data."""
    since, until = bound.selection.window
    first_covered = bound.coverage.first_covered_day(bound.selection.scope.categories)
    start = max(filter(None, (since, first_covered)), default=None)
    end = min(filter(None, (until, bound.data_as_of.date())))
    if start is None:
        return []
    return [year for year in list_periods(start, end, "year") if year.start >= start and year.end <= end]


def _find_explanation(library: Library, finding: TopicFinding) -> str | None:
    """Return the sentence by which a topic file expects a finding; of two topics that overlap, either file's."""
    sides = [(finding.topic, finding.subject)]
    if finding.kind == "overlap" and finding.subject in library.topics:
        sides.append((finding.subject, finding.topic))
    for topic, subject in sides:
        for expectation in library.get_topic(topic).expect:
            if expectation.finding == finding.kind and subject in expectation.of:
                return expectation.because
    return None


def _iter_unmet_expectations(
    library: Library, topics: Sequence[str], findings: Sequence[TopicFinding]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each finding that a topic file expects and that did not occur."""
    met = {
        (finding.kind, *pair)
        for finding in findings
        for pair in ((finding.topic, finding.subject), (finding.subject, finding.topic))
    }
    for topic in topics:
        for expectation in library.get_topic(topic).expect:
            for subject in expectation.of:
                if (expectation.finding, topic, subject) not in met:
                    finding = TopicFinding(
                        topic,
                        expectation.finding,
                        subject,
                        "expected, but not found; there may be too little data to tell",
                        "if it stays absent, delete it from `expect`",
                    )
                    yield _build_row(finding, expectation.because)


def _build_row(finding: TopicFinding, expected: str | None) -> dict[str, Any]:
    return {
        "topic": finding.topic,
        "finding": finding.kind,
        "of": finding.subject,
        "detail": finding.detail,
        "advice": finding.advice,
        "ids": list(finding.ids),
        "expected": expected,
    }


def _format_count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def format_counts_by_year(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> str:
    """Format a sentence on how many submissions the only topic of a query matches, by year."""
    bound = bind(store, library, query, default_scope, progress)
    first_covered = bound.coverage.first_covered_day(bound.selection.scope.categories)
    years = list_periods(first_covered, bound.data_as_of.date(), "year") if first_covered else []
    counted = bound.count_submissions(years)
    (topic,) = query.topics
    year_counts = [(year.label, counted.counts[topic, year]) for year in years]
    listed = ", ".join(f"{label}: {count:,}" for label, count in year_counts if count)
    total = sum(count for _, count in year_counts)
    by_year = f" ({listed})" if listed else ""
    return f"It matches {total:,} of {sum(counted.totals.values()):,} submissions{by_year}."
