"""Checks of the caches of a store: their files, their totals, and a sample of counts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trendcli.core.types import Progress
from trendcli.reports.doctor.problems import FIX_COMMAND, StoreProblem
from trendcli.reports.notes import format_count
from trendcli.reports.papers.fulltext import index_folder, read_index
from trendcli.store import cache
from trendcli.store.manifest import DataFile
from trendcli.store.result_cache import list_damaged_results
from trendcli.store.store import TEXT_FIELDS, Store
from trendcli.topics import aggregates, matches
from trendcli.topics.library import Library

# submissions of the files that are counted again
SAMPLE_ROWS = 20_000
CACHE_KINDS = (matches.CACHE_KIND, aggregates.CACHE_KIND)


def check_caches(
    store: Store, library: Library, whole_files: Sequence[DataFile], progress: Progress
) -> tuple[list[StoreProblem], list[str]]:
    """Return the damage to caches, and a note on what was counted again.

    Damaged blocks are left out by every report and computed again, so a finding says that the disk or a copy is at
    fault, and not that a number was wrong.
    """
    problems = [_cache_problem(store, path, damage) for path, damage in find_damaged_blocks(store)]
    damaged_results = list_damaged_results(store.root)
    problems += [_cache_problem(store, path, "damaged result in the cache") for path in damaged_results]
    if read_index(store).is_damaged:
        where = (index_folder(store) / "index.json").relative_to(store.root).as_posix()
        problems.append(StoreProblem("damaged search index, which is not used", where, "`trend index` rebuilds it"))
    wrong_files, note = recount_sample(store, library, whole_files, progress)
    problems += [
        StoreProblem(f"cached counts differ from the texts: {', '.join(topics[:3])}", path, FIX_COMMAND)
        for path, topics in wrong_files.items()
    ]
    return problems, [note] if note else []


def find_damaged_blocks(store: Store) -> list[tuple[Path, str]]:
    """Return the blocks of the caches that reports skip, for each choice of text fields, with their faults."""
    return [
        damage for view in list_views(store) for kind in CACHE_KINDS for damage in cache.find_damaged_blocks(view, kind)
    ]


def list_views(store: Store) -> list[Store]:
    """Return the store with each choice of text fields for which it has a cache."""
    choices = [
        path.name.split("-")
        for path in (store.root / "cache").glob("*")
        if path.is_dir() and set(path.name.split("-")) <= set(TEXT_FIELDS)
    ]
    return [store, *(store.with_text_fields(fields) for fields in choices)]


def _cache_problem(store: Store, path: Path, damage: str) -> StoreProblem:
    remedy = f"{FIX_COMMAND} removes it; it is computed again"
    return StoreProblem(damage, path.relative_to(store.root).as_posix(), remedy)


def recount_sample(
    store: Store, library: Library, whole_files: Sequence[DataFile], progress: Progress
) -> tuple[dict[str, list[str]], str]:
    """Match and count some data files from their texts, and compare with what is cached of them.

    Return the topics whose counts differ by the path of the file, and a note; '' where nothing was compared.
    """
    blocks = cache.list_blocks(store, aggregates.CACHE_KIND)
    cached_ids = {file_id for block in blocks for file_id in block.file_ids}
    candidates = [file for file in whole_files if not file.replaces and file.file_id in cached_ids]
    sample: list[DataFile] = []
    # the same store gives the same sample, so that a finding can be reproduced
    for file in random.Random(store.compute_fingerprint()).sample(candidates, len(candidates)):
        if sum(other.rows for other in sample) + file.rows <= SAMPLE_ROWS:
            sample.append(file)
    keys = {key for block in blocks for key in block.keys}
    topics = [name for name in library.topics if aggregates.topic_key(library, name) in keys]
    if not sample or not topics:
        return {}, ""
    with TemporaryDirectory() as folder:
        alone = Store(store.root, replace(store.manifest, files=tuple(sample)), store.text_fields)
        alone.cache_root = Path(folder)
        fresh_counts = _read_counts(alone, aggregates.ensure_aggregates(alone, library, topics, progress), sample)
    topic_by_key = {aggregates.topic_key(library, name): name for name in topics}
    cached_counts = _read_counts(store, blocks, sample)
    wrong_files: dict[str, list[str]] = {}
    for file in sample:
        covered = {key for block in blocks if file.file_id in block.file_ids for key in block.keys}
        differing = [
            topic_by_key.get(key, "the total")
            for key in sorted(covered & {*topic_by_key, aggregates.TOTAL_KEY})
            if cached_counts.get((file.file_id, key)) != fresh_counts.get((file.file_id, key))
        ]
        if differing:
            wrong_files[file.path] = differing
    return wrong_files, (
        f"Counted {format_count(len(topics), 'topic')} in {sum(file.rows for file in sample):,} submissions again from "
        "their texts, and compared with the cache."
    )


def _read_counts(
    store: Store, blocks: Sequence[cache.CacheBlock], files: Sequence[DataFile]
) -> dict[tuple[int, int], list[tuple[Any, ...]]]:
    """Return the aggregates of some files by file and topic key, each sorted."""
    file_ids = ", ".join(str(file.file_id) for file in files)
    counts: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    with store.connect() as db:
        rows = db.execute(
            f"SELECT file, topic, month, categories, {', '.join(aggregates.AGGREGATE_COLUMNS)} "
            f"FROM ({aggregates.aggregates_sql(db, store, blocks)}) WHERE file IN ({file_ids}) ORDER BY ALL"
        ).fetchall()
    for file_id, key, *values in rows:
        counts.setdefault((file_id, key), []).append(tuple(values))
    return counts
