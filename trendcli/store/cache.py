"""What can be computed again, kept beside the store: small parquet files, each for a rectangle of data files × keys.

    STORE/cache/<kind>/<name>.json      which data files and which keys (of rules or topics) a block covers
    STORE/cache/<kind>/<name>.parquet   its rows

Data files never change and keys are hashes of what they stand for, so a block is never out of date; it can only be
missing. The name of a block is the hash of its header, which holds the hash of its rows and the version of the code
that computed them, so a block that is damaged is noticed, dropped and computed again. Blocks that overlap, as after two
caches were copied together, are not added up: of each pair of file and key one block counts. A store on a disk that is
full or read-only is served from memory.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xxhash import xxh3_64_hexdigest

from trendcli.core import __version__
from trendcli.core.errors import StoreDamaged
from trendcli.core.files import draft_path, exclusive_lock, publish_file, write_file_atomically
from trendcli.store.data_files import hash_content
from trendcli.store.manifest import COUNTS_ONLY_KIND
from trendcli.store.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

# older drafts were left by a killed process; writing one never takes an hour
_MAX_DRAFT_AGE_S = 86_400
_DRAFT_NAME = re.compile(r"[0-9a-z_.]+\.\d+\.draft")
_BLOCK_NAME = re.compile(r"[0-9a-f]{16}\.(?:json|parquet)")

log = logging.getLogger(__name__)


class CacheKind(NamedTuple):
    """What the blocks of a folder of the cache hold, and the version of the code that computes it."""

    folder: str
    version: str


@dataclass(frozen=True)
class CacheBlock:
    """The rows of some data files for some keys: a parquet file, or a table where the store cannot be written."""

    file_ids: frozenset[int]
    keys: frozenset[int]
    rows: Path | pa.Table

    @property
    def pair_count(self) -> int:
        """The number of pairs of file and key that the block covers."""
        return len(self.file_ids) * len(self.keys)


ComputeRows = Callable[[Sequence[int], Sequence[int]], "pa.Table"]


def ensure_blocks(
    store: Store, kind: CacheKind, file_ids: Iterable[int], keys: Iterable[int], compute_rows: ComputeRows
) -> list[CacheBlock]:
    """Return blocks that together cover files × keys, each pair once; compute and store what is missing.

    `compute_rows(file_ids, keys)` returns the rows of a rectangle. Two processes that miss the same rows do not both
    compute them: the second waits for the first.
    """
    requested_keys, requested_files = frozenset(keys), frozenset(file_ids)
    if not requested_keys or not requested_files:
        return []
    blocks = list_blocks(store, kind)
    if _find_missing(blocks, requested_files, requested_keys):
        folder = store.cache_folder / kind.folder
        with _lock_folder(folder) as writable:
            blocks = list_blocks(store, kind)
            for missing_files, missing_keys in _find_missing(blocks, requested_files, requested_keys):
                rows = compute_rows(missing_files, missing_keys)
                block = _write_block(folder, kind, missing_files, missing_keys, rows) if writable else None
                blocks.append(block or CacheBlock(frozenset(missing_files), frozenset(missing_keys), rows))
    return [block for block in blocks if block.file_ids & requested_files and block.keys & requested_keys]


def list_blocks(store: Store, kind: CacheKind) -> list[CacheBlock]:
    """Return stored blocks of a kind that do not overlap, the largest first; drop those that are damaged."""
    return _select_disjoint(_read_blocks(store, kind))


def add_block(store: Store, kind: CacheKind, file_ids: Iterable[int], keys: Iterable[int], rows: pa.Table) -> None:
    """Store a block that was computed by other means; do nothing where the store cannot be written."""
    folder = store.cache_folder / kind.folder
    block = CacheBlock(frozenset(file_ids), frozenset(keys), rows)
    with _lock_folder(folder) as writable:
        # a report may have computed some of it meanwhile
        if writable and not any(_has_common_pair(block, other) for other in list_blocks(store, kind)):
            _write_block(folder, kind, sorted(block.file_ids), sorted(block.keys), rows)


def remove_stale_blocks(store: Store, kind: CacheKind) -> int:
    """Remove the blocks that no report will read; return how many files were removed.

    Those are blocks of which no file of the store and none that a reader may still have open is left, blocks that
    others cover, those of other versions of the code, and drafts of killed processes.
    """
    live_ids = {file.file_id for file in store.manifest.files}
    live_ids |= {int(entry.path.split(".")[-2], 16) for entry in store.manifest.dropped}
    folder = store.cache_folder / kind.folder
    with _lock_folder(folder) as writable:
        if not writable or _holds_counts_only(store):
            return 0
        blocks = [block for block in list_blocks(store, kind) if block.file_ids & live_ids]
        kept_stems = {block.rows.stem for block in blocks if isinstance(block.rows, Path)}
        stale_names = [name for name in _list_names(folder) if _is_stale(folder / name, kept_stems)]
        for name in sorted(stale_names):  # a header goes before its rows
            (folder / name).unlink(missing_ok=True)
        return len(stale_names)


def drop_blocks(store: Store, blocks: Iterable[CacheBlock]) -> None:
    """Remove wrong blocks, with a warning."""
    for block in blocks:
        if isinstance(block.rows, Path):
            _drop_block(store, block.rows.with_suffix(".json"))


def _is_stale(path: Path, kept_stems: set[str]) -> bool:
    if _BLOCK_NAME.fullmatch(path.name):
        return path.stem not in kept_stems
    if _DRAFT_NAME.fullmatch(path.name):
        with suppress(OSError):
            return time.time() - path.stat().st_mtime > _MAX_DRAFT_AGE_S
    return False


def _has_common_pair(one: CacheBlock, other: CacheBlock) -> bool:
    """Return whether two blocks cover the same file for the same key."""
    return not one.file_ids.isdisjoint(other.file_ids) and not one.keys.isdisjoint(other.keys)


def _holds_counts_only(store: Store) -> bool:
    """Return whether the cache is all that there is: counts that were made on a cluster cannot be computed again."""
    return any(file.kind == COUNTS_ONLY_KIND for file in store.manifest.files)


def _select_disjoint(blocks: Sequence[CacheBlock]) -> list[CacheBlock]:
    """Return blocks that do not overlap (no pair of file and key twice), the largest first."""
    ordered = sorted(blocks, key=lambda block: (-block.pair_count, str(block.rows)))
    selected: list[CacheBlock] = []
    files_by_keys: dict[frozenset[int], set[int]] = {}  # most blocks have the same keys, and other files
    for block in ordered:
        overlaps = any(
            not block.file_ids.isdisjoint(files) and not block.keys.isdisjoint(keys)
            for keys, files in files_by_keys.items()
        )
        if not overlaps:
            selected.append(block)
            files_by_keys.setdefault(block.keys, set()).update(block.file_ids)
    return selected


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


def find_damaged_blocks(store: Store, kind: CacheKind) -> list[tuple[Path, str]]:
    """Return the headers of blocks that reports skip, each with its fault; remove nothing."""
    blocks, damaged = _inspect_blocks(store, kind)
    selected = _select_disjoint(blocks)
    overlapping = [block.rows.with_suffix(".json") for block in blocks if block not in selected]
    return [
        *((path, "damaged file in the cache") for path in damaged),
        *((path, "redundant file in the cache") for path in overlapping),
    ]


def _read_blocks(store: Store, kind: CacheKind) -> list[CacheBlock]:
    """Return all stored blocks of a kind with intact header and rows; drop the others."""
    blocks, damaged = _inspect_blocks(store, kind)
    for header_path in damaged:
        _drop_block(store, header_path)
    return blocks


def _inspect_blocks(store: Store, kind: CacheKind) -> tuple[list[CacheBlock], list[Path]]:
    """Return the intact stored blocks of a kind, and the headers of the damaged ones."""
    folder = store.cache_folder / kind.folder
    blocks, row_hashes, damaged = [], [], []
    for name in _list_names(folder):
        if not name.endswith(".json") or not _BLOCK_NAME.fullmatch(name):
            continue
        try:
            content = (folder / name).read_bytes()
        except OSError:  # removed meanwhile
            continue
        header = _parse_header(content, name.removesuffix(".json"))
        if header is None:
            damaged.append(folder / name)
        elif header.get("code") == kind.version or _holds_counts_only(store):
            rows_path = (folder / name).with_suffix(".parquet")
            blocks.append(CacheBlock(frozenset(header["files"]), frozenset(header["keys"]), rows_path))
            row_hashes.append((rows_path, header.get("rows", "")))  # the first versions stored none
    try:
        damaged_rows = set(store.content_checks.find_damaged(row_hashes))
    except OSError:  # some cannot be read: none can be trusted
        return [], damaged
    damaged += [path.with_suffix(".json") for path in damaged_rows]
    return [block for block in blocks if block.rows not in damaged_rows], sorted(damaged)


def _list_names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # not there yet, or not readable: all is computed again
        return []


def _parse_header(content: bytes, stem: str) -> dict[str, Any] | None:
    """Return a header; {} for one of an early version, which cannot be checked; None for a damaged one."""
    try:
        header = json.loads(content)
        is_first_version = header.keys() == {"files", "keys"}
        named = json.dumps([header["files"], header["keys"]]).encode() if is_first_version else content
        return header if xxh3_64_hexdigest(named) == stem else None
    except (ValueError, AttributeError, RecursionError):
        return None


def _drop_block(store: Store, header_path: Path) -> None:
    """Remove a damaged block, with a warning; StoreDamaged, and it stays, where it cannot be computed again."""
    if _holds_counts_only(store):
        raise StoreDamaged(
            f"The counts in {store.root} were made on a cluster, and one of their files is damaged: {header_path}. "
            "Nothing was changed; restore it from a backup, or count again on the cluster."
        )
    log.warning("The cache of %s contains a damaged file, which is computed again: %s", store.root, header_path.name)
    with suppress(OSError):  # a read-only disk
        header_path.unlink(missing_ok=True)
        header_path.with_suffix(".parquet").unlink(missing_ok=True)


def _write_block(
    folder: Path, kind: CacheKind, file_ids: Sequence[int], keys: Sequence[int], rows: pa.Table
) -> CacheBlock | None:
    """Write a block, and return it; None if the disk is full."""
    import pyarrow.parquet as pq

    draft = draft_path(folder / xxh3_64_hexdigest(json.dumps([file_ids, keys]).encode()))
    try:
        pq.write_table(rows, draft, compression="zstd", compression_level=3)
        header = {"code": kind.version, "program": __version__, "rows": hash_content(draft)}
        content = json.dumps({**header, "files": list(file_ids), "keys": list(keys)}).encode()
        path = folder / f"{xxh3_64_hexdigest(content)}.parquet"
        publish_file(draft, path)
        write_file_atomically(path.with_suffix(".json"), content)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        return None
    return CacheBlock(frozenset(file_ids), frozenset(keys), path)


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
