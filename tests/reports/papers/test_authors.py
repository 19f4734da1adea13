from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.worlds import ML, coverage_record, fill, paper
from trendcli.core.report import Report
from trendcli.core.types import ignore_progress
from trendcli.reports.papers.authors import NAME_CAVEAT, list_authors, parse_author_line
from trendcli.reports.papers.fulltext_build import build_index
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.sources.venue_lists import build_coverage_records, build_venue_submission
from trendcli.store.ingest import upsert_batches
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import parse_query


@pytest.mark.parametrize(
    ("line", "people", "collaborations"),
    [
        ("A. One, B. Two (Lab, Town) and C. Three", {"A. One", "B. Two", "C. Three"}, set()),
        ("A. One, Jr., B. Two, et al.", {"A. One", "B. Two"}, set()),
        ("A. One, A. One", {"A. One"}, set()),
        ("The ATLAS Collaboration: A. One, B. Two", {"A. One", "B. Two"}, {"ATLAS Collaboration"}),
        ("ATLAS Collaboration", set(), {"ATLAS Collaboration"}),
        ("A. One (for the CMS Collaboration)", {"A. One"}, set()),
        ("A. One, on behalf of the CMS Collaboration", {"A. One"}, {"CMS Collaboration"}),
        ("Gemini Team, A. One", {"A. One"}, {"Gemini Team"}),
        ("José Älvarez, 11537", {"José Älvarez"}, set()),
        ("", set(), set()),
    ],
)
def test_an_author_line_is_split_into_people_and_collaborations(
    line: str, people: set[str], collaborations: set[str]
) -> None:
    assert parse_author_line(line) == (people, collaborations)


def authors_by_words(store: Store, library: Library, *topics: str, search: str | None = None, **options: Any) -> Report:
    query, library = parse_query(library, topics=topics, **options)
    return list_authors(store, library, query, ML, search_request=SearchRequest(search) if search else None)


@pytest.fixture
def abel_store(tmp_path: Path) -> Store:
    """Four submissions, three of them by Ada Abel."""
    return fill(
        tmp_path / "store",
        [
            paper("1801.00001", "2018-01-05", "A GAN", authors="Ada Abel, Bo Brandt"),
            paper("1802.00002", "2018-02-05", "A GAN again", authors="Ada Abel (Lab) and A. Abel"),
            paper("1903.00003", "2019-03-05", "On nothing", authors="Ada Abel, ATLAS Collaboration"),
            paper("1904.00004", "2019-04-05", "On graphs", authors="Bo Brandt"),
        ],
    )


def test_authors_are_ranked_by_their_submissions(abel_store: Store, library: Library) -> None:
    report = authors_by_words(abel_store, library)
    assert [tuple(row.values()) for row in report.rows] == [
        ("Ada Abel", 3, 0.75, 2018, 2019), ("Bo Brandt", 2, 0.5, 2018, 2019), ("A. Abel", 1, 0.25, 2018, 2018),
    ]  # fmt: skip
    assert report.notes[:3] == [
        "3 names in 4 submissions.",
        NAME_CAVEAT,
        "Collaborations are not counted as authors: ATLAS Collaboration (1).",
    ]


def test_topics_and_dates_narrow_the_selection(abel_store: Store, library: Library) -> None:
    gans = authors_by_words(abel_store, library, "gan", limit=1)
    assert [tuple(row.values()) for row in gans.rows] == [("Ada Abel", 2, 1.0, 2018, 2018)]
    assert gans.notes[0] == "3 names in 2 submissions, top 1 shown (--limit 0 for all)."
    assert gans.title == "Authors of GANs, 2018-01-05 to 2020-01-01"
    assert authors_by_words(abel_store, library, since="2019-03", until="2019-04").rows[0]["share"] == 1


def test_a_search_narrows_the_selection_with_and_without_an_index(abel_store: Store, library: Library) -> None:
    for _ in range(2):
        report = authors_by_words(abel_store, library, search="graph")
        assert [row["author"] for row in report.rows] == ["Bo Brandt"]
        assert report.title.startswith("Authors of submissions matching graph")
        build_index(abel_store, ignore_progress)


def test_a_submission_without_authors_counts_only_in_the_total(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path / "store",
        [paper("1801.00001", "2018-01-05", authors=""), paper("1901.00001", "2019-01-05", authors="Ada Abel")],
        [coverage_record()],
    )
    report = authors_by_words(store, library)
    assert [row["share"] for row in report.rows] == [0.5]
    assert report.notes[0] == "1 name in 2 submissions."
    assert "1 submission names no authors (2018)." in report.notes


def test_a_year_that_runs_names_together_is_excluded(tmp_path: Path) -> None:
    """Whether it does is decided from the whole list, also where a search finds but one line of it."""
    at = datetime(2022, 6, 1, tzinfo=UTC)
    store = Store.open_or_create(tmp_path / "venues" / "toy", corpus="toy")
    lines = [("On trees", "Ann Bee Cee Dee"), ("On nothing", "Ann Bee Cee Dee Eff Gee Aitch Eye")]
    submissions = [
        build_venue_submission(
            id=str(number), year=2021, decision="poster", title=title, abstract="", keywords=[], authors=[line],
            listed_at=at,
        )
        for number, (title, line) in enumerate(lines)
    ]  # fmt: skip
    with store.write_lock():
        records = build_coverage_records("test", 2021, ["poster"] * 2, at, "", "")
        upsert_batches(store, [build_batch_table(submissions, "test", at, "toy")], list(records))
    words = ("authors", "--corpus", "toy", "--store", tmp_path, "--format", "json")
    for more in ((), ("--search", "trees")):
        report = json.loads(run(*words, *more).stdout)
        assert report["rows"] == []
        assert "The 2021 list has no separators between author names, so 2021 is excluded." in report["notes"]
