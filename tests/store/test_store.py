from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import answer, fill, paper
from trendcli.core.errors import StoreDamaged, StoreLocked, StoreMissing, StoreTooNew
from trendcli.store.manifest import format_manifest, parse_manifest
from trendcli.store.store import DATA_COLUMNS, Store, data_schema, write_file_atomically


def test_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="trend import FILE"):
        Store.open(tmp_path)


def test_what_a_manifest_says(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05"), paper("1802.00002", "2018-02-28T23:59:59")], [answer()])
    manifest = Store.open(tmp_path).manifest
    assert manifest == store.manifest
    assert parse_manifest(format_manifest(manifest).decode(), tmp_path) == manifest
    assert [(item.path.split(".")[0], item.rows, item.first, item.last) for item in manifest.files] == [
        ("arxiv/months/2018-01", 1, date(2018, 1, 5), date(2018, 1, 5)),
        ("arxiv/months/2018-02", 1, date(2018, 2, 28), date(2018, 2, 28)),
    ]
    assert manifest.ledger == (answer(),)


def test_a_damaged_and_a_newer_manifest(tmp_path: Path) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    path = tmp_path / "manifest.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "format": 99}))
    with pytest.raises(StoreTooNew, match="format 99"):
        Store.open(tmp_path)
    path.write_text(path.read_text()[:100])
    with pytest.raises(StoreDamaged, match="is damaged"):
        Store.open(tmp_path)


def test_files_are_chosen_by_their_dates(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper(f"18{m:02d}.00001", f"2018-{m:02d}-15") for m in range(1, 13)])
    assert len(store.list_files()) == 12
    assert [item.first.month for item in store.list_files(date(2018, 3, 15), date(2018, 5, 15))] == [3, 4]
    assert store.list_files(date(2019, 1, 1)) == []


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    code = f"from pathlib import Path; from trendcli.store.store import Store\nwith Store.open(Path({str(tmp_path)!r})).write_lock(): pass"
    with store.write_lock():
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert other.returncode == 1
        assert f"being written by process {os.getpid()}" in other.stderr
        assert Store.open(tmp_path).manifest.submission_count == 1  # readers are not held up
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_locked_store_says_who_holds_it(tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    with (
        store.write_lock(),
        pytest.raises(StoreLocked, match=r"Nothing was changed"),
        Store.open(tmp_path).write_lock(),
    ):
        pass


def test_a_writer_sees_what_was_committed_meanwhile(tmp_path: Path) -> None:
    early = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    fill(tmp_path, [paper("1801.00002", "2018-01-06")])
    assert early.manifest.submission_count == 1
    with early.write_lock():
        assert early.manifest.submission_count == 2


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    write_file_atomically(path, b"old")
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError("power")))
    with pytest.raises(OSError, match="power"):
        write_file_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_the_schema_is_the_columns() -> None:
    assert data_schema().names == [name for name, _ in DATA_COLUMNS]


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    store = fill(tmp_path / "a", [paper("1801.00001", "2018-01-05")])
    same = fill(tmp_path / "b", [paper("1801.00001", "2018-01-05")])
    other = fill(tmp_path / "c", [paper("1801.00001", "2018-01-06")])
    assert store.compute_fingerprint() == same.compute_fingerprint() != other.compute_fingerprint()
    changed = Store(store.root, replace(store.manifest, ledger=()))
    assert changed.compute_fingerprint() != store.compute_fingerprint()


def test_a_store_of_an_older_format_is_migrated(tmp_path: Path) -> None:
    """Format 1 knew no days of change in its answers. It is read as it is, and written anew by the next commit."""
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    path = tmp_path / "manifest.json"
    value = json.loads(path.read_text())
    assert value["format"] == 3
    for item in value["ledger"]:
        del item["changed"]
    old = json.dumps({**value, "format": 1})
    path.write_text(old)
    store = Store.open(tmp_path)
    assert (store.manifest.submission_count, store.manifest.ledger) == (1, (answer(),))
    assert path.read_text() == old  # reading changes nothing
    fill(tmp_path, [paper("1801.00002", "2018-01-06")])
    assert json.loads(path.read_text())["format"] == 3
    assert Store.open(tmp_path).manifest.submission_count == 2


def test_a_later_answer_stands_for_one_that_was_not_whole(tmp_path: Path) -> None:
    short = answer(since="2018-01-01", until="2019-01-01", status="partial")
    store = fill(tmp_path, [], [short, answer(["cs.CL"], status="failed")])
    fill(tmp_path, [], [answer(since="2018-01-01", until="2019-01-01", at="2020-07-01")])
    fill(tmp_path, [], [answer(since="2018-01-01", until="2019-01-01", at="2020-08-01")])
    store = Store.open(tmp_path)
    assert [(a.categories[0], a.status) for a in store.manifest.ledger] == [
        ("cs.CL", "failed"),
        ("cs.LG", "complete"),
        ("cs.LG", "complete"),
    ]
