from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import answer
from trendcli.core.types import CoverageRecord, Request, Window
from trendcli.sources.plan import (
    FIRST_DATESTAMP,
    covered_categories,
    plan_change_requests,
    plan_window_requests,
    unrequested_categories,
)
from trendcli.store.coverage import ALL_CATEGORIES, Coverage

TODAY = date(2026, 11, 21)
TOMORROW = TODAY + timedelta(days=1)
OPEN = Window(None, None)
LG = ("cs.LG",)


def asks(
    answers: list[CoverageRecord], window: Window = OPEN, categories: tuple[str, ...] = LG
) -> list[tuple[str, str, str]]:
    found = plan_window_requests(Coverage(answers), categories, window, TODAY)
    return [(" ".join(ask.categories), str(ask.window.since), str(ask.window.until)) for ask in found]


def changes(
    answers: list[CoverageRecord], since: date | None = None, categories: tuple[str, ...] = LG
) -> list[Request]:
    return plan_change_requests(Coverage(answers), categories, Window(since, None), TODAY)


def test_it_goes_on_thirty_days_before_the_end() -> None:
    week_old = answer(since="2020-01-01", until="2026-11-15", at="2026-11-14T09:00")
    assert asks([week_old]) == [("cs.LG", "2026-10-15", "2026-11-22")]
    month_off = answer(since="2020-01-01", until="2026-10-02", at="2026-10-01T09:00")
    assert asks([month_off]) == [("cs.LG", "2026-09-01", "2026-11-22")]


def test_categories_go_on_each_from_its_own_end() -> None:
    answers = [
        answer(["cs.LG", "cs.CL"], "2020-01-01", "2026-11-15", "2026-11-14"),
        answer(["cs.CV"], "2020-01-01", "2026-06-02", "2026-06-01"),
    ]
    assert covered_categories(Coverage(answers)) == ("cs.CL", "cs.CV", "cs.LG")
    assert asks(answers, categories=("cs.CL", "cs.CV", "cs.LG", "cs.NE")) == [
        ("cs.CV", "2026-05-02", "2026-11-22"),
        ("cs.CL cs.LG", "2026-10-15", "2026-11-22"),
    ]
    assert unrequested_categories(Coverage(answers), ("cs.LG", "cs.NE")) == ["cs.NE"]


def test_holes_are_asked_for_again() -> None:
    answers = [
        answer(since="2020-01-01", until="2026-11-15", at="2026-11-14"),
        answer(since="2021-03-01", until="2021-04-01", at="2026-11-14T01:00", status="partial"),
        answer(["cs.LG"], "2019-01-01", "2020-01-01", at="2026-11-14", status="failed"),
    ]
    assert asks(answers) == [
        ("cs.LG", "2019-01-01", "2020-01-01"),
        ("cs.LG", "2021-03-01", "2021-04-01"),
        ("cs.LG", "2026-10-15", "2026-11-22"),
    ]


def test_a_window_asks_for_what_is_missing_of_it() -> None:
    known = answer(since="2020-01-01", until="2024-01-01", at="2024-06-01")
    assert asks([known], Window(date(2018, 1, 1), None)) == [
        ("cs.LG", "2018-01-01", "2020-01-01"),
        ("cs.LG", "2024-01-01", "2026-11-22"),
    ]
    assert asks([known], Window(date(2020, 5, 1), date(2021, 1, 1))) == []
    fresh = answer(since="2024-01-01", until="2024-02-01", at="2024-02-05")  # not yet settled when it was answered
    assert asks([fresh], Window(date(2024, 1, 1), date(2024, 2, 1))) == [("cs.LG", "2024-01-22", "2024-02-01")]


def test_what_was_answered_today_is_not_asked_again() -> None:
    today = answer(since="2020-01-01", until="2026-11-22", at="2026-11-21T08:00")
    assert asks([today]) == []
    assert asks([today], Window(date(2026, 11, 1), None)) == []
    assert asks([answer(since="2026-10-15", until="2026-11-22", at="2026-11-21T08:00", status="partial")]) == [
        ("cs.LG", "2026-10-15", "2026-11-22")
    ]


def test_a_snapshot_of_everything_is_gone_on_with_as_such() -> None:
    snapshot = answer([ALL_CATEGORIES], "1991-01-01", "2026-11-08", at="2026-11-08")
    assert covered_categories(Coverage([snapshot])) == (ALL_CATEGORIES,)
    assert asks([snapshot], categories=(ALL_CATEGORIES,)) == [(ALL_CATEGORIES, "2026-10-09", "2026-11-22")]
    unknown = answer([ALL_CATEGORIES], "1991-01-01", "2026-11-08", at="2026-11-08", status="unknown")
    assert covered_categories(Coverage([unknown])) == ()
    assert asks([unknown]) == [("cs.LG", "2026-10-09", "2026-11-22")]


