"""What all reports share: what may be shown of a count, how rows are ordered, and a Report with its provenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from trendcli.core import breaks, periods
from trendcli.core.errors import UsageError, nearest
from trendcli.core.periods import Period
from trendcli.core.types import Column, Report
from trendcli.reports.notes import as_of_text, common_notes, provenance
from trendcli.stats import proportions as change
from trendcli.stats.overdispersion import Dispersion
from trendcli.stats.proportions import Sides
from trendcli.store.coverage import Verdict
from trendcli.store.manifest import ARXIV
from trendcli.topics.counting import Counted
from trendcli.topics.query import Context, Question, query_of

# a count and its base
Seen = tuple[int | None, int | None]
OVERLAP = "A submission counts in each of its categories, so rows do not add up."
# what is said of a row and is no number to sort by
WORDS = ("topic", "name", "category", "change", "verdict")


def hidden(verdict: Verdict, question: Question) -> bool:
    """Whether change with this period is withheld."""
    return verdict.status == "partial" and not question.include_partial


def seen(context: Context, topic: str | None, item: Period, counted: Counted, verdict: Verdict) -> Seen:
    """What may be shown of a period: None for both over a hole, since a number that is too small is no number."""
    if verdict.hole and not context.question.include_partial:
        return None, None
    return counted.counts[topic, item] if topic else None, counted.bases[item]


def sides(one: Seen, two: Seen, spread: Dispersion) -> Sides | None:
    """What is compared; None where one of the two may not be shown."""
    (count_1, base_1), (count_2, base_2) = one, two
    if count_1 is None or base_1 is None or count_2 is None or base_2 is None:
        return None
    return Sides(count_1, base_1, count_2, base_2, *spread)


def share(number: int | None, base: int | None) -> float | None:
    """number / base; None where one of them is not known, or the base is 0."""
    return None if number is None or base is None else change.share(number, base)


def span(item: Period) -> dict[str, str]:
    """The period, start and end of a row."""
    label = periods.holding(item.start, item.unit).label if item.unit != "window" else item.label
    return {"period": label, "start": str(item.start), "end": str(item.end)}


def worst(statuses: Sequence[str]) -> str:
    """The status that says least."""
    order = ("complete", "provisional", "unknown", "partial")
    return max(statuses, key=order.index, default="unknown")


def ordered(rows: Sequence[dict[str, Any]], question: Question) -> list[dict[str, Any]]:
    """Largest first, then by topic and category; 'new' stands above every number, what has no value at the end."""
    told = {key for row in rows for key, value in row.items() if isinstance(value, str | bool)}
    keys = sorted({key for row in rows for key in row if key in WORDS or key not in told})
    if rows and question.sort not in keys:
        raise UsageError(
            f"Cannot sort by {question.sort!r}{nearest(question.sort, keys)}. Sort by one of: {', '.join(keys)}."
        )
    rows = sorted(rows, key=lambda row: (row["topic"], row.get("category") or ""))
    if question.sort in WORDS:
        return sorted(rows, key=lambda row: str(row[question.sort] or "~").lower(), reverse=question.reverse)

    def value(row: Mapping[str, Any]) -> float | None:
        if question.sort == "relative_change" and row["change"] == "new":
            return float("inf")
        number: float | None = row[question.sort]
        return -number if number is not None and question.sort.startswith("rank") else number

    there = [row for row in rows if value(row) is not None]
    sign: Callable[[float], float] = (lambda x: x) if question.reverse else (lambda x: -x)
    return sorted(there, key=lambda row: sign(value(row) or 0.0)) + [row for row in rows if value(row) is None]


def described(item: Period, counted: Counted, verdict: Verdict) -> dict[str, Any]:
    """A period as the head of a report describes it."""
    return {
        "label": span(item)["period"],
        "start": str(item.start),
        "end": str(item.end),
        "base": None if verdict.hole else counted.bases[item],
        "status": verdict.status,
        "complete": verdict.status == "complete",
        **({"missing": list(verdict.missing)} if verdict.missing else {}),
    }


def labelled(columns: Sequence[Column], earlier: Period, later: Period) -> list[Column]:
    """The columns with the two periods in place of 1 and 2."""
    return [
        replace(column, label=column.label[:-1] + (earlier if column.label[-1] == "1" else later).label)
        if column.label[-2:] in (" 1", " 2")
        else column
        for column in columns
    ]


def title_of(context: Context) -> str:
    """The topics of a question, by name where they are few."""
    names = [context.name(topic) for topic in context.selection.topics]
    if not names:
        return "Submissions"
    said = ", ".join(names) if len(names) < 4 else f"{len(names)} topics"
    within = context.selection.within
    return f"{said} within {context.library.topic(within).name}" if within else said


def assembled(
    context: Context,
    kind: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    told: Sequence[Mapping[str, Any]],
    counted: Counted,
    notes: Sequence[str],
    resolved: Mapping[str, Any],
    **more: Any,
) -> Report:
    """A Report of some rows; `told` are its periods as `described`, `resolved` what the question turned out to ask."""
    selection, question = context.selection, context.question
    days = sorted(item[edge] for item in told for edge in ("start", "end"))
    since, until = (date.fromisoformat(day) for day in (days[0], days[-1])) if days else (date.max, date.max)
    bends = breaks.between(since, until, selection.scope.categories) if selection.corpus == ARXIV else []
    floor = f"Only topics with {question.min_count} or more submissions in one of the periods."
    within = selection.within
    return Report(
        kind=kind,
        title=f"{title}, {_base_name(context)}",
        corpus=selection.corpus,
        synthetic=context.store.manifest.synthetic,
        query={**query_of(context), **resolved},
        columns=columns,
        rows=rows,
        periods=told,
        data_as_of=as_of_text(context.stated_at),
        coverage={
            "status": worst([item["status"] for item in told]),
            "missing": sorted({name for item in told for name in item.get("missing", ())}),
        },
        notes=[
            *notes,
            *(
                [f"Shares are parts of the submissions on {context.library.topic(within).name}; topics may overlap, so "
                 "they need not add up."] if within else []
            ),
            *(f"{item.day}: {item.what} ({item.source}); the curve may bend there." for item in bends),
            *common_notes(context, told),
            *([floor] if question.min_count else []),
        ],
        provenance=provenance(context, counted),
        breaks=[{"day": str(item.day), "what": item.what, "source": item.source} for item in bends],
        **more,
    )  # fmt: skip


def _base_name(context: Context) -> str:
    """A scope in a title: its name, or its categories where they are few; that of a venue with its name."""
    scope = context.selection.scope
    if context.selection.corpus != ARXIV:
        return f"{context.selection.corpus} ({scope.name})"
    if scope.name not in scope.categories and " " not in scope.name:
        return f"scope {scope.name}"
    return ", ".join(scope.categories) if len(scope.categories) <= 5 else f"{len(scope.categories)} categories"
