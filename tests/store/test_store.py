from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
import time_machine

from tests.worlds import coverage_record, fill, live_rows, paper
from trendcli.core.checked_json import parse_checked_json
from trendcli.core.errors import StoreDamaged, StoreLocked, StoreMissing, StoreTooNew, UsageError
from trendcli.core.files import write_file_atomically
from trendcli.store.compaction import compact_store
from trendcli.store.identity import list_generations
from trendcli.store.manifest import COUNTS_ONLY_KIND, STORE_FORMAT, DataFile
from trendcli.store.store import Store, list_venues


def test_a_missing_store_names_the_command_that_fills_one(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="trend import FILE"):
        Store.open(tmp_path)


def test_a_store_is_opened_as_it_was_committed(tmp_path: Path) -> None:
    store = fill(
        tmp_path, [paper("1801.00001", "2018-01-05"), paper("1802.00002", "2018-02-28T23:59:59")], [coverage_record()]
    )
    manifest = Store.open(tmp_path).manifest
    assert manifest == store.manifest
    assert [(file.path.split(".")[0], file.rows, file.first, file.last) for file in manifest.files] == [
        ("arxiv/months/2018-01", 1, date(2018, 1, 5), date(2018, 1, 5)),
        ("arxiv/months/2018-02", 1, date(2018, 2, 28), date(2018, 2, 28)),
    ]
    assert manifest.ledger == (coverage_record(),)


def test_a_damaged_and_a_newer_manifest_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    path = tmp_path / "manifest.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "format": 99}))
    with pytest.raises(StoreTooNew, match="format 99"):
        Store.open(tmp_path)
    path.write_text(path.read_text()[:100])
    with pytest.raises(StoreDamaged, match="is damaged"):
        Store.open(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(StoreDamaged, match=r"manifest.json is damaged \(.*invalid start byte"):
        Store.open(tmp_path)


def test_files_are_chosen_by_their_dates(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper(f"18{month:02d}.00001", f"2018-{month:02d}-15") for month in range(1, 13)])
    assert len(store.list_files()) == 12
    assert [file.first.month for file in store.list_files(date(2018, 3, 15), date(2018, 5, 15))] == [3, 4]
    assert store.list_files(date(2019, 1, 1)) == []


def test_a_file_that_was_counted_on_a_cluster_has_no_path(tmp_path: Path) -> None:
    store = Store.open_or_create(tmp_path)
    day = date(2018, 1, 5)
    month = DataFile("arxiv/months/2018-01.0a.parquet", "month", 1, day, day)
    assert store.file_path(month) == tmp_path / "arxiv/months/2018-01.0a.parquet"
    with pytest.raises(UsageError, match="holds only monthly counts of the topics that were counted on a cluster"):
        store.file_path(replace(month, kind=COUNTS_ONLY_KIND))


def test_what_a_killed_first_run_leaves_is_no_store_without_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "store"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "commit", Mock(side_effect=KeyboardInterrupt))
        fill(root, [paper("1901.00001", "2019-01-02")])
    assert list(root.glob("arxiv/months/*.parquet"))
    assert Store.open(root).manifest.submission_count == 0
    assert fill(root, [paper("1901.00002", "2019-01-03")]).manifest.submission_count == 1


