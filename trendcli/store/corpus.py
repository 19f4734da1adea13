"""Venues: what became of a submission to a conference, as the categories by which it is counted.

A submission lists its decision first and then the statuses that hold it, as an e-print lists its primary category and
its cross-lists: 'poster accepted active submitted', 'withdrawn submitted'. So `--status accepted` is a scope like any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.types import Scope
from trendcli.store.coverage import Coverage
from trendcli.store.sql import file_rows_sql, scope_filter_sql
from trendcli.store.store import Store, corpus_text_fields

VENUE_STATUSES = ("submitted", "active", "accepted")


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
