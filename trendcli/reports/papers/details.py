"""Single submissions as people see them: their details, what matched in them, and where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trendcli.core.normalize import author_names, one_line
from trendcli.core.types import Topic
from trendcli.reports.notes import as_of_text
from trendcli.reports.papers.query_syntax import Term, stands
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import read_files, sql_text
from trendcli.store.store import Store
from trendcli.topics.highlight import mentions
from trendcli.topics.library import allows, parents_of
from trendcli.topics.query import Context

if TYPE_CHECKING:
    import duckdb

_DETAILS = "id, version, v1_at, updated_at, title, abstract, authors, categories, comments, journal_ref, doi, withdrawn"
_AROUND = 40  # characters of a snippet on each side of a match
_FEW = 500  # places up to which single pages are read

Place = tuple[int, int]  # the key of a file, and a row of it


def details(
    db: duckdb.DuckDBPyConnection,
    context: Context,
    places: Sequence[Place],
    sought: Mapping[Place, Sequence[Term]] | None = None,
) -> list[dict[str, Any]]:
    """The rows that people see, in the order of `places`; `sought` is what was searched for in each, beside topics.

    Where a rule matches is looked for in those submissions alone that its tag names.
    """
    columns = details_of(context.store)
    found = read_places(db, context.store, places, columns)
    by_place = {row[:2]: dict(zip(columns.split(", "), row[2:], strict=True)) for row in found}
    named: dict[Place, set[int]] = {}
    if context.selection.topics:
        tagged = db.execute("SELECT file, row, rule FROM mention SEMI JOIN place USING (file, row)")
        for file, row, rule in tagged.fetchall():
            named.setdefault((file, row), set()).add(rule)
    counted = parents_of(context.library, context.selection.topics)
    members = [context.library.topic(name) for name in counted]
    return [
        _row(context.store, by_place[place], members, named.get(place, set()), (sought or {}).get(place, ()))
        for place in places
    ]


def read_places(db: duckdb.DuckDBPyConnection, store: Store, places: Sequence[Place], columns: str) -> list[Any]:
    """(file, row, columns) of some places, in any order: of few by their pages, of many by whole files.

    Makes the table `place` of (file, row) in `db`.
    """
    db.execute("CREATE OR REPLACE TEMP TABLE place (file BIGINT, row BIGINT)")
    if not places:
        return []
    db.execute("INSERT INTO place SELECT unnest(?), unnest(?)", [list(column) for column in zip(*places, strict=True)])
    rows: dict[int, list[int]] = {}
    for file, row in places:
        rows.setdefault(file, []).append(row)
    files = [item for item in store.manifest.files if item.key in rows]
    whole = read_files(store, files, columns, live=False)
    parts = [f"SELECT file, row, {columns} FROM ({whole}) SEMI JOIN place USING (file, row)"]
    if len(places) <= _FEW:
        parts = [
            f"SELECT {item.key}::BIGINT, file_row_number, {columns} "
            f"FROM read_parquet({sql_text(str(store.path(item)))}, file_row_number = true) "
            f"WHERE file_row_number IN ({', '.join(map(str, rows[item.key]))})"
            for item in files
        ]
    return db.execute(" UNION ALL ".join(parts)).fetchall()


def details_of(store: Store) -> str:
    """The columns of a store that people see, as SQL."""
    return _DETAILS if store.corpus == ARXIV else f"{_DETAILS}, keywords"


def texts_of(store: Store, paper: Mapping[str, Any]) -> dict[str, str]:
    """The texts in which rules are matched, by field."""
    return {name: paper.get(name) or "" if name in store.fields else "" for name in ("title", "abstract", "keywords")}


def _row(
    store: Store, paper: Mapping[str, Any], members: Sequence[Topic], named: Collection[int], sought: Iterable[Term]
) -> dict[str, Any]:
    listed, texts = paper["categories"].split(), texts_of(store, paper)
    matches = []
    for term in sought:
        for name in term.fields:
            if span := stands(term, texts[name]):
                matches.append(_match("search", term.text, name, texts[name], *span))
                break
    for topic in members:
        if store.corpus == ARXIV and not allows(topic.guard, paper["categories"]):
            continue
        for rule in topic.rules:
            places = mentions(rule, **texts) if rule.key in named else []
            if places:
                first = places[0]
                matches.append(_match(topic.id, rule.text, first.field, texts[first.field], first.start, first.end))
    venue = {"year": paper["v1_at"].year, "status": listed[0], "keywords": paper.get("keywords")}
    return {
        "id": paper["id"],
        **({"v1": as_of_text(paper["v1_at"]), "version": paper["version"]} if store.corpus == ARXIV else venue),
        "title": paper["title"],
        "authors": author_names(paper["authors"]),
        **({"primary": listed[0], "categories": listed} if store.corpus == ARXIV else {}),
        "url": url_of(store.corpus, paper["id"]),
        "matches": matches,
        "abstract": one_line(paper["abstract"]),
        "comments": paper["comments"],
        "journal_ref": paper["journal_ref"],
        "doi": paper["doi"],
        "withdrawn": paper["withdrawn"],
    }


def _match(topic: str, phrase: str, field: str, text: str, start: int, end: int) -> dict[str, str]:
    return {
        "topic": topic,
        "phrase": phrase,
        "field": field,
        "text": one_line(text[start:end]).strip("; "),
        "snippet": snippet(text, start, end),
    }


def url_of(corpus: str, ident: str) -> str:
    """Where a submission can be read."""
    return f"https://arxiv.org/abs/{ident}" if corpus == ARXIV else f"https://openreview.net/forum?id={ident}"


def snippet(text: str, start: int, end: int) -> str:
    """The words around a match, whole ones, with dots where text was left out."""
    low, high = max(0, start - _AROUND), min(len(text), end + _AROUND)
    while 0 < low < start and text[low - 1] != " ":
        low += 1
    while end < high < len(text) and text[high] != " ":
        high -= 1
    return one_line(("… " if low else "") + text[low:high].strip() + (" …" if high < len(text) else ""))
