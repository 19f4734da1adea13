from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import coverage_record
from trendcli.core.periods import parse_period
from trendcli.store.coverage import Coverage, CoverageSpan


def status(coverage: Coverage, period: str, *categories: str) -> str:
    return coverage.status(parse_period(period), categories or ("cs.LG",)).status


def test_a_period_is_complete_when_every_day_was_requested_two_weeks_later() -> None:
    whole = Coverage([coverage_record(since="2018-01-01", until="2019-01-01", at="2019-01-15")])
    assert status(whole, "2018") == "complete"
    soon = Coverage([coverage_record(since="2018-01-01", until="2019-01-01", at="2019-01-14")])
    assert status(soon, "2018") == "provisional"
    assert status(soon, "2018-11") == "complete"
    assert soon.category_spans("cs.LG") == [
        CoverageSpan(date(2018, 1, 1), date(2018, 12, 31), "complete"),
        CoverageSpan(date(2018, 12, 31), date(2019, 1, 1), "provisional"),
    ]


def test_a_later_reply_settles_what_an_earlier_one_could_not() -> None:
    weekly = [
        coverage_record(since="2018-01-01", until="2018-06-01", at="2018-06-01"),
        coverage_record(since="2018-05-01", until="2018-07-01", at="2018-07-01"),
    ]
    assert status(Coverage(weekly[:1]), "2018-05") == "provisional"
    assert status(Coverage(weekly), "2018-05") == "complete"
    assert status(Coverage(weekly), "2018-06") == "provisional"


def test_a_period_that_is_not_over_is_partial_without_a_gap() -> None:
    running = Coverage([coverage_record(since="2018-01-01", until="2018-07-02", at="2018-07-01T12:00")])
    result = running.status(parse_period("2018"), ["cs.LG"])
    assert (result.status, result.has_ended, result.has_gap) == ("partial", False, False)
    assert running.data_as_of(["cs.LG"]).isoformat() == "2018-07-01T12:00:00+00:00"


def test_a_gap_names_its_category() -> None:
    gap = Coverage(
        [
            coverage_record(["cs.LG", "cs.CL"], "2018-01-01", "2018-05-01"),
            coverage_record(["cs.LG", "cs.CL"], "2018-05-02", "2019-01-01"),
            coverage_record(["cs.LG"], "2018-05-01", "2018-05-02"),
        ]
    )
    assert status(gap, "2018", "cs.LG") == "complete"
    result = gap.status(parse_period("2018"), ["cs.LG", "cs.CL"])
    assert (result.status, result.has_gap, result.missing_categories) == ("partial", True, ("cs.CL",))
    assert status(gap, "2018", "cs.CV") == "partial"


def test_a_partial_reply_makes_a_period_partial_and_a_failed_one_changes_nothing() -> None:
    whole, part = coverage_record(at="2020-02-01"), coverage_record(at="2020-03-01", status="partial")
    failed = coverage_record(at="2020-04-01", status="failed")
    assert status(Coverage([part]), "2018") == "partial"
    assert status(Coverage([whole, part]), "2018") == "partial"  # now it is known that something is missing
    assert status(Coverage([part, coverage_record(at="2020-05-01")]), "2018") == "complete"
    assert status(Coverage([whole, failed]), "2018") == "complete"  # a failure brought no news
    assert status(Coverage([failed]), "2018") == "partial"


def test_a_file_that_does_not_say_what_it_covers_has_unknown_coverage() -> None:
    unknown = coverage_record(["*"], "2018-01-01", "2020-01-01", status="unknown")
    coverage = Coverage([unknown])
    assert status(coverage, "2018") == "unknown"
    assert status(coverage, "2017") == "partial"
    assert coverage.requested_categories() == set()
    known = Coverage([unknown, coverage_record(["cs.LG"], "2018-01-01", "2019-01-01")])
    assert status(known, "2018", "cs.LG") == "complete"
    assert status(known, "2019", "cs.LG") == "unknown"


