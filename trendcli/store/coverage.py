"""What the store can vouch for: answers of sources -> days covered, by category -> the status of a period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from trendcli.core.periods import Period
from trendcli.core.types import CoverageRecord

# arXiv holds submissions back for moderation, up to about two weeks; an answer that came sooner may still grow
MODERATION_LAG = timedelta(days=14)
ALL_CATEGORIES = "*"
COVERAGE_STATUSES = ("complete", "provisional", "unknown", "partial")
_STATUS_SEVERITY = {"complete": 0, "provisional": 1, "unknown": 2, "partial": 3, "failed": 4, "never": 5}


@dataclass(frozen=True)
class CoverageSpan:
    """The days [since, until) of one category share a `status`: one of STATUSES, 'failed' or 'never'."""

    since: date
    until: date
    status: str


@dataclass(frozen=True)
class PeriodStatus:
    """The status of a period for a scope, and which categories are to blame where it is partial.

    `ended` is whether the period was over by the data; `hole` whether days inside it that have passed are missing, or
    it had not begun, so that a count over it would be too small.
    """

    status: str
    has_ended: bool
    has_gap: bool
    missing_categories: tuple[str, ...] = ()


class Coverage:
    """The answers of one corpus, asked for the status of days; `as_of` looks at them as if it were that day.

    Answers that are not `dated` vouch for all of their days, whenever they came: a list of a conference, whose
    submissions are those of a year and not of days.
    """

    def __init__(self, records: Iterable[CoverageRecord], as_of: date | None = None, *, dated: bool = True) -> None:
        self.cutoff = _day_start(as_of) if as_of else None
        if not dated:
            records = _iter_settled_records(records)
        self.records = [answer for answer in records if self.cutoff is None or _day_start(answer.since) < self.cutoff]
        self._spans_by_records: dict[tuple[int, ...], list[CoverageSpan]] = {}
        self._status_by_period: dict[tuple[Period, tuple[str, ...]], PeriodStatus] = {}

    def requested_categories(self) -> set[str]:
        """The categories that were asked for by name; EVERY among them where a source vouched for all."""
        return {name for answer in self.records if answer.status != "unknown" for name in answer.categories}

    def category_spans(self, category: str) -> list[CoverageSpan]:
        """What is known of one category: spans in order, without overlap; days outside all of them were never asked."""
        asked = tuple(number for number, answer in enumerate(self.records) if _concerns_category(answer, category))
        if asked not in self._spans_by_records:  # categories that were always asked together share it
            self._spans_by_records[asked] = self._merge_spans([self.records[number] for number in asked])
        return self._spans_by_records[asked]

    def _merge_spans(self, records: Sequence[CoverageRecord]) -> list[CoverageSpan]:
        pieces: list[tuple[date, date, str, datetime]] = []
        for answer in records:
            answered = min(answer.answered_at, self.cutoff) if self.cutoff else answer.answered_at
            until = min(answer.until, answered.date())  # a day is over at the midnight that ends it
            if answer.status != "complete":
                pieces.append((answer.since, until, answer.status, answered))
                continue
            settled = min(until, (answered - MODERATION_LAG).date())
            pieces.append((answer.since, settled, "complete", answered))
            pieces.append((max(answer.since, settled), until, "provisional", answered))
        pieces = sorted((piece for piece in pieces if piece[0] < piece[1]), key=lambda piece: piece[0])
        edges = sorted({edge for piece in pieces for edge in piece[:2]})
        spans: list[CoverageSpan] = []
        active: list[tuple[date, date, str, datetime]] = []
        come = 0
        for since, until in zip(edges, edges[1:], strict=False):
            while come < len(pieces) and pieces[come][0] <= since:
                active.append(pieces[come])
                come += 1
            active = [piece for piece in active if piece[1] >= until]
            status = _decide_status(active)
            if status is None:
                continue
            if spans and spans[-1].until == since and spans[-1].status == status:
                spans[-1] = CoverageSpan(spans[-1].since, until, status)
            else:
                spans.append(CoverageSpan(since, until, status))
        return spans

    def complete_since(self, category: str, day: date) -> date:
        """The first day from which up to `day` every day was answered whole on that day or later.

        A source that then says what has changed since that day vouches for all of them anew.
        """
        pieces = [
            (answer.since, answer.until)
            for answer in self.records
            if _concerns_category(answer, category)
            and answer.status == "complete"
            and answer.answered_at >= _day_start(day)
        ]
        reached = day
        while earlier := [since for since, until in pieces if since < reached <= until]:
            reached = min(earlier)
        return reached

    def data_as_of(self, categories: Sequence[str], *, complete_only: bool = False) -> datetime | None:
        """The latest moment up to which all the categories are covered; None where one of them never was.

        Where nothing but files of unknown coverage is there, the moment of the newest of them. `whole` passes over
        answers that were not.
        """
        moments, without = [], ("failed", "partial") if complete_only else ("failed",)
        for category in categories:
            known = [
                min(_day_start(answer.until), answer.answered_at, *([self.cutoff] if self.cutoff else []))
                for answer in self.records
                if _concerns_category(answer, category) and answer.status not in without
            ]
            if not known:
                return None
            moments.append(max(known))
        return min(moments, default=None)

    def first_covered_day(self, categories: Sequence[str]) -> date | None:
        """The first day that is covered for any of the categories."""
        return min((spans[0].since for spans in map(self.category_spans, categories) if spans), default=None)

    def status(self, period: Period, categories: Sequence[str]) -> PeriodStatus:
        """The status of a period for a scope: the worst of its categories and days."""
        asked = (period, tuple(categories))
        if asked not in self._status_by_period:  # a series asks for the same months again and again
            self._status_by_period[asked] = self._compute_status(period, categories)
        return self._status_by_period[asked]

    def _compute_status(self, period: Period, categories: Sequence[str]) -> PeriodStatus:
        as_of = self.data_as_of(categories)
        ended = as_of is not None and _day_start(period.end) <= as_of
        last = period.end if ended or as_of is None else min(period.end, as_of.date())
        last = max(last, period.start + timedelta(days=1))  # one that has not begun by the data is a hole, not a zero
        worst, missing = "complete", []
        for category in categories:
            status = self.worst_status(category, period.start, last)
            if _STATUS_SEVERITY[status] >= _STATUS_SEVERITY["partial"]:
                missing.append(category)
            worst = max(worst, status, key=_STATUS_SEVERITY.__getitem__)
        hole = bool(missing)
        status = "partial" if hole or not ended else worst
        return PeriodStatus(status, ended, hole, tuple(missing))

    def worst_status(self, category: str, since: date, until: date) -> str:
        """The worst status of any of the days [since, until): that of a Span, or 'never' where one was never asked."""
        worst, reached = "complete", since
        for span in self.category_spans(category):
            if span.until <= since or span.since >= until:
                continue
            if span.since > reached:
                return "never"
            worst = max(worst, span.status, key=_STATUS_SEVERITY.__getitem__)
            reached = span.until
        return "never" if reached < until else worst


def _concerns_category(record: CoverageRecord, category: str) -> bool:
    return category in record.categories or ALL_CATEGORIES in record.categories


def _decide_status(pieces: list[tuple[date, date, str, datetime]]) -> str | None:
    """The status of days that several answers speak of: the latest that brought anything decides.

    A file of unknown coverage never overrides an answer that knew what it covers; a 'complete' answer that has
    settled is not unsettled by a later one that came as whole.
    """
    brought = [piece for piece in pieces if piece[2] not in ("failed", "unknown")]
    if not brought:
        return min((piece[2] for piece in pieces), key=_STATUS_SEVERITY.__getitem__, default=None)
    latest = max(brought, key=lambda piece: piece[3])
    if latest[2] == "partial":
        return "partial"
    whole = [piece[2] for piece in brought if piece[2] != "partial"]
    return min(whole, key=_STATUS_SEVERITY.__getitem__)


def _iter_settled_records(records: Iterable[CoverageRecord]) -> Iterator[CoverageRecord]:
    """Answers as if each had come long after the days it speaks of, in the order in which they came."""
    last = datetime.min.replace(tzinfo=UTC)
    for answer in records:
        last = max(answer.answered_at, _day_start(answer.until) + MODERATION_LAG, last + timedelta(seconds=1))
        yield replace(answer, answered_at=last)


def _day_start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
