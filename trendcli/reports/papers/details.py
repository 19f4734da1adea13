"""Single submissions as people see them: their details, what matched in them, and where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trendcli.core.normalize import format_one_line, split_author_line
from trendcli.core.types import Topic
from trendcli.reports.notes import format_timestamp
from trendcli.reports.papers.query_syntax import SearchTerm, find_term
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.highlight import find_matches
from trendcli.topics.library import ancestors_by_topic, is_allowed_by_guard
from trendcli.topics.query import BoundQuery

if TYPE_CHECKING:
    import duckdb

_DETAIL_COLUMNS = (
    "id, version, v1_at, updated_at, title, abstract, authors, categories, comments, journal_ref, doi, withdrawn"
)
_SNIPPET_MARGIN = 40  # characters of a snippet on each side of a match
_MAX_PAGE_READS = 500  # places up to which single pages are read

RowLocation = tuple[int, int]  # the key of a file, and a row of it


def read_details(
    db: duckdb.DuckDBPyConnection,
    bound: BoundQuery,
    locations: Sequence[RowLocation],
    search_terms: Mapping[RowLocation, Sequence[SearchTerm]] | None = None,
) -> list[dict[str, Any]]:
    """The rows that people see, in the order of `places`; `sought` is what was searched for in each, beside topics.

    Where a rule matches is looked for in those submissions alone that its tag names.
    """
    columns = detail_columns(bound.store)
    found = read_rows(db, bound.store, locations, columns)
    by_place = {row[:2]: dict(zip(columns.split(", "), row[2:], strict=True)) for row in found}
    named: dict[RowLocation, set[int]] = {}
    if bound.selection.topics:
        tagged = db.execute("SELECT file, row, rule FROM topic_match SEMI JOIN place USING (file, row)")
        for file, row, rule in tagged.fetchall():
            named.setdefault((file, row), set()).add(rule)
    counted = ancestors_by_topic(bound.library, bound.selection.topics)
    members = [bound.library.get_topic(name) for name in counted]
    return [
        _detail_row(bound.store, by_place[place], members, named.get(place, set()), (search_terms or {}).get(place, ()))
        for place in locations
    ]


def read_rows(db: duckdb.DuckDBPyConnection, store: Store, locations: Sequence[RowLocation], columns: str) -> list[Any]:
    """(file, row, columns) of some places, in any order: of few by their pages, of many by whole files.

    Makes the table `place` of (file, row) in `db`.
    """
    db.execute("CREATE OR REPLACE TEMP TABLE place (file BIGINT, row BIGINT)")
    if not locations:
        return []
    db.execute(
        "INSERT INTO place SELECT unnest(?), unnest(?)", [list(column) for column in zip(*locations, strict=True)]
    )
    rows: dict[int, list[int]] = {}
    for file, row in locations:
        rows.setdefault(file, []).append(row)
    files = [item for item in store.manifest.files if item.file_id in rows]
    whole = file_rows_sql(store, files, columns, live_only=False)
    parts = [f"SELECT file, row, {columns} FROM ({whole}) SEMI JOIN place USING (file, row)"]
    if len(locations) <= _MAX_PAGE_READS:
        parts = [
            f"SELECT {item.file_id}::BIGINT, file_row_number, {columns} "
            f"FROM read_parquet({sql_string(str(store.file_path(item)))}, file_row_number = true) "
            f"WHERE file_row_number IN ({', '.join(map(str, rows[item.file_id]))})"
            for item in files
        ]
    return db.execute(" UNION ALL ".join(parts)).fetchall()


def detail_columns(store: Store) -> str:
    """The columns of a store that people see, as SQL."""
    return _DETAIL_COLUMNS if store.corpus == ARXIV else f"{_DETAIL_COLUMNS}, keywords"


def texts_by_field(store: Store, submission: Mapping[str, Any]) -> dict[str, str]:
    """The texts in which rules are matched, by field."""
    return {
        name: submission.get(name) or "" if name in store.text_fields else ""
        for name in ("title", "abstract", "keywords")
    }


def _detail_row(
    store: Store,
    submission: Mapping[str, Any],
    members: Sequence[Topic],
    named: Collection[int],
    search_terms: Iterable[SearchTerm],
) -> dict[str, Any]:
    listed, texts = submission["categories"].split(), texts_by_field(store, submission)
    matches = []
    for term in search_terms:
        for name in term.fields:
            if span := find_term(term, texts[name]):
                matches.append(_match_entry("search", term.text, name, texts[name], *span))
                break
    for topic in members:
        if store.corpus == ARXIV and not is_allowed_by_guard(topic.guard, submission["categories"]):
            continue
        for rule in topic.rules:
            places = find_matches(rule, **texts) if rule.key in named else []
            if places:
                first = places[0]
                matches.append(
                    _match_entry(topic.id, rule.text, first.field, texts[first.field], first.start, first.end)
                )
    venue = {"year": submission["v1_at"].year, "status": listed[0], "keywords": submission.get("keywords")}
    return {
        "id": submission["id"],
        **(
            {"v1": format_timestamp(submission["v1_at"]), "version": submission["version"]}
            if store.corpus == ARXIV
            else venue
        ),
        "title": submission["title"],
        "authors": split_author_line(submission["authors"]),
        **({"primary": listed[0], "categories": listed} if store.corpus == ARXIV else {}),
        "url": submission_url(store.corpus, submission["id"]),
        "matches": matches,
        "abstract": format_one_line(submission["abstract"]),
        "comments": submission["comments"],
        "journal_ref": submission["journal_ref"],
        "doi": submission["doi"],
        "withdrawn": submission["withdrawn"],
    }


def _match_entry(topic: str, phrase: str, field: str, text: str, start: int, end: int) -> dict[str, str]:
    return {
        "topic": topic,
        "phrase": phrase,
        "field": field,
        "text": format_one_line(text[start:end]).strip("; "),
        "snippet": format_snippet(text, start, end),
    }


def submission_url(corpus: str, submission_id: str) -> str:
    """Where a submission can be read."""
    return (
        f"https://arxiv.org/abs/{submission_id}"
        if corpus == ARXIV
        else f"https://openreview.net/forum?id={submission_id}"
    )


def format_snippet(text: str, start: int, end: int) -> str:
    """The words around a match, whole ones, with dots where text was left out."""
    low, high = max(0, start - _SNIPPET_MARGIN), min(len(text), end + _SNIPPET_MARGIN)
    while 0 < low < start and text[low - 1] != " ":
        low += 1
    while end < high < len(text) and text[high] != " ":
        high -= 1
    return format_one_line(("… " if low else "") + text[low:high].strip() + (" …" if high < len(text) else ""))
