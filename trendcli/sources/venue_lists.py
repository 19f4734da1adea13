"""Venue lists: decisions, what a list covers, and how it compares with what is stored.

The categories of a submission are its decision and the statuses that include it ('poster accepted active submitted',
'withdrawn submitted'), as those of an e-print are its primary category and cross-lists. So a status is a scope like
any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from trendcli.core.errors import UsageError
from trendcli.core.normalize import normalize_text
from trendcli.core.types import CoverageRecord, Submission
from trendcli.core.yaml import find_control_character
from trendcli.store.identity import VENUES_FOLDER
from trendcli.store.sql import create_temp_table, file_rows_sql
from trendcli.store.store import Store

# statuses that include each decision, whether the venue took it or the authors
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
# the decision of a text: that of the first of these prefixes of words that it contains
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
    """Return the decision that a text states, such as 'Accept (Poster)'; raises ValueError for an unknown one."""
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", text).lower()  # conferenceOral
    if not words.strip():
        return "undecided"
    for prefix, decision in _DECISION_WORDS:
        if re.search(rf"\b{prefix}", words):
            return decision
    raise ValueError(f"unknown status {text[:60]!r}")


def decision_categories(decision: str) -> str:
    """Return a decision and the statuses that include it, space-separated, the decision first."""
    return f"{decision} {_STATUSES_BY_DECISION[decision]}"


class ListComparison(NamedTuple):
    """How the submissions of a store compare with a list of those of a year.

    `other_years` are years other than that one in which the store holds any of the list; `unlisted_count` is how many
    of its submissions of the year are not in the list, `undecided_count` how many of these have no decision.
    `has_known_decisions` is whether an earlier list of the year had decisions.
    """

    other_years: tuple[int, ...] = ()
    unlisted_count: int = 0
    undecided_count: int = 0
    has_known_decisions: bool = False

    def format_notes(self, venue: str, year: int) -> tuple[str, ...]:
        """Return sentences for the user about submissions that the list lacks; none where it lacks none."""
        if not self.unlisted_count:
            return ()
        is_one = self.unlisted_count == 1
        note = (
            f"{self.unlisted_count:,} stored submission{'' if is_one else 's'} to {venue} {year} "
            f"{'is' if is_one else 'are'} not in this list and remain{'s' if is_one else ''} unchanged."
        )
        if self.undecided_count:
            note += f" {self.undecided_count:,} of them have no decision, so accepted counts are n/a."
        return (note,)


def compare_with_list(store: Store, ids: Iterable[str], year: int) -> ListComparison:
    """Compare a store with the identifiers of a list of the submissions of a year."""
    with store.connect() as db:
        create_temp_table(db, "listed", "id VARCHAR", [(ident,) for ident in ids])
        rows = db.execute(
            f"""SELECT year(v1_at), id IN (FROM listed), categories LIKE 'undecided %', count(*)
            FROM ({file_rows_sql(store, store.list_files(), "id, v1_at, categories")}) GROUP BY ALL"""
        ).fetchall()
    other_years = {stored_year for stored_year, is_listed, _, _ in rows if is_listed and stored_year != year}
    unlisted = [
        (count, is_undecided)
        for stored_year, is_listed, is_undecided, count in rows
        if stored_year == year and not is_listed
    ]
    return ListComparison(
        other_years=tuple(sorted(other_years)),
        unlisted_count=sum(count for count, _ in unlisted),
        undecided_count=sum(count for count, is_undecided in unlisted if is_undecided),
        has_known_decisions=any(
            record.since.year == year and "accepted" in record.categories for record in store.manifest.ledger
        ),
    )


def wrong_year_error(subject: str, venue: str, year: int, other_years: Sequence[int]) -> UsageError:
    """Build the error for submissions that are stored under other years than the one that was given for them."""
    return UsageError(
        f"Submissions {subject} are already stored as {venue} {' and '.join(map(str, other_years))}, so they cannot "
        f"belong to {year}. Nothing was stored. If the stored year is wrong, delete the folder "
        f"{VENUES_FOLDER}/{venue} of the store, and import or fetch its years again."
    )


def next_list_time(store: Store, now: datetime | None = None) -> datetime:
    """Return the current time, or later: after every record of a store, since of two lists the later one wins."""
    now = now or datetime.now(UTC).replace(microsecond=0)
    return max([now, *(record.answered_at + timedelta(seconds=1) for record in store.manifest.ledger)])


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
    """Return what a list of the submissions of a year covers: one record per status.

    'accepted' is complete only where no submission lacks its decision, neither in the list nor among the stored ones
    that it lacks. It is 'partial' for a list with some decisions, and for one without any that follows one with some;
    a list without any, and after none, has no record of it. `expected` is None where no count was declared.
    """
    decisions, comparison = list(decisions), comparison or ListComparison()
    undecided_count = decisions.count("undecided") + comparison.undecided_count
    has_decisions = any(
        decision in ("rejected", "workshop") or "accepted" in _STATUSES_BY_DECISION[decision] for decision in decisions
    )
    list_status = "complete" if expected is None or expected == len(decisions) else "partial"
    statuses = {"submitted": list_status, "active": list_status}
    if has_decisions or comparison.has_known_decisions:
        statuses["accepted"] = list_status if has_decisions and not undecided_count else "partial"
    return tuple(
        CoverageRecord(
            source=source,
            categories=(name,),
            since=date(year, 1, 1),
            until=date(year + 1, 1, 1),
            answered_at=answered_at,
            status=status,
            expected=expected,
            received=len(decisions),
            query=query,
            version=version,
        )
        for name, status in statuses.items()
    )


def undecided_notes(coverage_records: Iterable[CoverageRecord], venue: str, year: int) -> list[str]:
    """Return sentences for the user about the decisions that a list lacks, by its coverage records."""
    statuses = {name: record.status for record in coverage_records for name in record.categories}
    if statuses and "accepted" not in statuses:
        return [
            f"{venue} {year} has no decisions yet: its submissions are stored as undecided, and accepted counts are "
            "n/a in reports. Import or fetch its list again once it does."
        ]
    if statuses.get("accepted") == "partial":
        return [
            f"Some submissions to {venue} {year} have no decision yet or are unreadable, so accepted counts are n/a in "
            "reports. Import or fetch its list again later."
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
    """Build a submission to the conference of a year, as a list stated it at `listed_at`.

    Its day is the first of the year, since what counts is the year of the conference. A list has no versions; the time
    of the list replaces them, so that the later of two lists wins. Raises ValueError without an id or a title, and for
    an id that cannot be shown.
    """
    from trendcli.store.records import build_submission  # pyarrow, which a report can do without

    year_start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    if not id.strip() or not normalize_text(title).strip():
        raise ValueError("no title or no id")
    if find_control_character(id):
        raise ValueError(f"a control character in the id {id[:60]!r}")
    return build_submission(
        id=id,
        version=int(listed_at.timestamp()),
        v1_at=year_start,
        updated_at=year_start,
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
