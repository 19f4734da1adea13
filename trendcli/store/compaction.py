"""Compaction: merge delta files into month files, and move what is cached for their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from trendcli.core import registry
from trendcli.core.arrow import pa
from trendcli.core.periods import add_months
from trendcli.store.commits import format_commit
from trendcli.store.data_files import data_schema, write_data_file
from trendcli.store.manifest import DataFile
from trendcli.store.records import batch_schema
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

# delta files with more than this share of all rows are merged into the months, since every read pays for them
MAX_DELTA_SHARE = 0.05
ROW_MAP_COLUMNS = ("old_file", "old_row", "file", "row")


def is_compaction_due(store: Store, factor: float = 1) -> bool:
    """Whether the delta files hold more than `factor` times MAX_DELTA_SHARE of all submissions."""
    delta_rows = sum(file.rows for file in store.manifest.files if file.kind == "update")
    return delta_rows > factor * MAX_DELTA_SHARE * store.manifest.submission_count


def compact_store(store: Store, extra_months: Iterable[str] = ()) -> pa.Table:
    """Rewrite the months that delta files touch, and `extra_months` ('2019-03'), and drop the delta files.

    No submission changes; of one that is stored twice, the newest state stays. Whatever `registry.REMAPPERS` names is
    carried along to the new files. Call it inside `store.write_lock()`.

    Return where each row of the new files was before: ROW_MAP_COLUMNS, as 64-bit integers.
    """
    row_map = _rewrite_months(store, extra_months)
    for entry in registry.REMAPPERS.values():
        registry.load_entry(entry)(store, row_map)
    return row_map


def _rewrite_months(store: Store, extra_months: Iterable[str]) -> pa.Table:
    files = store.manifest.files
    delta_files = [file for file in files if file.kind == "update"]
    months = set(extra_months)
    if not delta_files and not months:
        return _build_row_map([], [])
    new_files, row_origins = [], []
    columns = batch_schema(store.corpus).names
    with store.connect() as db:
        touched_months = db.execute(
            f"""
            SELECT DISTINCT strftime(v1_at, '%Y-%m') AS month
            FROM ({file_rows_sql(store, delta_files, "v1_at")}) ORDER BY month
            """
        ).fetchall()
        starts = [
            date.fromisoformat(f"{month}-01") for month in sorted({*months, *(month for (month,) in touched_months)})
        ]
        month_files = {
            since: [
                file
                for file in files
                if file.kind == "month" and file.first >= since and file.last < add_months(since, 1)
            ]
            for since in starts
        }
        replaced_files = [*delta_files, *(file for since in starts for file in month_files[since])]
        commit = format_commit(store.manifest, (f"{since:%Y-%m}" for since in starts), replaced_files=replaced_files)
        for since in starts:
            until = add_months(since, 1)
            sources = [
                *month_files[since],
                *[file for file in delta_files if file.last >= since and file.first < until],
            ]
            rows = db.sql(
                f"""
                SELECT * FROM ({file_rows_sql(store, sources, ", ".join(columns))})
                WHERE v1_at >= '{since}' AND v1_at < '{until}'
                QUALIFY 1 = row_number() OVER (PARTITION BY id ORDER BY version DESC, as_of DESC, row_hash DESC)
                ORDER BY v1_at, id
                """
            ).to_arrow_table()
            replaces_none = {
                "over_file": pa.nulls(rows.num_rows, pa.int64()),
                "over_row": pa.nulls(rows.num_rows, pa.int32()),
            }
            table = pa.table(
                {**{name: rows[name] for name in columns}, **replaces_none}, schema=data_schema(store.corpus)
            )
            if not rows.num_rows:  # all were in a file that was quarantined
                continue
            new_files.append(write_data_file(store.root, store.corpus, "month", f"{since:%Y-%m}", table, commit))
            row_origins.append(rows.select(["file", "row"]))
    store.commit(new_files, replaced_files=replaced_files)
    return _build_row_map(new_files, row_origins)


def _build_row_map(new_files: Sequence[DataFile], row_origins: Sequence[pa.Table]) -> pa.Table:
    """Return the row map of new files; `row_origins` hold for each of their rows the old file and row."""
    schema = pa.schema([(name, pa.int64()) for name in ROW_MAP_COLUMNS])
    tables = [
        pa.table(
            [
                origins["file"],
                origins["row"],
                pa.repeat(pa.scalar(file.file_id), origins.num_rows),
                pa.array(range(origins.num_rows), pa.int64()),
            ],
            schema=schema,
        )
        for file, origins in zip(new_files, row_origins, strict=True)
    ]
    return pa.concat_tables(tables or [schema.empty_table()])
