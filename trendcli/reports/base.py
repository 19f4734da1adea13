"""What all reports share: what may be shown of a count, how rows are ordered, and a Report with its provenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from trendcli.core import arxiv as breaks
from trendcli.core import periods
from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.periods import Period
from trendcli.core.report import Column, Report
from trendcli.reports.notes import build_provenance, common_notes, format_timestamp
from trendcli.stats.overdispersion import Overdispersion
from trendcli.stats.proportions import TwoProportions
from trendcli.store.coverage import STATUS_ORDER, PeriodStatus
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.query import BoundQuery, Query, query_to_json

# a count and its base
VisibleCount = tuple[int | None, int | None]
OVERLAP_NOTE = "A submission counts in each of its categories, so rows do not add up."
# what is said of a row and is no number to sort by
TEXT_KEYS = ("topic", "name", "category", "change", "verdict")


def is_withheld(period_status: PeriodStatus, query: Query) -> bool:
    """Whether change with this period is withheld."""
    return period_status.status == "partial" and not query.include_partial


def visible_count(
    bound: BoundQuery, topic: str | None, period: Period, period_counts: PeriodCounts, period_status: PeriodStatus
) -> VisibleCount:
    """What may be shown of a period: None for both over a hole, since a number that is too small is no number."""
    if period_status.has_gap and not bound.query.include_partial:
        return None, None
    return period_counts.counts[topic, period] if topic else None, period_counts.totals[period]


def build_two_proportions(
    earlier: VisibleCount, later: VisibleCount, overdispersion: Overdispersion
) -> TwoProportions | None:
    """What is compared; None where one of the two may not be shown."""
    (count_1, base_1), (count_2, base_2) = earlier, later
    if count_1 is None or base_1 is None or count_2 is None or base_2 is None:
        return None
    return TwoProportions(count_1, base_1, count_2, base_2, *overdispersion)


def period_fields(period: Period) -> dict[str, str]:
    """The period, start and end of a row."""
    label = periods.period_containing(period.start, period.unit).label if period.unit != "window" else period.label
    return {"period": label, "start": str(period.start), "end": str(period.end)}


def worst_status(statuses: Sequence[str]) -> str:
    """The status that says least."""
    return max(statuses, key=STATUS_ORDER.index, default="unknown")


def sort_rows(rows: Sequence[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    """Largest first, then by topic and category; 'new' stands above every number, what has no value at the end."""
    told = {key for row in rows for key, value in row.items() if isinstance(value, str | bool)}
    keys = sorted({key for row in rows for key in row if key in TEXT_KEYS or key not in told})
    if rows and query.sort not in keys:
        raise UsageError(
            f"Cannot sort by {query.sort!r}{suggest_names(query.sort, keys)}. Sort by one of: {', '.join(keys)}."
        )
    rows = sorted(rows, key=lambda row: (row["topic"], row.get("category") or ""))
    if query.sort in TEXT_KEYS:
        return sorted(rows, key=lambda row: str(row[query.sort] or "~").lower(), reverse=query.reverse)

    def sort_value(row: Mapping[str, Any]) -> float | None:
        if query.sort == "relative_change" and row["change"] == "new":
            return float("inf")
        number: float | None = row[query.sort]
        return -number if number is not None and query.sort.startswith("rank") else number

    there = [row for row in rows if sort_value(row) is not None]
    sign: Callable[[float], float] = (lambda x: x) if query.reverse else (lambda x: -x)
    return sorted(there, key=lambda row: sign(sort_value(row) or 0.0)) + [
        row for row in rows if sort_value(row) is None
    ]


def describe_period(period: Period, period_counts: PeriodCounts, period_status: PeriodStatus) -> dict[str, Any]:
    """A period as the head of a report describes it."""
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
    """The columns with the two periods in place of 1 and 2."""
    return [
        replace(column, label=column.label[:-1] + (earlier if column.label[-1] == "1" else later).label)
        if column.label[-2:] in (" 1", " 2")
        else column
        for column in columns
    ]


def format_topic_names(bound: BoundQuery) -> str:
    """The topics of a question, by name where they are few."""
    names = [bound.topic_label(topic) for topic in bound.selection.topics]
    if not names:
        return "Submissions"
    said = ", ".join(names) if len(names) < 4 else f"{len(names)} topics"
    within = bound.selection.within
    return f"{said} within {bound.library.get_topic(within).name}" if within else said


def build_report(
    bound: BoundQuery,
    kind: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    described_periods: Sequence[Mapping[str, Any]],
    period_counts: PeriodCounts,
    notes: Sequence[str],
    resolved_options: Mapping[str, Any],
    **extra_fields: Any,
) -> Report:
    """A Report of some rows; `told` are its periods as `described`, `resolved` what the question turned out to ask."""
    selection, question = bound.selection, bound.query
    days = sorted(item[edge] for item in described_periods for edge in ("start", "end"))
    since, until = (date.fromisoformat(day) for day in (days[0], days[-1])) if days else (date.max, date.max)
    bends = breaks.find_breaks(since, until, selection.scope.categories) if selection.corpus == ARXIV else []
    floor = f"Only topics with {question.min_count} or more submissions in one of the periods."
    within = selection.within
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
            "status": worst_status([item["status"] for item in described_periods]),
            "missing": sorted({name for item in described_periods for name in item.get("missing", ())}),
        },
        notes=[
            *notes,
            *(
                [f"Shares are parts of the submissions on {bound.library.get_topic(within).name}; topics may "
                f"overlap, so "
                 "they need not add up."] if within else []
            ),
            *(f"{item.day}: {item.description} ({item.source}); the curve may bend there." for item in bends),
            *common_notes(bound, described_periods),
            *([floor] if question.min_count else []),
        ],
        provenance=build_provenance(bound, period_counts),
        breaks=[{"day": str(item.day), "what": item.description, "source": item.source} for item in bends],
        **extra_fields,
    )  # fmt: skip


def _format_scope(bound: BoundQuery) -> str:
    """A scope in a title: its name, or its categories where they are few; that of a venue with its name."""
    scope = bound.selection.scope
    if bound.selection.corpus != ARXIV:
        return f"{bound.selection.corpus} ({scope.name})"
    if scope.name not in scope.categories and " " not in scope.name:
        return f"scope {scope.name}"
    return ", ".join(scope.categories) if len(scope.categories) <= 5 else f"{len(scope.categories)} categories"
