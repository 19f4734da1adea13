"""Blocks of the cache; a block of the tests holds one row (file, key) for each of its pairs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import time_machine

from tests.worlds import fill, paper
from trendcli.store.cache import (
    CacheBlock,
    CacheKind,
    _find_missing,
    add_block,
    ensure_blocks,
    find_damaged_blocks,
    list_blocks,
    remove_stale_blocks,
)
from trendcli.store.compaction import compact_store
from trendcli.store.store import Store

KIND = CacheKind("kind", "1")


class Compute:
    """A function for `ensure_blocks` that remembers what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[int], list[int]]] = []

    def __call__(self, file_ids: Sequence[int], keys: Sequence[int]) -> pa.Table:
        self.calls.append((list(file_ids), list(keys)))
        pairs = [(file_id, key) for file_id in file_ids for key in keys]
        return pa.table({"file": [file_id for file_id, _ in pairs], "key": [key for _, key in pairs]})


def pairs_of(blocks: Sequence[CacheBlock]) -> list[tuple[int, int]]:
    tables = [pq.read_table(block.rows) if isinstance(block.rows, Path) else block.rows for block in blocks]
    return sorted((row["file"], row["key"]) for table in tables for row in table.to_pylist())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open_or_create(tmp_path)


def test_only_what_is_missing_is_computed(store: Store) -> None:
    compute = Compute()
    assert pairs_of(ensure_blocks(store, KIND, [1, 2], [10], compute)) == [(1, 10), (2, 10)]
    ensure_blocks(store, KIND, [1], [10], compute)
    assert compute.calls == [([1, 2], [10])]
    assert pairs_of(ensure_blocks(store, KIND, [2, 3], [10, 11], compute)) == [
        (1, 10), (2, 10), (2, 11), (3, 10), (3, 11),  # the whole of a block that has some of it
    ]  # fmt: skip
    assert sorted(compute.calls[1:]) == [([2], [11]), ([3], [10, 11])]
    assert ensure_blocks(store, KIND, [], [10], compute) == ensure_blocks(store, KIND, [1], [], compute) == []
    assert ensure_blocks(store, CacheKind("other", "1"), [1], [10], compute) != [] and len(compute.calls) == 4


def test_missing_rectangles_do_not_overlap() -> None:
    blocks = [
        CacheBlock(frozenset({1, 2}), frozenset({10, 11}), Path()),
        CacheBlock(frozenset({3}), frozenset({10}), Path()),
    ]
    missing = _find_missing(blocks, frozenset({1, 2, 3, 4}), frozenset({10, 11, 12}))
    assert sorted(missing) == [([1, 2], [12]), ([3], [11, 12]), ([4], [10, 11, 12])]
    assert _find_missing(blocks, frozenset({1}), frozenset({11})) == []


def test_a_block_that_is_damaged_or_lacks_its_rows_is_computed_again(store: Store) -> None:
    compute = Compute()
    for ending, content in ((".json", b"{"), (".json", b"{}"), (".parquet", None)):
        (block,) = ensure_blocks(store, KIND, [1], [10], compute)
        assert isinstance(block.rows, Path)
        path = block.rows.with_suffix(ending)
        path.unlink() if content is None else path.write_bytes(content)
        assert list_blocks(store, KIND) == []
    assert pairs_of(ensure_blocks(store, KIND, [1], [10], compute)) == [(1, 10)]
    assert compute.calls == [([1], [10])] * 4


def test_a_store_that_cannot_be_written_is_served_from_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("trendcli.store.cache.exclusive_lock", refuse)
    compute = Compute()
    assert pairs_of(ensure_blocks(store, KIND, [1], [10, 11], compute)) == [(1, 10), (1, 11)]
    add_block(store, KIND, [1], [10], compute([1], [10]))
    remove_stale_blocks(store, KIND)
    assert list(store.root.iterdir()) == []


def test_stale_blocks_go_once_no_state_names_their_files(tmp_path: Path) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "Second", version=2)])
    old_ids = [file.file_id for file in store.manifest.files]
    for keys in ([10], [11]):
        add_block(store, KIND, old_ids, keys, Compute()(old_ids, keys))
    with store.write_lock():
        compact_store(store)
    remove_stale_blocks(store, KIND)
    assert len(list_blocks(store, KIND)) == 2  # a reader may have opened the store before
    with store.write_lock(), time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        store.commit([])
    remove_stale_blocks(store, KIND)
    assert list_blocks(store, KIND) == [] and list((store.cache_folder / KIND.folder).iterdir()) == [
        store.cache_folder / KIND.folder / "lock"
    ]


def test_of_blocks_that_overlap_one_counts(store: Store) -> None:
    """As after the caches of two copies of a store were copied together."""
    compute = Compute()
    for number, (file_ids, keys) in enumerate((([1, 2], [10]), ([1, 2], [11]), ([1, 2], [10, 11]), ([2, 3], [11, 12]))):
        copied = Store.open_or_create(store.root / f"copy{number}")
        add_block(copied, KIND, file_ids, keys, compute(file_ids, keys))
        shutil.copytree(copied.cache_folder, store.cache_folder, dirs_exist_ok=True)
    compute.calls.clear()
    pairs = pairs_of(ensure_blocks(store, KIND, [1, 2, 3], [10, 11, 12], compute))
    assert pairs == [(file_id, key) for file_id in (1, 2, 3) for key in (10, 11, 12)]
    assert 1 <= sum(len(file_ids) * len(keys) for file_ids, keys in compute.calls) <= 5  # a block of 4 was of use
    assert pairs_of(ensure_blocks(store, KIND, [1, 2, 3], [10, 11, 12], compute)) == pairs
    assert {damage for _, damage in find_damaged_blocks(store, KIND)} == {"redundant file in the cache"}


@pytest.mark.parametrize("ending", [".json", ".parquet"])
def test_one_bit_is_noticed_and_the_block_computed_again(
    store: Store, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    compute = Compute()
    for place in (0, 40, -1):
        (block,) = ensure_blocks(store, KIND, [1, 2], [10], compute)
        assert isinstance(block.rows, Path)
        path = block.rows.with_suffix(ending)
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
        caplog.clear()
        assert pairs_of(ensure_blocks(store, KIND, [1, 2], [10], compute)) == [(1, 10), (2, 10)]
        assert "a damaged file, which is computed again" in caplog.text
    assert len(compute.calls) == 4


def test_blocks_of_another_version_of_the_code_are_not_read(store: Store) -> None:
    compute = Compute()
    ensure_blocks(store, KIND, [1], [10], compute)
    ensure_blocks(store, KIND._replace(version="2"), [1], [10], compute)
    assert compute.calls == [([1], [10])] * 2
    assert find_damaged_blocks(store, KIND) == []


def test_on_a_full_disk_blocks_stay_in_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_disk(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", fill_disk)
    compute = Compute()
    assert pairs_of(ensure_blocks(store, KIND, [1], [10, 11], compute)) == [(1, 10), (1, 11)]
    assert [path.name for path in (store.cache_folder / KIND.folder).iterdir()] == ["lock"]
