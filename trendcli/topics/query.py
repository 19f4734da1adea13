"""Queries: the options of a command as a Query, and the same bound to a store: its counts, coverage and periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from trendcli.core.arxiv import normalize_arxiv_id
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.periods import (
    Period,
    list_periods,
    parse_period,
    parse_period_count,
    parse_period_label,
    period_containing,
    period_from_dates,
    period_start,
    period_year_ago,
    previous_period,
)
from trendcli.core.types import MATCH_MODES, Progress, Scope, Selection, Window, ignore_progress
from trendcli.store.corpus import build_venue_coverage, covered_scope, explain_uncovered_scope
from trendcli.store.coverage import ALL_CATEGORIES, Coverage, PeriodStatus
from trendcli.store.manifest import ARXIV
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts, count_breakdown, count_submissions
from trendcli.topics.library import Library, extend_library, topic_from_keyword, topic_from_phrase


@dataclass(frozen=True)
class Query:
    """What a user asked for; None, () and the defaults leave the choice to `bind` and the report.

    `vs` is a period label, 'previous' or 'year-ago'; `last` is (number, unit) of periods counted back from the data;
    `as_of` is the first day that is not counted; `both` and `within` are those of a Selection; `across` splits rows by
    category; `rolling` is the number of periods in a rolling sum; `index` is the period whose share is set to 100.
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
    """Parse the options of a command into a Query, and return it with the library that its topics are in.

    The arguments have the values that a user types: names, dates, and spans such as '24m'.

    - `topics` are names in the library, `queries` phrases and `keywords` whole keywords of a venue; each of the latter
      two becomes an ad-hoc topic, which the returned library holds besides those of `library`.
    - The topics of the query are all of these and those of `pack`, in this order and each once. Where there are none
      and `children` is true, they are the children of `within`.
    - `period`, `as_of` and `index` are periods; `since` and `until` stand for the first day of a period, `until`
      exclusive. `last` is a number and a unit.
    - `id` is an arXiv identifier, in any spelling, where `corpus` is arXiv, else one of the venue.
    - `across` is None or 'category'; `match` is one of MATCH_MODES.
    - `options` are the remaining fields of Query (`scope`, `by`, `vs`, `sort`, …), passed on as they are.

    Raise UsageError for an unknown topic, pack or mode, an invalid date, span or identifier, a `within` without
    children, and `both` without a topic.
    """
    ad_hoc_topics = [topic_from_phrase(phrase) for phrase in queries]
    ad_hoc_topics += [topic_from_keyword(keyword) for keyword in keywords]
    library = extend_library(library, ad_hoc_topics)
    names = [library.get_topic(name).id for name in topics] + [topic.id for topic in ad_hoc_topics]
    names += library.get_pack(pack) if pack else ()
    parent = library.get_topic(within).id if within else None
    if parent and children and not names:
        names = [topic.id for topic in library.topics.values() if parent in topic.parents]
        if not names:
            raise UsageError(f"{parent} has no child topics; name topics with -t.")
    if both and not names:
        raise UsageError("--and needs a topic to combine with; name one with -t.")
    if across not in (None, "category"):
        raise UsageError(f"--across accepts only 'category', not {across!r}.")
    if match not in MATCH_MODES:
        raise UsageError(f"No match mode {match!r}. Known: {', '.join(MATCH_MODES)}.")
    try:
        submission_id = normalize_arxiv_id(id)[0] if id and corpus == ARXIV else id
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    query = Query(
        topics=tuple(dict.fromkeys(names)),
        period=parse_period(period) if period else None,
        window=Window(*(parse_period(day).start if day else None for day in (since, until))),
        last=parse_period_count(last) if last else None,
        id=submission_id,
        as_of=parse_period(as_of).end if as_of else None,
        match=match,
        both=tuple(dict.fromkeys(library.get_topic(name).id for name in both)),
        within=parent,
        across=across is not None,
        index=parse_period(index) if index else None,
        **options,
    )
    return query, library


@dataclass(frozen=True)
class BoundQuery:
    """A query bound to a store: what it counts, what the store covers, and up to which moment.

    `data_as_of` is the latest moment up to which the data of every covered category of the scope reach.
    """

    store: Store
    library: Library
    selection: Selection
    coverage: Coverage
    data_as_of: datetime
    query: Query
    progress: Progress

    @property
    def reference_time(self) -> datetime:
        """The moment that the numbers refer to: that of the data, or of a venue that of its latest list."""
        if self.store.corpus == ARXIV:
            return self.data_as_of
        return max(record.answered_at for record in self.store.manifest.ledger)

    def period_status(self, period: Period, category: str = "") -> PeriodStatus:
        """Return the status of a period for the scope, or for one category of it."""
        return self.coverage.status(period, [category] if category else self.selection.scope.categories)

    def count_submissions(self, counted_periods: Sequence[Period]) -> PeriodCounts:
        """Count the topics of the selection, and the total, in some periods."""
        return count_submissions(self.store, self.library, self.selection, counted_periods, self.progress)

    def count_breakdown(self, counted_periods: Sequence[Period], by: str) -> Mapping[str, PeriodCounts]:
        """Count them for each part of the selection; `by` is a key of BREAKDOWNS."""
        return count_breakdown(self.store, self.library, self.selection, counted_periods, self.progress, by)

    def with_selection(self, **changes: Any) -> BoundQuery:
        """Return the query with other values in some fields of its selection."""
        return replace(self, selection=replace(self.selection, **changes))

    def topic_label(self, topic: str) -> str:
        """Return the name of a topic for display, joined with those that must match as well."""
        return " and ".join(self.library.get_topic(name).name for name in (topic, *self.selection.both))


