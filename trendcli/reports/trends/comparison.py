"""The comparison report, a row per topic, a period against an earlier one; and the decomposition of such a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import Period
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.base import (
    VisibleCount,
    build_report,
    build_two_proportions,
    describe_period,
    format_topic_names,
    is_withheld,
    label_columns,
    sort_rows,
    visible_count,
    worst_status,
)
from trendcli.reports.notes import OVERLAP_NOTE, coverage_phrase, status_command
from trendcli.reports.significance import (
    History,
    PeriodPair,
    add_verdicts,
    estimate_overdispersions,
    family_notes,
    find_history,
)
from trendcli.stats.decomposition import Contribution, decompose_share_change
from trendcli.stats.proportions import TwoProportions, compute_share
from trendcli.store.coverage import PeriodStatus
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, comparison_periods

# the four ways to count that a robust verdict survives: fields of a selection
COUNTING_VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "any": {"match": "any"},
    "title": {"match": "title"},
    "strict": {"match": "strict"},
    "primary": {"match": "any", "primary_only": True},
}
COMPARISON_COLUMNS = (
    Column("name", "Topic", "text", 0),
    Column("rank_1", "Rank", "ranks", 6, second_key="rank_2"),
    Column("count_1", "Count {earlier}", "count", 0),
    Column("count_2", "Count {later}", "count", 0),
    Column("count_change", "Count change", "change", 2),
    Column("share_1", "Share {earlier}", "share", 3),
    Column("share_2", "Share {later}", "share", 3),
    Column("points", "Points", "points", 5),
    Column("relative_change", "Relative change", "change", 0),
    Column("ci_low", "95 % interval", "interval", 0, second_key="ci_high"),
    Column("q", "q", "p", 4),
    Column("verdict", "Verdict", "verdict", 1),
)
CATEGORY_COLUMN = Column("category", "Category", "text", 0)
_SENSITIVITY_COLUMNS = (
    Column("relative_change_any", "Anywhere", "change", 0),
    Column("relative_change_title", "Title only", "change", 0),
    Column("relative_change_strict", "Strict", "change", 0),
    Column("relative_change_primary", "Primary", "change", 0),
)
# columns that give way to those of the sensitivity analysis
_HIDDEN_BY_SENSITIVITY = ("count_change", "share_1", "share_2", "points", "ci_low")
_DECOMPOSITION_COLUMNS = (
    Column("name", "Topic", "text", 0),
    CATEGORY_COLUMN,
    Column("base_1", "Base {earlier}", "count", 2),
    Column("base_2", "Base {later}", "count", 2),
    Column("share_1", "Share {earlier}", "share", 0),
    Column("share_2", "Share {later}", "share", 0),
    Column("points", "Points", "points", 0),
    Column("within", "Within", "points", 0),
    Column("mix", "Mix", "points", 0),
)
_CHANGE_NOTE = "Relative change is the later share divided by the earlier, minus 1"
_ROBUST_NOTE = (
    "Robust: the sign is the same, and no verdict is the opposite, for matches anywhere, for title matches, for strict "
    "matches (title, or at least two), and for primary categories only."
)
_DECOMPOSITION_NOTE = (
    "Points are percentage points. Within: change in the shares inside primary categories. Mix: change in the "
    "categories' weights in the base. The two add up to the change in a topic's share."
)


def build_comparison(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """Build the report of a period against an earlier one, a row per topic.

    Without dates it is the last complete year against the one before. With `across` it has a row per topic and
    category, each category with a base of its own. CoverageMissing where neither period is covered.
    """
    bound, pair, statuses = _bind_period_pair(store, library, query, default_scope, progress)
    history = find_history(bound, pair)
    counted_periods = [*pair, *history.periods]
    totals = bound.count_submissions(counted_periods)
    breakdown = bound.count_breakdown(counted_periods, "category") if query.across else {"": totals}
    rows = _comparison_rows(bound, pair, history, breakdown)
    columns = list(COMPARISON_COLUMNS)
    if query.across:
        columns = (
            [columns[0], CATEGORY_COLUMN, *columns[1:]] if len(query.topics) > 1 else [CATEGORY_COLUMN, *columns[1:]]
        )
    interval = "" if query.sensitivity else ", with its 95 % interval"  # whose column the analysis has no room for
    notes = [f"{_CHANGE_NOTE}{interval}.", *family_notes(rows, "period_2", [history])]
    if query.across:
        notes.append(OVERLAP_NOTE)
    if query.sensitivity:
        rows = _add_sensitivity(bound, pair, history, rows)
        is_plain = query.match == "any" and not query.primary_only  # then the first variant is the report itself
        columns = [column for column in columns if column.key not in _HIDDEN_BY_SENSITIVITY]
        columns[-2:-2] = _SENSITIVITY_COLUMNS[1:] if is_plain else _SENSITIVITY_COLUMNS  # before q and verdict
        notes.append(_ROBUST_NOTE)
    shown = [row for row in rows if max(row["count_1"] or 0, row["count_2"] or 0) >= query.min_count]
    return _build_pair_report(bound, "comparison", pair, statuses, totals, columns, sort_rows(shown, query), notes)


def build_decomposition(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """Build the report that decomposes the change of a share into one within primary categories and one of their mix.

    Each topic has a row whose `within` and `mix` add up to its `points`, in differences of shares; a single topic also
    has one per primary category. UsageError for a venue, which has no categories.
    """
    if store.corpus != ARXIV:
        raise UsageError(f"{store.corpus} has no categories, so a change cannot be decomposed by category.")
    bound, pair, statuses = _bind_period_pair(store, library, query, default_scope, progress)
    totals = bound.count_submissions(pair)
    is_known = not any(is_withheld(status, query) for status in statuses.values())
    breakdown = bound.count_breakdown(pair, "primary") if is_known else {}
    is_single = len(query.topics) == 1
    rows: list[dict[str, Any]] = []
    for topic in query.topics:
        by_category = {category: _pair_counts(topic, pair, counts) for category, counts in breakdown.items()}
        by_category = {category: pair_counts for category, pair_counts in by_category.items() if any(pair_counts[1::2])}
        has_both = all(sum(pair_counts[side] for pair_counts in by_category.values()) for side in (1, 3))
        contributions: dict[str, Contribution] = {}
        if has_both:
            contributions = dict(zip(by_category, decompose_share_change(list(by_category.values())), strict=True))
        total = Contribution(
            sum(part.within for part in contributions.values()), sum(part.mix for part in contributions.values())
        )
        topic_counts = _pair_counts(topic, pair, totals)
        rows.append(_decomposition_row(bound, topic, None, pair, topic_counts, total if contributions else None))
        if is_single:
            rows += [
                _decomposition_row(bound, topic, category, pair, by_category[category], contributions[category])
                for category in sorted(contributions, key=lambda name: (-abs(sum(contributions[name])), name))
            ]
    columns = [column for column in _DECOMPOSITION_COLUMNS if column.key != ("name" if is_single else "category")]
    if not is_single:
        rows.sort(key=lambda row: (-(row["points"] or 0.0), row["topic"]))
    return _build_pair_report(bound, "decomposition", pair, statuses, totals, columns, rows, [_DECOMPOSITION_NOTE])


def _bind_period_pair(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress
) -> tuple[BoundQuery, PeriodPair, dict[Period, PeriodStatus]]:
    bound = bind(store, library, query, default_scope, progress)
    later, earlier = comparison_periods(bound)
    statuses = {period: bound.period_status(period) for period in (earlier, later)}
    is_any_withheld = any(is_withheld(status, query) for status in statuses.values())
    if is_any_withheld and all(status.has_gap for status in statuses.values()):
        missing = sorted({name for status in statuses.values() for name in status.missing_categories})
        raise CoverageMissing(
            f"Neither {earlier.label} nor {later.label} is {coverage_phrase(store.corpus, missing)}, so no change can "
            f"be computed. See {status_command(store.corpus)}, or add --include-partial to count what is there."
        )
    return bound, (earlier, later), statuses


def _pair_counts(topic: str, pair: PeriodPair, period_counts: PeriodCounts) -> tuple[int, int, int, int]:
    """Return (count 1, total 1, count 2, total 2) of a topic."""
    counts, totals = period_counts.counts, period_counts.totals
    earlier, later = pair
    return counts[topic, earlier], totals[earlier], counts[topic, later], totals[later]


def _comparison_rows(
    bound: BoundQuery, pair: PeriodPair, history: History, breakdown: Mapping[str, PeriodCounts]
) -> list[dict[str, Any]]:
    """Return the rows of every topic in every part of the base, with verdicts and ranks."""
    topics, later = bound.selection.topics, pair[1]
    rows: list[dict[str, Any]] = []
    proportions: list[TwoProportions | None] = []
    for category, period_counts in breakdown.items():
        statuses = {period: bound.period_status(period, category) for period in pair}
        is_known = not any(is_withheld(status, bound.query) for status in statuses.values())
        status = worst_status([status.status for status in statuses.values()])
        overdispersions = estimate_overdispersions({later: history}, period_counts, topics)
        for topic in topics:
            one, two = (visible_count(bound, topic, period, period_counts, statuses[period]) for period in pair)
            rows.append(_comparison_row(bound, topic, category, pair, one, two, status))
            proportions.append(build_two_proportions(one, two, overdispersions[topic, later]) if is_known else None)
    rows = add_verdicts(rows, proportions)
    for ranked_topic in topics if bound.query.across else [None]:
        ranked = [row for row in rows if ranked_topic in (None, row["topic"])]
        _assign_ranks(ranked, "count_1", "rank_1")
        _assign_ranks(ranked, "count_2", "rank_2")
    return rows


def _comparison_row(
    bound: BoundQuery, topic: str, category: str, pair: PeriodPair, one: VisibleCount, two: VisibleCount, status: str
) -> dict[str, Any]:
    return {
        "topic": topic,
        "name": bound.topic_label(topic),
        **({"category": category} if category else {}),
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "base_1": one[1],
        "base_2": two[1],
        "count_1": one[0],
        "count_2": two[0],
        "share_1": compute_share(*one),
        "share_2": compute_share(*two),
        "rank_1": None,
        "rank_2": None,
        "status": status,
    }


def _add_sensitivity(
    bound: BoundQuery, pair: PeriodPair, history: History, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows with the change by each of COUNTING_VARIANTS, and whether the verdict is robust."""
    counted_periods = [*pair, *history.periods]
    variants: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for name, selection_fields in COUNTING_VARIANTS.items():
        variant = bound.with_selection(**selection_fields)
        if bound.query.across:
            breakdown = variant.count_breakdown(counted_periods, "category")
        else:
            breakdown = {"": variant.count_submissions(counted_periods)}
        variants[name] = {_row_key(row): row for row in _comparison_rows(variant, pair, history, breakdown)}
    return [
        _add_robustness(row, {name: variant_rows[_row_key(row)] for name, variant_rows in variants.items()})
        for row in rows
    ]


