"""The submissions behind a number: exactly those counted, each with the phrase that matched and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trendcli.core import periods
from trendcli.core.arxiv import canonical_id
from trendcli.core.errors import NoCoverage, UsageError
from trendcli.core.types import Column, Progress, Report, Scope, Topic, Window, silent
from trendcli.reports.notes import as_of_text, common_notes, covered_for, provenance, status_of
from trendcli.reports.papers import lookup
from trendcli.reports.papers.details import details, details_of, snippet, texts_of, url_of
from trendcli.reports.papers.lookup import Wanted
from trendcli.store.manifest import ARXIV
from trendcli.store.sql import read_files, sql_text
from trendcli.store.store import Store
from trendcli.topics.counting import select
from trendcli.topics.highlight import mentions
from trendcli.topics.library import Library, allows
from trendcli.topics.query import Context, Question, query_of, resolve, resolved_window

COLUMNS = (
    Column("id", "Id", "text", 0),
    Column("v1", "Submitted", "day", 0),
    Column("title", "Title", "text", 0),
    Column("score", "Score", "number", 2),
    Column("matches", "Matched", "matches", 1),
)
_LISTED = (Column("year", "Year", "text", 0), Column("status", "Decision", "text", 2))
_EXPORTED = (
    "id, v1_at AS v1, updated_at AS updated, version, title, abstract, authors, split_part(categories, ' ', 1) AS "
    "primary_category, categories, comments, journal_ref, doi, withdrawn"
)
_EXPORTED_OF_VENUE = (
    "id, year(v1_at) AS year, title, keywords, abstract, authors, split_part(categories, ' ', 1) AS decision, "
    "categories AS statuses"
)


def submissions(
    store: Store,
    library: Library,
    question: Question,
    default: Scope,
    progress: Progress = silent,
    wanted: Wanted | None = None,
) -> Report:
    """The submissions of a selection, newest first; with topics those that match any of them.

    `question.limit` of them (0: all). Rows have the keys of the command-line contract: id, v1, version, title, authors,
    primary, categories, url, matches, and comments, journal_ref, doi, abstract. Where something is `wanted` they are
    what is found of it, in its order, and have a score as well.
    """
    context, where = selected(store, library, question, default, progress)
    with store.connect() as db:
        files = _files(context)
        found = lookup.find(db, context, wanted, files) if wanted else None
        select(db, store, library, context.selection, files, progress, among=lookup.FOUND if found else "")
        chosen = "paper SEMI JOIN hit USING (file, row)" if question.topics else "paper WHERE inside"
        number = db.execute(f"SELECT count(*) FROM {chosen}").fetchall()[0][0]
        if found:
            ranked = lookup.rank(db, context, found, chosen)
            rows = details(db, context, [item.place for item in ranked], {item.place: item.terms for item in ranked})
            rows = [{**row, "score": round(item.score, 3)} for row, item in zip(rows, ranked, strict=True)]
        else:
            limit = f"LIMIT {question.limit}" if question.limit else ""
            places = db.execute(f"SELECT file, row FROM {chosen} ORDER BY v1_at DESC, id {limit}").fetchall()
            rows = details(db, context, places)
    counted = lookup.notes(found, number, len(rows), store.fields) if found else [_counted(store, number, len(rows))]
    notes = [*counted, *holes(context, where)]
    names = ", ".join(library.topic(topic).name for topic in question.topics) or "Submissions"
    asked = asdict(wanted) if wanted else {}
    unused = {*([] if found else ["score"]), *([] if found or question.topics else ["matches"])}
    return Report(
        kind="papers",
        title=f"{names}{lookup.title(found) if found else ''}, {span(store, where)}",
        corpus=context.selection.corpus,
        synthetic=store.manifest.synthetic,
        query={**query_of(context), "since": str(where.since), "until": str(where.until), **asked},
        columns=[column for column in _columns(store) if column.key not in unused],
        rows=rows,
        data_as_of=as_of_text(context.stated_at),
        coverage={"total": number},
        notes=[*notes, *common_notes(context, [])],
        provenance=provenance(context),
    )


def some(store: Store, number: int, listed: int) -> str:
    """How many submissions there are, and which of them are listed, where not all are."""
    counted = "1 submission" if number == 1 else f"{number:,} submissions"
    which = f"the newest {listed:,} listed" if store.corpus == ARXIV else f"{listed:,} listed, of the latest year first"
    return counted if listed == number else f"{counted}, {which}"


def _counted(store: Store, number: int, listed: int) -> str:
    return f"{some(store, number, listed)}{' (--limit 0 for all)' if listed < number else ''}."


def span(store: Store, where: Window) -> str:
    """The days of a selection, or the years of a venue, as people read them."""
    if store.corpus == ARXIV or where.since is None or where.until is None:
        return f"{where.since} to {where.until}"
    first, last = where.since.year, where.until.year - 1
    return f"{store.corpus} {first}" + (f" to {last}" if first < last else "")


def _columns(store: Store) -> Sequence[Column]:
    return COLUMNS if store.corpus == ARXIV else (COLUMNS[0], *_LISTED, *COLUMNS[2:])


def holes(context: Context, where: Window) -> list[str]:
    """A sentence where days of the window are not covered; NoCoverage where not one of those that were named is."""
    question, corpus = context.question, context.selection.corpus
    named = question.period or question.last or any(question.window) or corpus != ARXIV
    if not named or question.id or where.since is None or where.until is None or where.since >= where.until:
        return []
    known = [
        name
        for name in context.selection.scope.categories
        if any(span.since < where.until and where.since < span.until for span in context.coverage.spans(name))
    ]
    if not known:
        scope = context.selection.scope
        lacking = covered_for(corpus, [scope.name] if corpus == ARXIV else scope.categories)
        raise NoCoverage(
            f"Nothing from {where.since} to {where.until} is {lacking}, so there is nothing to list. "
            f"See {status_of(corpus)}."
        )
    verdict = context.verdict(periods.window(where.since, min(where.until, context.data_as_of.date())))
    late = where.until > context.data_as_of.date() and question.window.until is not None
    unit = "days" if corpus == ARXIV else "years"
    missing = [f"{unit} that are not {covered_for(corpus, verdict.missing)}"] if verdict.missing else []
    missing += [f"what came after {context.data_as_of:%Y-%m-%d}"] if late else []
    return [f"Not whole: without {' and '.join(missing)}."] if missing else []


def export(
    store: Store, library: Library, question: Question, default: Scope, path: Path, progress: Progress = silent
) -> tuple[int, list[str]]:
    """Write the submissions of a selection as one .parquet or .csv file for other tools; returns how many, and notes.

    With topics, those that match any of them, and a column `topics` that says which.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("parquet", "csv"):
        raise UsageError(f"An export ends in .parquet or .csv, not {path.suffix or 'without an ending'}.")
    context, where = selected(store, library, question, default, progress)
    gaps = holes(context, where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}.") from None
    options = "FORMAT parquet, COMPRESSION zstd" if kind == "parquet" else "FORMAT csv, HEADER true"
    topics = "topics" if kind == "parquet" else "array_to_string(topics, '; ') AS topics"
    with store.connect() as db:
        select(db, store, library, context.selection, _files(context), progress)
        read = read_files(store, _files(context), details_of(store))
        source = f"SELECT * FROM ({read}) SEMI JOIN (FROM paper WHERE inside) USING (file, row)"
        if question.topics:
            named = "SELECT file, row, list(topic ORDER BY topic) AS topics FROM hit GROUP BY file, row"
            source = f"SELECT * FROM ({read}) JOIN ({named}) USING (file, row)"
        written = db.execute(
            f"""
            COPY (
                SELECT {_EXPORTED if store.corpus == ARXIV else _EXPORTED_OF_VENUE},
                    {sql_text(url_of(store.corpus, ""))} || id AS url{f", {topics}" if question.topics else ""}
                    {", true AS synthetic" if store.manifest.synthetic else ""}
                FROM ({source}) ORDER BY v1_at, id
            ) TO {sql_text(str(path))} ({options})
            """
        ).fetchall()
    return int(written[0][0]), gaps


