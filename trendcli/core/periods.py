"""Calendar periods: half-open, UTC, and never two that overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from trendcli.core.errors import UsageError

PERIOD_UNITS = ("year", "quarter", "month", "week", "day")
# dates beyond these are slips of the pen
FIRST_YEAR, LAST_YEAR = 1900, 2200
_MONTHS_PER_UNIT = {"year": 12, "quarter": 3, "month": 1}


class Period(NamedTuple):
    """The days [start, end); `unit` is one of UNITS, or 'window' for any other span."""

    start: date
    end: date
    unit: str

    @property
    def label(self) -> str:
        """The name that `parse` reads back: 2019, 2019-Q2, 2019-03, 2019-W12, 2019-03-05.

        A window is named by its first and last day, or month: '2019-03 to 2020-02'.
        """
        if self.unit == "year":
            return f"{self.start.year}"
        if self.unit == "quarter":
            return f"{self.start.year}-Q{self.start.month // 3 + 1}"
        if self.unit == "month":
            return f"{self.start:%Y-%m}"
        if self.unit == "week":
            year, week, _ = self.start.isocalendar()
            return f"{year}-W{week:02d}"
        if self.unit == "day":
            return f"{self.start}"
        last = self.end - timedelta(days=1)
        if self.start.day == self.end.day == 1:
            return f"{self.start:%Y-%m} to {last:%Y-%m}"
        return f"{self.start} to {last}"


def add_months(day: date, months: int) -> date:
    """The first of the month that lies `months` after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def period_start(day: date, unit: str) -> date:
    """The first day of the period of `unit` that holds `day`; a week starts on Monday."""
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    step = _MONTHS_PER_UNIT[unit]
    return date(day.year, (day.month - 1) // step * step + 1, 1)


def next_period_start(start: date, unit: str) -> date:
    """The first day of the period after the one that starts at `start`."""
    if unit in ("week", "day"):
        return start + timedelta(days=7 if unit == "week" else 1)
    return add_months(start, _MONTHS_PER_UNIT[unit])


def period_containing(day: date, unit: str) -> Period:
    """The period of `unit` that holds `day`."""
    start = period_start(day, unit)
    return Period(start, next_period_start(start, unit), unit)


def list_periods(since: date, until: date, unit: str) -> list[Period]:
    """Every period of `unit` that touches [since, until), in order; together they cover it once."""
    found = []
    start = period_start(since, unit)
    while start < until:
        found.append(Period(start, next_period_start(start, unit), unit))
        start = found[-1].end
    return found


def iter_periods_backwards(since: date, until: date, unit: str) -> Iterator[Period]:
    """The periods of `between`, the last first, each made when it is asked for."""
    start, first = period_start(until - timedelta(days=1), unit), period_start(since, unit)
    while start >= first:
        yield Period(start, next_period_start(start, unit), unit)
        start = period_start(start - timedelta(days=1), unit)


def period_from_dates(since: date, until: date) -> Period:
    """The span [since, until) as a period: a calendar one where it is one, a 'window' otherwise."""
    for unit in PERIOD_UNITS:
        if period_start(since, unit) == since and next_period_start(since, unit) == until:
            return Period(since, until, unit)
    return Period(since, until, "window")


def previous_period(period: Period) -> Period:
    """The period just before, of the same length: as many months where both edges are firsts of months, else days."""
    if period.start.year <= FIRST_YEAR:
        raise UsageError(f"That reaches back before {FIRST_YEAR}, where there is nothing to count.")
    if period.unit != "window":
        return period_containing(period.start - timedelta(days=1), period.unit)
    if period.start.day == 1 and period.end.day == 1:
        months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
        return period_from_dates(add_months(period.start, -months), period.start)
    return period_from_dates(period.start - (period.end - period.start), period.start)


def period_year_ago(period: Period) -> Period | None:
    """The period a year earlier; 364 days for weeks and days, and None for a week 53, which has no twin."""
    if period.unit == "week" and period.start.isocalendar().week == 53:
        return None
    if period.start.day == 1 and period.end.day == 1:
        start, end = add_months(period.start, -12), add_months(period.end, -12)
    else:
        start, end = period.start - timedelta(days=364), period.end - timedelta(days=364)
    return Period(start, end, period.unit)


def rolling_period(period: Period, period_count: int) -> Period:
    """The window of `number` periods of which this one is the last."""
    start = period
    for _ in range(period_count - 1):
        start = previous_period(start)
    return period if period_count == 1 else Period(start.start, period.end, "window")


def disjoint_years_ago(period: Period) -> Period | None:
    """The same span as few whole years earlier as make the two not overlap; as `year_ago` for up to a year."""
    if period.start.day == 1 and period.end.day == 1:
        months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
        shift = -(-months // 12) * 12
        return Period(add_months(period.start, -shift), add_months(period.end, -shift), period.unit)
    if period.end - period.start <= timedelta(days=364):
        return period_year_ago(period)
    shift = -(-(period.end - period.start).days // 364) * 364
    return Period(period.start - timedelta(days=shift), period.end - timedelta(days=shift), period.unit)


_PERIOD_PATTERNS = (
    (re.compile(r"(\d{4})"), "year"),
    (re.compile(r"(\d{4})-[Qq]([1-4])"), "quarter"),
    (re.compile(r"(\d{4})-(\d{2})"), "month"),
    (re.compile(r"(\d{4})-?[Ww](\d{2})"), "week"),
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})"), "day"),
)


def parse_period(text: str) -> Period:
    """The period that a person wrote; UsageError where it is none of the five forms or no such date exists."""
    for form, unit in _PERIOD_PATTERNS:
        found = form.fullmatch(text.strip())
        if not found:
            continue
        numbers = [int(part) for part in found.groups()]
        if not FIRST_YEAR <= numbers[0] <= LAST_YEAR:
            raise UsageError(f"No year to count in: {text}. Years are {FIRST_YEAR} to {LAST_YEAR}.")
        try:
            if unit == "quarter":
                return period_containing(date(numbers[0], numbers[1] * 3 - 2, 1), unit)
            if unit == "week":
                return period_containing(date.fromisocalendar(numbers[0], numbers[1], 1), unit)
            return period_containing(date(*[*numbers, 1, 1][:3]), unit)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"No such date: {text} ({error}).") from None
    raise UsageError(f"Not a date: {text!r}. Write 2019, 2019-Q2, 2019-03, 2019-W12 or 2019-03-05.")


def parse_period_label(text: str) -> Period:
    """The period of a label, also that of a window: '2019-03 to 2020-02'."""
    first, _, last = text.partition(" to ")
    return period_from_dates(parse_period(first).start, parse_period(last).end) if last else parse_period(first)


def parse_period_count(text: str) -> tuple[int, str]:
    """How many periods of which unit '24m' means; units are d, w, m, q and y."""
    found = re.fullmatch(r"([1-9]\d{0,3})([dwmqy])", text.strip())
    if not found:
        raise UsageError(f"Not a span: {text!r}. Write a number and d, w, m, q or y, such as 24m.")
    return int(found[1]), next(unit for unit in PERIOD_UNITS if unit[0] == found[2])
