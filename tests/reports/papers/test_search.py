from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands import run
from tests.reports.papers import worlds
from tests.reports.papers.worlds import listed_ids
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.core.types import Submission, ignore_progress
from trendcli.reports.papers import search
from trendcli.reports.papers.fulltext import index_folder, read_index
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.reports.papers.query_syntax import parse_search_query
from trendcli.reports.papers.search import SearchStats, search_submissions
from trendcli.store.compaction import compact_store
from trendcli.store.store import Store
from trendcli.topics.library import Library


def test_points_and_rows_by_hand(searched_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ROWS_PER_CHUNK", 2)  # three scans of the five files
    progress: list[tuple[int, int | None]] = []
    query = parse_search_query("kernel OR network", searched_store.text_fields)
    with searched_store.connect() as db:
        stats = search_submissions(
            db,
            searched_store,
            query,
            searched_store.list_files(),
            "v1_at < TIMESTAMP '2019-04-01'",
            lambda done, total, _: progress.append((done, total)),
        )
        points = db.execute("SELECT strftime(v1_at, '%Y-%m'), points FROM search_result ORDER BY v1_at").fetchall()
    assert points == [("2018-01", 2), ("2019-03", 2)]  # one word each, in the title
    assert (stats.indexed_count, stats.scanned_count, stats.is_index_damaged) in [(5, 0, False), (0, 5, False)]
    assert progress == ([(2, 5), (4, 5), (5, 5)] if stats.scanned_count else [])


@pytest.mark.journey
def test_a_revision_is_found_by_its_new_words_alone(searched_store: Store, library: Library) -> None:
    fill(
        searched_store.root,
        [paper("1903.00003", "2019-03-05", "Forest kernels", "No more.", version=2)],
        [coverage_record()],
    )
    store = Store.open(searched_store.root)
    assert "1903.00003" not in listed_ids(worlds.search(store, library, "graph"))
    assert listed_ids(worlds.search(store, library, "forest")) == ["1903.00003"]
    build_index(store, ignore_progress)
    assert "1903.00003" not in listed_ids(worlds.search(store, library, "graph"))
    assert listed_ids(worlds.search(store, library, "forest")) == ["1903.00003"]


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[Submission], list[Submission], list[str]]:
    """Draw what is stored first, what comes later (new submissions and revisions), and queries."""
    word = st.sampled_from(
        ["graph", "graphs", "neural", "Self-supervised", "self", "supervised", "x", "naïve", "(graph)"]
    )
    text = st.lists(word, max_size=5).map(" ".join)
    row = st.tuples(st.integers(0, 15), text, text, st.sampled_from(["cs.LG", "cs.CL", "math.CO"]))

    def build_submissions(rows: list[tuple[int, str, str, str]], version: int) -> list[Submission]:
        latest = {number: rest for number, *rest in rows}
        return [
            paper(
                f"18{number % 12 + 1:02d}.{number:05d}", f"2018-{number % 12 + 1:02d}-05", title or "-", abstract,
                categories=categories, version=version,
            )
            for number, (title, abstract, categories) in latest.items()
        ]  # fmt: skip

    term = st.sampled_from(
        ["graph", "neural", "self-supervised", '"graph neural"', "title:self", "sup*", "-x", "-naive", "graph OR neural",
         '"self supervised" OR x', "naïve", "graphs"]
    )  # fmt: skip
    queries = st.lists(st.lists(term, min_size=1, max_size=3).map(" ".join), min_size=2, max_size=4)
    return (
        build_submissions(draw(st.lists(row, min_size=1, max_size=16)), 1),
        build_submissions(draw(st.lists(row, max_size=8)), 2),
        draw(queries),
    )


@pytest.mark.journey
@settings(max_examples=5)
@given(corpora())
def test_the_index_and_a_scan_give_the_same_result(
    corpus: tuple[list[Submission], list[Submission], list[str]],
) -> None:
    """Without an index, with one of what came first, with a full one, and after a compaction: equal rows and scores."""
    first, later, queries = corpus
    library = Library({}, {})

    def search_all(store: Store) -> list[Any]:
        results: list[Any] = []
        for text in queries:
            for options in ({"sort": "relevance"}, {"sort": "newest", "since": "2018-03"}, {"categories": ["cs.LG"]}):
                try:
                    report = worlds.search(store, library, text, limit=5, **options)
                except UsageError as error:
                    results.append(str(error))
                else:
                    rows = [(row["id"], row["score"], row["matches"]) for row in report.rows]
                    results.append((report.coverage, rows))
        return results

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root, first, [coverage_record(["*"])])
        build_index(Store.open(root), ignore_progress)
        fill(root, later, [coverage_record(["*"], at="2020-06-02")])
        store = Store.open(root)
        partly_indexed = search_all(store)
        (index_folder(store) / "index.json").rename(root / "aside.json")
        scanned = search_all(store)
        (root / "aside.json").rename(index_folder(store) / "index.json")
        build_index(store, ignore_progress)
        assert read_index(store).file_keys == {data_file.file_id for data_file in store.manifest.files}
        assert partly_indexed == scanned == search_all(store)
        with store.write_lock():
            compact_store(store)
        assert read_index(store).file_keys == {data_file.file_id for data_file in store.manifest.files}
        assert search_all(store) == scanned


def test_a_slow_search_says_how_to_be_faster() -> None:
    assert SearchStats(0, 19_999, 0.1).notes == []
    assert SearchStats(0, 50_000, 1.25).notes == [
        "Scanned 50,000 submissions in 1.2 s (no full-text index); `trend index` makes searching fast."
    ]
    assert SearchStats(5, 40_000, 2.5).notes == [
        "Scanned 40,000 submissions in 2.5 s (not yet indexed); `trend index` makes searching fast."
    ]


@pytest.mark.journey
def test_a_venue_is_searched_by_its_keywords(tmp_path: Path) -> None:
    root = tmp_path / "store"
    submissions = [
        {"id": "abc", "title": "Trees", "status": "Poster", "keywords": "graph kernel;x", "author": "A. One;B. Two"},
        {"id": "def", "title": "Graphs", "status": "Reject", "keywords": "", "author": "A. One;C. Three"},
    ]
    (tmp_path / "list.json").write_text(json.dumps(submissions), encoding="utf-8")
    run("import", tmp_path / "list.json", "--venue", "iclr", "--year", "2021", "--store", root)

    def ids(text: str) -> list[str]:
        result = run("papers", "--corpus", "iclr", "--search", text, "--format", "jsonl", "--store", root)
        assert result.exit_code == 0, result.output
        return [json.loads(line)["id"] for line in result.stdout.splitlines()]

    for _ in range(2):
        texts = ("graph", "keywords:graph", "title:graph", "keywords:graph -tree", "tree -keywords:y")
        assert [ids(text) for text in texts] == [["def", "abc"], ["abc"], ["def"], [], ["abc"]]
        assert run("index", "--corpus", "iclr", "--store", root).exit_code == 0
    similar = run("papers", "--corpus", "iclr", "--like", "abc", "--store", root)
    assert similar.exit_code == 0 and "Submissions similar to abc: Trees" in similar.output
    unknown = run("papers", "--corpus", "iclr", "--like", "nosuch", "--store", root)
    assert unknown.exit_code == 2 and "No submission to iclr has the id nosuch" in unknown.stderr
    authors = run("authors", "--corpus", "iclr", "--format", "jsonl", "--store", root)
    assert json.loads(authors.stdout.splitlines()[0])["author"] == "A. One"
