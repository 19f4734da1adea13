"""Which rule matches which stored row (rule matches), and for which topics that row then counts (topic matches).

A rule match is (file, row, rule, title, strict): `file` and `row` locate the submission in the store, `title` is
whether the rule matches its title, `strict` whether it matches the title or at least twice. Rule matches are computed
once per immutable file and rule and cached; they name no topic, so regrouping rules into topics reads no text. The
topic matches of a topic are the rule matches of its family that pass the guards.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trendcli.core.types import Progress, Rule
from trendcli.store import cache
from trendcli.store.manifest import ARXIV, DataFile
from trendcli.store.sql import create_temp_table, sql_paths
from trendcli.store.store import TEXT_FIELDS, Store
from trendcli.topics.library import Library, ancestors_by_topic

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# the rule matches in the cache of a store; with another folder or version every text is matched again: the version
# changes where the same rule and text would give other matches than before
CACHE_KIND = cache.CacheKind("tags", "1")
# submissions that one process matches at a time; a second process pays from the second chunk on
ROWS_PER_CHUNK = 50_000
# rows read from a parquet file at a time
_BATCH_ROWS = 16_384


# Rule matches


def ensure_rule_matches(
    store: Store, files: Sequence[DataFile], rules: Iterable[Rule], progress: Progress
) -> list[cache.CacheBlock]:
    """Return cache blocks with the rule matches of some files; read text only for what was never matched."""
    rule_by_key = {rule.key: rule for rule in rules}
    file_by_id = {file.file_id: file for file in files}

    def match_missing(file_ids: Sequence[int], rule_keys: Sequence[int]) -> pa.Table:
        missing_files = [file_by_id[file_id] for file_id in file_ids]
        return match_files(store, missing_files, [rule_by_key[key] for key in rule_keys], progress)

    return cache.ensure_blocks(store, CACHE_KIND, file_by_id, rule_by_key, match_missing)


def match_files(store: Store, files: Sequence[DataFile], rules: Sequence[Rule], progress: Progress) -> pa.Table:
    """Return the rule matches of files, sorted by rule, file and row; many files are matched by one process per core.

    The columns are `file` (int64), `row` (int64), `rule` (int64), `title` (bool) and `strict` (bool).
    """
    import numpy as np

    from trendcli.core.arrow import pa, pc
    from trendcli.core.parallel import create_pool

    paths = dict(zip(files, store.read_paths(files), strict=True))
    chunks = [[(paths[file], file.file_id) for file in chunk] for chunk in _split_files(files)]
    arguments = chunks, repeat(tuple(rules)), repeat(store.text_fields)
    total, done, tables = sum(file.rows for file in files), 0, []
    with create_pool() if len(chunks) > 1 else nullcontext() as pool:
        for row_count, table in pool.map(_match_chunk, *arguments) if pool else map(_match_chunk, *arguments):
            done += row_count
            progress(done, total, "submissions matched")
            tables.append(table)
    logging.getLogger(__name__).info("matched %d submissions with %d rules", total, len(rules))
    matches = pa.concat_tables(tables)
    # files and rows are in order already; 16-bit ranks are sorted ten times as fast as 64-bit keys
    ranks = pc.index_in(matches["rule"], pa.array(sorted(rule.key for rule in rules), pa.int64())).to_numpy()
    rank_type = np.uint16 if len(rules) <= 1 << 16 else np.uint32
    return matches.take(pa.array(np.argsort(ranks.astype(rank_type), kind="stable")))


def _split_files(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Return files in chunks of about ROWS_PER_CHUNK rows, ordered by their identifiers."""
    chunks: list[list[DataFile]] = []
    row_count = ROWS_PER_CHUNK
    for file in sorted(files, key=lambda file: file.file_id):
        if row_count >= ROWS_PER_CHUNK:
            chunks.append([])
            row_count = 0
        chunks[-1].append(file)
        row_count += file.rows
    return chunks