def test_as_of_looks_back() -> None:
    records = [coverage_record(since="2018-01-01", until="2020-01-01", at="2020-06-01")]
    then = Coverage(records, date(2019, 1, 5))
    assert status(then, "2018") == "provisional"
    assert status(then, "2019") == "partial"
    assert then.data_as_of(["cs.LG"]).date() == date(2019, 1, 5)
    assert Coverage(records, date(2017, 1, 1)).data_as_of(["cs.LG"]) is None


DAY = date(2018, 1, 1)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(0, 60)), max_size=6))
def test_spans_are_in_order_and_agree_with_a_day_by_day_account(pieces: list[tuple[int, int, int]]) -> None:
    records = [
        coverage_record(since=str(DAY + timedelta(start)), until=str(DAY + timedelta(start + length)), at=str(DAY + timedelta(start + length + late)))
        for start, length, late in pieces
    ]  # fmt: skip
    spans = Coverage(records).category_spans("cs.LG")
    assert all(a.until <= b.since for a, b in zip(spans, spans[1:], strict=False))
    for offset in range(100):
        day = DAY + timedelta(offset)
        over = datetime.combine(day + timedelta(1), datetime.min.time(), UTC)
        covering = [record for record in records if record.since <= day < record.until]
        settled = any(record.answered_at >= over + timedelta(14) for record in covering)
        expected = "complete" if settled else "provisional" if covering else None
        statuses = [span.status for span in spans if span.since <= day < span.until]
        assert statuses == ([expected] if expected else [])


def test_nothing_was_ever_requested() -> None:
    nothing = Coverage([])
    assert nothing.data_as_of(["cs.LG"]) is None
    assert nothing.first_covered_day(["cs.LG"]) is None
    assert status(nothing, "2018") == "partial"


def test_complete_days_reach_back_from_a_day_without_a_gap() -> None:
    coverage = Coverage(
        [
            coverage_record(since="2018-01-01", until="2018-02-01", at="2018-06-01"),
            coverage_record(since="2018-02-01", until="2018-04-01", at="2018-06-01"),
            coverage_record(since="2017-01-01", until="2018-01-01", at="2018-03-30"),  # before the day
            coverage_record(since="2017-01-01", until="2018-01-01", at="2018-06-01", status="partial"),
        ]
    )
    assert coverage.complete_since("cs.LG", date(2018, 4, 1)) == date(2018, 1, 1)
    assert coverage.complete_since("cs.LG", date(2018, 4, 2)) == date(2018, 4, 2)
    assert coverage.complete_since("cs.CL", date(2018, 4, 1)) == date(2018, 4, 1)


def test_the_worst_status_of_days() -> None:
    coverage = Coverage(
        [
            coverage_record(["*"], "2018-01-01", "2019-01-01", status="unknown"),
            coverage_record(since="2018-02-01", until="2018-03-01"),
            coverage_record(since="2018-06-01", until="2018-07-01", status="failed"),
        ]
    )
    assert coverage.worst_status("cs.LG", date(2018, 2, 1), date(2018, 3, 1)) == "complete"
    assert coverage.worst_status("cs.LG", date(2018, 2, 1), date(2018, 3, 2)) == "unknown"
    assert coverage.worst_status("cs.LG", date(2018, 6, 1), date(2018, 7, 1)) == "unknown"
    assert coverage.worst_status("cs.LG", date(2017, 12, 31), date(2018, 2, 1)) == "never"
    assert coverage.first_covered_day(["cs.LG"]) == date(2018, 1, 1)


def test_a_list_of_a_conference_vouches_for_its_year_whenever_it_came() -> None:
    early = coverage_record(["submitted"], "2021-01-01", "2022-01-01", at="2020-10-01")
    assert status(Coverage([early], dated=False), "2021", "submitted") == "complete"
    assert status(Coverage([early]), "2021", "submitted") == "partial"