def explain(store: Store, library: Library, ident: str, names: Sequence[str] = ()) -> Report:
    """For one submission: each topic that matches, with the rule and the place; for a named topic also why it does not.

    UsageError where the identifier is none; an empty report where the store does not hold it is a UsageError as well.
    """
    try:
        wanted = canonical_id(ident)[0] if store.corpus == ARXIV else ident
    except ValueError as error:
        raise UsageError(f"{error}. Write it as 1706.03762 or math/0611800.") from None
    columns = details_of(store)
    with store.connect() as db:
        found = db.execute(
            f"SELECT {columns} FROM ({read_files(store, store.files(), columns)}) WHERE id = {sql_text(wanted)}"
        ).fetchall()
    if not found:
        more = (
            "Fetch its month" if store.corpus == ARXIV else f"`trend papers --corpus {store.corpus}` lists what it does"
        )
        raise UsageError(f"The store does not hold {wanted}. {more}, or see {status_of(store.corpus)}.")
    paper = dict(zip(columns.split(", "), found[0], strict=True))
    texts, guarded = texts_of(store, paper), paper["categories"] if store.corpus == ARXIV else None
    asked = {library.topic(name).id for name in names}
    rows: list[dict[str, Any]] = []
    for topic in library.topics.values():
        if topic.id not in asked:
            rows += _why(library, topic, texts, guarded, named=False)
    own = list(dict.fromkeys(row["topic"] for row in rows))
    for topic in library.topics.values():
        through = [member.id for member in library.family(topic.id) if member.id in own and member.id != topic.id]
        if through and topic.id not in own and topic.id not in asked:
            rule = f"through {', '.join(through)}"
            rows.append({"topic": topic.id, "result": "matches", "rule": rule, "field": "", "snippet": ""})
    for name in names:
        rows += _why(library, library.topic(name), texts, guarded, named=True)
    return Report(
        kind="explain",
        title=f"{wanted}: {paper['title']}",
        corpus=store.corpus,
        synthetic=store.manifest.synthetic,
        query={"id": wanted, "topics": list(names)},
        columns=[Column(key, label, "text") for key, label in _EXPLAIN],
        rows=rows,
        notes=[f"{'Categories' if store.corpus == ARXIV else 'Decision'}: {paper['categories']}."],
    )


