from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.conftest import ML, answer, fill, paper
from trendcli.core.report import Report
from trendcli.core.types import ignore_progress
from trendcli.reports.papers import fulltext_build as indexing
from trendcli.reports.papers.authors import NAME_CAVEAT, list_authors, parse_author_line
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.sources import venue_lists
from trendcli.store import ingest
from trendcli.store import records as parts
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
def test_a_line_taken_apart(line: str, people: set[str], collaborations: set[str]) -> None:
    assert parse_author_line(line) == (people, collaborations)


def counted(store: Store, library: Library, *names: str, search: str | None = None, **words: Any) -> Report:
    question, known = parse_query(library, topics=names, **words)
    return list_authors(store, known, question, ML, search_request=SearchRequest(search) if search else None)


def test_who_has_most(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path / "store",
        [
            paper("1801.00001", "2018-01-05", "A GAN", authors="Ada Abel, Bo Brandt"),
            paper("1802.00002", "2018-02-05", "A GAN again", authors="Ada Abel (Lab) and A. Abel"),
            paper("1903.00003", "2019-03-05", "On nothing", authors="Ada Abel, ATLAS Collaboration"),
            paper("1904.00004", "2019-04-05", "On graphs", authors="Bo Brandt"),
        ],
    )
    found = counted(store, library)
    assert [tuple(row.values()) for row in found.rows] == [
        ("Ada Abel", 3, 0.75, 2018, 2019), ("Bo Brandt", 2, 0.5, 2018, 2019), ("A. Abel", 1, 0.25, 2018, 2018),
    ]  # fmt: skip
    assert found.notes[:3] == [
        "3 names in 4 submissions.",
        NAME_CAVEAT,
        "Collaborations are no people and are left out: ATLAS Collaboration (1).",
    ]
    gans = counted(store, library, "gan", limit=1)
    assert [tuple(row.values()) for row in gans.rows] == [("Ada Abel", 2, 1.0, 2018, 2018)]
    assert gans.notes[0] == "3 names in 2 submissions, the first 1 listed (--limit 0 for all)."
    assert gans.title == "Authors of GANs, 2018-01-05 to 2020-01-01"
    for _ in range(2):
        graphs = counted(store, library, search="graph")
        assert [row["author"] for row in graphs.rows] == ["Bo Brandt"]
        assert graphs.title.startswith("Authors of submissions with graph")
        indexing.build_index(store, ignore_progress)
    assert counted(store, library, since="2019-03", until="2019-04").rows[0]["share"] == 1


def test_a_submission_that_names_nobody_counts_in_the_base_alone(tmp_path: Path, library: Library) -> None:
    store = fill(
        tmp_path / "store",
        [paper("1801.00001", "2018-01-05", authors=""), paper("1901.00001", "2019-01-05", authors="Ada Abel")],
        [answer()],
    )
    found = counted(store, library)
    assert [row["share"] for row in found.rows] == [0.5]
    assert "1 submissions name no authors (2018)." in found.notes


def test_whether_names_are_run_together_is_seen_from_the_whole_list(tmp_path: Path) -> None:
    at = datetime(2022, 6, 1, tzinfo=UTC)
    store = Store.open_or_create(tmp_path / "venues" / "toy", corpus="toy")
    told = [("On trees", "Ann Bee Cee Dee"), ("On nothing", "Ann Bee Cee Dee Eff Gee Aitch Eye")]
    found = [
        venue_lists.build_venue_submission(
            id=str(n), year=2021, decision="poster", title=title, abstract="", keywords=[], authors=[line], listed_at=at
        )
        for n, (title, line) in enumerate(told)
    ]
    with store.write_lock():
        ledger = venue_lists.build_coverage_records("test", 2021, ["poster"] * 2, at, "", "")
        ingest.upsert_batches(store, [parts.build_batch_table(found, "test", at, "toy")], list(ledger))
    words = ("authors", "--corpus", "toy", "--store", tmp_path, "--format", "json")
    assert json.loads(run(*words, "--search", "trees").stdout)["rows"] == []
    assert json.loads(run(*words).stdout)["rows"] == []
