"""Blocks of the cache; a block of the tests holds one row (file, key) for each of its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.worlds import fill, paper
from trendcli.store.cache import CacheBlock, _find_missing, add_block, ensure_blocks, list_blocks, remove_stale_blocks
from trendcli.store.compaction import compact_store
from trendcli.store.store import Store


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
    assert pairs_of(ensure_blocks(store, "kind", [1, 2], [10], compute)) == [(1, 10), (2, 10)]
    ensure_blocks(store, "kind", [1], [10], compute)
    assert compute.calls == [([1, 2], [10])]
    assert pairs_of(ensure_blocks(store, "kind", [2, 3], [10, 11], compute)) == [
        (1, 10), (2, 10), (2, 11), (3, 10), (3, 11),  # the whole of a block that has some of it
    ]  # fmt: skip
    assert sorted(compute.calls[1:]) == [([2], [11]), ([3], [10, 11])]
    assert ensure_blocks(store, "kind", [], [10], compute) == ensure_blocks(store, "kind", [1], [], compute) == []
    assert ensure_blocks(store, "other kind", [1], [10], compute) != [] and len(compute.calls) == 4


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
        (block,) = ensure_blocks(store, "kind", [1], [10], compute)
        assert isinstance(block.rows, Path)
        path = block.rows.with_suffix(ending)
        path.unlink() if content is None else path.write_bytes(content)
        assert list_blocks(store, "kind") == []
    assert pairs_of(ensure_blocks(store, "kind", [1], [10], compute)) == [(1, 10)]
    assert compute.calls == [([1], [10])] * 4


def test_a_store_that_cannot_be_written_is_served_from_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("trendcli.store.cache.exclusive_lock", refuse)
    compute = Compute()
    assert pairs_of(ensure_blocks(store, "kind", [1], [10, 11], compute)) == [(1, 10), (1, 11)]
    add_block(store, "kind", [1], [10], compute([1], [10]))
    remove_stale_blocks(store, "kind")
    assert list(store.root.iterdir()) == []


def test_stale_blocks_go_once_no_state_names_their_files(tmp_path: Path) -> None:
    fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05", "Second", version=2)])
    old_ids = [file.file_id for file in store.manifest.files]
    for keys in ([10], [11]):
        add_block(store, "kind", old_ids, keys, Compute()(old_ids, keys))
    with store.write_lock():
        compact_store(store)
    remove_stale_blocks(store, "kind")
    assert len(list_blocks(store, "kind")) == 2  # a reader may have opened the store before
    with store.write_lock():
        store.commit([])
    remove_stale_blocks(store, "kind")
    assert list_blocks(store, "kind") == [] and list((store.cache_folder / "kind").iterdir()) == [
        store.cache_folder / "kind" / "lock"
    ]
