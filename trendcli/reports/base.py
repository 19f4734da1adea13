"""What every report is built from: visible counts, shares, the order of rows, and a Report with its provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from trendcli.core.arxiv import find_breaks
from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.periods import Period, period_containing
from trendcli.core.report import Column, Report
from trendcli.reports.notes import build_provenance, common_notes, format_timestamp
from trendcli.stats.overdispersion import Overdispersion
from trendcli.stats.proportions import TwoProportions
from trendcli.store.coverage import STATUS_ORDER, PeriodStatus
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.query import BoundQuery, Query, query_to_json

# a count and its total; (None, None) over a gap in coverage
VisibleCount = tuple[int | None, int | None]
# columns of words, by which rows may be sorted
TEXT_KEYS = ("topic", "name", "category", "change", "verdict")
# a title names up to this many topics or categories, and gives the number of more
MAX_TITLE_TOPICS = 3
MAX_TITLE_CATEGORIES = 5


def is_withheld(period_status: PeriodStatus, query: Query) -> bool:
    """Whether change with a period is withheld: it is incomplete, and the query does not include such periods."""
    return period_status.status == "partial" and not query.include_partial


def visible_count(
    bound: BoundQuery, topic: str | None, period: Period, period_counts: PeriodCounts, period_status: PeriodStatus
) -> VisibleCount:
    """Return the count of a topic in a period and the period's total, the count None without a topic.

    Both are None over a gap in coverage, where a count would be too small, unless the query includes partial periods.
    """
    if period_status.has_gap and not bound.query.include_partial:
        return None, None
    return period_counts.counts[topic, period] if topic else None, period_counts.totals[period]


def build_two_proportions(
    earlier: VisibleCount, later: VisibleCount, overdispersion: Overdispersion
) -> TwoProportions | None:
    """Return the two proportions to compare; None where one of the counts is not visible."""
    (count_1, total_1), (count_2, total_2) = earlier, later
    if count_1 is None or total_1 is None or count_2 is None or total_2 is None:
        return None
    return TwoProportions(count_1, total_1, count_2, total_2, *overdispersion)


def period_fields(period: Period) -> dict[str, str]:
    """Return the fields `period`, `start` and `end` of a row; a clipped period keeps the label of the whole one."""
    label = period_containing(period.start, period.unit).label if period.unit != "window" else period.label
    return {"period": label, "start": str(period.start), "end": str(period.end)}


def worst_status(statuses: Sequence[str]) -> str:
    """Return the worst of some statuses of periods; 'unknown' for none."""
    return max(statuses, key=STATUS_ORDER.index, default="unknown")


def sort_rows(rows: Sequence[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    """Return the rows sorted by `query.sort`, the largest first, ties by topic and category.

    A relative change of 'new' ranks above every number; missing values come last. UsageError for an unknown key.
    """
    non_numeric = {key for row in rows for key, value in row.items() if isinstance(value, str | bool)}
    sort_keys = sorted({key for row in rows for key in row if key in TEXT_KEYS or key not in non_numeric})
    if rows and query.sort not in sort_keys:
        raise UsageError(
            f"Cannot sort by {query.sort!r}{suggest_names(query.sort, sort_keys)}. Sort by one of: "
            f"{', '.join(sort_keys)}."
        )
    rows = sorted(rows, key=lambda row: (row["topic"], row.get("category") or ""))
    if query.sort in TEXT_KEYS:
        return sorted(rows, key=lambda row: str(row[query.sort] or "~").lower(), reverse=query.reverse)

    def sort_value(row: Mapping[str, Any]) -> float | None:
        if query.sort == "relative_change" and row["change"] == "new":
            return float("inf")
        number: float | None = row[query.sort]
        return -number if number is not None and query.sort.startswith("rank") else number

    sign = 1 if query.reverse else -1
    with_value = [row for row in rows if sort_value(row) is not None]
    without_value = [row for row in rows if sort_value(row) is None]
    return sorted(with_value, key=lambda row: sign * (sort_value(row) or 0.0)) + without_value


def describe_period(period: Period, period_counts: PeriodCounts, period_status: PeriodStatus) -> dict[str, Any]:
    """Return a period as the `periods` of a report describe it; `base` is None over a gap in coverage."""
    return {
        "label": period_fields(period)["period"],
        "start": str(period.start),
        "end": str(period.end),
        "base": None if period_status.has_gap else period_counts.totals[period],
        "status": period_status.status,
        "complete": period_status.status == "complete",
        **({"missing": list(period_status.missing_categories)} if period_status.missing_categories else {}),
    }


def label_columns(columns: Sequence[Column], earlier: Period, later: Period) -> list[Column]:
    """Return the columns with the periods' labels filled in where theirs say `{earlier}` or `{later}`."""
    return [replace(column, label=column.label.format(earlier=earlier.label, later=later.label)) for column in columns]


