"""Who has the most submissions of a selection, by names as they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import NamedTuple

from trendcli.core.normalize import split_author_line
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.notes import abbreviate_list, build_provenance, common_notes, format_timestamp
from trendcli.reports.papers import lookup
from trendcli.reports.papers.listing import bind_selection, coverage_gap_notes, format_window
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics.counting import create_selection_tables
from trendcli.topics.library import Library
from trendcli.topics.query import Query, query_to_json

AUTHOR_COLUMNS = (
    Column("author", "Author", "text", 0),
    Column("submissions", "Submissions", "count", 0),
    Column("share", "Share", "share", 1),
    Column("first", "First", "text", 2),
    Column("last", "Last", "text", 2),
)
NAME_CAVEAT = (
    "Names are counted as they are written: one name may stand for several people, and one person may have several "
    'names ("J. Smith" and "John Smith" are counted apart). Nothing here tells them apart.'
)
_MAX_NAME_WORDS = 6  # words that no name has
_COLLABORATION_PATTERN = re.compile(r"\b(collaborations?|consortium|team|working group)\b", re.IGNORECASE)
_PREFIX_PATTERN = re.compile(r"^(?:on behalf of |for )?(?:the )?", re.IGNORECASE)
_NON_NAME_PATTERN = re.compile(r"(?:jr|sr|ii|iii|iv|et al|others|ph\.?d|m\.?d)\.?", re.IGNORECASE)


class AuthorLine(NamedTuple):
    """Who an author line names: each person once, and each collaboration."""

    people: frozenset[str]
    collaborations: frozenset[str]


def parse_author_line(line: str) -> AuthorLine:
    """The people and collaborations of an author line; what is no name ("Jr.", "et al.") is left out.

    'The ATLAS Collaboration: A. One, B. Two' names two people and one collaboration.
    """
    people, collaborations = set(), set()
    for name in split_author_line(line.replace(":", ",")):
        if _COLLABORATION_PATTERN.search(name):
            collaborations.add(_PREFIX_PATTERN.sub("", name))
        elif not _NON_NAME_PATTERN.fullmatch(name) and any(map(str.isalpha, name)):
            people.add(name)
    return AuthorLine(frozenset(people), frozenset(collaborations))


def list_authors(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    progress: Progress = ignore_progress,
    search_request: SearchRequest | None = None,
) -> Report:
    """A row an author of the selection, those with most submissions first; `question.limit` of them (0: all).

    Rows: author, submissions (each counts for all of its authors), share of all submissions of the selection, and the
    first and last year. Of what is `wanted` only a search, which narrows the selection.
    """
    context, where = bind_selection(store, library, query, default_scope, progress)
    with store.connect() as db:
        files = store.list_files(*context.selection.window)
        found = lookup.find_submissions(db, context, search_request, files) if search_request else None
        among = lookup.FOUND_ROWS_SQL if found else ""
        create_selection_tables(db, store, library, context.selection, files, progress, "id, authors", among)
        chosen = "paper SEMI JOIN hit USING (file, row)" if query.topics else "paper WHERE inside"
        lines = db.execute(f"SELECT authors, year(v1_at) FROM {chosen}").fetchall()
        every = file_rows_sql(store, store.list_files(), "authors, v1_at")
        known = db.execute(f"SELECT authors, year(v1_at) FROM ({every})").fetchall() if store.corpus != ARXIV else []
    run_together = _find_unseparated_years(known)
    lines = [(line, year) for line, year in lines if year not in run_together]
    counts, collaborations, nobody = Counter[str](), Counter[str](), Counter[int]()
    years: dict[str, tuple[int, int]] = {}
    for line, year in lines:
        who = parse_author_line(line or "")
        counts.update(who.people)
        collaborations.update(who.collaborations)
        nobody[year] += not (who.people or who.collaborations)
        for name in who.people:
            first, last = years.get(name, (year, year))
            years[name] = min(first, year), max(last, year)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    rows = [
        {
            "author": name,
            "submissions": counts[name],
            "share": counts[name] / len(lines),
            "first": years[name][0],
            "last": years[name][1],
        }
        for name in ordered[: query.limit or None]
    ]
    names = ", ".join(library.get_topic(topic).name for topic in query.topics) or "submissions"
    shown = f", the first {len(rows):,} listed (--limit 0 for all)" if len(rows) < len(counts) else ""
    return Report(
        kind="authors",
        title=f"Authors of {names}{lookup.search_title(found) if found else ''}, {format_window(store, where)}",
        corpus=context.selection.corpus,
        synthetic=store.manifest.synthetic,
        query={
            **query_to_json(context),
            "since": str(where.since),
            "until": str(where.until),
            "search": asdict(search_request)["search"] if search_request else None,
        },
        columns=AUTHOR_COLUMNS,
        rows=rows,
        data_as_of=format_timestamp(context.reference_time),
        coverage={"total": len(lines), "authors": len(counts)},
        notes=[
            f"{len(counts):,} names in {len(lines):,} submissions{shown}.",
            NAME_CAVEAT,
            *_exclusion_notes(collaborations, nobody, run_together),
            *(found.stats.notes if found else []),
            *coverage_gap_notes(context, where),
            *common_notes(context, []),
        ],
        provenance=build_provenance(context),
    )


def _find_unseparated_years(lines: Iterable[tuple[str | None, int]]) -> frozenset[int]:
    """The years of a venue whose list writes all authors of a submission without anything between them."""
    apart, long = set[int](), set[int]()
    for line, year in lines:
        if line and "," in line:
            apart.add(year)
        elif line and len(line.split()) > _MAX_NAME_WORDS:
            long.add(year)
    return frozenset(long - apart)


def _exclusion_notes(
    collaborations: Counter[str], anonymous_by_year: Counter[int], unseparated_years: Iterable[int]
) -> Iterable[str]:
    if collaborations:
        most = ", ".join(f"{name} ({number:,})" for name, number in collaborations.most_common(3))
        yield f"Collaborations are no people and are left out: {most}" + (
            f" and {len(collaborations) - 3:,} more." if len(collaborations) > 3 else "."
        )
    years = sorted(year for year, number in anonymous_by_year.items() if number)
    if years:
        listed_years = abbreviate_list([str(year) for year in years])
        yield f"{anonymous_by_year.total():,} submissions name no authors ({listed_years})."
    for year in sorted(unseparated_years):
        yield f"The list of {year} writes names without anything between them, so that year is left out."
