"""What is looked for within a selection, by words or by similarity, and how the results are ranked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from trendcli.core.errors import UsageError, suggest_names
from trendcli.reports.papers.details import (
    RowLocation,
    format_submissions,
    missing_submission_error,
    parse_submission_id,
    read_rows,
)
from trendcli.reports.papers.query_syntax import SearchQuery, SearchTerm, parse_search_query
from trendcli.reports.papers.search import SearchStats, search_submissions
from trendcli.reports.papers.similarity import (
    MAX_COMPARED,
    DocumentFrequencies,
    TfidfVector,
    build_similarity_query,
    cosine_similarity,
    sample_document_frequencies,
    shared_words,
    tfidf_vector,
)
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql, sql_string
from trendcli.topics.query import BoundQuery
from trendcli.topics.selection_tables import selection_filter_sql

if TYPE_CHECKING:
    import duckdb

RESULT_ROWS_SQL = "SELECT file, row, '' AS id, v1_at, categories FROM search_result"
SORT_ORDERS = ("relevance", "newest")
_MAX_SHOWN_WORDS = 5  # words that are shown of those that two submissions share


@dataclass(frozen=True)
class SearchRequest:
    """What to look for: a query in the language of `query_syntax`, or the neighbours of a submission; and the order."""

    search: str | None = None
    like: str | None = None
    sort: str = "relevance"

    def __post_init__(self) -> None:
        """Raise UsageError unless exactly one of `search` and `like` is given and the order is known."""
        if (self.search is None) == (self.like is None):
            raise UsageError("Give one of --search and --like; they cannot be combined.")
        if self.sort not in SORT_ORDERS:
            raise UsageError(
                f"No sort order {self.sort!r}{suggest_names(self.sort, SORT_ORDERS)}. Known: {', '.join(SORT_ORDERS)}."
            )


@dataclass(frozen=True)
class SimilarityTarget:
    """The submission whose neighbours are looked for."""

    id: str
    location: RowLocation
    title: str
    vector: TfidfVector
    frequencies: DocumentFrequencies


@dataclass(frozen=True)
class SearchResult:
    """What was looked for, and how; the submissions that were found are in the table `search_result`."""

    request: SearchRequest
    query: SearchQuery
    stats: SearchStats
    target: SimilarityTarget | None = None


class RankedSubmission(NamedTuple):
    """The location of a submission, its score (0 to 1), and the terms that earned it."""

    location: RowLocation
    score: float
    terms: Sequence[SearchTerm]


def find_submissions(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, search_request: SearchRequest, files: Sequence[DataFile]
) -> SearchResult:
    """Create the table `search_result` in `db`, as `search_submissions` does, in the scope and days of the selection.

    Raise UsageError if the query is malformed, or the submission not in the store.
    """
    target = None
    if search_request.like is not None:
        target = _read_target(db, bound, search_request.like)
        query = build_similarity_query(target.vector, target.frequencies, bound.store.text_fields)
    else:
        query = parse_search_query(search_request.search or "", bound.store.text_fields)
    stats = search_submissions(db, bound.store, query, files, selection_filter_sql(bound.selection), bound.progress)
    return SearchResult(search_request, query, stats, target)


def rank_submissions(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, result: SearchResult, selected_sql: str
) -> list[RankedSubmission]:
    """Rank what was found among the rows of `selected_sql` (SQL that follows FROM); `bound.query.limit` rows (0: all).

    By relevance: most points or greatest cosine first, then newest first. By `newest`: newest first.
    """
    source = (
        f"SELECT paper.file, paper.row, paper.v1_at, points "
        f"FROM (SELECT * FROM {selected_sql}) AS paper JOIN search_result USING (file, row)"
    )
    if result.target is None:
        order = "v1_at DESC" if result.request.sort == "newest" else "points DESC, v1_at DESC"
        return [
            RankedSubmission(location, points / result.query.max_points, result.query.terms)
            for location, points in _select_first(db, bound, source, order, bound.query.limit)
        ]
    file, row = result.target.location
    others = f"{source} WHERE (paper.file, paper.row) <> ({file}, {row})"
    candidates = _select_first(db, bound, others, "points DESC, v1_at DESC", MAX_COMPARED)
    return _rank_nearest(db, bound, result.target, [location for location, _ in candidates])[
        : bound.query.limit or None
    ]


def _select_first(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, source_sql: str, order_sql: str, limit: int
) -> list[tuple[RowLocation, int]]:
    """Return the first rows of `source_sql` by an order (limit 0: all) with their points; ties are ordered by id."""
    rank = f"rank() OVER (ORDER BY {order_sql})"
    cutoff = f"QUALIFY rank <= {limit}" if limit else ""
    rows = db.execute(f"SELECT file, row, points, {rank} AS rank FROM ({source_sql}) {cutoff}").fetchall()
    rank_counts = Counter(rank for *_, rank in rows)
    tied = [(file, row) for file, row, _, rank in rows if rank_counts[rank] > 1]
    # the index knows no ids, and the location of a row changes with every compaction
    ids = {(file, row): submission_id for file, row, submission_id in read_rows(db, bound.store, tied, "id")}
    rows.sort(key=lambda row: (row[3], ids.get(row[:2], "")))
    return [((file, row), points) for file, row, points, _ in rows[: limit or None]]


def search_title(result: SearchResult) -> str:
    """Return what was looked for, as words that follow the name of a selection."""
    if result.target:
        return f" similar to {result.target.id}: {result.target.title}"
    return f" matching {result.request.search}"


def search_notes(result: SearchResult, total_count: int, listed_count: int, fields: Sequence[str]) -> list[str]:
    """Return how many submissions were found, and how, as sentences."""
    total = format_submissions(total_count)
    if result.target is None:
        first = "newest" if result.request.sort == "newest" else "best"
        hint = f", {first} {listed_count:,} shown (--limit 0 for all)" if listed_count < total_count else ""
        return [f"{total}{hint}.", *result.stats.notes]
    examples = ", ".join(term.text for term in result.query.terms[:_MAX_SHOWN_WORDS])
    return [
        f"{total} with at least one of its {len(result.query.terms)} most distinctive words ({examples}, ...); "
        f"the {MAX_COMPARED} that share most of them are compared in full, nearest {listed_count} shown.",
        f"Score: cosine similarity of tf-idf vectors over {' and '.join(fields)}; idf from a sample of "
        f"{result.target.frequencies.document_count:,} submissions.",
        *result.stats.notes,
    ]


def _rank_nearest(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, target: SimilarityTarget, locations: Sequence[RowLocation]
) -> list[RankedSubmission]:
    """Rank submissions by cosine similarity to a target, then newest first, then by id."""
    fields = bound.store.text_fields
    rows = read_rows(db, bound.store, locations, f"v1_at, id, {', '.join(fields)}")
    nearest = []
    for file, row, _, _, *texts in sorted(sorted(rows, key=itemgetter(3)), key=itemgetter(2), reverse=True):
        vector = tfidf_vector(texts, target.frequencies)
        terms = [
            SearchTerm(word, ((word,),), "", fields) for word in shared_words(target.vector, vector)[:_MAX_SHOWN_WORDS]
        ]
        nearest.append(RankedSubmission((file, row), round(cosine_similarity(target.vector, vector), 6), terms))
    return sorted(nearest, key=lambda ranked: -ranked.score)


def _read_target(db: duckdb.DuckDBPyConnection, bound: BoundQuery, submission_id: str) -> SimilarityTarget:
    store = bound.store
    submission_id = parse_submission_id(store, submission_id)
    columns = ", ".join(dict.fromkeys(["id", "title", *store.text_fields]))
    row = db.execute(
        f"SELECT file, row, title, {', '.join(store.text_fields)} "
        f"FROM ({file_rows_sql(store, store.list_files(), columns)}) WHERE id = {sql_string(submission_id)}"
    ).fetchone()
    if row is None:
        raise missing_submission_error(store, submission_id)
    frequencies = sample_document_frequencies(db, store)
    vector = tfidf_vector(row[3:], frequencies)
    if not vector:
        raise UsageError(
            f"{submission_id} has no distinctive word to compare it by, so no submission is similar to it."
        )
    return SimilarityTarget(submission_id, row[:2], row[2], vector, frequencies)
