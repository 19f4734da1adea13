"""Use-case verify: a saved report is made again, and what differs is named with its cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isclose
from textwrap import shorten
from typing import Any

from trendcli.core import periods
from trendcli.core.errors import UsageError
from trendcli.core.registry import REPORTS, load
from trendcli.core.types import Column, Progress, Report, Scope, Window, silent
from trendcli.reports import judgements
from trendcli.store.store import Store
from trendcli.topics.library import AD_HOC, KEYWORD, Library
from trendcli.topics.query import Question, worded

# an explanation is a comparison and what follows from it
_MADE_AGAIN = (
    "comparison", "decomposition", "series", "volume", "acceptance", "terms", "outcome", "names", "backtest",
)  # fmt: skip
_COLUMNS = (
    Column("cause", "Cause", "text"),
    Column("where", "Where", "text"),
    Column("then", "Then", "text"),
    Column("now", "Now", "text"),
)
_SAYS = ("name", "rank_1", "rank_2")  # what differs in these follows from something else


def verified(store: Store, library: Library, saved: Mapping[str, Any], progress: Progress = silent) -> Report:
    """What differs between a report as `--format json` saved it and the same question asked now: a row a difference.

    Causes come first: 'new data', 'fewer data', 'changed dates', 'revised data', 'changed coverage', 'changed rules',
    'changed program'. Then the numbers that differ, as 'number', or as 'unexplained' where there is no cause.
    UsageError where `saved` is no report that can be made again.
    """
    refusal = UsageError(
        "This is not a report that can be made again; save one with --format json -o FILE: a table of `trend report` "
        f"or `trend terms`, of the kind {', '.join(_MADE_AGAIN[:-1])} or {_MADE_AGAIN[-1]}."
    )
    try:
        made, known = _question(library, saved["kind"], saved["query"], store.corpus)
        more = _more(saved["kind"], saved["query"])
        scope = Scope(saved["query"]["scope"], tuple(saved["query"]["categories"]))
        make, before = load(REPORTS[saved["kind"]]), saved["provenance"]
        then = {key: before[key] for key in ("program", "data", "bases", "rules")}
        told = [*saved["rows"], *saved["periods"], then["data"], then["bases"], then["rules"], saved.get("summary", {})]
        whole = then["data"].keys() == then["bases"].keys() and all("label" in item for item in saved["periods"])
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        raise refusal from None
    if saved["kind"] not in _MADE_AGAIN or not whole or not all(isinstance(item, Mapping) for item in told):
        raise refusal
    now = make(store, known, made, scope, *more, progress)
    causes = [
        *_data(then, now.provenance),
        *_coverage(saved["periods"], now.periods),
        *(
            _row("changed rules", topic, key, now.provenance["rules"].get(topic, "none"))
            for topic, key in then["rules"].items()
            if now.provenance["rules"].get(topic) != key
        ),
    ]
    if then["program"] != now.provenance["program"]:
        causes.append(_row("changed program", "version", then["program"], now.provenance["program"]))
    cause = "number" if causes else "unexplained"
    numbers = [*_numbers(saved["rows"], now.rows, cause), *_frame(saved, now, cause)]
    rows = [*causes, *numbers]
    if not rows:
        said = "The same question gives the same report."
    elif causes:
        said = f"{len(causes)} cause{'s' * (len(causes) > 1)} found; {len(numbers)} numbers differ."
    else:
        said = "Nothing that the numbers rest on has changed: the file was edited, or this is a bug."
    return Report(
        kind="verification",
        title=f"{saved.get('title', 'A report')}, made again",
        corpus=now.corpus,
        synthetic=now.synthetic,
        query=now.query,
        columns=_COLUMNS,
        rows=rows,
        data_as_of=now.data_as_of,
        notes=[said, f"Data as of {saved.get('data_as_of')} then, {now.data_as_of} now."],
        provenance=now.provenance,
    )


def _question(library: Library, kind: str, query: Mapping[str, Any], corpus: str) -> tuple[Question, Library]:
    """The question that a report says it answers, with its periods as they were resolved."""
    kept = "primary_only author rolling sensitivity include_partial".split()
    if "words" not in query:  # of terms, the least number and the limit are those of `_more`
        kept += ["sort", "reverse", "limit", "min_count"]
    within = query["within"]
    named = [*query["topics"], *([within] if within else [])]
    question, known = worded(
        library,
        topics=[name for name in query["topics"] if not name.startswith((AD_HOC, KEYWORD))],
        queries=[name.removeprefix(AD_HOC) for name in named if name.startswith(AD_HOC)],
        keywords=[name.removeprefix(KEYWORD) for name in named if name.startswith(KEYWORD)],
        scope=Scope(query["scope"], tuple(query["categories"])),
        corpus=corpus,
        children=False,
        **{key: query[key] for key in ("match", "id", "as_of", "both", "within", "across", "index", *kept)},
    )
    question = replace(question, topics=tuple(query["topics"]))  # in the order in which they were asked
    if kind == "backtest":  # which names its years itself
        return question, known
    if query["period"] is None or kind == "names":
        since, until = (periods.parse(query[edge]).start for edge in ("since", "until"))
        # names are told by year, from the day on which the store begins where no year was named
        first = since if kind != "names" or (since.month, since.day) == (1, 1) else None
        return replace(question, by=query["by"], window=Window(first, until)), known
    later = periods.parse_label(query["period"])
    if later.unit == "window":
        return replace(question, window=Window(later.start, later.end), vs=query["vs"]), known
    return replace(question, period=later, vs=query["vs"]), known


def _more(kind: str, query: Mapping[str, Any]) -> list[Any]:
    """What a report of terms asks beside the question: its glob, or the years and the terms that are tested."""
    if kind == "names":
        return [query["name_like"]]
    if kind not in ("terms", "outcome", "backtest"):
        return []
    from trendcli.reports.terms.backtest import years_of
    from trendcli.reports.terms.terms import Wanted

    shortest, longest = map(int, query["words"].split("-"))
    wanted = Wanted(shortest, longest, query["min_count"], query["limit"])
    return [years_of(query["backtest"]), wanted] if kind == "backtest" else [wanted]


def _data(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    labels = [label for label in then["data"] if then["data"][label] != now["data"].get(label)]
    moves = {label: now["bases"].get(label, 0) - then["bases"][label] for label in labels}
    both_ways = any(move > 0 for move in moves.values()) and any(move < 0 for move in moves.values())
    for label in labels:
        was, is_now = then["bases"][label], now["bases"].get(label, 0)
        if was == is_now:
            yield _row("revised data", label, f"{was:,} submissions", "as many, with other text or versions")
        else:
            cause = "changed dates" if both_ways else "new data" if is_now > was else "fewer data"
            yield _row(cause, label, f"{was:,} submissions", f"{is_now:,} submissions")
    fresh = [label for label in now["data"] if label not in then["data"]]
    if fresh:
        told = f"{fresh[0]} to {fresh[-1]}" if len(fresh) > 1 else fresh[0]
        yield _row("new data", told, "not stored whole", "stored whole, and part of the dispersion")


def _coverage(then: Any, now: Any) -> Iterator[dict[str, str]]:
    statuses = {item["label"]: item["status"] for item in now}
    for item in then:
        was, is_now = str(item.get("status")), statuses.get(item["label"], "none")
        if was != is_now:
            yield _row("changed coverage", item["label"], was, is_now)


def _numbers(then: Any, now: Any, cause: str) -> Iterator[dict[str, str]]:
    def place(row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[key]) for key in ("topic", "term", "category", "period", "period_2") if key in row)

    present = {place(row): row for row in now}
    for row in then:
        other = present.pop(place(row), None)
        where = " ".join(place(row))
        if other is None:
            yield _row(cause, where, "a row", "none")
            continue
        for key, was in row.items():
            if key not in _SAYS and not _same(was, other.get(key)):
                yield _row(cause, f"{where} {key}", _told(was), _told(other.get(key)))
    for missing in present:
        yield _row(cause, " ".join(missing), "none", "a row")


def _frame(saved: Mapping[str, Any], now: Report, cause: str) -> Iterator[dict[str, str]]:
    """What differs outside of the rows: title, bases of periods, summary; notes where nothing else explains them."""
    whole: dict[str, Any] = {"title": now.title, "synthetic": now.synthetic, "summary": now.summary}
    then = dict(saved)
    if cause == "unexplained":
        whole["notes"], then["notes"] = (judgements.without(notes) for notes in (now.notes, saved.get("notes", ())))
    for key, value in whole.items():
        was, is_now = (dict(_leaves(key, item)) for item in (then.get(key, {}), value))
        for place in dict.fromkeys([*was, *is_now]):
            if not _same(was.get(place), is_now.get(place)):
                yield _row(cause, place, _told(was.get(place)), _told(is_now.get(place)))
    bases = {item["label"]: item["base"] for item in now.periods}
    for item in saved["periods"]:
        if item.get("base") != bases.get(item.get("label")):
            yield _row(cause, f"{item.get('label')} base", str(item.get("base")), str(bases.get(item.get("label"))))


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(place, value) of all that is no list and no mapping."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{place}.{key}", item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _leaves(f"{place}[{number}]", item)
    else:
        yield place, value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def _told(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shorten(str(value), 80, placeholder=" …")


def _row(cause: str, where: str, then: str, now: str) -> dict[str, str]:
    return {"cause": cause, "where": where, "then": then, "now": now}
