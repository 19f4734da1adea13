"""Which years OpenReview holds, and the decision and authors of a note."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trendcli.core.errors import UsageError
from trendcli.sources.openreview_venues import build_submission, find_decision, find_layout


class Note:
    """What is read of a note of the package."""

    def __init__(self, content: dict[str, Any], replies: list[dict[str, Any]] | None = None) -> None:
        self.id = self.forum = "x"
        self.content, self.details = content, {"directReplies": replies or []}


def decision_of(note: Note, year: int) -> str:
    return find_decision(find_layout("iclr", year), year, note)


@pytest.mark.parametrize(
    ("suffix", "words", "decision"),
    [
        ("", "ICLR 2024 oral", "oral"),
        ("", "ICML 2025 spotlightposter", "spotlight"),
        ("", "ICML 2026 regular", "accept"),
        ("", "Submitted to ICLR 2024", "accept"),  # in API v2 the venueid decides, and nothing else
        ("/Rejected_Submission", "ICLR 2024 poster", "rejected"),
        ("/Submission", "ICLR 2024 Conference Submission", "undecided"),
    ],
)
def test_a_decision_is_read_from_the_venueid_of_the_second_api(suffix: str, words: str, decision: str) -> None:
    venueid = f"ICLR.cc/2024/Conference{suffix}"
    assert decision_of(Note({"venueid": {"value": venueid}, "venue": {"value": words}}), 2024) == decision


@pytest.mark.parametrize("venueid", ["", "/Submission", None])
def test_an_empty_venueid_is_not_an_acceptance(venueid: str | None) -> None:
    with pytest.raises(ValueError, match="unknown venueid"):
        decision_of(Note({"venueid": {"value": venueid}, "venue": {"value": ""}}), 2024)


@pytest.mark.parametrize(
    ("year", "content", "decision"),
    [
        (2013, {"decision": "conferenceOral-iclr2013-conference"}, "oral"),
        (2013, {"decision": "conferencePoster-iclr2013-workshop"}, "workshop"),
        (2013, {"decision": "reject"}, "rejected"),
        (2017, {"venue": "ICLR 2017 Invite to Workshop"}, "workshop"),
        (2017, {"venue": "Submitted to ICLR 2017"}, "rejected"),
        (2018, {"withdrawal": "Confirmed"}, "withdrawn"),
        (2022, {"venue": "ICLR 2022 Submitted", "venueid": "ICLR.cc/2022/Conference"}, "rejected"),
        (2023, {"venue": "ICLR 2023 notable top 5%"}, "accept"),
        (2023, {}, "undecided"),
    ],
)
def test_a_decision_is_read_from_the_fields_of_the_first_api(year: int, content: dict[str, str], decision: str) -> None:
    assert decision_of(Note(content), year) == decision


def test_a_decision_is_read_from_replies() -> None:
    def note(*decisions: str) -> Note:
        invitation = "ICLR.cc/2020/Conference/Paper7/-/Decision"
        return Note({}, [{"invitation": invitation, "content": {"decision": decision}} for decision in decisions])

    assert decision_of(note("Accept (Talk)"), 2020) == "talk"
    assert decision_of(note("Reject", "Reject"), 2020) == "rejected"
    with pytest.raises(ValueError, match="several decisions .Accept .Poster., Reject."):
        decision_of(note("Reject", "Accept (Poster)"), 2020)


def test_authors_are_names_or_nobody() -> None:
    listed_at = datetime(2026, 1, 1, tzinfo=UTC)

    def authors(value: Any) -> str:
        return build_submission(Note({"title": "On nothing", "authors": value}), 2024, "poster", listed_at).authors

    assert authors(["Ada Abel", "Bo Brandt"]) == "Ada Abel, Bo Brandt"
    assert authors("Ada Abel, Bo Brandt") == "Ada Abel, Bo Brandt"
    assert authors({"value": [{"fullname": "Ada Abel", "username": "~Ada_Abel1"}]}) == "Ada Abel"
    assert authors(["Anonymous"]) == authors(["a@example.org", "~Ada_Abel1"]) == authors({"readers": []}) == ""


def test_a_note_without_a_title_is_refused() -> None:
    with pytest.raises(ValueError, match="no title"):
        build_submission(Note({"title": {"value": " "}}), 2024, "poster", datetime(2026, 1, 1, tzinfo=UTC))


def test_lists_are_named_by_year() -> None:
    assert find_layout("iclr", 2021).states_by_invitation(2021) == {
        "ICLR.cc/2021/Conference/-/Blind_Submission": "",
        "ICLR.cc/2021/Conference/-/Desk_Rejected_Submission": "desk-rejected",
        "ICLR.cc/2021/Conference/-/Withdrawn_Submission": "withdrawn",
    }


@pytest.mark.parametrize("year", [2012, 2015, 2016, 2101])
def test_years_that_openreview_lacks_say_why(year: int) -> None:
    with pytest.raises(UsageError, match="ICLR 2015 did not use it, and for 2016 it has only the workshop"):
        find_layout("iclr", year)


def test_an_unknown_venue_is_answered_with_similar_names() -> None:
    with pytest.raises(UsageError, match=r"Cannot fetch venue 'icl' from OpenReview \(did you mean icml or iclr\?\)"):
        find_layout("icl", 2024)
