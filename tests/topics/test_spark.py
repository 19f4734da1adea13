from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands import run
from tests.worlds import fill, paper
from trendcli.core.errors import UsageError
from trendcli.core.periods import list_periods, parse_period
from trendcli.core.types import Scope, Selection, Submission, ignore_progress
from trendcli.demo.corpus import build_corpus
from trendcli.store.records import build_batch_table, build_submission
from trendcli.store.store import Store
from trendcli.topics.aggregates import AGGREGATE_COLUMNS, TOTAL_KEY, topic_key
from trendcli.topics.counting import PeriodCounts, count_submissions
from trendcli.topics.library import Library
from trendcli.topics.spark import (
    CANONICAL_COLUMNS,
    _write_store,
    build_topic_matcher,
    canonicalize_batches,
    count_topics,
)

# Spark warns while it starts, and of pandas, which nothing here uses
pytestmark = pytest.mark.filterwarnings("ignore")

SCOPE = Scope("all", ("cs.LG", "cs.CV", "cs.CL", "stat.ML", "cs.NE"))


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="pyspark is not installed; `make spark` installs it")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java 17")
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        spark = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate()
        )
        yield spark
        spark.stop()


def submissions(seed: int, version: int, day: int, every: int) -> list[Submission]:
    """Every n-th submission of a synthetic corpus, with fruit in its texts; a seed gives the same ones at any version."""
    fruit = ["an apple", "apples and pears", "an apple computer", "JAM", "a pear, a pear", "nothing"]
    return [
        build_submission(
            id=item.id,
            version=version,
            v1_at=int(item.published_at.timestamp()),
            updated_at=int(item.published_at.timestamp()) + version,
            title=f"{item.title} on {fruit[number % 3]}" if number % 7 == 0 else item.title,
            abstract=f"{item.abstract} We think of {fruit[(number + version) % 6]}.",
            authors=", ".join(item.authors),
            categories=" ".join(item.categories if version == 1 or number % 4 else item.categories[::-1]),
            comments=None,
            journal_ref=None,
            doi=None,
            as_of=day,
        )
        for number, item in enumerate(build_corpus(seed=seed, yearly_counts={2018: 300, 2019: 400}))
        if number % every == 0
    ]


@pytest.fixture(scope="module")
def states() -> list[list[Submission]]:
    """Two deliveries: the second repeats a third of the first as newer versions, and some as they were."""
    first = submissions(5, 1, 18000, 1)
    return [first, [*submissions(5, 2, 18100, 3), *first[1:90:3]]]


def build_table(papers: list[Submission]) -> pa.Table:
    return build_batch_table(papers, "test", datetime(2020, 6, 1, tzinfo=UTC))


def write_corpus(folder: Path, states: list[list[Submission]]) -> Path:
    """Write the deliveries as a directory of parquet files, and return it."""
    folder.mkdir()
    for number, papers in enumerate(states):
        pq.write_table(build_table(papers), folder / f"{number}.parquet")
    return folder


def count_by_month(store: Store, library: Library, topics: list[str], match: str) -> PeriodCounts:
    months = list_periods(date(2018, 1, 1), date(2020, 1, 1), "month")
    return count_submissions(store, library, Selection(SCOPE, tuple(topics), match=match), months, ignore_progress)


def test_the_function_of_the_cluster_matches_as_the_store_does(
    states: list[list[Submission]], fruit_library: Library, tmp_path: Path
) -> None:
    topics = list(fruit_library.get_pack("all"))
    store = fill(tmp_path / "local", states[0])
    batches = build_table(states[0]).to_batches(max_chunksize=100)
    rows = [row for batch in build_topic_matcher(fruit_library, topics)(iter(batches)) for row in batch.to_pylist()]
    assert len(rows) == 700
    for mode, field in (("any", None), ("title", "title"), ("strict", "strict")):
        counts = count_by_month(store, fruit_library, topics, mode).counts
        for topic in topics:
            key = topic_key(fruit_library, topic)
            for month in {month for _, month in counts}:
                matching_rows = [
                    row
                    for row in rows
                    if row["month"] == month.start
                    and any(match["topic"] == key and (field is None or match[field]) for match in row["topics"])
                ]
                assert len(matching_rows) == counts[topic, month]


def test_raw_columns_become_what_an_import_makes_of_them() -> None:
    raw = pa.record_batch(
        {
            "id": ["1801.00001", "1801.00002"],
            "version": pa.array([1, 3], pa.int32()),
            "as_of": [date(2020, 6, 1), date(2020, 6, 2)],
            "v1_at": pa.array([datetime(2018, 1, 5, 12), datetime(2018, 1, 1)], pa.timestamp("us")),
            "categories": ["cs.LG stat.ML", "cs.CL"],
            "title": ["On\n $\\alpha$-divergence", "Time- varying"],
            "abstract": ["Schr\\\"odinger's apple", "—"],
        }
    )
    (batch,) = canonicalize_batches(iter([raw]))
    assert batch.schema.names == list(CANONICAL_COLUMNS)
    rows = batch.to_pylist()
    imported = paper(
        "1801.00001", "2018-01-05T12:00", "On alpha-divergence", "Schrodinger's apple", categories="cs.LG stat.ML"
    )
    assert [row["id"] for row in rows] == ["1801.00002", "1801.00001"]  # by v1 date
    assert rows[1]["row_hash"] == imported.row_hash
    assert (rows[1]["title"], rows[1]["abstract"], rows[1]["v1_at"]) == (
        imported.title,
        imported.abstract,
        datetime(2018, 1, 5, 12),
    )
    assert (rows[0]["title"], rows[0]["as_of"]) == ("Time-varying", date(2020, 6, 2))


