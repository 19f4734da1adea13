"""What can be computed again, kept beside the store: small parquet files, each for a rectangle of data files × keys.

    STORE/cache/<kind>/<name>.json      which data files and which keys (of rules or topics) a block covers
    STORE/cache/<kind>/<name>.parquet   its rows

Data files never change and keys are hashes of what they stand for, so a block is never out of date; it can only be
missing. A store on a read-only disk is served from memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64_hexdigest

from trendcli.core.files import atomic_draft, exclusive_lock, write_file_atomically
from trendcli.store.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class CacheBlock:
    """The rows of some data files for some keys: a parquet file, or a table where the store cannot be written."""

    file_ids: frozenset[int]
    keys: frozenset[int]
    rows: Path | pa.Table


ComputeRows = Callable[[Sequence[int], Sequence[int]], "pa.Table"]


def ensure_blocks(
    store: Store, kind: str, file_ids: Iterable[int], keys: Iterable[int], compute_rows: ComputeRows
) -> list[CacheBlock]:
    """Return blocks that together cover files × keys; compute and store what is missing.

    `compute_rows(file_ids, keys)` returns the rows of a rectangle. Two processes that miss the same rows do not both
    compute them: the second waits for the first.
    """
    requested_keys, requested_files = frozenset(keys), frozenset(file_ids)
    if not requested_keys or not requested_files:
        return []
    folder = store.cache_folder / kind
    blocks = _read_blocks(folder)
    if _find_missing(blocks, requested_files, requested_keys):
        with _lock_folder(folder) as writable:
            blocks = _read_blocks(folder)
            for missing_files, missing_keys in _find_missing(blocks, requested_files, requested_keys):
                rows = compute_rows(missing_files, missing_keys)
                blocks.append(
                    _write_block(folder, missing_files, missing_keys, rows)
                    if writable
                    else _build_block(missing_files, missing_keys, rows)
                )
    return [block for block in blocks if block.file_ids & requested_files and block.keys & requested_keys]


def list_blocks(store: Store, kind: str) -> list[CacheBlock]:
    """Return all stored blocks of a kind."""
    return _read_blocks(store.cache_folder / kind)


def add_block(store: Store, kind: str, file_ids: Iterable[int], keys: Iterable[int], rows: pa.Table) -> None:
    """Store a block that was computed by other means; do nothing where the store cannot be written."""
    folder = store.cache_folder / kind
    with _lock_folder(folder) as writable:
        if writable:
            _write_block(folder, sorted(file_ids), sorted(keys), rows)


def remove_stale_blocks(store: Store, kind: str) -> None:
    """Remove the blocks of which neither the store nor the state before its last commit names any file."""
    live_ids = {file.file_id for file in store.manifest.files}
    live_ids |= {int(path.split(".")[-2], 16) for path in store.manifest.dropped}
    folder = store.cache_folder / kind
    with _lock_folder(folder) as writable:
        for block in _read_blocks(folder) if writable else ():
            if not block.file_ids & live_ids and isinstance(block.rows, Path):
                block.rows.with_suffix(".json").unlink(missing_ok=True)
                block.rows.unlink(missing_ok=True)


def _find_missing(
    blocks: Sequence[CacheBlock], file_ids: frozenset[int], keys: frozenset[int]
) -> list[tuple[list[int], list[int]]]:
    """Return what no block covers, as rectangles that do not overlap: files that lack the same keys share one."""
    files_by_keys: dict[frozenset[int], list[int]] = {}
    keys_by_blocks: dict[tuple[int, ...], frozenset[int]] = {}  # most files lie in the same blocks
    for file_id in file_ids:
        holders = tuple(number for number, block in enumerate(blocks) if file_id in block.file_ids)
        if holders not in keys_by_blocks:
            keys_by_blocks[holders] = keys.difference(*(blocks[number].keys for number in holders))
        if keys_by_blocks[holders]:
            files_by_keys.setdefault(keys_by_blocks[holders], []).append(file_id)
    return [(sorted(missing_files), sorted(missing_keys)) for missing_keys, missing_files in files_by_keys.items()]


def _read_blocks(folder: Path) -> list[CacheBlock]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except FileNotFoundError:
        return []
    blocks = []
    for name in names:
        try:
            header = json.loads((folder / name).read_text(encoding="utf-8"))
            rows_path = (folder / name).with_suffix(".parquet")
            if rows_path.exists():
                blocks.append(_build_block(header["files"], header["keys"], rows_path))
        except (OSError, ValueError, KeyError):
            continue  # removed meanwhile, or damaged: it will be computed again
    return blocks


def _build_block(file_ids: Sequence[int], keys: Sequence[int], rows: Path | pa.Table) -> CacheBlock:
    return CacheBlock(frozenset(file_ids), frozenset(keys), rows)


def _write_block(folder: Path, file_ids: Sequence[int], keys: Sequence[int], rows: pa.Table) -> CacheBlock:
    import pyarrow.parquet as pq

    name = xxh3_64_hexdigest(json.dumps([file_ids, keys]).encode())
    path = folder / f"{name}.parquet"
    with atomic_draft(path) as draft:
        pq.write_table(rows, draft, compression="zstd", compression_level=3)
    write_file_atomically(path.with_suffix(".json"), json.dumps({"files": file_ids, "keys": keys}).encode())
    return _build_block(file_ids, keys, path)


@contextmanager
def _lock_folder(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock during the block, and yield whether the folder can be written; a disk may be read-only."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(folder / "lock"))
        except OSError:
            yield False
        else:
            yield True
