"""Venues: what became of a submission to a conference, as the categories by which it is counted.

A submission lists its decision first and then the statuses that hold it, as an e-print lists its primary category and
its cross-lists: 'poster accepted active submitted', 'withdrawn submitted'. So `--status accepted` is a scope like any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from trendcli.core.errors import UsageError, nearest
from trendcli.core.normalize import canonical
from trendcli.core.types import Answer, Scope, Submission
from trendcli.store.coverage import Coverage
from trendcli.store.sql import make_table, read_files
from trendcli.store.store import VENUES, Store, fields_of
from trendcli.topics.mentions import in_scope

STATUSES = ("submitted", "active", "accepted")
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
# what lists write, by the first of these beginnings of words that it holds
_WORDS = (
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


def decision(written: str) -> str:
    """The decision that a list means by its words, such as 'Accept (Poster)'; ValueError for words of no decision."""
    low = re.sub("(?<=[a-z])(?=[A-Z])", " ", written).lower()  # conferenceOral
    if not low.strip():
        return "undecided"
    for word, meant in _WORDS:
        if re.search(rf"\b{word}", low):
            return meant
    raise ValueError(f"unknown status {written!r}")


def categories(decided: str) -> str:
    """A decision and the statuses that hold it, space-separated, the decision first."""
    return f"{decided} {_HELD[decided]}"


class Beside(NamedTuple):
    """What a store holds beside a list of the submissions of a year.

    `years` are others in which it holds any of them; `gone` is how many submissions of the year are not in the list,
    and `waiting` how many of these have no decision; `told` is whether an earlier list told who was accepted.
    """

    years: tuple[int, ...] = ()
    gone: int = 0
    waiting: int = 0
    told: bool = False

    def notes(self, venue: str, year: int) -> tuple[str, ...]:
        """What to say of it, as sentences."""
        if not self.gone:
            return ()
        one = self.gone == 1
        said = (
            f"{self.gone:,} submission{'' if one else 's'} to {venue} {year} that {'is' if one else 'are'} stored "
            f"{'is' if one else 'are'} not in this list, and stay{'s' if one else ''} as before."
        )
        waiting = f" {self.waiting:,} of them without a decision, so what was accepted is n/a." if self.waiting else ""
        return (said + waiting,)


def beside(store: Store, ids: Iterable[str], year: int) -> Beside:
    """What a store holds beside a list of some identifiers."""
    with store.connect() as db:
        make_table(db, "listed", "id VARCHAR", [(name,) for name in ids])
        found = db.execute(
            f"""SELECT year(v1_at), id IN (FROM listed), categories LIKE 'undecided %', count(*)
            FROM ({read_files(store, store.files(), "id, v1_at, categories")}) GROUP BY ALL"""
        ).fetchall()
    others = {when for when, there, _, _ in found if there and when != year}
    gone = [(number, waits) for when, there, waits, number in found if when == year and not there]
    told = any(answer.since.year == year and "accepted" in answer.categories for answer in store.manifest.ledger)
    waiting = sum(number for number, waits in gone if waits)
    return Beside(tuple(sorted(others)), sum(number for number, _ in gone), waiting, told)


def misplaced(what: str, venue: str, year: int, others: Sequence[int]) -> UsageError:
    """That submissions are stored under other years than the one they are said to be of."""
    return UsageError(
        f"Submissions {what} are stored as {venue} {' and '.join(map(str, others))}, so they are not of {year}. "
        f"Nothing was stored. If they were stored under a wrong year, remove the folder {VENUES}/{venue} of the store, "
        "and import or fetch its years again."
    )


def moment(store: Store) -> datetime:
    """Now, and later than any answer of a store, since of two lists the later one wins."""
    now = datetime.now(UTC).replace(microsecond=0)
    return max([now, *(answer.answered_at + timedelta(seconds=1) for answer in store.manifest.ledger)])


def answers(
    source: str,
    year: int,
    decisions: Iterable[str],
    at: datetime,
    query: str,
    version: str,
    expected: int | None = None,
    stored: Beside | None = None,
) -> tuple[Answer, ...]:
    """What a list of the submissions of a year vouches for: an answer a status.

    Who was accepted only where no submission waits for its decision, in the list or in the store beside it; a list with
    some decisions is 'partial' of them, and so is one without any that comes after one with some.
    """
    every, beside = list(decisions), stored or Beside()
    waiting = every.count("undecided") + beside.waiting
    taken = sum(decided in ("rejected", "workshop") or "accepted" in _HELD[decided] for decided in every)
    whole = "complete" if expected is None or expected == len(every) else "partial"
    known = {"submitted": whole, "active": whole}
    if taken or beside.told:
        known["accepted"] = whole if taken and not waiting else "partial"
    return tuple(
        Answer(
            source=source,
            categories=(name,),
            since=date(year, 1, 1),
            until=date(year + 1, 1, 1),
            answered_at=at,
            status=status,
            expected=expected,
            received=len(every),
            query=query,
            version=version,
        )
        for name, status in known.items()
    )


def undecided(answers: Iterable[Answer], venue: str, year: int) -> list[str]:
    """What is to be known of the decisions that a list lacks, as sentences."""
    status = {name: answer.status for answer in answers for name in answer.categories}
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
    from trendcli.store import records as parts  # pyarrow, which a report can do without

    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    if not id.strip() or not canonical(title).strip():
        raise ValueError("it has no title or no id")
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


class Edition(NamedTuple):
    """The submissions of a year in a scope, and how many of them come without keywords and without an abstract."""

    year: int
    submissions: int
    without: dict[str, int]

    def has(self, field: str) -> bool:
        """Whether the list of this year has a field: at least half of its submissions do."""
        return 2 * self.without.get(field, 0) <= self.submissions


def editions(store: Store, scope: Scope | None = None) -> list[Edition]:
    """Each year of a venue, in order."""
    named = fields_of(store.corpus)[1:]
    missing = ", ".join(f"count(*) FILTER (coalesce({name}, '') = '')" for name in named)
    where = in_scope("categories", scope) if scope else "true"
    with store.connect() as db:
        rows = db.execute(
            f"""SELECT year(v1_at), count(*), {missing}
            FROM ({read_files(store, store.files(), ", ".join(["v1_at", "categories", *named]))})
            WHERE {where} GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
    return [Edition(year, number, dict(zip(named, less, strict=True))) for year, number, *less in rows]


