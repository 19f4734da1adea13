"""Cells: an exact aggregate of the tags in the cache, and its sums by month for one scope.

Cells are (file, topic, month, categories, n_any, n_title, n_strict): how many rows of a file match a topic, by month of
v1 and set of categories. A set of categories answers for any scope, and counts a cross-listed submission once, which a
cube by category cannot. Rows that a file replaces in older files are subtracted in its own cells, so the cells of all
named files add up to the live store, and a new update changes no cell that was there before. Topic 0 is everything: the
base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from trendcli.core.types import Progress, Scope
from trendcli.store import cache
from trendcli.store import result_cache as answers
from trendcli.store.manifest import DataFile
from trendcli.store.sql import create_temp_table, file_rows_sql, scope_filter_sql
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.matches import blocks_sql, create_topic_match_table, ensure_topic_rule_matches

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

CACHE_KIND = "cells"
TOTAL_KEY = 0
# what is counted of the rows of a topic, and of the base the two halves of their hashes
AGGREGATE_COLUMNS = ("n_any", "n_title", "n_strict", "high", "low")


@dataclass(frozen=True)
class MonthSums:
    """The cells of a scope added up by month ('2019-03'): for each topic key COUNTED, a list by month each."""

    months: Sequence[str]
    sums: Mapping[str, Sequence[Sequence[int]]]


def compute_month_sums(
    store: Store, library: Library, topics: Sequence[str], scope: Scope, primary_only: bool, progress: Progress
) -> MonthSums:
    """The sums of a scope for some topics and the base, and for others that were counted before.

    They are remembered, so that a report of a scope that was asked for before opens no parquet file.
    """
    names = [item.path for item in store.manifest.files]
    state = "\n".join(["sums 2", *names, " ".join(scope.categories), str(primary_only), *store.text_expressions])
    name = blake2b(state.encode(), digest_size=16).hexdigest()
    wanted = [TOTAL_KEY, *(topic_key(library, topic) for topic in topics)]
    found = answers.read_result(store.root, name, _month_sums_from_json)
    if found is None or any(str(key) not in found.sums for key in wanted):
        pieces = ensure_aggregates(store, library, topics, progress)
        with store.connect() as db:
            found = _sum_by_month(db, store, pieces, wanted, scope, primary_only)
        answers.write_result(store.root, name, found)
    return found


def _month_sums_from_json(value: Any) -> MonthSums:
    return MonthSums(value["months"], value["sums"])


def _sum_by_month(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    blocks: Sequence[cache.CacheBlock],
    topic_keys: Iterable[int],
    scope: Scope,
    primary_only: bool,
) -> MonthSums:
    """The sums of what is wanted, and of every other topic of which the pieces hold all named files."""
    stored = {item.file_id for item in store.manifest.files}
    files: dict[int, set[int]] = {key: set() for key in topic_keys}
    for piece in blocks:
        for key in piece.keys:
            files.setdefault(key, set()).update(piece.file_ids)
    rows = db.execute(
        f"""
        SELECT topic, strftime(month, '%Y-%m'), {", ".join(f"sum({name})::BIGINT" for name in AGGREGATE_COLUMNS)}
        FROM ({aggregates_sql(db, store, blocks)}) WHERE {scope_filter_sql("categories", scope, primary_only)} GROUP
        BY topic, month
        """
    ).fetchall()
    months = sorted({month for _, month, *_ in rows})
    places = {month: number for number, month in enumerate(months)}
    sums = {str(key): [[0] * len(months) for _ in AGGREGATE_COLUMNS] for key, held in files.items() if held >= stored}
    for key, month, *amounts in rows:
        for column, amount in zip(sums.get(str(key), ()), amounts, strict=False):
            column[places[month]] = amount
    return MonthSums(months, sums)


def aggregates_sql(db: duckdb.DuckDBPyConnection, store: Store, blocks: Sequence[cache.CacheBlock]) -> str:
    """SQL for the cells that some pieces hold of the files that are named."""
    stored = {item.file_id for item in store.manifest.files}
    cells = blocks_sql(db, blocks, "cell", _EMPTY_AGGREGATES_SQL)
    if all(piece.file_ids <= stored for piece in blocks):
        return cells
    return f"SELECT * FROM ({cells}) WHERE file IN ({', '.join(map(str, stored))})"


_EMPTY_AGGREGATES_SQL = (
    "SELECT 0::BIGINT AS file, 0::BIGINT AS topic, DATE '1970-01-01' AS month, '' AS categories, 0::BIGINT AS n_any, "
    "0::BIGINT AS n_title, 0::BIGINT AS n_strict, 0::BIGINT AS high, 0::BIGINT AS low WHERE false"
)


def ensure_aggregates(
    store: Store, library: Library, topics: Iterable[str], progress: Progress
) -> list[cache.CacheBlock]:
    """The pieces that hold the cells of every named file for some topics and the base."""
    by_key = {topic_key(library, topic): topic for topic in topics}
    by_file = {item.file_id: item for item in store.manifest.files}

    def compute_missing(some_files: Sequence[int], some_keys: Sequence[int]) -> pa.Table:
        chosen = [by_key[key] for key in some_keys if key != TOTAL_KEY]
        return _compute_aggregates(
            store, library, [by_file[key] for key in some_files], chosen, TOTAL_KEY in some_keys, progress
        )

    return cache.ensure_blocks(store, CACHE_KIND, by_file, [TOTAL_KEY, *by_key], compute_missing)


def _compute_aggregates(
    store: Store,
    library: Library,
    files: Sequence[DataFile],
    topics: Sequence[str],
    with_total: bool,
    progress: Progress,
) -> pa.Table:
    """The cells of some files for some topics, and for the base where it is asked for."""
    every = list(store.manifest.files)
    replaced = (
        [item for item in every if item.first <= max(new.last for new in files)]
        if any(new.replaces for new in files)
        else []
    )
    pieces, rules = ensure_topic_rule_matches(
        store, library, topics, list({item.path: item for item in [*files, *replaced]}.values()), progress
    )
    keys = [(topic, topic_key(library, topic)) for topic in topics]
    with store.connect() as db:
        create_temp_table(db, "named_key", "topic VARCHAR, key BIGINT", keys)
        db.execute(f"CREATE TEMP TABLE counted AS {_signed_rows_sql(store, files, replaced)}")
        once = "DISTINCT" if replaced else ""
        db.execute(f"CREATE TEMP VIEW paper AS SELECT {once} file, row, categories FROM counted")
        create_topic_match_table(db, pieces, rules)
        cells: pa.Table = db.sql(
            f"""
            SELECT owner AS file, topic, month, categories, sum(sign)::BIGINT AS n_any,
                sum(CASE WHEN title THEN sign ELSE 0 END)::BIGINT AS n_title,
                sum(CASE WHEN strict THEN sign ELSE 0 END)::BIGINT AS n_strict,
                0::BIGINT AS high, 0::BIGINT AS low
            FROM (
                SELECT owner, counted.month, counted.categories, sign, named_key.key AS topic, hit.title, hit.strict
                FROM (
                    SELECT file, row, topic, bool_or(title) AS title, bool_or(strict) AS strict
                    FROM mention GROUP BY file, row, topic
                ) AS hit
                JOIN counted USING (file, row)
                JOIN named_key USING (topic)
            ) GROUP BY ALL
            UNION ALL
            SELECT owner, {TOTAL_KEY}, month, categories, sum(sign), 0, 0,
                sum(sign * (row_hash >> 32)), sum(sign * (row_hash & 4294967295))
            FROM counted WHERE {str(with_total).lower()} GROUP BY ALL
            ORDER BY topic, month, categories, file
            """
        ).to_arrow_table()
        return cells


def _signed_rows_sql(store: Store, files: Sequence[DataFile], replaced: Sequence[DataFile]) -> str:
    """Rows that the cells of `files` count: their own with sign 1, those they replace in older files with sign -1."""
    columns = "v1_at, categories, row_hash, over_file, over_row"
    month = "date_trunc('month', v1_at)::DATE AS month"
    own = file_rows_sql(store, files, columns, live_only=False)
    sql = f"SELECT file AS owner, file, row, {month}, categories, row_hash, 1 AS sign FROM ({own})"
    if not replaced:
        return sql
    older = file_rows_sql(store, replaced, columns, live_only=False)
    return f"""{sql} UNION ALL
        SELECT new.file, old.file, old.row, date_trunc('month', old.v1_at)::DATE, old.categories, old.row_hash, -1
        FROM ({own}) AS new JOIN ({older}) AS old ON new.over_file = old.file AND new.over_row = old.row"""


def topic_key(library: Library, topic: str) -> int:
    """The number by which cells refer to a topic: a hash of all that it matches."""
    return int(library.match_hash(topic), 16) >> 1
