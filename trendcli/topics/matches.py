"""Which rule matches which stored row, and which of these make a submission count for which topic.

A rule match is (file, row, rule, title, strict): `file` and `row` say where the submission lies in the store, `title`
whether its title matches, `strict` whether the title does or the rule matches twice. It is computed once for each
immutable file and rule and kept in the cache; topics are not in it, so regrouping rules into topics reads no text. A
topic match is what is left of the rule matches of a topic and those below it when their guards are applied.
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
from trendcli.store.manifest import ARXIV, DataFile
from trendcli.store.sql import create_temp_table, sql_list
from trendcli.store.store import TEXT_FIELDS, Store
from trendcli.topics.library import Library, ancestors_by_topic

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


CACHE_KIND = "tags"


# submissions that one process matches at a time: from a second share on, a second process pays
ROWS_PER_CHUNK = 50_000


def ensure_rule_matches(
    store: Store, files: Sequence[DataFile], rules: Iterable[Rule], progress: Progress
) -> list[cache.CacheBlock]:
    """The pieces that hold the tags of some files for some rules; text is read only for what was never matched."""
    by_key = {rule.key: rule for rule in rules}
    by_file = {item.file_id: item for item in files}

    def match_missing(some_files: Sequence[int], some_keys: Sequence[int]) -> pa.Table:
        return match_files(store, [by_file[key] for key in some_files], [by_key[key] for key in some_keys], progress)

    return cache.ensure_blocks(store, CACHE_KIND, by_file, by_key, match_missing)


def match_files(store: Store, files: Sequence[DataFile], rules: Sequence[Rule], progress: Progress) -> pa.Table:
    """The tags of files for rules, by rule, file and row; each core takes files of its own where there are many."""
    import numpy as np

    from trendcli.core import parallel as workers
    from trendcli.core.arrow import pa, pc

    every = tuple(rules)
    shares = [[(store.file_path(item), item.file_id) for item in share] for share in _split_files(files)]
    work = shares, repeat(every), repeat(store.text_fields)
    total, done, found = sum(item.rows for item in files), 0, []
    with workers.create_pool() if len(shares) > 1 else nullcontext() as pool:
        for rows, table in pool.map(_match_chunk, *work) if pool else map(_match_chunk, *work):
            done += rows
            progress(done, total, "submissions matched")
            found.append(table)
    logging.getLogger(__name__).info("matched %d submissions with %d rules", total, len(every))
    table = pa.concat_tables(found)
    # files and rows are in their order already; numbers of 16 bits are sorted ten times as fast as keys of 64
    number = pc.index_in(table["rule"], pa.array(sorted(rule.key for rule in every), pa.int64())).to_numpy()
    kind = np.uint16 if len(every) <= 1 << 16 else np.uint32
    return table.take(pa.array(np.argsort(number.astype(kind), kind="stable")))


def _split_files(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Files in runs of about SHARE rows, in the order of their keys."""
    shares: list[list[DataFile]] = []
    size = ROWS_PER_CHUNK
    for item in sorted(files, key=lambda item: item.file_id):
        if size >= ROWS_PER_CHUNK:
            shares.append([])
            size = 0
        shares[-1].append(item)
        size += item.rows
    return shares


def _match_chunk(
    files: Sequence[tuple[Path, int]], rules: tuple[Rule, ...], fields: tuple[str, ...]
) -> tuple[int, pa.Table]:
    """How many rows some files have, and their tags, read a row group at a time. May run in a worker process."""
    import pyarrow.parquet as pq

    from trendcli.core.arrow import pa, pc
    from trendcli.topics.matcher import MATCH_SCHEMA, cached_matcher

    matcher, found, total = cached_matcher(rules), [], 0
    for path, key in files:
        offset = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=16384, columns=list(fields)):
            matches = matcher.match_batch(build_match_texts(batch))
            rows = pc.add(matches["row"].cast(pa.int64()), offset)
            offset += batch.num_rows
            columns = {"file": pa.repeat(pa.scalar(key, pa.int64()), len(rows)), "row": rows}
            found.append(pa.table({**columns, **{name: matches[name] for name in MATCH_SCHEMA.names[1:]}}))
        total += offset
    return total, pa.concat_tables(found).combine_chunks()


