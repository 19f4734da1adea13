"""Upsert by canonical id: which incoming submissions are new, revised or repeated, and the files that hold them.

A higher version wins, then the later day on which a source vouched for the state. The v1 date is written once: a source
that disagrees later is overruled and counted as a conflict. So the same submissions in any order give the same store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trendcli.core.arrow import pa, pc
from trendcli.core.parallel import create_pool
from trendcli.core.types import CoverageRecord
from trendcli.store.commits import format_commit
from trendcli.store.data_files import write_data_file
from trendcli.store.manifest import DataFile
from trendcli.store.records import month_slices, read_batch
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

# rows of a delta file, and rows beyond which a first import starts a second process
MAX_DELTA_ROWS = 50_000
# what decides whether a row enters the store; an empty one needs the first five alone
_KEY_COLUMNS = ("id", "version", "as_of", "v1_at", "row_hash", "comments", "journal_ref", "doi", "withdrawn")
_BatchSlice = tuple[pa.Table | Path, int, int]  # a batch, and the offset and length of a run of its rows


@dataclass(frozen=True)
class UpsertCounts:
    """What came in: submissions that are new, new states of stored ones, repeats, and v1 dates that were overruled."""

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
    """Write batches and their coverage records to the store as one commit; call it inside `store.write_lock()`.

    A batch is a table of `batch_schema`, or the path of a file of one.
    """
    tables = [read_batch(batch) for batch in batches]
    new_records = [record for record in coverage_records if record not in store.manifest.ledger]
    winners, counts = _select_winners(store, tables)
    files: list[DataFile] = []
    if winners is None:
        files = list(_write_month_files(store, batches, tables, new_records))
    elif winners.num_rows:
        files = _write_delta_files(store, tables, winners, new_records)
    if files or new_records:
        store.commit(files, new_records)
    return counts


def _select_winners(store: Store, tables: Sequence[pa.Table]) -> tuple[pa.Table | None, UpsertCounts]:
    """Return the incoming rows that enter the store, and what came in.

    The rows are (batch, row, v1_at, over_file, over_row, …), where `batch` is an index into `tables`; None stands for
    all rows of an import into an empty store.
    """
    total = sum(table.num_rows for table in tables)
    if not total:
        return pa.table({"batch": []}), UpsertCounts()
    key_columns = _KEY_COLUMNS if store.manifest.files else _KEY_COLUMNS[:5]
    keys = pa.concat_tables(
        table.select(key_columns)
        .append_column("batch", pa.repeat(pa.scalar(number, pa.int32()), table.num_rows))
        .append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int32)))
        for number, table in enumerate(tables)
    )
    if not store.manifest.files and len(pc.unique(keys["id"])) == total:
        return None, UpsertCounts(new=total)
    with store.connect() as db:
        db.register("keys", keys)
        stored = file_rows_sql(store, store.list_files(), ", ".join(_KEY_COLUMNS))
        unread_columns = (
            "" if store.manifest.files else ", NULL AS comments, NULL AS journal_ref, NULL AS doi, false AS withdrawn"
        )
        candidates = db.sql(
            f"""
            WITH incoming AS (
                SELECT *{unread_columns}, min(v1_at) OVER same AS first_v1, max(v1_at) OVER same AS last_v1
                FROM keys WINDOW same AS (PARTITION BY id)
                QUALIFY 1 = row_number() OVER (
                    PARTITION BY id ORDER BY version DESC, as_of DESC, row_hash DESC, batch, row
                )
            )
            SELECT new.batch, new.row, coalesce(old.v1_at, new.first_v1) AS v1_at,
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
            ORDER BY new.batch, new.row
            """
        ).to_arrow_table()
    conflict_count = pc.sum(candidates["conflict"]).as_py() or 0
    winners = candidates.filter(candidates["enters"])
    new_count = winners["over_file"].null_count
    return winners, UpsertCounts(new_count, winners.num_rows - new_count, total - winners.num_rows, conflict_count)


def _write_delta_files(
    store: Store, tables: Sequence[pa.Table], winners: pa.Table, records: Sequence[CoverageRecord]
) -> list[DataFile]:
    """Write the winning rows as delta files, and return their entries for the manifest."""
    shares = _split_tables(winners)
    stems = [f"{store.manifest.generation + 1:06d}-{number:03d}" for number in range(len(shares))]
    commit = format_commit(store.manifest, stems, records)
    return [
        write_data_file(store.root, store.corpus, "update", stem, _build_delta_table(tables, winners, numbers), commit)
        for stem, numbers in zip(stems, shares, strict=True)
    ]


def _split_tables(winners: pa.Table) -> list[list[int]]:
    """Return the numbers of the tables with winning rows, by delta file: each is closed once it has MAX_DELTA_ROWS."""
    shares: list[list[int]] = []
    row_count = MAX_DELTA_ROWS
    counts = sorted((entry["values"], entry["counts"]) for entry in winners["batch"].value_counts().to_pylist())
    for number, count in counts:
        if row_count >= MAX_DELTA_ROWS:
            shares.append([])
            row_count = 0
        shares[-1].append(number)
        row_count += count
    return shares


def _build_delta_table(tables: Sequence[pa.Table], winners: pa.Table, numbers: Sequence[int]) -> pa.Table:
    """Return the winning rows of some tables in the form of a delta file."""
    parts: list[pa.Table] = []
    for number in numbers:
        table = tables[number]
        batch_winners = winners.filter(pc.equal(winners["batch"], number))
        rows = table.take(batch_winners["row"])
        v1_at = batch_winners["v1_at"].cast(pa.timestamp("ms"))
        rows = rows.set_column(rows.schema.get_field_index("v1_at"), "v1_at", v1_at)
        for name in ("over_file", "over_row"):
            rows = rows.append_column(name, batch_winners[name])
        parts.append(rows)
    return _sort_rows(pa.concat_tables(parts))


def _sort_rows(rows: pa.Table) -> pa.Table:
    rows = rows.combine_chunks()
    return rows.take(pc.sort_indices(rows, [("v1_at", "ascending"), ("id", "ascending")]))


def _write_month_files(
    store: Store,
    batches: Sequence[pa.Table | Path],
    tables: Sequence[pa.Table],
    records: Sequence[CoverageRecord],
) -> Iterator[DataFile]:
    """Write all incoming rows as month files of a store that is still empty, and yield each file."""
    slices_by_month: dict[str, list[_BatchSlice]] = {}
    for batch, table in zip(batches, tables, strict=True):
        for month, (offset, length) in month_slices(table).items():
            slices_by_month.setdefault(month, []).append((batch, offset, length))
    commit = format_commit(store.manifest, slices_by_month, records)
    tasks = [(store.root, store.corpus, month, slices, commit) for month, slices in sorted(slices_by_month.items())]
    total = sum(table.num_rows for table in tables)
    if total <= MAX_DELTA_ROWS or not all(isinstance(batch, Path) for batch in batches):
        yield from (_write_month_file(*task) for task in tasks)
        return
    with create_pool() as pool:
        futures = [pool.submit(_write_month_file, *task) for task in tasks]
        yield from (future.result() for future in futures)


def _write_month_file(root: Path, corpus: str, month: str, slices: Sequence[_BatchSlice], commit: bytes) -> DataFile:
    rows = pa.concat_tables([read_batch(batch).slice(offset, length) for batch, offset, length in slices])
    rows = rows.append_column("over_file", pa.nulls(rows.num_rows, pa.int64()))
    rows = rows.append_column("over_row", pa.nulls(rows.num_rows, pa.int32()))
    return write_data_file(root, corpus, "month", month, _sort_rows(rows), commit)


def find_missing_ids(store: Store, ids: Sequence[str], as_of_days: Sequence[int]) -> list[str]:
    """Return those of `ids` that the store does not hold as of their day or later, in order.

    `as_of_days` holds a day for each id, counted from 1970-01-01.
    """
    listed = pa.table({"id": pa.array(ids, pa.string()), "day": pa.array(as_of_days, pa.int32())})
    with store.connect() as db:
        db.register("listed", listed)
        stored = file_rows_sql(store, store.list_files(), "id, as_of")
        missing = db.execute(
            f"""
            SELECT listed.id FROM listed LEFT JOIN ({stored}) AS stored
            ON stored.id = listed.id AND stored.as_of >= DATE '1970-01-01' + listed.day
            WHERE stored.id IS NULL ORDER BY listed.id
            """
        ).fetchall()
    return [id for (id,) in missing]
