"""The submissions behind a number: exactly those counted, each with the phrase that matched and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.files import named_output
from trendcli.core.periods import period_from_dates
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Topic, Window, ignore_progress
from trendcli.output.csv_cells import protect_cell_sql
from trendcli.reports.notes import build_provenance, common_notes, coverage_phrase, format_timestamp, status_command
from trendcli.reports.papers.details import (
    detail_columns,
    format_snippet,
    format_submissions,
    missing_submission_error,
    parse_submission_id,
    read_details,
    submission_url,
    texts_by_field,
)
from trendcli.reports.papers.lookup import (
    RESULT_ROWS_SQL,
    SearchRequest,
    find_submissions,
    rank_submissions,
    search_notes,
    search_title,
)
from trendcli.store.manifest import ARXIV, DataFile
from trendcli.store.sql import file_rows_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.highlight import find_matches
from trendcli.topics.library import Library, is_allowed_by_guard
from trendcli.topics.query import BoundQuery, Query, bind, query_to_json, query_window
from trendcli.topics.selection_tables import create_selection_tables

LISTING_COLUMNS = (
    Column("id", "Id", "text", 0),
    Column("v1", "Submitted", "day", 0),
    Column("title", "Title", "text", 0),
    Column("score", "Score", "number", 2),
    Column("matches", "Matched", "matches", 1),
)
_VENUE_COLUMNS = (Column("year", "Year", "text", 0), Column("status", "Decision", "text", 2))
_EXPORT_COLUMNS = (
    "id, v1_at AS v1, updated_at AS updated, version, title, abstract, authors, split_part(categories, ' ', 1) AS "
    "primary_category, categories, comments, journal_ref, doi, withdrawn"
)
_VENUE_EXPORT_COLUMNS = (
    "id, year(v1_at) AS year, title, keywords, abstract, authors, split_part(categories, ' ', 1) AS decision, "
    "categories AS statuses"
)
_TEXT_COLUMNS = ("title", "abstract", "authors", "categories", "comments", "journal_ref", "doi")
_VENUE_TEXT_COLUMNS = ("title", "abstract", "authors", "categories", "keywords")


def list_submissions(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    progress: Progress = ignore_progress,
    search_request: SearchRequest | None = None,
) -> Report:
    """Return the submissions of a selection, newest first; if the query names topics, those that match any of them.

    At most `query.limit` rows (0: all). Rows have the keys of the command-line contract: id, v1, version, title,
    authors, primary, categories, url, matches, comments, journal_ref, doi and abstract. With a `search_request` they
    are what it finds, in its order, and have a `score` (0 to 1) as well. Raise CoverageMissing if no day of a window
    that the query names is covered.
    """
    bound, window = bind_selection(store, library, query, default_scope, progress)
    with store.connect() as db:
        files = _files_in_window(bound)
        search = find_submissions(db, bound, search_request, files) if search_request else None
        candidates = RESULT_ROWS_SQL if search else ""
        create_selection_tables(db, store, library, bound.selection, files, progress, candidate_rows_sql=candidates)
        selected = "paper SEMI JOIN hit USING (file, row)" if query.topics else "paper WHERE inside"
        total_count = db.execute(f"SELECT count(*) FROM {selected}").fetchall()[0][0]
        if search:
            ranking = rank_submissions(db, bound, search, selected)
            details = read_details(
                db,
                bound,
                [ranked.location for ranked in ranking],
                {ranked.location: ranked.terms for ranked in ranking},
            )
            rows = [{**row, "score": round(ranked.score, 3)} for row, ranked in zip(details, ranking, strict=True)]
            count_notes = search_notes(search, total_count, len(rows), store.text_fields)
        else:
            limit = f"LIMIT {query.limit}" if query.limit else ""
            locations = db.execute(f"SELECT file, row FROM {selected} ORDER BY v1_at DESC, id {limit}").fetchall()
            rows = read_details(db, bound, locations)
            hint = " (--limit 0 for all)" if len(rows) < total_count else ""
            count_notes = [f"{format_submission_count(store, total_count, len(rows))}{hint}."]
    names = ", ".join(library.get_topic(topic).name for topic in query.topics) or "Submissions"
    unused = {*([] if search else ["score"]), *([] if search or query.topics else ["matches"])}
    return Report(
        kind="papers",
        title=f"{names}{search_title(search) if search else ''}, {format_window(store, window)}",
        corpus=bound.selection.corpus,
        synthetic=store.manifest.synthetic,
        query={
            **query_to_json(bound),
            "since": str(window.since),
            "until": str(window.until),
            **(asdict(search_request) if search_request else {}),
        },
        columns=[column for column in _listing_columns(store) if column.key not in unused],
        rows=rows,
        data_as_of=format_timestamp(bound.reference_time),
        coverage={"total": total_count},
        notes=[*count_notes, *coverage_gap_notes(bound, window), *common_notes(bound, [])],
        provenance=build_provenance(bound),
    )


def format_submission_count(store: Store, total_count: int, listed_count: int) -> str:
    """Return how many submissions there are, and which of them are shown if not all are."""
    total = format_submissions(total_count)
    if listed_count == total_count:
        return total
    if store.corpus == ARXIV:
        return f"{total}, newest {listed_count:,} shown"
    return f"{total}, {listed_count:,} shown, latest year first"


def format_window(store: Store, window: Window) -> str:
    """Return the days of a selection, or the years of a venue, as people read them."""
    if store.corpus == ARXIV or window.since is None or window.until is None:
        return f"{window.since} to {window.until}"
    first, last = window.since.year, window.until.year - 1
    return f"{store.corpus} {first}" + (f" to {last}" if first < last else "")


def _listing_columns(store: Store) -> Sequence[Column]:
    return LISTING_COLUMNS if store.corpus == ARXIV else (LISTING_COLUMNS[0], *_VENUE_COLUMNS, *LISTING_COLUMNS[2:])


def coverage_gap_notes(bound: BoundQuery, window: Window) -> list[str]:
    """Return a note if days of a window that the query names are not covered; raise CoverageMissing if none is."""
    query, corpus, scope = bound.query, bound.selection.corpus, bound.selection.scope
    names_window = query.period or query.last or any(query.window) or corpus != ARXIV
    if not names_window or query.id or window.since is None or window.until is None or window.since >= window.until:
        return []
    has_coverage = any(
        span.since < window.until and window.since < span.until
        for name in scope.categories
        for span in bound.coverage.category_spans(name)
    )
    if not has_coverage:
        phrase = coverage_phrase(corpus, [scope.name] if corpus == ARXIV else scope.categories)
        raise CoverageMissing(
            f"Nothing to list: {window.since} to {window.until} is not {phrase}. See {status_command(corpus)}."
        )
    status = bound.period_status(period_from_dates(window.since, min(window.until, bound.data_as_of.date())))
    exceeds_data = window.until > bound.data_as_of.date() and query.window.until is not None
    unit = "days" if corpus == ARXIV else "years"
    gaps = [f"{unit} not {coverage_phrase(corpus, status.missing_categories)}"] if status.missing_categories else []
    gaps += [f"anything after {bound.data_as_of:%Y-%m-%d}"] if exceeds_data else []
    return [f"Incomplete: missing {' and '.join(gaps)}."] if gaps else []


def export_submissions(
    store: Store, library: Library, query: Query, default_scope: Scope, path: Path, progress: Progress = ignore_progress
) -> tuple[int, list[str]]:
    """Write the submissions of a selection as one .parquet or .csv file; return how many, and notes on coverage.

    If the query names topics, write those that match any of them, with a column `topics` that lists which. Raise
    UsageError for any other ending, or if the file cannot be written, ActionRequiredError if the disk is full.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("parquet", "csv"):
        raise UsageError(f"Exports are .parquet or .csv files; {path.name} is neither. Nothing was written.")
    bound, window = bind_selection(store, library, query, default_scope, progress)
    gap_notes = coverage_gap_notes(bound, window)
    options = "FORMAT parquet, COMPRESSION zstd" if kind == "parquet" else "FORMAT csv, HEADER true"
    columns = _EXPORT_COLUMNS if store.corpus == ARXIV else _VENUE_EXPORT_COLUMNS
    topics = "topics"
    if kind == "csv":
        columns = columns.replace("id,", f"{protect_cell_sql('id')} AS id,", 1)
        topics = protect_cell_sql("array_to_string(topics, '; ')") + " AS topics"
    with named_output(path) as draft, store.connect() as db:
        files = _files_in_window(bound)
        create_selection_tables(db, store, library, bound.selection, files, progress)
        stored = file_rows_sql(store, files, detail_columns(store))
        source = f"SELECT * FROM ({stored}) SEMI JOIN (FROM paper WHERE inside) USING (file, row)"
        if query.topics:
            matched = "SELECT file, row, list(topic ORDER BY topic) AS topics FROM hit GROUP BY file, row"
            source = f"SELECT * FROM ({stored}) JOIN ({matched}) USING (file, row)"
        if kind == "csv":
            names = _TEXT_COLUMNS if store.corpus == ARXIV else _VENUE_TEXT_COLUMNS
            cells = ", ".join(f"{protect_cell_sql(name)} AS {name}" for name in names)
            source = f"SELECT * REPLACE ({cells}) FROM ({source})"
        written = db.execute(
            f"""
            COPY (
                SELECT {columns}, {sql_string(submission_url(store.corpus, ""))} || id AS url
                    {f", {topics}" if query.topics else ""}{", true AS synthetic" if store.manifest.synthetic else ""}
                FROM ({source}) ORDER BY v1_at, id
            ) TO {sql_string(str(draft))} ({options})
            """
        ).fetchall()
    return int(written[0][0]), gap_notes


