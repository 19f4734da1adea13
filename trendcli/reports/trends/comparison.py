"""Use-case comparison: a row a topic, a period against an earlier one, with what the verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trendcli.core.errors import NoCoverage, UsageError
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports import significance as evidence
from trendcli.reports.base import (
    OVERLAP,
    Seen,
    assembled,
    described,
    hidden,
    labelled,
    ordered,
    seen,
    share,
    sides,
    title_of,
    worst,
)
from trendcli.reports.notes import covered_for, status_of
from trendcli.reports.significance import Pair
from trendcli.stats import decomposition as mix
from trendcli.stats.proportions import Sides
from trendcli.store.coverage import Verdict
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.counting import Counted
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, resolve, two_periods

# the four ways to count that a robust verdict survives: fields of a selection
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "any": {"match": "any"},
    "title": {"match": "title"},
    "strict": {"match": "strict"},
    "primary": {"match": "any", "primary_only": True},
}
COLUMNS = (
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
CATEGORY = Column("category", "Category", "text", 0)
_SENSITIVE = [
    Column(f"relative_change_{name}", label, "change", 0)
    for name, label in (("any", "Anywhere"), ("title", "Title only"), ("strict", "Strict"), ("primary", "Primary"))
]
_DECOMPOSED = (
    Column("name", "Topic", "text", 0),
    CATEGORY,
    Column("base_1", "Base 1", "count", 2),
    Column("base_2", "Base 2", "count", 2),
    Column("share_1", "Share 1", "share", 0),
    Column("share_2", "Share 2", "share", 0),
    Column("points", "Points", "points", 0),
    Column("within", "Within", "points", 0),
    Column("mix", "Mix", "points", 0),
)
_CHANGE = "Relative change is the change of the share, share2/share1 - 1; brackets hold its 95 % interval."


def comparison(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent
) -> Report:
    """A row a topic: a period against an earlier one. Without dates the last complete year against the one before.

    With `across` a row a topic and category, each category a base of its own.
    """
    context, pair, verdicts = _asked(store, library, question, default, progress)
    past = evidence.history(context, pair)
    needed = [*pair, *past.chosen]
    whole = context.count(needed)
    rows = _compared(context, pair, past, context.count_parts(needed, "category") if question.across else {"": whole})
    columns = [column for column in COLUMNS if column.key != "name" or len(question.topics) > 1 or not question.across]
    if question.across:
        columns.insert(len(columns) - len(COLUMNS) + 1, CATEGORY)
    notes = [_CHANGE, *evidence.family_note(rows, "period_2", [past])]
    if question.across:
        notes.append(OVERLAP)
    if question.sensitivity:
        rows = _with_sensitivity(context, pair, past, rows)
        plain = question.match == "any" and not question.primary_only
        gone = ("count_change", "share_1", "share_2", "points", "ci_low,ci_high")
        columns = [column for column in columns if column.key not in gone]
        columns[-2:-2] = _SENSITIVE[1:] if plain else _SENSITIVE  # before q and verdict
        notes.append(
            "Robust: by title or abstract, by title alone, by title or two mentions, and by primary category alone the "
            "sign is the same and no verdict the opposite."
        )
    kept = [row for row in rows if max(row["count_1"] or 0, row["count_2"] or 0) >= question.min_count]
    return _reported(context, "comparison", pair, verdicts, whole, columns, ordered(kept, question), notes)


def decomposition(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent
) -> Report:
    """The change of a share by primary category, in share points: within the categories, and by their mix.

    A row a topic whose `within` and `mix` add up to its `points`; of a single topic also one for each primary category.
    """
    if store.corpus != ARXIV:
        raise UsageError(f"{store.corpus} has no categories, so no change of theirs can be taken apart.")
    context, pair, verdicts = _asked(store, library, question, default, progress)
    whole = context.count(pair)
    known = not any(hidden(verdict, question) for verdict in verdicts.values())
    parts = context.count_parts(pair, "primary") if known else {}
    rows: list[dict[str, Any]] = []
    for topic in question.topics:
        numbers = {part: _numbers(topic, pair, counted) for part, counted in parts.items()}
        numbers = {part: found for part, found in numbers.items() if found[1] or found[3]}
        both = all(sum(found[place] for found in numbers.values()) for place in (1, 3))
        terms = dict(zip(numbers, mix.decompose(list(numbers.values())), strict=True)) if both else {}
        total = mix.Part(sum(term.within for term in terms.values()), sum(term.mix for term in terms.values()))
        rows.append(_decomposed(context, topic, None, pair, _numbers(topic, pair, whole), total if terms else None))
        if len(question.topics) == 1:
            by_size = sorted(terms, key=lambda part: (-abs(terms[part].within + terms[part].mix), part))
            rows += [_decomposed(context, topic, part, pair, numbers[part], terms[part]) for part in by_size]
    notes = [
        "Points are differences of shares, times 100. Within: the change inside primary categories. Mix: that their "
        "weights in the base changed. The two add up to the change of a topic's share."
    ]
    one = len(question.topics) == 1
    columns = [column for column in _DECOMPOSED if column.key != ("name" if one else "category")]
    if not one:
        rows.sort(key=lambda row: (-(row["points"] or 0.0), row["topic"]))
    return _reported(context, "decomposition", pair, verdicts, whole, columns, rows, notes)


def _asked(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress
) -> tuple[Context, Pair, dict[Any, Verdict]]:
    context = resolve(store, library, question, default, progress)
    later, earlier = two_periods(context)
    verdicts = {item: context.verdict(item) for item in (earlier, later)}
    if any(hidden(verdict, question) for verdict in verdicts.values()) and all(v.hole for v in verdicts.values()):
        missing = sorted({name for verdict in verdicts.values() for name in verdict.missing})
        raise NoCoverage(
            f"Neither {earlier.label} nor {later.label} is {covered_for(store.corpus, missing)}, so no change can be "
            f"computed. See {status_of(store.corpus)}; --include-partial shows what is there."
        )
    return context, (earlier, later), verdicts


def _numbers(topic: str, pair: Pair, counted: Counted) -> tuple[int, int, int, int]:
    earlier, later = pair
    return counted.counts[topic, earlier], counted.bases[earlier], counted.counts[topic, later], counted.bases[later]


def _compared(
    context: Context, pair: Pair, past: evidence.History, parts: Mapping[str, Counted]
) -> list[dict[str, Any]]:
    """The judged and ranked rows of every topic in every part of the base."""
    topics, later = context.selection.topics, pair[1]
    rows: list[dict[str, Any]] = []
    pairs: list[Sides | None] = []
    for part, counted in parts.items():
        verdicts = {item: context.verdict(item, part) for item in pair}
        known = not any(hidden(verdict, context.question) for verdict in verdicts.values())
        status = worst([verdict.status for verdict in verdicts.values()])
        spread = evidence.dispersions({later: past}, counted, topics)
        for topic in topics:
            one, two = (seen(context, topic, item, counted, verdicts[item]) for item in pair)
            rows.append(_row(context, topic, part, pair, one, two, status))
            pairs.append(sides(one, two, spread[topic, later]) if known else None)
    rows = evidence.judged(rows, pairs)
    for ranked in topics if context.question.across else [None]:
        family = [row for row in rows if ranked in (None, row["topic"])]
        for key, into in (("count_1", "rank_1"), ("count_2", "rank_2")):
            _rank(family, key, into)
    return rows


def _row(context: Context, topic: str, part: str, pair: Pair, one: Seen, two: Seen, status: str) -> dict[str, Any]:
    return {
        "topic": topic,
        "name": context.name(topic),
        **({"category": part} if part else {}),
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "base_1": one[1],
        "base_2": two[1],
        "count_1": one[0],
        "count_2": two[0],
        "share_1": share(*one),
        "share_2": share(*two),
        "rank_1": None,
        "rank_2": None,
        "status": status,
    }


def _with_sensitivity(
    context: Context, pair: Pair, past: evidence.History, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows with the same change by each of VARIANTS, and whether the verdict is robust."""
    found: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for name, fields in VARIANTS.items():
        other = context.counting_as(**fields)
        needed = [*pair, *past.chosen]
        parts = other.count_parts(needed, "category") if context.question.across else {"": other.count(needed)}
        found[name] = {_place(row): row for row in _compared(other, pair, past, parts)}
    return [_robust(row, {name: table[_place(row)] for name, table in found.items()}) for row in rows]


