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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from trendcli import cache, tags
from trendcli.manifest import DataFile
from trendcli.models import Progress, Rule, Scope, Selection, Window
from trendcli.periods import Period, between
from trendcli.store import Store, read_files, sql_text
from trendcli.topics import Library, parents_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

KIND = "cells"
BASE = 0
# how a mode counts: which tags, and which column of the cells
MODES = {"any": "true", "title": "title", "strict": "strict"}
_COUNTED = {"any": "n_any", "title": "n_title", "strict": "n_strict"}
# how submissions are told apart: not at all, once in each category that they list, or by their primary category alone
PARTS = {
    "whole": "''",
    "category": "unnest(string_split(categories, ' '))",
    "primary": "split_part(categories, ' ', 1)",
}


@dataclass(frozen=True)
class Counted:
    """What was counted: `bases` and `hashes` by period, `counts` by (topic, period); a topic without a match counts 0.

    A hash is the sum of the row hashes of the scope, modulo 2^64: the same for the same rows in any order and file.
    """

    bases: Mapping[Period, int]
    hashes: Mapping[Period, str]
    counts: Mapping[tuple[str, Period], int]


def count(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> Counted:
    """Count the submissions of the selection's topics, and of its base, in each of some periods."""
    return count_parts(store, library, selection, periods, progress, "whole")[""]


def count_parts(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress, by: str
) -> Mapping[str, Counted]:
    """The same for each part of the selection: `by` is one of PARTS.

    By category a cross-listed submission is counted in each of its categories that lie in the scope; by primary
    category once. A category that the scope names is there even where nothing was counted in it.
    """
    selection = replace(selection, window=Window(None, None))  # the periods say what is counted, also before a window
    since, until = min((item.start for item in periods), default=None), max((i.end for i in periods), default=None)
    by_cells = all(item.start.day == item.end.day == 1 for item in periods) and not (
        selection.author or selection.id or selection.as_of or selection.both
    )
    if selection.within:
        family = {topic.id for topic in library.family(selection.within)}
        by_cells = by_cells and family >= set(selection.topics)
    rows: list[Row] = []
    if periods:
        with store.connect() as db:
            chosen = store.files(since, until)
            rows = (_from_cells if by_cells else _from_tags)(
                db, store, library, selection, periods, chosen, progress, by
            )
    named = {"whole": [""], "category": [name for name in selection.scope.categories if "*" not in name]}.get(by, [])
    found = {part: _Sums(selection.topics, periods) for part in sorted({*named, *(row[0] for row in rows)})}
    for part, topic, number, amount, high, low in rows:
        found[part].add(topic, periods[number], amount, (int(high) * 2**32 + int(low)) % 2**64)
    return {part: Counted(sums.bases, sums.hashes, sums.counts) for part, sums in found.items()}


class _Sums:
    def __init__(self, topics: Sequence[str], periods: Sequence[Period]) -> None:
        self.bases = dict.fromkeys(periods, 0)
        self.hashes = dict.fromkeys(periods, f"{0:016x}")
        self.counts = {(topic, item): 0 for topic in topics for item in periods}

    def add(self, topic: str | None, period: Period, amount: int, digest: int) -> None:
        if topic is None:
            self.bases[period], self.hashes[period] = amount, f"{digest:016x}"
        else:
            self.counts[topic, period] = amount


Row = tuple[str, str | None, int, int, int, int]  # part, topic (None: the base), number of the period, rows, hash


def _from_cells(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    periods: Sequence[Period],
    files: Sequence[DataFile],
    progress: Progress,
    by: str,
) -> list[Row]:
    """Counts from the cached aggregate, which is completed first where files or topics are new."""
    topics = [*selection.topics, *([selection.within] if selection.within else [])]
    names = {_topic_key(library, topic): topic for topic in topics}
    # an update takes away from months that lie before its own, so every file counts towards every month
    pieces = ensure_cells(store, library, topics, progress)
    stored = {item.key for item in store.manifest.files}
    where = [_in_scope("categories", selection.scope, selection.primary_only)]
    if any(not piece.files <= stored for piece in pieces):
        where.append(f"file IN ({', '.join(map(str, stored))})")
    found = db.execute(
        f"""
        SELECT part, topic, number, sum(n_any)::BIGINT, sum({_COUNTED[selection.match]})::BIGINT,
            sum(high)::BIGINT, sum(low)::BIGINT
        FROM (
            SELECT *, {_part(selection, by)} AS part
            FROM ({tags.relation(db, pieces, "cell", _EMPTY_CELLS)}) WHERE {" AND ".join(where)}
        ) AS cell
        JOIN ({_starts(periods, "month")}) AS period(start, number) ON cell.month = period.start
        WHERE {_in_scope("part", selection.scope) if by == "category" else "true"}
        GROUP BY part, topic, number
        """
    ).fetchall()
    bases = {(part, number): (rows, high, low) for part, topic, number, rows, _, high, low in found if topic == BASE}
    counts = [(part, names[key], number, rows) for part, key, number, _, rows, _, _ in found if key in names]
    if selection.within:
        inside = {(part, number): rows for part, topic, number, rows in counts if topic == selection.within}
        bases = {place: (inside.get(place, 0), high, low) for place, (_, high, low) in bases.items()}
    return [(part, None, number, *amounts) for (part, number), amounts in bases.items()] + [
        (part, topic, number, rows, 0, 0) for part, topic, number, rows in counts if topic in selection.topics
    ]


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
    by: str,
) -> list[Row]:
    """Counts from tags, for weeks, odd windows and filters that the aggregate does not know."""
    select(db, store, library, selection, files, progress, "row_hash")
    part = _part(selection, by)
    return db.execute(
        f"""
        WITH placed AS (
            SELECT *, {part} AS part FROM paper
            JOIN ({_starts(periods, "day")}) AS period(start, number) ON paper.v1_at::DATE = period.start
        ), divided AS (
            SELECT * FROM placed WHERE {_in_scope("part", selection.scope) if by == "category" else "true"}
        )
        SELECT part, NULL AS topic, number, count(*) FILTER (inside), sum(row_hash >> 32)::BIGINT,
            sum(row_hash & 4294967295)::BIGINT
        FROM divided GROUP BY part, number
        UNION ALL
        SELECT part, topic, number, count(*), 0, 0 FROM hit JOIN divided USING (file, row) GROUP BY part, topic, number
        """
    ).fetchall()


