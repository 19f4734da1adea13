"""Compaction: rewrite the months that delta files speak of, and carry along what was computed of their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from trendcli.core import registry
from trendcli.core.arrow import pa
from trendcli.core.periods import add_months
from trendcli.store import records as staging
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store, data_schema, write_data_file

# updates beyond this share of all rows are folded into the months, since every read pays for them
MAX_DELTA_SHARE = 0.05


def is_compaction_due(store: Store, factor: float = 1) -> bool:
    """Whether the updates have grown past FOLD of all rows, or so many times that."""
    updates = sum(item.rows for item in store.manifest.files if item.kind == "update")
    return updates > factor * MAX_DELTA_SHARE * store.manifest.submission_count


def compact_store(store: Store, extra_months: Iterable[str] = ()) -> pa.Table:
    """Rewrite the months that delta files touch, and `extra_months` ('2019-03'), and drop the delta files.

    No submission changes; of one that is stored twice, the newest state stays. Whatever `registry.REMAPPERS` names is
    carried along to the new files. Call it inside `store.write_lock()`.

    Returns where each row of the new files lay before, as (old_file, old_row, file, row).
    """
    row_map = _rewrite_months(store, extra_months)
    for entry in registry.REMAPPERS.values():
        registry.load_entry(entry)(store, row_map)
    return row_map


def _rewrite_months(store: Store, extra_months: Iterable[str]) -> pa.Table:
    files = store.manifest.files
    updates = [item for item in files if item.kind == "update"]
    moves, written, gone = [], [], list(updates)
    months = set(extra_months)
    if not updates and not months:
        return _build_row_map([])
    names = staging.batch_schema(store.corpus).names
    with store.connect() as db:
        touched = db.execute(
            f"""
            SELECT DISTINCT strftime(v1_at, '%Y-%m') AS month
            FROM ({file_rows_sql(store, updates, "v1_at")}) ORDER BY month
            """
        ).fetchall()
        for month in sorted({*months, *(month for (month,) in touched)}):
            since = date.fromisoformat(f"{month}-01")
            until = add_months(since, 1)
            old = [item for item in files if item.kind == "month" and item.first >= since and item.last < until]
            sources = [*old, *[item for item in updates if item.last >= since and item.first < until]]
            rows = db.sql(
                f"""
                SELECT * FROM ({file_rows_sql(store, sources, ", ".join(names))})
                WHERE v1_at >= '{since}' AND v1_at < '{until}'
                QUALIFY 1 = row_number() OVER (PARTITION BY id ORDER BY version DESC, as_of DESC, row_hash DESC)
                ORDER BY v1_at, id
                """
            ).to_arrow_table()
            none = {"over_file": pa.nulls(rows.num_rows, pa.int64()), "over_row": pa.nulls(rows.num_rows, pa.int32())}
            data = pa.table({**{name: rows[name] for name in names}, **none}, schema=data_schema(store.corpus))
            written.append(write_data_file(store.root, store.corpus, "month", month, data))
            gone += old
            moves.append((rows["file"], rows["row"], written[-1].file_id))
    store.commit(written, replaced_files=gone)
    return _build_row_map(moves)


def _build_row_map(moves: Sequence[tuple[Any, Any, int]]) -> pa.Table:
    shape = pa.schema([("old_file", pa.int64()), ("old_row", pa.int64()), ("file", pa.int64()), ("row", pa.int64())])
    return pa.concat_tables(
        [
            pa.table(
                [files, rows, pa.repeat(pa.scalar(key), len(rows)), pa.array(range(len(rows)), pa.int64())],
                schema=shape,
            )
            for files, rows, key in moves
        ]
        or [shape.empty_table()]
    )
