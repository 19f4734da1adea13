"""Tags: which rule matches which stored row, matched once for each immutable file and rule and kept in the cache.

A tag is (file, row, rule, title, strict): `file` and `row` say where the submission lies in the store, `title` whether
its title matches, `strict` whether the title does or there are two mentions. Topics are not in it, so that regrouping
rules into topics reads no text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from trendcli.core.types import Progress, Rule
from trendcli.store import cache
from trendcli.store.manifest import DataFile
from trendcli.store.sql import sql_list
from trendcli.store.store import FIELDS, Store

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

KIND = "tags"
# submissions that one process matches at a time: from a second share on, a second process pays
SHARE = 50_000


def ensure(store: Store, files: Sequence[DataFile], rules: Iterable[Rule], progress: Progress) -> list[cache.Piece]:
    """The pieces that hold the tags of some files for some rules; text is read only for what was never matched."""
    by_key = {rule.key: rule for rule in rules}
    by_file = {item.key: item for item in files}

    def compute(some_files: Sequence[int], some_keys: Sequence[int]) -> pa.Table:
        return match_files(store, [by_file[key] for key in some_files], [by_key[key] for key in some_keys], progress)

    return cache.ensure(store, KIND, by_file, by_key, compute)


def match_files(store: Store, files: Sequence[DataFile], rules: Sequence[Rule], progress: Progress) -> pa.Table:
    """The tags of files for rules, by rule, file and row; each core takes files of its own where there are many."""
    import numpy as np

    from trendcli.core import parallel as workers
    from trendcli.core.arrow import pa, pc

    every = tuple(rules)
    shares = [[(store.path(item), item.key) for item in share] for share in _shares(files)]
    work = shares, repeat(every), repeat(store.fields)
    total, done, found = sum(item.rows for item in files), 0, []
    with workers.pool() if len(shares) > 1 else nullcontext() as pool:
        for rows, table in pool.map(_matched, *work) if pool else map(_matched, *work):
            done += rows
            progress(done, total, "submissions matched")
            found.append(table)
    logging.getLogger(__name__).info("matched %d submissions with %d rules", total, len(every))
    table = pa.concat_tables(found)
    # files and rows are in their order already; numbers of 16 bits are sorted ten times as fast as keys of 64
    number = pc.index_in(table["rule"], pa.array(sorted(rule.key for rule in every), pa.int64())).to_numpy()
    kind = np.uint16 if len(every) <= 1 << 16 else np.uint32
    return table.take(pa.array(np.argsort(number.astype(kind), kind="stable")))


def _shares(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Files in runs of about SHARE rows, in the order of their keys."""
    shares: list[list[DataFile]] = []
    size = SHARE
    for item in sorted(files, key=lambda item: item.key):
        if size >= SHARE:
            shares.append([])
            size = 0
        shares[-1].append(item)
        size += item.rows
    return shares


def _matched(
    files: Sequence[tuple[Path, int]], rules: tuple[Rule, ...], fields: tuple[str, ...]
) -> tuple[int, pa.Table]:
    """How many rows some files have, and their tags, read a row group at a time. May run in a worker process."""
    import pyarrow.parquet as pq

    from trendcli.core.arrow import pa, pc
    from trendcli.topics.matcher import MATCHES, matcher_of

    matcher, found, total = matcher_of(rules), [], 0
    for path, key in files:
        offset = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=16384, columns=list(fields)):
            matches = matcher.match(texts(batch))
            rows = pc.add(matches["row"].cast(pa.int64()), offset)
            offset += batch.num_rows
            columns = {"file": pa.repeat(pa.scalar(key, pa.int64()), len(rows)), "row": rows}
            found.append(pa.table({**columns, **{name: matches[name] for name in MATCHES.names[1:]}}))
        total += offset
    return total, pa.concat_tables(found).combine_chunks()


def texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The two texts in which rules are matched, `title` and `abstract`: what is no title stands a part a line."""
    from trendcli.core.arrow import pa, pc

    names = batch.schema.names
    if names == ["title", "abstract"]:
        return batch
    none = pa.repeat(pa.scalar(""), batch.num_rows)
    rest = [pc.fill_null(batch[name], "") for name in FIELDS if name in names and name != "title"]
    joined = pc.binary_join_element_wise(*rest, "\n") if rest else none
    return pa.record_batch({"title": batch["title"] if "title" in names else none, "abstract": joined})


def relation(db: duckdb.DuckDBPyConnection, pieces: Sequence[cache.Piece], name: str, empty: str) -> str:
    """SQL for the rows of pieces of one kind; those in memory are registered in `db` under `name`."""
    paths = [str(piece.rows) for piece in pieces if not hasattr(piece.rows, "num_rows")]
    parts = [f"SELECT * FROM read_parquet({sql_list(paths)})"] if paths else []
    for number, piece in enumerate(piece for piece in pieces if hasattr(piece.rows, "num_rows")):
        db.register(f"{name}_{number}", piece.rows)
        parts.append(f"SELECT * FROM {name}_{number}")
    return " UNION ALL ".join(parts) or empty


def level(store: Store) -> bool:
    """Whether every update was matched with all the rules that every month was matched with."""
    pieces = cache.known(store, KIND)
    matched: dict[int, frozenset[int]] = {
        item.key: frozenset().union(*(piece.keys for piece in pieces if item.key in piece.files))
        for item in store.manifest.files
    }
    months = [matched[item.key] for item in store.manifest.files if item.kind == "month"]
    rules: frozenset[int] = frozenset.intersection(*months) if months else frozenset()
    return all(matched[item.key] >= rules for item in store.manifest.files if item.kind == "update")


def carry(store: Store, moves: pa.Table) -> None:
    """Carry tags along to rewritten files, by what `ingest.fold` says of where each row lay before; no text is read."""
    pieces = cache.known(store, KIND)
    if not moves.num_rows or not pieces:
        return
    with store.connect() as db:
        db.register("moves", moves)
        sources: dict[int, set[int]] = {}
        for file, old in db.execute("SELECT DISTINCT file, old_file FROM moves").fetchall():
            sources.setdefault(file, set()).add(old)
        covered: dict[frozenset[int], list[int]] = {}
        for file, olds in sources.items():
            keys = [frozenset().union(*(piece.keys for piece in pieces if old in piece.files)) for old in olds]
            covered.setdefault(frozenset.intersection(*keys), []).append(file)
        for some_keys, some_files in covered.items():
            if not some_keys:
                continue
            rows = db.sql(
                f"""
                SELECT DISTINCT moves.file, moves.row, rule, title, strict
                FROM ({relation(db, pieces, "tag", "")}) AS tag
                JOIN moves ON tag.file = moves.old_file AND tag.row = moves.old_row
                WHERE moves.file IN (SELECT unnest({list(some_files)})) AND rule IN (SELECT unnest({list(some_keys)}))
                ORDER BY rule, moves.file, moves.row
                """
            ).to_arrow_table()
            cache.keep(store, KIND, some_files, some_keys, rows)
    cache.sweep(store, KIND)