def _row_key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["topic"], row.get("category", "")


def _add_robustness(row: dict[str, Any], variants: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    points = [variant["points"] for variant in variants.values()]
    signs = {None if value is None else (value > 0) - (value < 0) for value in points}
    opposite = {"rising": "falling", "falling": "rising"}.get(row["verdict"])
    is_contradicted = any(variant["verdict"] == opposite for variant in variants.values())
    return {
        **row,
        **{f"relative_change_{name}": variant["relative_change"] for name, variant in variants.items()},
        **{f"verdict_{name}": variant["verdict"] for name, variant in variants.items()},
        **{f"change_{name}": variant["change"] for name, variant in variants.items()},
        "robust": opposite is not None and signs in ({1}, {-1}) and not is_contradicted,
    }


def _decomposition_row(
    bound: BoundQuery,
    topic: str,
    category: str | None,
    pair: PeriodPair,
    pair_counts: tuple[int, int, int, int],
    contribution: Contribution | None,
) -> dict[str, Any]:
    """Return the row of a topic, or of its part in one category; without a contribution its numbers are None."""
    count_1, total_1, count_2, total_2 = pair_counts if contribution else (None, None, None, None)
    return {
        "topic": topic,
        "name": bound.topic_label(topic),
        "category": category or "all",
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "count_1": count_1,
        "base_1": total_1,
        "count_2": count_2,
        "base_2": total_2,
        "share_1": compute_share(count_1, total_1),
        "share_2": compute_share(count_2, total_2),
        "points": contribution.within + contribution.mix if contribution else None,
        "within": contribution.within if contribution else None,
        "mix": contribution.mix if contribution else None,
    }


def _assign_ranks(rows: Sequence[dict[str, Any]], count_key: str, rank_key: str) -> None:
    """Rank the rows by a count, the largest first; ties share the smaller rank."""
    counts = sorted((row[count_key] for row in rows if row[count_key] is not None), reverse=True)
    for row in rows:
        row[rank_key] = None if row[count_key] is None else counts.index(row[count_key]) + 1


def _build_pair_report(
    bound: BoundQuery,
    kind: str,
    pair: PeriodPair,
    statuses: Mapping[Period, PeriodStatus],
    period_counts: PeriodCounts,
    columns: Sequence[Column],
    rows: Sequence[dict[str, Any]],
    notes: Sequence[str],
) -> Report:
    earlier, later = pair
    title = f"{later.label} against {earlier.label}"
    if bound.query.across or kind == "decomposition" or bound.selection.within or bound.selection.both:
        title = f"{format_topic_names(bound)}, {title}"
    return build_report(
        bound,
        kind,
        title,
        columns=label_columns(columns, earlier, later),
        rows=rows[: bound.query.limit or None],
        described_periods=[describe_period(period, period_counts, statuses[period]) for period in pair],
        period_counts=period_counts,
        notes=notes,
        resolved_options={"by": bound.query.by or later.unit, "period": later.label, "vs": earlier.label},
    )
