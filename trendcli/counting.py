"""Counts and bases per period, scope and topic: portable SQL over tags, and an exact aggregate of it in the cache.

Cells are (file, topic, month, categories, n_any, n_title, n_strict): how many rows of a file match a topic, by month of
v1 and set of categories. A set of categories answers for any scope, and counts a cross-listed submission once, which a
cube by category cannot. Rows that a file replaces in older files are subtracted in its own cells, so the cells of all
named files add up to the live store, and a new update changes no cell that was there before. Topic 0 is everything: the
base.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trendcli import cache, tags
from trendcli.manifest import DataFile
from trendcli.models import Progress, Scope, Selection
from trendcli.periods import Period, between
from trendcli.store import Store, read_files, sql_text
from trendcli.topics import Library, parents_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

KIND = "cells"
BASE = 0
MODES = {"any": "true", "title": "title", "strict": "strict"}


@dataclass(frozen=True)
class Counted:
    """What was counted: `bases` and `hashes` by period, `counts` by (topic, period); a topic without a match counts 0.

    A hash is the sum of the row hashes of the base, modulo 2^64: the same for the same rows in any order and file.
    """

    bases: Mapping[Period, int]
    hashes: Mapping[Period, str]
    counts: Mapping[tuple[str, Period], int]


def count(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> Counted:
    """Count the submissions of the selection's topics, and of its base, in each of some periods."""
    if not periods:
        return Counted({}, {}, {})
    since, until = min(item.start for item in periods), max(item.end for item in periods)
    files = store.files(since, until)
    by_cells = all(item.start.day == item.end.day == 1 for item in periods) and not (
        selection.author or selection.id or selection.as_of
    )
    with store.connect() as db:
        rows = (_from_cells if by_cells else _from_tags)(db, store, library, selection, periods, files, progress)
    bases = dict.fromkeys(periods, 0)
    hashes = dict.fromkeys(periods, f"{0:016x}")
    counts = {(topic, item): 0 for topic in selection.topics for item in periods}
    for topic, number, amount, high, low in rows:
        if topic is None:
            bases[periods[number]] = amount
            hashes[periods[number]] = f"{(int(high) * 2**32 + int(low)) % 2**64:016x}"
        else:
            counts[topic, periods[number]] = amount
    return Counted(bases, hashes, counts)


Row = tuple[str | None, int, int, int, int]  # topic (None: the base), number of the period, rows, hash (high, low)


def _from_cells(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    periods: Sequence[Period],
    files: Sequence[DataFile],
    progress: Progress,
) -> list[Row]:
    """Counts from the cached aggregate, which is completed first where files or topics are new."""
    names = {_topic_key(library, topic): topic for topic in selection.topics}
    # an update takes away from months that lie before its own, so every file counts towards every month
    pieces = ensure_cells(store, library, selection.topics, progress)
    named = {item.key for item in store.manifest.files}
    where = [_in_scope(selection.scope, selection.primary_only)]
    if any(not piece.files <= named for piece in pieces):
        where.append(f"file IN ({', '.join(map(str, named))})")
    found = db.execute(
        f"""
        SELECT topic, number, sum(n_any)::BIGINT, sum({_COUNTED[selection.match]})::BIGINT,
            sum(high)::BIGINT, sum(low)::BIGINT
        FROM ({tags.relation(db, pieces, "cell", _EMPTY_CELLS)}) AS cell
        JOIN ({_starts(periods, "month")}) AS period(start, number) ON cell.month = period.start
        WHERE {" AND ".join(where)}
        GROUP BY topic, number
        """
    ).fetchall()
    base = [(None, number, rows, high, low) for topic, number, rows, _, high, low in found if topic == BASE]
    return base + [(names[topic], number, rows, 0, 0) for topic, number, _, rows, _, _ in found if topic in names]


_COUNTED = {"any": "n_any", "title": "n_title", "strict": "n_strict"}
_EMPTY_CELLS = (
    "SELECT 0::BIGINT AS file, 0::BIGINT AS topic, DATE '1970-01-01' AS month, '' AS categories, 0::BIGINT AS n_any, "
    "0::BIGINT AS n_title, 0::BIGINT AS n_strict, 0::BIGINT AS high, 0::BIGINT AS low WHERE false"
)


def _from_tags(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    periods: Sequence[Period],
    files: Sequence[DataFile],
    progress: Progress,
) -> list[Row]:
    """Counts from tags, for weeks, odd windows and filters that the aggregate does not know."""
    matched = matched_sql(db, store, library, selection, files, progress, "row_hash")
    db.execute(
        f"""
        CREATE TEMP TABLE paper AS
        SELECT matched.*, number FROM ({matched.papers}) AS matched
        JOIN ({_starts(periods, "day")}) AS period(start, number) ON matched.v1_at::DATE = period.start
        """
    )
    return db.execute(
        f"""
        SELECT NULL AS topic, number, count(*), sum(row_hash >> 32)::BIGINT, sum(row_hash & 4294967295)::BIGINT
        FROM paper GROUP BY number
        UNION ALL
        SELECT topic, number, count(*), 0, 0
        FROM ({matched.hits}) AS hit JOIN paper USING (file, row) WHERE {MODES[selection.match]} GROUP BY topic, number
        """
    ).fetchall()


def _starts(periods: Sequence[Period], unit: str) -> str:
    """SQL for (start, number): which period each month or day belongs to, so that rows find theirs by equality."""
    values = [
        f"(DATE '{item.start}', {number})"
        for number, period in enumerate(periods)
        for item in between(period.start, period.end, unit)
    ]
    return f"VALUES {', '.join(values)}"


@dataclass(frozen=True)
class Matched:
    """SQL texts: `papers` (file, row, v1_at, categories, …) of a selection without its topics, and `hits`
    (file, row, topic, title, strict) of its topics among them; `hits` reads the first as `paper`."""

    papers: str
    hits: str


def matched_sql(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    files: Sequence[DataFile],
    progress: Progress,
    columns: str,
) -> Matched:
    """The submissions of a selection and the matches of its topics as SQL; tags are completed first."""
    where = [_in_scope(selection.scope, selection.primary_only)]
    until = min((day for day in (selection.window.until, selection.as_of) if day), default=None)
    where += [f"v1_at >= TIMESTAMP '{selection.window.since}'"] if selection.window.since else []
    where += [f"v1_at < TIMESTAMP '{until}'"] if until else []
    where += [f"id = {sql_text(selection.id)}"] if selection.id else []
    if selection.author:
        where.append(f"contains(lower(strip_accents(authors)), lower(strip_accents({sql_text(selection.author)})))")
    needed = ", ".join(dict.fromkeys(["id", "v1_at", "categories", "authors", *columns.split(", ")]))
    papers = f"SELECT * FROM ({read_files(store, files, needed)}) WHERE {' AND '.join(where)}"
    pieces, rules = _tagged(store, library, selection.topics, files, progress)
    return Matched(papers, _hits_sql(db, pieces, rules, "paper"))


Rules = list[tuple[int, str, str, tuple[str, ...]]]  # (rule key, own topic, counted topic, guard)


def _tagged(
    store: Store, library: Library, topics: Iterable[str], files: Sequence[DataFile], progress: Progress
) -> tuple[list[cache.Piece], Rules]:
    counted = parents_of(library, topics)
    members = [library.topic(name) for name in counted]
    pieces = tags.ensure(store, files, [rule for topic in members for rule in topic.rules], progress)
    rules = [
        (rule.key, topic.id, parent, topic.guard)
        for topic in members
        for rule in topic.rules
        for parent in sorted(counted[topic.id])
    ]
    return pieces, rules


def _hits_sql(db: duckdb.DuckDBPyConnection, pieces: Sequence[cache.Piece], rules: Rules, papers: str) -> str:
    """SQL for (file, row, topic, title, strict): each submission once a topic, its own guards applied."""
    guards = {guard: number for number, guard in enumerate(sorted({guard for *_, guard in rules} | {()}))}
    values = ", ".join(f"({key}::BIGINT, {sql_text(parent)}, {guards[guard]})" for key, _, parent, guard in rules)
    globs = ", ".join(f"({number}, {sql_text(glob)})" for guard, number in guards.items() for glob in guard or ("*",))
    tag = tags.relation(
        db,
        pieces,
        "tag",
        "SELECT 0::BIGINT AS file, 0::BIGINT AS row, 0::BIGINT AS rule, false AS title, false AS strict WHERE false",
    )
    return f"""
        WITH named AS MATERIALIZED (
            SELECT tag.file, tag.row, tag.title, tag.strict, rule.topic, rule.guard, listed.categories
            FROM ({tag}) AS tag
            JOIN (VALUES {values or "(-1::BIGINT, '', 0)"}) AS rule(key, topic, guard) ON tag.rule = rule.key
            JOIN {papers} AS listed ON tag.file = listed.file AND tag.row = listed.row
        ), pair AS MATERIALIZED (SELECT DISTINCT guard, categories FROM named),
        category AS (SELECT DISTINCT unnest(string_split(categories, ' ')) AS name FROM pair),
        passed AS MATERIALIZED (
            SELECT guard, list(DISTINCT name) AS names
            FROM (VALUES {globs}) AS given(guard, pattern) JOIN category ON name GLOB pattern GROUP BY guard
        ), allowed AS (
            SELECT guard, categories FROM pair JOIN passed USING (guard)
            WHERE list_has_any(string_split(categories, ' '), names)
        )
        SELECT file, row, topic, bool_or(title) AS title, bool_or(strict) AS strict
        FROM named JOIN allowed USING (guard, categories) GROUP BY file, row, topic
    """


