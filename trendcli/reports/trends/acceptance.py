"""The acceptance report: a row per topic with the accepted share of its submissions, against that of all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import Period
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.base import build_report, describe_period, format_topic_names, sort_rows
from trendcli.reports.notes import verdict_note
from trendcli.reports.significance import add_verdicts
from trendcli.stats.proportions import TwoProportions, compute_share, wilson_interval
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, last_complete_period

RATE_COLUMNS = (
    Column("count", "Submissions", "count", 0),
    Column("accepted", "Accepted", "count", 2),
    Column("rate", "Rate", "share", 0),
    Column("rate_low", "95 % interval of rate", "share_interval", 5, second_key="rate_high"),
    Column("others", "Rate of others", "share", 1),
    Column("relative_change", "Relative difference", "change", 0),
    Column("ci_low", "95 % interval", "interval", 0, second_key="ci_high"),
    Column("q", "q", "p", 3),
    Column("verdict", "Verdict", "verdict", 0),
)
# a verdict on two periods -> what it is called where two groups of submissions are compared
ACCEPTANCE_VERDICTS = {
    "rising": "more often accepted",
    "falling": "less often accepted",
    "no clear change": "no clear difference",
}
ACCEPTED_SCOPE = Scope("accepted", ("accepted",))
DIFFERENCE_NOTE = (
    "Relative difference is the rate divided by that of all other submissions, minus 1, with its 95 % interval. "
    "Association, not causation."
)


def acceptance_rate_fields(proportions: TwoProportions) -> dict[str, Any]:
    """Return the fields on some submissions (count 2 accepted of total 2) beside all others (count 1 of total 1).

    Rates are fractions, with Wilson's interval; None where there is no submission.
    """
    low, high = wilson_interval(proportions.count_2, proportions.total_2)
    return {
        "count": proportions.total_2,
        "accepted": proportions.count_2,
        "rate": compute_share(proportions.count_2, proportions.total_2),
        "rate_low": low,
        "rate_high": high,
        "others": compute_share(proportions.count_1, proportions.total_1),
    }


def format_acceptance_rate(accepted_count: int, submission_count: int) -> str:
    """Return the note on how many of all submissions were accepted."""
    low, high = wilson_interval(accepted_count, submission_count)
    rate = ""
    if submission_count:
        percent = 100 * accepted_count / submission_count
        rate = f", {percent:.2f} % [{100 * (low or 0):.2f}, {100 * (high or 0):.2f}] (95 % Wilson interval)"
    return f"Accepted: {accepted_count:,} of {submission_count:,} submissions{rate}."


def build_acceptance(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """Build the report of a row per topic: the accepted share of its submissions against that of all others of a year.

    The base is the scope: `active` unless another is named, since withdrawn submissions were not decided on. Without a
    period it is the last year whose decisions are all known. UsageError for arXiv, which accepts nothing;
    CoverageMissing where the year has not been decided.
    """
    if store.corpus == ARXIV:
        raise UsageError("arXiv does not accept or reject submissions: name a venue with --corpus.")
    bound = bind(store, library, query, query.scope or Scope("active", ("active",)), progress)
    bound_accepted = bound.with_selection(scope=ACCEPTED_SCOPE)
    year = find_decided_year(bound)
    submitted, accepted = bound.count_submissions([year]), bound_accepted.count_submissions([year])
    proportions = [_acceptance_proportions(topic, year, submitted, accepted) for topic in bound.selection.topics]
    rows = add_verdicts(
        [
            {
                "topic": topic,
                "name": bound.topic_label(topic),
                "period": year.label,
                **acceptance_rate_fields(pair),
                "status": "complete",
            }
            for topic, pair in zip(bound.selection.topics, proportions, strict=True)
        ],
        proportions,
    )
    rows = [
        {**drop_count_change(row), "verdict": ACCEPTANCE_VERDICTS.get(row["verdict"], row["verdict"])} for row in rows
    ]
    tested_count = sum(row["p"] is not None for row in rows)
    shown = [row for row in rows if row["count"] >= query.min_count]
    return build_report(
        bound,
        "acceptance",
        f"{format_topic_names(bound)}: acceptance in {year.label}",
        columns=(Column("name", "Topic", "text", 0), *RATE_COLUMNS),
        rows=sort_rows(shown, query)[: query.limit or None],
        described_periods=[describe_period(year, submitted, bound_accepted.period_status(year))],
        period_counts=submitted,
        notes=[
            format_acceptance_rate(accepted.totals[year], submitted.totals[year]),
            DIFFERENCE_NOTE,
            verdict_note(tested_count, "topic"),
        ],
        resolved_options={"by": "year", "period": year.label, "outcome": "accepted"},
    )


def drop_count_change(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without `count_change`: a change of counts means nothing between two groups of one period."""
    return {key: value for key, value in row.items() if key != "count_change"}


def find_decided_year(bound: BoundQuery) -> Period:
    """Return the year of a query, or without one the last year whose decisions are all known.

    UsageError where the query names no year, or its base is the accepted; CoverageMissing where the list of the year is
    not stored, or not decided.
    """
    query, venue = bound.query, bound.selection.corpus
    if bound.selection.scope == ACCEPTED_SCOPE:
        raise UsageError(
            "The rate among accepted submissions is always 100 %: use --submission-status active or submitted."
        )
    if query.last or any(query.window) or (query.period and query.period.unit != "year"):
        raise UsageError("Acceptance differs by year: name one with --period, such as --period 2022.")
    bound_accepted = bound.with_selection(scope=ACCEPTED_SCOPE)
    year = query.period or last_complete_period(bound_accepted, "year")
    if bound.period_status(year).has_gap:
        raise CoverageMissing(f"No complete list of {venue} {year.label} is stored: import or fetch it first.")
    if bound_accepted.period_status(year).status != "complete":
        raise CoverageMissing(
            f"The decisions of {venue} {year.label} are not all known, so no rate can be computed. Import or fetch "
            "its list again once they are known."
        )
    return year


def _acceptance_proportions(
    topic: str, year: Period, submitted: PeriodCounts, accepted: PeriodCounts
) -> TwoProportions:
    """Return the accepted among all other submissions, and among those of a topic."""
    submitted_count, accepted_count = submitted.counts[topic, year], accepted.counts[topic, year]
    return TwoProportions(
        accepted.totals[year] - accepted_count,
        submitted.totals[year] - submitted_count,
        accepted_count,
        submitted_count,
    )
