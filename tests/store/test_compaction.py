from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from tests.worlds import fill, live_rows, paper
from trendcli.core import registry
from trendcli.store import compaction
from trendcli.store.compaction import compact_store, is_compaction_due
from trendcli.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two months, and a delta file that revises one submission of January and adds one of February."""
    fill(
        tmp_path,
        [paper("1801.00001", "2018-01-05"), paper("1801.00002", "2018-01-06"), paper("1803.00001", "2018-03-05")],
    )
    return fill(tmp_path, [paper("1801.00001", "2018-01-05", "New", version=2), paper("1802.00001", "2018-02-05")])


def test_compaction_changes_no_submission(store: Store) -> None:
    before = live_rows(store)
    assert {file.kind for file in store.manifest.files} == {"month", "update"}
    with store.write_lock():
        compact_store(store)
    assert live_rows(store) == before == [
        ("1801.00001", 2, "New", "2018-01-05"),
        ("1801.00002", 1, "On nothing", "2018-01-06"),
        ("1802.00001", 1, "On nothing", "2018-02-05"),
        ("1803.00001", 1, "On nothing", "2018-03-05"),
    ]  # fmt: skip
    assert [(Path(file.path).name[:7], file.kind, file.rows) for file in store.manifest.files] == [
        ("2018-01", "month", 2), ("2018-02", "month", 1), ("2018-03", "month", 1),
    ]  # fmt: skip


def test_only_months_that_a_delta_file_touches_are_rewritten(store: Store) -> None:
    march = store.manifest.files[1]
    with store.write_lock():
        row_map = compact_store(store)
    assert march in store.manifest.files
    assert march.file_id not in row_map["file"].to_pylist()


def test_the_row_map_leads_from_each_new_row_to_the_old_one(store: Store) -> None:
    old_january, _, delta = (file.file_id for file in store.manifest.files)
    with store.write_lock():
        row_map = compact_store(store)
    january, february, _ = (file.file_id for file in store.manifest.files)
    assert row_map.to_pylist() == [
        {"old_file": delta, "old_row": 0, "file": january, "row": 0},
        {"old_file": old_january, "old_row": 1, "file": january, "row": 1},
        {"old_file": delta, "old_row": 1, "file": february, "row": 0},
    ]


def test_the_files_of_before_stay_for_readers_for_a_day(store: Store) -> None:
    reader = Store.open(store.root)
    with store.write_lock():
        compact_store(store)
    assert live_rows(reader) == live_rows(store)
    with store.write_lock(), time_machine.travel(datetime.now(UTC) + timedelta(hours=23)):
        store.commit([])
        store.commit([])
    assert live_rows(reader) == live_rows(store)
    with store.write_lock(), time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        store.commit([])
    paths = [reader.file_path(file) for file in reader.manifest.files]
    assert [path.exists() for path in paths] == [False, True, False]  # March was not rewritten


def test_without_delta_files_nothing_is_rewritten_but_what_is_named(store: Store) -> None:
    with store.write_lock():
        compact_store(store)
        generation = store.manifest.generation
        assert compact_store(store).num_rows == 0 and store.manifest.generation == generation
        assert compact_store(store, ["2018-01"]).num_rows == 2 and store.manifest.generation == generation + 1


def test_what_was_computed_of_rows_is_carried_along(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    row_counts = []
    monkeypatch.setattr(registry, "REMAPPERS", {"test": "entry"})
    monkeypatch.setattr(
        registry, "load_entry", lambda entry: lambda _, row_map: row_counts.append((entry, row_map.num_rows))
    )
    with store.write_lock():
        compact_store(store)
    assert row_counts == [("entry", 3)]


def test_compaction_is_due_by_the_share_of_delta_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for share, due in ((0.49, True), (0.5, False)):  # 2 of 4
        monkeypatch.setattr(compaction, "MAX_DELTA_SHARE", share)
        assert is_compaction_due(store) is due
    assert is_compaction_due(store, 0.9) and not is_compaction_due(store, 1.1)
