"""Use-case acceptance: a row a topic, how many of its submissions a venue accepted, against all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trendcli.core.errors import NoCoverage, UsageError
from trendcli.core.periods import Period
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports import significance as evidence
from trendcli.reports.base import assembled, described, ordered, title_of
from trendcli.stats import proportions as change
from trendcli.stats.proportions import Sides
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.counting import Counted
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, last_whole, resolve

RATES = (
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
VERDICTS = {
    "rising": "more often accepted",
    "falling": "less often accepted",
    "no clear change": "no clear difference",
}
ACCEPTED = Scope("accepted", ("accepted",))
DIFFERENCE = (
    "Relative difference: the rate over that of all other submissions, less 1; brackets hold its 95 % interval. To go "
    "with acceptance is not to cause it."
)


def rated(sides: Sides) -> dict[str, Any]:
    """What is said of some submissions, side 2, and how many of them were accepted, beside all others, side 1.

    Rates are fractions with Wilson's interval; None where there is no submission.
    """
    low, high = change.wilson(sides.count_2, sides.base_2)
    return {
        "count": sides.base_2,
        "accepted": sides.count_2,
        "rate": change.share(sides.count_2, sides.base_2),
        "rate_low": low,
        "rate_high": high,
        "others": change.share(sides.count_1, sides.base_1),
    }


def total(accepted: int, base: int) -> str:
    """How many of a base were accepted, as a sentence."""
    low, high = change.wilson(accepted, base)
    rate = (
        f"{100 * accepted / base:.2f} %, interval [{100 * (low or 0):.2f}, {100 * (high or 0):.2f}] %" if base else "–"
    )
    return f"Accepted: {accepted:,} of {base:,} submissions, {rate} (Wilson)."


def acceptance(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent
) -> Report:
    """A row a topic: the share of its submissions that were accepted, against that of all others of the year.

    The base is the scope: `active` unless another was named, since a submission that was withdrawn was not judged.
    Without a period, the last year whose decisions are all known. UsageError for arXiv, which accepts nothing;
    NoCoverage where the year has not been decided.
    """
    if store.corpus == ARXIV:
        raise UsageError("arXiv accepts and rejects nothing: name a venue with --corpus.")
    scope = question.scope or Scope("active", ("active",))
    every = resolve(store, library, question, scope, progress)
    chosen = every.counting_as(scope=ACCEPTED)
    item = decided(every)
    counted, accepted = every.count([item]), chosen.count([item])
    sides = [_sides(topic, item, counted, accepted) for topic in every.selection.topics]
    rows = [
        {"topic": topic, "name": every.name(topic), "period": item.label, **rated(pair), "status": "complete"}
        for topic, pair in zip(every.selection.topics, sides, strict=True)
    ]
    judged = [compared(row) for row in evidence.judged(rows, sides)]
    for row in judged:
        row["verdict"] = VERDICTS.get(row["verdict"], row["verdict"])
    kept = [row for row in judged if row["count"] >= question.min_count]
    tested = sum(row["p"] is not None for row in judged)
    return assembled(
        every,
        "acceptance",
        f"{title_of(every)}: acceptance in {item.label}",
        (Column("name", "Topic", "text", 0), *RATES),
        ordered(kept, question)[: question.limit or None],
        [described(item, counted, chosen.verdict(item))],
        counted,
        [
            total(accepted.bases[item], counted.bases[item]),
            DIFFERENCE,
            f"Verdicts hold over {tested} topic{'s' * (tested != 1)} (q ≤ 0.05, Benjamini-Hochberg).",
        ],
        {"by": "year", "period": item.label, "outcome": "accepted"},
    )


def compared(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of two groups of submissions, which are no periods: so many more in one than in the other says nothing."""
    return {key: value for key, value in row.items() if key != "count_change"}


def decided(context: Context) -> Period:
    """The year that is asked for, whose decisions are all known; the last such year where none is named.

    UsageError where it is no year, or the base is the accepted; NoCoverage where its list is not stored, or not
    decided.
    """
    question, venue = context.question, context.selection.corpus
    if context.selection.scope == ACCEPTED:
        raise UsageError("Among accepted submissions all are accepted: take --status active or submitted.")
    if question.last or any(question.window) or (question.period and question.period.unit != "year"):
        raise UsageError("Acceptance differs from year to year: name one with --period, such as --period 2022.")
    chosen = context.counting_as(scope=ACCEPTED)
    item = question.period or last_whole(chosen, "year")
    if context.verdict(item).hole:
        raise NoCoverage(f"No whole list of {venue} {item.label} is stored: import or fetch it first.")
    if chosen.verdict(item).status != "complete":
        raise NoCoverage(
            f"The decisions of {venue} {item.label} are not all known, so no rate can be computed. Import or fetch its "
            "list again when they are."
        )
    return item


def _sides(topic: str, item: Period, counted: Counted, accepted: Counted) -> Sides:
    count, taken = counted.counts[topic, item], accepted.counts[topic, item]
    return Sides(accepted.bases[item] - taken, counted.bases[item] - count, taken, count)
