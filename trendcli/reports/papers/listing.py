"""The submissions behind a number: exactly those counted, each with the phrase that matched and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trendcli.core import periods
from trendcli.core.arxiv import parse_arxiv_id
from trendcli.core.errors import CoverageMissing, UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, Topic, Window, ignore_progress
from trendcli.reports.notes import build_provenance, common_notes, coverage_phrase, format_timestamp, status_command
from trendcli.reports.papers import lookup
from trendcli.reports.papers.details import detail_columns, format_snippet, read_details, submission_url, texts_by_field
from trendcli.reports.papers.lookup import SearchRequest
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import file_rows_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.counting import create_selection_tables
from trendcli.topics.highlight import find_matches
from trendcli.topics.library import Library, is_allowed_by_guard
from trendcli.topics.query import BoundQuery, Query, bind, query_to_json, query_window

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


def list_submissions(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    progress: Progress = ignore_progress,
    search_request: SearchRequest | None = None,
) -> Report:
    """The submissions of a selection, newest first; with topics those that match any of them.

    `question.limit` of them (0: all). Rows have the keys of the command-line contract: id, v1, version, title, authors,
    primary, categories, url, matches, and comments, journal_ref, doi, abstract. Where something is `wanted` they are
    what is found of it, in its order, and have a score as well.
    """
    context, where = bind_selection(store, library, query, default_scope, progress)
    with store.connect() as db:
        files = _files_in_window(context)
        found = lookup.find_submissions(db, context, search_request, files) if search_request else None
        create_selection_tables(
            db,
            store,
            library,
            context.selection,
            files,
            progress,
            candidate_rows_sql=lookup.FOUND_ROWS_SQL if found else "",
        )
        chosen = "paper SEMI JOIN hit USING (file, row)" if query.topics else "paper WHERE inside"
        number = db.execute(f"SELECT count(*) FROM {chosen}").fetchall()[0][0]
        if found:
            ranked = lookup.rank_submissions(db, context, found, chosen)
            rows = read_details(
                db, context, [item.location for item in ranked], {item.location: item.terms for item in ranked}
            )
            rows = [{**row, "score": round(item.score, 3)} for row, item in zip(rows, ranked, strict=True)]
        else:
            limit = f"LIMIT {query.limit}" if query.limit else ""
            places = db.execute(f"SELECT file, row FROM {chosen} ORDER BY v1_at DESC, id {limit}").fetchall()
            rows = read_details(db, context, places)
    counted = (
        lookup.search_notes(found, number, len(rows), store.text_fields)
        if found
        else [_listing_note(store, number, len(rows))]
    )
    notes = [*counted, *coverage_gap_notes(context, where)]
    names = ", ".join(library.get_topic(topic).name for topic in query.topics) or "Submissions"
    asked = asdict(search_request) if search_request else {}
    unused = {*([] if found else ["score"]), *([] if found or query.topics else ["matches"])}
    return Report(
        kind="papers",
        title=f"{names}{lookup.search_title(found) if found else ''}, {format_window(store, where)}",
        corpus=context.selection.corpus,
        synthetic=store.manifest.synthetic,
        query={**query_to_json(context), "since": str(where.since), "until": str(where.until), **asked},
        columns=[column for column in _listing_columns(store) if column.key not in unused],
        rows=rows,
        data_as_of=format_timestamp(context.reference_time),
        coverage={"total": number},
        notes=[*notes, *common_notes(context, [])],
        provenance=build_provenance(context),
    )


def format_submission_count(store: Store, total_count: int, listed_count: int) -> str:
    """How many submissions there are, and which of them are listed, where not all are."""
    counted = "1 submission" if total_count == 1 else f"{total_count:,} submissions"
    which = (
        f"the newest {listed_count:,} listed"
        if store.corpus == ARXIV
        else f"{listed_count:,} listed, of the latest year first"
    )
    return counted if listed_count == total_count else f"{counted}, {which}"


def _listing_note(store: Store, total_count: int, listed_count: int) -> str:
    hint = " (--limit 0 for all)" if listed_count < total_count else ""
    return f"{format_submission_count(store, total_count, listed_count)}{hint}."


def format_window(store: Store, window: Window) -> str:
    """The days of a selection, or the years of a venue, as people read them."""
    if store.corpus == ARXIV or window.since is None or window.until is None:
        return f"{window.since} to {window.until}"
    first, last = window.since.year, window.until.year - 1
    return f"{store.corpus} {first}" + (f" to {last}" if first < last else "")


def _listing_columns(store: Store) -> Sequence[Column]:
    return LISTING_COLUMNS if store.corpus == ARXIV else (LISTING_COLUMNS[0], *_VENUE_COLUMNS, *LISTING_COLUMNS[2:])


def coverage_gap_notes(bound: BoundQuery, window: Window) -> list[str]:
    """A sentence where days of the window are not covered; NoCoverage where not one of those that were named is."""
    question, corpus = bound.query, bound.selection.corpus
    named = question.period or question.last or any(question.window) or corpus != ARXIV
    if not named or question.id or window.since is None or window.until is None or window.since >= window.until:
        return []
    known = [
        name
        for name in bound.selection.scope.categories
        if any(span.since < window.until and window.since < span.until for span in bound.coverage.category_spans(name))
    ]
    if not known:
        scope = bound.selection.scope
        lacking = coverage_phrase(corpus, [scope.name] if corpus == ARXIV else scope.categories)
        raise CoverageMissing(
            f"Nothing from {window.since} to {window.until} is {lacking}, so there is nothing to list. "
            f"See {status_command(corpus)}."
        )
    verdict = bound.period_status(periods.period_from_dates(window.since, min(window.until, bound.data_as_of.date())))
    late = window.until > bound.data_as_of.date() and question.window.until is not None
    unit = "days" if corpus == ARXIV else "years"
    missing = (
        [f"{unit} that are not {coverage_phrase(corpus, verdict.missing_categories)}"]
        if verdict.missing_categories
        else []
    )
    missing += [f"what came after {bound.data_as_of:%Y-%m-%d}"] if late else []
    return [f"Not whole: without {' and '.join(missing)}."] if missing else []


def export_submissions(
    store: Store, library: Library, query: Query, default_scope: Scope, path: Path, progress: Progress = ignore_progress
) -> tuple[int, list[str]]:
    """Write the submissions of a selection as one .parquet or .csv file for other tools; returns how many, and notes.

    With topics, those that match any of them, and a column `topics` that says which.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("parquet", "csv"):
        raise UsageError(f"An export ends in .parquet or .csv, not {path.suffix or 'without an ending'}.")
    context, where = bind_selection(store, library, query, default_scope, progress)
    gaps = coverage_gap_notes(context, where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}.") from None
    options = "FORMAT parquet, COMPRESSION zstd" if kind == "parquet" else "FORMAT csv, HEADER true"
    topics = "topics" if kind == "parquet" else "array_to_string(topics, '; ') AS topics"
    with store.connect() as db:
        create_selection_tables(db, store, library, context.selection, _files_in_window(context), progress)
        read = file_rows_sql(store, _files_in_window(context), detail_columns(store))
        source = f"SELECT * FROM ({read}) SEMI JOIN (FROM paper WHERE inside) USING (file, row)"
        if query.topics:
            named = "SELECT file, row, list(topic ORDER BY topic) AS topics FROM hit GROUP BY file, row"
            source = f"SELECT * FROM ({read}) JOIN ({named}) USING (file, row)"
        written = db.execute(
            f"""
            COPY (
                SELECT {_EXPORT_COLUMNS if store.corpus == ARXIV else _VENUE_EXPORT_COLUMNS},
                    {sql_string(submission_url(store.corpus, ""))} || id AS url{f", {topics}" if query.topics else ""}
                    {", true AS synthetic" if store.manifest.synthetic else ""}
                FROM ({source}) ORDER BY v1_at, id
            ) TO {sql_string(str(path))} ({options})
            """
        ).fetchall()
    return int(written[0][0]), gaps


def explain_matches(store: Store, library: Library, submission_id: str, topic_names: Sequence[str] = ()) -> Report:
    """For one submission: each topic that matches, with the rule and the place; for a named topic also why it does not.

    UsageError where the identifier is none; an empty report where the store does not hold it is a UsageError as well.
    """
    try:
        wanted = parse_arxiv_id(submission_id)[0] if store.corpus == ARXIV else submission_id
    except ValueError as error:
        raise UsageError(f"{error}. Write it as 1706.03762 or math/0611800.") from None
    columns = detail_columns(store)
    with store.connect() as db:
        found = db.execute(
            f"SELECT {columns} FROM ({file_rows_sql(store, store.list_files(), columns)}) WHERE id = "
            f"{sql_string(wanted)}"
        ).fetchall()
    if not found:
        more = (
            "Fetch its month" if store.corpus == ARXIV else f"`trend papers --corpus {store.corpus}` lists what it does"
        )
        raise UsageError(f"The store does not hold {wanted}. {more}, or see {status_command(store.corpus)}.")
    paper = dict(zip(columns.split(", "), found[0], strict=True))
    texts, guarded = texts_by_field(store, paper), paper["categories"] if store.corpus == ARXIV else None
    asked = {library.get_topic(name).id for name in topic_names}
    rows: list[dict[str, Any]] = []
    for topic in library.topics.values():
        if topic.id not in asked:
            rows += _iter_topic_matches(library, topic, texts, guarded, named=False)
    own = list(dict.fromkeys(row["topic"] for row in rows))
    for topic in library.topics.values():
        through = [member.id for member in library.topic_family(topic.id) if member.id in own and member.id != topic.id]
        if through and topic.id not in own and topic.id not in asked:
            rule = f"through {', '.join(through)}"
            rows.append({"topic": topic.id, "result": "matches", "rule": rule, "field": "", "snippet": ""})
    for name in topic_names:
        rows += _iter_topic_matches(library, library.get_topic(name), texts, guarded, named=True)
    return Report(
        kind="explain",
        title=f"{wanted}: {paper['title']}",
        corpus=store.corpus,
        synthetic=store.manifest.synthetic,
        query={"id": wanted, "topics": list(topic_names)},
        columns=[Column(key, label, "text") for key, label in _EXPLANATION_COLUMNS],
        rows=rows,
        notes=[f"{'Categories' if store.corpus == ARXIV else 'Decision'}: {paper['categories']}."],
    )


