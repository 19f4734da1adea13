from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.worlds import coverage_record, fill, live_rows, paper
from trendcli.store.repair import correct_replacements, find_wrong_replacements, set_aside_files
from trendcli.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A month file of two submissions, and a delta file that revises one of them."""
    fill(tmp_path, [paper("1801.00001", "2018-01-05"), paper("1801.00002", "2018-01-06")])
    return fill(tmp_path, [paper("1801.00001", "2018-01-05", "Second", version=2)])


def test_what_is_set_aside_is_a_gap_and_what_is_left_counts_right(store: Store) -> None:
    month_file, delta_file = store.manifest.files
    assert (delta_file.replaces, store.manifest.submission_count) == (1, 2)
    with store.write_lock():
        (note,) = set_aside_files(store, [month_file])
    assert (
        note
        == f"Moved {month_file.path} to the quarantine: 2 submissions from 2018-01-05 to 2018-01-06 are missing until they "
        "are fetched again."
    )
    after = Store.open(store.root)
    assert [row[2] for row in live_rows(after)] == ["Second"] and after.manifest.submission_count == 1
    assert after.build_coverage().worst_status("cs.LG", date(2018, 1, 5), date(2018, 1, 7)) == "partial"
    assert not store.file_path(month_file).exists() and not after.manifest.dropped
    fill(store.root, [paper("1801.00002", "2018-01-06")], [coverage_record(at="2100-01-01")])
    again = Store.open(store.root)
    assert again.build_coverage().worst_status("cs.LG", date(2018, 1, 5), date(2018, 1, 7)) == "complete"


def test_a_wrong_number_of_replaced_rows_is_corrected(store: Store) -> None:
    month_file, delta_file = store.manifest.files
    assert find_wrong_replacements(store) == []
    with store.write_lock():
        store.commit([replace(delta_file, replaces=0)])
        assert (store.manifest.submission_count, find_wrong_replacements(store)) == (3, [delta_file])
        assert correct_replacements(store) == [
            f"Corrected the number of submissions that {delta_file.path} replaces: 1."
        ]
        assert correct_replacements(store) == []
    assert Store.open(store.root).manifest.files == (month_file, delta_file)


def test_a_gap_counts_whatever_this_machines_clock_says(store: Store) -> None:
    """Answers carry the time of a server, which may be ahead."""
    fill(store.root, [], [coverage_record(at="2100-01-01")])
    store = Store.open(store.root)
    with store.write_lock():
        set_aside_files(store, store.manifest.files[:1])
    assert store.build_coverage().worst_status("cs.LG", date(2018, 1, 5), date(2018, 1, 7)) == "partial"
