"""Venues: what became of a submission to a conference, as the categories by which it is counted.

A submission lists its decision first and then the statuses that hold it, as an e-print lists its primary category and
its cross-lists: 'poster accepted active submitted', 'withdrawn submitted'. So `--status accepted` is a scope like any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from trendcli import parts
from trendcli.models import Answer, Submission

# statuses that hold each decision, whether the venue has taken it or the authors
_HELD = {
    "oral": "accepted active submitted",
    "spotlight": "accepted active submitted",
    "poster": "accepted active submitted",
    "talk": "accepted active submitted",
    "accept": "accepted active submitted",
    "workshop": "active submitted",
    "rejected": "active submitted",
    "undecided": "active submitted",
    "withdrawn": "submitted",
    "desk-rejected": "submitted",
}
# what lists write, by the first of these words that it holds
_WORDS = (
    ("desk", "desk-rejected"),
    ("withdr", "withdrawn"),
    ("reject", "rejected"),
    ("workshop", "workshop"),
    ("oral", "oral"),
    ("spotlight", "spotlight"),
    ("poster", "poster"),
    ("talk", "talk"),
    ("accept", "accept"),
    ("top", "accept"),
    ("active", "undecided"),
    ("under review", "undecided"),
    ("submitted", "undecided"),
    ("pending", "undecided"),
)


def decision(written: str) -> str:
    """The decision that a list means by its words, such as 'Accept (Poster)'; ValueError for words of no decision."""
    low = written.lower()
    if not low.strip():
        return "undecided"
    for word, meant in _WORDS:
        if word in low:
            return meant
    raise ValueError(f"unknown status {written!r}")


def categories(decided: str) -> str:
    """A decision and the statuses that hold it, space-separated, the decision first."""
    return f"{decided} {_HELD[decided]}"


def answers(
    source: str,
    year: int,
    decisions: Iterable[str],
    at: datetime,
    query: str,
    version: str,
    expected: int | None = None,
) -> tuple[Answer, ...]:
    """What a list of the submissions of a year vouches for.

    Who was accepted only where no submission waits for its decision; a list with some decisions is 'partial' of them.
    """
    every = list(decisions)
    waiting = every.count("undecided")
    taken = sum(decided in ("rejected", "workshop") or "accepted" in _HELD[decided] for decided in every)
    whole = "complete" if expected is None or expected == len(every) else "partial"
    known = {"submitted": whole, "active": whole}
    if taken:
        known["accepted"] = "partial" if waiting else whole
    found = []
    for status in dict.fromkeys(known.values()):
        names = tuple(name for name, its in known.items() if its == status)
        found.append(
            Answer(
                source=source,
                categories=names,
                since=date(year, 1, 1),
                until=date(year + 1, 1, 1),
                answered_at=at,
                status=status,
                expected=expected,
                received=len(every),
                query=query,
                version=version,
            )
        )
    return tuple(found)


def submission(
    *,
    id: str,
    year: int,
    decided: str,
    title: str,
    abstract: str,
    keywords: Sequence[str],
    authors: Sequence[str],
    at: datetime,
) -> Submission:
    """A submission to the conference of a year, as a list stated it at a moment.

    Its day is the first of the year, since what counts is which conference it was sent to. A list has no versions; the
    moment stands in their place, so that the later of two lists wins.
    """
    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    return parts.submission(
        id=id,
        version=int(at.timestamp()),
        v1_at=first,
        updated_at=first,
        title=title,
        abstract=abstract,
        authors=", ".join(name.replace(",", " ").strip() for name in authors if name.strip()),
        categories=categories(decided),
        comments=None,
        journal_ref=None,
        doi=None,
        as_of=(at.date() - date(1970, 1, 1)).days,
        withdrawn=decided == "withdrawn",
        keywords="; ".join(word.strip() for word in keywords if word.strip()),
    )
