"""The moment of an answer: the earlier of the times of this machine's clock and of the site.

A clock that is ahead would otherwise call days complete that had not ended, for good; one that is behind only makes a
later fetch ask for them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# arXiv began in August 1991: an earlier time of a site states nothing
FIRST_YEAR = 1991
# a larger difference between the two clocks is reported
MAX_DIFFERENCE = timedelta(days=1)
# the most versions that a submission can have; the busiest has a few hundred, and the store's column ends at 2**31
MAX_VERSION = 99_999


def parse_moment(text: str | None) -> datetime | None:
    """Return a moment as headers write it, or as ISO 8601, in UTC unless it says otherwise; None for another text."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse((text or "").strip())
        except (TypeError, ValueError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def parse_server_time(text: str | None) -> datetime | None:
    """Return the time that a site states, in UTC; None if it states no possible one."""
    moment = parse_moment(text)
    # the years at both ends overflow once a time zone or a lag is applied
    return moment.astimezone(UTC) if moment and FIRST_YEAR <= moment.year < 9999 else None


def find_answer_time(received_at: datetime, server_times: Iterable[datetime | None]) -> datetime:
    """Return the moment of an answer that was received at a time by this machine's clock."""
    return min([received_at, *filter(None, server_times)])


def describe_clock_difference(site_name: str, received_at: datetime, server_times: Iterable[datetime | None]) -> str:
    """Return a sentence if the clocks of this machine and a site differ by more than a day; else ''."""
    stated = min(filter(None, server_times), default=received_at)
    if abs(stated - received_at) <= MAX_DIFFERENCE:
        return ""
    earlier = min(stated, received_at)
    return (
        f"{site_name}'s answer is dated {stated:%Y-%m-%d}, but this machine's clock says {received_at:%Y-%m-%d}: only "
        f"days before {earlier:%Y-%m-%d} count as covered. If the clock is wrong, set it."
    )


def check_versions(count: int, v1_at: int, updated_at: int, answered_at: datetime) -> None:
    """Raise ValueError for versions, with dates in seconds since 1970, that a submission cannot have."""
    if not 0 < count <= MAX_VERSION:
        raise ValueError(f"version {str(count)[:20]}")
    latest = (answered_at + MAX_DIFFERENCE).timestamp()
    if not (0 <= v1_at <= latest and 0 <= updated_at <= latest):
        raise ValueError("a version before 1970 or in the future")
