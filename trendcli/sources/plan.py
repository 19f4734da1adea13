"""What to ask a source for next: from what the store can vouch for to the questions that are open.

A fetch without a window goes on where each category ends, with an overlap for what comes late and is revised; one with
a window asks for what is not yet covered of it. What was answered today is not asked again, as arXiv wishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from trendcli.core.arxiv import CATEGORIES, archive_of
from trendcli.core.types import Request, Window
from trendcli.store.coverage import ALL_CATEGORIES, Coverage

# days of submission that the API is asked for anew: moderation takes up to two weeks, most revisions come within four
SUBMISSION_LAG = timedelta(days=30)
# days of change that OAI-PMH is asked for anew, since announcements come late and with holes
CHANGE_LAG = timedelta(days=7)

# OAI-PMH knows no older change, and asking for one is an error
FIRST_DATESTAMP = date(2005, 9, 16)

DaySpan = tuple[date, date]


def covered_categories(coverage: Coverage) -> tuple[str, ...]:
    """The categories that a fetch without any goes on with: all (EVERY) where the store ends with all of them."""
    named = {name for answer in coverage.records for name in answer.categories}
    if ALL_CATEGORIES in named:
        spans = coverage.category_spans(ALL_CATEGORIES)
        if spans and spans[-1].status in ("complete", "provisional"):
            return (ALL_CATEGORIES,)
    return tuple(sorted(named - {ALL_CATEGORIES}))


def plan_window_requests(coverage: Coverage, categories: Sequence[str], window: Window, today: date) -> list[Request]:
    """Questions by the days of first submission, the oldest first; those of categories with the same gaps are one.

    A category that was never covered, where `window` does not say from when, is left out (see `unbegun`).
    """
    gaps: dict[DaySpan, list[str]] = {}
    until = min(window.until or today + timedelta(days=1), today + timedelta(days=1))
    for category in categories:
        reached = _reached_day(coverage, category)
        spans = coverage.category_spans(category)
        holes = [(s.since, s.until) for s in spans if s.status in ("partial", "failed")]
        if window.since is not None:
            wanted = _subtract_spans(
                [(window.since, until)], [(s.since, s.until) for s in spans if s.status == "complete"]
            )
        elif not spans:
            continue
        else:
            # where nothing but failures is known, from the first of them on
            tail = (min(reached, today) - SUBMISSION_LAG if reached else spans[0].since, until)
            wanted = [*[(low, min(high, tail[0])) for low, high in holes if low < tail[0]], tail]
        for gap in _subtract_spans(wanted, _subtract_spans(_spans_completed_today(coverage, category, today), holes)):
            gaps.setdefault(gap, []).append(category)
    return [Request(tuple(names), Window(*gap)) for gap, names in sorted(gaps.items())]


def plan_change_requests(coverage: Coverage, categories: Sequence[str], window: Window, today: date) -> list[Request]:
    """Questions by the days of change, one a category or, where all of its categories are asked alike, an archive.

    What was submitted since a day has changed since that day, so a gap is filled from its beginning on.
    """
    asks: dict[Request, list[str]] = {}
    for category in categories:
        reached = _reached_day(coverage, category, whole=True)
        since = window.since
        if since is not None and reached is not None:
            whole = [
                (s.since, s.until) for s in coverage.category_spans(category) if s.status in ("complete", "provisional")
            ]
            missing = _subtract_spans([(since, min(reached, today))], whole)
            since, reached = (missing[0][0], None) if missing else (since, reached if since < reached else None)
        changed = max(since or FIRST_DATESTAMP, FIRST_DATESTAMP)
        if reached is not None:
            changed = min(reached, today) - CHANGE_LAG
            since = coverage.complete_since(category, changed)
        if not _is_harvested_today(coverage, category, changed, today):
            asks.setdefault(Request((), Window(since, None), changed), []).append(category)
    return [
        _resume_request(coverage, ask._replace(categories=names))
        for ask, listed in asks.items()
        for names in _group_by_archive(listed)
    ]


def unrequested_categories(coverage: Coverage, categories: Sequence[str]) -> list[str]:
    """The categories that were never asked for, so that there is no place to go on from."""
    return [category for category in categories if not coverage.category_spans(category)]


def _reached_day(coverage: Coverage, category: str, *, whole: bool = False) -> date | None:
    moment = coverage.data_as_of([category], complete_only=whole)
    return moment.date() if moment else None


def _spans_completed_today(coverage: Coverage, category: str, today: date) -> list[DaySpan]:
    """The days that were answered whole today."""
    return [
        (answer.since, answer.until)
        for answer in coverage.records
        if category in answer.categories and answer.status == "complete" and _is_on_day(answer.answered_at, today)
    ]


def _is_harvested_today(coverage: Coverage, category: str, changed: date, today: date) -> bool:
    return any(
        answer.changed is not None
        and answer.changed[0] <= changed
        and category in answer.categories
        and answer.status == "complete"
        and _is_on_day(answer.answered_at, today)
        for answer in coverage.records
    )


def _resume_request(coverage: Coverage, request: Request) -> Request:
    """The question from where an earlier harvest of it came to that did not finish, or missed some records.

    The list of identifiers, which is compared from its beginning, shows what is still missing before that.
    """
    for answer in coverage.records:
        same = (
            answer.changed
            and answer.changed[0] == request.changed_since
            and answer.categories == tuple(sorted(request.categories))
        )
        if same and answer.changed and answer.status in ("failed", "partial"):
            return request._replace(
                resume_from=answer.changed[1], window=Window(request.window.since or answer.since, None)
            )
    return request


def _is_on_day(moment: datetime, day: date) -> bool:
    return moment.astimezone(UTC).date() == day


def _group_by_archive(categories: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """The categories one by one, but those of a whole archive together."""
    left = dict.fromkeys(categories)
    for archive in dict.fromkeys(map(archive_of, categories)):
        members = [name for name in CATEGORIES if archive_of(name) == archive]
        if len(members) > 1 and left.keys() >= set(members):
            yield tuple(members)
            for name in members:
                del left[name]
    for name in left:
        yield (name,)


def _subtract_spans(spans: Iterable[DaySpan], removed: Iterable[DaySpan]) -> list[DaySpan]:
    """What is left of spans of days, in order and joined, without some others."""
    left = sorted(spans)
    for low, high in removed:
        left = [
            part
            for since, until in left
            for part in ((since, min(until, low)), (max(since, high), until))
            if part[0] < part[1]
        ]
    joined: list[DaySpan] = []
    for since, until in sorted(left):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined
