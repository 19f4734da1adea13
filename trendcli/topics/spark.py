"""Counting on a Spark cluster, with the program's own matching, for a corpus that outgrows one machine.

What it leaves is a store without texts: a manifest, and the cells of the topics that were counted. `trend report` and
`trend chart` read it like any other, by month and longer; what needs texts says that they lie elsewhere.

A corpus is a directory of parquet files with the columns of COLUMNS, on any file system that Spark reads; `canonical`
makes them of RAW columns. A submission may be there several times: the highest version wins, then the later `as_of`, as
everywhere in this program.
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
from trendcli.store import records as parts
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import ARXIV, COUNTS_ONLY_KIND, DataFile
from trendcli.store.store import Store
from trendcli.topics import aggregates as cells
from trendcli.topics.library import Library, ancestors_by_topic, is_allowed_by_guard
from trendcli.topics.matcher import cached_matcher

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RAW_COLUMNS = ("id", "version", "as_of", "v1_at", "categories", "title", "abstract")
CANONICAL_COLUMNS = ("id", "version", "as_of", "row_hash", "v1_at", "categories", "title", "abstract")
# the same for Spark, as what `canonical` returns
CANONICAL_SCHEMA = (
    "id string, version int, as_of date, row_hash bigint, v1_at timestamp_ntz, categories string, title string, "
    "abstract string"
)
TOPICS_TYPE = pa.list_(pa.struct([("topic", pa.int64()), ("title", pa.bool_()), ("strict", pa.bool_())]))
_MATCHED_SCHEMA = (
    "id string, version int, as_of date, row_hash bigint, month date, categories string, "
    "topics array<struct<topic: bigint, title: boolean, strict: boolean>>"
)


def canonicalize_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A function for mapInArrow: batches of RAW -> batches of COLUMNS, text and categories in canonical form.

    `v1_at` is UTC, in microseconds as Spark has it; `categories` are separated by spaces, the primary one first.
    """
    for batch in batches:
        whole = {"as_of": batch["as_of"].cast(pa.int32()), "v1_at": batch["v1_at"].cast(pa.int64())}
        columns = [whole.get(name, batch[name]).to_pylist() for name in RAW_COLUMNS]
        made = [
            parts.build_submission(
                id=ident,
                version=version,
                v1_at=at // 1_000_000,
                updated_at=at // 1_000_000,
                title=title,
                abstract=abstract,
                authors="",
                categories=categories,
                comments=None,
                journal_ref=None,
                doi=None,
                as_of=day,
            )
            for ident, version, day, at, categories, title, abstract in zip(*columns, strict=True)
        ]
        table = parts.build_batch_table(made, "spark", datetime.now(UTC)).select(CANONICAL_COLUMNS)
        at = table.schema.get_field_index("v1_at")
        yield from table.set_column(at, "v1_at", table["v1_at"].cast(pa.timestamp("us"))).to_batches()


def count_topics(
    session: SparkSession,
    paths: Sequence[str],
    root: Path,
    library: Library,
    topics: Sequence[str],
    *,
    complete_categories: Sequence[str] = (),
) -> Store:
    """Count the topics in the parquet files at some paths, and leave the counts as a store at `root`.

    `complete` names the categories of which the files hold everything up to the newest `as_of` ('*' for all); without
    it their coverage stays unknown. UsageError where the files hold nothing.
    """
    matched = build_topic_matcher(library, topics)
    table, newest = _compute_aggregates(
        session.read.parquet(*paths).select(*CANONICAL_COLUMNS).mapInArrow(matched, _MATCHED_SCHEMA)
    )
    if newest is None:
        raise UsageError(f"There is nothing to count in {', '.join(paths)}, or no as_of. Nothing was written.")
    return _write_store(
        root,
        table,
        datetime.combine(newest, time(), UTC),
        [cells.topic_key(library, topic) for topic in topics],
        complete_categories,
    )


def build_topic_matcher(
    library: Library, topics: Sequence[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for mapInArrow: batches of COLUMNS -> the same submissions with their topics in place of the text."""
    counted = ancestors_by_topic(library, topics)
    counts: dict[int, list[tuple[int, tuple[str, ...]]]] = {}
    known: dict[int, Rule] = {}
    for member in map(library.get_topic, counted):
        for rule in member.rules:
            known[rule.key] = rule
            # each parent that it counts for, by its key, and the guard that the submission has to pass
            counts.setdefault(rule.key, []).extend(
                (cells.topic_key(library, parent), member.guard) for parent in sorted(counted[member.id])
            )
    rules = tuple(known.values())

    def match_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            categories = batch["categories"].to_pylist()
            named: list[dict[int, list[bool]]] = [{} for _ in categories]
            found = cached_matcher(rules).match_batch(batch)
            for row, rule, title, strict in zip(*(column.to_pylist() for column in found.columns), strict=True):
                for topic, guard in counts[rule]:
                    if _is_allowed_by_guard(guard, categories[row]):
                        before = named[row].setdefault(topic, [False, False])
                        named[row][topic] = [before[0] or title, before[1] or strict]
            listed = [
                [{"topic": topic, "title": title, "strict": strict} for topic, (title, strict) in some.items()]
                for some in named
            ]
            month = pc.floor_temporal(batch["v1_at"], unit="month").cast(pa.date32())
            kept = {name: batch[name] for name in ("id", "version", "as_of", "row_hash")}
            arrays = {
                **kept,
                "month": month,
                "categories": batch["categories"],
                "topics": pa.array(listed, TOPICS_TYPE),
            }
            yield pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))

    return match_batches


@lru_cache(maxsize=1 << 16)
def _is_allowed_by_guard(guard: tuple[str, ...], categories: str) -> bool:
    return is_allowed_by_guard(guard, categories)


def _compute_aggregates(matched_rows: DataFrame) -> tuple[pa.Table, date | None]:
    """The cells of matched submissions, the newest state of each, without their file; and the newest `as_of`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    same = Window.partitionBy("id")
    newest = same.orderBy(f.desc("version"), f.desc("as_of"), f.desc("row_hash"))
    live = (
        matched_rows.withColumn("month", f.min("month").over(same))
        .withColumn("place", f.row_number().over(newest))
        .where("place = 1")
        .drop("place", "id", "version")
        .persist()
    )
    zero = f.lit(0).cast("bigint")
    base = live.groupBy("month", "categories").agg(
        f.lit(cells.TOTAL_KEY).cast("bigint").alias("topic"),
        f.count("*").alias("n_any"),
        zero.alias("n_title"),
        zero.alias("n_strict"),
        f.sum(f.shiftright("row_hash", 32)).alias("high"),
        f.sum(f.col("row_hash").bitwiseAND(f.lit(4294967295))).alias("low"),
    )
    matches = live.select("month", "categories", f.explode("topics").alias("one"))
    topics = matches.groupBy("month", "categories", f.col("one.topic").alias("topic")).agg(
        f.count("*").alias("n_any"),
        f.sum(f.col("one.title").cast("bigint")).alias("n_title"),
        f.sum(f.col("one.strict").cast("bigint")).alias("n_strict"),
        zero.alias("high"),
        zero.alias("low"),
    )
    columns = ("topic", "month", "categories", *cells.AGGREGATE_COLUMNS)
    table = base.select(*columns).unionByName(topics.select(*columns)).toArrow()
    day: date | None = live.agg(f.max("as_of")).collect()[0][0]
    live.unpersist()
    return table.sort_by([(name, "ascending") for name in columns[:3]]), day


def _write_store(
    root: Path, table: pa.Table, newest: datetime, keys: Sequence[int], complete_categories: Sequence[str]
) -> Store:
    """A store at `root` that holds the cells and says where they are from."""
    base = table.filter(pc.equal(table["topic"], cells.TOTAL_KEY))
    digest = xxh3_64(repr(base.to_pydict()).encode()).hexdigest()[:12]
    span = pc.min_max(base["month"]).as_py()
    last = add_months(span["max"], 1) - timedelta(days=1)
    rows = pc.sum(base["n_any"]).as_py()
    file = DataFile(f"{ARXIV}/{COUNTS_ONLY_KIND}/corpus.{digest}.parquet", COUNTS_ONLY_KIND, rows, span["min"], last)
    answer = CoverageRecord(
        source="spark",
        categories=tuple(sorted(complete_categories)) or (ALL_CATEGORIES,),
        since=span["min"],
        until=min(last + timedelta(days=1), newest.date()),
        answered_at=newest,
        status="complete" if complete_categories else "unknown",
        expected=None,
        received=rows,
        query="a directory of parquet",
        version=f"newest as_of {newest:%Y-%m-%d}",
    )
    store = Store.open_or_create(root)
    with store.write_lock():
        if any(item.kind != COUNTS_ONLY_KIND for item in store.manifest.files):
            raise UsageError(f"The store {root} holds texts of its own. Name another; nothing was changed.")
        known = {
            key
            for piece in cache.list_blocks(store, cells.CACHE_KIND)
            if file.file_id in piece.file_ids
            for key in piece.keys
        }
        wanted = [key for key in (cells.TOTAL_KEY, *keys) if key not in known]
        chosen = table.filter(pc.is_in(table["topic"], pa.array(wanted, pa.int64())))
        named = pa.table({"file": pa.repeat(pa.scalar(file.file_id, pa.int64()), chosen.num_rows)})
        for name in ("topic", "month", "categories", *cells.AGGREGATE_COLUMNS):
            named = named.append_column(name, chosen[name])
        if wanted:
            cache.add_block(store, cells.CACHE_KIND, [file.file_id], wanted, named)
        if file not in store.manifest.files or answer not in store.manifest.ledger:
            store.commit([file], [answer], replaced_files=store.manifest.files)
    return store
