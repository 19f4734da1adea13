"""The verification of a saved report: it is built again, and every difference is listed with its cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isclose
from textwrap import shorten
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.json import from_json
from trendcli.core.periods import PERIOD_UNITS, parse_period, parse_period_label
from trendcli.core.registry import REPORTS, load_entry
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Window, ignore_progress
from trendcli.reports.notes import format_count
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


@dataclass(frozen=True)
class _SavedQuery:
    """The types of what a saved query holds; not every kind of report holds all of it."""

    scope: str
    categories: list[str]
    topics: list[str]
    within: str | None
    both: list[str] = field(default_factory=list)
    match: str = "any"
    id: str | None = None
    as_of: str | None = None
    across: str | None = None
    index: str | None = None
    author: str | None = None
    primary_only: bool = False
    rolling: int = 1
    sensitivity: bool = False
    include_partial: bool = False
    sort: str = ""
    reverse: bool = False
    limit: int = 0
    min_count: int = 0
    period: str | None = None
    since: str | None = None
    until: str | None = None
    by: str | None = None
    vs: str | None = None
    words: str = ""
    name_like: str | None = None
    backtest: str | None = None


@dataclass(frozen=True)
class _SavedProvenance:
    """The types of what a saved report says of its origin: hashes and totals of periods, hashes of rules."""

    program: str
    data: dict[str, Any]
    bases: dict[str, Any]
    rules: dict[str, Any]


def verify_report(
    store: Store, library: Library, saved_report: Mapping[str, Any], progress: Progress = ignore_progress
) -> Report:
    """Build a report that was saved by `--format json` again, and return a row per difference.

    Causes come first: 'new data', 'fewer data', 'changed dates', 'revised data', 'changed coverage', 'changed rules',
    'changed program'. Then come the numbers that differ, as 'number', or as 'unexplained' where there is no cause.
    UsageError where `saved_report` is not a report that can be reproduced.
    """
    not_reproducible = UsageError(
        "This file is not a report that can be reproduced. Save one with --format json -o FILE: a table of `trend "
        f"report` or `trend terms`, of the kind {', '.join(_REPRODUCIBLE_KINDS[:-1])} or {_REPRODUCIBLE_KINDS[-1]}."
    )
    try:
        kind, saved_query = saved_report["kind"], saved_report["query"]
        from_json(_SavedQuery, saved_query)
        from_json(_SavedProvenance, saved_report["provenance"])
        query, library = _restore_query(library, kind, saved_query, store.corpus)
        extra_arguments = _extra_arguments(kind, saved_query)
        scope = Scope(saved_query["scope"], tuple(saved_query["categories"]))
        build = load_entry(REPORTS[kind])
        saved_provenance = saved_report["provenance"]
        then = {key: saved_provenance[key] for key in ("program", "data", "bases", "rules")}
        parts = [
            *saved_report["rows"],
            *saved_report["periods"],
            then["data"],
            then["bases"],
            then["rules"],
            saved_report.get("summary", {}),
        ]
        is_consistent = (
            then["data"].keys() == then["bases"].keys()
            and all(isinstance(period["label"], str) for period in saved_report["periods"])
            and all(type(total) is int for total in then["bases"].values())
            and isinstance(saved_report.get("notes", []), list)
            and saved_query.get("by") in (None, "window", *PERIOD_UNITS)
        )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        raise not_reproducible from None
    if kind not in _REPRODUCIBLE_KINDS or not is_consistent or not all(isinstance(part, Mapping) for part in parts):
        raise not_reproducible
    now = build(store, library, query, scope, *extra_arguments, progress)
    causes = [
        *_iter_data_changes(then, now.provenance),
        *_iter_coverage_changes(saved_report["periods"], now.periods),
        *(
            _difference_row("changed rules", topic, digest, now.provenance["rules"].get(topic, "none"))
            for topic, digest in then["rules"].items()
            if now.provenance["rules"].get(topic) != digest
        ),
    ]
    if then["program"] != now.provenance["program"]:
        causes.append(_difference_row("changed program", "version", then["program"], now.provenance["program"]))
    number_cause = "number" if causes else "unexplained"
    numbers = [
        *_iter_number_changes(saved_report["rows"], now.rows, number_cause),
        *_iter_header_changes(saved_report, now, number_cause),
    ]
    return Report(
        kind="verification",
        title=f"{saved_report.get('title', 'A report')}, reproduced",
        corpus=now.corpus,
        synthetic=now.synthetic,
        query=now.query,
        columns=_VERIFICATION_COLUMNS,
        rows=[*causes, *numbers],
        data_as_of=now.data_as_of,
        notes=[
            _format_outcome(len(causes), len(numbers)),
            f"Data as of {_format_data_date(saved_report.get('data_as_of'))} in the saved report, "
            f"{_format_data_date(now.data_as_of)} now.",
        ],
        provenance=now.provenance,
    )


def _format_outcome(cause_count: int, number_count: int) -> str:
    if cause_count:
        differ = "differs" if number_count == 1 else "differ"
        return f"{format_count(cause_count, 'cause')} found; {format_count(number_count, 'number')} {differ}."
    if number_count:
        return "None of the inputs has changed: the file was edited, or this is a bug."
    return "Reproduced: the same query gives the same report."


def _restore_query(library: Library, kind: str, saved_query: Mapping[str, Any], corpus: str) -> tuple[Query, Library]:
    """Return the query of a saved report, with its periods as they were resolved, and the topics it may name."""
    options = "primary_only author rolling sensitivity include_partial".split()
    if "words" not in saved_query:  # of a report on terms, the minimum and the limit are those of its TermFilter
        options += ["sort", "reverse", "limit", "min_count"]
    within = saved_query["within"]
    names = [*saved_query["topics"], *([within] if within else [])]
    query, library = parse_query(
        library,
        topics=[name for name in saved_query["topics"] if not name.startswith((QUERY_PREFIX, KEYWORD_PREFIX))],
        queries=[name.removeprefix(QUERY_PREFIX) for name in names if name.startswith(QUERY_PREFIX)],
        keywords=[name.removeprefix(KEYWORD_PREFIX) for name in names if name.startswith(KEYWORD_PREFIX)],
        scope=Scope(saved_query["scope"], tuple(saved_query["categories"])),
        corpus=corpus,
        children=False,
        **{key: saved_query[key] for key in ("match", "id", "as_of", "both", "within", "across", "index", *options)},
    )
    query = replace(query, topics=tuple(saved_query["topics"]))  # in the order of the saved report
    if kind == "backtest":  # which names its years itself
        return query, library
    if saved_query["period"] is None or kind == "names":
        since, until = (parse_period(saved_query[edge]).start for edge in ("since", "until"))
        # names are counted by year, from the first day of the store where no year was named
        first_day = since if kind != "names" or (since.month, since.day) == (1, 1) else None
        return replace(query, by=saved_query["by"], window=Window(first_day, until)), library
    later = parse_period_label(saved_query["period"])
    if later.unit == "window":
        return replace(query, window=Window(later.start, later.end), vs=saved_query["vs"]), library
    return replace(query, period=later, vs=saved_query["vs"]), library


def _extra_arguments(kind: str, saved_query: Mapping[str, Any]) -> list[Any]:
    """Return what a report on terms takes beside the query: its glob, or the years and the filter of terms."""
    if kind == "names":
        return [saved_query["name_like"]]
    if kind not in ("terms", "outcome", "backtest"):
        return []
    from trendcli.reports.terms.backtest import parse_backtest_years
    from trendcli.reports.terms.base import TermFilter

    min_words, max_words = map(int, saved_query["words"].split("-"))
    term_filter = TermFilter(min_words, max_words, saved_query["min_count"], saved_query["limit"])
    return [parse_backtest_years(saved_query["backtest"]), term_filter] if kind == "backtest" else [term_filter]


def _iter_data_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield a row per period whose data differ, and one for the periods that are counted only now."""
    changed = [label for label in then["data"] if then["data"][label] != now["data"].get(label)]
    differences = [now["bases"].get(label, 0) - then["bases"][label] for label in changed]
    is_both_ways = min(differences, default=0) < 0 < max(differences, default=0)
    for label in changed:
        total_then, total_now = then["bases"][label], now["bases"].get(label, 0)
        if total_then == total_now:
            same_count = "same number, with other texts or versions"
            yield _difference_row("revised data", label, f"{total_then:,} submissions", same_count)
        else:
            cause = "changed dates" if is_both_ways else "new data" if total_now > total_then else "fewer data"
            yield _difference_row(cause, label, f"{total_then:,} submissions", f"{total_now:,} submissions")
    added = [label for label in now["data"] if label not in then["data"]]
    if added:
        labels = f"{added[0]} to {added[-1]}" if len(added) > 1 else added[0]
        yield _difference_row("new data", labels, "incomplete", "complete, and used for overdispersion")


