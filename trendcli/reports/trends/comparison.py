"""Use-case comparison: a row a topic, a period against an earlier one, with what the verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports import significance as evidence
from trendcli.reports.base import (
    OVERLAP_NOTE,
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
from trendcli.reports.notes import coverage_phrase, status_command
from trendcli.reports.significance import PeriodPair
from trendcli.stats import decomposition as mix
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
CATEGORY_COLUMN = Column("category", "Category", "text", 0)
_SENSITIVITY_COLUMNS = [
    Column(f"relative_change_{name}", label, "change", 0)
    for name, label in (("any", "Anywhere"), ("title", "Title only"), ("strict", "Strict"), ("primary", "Primary"))
]
_DECOMPOSITION_COLUMNS = (
    Column("name", "Topic", "text", 0),
    CATEGORY_COLUMN,
    Column("base_1", "Base 1", "count", 2),
    Column("base_2", "Base 2", "count", 2),
    Column("share_1", "Share 1", "share", 0),
    Column("share_2", "Share 2", "share", 0),
    Column("points", "Points", "points", 0),
    Column("within", "Within", "points", 0),
    Column("mix", "Mix", "points", 0),
)
_CHANGE_NOTE = "Relative change is the change of the share, share2/share1 - 1; brackets hold its 95 % interval."


def build_comparison(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """A row a topic: a period against an earlier one. Without dates the last complete year against the one before.

    With `across` a row a topic and category, each category a base of its own.
    """
    context, pair, verdicts = _bind_period_pair(store, library, query, default_scope, progress)
    past = evidence.find_history(context, pair)
    needed = [*pair, *past.periods]
    whole = context.count_submissions(needed)
    rows = _comparison_rows(
        context, pair, past, context.count_breakdown(needed, "category") if query.across else {"": whole}
    )
    columns = [
        column for column in COMPARISON_COLUMNS if column.key != "name" or len(query.topics) > 1 or not query.across
    ]
    if query.across:
        columns.insert(len(columns) - len(COMPARISON_COLUMNS) + 1, CATEGORY_COLUMN)
    notes = [_CHANGE_NOTE, *evidence.family_notes(rows, "period_2", [past])]
    if query.across:
        notes.append(OVERLAP_NOTE)
    if query.sensitivity:
        rows = _add_sensitivity(context, pair, past, rows)
        plain = query.match == "any" and not query.primary_only
        gone = ("count_change", "share_1", "share_2", "points", "ci_low,ci_high")
        columns = [column for column in columns if column.key not in gone]
        columns[-2:-2] = _SENSITIVITY_COLUMNS[1:] if plain else _SENSITIVITY_COLUMNS  # before q and verdict
        notes.append(
            "Robust: by title or abstract, by title alone, by title or two mentions, and by primary category alone the "
            "sign is the same and no verdict the opposite."
        )
    kept = [row for row in rows if max(row["count_1"] or 0, row["count_2"] or 0) >= query.min_count]
    return _build_pair_report(context, "comparison", pair, verdicts, whole, columns, sort_rows(kept, query), notes)


def build_decomposition(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """The change of a share by primary category, in share points: within the categories, and by their mix.

    A row a topic whose `within` and `mix` add up to its `points`; of a single topic also one for each primary category.
    """
    if store.corpus != ARXIV:
        raise UsageError(f"{store.corpus} has no categories, so no change of theirs can be taken apart.")
    context, pair, verdicts = _bind_period_pair(store, library, query, default_scope, progress)
    whole = context.count_submissions(pair)
    known = not any(is_withheld(verdict, query) for verdict in verdicts.values())
    parts = context.count_breakdown(pair, "primary") if known else {}
    rows: list[dict[str, Any]] = []
    for topic in query.topics:
        numbers = {part: _pair_counts(topic, pair, counted) for part, counted in parts.items()}
        numbers = {part: found for part, found in numbers.items() if found[1] or found[3]}
        both = all(sum(found[place] for found in numbers.values()) for place in (1, 3))
        terms = dict(zip(numbers, mix.decompose_share_change(list(numbers.values())), strict=True)) if both else {}
        total = mix.Contribution(sum(term.within for term in terms.values()), sum(term.mix for term in terms.values()))
        rows.append(
            _decomposition_row(context, topic, None, pair, _pair_counts(topic, pair, whole), total if terms else None)
        )
        if len(query.topics) == 1:
            by_size = sorted(terms, key=lambda part: (-abs(terms[part].within + terms[part].mix), part))
            rows += [_decomposition_row(context, topic, part, pair, numbers[part], terms[part]) for part in by_size]
    notes = [
        "Points are differences of shares, times 100. Within: the change inside primary categories. Mix: that their "
        "weights in the base changed. The two add up to the change of a topic's share."
    ]
    one = len(query.topics) == 1
    columns = [column for column in _DECOMPOSITION_COLUMNS if column.key != ("name" if one else "category")]
    if not one:
        rows.sort(key=lambda row: (-(row["points"] or 0.0), row["topic"]))
    return _build_pair_report(context, "decomposition", pair, verdicts, whole, columns, rows, notes)


def _bind_period_pair(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress
) -> tuple[BoundQuery, PeriodPair, dict[Any, PeriodStatus]]:
    context = bind(store, library, query, default_scope, progress)
    later, earlier = comparison_periods(context)
    verdicts = {item: context.period_status(item) for item in (earlier, later)}
    if any(is_withheld(verdict, query) for verdict in verdicts.values()) and all(v.has_gap for v in verdicts.values()):
        missing = sorted({name for verdict in verdicts.values() for name in verdict.missing_categories})
        raise CoverageMissing(
            f"Neither {earlier.label} nor {later.label} is {coverage_phrase(store.corpus, missing)}, so no "
            f"change can be "
            f"computed. See {status_command(store.corpus)}; --include-partial shows what is there."
        )
    return context, (earlier, later), verdicts


def _pair_counts(topic: str, pair: PeriodPair, counted: PeriodCounts) -> tuple[int, int, int, int]:
    earlier, later = pair
    return counted.counts[topic, earlier], counted.totals[earlier], counted.counts[topic, later], counted.totals[later]


def _comparison_rows(
    bound: BoundQuery, pair: PeriodPair, history: evidence.History, parts: Mapping[str, PeriodCounts]
) -> list[dict[str, Any]]:
    """The judged and ranked rows of every topic in every part of the base."""
    topics, later = bound.selection.topics, pair[1]
    rows: list[dict[str, Any]] = []
    pairs: list[TwoProportions | None] = []
    for part, counted in parts.items():
        verdicts = {item: bound.period_status(item, part) for item in pair}
        known = not any(is_withheld(verdict, bound.query) for verdict in verdicts.values())
        status = worst_status([verdict.status for verdict in verdicts.values()])
        spread = evidence.estimate_overdispersions({later: history}, counted, topics)
        for topic in topics:
            one, two = (visible_count(bound, topic, item, counted, verdicts[item]) for item in pair)
            rows.append(_comparison_row(bound, topic, part, pair, one, two, status))
            pairs.append(build_two_proportions(one, two, spread[topic, later]) if known else None)
    rows = evidence.add_verdicts(rows, pairs)
    for ranked in topics if bound.query.across else [None]:
        family = [row for row in rows if ranked in (None, row["topic"])]
        for key, into in (("count_1", "rank_1"), ("count_2", "rank_2")):
            _assign_ranks(family, key, into)
    return rows


def _comparison_row(
    bound: BoundQuery, topic: str, part: str, pair: PeriodPair, one: VisibleCount, two: VisibleCount, status: str
) -> dict[str, Any]:
    return {
        "topic": topic,
        "name": bound.topic_label(topic),
        **({"category": part} if part else {}),
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
    bound: BoundQuery, pair: PeriodPair, history: evidence.History, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows with the same change by each of VARIANTS, and whether the verdict is robust."""
    found: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for name, fields in COUNTING_VARIANTS.items():
        other = bound.with_selection(**fields)
        needed = [*pair, *history.periods]
        parts = (
            other.count_breakdown(needed, "category") if bound.query.across else {"": other.count_submissions(needed)}
        )
        found[name] = {_row_key(row): row for row in _comparison_rows(other, pair, history, parts)}
    return [_add_robustness(row, {name: table[_row_key(row)] for name, table in found.items()}) for row in rows]


