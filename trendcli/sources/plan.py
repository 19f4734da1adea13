"""What to ask a source for next: from what the store can vouch for to the questions that are open.

A fetch without a window goes on where each category ends, with an overlap for what comes late and is revised; one with
a window asks for what is not yet covered of it. What was answered today is not asked again, as arXiv wishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from trendcli.core.arxiv import CATEGORIES, archive_of
from trendcli.core.types import Ask, Window
from trendcli.store.coverage import EVERY, Coverage

# days of submission that the API is asked for anew: moderation takes up to two weeks, most revisions come within four
API_OVERLAP = timedelta(days=30)
# days of change that OAI-PMH is asked for anew, since announcements come late and with holes
OAI_OVERLAP = timedelta(days=7)

# OAI-PMH knows no older change, and asking for one is an error
FIRST_DATESTAMP = date(2005, 9, 16)

Span = tuple[date, date]


def covered(coverage: Coverage) -> tuple[str, ...]:
    """The categories that a fetch without any goes on with: all (EVERY) where the store ends with all of them."""
    named = {name for answer in coverage.answers for name in answer.categories}
    if EVERY in named:
        spans = coverage.spans(EVERY)
        if spans and spans[-1].status in ("complete", "provisional"):
            return (EVERY,)
    return tuple(sorted(named - {EVERY}))


def by_window(coverage: Coverage, categories: Sequence[str], window: Window, today: date) -> list[Ask]:
    """Questions by the days of first submission, the oldest first; those of categories with the same gaps are one.

    A category that was never covered, where `window` does not say from when, is left out (see `unbegun`).
    """
    gaps: dict[Span, list[str]] = {}
    until = min(window.until or today + timedelta(days=1), today + timedelta(days=1))
    for category in categories:
        reached = _reached(coverage, category)
        spans = coverage.spans(category)
        holes = [(s.since, s.until) for s in spans if s.status in ("partial", "failed")]
        if window.since is not None:
            wanted = _without([(window.since, until)], [(s.since, s.until) for s in spans if s.status == "complete"])
        elif not spans:
            continue
        else:
            # where nothing but failures is known, from the first of them on
            tail = (min(reached, today) - API_OVERLAP if reached else spans[0].since, until)
            wanted = [*[(low, min(high, tail[0])) for low, high in holes if low < tail[0]], tail]
        for gap in _without(wanted, _without(_answered(coverage, category, today), holes)):
            gaps.setdefault(gap, []).append(category)
    return [Ask(tuple(names), Window(*gap)) for gap, names in sorted(gaps.items())]


def by_change(coverage: Coverage, categories: Sequence[str], window: Window, today: date) -> list[Ask]:
    """Questions by the days of change, one a category or, where all of its categories are asked alike, an archive.

    What was submitted since a day has changed since that day, so a gap is filled from its beginning on.
    """
    asks: dict[Ask, list[str]] = {}
    for category in categories:
        reached = _reached(coverage, category, whole=True)
        since = window.since
        if since is not None and reached is not None:
            whole = [(s.since, s.until) for s in coverage.spans(category) if s.status in ("complete", "provisional")]
            missing = _without([(since, min(reached, today))], whole)
            since, reached = (missing[0][0], None) if missing else (since, reached if since < reached else None)
        changed = max(since or FIRST_DATESTAMP, FIRST_DATESTAMP)
        if reached is not None:
            changed = min(reached, today) - OAI_OVERLAP
            since = coverage.whole_since(category, changed)
        if not _harvested(coverage, category, changed, today):
            asks.setdefault(Ask((), Window(since, None), changed), []).append(category)
    return [
        _continued(coverage, ask._replace(categories=names))
        for ask, listed in asks.items()
        for names in _by_archive(listed)
    ]


def unbegun(coverage: Coverage, categories: Sequence[str]) -> list[str]:
    """The categories that were never asked for, so that there is no place to go on from."""
    return [category for category in categories if not coverage.spans(category)]


def _reached(coverage: Coverage, category: str, *, whole: bool = False) -> date | None:
    moment = coverage.data_as_of([category], whole=whole)
    return moment.date() if moment else None


def _answered(coverage: Coverage, category: str, today: date) -> list[Span]:
    """The days that were answered whole today."""
    return [
        (answer.since, answer.until)
        for answer in coverage.answers
        if category in answer.categories and answer.status == "complete" and _on(answer.answered_at, today)
    ]


def _harvested(coverage: Coverage, category: str, changed: date, today: date) -> bool:
    return any(
        answer.changed is not None
        and answer.changed[0] <= changed
        and category in answer.categories
        and answer.status == "complete"
        and _on(answer.answered_at, today)
        for answer in coverage.answers
    )


def _continued(coverage: Coverage, ask: Ask) -> Ask:
    """The question from where an earlier harvest of it came to that did not finish, or missed some records.

    The list of identifiers, which is compared from its beginning, shows what is still missing before that.
    """
    for answer in coverage.answers:
        same = (
            answer.changed and answer.changed[0] == ask.changed and answer.categories == tuple(sorted(ask.categories))
        )
        if same and answer.changed and answer.status in ("failed", "partial"):
            return ask._replace(reached=answer.changed[1], window=Window(ask.window.since or answer.since, None))
    return ask


def _on(moment: datetime, day: date) -> bool:
    return moment.astimezone(UTC).date() == day


def _by_archive(categories: Sequence[str]) -> Iterable[tuple[str, ...]]:
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


def _without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of spans of days, in order and joined, without some others."""
    left = sorted(spans)
    for low, high in taken:
        left = [
            part
            for since, until in left
            for part in ((since, min(until, low)), (max(since, high), until))
            if part[0] < part[1]
        ]
    joined: list[Span] = []
    for since, until in sorted(left):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined
