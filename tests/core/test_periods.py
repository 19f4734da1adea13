from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core import periods
from trendcli.core.errors import UsageError
from trendcli.core.periods import Period

DATES = st.dates(date(1991, 7, 1), date(2080, 12, 31))
UNITS = st.sampled_from(periods.PERIOD_UNITS)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2019", "2019-01-01", "2020-01-01"),
        ("2019-Q2", "2019-04-01", "2019-07-01"),
        ("2019-03", "2019-03-01", "2019-04-01"),
        ("2019-W12", "2019-03-18", "2019-03-25"),
        ("2020-W01", "2019-12-30", "2020-01-06"),
        ("2020-W53", "2020-12-28", "2021-01-04"),
        ("2019-03-05", "2019-03-05", "2019-03-06"),
    ],
)
def test_five_ways_to_write_a_period(text: str, start: str, end: str) -> None:
    found = periods.parse_period(text)
    assert (str(found.start), str(found.end)) == (start, end)
    assert found.label == text


@pytest.mark.parametrize("text", ["", "19", "2019-13", "2019-02-30", "2019-W54", "2019-Q5", "March", "2019-3", "0000"])
def test_no_period(text: str) -> None:
    with pytest.raises(UsageError):
        periods.parse_period(text)


@given(DATES, UNITS)
def test_a_period_holds_its_day_and_reads_back_from_its_label(day: date, unit: str) -> None:
    found = periods.period_containing(day, unit)
    assert found.start <= day < found.end
    assert periods.parse_period(found.label) == found
    assert periods.previous_period(found).end == found.start


@given(DATES, DATES, UNITS)
def test_periods_cover_a_window_once(first: date, last: date, unit: str) -> None:
    since, until = min(first, last), max(first, last)
    found = periods.list_periods(since, until, unit)
    assert all(a.end == b.start for a, b in zip(found, found[1:], strict=False))
    if since < until:
        assert found[0].start <= since < found[0].end
        assert found[-1].start < until <= found[-1].end


def test_a_week_is_keyed_by_its_monday() -> None:
    # 2019-12-30 is in week 1 of 2020, so calendar year and week number would put it beside 2019-01-01
    assert periods.period_containing(date(2019, 12, 30), "week").label == "2020-W01"
    assert periods.period_containing(date(2019, 1, 1), "week").label == "2019-W01"
    assert periods.period_containing(date(2019, 12, 30), "week").start.weekday() == 0


def test_a_year_earlier() -> None:
    def ago(text: str) -> str | None:
        found = periods.period_year_ago(periods.parse_period(text))
        return found.label if found else None

    assert ago("2019") == "2018"
    assert ago("2019-Q1") == "2018-Q1"
    assert ago("2020-02") == "2019-02"
    assert ago("2019-W12") == "2018-W12"
    assert ago("2020-W53") is None
    assert ago("2021-W01") == "2020-W02"  # 364 days earlier


def test_a_window_that_is_a_calendar_period_is_one() -> None:
    assert periods.period_from_dates(date(2019, 1, 1), date(2020, 1, 1)) == periods.parse_period("2019")
    odd = periods.period_from_dates(date(2019, 1, 1), date(2019, 3, 1))
    assert odd == Period(date(2019, 1, 1), date(2019, 3, 1), "window")
    assert periods.previous_period(odd).label == "2018-11 to 2018-12"
    assert periods.period_from_dates(date(2019, 1, 5), date(2019, 1, 15)).label == "2019-01-05 to 2019-01-14"
    assert periods.previous_period(periods.period_from_dates(date(2019, 1, 5), date(2019, 1, 15))).start == date(
        2018, 12, 26
    )


def test_spans() -> None:
    assert periods.parse_period_count("24m") == (24, "month")
    assert periods.parse_period_count("3y") == (3, "year")
    for text in ("24", "m", "0m", "-1m", "24 months"):
        with pytest.raises(UsageError):
            periods.parse_period_count(text)


def test_backwards_are_the_same_periods_the_last_first() -> None:
    for unit in ("year", "quarter", "month", "week"):
        for since, until in ((date(2018, 11, 30), date(2020, 2, 1)), (date(2019, 1, 1), date(2019, 1, 2))):
            assert [*periods.iter_periods_backwards(since, until, unit)][::-1] == periods.list_periods(
                since, until, unit
            )
