"""Use-case explain: one number on one page, from the formula to the papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports import significance as evidence
from trendcli.reports.base import label_columns
from trendcli.reports.papers import listing
from trendcli.reports.trends.comparison import build_comparison
from trendcli.stats import proportions as change
from trendcli.stats.proportions import TwoProportions
from trendcli.store.store import Store
from trendcli.topics import counting
from trendcli.topics.library import Library
from trendcli.topics.query import Query, bind, comparison_periods

# how many phrases and papers fit on a page
MAX_PHRASES, MAX_SUBMISSIONS = 12, 5
_STEP_COLUMNS = (Column("step", "Step", "text"), Column("formula", "Formula", "text"))
_PHRASE_COLUMNS = (
    Column("phrase", "Phrase", "text", 0),
    Column("topic", "Of topic", "text", 3),
    Column("count_1", "Count 1", "count", 0),
    Column("count_2", "Count 2", "count", 0),
    Column("alone_1", "Alone 1", "count", 2),
    Column("alone_2", "Alone 2", "count", 2),
    Column("relative_change", "Relative change", "change", 0),
)


def build_explanation(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """The comparison of one topic, and below it the formulas with its numbers, the phrases that drive it, and papers.

    It is the first topic of the question; those after it are the family among which it is judged. UsageError where
    there is none, or the topic is parted by category.
    """
    if not query.topics or query.across:
        raise UsageError("One number is explained at a time: name one topic with -t, without --across.")
    subject = query.topics[0]
    found = build_comparison(store, library, replace(query, limit=0, min_count=0), default_scope, progress)
    (row,) = (row for row in found.rows if row["topic"] == subject)
    query = replace(query, topics=(subject,))
    context = bind(store, library, query, default_scope, progress)
    later, earlier = comparison_periods(context)
    driven = counting.count_rule_contributions(store, library, context.selection, [earlier, later], progress)
    newest = listing.list_submissions(
        store,
        library,
        replace(query, period=None, last=None, window=Window(later.start, later.end), limit=MAX_SUBMISSIONS, vs=None),
        default_scope,
        progress,
    )
    past = evidence.find_history(context, (earlier, later))
    sections = [
        _build_section(
            found,
            "How it is computed",
            _STEP_COLUMNS,
            _computation_steps(row, past, sum(other["p"] is not None for other in found.rows)),
        ),
        _build_section(
            found,
            f"What drives it: the phrases that find most, {min(MAX_PHRASES, len(driven))} of {len(driven)}",
            label_columns(_PHRASE_COLUMNS, earlier, later),
            [_phrase_row(driver, row) for driver in driven[:MAX_PHRASES]],
            ["Alone: found by this phrase and no other of the topic."],
        ),
        _build_section(found, f"The newest of {later.label}", newest.columns, newest.rows, newest.notes[:1]),
    ]
    return replace(found, kind="explanation", title=f"{row['name']}: {found.title}", rows=[row], sections=sections)


def _build_section(
    parent: Report, title: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], notes: Sequence[str] = ()
) -> Report:
    return Report(
        kind="section",
        title=title,
        corpus=parent.corpus,
        synthetic=parent.synthetic,
        query={},
        columns=columns,
        rows=rows,
        notes=notes,
    )


def _phrase_row(contribution: counting.RuleContribution, row: Mapping[str, Any]) -> dict[str, Any]:
    (count_1, count_2), (alone_1, alone_2) = contribution.counts, contribution.exclusive_counts
    moved = change.compute_change(TwoProportions(count_1, row["base_1"] or 0, count_2, row["base_2"] or 0))
    return {
        "phrase": contribution.rule.text,
        "kind": contribution.rule.kind,
        "topic": contribution.topic,
        "count_1": count_1,
        "count_2": count_2,
        "alone_1": alone_1,
        "alone_2": alone_2,
        "relative_change": moved.relative_change,
        "change": moved.change,
    }


def _computation_steps(row: Mapping[str, Any], history: evidence.History, family_size: int) -> list[dict[str, str]]:
    """Each number of a row as the formula that gives it, with the numbers put in; it was judged among a `family`."""
    one, two = row["period_1"], row["period_2"]
    if None in (row["count_1"], row["count_2"]):
        return [{"step": "no number", "formula": f"{one} or {two} has a hole in coverage; see `trend status`"}]
    steps = {}
    for side, label in (("1", one), ("2", two)):
        count, base, part = (row[f"{key}_{side}"] for key in ("count", "base", "share"))
        if part is not None:
            low, high = change.wilson_interval(count, base)
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
            f"{len(history.periods)} {history.unit}s {history.placement} the periods, {df:.0f} degrees of freedom"
        )
    if row["ci_low"] is not None:
        upper = "no upper end" if row["ci_high"] is None else f"{100 * row['ci_high']:+.1f} %"
        numbers = (row["count_1"], row["base_1"], row["count_2"], row["base_2"])
        steps["95 % interval"] = (
            f"{100 * row['ci_low']:+.1f} % to {upper}, {change.interval_method(TwoProportions(*numbers, phi))}"
        )
    if row["p"] is not None:
        steps["p"] = f"{row['p']:.4g}, of no change, by the same method"
        alone = "for this topic alone; among the rows of a table it is larger (--pack judges it there)"
        steps["q"] = (
            f"{row['q']:.4g} {alone if family_size <= 1 else f'among the {family_size} topics that were tested'}"
        )
    steps["verdict"] = f"{row['verdict']}: " + {
        "too few": f"both counts are below {change.MIN_COUNT}",
        "n/a": "there is nothing to compare",
        "no clear change": f"q is above {change.FDR}",
    }.get(
        row["verdict"], f"q is {change.FDR} or less, and the share {'rose' if row['verdict'] == 'rising' else 'fell'}"
    )
    return [{"step": step, "formula": formula} for step, formula in steps.items()]
