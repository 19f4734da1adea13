"""Which zeros are believed, by what the store and the source know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.worlds import coverage_record, fill, papers_of_day
from trendcli.core.types import CoverageRecord
from trendcli.sources.zeros import FIRST_DAY, PATIENCE, StoredSubmissions, judge_zeros

SPAN = (date(2019, 3, 1), date(2019, 4, 1))
AT = "2019-06-01"


def judge(
    span: tuple[date, date] = SPAN,
    stored: StoredSubmissions | None = None,
    at_source: int = 0,
    is_alive: bool = True,
    category: str = "cs.LG",
    at: str = AT,
) -> tuple[list[CoverageRecord], str]:
    """Judge a zero where the source counts so many submissions a day elsewhere."""

    def count(categories: Sequence[str], since: date, until: date) -> int:
        return at_source * (until - since).days

    record = coverage_record((category,), str(span[0]), str(span[1]), at, "failed", expected=0, received=0)
    return judge_zeros([record], span, stored, count, is_alive=is_alive)


@pytest.mark.parametrize(
    ("is_alive", "at_source", "category", "reason"),
    [
        (True, 0, "cs.LG", ""),  # it may have begun later
        (False, 0, "cs.LG", "and none at any time"),
        (False, 0, "*", "and none at any time"),
        (False, 0, "cs.NEW", ""),
        (True, 1, "cs.LG", "where about 31 are expected from the 60 days before"),
        (True, 1, "cs.NEW", "where about 31 are expected from the 60 days before"),
    ],
)
def test_a_month_is_judged_by_the_source(is_alive: bool, at_source: int, category: str, reason: str) -> None:
    records, found = judge(is_alive=is_alive, at_source=at_source, category=category)
    assert (found, records[0].status) == (reason, "failed" if reason else "complete")


@pytest.mark.parametrize(
    ("days", "at_source", "is_believed"),
    [
        (1, 59, True),
        (1, 60, False),
        (2, 29, True),
        (2, 30, False),
        (6, 9, True),
        (7, 2, True),
        (7, 3, False),
        (28, 1, False),
        (400, 1, False),
    ],
)
def test_a_few_days_may_be_a_holiday(days: int, at_source: int, is_believed: bool) -> None:
    records, _ = judge((SPAN[0], SPAN[0] + timedelta(days=days)), at_source=at_source)
    assert (records[0].status == "complete") is is_believed


def test_days_that_are_not_announced_yet_may_be_empty() -> None:
    """Asked on the first of June, shortly after midnight, about this day and the five before."""
    for since, is_believed in ((date(2019, 6, 1), True), (date(2019, 5, 27), True), (date(2019, 5, 26), False)):
        records, _ = judge((since, date(2019, 6, 2)), at_source=100)
        assert (records[0].status == "complete") is is_believed or (date(2019, 6, 2) - since).days >= 7, since


def test_a_doubt_is_over_once_its_days_were_answered(tmp_path: Path) -> None:
    doubted = coverage_record(("cs.LG",), "2019-03-01", "2019-03-04", "2019-03-20", "failed", expected=0, received=0)
    answered = coverage_record(("cs.LG",), "2019-03-01", "2019-03-08", "2019-03-27")
    store = fill(tmp_path, [], [doubted, answered])
    assert StoredSubmissions(store).first_doubt(("cs.LG",), *SPAN) is None
    (record,), _ = judge((date(2019, 3, 1), date(2019, 3, 8)), StoredSubmissions(store), at_source=100)
    assert record.status == "failed"  # a new outage is doubted anew


def test_a_zero_against_what_the_store_holds_is_never_believed(tmp_path: Path) -> None:
    doubted = coverage_record(("cs.LG",), "2019-03-01", "2019-04-01", AT, "failed", expected=0, received=0)
    stored = StoredSubmissions(fill(tmp_path, papers_of_day("2019-03-05", 5, "It.", first_number=1), [doubted]))
    (record,), reason = judge(stored=stored, at="2020-06-01")
    assert (record.status, reason) == ("failed", "of which the store holds 5")


def test_the_store_knows_the_days_before_and_the_days_themselves(tmp_path: Path) -> None:
    papers = [
        *papers_of_day("2019-02-10", 9, "On it.", first_number=1),
        *papers_of_day("2019-05-03", 9, "On it.", first_number=1),
        *papers_of_day("2019-03-31", 1, "On it.", first_number=1),
    ]
    stored = StoredSubmissions(fill(tmp_path, papers))
    assert (
        judge((date(2019, 3, 1), date(2019, 4, 15)), stored)[1] == "where about 7 are expected from the 60 days before"
    )
    assert judge((date(2019, 5, 1), date(2019, 5, 5)), stored)[1] == "of which the store holds 9"
    assert judge((date(2019, 3, 30), date(2019, 4, 2)), stored)[1] == ""  # one may have left the category
    assert stored.count(("cs.LG",), FIRST_DAY, date(2030, 1, 1)) == stored.count(("*",), *SPAN) + 18 == 19
    assert stored.count(("cs.CL",), FIRST_DAY, date(2030, 1, 1)) == 0


def test_a_zero_that_stays_is_believed_in_the_end(tmp_path: Path) -> None:
    doubted = coverage_record(("cs.CL", "cs.LG"), "2019-03-01", "2019-04-01", AT, "failed", expected=0, received=0)
    stored = StoredSubmissions(fill(tmp_path, [], [doubted]))
    for waited, status in (
        (timedelta(0), "failed"),
        (PATIENCE - timedelta(seconds=1), "failed"),
        (PATIENCE, "complete"),
    ):
        at = (datetime.fromisoformat(AT) + waited).isoformat()
        (record,), _ = judge(stored=stored, is_alive=False, at=at)
        assert record.status == status
        # the time of the first doubt is kept, also where another span is asked for
        assert record.answered_at == (
            datetime.fromisoformat(at) if status == "complete" else doubted.answered_at.replace(tzinfo=None)
        ).replace(tzinfo=UTC)
    assert judge((date(2018, 1, 1), date(2018, 3, 1)), stored, is_alive=False, at="2019-09-01")[1]  # other days


def test_before_arxiv_began_there_is_nothing() -> None:
    assert judge((date(1969, 12, 1), date(1970, 1, 2)), is_alive=False, at_source=9)[1] == ""
