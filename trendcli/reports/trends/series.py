"""Use-case series: a row a period for each topic, or the volume of a scope, with the turning points and the growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import Any

from trendcli.core import periods
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import Period
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports import significance as evidence
from trendcli.reports.base import (
    OVERLAP_NOTE,
    build_report,
    build_two_proportions,
    describe_period,
    format_topic_names,
    is_withheld,
    period_fields,
    visible_count,
)
from trendcli.reports.notes import coverage_phrase, status_command
from trendcli.stats import growth
from trendcli.stats import proportions as change
from trendcli.stats import turning_points as turns
from trendcli.stats.growth import Growth
from trendcli.stats.overdispersion import NOT_ESTIMATED, Overdispersion
from trendcli.stats.proportions import TwoProportions, compute_share
from trendcli.stats.turning_points import MIN_LEAD_PERIODS, MIN_QUIET_YEARS
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
    Column("share_low,share_high", "95 % interval of share", "share_interval", 6),
    Column("index", "Index", "index", 0),
    Column("count_change", "Count change", "change", 5),
    Column("relative_change", "Relative change", "change", 1),
    Column("ci_low,ci_high", "95 % interval", "interval", 1),
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
# beyond so many lines nobody reads who crosses whom
MAX_CROSSOVER_LINES = 8


def build_series(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """A row a period for each topic, and with `across` for each category; without a topic the volume of the scope.

    With `rolling` a period is the sum of so many, ending with the one that is named; with `index` each share stands in
    hundredths of that of one period as well.
    """
    unit = query.by or "year"
    if not query.topics and (query.across or query.index):
        raise UsageError("--across and --index are for topics: name one with -t.")
    if query.min_count or query.sort != Query.sort or query.reverse:
        raise UsageError(
            "A series is in the order of its periods: --sort, --reverse and --min-count are for a comparison."
        )
    context = bind(store, library, query, default_scope, progress)
    since, until = query_window(context, unit)
    chosen = _clip_periods(since, until, unit)
    if query.rolling > 1:
        first = context.coverage.first_covered_day(context.selection.scope.categories) or since
        chosen = [periods.rolling_period(item, query.rolling) for item in chosen if not _is_clipped(item)]
        chosen = [item for item in chosen if item.start >= periods.period_start(first, unit)] or chosen
    before = {item: periods.disjoint_years_ago(item) for item in chosen if not _is_clipped(item)}
    every = sorted({*chosen, *(item for item in before.values() if item)})
    pasts = {item: evidence.find_history(context, (earlier, item)) for item, earlier in before.items() if earlier}
    pasts = pasts if query.topics else {}
    prior = _prior_periods(context, chosen)
    told_before = not any(context.period_status(item).has_gap for item in prior)
    needed = sorted({*every, *prior, *(part for past in pasts.values() for part in past.periods)})
    whole = context.count_submissions(needed)
    verdicts = {item: context.period_status(item) for item in every}
    if chosen and all(verdicts[item].has_gap for item in chosen) and not query.include_partial:
        missing = sorted({name for item in chosen for name in verdicts[item].missing_categories})
        first, last = chosen[0].start, chosen[-1].end
        raise CoverageMissing(
            f"Nothing from {first} to {last} is {coverage_phrase(store.corpus, missing)}. See "
            f"{status_command(store.corpus)}."
        )
    compares = "with the year before" if unit == "year" else f"with the same {unit} a year earlier"
    notes = [f"Change compares {compares}{'; brackets hold 95 % intervals' if query.topics else ''}."]
    if query.rolling > 1:
        compares = "with the same span as few years earlier as do not overlap with it"
        notes = [f"Each row adds up {query.rolling} {unit}s, so neighbours overlap; change compares {compares}."]
    resolved = {"by": unit, "since": str(since), "until": str(until)}
    told = [describe_period(item, whole, verdicts[item]) for item in chosen]
    title = f"{format_topic_names(context)} by {unit}" + (f", {query.rolling} added up" if query.rolling > 1 else "")
    if not query.topics:
        rows = [_volume_row(context, item, before.get(item), whole, verdicts) for item in chosen]
        grown = _fit_growth(rows, unit) if query.rolling == 1 else None
        rows = _add_fitted_counts(rows, grown)
        notes += _growth_notes(grown, unit)
        summary = {"growth": grown._replace(fitted=())._asdict() if grown else None}
        return build_report(
            context,
            "volume",
            title,
            VOLUME_COLUMNS,
            _limit_rows(rows, query),
            told,
            whole,
            notes,
            resolved,
            summary=summary,
        )
    parts = context.count_breakdown(needed, "category") if query.across else {"": whole}
    lines: list[tuple[dict[str, Any], TwoProportions | None]] = []
    for part, counted in parts.items():
        spread = evidence.estimate_overdispersions(pasts, counted, query.topics)
        known = verdicts if not part else {item: context.period_status(item, part) for item in every}
        for item in chosen:
            lines += _period_rows(context, part, item, before.get(item), counted, known, spread)
    order = {topic: place for place, topic in enumerate(query.topics)}
    lines.sort(key=lambda line: (order[line[0]["topic"]], line[0].get("category", "")))
    rows = evidence.add_verdicts(*map(list, zip(*lines, strict=True))) if lines else []
    notes += evidence.family_notes(rows, "period", pasts.values())
    if query.across:
        notes.append(OVERLAP_NOTE)
    if query.index:
        rows = _add_index(rows, query.index)
        notes.append(f"Index: the share of {query.index.label} is 100.")
    found = _find_turning_points(
        rows, unit, whole if told_before and not query.across else None, prior, MIN_LEAD_PERIODS * query.rolling
    )
    notes += [_format_turning_point(turn) for turn in found]
    several = {"name": len(query.topics) > 1, "category": query.across, "index": query.index is not None}
    columns = [column for column in SERIES_COLUMNS[:-1] if several.get(column.key, True)] + [_status_column(rows)]
    return build_report(
        context,
        "series",
        title,
        columns,
        _limit_rows(rows, query),
        told,
        whole,
        notes,
        resolved,
        summary={"turns": found},
    )


def _status_column(rows: Sequence[Mapping[str, Any]]) -> Column:
    """The column of states. It goes before a change does, since notes name the periods that are not whole, but stays
    where a row is cut by the dates that were asked for, which is said nowhere else."""
    return replace(SERIES_COLUMNS[-1], rank=0 if any(row["clipped"] for row in rows) else SERIES_COLUMNS[-1].rank)


def _limit_rows(rows: Sequence[dict[str, Any]], query: Query) -> Sequence[dict[str, Any]]:
    return rows if query.limit == 0 else rows[-query.limit :]


def _clip_periods(since: date, until: date, unit: str) -> list[Period]:
    return [
        Period(max(item.start, since), min(item.end, until), unit) for item in periods.list_periods(since, until, unit)
    ]


def _is_clipped(item: Period) -> bool:
    return item.unit != "window" and periods.period_containing(item.start, item.unit) != item


def _period_rows(
    bound: BoundQuery,
    part: str,
    item: Period,
    before: Period | None,
    counted: PeriodCounts,
    verdicts: Mapping[Period, PeriodStatus],
    spread: Mapping[tuple[str, Period], Overdispersion],
) -> list[tuple[dict[str, Any], TwoProportions | None]]:
    """The row of each topic in a period, and what it compares."""
    where = {**({"category": part} if part else {}), **period_fields(item)}
    status = {"status": verdicts[item].status, "clipped": _is_clipped(item)}
    told = before if not any(is_withheld(verdicts[side], bound.query) for side in (before, item) if side) else None
    found: list[tuple[dict[str, Any], TwoProportions | None]] = []
    for topic in bound.query.topics:
        count, base = now = visible_count(bound, topic, item, counted, verdicts[item])
        low, high = change.wilson_interval(count, base) if count is not None and base else (None, None)
        row = {
            "topic": topic,
            "name": bound.topic_label(topic),
            **where,
            "count": count,
            "base": base,
            "share": compute_share(count, base),
            "share_low": low,
            "share_high": high,
            **status,
        }
        earlier = visible_count(bound, topic, told, counted, verdicts[told]) if told else (None, None)
        found.append((row, build_two_proportions(earlier, now, spread.get((topic, item), NOT_ESTIMATED))))
    return found


def _volume_row(
    bound: BoundQuery,
    item: Period,
    before: Period | None,
    counted: PeriodCounts,
    verdicts: Mapping[Period, PeriodStatus],
) -> dict[str, Any]:
    _, base = visible_count(bound, None, item, counted, verdicts[item])
    earlier = None
    if before and not any(is_withheld(verdicts[side], bound.query) for side in (before, item)):
        earlier = counted.totals[before]
    return {
        **period_fields(item),
        "count": base,
        "count_change": base / earlier - 1 if earlier and base is not None else None,
        "status": verdicts[item].status,
        "clipped": _is_clipped(item),
    }


def _fit_growth(rows: Sequence[Mapping[str, Any]], unit: str) -> Growth | None:
    """The growth over the periods that are whole."""
    whole = [row for row in rows if row["status"] in ("complete", "unknown") and not row["clipped"]]
    return growth.fit_growth([row["count"] for row in whole], [_time_index(row["start"], unit) for row in whole], unit)


def _time_index(start: str, unit: str) -> int:
    day = date.fromisoformat(start)
    if unit == "week":
        return day.toordinal() // 7
    return (day.year * 12 + day.month - 1) // {"year": 12, "quarter": 3, "month": 1}[unit]


def _add_fitted_counts(rows: Sequence[dict[str, Any]], growth_fit: Growth | None) -> list[dict[str, Any]]:
    """The rows with the count that the fitted line has there, where the row was fitted to it."""
    values = iter(growth_fit.fitted if growth_fit else ())
    return [
        {
            **row,
            "fitted": next(values, None) if row["status"] in ("complete", "unknown") and not row["clipped"] else None,
        }
        for row in rows
    ]


def _growth_notes(growth_fit: Growth | None, unit: str) -> list[str]:
    if growth_fit is None:
        return []
    said = (
        f"Growth {100 * growth_fit.growth:+.1f} % a year [{100 * growth_fit.ci_low:+.1f}, "
        f"{100 * growth_fit.ci_high:+.1f}], "
        f"fitted to {growth_fit.periods} {unit}s (R² {growth_fit.r_squared:.2f})"
    )
    if growth_fit.doubling_months is None:
        return [
            f"{said}; " + ("it shrinks." if growth_fit.ci_high < 0 else "the interval includes 0, so no doubling time.")
        ]
    return [
        f"{said}; doubles in {growth_fit.doubling_months:.0f} months [{growth_fit.doubling_low:.0f}, "
        f"{growth_fit.doubling_high:.0f}]."
    ]


def _add_index(rows: Sequence[dict[str, Any]], base: Period) -> list[dict[str, Any]]:
    """The rows with `index`: 100 times the share over that of the row that ends with the base period."""
    ends = [row for row in rows if row["end"] == str(base.end)]
    if not ends:
        raise UsageError(f"The index has {base.label} as 100, which is not a row of this series.")
    levels = {(row["topic"], row.get("category")): row["share"] for row in ends}
    if not any(levels.values()):
        raise UsageError(f"No share can be 100 in {base.label}: it is 0 or not known there. Take another period.")
    found = []
    for row in rows:
        level = levels.get((row["topic"], row.get("category")))
        found.append({**row, "index": 100 * row["share"] / level if level and row["share"] is not None else None})
    return found


def _prior_periods(bound: BoundQuery, chosen: Sequence[Period]) -> list[Period]:
    """What is stored before a series: a topic that has matches there is not first seen in it."""
    first = bound.coverage.first_covered_day(bound.selection.scope.categories)
    if not chosen or first is None or first >= chosen[0].start:
        return []
    return [Period(periods.period_start(first, "month"), chosen[0].start, "window")]


def _find_turning_points(
    rows: Sequence[Mapping[str, Any]], unit: str, counted: PeriodCounts | None, prior: Sequence[Period], stays: int
) -> list[dict[str, Any]]:
    """First seen, comebacks and crossings of topics over the periods of a series that are whole.

    `counted` holds what came before, in the period `prior`; None where that is not known of each row. A topic crosses
    another when it stays above for so many rows.
    """
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if not row["clipped"]:
            known = {} if row["status"] != "partial" else {"count": None, "share": None}
            lines.setdefault((row["topic"], row.get("category", "")), []).append({**row, **known})
    found = []
    for line in lines.values():
        before = [counted.counts[line[0]["topic"], item] for item in prior] if counted else [None] * len(prior)
        first = turns.find_first_occurrence([*before, *(row["count"] for row in line)])
        found += (
            [_turning_point_row("first seen", line[first - len(before)])]
            if first is not None and first >= len(before)
            else []
        )
        verdicts = [row["verdict"] for row in line]
        again = turns.find_resurgence([row["share"] for row in line], verdicts) if unit == "year" else None
        found += [_turning_point_row("comeback", line[again])] if again is not None else []
    for one, two in combinations(lines, 2) if len(lines) <= MAX_CROSSOVER_LINES else ():
        if one[1] == two[1]:  # of the same category
            left, right = ([row["share"] for row in lines[key]] for key in (one, two))
            for place, above in turns.find_crossovers(left, right, stays):
                over, under = (lines[key][place] for key in ((one, two) if above else (two, one)))
                found.append(
                    {**_turning_point_row("cross", over), "other": under["topic"], "other_name": under["name"]}
                )
    return found


def _turning_point_row(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"turn": kind, **{key: row[key] for key in ("topic", "name", "category", "period") if key in row}}


def _format_turning_point(turn: Mapping[str, Any]) -> str:
    where = f" in {turn['category']}" if "category" in turn else ""
    if turn["turn"] == "cross":
        passed = f"{turn['name']} passes {turn['other_name']}{where}"
        return f"{passed} in {turn['period']}, and stays above for {MIN_LEAD_PERIODS} periods that do not overlap."
    if turn["turn"] == "comeback":
        return f"{turn['name']} comes back{where} in {turn['period']}, after {MIN_QUIET_YEARS} quiet years or more."
    return f"{turn['name']} is first seen{where} in {turn['period']}."
