"""What is asked: the options of a command, resolved against what a store covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from trendcli.core import periods
from trendcli.core.arxiv import parse_arxiv_id
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import Period
from trendcli.core.types import MATCH_MODES, Progress, Scope, Selection, Window, ignore_progress
from trendcli.store import corpus as venues
from trendcli.store.coverage import ALL_CATEGORIES, Coverage, PeriodStatus
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts, count_breakdown, count_submissions
from trendcli.topics.library import Library, extend_library, topic_from_keyword, topic_from_phrase


@dataclass(frozen=True)
class Query:
    """What is asked, as far as it was said; the rest is resolved against what the store covers.

    `vs` is a period, 'previous' or 'year-ago'; `last` is (number, unit) of complete periods counted back from the data;
    `both` and `within` are those of a Selection; `across` parts rows by category; `rolling` adds up so many periods,
    and `index` is the period whose share is called 100.
    """

    topics: tuple[str, ...] = ()
    scope: Scope | None = None
    by: str | None = None
    period: Period | None = None
    vs: str | None = None
    window: Window = Window(None, None)
    last: tuple[int, str] | None = None
    match: str = "any"
    primary_only: bool = False
    author: str | None = None
    id: str | None = None
    as_of: date | None = None
    both: tuple[str, ...] = ()
    within: str | None = None
    across: bool = False
    rolling: int = 1
    index: Period | None = None
    sensitivity: bool = False
    sort: str = "relative_change"
    reverse: bool = False
    limit: int = 0
    min_count: int = 0
    include_partial: bool = False


def parse_query(
    library: Library,
    *,
    topics: Sequence[str] = (),
    queries: Sequence[str] = (),
    keywords: Sequence[str] = (),
    pack: str | None = None,
    period: str | None = None,
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    id: str | None = None,
    as_of: str | None = None,
    match: str = "any",
    both: Sequence[str] = (),
    within: str | None = None,
    across: str | None = None,
    index: str | None = None,
    children: bool = True,
    corpus: str = ARXIV,
    **options: Any,
) -> tuple[Query, Library]:
    """A question in a person's words, and the topics it may name: the library's and one for each of `queries`.

    Topics are those named, those of the queries and whole keywords and those of the pack, or else, with `children`,
    those of `within`; `options` are the other fields of a Question. UsageError for a word that means nothing.
    """
    phrases = [topic_from_phrase(phrase) for phrase in queries] + [topic_from_keyword(word) for word in keywords]
    library = extend_library(library, phrases)
    names = [library.get_topic(name).id for name in topics] + [topic.id for topic in phrases]
    names += library.get_pack(pack) if pack else ()
    parent = library.get_topic(within).id if within else None
    if parent and children and not names:
        names = [topic.id for topic in library.topics.values() if parent in topic.parents]
        if not names:
            raise UsageError(f"{parent} has no topics below it; name some with -t.")
    if both and not names:
        raise UsageError("--and wants a topic to go with: name one with -t.")
    if across not in (None, "category"):
        raise UsageError(f"Topics are told apart across categories, not across {across!r}: --across category.")
    if match not in MATCH_MODES:
        raise UsageError(f"No match mode {match!r}. Known: {', '.join(MATCH_MODES)}.")
    try:
        ident = parse_arxiv_id(id)[0] if id and corpus == ARXIV else id
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    question = Query(
        topics=tuple(dict.fromkeys(names)),
        period=periods.parse_period(period) if period else None,
        window=Window(*(periods.parse_period(day).start if day else None for day in (since, until))),
        last=periods.parse_period_count(last) if last else None,
        id=ident,
        as_of=periods.parse_period(as_of).end if as_of else None,
        match=match,
        both=tuple(dict.fromkeys(library.get_topic(name).id for name in both)),
        within=parent,
        across=across is not None,
        index=periods.parse_period(index) if index else None,
        **options,
    )
    return question, library


@dataclass(frozen=True)
class BoundQuery:
    """A question resolved: what it counts, what the store vouches for, and up to when."""

    store: Store
    library: Library
    selection: Selection
    coverage: Coverage
    data_as_of: datetime
    query: Query
    progress: Progress

    @property
    def reference_time(self) -> datetime:
        """The moment of which numbers speak: that of the data, or when the last list of a venue was made."""
        if self.store.corpus == ARXIV:
            return self.data_as_of
        return max(answer.answered_at for answer in self.store.manifest.ledger)

    def period_status(self, period: Period, category: str = "") -> PeriodStatus:
        """The status of a period for the scope, or for one category of it."""
        return self.coverage.status(period, [category] if category else self.selection.scope.categories)

    def count_submissions(self, counted_periods: Sequence[Period]) -> PeriodCounts:
        """Counts and bases of the selection in some periods."""
        return count_submissions(self.store, self.library, self.selection, counted_periods, self.progress)

    def count_breakdown(self, counted_periods: Sequence[Period], by: str) -> Mapping[str, PeriodCounts]:
        """The same for each part of the selection; `by` is one of counting.PARTS."""
        return count_breakdown(self.store, self.library, self.selection, counted_periods, self.progress, by)

    def with_selection(self, **changes: Any) -> BoundQuery:
        """The same question with other fields of its selection."""
        return replace(self, selection=replace(self.selection, **changes))

    def topic_label(self, topic: str) -> str:
        """A topic as people read it, with those that must match as well."""
        return " and ".join(self.library.get_topic(name).name for name in (topic, *self.selection.both))


def bind(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> BoundQuery:
    """What a question means against this store; `default` is the scope where the store holds more than that.

    NoCoverage where no category of the scope was ever asked for.
    """
    if store.corpus != ARXIV:
        _check_yearly_query(store.corpus, query)
        if query.match == "title" and "title" not in store.text_fields:
            raise UsageError("By title alone nothing matches where titles are not read: leave out --match or --fields.")
    coverage = store.build_coverage(query.as_of) if store.corpus == ARXIV else venues.build_venue_coverage(store)
    covered = _covered_scope if store.corpus == ARXIV else venues.covered_scope
    scope = query.scope or covered(coverage, default_scope)
    known = [name for name in scope.categories if coverage.data_as_of([name])]
    data_as_of = coverage.data_as_of(known)
    if data_as_of is None and query.as_of and has_any_coverage(store, scope):
        raise CoverageMissing(
            f"Nothing of {scope.name} was submitted and covered by the end of {query.as_of - timedelta(days=1)}; "
            "take a later --as-of."
        )
    if data_as_of is None and store.corpus != ARXIV:
        raise CoverageMissing(venues.explain_uncovered_scope(store, scope))
    if data_as_of is None:
        held = sorted(coverage.requested_categories() - {ALL_CATEGORIES})
        raise CoverageMissing(
            f"The store covers nothing of {scope.name}. "
            + (f"It covers {' '.join(held)}; ask for one with -c, or " if held else "Run ")
            + f"`trend fetch {' '.join('-c ' + name for name in scope.categories[:3])} --since 2024-01`"
            + (" to add what is missing." if held else " or `trend import FILE`.")
        )
    selection = Selection(
        scope, query.topics, query.window, query.match, query.primary_only, query.author, query.id,
        query.as_of, query.both, query.within, store.corpus,
    )  # fmt: skip
    return BoundQuery(store, library, selection, coverage, data_as_of, query, progress)


def _check_yearly_query(venue: str, query: Query) -> None:
    """UsageError where days are asked for of a conference, whose submissions are those of a year."""
    units = {query.by, query.period.unit if query.period else None}
    last = query.last[1] if query.last else "year"
    edges = [day for day in query.window if day]
    if not units <= {None, "year", "window"} or last != "year" or any((day.month, day.day) != (1, 1) for day in edges):
        raise UsageError(
            f"The submissions to {venue} are known by year alone: name years, such as --period 2021 --vs 2020."
        )
    if query.as_of or query.across or query.sensitivity:
        raise UsageError(f"{venue} has neither days nor categories: leave out --as-of, --across and --sensitivity.")


def has_any_coverage(store: Store, scope: Scope) -> bool:
    """Whether anything of a scope is covered, whenever it was."""
    return any(store.build_coverage().data_as_of([name]) for name in scope.categories)


def _covered_scope(coverage: Coverage, default: Scope) -> Scope:
    covered = coverage.requested_categories()
    if not covered or ALL_CATEGORIES in covered or covered >= set(default.categories):
        return default
    return Scope(" ".join(sorted(covered)), tuple(sorted(covered)))


def query_window(bound: BoundQuery, unit: str) -> tuple[date, date]:
    """The days a question is about: as said, or all that is covered. UsageError where reversed or said twice."""
    question = bound.query
    said = [question.period, question.window.since or question.window.until, question.last]
    if sum(item is not None for item in said) > 1:
        raise UsageError("Say the window once: --period, or --since and --until, or --last.")
    since, until = question.window
    if since and until and since >= until:
        raise UsageError(f"The window is reversed: --since {since} does not lie before --until {until}.")
    if question.period:
        return question.period.start, question.period.end
    if question.last:
        number, of = question.last
        end = periods.period_start(bound.data_as_of.date(), of)
        start = end
        for _ in range(number):
            start = periods.previous_period(periods.period_containing(start, of)).start
        return start, end
    first = bound.coverage.first_covered_day(bound.selection.scope.categories) or bound.data_as_of.date()
    last = periods.period_containing(bound.data_as_of.date() - timedelta(days=1), unit).end
    return since or first, until or max(last, periods.period_containing(since or first, unit).end)


def comparison_periods(bound: BoundQuery) -> tuple[Period, Period]:
    """The period a comparison is about, and the earlier one it is compared with."""
    question = bound.query
    said = question.period or question.last or question.window.since or question.window.until
    unit = question.by or (question.period.unit if question.period else "year")
    if question.period and question.period.unit not in (unit, "window"):
        named = question.period
        raise UsageError(
            f"--by {unit} asks for a {unit}, and --period {named.label} is a {named.unit}: leave out --by, or name a "
            f"{unit} with --period."
        )
    if said:
        since, until = query_window(bound, unit)
        later = question.period or periods.period_from_dates(since, until)
    else:
        later = last_complete_period(bound, unit)
    vs = question.vs or ("previous" if later.unit in ("year", "window") else "year-ago")
    if vs == "previous":
        return later, periods.previous_period(later)
    if vs == "year-ago":
        twin = periods.period_year_ago(later)
        if twin is None:
            raise UsageError(f"{later.label} has no twin a year earlier; name a period with --vs.")
        return later, twin
    earlier = periods.parse_period_label(vs)
    if earlier.unit != later.unit:
        raise UsageError(
            f"{earlier.label} is a {earlier.unit} and {later.label} a {later.unit}; compare like with like."
        )
    if earlier.end > later.start:
        raise UsageError(f"--vs {earlier.label} does not lie before {later.label}.")
    return later, earlier


def last_complete_period(bound: BoundQuery, unit: str) -> Period:
    """The last period that has ended and has no hole; of unknown coverage only where it has submissions at all."""
    first = bound.coverage.first_covered_day(bound.selection.scope.categories) or bound.data_as_of.date()
    candidates = [
        item
        for item in reversed(periods.list_periods(first, bound.data_as_of.date(), unit))
        if item.end <= bound.data_as_of.date()
    ]
    statuses = {item: bound.period_status(item).status for item in candidates}
    for item in candidates:
        if statuses[item] in ("complete", "provisional") or (
            statuses[item] == "unknown" and bound.store.list_files(item.start, item.end)
        ):
            return item
    never = [name for name in bound.selection.scope.categories if not bound.coverage.category_spans(name)]
    raise CoverageMissing(
        f"No {unit} is covered from its start to its end for {bound.selection.scope.name}"
        + (f" (never asked for: {' '.join(never)}). " if never else ". ")
        + (
            "Name a period with --period, take a shorter one with --by month and a topic, or see `trend status`."
            if bound.store.corpus == ARXIV
            else f"Name a year with --period, or import or fetch the list again that lacks what is asked for: see "
            f"`trend status --corpus {bound.store.corpus}`."
        )
    )


def query_to_json(bound: BoundQuery) -> dict[str, Any]:
    """The selection and options, resolved, as JSON can hold them."""
    selection, question = bound.selection, bound.query
    return {
        "topics": list(selection.topics),
        **({} if selection.corpus == ARXIV else {"fields": list(bound.store.text_fields)}),
        "scope": selection.scope.name,
        "categories": list(selection.scope.categories),
        "primary_only": selection.primary_only,
        "match": selection.match,
        "by": question.by,
        "period": question.period.label if question.period else None,
        "vs": question.vs,
        "since": str(question.window.since) if question.window.since else None,
        "until": str(question.window.until) if question.window.until else None,
        "last": f"{question.last[0]}{question.last[1][0]}" if question.last else None,
        "author": selection.author,
        "id": selection.id,
        "as_of": str(question.as_of - timedelta(days=1)) if question.as_of else None,
        "both": list(question.both),
        "within": selection.within,
        "across": "category" if question.across else None,
        "rolling": question.rolling,
        "index": question.index.label if question.index else None,
        "sensitivity": question.sensitivity,
        "sort": question.sort,
        "reverse": question.reverse,
        "limit": question.limit,
        "min_count": question.min_count,
        "include_partial": question.include_partial,
    }