_EXPLANATION_COLUMNS = (
    ("topic", "Topic"),
    ("result", "Result"),
    ("rule", "Rule"),
    ("field", "Field"),
    ("snippet", "Where"),
)


def _iter_topic_matches(
    library: Library, topic: Topic, texts: Mapping[str, str], categories: str | None, *, named: bool
) -> Iterable[dict[str, Any]]:
    """Rows for one topic: a row a rule that matches, or one that says why none does where the topic was named.

    Guards ask for `categories`; None where they do not count.
    """
    matched = False
    for member in library.topic_family(topic.id) if named else [topic]:
        guarded = categories is not None and not is_allowed_by_guard(member.guard, categories)
        for rule in member.rules:
            places = find_matches(rule, **texts)
            if places and (named or not guarded):
                matched = matched or not guarded
                text = texts[places[0].field]
                yield {
                    "topic": topic.id,
                    "result": f"no: its guard wants {' or '.join(member.guard)}" if guarded else "matches",
                    "rule": f"{rule.kind} {rule.text}" + (f" (of {member.id})" if member.id != topic.id else ""),
                    "field": places[0].field + (f", {len(places)} mentions" if len(places) > 1 else ""),
                    "snippet": format_snippet(text, places[0].start, places[0].end),
                }
    if named and not matched:
        yield {"topic": topic.id, "result": "no rule matches", "rule": "", "field": "", "snippet": ""}


def bind_selection(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress
) -> tuple[BoundQuery, Window]:
    """The context of a question with its window made plain: all that is stored where none was said."""
    from dataclasses import replace

    context = bind(store, library, query, default_scope, progress)
    where = query.window
    if query.period or query.last:
        where = Window(*query_window(context, "day"))
    elif where.since and where.until and where.since >= where.until:
        query_window(context, "day")
    return replace(context, selection=replace(context.selection, window=where)), Window(
        where.since or min((item.first for item in store.manifest.files), default=None),
        where.until or context.data_as_of.date(),
    )


def _files_in_window(bound: BoundQuery) -> list[Any]:
    return bound.store.list_files(*bound.selection.window)
