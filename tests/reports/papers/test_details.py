from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.papers.worlds import list_by_words
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import UsageError
from trendcli.reports.papers import details
from trendcli.reports.papers.details import (
    format_snippet,
    format_submissions,
    parse_submission_id,
    read_rows,
    submission_url,
    texts_by_field,
)
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics.library import Library


def test_a_row_has_dates_authors_categories_and_matches(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path,
        [
            paper(
                "1801.00001",
                "2018-01-05T12:30:00",
                "A GAN for all",
                "Nothing.",
                authors="A. One (Lab), B. Two and C. Three",
                categories="cs.CL cs.LG cs.AI",
            ),
            paper("1802.00002", "2018-02-05", "On nothing", "A generative adversarial network, and a GAN.", version=3),
            paper("1802.00003", "2018-02-06"),
        ],
        [coverage_record(["cs.LG", "cs.CL"])],
    )
    second, first = list_by_words(store, library, "gan").rows
    assert {key: first[key] for key in ("v1", "version", "authors", "primary", "categories", "url")} == {
        "v1": "2018-01-05T12:30:00Z", "version": 1, "authors": ["A. One", "B. Two", "C. Three"], "primary": "cs.CL",
        "categories": ["cs.CL", "cs.AI", "cs.LG"], "url": "https://arxiv.org/abs/1801.00001",
    }  # fmt: skip
    assert [(match["topic"], match["field"]) for match in first["matches"]] == [("gan", "title")]
    snippets = {match["phrase"]: match["snippet"] for match in second["matches"]}
    assert snippets["generative adversarial network"] == "A generative adversarial network, and a GAN."
    assert list_by_words(store, library).rows[0]["matches"] == []


def test_a_snippet_is_cut_at_words() -> None:
    text = " ".join(["before"] * 20) + " a GAN " + " ".join(["after"] * 20)
    start = text.index("GAN")
    snippet = format_snippet(text, start, start + 3)
    assert snippet == "… before before before before before a GAN after after after after after after …"
    assert format_snippet("A GAN.", 2, 5) == "A GAN."
    assert format_snippet("x" * 100 + " GAN", 101, 104) == "… GAN"  # a word too long to fit is left out


@pytest.mark.parametrize("max_page_reads", [500, 0])
def test_rows_are_the_same_by_pages_and_by_whole_files(
    graph_store: Store, monkeypatch: pytest.MonkeyPatch, max_page_reads: int
) -> None:
    monkeypatch.setattr(details, "_MAX_PAGE_READS", max_page_reads)
    stored = file_rows_sql(graph_store, graph_store.list_files(), "id")
    with graph_store.connect() as db:
        locations = {
            name: (file, row) for name, file, row in db.execute(f"SELECT id, file, row FROM ({stored})").fetchall()
        }
        wanted = [locations["1905.00005"], locations["1801.00001"]]
        rows = read_rows(db, graph_store, wanted, "id, title")
        assert sorted(rows, key=lambda row: row[2]) == [
            (*locations["1801.00001"], "1801.00001", "Graph neural networks"),
            (*locations["1905.00005"], "1905.00005", "A GAN for a graph"),
        ]
        assert read_rows(db, graph_store, [], "id") == []
        assert db.execute("SELECT count(*) FROM location").fetchall() == [(0,)]


def test_identifiers_are_parsed_and_become_addresses(graph_store: Store, tmp_path: Path) -> None:
    assert parse_submission_id(graph_store, "arXiv:1801.00001v2") == "1801.00001"
    with pytest.raises(UsageError, match=r"Not an arXiv identifier: 'abc'. Write it as 1706.03762"):
        parse_submission_id(graph_store, "abc")
    venue = Store.open_or_create(tmp_path / "venue", corpus="iclr")
    assert parse_submission_id(venue, "abc") == "abc"
    assert submission_url("arxiv", "1801.00001") == "https://arxiv.org/abs/1801.00001"
    assert submission_url("iclr", "abc") == "https://openreview.net/forum?id=abc"


def test_an_identifier_that_is_not_stored_leads_to_the_next_command(graph_store: Store, tmp_path: Path) -> None:
    venue = Store.open_or_create(tmp_path / "venue", corpus="iclr")
    assert str(details.missing_submission_error(graph_store, "1901.00009")) == (
        "1901.00009 is not in the store. Fetch its month, or see `trend status`."
    )
    assert str(details.missing_submission_error(venue, "abc")) == (
        "No submission to iclr has the id abc. List their ids with `trend papers --corpus iclr`."
    )


def test_texts_are_empty_for_fields_that_are_not_searched(graph_store: Store) -> None:
    submission = {"title": "A", "abstract": None, "keywords": "graph"}
    assert texts_by_field(graph_store, submission) == {"title": "A", "abstract": "", "keywords": ""}


def test_one_submission_is_singular() -> None:
    assert [format_submissions(count) for count in (0, 1, 2000)] == [
        "0 submissions",
        "1 submission",
        "2,000 submissions",
    ]
