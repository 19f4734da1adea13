from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core.errors import UsageError
from trendcli.core.periods import (
    PERIOD_UNITS,
    Period,
    disjoint_years_ago,
    iter_periods_backwards,
    list_periods,
    parse_period,
    parse_period_count,
    parse_period_label,
    period_containing,
    period_from_dates,
    period_year_ago,
    previous_period,
    rolling_period,
)

DATES = st.dates(date(1991, 7, 1), date(2080, 12, 31))
UNITS = st.sampled_from(PERIOD_UNITS)


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
    period = parse_period(text)
    assert (str(period.start), str(period.end)) == (start, end)
    assert period.label == text


@pytest.mark.parametrize("text", ["", "19", "2019-13", "2019-02-30", "2019-W54", "2019-Q5", "March", "2019-3", "0000"])
def test_anything_else_is_not_a_period(text: str) -> None:
    with pytest.raises(UsageError):
        parse_period(text)


@given(DATES, UNITS)
def test_a_period_holds_its_day_and_reads_back_from_its_label(day: date, unit: str) -> None:
    period = period_containing(day, unit)
    assert period.start <= day < period.end
    assert parse_period(period.label) == period
    assert previous_period(period).end == period.start


@given(DATES, DATES, UNITS)
def test_periods_cover_a_window_once(first: date, last: date, unit: str) -> None:
    since, until = min(first, last), max(first, last)
    listed = list_periods(since, until, unit)
    assert all(a.end == b.start for a, b in zip(listed, listed[1:], strict=False))
    if since < until:
        assert listed[0].start <= since < listed[0].end
        assert listed[-1].start < until <= listed[-1].end


def test_a_week_is_keyed_by_its_monday() -> None:
    # 2019-12-30 is in week 1 of 2020, so calendar year and week number would put it beside 2019-01-01
    assert period_containing(date(2019, 12, 30), "week").label == "2020-W01"
    assert period_containing(date(2019, 1, 1), "week").label == "2019-W01"
    assert period_containing(date(2019, 12, 30), "week").start.weekday() == 0


def test_the_period_a_year_ago() -> None:
    def year_ago(text: str) -> str | None:
        period = period_year_ago(parse_period(text))
        return period.label if period else None

    assert year_ago("2019") == "2018"
    assert year_ago("2019-Q1") == "2018-Q1"
    assert year_ago("2020-02") == "2019-02"
    assert year_ago("2019-W12") == "2018-W12"
    assert year_ago("2020-W53") is None
    assert year_ago("2021-W01") == "2020-W02"  # 364 days earlier


def test_a_window_that_is_a_calendar_period_is_one() -> None:
    assert period_from_dates(date(2019, 1, 1), date(2020, 1, 1)) == parse_period("2019")
    odd = period_from_dates(date(2019, 1, 1), date(2019, 3, 1))
    assert odd == Period(date(2019, 1, 1), date(2019, 3, 1), "window")
    assert previous_period(odd).label == "2018-11 to 2018-12"
    assert period_from_dates(date(2019, 1, 5), date(2019, 1, 15)).label == "2019-01-05 to 2019-01-14"
    assert previous_period(period_from_dates(date(2019, 1, 5), date(2019, 1, 15))).start == date(2018, 12, 26)


def test_a_span_is_a_number_and_a_unit() -> None:
    assert parse_period_count("24m") == (24, "month")
    assert parse_period_count("3y") == (3, "year")
    for text in ("24", "m", "0m", "-1m", "24 months"):
        with pytest.raises(UsageError):
            parse_period_count(text)


def test_periods_backwards_are_the_same_in_reverse() -> None:
    for unit in ("year", "quarter", "month", "week"):
        for since, until in ((date(2018, 11, 30), date(2020, 2, 1)), (date(2019, 1, 1), date(2019, 1, 2))):
            assert [*iter_periods_backwards(since, until, unit)][::-1] == list_periods(since, until, unit)


def test_a_rolling_window_ends_with_its_period() -> None:
    quarter = parse_period("2019-Q2")
    assert rolling_period(quarter, 1) == quarter
    assert rolling_period(quarter, 4).label == "2018-07 to 2019-06"
    with pytest.raises(UsageError, match="starts before 1900"):
        rolling_period(quarter, 1000)


def test_the_period_years_ago_is_disjoint() -> None:
    assert disjoint_years_ago(parse_period("2019-Q2")) == parse_period("2018-Q2")
    two_years = parse_period_label("2018-01 to 2019-12")
    assert disjoint_years_ago(two_years) == parse_period_label("2016-01 to 2017-12")
    assert disjoint_years_ago(parse_period("2020-W53")) is None
    days = Period(date(2019, 1, 2), date(2020, 1, 5), "window")  # 368 days, so two years of 364
    assert disjoint_years_ago(days) == Period(date(2017, 1, 4), date(2018, 1, 7), "window")