_EXPLAIN = (("topic", "Topic"), ("result", "Result"), ("rule", "Rule"), ("field", "Field"), ("snippet", "Where"))


def _why(
    library: Library, topic: Topic, texts: Mapping[str, str], categories: str | None, *, named: bool
) -> Iterable[dict[str, Any]]:
    """Rows for one topic: a row a rule that matches, or one that says why none does where the topic was named.

    Guards ask for `categories`; None where they do not count.
    """
    matched = False
    for member in library.family(topic.id) if named else [topic]:
        guarded = categories is not None and not allows(member.guard, categories)
        for rule in member.rules:
            places = mentions(rule, **texts)
            if places and (named or not guarded):
                matched = matched or not guarded
                text = texts[places[0].field]
                yield {
                    "topic": topic.id,
                    "result": f"no: its guard wants {' or '.join(member.guard)}" if guarded else "matches",
                    "rule": f"{rule.kind} {rule.text}" + (f" (of {member.id})" if member.id != topic.id else ""),
                    "field": places[0].field + (f", {len(places)} mentions" if len(places) > 1 else ""),
                    "snippet": snippet(text, places[0].start, places[0].end),
                }
    if named and not matched:
        yield {"topic": topic.id, "result": "no rule matches", "rule": "", "field": "", "snippet": ""}


def selected(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress
) -> tuple[Context, Window]:
    """The context of a question with its window made plain: all that is stored where none was said."""
    from dataclasses import replace

    context = resolve(store, library, question, default, progress)
    where = question.window
    if question.period or question.last:
        where = Window(*resolved_window(context, "day"))
    elif where.since and where.until and where.since >= where.until:
        resolved_window(context, "day")
    return replace(context, selection=replace(context.selection, window=where)), Window(
        where.since or min((item.first for item in store.manifest.files), default=None),
        where.until or context.data_as_of.date(),
    )


def _files(context: Context) -> list[Any]:
    return context.store.files(*context.selection.window)
