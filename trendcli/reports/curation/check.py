"""Use-case check: what may be wrong with the rules of topics, and what of it their files explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trendcli.core import periods
from trendcli.core.periods import Period
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports.curation.findings import (
    MIN_CANDIDATES,
    CheckInput,
    TopicFinding,
    find_dominant_rules,
    find_early_matches,
    find_overlaps,
    find_renamings,
    find_silent_rules,
)
from trendcli.reports.curation.word_sense import find_other_meanings
from trendcli.reports.notes import build_provenance, common_notes, format_timestamp
from trendcli.store.store import Store
from trendcli.topics.counting import create_selection_tables
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_to_json

# by default rules are checked against all there is: what a report counts is a part of it
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
    Column("of", "Of", "text"),
    Column("detail", "Detail", "text"),
    Column("advice", "What to do", "text"),
)
_EXPECTED_COLUMN = Column("expected", "Why it is fine", "text")


def check_topics(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope = ALL_STORED_SCOPE,
    progress: Progress = ignore_progress,
    *,
    include_explained: bool = False,
) -> Report:
    """What was found of the question's topics: a row a finding; with `every` also those that their files explain.

    Rows: topic, finding (one of models.FINDINGS), of (the rule or topic it is about), detail, advice, ids, and expected
    (the sentence of the topic file, or None). The summary counts `unexplained` ones.
    """
    context = bind(store, library, query, default_scope, progress)
    total, silent_rules, found = _run_checks(context)
    slips = [finding for finding in found if finding.kind == "nothing" and _find_explanation(library, finding) is None]
    elsewhere = _find_matching_elsewhere(context, slips)
    found = [finding for finding in found if finding not in elsewhere]
    rows = [_build_row(finding, _find_explanation(library, finding)) for finding in found]
    open_ = [row for row in rows if row["expected"] is None]
    explained = [row for row in rows if row["expected"] is not None]
    missing = list(_iter_unmet_expectations(library, query.topics, found))
    notes = [f"{_format_count(len(explained), 'finding')} explained in the topic files (--all shows them)."]
    unsure = silent_rules - len(elsewhere) - sum(finding.kind == "nothing" for finding in found)
    few = f"of fewer than {MIN_CANDIDATES:,} submissions that they could match, which are too few to tell."
    shown = [*open_, *(explained + missing if include_explained else [])]
    return Report(
        kind="check",
        title=f"{_format_count(len(open_), 'finding')} in {_format_count(len(query.topics), 'topic')}, "
        f"over {total:,} submissions",
        corpus=context.selection.corpus,
        synthetic=store.manifest.synthetic,
        query=query_to_json(context),
        columns=(*_FINDING_COLUMNS[:-1], *([_EXPECTED_COLUMN] if include_explained else []), _FINDING_COLUMNS[-1]),
        rows=sorted(shown, key=lambda row: list(query.topics).index(row["topic"])),
        data_as_of=format_timestamp(context.data_as_of),
        notes=[
            *(notes if explained else []),
            *([f"{_format_count(unsure, 'more rule')} found nothing, {few}"] if unsure else []),
            *(
                [f"{_format_count(len(elsewhere), 'rule')} found nothing here, but do in all that is stored."]
                if elsewhere
                else []
            ),
            *common_notes(context, []),
        ],
        provenance=build_provenance(context),
        summary={"unexplained": len(open_), "explained": len(explained)},
    )


def _run_checks(bound: BoundQuery) -> tuple[int, int, list[TopicFinding]]:
    """How many submissions were looked at, how many rules match nothing, and what was found.

    Topics are compared with all others of the library.
    """
    every = bound.with_selection(topics=tuple(bound.library.topics)).selection
    with bound.store.connect() as db:
        create_selection_tables(
            db, bound.store, bound.library, every, bound.store.list_files(*every.window), bound.progress
        )
        (number,) = db.execute("SELECT count(*) FROM paper").fetchall()[0]
        world = CheckInput(db, bound.store, bound.library, bound.query.topics, _list_complete_years(bound))
        found = [finding for kind in _FINDING_CHECKS for finding in kind(world)]
        return number, len(world.rules) - len(world.rule_counts), found


def _find_matching_elsewhere(bound: BoundQuery, silent_findings: Sequence[TopicFinding]) -> list[TopicFinding]:
    """Those rules that match nothing in a part of what is stored, but do in the rest: they are no slip of the pen."""
    topics = tuple(dict.fromkeys(finding.topic for finding in silent_findings))
    wide = {"scope": ALL_STORED_SCOPE, "window": Window(None, None), "author": None, "id": None, "primary_only": False}
    every = bound.with_selection(topics=topics, **wide).selection
    if not topics or every == bound.with_selection(topics=topics).selection:
        return []
    with bound.store.connect() as db:
        create_selection_tables(
            db, bound.store, bound.library, every, bound.store.list_files(None, None), bound.progress
        )
        found = set(db.execute("SELECT DISTINCT topic, rule FROM topic_match").fetchall())
    rules = {
        (topic, rule.text)
        for topic in topics
        for rule in bound.library.get_topic(topic).rules
        if (topic, rule.key) in found
    }
    return [finding for finding in silent_findings if (finding.topic, finding.subject) in rules]


def _list_complete_years(bound: BoundQuery) -> list[Period]:
    """The whole years that are looked at."""
    since, until = bound.selection.window
    categories = bound.selection.scope.categories
    first = max(filter(None, (since, bound.coverage.first_covered_day(categories))), default=None)
    last = min(filter(None, (until, bound.data_as_of.date())))
    years = periods.list_periods(first, last, "year") if first else []
    return [item for item in years if first and item.start >= first and item.end <= last]


def _find_explanation(library: Library, finding: TopicFinding) -> str | None:
    """The sentence by which a topic file expects a finding; of two topics that overlap either may say it."""
    sides = [(finding.topic, finding.subject)]
    if finding.kind == "overlap" and finding.subject in library.topics:
        sides.append((finding.subject, finding.topic))
    for topic, of in sides:
        for item in library.get_topic(topic).expect:
            if item.finding == finding.kind and of in item.of:
                return item.because
    return None


def _iter_unmet_expectations(
    library: Library, topics: Sequence[str], findings: Sequence[TopicFinding]
) -> Iterator[dict[str, Any]]:
    """What topic files expect and was not found."""
    there = {(finding.kind, *pair) for finding in findings for pair in _both_directions(finding)}
    for topic in topics:
        for item in library.get_topic(topic).expect:
            for of in item.of:
                if (item.finding, topic, of) not in there:
                    detail = "expected, and not found here; the data may be too few to tell"
                    yield _build_row(
                        TopicFinding(topic, item.finding, of, detail, "if it never is, take it out"), item.because
                    )


def _both_directions(finding: TopicFinding) -> tuple[tuple[str, str], tuple[str, str]]:
    return (finding.topic, finding.subject), (finding.subject, finding.topic)


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
    """A sentence: how many submissions the only topic of a question matches, by year."""
    context = bind(store, library, query, default_scope, progress)
    first = context.coverage.first_covered_day(context.selection.scope.categories)
    years = periods.list_periods(first, context.data_as_of.date(), "year") if first else []
    counted = context.count_submissions(years)
    (topic,) = query.topics
    told = [f"{item.label} {number:,}" for item in years if (number := counted.counts[topic, item])]
    total = sum(counted.counts[topic, item] for item in years)
    by = f": {', '.join(told)}." if told else "."
    return f"It matches {total:,} of {sum(counted.totals.values()):,} submissions{by}"
