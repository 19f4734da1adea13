"""The moment of an answer: the earlier of two clocks, and texts that are no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trendcli.sources.clock import (
    check_versions,
    describe_clock_difference,
    find_answer_time,
    parse_moment,
    parse_server_time,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["Sat, 21 Nov 2026 12:00:00 GMT", "2026-11-21T12:00:00Z", "2026-11-21T08:00:00-04:00", " 2026-11-21 12:00:00 "],
)
def test_a_site_states_its_time_in_several_ways(text: str) -> None:
    assert parse_server_time(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        None, "", "soon", "2019-02-30T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT", "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59", "99999-01-01T00:00:00Z", "Mon, 2 Apr 99999 19:18:42 GMT", "x" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_time_states_nothing(text: str | None) -> None:
    assert parse_server_time(text) is None


def test_a_moment_may_be_of_any_year() -> None:
    moment = parse_moment("9999-12-31T23:59:59.999Z")
    assert moment is not None and moment.year == 9999


def test_the_earlier_clock_decides() -> None:
    day = timedelta(days=1)
    assert find_answer_time(NOON, [None, NOON + day]) == NOON
    assert find_answer_time(NOON, [NOON - day, NOON - 2 * day]) == NOON - 2 * day
    assert find_answer_time(NOON, []) == NOON


def test_clocks_that_differ_by_more_than_a_day_are_said_to() -> None:
    assert describe_clock_difference("arXiv", NOON, [None]) == ""
    assert describe_clock_difference("arXiv", NOON, [NOON - timedelta(days=1)]) == ""
    assert describe_clock_difference("arXiv", NOON, [NOON + timedelta(days=2)]) == (
        "arXiv's answer is dated 2026-11-23, but this machine's clock says 2026-11-21: only days before 2026-11-21 count "
        "as covered. If the clock is wrong, set it."
    )


@pytest.mark.parametrize(
    ("count", "v1_at", "updated_at", "reason"),
    [
        (1, 0, 0, None),
        (0, 0, 0, "version 0"),
        (99_999_999_999, 0, 0, "version 99999999999"),
        (1, -1, 0, "before 1970 or in the future"),
        (1, 0, int(NOON.timestamp()) + 90_000, "before 1970 or in the future"),
        (1, 253_402_300_799, 0, "before 1970 or in the future"),
    ],
)
def test_versions_that_cannot_be(count: int, v1_at: int, updated_at: int, reason: str | None) -> None:
    if reason is None:
        check_versions(count, v1_at, updated_at, NOON)
    else:
        with pytest.raises(ValueError, match=reason):
            check_versions(count, v1_at, updated_at, NOON)
