"""Venues: years, text fields, coverage and notes of a conference of which a reader knows every submission."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.worlds import coverage_record, paper
from trendcli.core.errors import UsageError
from trendcli.core.periods import parse_period
from trendcli.core.types import CoverageRecord, Scope, Submission
from trendcli.store.corpus import (
    VenueYear,
    build_venue_coverage,
    covered_scope,
    explain_uncovered_scope,
    list_venue_years,
    restrict_text_fields,
    venue_notes,
)
from trendcli.store.ingest import upsert_batches
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store

SUBMITTED, ACTIVE, ACCEPTED = (Scope(name, (name,)) for name in ("submitted", "active", "accepted"))
DECISIONS = {
    "poster": "poster accepted active submitted",
    "rejected": "rejected active submitted",
    "withdrawn": "withdrawn submitted",
}


def submission(year: int, number: int, decision: str, keywords: str = "", abstract: str = "") -> Submission:
    return paper(
        f"{year}-{number}", f"{year}-01-01", "On nothing", abstract, categories=DECISIONS[decision], keywords=keywords
    )


# 2020 has keywords and no abstracts, 2021 both
LISTS = [
    submission(2020, 1, "poster", "graphs"),
    submission(2020, 2, "rejected", "trees"),
    submission(2020, 3, "withdrawn"),
    submission(2021, 1, "poster", "graphs", "We count."),
    submission(2021, 2, "rejected", "", "We wait."),
]
STATUSES = ["submitted", "active", "accepted"]
RECORDS = [
    coverage_record(STATUSES, "2020-01-01", "2021-01-01", "2019-10-01"),
    coverage_record(STATUSES, "2021-01-01", "2022-01-01", "2020-10-01"),
]


def build_store(root: Path, submissions: Sequence[Submission], records: Sequence[CoverageRecord]) -> Store:
    store = Store.open_or_create(root, corpus="iclr")
    batch = build_batch_table(submissions, "test", datetime(2020, 6, 1, tzinfo=UTC), "iclr")
    with store.write_lock():
        upsert_batches(store, [batch], records)
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path, LISTS, RECORDS)


def test_each_year_is_counted_with_what_it_lacks(store: Store) -> None:
    assert list_venue_years(store) == [
        VenueYear(2020, 3, {"keywords": 1, "abstract": 3}),
        VenueYear(2021, 2, {"keywords": 1, "abstract": 0}),
    ]
    assert list_venue_years(store, ACCEPTED) == [
        VenueYear(2020, 1, {"keywords": 0, "abstract": 1}),
        VenueYear(2021, 1, {"keywords": 0, "abstract": 0}),
    ]


def test_a_year_has_a_field_that_half_of_its_submissions_have() -> None:
    year = VenueYear(2020, 4, {"keywords": 2, "abstract": 3})
    assert [year.has_field(field) for field in ("title", "keywords", "abstract")] == [True, True, False]
    assert year.has_fields(["title", "keywords"]) and not year.has_fields(["title", "abstract"])


def test_without_named_fields_those_that_every_year_has_are_read(store: Store) -> None:
    assert restrict_text_fields(store).text_fields == ("title", "keywords")
    assert restrict_text_fields(store, ["abstract", "title"]).text_fields == ("title", "abstract")


def test_a_field_that_a_venue_lacks_is_refused(store: Store) -> None:
    with pytest.raises(
        UsageError, match=r"^No field 'titel' \(did you mean title\?\)\. Known: title, keywords, abstract\.$"
    ):
        restrict_text_fields(store, ["titel"])
    with pytest.raises(UsageError, match="^No field ''"):
        restrict_text_fields(store, [])


def test_a_year_that_lacks_a_field_is_not_covered(store: Store) -> None:
    def status(*fields: str) -> list[str]:
        coverage = build_venue_coverage(store.with_text_fields(fields))
        return [coverage.status(parse_period(year), ["active"]).status for year in ("2020", "2021")]

    assert status("title", "keywords") == ["complete", "complete"]
    assert status("title", "abstract") == ["partial", "complete"]


def test_the_widest_status_that_a_list_vouches_for_is_the_base(tmp_path: Path) -> None:
    """Some venues show nothing of what they rejected."""
    statuses = {"accepted": "complete", "active": "partial", "submitted": "partial"}
    records = [coverage_record([name], "2020-01-01", "2021-01-01", status=status) for name, status in statuses.items()]
    coverage = build_venue_coverage(build_store(tmp_path, LISTS[:1], records).with_text_fields(["title"]))
    assert covered_scope(coverage, SUBMITTED) == ACCEPTED
    assert covered_scope(coverage, ACTIVE) == ACTIVE  # it was named
    assert covered_scope(build_venue_coverage(build_store(tmp_path / "none", [], [])), SUBMITTED) == SUBMITTED


def test_an_uncovered_scope_is_explained(store: Store, tmp_path: Path) -> None:
    assert explain_uncovered_scope(store.with_text_fields(["title"]), ACCEPTED) == (
        "No list of iclr covers the status accepted yet; import or fetch its list again later."
    )
    no_abstracts = build_store(tmp_path / "2020", LISTS[:3], RECORDS[:1])
    assert (
        explain_uncovered_scope(no_abstracts, SUBMITTED)
        == "No list of iclr has abstracts; use --fields title,keywords."
    )
    either = [submission(2020, 1, "poster", "graphs"), submission(2021, 1, "poster", abstract="We count.")]
    assert explain_uncovered_scope(build_store(tmp_path / "either", either, RECORDS), SUBMITTED) == (
        "No single list of iclr has titles, keywords and abstracts; use --fields title."
    )


def test_notes_name_the_base_the_fields_and_what_lacks_them(store: Store) -> None:
    assert venue_notes(store, SUBMITTED, [2020, 2021], ["title", "keywords"]) == [
        "Base: every submission to iclr, including withdrawn and desk-rejected ones (submitted), counted once, by the "
        "year of the conference.",
        "Rules are matched in title and keywords; not every list has abstracts.",
        "Without keywords: 1 of 3 in 2020, 1 of 2 in 2021.",
    ]
    assert venue_notes(store, ACCEPTED, [2021], ["title", "keywords", "abstract"]) == [
        "Base: every accepted submission to iclr (accepted), counted once, by the year of the conference.",
        "Rules are matched in title, keywords and abstract.",
    ]
