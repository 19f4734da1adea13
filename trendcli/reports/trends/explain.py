"""The explanation of one change: the formulas with their numbers, the phrases that drive it, and the newest papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports.base import label_columns
from trendcli.reports.papers.listing import list_submissions
from trendcli.reports.significance import History, find_history
from trendcli.reports.trends.comparison import build_comparison
from trendcli.stats.proportions import (
    FDR,
    MIN_COUNT,
    TwoProportions,
    compute_change,
    interval_method,
    wilson_interval,
)
from trendcli.store.store import Store
from trendcli.topics.counting import RuleContribution, count_rule_contributions
from trendcli.topics.library import Library
from trendcli.topics.query import Query, bind, comparison_periods

# as many as fit on a page
MAX_PHRASES = 12
MAX_SUBMISSIONS = 5
_STEP_COLUMNS = (Column("step", "Step", "text"), Column("formula", "Formula", "text"))
_PHRASE_COLUMNS = (
    Column("phrase", "Phrase", "text", 0),
    Column("topic", "Topic", "text", 3),
    Column("count_1", "Count {earlier}", "count", 0),
    Column("count_2", "Count {later}", "count", 0),
    Column("alone_1", "Alone {earlier}", "count", 2),
    Column("alone_2", "Alone {later}", "count", 2),
    Column("relative_change", "Relative change", "change", 0),
)


def build_explanation(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """Build the comparison of one topic, with sections on its formulas, the phrases that drive it, and new papers.

    It is the first topic of the query; the others are the family in which it is tested. UsageError without a topic, or
    where it is split by category.
    """
    if not query.topics or query.across:
        raise UsageError("Only one number can be explained at a time: name one topic with -t, and leave out --across.")
    topic = query.topics[0]
    comparison = build_comparison(store, library, replace(query, limit=0, min_count=0), default_scope, progress)
    (row,) = (row for row in comparison.rows if row["topic"] == topic)
    query = replace(query, topics=(topic,))
    bound = bind(store, library, query, default_scope, progress)
    later, earlier = comparison_periods(bound)
    contributions = count_rule_contributions(store, library, bound.selection, [earlier, later], progress)
    newest = list_submissions(
        store,
        library,
        replace(query, period=None, last=None, window=Window(later.start, later.end), limit=MAX_SUBMISSIONS, vs=None),
        default_scope,
        progress,
    )
    history = find_history(bound, (earlier, later))
    tested_count = sum(other["p"] is not None for other in comparison.rows)
    phrases = contributions[:MAX_PHRASES]
    sections = [
        _build_section(comparison, "How it is computed", _STEP_COLUMNS, _computation_steps(row, history, tested_count)),
        _build_section(
            comparison,
            f"What drives it: the phrases with the most matches, {len(phrases)} of {len(contributions)}",
            label_columns(_PHRASE_COLUMNS, earlier, later),
            [_phrase_row(contribution, row) for contribution in phrases],
            ["Alone: submissions that only this phrase of the topic matches."],
        ),
        _build_section(
            comparison, f"Newest submissions of {later.label}", newest.columns, newest.rows, newest.notes[:1]
        ),
    ]
    return replace(
        comparison, kind="explanation", title=f"{row['name']}: {comparison.title}", rows=[row], sections=sections
    )


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


def _phrase_row(contribution: RuleContribution, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a phrase, with its change by the totals of the topic's row."""
    (count_1, count_2), (alone_1, alone_2) = contribution.counts, contribution.exclusive_counts
    change = compute_change(TwoProportions(count_1, row["base_1"] or 0, count_2, row["base_2"] or 0))
    return {
        "phrase": contribution.rule.text,
        "kind": contribution.rule.kind,
        "topic": contribution.topic,
        "count_1": count_1,
        "count_2": count_2,
        "alone_1": alone_1,
        "alone_2": alone_2,
        "relative_change": change.relative_change,
        "change": change.change,
    }


def _computation_steps(row: Mapping[str, Any], history: History, family_size: int) -> list[dict[str, str]]:
    """Return each number of a row as the formula that gives it, with the numbers filled in."""
    period_1, period_2 = row["period_1"], row["period_2"]
    if None in (row["count_1"], row["count_2"]):
        return [{"step": "no number", "formula": f"{period_1} or {period_2} has a gap in coverage; see `trend status`"}]
    steps = {}
    for side, period in ((1, period_1), (2, period_2)):
        count, total, share = row[f"count_{side}"], row[f"base_{side}"], row[f"share_{side}"]
        if share is not None:
            low, high = wilson_interval(count, total)
            interval = f"95 % interval [{100 * (low or 0):.2f}, {100 * (high or 0):.2f}] % (Wilson)"
            steps[f"share {period}"] = f"{count:,} / {total:,} = {100 * share:.2f} %, {interval}"
    if row["count_change"] is not None:
        ratio = f"{row['count_2']:,} / {row['count_1']:,} - 1"
        steps["count change"] = f"{ratio} = {100 * row['count_change']:+.1f} %"
    if row["relative_change"] is not None:
        ratio = f"{100 * row['share_2']:.4f} % / {100 * row['share_1']:.4f} % - 1"
        steps["relative change"] = f"{ratio} = {100 * row['relative_change']:+.1f} %"
    phi, df = row["dispersion"], row["dispersion_df"]
    if phi is not None and df is None:
        steps["overdispersion"] = "1: too little history to estimate it"
    elif phi is not None:
        steps["overdispersion"] = (
            f"{phi:.3f}: variance of the share about its trend relative to chance alone, at least 1; from "
            f"{len(history.periods)} {history.unit}s {history.placement} the periods, {df:.0f} degrees of freedom"
        )
    if row["ci_low"] is not None:
        upper = "no upper bound" if row["ci_high"] is None else f"{100 * row['ci_high']:+.1f} %"
        pair = TwoProportions(row["count_1"], row["base_1"], row["count_2"], row["base_2"], phi)
        steps["95 % interval"] = f"{100 * row['ci_low']:+.1f} % to {upper}, {interval_method(pair)}"
    if row["p"] is not None:
        steps["p"] = f"{row['p']:.4g}: test of no change, by the same method"
        alone = "for this topic alone; usually larger if several topics are tested together (--pack)"
        family = alone if family_size <= 1 else f"among {family_size} tested topics (Benjamini-Hochberg)"
        steps["q"] = f"{row['q']:.4g} {family}"
    steps["verdict"] = f"{row['verdict']}: {_verdict_reason(row['verdict'])}"
    return [{"step": step, "formula": formula} for step, formula in steps.items()]


def _verdict_reason(verdict: str) -> str:
    reasons = {
        "too few": f"both counts are below {MIN_COUNT}",
        "n/a": "there is nothing to compare",
        "no clear change": f"q is above {FDR}",
        "rising": f"q is at most {FDR}, and the share rose",
        "falling": f"q is at most {FDR}, and the share fell",
    }
    return reasons[verdict]
