"""One submission as people see it: its identifier, its details, which rules match it and where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trendcli.core.arxiv import normalize_arxiv_id
from trendcli.core.errors import UsageError
from trendcli.core.normalize import format_one_line, split_author_line
from trendcli.core.types import Topic
from trendcli.reports.notes import format_timestamp
from trendcli.reports.papers.query_syntax import SearchTerm, find_term
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql, sql_paths
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
_MAX_PAGE_READS = 500  # rows up to which single pages are read instead of whole files

RowLocation = tuple[int, int]  # the key of a data file, and a row number in it


def read_details(
    db: duckdb.DuckDBPyConnection,
    bound: BoundQuery,
    locations: Sequence[RowLocation],
    search_terms: Mapping[RowLocation, Sequence[SearchTerm]] | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of a listing, in the order of `locations`.

    `search_terms` are the terms to highlight in each submission, beside the topics of the query. Of the rules only
    those are looked for that the table `topic_match` of `db` names for a submission.
    """
    columns = detail_columns(bound.store)
    rows = read_rows(db, bound.store, locations, columns)
    submissions = {row[:2]: dict(zip(columns.split(", "), row[2:], strict=True)) for row in rows}
    rule_keys: dict[RowLocation, set[int]] = {}
    if bound.selection.topics:
        rule_matches = db.execute("SELECT file, row, rule FROM topic_match SEMI JOIN location USING (file, row)")
        for file, row, rule in rule_matches.fetchall():
            rule_keys.setdefault((file, row), set()).add(rule)
    topics = [bound.library.get_topic(name) for name in ancestors_by_topic(bound.library, bound.selection.topics)]
    return [
        _detail_row(
            bound.store,
            submissions[location],
            topics,
            rule_keys.get(location, set()),
            (search_terms or {}).get(location, ()),
        )
        for location in locations
    ]


def read_rows(db: duckdb.DuckDBPyConnection, store: Store, locations: Sequence[RowLocation], columns: str) -> list[Any]:
    """Return (file, row, *columns) of some locations, in any order; `columns` is SQL.

    Few rows are read by their pages, many by whole files. Creates the table `location` (file, row) in `db`.
    """
    db.execute("CREATE OR REPLACE TEMP TABLE location (file BIGINT, row BIGINT)")
    if not locations:
        return []
    db.execute(
        "INSERT INTO location SELECT unnest(?), unnest(?)", [list(column) for column in zip(*locations, strict=True)]
    )
    rows_by_file: dict[int, list[int]] = {}
    for file, row in locations:
        rows_by_file.setdefault(file, []).append(row)
    files = [data_file for data_file in store.manifest.files if data_file.file_id in rows_by_file]
    if len(locations) <= _MAX_PAGE_READS:
        parts = [
            f"SELECT {data_file.file_id}::BIGINT, file_row_number, {columns} "
            f"FROM read_parquet({sql_paths([path])}, file_row_number = true) "
            f"WHERE file_row_number IN ({', '.join(map(str, rows_by_file[data_file.file_id]))})"
            for data_file, path in zip(files, store.read_paths(files), strict=True)
        ]
        return db.execute(" UNION ALL ".join(parts)).fetchall()
    all_rows = file_rows_sql(store, files, columns, live_only=False)
    return db.execute(f"SELECT file, row, {columns} FROM ({all_rows}) SEMI JOIN location USING (file, row)").fetchall()


def detail_columns(store: Store) -> str:
    """Return the columns of a store that a listing shows, as SQL."""
    return _DETAIL_COLUMNS if store.corpus == ARXIV else f"{_DETAIL_COLUMNS}, keywords"


def texts_by_field(store: Store, submission: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts in which rules are matched, by field; '' for a field that the store does not search."""
    return {
        name: submission.get(name) or "" if name in store.text_fields else ""
        for name in ("title", "abstract", "keywords")
    }


def _detail_row(
    store: Store,
    submission: Mapping[str, Any],
    topics: Sequence[Topic],
    rule_keys: Collection[int],
    search_terms: Iterable[SearchTerm],
) -> dict[str, Any]:
    categories, texts = submission["categories"].split(), texts_by_field(store, submission)
    matches = []
    for term in search_terms:
        for field in term.fields:
            if span := find_term(term, texts[field]):
                matches.append(_match_entry("search", term.text, field, texts[field], *span))
                break
    for topic in topics:
        if store.corpus == ARXIV and not is_allowed_by_guard(topic.guard, submission["categories"]):
            continue
        for rule in topic.rules:
            rule_matches = find_matches(rule, **texts) if rule.key in rule_keys else []
            if rule_matches:
                first = rule_matches[0]
                matches.append(
                    _match_entry(topic.id, rule.text, first.field, texts[first.field], first.start, first.end)
                )
    return {
        "id": submission["id"],
        **(
            {"v1": format_timestamp(submission["v1_at"]), "version": submission["version"]}
            if store.corpus == ARXIV
            else {"year": submission["v1_at"].year, "status": categories[0], "keywords": submission.get("keywords")}
        ),
        "title": submission["title"],
        "authors": split_author_line(submission["authors"]),
        **({"primary": categories[0], "categories": categories} if store.corpus == ARXIV else {}),
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


def parse_submission_id(store: Store, text: str) -> str:
    """Return the identifier of a submission as the store holds it; UsageError if arXiv has no such form."""
    try:
        return normalize_arxiv_id(text)[0] if store.corpus == ARXIV else text
    except ValueError as error:
        raise UsageError(f"{error}. Write it as 1706.03762 or math/0611800.") from None


def missing_submission_error(store: Store, submission_id: str) -> UsageError:
    """Return the error for an identifier that the store does not hold."""
    if store.corpus == ARXIV:
        return UsageError(f"{submission_id} is not in the store. Fetch its month, or see `trend status`.")
    return UsageError(
        f"No submission to {store.corpus} has the id {submission_id}. "
        f"List their ids with `trend papers --corpus {store.corpus}`."
    )


def submission_url(corpus: str, submission_id: str) -> str:
    """Return the address at which a submission can be read."""
    return (
        f"https://arxiv.org/abs/{submission_id}"
        if corpus == ARXIV
        else f"https://openreview.net/forum?id={submission_id}"
    )


def format_submissions(count: int) -> str:
    """Return '1 submission' or '2,000 submissions'."""
    return "1 submission" if count == 1 else f"{count:,} submissions"


def format_snippet(text: str, start: int, end: int) -> str:
    """Return a match with whole words around it, and an ellipsis where the text is cut."""
    low, high = max(0, start - _SNIPPET_MARGIN), min(len(text), end + _SNIPPET_MARGIN)
    while 0 < low < start and text[low - 1] != " ":
        low += 1
    while end < high < len(text) and text[high] != " ":
        high -= 1
    return format_one_line(("… " if low else "") + text[low:high].strip() + (" …" if high < len(text) else ""))