def test_a_first_run_that_stores_nothing_leaves_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Store.open_or_create(tmp_path / "store").write_lock():
        raise KeyboardInterrupt
    with pytest.raises(StoreMissing):
        Store.open(tmp_path / "store")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    code = f"from pathlib import Path; from trendcli.store.store import Store\nwith Store.open(Path({str(tmp_path)!r})).write_lock(): pass"
    with store.write_lock():
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert other.returncode == 1
        assert f"being written by process {os.getpid()}" in other.stderr
        assert Store.open(tmp_path).manifest.submission_count == 1  # readers are not blocked
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_locked_store_names_the_process_that_holds_it(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    message = rf"is being written by process {os.getpid()} \(.*\)\. Nothing was changed; try again later\."
    with store.write_lock(), pytest.raises(StoreLocked, match=message), Store.open(tmp_path).write_lock():
        pass
    assert not (tmp_path / "lock.json").exists()


def test_a_writer_sees_what_was_committed_meanwhile(tmp_path: Path) -> None:
    early = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    fill(tmp_path, [paper("1801.00002", "2018-01-06")])
    assert early.manifest.submission_count == 1
    with early.write_lock():
        assert early.manifest.submission_count == 2


def test_text_fields_are_those_of_the_corpus_in_their_order(tmp_path: Path) -> None:
    arxiv, venue = Store.open_or_create(tmp_path), Store.open_or_create(tmp_path / "venue", corpus="iclr")
    assert (arxiv.text_fields, arxiv.text_expressions) == (("title", "abstract"), ("title", "abstract"))
    assert venue.text_fields == ("title", "keywords", "abstract")
    assert venue.text_expressions == ("title", "concat_ws(chr(10), keywords, abstract)")
    narrowed = venue.with_text_fields(["keywords"])
    assert (narrowed.text_fields, narrowed.text_expressions) == (("keywords",), ("''", "keywords"))
    assert venue.with_text_fields(["title"]).text_expressions == ("title", "''")
    assert (venue.cache_folder, narrowed.cache_folder) == (venue.root / "cache", venue.root / "cache" / "keywords")


def test_venues_are_stores_inside_a_store(tmp_path: Path) -> None:
    for name in ("neurips", "iclr"):
        Store.open_or_create(tmp_path / "venues" / name, corpus=name).commit([])
    (tmp_path / "venues" / "empty").mkdir()
    assert list_venues(tmp_path) == ["iclr", "neurips"]


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    store = fill(tmp_path / "a", [paper("1801.00001", "2018-01-05")])
    same = fill(tmp_path / "b", [paper("1801.00001", "2018-01-05")])
    other = fill(tmp_path / "c", [paper("1801.00001", "2018-01-06")])
    assert store.compute_fingerprint() == same.compute_fingerprint() != other.compute_fingerprint()
    changed = Store(store.root, replace(store.manifest, ledger=()))
    assert changed.compute_fingerprint() != store.compute_fingerprint()


def test_a_store_of_an_older_format_is_migrated(tmp_path: Path) -> None:
    """Format 1 has no days of change in its coverage records. It is read as it is, and the next commit rewrites it."""
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    path = tmp_path / "manifest.json"
    value = parse_checked_json(path.read_bytes())
    assert value["format"] == STORE_FORMAT
    for record in value["ledger"]:
        del record["changed"]
    old = json.dumps({**value, "format": 1})
    path.write_text(old)
    store = Store.open(tmp_path)
    assert (store.manifest.submission_count, store.manifest.ledger) == (1, (coverage_record(),))
    assert path.read_text() == old  # reading changes nothing
    fill(tmp_path, [paper("1801.00002", "2018-01-06")])
    assert parse_checked_json(path.read_bytes())["format"] == STORE_FORMAT
    assert Store.open(tmp_path).manifest.submission_count == 2


def test_a_later_record_replaces_an_incomplete_one(tmp_path: Path) -> None:
    partial = coverage_record(since="2018-01-01", until="2019-01-01", status="partial")
    fill(tmp_path, [], [partial, coverage_record(["cs.CL"], status="failed")])
    fill(tmp_path, [], [coverage_record(since="2018-01-01", until="2019-01-01", at="2020-07-01")])
    fill(tmp_path, [], [coverage_record(since="2018-01-01", until="2019-01-01", at="2020-08-01")])
    store = Store.open(tmp_path)
    assert [(record.categories[0], record.status) for record in store.manifest.ledger] == [
        ("cs.CL", "failed"),
        ("cs.LG", "complete"),
        ("cs.LG", "complete"),
    ]


def test_a_damaged_or_missing_data_file_is_not_read(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05"), paper("1802.00001", "2018-02-05")])
    path = store.file_path(store.manifest.files[0])
    assert live_rows(store)[0][0] == "1801.00001"
    content = path.read_bytes()
    for damaged in (content[:-1], bytes([*content[:50], content[50] ^ 1, *content[51:]]), None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        state = "missing" if damaged is None else "damaged"
        with pytest.raises(
            StoreDamaged, match=rf"A data file of the store is {state}: .*2018-01.*`trend doctor --fix`"
        ):
            live_rows(Store.open(tmp_path))
        assert len(Store.open(tmp_path).read_paths(store.manifest.files[1:])) == 1  # what is whole is read


@pytest.mark.parametrize("name", ["s[12]", "q*", "q?", "[a-z]", "it's"])
def test_a_path_is_no_pattern(tmp_path: Path, name: str) -> None:
    for sibling in ("s1", "s2", "q1", "qq", "a"):
        fill(tmp_path / sibling, [paper("1801.00009", "2018-01-05"), paper("1801.00008", "2018-01-06")])
    store = fill(tmp_path / name, [paper("1801.00001", "2018-01-05"), paper("1801.00002", "2018-01-06")])
    store = fill(tmp_path / name, [paper("1801.00001", "2018-01-05", "Second", version=2)])
    assert [(row[0], row[2]) for row in live_rows(store)] == [("1801.00001", "Second"), ("1801.00002", "On nothing")]


def test_a_dropped_file_stays_for_a_day_whatever_the_clock_did(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "Second", version=2)])
    paths = [store.file_path(file) for file in store.manifest.files]
    with time_machine.travel(now + timedelta(days=400)), store.write_lock():  # a clock that is ahead
        compact_store(store)
    with time_machine.travel(now), store.write_lock():
        store.commit([])
    with time_machine.travel(now + timedelta(hours=23)), store.write_lock():
        store.commit([])
    assert all(path.exists() for path in paths)
    with time_machine.travel(now + timedelta(hours=25)), store.write_lock():
        store.commit([])
    assert not any(path.exists() for path in paths) and not store.manifest.dropped


def test_a_full_disk_does_not_undo_a_commit_for_want_of_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])

    def fill_disk(path: Path, content: bytes) -> None:
        if path.parent.name == "manifests":
            raise OSError(28, "No space left on device")
        write_file_atomically(path, content)

    monkeypatch.setattr("trendcli.store.store.write_file_atomically", fill_disk)
    fill(tmp_path, [paper("1801.00002", "2018-01-06")])
    assert Store.open(tmp_path).manifest.submission_count == 2 and list_generations(tmp_path) == [1]