def ensure_cells(store: Store, library: Library, topics: Iterable[str], progress: Progress) -> list[cache.Piece]:
    """The pieces that hold the cells of every named file for some topics and the base."""
    by_key = {_topic_key(library, topic): topic for topic in topics}
    by_file = {item.key: item for item in store.manifest.files}

    def compute(some_files: Sequence[int], some_keys: Sequence[int]) -> pa.Table:
        chosen = [by_key[key] for key in some_keys if key != BASE]
        return _cells(store, library, [by_file[key] for key in some_files], chosen, BASE in some_keys, progress)

    return cache.ensure(store, KIND, by_file, [BASE, *by_key], compute)


def _cells(
    store: Store, library: Library, files: Sequence[DataFile], topics: Sequence[str], base: bool, progress: Progress
) -> pa.Table:
    """The cells of some files for some topics, and for the base where it is asked for."""
    every = list(store.manifest.files)
    replaced = (
        [item for item in every if item.first <= max(new.last for new in files)]
        if any(new.replaces for new in files)
        else []
    )
    pieces, rules = _tagged(
        store, library, topics, list({item.path: item for item in [*files, *replaced]}.values()), progress
    )
    keys = ", ".join(f"({sql_text(topic)}, {_topic_key(library, topic)}::BIGINT)" for topic in topics)
    with store.connect() as db:
        db.execute(f"CREATE TEMP TABLE counted AS {_counted_sql(store, files, replaced)}")
        once = "DISTINCT" if replaced else ""
        db.execute(f"CREATE TEMP VIEW paper AS SELECT {once} file, row, categories FROM counted")
        cells: pa.Table = db.sql(
            f"""
            SELECT owner AS file, topic, month, categories, sum(sign)::BIGINT AS n_any,
                sum(CASE WHEN title THEN sign ELSE 0 END)::BIGINT AS n_title,
                sum(CASE WHEN strict THEN sign ELSE 0 END)::BIGINT AS n_strict,
                0::BIGINT AS high, 0::BIGINT AS low
            FROM (
                SELECT owner, counted.month, counted.categories, sign, asked.key AS topic, hit.title, hit.strict
                FROM ({_hits_sql(db, pieces, rules, "paper")}) AS hit
                JOIN counted USING (file, row)
                JOIN (VALUES {keys or "('', -1::BIGINT)"}) AS asked(name, key) ON hit.topic = asked.name
            ) GROUP BY ALL
            UNION ALL
            SELECT owner, {BASE}, month, categories, sum(sign), 0, 0,
                sum(sign * (row_hash >> 32)), sum(sign * (row_hash & 4294967295))
            FROM counted WHERE {str(base).lower()} GROUP BY ALL
            ORDER BY topic, month, categories, file
            """
        ).to_arrow_table()
        return cells


def _counted_sql(store: Store, files: Sequence[DataFile], replaced: Sequence[DataFile]) -> str:
    """Rows that the cells of `files` count: their own with sign 1, those they replace in older files with sign -1."""
    columns = "v1_at, categories, row_hash, over_file, over_row"
    month = "date_trunc('month', v1_at)::DATE AS month"
    own = read_files(store, files, columns, live=False)
    sql = f"SELECT file AS owner, file, row, {month}, categories, row_hash, 1 AS sign FROM ({own})"
    if not replaced:
        return sql
    older = read_files(store, replaced, columns, live=False)
    return f"""{sql} UNION ALL
        SELECT new.file, old.file, old.row, date_trunc('month', old.v1_at)::DATE, old.categories, old.row_hash, -1
        FROM ({own}) AS new JOIN ({older}) AS old ON new.over_file = old.file AND new.over_row = old.row"""


def _topic_key(library: Library, topic: str) -> int:
    return int(library.key(topic), 16) >> 1


def _in_scope(scope: Scope, primary_only: bool) -> str:
    """SQL: whether `categories` lies in a scope, by its primary category or by any that is listed."""
    if not scope.categories:
        return "true"
    return f"regexp_matches(categories, {sql_text(_globs_regex(scope.categories, primary_only))})"


def _globs_regex(globs: Iterable[str], primary_only: bool = False) -> str:
    names = "|".join(re.escape(glob).replace(r"\*", r"[^ ]*") for glob in globs)
    return f"^({names})( |$)" if primary_only else f"(^| )({names})( |$)"
