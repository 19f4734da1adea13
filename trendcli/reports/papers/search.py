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
from trendcli.reports.papers.query_syntax import Query, also, fts, sql
from trendcli.store.manifest import DataFile
from trendcli.store.sql import live_rows, read_files
from trendcli.store.store import Store, fields_of

if TYPE_CHECKING:
    import duckdb

# submissions that are read at a time, and seconds of reading from which on an index pays
SHARE = 200_000
SLOW_S = 1.0


@dataclass(frozen=True)
class Looked:
    """How a search was done: submissions asked of the index and read from files, and how many seconds that took.

    `damaged` says that there is an index which cannot be read.
    """

    indexed: int
    read: int
    seconds: float
    damaged: bool = False

    @property
    def notes(self) -> list[str]:
        """What to say of it: nothing where it was fast."""
        notes = ["The index of words cannot be read; `trend index` builds it anew."]
        notes = notes if self.damaged else []
        if self.seconds < SLOW_S:
            return notes
        lacking = "that came after the index was made" if self.indexed else "without an index of words"
        return [
            *notes,
            f"Read {self.read:,} submissions {lacking}, in {self.seconds:.1f} s; `trend index` makes this fast.",
        ]


def look(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    query: Query,
    files: Sequence[DataFile],
    where: str,
    progress: Progress,
) -> Looked:
    """Make the table `found` in `db`: (file, row, v1_at, categories, points) of the live rows that are found.

    Only those in `files` of which `where` is true, SQL over v1_at and categories.
    """
    start = time.perf_counter()
    made = index.opened(store)
    held = [item for item in files if item.key in made.files]
    damaged = False
    try:
        _create(db)
        if held:
            _ask_index(db, store, made, query, held, where)
    except (sqlite3.Error, OSError, ValueError, IndexError):
        damaged, held = True, []
        _create(db)
    keys = {item.key for item in held}
    rest = [item for item in files if item.key not in keys]
    total, done = sum(item.rows for item in rest), 0
    for share in _shares(rest):
        _read(db, store, query, share, where)
        done += sum(item.rows for item in share)
        progress(done, total, "submissions searched")
    return Looked(sum(item.rows for item in held), total, time.perf_counter() - start, damaged)


def _create(db: duckdb.DuckDBPyConnection) -> None:
    db.execute(
        """CREATE OR REPLACE TEMP TABLE found
            (file BIGINT, row BIGINT, v1_at TIMESTAMP, categories VARCHAR, points INTEGER)"""
    )


def _ask_index(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    made: index.Index,
    query: Query,
    files: Sequence[DataFile],
    where: str,
) -> None:
    keys = ", ".join(str(item.key) for item in files)
    must = query.must
    columns = fields_of(store.corpus)
    asked = [fts(must if expr is must else also(expr, must), columns) for expr, _ in query.points]
    with ThreadPoolExecutor(workers.cores()) as pool:  # SQLite works while Python waits
        found = [[pool.submit(segment.numbers, words) for words in asked] for segment in made.segments]
        import numpy as np  # here, so that SQLite works while it is read
    for segment, answers in zip(made.segments, found, strict=True):
        points = np.zeros(segment.rows, np.int32)
        for (_, worth), answer in zip(query.points, answers, strict=True):
            points[answer.result()] += worth
        hits = answers[0].result()
        db.register("part", {**segment.rows_at(hits), "points": points[hits]})
        names = np.array(segment.categories, object)
        db.register("listed", {"set": np.arange(len(names)), "categories": names})
        wanted = f"SELECT file, row, v1_at, categories AS set, points FROM part WHERE file IN ({keys})"
        db.execute(
            f"""INSERT INTO found SELECT file, row, v1_at, categories, points
                FROM ({live_rows(store, wanted)}) JOIN listed USING (set) WHERE {where}"""
        )


def _read(db: duckdb.DuckDBPyConnection, store: Store, query: Query, files: Sequence[DataFile], where: str) -> None:
    texts = ", ".join(f"coalesce(lower({field}), '') AS {field}" for field in store.fields)
    earned = " + ".join(
        str(worth) if expr is query.must else f"CASE WHEN {sql(expr)} THEN {worth} ELSE 0 END"
        for expr, worth in query.points
    )
    read = read_files(store, files, f"v1_at, categories, {texts}")
    db.execute(
        f"""INSERT INTO found SELECT file, row, v1_at, categories, {earned}
            FROM ({read}) WHERE ({where}) AND {sql(query.must)}"""
    )


def _shares(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    share: list[DataFile] = []
    for item in files:
        share.append(item)
        if sum(other.rows for other in share) >= SHARE:
            yield share
            share = []
    if share:
        yield share
