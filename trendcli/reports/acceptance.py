"""Use-case acceptance: a row a topic, how many of its submissions a venue accepted, against all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trendcli import change, evidence
from trendcli.change import Sides
from trendcli.counting import Counted
from trendcli.errors import NoCoverage, UsageError
from trendcli.manifest import ARXIV
from trendcli.models import Column, Progress, Report, Scope, silent
from trendcli.periods import Period
from trendcli.question import Context, Question, resolve
from trendcli.reports.shared import assembled, described, ordered, title_of
from trendcli.store import Store
from trendcli.topics import Library

COLUMNS = (
    Column("name", "Topic", "text", 0),
    Column("count", "Submissions", "count", 0),
    Column("accepted", "Accepted", "count", 0),
    Column("rate", "Rate", "share", 0),
    Column("share_low,share_high", "95 % interval of rate", "share_interval", 3),
    Column("others", "Rate of others", "share", 2),
    Column("relative_change", "Relative difference", "change", 0),
    Column("ci_low,ci_high", "95 % interval", "interval", 0),
    Column("q", "q", "p", 4),
    Column("verdict", "Verdict", "verdict", 1),
)
# what a verdict about two periods is called where two groups of submissions are compared
VERDICTS = {
    "rising": "more often accepted",
    "falling": "less often accepted",
    "no clear change": "no clear difference",
}


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
    if scope.name == "accepted":
        raise UsageError("Among accepted submissions all are accepted: take --status active or submitted.")
    every = resolve(store, library, question, scope, progress)
    chosen = every.counting_as(scope=Scope("accepted", ("accepted",)))
    item = _year(chosen, question)
    counted, accepted = every.count([item]), chosen.count([item])
    rows = [_row(every, topic, item, counted, accepted) for topic in every.selection.topics]
    judged = evidence.judged(rows, [_sides(topic, item, counted, accepted) for topic in every.selection.topics])
    for row in judged:
        row["verdict"] = VERDICTS.get(row["verdict"], row["verdict"])
    kept = [row for row in judged if row["count"] >= question.min_count]
    base, taken = counted.bases[item], accepted.bases[item]
    low, high = change.wilson(taken, base)
    rate = f"{100 * taken / base:.2f} %, interval [{100 * (low or 0):.2f}, {100 * (high or 0):.2f}] %" if base else "–"
    tested = sum(row["p"] is not None for row in judged)
    return assembled(
        every,
        "acceptance",
        f"{title_of(every)}: acceptance in {item.label}",
        COLUMNS,
        ordered(kept, question)[: question.limit or None],
        [described(item, counted, chosen.verdict(item))],
        counted,
        [
            f"Accepted: {taken:,} of {base:,} submissions, {rate} (Wilson).",
            "Relative difference: the rate of a topic over that of all submissions without it, less 1; brackets hold "
            "its 95 % interval. That a topic was accepted more often says nothing of why.",
            f"Verdicts hold over {tested} topic{'s' * (tested != 1)} (q ≤ 0.05, Benjamini-Hochberg).",
        ],
        {"by": "year", "period": item.label, "outcome": "accepted"},
    )


def _year(context: Context, question: Question) -> Period:
    """The year that is asked for, decided as a whole; the last such year where none is named."""
    from trendcli.question import last_whole

    item = question.period or last_whole(context, "year")
    verdict = context.verdict(item)
    if verdict.status != "complete" and not question.include_partial:
        raise NoCoverage(
            f"The decisions of {context.selection.corpus} {item.label} are not all known, so no rate can be computed. "
            "Import or fetch its list again when they are."
        )
    return item


def _row(context: Context, topic: str, item: Period, counted: Counted, accepted: Counted) -> Mapping[str, Any]:
    count, taken = counted.counts[topic, item], accepted.counts[topic, item]
    others = counted.bases[item] - count
    low, high = change.wilson(taken, count)
    return {
        "topic": topic,
        "name": context.name(topic),
        "period": item.label,
        "count": count,
        "accepted": taken,
        "rate": change.share(taken, count),
        "share_low": low,
        "share_high": high,
        "others": change.share(accepted.bases[item] - taken, others),
        "status": "complete",
    }


def _sides(topic: str, item: Period, counted: Counted, accepted: Counted) -> Sides:
    count, taken = counted.counts[topic, item], accepted.counts[topic, item]
    return Sides(accepted.bases[item] - taken, counted.bases[item] - count, taken, count)
