"""Which years of a venue OpenReview holds, and how a note of one becomes a submission with its decision.

Years differ in API, in lists and in where decisions stand; the table is VENUE_LAYOUTS. docs/how-to/conferences.md says
what of it could not be verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.types import Submission
from trendcli.sources.venue_lists import build_venue_submission, decision_categories, parse_decision


class VenueLayout(NamedTuple):
    """How OpenReview holds some years of a venue.

    `states_by_list` maps the lists (invitations of `group`) to the decision on everything in one, or to '' where each
    submission states its own: in `decision_field`, which is a field of its content, REPLY.FIELD of the replies to it,
    or '' where decisions are not shown. Without `lists_rejected`, rejected submissions are listed only where their
    authors agreed.
    """

    years: range
    api_version: int
    group: str
    states_by_list: Mapping[str, str]
    decision_field: str
    lists_rejected: bool = True

    def states_by_invitation(self, year: int) -> dict[str, str]:
        """Return the states of the lists of a year, by full name of the invitation."""
        return {f"{self.group.format(year)}/-/{name}": state for name, state in self.states_by_list.items()}


_OPEN_LISTS = {"submission": ""}
_SINGLE_LIST = {"Submission": ""}
# in this order, so that what is in two lists counts as withdrawn
_BLIND_LISTS = {
    "Blind_Submission": "",
    "Desk_Rejected_Submission": "desk-rejected",
    "Withdrawn_Submission": "withdrawn",
}
# one after the last year that can be asked for
_END_YEAR = 2101
VENUE_LAYOUTS = {
    "iclr": (
        VenueLayout(range(2013, 2014), 1, "ICLR.cc/{}/conference", _OPEN_LISTS, "decision"),
        VenueLayout(range(2014, 2015), 1, "ICLR.cc/{}/conference", _OPEN_LISTS, ""),
        VenueLayout(range(2017, 2018), 1, "ICLR.cc/{}/conference", _OPEN_LISTS, "venue"),
        VenueLayout(range(2018, 2019), 1, "ICLR.cc/{}/Conference", _BLIND_LISTS, "Acceptance_Decision.decision"),
        VenueLayout(range(2019, 2020), 1, "ICLR.cc/{}/Conference", _BLIND_LISTS, "Meta_Review.recommendation"),
        VenueLayout(range(2020, 2022), 1, "ICLR.cc/{}/Conference", _BLIND_LISTS, "Decision.decision"),
        VenueLayout(range(2022, 2024), 1, "ICLR.cc/{}/Conference", _BLIND_LISTS, "venue"),
        VenueLayout(range(2024, _END_YEAR), 2, "ICLR.cc/{}/Conference", _SINGLE_LIST, "venueid"),
    ),
    "neurips": (
        VenueLayout(range(2021, 2023), 1, "NeurIPS.cc/{}/Conference", _BLIND_LISTS, "venue", lists_rejected=False),
        VenueLayout(
            range(2023, _END_YEAR), 2, "NeurIPS.cc/{}/Conference", _SINGLE_LIST, "venueid", lists_rejected=False
        ),
    ),
    "icml": (
        VenueLayout(range(2023, _END_YEAR), 2, "ICML.cc/{}/Conference", _SINGLE_LIST, "venueid", lists_rejected=False),
    ),
}
_AVAILABILITY_NOTES = {
    "iclr": "it has 2013, 2014 and 2017 onwards; ICLR 2015 did not use it, and for 2016 it has only the workshop",
    "neurips": "it has 2021 onwards",
    "icml": "it has 2023 onwards",
}
# what follows the name of the venue in `content.venueid` of API v2
_DECISION_BY_VENUEID_SUFFIX = {
    "": "accept",
    "/Submission": "undecided",
    "/Rejected_Submission": "rejected",
    "/Withdrawn_Submission": "withdrawn",
    "/Desk_Rejected_Submission": "desk-rejected",
}


def find_layout(venue: str, year: int) -> VenueLayout:
    """Return how OpenReview holds a year of a venue; raises UsageError, with the reason, where it does not."""
    if venue not in VENUE_LAYOUTS:
        raise UsageError(
            f"Cannot fetch venue {venue!r} from OpenReview{suggest_names(venue, VENUE_LAYOUTS)}. Known: "
            f"{', '.join(VENUE_LAYOUTS)}. For other venues, use `trend import` with a list."
        )
    for layout in VENUE_LAYOUTS[venue]:
        if year in layout.years:
            return layout
    raise UsageError(f"OpenReview has no submissions to {venue} {year}: {_AVAILABILITY_NOTES[venue]}.")


def find_decision(layout: VenueLayout, year: int, note: Any) -> str:
    """Return the decision on a submission by its note; raises ValueError where it is unknown or ambiguous."""
    if content_field(note, "withdrawal") == "Confirmed":  # some of 2018 stayed in the list
        return "withdrawn"
    if layout.decision_field == "venueid":
        venueid, group = str(content_field(note, "venueid") or ""), layout.group.format(year)
        decision = _DECISION_BY_VENUEID_SUFFIX.get(venueid.removeprefix(group)) if venueid.startswith(group) else None
        if decision is None:
            raise ValueError(f"unknown venueid {venueid!r}")
        return _parse_acceptance(str(content_field(note, "venue"))) if decision == "accept" else decision
    reply, _, name = layout.decision_field.rpartition(".")
    text = _find_reply_field(note, reply, name) if reply else str(content_field(note, name) or "")
    # once a venue has decided, "Submitted to" is its word for rejected
    return "rejected" if name == "venue" and "submitted" in text.lower() else parse_decision(text)


def _find_reply_field(note: Any, reply: str, name: str) -> str:
    replies = (note.details or {}).get("directReplies") or []
    values = {
        str(entry["content"].get(name) or "")
        for entry in replies
        if isinstance(entry, Mapping) and str(entry.get("invitation")).endswith(f"/{reply}")
        if isinstance(entry.get("content"), Mapping)
    }
    if len(values) > 1:
        raise ValueError(f"several decisions ({', '.join(sorted(values))})")
    return "".join(values)


def _parse_acceptance(text: str) -> str:
    """Return the form of an acceptance, such as 'oral'; 'accept' where the words, which vary by year, name none."""
    try:
        decision = parse_decision(text)
    except ValueError:
        return "accept"
    return decision if "accepted" in decision_categories(decision).split() else "accept"


def build_submission(note: Any, year: int, decision: str, listed_at: datetime) -> Submission:
    """Return a note as a submission; raises ValueError where it has no title."""
    title = content_field(note, "title")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("no title")
    return build_venue_submission(
        id=note.forum or note.id,
        year=year,
        decision=decision,
        title=title,
        abstract=str(content_field(note, "abstract") or ""),
        keywords=_split_names(content_field(note, "keywords")),
        authors=[name for name in _split_names(content_field(note, "authors")) if _is_public_name(name)],
        listed_at=listed_at,
    )


def content_field(note: Any, name: str) -> Any:
    """Return a field of a note's content, which API v2 wraps in an object; None where it is not shown."""
    value = note.content.get(name)
    return value.get("value") if isinstance(value, Mapping) else value


def _split_names(value: Any) -> list[str]:
    """Return names as a list, whether they come as a list, as a text with commas, or as records."""
    if isinstance(value, str):
        return value.split(",")
    names = [name for name in value if name is not None] if isinstance(value, list) else []
    return [str(name.get("fullname") or "") if isinstance(name, Mapping) else str(name) for name in names]


def _is_public_name(author: str) -> bool:
    """Whether this is a name: neither a placeholder, an e-mail address nor the identifier of a profile."""
    return "@" not in author and not author.startswith("~") and not author.strip().lower().startswith("anonymous")
