"""Use-case series: a row a period for each topic, or the volume of a scope, with the turning points and the growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import Any

from trendcli.core import periods
from trendcli.core.errors import NoCoverage, UsageError
from trendcli.core.periods import Period
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports import significance as evidence
from trendcli.reports.base import OVERLAP, assembled, described, hidden, seen, share, sides, span, title_of
from trendcli.reports.notes import covered_for, status_of
from trendcli.stats import growth
from trendcli.stats import proportions as change
from trendcli.stats import turning_points as turns
from trendcli.stats.growth import Growth
from trendcli.stats.overdispersion import NONE, Dispersion
from trendcli.stats.proportions import Sides
from trendcli.stats.turning_points import QUIET_YEARS, STAYS
from trendcli.store.coverage import Verdict
from trendcli.store.store import Store
from trendcli.topics.counting import Counted
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, resolve, resolved_window

COLUMNS = (
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
VOLUME = (
    Column("period", "Period", "text", 0),
    Column("count", "Submissions", "count", 0),
    Column("count_change", "Count change", "change", 0),
    Column("status", "Status", "text", 0),
)
# beyond so many lines nobody reads who crosses whom
MOST_CROSSING = 8


def series(store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent) -> Report:
    """A row a period for each topic, and with `across` for each category; without a topic the volume of the scope.

    With `rolling` a period is the sum of so many, ending with the one that is named; with `index` each share stands in
    hundredths of that of one period as well.
    """
    unit = question.by or "year"
    if not question.topics and (question.across or question.index):
        raise UsageError("--across and --index are for topics: name one with -t.")
    if question.min_count or question.sort != Question.sort or question.reverse:
        raise UsageError(
            "A series is in the order of its periods: --sort, --reverse and --min-count are for a comparison."
        )
    context = resolve(store, library, question, default, progress)
    since, until = resolved_window(context, unit)
    chosen = _clipped(since, until, unit)
    if question.rolling > 1:
        first = context.coverage.first_day(context.selection.scope.categories) or since
        chosen = [periods.rolling(item, question.rolling) for item in chosen if not _is_clipped(item)]
        chosen = [item for item in chosen if item.start >= periods.floor(first, unit)] or chosen
    before = {item: periods.years_ago(item) for item in chosen if not _is_clipped(item)}
    every = sorted({*chosen, *(item for item in before.values() if item)})
    pasts = {item: evidence.history(context, (earlier, item)) for item, earlier in before.items() if earlier}
    pasts = pasts if question.topics else {}
    prior = _prior(context, chosen)
    told_before = not any(context.verdict(item).hole for item in prior)
    needed = sorted({*every, *prior, *(part for past in pasts.values() for part in past.chosen)})
    whole = context.count(needed)
    verdicts = {item: context.verdict(item) for item in every}
    if chosen and all(verdicts[item].hole for item in chosen) and not question.include_partial:
        missing = sorted({name for item in chosen for name in verdicts[item].missing})
        first, last = chosen[0].start, chosen[-1].end
        raise NoCoverage(
            f"Nothing from {first} to {last} is {covered_for(store.corpus, missing)}. See {status_of(store.corpus)}."
        )
    compares = "with the year before" if unit == "year" else f"with the same {unit} a year earlier"
    notes = [f"Change compares {compares}{'; brackets hold 95 % intervals' if question.topics else ''}."]
    if question.rolling > 1:
        compares = "with the same span as few years earlier as do not overlap with it"
        notes = [f"Each row adds up {question.rolling} {unit}s, so neighbours overlap; change compares {compares}."]
    resolved = {"by": unit, "since": str(since), "until": str(until)}
    told = [described(item, whole, verdicts[item]) for item in chosen]
    title = f"{title_of(context)} by {unit}" + (f", {question.rolling} added up" if question.rolling > 1 else "")
    if not question.topics:
        rows = [_volume_row(context, item, before.get(item), whole, verdicts) for item in chosen]
        grown = _growth(rows, unit) if question.rolling == 1 else None
        rows = _with_fit(rows, grown)
        notes += _growth_notes(grown, unit)
        summary = {"growth": grown._replace(fitted=())._asdict() if grown else None}
        return assembled(
            context, "volume", title, VOLUME, _last(rows, question), told, whole, notes, resolved, summary=summary
        )
    parts = context.count_parts(needed, "category") if question.across else {"": whole}
    lines: list[tuple[dict[str, Any], Sides | None]] = []
    for part, counted in parts.items():
        spread = evidence.dispersions(pasts, counted, question.topics)
        known = verdicts if not part else {item: context.verdict(item, part) for item in every}
        for item in chosen:
            lines += _lines(context, part, item, before.get(item), counted, known, spread)
    order = {topic: place for place, topic in enumerate(question.topics)}
    lines.sort(key=lambda line: (order[line[0]["topic"]], line[0].get("category", "")))
    rows = evidence.judged(*map(list, zip(*lines, strict=True))) if lines else []
    notes += evidence.family_note(rows, "period", pasts.values())
    if question.across:
        notes.append(OVERLAP)
    if question.index:
        rows = _indexed(rows, question.index)
        notes.append(f"Index: the share of {question.index.label} is 100.")
    found = _turns(rows, unit, whole if told_before and not question.across else None, prior, STAYS * question.rolling)
    notes += [_turn_note(turn) for turn in found]
    several = {"name": len(question.topics) > 1, "category": question.across, "index": question.index is not None}
    columns = [column for column in COLUMNS[:-1] if several.get(column.key, True)] + [_status(rows)]
    return assembled(
        context, "series", title, columns, _last(rows, question), told, whole, notes, resolved, summary={"turns": found}
    )


def _status(rows: Sequence[Mapping[str, Any]]) -> Column:
    """The column of states. It goes before a change does, since notes name the periods that are not whole, but stays
    where a row is cut by the dates that were asked for, which is said nowhere else."""
    return replace(COLUMNS[-1], rank=0 if any(row["clipped"] for row in rows) else COLUMNS[-1].rank)


def _last(rows: Sequence[dict[str, Any]], question: Question) -> Sequence[dict[str, Any]]:
    return rows if question.limit == 0 else rows[-question.limit :]


def _clipped(since: date, until: date, unit: str) -> list[Period]:
    return [Period(max(item.start, since), min(item.end, until), unit) for item in periods.between(since, until, unit)]


def _is_clipped(item: Period) -> bool:
    return item.unit != "window" and periods.holding(item.start, item.unit) != item


def _lines(
    context: Context,
    part: str,
    item: Period,
    before: Period | None,
    counted: Counted,
    verdicts: Mapping[Period, Verdict],
    spread: Mapping[tuple[str, Period], Dispersion],
) -> list[tuple[dict[str, Any], Sides | None]]:
    """The row of each topic in a period, and what it compares."""
    where = {**({"category": part} if part else {}), **span(item)}
    status = {"status": verdicts[item].status, "clipped": _is_clipped(item)}
    told = before if not any(hidden(verdicts[side], context.question) for side in (before, item) if side) else None
    found: list[tuple[dict[str, Any], Sides | None]] = []
    for topic in context.question.topics:
        count, base = now = seen(context, topic, item, counted, verdicts[item])
        low, high = change.wilson(count, base) if count is not None and base else (None, None)
        row = {
            "topic": topic,
            "name": context.name(topic),
            **where,
            "count": count,
            "base": base,
            "share": share(count, base),
            "share_low": low,
            "share_high": high,
            **status,
        }
        earlier = seen(context, topic, told, counted, verdicts[told]) if told else (None, None)
        found.append((row, sides(earlier, now, spread.get((topic, item), NONE))))
    return found


def _volume_row(
    context: Context,
    item: Period,
    before: Period | None,
    counted: Counted,
    verdicts: Mapping[Period, Verdict],
) -> dict[str, Any]:
    _, base = seen(context, None, item, counted, verdicts[item])
    earlier = None
    if before and not any(hidden(verdicts[side], context.question) for side in (before, item)):
        earlier = counted.bases[before]
    return {
        **span(item),
        "count": base,
        "count_change": base / earlier - 1 if earlier and base is not None else None,
        "status": verdicts[item].status,
        "clipped": _is_clipped(item),
    }


def _growth(rows: Sequence[Mapping[str, Any]], unit: str) -> Growth | None:
    """The growth over the periods that are whole."""
    whole = [row for row in rows if row["status"] in ("complete", "unknown") and not row["clipped"]]
    return growth.fit([row["count"] for row in whole], [_place(row["start"], unit) for row in whole], unit)


def _place(start: str, unit: str) -> int:
    day = date.fromisoformat(start)
    if unit == "week":
        return day.toordinal() // 7
    return (day.year * 12 + day.month - 1) // {"year": 12, "quarter": 3, "month": 1}[unit]


def _with_fit(rows: Sequence[dict[str, Any]], grown: Growth | None) -> list[dict[str, Any]]:
    """The rows with the count that the fitted line has there, where the row was fitted to it."""
    values = iter(grown.fitted if grown else ())
    return [
        {
            **row,
            "fitted": next(values, None) if row["status"] in ("complete", "unknown") and not row["clipped"] else None,
        }
        for row in rows
    ]


def _growth_notes(grown: Growth | None, unit: str) -> list[str]:
    if grown is None:
        return []
    said = (
        f"Growth {100 * grown.growth:+.1f} % a year [{100 * grown.ci_low:+.1f}, {100 * grown.ci_high:+.1f}], "
        f"fitted to {grown.periods} {unit}s (R² {grown.r_squared:.2f})"
    )
    if grown.doubling_months is None:
        return [f"{said}; " + ("it shrinks." if grown.ci_high < 0 else "the interval includes 0, so no doubling time.")]
    return [
        f"{said}; doubles in {grown.doubling_months:.0f} months [{grown.doubling_low:.0f}, {grown.doubling_high:.0f}]."
    ]


def _indexed(rows: Sequence[dict[str, Any]], base: Period) -> list[dict[str, Any]]:
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


def _prior(context: Context, chosen: Sequence[Period]) -> list[Period]:
    """What is stored before a series: a topic that has matches there is not first seen in it."""
    first = context.coverage.first_day(context.selection.scope.categories)
    if not chosen or first is None or first >= chosen[0].start:
        return []
    return [Period(periods.floor(first, "month"), chosen[0].start, "window")]


def _turns(
    rows: Sequence[Mapping[str, Any]], unit: str, counted: Counted | None, prior: Sequence[Period], stays: int
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
        first = turns.first_seen([*before, *(row["count"] for row in line)])
        found += [_turn("first seen", line[first - len(before)])] if first is not None and first >= len(before) else []
        verdicts = [row["verdict"] for row in line]
        again = turns.comeback([row["share"] for row in line], verdicts) if unit == "year" else None
        found += [_turn("comeback", line[again])] if again is not None else []
    for one, two in combinations(lines, 2) if len(lines) <= MOST_CROSSING else ():
        if one[1] == two[1]:  # of the same category
            left, right = ([row["share"] for row in lines[key]] for key in (one, two))
            for place, above in turns.crossings(left, right, stays):
                over, under = (lines[key][place] for key in ((one, two) if above else (two, one)))
                found.append({**_turn("cross", over), "other": under["topic"], "other_name": under["name"]})
    return found


def _turn(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"turn": kind, **{key: row[key] for key in ("topic", "name", "category", "period") if key in row}}


def _turn_note(turn: Mapping[str, Any]) -> str:
    where = f" in {turn['category']}" if "category" in turn else ""
    if turn["turn"] == "cross":
        passed = f"{turn['name']} passes {turn['other_name']}{where}"
        return f"{passed} in {turn['period']}, and stays above for {STAYS} periods that do not overlap."
    if turn["turn"] == "comeback":
        return f"{turn['name']} comes back{where} in {turn['period']}, after {QUIET_YEARS} quiet years or more."
    return f"{turn['name']} is first seen{where} in {turn['period']}."
