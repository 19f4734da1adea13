"""What is searched for within a selection, by words or by likeness, and in which order it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from trendcli.core.arxiv import parse_arxiv_id
from trendcli.core.errors import UsageError, suggest_names
from trendcli.reports.papers import similarity as likeness
from trendcli.reports.papers.details import RowLocation, read_rows
from trendcli.reports.papers.query_syntax import SearchQuery, SearchTerm, parse_search_query
from trendcli.reports.papers.search import SearchStats, search_submissions
from trendcli.store.manifest import ARXIV, DataFile
from trendcli.store.sql import file_rows_sql, sql_string
from trendcli.topics.counting import selection_filter_sql
from trendcli.topics.query import BoundQuery

if TYPE_CHECKING:
    import duckdb

FOUND_ROWS_SQL = "SELECT file, row, '' AS id, v1_at, categories FROM found"
SORT_ORDERS = ("relevance", "newest")
_MAX_SHOWN_WORDS = 5  # words that two submissions share


@dataclass(frozen=True)
class SearchRequest:
    """What is searched for: a query in the language of `syntax`, or the neighbours of a submission; and the order."""

    search: str | None = None
    like: str | None = None
    sort: str = "relevance"

    def __post_init__(self) -> None:
        """UsageError where two questions are asked, or none, or the order is not known."""
        if (self.search is None) == (self.like is None):
            raise UsageError("A search and the neighbours of a submission are two questions: ask one at a time.")
        if self.sort not in SORT_ORDERS:
            raise UsageError(
                f"No order {self.sort!r}{suggest_names(self.sort, SORT_ORDERS)}. Known: {', '.join(SORT_ORDERS)}."
            )


@dataclass(frozen=True)
class SimilarityTarget:
    """The submission whose neighbours are looked for."""

    id: str
    location: RowLocation
    title: str
    vector: likeness.TfidfVector
    frequencies: likeness.DocumentFrequencies


@dataclass(frozen=True)
class SearchResult:
    """What was looked for, and how."""

    request: SearchRequest
    query: SearchQuery
    stats: SearchStats
    target: SimilarityTarget | None = None


class RankedSubmission(NamedTuple):
    """A submission in its place of the order: how well it fits, 0 to 1, and by what."""

    location: RowLocation
    score: float
    terms: Sequence[SearchTerm]


def find_submissions(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, search_request: SearchRequest, files: Sequence[DataFile]
) -> SearchResult:
    """Make the table `found` in `db` of what the files hold of it in the scope and the days of the selection.

    UsageError where the query is none, or the submission is not in the store.
    """
    target = None
    if search_request.like is not None:
        target = _read_target(db, bound, search_request.like)
        query = likeness.build_similarity_query(target.vector, target.frequencies, bound.store.text_fields)
    else:
        query = parse_search_query(search_request.search or "", bound.store.text_fields)
    looked = search_submissions(db, bound.store, query, files, selection_filter_sql(bound.selection), bound.progress)
    return SearchResult(search_request, query, looked, target)


def rank_submissions(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, result: SearchResult, chosen_sql: str
) -> list[RankedSubmission]:
    """What was found among the rows `chosen` (SQL), in the order that is wanted, as many as the question limits it to.

    By relevance: most points first, or the greatest cosine; then, and by `newest` alone, the newest first.
    """
    among = f"(SELECT * FROM {chosen_sql}) AS paper JOIN found USING (file, row)"
    source = f"SELECT paper.file, paper.row, paper.v1_at, points FROM {among}"
    if result.target is None:
        by = "v1_at DESC" if result.request.sort == "newest" else "points DESC, v1_at DESC"
        first = _select_first(db, bound, source, by, bound.query.limit)
        return [
            RankedSubmission(place, points / result.query.max_points, result.query.terms) for place, points in first
        ]
    file, row = result.target.location
    others = f"{source} WHERE (paper.file, paper.row) <> ({file}, {row})"
    places = [place for place, _ in _select_first(db, bound, others, "points DESC, v1_at DESC", likeness.MAX_COMPARED)]
    return _rank_nearest(db, bound, result.target, places)[: bound.query.limit or None]


def _select_first(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, source_sql: str, order_sql: str, limit: int
) -> list[tuple[RowLocation, int]]:
    """The first rows of `source` by an order (0: all), with their points; those that are alike by their ids."""
    rank = f"rank() OVER (ORDER BY {order_sql})"
    first = f"QUALIFY rank <= {limit}" if limit else ""
    rows = db.execute(f"SELECT file, row, points, {rank} AS rank FROM ({source_sql}) {first}").fetchall()
    alike = Counter(rank for *_, rank in rows)
    unclear = [(file, row) for file, row, _, rank in rows if alike[rank] > 1]
    # the index knows no ids, and where a row lies in the files is no order to rely on
    ids = {place[:2]: place[2] for place in read_rows(db, bound.store, unclear, "id")}
    rows.sort(key=lambda row: (row[3], ids.get(row[:2], "")))
    return [((file, row), points) for file, row, points, _ in rows[: limit or None]]


def search_title(result: SearchResult) -> str:
    """What was looked for, behind the name of what it was looked for in."""
    return f" like {result.target.id}: {result.target.title}" if result.target else f" with {result.request.search}"


def search_notes(result: SearchResult, total_count: int, listed_count: int, fields: Sequence[str]) -> list[str]:
    """How many of the selection were found, and how, as sentences."""
    counted = "1 submission" if total_count == 1 else f"{total_count:,} submissions"
    if result.target is None:
        best = "newest" if result.request.sort == "newest" else "best"
        shown = f", the {best} {listed_count:,} listed (--limit 0 for all)." if listed_count < total_count else "."
        return [f"{counted}{shown}", *result.stats.notes]
    telling = ", ".join(term.text for term in result.query.terms[:_MAX_SHOWN_WORDS])
    return [
        f"{counted} with one of the {len(result.query.terms)} words that tell most of it ({telling}, ...); "
        f"the {likeness.MAX_COMPARED} that share most of them are compared word by word, and the nearest "
        f"{listed_count} listed.",
        f"Score: cosine of tf-idf over all words of {' and '.join(fields)}, idf from a sample of "
        f"{result.target.frequencies.document_count:,} submissions.",
        *result.stats.notes,
    ]


def _rank_nearest(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, target: SimilarityTarget, locations: Sequence[RowLocation]
) -> list[RankedSubmission]:
    fields = bound.store.text_fields
    rows = read_rows(db, bound.store, locations, f"v1_at, id, {', '.join(fields)}")
    nearest = []
    for file, row, _, _, *texts in sorted(sorted(rows, key=itemgetter(3)), key=itemgetter(2), reverse=True):
        other = likeness.tfidf_vector(texts, target.frequencies)
        terms = [
            SearchTerm(word, ((word,),), "", fields)
            for word in likeness.shared_words(target.vector, other)[:_MAX_SHOWN_WORDS]
        ]
        nearest.append(RankedSubmission((file, row), round(likeness.cosine_similarity(target.vector, other), 6), terms))
    return sorted(nearest, key=lambda item: -item.score)


def _read_target(db: duckdb.DuckDBPyConnection, bound: BoundQuery, submission_id: str) -> SimilarityTarget:
    store = bound.store
    try:
        wanted = parse_arxiv_id(submission_id)[0] if store.corpus == ARXIV else submission_id
    except ValueError as error:
        raise UsageError(f"{error}. Write it as 1706.03762 or math/0611800.") from None
    read = file_rows_sql(store, store.list_files(), ", ".join(dict.fromkeys(["id", "title", *store.text_fields])))
    row = db.execute(
        f"SELECT file, row, title, {', '.join(store.text_fields)} FROM ({read}) WHERE id = {sql_string(wanted)}"
    ).fetchone()
    if row is None:
        if store.corpus != ARXIV:
            raise UsageError(
                f"The store holds no submission {wanted} to {store.corpus}; `trend papers --corpus {store.corpus}` "
                "lists their ids."
            )
        raise UsageError(f"The store does not hold {wanted}. Fetch its month, or see `trend status`.")
    seen = likeness.sample_document_frequencies(db, store)
    vector = likeness.tfidf_vector(row[3:], seen)
    if not vector:
        raise UsageError(f"{wanted} has no word that tells it from others, so nothing is like it.")
    return SimilarityTarget(wanted, row[:2], row[2], vector, seen)
