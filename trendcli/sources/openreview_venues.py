"""What OpenReview holds of a venue, and how a note becomes a submission with its decision.

Each year is held in its own way: which API, which lists, and where decisions stand is the table HELD. What of it could
not be verified says docs/venues.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from trendcli.core.errors import UsageError, nearest
from trendcli.core.types import Submission
from trendcli.store import corpus as venues


class Held(NamedTuple):
    """How OpenReview holds some years of a venue.

    `lists` are invitations of `group`, each with what became of all that is in it, or '' where that is told apart:
    `told` is a field of a submission's content, or REPLY.FIELD of the replies to it, or '' where nothing tells. Without
    `rejected`, rejected submissions are listed only where their authors agreed.
    """

    years: range
    api: int
    group: str
    lists: Mapping[str, str]
    told: str
    rejected: bool = True

    def invitations(self, year: int) -> dict[str, str]:
        """The lists of a year by the whole names of their invitations."""
        return {f"{self.group.format(year)}/-/{name}": state for name, state in self.lists.items()}


_OPEN, _ONE = {"submission": ""}, {"Submission": ""}
# in this order, so that what is in two lists counts as withdrawn
_BLIND = {"Blind_Submission": "", "Desk_Rejected_Submission": "desk-rejected", "Withdrawn_Submission": "withdrawn"}
_LAST = 2101
HELD = {
    "iclr": (
        Held(range(2013, 2014), 1, "ICLR.cc/{}/conference", _OPEN, "decision"),
        Held(range(2014, 2015), 1, "ICLR.cc/{}/conference", _OPEN, ""),
        Held(range(2017, 2018), 1, "ICLR.cc/{}/conference", _OPEN, "venue"),
        Held(range(2018, 2019), 1, "ICLR.cc/{}/Conference", _BLIND, "Acceptance_Decision.decision"),
        Held(range(2019, 2020), 1, "ICLR.cc/{}/Conference", _BLIND, "Meta_Review.recommendation"),
        Held(range(2020, 2022), 1, "ICLR.cc/{}/Conference", _BLIND, "Decision.decision"),
        Held(range(2022, 2024), 1, "ICLR.cc/{}/Conference", _BLIND, "venue"),
        Held(range(2024, _LAST), 2, "ICLR.cc/{}/Conference", _ONE, "venueid"),
    ),
    "neurips": (
        Held(range(2021, 2023), 1, "NeurIPS.cc/{}/Conference", _BLIND, "venue", rejected=False),
        Held(range(2023, _LAST), 2, "NeurIPS.cc/{}/Conference", _ONE, "venueid", rejected=False),
    ),
    "icml": (Held(range(2023, _LAST), 2, "ICML.cc/{}/Conference", _ONE, "venueid", rejected=False),),
}
_WHY = {
    "iclr": "it holds 2013, 2014 and 2017 on; ICLR 2015 was not on it, and of 2016 it has the workshop alone",
    "neurips": "it holds 2021 on",
    "icml": "it holds 2023 on",
}
# what follows the name of the venue in `content.venueid` of API v2
_STATES = {
    "": "accept",
    "/Submission": "undecided",
    "/Rejected_Submission": "rejected",
    "/Withdrawn_Submission": "withdrawn",
    "/Desk_Rejected_Submission": "desk-rejected",
}


def held(venue: str, year: int) -> Held:
    """How OpenReview holds a year of a venue; UsageError, which says why, where it does not."""
    if venue not in HELD:
        raise UsageError(
            f"No venue {venue!r} can be fetched from OpenReview{nearest(venue, HELD)}. Known: {', '.join(HELD)}. Of "
            "others `trend import` takes lists."
        )
    for item in HELD[venue]:
        if year in item.years:
            return item
    raise UsageError(f"OpenReview has no submissions to {venue} {year}: {_WHY[venue]}.")


def decided(how: Held, year: int, note: Any) -> str:
    """What became of a submission by its note; ValueError where that cannot be told."""
    if content(note, "withdrawal") == "Confirmed":  # some of 2018 that stayed in the list
        return "withdrawn"
    if how.told == "venueid":
        where, group = str(content(note, "venueid") or ""), how.group.format(year)
        state = _STATES.get(where.removeprefix(group)) if where.startswith(group) else None
        if state is None:
            raise ValueError(f"unknown venueid {where!r}")
        return _accepted(str(content(note, "venue"))) if state == "accept" else state
    reply, _, name = how.told.rpartition(".")
    written = _replied(note, reply, name) if reply else str(content(note, name) or "")
    # a venue that has decided calls rejected what was only submitted to it
    return "rejected" if name == "venue" and "submitted" in written.lower() else venues.decision(written)


def _replied(note: Any, reply: str, name: str) -> str:
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


def _accepted(written: str) -> str:
    """In which form something was accepted, by words that are not the same every year."""
    try:
        form = venues.decision(written)
    except ValueError:
        return "accept"
    return form if "accepted" in venues.categories(form).split() else "accept"


def submission(note: Any, year: int, state: str, at: datetime) -> Submission:
    """A note as a submission; ValueError where it has no title."""
    title = content(note, "title")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("it has no title")
    return venues.submission(
        id=note.forum or note.id,
        year=year,
        decided=state,
        title=title,
        abstract=str(content(note, "abstract") or ""),
        keywords=_listed(content(note, "keywords")),
        authors=[name for name in _listed(content(note, "authors")) if _is_shown(name)],
        at=at,
    )


def content(note: Any, name: str) -> Any:
    """A field of a note's content, which API v2 wraps in an object; None where it is not shown."""
    value = note.content.get(name)
    return value.get("value") if isinstance(value, Mapping) else value


def _listed(value: Any) -> list[str]:
    """Names as a list, whether they came as one, as a text with commas, or as records."""
    if isinstance(value, str):
        return value.split(",")
    items = [item for item in value if item is not None] if isinstance(value, list) else []
    return [str(item.get("fullname") or "") if isinstance(item, Mapping) else str(item) for item in items]


def _is_shown(author: str) -> bool:
    """Whether this is a name: not the word that hides one, no address and no identifier of a profile."""
    return "@" not in author and not author.startswith("~") and not author.strip().lower().startswith("anonymous")
