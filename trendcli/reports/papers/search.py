"""Local search: which submissions a query finds and how many points each earns, from the index and from the files.

Both ways are the same question: what the index holds is asked of it, what it lacks is read, and without an index all is
read. Points depend on nothing but the submission and the query, so neither way, no filter and no later harvest changes
an order.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trendcli.core import parallel as workers
from trendcli.core.types import Progress
from trendcli.reports.papers import fulltext as index
from trendcli.reports.papers.query_syntax import SearchQuery, add_requirement, to_fts5, to_sql
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql, live_rows_sql
from trendcli.store.store import Store, corpus_text_fields

if TYPE_CHECKING:
    import duckdb

# submissions that are read at a time, and seconds of reading from which on an index pays
ROWS_PER_CHUNK = 200_000
SLOW_SEARCH_SECONDS = 1.0


@dataclass(frozen=True)
class SearchStats:
    """How a search was done: submissions asked of the index and read from files, and how many seconds that took.

    `damaged` says that there is an index which cannot be read.
    """

    indexed_count: int
    read_count: int
    seconds: float
    is_index_damaged: bool = False

    @property
    def notes(self) -> list[str]:
        """What to say of it: nothing where it was fast."""
        notes = ["The index of words cannot be read; `trend index` builds it anew."]
        notes = notes if self.is_index_damaged else []
        if self.seconds < SLOW_SEARCH_SECONDS:
            return notes
        lacking = "that came after the index was made" if self.indexed_count else "without an index of words"
        return [
            *notes,
            f"Read {self.read_count:,} submissions {lacking}, in {self.seconds:.1f} s; `trend index` makes this fast.",
        ]


def search_submissions(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    query: SearchQuery,
    files: Sequence[DataFile],
    filter_sql: str,
    progress: Progress,
) -> SearchStats:
    """Make the table `found` in `db`: (file, row, v1_at, categories, points) of the live rows that are found.

    Only those in `files` of which `where` is true, SQL over v1_at and categories.
    """
    start = time.perf_counter()
    made = index.read_index(store)
    held = [item for item in files if item.file_id in made.file_keys]
    damaged = False
    try:
        _create_found_table(db)
        if held:
            _search_index(db, store, made, query, held, filter_sql)
    except (sqlite3.Error, OSError, ValueError, IndexError):
        damaged, held = True, []
        _create_found_table(db)
    keys = {item.file_id for item in held}
    rest = [item for item in files if item.file_id not in keys]
    total, done = sum(item.rows for item in rest), 0
    for share in _iter_file_chunks(rest):
        _search_files(db, store, query, share, filter_sql)
        done += sum(item.rows for item in share)
        progress(done, total, "submissions searched")
    return SearchStats(sum(item.rows for item in held), total, time.perf_counter() - start, damaged)


def _create_found_table(db: duckdb.DuckDBPyConnection) -> None:
    db.execute(
        """CREATE OR REPLACE TEMP TABLE found
            (file BIGINT, row BIGINT, v1_at TIMESTAMP, categories VARCHAR, points INTEGER)"""
    )


def _search_index(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    fulltext_index: index.FulltextIndex,
    query: SearchQuery,
    files: Sequence[DataFile],
    filter_sql: str,
) -> None:
    keys = ", ".join(str(item.file_id) for item in files)
    must = query.requirement
    columns = corpus_text_fields(store.corpus)
    asked = [to_fts5(must if expr is must else add_requirement(expr, must), columns) for expr, _ in query.points]
    with ThreadPoolExecutor(workers.count_cores()) as pool:  # SQLite works while Python waits
        found = [[pool.submit(segment.find_numbers, words) for words in asked] for segment in fulltext_index.segments]
        import numpy as np  # here, so that SQLite works while it is read
    for segment, answers in zip(fulltext_index.segments, found, strict=True):
        points = np.zeros(segment.row_count, np.int32)
        for (_, worth), answer in zip(query.points, answers, strict=True):
            points[answer.result()] += worth
        hits = answers[0].result()
        db.register("part", {**segment.read_locations(hits), "points": points[hits]})
        names = np.array(segment.category_sets, object)
        db.register("listed", {"set": np.arange(len(names)), "categories": names})
        wanted = f"SELECT file, row, v1_at, categories AS set, points FROM part WHERE file IN ({keys})"
        db.execute(
            f"""INSERT INTO found SELECT file, row, v1_at, categories, points
                FROM ({live_rows_sql(store, wanted)}) JOIN listed USING (set) WHERE {filter_sql}"""
        )


def _search_files(
    db: duckdb.DuckDBPyConnection, store: Store, query: SearchQuery, files: Sequence[DataFile], filter_sql: str
) -> None:
    texts = ", ".join(f"coalesce(lower({field}), '') AS {field}" for field in store.text_fields)
    earned = " + ".join(
        str(worth) if expr is query.requirement else f"CASE WHEN {to_sql(expr)} THEN {worth} ELSE 0 END"
        for expr, worth in query.points
    )
    read = file_rows_sql(store, files, f"v1_at, categories, {texts}")
    db.execute(
        f"""INSERT INTO found SELECT file, row, v1_at, categories, {earned}
            FROM ({read}) WHERE ({filter_sql}) AND {to_sql(query.requirement)}"""
    )


def _iter_file_chunks(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    share: list[DataFile] = []
    for item in files:
        share.append(item)
        if sum(other.rows for other in share) >= ROWS_PER_CHUNK:
            yield share
            share = []
    if share:
        yield share