def format_topic_names(bound: BoundQuery) -> str:
    """Return the topics of a query for a title: by name where they are few."""
    names = [bound.topic_label(topic) for topic in bound.selection.topics]
    if not names:
        return "Submissions"
    listed = ", ".join(names) if len(names) <= MAX_TITLE_TOPICS else f"{len(names)} topics"
    within = bound.selection.within
    return f"{listed} within {bound.library.get_topic(within).name}" if within else listed


def build_report(
    bound: BoundQuery,
    kind: str,
    title: str,
    *,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    described_periods: Sequence[Mapping[str, Any]],
    period_counts: PeriodCounts,
    notes: Sequence[str],
    resolved_options: Mapping[str, Any],
    **extra_fields: Any,
) -> Report:
    """Build a Report with the notes, breaks, coverage and provenance that all share.

    `described_periods` are its periods by `describe_period`, `resolved_options` the options of the query as they were
    resolved, `extra_fields` further fields of the Report.
    """
    selection, query = bound.selection, bound.query
    days = sorted(period[edge] for period in described_periods for edge in ("start", "end"))
    since, until = (date.fromisoformat(day) for day in (days[0], days[-1])) if days else (date.max, date.max)
    breaks = find_breaks(since, until, selection.scope.categories) if selection.corpus == ARXIV else []
    own_notes = list(notes)
    if selection.within:
        own_notes.append(
            f"Shares are of the submissions on {bound.library.get_topic(selection.within).name}; topics may overlap, "
            "so the shares need not add up."
        )
    own_notes += [
        f"{entry.day}: {entry.description} ({entry.source}); expect a break in the series." for entry in breaks
    ]
    last_notes = []
    if query.min_count:
        where = " in either period" if len(described_periods) > 1 else ""
        last_notes.append(f"Only topics with at least {query.min_count:,} submissions{where}.")
    return Report(
        kind=kind,
        title=f"{title}, {_format_scope(bound)}",
        corpus=selection.corpus,
        synthetic=bound.store.manifest.synthetic,
        query={**query_to_json(bound), **resolved_options},
        columns=columns,
        rows=rows,
        periods=described_periods,
        data_as_of=format_timestamp(bound.reference_time),
        coverage={
            "status": worst_status([period["status"] for period in described_periods]),
            "missing": sorted({name for period in described_periods for name in period.get("missing", ())}),
        },
        notes=[*own_notes, *common_notes(bound, described_periods), *last_notes],
        provenance=build_provenance(bound, period_counts),
        breaks=[{"day": str(entry.day), "what": entry.description, "source": entry.source} for entry in breaks],
        **extra_fields,
    )


def _format_scope(bound: BoundQuery) -> str:
    """Return the scope for a title: its name, or its categories where they are few; a venue's with the venue."""
    scope = bound.selection.scope
    if bound.selection.corpus != ARXIV:
        return f"{bound.selection.corpus} ({scope.name})"
    if scope.name not in scope.categories and " " not in scope.name:
        return f"scope {scope.name}"
    few = len(scope.categories) <= MAX_TITLE_CATEGORIES
    return ", ".join(scope.categories) if few else f"{len(scope.categories)} categories"
