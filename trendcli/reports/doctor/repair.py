"""Repairing what can be repaired without losing a readable submission."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from trendcli.core.errors import StoreDamaged
from trendcli.core.types import Progress, ignore_progress
from trendcli.reports.doctor.caches import CACHE_KINDS, find_damaged_blocks, list_views, recount_sample
from trendcli.reports.doctor.files import find_damage, list_damaged_generations
from trendcli.reports.judgements import JUDGEMENTS_FOLDER, read_judgements, repair_judgements
from trendcli.reports.notes import format_count
from trendcli.store import cache
from trendcli.store.identity import IDENTITY_NAME, ensure_identity, read_identity
from trendcli.store.manifest import COUNTS_ONLY_KIND
from trendcli.store.quarantine import (
    QUARANTINE_FOLDER,
    newest_day,
    quarantine_files,
    quarantine_leftovers,
    remove_expired_folders,
)
from trendcli.store.repair import compact_duplicates, correct_replacements, set_aside_files
from trendcli.store.result_cache import list_damaged_results
from trendcli.store.store import Store
from trendcli.topics.library import Library


def repair_store(store: Store, library: Library, progress: Progress = ignore_progress) -> list[str]:
    """Repair what can be repaired; return a sentence per repair. Call it inside `store.write_lock()`.

    Leftovers and damaged files are moved to the quarantine, and the days of damaged ones become a gap that the next
    fetch fills. Duplicates are compacted to the newest state. Damaged caches are removed and computed again.
    """
    repairs = [
        f"Moved {path.relative_to(store.root).as_posix()} to the quarantine." for path in quarantine_leftovers(store)
    ]
    today = datetime.now(UTC).date()
    repairs += [
        f"Deleted {folder.relative_to(store.root).as_posix()}, whose 30 days are over."
        for folder in remove_expired_folders(store.root, today)
    ]
    repairs += _repair_small_files(store)
    data_files = [file for file in store.manifest.files if file.kind != COUNTS_ONLY_KIND]
    damaged = [file for file in data_files if find_damage(store, file)]
    if damaged:
        repairs += set_aside_files(store, damaged)
    if data_files:
        repairs += correct_replacements(store)
        if month_count := compact_duplicates(store):
            repairs.append(f"Removed duplicate submissions in {format_count(month_count, 'month')}.")
    repairs += _remove_damaged_caches(store)
    return repairs + _remove_wrong_counts(store, library, progress)


def _repair_small_files(store: Store) -> list[str]:
    repairs = []
    try:
        identity = read_identity(store.root)
    except (OSError, ValueError):
        identity = None
        quarantine_files(store.root, [store.root / IDENTITY_NAME], newest_day(store.manifest))
    if identity is None:
        ensure_identity(store.root, store.corpus, synthetic=store.manifest.synthetic)
        repairs.append(f"Wrote {IDENTITY_NAME}, which marks the folder as a store.")
    for path in list_damaged_generations(store):
        quarantine_files(store.root, [path], newest_day(store.manifest))
        repairs.append(f"Moved {path.relative_to(store.root).as_posix()} to the quarantine.")
    for path in sorted((store.root / JUDGEMENTS_FOLDER).glob("*.jsonl")):
        try:
            read_judgements(store, path.stem)
        except StoreDamaged:
            with suppress(OSError):  # it stays a finding
                lost_count = repair_judgements(path, store.root / QUARANTINE_FOLDER / str(newest_day(store.manifest)))
                name = path.relative_to(store.root).as_posix()
                repairs.append(f"Kept the readable judgements in {name}; lost {format_count(lost_count, 'line')}.")
    return repairs


def _remove_wrong_counts(store: Store, library: Library, progress: Progress) -> list[str]:
    """Remove the cached matches and counts of files for which a sample shows counts that the texts do not give."""
    whole_files = [file for file in store.manifest.files if file.kind != COUNTS_ONLY_KIND]
    wrong_files, _ = recount_sample(store, library, whole_files, progress)
    for kind in CACHE_KINDS if wrong_files else ():
        file_ids = {file.file_id for file in store.manifest.files}
        cache.drop_blocks(store, (block for block in cache.list_blocks(store, kind) if block.file_ids & file_ids))
    return ["Removed all cached matches and counts: a sample did not match the texts."] if wrong_files else []


def _remove_damaged_caches(store: Store) -> list[str]:
    repairs = []
    for path in list_damaged_results(store.root):
        path.unlink(missing_ok=True)
        repairs.append(f"Removed {path.relative_to(store.root).as_posix()} from the cache.")
    for path, _ in find_damaged_blocks(store):
        path.unlink(missing_ok=True)
        path.with_suffix(".parquet").unlink(missing_ok=True)
        repairs.append(f"Removed {path.relative_to(store.root).as_posix()} from the cache.")
    for view in list_views(store):
        for kind in CACHE_KINDS:
            cache.remove_stale_blocks(view, kind)
    return repairs
