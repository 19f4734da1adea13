"""Calendar periods: half-open spans of days in UTC that never overlap within a unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from trendcli.core.errors import UsageError

PERIOD_UNITS = ("year", "quarter", "month", "week", "day")
# years beyond which a date is taken for a typing error
FIRST_YEAR = 1900
LAST_YEAR = 2200
_MONTHS_PER_UNIT = {"year": 12, "quarter": 3, "month": 1}


class Period(NamedTuple):
    """The days from `start` to before `end`; `unit` is one of PERIOD_UNITS, or 'window' for any other span."""

    start: date
    end: date
    unit: str

    @property
    def label(self) -> str:
        """The name that `parse_period_label` reads back: 2019, 2019-Q2, 2019-03, 2019-W12, 2019-03-05.

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
    """Return the first day of the month that is `months` after that of `day`; negative numbers go back."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def period_start(day: date, unit: str) -> date:
    """Return the first day of the period of `unit` that contains `day`; weeks start on Monday."""
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    step = _MONTHS_PER_UNIT[unit]
    return date(day.year, (day.month - 1) // step * step + 1, 1)


def next_period_start(start: date, unit: str) -> date:
    """Return the first day of the period after the one that starts on `start`."""
    if unit in ("week", "day"):
        return start + timedelta(days=7 if unit == "week" else 1)
    return add_months(start, _MONTHS_PER_UNIT[unit])


def period_containing(day: date, unit: str) -> Period:
    """Return the period of `unit` that contains `day`."""
    start = period_start(day, unit)
    return Period(start, next_period_start(start, unit), unit)


def list_periods(since: date, until: date, unit: str) -> list[Period]:
    """Return the periods of `unit` that overlap [since, until), in order; together they cover it once."""
    periods: list[Period] = []
    start = period_start(since, unit)
    while start < until:
        periods.append(Period(start, next_period_start(start, unit), unit))
        start = periods[-1].end
    return periods


def iter_periods_backwards(since: date, until: date, unit: str) -> Iterator[Period]:
    """Yield the periods of `list_periods` in reverse order."""
    start, first = period_start(until - timedelta(days=1), unit), period_start(since, unit)
    while start >= first:
        yield Period(start, next_period_start(start, unit), unit)
        start = period_start(start - timedelta(days=1), unit)


def period_from_dates(since: date, until: date) -> Period:
    """Return the span [since, until) as a period: a calendar period if it is one, otherwise a 'window'."""
    for unit in PERIOD_UNITS:
        if period_start(since, unit) == since and next_period_start(since, unit) == until:
            return Period(since, until, unit)
    return Period(since, until, "window")


def previous_period(period: Period) -> Period:
    """Return the period of the same length just before; UsageError if it would start before FIRST_YEAR.

    A window has the same number of months if it starts and ends on the first of a month, otherwise of days.
    """
    if period.start.year <= FIRST_YEAR:
        raise UsageError(f"The time window starts before {FIRST_YEAR}.")
    if period.unit != "window":
        return period_containing(period.start - timedelta(days=1), period.unit)
    if period.start.day == 1 and period.end.day == 1:
        months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
        return period_from_dates(add_months(period.start, -months), period.start)
    return period_from_dates(period.start - (period.end - period.start), period.start)


def period_year_ago(period: Period) -> Period | None:
    """Return the period a year earlier; 364 days for weeks and days, None for a week 53, which has no counterpart."""
    if period.unit == "week" and period.start.isocalendar().week == 53:
        return None
    if period.start.day == 1 and period.end.day == 1:
        start, end = add_months(period.start, -12), add_months(period.end, -12)
    else:
        start, end = period.start - timedelta(days=364), period.end - timedelta(days=364)
    return Period(start, end, period.unit)


def rolling_period(period: Period, period_count: int) -> Period:
    """Return the window of `period_count` periods that ends with this one.

    Raise UsageError if it would start before FIRST_YEAR.
    """
    first = period
    for _ in range(period_count - 1):
        first = previous_period(first)
    return period if period_count == 1 else Period(first.start, period.end, "window")


def disjoint_years_ago(period: Period) -> Period | None:
    """Return the same span the fewest whole years earlier at which the two do not overlap.

    That is `period_year_ago` for spans of up to a year. Years are of 364 days if the span does not start and end on the
    first of a month.
    """
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
    """Return the period that a person wrote in one of five forms; UsageError if it is none or there is no such date."""
    for pattern, unit in _PERIOD_PATTERNS:
        match = pattern.fullmatch(text.strip())
        if not match:
            continue
        numbers = [int(digits) for digits in match.groups()]
        if not FIRST_YEAR <= numbers[0] <= LAST_YEAR:
            raise UsageError(f"Year out of range: {text}. Years are {FIRST_YEAR} to {LAST_YEAR}.")
        try:
            if unit == "quarter":
                return period_containing(date(numbers[0], numbers[1] * 3 - 2, 1), unit)
            if unit == "week":
                return period_containing(date.fromisocalendar(numbers[0], numbers[1], 1), unit)
            return period_containing(date(*[*numbers, 1, 1][:3]), unit)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"{text} is not a date: {error}.") from None
    raise UsageError(f"Not a date: {text!r}. Write 2019, 2019-Q2, 2019-03, 2019-W12 or 2019-03-05.")


def parse_period_label(text: str) -> Period:
    """Return the period of a label, also of a window: '2019-03 to 2020-02'; UsageError if it is none."""
    first, _, last = text.partition(" to ")
    return period_from_dates(parse_period(first).start, parse_period(last).end) if last else parse_period(first)


def parse_period_count(text: str) -> tuple[int, str]:
    """Return the number and the unit of a span such as '24m'; units are d, w, m, q and y. UsageError if it is none."""
    match = re.fullmatch(r"([1-9]\d{0,3})([dwmqy])", text.strip())
    if not match:
        raise UsageError(f"Not a span: {text!r}. Write a number followed by d, w, m, q or y, e.g. 24m.")
    return int(match[1]), next(unit for unit in PERIOD_UNITS if unit[0] == match[2])