def reading(store: Store, fields: Sequence[str] | None = None) -> Store:
    """The store with rules matched in some fields; UsageError for one that a venue does not have.

    Where none are named, in those that the lists of all its years have, so that years are counted alike.
    """
    known = fields_of(store.corpus)
    if fields is None:
        every = editions(store)
        fields = [name for name in known if all(item.has(name) for item in every)]
    for name in fields or [""]:
        if name not in known:
            raise UsageError(f"No field {name!r}{nearest(name, known)}. Known: {', '.join(known)}.")
    return store.reading(fields or ())


def coverage(store: Store) -> Coverage:
    """What the lists vouch for: nothing of a year that lacks a field in which rules shall be matched."""
    short = {item.year for item in editions(store) if not all(item.has(name) for name in store.fields)}
    return Coverage((answer for answer in store.manifest.ledger if answer.since.year not in short), dated=False)


def covered_scope(coverage: Coverage, default: Scope) -> Scope:
    """The widest status that a list vouches for: some venues show none of what they rejected."""
    whole = [name for name in STATUSES if any(span.status == "complete" for span in coverage.spans(name))]
    return Scope(whole[0], (whole[0],)) if whole and default.name == STATUSES[0] else default


def uncovered(store: Store, scope: Scope) -> str:
    """Why nothing of a scope is covered, and what to do, in a sentence or two."""
    every = editions(store)
    if all(all(item.has(name) for name in store.fields) for item in every):
        return f"No list of {store.corpus} says yet who was {scope.name}; import or fetch it again when it does."
    there = [name for name in fields_of(store.corpus) if all(item.has(name) for item in every)]
    lacking = [name for name in store.fields if not any(item.has(name) for item in every)]
    some = "No list" if lacking else "Not one and the same list"
    listed = _and(_MANY[name] for name in lacking or store.fields)
    return f"{some} of {store.corpus} has {listed}; take --fields {','.join(there)}."


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


_MANY = {"title": "titles", "keywords": "keywords", "abstract": "abstracts"}
_BASES = {
    "submitted": "every submission to {}, the withdrawn and the desk-rejected with them (submitted)",
    "active": "every submission to {} that was neither withdrawn nor desk-rejected (active)",
    "accepted": "every accepted submission to {} (accepted)",
}


def notes(store: Store, scope: Scope, years: Iterable[int], fields: Sequence[str]) -> list[str]:
    """What a report of a venue says of its base, and of the fields in which rules were matched."""
    asked = sorted(set(years))
    said = [f"Base: {_BASES[scope.name].format(store.corpus)}, each once, by the year of the conference."]
    told = [item for item in editions(store, scope) if item.year in asked]
    gone = [name for name in fields_of(store.corpus)[1:] if not all(item.has(name) for item in told)]
    without = f"; not every list has {' and '.join(_MANY[name] for name in gone)}" if gone else ""
    said.append(f"Rules are matched in {_and(fields)}{without}.")
    for name in (name for name in fields if name != "title"):
        short = [(item.without[name], item.submissions, item.year) for item in told if item.without[name]]
        listed = ", ".join(f"{number:,} of {of:,} in {year}" for number, of, year in short)
        said += [f"Without {_MANY[name]}: {listed}."] if short else []
    return said
