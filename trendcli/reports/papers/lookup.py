"""What is searched for within a selection, by words or by likeness, and in which order it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from trendcli.core.arxiv import canonical_id
from trendcli.core.errors import UsageError, nearest
from trendcli.reports.papers import similarity as likeness
from trendcli.reports.papers.details import Place, read_places
from trendcli.reports.papers.query_syntax import Query, Term, parse
from trendcli.reports.papers.search import Looked, look
from trendcli.store.manifest import ARXIV, DataFile
from trendcli.store.sql import read_files, sql_text
from trendcli.topics.counting import inside
from trendcli.topics.query import Context

if TYPE_CHECKING:
    import duckdb

FOUND = "SELECT file, row, '' AS id, v1_at, categories FROM found"
SORTS = ("relevance", "newest")
_SHOWN = 5  # words that two submissions share


@dataclass(frozen=True)
class Wanted:
    """What is searched for: a query in the language of `syntax`, or the neighbours of a submission; and the order."""

    search: str | None = None
    like: str | None = None
    sort: str = "relevance"

    def __post_init__(self) -> None:
        """UsageError where two questions are asked, or none, or the order is not known."""
        if (self.search is None) == (self.like is None):
            raise UsageError("A search and the neighbours of a submission are two questions: ask one at a time.")
        if self.sort not in SORTS:
            raise UsageError(f"No order {self.sort!r}{nearest(self.sort, SORTS)}. Known: {', '.join(SORTS)}.")


@dataclass(frozen=True)
class Target:
    """The submission whose neighbours are looked for."""

    id: str
    place: Place
    title: str
    vector: likeness.Vector
    sample: likeness.Sample


@dataclass(frozen=True)
class Found:
    """What was looked for, and how."""

    wanted: Wanted
    query: Query
    looked: Looked
    target: Target | None = None


class Ranked(NamedTuple):
    """A submission in its place of the order: how well it fits, 0 to 1, and by what."""

    place: Place
    score: float
    terms: Sequence[Term]


def find(db: duckdb.DuckDBPyConnection, context: Context, wanted: Wanted, files: Sequence[DataFile]) -> Found:
    """Make the table `found` in `db` of what the files hold of it in the scope and the days of the selection.

    UsageError where the query is none, or the submission is not in the store.
    """
    target = None
    if wanted.like is not None:
        target = _target(db, context, wanted.like)
        query = likeness.query(target.vector, target.sample, context.store.fields)
    else:
        query = parse(wanted.search or "", context.store.fields)
    looked = look(db, context.store, query, files, inside(context.selection), context.progress)
    return Found(wanted, query, looked, target)


def rank(db: duckdb.DuckDBPyConnection, context: Context, found: Found, chosen: str) -> list[Ranked]:
    """What was found among the rows `chosen` (SQL), in the order that is wanted, as many as the question limits it to.

    By relevance: most points first, or the greatest cosine; then, and by `newest` alone, the newest first.
    """
    among = f"(SELECT * FROM {chosen}) AS paper JOIN found USING (file, row)"
    source = f"SELECT paper.file, paper.row, paper.v1_at, points FROM {among}"
    if found.target is None:
        by = "v1_at DESC" if found.wanted.sort == "newest" else "points DESC, v1_at DESC"
        first = _first(db, context, source, by, context.question.limit)
        return [Ranked(place, points / found.query.most, found.query.terms) for place, points in first]
    file, row = found.target.place
    others = f"{source} WHERE (paper.file, paper.row) <> ({file}, {row})"
    places = [place for place, _ in _first(db, context, others, "points DESC, v1_at DESC", likeness.COMPARED)]
    return _nearest(db, context, found.target, places)[: context.question.limit or None]


def _first(
    db: duckdb.DuckDBPyConnection, context: Context, source: str, by: str, limit: int
) -> list[tuple[Place, int]]:
    """The first rows of `source` by an order (0: all), with their points; those that are alike by their ids."""
    rank = f"rank() OVER (ORDER BY {by})"
    first = f"QUALIFY rank <= {limit}" if limit else ""
    rows = db.execute(f"SELECT file, row, points, {rank} AS rank FROM ({source}) {first}").fetchall()
    alike = Counter(rank for *_, rank in rows)
    unclear = [(file, row) for file, row, _, rank in rows if alike[rank] > 1]
    # the index knows no ids, and where a row lies in the files is no order to rely on
    ids = {place[:2]: place[2] for place in read_places(db, context.store, unclear, "id")}
    rows.sort(key=lambda row: (row[3], ids.get(row[:2], "")))
    return [((file, row), points) for file, row, points, _ in rows[: limit or None]]


def title(found: Found) -> str:
    """What was looked for, behind the name of what it was looked for in."""
    return f" like {found.target.id}: {found.target.title}" if found.target else f" with {found.wanted.search}"


def notes(found: Found, number: int, listed: int, fields: Sequence[str]) -> list[str]:
    """How many of the selection were found, and how, as sentences."""
    counted = "1 submission" if number == 1 else f"{number:,} submissions"
    if found.target is None:
        best = "newest" if found.wanted.sort == "newest" else "best"
        shown = f", the {best} {listed:,} listed (--limit 0 for all)." if listed < number else "."
        return [f"{counted}{shown}", *found.looked.notes]
    telling = ", ".join(term.text for term in found.query.terms[:_SHOWN])
    return [
        f"{counted} with one of the {len(found.query.terms)} words that tell most of it ({telling}, ...); "
        f"the {likeness.COMPARED} that share most of them are compared word by word, and the nearest {listed} listed.",
        f"Score: cosine of tf-idf over all words of {' and '.join(fields)}, idf from a sample of "
        f"{found.target.sample.size:,} submissions.",
        *found.looked.notes,
    ]


def _nearest(db: duckdb.DuckDBPyConnection, context: Context, target: Target, places: Sequence[Place]) -> list[Ranked]:
    fields = context.store.fields
    rows = read_places(db, context.store, places, f"v1_at, id, {', '.join(fields)}")
    nearest = []
    for file, row, _, _, *texts in sorted(sorted(rows, key=itemgetter(3)), key=itemgetter(2), reverse=True):
        other = likeness.vector(texts, target.sample)
        terms = [Term(word, ((word,),), "", fields) for word in likeness.shared(target.vector, other)[:_SHOWN]]
        nearest.append(Ranked((file, row), round(likeness.cosine(target.vector, other), 6), terms))
    return sorted(nearest, key=lambda item: -item.score)


def _target(db: duckdb.DuckDBPyConnection, context: Context, ident: str) -> Target:
    store = context.store
    try:
        wanted = canonical_id(ident)[0] if store.corpus == ARXIV else ident
    except ValueError as error:
        raise UsageError(f"{error}. Write it as 1706.03762 or math/0611800.") from None
    read = read_files(store, store.files(), ", ".join(dict.fromkeys(["id", "title", *store.fields])))
    row = db.execute(
        f"SELECT file, row, title, {', '.join(store.fields)} FROM ({read}) WHERE id = {sql_text(wanted)}"
    ).fetchone()
    if row is None:
        if store.corpus != ARXIV:
            raise UsageError(
                f"The store holds no submission {wanted} to {store.corpus}; `trend papers --corpus {store.corpus}` "
                "lists their ids."
            )
        raise UsageError(f"The store does not hold {wanted}. Fetch its month, or see `trend status`.")
    seen = likeness.sample(db, store)
    vector = likeness.vector(row[3:], seen)
    if not vector:
        raise UsageError(f"{wanted} has no word that tells it from others, so nothing is like it.")
    return Target(wanted, row[:2], row[2], vector, seen)
