"""Local search: which submissions match a query and how many points each earns, from the index and from data files.

Both ways give the same answer: what the index holds is looked up, what it lacks is scanned, and without an index
everything is scanned. Points depend only on the submission and the query, so neither the way, nor a filter, nor a later
harvest changes the order.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trendcli.core.parallel import count_cores
from trendcli.core.types import Progress
from trendcli.reports.papers.fulltext import FulltextIndex, read_index
from trendcli.reports.papers.query_syntax import SearchQuery, add_requirement, to_fts5, to_sql
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql, live_rows_sql
from trendcli.store.store import Store, corpus_text_fields

if TYPE_CHECKING:
    import duckdb

ROWS_PER_CHUNK = 200_000  # submissions scanned at a time
SLOW_SEARCH_SECONDS = 1.0  # duration from which an index pays


@dataclass(frozen=True)
class SearchStats:
    """How a search was done: submissions looked up in the index, submissions scanned, and the seconds it took.

    `is_index_damaged` if there is an index that cannot be read.
    """

    indexed_count: int
    scanned_count: int
    seconds: float
    is_index_damaged: bool = False

    @property
    def notes(self) -> list[str]:
        """What a report says of the search; nothing if it was fast."""
        notes = ["The full-text index is damaged; `trend index` rebuilds it."] if self.is_index_damaged else []
        if self.seconds >= SLOW_SEARCH_SECONDS:
            reason = "not yet indexed" if self.indexed_count else "no full-text index"
            notes.append(
                f"Scanned {self.scanned_count:,} submissions in {self.seconds:.1f} s ({reason}); "
                "`trend index` makes searching fast."
            )
        return notes


def search_submissions(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    query: SearchQuery,
    files: Sequence[DataFile],
    filter_sql: str,
    progress: Progress,
) -> SearchStats:
    """Create the table `search_result` in `db`: file, row, v1_at, categories and points of the live rows that match.

    Only rows of `files` for which `filter_sql` is true: SQL over v1_at and categories.
    """
    start = time.perf_counter()
    fulltext_index = read_index(store)
    indexed = [data_file for data_file in files if data_file.file_id in fulltext_index.file_keys]
    is_damaged = fulltext_index.is_damaged
    try:
        _create_result_table(db)
        if indexed:
            _search_index(db, store, fulltext_index, query, indexed, filter_sql)
    except (sqlite3.Error, OSError, ValueError, IndexError):
        is_damaged, indexed = True, []
        _create_result_table(db)
    indexed_keys = {data_file.file_id for data_file in indexed}
    unindexed = [data_file for data_file in files if data_file.file_id not in indexed_keys]
    total, done = sum(data_file.rows for data_file in unindexed), 0
    for chunk in _iter_file_chunks(unindexed):
        _scan_files(db, store, query, chunk, filter_sql)
        done += sum(data_file.rows for data_file in chunk)
        progress(done, total, "submissions searched")
    indexed_count = sum(data_file.rows for data_file in indexed)
    return SearchStats(indexed_count, total, time.perf_counter() - start, is_damaged)


def _create_result_table(db: duckdb.DuckDBPyConnection) -> None:
    db.execute(
        """CREATE OR REPLACE TEMP TABLE search_result
            (file BIGINT, row BIGINT, v1_at TIMESTAMP, categories VARCHAR, points INTEGER)"""
    )


def _search_index(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    fulltext_index: FulltextIndex,
    query: SearchQuery,
    files: Sequence[DataFile],
    filter_sql: str,
) -> None:
    file_keys = ", ".join(str(data_file.file_id) for data_file in files)
    requirement, columns = query.requirement, corpus_text_fields(store.corpus)
    expressions = [
        to_fts5(requirement if expr is requirement else add_requirement(expr, requirement), columns)
        for expr, _ in query.points
    ]
    with ThreadPoolExecutor(count_cores()) as pool:  # SQLite works outside Python's lock
        futures = [
            [pool.submit(segment.find_numbers, expression) for expression in expressions]
            for segment in fulltext_index.segments
        ]
        import numpy as np  # imported only here, so that SQLite works meanwhile
    for segment, segment_futures in zip(fulltext_index.segments, futures, strict=True):
        points = np.zeros(segment.row_count, np.int32)
        for (_, worth), future in zip(query.points, segment_futures, strict=True):
            points[future.result()] += worth
        numbers = segment_futures[0].result()
        db.register("segment_match", {**segment.read_locations(numbers), "points": points[numbers]})
        category_sets = np.array(segment.category_sets, object)
        db.register("category_set", {"set": np.arange(len(category_sets)), "categories": category_sets})
        rows = f"SELECT file, row, v1_at, categories AS set, points FROM segment_match WHERE file IN ({file_keys})"
        db.execute(
            f"""INSERT INTO search_result SELECT file, row, v1_at, categories, points
                FROM ({live_rows_sql(store, rows)}) JOIN category_set USING (set) WHERE {filter_sql}"""
        )


def _scan_files(
    db: duckdb.DuckDBPyConnection, store: Store, query: SearchQuery, files: Sequence[DataFile], filter_sql: str
) -> None:
    texts = ", ".join(f"coalesce(lower({field}), '') AS {field}" for field in store.text_fields)
    points = " + ".join(
        str(worth) if expr is query.requirement else f"CASE WHEN {to_sql(expr)} THEN {worth} ELSE 0 END"
        for expr, worth in query.points
    )
    rows = file_rows_sql(store, files, f"v1_at, categories, {texts}")
    db.execute(
        f"""INSERT INTO search_result SELECT file, row, v1_at, categories, {points}
            FROM ({rows}) WHERE ({filter_sql}) AND {to_sql(query.requirement)}"""
    )


def _iter_file_chunks(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    """Yield the files in order, in chunks of at least `ROWS_PER_CHUNK` rows; the last one may have fewer."""
    chunk: list[DataFile] = []
    for data_file in files:
        chunk.append(data_file)
        if sum(other.rows for other in chunk) >= ROWS_PER_CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
