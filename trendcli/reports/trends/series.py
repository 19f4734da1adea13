"""The series report: a row per period for each topic, or the volume of a scope, with turning points and growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import (
    Period,
    disjoint_years_ago,
    list_periods,
    period_containing,
    period_start,
    rolling_period,
)
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.base import (
    build_report,
    build_two_proportions,
    describe_period,
    format_topic_names,
    is_withheld,
    period_fields,
    visible_count,
)
from trendcli.reports.notes import OVERLAP_NOTE, coverage_phrase, status_command
from trendcli.reports.significance import (
    History,
    add_verdicts,
    estimate_overdispersions,
    family_notes,
    find_history,
)
from trendcli.reports.trends.turning_points import find_turning_points, format_turning_point
from trendcli.stats.growth import Growth, fit_growth
from trendcli.stats.overdispersion import NOT_ESTIMATED, Overdispersion
from trendcli.stats.proportions import TwoProportions, compute_share, wilson_interval
from trendcli.stats.turning_points import MIN_LEAD_PERIODS
from trendcli.store.coverage import PeriodStatus
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_window

SERIES_COLUMNS = (
    Column("name", "Topic", "text", 0),
    Column("category", "Category", "text", 0),
    Column("period", "Period", "text", 0),
    Column("count", "Count", "count", 0),
    Column("base", "Base", "count", 3),
    Column("share", "Share", "share", 0),
    Column("share_low", "95 % interval of share", "share_interval", 6, second_key="share_high"),
    Column("index", "Index", "index", 0),
    Column("count_change", "Count change", "change", 5),
    Column("relative_change", "Relative change", "change", 1),
    Column("ci_low", "95 % interval", "interval", 1, second_key="ci_high"),
    Column("q", "q", "p", 4),
    Column("verdict", "Verdict", "verdict", 1),
    Column("status", "Status", "text", 2),
)
VOLUME_COLUMNS = (
    Column("period", "Period", "text", 0),
    Column("count", "Submissions", "count", 0),
    Column("count_change", "Count change", "change", 0),
    Column("status", "Status", "text", 0),
)
Row = dict[str, Any]


def build_series(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """Build the report of a row per period for each topic, or without a topic that of the volume of the scope.

    With `across` each category has rows of its own; with `rolling` a row is the total of that many periods, the last of
    which names it; with `index` each share is also given relative to that of one period, which is 100. UsageError for
    options that do not fit; CoverageMissing where none of the periods is covered.
    """
    unit = query.by or "year"
    if not query.topics and (query.across or query.index):
        raise UsageError("--across and --rebase need a topic: name one with -t.")
    if query.min_count or query.sort != Query.sort or query.reverse:
        raise UsageError("A series is in time order: --sort, --reverse and --min-count apply to comparisons only.")
    bound = bind(store, library, query, default_scope, progress)
    since, until = query_window(bound, unit)
    shown = _list_shown_periods(bound, since, until, unit)
    earlier_of = {period: disjoint_years_ago(period) for period in shown if not _is_clipped(period)}
    compared = sorted({*shown, *(earlier for earlier in earlier_of.values() if earlier)})
    histories = {
        period: find_history(bound, (earlier, period))
        for period, earlier in earlier_of.items()
        if earlier and query.topics
    }
    prior = _prior_periods(bound, shown)
    history_parts = [part for history in histories.values() for part in history.periods]
    counted_periods = sorted({*compared, *prior, *history_parts})
    period_counts = bound.count_submissions(counted_periods)
    statuses = {period: bound.period_status(period) for period in compared}
    if shown and all(statuses[period].has_gap for period in shown) and not query.include_partial:
        missing = sorted({name for period in shown for name in statuses[period].missing_categories})
        raise CoverageMissing(
            f"Nothing from {shown[0].start} to {shown[-1].end} is {coverage_phrase(store.corpus, missing)}. See "
            f"{status_command(store.corpus)}."
        )
    notes = [_change_note(query, unit, earlier_of)]
    rows: list[Row]
    summary: dict[str, Any]
    if not query.topics:
        kind, columns = "volume", list(VOLUME_COLUMNS)
        rows = [_volume_row(bound, period, earlier_of.get(period), period_counts, statuses) for period in shown]
        growth = _fit_volume_growth(rows, unit) if query.rolling == 1 else None
        rows = _add_fitted_counts(rows, growth)
        notes += _growth_notes(growth, unit)
        summary = {"growth": growth._replace(fitted=())._asdict() if growth else None}
    else:
        kind = "series"
        breakdown = bound.count_breakdown(counted_periods, "category") if query.across else {"": period_counts}
        rows = _topic_rows(bound, shown, earlier_of, histories, breakdown)
        notes += family_notes(rows, "period", histories.values())
        if query.across:
            notes.append(OVERLAP_NOTE)
        if query.index:
            rows = _add_index(rows, query.index)
            notes.append(f"Index: share relative to that of {query.index.label} (= 100).")
        is_prior_known = not query.across and not any(bound.period_status(period).has_gap for period in prior)
        turning_points = find_turning_points(
            rows, unit, prior, period_counts if is_prior_known else None, MIN_LEAD_PERIODS * query.rolling
        )
        notes += [format_turning_point(turning_point) for turning_point in turning_points]
        is_shown = {"name": len(query.topics) > 1, "category": query.across, "index": query.index is not None}
        columns = [column for column in SERIES_COLUMNS[:-1] if is_shown.get(column.key, True)] + [_status_column(rows)]
        summary = {"turns": turning_points}
    rolling = f", {query.rolling}-{unit} rolling total" if query.rolling > 1 else ""
    return build_report(
        bound,
        kind,
        f"{format_topic_names(bound)} by {unit}{rolling}",
        columns=columns,
        rows=rows if query.limit == 0 else rows[-query.limit :],
        described_periods=[describe_period(period, period_counts, statuses[period]) for period in shown],
        period_counts=period_counts,
        notes=notes,
        resolved_options={"by": unit, "since": str(since), "until": str(until)},
        summary=summary,
    )


def _list_shown_periods(bound: BoundQuery, since: date, until: date, unit: str) -> list[Period]:
    """Return the periods of a series, cut to [since, until), or the rolling windows that end with them.

    A rolling window that reaches back before the data is left out, unless all do.
    """
    clipped = [
        Period(max(period.start, since), min(period.end, until), unit) for period in list_periods(since, until, unit)
    ]
    if bound.query.rolling == 1:
        return clipped
    first_day = bound.coverage.first_covered_day(bound.selection.scope.categories) or since
    windows = [rolling_period(period, bound.query.rolling) for period in clipped if not _is_clipped(period)]
    return [window for window in windows if window.start >= period_start(first_day, unit)] or windows


def _is_clipped(period: Period) -> bool:
    return period.unit != "window" and period_containing(period.start, period.unit) != period


def _prior_periods(bound: BoundQuery, shown: Sequence[Period]) -> list[Period]:
    """Return what is stored before a series as one window: a topic that occurs there does not first occur in it."""
    first_day = bound.coverage.first_covered_day(bound.selection.scope.categories)
    if not shown or first_day is None or first_day >= shown[0].start:
        return []
    return [Period(period_start(first_day, "month"), shown[0].start, "window")]


def _change_note(query: Query, unit: str, earlier_of: Mapping[Period, Period | None]) -> str:
    """Return the note on what change compares with."""
    interval = ", with its 95 % interval" if query.topics else ""
    if query.rolling == 1:
        return (
            f"Change is against {'the year before' if unit == 'year' else f'the same {unit} a year earlier'}{interval}."
        )
    years = [round((period.start - earlier.start).days / 365) for period, earlier in earlier_of.items() if earlier]
    span = "one year" if years[:1] == [1] else f"{years[0]} years" if years else ""
    change = f"; change is against the total {span} earlier" if years else ""
    return f"Each row is a {query.rolling}-{unit} rolling total, so neighbouring rows overlap{change}{interval}."


def _status_column(rows: Sequence[Mapping[str, Any]]) -> Column:
    """Return the column of statuses.

    It is hidden before a change is, since notes name the periods that are not complete, but stays where a row is
    clipped by the window, which nothing else says.
    """
    return replace(SERIES_COLUMNS[-1], rank=0 if any(row["clipped"] for row in rows) else SERIES_COLUMNS[-1].rank)


def _topic_rows(
    bound: BoundQuery,
    shown: Sequence[Period],
    earlier_of: Mapping[Period, Period | None],
    histories: Mapping[Period, History],
    breakdown: Mapping[str, PeriodCounts],
) -> list[Row]:
    """Return the rows of each topic in each category ('' for all together) and period, with verdicts."""
    topics = bound.query.topics
    compared = {*shown, *(earlier for earlier in earlier_of.values() if earlier)}
    entries: list[tuple[Row, TwoProportions | None]] = []
    for category, period_counts in breakdown.items():
        overdispersions = estimate_overdispersions(histories, period_counts, topics)
        statuses = {period: bound.period_status(period, category) for period in compared}
        for period in shown:
            entries += _period_rows(
                bound, category, period, earlier_of.get(period), period_counts, statuses, overdispersions
            )
    topic_order = {topic: number for number, topic in enumerate(topics)}
    entries.sort(key=lambda entry: (topic_order[entry[0]["topic"]], entry[0].get("category", "")))
    return add_verdicts([row for row, _ in entries], [proportions for _, proportions in entries])


def _period_rows(
    bound: BoundQuery,
    category: str,
    period: Period,
    earlier: Period | None,
    period_counts: PeriodCounts,
    statuses: Mapping[Period, PeriodStatus],
    overdispersions: Mapping[tuple[str, Period], Overdispersion],
) -> list[tuple[Row, TwoProportions | None]]:
    """Return the row of each topic in a period, and the two proportions that it compares."""
    if any(is_withheld(statuses[side], bound.query) for side in (earlier, period) if side):
        earlier = None
    entries: list[tuple[Row, TwoProportions | None]] = []
    for topic in bound.query.topics:
        count, total = visible = visible_count(bound, topic, period, period_counts, statuses[period])
        low, high = wilson_interval(count, total) if count is not None and total else (None, None)
        row = {
            "topic": topic,
            "name": bound.topic_label(topic),
            **({"category": category} if category else {}),
            **period_fields(period),
            "count": count,
            "base": total,
            "share": compute_share(count, total),
            "share_low": low,
            "share_high": high,
            "status": statuses[period].status,
            "clipped": _is_clipped(period),
        }
        before = visible_count(bound, topic, earlier, period_counts, statuses[earlier]) if earlier else (None, None)
        overdispersion = overdispersions.get((topic, period), NOT_ESTIMATED)
        entries.append((row, build_two_proportions(before, visible, overdispersion)))
    return entries


def _volume_row(
    bound: BoundQuery,
    period: Period,
    earlier: Period | None,
    period_counts: PeriodCounts,
    statuses: Mapping[Period, PeriodStatus],
) -> Row:
    _, total = visible_count(bound, None, period, period_counts, statuses[period])
    before = None
    if earlier and not any(is_withheld(statuses[side], bound.query) for side in (earlier, period)):
        before = period_counts.totals[earlier]
    return {
        **period_fields(period),
        "count": total,
        "count_change": total / before - 1 if before and total is not None else None,
        "status": statuses[period].status,
        "clipped": _is_clipped(period),
    }


def _is_fitted(row: Mapping[str, Any]) -> bool:
    """Whether growth is fitted to a row: its period is over, settled and not clipped."""
    return row["status"] in ("complete", "unknown") and not row["clipped"]


def _fit_volume_growth(rows: Sequence[Mapping[str, Any]], unit: str) -> Growth | None:
    fitted_rows = [row for row in rows if _is_fitted(row)]
    counts = [row["count"] for row in fitted_rows]
    return fit_growth(counts, [_time_index(row["start"], unit) for row in fitted_rows], unit)


def _time_index(start: str, unit: str) -> int:
    """Return the number along the calendar of the period of `unit` that starts on an ISO day."""
    day = date.fromisoformat(start)
    if unit == "week":
        return day.toordinal() // 7
    return (day.year * 12 + day.month - 1) // {"year": 12, "quarter": 3, "month": 1}[unit]


def _add_fitted_counts(rows: Sequence[Row], growth: Growth | None) -> list[Row]:
    """Return the rows with `fitted`, the count on the line of growth; None where a row was not fitted."""
    values = iter(growth.fitted if growth else ())
    return [{**row, "fitted": next(values, None) if _is_fitted(row) else None} for row in rows]


def _growth_notes(growth: Growth | None, unit: str) -> list[str]:
    if growth is None:
        return []
    rate = (
        f"Growth {100 * growth.growth:+.1f} % per year [{100 * growth.ci_low:+.1f}, {100 * growth.ci_high:+.1f}], "
        f"fitted to {growth.periods} {unit}s (R² {growth.r_squared:.2f})"
    )
    if growth.doubling_months is None:
        reason = "the volume shrinks" if growth.ci_high < 0 else "no doubling time, since the interval includes 0"
        return [f"{rate}; {reason}."]
    return [
        f"{rate}; doubles in {growth.doubling_months:.0f} months [{growth.doubling_low:.0f}, "
        f"{growth.doubling_high:.0f}]."
    ]


def _add_index(rows: Sequence[Row], base: Period) -> list[Row]:
    """Return the rows with `index`: 100 times the share over that of the row that ends with the base period."""
    base_rows = [row for row in rows if row["end"] == str(base.end)]
    if not base_rows:
        raise UsageError(f"--rebase {base.label} is not a period of this series; name one that is.")
    base_shares = {(row["topic"], row.get("category")): row["share"] for row in base_rows}
    if not any(base_shares.values()):
        raise UsageError(
            f"--rebase {base.label} has no share above 0, so it cannot be the index base; name another period."
        )
    indexed = []
    for row in rows:
        base_share = base_shares.get((row["topic"], row.get("category")))
        is_known = base_share and row["share"] is not None
        indexed.append({**row, "index": 100 * row["share"] / base_share if is_known else None})
    return indexed
