"""Use-case explain: one number on one page, from the formula to the papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.types import Column, Progress, Report, Scope, Window, silent
from trendcli.reports import significance as evidence
from trendcli.reports.base import labelled
from trendcli.reports.papers import listing
from trendcli.reports.trends.comparison import comparison
from trendcli.stats import proportions as change
from trendcli.stats.proportions import Sides
from trendcli.store.store import Store
from trendcli.topics import counting
from trendcli.topics.library import Library
from trendcli.topics.query import Question, resolve, two_periods

# how many phrases and papers fit on a page
PHRASES, PAPERS = 12, 5
_STEPS = (Column("step", "Step", "text"), Column("formula", "Formula", "text"))
_PHRASES = (
    Column("phrase", "Phrase", "text", 0),
    Column("topic", "Of topic", "text", 3),
    Column("count_1", "Count 1", "count", 0),
    Column("count_2", "Count 2", "count", 0),
    Column("alone_1", "Alone 1", "count", 2),
    Column("alone_2", "Alone 2", "count", 2),
    Column("relative_change", "Relative change", "change", 0),
)


def explained(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent
) -> Report:
    """The comparison of one topic, and below it the formulas with its numbers, the phrases that drive it, and papers.

    It is the first topic of the question; those after it are the family among which it is judged. UsageError where
    there is none, or the topic is parted by category.
    """
    if not question.topics or question.across:
        raise UsageError("One number is explained at a time: name one topic with -t, without --across.")
    subject = question.topics[0]
    found = comparison(store, library, replace(question, limit=0, min_count=0), default, progress)
    (row,) = (row for row in found.rows if row["topic"] == subject)
    question = replace(question, topics=(subject,))
    context = resolve(store, library, question, default, progress)
    later, earlier = two_periods(context)
    driven = counting.drivers(store, library, context.selection, [earlier, later], progress)
    newest = listing.submissions(
        store,
        library,
        replace(question, period=None, last=None, window=Window(later.start, later.end), limit=PAPERS, vs=None),
        default,
        progress,
    )
    past = evidence.history(context, (earlier, later))
    sections = [
        _section(
            found, "How it is computed", _STEPS, _steps(row, past, sum(other["p"] is not None for other in found.rows))
        ),
        _section(
            found,
            f"What drives it: the phrases that find most, {min(PHRASES, len(driven))} of {len(driven)}",
            labelled(_PHRASES, earlier, later),
            [_phrase(driver, row) for driver in driven[:PHRASES]],
            ["Alone: found by this phrase and no other of the topic."],
        ),
        _section(found, f"The newest of {later.label}", newest.columns, newest.rows, newest.notes[:1]),
    ]
    return replace(found, kind="explanation", title=f"{row['name']}: {found.title}", rows=[row], sections=sections)


def _section(
    found: Report, title: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], notes: Sequence[str] = ()
) -> Report:
    return Report(
        kind="section",
        title=title,
        corpus=found.corpus,
        synthetic=found.synthetic,
        query={},
        columns=columns,
        rows=rows,
        notes=notes,
    )


def _phrase(driver: counting.Driver, row: Mapping[str, Any]) -> dict[str, Any]:
    (count_1, count_2), (alone_1, alone_2) = driver.counts, driver.alone
    moved = change.compare(Sides(count_1, row["base_1"] or 0, count_2, row["base_2"] or 0))
    return {
        "phrase": driver.rule.text,
        "kind": driver.rule.kind,
        "topic": driver.topic,
        "count_1": count_1,
        "count_2": count_2,
        "alone_1": alone_1,
        "alone_2": alone_2,
        "relative_change": moved.relative_change,
        "change": moved.change,
    }


def _steps(row: Mapping[str, Any], past: evidence.History, family: int) -> list[dict[str, str]]:
    """Each number of a row as the formula that gives it, with the numbers put in; it was judged among a `family`."""
    one, two = row["period_1"], row["period_2"]
    if None in (row["count_1"], row["count_2"]):
        return [{"step": "no number", "formula": f"{one} or {two} has a hole in coverage; see `trend status`"}]
    steps = {}
    for side, label in (("1", one), ("2", two)):
        count, base, part = (row[f"{key}_{side}"] for key in ("count", "base", "share"))
        if part is not None:
            low, high = change.wilson(count, base)
            within = f", interval [{100 * (low or 0):.2f}, {100 * (high or 0):.2f}] % (Wilson)"
            steps[f"share {label}"] = f"{count:,} / {base:,} = {100 * part:.2f} %{within}"
    if row["count_change"] is not None:
        counts = f"{row['count_2']:,} / {row['count_1']:,} - 1"
        steps["count change"] = f"{counts} = {100 * row['count_change']:+.1f} %"
    if row["relative_change"] is not None:
        shares = f"{100 * row['share_2']:.4f} % / {100 * row['share_1']:.4f} % - 1"
        steps["relative change"] = f"{shares} = {100 * row['relative_change']:+.1f} %"
    phi, df = row["dispersion"], row["dispersion_df"]
    if phi is not None and df is None:
        steps["dispersion"] = "1, since there is too little history to estimate it from"
    elif phi is not None:
        steps["dispersion"] = (
            f"{phi:.3f}: variance of the share about its trend over that of chance, never below 1, from "
            f"{len(past.chosen)} {past.unit}s {past.where} the periods, {df:.0f} degrees of freedom"
        )
    if row["ci_low"] is not None:
        upper = "no upper end" if row["ci_high"] is None else f"{100 * row['ci_high']:+.1f} %"
        numbers = (row["count_1"], row["base_1"], row["count_2"], row["base_2"])
        steps["95 % interval"] = f"{100 * row['ci_low']:+.1f} % to {upper}, {change.method(Sides(*numbers, phi))}"
    if row["p"] is not None:
        steps["p"] = f"{row['p']:.4g}, of no change, by the same method"
        alone = "for this topic alone; among the rows of a table it is larger (--pack judges it there)"
        steps["q"] = f"{row['q']:.4g} {alone if family <= 1 else f'among the {family} topics that were tested'}"
    steps["verdict"] = f"{row['verdict']}: " + {
        "too few": f"both counts are below {change.FEW}",
        "n/a": "there is nothing to compare",
        "no clear change": f"q is above {change.FALSE}",
    }.get(
        row["verdict"], f"q is {change.FALSE} or less, and the share {'rose' if row['verdict'] == 'rising' else 'fell'}"
    )
    return [{"step": step, "formula": formula} for step, formula in steps.items()]
