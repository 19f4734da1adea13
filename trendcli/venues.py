"""Venues: what became of a submission to a conference, as the categories by which it is counted.

A submission lists its decision first and then the statuses that hold it, as an e-print lists its primary category and
its cross-lists: 'poster accepted active submitted', 'withdrawn submitted'. So `--status accepted` is a scope like any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from trendcli.coverage import Coverage
from trendcli.errors import UsageError, nearest
from trendcli.mentions import in_scope
from trendcli.models import Answer, Scope, Submission
from trendcli.store import Store, fields_of, read_files, sql_list

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
    from trendcli import parts  # pyarrow, which a report can do without

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


class Edition(NamedTuple):
    """The submissions of a year in a scope, and how many of them come without keywords and without an abstract."""

    year: int
    submissions: int
    without: dict[str, int]

    def has(self, field: str) -> bool:
        """Whether the list of this year has a field at all."""
        return self.without.get(field, 0) < self.submissions


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


def elsewhere(store: Store, ids: Sequence[str], year: int) -> list[int]:
    """The years other than `year` in which a venue holds any of some submissions."""
    listed = sql_list(ids)
    with store.connect() as db:
        rows = db.execute(
            f"""SELECT DISTINCT year(v1_at) FROM ({read_files(store, store.files(), "id, v1_at")})
            WHERE year(v1_at) <> {year} AND id IN (SELECT unnest({listed})) ORDER BY ALL"""
        ).fetchall()
    return [found for (found,) in rows]


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
    return Store(store.root, store.manifest, fields)


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
    return (
        f"No list of {store.corpus} has {_and(_MANY[name] for name in store.fields)}; take --fields {','.join(there)}."
    )


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


_MANY = {"title": "titles", "keywords": "keywords", "abstract": "abstracts"}
_BASES = {
    "submitted": "every submission to {}, the withdrawn and the desk-rejected with them (submitted)",
    "active": "every submission to {} that was neither withdrawn nor desk-rejected (active)",
    "accepted": "every accepted submission to {} (accepted)",
}


def notes(store: Store, scope: Scope, years: Iterable[int]) -> list[str]:
    """What a report of a venue says of its base, and of the fields in which rules were matched."""
    asked = sorted(set(years))
    said = [f"Base: {_BASES[scope.name].format(store.corpus)}, each once, by the year of the conference."]
    told = [item for item in editions(store, scope) if item.year in asked]
    gone = [name for name in fields_of(store.corpus)[1:] if not all(item.has(name) for item in told)]
    without = f"; not every list has {' and '.join(_MANY[name] for name in gone)}" if gone else ""
    said.append(f"Rules are matched in {_and(store.fields)}{without}.")
    for name in (name for name in store.fields if name != "title"):
        short = [(item.without[name], item.submissions, item.year) for item in told if item.without[name]]
        listed = ", ".join(f"{number:,} of {of:,} in {year}" for number, of, year in short)
        said += [f"Without {_MANY[name]}: {listed}."] if short else []
    return said
