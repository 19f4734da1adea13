"""Use-case verify: a saved report is made again, and what differs is named with its cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isclose
from textwrap import shorten
from typing import Any

from trendcli.core import periods
from trendcli.core.errors import UsageError
from trendcli.core.registry import REPORTS, load_entry
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports import judgements
from trendcli.store.store import Store
from trendcli.topics.library import KEYWORD_PREFIX, QUERY_PREFIX, Library
from trendcli.topics.query import Query, parse_query

# an explanation is a comparison and what follows from it
_REPRODUCIBLE_KINDS = (
    "comparison", "decomposition", "series", "volume", "acceptance", "terms", "outcome", "names", "backtest",
)  # fmt: skip
_VERIFICATION_COLUMNS = (
    Column("cause", "Cause", "text"),
    Column("where", "Where", "text"),
    Column("then", "Then", "text"),
    Column("now", "Now", "text"),
)
_DERIVED_KEYS = ("name", "rank_1", "rank_2")  # what differs in these follows from something else


def verify_report(
    store: Store, library: Library, saved_report: Mapping[str, Any], progress: Progress = ignore_progress
) -> Report:
    """What differs between a report as `--format json` saved it and the same question asked now: a row a difference.

    Causes come first: 'new data', 'fewer data', 'changed dates', 'revised data', 'changed coverage', 'changed rules',
    'changed program'. Then the numbers that differ, as 'number', or as 'unexplained' where there is no cause.
    UsageError where `saved` is no report that can be made again.
    """
    refusal = UsageError(
        "This is not a report that can be made again; save one with --format json -o FILE: a table of `trend report` "
        f"or `trend terms`, of the kind {', '.join(_REPRODUCIBLE_KINDS[:-1])} or {_REPRODUCIBLE_KINDS[-1]}."
    )
    try:
        made, known = _restore_query(library, saved_report["kind"], saved_report["query"], store.corpus)
        more = _extra_arguments(saved_report["kind"], saved_report["query"])
        scope = Scope(saved_report["query"]["scope"], tuple(saved_report["query"]["categories"]))
        make, before = load_entry(REPORTS[saved_report["kind"]]), saved_report["provenance"]
        then = {key: before[key] for key in ("program", "data", "bases", "rules")}
        told = [
            *saved_report["rows"],
            *saved_report["periods"],
            then["data"],
            then["bases"],
            then["rules"],
            saved_report.get("summary", {}),
        ]
        whole = then["data"].keys() == then["bases"].keys() and all("label" in item for item in saved_report["periods"])
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        raise refusal from None
    if (
        saved_report["kind"] not in _REPRODUCIBLE_KINDS
        or not whole
        or not all(isinstance(item, Mapping) for item in told)
    ):
        raise refusal
    now = make(store, known, made, scope, *more, progress)
    causes = [
        *_iter_data_changes(then, now.provenance),
        *_iter_coverage_changes(saved_report["periods"], now.periods),
        *(
            _difference_row("changed rules", topic, key, now.provenance["rules"].get(topic, "none"))
            for topic, key in then["rules"].items()
            if now.provenance["rules"].get(topic) != key
        ),
    ]
    if then["program"] != now.provenance["program"]:
        causes.append(_difference_row("changed program", "version", then["program"], now.provenance["program"]))
    cause = "number" if causes else "unexplained"
    numbers = [
        *_iter_number_changes(saved_report["rows"], now.rows, cause),
        *_iter_header_changes(saved_report, now, cause),
    ]
    rows = [*causes, *numbers]
    if not rows:
        said = "The same question gives the same report."
    elif causes:
        said = f"{len(causes)} cause{'s' * (len(causes) > 1)} found; {len(numbers)} numbers differ."
    else:
        said = "Nothing that the numbers rest on has changed: the file was edited, or this is a bug."
    return Report(
        kind="verification",
        title=f"{saved_report.get('title', 'A report')}, made again",
        corpus=now.corpus,
        synthetic=now.synthetic,
        query=now.query,
        columns=_VERIFICATION_COLUMNS,
        rows=rows,
        data_as_of=now.data_as_of,
        notes=[said, f"Data as of {saved_report.get('data_as_of')} then, {now.data_as_of} now."],
        provenance=now.provenance,
    )


def _restore_query(library: Library, kind: str, saved_query: Mapping[str, Any], corpus: str) -> tuple[Query, Library]:
    """The question that a report says it answers, with its periods as they were resolved."""
    kept = "primary_only author rolling sensitivity include_partial".split()
    if "words" not in saved_query:  # of terms, the least number and the limit are those of `_more`
        kept += ["sort", "reverse", "limit", "min_count"]
    within = saved_query["within"]
    named = [*saved_query["topics"], *([within] if within else [])]
    question, known = parse_query(
        library,
        topics=[name for name in saved_query["topics"] if not name.startswith((QUERY_PREFIX, KEYWORD_PREFIX))],
        queries=[name.removeprefix(QUERY_PREFIX) for name in named if name.startswith(QUERY_PREFIX)],
        keywords=[name.removeprefix(KEYWORD_PREFIX) for name in named if name.startswith(KEYWORD_PREFIX)],
        scope=Scope(saved_query["scope"], tuple(saved_query["categories"])),
        corpus=corpus,
        children=False,
        **{key: saved_query[key] for key in ("match", "id", "as_of", "both", "within", "across", "index", *kept)},
    )
    question = replace(question, topics=tuple(saved_query["topics"]))  # in the order in which they were asked
    if kind == "backtest":  # which names its years itself
        return question, known
    if saved_query["period"] is None or kind == "names":
        since, until = (periods.parse_period(saved_query[edge]).start for edge in ("since", "until"))
        # names are told by year, from the day on which the store begins where no year was named
        first = since if kind != "names" or (since.month, since.day) == (1, 1) else None
        return replace(question, by=saved_query["by"], window=Window(first, until)), known
    later = periods.parse_period_label(saved_query["period"])
    if later.unit == "window":
        return replace(question, window=Window(later.start, later.end), vs=saved_query["vs"]), known
    return replace(question, period=later, vs=saved_query["vs"]), known


def _extra_arguments(kind: str, saved_query: Mapping[str, Any]) -> list[Any]:
    """What a report of terms asks beside the question: its glob, or the years and the terms that are tested."""
    if kind == "names":
        return [saved_query["name_like"]]
    if kind not in ("terms", "outcome", "backtest"):
        return []
    from trendcli.reports.terms.backtest import parse_backtest_years
    from trendcli.reports.terms.base import TermFilter

    shortest, longest = map(int, saved_query["words"].split("-"))
    wanted = TermFilter(shortest, longest, saved_query["min_count"], saved_query["limit"])
    return [parse_backtest_years(saved_query["backtest"]), wanted] if kind == "backtest" else [wanted]


def _iter_data_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    labels = [label for label in then["data"] if then["data"][label] != now["data"].get(label)]
    moves = {label: now["bases"].get(label, 0) - then["bases"][label] for label in labels}
    both_ways = any(move > 0 for move in moves.values()) and any(move < 0 for move in moves.values())
    for label in labels:
        was, is_now = then["bases"][label], now["bases"].get(label, 0)
        if was == is_now:
            yield _difference_row("revised data", label, f"{was:,} submissions", "as many, with other text or versions")
        else:
            cause = "changed dates" if both_ways else "new data" if is_now > was else "fewer data"
            yield _difference_row(cause, label, f"{was:,} submissions", f"{is_now:,} submissions")
    fresh = [label for label in now["data"] if label not in then["data"]]
    if fresh:
        told = f"{fresh[0]} to {fresh[-1]}" if len(fresh) > 1 else fresh[0]
        yield _difference_row("new data", told, "not stored whole", "stored whole, and part of the dispersion")


def _iter_coverage_changes(then: Any, now: Any) -> Iterator[dict[str, str]]:
    statuses = {item["label"]: item["status"] for item in now}
    for item in then:
        was, is_now = str(item.get("status")), statuses.get(item["label"], "none")
        if was != is_now:
            yield _difference_row("changed coverage", item["label"], was, is_now)


def _iter_number_changes(then: Any, now: Any, cause: str) -> Iterator[dict[str, str]]:
    def row_key(row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[key]) for key in ("topic", "term", "category", "period", "period_2") if key in row)

    present = {row_key(row): row for row in now}
    for row in then:
        other = present.pop(row_key(row), None)
        where = " ".join(row_key(row))
        if other is None:
            yield _difference_row(cause, where, "a row", "none")
            continue
        for key, was in row.items():
            if key not in _DERIVED_KEYS and not _is_same(was, other.get(key)):
                yield _difference_row(cause, f"{where} {key}", _format_value(was), _format_value(other.get(key)))
    for missing in present:
        yield _difference_row(cause, " ".join(missing), "none", "a row")


def _iter_header_changes(saved: Mapping[str, Any], now: Report, cause: str) -> Iterator[dict[str, str]]:
    """What differs outside of the rows: title, bases of periods, summary; notes where nothing else explains them."""
    whole: dict[str, Any] = {"title": now.title, "synthetic": now.synthetic, "summary": now.summary}
    then = dict(saved)
    if cause == "unexplained":
        whole["notes"], then["notes"] = (
            judgements.drop_precision_notes(notes) for notes in (now.notes, saved.get("notes", ()))
        )
    for key, value in whole.items():
        was, is_now = (dict(_iter_leaves(key, item)) for item in (then.get(key, {}), value))
        for place in dict.fromkeys([*was, *is_now]):
            if not _is_same(was.get(place), is_now.get(place)):
                yield _difference_row(cause, place, _format_value(was.get(place)), _format_value(is_now.get(place)))
    bases = {item["label"]: item["base"] for item in now.periods}
    for item in saved["periods"]:
        if item.get("base") != bases.get(item.get("label")):
            yield _difference_row(
                cause, f"{item.get('label')} base", str(item.get("base")), str(bases.get(item.get("label")))
            )


def _iter_leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(place, value) of all that is no list and no mapping."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _iter_leaves(f"{path}.{key}", item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _iter_leaves(f"{path}[{number}]", item)
    else:
        yield path, value


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def _format_value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shorten(str(value), 80, placeholder=" …")


def _difference_row(cause: str, where: str, then: str, now: str) -> dict[str, str]:
    return {"cause": cause, "where": where, "then": then, "now": now}