def _match_chunk(
    files: Sequence[tuple[Path, int]], rules: tuple[Rule, ...], fields: tuple[str, ...]
) -> tuple[int, pa.Table]:
    """Return how many rows some files have, and their rule matches. May run in a worker process."""
    import pyarrow.parquet as pq

    from trendcli.core.arrow import pa, pc
    from trendcli.topics.matcher import MATCH_SCHEMA, cached_matcher

    matcher, tables, row_count = cached_matcher(rules), [], 0
    for path, file_id in files:
        offset = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_BATCH_ROWS, columns=list(fields)):
            matches = matcher.match_batch(build_match_texts(batch))
            rows = pc.add(matches["row"].cast(pa.int64()), offset)
            offset += batch.num_rows
            columns = {"file": pa.repeat(pa.scalar(file_id, pa.int64()), len(rows)), "row": rows}
            tables.append(pa.table({**columns, **{name: matches[name] for name in MATCH_SCHEMA.names[1:]}}))
        row_count += offset
    return row_count, pa.concat_tables(tables).combine_chunks()


def build_match_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the texts that rules are matched in: `title`, and as `abstract` all other text fields, one per line."""
    from trendcli.core.arrow import pa, pc

    names = batch.schema.names
    if names == ["title", "abstract"]:
        return batch
    empty = pa.repeat(pa.scalar(""), batch.num_rows)
    others = [pc.fill_null(batch[name], "") for name in TEXT_FIELDS if name in names and name != "title"]
    abstract = pc.binary_join_element_wise(*others, "\n") if others else empty
    return pa.record_batch({"title": batch["title"] if "title" in names else empty, "abstract": abstract})


def blocks_sql(
    db: duckdb.DuckDBPyConnection, blocks: Sequence[cache.CacheBlock], table_prefix: str, empty_sql: str
) -> str:
    """Return SQL for all rows of some cache blocks of one kind, or `empty_sql` where there are none.

    Blocks in memory are registered in `db` as `table_prefix` and a number.
    """
    paths = [block.rows for block in blocks if isinstance(block.rows, Path)]
    tables = [block.rows for block in blocks if not isinstance(block.rows, Path)]
    selects = [f"SELECT * FROM read_parquet({sql_paths(paths)})"] if paths else []
    for number, table in enumerate(tables):
        db.register(f"{table_prefix}_{number}", table)
        selects.append(f"SELECT * FROM {table_prefix}_{number}")
    return " UNION ALL ".join(selects) or empty_sql


def is_match_cache_current(store: Store) -> bool:
    """Return whether every delta file was matched with all rules that every month file was matched with."""
    blocks = cache.list_blocks(store, CACHE_KIND)
    rules_by_file: dict[int, frozenset[int]] = {
        file.file_id: frozenset().union(*(block.keys for block in blocks if file.file_id in block.file_ids))
        for file in store.manifest.files
    }
    month_rules = [rules_by_file[file.file_id] for file in store.manifest.files if file.kind == "month"]
    rules: frozenset[int] = frozenset.intersection(*month_rules) if month_rules else frozenset()
    return all(rules_by_file[file.file_id] >= rules for file in store.manifest.files if file.kind == "update")


def remap(store: Store, row_map: pa.Table) -> None:
    """Carry cached rule matches over to the files that a compaction has written; no text is read.

    `row_map` (file, row, old_file, old_row) says where each row of the new files lay before.
    """
    blocks = cache.list_blocks(store, CACHE_KIND)
    if not row_map.num_rows or not blocks:
        return
    with store.connect() as db:
        db.register("row_map", row_map)
        old_files_by_file: dict[int, set[int]] = {}
        for file, old_file in db.execute("SELECT DISTINCT file, old_file FROM row_map").fetchall():
            old_files_by_file.setdefault(file, set()).add(old_file)
        # a new file knows the rules that all its old files were matched with
        files_by_rules: dict[frozenset[int], list[int]] = {}
        for file, old_files in old_files_by_file.items():
            rule_sets = [
                frozenset().union(*(block.keys for block in blocks if old_file in block.file_ids))
                for old_file in old_files
            ]
            files_by_rules.setdefault(frozenset.intersection(*rule_sets), []).append(file)
        for rule_keys, files in files_by_rules.items():
            if not rule_keys:
                continue
            matches = db.sql(
                f"""
                SELECT DISTINCT row_map.file, row_map.row, rule, title, strict
                FROM ({blocks_sql(db, blocks, "rule_match", "")}) AS rule_match
                JOIN row_map ON rule_match.file = row_map.old_file AND rule_match.row = row_map.old_row
                WHERE row_map.file IN (SELECT unnest({list(files)})) AND rule IN (SELECT unnest({list(rule_keys)}))
                ORDER BY rule, row_map.file, row_map.row
                """
            ).to_arrow_table()
            cache.add_block(store, CACHE_KIND, files, rule_keys, matches)
    cache.remove_stale_blocks(store, CACHE_KIND)


# Topic matches


class RuleAssignment(NamedTuple):
    """A rule and a topic that it counts for: its own, or an ancestor. `guard` is that of the rule's own topic."""

    rule_key: int
    topic: str
    guard: tuple[str, ...]


def ensure_topic_rule_matches(
    store: Store, library: Library, topics: Iterable[str], files: Sequence[DataFile], progress: Progress
) -> tuple[list[cache.CacheBlock], list[RuleAssignment]]:
    """Return cache blocks with the rule matches of the families of some topics, and which rule counts for which topic.

    The guards of topics speak of arXiv categories and do not apply to a venue.
    """
    ancestors = ancestors_by_topic(library, topics)
    members = [library.get_topic(name) for name in ancestors]
    blocks = ensure_rule_matches(store, files, [rule for member in members for rule in member.rules], progress)
    assignments = [
        RuleAssignment(rule.key, topic, member.guard if store.corpus == ARXIV else ())
        for member in members
        for rule in member.rules
        for topic in sorted(ancestors[member.id])
    ]
    return blocks, assignments


_EMPTY_RULE_MATCHES_SQL = (
    "SELECT 0::BIGINT AS file, 0::BIGINT AS row, 0::BIGINT AS rule, false AS title, false AS strict WHERE false"
)


def create_topic_match_table(
    db: duckdb.DuckDBPyConnection, blocks: Sequence[cache.CacheBlock], assignments: Sequence[RuleAssignment]
) -> None:
    """Create the table `topic_match` (file, row, topic, rule, title, strict) of the rows of `paper`, guards applied.

    `paper` must have the columns file, row and categories. The work is done in steps, since DuckDB takes four times as
    long for one query.
    """
    guards = sorted({assignment.guard for assignment in assignments} | {()})
    guard_numbers = {guard: number for number, guard in enumerate(guards)}
    create_temp_table(
        db,
        "assignment",
        "key BIGINT, topic VARCHAR, guard INTEGER",
        [(key, topic, guard_numbers[guard]) for key, topic, guard in assignments],
    )
    create_temp_table(
        db,
        "guard_glob",
        "guard INTEGER, pattern VARCHAR",
        [(number, glob) for guard, number in guard_numbers.items() for glob in guard or ("*",)],
    )
    db.execute(
        f"""CREATE TEMP TABLE assigned_match AS
            SELECT rule_match.file, rule_match.row, rule_match.rule, rule_match.title, rule_match.strict,
                assignment.topic, assignment.guard, paper.categories
            FROM ({blocks_sql(db, blocks, "rule_match", _EMPTY_RULE_MATCHES_SQL)}) AS rule_match
            JOIN assignment ON rule_match.rule = assignment.key
            JOIN paper ON rule_match.file = paper.file AND rule_match.row = paper.row"""
    )
    db.execute(
        """CREATE TEMP TABLE admitted AS
            WITH pair AS MATERIALIZED (SELECT DISTINCT guard, categories FROM assigned_match),
            category AS (SELECT DISTINCT unnest(string_split(categories, ' ')) AS name FROM pair),
            guard_category AS MATERIALIZED (
                SELECT guard, list(DISTINCT name) AS names
                FROM guard_glob JOIN category ON name GLOB pattern GROUP BY guard
            )
            SELECT guard, categories FROM pair JOIN guard_category USING (guard)
            WHERE list_has_any(string_split(categories, ' '), names)"""
    )
    db.execute(
        """CREATE TEMP TABLE topic_match AS
            SELECT file, row, topic, rule, title, strict FROM assigned_match JOIN admitted USING (guard, categories)"""
    )
    db.execute("DROP TABLE assigned_match")
