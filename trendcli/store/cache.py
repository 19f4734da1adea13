"""What can be computed again, kept beside the store: small parquet files, each for a rectangle of data files × keys.

    STORE/cache/<kind>/<name>.json      which data files and which keys (rules or topics) the file of that name covers
    STORE/cache/<kind>/<name>.parquet   the rows

Data files never change and keys are hashes of what they stand for, so nothing here can be out of date; it can only be
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
    """A rectangle that is known: its rows are in a parquet file, or in memory where the store cannot be written."""

    file_ids: frozenset[int]
    keys: frozenset[int]
    rows: Path | pa.Table


ComputeRows = Callable[[Sequence[int], Sequence[int]], "pa.Table"]


def ensure_blocks(
    store: Store, kind: str, file_ids: Iterable[int], keys: Iterable[int], compute_rows: ComputeRows
) -> list[CacheBlock]:
    """Pieces that together cover files × keys; what is missing is computed and kept.

    `compute(files, keys)` returns the rows of a rectangle. Two processes that miss the same thing do not both compute
    it: the second waits for the first.
    """
    wanted, named = frozenset(keys), frozenset(file_ids)
    if not wanted or not named:
        return []
    folder = store.cache_folder / kind
    pieces = _read_blocks(folder)
    if _find_missing(pieces, named, wanted):
        with _lock_folder(folder) as writable:
            pieces = _read_blocks(folder)
            for some_files, some_keys in _find_missing(pieces, named, wanted):
                rows = compute_rows(some_files, some_keys)
                pieces.append(
                    _write_block(folder, some_files, some_keys, rows)
                    if writable
                    else _build_block(some_files, some_keys, rows)
                )
    return [piece for piece in pieces if piece.file_ids & named and piece.keys & wanted]


def list_blocks(store: Store, kind: str) -> list[CacheBlock]:
    """All pieces of a kind."""
    return _read_blocks(store.cache_folder / kind)


def add_block(store: Store, kind: str, file_ids: Iterable[int], keys: Iterable[int], rows: pa.Table) -> None:
    """Add a rectangle that was computed elsewhere; nothing happens where the store cannot be written."""
    folder = store.cache_folder / kind
    with _lock_folder(folder) as writable:
        if writable:
            _write_block(folder, sorted(file_ids), sorted(keys), rows)


def remove_stale_blocks(store: Store, kind: str) -> None:
    """Remove pieces that speak only of files the store named before its last two commits."""
    alive = {item.file_id for item in store.manifest.files}
    alive |= {int(path.split(".")[-2], 16) for path in store.manifest.dropped}
    folder = store.cache_folder / kind
    with _lock_folder(folder) as writable:
        for piece in _read_blocks(folder) if writable else ():
            if not piece.file_ids & alive and isinstance(piece.rows, Path):
                piece.rows.with_suffix(".json").unlink(missing_ok=True)
                piece.rows.unlink(missing_ok=True)


def _find_missing(
    blocks: Sequence[CacheBlock], file_ids: frozenset[int], keys: frozenset[int]
) -> list[tuple[list[int], list[int]]]:
    """What no piece covers, as rectangles that do not overlap: files that lack the same keys go together."""
    lacking: dict[frozenset[int], list[int]] = {}
    by_pieces: dict[tuple[int, ...], frozenset[int]] = {}
    for file in file_ids:
        holders = tuple(number for number, piece in enumerate(blocks) if file in piece.file_ids)
        if holders not in by_pieces:
            by_pieces[holders] = keys.difference(*(blocks[number].keys for number in holders))
        if by_pieces[holders]:
            lacking.setdefault(by_pieces[holders], []).append(file)
    return [(sorted(some_files), sorted(some_keys)) for some_keys, some_files in lacking.items()]


def _read_blocks(folder: Path) -> list[CacheBlock]:
    pieces = []
    try:
        names = sorted(path for path in os.listdir(folder) if path.endswith(".json"))
    except FileNotFoundError:
        return []
    for name in names:
        try:
            header = json.loads((folder / name).read_text(encoding="utf-8"))
            rows = (folder / name).with_suffix(".parquet")
            if rows.exists():
                pieces.append(_build_block(header["files"], header["keys"], rows))
        except (OSError, ValueError, KeyError):
            continue  # swept away meanwhile, or damaged: it will be computed again
    return pieces


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
    """Hold the folder's lock and yield whether it can be written at all; a disk may be read-only."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(folder / "lock"))
        except OSError:
            yield False
        else:
            yield True