def build_match_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The two texts in which rules are matched, `title` and `abstract`: what is no title stands a part a line."""
    from trendcli.core.arrow import pa, pc

    names = batch.schema.names
    if names == ["title", "abstract"]:
        return batch
    none = pa.repeat(pa.scalar(""), batch.num_rows)
    rest = [pc.fill_null(batch[name], "") for name in TEXT_FIELDS if name in names and name != "title"]
    joined = pc.binary_join_element_wise(*rest, "\n") if rest else none
    return pa.record_batch({"title": batch["title"] if "title" in names else none, "abstract": joined})


def blocks_sql(
    db: duckdb.DuckDBPyConnection, blocks: Sequence[cache.CacheBlock], table_prefix: str, empty_sql: str
) -> str:
    """SQL for the rows of pieces of one kind; those in memory are registered in `db` under `name`."""
    paths = [str(piece.rows) for piece in blocks if not hasattr(piece.rows, "num_rows")]
    parts = [f"SELECT * FROM read_parquet({sql_list(paths)})"] if paths else []
    for number, piece in enumerate(piece for piece in blocks if hasattr(piece.rows, "num_rows")):
        db.register(f"{table_prefix}_{number}", piece.rows)
        parts.append(f"SELECT * FROM {table_prefix}_{number}")
    return " UNION ALL ".join(parts) or empty_sql


def is_match_cache_current(store: Store) -> bool:
    """Whether every update was matched with all the rules that every month was matched with."""
    pieces = cache.list_blocks(store, CACHE_KIND)
    matched: dict[int, frozenset[int]] = {
        item.file_id: frozenset().union(*(piece.keys for piece in pieces if item.file_id in piece.file_ids))
        for item in store.manifest.files
    }
    months = [matched[item.file_id] for item in store.manifest.files if item.kind == "month"]
    rules: frozenset[int] = frozenset.intersection(*months) if months else frozenset()
    return all(matched[item.file_id] >= rules for item in store.manifest.files if item.kind == "update")


def remap(store: Store, row_map: pa.Table) -> None:
    """Carry tags along to rewritten files, by what `ingest.fold` says of where each row lay before; no text is read."""
    pieces = cache.list_blocks(store, CACHE_KIND)
    if not row_map.num_rows or not pieces:
        return
    with store.connect() as db:
        db.register("moves", row_map)
        sources: dict[int, set[int]] = {}
        for file, old in db.execute("SELECT DISTINCT file, old_file FROM moves").fetchall():
            sources.setdefault(file, set()).add(old)
        covered: dict[frozenset[int], list[int]] = {}
        for file, olds in sources.items():
            keys = [frozenset().union(*(piece.keys for piece in pieces if old in piece.file_ids)) for old in olds]
            covered.setdefault(frozenset.intersection(*keys), []).append(file)
        for some_keys, some_files in covered.items():
            if not some_keys:
                continue
            rows = db.sql(
                f"""
                SELECT DISTINCT moves.file, moves.row, rule, title, strict
                FROM ({blocks_sql(db, pieces, "tag", "")}) AS tag
                JOIN moves ON tag.file = moves.old_file AND tag.row = moves.old_row
                WHERE moves.file IN (SELECT unnest({list(some_files)})) AND rule IN (SELECT unnest({list(some_keys)}))
                ORDER BY rule, moves.file, moves.row
                """
            ).to_arrow_table()
            cache.add_block(store, CACHE_KIND, some_files, some_keys, rows)
    cache.remove_stale_blocks(store, CACHE_KIND)


RuleAssignments = list[tuple[int, str, str, tuple[str, ...]]]  # (rule key, own topic, counted topic, guard)


def ensure_topic_rule_matches(
    store: Store, library: Library, topics: Iterable[str], files: Sequence[DataFile], progress: Progress
) -> tuple[list[cache.CacheBlock], RuleAssignments]:
    """The tags of some files for all rules of some topics and those below them, and which rule counts for which."""
    counted = ancestors_by_topic(library, topics)
    members = [library.get_topic(name) for name in counted]
    pieces = ensure_rule_matches(store, files, [rule for topic in members for rule in topic.rules], progress)
    rules = [
        (rule.key, topic.id, parent, topic.guard if store.corpus == ARXIV else ())
        for topic in members
        for rule in topic.rules
        for parent in sorted(counted[topic.id])
    ]
    return pieces, rules


def create_topic_match_table(
    db: duckdb.DuckDBPyConnection, blocks: Sequence[cache.CacheBlock], assignments: RuleAssignments
) -> None:
    """Make the table `mention` of `db`: which rule made a submission of `paper` count for which topic, guards applied.

    In steps, since DuckDB takes four times as long for all of them as one query.
    """
    guards = {guard: number for number, guard in enumerate(sorted({guard for *_, guard in assignments} | {()}))}
    asked = [(key, parent, guards[guard]) for key, _, parent, guard in assignments]
    globs = [(number, glob) for guard, number in guards.items() for glob in guard or ("*",)]
    create_temp_table(db, "asked", "key BIGINT, topic VARCHAR, guard INTEGER", asked)
    create_temp_table(db, "given", "guard INTEGER, pattern VARCHAR", globs)
    empty = "SELECT 0::BIGINT AS file, 0::BIGINT AS row, 0::BIGINT AS rule, false AS title, false AS strict WHERE false"
    db.execute(
        f"""CREATE TEMP TABLE named AS
            SELECT tag.file, tag.row, tag.rule, tag.title, tag.strict, asked.topic, asked.guard, listed.categories
            FROM ({blocks_sql(db, blocks, "tag", empty)}) AS tag
            JOIN asked ON tag.rule = asked.key
            JOIN paper AS listed ON tag.file = listed.file AND tag.row = listed.row"""
    )
    db.execute(
        """CREATE TEMP TABLE allowed AS
            WITH pair AS MATERIALIZED (SELECT DISTINCT guard, categories FROM named),
            category AS (SELECT DISTINCT unnest(string_split(categories, ' ')) AS name FROM pair),
            passed AS MATERIALIZED (
                SELECT guard, list(DISTINCT name) AS names
                FROM given JOIN category ON name GLOB pattern GROUP BY guard
            )
            SELECT guard, categories FROM pair JOIN passed USING (guard)
            WHERE list_has_any(string_split(categories, ' '), names)"""
    )
    db.execute(
        """CREATE TEMP TABLE mention AS
            SELECT file, row, topic, rule, title, strict FROM named JOIN allowed USING (guard, categories)"""
    )
    db.execute("DROP TABLE named")
