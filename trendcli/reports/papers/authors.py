"""Who has the most submissions in a selection, by name as written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import NamedTuple

from trendcli.core.normalize import split_author_line
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.notes import abbreviate_list, build_provenance, common_notes, format_timestamp
from trendcli.reports.papers.details import format_submissions
from trendcli.reports.papers.listing import bind_selection, coverage_gap_notes, format_window
from trendcli.reports.papers.lookup import RESULT_ROWS_SQL, SearchRequest, find_submissions, search_title
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import Query, query_to_json
from trendcli.topics.selection_tables import create_selection_tables

AUTHOR_COLUMNS = (
    Column("author", "Author", "text", 0),
    Column("submissions", "Submissions", "count", 0),
    Column("share", "Share", "share", 1),
    Column("first", "First", "text", 2),
    Column("last", "Last", "text", 2),
)
NAME_CAVEAT = (
    "Names are counted as written: one name may be several people, and one person may use several names "
    '("J. Smith" and "John Smith" count separately). No attempt is made to tell them apart.'
)
_MAX_NAME_WORDS = 6  # no single name has more
_COLLABORATION_PATTERN = re.compile(r"\b(collaborations?|consortium|team|working group)\b", re.IGNORECASE)
_PREFIX_PATTERN = re.compile(r"^(?:on behalf of |for )?(?:the )?", re.IGNORECASE)
_NON_NAME_PATTERN = re.compile(r"(?:jr|sr|ii|iii|iv|et al|others|ph\.?d|m\.?d)\.?", re.IGNORECASE)


class AuthorLine(NamedTuple):
    """The people and the collaborations that an author line names, each once."""

    people: frozenset[str]
    collaborations: frozenset[str]


def parse_author_line(line: str) -> AuthorLine:
    """Return the people and collaborations of an author line, without what is not a name ("Jr.", "et al.").

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
    """Return a row per author of a selection, those with most submissions first; `query.limit` rows (0: all).

    Rows hold the author, the number of submissions (each counts for all of its authors), their share of all submissions
    of the selection (0 to 1), and the first and last year. A `search_request` narrows the selection to what it finds.
    """
    bound, window = bind_selection(store, library, query, default_scope, progress)
    with store.connect() as db:
        files = store.list_files(*bound.selection.window)
        search = find_submissions(db, bound, search_request, files) if search_request else None
        candidates = RESULT_ROWS_SQL if search else ""
        create_selection_tables(db, store, library, bound.selection, files, progress, "id, authors", candidates)
        selected = "paper SEMI JOIN hit USING (file, row)" if query.topics else "paper WHERE inside"
        lines = db.execute(f"SELECT authors, year(v1_at) FROM {selected}").fetchall()
        stored = file_rows_sql(store, store.list_files(), "authors, v1_at")
        venue_lines = (
            db.execute(f"SELECT authors, year(v1_at) FROM ({stored})").fetchall() if store.corpus != ARXIV else []
        )
    unseparated_years = _find_unseparated_years(venue_lines)
    lines = [(line, year) for line, year in lines if year not in unseparated_years]
    counts, collaborations, anonymous_by_year = Counter[str](), Counter[str](), Counter[int]()
    years: dict[str, tuple[int, int]] = {}
    for line, year in lines:
        names = parse_author_line(line or "")
        counts.update(names.people)
        collaborations.update(names.collaborations)
        anonymous_by_year[year] += not (names.people or names.collaborations)
        for name in names.people:
            first, last = years.get(name, (year, year))
            years[name] = min(first, year), max(last, year)
    ranking = sorted(counts, key=lambda name: (-counts[name], name))
    rows = [
        {
            "author": name,
            "submissions": counts[name],
            "share": counts[name] / len(lines),
            "first": years[name][0],
            "last": years[name][1],
        }
        for name in ranking[: query.limit or None]
    ]
    topics = ", ".join(library.get_topic(topic).name for topic in query.topics) or "submissions"
    hint = f", top {len(rows):,} shown (--limit 0 for all)" if len(rows) < len(counts) else ""
    return Report(
        kind="authors",
        title=f"Authors of {topics}{search_title(search) if search else ''}, {format_window(store, window)}",
        corpus=bound.selection.corpus,
        synthetic=store.manifest.synthetic,
        query={
            **query_to_json(bound),
            "since": str(window.since),
            "until": str(window.until),
            "search": asdict(search_request)["search"] if search_request else None,
        },
        columns=AUTHOR_COLUMNS,
        rows=rows,
        data_as_of=format_timestamp(bound.reference_time),
        coverage={"total": len(lines), "authors": len(counts)},
        notes=[
            f"{len(counts):,} {'name' if len(counts) == 1 else 'names'} in {format_submissions(len(lines))}{hint}.",
            NAME_CAVEAT,
            *_exclusion_notes(collaborations, anonymous_by_year, unseparated_years),
            *(search.stats.notes if search else []),
            *coverage_gap_notes(bound, window),
            *common_notes(bound, []),
        ],
        provenance=build_provenance(bound),
    )


def _find_unseparated_years(lines: Iterable[tuple[str | None, int]]) -> frozenset[int]:
    """Return the years of a venue whose list runs author names together, without a separator."""
    years_with_commas, years_with_long_names = set[int](), set[int]()
    for line, year in lines:
        if line and "," in line:
            years_with_commas.add(year)
        elif line and len(line.split()) > _MAX_NAME_WORDS:
            years_with_long_names.add(year)
    return frozenset(years_with_long_names - years_with_commas)


def _exclusion_notes(
    collaborations: Counter[str], anonymous_by_year: Counter[int], unseparated_years: Iterable[int]
) -> Iterator[str]:
    if collaborations:
        largest = ", ".join(f"{name} ({count:,})" for name, count in collaborations.most_common(3))
        yield f"Collaborations are not counted as authors: {largest}" + (
            f" and {len(collaborations) - 3:,} more." if len(collaborations) > 3 else "."
        )
    years = sorted(year for year, count in anonymous_by_year.items() if count)
    if years:
        year_list = abbreviate_list([str(year) for year in years])
        anonymous = anonymous_by_year.total()
        yield f"{format_submissions(anonymous)} {'names' if anonymous == 1 else 'name'} no authors ({year_list})."
    for year in sorted(unseparated_years):
        yield f"The {year} list has no separators between author names, so {year} is excluded."
