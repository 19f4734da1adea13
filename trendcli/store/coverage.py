"""What the store can vouch for: coverage records of sources -> days covered, by category -> the status of a period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from trendcli.core.periods import Period
from trendcli.core.types import CoverageRecord

# arXiv holds submissions back for moderation, up to about two weeks; counts of days requested sooner may still grow
MODERATION_LAG = timedelta(days=14)
# stands for every category in a coverage record
ALL_CATEGORIES = "*"
# the statuses of a period, from the one that vouches for most
STATUS_ORDER = ("complete", "provisional", "unknown", "partial")
# the same of days: every request for them failed, or they were never requested
_SEVERITY = {status: rank for rank, status in enumerate((*STATUS_ORDER, "failed", "never"))}


@dataclass(frozen=True)
class CoverageSpan:
    """The days [since, until) of one category, which share a `status`: one of STATUS_ORDER, or 'failed'."""

    since: date
    until: date
    status: str


@dataclass(frozen=True)
class PeriodStatus:
    """The status of a period for a scope: one of STATUS_ORDER.

    `has_ended` is whether the period was over by the data. `has_gap` is whether past days inside it are missing, or it
    had not begun, so that a count over it would be too small; `missing_categories` are those with such days.
    """

    status: str
    has_ended: bool
    has_gap: bool
    missing_categories: tuple[str, ...] = ()


class _Reply(NamedTuple):
    """The days [since, until) that one coverage record speaks of, with one status, and when its reply came."""

    since: date
    until: date
    status: str
    answered_at: datetime


class Coverage:
    """The coverage ledger of one corpus, from which the status of days and periods follows.

    `as_of` looks at the ledger as if it were that day. Records that are not `dated` vouch for all of their days,
    whenever they came: the list of a conference, whose submissions belong to a year and not to days.
    """

    def __init__(self, records: Iterable[CoverageRecord], as_of: date | None = None, *, dated: bool = True) -> None:
        self.cutoff = _day_start(as_of) if as_of else None
        if not dated:
            records = _iter_settled_records(records)
        self.records = [record for record in records if self.cutoff is None or _day_start(record.since) < self.cutoff]
        self._spans_by_records: dict[tuple[int, ...], list[CoverageSpan]] = {}
        self._status_by_period: dict[tuple[Period, tuple[str, ...]], PeriodStatus] = {}

    def requested_categories(self) -> set[str]:
        """Return the categories that were requested by name; ALL_CATEGORIES among them if a source vouched for all."""
        return {name for record in self.records if record.status != "unknown" for name in record.categories}

    def category_spans(self, category: str) -> list[CoverageSpan]:
        """Return what is known of one category: spans in order, without overlap; other days were never requested."""
        numbers = tuple(number for number, record in enumerate(self.records) if _concerns_category(record, category))
        if numbers not in self._spans_by_records:  # categories that were always requested together share their spans
            self._spans_by_records[numbers] = self._merge_spans([self.records[number] for number in numbers])
        return self._spans_by_records[numbers]

    def _merge_spans(self, records: Sequence[CoverageRecord]) -> list[CoverageSpan]:
        replies: list[_Reply] = []
        for record in records:
            answered_at = min(record.answered_at, self.cutoff) if self.cutoff else record.answered_at
            until = min(record.until, answered_at.date())  # a day is over at the midnight that ends it
            if record.status != "complete":
                replies.append(_Reply(record.since, until, record.status, answered_at))
                continue
            settled_until = min(until, (answered_at - MODERATION_LAG).date())
            replies.append(_Reply(record.since, settled_until, "complete", answered_at))
            replies.append(_Reply(max(record.since, settled_until), until, "provisional", answered_at))
        replies = sorted((reply for reply in replies if reply.since < reply.until), key=lambda reply: reply.since)
        edges = sorted({edge for reply in replies for edge in (reply.since, reply.until)})
        spans: list[CoverageSpan] = []
        active: list[_Reply] = []
        next_reply = 0
        for since, until in zip(edges, edges[1:], strict=False):
            while next_reply < len(replies) and replies[next_reply].since <= since:
                active.append(replies[next_reply])
                next_reply += 1
            active = [reply for reply in active if reply.until >= until]
            status = _decide_status(active)
            if status is None:
                continue
            if spans and spans[-1].until == since and spans[-1].status == status:
                spans[-1] = CoverageSpan(spans[-1].since, until, status)
            else:
                spans.append(CoverageSpan(since, until, status))
        return spans

    def complete_since(self, category: str, day: date) -> date:
        """Return the first day from which every day up to `day` has a complete record that came on `day` or later.

        A source that then reports what has changed since `day` vouches for all of those days anew.
        """
        windows = [
            (record.since, record.until)
            for record in self.records
            if _concerns_category(record, category)
            and record.status == "complete"
            and record.answered_at >= _day_start(day)
        ]
        first_day = day
        while earlier := [since for since, until in windows if since < first_day <= until]:
            first_day = min(earlier)
        return first_day

    def data_as_of(self, categories: Sequence[str], *, complete_only: bool = False) -> datetime | None:
        """Return the latest moment up to which all the categories are covered; None if one of them never was.

        Files of unknown coverage count like any reply. `complete_only` ignores partial replies.
        """
        ignored = ("failed", "partial") if complete_only else ("failed",)
        latest_moments = []
        for category in categories:
            moments = [
                min(_day_start(record.until), record.answered_at, *([self.cutoff] if self.cutoff else []))
                for record in self.records
                if _concerns_category(record, category) and record.status not in ignored
            ]
            if not moments:
                return None
            latest_moments.append(max(moments))
        return min(latest_moments, default=None)

    def first_covered_day(self, categories: Sequence[str]) -> date | None:
        """Return the first day that is covered for any of the categories; None if none is."""
        return min((spans[0].since for spans in map(self.category_spans, categories) if spans), default=None)

    def status(self, period: Period, categories: Sequence[str]) -> PeriodStatus:
        """Return the status of a period for a scope: the worst of its categories and days."""
        key = (period, tuple(categories))
        if key not in self._status_by_period:  # a series asks for the same months again and again
            self._status_by_period[key] = self._compute_status(period, categories)
        return self._status_by_period[key]

    def _compute_status(self, period: Period, categories: Sequence[str]) -> PeriodStatus:
        as_of = self.data_as_of(categories)
        has_ended = as_of is not None and _day_start(period.end) <= as_of
        past_end = period.end if has_ended or as_of is None else min(period.end, as_of.date())
        past_end = max(past_end, period.start + timedelta(days=1))  # one that has not begun is a gap, not a zero
        worst, missing_categories = "complete", []
        for category in categories:
            status = self.worst_status(category, period.start, past_end)
            if _SEVERITY[status] >= _SEVERITY["partial"]:
                missing_categories.append(category)
            worst = max(worst, status, key=_SEVERITY.__getitem__)
        has_gap = bool(missing_categories)
        status = "partial" if has_gap or not has_ended else worst
        return PeriodStatus(status, has_ended, has_gap, tuple(missing_categories))

    def worst_status(self, category: str, since: date, until: date) -> str:
        """Return the worst status of the days [since, until): that of a CoverageSpan, or 'never' requested."""
        worst, reached = "complete", since
        for span in self.category_spans(category):
            if span.until <= since or span.since >= until:
                continue
            if span.since > reached:
                return "never"
            worst = max(worst, span.status, key=_SEVERITY.__getitem__)
            reached = span.until
        return "never" if reached < until else worst


def _concerns_category(record: CoverageRecord, category: str) -> bool:
    return category in record.categories or ALL_CATEGORIES in record.categories


def _decide_status(replies: Sequence[_Reply]) -> str | None:
    """Return the status of days that several replies speak of: the latest that brought anything decides.

    A file of unknown coverage never overrides a reply that states what it covers; a complete reply that has settled is
    not unsettled by a later complete one.
    """
    stated = [reply for reply in replies if reply.status not in ("failed", "unknown")]
    if not stated:
        return min((reply.status for reply in replies), key=_SEVERITY.__getitem__, default=None)
    # of those of one second, the one that was stored last
    latest = max(reversed(stated), key=lambda reply: reply.answered_at)
    if latest.status == "partial":
        return "partial"
    return min((reply.status for reply in stated if reply.status != "partial"), key=_SEVERITY.__getitem__)


def _iter_settled_records(records: Iterable[CoverageRecord]) -> Iterator[CoverageRecord]:
    """Yield the records as if each had come long after its days, in the order in which they came."""
    last = datetime.min.replace(tzinfo=UTC)
    for record in records:
        last = max(record.answered_at, _day_start(record.until) + MODERATION_LAG, last + timedelta(seconds=1))
        yield replace(record, answered_at=last)


def _day_start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
