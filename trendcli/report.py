"""Use-case report: a question about topics, periods and a scope -> counts -> change -> a Report with its provenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from trendcli import change, evidence, periods
from trendcli.counting import Counted
from trendcli.coverage import Verdict
from trendcli.dispersion import NONE, Dispersion
from trendcli.errors import NoCoverage, UsageError, nearest
from trendcli.models import Column, Progress, Report, Scope, silent
from trendcli.periods import Period
from trendcli.provenance import as_of_text, common_notes, few, provenance
from trendcli.question import Context, Question, query_of, resolve, resolved_window, two_periods
from trendcli.store import Store
from trendcli.topics import Library


def comparison(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent
) -> Report:
    """A row a topic: a period against an earlier one. Without dates the last complete year against the one before."""
    context = resolve(store, library, question, default, progress)
    later, earlier = two_periods(context)
    verdicts = {item: context.verdict(item) for item in (earlier, later)}
    past = evidence.history(context, (earlier, later))
    counted = context.count([earlier, later, *past.chosen])
    spread = evidence.dispersions(past, counted, question.topics)
    hidden = any(_hidden(verdict, question) for verdict in verdicts.values())
    if hidden and all(verdict.hole for verdict in verdicts.values()):
        missing = sorted({name for verdict in verdicts.values() for name in verdict.missing})
        raise NoCoverage(
            f"Neither {earlier.label} nor {later.label} is covered for {few(missing)}, so no change can be computed. "
            "See `trend status`; --include-partial shows what is there."
        )
    status = max((verdict.status for verdict in verdicts.values()), key=_worse)
    rows = [
        _comparison_row(context, topic, counted, (earlier, later), verdicts, hidden, status, spread[topic])
        for topic in question.topics
    ]
    rows = evidence.judged(rows, "count_1", "count_2")
    _rank(rows, "count_1", "rank_1")
    _rank(rows, "count_2", "rank_2")
    kept = [row for row in rows if max(row["count_1"] or 0, row["count_2"] or 0) >= question.min_count]
    kept = _sorted(kept, question, COMPARISON)
    return _report(
        context,
        "comparison",
        f"{later.label} against {earlier.label}",
        _labelled(COMPARISON, earlier, later),
        kept[: question.limit or None],
        [_period(item, counted, verdicts[item]) for item in (earlier, later)],
        counted,
        [
            "Relative change is the change of the share, share2/share1 - 1; brackets hold its 95 % interval.",
            *evidence.family_note(rows, "period_2", [past]),
        ],
        {"by": question.by or later.unit, "period": later.label, "vs": earlier.label},
    )


def series(store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent) -> Report:
    """A row a period for each topic; without a topic the volume of the scope."""
    unit = question.by or "year"
    context = resolve(store, library, question, default, progress)
    since, until = resolved_window(context, unit)
    chosen = _clipped(since, until, unit)
    before = {item: periods.year_ago(item) for item in chosen if not _is_clipped(item)}
    every = sorted({*chosen, *(item for item in before.values() if item)})
    pasts = {item: evidence.history(context, (earlier, item)) for item, earlier in before.items() if earlier}
    pasts = pasts if question.topics else {}
    counted = context.count(sorted({*every, *(part for past in pasts.values() for part in past.chosen)}))
    spread = {item: evidence.dispersions(past, counted, question.topics) for item, past in pasts.items()}
    verdicts = {item: context.verdict(item) for item in every}
    if chosen and all(verdicts[item].hole for item in chosen) and not question.include_partial:
        missing = sorted({name for item in chosen for name in verdicts[item].missing})
        raise NoCoverage(f"Nothing from {since} to {until} is covered for {few(missing)}. See `trend status`.")
    rows = [
        _series_row(context, topic, item, before.get(item), counted, verdicts, spread.get(item, {}).get(topic, NONE))
        for topic in question.topics
        for item in chosen
    ]
    judged = evidence.judged(rows, "count", "count_1")
    family = evidence.family_note(judged, "period", pasts.values())
    rows = [{key: value for key, value in row.items() if key != "count_1"} for row in judged]
    if not question.topics:
        rows = [_volume_row(context, item, before.get(item), counted, verdicts) for item in chosen]
    columns = SERIES if len(question.topics) > 1 else [column for column in SERIES if column.key != "name"]
    year = "with the year before" if unit == "year" else f"with the same {unit} a year earlier"
    return _report(
        context,
        "series" if question.topics else "volume",
        f"{_names(context)} by {unit}",
        columns if question.topics else VOLUME,
        rows if question.limit == 0 else rows[-question.limit :],
        [_period(item, counted, verdicts[item]) for item in chosen],
        counted,
        [f"Change compares {year}; brackets hold 95 % intervals.", *family],
        {"by": unit, "since": str(since), "until": str(until)},
    )


def _clipped(since: date, until: date, unit: str) -> list[Period]:
    return [Period(max(item.start, since), min(item.end, until), unit) for item in periods.between(since, until, unit)]


def _is_clipped(item: Period) -> bool:
    return periods.holding(item.start, item.unit) != item


def _hidden(verdict: Verdict, question: Question) -> bool:
    return verdict.status == "partial" and not question.include_partial


def _worse(status: str) -> int:
    return ("complete", "provisional", "unknown", "partial").index(status)


def _comparison_row(
    context: Context,
    topic: str,
    counted: Counted,
    pair: tuple[Period, Period],
    verdicts: Mapping[Period, Verdict],
    hidden: bool,
    status: str,
    spread: Dispersion,
) -> dict[str, Any]:
    (count_1, base_1), (count_2, base_2) = (_seen(context, topic, item, counted, verdicts[item]) for item in pair)
    known = not hidden and None not in (count_1, base_1, count_2, base_2)
    moved = change.NO_CHANGE
    if known:
        moved = change.compare(count_1 or 0, base_1 or 0, count_2 or 0, base_2 or 0, *spread)
    return {
        "topic": topic,
        "name": context.library.topic(topic).name,
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "base_1": base_1,
        "base_2": base_2,
        "count_1": count_1,
        "count_2": count_2,
        "share_1": _share(count_1, base_1),
        "share_2": _share(count_2, base_2),
        **moved._asdict(),
        "dispersion": spread.phi,
        "dispersion_df": spread.df,
        "rank_1": None,
        "rank_2": None,
        "status": status,
    }


def _series_row(
    context: Context,
    topic: str,
    item: Period,
    before: Period | None,
    counted: Counted,
    verdicts: Mapping[Period, Verdict],
    spread: Dispersion,
) -> dict[str, Any]:
    count_2, base_2 = _seen(context, topic, item, counted, verdicts[item])
    low, high = change.wilson(count_2, base_2) if count_2 is not None and base_2 else (None, None)
    moved, count_1 = change.NO_CHANGE, None
    if before and not any(_hidden(verdicts[side], context.question) for side in (before, item)):
        count_1 = counted.counts[topic, before]
        moved = change.compare(count_1, counted.bases[before], count_2 or 0, base_2 or 0, *spread)
    return {
        "topic": topic,
        "name": context.library.topic(topic).name,
        **_span(item),
        "count": count_2,
        "base": base_2,
        "share": _share(count_2, base_2),
        "share_low": low,
        "share_high": high,
        **moved._asdict(),
        "count_1": count_1,
        "dispersion": spread.phi,
        "dispersion_df": spread.df,
        "status": verdicts[item].status,
        "clipped": _is_clipped(item),
    }


def _volume_row(
    context: Context,
    item: Period,
    before: Period | None,
    counted: Counted,
    verdicts: Mapping[Period, Verdict],
) -> dict[str, Any]:
    _, base = _seen(context, None, item, counted, verdicts[item])
    earlier = None
    if before and not any(_hidden(verdicts[side], context.question) for side in (before, item)):
        earlier = counted.bases[before]
    return {
        **_span(item),
        "count": base,
        "count_change": base / earlier - 1 if earlier and base is not None else None,
        "status": verdicts[item].status,
        "clipped": _is_clipped(item),
    }


def _seen(
    context: Context, topic: str | None, item: Period, counted: Counted, verdict: Verdict
) -> tuple[int | None, int | None]:
    """(count, base) of a period, or None for both over a hole: a number that is too small is no number."""
    if verdict.hole and not context.question.include_partial:
        return None, None
    return counted.counts[topic, item] if topic else None, counted.bases[item]


def _share(number: int | None, base: int | None) -> float | None:
    return None if number is None or base is None else change.share(number, base)


def _span(item: Period) -> dict[str, str]:
    label = periods.holding(item.start, item.unit).label if item.unit != "window" else item.label
    return {"period": label, "start": str(item.start), "end": str(item.end)}


def _rank(rows: Sequence[dict[str, Any]], key: str, into: str) -> None:
    """Rank by count, the most first; ties share the smaller rank."""
    counts = sorted((row[key] for row in rows if row[key] is not None), reverse=True)
    for row in rows:
        row[into] = None if row[key] is None else counts.index(row[key]) + 1


def _sorted(rows: list[dict[str, Any]], question: Question, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Largest first, then by topic; 'new' stands above every number, what has no value at the end either way."""
    keys = sorted({key for row in rows for key, value in row.items() if key not in ("ci_open", "status")})
    if rows and question.sort not in keys:
        raise UsageError(
            f"Cannot sort by {question.sort!r}{nearest(question.sort, keys)}. Sort by one of: {', '.join(keys)}."
        )
    rows = sorted(rows, key=lambda row: row["topic"])
    if question.sort in ("topic", "name", "change", "verdict"):
        return sorted(rows, key=lambda row: str(row[question.sort] or "~").lower(), reverse=question.reverse)

    def value(row: Mapping[str, Any]) -> float | None:
        if question.sort == "relative_change" and row["change"] == "new":
            return float("inf")
        number: float | None = row[question.sort]
        return -number if number is not None and question.sort.startswith("rank") else number

    there = [row for row in rows if value(row) is not None]
    sign: Callable[[float], float] = (lambda x: x) if question.reverse else (lambda x: -x)
    return sorted(there, key=lambda row: sign(value(row) or 0.0)) + [row for row in rows if value(row) is None]


def _period(item: Period, counted: Counted, verdict: Verdict) -> dict[str, Any]:
    return {
        "label": _span(item)["period"],
        "start": str(item.start),
        "end": str(item.end),
        "base": None if verdict.hole else counted.bases[item],
        "status": verdict.status,
        "complete": verdict.status == "complete",
        **({"missing": list(verdict.missing)} if verdict.missing else {}),
    }


COMPARISON = (
    Column("name", "Topic", "text", 0),
    Column("rank_1,rank_2", "Rank", "ranks", 6),
    Column("count_1", "Count 1", "count", 0),
    Column("count_2", "Count 2", "count", 0),
    Column("count_change", "Count change", "change", 2),
    Column("share_1", "Share 1", "share", 3),
    Column("share_2", "Share 2", "share", 3),
    Column("points", "Points", "points", 5),
    Column("relative_change", "Relative change", "change", 0),
    Column("ci_low,ci_high", "95 % interval", "interval", 0),
    Column("q", "q", "p", 4),
    Column("verdict", "Verdict", "verdict", 1),
)
SERIES = (
    Column("name", "Topic", "text", 0),
    Column("period", "Period", "text", 0),
    Column("count", "Count", "count", 0),
    Column("base", "Base", "count", 1),
    Column("share", "Share", "share", 0),
    Column("share_low,share_high", "95 % interval of share", "share_interval", 2),
    Column("count_change", "Count change", "change", 3),
    Column("relative_change", "Relative change", "change", 0),
    Column("ci_low,ci_high", "95 % interval", "interval", 1),
    Column("q", "q", "p", 4),
    Column("verdict", "Verdict", "verdict", 1),
    Column("status", "Status", "text", 0),
)
VOLUME = (
    Column("period", "Period", "text", 0),
    Column("count", "Submissions", "count", 0),
    Column("count_change", "Count change", "change", 0),
    Column("status", "Status", "text", 0),
)


def _labelled(columns: Sequence[Column], earlier: Period, later: Period) -> list[Column]:
    """The columns with the two periods in place of 1 and 2."""
    return [
        replace(column, label=column.label[:-1] + (earlier if column.label[-1] == "1" else later).label)
        if column.label[-2:] in (" 1", " 2")
        else column
        for column in columns
    ]


def _names(context: Context) -> str:
    names = [context.library.topic(topic).name for topic in context.selection.topics]
    if not names:
        return "Submissions"
    return ", ".join(names) if len(names) < 4 else f"{len(names)} topics"


def _report(
    context: Context,
    kind: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    described: Sequence[Mapping[str, Any]],
    counted: Counted,
    notes: Sequence[str],
    resolved: Mapping[str, Any],
) -> Report:
    selection, question = context.selection, context.question
    return Report(
        kind=kind,
        title=f"{title}, {_scope_name(selection.scope)}",
        corpus=selection.corpus,
        synthetic=context.store.manifest.synthetic,
        query={**query_of(context), **resolved},
        columns=columns,
        rows=rows,
        periods=described,
        data_as_of=as_of_text(context.data_as_of),
        coverage={
            "status": max((item["status"] for item in described), key=_worse, default="unknown"),
            "missing": sorted({name for item in described for name in item.get("missing", ())}),
        },
        notes=[
            *notes,
            *common_notes(context, described),
            *(
                [f"Only topics with {question.min_count} or more submissions in one of the periods."]
                if question.min_count
                else []
            ),
        ],
        provenance=provenance(context, counted),
    )


def _scope_name(scope: Scope) -> str:
    """A scope in a title: its name, or its categories where they are few."""
    if scope.name not in scope.categories and " " not in scope.name:
        return f"scope {scope.name}"
    return ", ".join(scope.categories) if len(scope.categories) <= 5 else f"{len(scope.categories)} categories"
