"""Aggregates: exact counts by file, month, topic and set of categories, cached, and their sums by month for a scope.

An aggregate is (file, topic, month, categories, n_any, n_title, n_strict, high, low): how many rows of a file match a
topic, by month of the first version and set of categories. A set of categories answers for any scope and counts a
cross-listed submission once, which a cube by category cannot. Rows of older files that a file replaces are subtracted
in its own aggregates, so that those of all files of the store add up to the live rows, and a new delta file changes no
aggregate that exists. Topic 0 stands for all submissions: the total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from trendcli.core.errors import StoreDamaged
from trendcli.core.types import Progress, Scope
from trendcli.store import cache
from trendcli.store.manifest import DataFile
from trendcli.store.result_cache import read_result, write_result
from trendcli.store.sql import create_temp_table, file_rows_sql, scope_filter_sql
from trendcli.store.store import Store
from trendcli.topics import matches
from trendcli.topics.library import Library
from trendcli.topics.matches import blocks_sql, create_topic_match_table, ensure_topic_rule_matches

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# the aggregates in the cache of a store; the folder and the column names below are on users' disks, and the version
# changes where the same rule matches would give other aggregates than before
CACHE_KIND = cache.CacheKind("cells", f"{matches.CACHE_KIND.version}.1")
# the topic that stands for all submissions
TOTAL_KEY = 0
# matches of a topic by mode; of the total the submissions (n_any) and the two halves of the sum of their row hashes
AGGREGATE_COLUMNS = ("n_any", "n_title", "n_strict", "high", "low")


@dataclass(frozen=True)
class MonthSums:
    """The aggregates of a scope summed by month.

    `months` are labels ('2019-03') in order; `sums` holds, by topic key as text, one list per column of
    AGGREGATE_COLUMNS, each with a number per month.
    """

    months: Sequence[str]
    sums: Mapping[str, Sequence[Sequence[int]]]


def compute_month_sums(
    store: Store, library: Library, topics: Sequence[str], scope: Scope, primary_only: bool, progress: Progress
) -> MonthSums:
    """Return the sums of a scope for the total, some topics, and others that were aggregated before.

    They are cached by scope, so that a second report on it opens no parquet file.
    """
    # what a file counts for depends on how many rows of other files it replaces
    paths = [f"{file.path} {file.replaces}" for file in store.manifest.files]
    # "sums 3" names the layout of MonthSums, and that it carries a checksum
    identity = "\n".join(
        ["sums 3", CACHE_KIND.version, *paths, " ".join(scope.categories), str(primary_only), *store.text_expressions]
    )
    cache_key = blake2b(identity.encode(), digest_size=16).hexdigest()
    topic_keys = [TOTAL_KEY, *(topic_key(library, topic) for topic in topics)]
    month_sums = read_result(store.root, cache_key, _month_sums_from_json)
    if month_sums is None or any(str(key) not in month_sums.sums for key in topic_keys):
        blocks = ensure_aggregates(store, library, topics, progress)
        with store.connect() as db:
            month_sums = _sum_by_month(db, store, blocks, topic_keys, scope, primary_only)
        write_result(store.root, cache_key, month_sums)
    return month_sums


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
    """Sum the aggregates of the topics with these keys, and of any other for which the blocks cover all files."""
    stored_ids = {file.file_id for file in store.manifest.files}
    file_ids_by_key: dict[int, set[int]] = {key: set() for key in topic_keys}
    for block in blocks:
        for key in block.keys:
            file_ids_by_key.setdefault(key, set()).update(block.file_ids)
    rows = db.execute(
        f"""
        SELECT topic, strftime(month, '%Y-%m'), {", ".join(f"sum({name})::BIGINT" for name in AGGREGATE_COLUMNS)}
        FROM ({aggregates_sql(db, store, blocks)}) WHERE {scope_filter_sql("categories", scope, primary_only)} GROUP
        BY topic, month
        """
    ).fetchall()
    months = sorted({month for _, month, *_ in rows})
    month_indices = {month: index for index, month in enumerate(months)}
    sums = {
        str(key): [[0] * len(months) for _ in AGGREGATE_COLUMNS]
        for key, file_ids in file_ids_by_key.items()
        if file_ids >= stored_ids
    }
    for key, month, *amounts in rows:
        for column, amount in zip(sums.get(str(key), ()), amounts, strict=False):
            column[month_indices[month]] = amount
    return MonthSums(months, sums)


def aggregates_sql(db: duckdb.DuckDBPyConnection, store: Store, blocks: Sequence[cache.CacheBlock]) -> str:
    """Return SQL for the aggregates in some blocks of the files that are in the store."""
    stored_ids = {file.file_id for file in store.manifest.files}
    sql = blocks_sql(db, blocks, "aggregate", _EMPTY_AGGREGATES_SQL)
    if all(block.file_ids <= stored_ids for block in blocks):
        return sql
    return f"SELECT * FROM ({sql}) WHERE file IN ({', '.join(map(str, stored_ids))})"


_EMPTY_AGGREGATES_SQL = (
    "SELECT 0::BIGINT AS file, 0::BIGINT AS topic, DATE '1970-01-01' AS month, '' AS categories, 0::BIGINT AS n_any, "
    "0::BIGINT AS n_title, 0::BIGINT AS n_strict, 0::BIGINT AS high, 0::BIGINT AS low WHERE false"
)


def ensure_aggregates(
    store: Store, library: Library, topics: Iterable[str], progress: Progress
) -> list[cache.CacheBlock]:
    """Return cache blocks with the aggregates of every file of the store for some topics and the total."""
    topic_by_key = {topic_key(library, topic): topic for topic in topics}
    file_by_id = {file.file_id: file for file in store.manifest.files}

    def compute_missing(file_ids: Sequence[int], topic_keys: Sequence[int]) -> pa.Table:
        missing_files = [file_by_id[file_id] for file_id in file_ids]
        missing_topics = [topic_by_key[key] for key in topic_keys if key != TOTAL_KEY]
        return _compute_aggregates(store, library, missing_files, missing_topics, TOTAL_KEY in topic_keys, progress)

    def ensure_blocks() -> list[cache.CacheBlock]:
        return cache.ensure_blocks(store, CACHE_KIND, file_by_id, [TOTAL_KEY, *topic_by_key], compute_missing)

    blocks = ensure_blocks()
    if wrong_blocks := find_wrong_totals(store, blocks):
        cache.drop_blocks(store, wrong_blocks)
        blocks = ensure_blocks()
        if find_wrong_totals(store, blocks):
            raise StoreDamaged(
                f"The submissions counted in {store.root} do not add up to the number in its manifest. "
                "Nothing was changed. Run `trend doctor` to list the files that disagree, then `trend doctor --fix`."
            )
    return blocks


def find_wrong_totals(store: Store, blocks: Sequence[cache.CacheBlock]) -> list[cache.CacheBlock]:
    """Return the blocks in which the total of a file is not the number of submissions that the manifest states."""
    expected = {file.file_id: file.rows - file.replaces for file in store.manifest.files}
    with store.connect() as db:
        rows = db.execute(
            f"SELECT file, sum(n_any)::BIGINT FROM ({aggregates_sql(db, store, blocks)}) "
            f"WHERE topic = {TOTAL_KEY} GROUP BY file"
        ).fetchall()
    totals = dict(rows)
    wrong_files = {file_id for file_id, count in expected.items() if totals.get(file_id, 0) != count}
    # where a total is wrong, the counts of topics are as well, also those that were not asked for
    suspects = cache.list_blocks(store, CACHE_KIND) if wrong_files else []
    return [block for block in (*blocks, *suspects) if block.file_ids & wrong_files]


def remap(store: Store, row_map: pa.Table) -> None:
    """Remove the aggregates of files that a compaction has replaced; those of the new files are computed when asked."""
    cache.remove_stale_blocks(store, CACHE_KIND)


def _compute_aggregates(
    store: Store,
    library: Library,
    files: Sequence[DataFile],
    topics: Sequence[str],
    with_total: bool,
    progress: Progress,
) -> pa.Table:
    """Compute the aggregates of some files for some topics, and for the total where asked."""
    older_files: list[DataFile] = []
    if any(file.replaces for file in files):
        last_day = max(file.last for file in files)
        older_files = [file for file in store.manifest.files if file.first <= last_day]
    read_files = list({file.path: file for file in [*files, *older_files]}.values())
    blocks, assignments = ensure_topic_rule_matches(store, library, topics, read_files, progress)
    keys = [(topic, topic_key(library, topic)) for topic in topics]
    with store.connect() as db:
        create_temp_table(db, "topic_key", "topic VARCHAR, key BIGINT", keys)
        db.execute(f"CREATE TEMP TABLE signed_row AS {_signed_rows_sql(store, files, older_files)}")
        distinct = "DISTINCT" if older_files else ""
        db.execute(f"CREATE TEMP VIEW paper AS SELECT {distinct} file, row, categories FROM signed_row")
        create_topic_match_table(db, blocks, assignments)
        aggregates: pa.Table = db.sql(
            f"""
            SELECT owner AS file, topic, month, categories, sum(sign)::BIGINT AS n_any,
                sum(CASE WHEN title THEN sign ELSE 0 END)::BIGINT AS n_title,
                sum(CASE WHEN strict THEN sign ELSE 0 END)::BIGINT AS n_strict,
                0::BIGINT AS high, 0::BIGINT AS low
            FROM (
                SELECT owner, signed_row.month, signed_row.categories, sign, topic_key.key AS topic,
                    matched_row.title, matched_row.strict
                FROM (
                    SELECT file, row, topic, bool_or(title) AS title, bool_or(strict) AS strict
                    FROM topic_match GROUP BY file, row, topic
                ) AS matched_row
                JOIN signed_row USING (file, row)
                JOIN topic_key USING (topic)
            ) GROUP BY ALL
            UNION ALL
            SELECT owner, {TOTAL_KEY}, month, categories, sum(sign), 0, 0,
                sum(sign * (row_hash >> 32)), sum(sign * (row_hash & 4294967295))
            FROM signed_row WHERE {str(with_total).lower()} GROUP BY ALL
            ORDER BY topic, month, categories, file
            """
        ).to_arrow_table()
        return aggregates


def _signed_rows_sql(store: Store, files: Sequence[DataFile], older_files: Sequence[DataFile]) -> str:
    """Return SQL for the rows that the aggregates of `files` count.

    Their own rows have the sign 1, rows of `older_files` that they replace -1; `owner` is the file that counts a row.
    """
    columns = "v1_at, categories, row_hash, over_file, over_row"
    own_rows = file_rows_sql(store, files, columns, live_only=False)
    month = "date_trunc('month', v1_at)::DATE AS month"
    sql = f"SELECT file AS owner, file, row, {month}, categories, row_hash, 1 AS sign FROM ({own_rows})"
    if not older_files:
        return sql
    older_rows = file_rows_sql(store, older_files, columns, live_only=False)
    return f"""{sql} UNION ALL
        SELECT new.file, old.file, old.row, date_trunc('month', old.v1_at)::DATE, old.categories, old.row_hash, -1
        FROM ({own_rows}) AS new JOIN ({older_rows}) AS old ON new.over_file = old.file AND new.over_row = old.row"""


def topic_key(library: Library, topic: str) -> int:
    """Return the key of a topic in aggregates: a 63-bit hash of all that it matches."""
    return int(library.match_hash(topic), 16) >> 1
