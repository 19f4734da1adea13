from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run
from tests.reports.papers.worlds import GRAPH_WORLD, list_by_words, listed_ids, search
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.core.types import ignore_progress
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.store.store import Store
from trendcli.topics.library import Library


def test_the_best_come_first(searched_store: Store, library: Library) -> None:
    report = search(searched_store, library, "graph neural")
    # 6 of 6 points; 3 by one word in the title or by standing side by side, newest first; 2
    assert listed_ids(report) == ["1801.00001", "1905.00005", "1903.00003", "1802.00002", "1904.00004"]
    assert [row["score"] for row in report.rows] == [1.0, 0.5, 0.5, 0.5, 0.333]
    assert report.notes[0] == "5 submissions."
    assert report.title.startswith("Submissions matching graph neural, 2018-01-05")
    assert report.rows[3]["matches"][0] == {
        "topic": "search", "phrase": "graph", "field": "abstract", "text": "graph",
        "snippet": "A graph, and neural nets: graph neural nets.",
    }  # fmt: skip
    assert [column.key for column in report.columns] == ["id", "v1", "title", "score", "matches"]
    assert listed_ids(search(searched_store, library, "nothing-like-it")) == []


def test_a_limit_cuts_the_order_that_was_requested(searched_store: Store, library: Library) -> None:
    best = search(searched_store, library, "graph neural", limit=2)
    assert listed_ids(best) == ["1801.00001", "1905.00005"]
    assert best.notes[0] == "5 submissions, best 2 shown (--limit 0 for all)."
    newest = search(searched_store, library, "graph neural", limit=2, sort="newest")
    assert listed_ids(newest) == ["1905.00005", "1904.00004"]
    assert newest.notes[0] == "5 submissions, newest 2 shown (--limit 0 for all)."


@pytest.mark.journey
def test_a_search_stays_within_the_selection(searched_store: Store, library: Library) -> None:
    def ids(text: str, *topics: str, **options: object) -> list[str]:
        return listed_ids(search(searched_store, library, text, *topics, **options))

    assert ids("graph -molecule") == ["1905.00005", "1801.00001", "1903.00003"]
    assert ids("graph", since="2019", until="2019-05") == ["1904.00004", "1903.00003"]
    assert ids("graph", categories=["cs.CL"]) == ["1802.00002"]
    assert ids("graph", author="Crane") == ["1905.00005"]
    assert ids("graph", id="1904.00004") == ["1904.00004"]
    assert ids("graph", as_of="2018-12") == ["1801.00001", "1802.00002"]
    assert ids("graph", within="gan") == ["1905.00005"]
    with_topic = search(searched_store, library, "neural", "gan")
    assert listed_ids(with_topic) == ["1905.00005"]
    assert {match["topic"] for match in with_topic.rows[0]["matches"]} == {"search", "gan"}
    assert list_by_words(searched_store, library).notes[0] == "5 submissions."


def test_ties_are_ordered_by_id(tmp_path: Path) -> None:
    """Where a row lies in the files changes with every compaction, so that it is no order."""
    store = fill(tmp_path, [paper("1804.00003", "2018-04-05", "Graph graph")], [coverage_record()])
    fill(
        tmp_path,
        [paper(f"1804.0000{number}", "2018-04-05", "Graph") for number in (2, 9, 4)],
        [coverage_record(at="2020-07-01")],
    )
    store, library = Store.open(tmp_path), Library({}, {})
    in_order = ["1804.00002", "1804.00003", "1804.00004", "1804.00009"]
    assert listed_ids(search(store, library, "graph")) == in_order
    assert listed_ids(search(store, library, "graph", limit=2)) == in_order[:2]
    build_index(store, ignore_progress)
    assert listed_ids(search(store, library, "graph", limit=2)) == in_order[:2]


def test_a_request_is_either_a_search_or_a_submission() -> None:
    for request in ({}, {"search": "graph", "like": "1801.00001"}):
        with pytest.raises(UsageError, match="Give one of --search and --like; they cannot be combined"):
            SearchRequest(**request)
    with pytest.raises(UsageError, match=r"No sort order 'newst' \(did you mean newest\?\). Known: relevance, newest"):
        SearchRequest("graph", sort="newst")


@pytest.mark.journey
def test_the_command_line_searches_alike_in_every_format(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", GRAPH_WORLD, [coverage_record(["cs.LG", "cs.CL"])]).root
    first = run("index", "--store", store)
    assert "Indexing 5 submissions" in first.output and "Indexed 5 submissions in" in first.output
    assert first.stdout == ""
    for format in ("table", "json", "jsonl", "csv", "md", "html", "bibtex"):
        result = run("papers", "--search", "graph", "--format", format, "--store", store)
        assert result.exit_code == 0 and "1801.00001" in result.stdout, format
    for words, message in (
        (["--search", '"graph'], "quotation mark"),
        (["--search", "x", "--like", "1801.00001"], "cannot be combined"),
        (["--like", "1801.00001", "--sort", "newest"], "--sort"),
        (["--sort", "relevance"], "--search"),
        (["--like", "nothing"], "Not an arXiv identifier"),
        (["--like", "1901.00009"], "1901.00009 is not in the store. Fetch its month"),
    ):
        refused = run("papers", *words, "--store", store)
        assert refused.exit_code == 2 and message in refused.output and refused.stdout == "", words
