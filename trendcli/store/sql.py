"""The rows of a store as SQL for DuckDB, and the parts that queries are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.core.types import Scope
from trendcli.store.data_files import DATA_COLUMNS, KEYWORDS_COLUMN
from trendcli.store.manifest import DataFile
from trendcli.store.store import Store

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES = {"string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "bool": "BOOLEAN", "date32": "DATE"}


def file_rows_sql(store: Store, files: Sequence[DataFile], columns: str, *, live_only: bool = True) -> str:
    """Return SQL for the rows of some files: `columns` (SQL), and `file` and `row`, which locate a row.

    Rows that a delta file replaces are left out, unless `live_only` is False. Without files it gives no rows, of the
    same columns and types.
    """
    paths = store.read_paths(files)
    if not paths:
        return f"SELECT {columns}, 0::BIGINT AS file, 0::BIGINT AS row FROM ({_null_row_sql()}) WHERE false"
    source = (
        f"SELECT {columns}, CAST('0x' || split_part(parse_filename(filename), '.', 2) AS BIGINT) AS file, "
        f"file_row_number AS row FROM read_parquet({sql_paths(paths)}, filename = true, file_row_number = true)"
    )
    return live_rows_sql(store, source) if live_only else source


def live_rows_sql(store: Store, source: str) -> str:
    """Return SQL for those rows of `source` (SQL with `file` and `row`) that no delta file of the store replaces."""
    delta_paths = store.read_paths(file for file in store.manifest.files if file.replaces)
    if not delta_paths:
        return source
    return (
        f"SELECT * FROM ({source}) AS every ANTI JOIN (SELECT over_file AS file, over_row AS row "
        f"FROM read_parquet({sql_paths(delta_paths)}) WHERE over_file IS NOT NULL) AS old USING (file, row)"
    )


def _null_row_sql() -> str:
    columns = (*DATA_COLUMNS, KEYWORDS_COLUMN)
    casts = [f"NULL::{_SQL_TYPES.get(arrow_type, 'TIMESTAMP')} AS {name}" for name, arrow_type in columns]
    return f"SELECT {', '.join(casts)}"


def create_temp_table(db: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Create or replace a temporary table of `rows`; `columns` holds names and types, as "key BIGINT, topic VARCHAR".

    The values are passed as parameters, since DuckDB takes thirty times as long for the same rows written out in SQL.
    """
    name_types = [column.split() for column in columns.split(", ")]
    unnested = ", ".join(f"unnest(?::{sql_type}[]) AS {column}" for column, sql_type in name_types)
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in name_types]
    db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {unnested}", values)


def sql_paths(paths: Iterable[Path]) -> str:
    """Return a SQL list of files for `read_parquet`, which takes * ? and [ in a path for a pattern."""
    return sql_list(re.sub(r"[*?[]", r"[\g<0>]", str(path)) for path in paths)


def sql_list(values: Iterable[str]) -> str:
    """Return a SQL list of text literals."""
    return "[" + ", ".join(sql_string(value) for value in values) + "]"


def sql_string(value: str) -> str:
    """Return a SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def scope_filter_sql(column: str, scope: Scope, primary_only: bool = False) -> str:
    """Return a SQL condition: whether a column of categories lies in a scope, by its primary category or by any."""
    if not scope.categories:
        return "true"
    return f"regexp_matches({column}, {sql_string(_globs_regex(scope.categories, primary_only))})"


def _globs_regex(globs: Iterable[str], primary_only: bool) -> str:
    names = "|".join(re.escape(glob).replace(r"\*", r"[^ ]*") for glob in globs)
    return f"^({names})( |$)" if primary_only else f"(^| )({names})( |$)"
