"""What to request next: from the coverage of a store to the requests that are still open.

A fetch without a window resumes where each category ends, with an overlap for late submissions and revisions; one with
a window requests what is not yet covered of it. What was answered today is not requested again, as arXiv wishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from trendcli.core.arxiv import CATEGORIES, archive_of
from trendcli.core.errors import UsageError
from trendcli.core.types import Request, Window
from trendcli.store.coverage import ALL_CATEGORIES, Coverage

# overlap by day of submission (API): moderation takes up to two weeks, most revisions come within four
SUBMISSION_LAG = timedelta(days=30)
# overlap by day of change (OAI-PMH): announcements come late and with gaps
CHANGE_LAG = timedelta(days=7)

# the oldest change that OAI-PMH knows; requesting an older one is an error
FIRST_DATESTAMP = date(2005, 9, 16)

DaySpan = tuple[date, date]


def covered_categories(coverage: Coverage) -> tuple[str, ...]:
    """Return the categories with which a fetch without any resumes; ALL_CATEGORIES where the store ends with all."""
    named = {name for record in coverage.records for name in record.categories}
    if ALL_CATEGORIES in named:
        spans = coverage.category_spans(ALL_CATEGORIES)
        if spans and spans[-1].status in ("complete", "provisional"):
            return (ALL_CATEGORIES,)
    return tuple(sorted(named - {ALL_CATEGORIES}))


def plan_window_requests(coverage: Coverage, categories: Sequence[str], window: Window, today: date) -> list[Request]:
    """Plan requests by day of submission, the oldest first; categories with the same gap share one.

    Where `window` has no beginning, categories that were never requested are left out (see `unrequested_categories`).
    """
    gaps: dict[DaySpan, list[str]] = {}
    until = min(window.until or today + timedelta(days=1), today + timedelta(days=1))
    for category in categories:
        reached = _reached_day(coverage, category)
        spans = coverage.category_spans(category)
        holes = [(span.since, span.until) for span in spans if span.status in ("partial", "failed")]
        if window.since is not None:
            complete = [(span.since, span.until) for span in spans if span.status == "complete"]
            open_spans = _subtract_spans([(window.since, until)], complete)
        elif not spans:
            continue
        else:
            # where only failures are known, from the first of them on
            tail = (min(reached, today) - SUBMISSION_LAG if reached else spans[0].since, until)
            open_spans = [*[(low, min(high, tail[0])) for low, high in holes if low < tail[0]], tail]
        completed_today = _subtract_spans(_spans_completed_today(coverage, category, today), holes)
        for gap in _subtract_spans(open_spans, completed_today):
            gaps.setdefault(gap, []).append(category)
    return [Request(tuple(names), Window(*gap)) for gap, names in sorted(gaps.items())]


def plan_change_requests(coverage: Coverage, categories: Sequence[str], window: Window, today: date) -> list[Request]:
    """Plan requests by day of change: one a category, or one an archive where all of its categories are asked alike.

    What was submitted since a day has changed since that day, so a gap is filled from its beginning on.
    """
    categories_by_request: dict[Request, list[str]] = {}
    for category in categories:
        reached = _reached_day(coverage, category, complete_only=True)
        since = window.since
        if since is not None and reached is not None:
            covered = [
                (span.since, span.until)
                for span in coverage.category_spans(category)
                if span.status in ("complete", "provisional")
            ]
            missing = _subtract_spans([(since, min(reached, today))], covered)
            since, reached = (missing[0][0], None) if missing else (since, reached if since < reached else None)
        changed_since = max(since or FIRST_DATESTAMP, FIRST_DATESTAMP)
        if reached is not None:
            changed_since = min(reached, today) - CHANGE_LAG
            since = coverage.complete_since(category, changed_since)
        if not _is_harvested_today(coverage, category, changed_since, today):
            request = Request((), Window(since, None), changed_since)
            categories_by_request.setdefault(request, []).append(category)
    return [
        _resume_request(coverage, request._replace(categories=names))
        for request, ungrouped in categories_by_request.items()
        for names in _group_by_archive(ungrouped)
    ]


def plan_repeated_requests(categories: Sequence[str], window: Window, today: date, *, by_change: bool) -> list[Request]:
    """Plan requests for a window as if nothing of it were covered; `by_change` is as for `plan_change_requests`."""
    if window.since is None:
        raise UsageError("--again needs a start: give --since, and --until unless the days to repeat end today.")
    if by_change:
        request = Request((), Window(window.since, None), max(window.since, FIRST_DATESTAMP))
        return [request._replace(categories=names) for names in _group_by_archive(categories)]
    until = min(window.until or today + timedelta(days=1), today + timedelta(days=1))
    return [Request(tuple(categories), Window(window.since, until))]


def unrequested_categories(coverage: Coverage, categories: Sequence[str]) -> list[str]:
    """Return the categories that were never requested, so that there is nothing to resume."""
    return [category for category in categories if not coverage.category_spans(category)]


def _reached_day(coverage: Coverage, category: str, *, complete_only: bool = False) -> date | None:
    as_of = coverage.data_as_of([category], complete_only=complete_only)
    return as_of.date() if as_of else None


def _spans_completed_today(coverage: Coverage, category: str, today: date) -> list[DaySpan]:
    """Return the spans of days of which a complete reply came today."""
    return [
        (record.since, record.until)
        for record in coverage.records
        if category in record.categories and record.status == "complete" and _is_on_day(record.answered_at, today)
    ]


def _is_harvested_today(coverage: Coverage, category: str, changed_since: date, today: date) -> bool:
    return any(
        record.changed is not None
        and record.changed[0] <= changed_since
        and category in record.categories
        and record.status == "complete"
        and _is_on_day(record.answered_at, today)
        for record in coverage.records
    )


def _resume_request(coverage: Coverage, request: Request) -> Request:
    """Return a request with the day from which to resume, where an earlier harvest of it failed or missed records.

    What is still missing before that day shows in the list of identifiers, which is compared from its beginning.
    """
    for record in coverage.records:
        if (
            record.changed
            and record.changed[0] == request.changed_since
            and record.categories == tuple(sorted(request.categories))
            and record.status in ("failed", "partial")
        ):
            window = Window(request.window.since or record.since, None)
            return request._replace(resume_from=record.changed[1], window=window)
    return request


def _is_on_day(moment: datetime, day: date) -> bool:
    return moment.astimezone(UTC).date() == day


def _group_by_archive(categories: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the categories of complete archives together, and all others one by one."""
    remaining = dict.fromkeys(categories)
    for archive in dict.fromkeys(map(archive_of, categories)):
        members = [name for name in CATEGORIES if archive_of(name) == archive]
        if len(members) > 1 and remaining.keys() >= set(members):
            yield tuple(members)
            for name in members:
                del remaining[name]
    for name in remaining:
        yield (name,)


def _subtract_spans(spans: Iterable[DaySpan], removed: Iterable[DaySpan]) -> list[DaySpan]:
    """Return spans of days without some others, sorted and with adjacent ones joined."""
    remaining = sorted(spans)
    for low, high in removed:
        remaining = [
            part
            for since, until in remaining
            for part in ((since, min(until, low)), (max(since, high), until))
            if part[0] < part[1]
        ]
    return merge_spans(remaining)


def merge_spans(spans: Iterable[DaySpan]) -> list[DaySpan]:
    """Return spans of days in order, with adjacent and overlapping ones joined."""
    merged: list[DaySpan] = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged
