"""Counting on a Spark cluster, with the program's own matcher, for a corpus that outgrows one machine.

The result is a store without texts: a manifest, and the aggregates of the topics that were counted. `trend report` and
`trend chart` read it like any other, by month and longer; commands that need texts fail and say so.

A corpus is a directory of parquet files with the columns of CANONICAL_COLUMNS, on any file system that Spark reads;
`canonicalize_batches` makes them from RAW_COLUMNS. A submission may occur several times: the highest version wins, then
the later `as_of`, as everywhere in this program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64

from trendcli.core.arrow import pa, pc
from trendcli.core.errors import UsageError
from trendcli.core.periods import add_months
from trendcli.core.types import CoverageRecord, Rule
from trendcli.store import cache
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import ARXIV, COUNTS_ONLY_KIND, DataFile
from trendcli.store.records import build_batch_table, build_submission
from trendcli.store.store import Store
from trendcli.topics.aggregates import AGGREGATE_COLUMNS, CACHE_KIND, TOTAL_KEY, topic_key
from trendcli.topics.library import Library, ancestors_by_topic, is_allowed_by_guard
from trendcli.topics.matcher import cached_matcher

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RAW_COLUMNS = ("id", "version", "as_of", "v1_at", "categories", "title", "abstract")
CANONICAL_COLUMNS = ("id", "version", "as_of", "row_hash", "v1_at", "categories", "title", "abstract")
# the schema of the same columns for Spark: that of `canonicalize_batches`
CANONICAL_SCHEMA = (
    "id string, version int, as_of date, row_hash bigint, v1_at timestamp_ntz, categories string, title string, "
    "abstract string"
)
# the topics of one submission, by key
TOPICS_TYPE = pa.list_(pa.struct([("topic", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())]))
# what the function of `build_topic_matcher` yields
_MATCHED_SCHEMA = (
    "id string, version int, as_of date, row_hash bigint, month date, categories string, "
    "topics array<struct<topic: bigint, title: boolean, strict: boolean>>"
)


def canonicalize_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches of RAW_COLUMNS as CANONICAL_COLUMNS, with normalised text and categories; for `mapInArrow`.

    `v1_at` is UTC in microseconds, as Spark has it; `categories` are separated by spaces, the primary one first.
    """
    for batch in batches:
        integers = {"as_of": batch["as_of"].cast(pa.int32()), "v1_at": batch["v1_at"].cast(pa.int64())}
        columns = [integers.get(name, batch[name]).to_pylist() for name in RAW_COLUMNS]
        submissions = [
            build_submission(
                id=submission_id,
                version=version,
                v1_at=v1_us // 1_000_000,
                updated_at=v1_us // 1_000_000,
                title=title,
                abstract=abstract,
                authors="",
                categories=categories,
                comments=None,
                journal_ref=None,
                doi=None,
                as_of=as_of,
            )
            for submission_id, version, as_of, v1_us, categories, title, abstract in zip(*columns, strict=True)
        ]
        table = build_batch_table(submissions, "spark", datetime.now(UTC)).select(CANONICAL_COLUMNS)
        v1_index = table.schema.get_field_index("v1_at")
        yield from table.set_column(v1_index, "v1_at", table["v1_at"].cast(pa.timestamp("us"))).to_batches()


def count_topics(
    session: SparkSession,
    paths: Sequence[str],
    root: Path,
    library: Library,
    topics: Sequence[str],
    *,
    complete_categories: Sequence[str] = (),
) -> Store:
    """Count topics in the parquet files at some paths, write the counts to a store at `root`, and return it.

    `complete_categories` are those of which the files hold all submissions up to the newest `as_of` ('*': all); of
    other categories the coverage stays unknown. Topics that the store holds already stay as they are. Raise UsageError
    where the files hold nothing, or the store holds texts; nothing is written then.
    """
    match_batches = build_topic_matcher(library, topics)
    aggregates, newest = _compute_aggregates(
        session.read.parquet(*paths).select(*CANONICAL_COLUMNS).mapInArrow(match_batches, _MATCHED_SCHEMA)
    )
    if newest is None:
        raise UsageError(f"No submissions with an as_of date in {', '.join(paths)}. Nothing was written.")
    return _write_store(
        root,
        aggregates,
        datetime.combine(newest, time(), UTC),
        [topic_key(library, topic) for topic in topics],
        complete_categories,
    )


def build_topic_matcher(
    library: Library, topics: Sequence[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Build a function for `mapInArrow` that replaces the texts in batches of CANONICAL_COLUMNS by their topics."""
    ancestors = ancestors_by_topic(library, topics)
    # by rule key: each topic that the rule counts for, by its key, and the guard that the submission has to pass
    assignments: dict[int, list[tuple[int, tuple[str, ...]]]] = {}
    rule_by_key: dict[int, Rule] = {}
    for member in map(library.get_topic, ancestors):
        for rule in member.rules:
            rule_by_key[rule.key] = rule
            assignments.setdefault(rule.key, []).extend(
                (topic_key(library, topic), member.guard) for topic in sorted(ancestors[member.id])
            )
    rules = tuple(rule_by_key.values())

    def match_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            categories = batch["categories"].to_pylist()
            matches_by_row: list[dict[int, tuple[bool, bool]]] = [{} for _ in categories]
            matches = cached_matcher(rules).match_batch(batch)
            for row, rule_key, title, strict in zip(*(column.to_pylist() for column in matches.columns), strict=True):
                for key, guard in assignments[rule_key]:
                    if _is_allowed_by_guard(guard, categories[row]):
                        had_title, had_strict = matches_by_row[row].get(key, (False, False))
                        matches_by_row[row][key] = (had_title or title, had_strict or strict)
            row_topics = [
                [{"topic": key, "title": title, "strict": strict} for key, (title, strict) in row_matches.items()]
                for row_matches in matches_by_row
            ]
            arrays = {
                **{name: batch[name] for name in ("id", "version", "as_of", "row_hash")},
                "month": pc.floor_temporal(batch["v1_at"], unit="month").cast(pa.date32()),
                "categories": batch["categories"],
                "topics": pa.array(row_topics, TOPICS_TYPE),
            }
            yield pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))

    return match_batches


@lru_cache(maxsize=1 << 16)
def _is_allowed_by_guard(guard: tuple[str, ...], categories: str) -> bool:
    """Return the same as `is_allowed_by_guard`, from memory for sets of categories that came before."""
    return is_allowed_by_guard(guard, categories)


def _compute_aggregates(matched_rows: DataFrame) -> tuple[pa.Table, date | None]:
    """Return the aggregates, without `file`, of the newest state of each submission, and the newest `as_of` or None."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    states = Window.partitionBy("id")
    newest_first = states.orderBy(f.desc("version"), f.desc("as_of"), f.desc("row_hash"))
    live = (
        matched_rows.withColumn("month", f.min("month").over(states))
        .withColumn("recency", f.row_number().over(newest_first))
        .where("recency = 1")
        .drop("recency", "id", "version")
        .persist()
    )
    zero = f.lit(0).cast("bigint")
    totals = live.groupBy("month", "categories").agg(
        f.lit(TOTAL_KEY).cast("bigint").alias("topic"),
        f.count("*").alias("n_any"),
        zero.alias("n_title"),
        zero.alias("n_strict"),
        f.sum(f.shiftright("row_hash", 32)).alias("high"),
        f.sum(f.col("row_hash").bitwiseAND(f.lit(4294967295))).alias("low"),
    )
    matches = live.select("month", "categories", f.explode("topics").alias("match"))
    topics = matches.groupBy("month", "categories", f.col("match.topic").alias("topic")).agg(
        f.count("*").alias("n_any"),
        f.sum(f.col("match.title").cast("bigint")).alias("n_title"),
        f.sum(f.col("match.strict").cast("bigint")).alias("n_strict"),
        zero.alias("high"),
        zero.alias("low"),
    )
    columns = ("topic", "month", "categories", *AGGREGATE_COLUMNS)
    table = totals.select(*columns).unionByName(topics.select(*columns)).toArrow()
    newest: date | None = live.agg(f.max("as_of")).collect()[0][0]
    live.unpersist()
    return table.sort_by([(name, "ascending") for name in columns[:3]]), newest


def _write_store(
    root: Path, aggregates: pa.Table, newest: datetime, topic_keys: Sequence[int], complete_categories: Sequence[str]
) -> Store:
    """Write aggregates and their coverage record to a store at `root`; raise UsageError where it holds texts.

    The one file of its manifest does not exist: its name is a hash of the totals, so that topics counted later in the
    same corpus are added to it.
    """
    totals = aggregates.filter(pc.equal(aggregates["topic"], TOTAL_KEY))
    digest = xxh3_64(repr(totals.to_pydict()).encode()).hexdigest()[:12]
    span = pc.min_max(totals["month"]).as_py()
    last = add_months(span["max"], 1) - timedelta(days=1)
    row_count = pc.sum(totals["n_any"]).as_py()
    path = f"{ARXIV}/{COUNTS_ONLY_KIND}/corpus.{digest}.parquet"
    file = DataFile(path, COUNTS_ONLY_KIND, row_count, span["min"], last)
    record = CoverageRecord(
        source="spark",
        categories=tuple(sorted(complete_categories)) or (ALL_CATEGORIES,),
        since=span["min"],
        until=min(last + timedelta(days=1), newest.date()),
        answered_at=newest,
        status="complete" if complete_categories else "unknown",
        expected=None,
        received=row_count,
        query="a directory of parquet",
        version=f"newest as_of {newest:%Y-%m-%d}",
    )
    store = Store.open_or_create(root)
    with store.write_lock():
        if any(file.kind != COUNTS_ONLY_KIND for file in store.manifest.files):
            raise UsageError(f"The store {root} holds texts. Choose another store; nothing was changed.")
        cached_keys = {
            key
            for block in cache.list_blocks(store, CACHE_KIND)
            if file.file_id in block.file_ids
            for key in block.keys
        }
        new_keys = [key for key in (TOTAL_KEY, *topic_keys) if key not in cached_keys]
        new_rows = aggregates.filter(pc.is_in(aggregates["topic"], pa.array(new_keys, pa.int64())))
        block_rows = pa.table({"file": pa.repeat(pa.scalar(file.file_id, pa.int64()), new_rows.num_rows)})
        for name in ("topic", "month", "categories", *AGGREGATE_COLUMNS):
            block_rows = block_rows.append_column(name, new_rows[name])
        if new_keys:
            cache.add_block(store, CACHE_KIND, [file.file_id], new_keys, block_rows)
        if file not in store.manifest.files or record not in store.manifest.ledger:
            store.commit([file], [record], replaced_files=store.manifest.files)
    return store
