from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.reports.papers.worlds import GRAPH_WORLD, listed_ids, search
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import ActionRequiredError, StoreLocked
from trendcli.core.files import exclusive_lock
from trendcli.core.types import Submission, ignore_progress
from trendcli.reports.papers import fulltext_build
from trendcli.reports.papers.fulltext import FulltextIndex, index_folder, read_index
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.reports.papers.query_syntax import parse_search_query
from trendcli.reports.papers.search import search_submissions
from trendcli.store.compaction import compact_store
from trendcli.store.store import Store
from trendcli.topics.library import Library


def suffixes(store: Store) -> set[str]:
    return {path.suffix for path in index_folder(store).iterdir() if path.suffix}


@pytest.mark.journey
def test_segments_stay_few(tmp_path: Path) -> None:
    def papers(first: int, count: int) -> list[Submission]:
        return [paper(f"1801.{number:05d}", "2018-01-05", f"Paper {number}") for number in range(first, first + count)]

    store = fill(tmp_path / "store", papers(0, 50), [coverage_record()])
    assert build_index(store, ignore_progress)[1] == 50
    assert build_index(store, ignore_progress)[1] == 0
    sizes = []
    for week in range(4):
        store = fill(store.root, papers(100 + 10 * week, 10), [coverage_record(at=f"2020-07-0{week + 1}")])
        fulltext_index, _ = build_index(store, ignore_progress)
        sizes.append(sorted(segment.row_count for segment in fulltext_index.segments))
    assert sizes == [[10, 50], [20, 50], [10, 20, 50], [40, 50]]
    before = {path.name for path in index_folder(store).glob("*.db")}
    build_index(store, ignore_progress)
    # files that are no longer named are removed by the next build
    assert {path.name for path in index_folder(store).glob("*.db")} < before


def test_a_build_that_is_killed_leaves_nothing_that_counts(graph_store: Store, library: Library) -> None:
    before = listed_ids(search(graph_store, library, "graph"))
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from trendcli.reports.papers.fulltext_build import build_index\n"
        "from trendcli.store.store import Store\n"
        "build_index(Store.open(Path(sys.argv[1])), lambda *_: os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(graph_store.root)], check=False).returncode == 9
    assert suffixes(graph_store) == {".draft"} and read_index(graph_store) == FulltextIndex()
    assert listed_ids(search(graph_store, library, "graph")) == before
    build_index(graph_store, ignore_progress)
    assert suffixes(graph_store) == {".db", ".npy", ".json"}
    assert listed_ids(search(graph_store, library, "graph")) == before


def test_a_full_disk_leaves_nothing_behind(graph_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_full(*_: Any) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(fulltext_build, "_write_words", raise_full)
    with pytest.raises(ActionRequiredError, match="database or disk is full. Nothing was changed"):
        build_index(graph_store, ignore_progress)
    assert suffixes(graph_store) == set()


def test_two_builds_at_once_are_refused(graph_store: Store) -> None:
    with (
        exclusive_lock(index_folder(graph_store) / "lock"),
        pytest.raises(StoreLocked, match="Another process is building the index"),
    ):
        build_index(graph_store, ignore_progress)


@pytest.mark.journey
@pytest.mark.parametrize("ending", ["db", "npy", "json"])
def test_a_damaged_segment_is_rebuilt(ending: str, graph_store: Store, library: Library) -> None:
    before = listed_ids(search(graph_store, library, "graph"))
    build_index(graph_store, ignore_progress)
    (path,) = (words_path.with_suffix(f".{ending}") for words_path in index_folder(graph_store).glob("*.db"))
    path.write_bytes(path.read_bytes()[: {"db": 8192, "npy": 100, "json": 5}[ending]])
    assert listed_ids(search(graph_store, library, "graph")) == before
    assert "Indexed 5 submissions in" in run("index", "--store", graph_store.root).output
    report = search(graph_store, library, "graph")
    assert listed_ids(report) == before and not any("is damaged" in note for note in report.notes)
    assert build_index(graph_store, ignore_progress)[1] == 0


def test_a_damaged_index_is_not_carried_along(graph_store: Store, library: Library) -> None:
    before = listed_ids(search(graph_store, library, "graph"))
    build_index(graph_store, ignore_progress)
    (locations_path,) = index_folder(graph_store).glob("*.npy")
    locations_path.write_bytes(locations_path.read_bytes()[:100])
    with graph_store.write_lock():
        compact_store(graph_store, ["2018-01"])
    assert listed_ids(search(graph_store, library, "graph")) == before
    assert build_index(graph_store, ignore_progress)[1] == 5


def test_a_compaction_carries_the_index_along(tmp_path: Path, library: Library) -> None:
    store = fill(tmp_path / "store", GRAPH_WORLD, [coverage_record(["cs.LG", "cs.CL"])])
    store = fill(store.root, [paper("1903.00003", "2019-03-05", "Forests", "A tree.", version=2)], [coverage_record()])
    build_index(store, ignore_progress)
    before = listed_ids(search(store, library, "graph OR tree"))
    with store.write_lock():
        compact_store(store)
    assert read_index(store).file_keys == {data_file.file_id for data_file in store.manifest.files}
    assert listed_ids(search(store, library, "graph OR tree")) == before
    query = parse_search_query("graph", store.text_fields)
    with store.connect() as db:
        stats = search_submissions(db, store, query, store.list_files(), "true", ignore_progress)
    assert (stats.indexed_count, stats.scanned_count) == (5, 0)
    assert build_index(store, ignore_progress)[1] == 0
