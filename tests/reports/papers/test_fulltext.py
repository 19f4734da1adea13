from __future__ import annotations

import json

import numpy as np

from tests.reports.papers.worlds import listed_ids, search
from trendcli.core.types import ignore_progress
from trendcli.reports.papers.fulltext import FulltextIndex, index_folder, index_size, read_index
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.store.store import Store
from trendcli.topics.library import Library


def test_a_segment_finds_numbers_and_their_locations(graph_store: Store) -> None:
    fulltext_index, _ = build_index(graph_store, ignore_progress)
    (segment,) = fulltext_index.segments
    numbers = segment.find_numbers('"graph neural"')
    assert numbers.dtype == np.int64 and len(numbers) == 2
    assert len(segment.find_numbers('"forest"')) == 0
    locations = segment.read_locations(numbers)
    days = sorted(str(day)[:10] for day in locations["v1_at"])
    assert days == ["2018-01-05", "2018-02-05"]
    categories = {segment.category_sets[number] for number in locations["categories"]}
    assert categories == {"cs.LG", "cs.CL"}
    assert len(segment.read_locations()["file"]) == segment.row_count == 5
    assert set(segment.read_locations()["file"].tolist()) == fulltext_index.file_keys
    assert index_size(fulltext_index) == sum(
        path.stat().st_size for path in index_folder(graph_store).iterdir() if path.suffix in (".db", ".npy")
    )


def test_a_damaged_index_changes_no_result(graph_store: Store, library: Library) -> None:
    before = listed_ids(search(graph_store, library, "graph"))
    build_index(graph_store, ignore_progress)
    (words_path,) = index_folder(graph_store).glob("*.db")
    words_path.write_bytes(b"no database" * 1000)
    report = search(graph_store, library, "graph")
    assert listed_ids(report) == before
    assert "The full-text index is damaged; `trend index` rebuilds it." in report.notes
    words_path.unlink()
    assert read_index(graph_store) == FulltextIndex(is_damaged=True)
    assert listed_ids(search(graph_store, library, "graph")) == before


def test_an_index_of_another_version_is_ignored(graph_store: Store) -> None:
    assert read_index(graph_store) == FulltextIndex()
    build_index(graph_store, ignore_progress)
    path = index_folder(graph_store) / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 0}))
    assert read_index(graph_store) == FulltextIndex()
    path.write_text("no JSON")
    assert read_index(graph_store) == FulltextIndex(is_damaged=True)
