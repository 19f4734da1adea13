"""Upsert by canonical id: which incoming submissions are new, revised or repeats, and the files that hold them.

A higher version wins, then the later day on which a source vouched for the state. The v1 date is written once: a source
that disagrees later is overruled and counted as a conflict. So the same submissions in any order give the same store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from trendcli.core import parallel as workers
from trendcli.core.arrow import pa, pc
from trendcli.core.periods import add_months
from trendcli.core.types import Answer
from trendcli.store import records as staging
from trendcli.store.manifest import DataFile
from trendcli.store.sql import read_files
from trendcli.store.store import Store, schema, write_data

# updates beyond this share of all rows are folded into the months, since every read pays for them
FOLD = 0.05
# rows of an update file, and rows from which a second process pays
MANY = 50_000
_KEYS = ("id", "version", "as_of", "v1_at", "row_hash", "comments", "journal_ref", "doi", "withdrawn")


@dataclass(frozen=True)
class Merged:
    """What came in: submissions that were unknown, new states of known ones, repeats, and v1 dates overruled."""

    new: int = 0
    revised: int = 0
    repeated: int = 0
    conflicts: int = 0

    def __add__(self, other: Merged) -> Merged:
        return Merged(
            self.new + other.new,
            self.revised + other.revised,
            self.repeated + other.repeated,
            self.conflicts + other.conflicts,
        )


def merge(store: Store, parts: Sequence[pa.Table | Path], answers: Iterable[Answer]) -> Merged:
    """Bring parts and the answers they belong to into the store, as one commit; call it inside `store.writing()`."""
    tables = [staging.read(part) for part in parts]
    answers = [answer for answer in answers if answer not in store.manifest.ledger]
    wins, merged = _decide(store, tables)
    files: list[DataFile] = []
    if wins is None:
        files = list(_months(store, parts, tables))
    elif wins.num_rows:
        files = [
            write_data(store.root, store.corpus, "update", f"{store.manifest.generation + 1:06d}-{number:03d}", rows)
            for number, rows in enumerate(_updates(tables, wins))
        ]
    if files or answers:
        store.commit(files, answers)
    return merged


def _decide(store: Store, tables: Sequence[pa.Table]) -> tuple[pa.Table | None, Merged]:
    """The incoming rows that enter the store, as (part, row, v1_at, over_file, over_row); None for all of them."""
    total = sum(table.num_rows for table in tables)
    if not total:
        return pa.table({"part": []}), Merged()
    chosen = _KEYS if store.manifest.files else _KEYS[:5]
    keys = pa.concat_tables(
        table.select(chosen)
        .append_column("part", pa.repeat(pa.scalar(number, pa.int32()), table.num_rows))
        .append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int32)))
        for number, table in enumerate(tables)
    )
    if not store.manifest.files and len(pc.unique(keys["id"])) == total:
        return None, Merged(new=total)
    with store.connect() as db:
        db.register("keys", keys)
        stored = read_files(store, store.files(), ", ".join(_KEYS))
        blank = (
            "" if store.manifest.files else ", NULL AS comments, NULL AS journal_ref, NULL AS doi, false AS withdrawn"
        )
        wins = db.sql(
            f"""
            WITH incoming AS (
                SELECT *{blank}, min(v1_at) OVER same AS first_v1, max(v1_at) OVER same AS last_v1
                FROM keys WINDOW same AS (PARTITION BY id)
                QUALIFY 1 = row_number() OVER (
                    PARTITION BY id ORDER BY version DESC, as_of DESC, row_hash DESC, part, row
                )
            )
            SELECT new.part, new.row, coalesce(old.v1_at, new.first_v1) AS v1_at,
                old.file AS over_file, old.row::INTEGER AS over_row,
                new.first_v1 <> new.last_v1 OR coalesce(old.v1_at <> new.first_v1, false) AS conflict,
                old.id IS NULL
                OR (new.version, new.as_of) > (old.version, old.as_of) AND (
                    new.row_hash <> old.row_hash
                    OR new.comments IS DISTINCT FROM old.comments
                    OR new.journal_ref IS DISTINCT FROM old.journal_ref
                    OR new.doi IS DISTINCT FROM old.doi
                    OR new.withdrawn AND NOT old.withdrawn
                )
                OR (new.version, new.as_of) = (old.version, old.as_of) AND new.row_hash > old.row_hash AS enters
            FROM incoming AS new LEFT JOIN ({stored}) AS old ON new.id = old.id
            ORDER BY new.part, new.row
            """
        ).to_arrow_table()
    conflicts = pc.sum(wins["conflict"]).as_py() or 0
    wins = wins.filter(wins["enters"])
    new = wins["over_file"].null_count
    return wins, Merged(new, wins.num_rows - new, total - wins.num_rows, conflicts)


def _updates(tables: Sequence[pa.Table], wins: pa.Table) -> Iterator[pa.Table]:
    """The winning rows in the shape of update files, at most MANY rows each and a little over."""
    waiting: list[pa.Table] = []
    for number, table in enumerate(tables):
        mine = wins.filter(pc.equal(wins["part"], number))
        if not mine.num_rows:
            continue
        rows = table.take(mine["row"])
        rows = rows.set_column(rows.schema.get_field_index("v1_at"), "v1_at", mine["v1_at"].cast(pa.timestamp("ms")))
        waiting.append(rows.append_column("over_file", mine["over_file"]).append_column("over_row", mine["over_row"]))
        if sum(item.num_rows for item in waiting) >= MANY:
            yield _sorted(pa.concat_tables(waiting))
            waiting = []
    if waiting:
        yield _sorted(pa.concat_tables(waiting))


def _sorted(rows: pa.Table) -> pa.Table:
    rows = rows.combine_chunks()
    return rows.take(pc.sort_indices(rows, [("v1_at", "ascending"), ("id", "ascending")]))


def _months(store: Store, parts: Sequence[pa.Table | Path], tables: Sequence[pa.Table]) -> Iterator[DataFile]:
    """All incoming rows as month files, for a store that is still empty."""
    where: dict[str, list[tuple[pa.Table | Path, int, int]]] = {}
    for part, table in zip(parts, tables, strict=True):
        for month, (offset, length) in staging.months(table).items():
            where.setdefault(month, []).append((part, offset, length))
    many = sum(table.num_rows for table in tables) > MANY and all(isinstance(part, Path) for part in parts)
    if not many:
        yield from (_month(store.root, store.corpus, month, pieces) for month, pieces in sorted(where.items()))
        return
    with workers.pool() as pool:
        work = [pool.submit(_month, store.root, store.corpus, month, pieces) for month, pieces in sorted(where.items())]
        yield from (future.result() for future in work)


def _month(root: Path, corpus: str, month: str, pieces: Sequence[tuple[pa.Table | Path, int, int]]) -> DataFile:
    rows = pa.concat_tables([staging.read(part).slice(offset, length) for part, offset, length in pieces])
    none = [pa.nulls(rows.num_rows, pa.int64()), pa.nulls(rows.num_rows, pa.int32())]
    rows = rows.append_column("over_file", none[0]).append_column("over_row", none[1])
    return write_data(root, corpus, "month", month, _sorted(rows))


def lacking(store: Store, ids: Sequence[str], days: Sequence[int]) -> list[str]:
    """Which of some submissions the store does not hold as they stood on some day, counted from 1970, or later."""
    listed = pa.table({"id": pa.array(ids, pa.string()), "day": pa.array(days, pa.int32())})
    with store.connect() as db:
        db.register("listed", listed)
        stored = read_files(store, store.files(), "id, as_of")
        found = db.execute(
            f"""
            SELECT listed.id FROM listed LEFT JOIN ({stored}) AS stored
            ON stored.id = listed.id AND stored.as_of >= DATE '1970-01-01' + listed.day
            WHERE stored.id IS NULL ORDER BY listed.id
            """
        ).fetchall()
    return [row[0] for row in found]


def fold_is_due(store: Store, times: float = 1) -> bool:
    """Whether the updates have grown past FOLD of all rows, or so many times that."""
    updates = sum(item.rows for item in store.manifest.files if item.kind == "update")
    return updates > times * FOLD * store.manifest.rows


def fold(store: Store, also: Iterable[str] = ()) -> pa.Table:
    """Rewrite the months that updates speak of, and `also` others ('2019-03'), and stop naming the updates.

    No submission changes; where one should be there twice, its newest state stays.

    Returns where each row of the rewritten files lay before: (old_file, old_row, file, row), by which what was computed
    of a row can be carried along. Call it inside `store.writing()`.
    """
    files = store.manifest.files
    updates = [item for item in files if item.kind == "update"]
    moves, written, gone = [], [], list(updates)
    months = set(also)
    if not updates and not months:
        return _moves([])
    names = staging.schema(store.corpus).names
    with store.connect() as db:
        touched = db.execute(
            f"""
            SELECT DISTINCT strftime(v1_at, '%Y-%m') AS month
            FROM ({read_files(store, updates, "v1_at")}) ORDER BY month
            """
        ).fetchall()
        for month in sorted({*months, *(month for (month,) in touched)}):
            since = date.fromisoformat(f"{month}-01")
            until = add_months(since, 1)
            old = [item for item in files if item.kind == "month" and item.first >= since and item.last < until]
            sources = [*old, *[item for item in updates if item.last >= since and item.first < until]]
            rows = db.sql(
                f"""
                SELECT * FROM ({read_files(store, sources, ", ".join(names))})
                WHERE v1_at >= '{since}' AND v1_at < '{until}'
                QUALIFY 1 = row_number() OVER (PARTITION BY id ORDER BY version DESC, as_of DESC, row_hash DESC)
                ORDER BY v1_at, id
                """
            ).to_arrow_table()
            none = {"over_file": pa.nulls(rows.num_rows, pa.int64()), "over_row": pa.nulls(rows.num_rows, pa.int32())}
            data = pa.table({**{name: rows[name] for name in names}, **none}, schema=schema(store.corpus))
            written.append(write_data(store.root, store.corpus, "month", month, data))
            gone += old
            moves.append((rows["file"], rows["row"], written[-1].key))
    store.commit(written, instead_of=gone)
    return _moves(moves)


def _moves(moves: Sequence[tuple[Any, Any, int]]) -> pa.Table:
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
