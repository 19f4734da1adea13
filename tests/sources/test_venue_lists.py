"""Venue lists: decisions, coverage, and how a list compares with what is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from trendcli.core.types import CoverageRecord, Submission
from trendcli.sources.venue_lists import (
    ListComparison,
    build_coverage_records,
    build_venue_submission,
    compare_with_list,
    decision_categories,
    next_list_time,
    parse_decision,
    undecided_notes,
    wrong_year_error,
)
from trendcli.store.ingest import upsert_batches
from trendcli.store.records import build_batch_table
from trendcli.store.store import Store

LISTED_AT = datetime(2020, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "decision"),
    [
        ("Accept (Poster)", "poster"),
        ("ICLR 2024 oral", "oral"),
        ("notable-top-5%", "accept"),
        ("Desk Reject", "desk-rejected"),
        ("Withdrawn Submission", "withdrawn"),
        ("Not accepted", "rejected"),
        ("conferenceOral-iclr2013-conference", "oral"),
        ("Invite to Workshop Track", "workshop"),
        ("Submitted to ICLR 2027", "undecided"),
        ("Active", "undecided"),
        ("", "undecided"),
    ],
)
def test_a_decision_is_read_from_what_venues_write(words: str, decision: str) -> None:
    assert parse_decision(words) == decision
    assert decision_categories(decision).split()[0] == decision
    assert decision_categories(decision).split()[-1] == "submitted"


def test_words_that_are_no_decision_are_refused() -> None:
    for word in ("Enlightened", "stop", "Temporal"):
        with pytest.raises(ValueError, match=f"unknown status '{word}'"):
            parse_decision(word)


def records_of(
    decisions: list[str], *, expected: int | None = None, comparison: ListComparison | None = None
) -> tuple[CoverageRecord, ...]:
    return build_coverage_records("test", 2021, decisions, LISTED_AT, "list.json", "v", expected, comparison)


def statuses(records: tuple[CoverageRecord, ...]) -> dict[str, str]:
    return {name: record.status for record in records for name in record.categories}


@pytest.mark.parametrize(
    ("decisions", "accepted"),
    [
        (["poster", "rejected", "withdrawn"], "complete"),
        (["rejected"], "complete"),
        (["poster", "undecided"], "partial"),
        (["undecided", "withdrawn"], None),
        (["withdrawn"], None),
    ],
)
def test_accepted_is_complete_only_where_everything_is_decided(decisions: list[str], accepted: str | None) -> None:
    known = {"submitted": "complete", "active": "complete"} | ({"accepted": accepted} if accepted else {})
    assert statuses(records_of(decisions)) == known


def test_a_list_covers_its_year() -> None:
    record = records_of(["poster", "rejected"], expected=3)[0]
    assert (record.since, record.until, record.answered_at) == (date(2021, 1, 1), date(2022, 1, 1), LISTED_AT)
    assert (record.status, record.expected, record.received) == ("partial", 3, 2)
    assert (record.source, record.query, record.version) == ("test", "list.json", "v")


def test_what_is_stored_may_make_accepted_partial() -> None:
    undecided = ListComparison(unlisted_count=2, undecided_count=1)
    assert statuses(records_of(["poster"], comparison=undecided))["accepted"] == "partial"
    # a list without decisions after one with some
    decided_before = ListComparison(has_known_decisions=True)
    assert statuses(records_of(["undecided"], comparison=decided_before))["accepted"] == "partial"


def submission(id: str, decision: str, year: int = 2021) -> Submission:
    return build_venue_submission(
        id=id,
        year=year,
        decision=decision,
        title="On nothing",
        abstract="",
        keywords=["graphs ", "", "deep learning"],
        authors=["Ada Abel", "Bo Brandt, Jr.", " "],
        listed_at=LISTED_AT,
    )


def test_a_submission_has_the_year_of_its_conference_and_the_time_of_its_list() -> None:
    built = submission("a", "withdrawn")
    assert (built.v1_at, built.updated_at) == (int(datetime(2021, 1, 1, tzinfo=UTC).timestamp()),) * 2
    assert built.version == int(LISTED_AT.timestamp())
    assert (built.categories, built.withdrawn) == ("withdrawn submitted", True)
    assert (built.authors, built.keywords) == ("Ada Abel, Bo Brandt Jr.", "graphs; deep learning")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a of 2020, b (accepted) and c (undecided) of 2021, and a ledger that knows decisions of 2021."""
    store = Store.open_or_create(tmp_path, corpus="iclr")
    submissions = [submission("a", "poster", 2020), submission("b", "poster"), submission("c", "undecided")]
    with store.write_lock():
        upsert_batches(
            store, [build_batch_table(submissions, "test", LISTED_AT, "iclr")], records_of(["poster", "undecided"])
        )
    return store


def test_a_list_is_compared_with_what_is_stored(store: Store) -> None:
    assert compare_with_list(store, ["b", "c", "d"], 2021) == ListComparison((), 0, 0, True)
    assert compare_with_list(store, ["b"], 2021) == ListComparison((), 1, 1, True)
    assert compare_with_list(store, ["a", "b"], 2022) == ListComparison((2020, 2021), 0, 0, False)


def test_unlisted_submissions_are_reported() -> None:
    assert ListComparison().format_notes("iclr", 2021) == ()
    assert ListComparison(unlisted_count=1).format_notes("iclr", 2021) == (
        "1 stored submission to iclr 2021 is not in this list and remains unchanged.",
    )
    assert ListComparison(unlisted_count=1200, undecided_count=3).format_notes("iclr", 2021) == (
        "1,200 stored submissions to iclr 2021 are not in this list and remain unchanged. "
        "3 of them have no decision, so accepted counts are n/a.",
    )


def test_missing_decisions_are_reported() -> None:
    assert undecided_notes(records_of(["poster"]), "iclr", 2021) == []
    assert undecided_notes((), "iclr", 2021) == []
    (undecided,) = undecided_notes(records_of(["undecided"]), "iclr", 2021)
    assert undecided.startswith("iclr 2021 has no decisions yet: its submissions are stored as undecided")
    (partial,) = undecided_notes(records_of(["poster", "undecided"]), "iclr", 2021)
    assert partial.startswith("Some submissions to iclr 2021 have no decision yet or are unreadable")


def test_a_wrong_year_says_what_to_do() -> None:
    assert str(wrong_year_error("in list.json", "iclr", 2022, (2020, 2021))) == (
        "Submissions in list.json are already stored as iclr 2020 and 2021, so they cannot belong to 2022. Nothing was "
        "stored. If the stored year is wrong, delete the folder venues/iclr of the store, and import or fetch its "
        "years again."
    )


def test_a_list_is_later_than_every_record_of_the_store(store: Store) -> None:
    with time_machine.travel(LISTED_AT, tick=False):
        assert next_list_time(store) == LISTED_AT + timedelta(seconds=1)
    later = datetime(2026, 11, 21, 12, 0, 0, 900_000, tzinfo=UTC)
    with time_machine.travel(later, tick=False):
        assert next_list_time(store) == later.replace(microsecond=0)
