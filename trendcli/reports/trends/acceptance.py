"""Use-case acceptance: a row a topic, how many of its submissions a venue accepted, against all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import Period
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports import significance as evidence
from trendcli.reports.base import build_report, describe_period, format_topic_names, sort_rows
from trendcli.stats import proportions as change
from trendcli.stats.proportions import TwoProportions
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, last_complete_period

RATE_COLUMNS = (
    Column("count", "Submissions", "count", 0),
    Column("accepted", "Accepted", "count", 2),
    Column("rate", "Rate", "share", 0),
    Column("rate_low,rate_high", "95 % interval of rate", "share_interval", 5),
    Column("others", "Rate of others", "share", 1),
    Column("relative_change", "Relative difference", "change", 0),
    Column("ci_low,ci_high", "95 % interval", "interval", 0),
    Column("q", "q", "p", 3),
    Column("verdict", "Verdict", "verdict", 0),
)
# what a verdict about two periods is called where two groups of submissions are compared
ACCEPTANCE_VERDICTS = {
    "rising": "more often accepted",
    "falling": "less often accepted",
    "no clear change": "no clear difference",
}
ACCEPTED_SCOPE = Scope("accepted", ("accepted",))
DIFFERENCE_NOTE = (
    "Relative difference: the rate over that of all other submissions, less 1; brackets hold its 95 % interval. To go "
    "with acceptance is not to cause it."
)


def acceptance_rate_fields(proportions: TwoProportions) -> dict[str, Any]:
    """What is said of some submissions, side 2, and how many of them were accepted, beside all others, side 1.

    Rates are fractions with Wilson's interval; None where there is no submission.
    """
    low, high = change.wilson_interval(proportions.count_2, proportions.total_2)
    return {
        "count": proportions.total_2,
        "accepted": proportions.count_2,
        "rate": change.compute_share(proportions.count_2, proportions.total_2),
        "rate_low": low,
        "rate_high": high,
        "others": change.compute_share(proportions.count_1, proportions.total_1),
    }


def format_acceptance_rate(accepted_count: int, submission_count: int) -> str:
    """How many of a base were accepted, as a sentence."""
    low, high = change.wilson_interval(accepted_count, submission_count)
    rate = (
        f"{100 * accepted_count / submission_count:.2f} %, interval [{100 * (low or 0):.2f}, {100 * (high or 0):.2f}] %"
        if submission_count
        else "–"
    )
    return f"Accepted: {accepted_count:,} of {submission_count:,} submissions, {rate} (Wilson)."


def build_acceptance(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """A row a topic: the share of its submissions that were accepted, against that of all others of the year.

    The base is the scope: `active` unless another was named, since a submission that was withdrawn was not judged.
    Without a period, the last year whose decisions are all known. UsageError for arXiv, which accepts nothing;
    NoCoverage where the year has not been decided.
    """
    if store.corpus == ARXIV:
        raise UsageError("arXiv accepts and rejects nothing: name a venue with --corpus.")
    scope = query.scope or Scope("active", ("active",))
    every = bind(store, library, query, scope, progress)
    chosen = every.with_selection(scope=ACCEPTED_SCOPE)
    item = find_decided_year(every)
    counted, accepted = every.count_submissions([item]), chosen.count_submissions([item])
    sides = [_acceptance_proportions(topic, item, counted, accepted) for topic in every.selection.topics]
    rows = [
        {
            "topic": topic,
            "name": every.topic_label(topic),
            "period": item.label,
            **acceptance_rate_fields(pair),
            "status": "complete",
        }
        for topic, pair in zip(every.selection.topics, sides, strict=True)
    ]
    judged = [drop_count_change(row) for row in evidence.add_verdicts(rows, sides)]
    for row in judged:
        row["verdict"] = ACCEPTANCE_VERDICTS.get(row["verdict"], row["verdict"])
    kept = [row for row in judged if row["count"] >= query.min_count]
    tested = sum(row["p"] is not None for row in judged)
    return build_report(
        every,
        "acceptance",
        f"{format_topic_names(every)}: acceptance in {item.label}",
        (Column("name", "Topic", "text", 0), *RATE_COLUMNS),
        sort_rows(kept, query)[: query.limit or None],
        [describe_period(item, counted, chosen.period_status(item))],
        counted,
        [
            format_acceptance_rate(accepted.totals[item], counted.totals[item]),
            DIFFERENCE_NOTE,
            f"Verdicts hold over {tested} topic{'s' * (tested != 1)} (q ≤ 0.05, Benjamini-Hochberg).",
        ],
        {"by": "year", "period": item.label, "outcome": "accepted"},
    )


def drop_count_change(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of two groups of submissions, which are no periods: so many more in one than in the other says nothing."""
    return {key: value for key, value in row.items() if key != "count_change"}


def find_decided_year(bound: BoundQuery) -> Period:
    """The year that is asked for, whose decisions are all known; the last such year where none is named.

    UsageError where it is no year, or the base is the accepted; NoCoverage where its list is not stored, or not
    decided.
    """
    question, venue = bound.query, bound.selection.corpus
    if bound.selection.scope == ACCEPTED_SCOPE:
        raise UsageError("Among accepted submissions all are accepted: take --status active or submitted.")
    if question.last or any(question.window) or (question.period and question.period.unit != "year"):
        raise UsageError("Acceptance differs from year to year: name one with --period, such as --period 2022.")
    chosen = bound.with_selection(scope=ACCEPTED_SCOPE)
    item = question.period or last_complete_period(chosen, "year")
    if bound.period_status(item).has_gap:
        raise CoverageMissing(f"No whole list of {venue} {item.label} is stored: import or fetch it first.")
    if chosen.period_status(item).status != "complete":
        raise CoverageMissing(
            f"The decisions of {venue} {item.label} are not all known, so no rate can be computed. Import or fetch its "
            "list again when they are."
        )
    return item


def _acceptance_proportions(topic: str, item: Period, counted: PeriodCounts, accepted: PeriodCounts) -> TwoProportions:
    count, taken = counted.counts[topic, item], accepted.counts[topic, item]
    return TwoProportions(accepted.totals[item] - taken, counted.totals[item] - count, taken, count)
