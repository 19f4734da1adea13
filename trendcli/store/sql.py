"""The rows of a store as SQL for DuckDB, and what queries are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trendcli.core.types import Scope
from trendcli.store.manifest import DataFile
from trendcli.store.store import DATA_COLUMNS, KEYWORDS_COLUMN, Store

if TYPE_CHECKING:
    import duckdb

if TYPE_CHECKING:
    import duckdb


def file_rows_sql(store: Store, files: Sequence[DataFile], columns: str, *, live_only: bool = True) -> str:
    """SQL for rows of some files: `columns` (SQL) beside `file` and `row`, which say where a row lies.

    Only live rows, those that no update replaces, unless `live` is False.
    """
    paths = [str(store.file_path(item)) for item in files]
    if not paths:
        return f"SELECT {columns}, 0::BIGINT AS file, 0::BIGINT AS row FROM ({_empty_rows_sql()}) WHERE false"
    source = (
        f"SELECT {columns}, CAST('0x' || split_part(parse_filename(filename), '.', 2) AS BIGINT) AS file, "
        f"file_row_number AS row FROM read_parquet({sql_list(paths)}, filename = true, file_row_number = true)"
    )
    return live_rows_sql(store, source) if live_only else source


def live_rows_sql(store: Store, source: str) -> str:
    """SQL for those rows of `source` (SQL with `file` and `row`) that no update of the store replaces."""
    updates = [str(store.file_path(item)) for item in store.manifest.files if item.replaces]
    if not updates:
        return source
    return (
        f"SELECT * FROM ({source}) AS every ANTI JOIN (SELECT over_file AS file, over_row AS row "
        f"FROM read_parquet({sql_list(updates)}) WHERE over_file IS NOT NULL) AS old USING (file, row)"
    )


def _empty_rows_sql() -> str:
    kinds = {"string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "bool": "BOOLEAN", "date32": "DATE"}
    casts = [f"NULL::{kinds.get(kind, 'TIMESTAMP')} AS {name}" for name, kind in (*DATA_COLUMNS, KEYWORDS_COLUMN)]
    return f"SELECT {', '.join(casts)}"


def create_temp_table(db: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Make a temporary table of rows at hand; `columns` says their names and types, as "key BIGINT, topic VARCHAR".

    As parameters, since DuckDB takes thirty times as long for the same rows written out in the query.
    """
    named = [column.split() for column in columns.split(", ")]
    unnested = ", ".join(f"unnest(?::{kind}[]) AS {column}" for column, kind in named)
    given = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in named]
    db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {unnested}", given)


def sql_list(values: Iterable[str]) -> str:
    """A SQL list of text literals."""
    return "[" + ", ".join(sql_string(value) for value in values) + "]"


def sql_string(value: str) -> str:
    """A SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def scope_filter_sql(column: str, scope: Scope, primary_only: bool = False) -> str:
    """SQL: whether a column of categories lies in a scope, by its primary category or by any that is listed."""
    if not scope.categories:
        return "true"
    return f"regexp_matches({column}, {sql_string(_globs_regex(scope.categories, primary_only))})"


def _globs_regex(globs: Iterable[str], primary_only: bool = False) -> str:
    names = "|".join(re.escape(glob).replace(r"\*", r"[^ ]*") for glob in globs)
    return f"^({names})( |$)" if primary_only else f"(^| )({names})( |$)"