_EXPLANATION_COLUMNS = (
    Column("topic", "Topic", "text"),
    Column("result", "Result", "text"),
    Column("rule", "Rule", "text"),
    Column("field", "Field", "text"),
    Column("snippet", "Context", "text"),
)


def explain_matches(store: Store, library: Library, submission_id: str, topic_names: Sequence[str] = ()) -> Report:
    """Return a row per rule that matches one submission, with its place; for a named topic also why it does not match.

    Raise UsageError if the identifier is malformed or not in the store.
    """
    submission_id = parse_submission_id(store, submission_id)
    columns = detail_columns(store)
    stored = file_rows_sql(store, store.list_files(), columns)
    with store.connect() as db:
        row = db.execute(f"SELECT {columns} FROM ({stored}) WHERE id = {sql_string(submission_id)}").fetchone()
    if row is None:
        raise missing_submission_error(store, submission_id)
    submission = dict(zip(columns.split(", "), row, strict=True))
    texts = texts_by_field(store, submission)
    guarded_categories = submission["categories"] if store.corpus == ARXIV else None
    named_ids = {library.get_topic(name).id for name in topic_names}
    rows: list[dict[str, Any]] = []
    for topic in library.topics.values():
        if topic.id not in named_ids:
            rows += _iter_topic_matches(library, topic, texts, guarded_categories, named=False)
    direct_ids = list(dict.fromkeys(row["topic"] for row in rows))
    for topic in library.topics.values():
        family = [member.id for member in library.topic_family(topic.id)]
        descendants = [member for member in family if member in direct_ids and member != topic.id]
        if descendants and topic.id not in direct_ids and topic.id not in named_ids:
            rule = f"via {', '.join(descendants)}"
            rows.append({"topic": topic.id, "result": "matches", "rule": rule, "field": "", "snippet": ""})
    for name in topic_names:
        rows += _iter_topic_matches(library, library.get_topic(name), texts, guarded_categories, named=True)
    return Report(
        kind="explain",
        title=f"{submission_id}: {submission['title']}",
        corpus=store.corpus,
        synthetic=store.manifest.synthetic,
        query={"id": submission_id, "topics": list(topic_names)},
        columns=_EXPLANATION_COLUMNS,
        rows=rows,
        notes=[f"{'Categories' if store.corpus == ARXIV else 'Decision'}: {submission['categories']}."],
    )