def test_a_store_without_texts_counts_months_of_known_topics_only(fruit_library: Library, tmp_path: Path) -> None:
    march = parse_period("2018-03")
    key = topic_key(fruit_library, "apple")
    aggregates = pa.table(
        {
            "topic": pa.array([TOTAL_KEY, key], pa.int64()),
            "month": pa.array([march.start] * 2),
            "categories": ["cs.LG", "cs.LG"],
            **{name: pa.array([9, 4], pa.int64()) for name in AGGREGATE_COLUMNS},
        }
    )
    store = _write_store(tmp_path / "store", aggregates, datetime(2020, 6, 1, tzinfo=UTC), [key], ["*"])
    counts = count_by_month(store, fruit_library, ["apple"], "any")
    assert (counts.totals[march], counts.counts["apple", march]) == (9, 4)
    assert sum(counts.totals.values()) == 9
    with pytest.raises(UsageError, match="texts are not in it"):
        count_by_month(store, fruit_library, ["pear"], "any")  # never counted
    week = [parse_period("2018-W10")]
    with pytest.raises(UsageError, match="texts are not in it"):
        count_submissions(store, fruit_library, Selection(SCOPE, ("apple",)), week, ignore_progress)
    for words, exit_code in ((["status"], 0), (["doctor"], 0), (["papers"], 2)):
        result = run(*words, "--store", store.root)
        assert (result.exit_code, "Traceback" in result.output) == (exit_code, False), result.output


@pytest.mark.journey
def test_a_cluster_counts_as_this_machine_does(
    session: Any, states: list[list[Submission]], library: Library, fruit_library: Library, tmp_path: Path
) -> None:
    both = replace(library, topics={**library.topics, **fruit_library.topics})
    topics = [*library.get_pack("ml"), *fruit_library.get_pack("all")]
    local = Store.open_or_create(tmp_path / "local")
    for papers in states:
        local = fill(tmp_path / "local", papers)
    assert local.manifest.submission_count == 700
    assert sum(file.replaces for file in local.manifest.files) == 234
    folder = write_corpus(tmp_path / "corpus", states)
    remote = count_topics(session, [str(folder)], tmp_path / "remote", both, topics, complete_categories=["*"])
    assert remote.manifest.submission_count == 700
    for mode in ("any", "title", "strict"):
        local_counts = count_by_month(local, both, topics, mode)
        assert count_by_month(remote, both, topics, mode) == local_counts
        assert sum(local_counts.counts.values()) > 500
    for topic in ("apple", "pear"):
        # the exclusion and the guard leave some out
        assert 0 < sum(count_by_month(remote, both, [topic], "any").counts.values()) < 700

    words = ["report", "--store", str(remote.root), "-t", "rl", "--by", "year"]
    report = run(*words)
    assert report.exit_code == 0
    assert "2019" in report.output
    listing = run("papers", "--store", remote.root, "-t", "rl")
    assert listing.exit_code == 2
    assert "texts lie" in listing.output


@pytest.mark.journey
def test_counting_again_adds_topics_and_nothing_twice(
    session: Any, states: list[list[Submission]], fruit_library: Library, tmp_path: Path
) -> None:
    paths = [str(write_corpus(tmp_path / "corpus", states))]
    root = tmp_path / "store"
    first = count_topics(session, paths, root, fruit_library, ["pear"], complete_categories=["*"])
    before = count_by_month(first, fruit_library, ["pear"], "any")
    second = count_topics(session, paths, root, fruit_library, ["pear", "apple", "jam"], complete_categories=["*"])
    after = count_by_month(second, fruit_library, ["pear", "apple", "jam"], "any")
    assert second.manifest.files == first.manifest.files
    assert after.totals == before.totals
    assert {key: after.counts[key] for key in before.counts} == before.counts
    assert sum(after.counts["apple", month] for month in after.totals) > 0


@pytest.mark.journey
def test_an_empty_corpus_and_a_store_with_texts_are_refused(
    session: Any, states: list[list[Submission]], library: Library, tmp_path: Path
) -> None:
    empty = write_corpus(tmp_path / "empty", [[]])
    with pytest.raises(UsageError, match="No submissions with an as_of date"):
        count_topics(session, [str(empty)], tmp_path / "none", library, ["rl"])
    filled = fill(tmp_path / "filled", states[0][:3])
    folder = write_corpus(tmp_path / "corpus", states)
    with pytest.raises(UsageError, match="holds texts"):
        count_topics(session, [str(folder)], filled.root, library, ["rl"])
    assert Store.open(filled.root).manifest == filled.manifest
