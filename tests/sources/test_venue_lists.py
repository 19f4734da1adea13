from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trendcli.sources.venue_lists import build_coverage_records, decision_categories, parse_decision


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


@pytest.mark.parametrize(
    ("decisions", "known"),
    [
        (["poster", "rejected", "withdrawn"], {"submitted": "complete", "active": "complete", "accepted": "complete"}),
        (["undecided", "withdrawn"], {"submitted": "complete", "active": "complete"}),
        (["poster", "undecided"], {"submitted": "complete", "active": "complete", "accepted": "partial"}),
    ],
)
def test_a_list_vouches_for_decisions_that_are_all_known(decisions: list[str], known: dict[str, str]) -> None:
    records = build_coverage_records("test", 2021, decisions, datetime(2020, 10, 1, tzinfo=UTC), "", "")
    assert {name: record.status for record in records for name in record.categories} == known
