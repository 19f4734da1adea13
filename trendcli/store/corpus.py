"""Venues: what became of a submission to a conference, as the categories by which it is counted.

A submission lists its decision first and then the statuses that include it, as an e-print lists its primary category
and its cross-lists: 'poster accepted active submitted', 'withdrawn submitted'. So `--submission-status accepted` is a
scope like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trendcli.core.errors import UsageError, suggest_names
from trendcli.core.types import Scope
from trendcli.store.coverage import Coverage
from trendcli.store.sql import file_rows_sql, scope_filter_sql
from trendcli.store.store import Store, corpus_text_fields

# from the widest, which includes the others
VENUE_STATUSES = ("submitted", "active", "accepted")
_BASE_NOTES = {
    "submitted": "every submission to {}, including withdrawn and desk-rejected ones (submitted)",
    "active": "every submission to {} that was neither withdrawn nor desk-rejected (active)",
    "accepted": "every accepted submission to {} (accepted)",
}
_FIELD_PLURALS = {"title": "titles", "keywords": "keywords", "abstract": "abstracts"}


class VenueYear(NamedTuple):
    """The submissions of a year in a scope, and by field how many of them lack it: keywords, abstract."""

    year: int
    submission_count: int
    missing_counts: dict[str, int]

    def has_field(self, field: str) -> bool:
        """Whether the list of this year has a field: at least half of its submissions do."""
        return 2 * self.missing_counts.get(field, 0) <= self.submission_count

    def has_fields(self, fields: Iterable[str]) -> bool:
        """Whether the list of this year has all of some fields."""
        return all(self.has_field(field) for field in fields)


def list_venue_years(store: Store, scope: Scope | None = None) -> list[VenueYear]:
    """Return each year of a venue that has submissions (in `scope`, if given), in order."""
    fields = corpus_text_fields(store.corpus)[1:]
    missing_counts = ", ".join(f"count(*) FILTER (coalesce({field}, '') = '')" for field in fields)
    condition = scope_filter_sql("categories", scope) if scope else "true"
    with store.connect() as db:
        rows = db.execute(
            f"""SELECT year(v1_at), count(*), {missing_counts}
            FROM ({file_rows_sql(store, store.list_files(), ", ".join(["v1_at", "categories", *fields]))})
            WHERE {condition} GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
    return [VenueYear(year, count, dict(zip(fields, missing, strict=True))) for year, count, *missing in rows]


def restrict_text_fields(store: Store, text_fields: Sequence[str] | None = None) -> Store:
    """Return the store with rules matched in some text fields; UsageError for one that a venue does not have.

    None stands for the fields that the lists of all its years have, so that every year is counted alike.
    """
    known_fields = corpus_text_fields(store.corpus)
    if text_fields is None:
        years = list_venue_years(store)
        text_fields = [field for field in known_fields if all(year.has_field(field) for year in years)]
    for field in text_fields or [""]:
        if field not in known_fields:
            raise UsageError(
                f"No field {field!r}{suggest_names(field, known_fields)}. Known: {', '.join(known_fields)}."
            )
    return store.with_text_fields(text_fields or ())


def build_venue_coverage(store: Store) -> Coverage:
    """Return what the lists vouch for: nothing of a year whose list lacks one of the store's text fields."""
    unusable_years = {year.year for year in list_venue_years(store) if not year.has_fields(store.text_fields)}
    usable_records = (record for record in store.manifest.ledger if record.since.year not in unusable_years)
    return Coverage(usable_records, dated=False)


def covered_scope(coverage: Coverage, default: Scope) -> Scope:
    """Return the widest status that a list vouches for, since some venues show nothing of what they rejected.

    A default other than 'submitted' stays, and so does any where no list vouches for a status.
    """
    covered = [
        name for name in VENUE_STATUSES if any(span.status == "complete" for span in coverage.category_spans(name))
    ]
    return Scope(covered[0], (covered[0],)) if covered and default.name == VENUE_STATUSES[0] else default


def explain_uncovered_scope(store: Store, scope: Scope) -> str:
    """Return why nothing of a scope is covered, and what to do, in a sentence or two."""
    years = list_venue_years(store)
    if all(year.has_fields(store.text_fields) for year in years):
        return f"No list of {store.corpus} covers the status {scope.name} yet; import or fetch its list again later."
    usable = [field for field in corpus_text_fields(store.corpus) if all(year.has_field(field) for year in years)]
    missing = [field for field in store.text_fields if not any(year.has_field(field) for year in years)]
    subject = "No list" if missing else "No single list"
    fields = _join_words(_FIELD_PLURALS[field] for field in missing or store.text_fields)
    return f"{subject} of {store.corpus} has {fields}; use --fields {','.join(usable)}."


def venue_notes(store: Store, scope: Scope, years: Iterable[int], text_fields: Sequence[str]) -> list[str]:
    """Return the notes of a report of a venue: its base, and the fields in which rules were matched."""
    report_years = set(years)
    venue_years = [year for year in list_venue_years(store, scope) if year.year in report_years]
    missing = [
        field
        for field in corpus_text_fields(store.corpus)[1:]
        if not all(year.has_field(field) for year in venue_years)
    ]
    exception = f"; not every list has {' and '.join(_FIELD_PLURALS[field] for field in missing)}" if missing else ""
    notes = [
        f"Base: {_BASE_NOTES[scope.name].format(store.corpus)}, counted once, by the year of the conference.",
        f"Rules are matched in {_join_words(text_fields)}{exception}.",
    ]
    for field in text_fields:
        gaps = [
            f"{year.missing_counts[field]:,} of {year.submission_count:,} in {year.year}"
            for year in venue_years
            if year.missing_counts.get(field)
        ]
        notes += [f"Without {_FIELD_PLURALS[field]}: {', '.join(gaps)}."] if gaps else []
    return notes


def _join_words(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
