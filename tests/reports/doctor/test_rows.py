from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.worlds import coverage_record, fill, papers_of_day
from trendcli.reports.doctor.rows import _list_empty_months, check_empty_months

BUSY = dict.fromkeys([date(2018, month, 1) for month in (1, 2, 3, 5, 6, 7)], 20)


def test_a_month_without_submissions_beside_busy_ones_is_suspect() -> None:
    assert _list_empty_months(BUSY, date(2018, 8, 1)) == [date(2018, 4, 1)]
    assert _list_empty_months(BUSY, date(2018, 10, 1)) == [date(2018, 4, 1), date(2018, 8, 1), date(2018, 9, 1)]
    quiet = {**BUSY, date(2018, 3, 1): 19, date(2018, 5, 1): 19}
    assert _list_empty_months(quiet, date(2018, 8, 1)) == []
    assert _list_empty_months({date(2018, 1, 1): 500}, date(2018, 8, 1)) == []


def test_the_finding_names_the_command_that_asks_again(tmp_path: Path) -> None:
    papers = [
        item
        for month in (1, 2, 3, 6, 7, 8)
        for item in papers_of_day(f"2018-{month:02d}-05", 20, "It.", first_number=1)
    ]
    store = fill(tmp_path, papers, [coverage_record(until="2018-09-01")])
    (problem,) = check_empty_months(store, store.manifest.files)
    assert problem.where == "cs.LG: 2018-04, 2018-05"
    assert problem.do == "`trend fetch --again -c cs.LG --since 2018-04 --until 2018-06`"
    uncovered = fill(tmp_path / "b", papers, [coverage_record(until="2018-04-01")])
    assert check_empty_months(uncovered, uncovered.manifest.files) == []
