from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from tests.worlds import coverage_record
from trendcli.core.types import Request, Scope, Selection, Window, ignore_progress

CHANGED = (date(2020, 5, 1), date(2020, 6, 1))


def test_a_request_is_its_source_categories_and_days() -> None:
    assert coverage_record().request_key == ("test", ("cs.LG",), date(2018, 1, 1), date(2020, 1, 1))


@pytest.mark.parametrize(
    "changes",
    [{"at": "2020-07-01"}, {"status": "partial"}, {"expected": None, "received": 0}, {"query": "q", "version": "2"}],
)
def test_a_later_reply_is_to_the_same_request(changes: dict[str, Any]) -> None:
    assert coverage_record(**changes).request_key == coverage_record().request_key


@pytest.mark.parametrize(
    "changes", [{"source": "other"}, {"categories": ["cs.CL"]}, {"since": "2018-01-02"}, {"until": "2019-12-31"}]
)
def test_another_source_category_or_day_is_another_request(changes: dict[str, Any]) -> None:
    assert coverage_record(**changes).request_key != coverage_record().request_key


def test_a_request_by_date_of_change_is_known_by_its_first_day() -> None:
    """The day that a harvest reached, and the v1 dates that it vouches for, differ from reply to reply."""
    changed = coverage_record(changed=CHANGED)
    assert changed.request_key == ("test", ("cs.LG",), date(2020, 5, 1))
    further = coverage_record(since="2019-01-01", changed=(CHANGED[0], date(2020, 6, 8)))
    assert further.request_key == changed.request_key
    assert coverage_record(changed=(date(2020, 5, 2), CHANGED[1])).request_key != changed.request_key


def test_a_request_and_a_selection_set_no_condition_unless_told() -> None:
    assert Request(()) == ((), Window(None, None), None, None)
    selection = Selection(Scope("cs.LG", ("cs.LG",)))
    assert (selection.topics, selection.window, selection.match) == ((), Window(None, None), "any")
    assert (selection.primary_only, selection.both, selection.within, selection.corpus) == (False, (), None, "arxiv")
    assert (selection.author, selection.id, selection.as_of) == (None, None, None)


@pytest.mark.parametrize("total", [10.0, None])
def test_progress_that_nobody_watches_prints_nothing(total: float | None, capsys: pytest.CaptureFixture[str]) -> None:
    ignore_progress(1, total, "Reading")
    assert capsys.readouterr() == ("", "")


def test_types_need_only_the_standard_library() -> None:
    code = (
        "import sys\nfrom trendcli.core import types\n"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'pyarrow', 'numpy', 'pandas', 'duckdb', 'pydantic'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
