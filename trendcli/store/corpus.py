"""Venues: what became of a submission to a conference, as the categories by which it is counted.

A submission lists its decision first and then the statuses that hold it, as an e-print lists its primary category and
its cross-lists: 'poster accepted active submitted', 'withdrawn submitted'. So `--status accepted` is a scope like any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.normalize import normalize_text
from trendcli.core.types import CoverageRecord, Scope, Submission
from trendcli.store.coverage import Coverage
from trendcli.store.sql import create_temp_table, file_rows_sql
from trendcli.store.store import VENUES_FOLDER, Store, corpus_text_fields
from trendcli.topics.mentions import scope_filter_sql

VENUE_STATUSES = ("submitted", "active", "accepted")
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


class VenueYear(NamedTuple):
    """The submissions of a year in a scope, and how many of them come without keywords and without an abstract."""

    year: int
    submission_count: int
    missing_counts: dict[str, int]

    def has_field(self, field: str) -> bool:
        """Whether the list of this year has a field: at least half of its submissions do."""
        return 2 * self.missing_counts.get(field, 0) <= self.submission_count


def list_venue_years(store: Store, scope: Scope | None = None) -> list[VenueYear]:
    """Each year of a venue, in order."""
    named = corpus_text_fields(store.corpus)[1:]
    missing = ", ".join(f"count(*) FILTER (coalesce({name}, '') = '')" for name in named)
    where = scope_filter_sql("categories", scope) if scope else "true"
    with store.connect() as db:
        rows = db.execute(
            f"""SELECT year(v1_at), count(*), {missing}
            FROM ({file_rows_sql(store, store.list_files(), ", ".join(["v1_at", "categories", *named]))})
            WHERE {where} GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
    return [VenueYear(year, number, dict(zip(named, less, strict=True))) for year, number, *less in rows]


def restrict_text_fields(store: Store, text_fields: Sequence[str] | None = None) -> Store:
    """The store with rules matched in some fields; UsageError for one that a venue does not have.

    Where none are named, in those that the lists of all its years have, so that years are counted alike.
    """
    known = corpus_text_fields(store.corpus)
    if text_fields is None:
        every = list_venue_years(store)
        text_fields = [name for name in known if all(item.has_field(name) for item in every)]
    for name in text_fields or [""]:
        if name not in known:
            raise UsageError(f"No field {name!r}{suggest_names(name, known)}. Known: {', '.join(known)}.")
    return store.with_text_fields(text_fields or ())


def build_venue_coverage(store: Store) -> Coverage:
    """What the lists vouch for: nothing of a year that lacks a field in which rules shall be matched."""
    short = {
        item.year for item in list_venue_years(store) if not all(item.has_field(name) for name in store.text_fields)
    }
    return Coverage((answer for answer in store.manifest.ledger if answer.since.year not in short), dated=False)


def covered_scope(coverage: Coverage, default: Scope) -> Scope:
    """The widest status that a list vouches for: some venues show none of what they rejected."""
    whole = [
        name for name in VENUE_STATUSES if any(span.status == "complete" for span in coverage.category_spans(name))
    ]
    return Scope(whole[0], (whole[0],)) if whole and default.name == VENUE_STATUSES[0] else default


def explain_uncovered_scope(store: Store, scope: Scope) -> str:
    """Why nothing of a scope is covered, and what to do, in a sentence or two."""
    every = list_venue_years(store)
    if all(all(item.has_field(name) for name in store.text_fields) for item in every):
        return f"No list of {store.corpus} says yet who was {scope.name}; import or fetch it again when it does."
    there = [name for name in corpus_text_fields(store.corpus) if all(item.has_field(name) for item in every)]
    lacking = [name for name in store.text_fields if not any(item.has_field(name) for item in every)]
    some = "No list" if lacking else "Not one and the same list"
    listed = _join_words(_FIELD_PLURALS[name] for name in lacking or store.text_fields)
    return f"{some} of {store.corpus} has {listed}; take --fields {','.join(there)}."


def _join_words(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


_FIELD_PLURALS = {"title": "titles", "keywords": "keywords", "abstract": "abstracts"}
_BASE_NOTES = {
    "submitted": "every submission to {}, the withdrawn and the desk-rejected with them (submitted)",
    "active": "every submission to {} that was neither withdrawn nor desk-rejected (active)",
    "accepted": "every accepted submission to {} (accepted)",
}


def venue_notes(store: Store, scope: Scope, years: Iterable[int], text_fields: Sequence[str]) -> list[str]:
    """What a report of a venue says of its base, and of the fields in which rules were matched."""
    asked = sorted(set(years))
    said = [f"Base: {_BASE_NOTES[scope.name].format(store.corpus)}, each once, by the year of the conference."]
    told = [item for item in list_venue_years(store, scope) if item.year in asked]
    gone = [name for name in corpus_text_fields(store.corpus)[1:] if not all(item.has_field(name) for item in told)]
    without = f"; not every list has {' and '.join(_FIELD_PLURALS[name] for name in gone)}" if gone else ""
    said.append(f"Rules are matched in {_join_words(text_fields)}{without}.")
    for name in (name for name in text_fields if name != "title"):
        short = [
            (item.missing_counts[name], item.submission_count, item.year) for item in told if item.missing_counts[name]
        ]
        listed = ", ".join(f"{number:,} of {of:,} in {year}" for number, of, year in short)
        said += [f"Without {_FIELD_PLURALS[name]}: {listed}."] if short else []
    return said
