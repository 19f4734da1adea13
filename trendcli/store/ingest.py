"""Upsert by canonical id: which incoming submissions are new, revised or repeats, and the files that hold them.

A higher version wins, then the later day on which a source vouched for the state. The v1 date is written once: a source
that disagrees later is overruled and counted as a conflict. So the same submissions in any order give the same store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trendcli.core import parallel as workers
from trendcli.core.arrow import pa, pc
from trendcli.core.types import CoverageRecord
from trendcli.store import records as staging
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store, write_data_file

# rows of an update file, and rows from which a second process pays
MAX_DELTA_ROWS = 50_000
_KEY_COLUMNS = ("id", "version", "as_of", "v1_at", "row_hash", "comments", "journal_ref", "doi", "withdrawn")


@dataclass(frozen=True)
class UpsertCounts:
    """What came in: submissions that were unknown, new states of known ones, repeats, and v1 dates overruled."""

    new: int = 0
    revised: int = 0
    repeated: int = 0
    conflicts: int = 0

    def __add__(self, other: UpsertCounts) -> UpsertCounts:
        return UpsertCounts(
            self.new + other.new,
            self.revised + other.revised,
            self.repeated + other.repeated,
            self.conflicts + other.conflicts,
        )


def upsert_batches(
    store: Store, batches: Sequence[pa.Table | Path], coverage_records: Iterable[CoverageRecord]
) -> UpsertCounts:
    """Bring parts and the answers they belong to into the store, as one commit; call it inside `store.write_lock()`."""
    tables = [staging.read_batch(part) for part in batches]
    coverage_records = [answer for answer in coverage_records if answer not in store.manifest.ledger]
    wins, merged = _select_winners(store, tables)
    files: list[DataFile] = []
    if wins is None:
        files = list(_write_month_files(store, batches, tables))
    elif wins.num_rows:
        files = [
            write_data_file(
                store.root, store.corpus, "update", f"{store.manifest.generation + 1:06d}-{number:03d}", rows
            )
            for number, rows in enumerate(_iter_delta_tables(tables, wins))
        ]
    if files or coverage_records:
        store.commit(files, coverage_records)
    return merged


def _select_winners(store: Store, tables: Sequence[pa.Table]) -> tuple[pa.Table | None, UpsertCounts]:
    """The incoming rows that enter the store, as (part, row, v1_at, over_file, over_row); None for all of them."""
    total = sum(table.num_rows for table in tables)
    if not total:
        return pa.table({"part": []}), UpsertCounts()
    chosen = _KEY_COLUMNS if store.manifest.files else _KEY_COLUMNS[:5]
    keys = pa.concat_tables(
        table.select(chosen)
        .append_column("part", pa.repeat(pa.scalar(number, pa.int32()), table.num_rows))
        .append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int32)))
        for number, table in enumerate(tables)
    )
    if not store.manifest.files and len(pc.unique(keys["id"])) == total:
        return None, UpsertCounts(new=total)
    with store.connect() as db:
        db.register("keys", keys)
        stored = file_rows_sql(store, store.list_files(), ", ".join(_KEY_COLUMNS))
        blank = (
            "" if store.manifest.files else ", NULL AS comments, NULL AS journal_ref, NULL AS doi, false AS withdrawn"
        )
        wins = db.sql(
            f"""
            WITH incoming AS (
                SELECT *{blank}, min(v1_at) OVER same AS first_v1, max(v1_at) OVER same AS last_v1
                FROM keys WINDOW same AS (PARTITION BY id)
                QUALIFY 1 = row_number() OVER (
                    PARTITION BY id ORDER BY version DESC, as_of DESC, row_hash DESC, part, row
                )
            )
            SELECT new.part, new.row, coalesce(old.v1_at, new.first_v1) AS v1_at,
                old.file AS over_file, old.row::INTEGER AS over_row,
                new.first_v1 <> new.last_v1 OR coalesce(old.v1_at <> new.first_v1, false) AS conflict,
                old.id IS NULL
                OR (new.version, new.as_of) > (old.version, old.as_of) AND (
                    new.row_hash <> old.row_hash
                    OR new.comments IS DISTINCT FROM old.comments
                    OR new.journal_ref IS DISTINCT FROM old.journal_ref
                    OR new.doi IS DISTINCT FROM old.doi
                    OR new.withdrawn AND NOT old.withdrawn
                )
                OR (new.version, new.as_of) = (old.version, old.as_of) AND new.row_hash > old.row_hash AS enters
            FROM incoming AS new LEFT JOIN ({stored}) AS old ON new.id = old.id
            ORDER BY new.part, new.row
            """
        ).to_arrow_table()
    conflicts = pc.sum(wins["conflict"]).as_py() or 0
    wins = wins.filter(wins["enters"])
    new = wins["over_file"].null_count
    return wins, UpsertCounts(new, wins.num_rows - new, total - wins.num_rows, conflicts)


def _iter_delta_tables(tables: Sequence[pa.Table], wins: pa.Table) -> Iterator[pa.Table]:
    """The winning rows in the shape of update files, at most MANY rows each and a little over."""
    waiting: list[pa.Table] = []
    for number, table in enumerate(tables):
        mine = wins.filter(pc.equal(wins["part"], number))
        if not mine.num_rows:
            continue
        rows = table.take(mine["row"])
        rows = rows.set_column(rows.schema.get_field_index("v1_at"), "v1_at", mine["v1_at"].cast(pa.timestamp("ms")))
        waiting.append(rows.append_column("over_file", mine["over_file"]).append_column("over_row", mine["over_row"]))
        if sum(item.num_rows for item in waiting) >= MAX_DELTA_ROWS:
            yield _sort_rows(pa.concat_tables(waiting))
            waiting = []
    if waiting:
        yield _sort_rows(pa.concat_tables(waiting))


def _sort_rows(rows: pa.Table) -> pa.Table:
    rows = rows.combine_chunks()
    return rows.take(pc.sort_indices(rows, [("v1_at", "ascending"), ("id", "ascending")]))


def _write_month_files(
    store: Store, batches: Sequence[pa.Table | Path], tables: Sequence[pa.Table]
) -> Iterator[DataFile]:
    """All incoming rows as month files, for a store that is still empty."""
    where: dict[str, list[tuple[pa.Table | Path, int, int]]] = {}
    for part, table in zip(batches, tables, strict=True):
        for month, (offset, length) in staging.month_slices(table).items():
            where.setdefault(month, []).append((part, offset, length))
    many = sum(table.num_rows for table in tables) > MAX_DELTA_ROWS and all(isinstance(part, Path) for part in batches)
    if not many:
        yield from (
            _write_month_file(store.root, store.corpus, month, pieces) for month, pieces in sorted(where.items())
        )
        return
    with workers.create_pool() as pool:
        work = [
            pool.submit(_write_month_file, store.root, store.corpus, month, pieces)
            for month, pieces in sorted(where.items())
        ]
        yield from (future.result() for future in work)


def _write_month_file(
    root: Path, corpus: str, month: str, pieces: Sequence[tuple[pa.Table | Path, int, int]]
) -> DataFile:
    rows = pa.concat_tables([staging.read_batch(part).slice(offset, length) for part, offset, length in pieces])
    none = [pa.nulls(rows.num_rows, pa.int64()), pa.nulls(rows.num_rows, pa.int32())]
    rows = rows.append_column("over_file", none[0]).append_column("over_row", none[1])
    return write_data_file(root, corpus, "month", month, _sort_rows(rows))


def find_missing_ids(store: Store, ids: Sequence[str], as_of_days: Sequence[int]) -> list[str]:
    """Which of some submissions the store does not hold as they stood on some day, counted from 1970, or later."""
    listed = pa.table({"id": pa.array(ids, pa.string()), "day": pa.array(as_of_days, pa.int32())})
    with store.connect() as db:
        db.register("listed", listed)
        stored = file_rows_sql(store, store.list_files(), "id, as_of")
        found = db.execute(
            f"""
            SELECT listed.id FROM listed LEFT JOIN ({stored}) AS stored
            ON stored.id = listed.id AND stored.as_of >= DATE '1970-01-01' + listed.day
            WHERE stored.id IS NULL ORDER BY listed.id
            """
        ).fetchall()
    return [row[0] for row in found]
