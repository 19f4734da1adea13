"""Plans: what is requested next, by day of submission and by day of change."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import coverage_record
from trendcli.core.errors import UsageError
from trendcli.core.types import CoverageRecord, Request, Window
from trendcli.sources.plan import (
    FIRST_DATESTAMP,
    covered_categories,
    merge_spans,
    plan_change_requests,
    plan_repeated_requests,
    plan_window_requests,
    unrequested_categories,
)
from trendcli.store.coverage import ALL_CATEGORIES, Coverage

TODAY = date(2026, 11, 21)
TOMORROW = TODAY + timedelta(days=1)
OPEN = Window(None, None)
LG = ("cs.LG",)


def by_window(
    records: list[CoverageRecord], window: Window = OPEN, categories: tuple[str, ...] = LG
) -> list[tuple[str, str, str]]:
    """Return (categories, since, until) of the requests by day of submission."""
    requests = plan_window_requests(Coverage(records), categories, window, TODAY)
    return [(" ".join(item.categories), str(item.window.since), str(item.window.until)) for item in requests]


def by_change(
    records: list[CoverageRecord], since: date | None = None, categories: tuple[str, ...] = LG
) -> list[Request]:
    return plan_change_requests(Coverage(records), categories, Window(since, None), TODAY)


def test_a_fetch_resumes_thirty_days_before_the_end() -> None:
    week_old = coverage_record(since="2020-01-01", until="2026-11-15", at="2026-11-14T09:00")
    assert by_window([week_old]) == [("cs.LG", "2026-10-15", "2026-11-22")]
    month_off = coverage_record(since="2020-01-01", until="2026-10-02", at="2026-10-01T09:00")
    assert by_window([month_off]) == [("cs.LG", "2026-09-01", "2026-11-22")]


def test_each_category_resumes_from_its_own_end() -> None:
    records = [
        coverage_record(["cs.LG", "cs.CL"], "2020-01-01", "2026-11-15", "2026-11-14"),
        coverage_record(["cs.CV"], "2020-01-01", "2026-06-02", "2026-06-01"),
    ]
    assert covered_categories(Coverage(records)) == ("cs.CL", "cs.CV", "cs.LG")
    assert by_window(records, categories=("cs.CL", "cs.CV", "cs.LG", "cs.NE")) == [
        ("cs.CV", "2026-05-02", "2026-11-22"),
        ("cs.CL cs.LG", "2026-10-15", "2026-11-22"),
    ]
    assert unrequested_categories(Coverage(records), ("cs.LG", "cs.NE")) == ["cs.NE"]


def test_gaps_are_requested_again() -> None:
    records = [
        coverage_record(since="2020-01-01", until="2026-11-15", at="2026-11-14"),
        coverage_record(since="2021-03-01", until="2021-04-01", at="2026-11-14T01:00", status="partial"),
        coverage_record(["cs.LG"], "2019-01-01", "2020-01-01", at="2026-11-14", status="failed"),
    ]
    assert by_window(records) == [
        ("cs.LG", "2019-01-01", "2020-01-01"),
        ("cs.LG", "2021-03-01", "2021-04-01"),
        ("cs.LG", "2026-10-15", "2026-11-22"),
    ]


def test_a_window_requests_what_is_missing_of_it() -> None:
    known = coverage_record(since="2020-01-01", until="2024-01-01", at="2024-06-01")
    assert by_window([known], Window(date(2018, 1, 1), None)) == [
        ("cs.LG", "2018-01-01", "2020-01-01"),
        ("cs.LG", "2024-01-01", "2026-11-22"),
    ]
    assert by_window([known], Window(date(2020, 5, 1), date(2021, 1, 1))) == []
    fresh = coverage_record(
        since="2024-01-01", until="2024-02-01", at="2024-02-05"
    )  # too fresh to be complete when it was answered
    assert by_window([fresh], Window(date(2024, 1, 1), date(2024, 2, 1))) == [("cs.LG", "2024-01-22", "2024-02-01")]


def test_what_was_answered_today_is_not_requested_again() -> None:
    today = coverage_record(since="2020-01-01", until="2026-11-22", at="2026-11-21T08:00")
    assert by_window([today]) == []
    assert by_window([today], Window(date(2026, 11, 1), None)) == []
    assert by_window(
        [coverage_record(since="2026-10-15", until="2026-11-22", at="2026-11-21T08:00", status="partial")]
    ) == [("cs.LG", "2026-10-15", "2026-11-22")]


def test_a_snapshot_of_everything_is_resumed_with_all_categories() -> None:
    snapshot = coverage_record([ALL_CATEGORIES], "1991-01-01", "2026-11-08", at="2026-11-08")
    assert covered_categories(Coverage([snapshot])) == (ALL_CATEGORIES,)
    assert by_window([snapshot], categories=(ALL_CATEGORIES,)) == [(ALL_CATEGORIES, "2026-10-09", "2026-11-22")]
    unknown = coverage_record([ALL_CATEGORIES], "1991-01-01", "2026-11-08", at="2026-11-08", status="unknown")
    assert covered_categories(Coverage([unknown])) == ()
    assert by_window([unknown]) == [("cs.LG", "2026-10-09", "2026-11-22")]


def test_changes_since_a_week_before_the_end_cover_all_that_was_complete_then() -> None:
    filled = coverage_record(
        since="2015-01-01", until="2026-11-15", at="2026-11-14T05:00", changed=(FIRST_DATESTAMP, date(2026, 11, 14))
    )
    assert by_change([filled]) == [Request(LG, Window(date(2015, 1, 1), None), date(2026, 11, 7))]
    by_api = [
        coverage_record(since="2015-01-01", until="2020-01-01", at="2026-11-13"),
        coverage_record(since="2020-01-01", until="2026-11-15", at="2026-11-14"),
    ]
    assert by_change(by_api) == [Request(LG, Window(date(2015, 1, 1), None), date(2026, 11, 7))]
    old_and_new = [  # what was answered long after its days stays complete; only the rest is covered anew
        coverage_record(since="2015-01-01", until="2020-01-01", at="2024-01-01"),
        coverage_record(since="2020-01-01", until="2026-11-15", at="2026-11-14"),
    ]
    assert by_change(old_and_new) == [Request(LG, Window(date(2020, 1, 1), None), date(2026, 11, 7))]


def test_a_first_harvest_and_one_from_a_day() -> None:
    assert by_change([]) == [Request(LG, Window(None, None), FIRST_DATESTAMP)]
    assert by_change([], date(2015, 1, 1)) == [Request(LG, Window(date(2015, 1, 1), None), date(2015, 1, 1))]
    assert by_change([], date(2001, 1, 1)) == [Request(LG, Window(date(2001, 1, 1), None), FIRST_DATESTAMP)]
    later = coverage_record(since="2020-01-01", until="2026-11-15", at="2026-11-14")
    assert by_change([later], date(2018, 1, 1)) == [Request(LG, Window(date(2018, 1, 1), None), date(2018, 1, 1))]
    assert by_change([later], date(2021, 1, 1)) == [Request(LG, Window(date(2020, 1, 1), None), date(2026, 11, 7))]


def test_an_unfinished_harvest_is_resumed_and_a_finished_one_rests_for_the_day() -> None:
    failed = coverage_record(at="2026-11-21T03:00", status="failed", changed=(FIRST_DATESTAMP, date(2013, 5, 5)))
    assert by_change([failed]) == [Request(LG, Window(date(2018, 1, 1), None), FIRST_DATESTAMP, date(2013, 5, 5))]
    done = coverage_record(
        since="2015-01-01", until="2026-11-22", at="2026-11-21T03:00", changed=(FIRST_DATESTAMP, TODAY)
    )
    assert by_change([done]) == []


def test_a_complete_archive_is_one_request() -> None:
    stat = ("stat.AP", "stat.CO", "stat.ME", "stat.ML", "stat.OT")
    assert [request.categories for request in by_change([], categories=(*stat, "cs.LG"))] == [stat, LG]
    assert [request.categories for request in by_change([], categories=stat[:4])] == [(name,) for name in stat[:4]]


DAYS = st.integers(0, 400)


@given(st.lists(st.tuples(DAYS, st.integers(1, 120), DAYS), max_size=5), DAYS, st.integers(1, 300))
def test_the_planned_requests_cover_the_window_once(
    pieces: list[tuple[int, int, int]], start: int, length: int
) -> None:
    """Whatever was answered before, the requests do not overlap, and with them every day is covered as of today."""
    first = TODAY - timedelta(days=400)

    def spell(offset: int) -> str:
        return str(first + timedelta(days=offset))

    before = [
        coverage_record(since=spell(a), until=spell(a + n), at=f"{spell(min(a + n + late, 399))}T06:00")
        for a, n, late in pieces
    ]
    window = Window(first + timedelta(days=start), first + timedelta(days=start + length))
    planned = plan_window_requests(Coverage(before), LG, window, TODAY)
    spans = [(request.window.since, request.window.until) for request in planned]
    assert all(low and high and low < high for low, high in spans)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))  # type: ignore[operator]
    after = Coverage([*before, *[coverage_record(since=str(a), until=str(b), at=f"{TODAY}T09:00") for a, b in spans]])
    end = min(window.until, TODAY)  # type: ignore[type-var]
    assert window.since is not None and end is not None
    if window.since < end:
        assert after.worst_status("cs.LG", window.since, end) in ("complete", "provisional")
        settled = min(end, TODAY - timedelta(days=14))
        if window.since < settled:
            assert after.worst_status("cs.LG", window.since, settled) == "complete"


def test_a_span_is_repeated_whatever_is_covered() -> None:
    window, today = Window(date(2018, 1, 1), date(2019, 1, 1)), date(2026, 11, 21)
    assert plan_repeated_requests(["cs.LG", "cs.CL"], window, today, by_change=False) == [
        Request(("cs.LG", "cs.CL"), window)
    ]
    (request,) = plan_repeated_requests(["cs.LG"], Window(date(2018, 1, 1), None), today, by_change=False)
    assert request.window.until == date(2026, 11, 22)
    assert plan_repeated_requests(["cs.LG", "cs.CL"], Window(date(2001, 1, 1), None), today, by_change=True) == [
        Request((name,), Window(date(2001, 1, 1), None), date(2005, 9, 16)) for name in ("cs.LG", "cs.CL")
    ]
    with pytest.raises(UsageError, match="--again needs a start: give --since"):
        plan_repeated_requests(["cs.LG"], Window(None, None), today, by_change=False)


def test_spans_that_touch_are_one() -> None:
    days = [date(2018, 1, number) for number in range(1, 9)]
    spans = [(days[4], days[6]), (days[0], days[1]), (days[1], days[2]), (days[5], days[5])]
    assert merge_spans(spans) == [(days[0], days[2]), (days[4], days[6])]