def _place(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["topic"], row.get("category", "")


def _robust(row: dict[str, Any], variants: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
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


def _decomposed(
    context: Context,
    topic: str,
    part: str | None,
    pair: Pair,
    numbers: tuple[int, int, int, int],
    term: mix.Part | None,
) -> dict[str, Any]:
    known = term is not None
    return {
        "topic": topic,
        "name": context.name(topic),
        "category": part or "all",
        "period_1": pair[0].label,
        "period_2": pair[1].label,
        "count_1": numbers[0] if known else None,
        "base_1": numbers[1] if known else None,
        "count_2": numbers[2] if known else None,
        "base_2": numbers[3] if known else None,
        "share_1": share(*numbers[:2]) if known else None,
        "share_2": share(*numbers[2:]) if known else None,
        "points": term.within + term.mix if term else None,
        "within": term.within if term else None,
        "mix": term.mix if term else None,
    }


def _rank(rows: Sequence[dict[str, Any]], key: str, into: str) -> None:
    """Rank by count, the most first; ties share the smaller rank."""
    counts = sorted((row[key] for row in rows if row[key] is not None), reverse=True)
    for row in rows:
        row[into] = None if row[key] is None else counts.index(row[key]) + 1


def _reported(
    context: Context,
    kind: str,
    pair: Pair,
    verdicts: Mapping[Any, Verdict],
    counted: Counted,
    columns: Sequence[Column],
    rows: Sequence[dict[str, Any]],
    notes: Sequence[str],
) -> Report:
    earlier, later = pair
    title = f"{later.label} against {earlier.label}"
    if context.question.across or kind == "decomposition" or context.selection.within or context.selection.both:
        title = f"{title_of(context)}, {title}"
    return assembled(
        context,
        kind,
        title,
        labelled(columns, earlier, later),
        rows[: context.question.limit or None],
        [described(item, counted, verdicts[item]) for item in pair],
        counted,
        notes,
        {"by": context.question.by or later.unit, "period": later.label, "vs": earlier.label},
    )