def _part(selection: Selection, by: str) -> str:
    return PARTS["primary" if by == "category" and selection.primary_only else by]


def _starts(periods: Sequence[Period], unit: str) -> str:
    """SQL for (start, number): which periods each month or day belongs to, so that rows find theirs by equality."""
    values = [
        f"(DATE '{item.start}', {number})"
        for number, period in enumerate(periods)
        for item in between(period.start, period.end, unit)
    ]
    return f"VALUES {', '.join(values)}"


def select(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    files: Sequence[DataFile],
    progress: Progress,
    columns: str = "id",
) -> None:
    """Make three tables in `db`: `paper`, what is in the scope, and `hit` and `mention`, which of it matches what.

    `paper` has (file, row, v1_at, id, categories, `columns`, and whether it is `inside` the base), `hit` (file, row,
    topic), each pair once, and `mention` (file, row, topic, rule, title, strict): the rules that made the papers count,
    in any mode. Tags are completed first.
    """
    where = [_in_scope("categories", selection.scope, selection.primary_only)]
    until = min((day for day in (selection.window.until, selection.as_of) if day), default=None)
    where += [f"v1_at >= TIMESTAMP '{selection.window.since}'"] if selection.window.since else []
    where += [f"v1_at < TIMESTAMP '{until}'"] if until else []
    where += [f"id = {sql_text(selection.id)}"] if selection.id else []
    if selection.author:
        where.append(f"contains(lower(strip_accents(authors)), lower(strip_accents({sql_text(selection.author)})))")
    needed = ", ".join(dict.fromkeys(["id", "v1_at", "categories", *columns.split(", ")]))
    read = f"{needed}, authors" if selection.author else needed
    db.execute(
        f"""CREATE TEMP TABLE paper AS
            SELECT file, row, {needed}, true AS inside FROM ({read_files(store, files, read)})
            WHERE {" AND ".join(where)}"""
    )
    beside = [*selection.both, *([selection.within] if selection.within else [])]
    pieces, rules = _tagged(store, library, dict.fromkeys([*selection.topics, *beside]), files, progress)
    _mention(db, pieces, rules)
    db.execute(f"CREATE TEMP TABLE hit AS SELECT DISTINCT file, row, topic FROM mention WHERE {MODES[selection.match]}")
    if selection.within:
        base = f"SELECT (file, row) FROM hit WHERE topic = {sql_text(selection.within)}"
        db.execute(f"UPDATE paper SET inside = ((file, row) IN ({base}))")
    if beside:
        asked = ", ".join(map(sql_text, ["", *selection.topics]))
        others = (f"(SELECT * FROM hit WHERE topic = {sql_text(topic)})" for topic in beside)
        also = " ".join(f"SEMI JOIN {other} USING (file, row)" for other in others)
        db.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM hit {also} WHERE topic IN ({asked})")
        db.execute("DROP TABLE hit")
        db.execute("ALTER TABLE kept RENAME TO hit")


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


