"""The tables of a selection in DuckDB: its submissions, which of them count for which topic, and by which rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trendcli.core.types import Progress, Selection
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql, scope_filter_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.matches import create_topic_match_table, ensure_topic_rule_matches

if TYPE_CHECKING:
    import duckdb

# the filter of topic matches by match mode, in SQL
MATCH_MODE_FILTERS = {"any": "true", "title": "title", "strict": "strict"}


def selection_filter_sql(selection: Selection) -> str:
    """Return the SQL condition that a row lies in the scope and the window, by its columns `categories` and `v1_at`."""
    conditions = [scope_filter_sql("categories", selection.scope, selection.primary_only)]
    until = min((day for day in (selection.window.until, selection.as_of) if day), default=None)
    conditions += [f"v1_at >= TIMESTAMP '{selection.window.since}'"] if selection.window.since else []
    conditions += [f"v1_at < TIMESTAMP '{until}'"] if until else []
    return " AND ".join(conditions)


def create_selection_tables(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    files: Sequence[DataFile],
    progress: Progress,
    extra_columns: str = "id",
    candidate_rows_sql: str = "",
) -> None:
    """Create three tables in `db`; rule matches are completed first.

    - `paper` (file, row, v1_at, id, categories, `extra_columns`, inside): the submissions of the selection; `inside` is
      whether one belongs to the total
    - `hit` (file, row, topic): which of them count for which topic, each pair once
    - `topic_match` (file, row, topic, rule, title, strict): the rules by which they match, in any mode

    `candidate_rows_sql` is SQL for live rows (file, row, id, v1_at, categories; the id may be empty) to which the
    selection is narrowed.
    """
    conditions = [selection_filter_sql(selection)]
    conditions += [f"id = {sql_string(selection.id)}"] if selection.id else []
    if selection.author:
        author = sql_string(selection.author)
        conditions.append(f"contains(lower(strip_accents(authors)), lower(strip_accents({author})))")
    columns = ", ".join(dict.fromkeys(["id", "v1_at", "categories", *extra_columns.split(", ")]))
    read_columns = f"{columns}, authors" if selection.author else columns
    source = file_rows_sql(store, files, read_columns)
    if candidate_rows_sql and not selection.id and read_columns == "id, v1_at, categories":
        source = candidate_rows_sql  # it has all that is needed: no file is read
    elif candidate_rows_sql:
        source = f"SELECT * FROM ({source}) SEMI JOIN ({candidate_rows_sql}) USING (file, row)"
    db.execute(
        f"""CREATE TEMP TABLE paper AS
            SELECT file, row, {columns}, true AS inside FROM ({source})
            WHERE {" AND ".join(conditions)}"""
    )
    required_topics = [*selection.both, *([selection.within] if selection.within else [])]
    topics = dict.fromkeys([*selection.topics, *required_topics])
    blocks, assignments = ensure_topic_rule_matches(store, library, topics, files, progress)
    create_topic_match_table(db, blocks, assignments)
    db.execute(
        f"CREATE TEMP TABLE hit AS SELECT DISTINCT file, row, topic FROM topic_match WHERE "
        f"{MATCH_MODE_FILTERS[selection.match]}"
    )
    if selection.within:
        within_rows = f"SELECT (file, row) FROM hit WHERE topic = {sql_string(selection.within)}"
        db.execute(f"UPDATE paper SET inside = ((file, row) IN ({within_rows}))")
    if required_topics:
        counted_topics = ", ".join(map(sql_string, ["", *selection.topics]))  # "": never an empty list
        semi_joins = " ".join(
            f"SEMI JOIN (SELECT * FROM hit WHERE topic = {sql_string(topic)}) USING (file, row)"
            for topic in required_topics
        )
        db.execute(f"CREATE TEMP TABLE narrowed AS SELECT * FROM hit {semi_joins} WHERE topic IN ({counted_topics})")
        db.execute("DROP TABLE hit")
        db.execute("ALTER TABLE narrowed RENAME TO hit")