def _iter_coverage_changes(then: Any, now: Any) -> Iterator[dict[str, str]]:
    statuses_now = {period["label"]: period["status"] for period in now}
    for period in then:
        status_then, status_now = str(period.get("status")), statuses_now.get(period["label"], "none")
        if status_then != status_now:
            yield _difference_row("changed coverage", period["label"], status_then, status_now)


def _iter_number_changes(then: Any, now: Any, cause: str) -> Iterator[dict[str, str]]:
    """Yield a row per value of the rows that differs, and per row that only one of the reports has."""

    def row_key(row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[key]) for key in ("topic", "term", "category", "period", "period_2") if key in row)

    rows_now = {row_key(row): row for row in now}
    for row in then:
        row_now = rows_now.pop(row_key(row), None)
        where = " ".join(row_key(row))
        if row_now is None:
            yield _difference_row(cause, where, "a row", "none")
            continue
        for key, value in row.items():
            if key not in _DERIVED_KEYS and not _is_same(value, row_now.get(key)):
                yield _difference_row(cause, f"{where} {key}", _format_value(value), _format_value(row_now.get(key)))
    for added_key in rows_now:
        yield _difference_row(cause, " ".join(added_key), "none", "a row")


def _iter_header_changes(saved: Mapping[str, Any], now: Report, cause: str) -> Iterator[dict[str, str]]:
    """Yield a row per difference outside the rows: title, bases of periods, summary.

    Notes are compared only where nothing else explains a difference.
    """
    header_now: dict[str, Any] = {"title": now.title, "synthetic": now.synthetic, "summary": now.summary}
    header_then = dict(saved)
    if cause == "unexplained":
        header_now["notes"] = _notes_without_precision(now.notes, now.provenance)
        header_then["notes"] = _notes_without_precision(saved.get("notes", ()), saved["provenance"])
    for key, value in header_now.items():
        leaves_then, leaves_now = (dict(_iter_leaves(key, header)) for header in (header_then.get(key, {}), value))
        for path in dict.fromkeys([*leaves_then, *leaves_now]):
            value_then, value_now = leaves_then.get(path), leaves_now.get(path)
            if not _is_same(value_then, value_now):
                yield _difference_row(cause, path, _format_value(value_then), _format_value(value_now))
    bases_now = {period["label"]: period["base"] for period in now.periods}
    for period in saved["periods"]:
        base_then, base_now = period.get("base"), bases_now.get(period.get("label"))
        if base_then != base_now:
            yield _difference_row(cause, f"{period.get('label')} base", str(base_then), str(base_now))


def _notes_without_precision(notes: Sequence[str], provenance: Mapping[str, Any]) -> list[str]:
    """Return the notes without those on precision: judgements come after a report is saved, and change no number."""
    precision = provenance.get("precision")
    precision_notes = list(precision.values()) if isinstance(precision, Mapping) else []
    return [note for note in notes if note not in precision_notes]


def _iter_leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of everything in a JSON value that is neither a list nor a mapping."""
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


def _format_data_date(data_as_of: str | None) -> str:
    """Return the day of a report's data, '2020-01-01', or 'an unknown day'."""
    return str(data_as_of)[:10] if data_as_of else "an unknown day"
