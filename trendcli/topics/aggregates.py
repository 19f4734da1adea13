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
from trendcli.store.sql import make_table, read_files
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.mentions import in_scope, mention, tagged
from trendcli.topics.tags import relation

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

KIND = "cells"
BASE = 0
# what is counted of the rows of a topic, and of the base the two halves of their hashes
COUNTED = ("n_any", "n_title", "n_strict", "high", "low")


@dataclass(frozen=True)
class MonthSums:
    """The cells of a scope added up by month ('2019-03'): for each topic key COUNTED, a list by month each."""

    months: Sequence[str]
    sums: Mapping[str, Sequence[Sequence[int]]]


def month_sums(
    store: Store, library: Library, topics: Sequence[str], scope: Scope, primary_only: bool, progress: Progress
) -> MonthSums:
    """The sums of a scope for some topics and the base, and for others that were counted before.

    They are remembered, so that a report of a scope that was asked for before opens no parquet file.
    """
    names = [item.path for item in store.manifest.files]
    state = "\n".join(["sums 2", *names, " ".join(scope.categories), str(primary_only), *store.texts])
    name = blake2b(state.encode(), digest_size=16).hexdigest()
    wanted = [BASE, *(topic_key(library, topic) for topic in topics)]
    found = answers.recall(store.root, name, _month_sums)
    if found is None or any(str(key) not in found.sums for key in wanted):
        pieces = ensure(store, library, topics, progress)
        with store.connect() as db:
            found = _added_up(db, store, pieces, wanted, scope, primary_only)
        answers.remember(store.root, name, found)
    return found


def _month_sums(value: Any) -> MonthSums:
    return MonthSums(value["months"], value["sums"])


def _added_up(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    pieces: Sequence[cache.Piece],
    wanted: Iterable[int],
    scope: Scope,
    primary_only: bool,
) -> MonthSums:
    """The sums of what is wanted, and of every other topic of which the pieces hold all named files."""
    stored = {item.key for item in store.manifest.files}
    files: dict[int, set[int]] = {key: set() for key in wanted}
    for piece in pieces:
        for key in piece.keys:
            files.setdefault(key, set()).update(piece.files)
    rows = db.execute(
        f"""
        SELECT topic, strftime(month, '%Y-%m'), {", ".join(f"sum({name})::BIGINT" for name in COUNTED)}
        FROM ({cells_sql(db, store, pieces)}) WHERE {in_scope("categories", scope, primary_only)} GROUP BY topic, month
        """
    ).fetchall()
    months = sorted({month for _, month, *_ in rows})
    places = {month: number for number, month in enumerate(months)}
    sums = {str(key): [[0] * len(months) for _ in COUNTED] for key, held in files.items() if held >= stored}
    for key, month, *amounts in rows:
        for column, amount in zip(sums.get(str(key), ()), amounts, strict=False):
            column[places[month]] = amount
    return MonthSums(months, sums)


def cells_sql(db: duckdb.DuckDBPyConnection, store: Store, pieces: Sequence[cache.Piece]) -> str:
    """SQL for the cells that some pieces hold of the files that are named."""
    stored = {item.key for item in store.manifest.files}
    cells = relation(db, pieces, "cell", _EMPTY)
    if all(piece.files <= stored for piece in pieces):
        return cells
    return f"SELECT * FROM ({cells}) WHERE file IN ({', '.join(map(str, stored))})"


_EMPTY = (
    "SELECT 0::BIGINT AS file, 0::BIGINT AS topic, DATE '1970-01-01' AS month, '' AS categories, 0::BIGINT AS n_any, "
    "0::BIGINT AS n_title, 0::BIGINT AS n_strict, 0::BIGINT AS high, 0::BIGINT AS low WHERE false"
)


def ensure(store: Store, library: Library, topics: Iterable[str], progress: Progress) -> list[cache.Piece]:
    """The pieces that hold the cells of every named file for some topics and the base."""
    by_key = {topic_key(library, topic): topic for topic in topics}
    by_file = {item.key: item for item in store.manifest.files}

    def compute(some_files: Sequence[int], some_keys: Sequence[int]) -> pa.Table:
        chosen = [by_key[key] for key in some_keys if key != BASE]
        return _cells(store, library, [by_file[key] for key in some_files], chosen, BASE in some_keys, progress)

    return cache.ensure(store, KIND, by_file, [BASE, *by_key], compute)


def _cells(
    store: Store, library: Library, files: Sequence[DataFile], topics: Sequence[str], base: bool, progress: Progress
) -> pa.Table:
    """The cells of some files for some topics, and for the base where it is asked for."""
    every = list(store.manifest.files)
    replaced = (
        [item for item in every if item.first <= max(new.last for new in files)]
        if any(new.replaces for new in files)
        else []
    )
    pieces, rules = tagged(
        store, library, topics, list({item.path: item for item in [*files, *replaced]}.values()), progress
    )
    keys = [(topic, topic_key(library, topic)) for topic in topics]
    with store.connect() as db:
        make_table(db, "named_key", "topic VARCHAR, key BIGINT", keys)
        db.execute(f"CREATE TEMP TABLE counted AS {_counted_sql(store, files, replaced)}")
        once = "DISTINCT" if replaced else ""
        db.execute(f"CREATE TEMP VIEW paper AS SELECT {once} file, row, categories FROM counted")
        mention(db, pieces, rules)
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
            SELECT owner, {BASE}, month, categories, sum(sign), 0, 0,
                sum(sign * (row_hash >> 32)), sum(sign * (row_hash & 4294967295))
            FROM counted WHERE {str(base).lower()} GROUP BY ALL
            ORDER BY topic, month, categories, file
            """
        ).to_arrow_table()
        return cells


def _counted_sql(store: Store, files: Sequence[DataFile], replaced: Sequence[DataFile]) -> str:
    """Rows that the cells of `files` count: their own with sign 1, those they replace in older files with sign -1."""
    columns = "v1_at, categories, row_hash, over_file, over_row"
    month = "date_trunc('month', v1_at)::DATE AS month"
    own = read_files(store, files, columns, live=False)
    sql = f"SELECT file AS owner, file, row, {month}, categories, row_hash, 1 AS sign FROM ({own})"
    if not replaced:
        return sql
    older = read_files(store, replaced, columns, live=False)
    return f"""{sql} UNION ALL
        SELECT new.file, old.file, old.row, date_trunc('month', old.v1_at)::DATE, old.categories, old.row_hash, -1
        FROM ({own}) AS new JOIN ({older}) AS old ON new.over_file = old.file AND new.over_row = old.row"""


def topic_key(library: Library, topic: str) -> int:
    """The number by which cells refer to a topic: a hash of all that it matches."""
    return int(library.key(topic), 16) >> 1
