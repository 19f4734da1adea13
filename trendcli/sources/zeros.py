"""Which zeros are believed: a faulty site may report zero submissions for days, with status 200.

A zero is not believed if the site reports zero for existing categories at any time, if the store has submissions of
those days, or if the preceding days make it improbable. Such days are recorded as failed, so that the next fetch
requests them again. All other zeros are believed: a weekend, a rare category, the years before a category began. So
is a zero that persists, since a category may have ended and the warning should not go on for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from trendcli.core.arxiv import CATEGORIES
from trendcli.core.types import CoverageRecord, Scope
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.sql import file_rows_sql, scope_filter_sql
from trendcli.store.store import Store

# a zero that is given again this long after it was first doubted is believed; outages that answered 0 lasted for days,
# and a weekly job must have been told twice
PATIENCE = timedelta(days=15)
# expected submissions from which a zero is doubted, by the least days: by chance alone, none come of 5 in 0.7 % of the
# months, of 20 in 2 of 10**9 weeks; less than a week may be a holiday
MIN_EXPECTED_BY_DAYS = ((28, 5.0), (7, 20.0))
# the same for any span of days that are older than ANNOUNCEMENT_LAG: on a holiday a third of what is expected comes, of
# 60 still 20
MIN_EXPECTED = 60.0
# arXiv's search shows a submission once it is announced, after a weekend and a holiday up to five days later
ANNOUNCEMENT_LAG = timedelta(days=6)
# submissions that the store holds of the same days, from which a zero contradicts it; a few may have left a category
MIN_STORED = 5
# days before from which the rate is taken: as many as the zero has, within these bounds
_RATE_DAYS = (60, 365)
# before arXiv's first submission
FIRST_DAY = date(1991, 1, 1)

DaySpan = tuple[date, date]
CountSubmissions = Callable[[Sequence[str], date, date], int]


class StoredSubmissions:
    """What a store holds of some categories and days, and since when a zero for them has been doubted."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def count(self, categories: Sequence[str], since: date, until: date) -> int:
        """Return how many submissions of any of some categories the store holds, by v1 date in [since, until)."""
        files = self.store.list_files(since, until)
        if not files:
            return 0
        scope = Scope("", () if ALL_CATEGORIES in categories else tuple(categories))
        rows = file_rows_sql(self.store, files, "categories, v1_at")
        condition = f"v1_at >= ? AND v1_at < ? AND {scope_filter_sql('categories', scope)}"
        with self.store.connect() as db:
            found = db.execute(f"SELECT count(*) FROM ({rows}) WHERE {condition}", [since, until]).fetchone()
        return int(found[0]) if found else 0

    def first_doubt(self, categories: Sequence[str], since: date, until: date) -> datetime | None:
        """Return when a zero for any of some categories and days was doubted first; None if none was.

        A doubt is over once any of its days have been answered otherwise.
        """
        doubts = [
            record
            for record in self._list_records(categories, since, until)
            if is_doubted_zero(record) and not self._is_answered(record)
        ]
        return min((record.answered_at for record in doubts), default=None)

    def _is_answered(self, doubt: CoverageRecord) -> bool:
        return any(
            record.status in ("complete", "partial") and record.answered_at > doubt.answered_at
            for record in self._list_records(doubt.categories, doubt.since, doubt.until)
        )

    def _list_records(self, categories: Sequence[str], since: date, until: date) -> list[CoverageRecord]:
        """Return the coverage records that speak of any of some categories and days."""
        return [
            record
            for record in self.store.manifest.ledger
            if record.since < until and since < record.until and not set(categories).isdisjoint(record.categories)
        ]


def is_doubted_zero(record: CoverageRecord) -> bool:
    """Return whether a coverage record is of a zero that was not believed."""
    return record.status == "failed" and record.expected == 0


def judge_zeros(
    records: Sequence[CoverageRecord],
    span: DaySpan,
    stored: StoredSubmissions | None,
    count_at_source: CountSubmissions,
    *,
    is_alive: bool,
) -> tuple[list[CoverageRecord], str]:
    """Return the records of a zero for a span of days as complete where it is believed, and otherwise as failed.

    Beside a doubted one is the reason, as the end of a sentence. See `_explain_doubt` for the arguments.
    """
    categories, answered_at = records[0].categories, records[0].answered_at
    stored_count = stored.count(categories, *span) if stored else 0
    if stored_count >= MIN_STORED:  # which no patience makes true
        reason = f"of which the store holds {stored_count:,}"
        return [replace(record, status="failed") for record in records], reason
    reason = _explain_doubt(categories, span, answered_at.date() + timedelta(days=1), stored, count_at_source, is_alive)
    doubted_at = (stored.first_doubt(categories, *span) if stored and reason else None) or answered_at
    if not reason or answered_at - doubted_at >= PATIENCE:
        return [replace(record, status="complete") for record in records], ""
    # the time of the first doubt stays in the ledger: patience is counted from it
    return [replace(record, status="failed", answered_at=doubted_at) for record in records], reason


def _explain_doubt(
    categories: Sequence[str],
    span: DaySpan,
    tomorrow: date,
    stored: StoredSubmissions | None,
    count_at_source: CountSubmissions,
    is_alive: bool,
) -> str:
    """Return why a zero for some categories and days is no answer, as the end of a sentence; '' where it is one.

    `is_alive` is whether the source has just counted submissions of these categories elsewhere. Where that or the store
    does not settle it, the source is asked for the days before, and for all days up to `tomorrow`.
    """
    since, until = span
    if until <= FIRST_DAY:
        return ""
    days = (until - since).days
    least = min((expected for least_days, expected in MIN_EXPECTED_BY_DAYS if days >= least_days), default=None)
    announced_days = (min(until, tomorrow - ANNOUNCEMENT_LAG) - since).days
    if least is not None or announced_days > 0:
        rate_days = min(max(days, _RATE_DAYS[0]), _RATE_DAYS[1])
        for count in (stored.count, count_at_source) if stored else (count_at_source,):
            before_count = count(categories, since - timedelta(days=rate_days), since)
            expected = before_count / rate_days * days
            if expected >= (least or math.inf) or before_count / rate_days * announced_days >= MIN_EXPECTED:
                return f"where about {expected:,.0f} are expected from the {rate_days} days before"
            is_alive = is_alive or (count == count_at_source and before_count > 0)
    if is_alive or {ALL_CATEGORIES, *CATEGORIES}.isdisjoint(categories):
        return ""
    return "" if count_at_source(categories, FIRST_DAY, tomorrow) else "and none at any time"