def _iter_topic_matches(
    library: Library, topic: Topic, texts: Mapping[str, str], categories: str | None, *, named: bool
) -> Iterator[dict[str, Any]]:
    """Yield a row per rule of a topic that matches, or for a named topic one that says why none does.

    Guards are checked against `categories`; None if they do not apply.
    """
    has_match = False
    for member in library.topic_family(topic.id) if named else [topic]:
        is_blocked = categories is not None and not is_allowed_by_guard(member.guard, categories)
        for rule in member.rules:
            matches = find_matches(rule, **texts)
            if matches and (named or not is_blocked):
                has_match = has_match or not is_blocked
                first = matches[0]
                yield {
                    "topic": topic.id,
                    "result": f"no: needs a category in {' or '.join(member.guard)}" if is_blocked else "matches",
                    "rule": f"{rule.kind} {rule.text}" + (f" (of {member.id})" if member.id != topic.id else ""),
                    "field": first.field + (f", {len(matches)} matches" if len(matches) > 1 else ""),
                    "snippet": format_snippet(texts[first.field], first.start, first.end),
                }
    if named and not has_match:
        yield {"topic": topic.id, "result": "no rule matches", "rule": "", "field": "", "snippet": ""}


def bind_selection(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress
) -> tuple[BoundQuery, Window]:
    """Return the bound query, its selection narrowed to the query's window, and that window with both ends filled in.

    An end that the query leaves open is the first day of the stored files, or the day of the data.
    """
    bound = bind(store, library, query, default_scope, progress)
    window = query.window
    if query.period or query.last:
        window = Window(*query_window(bound, "day"))
    elif window.since and window.until and window.since >= window.until:
        query_window(bound, "day")  # raises UsageError, which names the days
    return replace(bound, selection=replace(bound.selection, window=window)), Window(
        window.since or min((data_file.first for data_file in store.manifest.files), default=None),
        window.until or bound.data_as_of.date(),
    )


def _files_in_window(bound: BoundQuery) -> list[DataFile]:
    return bound.store.list_files(*bound.selection.window)
