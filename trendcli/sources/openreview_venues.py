"""What OpenReview holds of a venue, and how a note becomes a submission with its decision.

Each year is held in its own way: which API, which lists, and where decisions stand is the table HELD. What of it could
not be verified says docs/how-to/conferences.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.types import Submission
from trendcli.sources import venue_lists as venues


class VenueLayout(NamedTuple):
    """How OpenReview holds some years of a venue.

    `lists` are invitations of `group`, each with what became of all that is in it, or '' where that is told apart:
    `told` is a field of a submission's content, or REPLY.FIELD of the replies to it, or '' where nothing tells. Without
    `rejected`, rejected submissions are listed only where their authors agreed.
    """

    years: range
    api_version: int
    group: str
    states_by_list: Mapping[str, str]
    decision_field: str
    lists_rejected: bool = True

    def states_by_invitation(self, year: int) -> dict[str, str]:
        """The lists of a year by the whole names of their invitations."""
        return {f"{self.group.format(year)}/-/{name}": state for name, state in self.states_by_list.items()}


_OPEN_LISTS, _SINGLE_LIST = {"submission": ""}, {"Submission": ""}
# in this order, so that what is in two lists counts as withdrawn
_BLIND_LISTS = {
    "Blind_Submission": "",
    "Desk_Rejected_Submission": "desk-rejected",
    "Withdrawn_Submission": "withdrawn",
}
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
    "iclr": "it holds 2013, 2014 and 2017 on; ICLR 2015 was not on it, and of 2016 it has the workshop alone",
    "neurips": "it holds 2021 on",
    "icml": "it holds 2023 on",
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
    """How OpenReview holds a year of a venue; UsageError, which says why, where it does not."""
    if venue not in VENUE_LAYOUTS:
        raise UsageError(
            f"No venue {venue!r} can be fetched from OpenReview{suggest_names(venue, VENUE_LAYOUTS)}. Known: "
            f"{', '.join(VENUE_LAYOUTS)}. Of "
            "others `trend import` takes lists."
        )
    for item in VENUE_LAYOUTS[venue]:
        if year in item.years:
            return item
    raise UsageError(f"OpenReview has no submissions to {venue} {year}: {_AVAILABILITY_NOTES[venue]}.")


def find_decision(layout: VenueLayout, year: int, note: Any) -> str:
    """What became of a submission by its note; ValueError where that cannot be told."""
    if content_field(note, "withdrawal") == "Confirmed":  # some of 2018 that stayed in the list
        return "withdrawn"
    if layout.decision_field == "venueid":
        where, group = str(content_field(note, "venueid") or ""), layout.group.format(year)
        state = _DECISION_BY_VENUEID_SUFFIX.get(where.removeprefix(group)) if where.startswith(group) else None
        if state is None:
            raise ValueError(f"unknown venueid {where!r}")
        return _parse_acceptance(str(content_field(note, "venue"))) if state == "accept" else state
    reply, _, name = layout.decision_field.rpartition(".")
    written = _find_reply_field(note, reply, name) if reply else str(content_field(note, name) or "")
    # a venue that has decided calls rejected what was only submitted to it
    return "rejected" if name == "venue" and "submitted" in written.lower() else venues.parse_decision(written)


def _find_reply_field(note: Any, reply: str, name: str) -> str:
    answers = (note.details or {}).get("directReplies") or []
    said = {
        str(answer["content"].get(name) or "")
        for answer in answers
        if isinstance(answer, Mapping) and str(answer.get("invitation")).endswith(f"/{reply}")
        if isinstance(answer.get("content"), Mapping)
    }
    if len(said) > 1:
        raise ValueError(f"several decisions ({', '.join(sorted(said))})")
    return "".join(said)


def _parse_acceptance(written: str) -> str:
    """In which form something was accepted, by words that are not the same every year."""
    try:
        form = venues.parse_decision(written)
    except ValueError:
        return "accept"
    return form if "accepted" in venues.decision_categories(form).split() else "accept"


def build_submission(note: Any, year: int, decision: str, listed_at: datetime) -> Submission:
    """A note as a submission; ValueError where it has no title."""
    title = content_field(note, "title")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("it has no title")
    return venues.build_venue_submission(
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
    """A field of a note's content, which API v2 wraps in an object; None where it is not shown."""
    value = note.content.get(name)
    return value.get("value") if isinstance(value, Mapping) else value


def _split_names(value: Any) -> list[str]:
    """Names as a list, whether they came as one, as a text with commas, or as records."""
    if isinstance(value, str):
        return value.split(",")
    items = [item for item in value if item is not None] if isinstance(value, list) else []
    return [str(item.get("fullname") or "") if isinstance(item, Mapping) else str(item) for item in items]


def _is_public_name(author: str) -> bool:
    """Whether this is a name: not the word that hides one, no address and no identifier of a profile."""
    return "@" not in author and not author.startswith("~") and not author.strip().lower().startswith("anonymous")