def _mention(db: duckdb.DuckDBPyConnection, pieces: Sequence[cache.Piece], rules: Rules) -> None:
    """Make the table `mention` of `db`: which rule made a submission of `paper` count for which topic, guards applied.

    In steps, since DuckDB takes four times as long for all of them as one query.
    """
    guards = {guard: number for number, guard in enumerate(sorted({guard for *_, guard in rules} | {()}))}
    values = ", ".join(f"({key}::BIGINT, {sql_text(parent)}, {guards[guard]})" for key, _, parent, guard in rules)
    globs = ", ".join(f"({number}, {sql_text(glob)})" for guard, number in guards.items() for glob in guard or ("*",))
    empty = "SELECT 0::BIGINT AS file, 0::BIGINT AS row, 0::BIGINT AS rule, false AS title, false AS strict WHERE false"
    db.execute(
        f"""CREATE TEMP TABLE named AS
            SELECT tag.file, tag.row, tag.rule, tag.title, tag.strict, rule.topic, rule.guard, listed.categories
            FROM ({tags.relation(db, pieces, "tag", empty)}) AS tag
            JOIN (VALUES {values or "(-1::BIGINT, '', 0)"}) AS rule(key, topic, guard) ON tag.rule = rule.key
            JOIN paper AS listed ON tag.file = listed.file AND tag.row = listed.row"""
    )
    db.execute(
        f"""CREATE TEMP TABLE allowed AS
            WITH pair AS MATERIALIZED (SELECT DISTINCT guard, categories FROM named),
            category AS (SELECT DISTINCT unnest(string_split(categories, ' ')) AS name FROM pair),
            passed AS MATERIALIZED (
                SELECT guard, list(DISTINCT name) AS names
                FROM (VALUES {globs}) AS given(guard, pattern) JOIN category ON name GLOB pattern GROUP BY guard
            )
            SELECT guard, categories FROM pair JOIN passed USING (guard)
            WHERE list_has_any(string_split(categories, ' '), names)"""
    )
    db.execute(
        """CREATE TEMP TABLE mention AS
            SELECT file, row, topic, rule, title, strict FROM named JOIN allowed USING (guard, categories)"""
    )
    db.execute("DROP TABLE named")


class Driver(NamedTuple):
    """How many submissions of a topic one of its rules finds in each of some periods, and how many it alone finds."""

    topic: str
    rule: Rule
    counts: tuple[int, ...]
    alone: tuple[int, ...]


def drivers(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> list[Driver]:
    """The rules of the selection's only topic that find anything in some periods, those that find most first."""
    (topic,) = selection.topics
    selection = replace(selection, window=Window(None, None))
    files = store.files(min(item.start for item in periods), max(item.end for item in periods))
    with store.connect() as db:
        select(db, store, library, selection, files, progress)
        found = db.execute(
            f"""
            WITH mention AS (
                SELECT DISTINCT file, row, rule FROM mention
                WHERE topic = {sql_text(topic)} AND {MODES[selection.match]}
            ), placed AS (
                SELECT mention.*, number, count(*) OVER (PARTITION BY file, row, number) AS together
                FROM mention SEMI JOIN hit USING (file, row) JOIN paper USING (file, row)
                JOIN ({_starts(periods, "day")}) AS period(start, number) ON paper.v1_at::DATE = period.start
            )
            SELECT rule, number, count(*), count(*) FILTER (together = 1) FROM placed GROUP BY rule, number
            """
        ).fetchall()
    owners = {rule.key: (member.id, rule) for member in library.family(topic) for rule in member.rules}
    places = {(key, number): (rows, alone) for key, number, rows, alone in found}
    listed = [
        Driver(*owners[key], *zip(*(places.get((key, number), (0, 0)) for number in range(len(periods))), strict=True))
        for key in {key for key, _ in places}
    ]
    return sorted(listed, key=lambda driver: (-max(driver.counts), driver.topic, driver.rule.text))


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
        _mention(db, pieces, rules)
        cells: pa.Table = db.sql(
            f"""
            SELECT owner AS file, topic, month, categories, sum(sign)::BIGINT AS n_any,
                sum(CASE WHEN title THEN sign ELSE 0 END)::BIGINT AS n_title,
                sum(CASE WHEN strict THEN sign ELSE 0 END)::BIGINT AS n_strict,
                0::BIGINT AS high, 0::BIGINT AS low
            FROM (
                SELECT owner, counted.month, counted.categories, sign, asked.key AS topic, hit.title, hit.strict
                FROM (
                    SELECT file, row, topic, bool_or(title) AS title, bool_or(strict) AS strict
                    FROM mention GROUP BY file, row, topic
                ) AS hit
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


def _in_scope(column: str, scope: Scope, primary_only: bool = False) -> str:
    """SQL: whether a column of categories lies in a scope, by its primary category or by any that is listed."""
    if not scope.categories:
        return "true"
    return f"regexp_matches({column}, {sql_text(_globs_regex(scope.categories, primary_only))})"


def _globs_regex(globs: Iterable[str], primary_only: bool = False) -> str:
    names = "|".join(re.escape(glob).replace(r"\*", r"[^ ]*") for glob in globs)
    return f"^({names})( |$)" if primary_only else f"(^| )({names})( |$)"
