"""What a list of the submissions to a conference means: decisions, coverage, and how it differs from what is stored.

A submission lists its decision first and then the statuses that hold it, as an e-print lists its primary category and
its cross-lists: 'poster accepted active submitted', 'withdrawn submitted'. So a status is a scope like any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from trendcli.core.errors import UsageError
from trendcli.core.normalize import normalize_text
from trendcli.core.types import CoverageRecord, Submission
from trendcli.store.sql import create_temp_table, file_rows_sql
from trendcli.store.store import VENUES_FOLDER, Store

# statuses that hold each decision, whether the venue has taken it or the authors
_STATUSES_BY_DECISION = {
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


# what lists write, by the first of these beginnings of words that it holds
_DECISION_WORDS = (
    ("not accept", "rejected"),
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


def parse_decision(text: str) -> str:
    """The decision that a list means by its words, such as 'Accept (Poster)'; ValueError for words of no decision."""
    low = re.sub("(?<=[a-z])(?=[A-Z])", " ", text).lower()  # conferenceOral
    if not low.strip():
        return "undecided"
    for word, meant in _DECISION_WORDS:
        if re.search(rf"\b{word}", low):
            return meant
    raise ValueError(f"unknown status {text!r}")


def decision_categories(decision: str) -> str:
    """A decision and the statuses that hold it, space-separated, the decision first."""
    return f"{decision} {_STATUSES_BY_DECISION[decision]}"


class ListComparison(NamedTuple):
    """What a store holds beside a list of the submissions of a year.

    `years` are others in which it holds any of them; `gone` is how many submissions of the year are not in the list,
    and `waiting` how many of these have no decision; `told` is whether an earlier list told who was accepted.
    """

    other_years: tuple[int, ...] = ()
    unlisted_count: int = 0
    undecided_count: int = 0
    has_known_decisions: bool = False

    def format_notes(self, venue: str, year: int) -> tuple[str, ...]:
        """What to say of it, as sentences."""
        if not self.unlisted_count:
            return ()
        one = self.unlisted_count == 1
        said = (
            f"{self.unlisted_count:,} submission{'' if one else 's'} to {venue} {year} that "
            f"{'is' if one else 'are'} stored "
            f"{'is' if one else 'are'} not in this list, and stay{'s' if one else ''} as before."
        )
        waiting = (
            f" {self.undecided_count:,} of them without a decision, so what was accepted is n/a."
            if self.undecided_count
            else ""
        )
        return (said + waiting,)


def compare_with_list(store: Store, ids: Iterable[str], year: int) -> ListComparison:
    """What a store holds beside a list of some identifiers."""
    with store.connect() as db:
        create_temp_table(db, "listed", "id VARCHAR", [(name,) for name in ids])
        found = db.execute(
            f"""SELECT year(v1_at), id IN (FROM listed), categories LIKE 'undecided %', count(*)
            FROM ({file_rows_sql(store, store.list_files(), "id, v1_at, categories")}) GROUP BY ALL"""
        ).fetchall()
    others = {when for when, there, _, _ in found if there and when != year}
    gone = [(number, waits) for when, there, waits, number in found if when == year and not there]
    told = any(answer.since.year == year and "accepted" in answer.categories for answer in store.manifest.ledger)
    waiting = sum(number for number, waits in gone if waits)
    return ListComparison(tuple(sorted(others)), sum(number for number, _ in gone), waiting, told)


def wrong_year_error(subject: str, venue: str, year: int, other_years: Sequence[int]) -> UsageError:
    """That submissions are stored under other years than the one they are said to be of."""
    return UsageError(
        f"Submissions {subject} are stored as {venue} {' and '.join(map(str, other_years))}, so they are not of "
        f"{year}. "
        f"Nothing was stored. If they were stored under a wrong year, remove the folder {VENUES_FOLDER}/{venue} "
        f"of the store, "
        "and import or fetch its years again."
    )


def next_list_time(store: Store) -> datetime:
    """Now, and later than any answer of a store, since of two lists the later one wins."""
    now = datetime.now(UTC).replace(microsecond=0)
    return max([now, *(answer.answered_at + timedelta(seconds=1) for answer in store.manifest.ledger)])


def build_coverage_records(
    source: str,
    year: int,
    decisions: Iterable[str],
    answered_at: datetime,
    query: str,
    version: str,
    expected: int | None = None,
    comparison: ListComparison | None = None,
) -> tuple[CoverageRecord, ...]:
    """What a list of the submissions of a year vouches for: an answer a status.

    Who was accepted only where no submission waits for its decision, in the list or in the store beside it; a list with
    some decisions is 'partial' of them, and so is one without any that comes after one with some.
    """
    every, beside = list(decisions), comparison or ListComparison()
    waiting = every.count("undecided") + beside.undecided_count
    taken = sum(
        decided in ("rejected", "workshop") or "accepted" in _STATUSES_BY_DECISION[decided] for decided in every
    )
    whole = "complete" if expected is None or expected == len(every) else "partial"
    known = {"submitted": whole, "active": whole}
    if taken or beside.has_known_decisions:
        known["accepted"] = whole if taken and not waiting else "partial"
    return tuple(
        CoverageRecord(
            source=source,
            categories=(name,),
            since=date(year, 1, 1),
            until=date(year + 1, 1, 1),
            answered_at=answered_at,
            status=status,
            expected=expected,
            received=len(every),
            query=query,
            version=version,
        )
        for name, status in known.items()
    )


def undecided_notes(coverage_records: Iterable[CoverageRecord], venue: str, year: int) -> list[str]:
    """What is to be known of the decisions that a list lacks, as sentences."""
    status = {name: answer.status for answer in coverage_records for name in answer.categories}
    if status and "accepted" not in status:
        return [
            f"{venue} {year} has not decided yet: its submissions are stored as undecided, and what was accepted is "
            "n/a in reports. Take its list again when it has decided."
        ]
    if status.get("accepted") == "partial":
        return [
            f"Some submissions to {venue} {year} have no decision yet, or could not be read, so what was accepted is "
            "n/a in reports. Take its list again later."
        ]
    return []


def build_venue_submission(
    *,
    id: str,
    year: int,
    decision: str,
    title: str,
    abstract: str,
    keywords: Sequence[str],
    authors: Sequence[str],
    listed_at: datetime,
) -> Submission:
    """A submission to the conference of a year, as a list stated it at a moment.

    Its day is the first of the year, since what counts is which conference it was sent to. A list has no versions; the
    moment stands in their place, so that the later of two lists wins.
    """
    from trendcli.store import records as parts  # pyarrow, which a report can do without

    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    if not id.strip() or not normalize_text(title).strip():
        raise ValueError("it has no title or no id")
    return parts.build_submission(
        id=id,
        version=int(listed_at.timestamp()),
        v1_at=first,
        updated_at=first,
        title=title,
        abstract=abstract,
        authors=", ".join(name.replace(",", " ").strip() for name in authors if name.strip()),
        categories=decision_categories(decision),
        comments=None,
        journal_ref=None,
        doi=None,
        as_of=(listed_at.date() - date(1970, 1, 1)).days,
        withdrawn=decision == "withdrawn",
        keywords="; ".join(word.strip() for word in keywords if word.strip()),
    )
