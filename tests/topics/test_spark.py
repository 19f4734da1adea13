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
from typer.testing import CliRunner

from tests.conftest import fill, paper
from tests.topics.test_counting import TOPICS
from trendcli.cli import build_app
from trendcli.core import periods
from trendcli.core.errors import UsageError
from trendcli.core.types import Scope, Selection, Submission, ignore_progress
from trendcli.demo import corpus
from trendcli.store import records as parts
from trendcli.store.store import Store
from trendcli.topics import aggregates as cells
from trendcli.topics import loader as topic_files
from trendcli.topics import spark
from trendcli.topics.counting import count_submissions
from trendcli.topics.library import Library

# Spark speaks of itself while it starts, and of pandas, which nothing here uses
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
        yield from _running(SparkSession)


def _running(kind: Any) -> Iterator[Any]:
    made = (
        kind.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield made
    made.stop()


def submissions(seed: int, version: int, day: int, every: int) -> list[Submission]:
    """Made-up submissions, with fruit in some of them; the same seed gives the same ones at any version."""
    fruit = ["an apple", "apples and pears", "an apple computer", "JAM", "a pear, a pear", "nothing"]
    return [
        parts.build_submission(
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
        for number, item in enumerate(corpus.build_corpus(seed=seed, yearly_counts={2018: 300, 2019: 400}))
        if number % every == 0
    ]


@pytest.fixture(scope="module")
def states() -> list[list[Submission]]:
    """Two deliveries: the second repeats a third of the first as newer versions, and some as they were."""
    first = submissions(5, 1, 18000, 1)
    return [first, [*submissions(5, 2, 18100, 3), *first[1:90:3]]]


def written(folder: Path, states: list[list[Submission]]) -> Path:
    """The deliveries as a directory of parquet files."""
    folder.mkdir()
    for number, some in enumerate(states):
        pq.write_table(
            parts.build_batch_table(some, "test", datetime(2020, 6, 1, tzinfo=UTC)), folder / f"{number}.parquet"
        )
    return folder


def counted(store: Store, library: Library, topics: list[str], match: str) -> Any:
    months = periods.list_periods(periods.parse_period("2018").start, periods.parse_period("2019").end, "month")
    return count_submissions(store, library, Selection(SCOPE, tuple(topics), match=match), months, ignore_progress)


def test_the_function_of_the_cluster_finds_what_the_tags_hold(
    states: list[list[Submission]], topic_file: Any, tmp_path: Path
) -> None:
    own = topic_files.load_library(topic_file(TOPICS).parent)
    topics = list(own.get_pack("all"))
    store = fill(tmp_path / "local", states[0])
    batches = parts.build_batch_table(states[0], "test", datetime(2020, 6, 1, tzinfo=UTC)).to_batches(max_chunksize=100)
    rows = [row for batch in spark.build_topic_matcher(own, topics)(iter(batches)) for row in batch.to_pylist()]
    assert len(rows) == 700
    for match, field in (("any", None), ("title", "title"), ("strict", "strict")):
        found = counted(store, own, topics, match).counts
        for topic in topics:
            key = cells.topic_key(own, topic)
            for month in {item for _, item in found}:
                here = [
                    row
                    for row in rows
                    if row["month"] == month.start
                    and any(one["topic"] == key and (field is None or one[field]) for one in row["topics"])
                ]
                assert len(here) == found[topic, month]


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
    (found,) = spark.canonicalize_batches(iter([raw]))
    assert found.schema.names == list(spark.CANONICAL_COLUMNS)
    rows = found.to_pylist()
    made = paper(
        "1801.00001", "2018-01-05T12:00", "On alpha-divergence", "Schrodinger's apple", categories="cs.LG stat.ML"
    )
    assert [row["id"] for row in rows] == ["1801.00002", "1801.00001"]  # by v1 date
    assert rows[1]["row_hash"] == made.row_hash
    assert (rows[1]["title"], rows[1]["abstract"], rows[1]["v1_at"]) == (
        made.title,
        made.abstract,
        datetime(2018, 1, 5, 12),
    )
    assert (rows[0]["title"], rows[0]["as_of"]) == ("Time-varying", date(2020, 6, 2))


def test_a_store_without_texts(states: list[list[Submission]], topic_file: Any, tmp_path: Path) -> None:
    own = topic_files.load_library(topic_file(TOPICS).parent)
    local = fill(tmp_path / "local", states[0])
    month = counted(local, own, ["apple"], "any")
    key = cells.topic_key(own, "apple")
    table = pa.table(
        {
            "topic": pa.array([cells.TOTAL_KEY, key], pa.int64()),
            "month": pa.array([periods.parse_period("2018-03").start] * 2),
            "categories": ["cs.LG", "cs.LG"],
            **{name: pa.array([9, 4], pa.int64()) for name in cells.AGGREGATE_COLUMNS},
        }
    )
    store = spark._write_store(tmp_path / "store", table, datetime(2020, 6, 1, tzinfo=UTC), [key], ["*"])
    march = periods.parse_period("2018-03")
    found = counted(store, own, ["apple"], "any")
    assert (found.totals[march], found.counts["apple", march]) == (9, 4)
    assert found.totals.keys() == month.totals.keys()
    with pytest.raises(UsageError, match="texts lie"):
        counted(store, own, ["pear"], "any")  # never counted
    week = [periods.parse_period("2018-W10")]
    with pytest.raises(UsageError, match="texts lie"):
        count_submissions(store, own, Selection(SCOPE, ("apple",)), week, ignore_progress)
    for words, code in ((["status"], 0), (["doctor"], 0), (["papers"], 2)):
        said = CliRunner().invoke(build_app(words), [*words, "--store", str(store.root)])
        assert (said.exit_code, "Traceback" in said.output) == (code, False), said.output


def test_a_cluster_counts_as_this_machine_does(
    session: Any, states: list[list[Submission]], library: Library, topic_file: Any, tmp_path: Path
) -> None:
    own = topic_files.load_library(topic_file(TOPICS).parent)
    every = replace(library, topics={**library.topics, **own.topics})
    topics = [*library.get_pack("ml"), *own.get_pack("all")]
    local = Store.open_or_create(tmp_path / "local")
    for some in states:
        local = fill(tmp_path / "local", some)
    assert local.manifest.submission_count == 700
    assert sum(item.replaces for item in local.manifest.files) == 234
    folder = written(tmp_path / "corpus", states)
    remote = spark.count_topics(session, [str(folder)], tmp_path / "remote", every, topics, complete_categories=["*"])
    assert remote.manifest.submission_count == 700
    for match in ("any", "title", "strict"):
        here, there = counted(local, every, topics, match), counted(remote, every, topics, match)
        assert here == there
        assert sum(here.counts.values()) > 500
    apples = counted(remote, every, ["apple"], "any").counts
    pears = counted(remote, every, ["pear"], "any").counts
    assert 0 < sum(apples.values()) < 700  # the exclusion and the guard leave some out
    assert 0 < sum(pears.values()) < 700

    said = CliRunner().invoke(
        build_app(["report"]), ["report", "--store", str(remote.root), "-t", "rl", "--by", "year"]
    )
    assert said.exit_code == 0
    assert "2019" in said.output
    refused = CliRunner().invoke(build_app(["papers"]), ["papers", "--store", str(remote.root), "-t", "rl"])
    assert refused.exit_code == 2
    assert "texts lie" in refused.output


def test_counting_again_adds_topics_and_nothing_twice(
    session: Any, states: list[list[Submission]], topic_file: Any, tmp_path: Path
) -> None:
    own = topic_files.load_library(topic_file(TOPICS).parent)
    paths = [str(written(tmp_path / "corpus", states))]
    first = spark.count_topics(session, paths, tmp_path / "store", own, ["pear"], complete_categories=["*"])
    before = counted(first, own, ["pear"], "any")
    second = spark.count_topics(
        session, paths, tmp_path / "store", own, ["pear", "apple", "jam"], complete_categories=["*"]
    )
    after = counted(second, own, ["pear", "apple", "jam"], "any")
    assert second.manifest.files == first.manifest.files
    assert after.totals == before.totals
    assert {place: after.counts[place] for place in before.counts} == before.counts
    assert sum(after.counts["apple", item] for item in after.totals) > 0


def test_what_cannot_be_counted(session: Any, states: list[list[Submission]], library: Library, tmp_path: Path) -> None:
    empty = written(tmp_path / "empty", [[]])
    with pytest.raises(UsageError, match="nothing to count"):
        spark.count_topics(session, [str(empty)], tmp_path / "none", library, ["rl"])
    filled = fill(tmp_path / "filled", states[0][:3])
    folder = written(tmp_path / "corpus", states)
    with pytest.raises(UsageError, match="holds texts of its own"):
        spark.count_topics(session, [str(folder)], filled.root, library, ["rl"])
    assert Store.open(filled.root).manifest == filled.manifest