def test_changes_since_a_week_before_the_end_vouch_for_all_that_was_whole_then() -> None:
    filled = answer(
        since="2015-01-01", until="2026-11-15", at="2026-11-14T05:00", changed=(FIRST_DATESTAMP, date(2026, 11, 14))
    )
    assert changes([filled]) == [Request(LG, Window(date(2015, 1, 1), None), date(2026, 11, 7))]
    by_api = [
        answer(since="2015-01-01", until="2020-01-01", at="2026-11-13"),
        answer(since="2020-01-01", until="2026-11-15", at="2026-11-14"),
    ]
    assert changes(by_api) == [Request(LG, Window(date(2015, 1, 1), None), date(2026, 11, 7))]
    old_and_new = [  # what was answered long ago is settled by itself; only what lies behind is vouched for anew
        answer(since="2015-01-01", until="2020-01-01", at="2024-01-01"),
        answer(since="2020-01-01", until="2026-11-15", at="2026-11-14"),
    ]
    assert changes(old_and_new) == [Request(LG, Window(date(2020, 1, 1), None), date(2026, 11, 7))]


def test_a_first_fill_and_one_from_a_day() -> None:
    assert changes([]) == [Request(LG, Window(None, None), FIRST_DATESTAMP)]
    assert changes([], date(2015, 1, 1)) == [Request(LG, Window(date(2015, 1, 1), None), date(2015, 1, 1))]
    assert changes([], date(2001, 1, 1)) == [Request(LG, Window(date(2001, 1, 1), None), FIRST_DATESTAMP)]
    later = answer(since="2020-01-01", until="2026-11-15", at="2026-11-14")
    assert changes([later], date(2018, 1, 1)) == [Request(LG, Window(date(2018, 1, 1), None), date(2018, 1, 1))]
    assert changes([later], date(2021, 1, 1)) == [Request(LG, Window(date(2020, 1, 1), None), date(2026, 11, 7))]


def test_an_unfinished_harvest_is_gone_on_with_and_a_finished_one_rests_for_the_day() -> None:
    broken = answer(at="2026-11-21T03:00", status="failed", changed=(FIRST_DATESTAMP, date(2013, 5, 5)))
    assert changes([broken]) == [Request(LG, Window(date(2018, 1, 1), None), FIRST_DATESTAMP, date(2013, 5, 5))]
    done = answer(since="2015-01-01", until="2026-11-22", at="2026-11-21T03:00", changed=(FIRST_DATESTAMP, TODAY))
    assert changes([done]) == []


def test_an_archive_that_is_asked_for_whole_is_one_question() -> None:
    stat = ("stat.AP", "stat.CO", "stat.ME", "stat.ML", "stat.OT")
    assert [ask.categories for ask in changes([], categories=(*stat, "cs.LG"))] == [stat, LG]
    assert [ask.categories for ask in changes([], categories=stat[:4])] == [(name,) for name in stat[:4]]


DAYS = st.integers(0, 400)


@given(st.lists(st.tuples(DAYS, st.integers(1, 120), DAYS), max_size=5), DAYS, st.integers(1, 300))
def test_asking_as_planned_covers_the_window_once(pieces: list[tuple[int, int, int]], start: int, length: int) -> None:
    """Whatever was answered before: the questions do not overlap, and with them every day is answered as of today."""
    first = TODAY - timedelta(days=400)

    def spell(offset: int) -> str:
        return str(first + timedelta(days=offset))

    before = [
        answer(since=spell(a), until=spell(a + n), at=f"{spell(min(a + n + late, 399))}T06:00") for a, n, late in pieces
    ]
    window = Window(first + timedelta(days=start), first + timedelta(days=start + length))
    planned = plan_window_requests(Coverage(before), LG, window, TODAY)
    spans = [(ask.window.since, ask.window.until) for ask in planned]
    assert all(low and high and low < high for low, high in spans)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))  # type: ignore[operator]
    after = Coverage([*before, *[answer(since=str(a), until=str(b), at=f"{TODAY}T09:00") for a, b in spans]])
    end = min(window.until, TODAY)  # type: ignore[type-var]
    assert window.since is not None and end is not None
    if window.since < end:
        assert after.worst_status("cs.LG", window.since, end) in ("complete", "provisional")
        settled = min(end, TODAY - timedelta(days=14))
        if window.since < settled:
            assert after.worst_status("cs.LG", window.since, settled) == "complete"