def _row_key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["topic"], row.get("category", "")


def _add_robustness(row: dict[str, Any], variants: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    points = [other["points"] for other in variants.values()]
    signs = {None if value is None else (value > 0) - (value < 0) for value in points}
    opposite = {"rising": "falling", "falling": "rising"}.get(row["verdict"])
    against = any(other["verdict"] == opposite for other in variants.values())
    return {
        **row,
        **{f"relative_change_{name}": other["relative_change"] for name, other in variants.items()},
        **{f"verdict_{name}": other["verdict"] for name, other in variants.items()},
        **{f"change_{name}": other["change"] for name, other in variants.items()},
        "robust": opposite is not None and signs in ({1}, {-1}) and not against,
    }


def _decomposition_row(
    bound: BoundQuery,
    topic: str,
    part: str | None,
    pair: PeriodPair,
    numbers: tuple[int, int, int, int],
    term: mix.Contribution | None,
) -> dict[str, Any]:
    known = term is not None
    return {
        "topic": topic,
        "name": bound.topic_label(topic),
        "category": part or "all",
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "count_1": numbers[0] if known else None,
        "base_1": numbers[1] if known else None,
        "count_2": numbers[2] if known else None,
        "base_2": numbers[3] if known else None,
        "share_1": compute_share(*numbers[:2]) if known else None,
        "share_2": compute_share(*numbers[2:]) if known else None,
        "points": term.within + term.mix if term else None,
        "within": term.within if term else None,
        "mix": term.mix if term else None,
    }


def _assign_ranks(rows: Sequence[dict[str, Any]], count_key: str, rank_key: str) -> None:
    """Rank by count, the most first; ties share the smaller rank."""
    counts = sorted((row[count_key] for row in rows if row[count_key] is not None), reverse=True)
    for row in rows:
        row[rank_key] = None if row[count_key] is None else counts.index(row[count_key]) + 1


def _build_pair_report(
    bound: BoundQuery,
    kind: str,
    pair: PeriodPair,
    verdicts: Mapping[Any, PeriodStatus],
    counted: PeriodCounts,
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
        label_columns(columns, earlier, later),
        rows[: bound.query.limit or None],
        [describe_period(item, counted, verdicts[item]) for item in pair],
        counted,
        notes,
        {"by": bound.query.by or later.unit, "period": later.label, "vs": earlier.label},
    )
