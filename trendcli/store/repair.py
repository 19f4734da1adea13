"""Repairs of a store that lose no readable submission; each is called inside `write_lock()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trendcli.core.types import CoverageRecord
from trendcli.store.compaction import compact_store
from trendcli.store.manifest import DataFile, Manifest
from trendcli.store.quarantine import newest_day, quarantine_files
from trendcli.store.sql import create_temp_table, file_rows_sql
from trendcli.store.store import Store


def set_aside_files(store: Store, damaged: Sequence[DataFile]) -> list[str]:
    """Move damaged files to the quarantine; their days become gaps. Return a sentence for each."""
    store.commit([], build_gap_records(store.manifest, damaged), replaced_files=damaged, keep_replaced=True)
    paths = [path for file in damaged if (path := store.file_path(file)).exists()]
    quarantine_files(store.root, paths, newest_day(store.manifest))
    correct_replacements(store)
    return [f"Moved {file.path} to the quarantine: {describe_gap(file)}" for file in damaged]


def correct_replacements(store: Store) -> list[str]:
    """Correct the number of rows that each delta file replaces in the manifest; return a sentence for each."""
    corrected = find_wrong_replacements(store)
    if corrected:
        store.commit(corrected)
    return [f"Corrected the number of submissions that {file.path} replaces: {file.replaces:,}." for file in corrected]


def find_wrong_replacements(store: Store) -> list[DataFile]:
    """Return corrected entries for the delta files whose `replaces` is wrong."""
    delta_files = [file for file in store.manifest.files if file.kind == "update"]
    if not delta_files:
        return []
    rows = file_rows_sql(store, delta_files, "over_file, over_row", live_only=False)
    with store.connect() as db:
        named = [(file.file_id, file.rows) for file in store.manifest.files]
        create_temp_table(db, "named", "id BIGINT, row_count BIGINT", named)
        counts = dict(
            db.execute(
                f"SELECT file, count(*) FROM ({rows}) JOIN named ON over_file = id AND over_row < row_count "
                "GROUP BY file"
            ).fetchall()
        )
    corrected = [replace(file, replaces=counts.get(file.file_id, 0)) for file in delta_files]
    return [new for old, new in zip(delta_files, corrected, strict=True) if old != new]


def compact_duplicates(store: Store) -> int:
    """Keep the newest state of submissions that are stored twice in a month; return the number of such months."""
    rows = file_rows_sql(store, store.manifest.files, "id, v1_at")
    with store.connect() as db:
        months = db.execute(
            f"""
            SELECT DISTINCT strftime(v1_at, '%Y-%m') FROM ({rows})
            WHERE id IN (SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1)
            """
        ).fetchall()
    if months:
        compact_store(store, {month for (month,) in months})
    return len(months)


def build_gap_records(manifest: Manifest, files: Sequence[DataFile]) -> list[CoverageRecord]:
    """Return coverage records that make the days of some data files a gap, which the next fetch fills."""
    categories = tuple(sorted({name for record in manifest.ledger for name in record.categories}))
    # the latest answer decides, and of two of one moment the later record: so the gap overrules all answers so far,
    # whatever this machine's clock says, and is overruled by the next
    answered_at = max((record.answered_at for record in manifest.ledger), default=datetime.now(UTC))
    return [
        CoverageRecord(
            source="doctor",
            categories=categories,
            since=file.first,
            until=file.last + timedelta(days=1),
            answered_at=answered_at,
            status="partial",
            expected=file.rows,
            received=0,
            query=f"file {file.path}, which was damaged or lost",
            version="",
        )
        for file in files
    ]


def describe_gap(file: DataFile) -> str:
    """Describe what is missing without a data file, in a sentence."""
    return f"{file.rows:,} submissions from {file.first} to {file.last} are missing until they are fetched again."