def bind(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> BoundQuery:
    """Bind a query to a store: choose its scope and find out up to which moment the data reach.

    Without a scope in the query it is `default_scope`, narrowed to what the store covers. Raise CoverageMissing where
    no category of the scope is covered, UsageError where the options do not fit a venue.
    """
    if store.corpus != ARXIV:
        _check_yearly_query(store.corpus, query)
        if query.match == "title" and "title" not in store.text_fields:
            raise UsageError("--match title matches nothing when --fields leaves out titles; drop one of them.")
    coverage = store.build_coverage(query.as_of) if store.corpus == ARXIV else build_venue_coverage(store)
    narrow_scope = _covered_scope if store.corpus == ARXIV else covered_scope
    scope = query.scope or narrow_scope(coverage, default_scope)
    covered_categories = [name for name in scope.categories if coverage.data_as_of([name])]
    data_as_of = coverage.data_as_of(covered_categories)
    if data_as_of is None and query.as_of and has_any_coverage(store, scope):
        raise CoverageMissing(
            f"No submissions in {scope.name} are covered by the end of {query.as_of - timedelta(days=1)}; "
            "use a later --as-of."
        )
    if data_as_of is None and store.corpus != ARXIV:
        raise CoverageMissing(explain_uncovered_scope(store, scope))
    if data_as_of is None:
        stored_categories = sorted(coverage.requested_categories() - {ALL_CATEGORIES})
        fetch = f"`trend fetch {' '.join('-c ' + name for name in scope.categories[:3])} --since 2024-01`"
        raise CoverageMissing(
            f"The store does not cover {scope.name}. "
            + (
                f"It covers {' '.join(stored_categories)}: choose one with -c, or run {fetch} to add what is missing."
                if stored_categories
                else f"Run {fetch} or `trend import FILE`."
            )
        )
    selection = Selection(
        scope, query.topics, query.window, query.match, query.primary_only, query.author, query.id,
        query.as_of, query.both, query.within, store.corpus,
    )  # fmt: skip
    return BoundQuery(store, library, selection, coverage, data_as_of, query, progress)


def _check_yearly_query(venue: str, query: Query) -> None:
    """Raise UsageError for an option that needs days or categories: submissions to a venue have only a year."""
    units = {query.by, query.period.unit if query.period else None}
    last = query.last[1] if query.last else "year"
    window_days = [day for day in query.window if day]
    is_yearly = units <= {None, "year", "window"} and last == "year"
    if not is_yearly or any((day.month, day.day) != (1, 1) for day in window_days):
        raise UsageError(f"Submissions to {venue} are dated by year only; use years, such as --period 2021 --vs 2020.")
    if query.as_of or query.across or query.sensitivity:
        raise UsageError(f"{venue} has neither days nor categories; drop --as-of, --across and --sensitivity.")


def has_any_coverage(store: Store, scope: Scope) -> bool:
    """Return whether any category of a scope is covered at any time."""
    return any(store.build_coverage().data_as_of([name]) for name in scope.categories)


def _covered_scope(coverage: Coverage, default: Scope) -> Scope:
    """Return the default scope, or all categories that were fetched where these do not include it."""
    fetched = coverage.requested_categories()
    if not fetched or ALL_CATEGORIES in fetched or fetched >= set(default.categories):
        return default
    return Scope(" ".join(sorted(fetched)), tuple(sorted(fetched)))


def query_window(bound: BoundQuery, unit: str) -> tuple[date, date]:
    """Return the days [since, until) of a query: its period or window, or all that is covered, in whole `unit`s.

    Raise UsageError where the window is given twice or reversed.
    """
    query = bound.query
    windows = [query.period, query.window.since or query.window.until, query.last]
    if sum(window is not None for window in windows) > 1:
        raise UsageError("Give one time window: --period, --since/--until or --last.")
    since, until = query.window
    if since and until and since >= until:
        raise UsageError(f"The window is reversed: --since {since} is not before --until {until}.")
    if query.period:
        return query.period.start, query.period.end
    if query.last:
        count, last_unit = query.last
        end = period_start(bound.data_as_of.date(), last_unit)
        start = end
        for _ in range(count):
            start = previous_period(period_containing(start, last_unit)).start
        return start, end
    first_day = bound.coverage.first_covered_day(bound.selection.scope.categories) or bound.data_as_of.date()
    last_end = period_containing(bound.data_as_of.date() - timedelta(days=1), unit).end
    return since or first_day, until or max(last_end, period_containing(since or first_day, unit).end)


def comparison_periods(bound: BoundQuery) -> tuple[Period, Period]:
    """Return the period that a comparison is about, and the earlier one that it is compared with.

    Without a window the first is the last complete period; without `vs` the second is the previous year or window, of
    a shorter period the same one a year earlier. Raise UsageError where the two do not fit together.
    """
    query = bound.query
    has_window = query.period or query.last or query.window.since or query.window.until
    unit = query.by or (query.period.unit if query.period else "year")
    if query.period and query.period.unit not in (unit, "window"):
        raise UsageError(
            f"--by {unit} does not fit --period {query.period.label}, which is a {query.period.unit}; drop --by, or "
            f"give a {unit} with --period."
        )
    if has_window:
        since, until = query_window(bound, unit)
        later = query.period or period_from_dates(since, until)
    else:
        later = last_complete_period(bound, unit)
    vs = query.vs or ("previous" if later.unit in ("year", "window") else "year-ago")
    if vs == "previous":
        return later, previous_period(later)
    if vs == "year-ago":
        year_earlier = period_year_ago(later)
        if year_earlier is None:
            raise UsageError(f"{later.label} has no counterpart a year earlier; choose a period with --vs.")
        return later, year_earlier
    earlier = parse_period_label(vs)
    if earlier.unit != later.unit:
        raise UsageError(
            f"{earlier.label} is a {earlier.unit} and {later.label} a {later.unit}; compare periods of the same unit."
        )
    if earlier.end > later.start:
        raise UsageError(f"--vs {earlier.label} is not before {later.label}.")
    return later, earlier


def last_complete_period(bound: BoundQuery, unit: str) -> Period:
    """Return the last period of `unit` that has ended and has no gap.

    One of unknown coverage counts where it has submissions. Raise CoverageMissing where there is none.
    """
    categories = bound.selection.scope.categories
    last_day = bound.data_as_of.date()
    first_day = bound.coverage.first_covered_day(categories) or last_day
    candidates = [period for period in reversed(list_periods(first_day, last_day, unit)) if period.end <= last_day]
    for period in candidates:
        status = bound.period_status(period).status
        if status in ("complete", "provisional"):
            return period
        if status == "unknown" and bound.store.list_files(period.start, period.end):
            return period
    unfetched = [name for name in categories if not bound.coverage.category_spans(name)]
    gap = f"No {unit} is completely covered for {bound.selection.scope.name}"
    if bound.store.corpus != ARXIV:
        raise CoverageMissing(
            f"{gap}. Choose a year with --period, or import or fetch the incomplete list again; see "
            f"`trend status --corpus {bound.store.corpus}`."
        )
    if unfetched:
        flags, fetched = (
            " ".join(f"-c {name}" for name in names)
            for names in (unfetched, [name for name in categories if name not in unfetched])
        )
        raise CoverageMissing(
            f"{gap}: {' '.join(unfetched)} {'was' if len(unfetched) == 1 else 'were'} never fetched. Fetch with "
            f"`trend fetch {flags} --since {first_day.year}`, or report on the rest with {fetched}."
        )
    raise CoverageMissing(
        f"{gap}. Choose a period with --period, or a shorter unit with --by month and a topic; see `trend status`."
    )


def query_to_json(bound: BoundQuery) -> dict[str, Any]:
    """Return the selection and options of a query as a JSON object, for a report and for `trend verify`."""
    selection, query = bound.selection, bound.query
    return {
        "topics": list(selection.topics),
        **({} if selection.corpus == ARXIV else {"fields": list(bound.store.text_fields)}),
        "scope": selection.scope.name,
        "categories": list(selection.scope.categories),
        "primary_only": selection.primary_only,
        "match": selection.match,
        "by": query.by,
        "period": query.period.label if query.period else None,
        "vs": query.vs,
        "since": str(query.window.since) if query.window.since else None,
        "until": str(query.window.until) if query.window.until else None,
        "last": f"{query.last[0]}{query.last[1][0]}" if query.last else None,
        "author": selection.author,
        "id": selection.id,
        "as_of": str(query.as_of - timedelta(days=1)) if query.as_of else None,
        "both": list(query.both),
        "within": selection.within,
        "across": "category" if query.across else None,
        "rolling": query.rolling,
        "index": query.index.label if query.index else None,
        "sensitivity": query.sensitivity,
        "sort": query.sort,
        "reverse": query.reverse,
        "limit": query.limit,
        "min_count": query.min_count,
        "include_partial": query.include_partial,
    }
