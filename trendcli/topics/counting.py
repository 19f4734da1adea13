"""Counts and bases per period, scope and topic: from the sums or the cells where they can tell, else from the tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from trendcli.core.periods import Period, list_periods
from trendcli.core.types import Progress, Rule, Selection, Window
from trendcli.store.manifest import DataFile
from trendcli.store.sql import create_temp_table, file_rows_sql, scope_filter_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics import aggregates as cells
from trendcli.topics.library import Library
from trendcli.topics.matches import create_topic_match_table, ensure_topic_rule_matches

if TYPE_CHECKING:
    import duckdb

# how a mode counts: which tags, and which column of the cells
MATCH_MODE_FILTERS = {"any": "true", "title": "title", "strict": "strict"}
_MODE_COLUMNS = {"any": "n_any", "title": "n_title", "strict": "n_strict"}
# how submissions are told apart: not at all, once in each category that they list, or by their primary category alone
BREAKDOWNS = {
    "whole": "''",
    "category": "unnest(string_split(categories, ' '))",
    "primary": "split_part(categories, ' ', 1)",
}


@dataclass(frozen=True)
class PeriodCounts:
    """What was counted: `bases` and `hashes` by period, `counts` by (topic, period); a topic without a match counts 0.

    A hash is the sum of the row hashes of the scope, modulo 2^64: the same for the same rows in any order and file.
    """

    totals: Mapping[Period, int]
    hashes: Mapping[Period, str]
    counts: Mapping[tuple[str, Period], int]


def count_submissions(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> PeriodCounts:
    """Count the submissions of the selection's topics, and of its base, in each of some periods."""
    return count_breakdown(store, library, selection, periods, progress, "whole")[""]


def count_breakdown(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress, by: str
) -> Mapping[str, PeriodCounts]:
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
        family = {topic.id for topic in library.topic_family(selection.within)}
        by_cells = by_cells and family >= set(selection.topics)
    rows: list[CountRow] = []
    if periods and by_cells and by == "whole":
        rows = _count_from_month_sums(store, library, selection, periods, progress)
    elif periods:
        with store.connect() as db:
            if by_cells:
                rows = _count_from_aggregates(db, store, library, selection, periods, progress, by)
            else:
                chosen = store.list_files(since, until)
                rows = _count_from_matches(db, store, library, selection, periods, chosen, progress, by)
    named = {"whole": [""], "category": [name for name in selection.scope.categories if "*" not in name]}.get(by, [])
    found = {part: _CountsBuilder(selection.topics, periods) for part in sorted({*named, *(row[0] for row in rows)})}
    for part, topic, number, amount, high, low in rows:
        found[part].add_row(topic, periods[number], amount, (int(high) * 2**32 + int(low)) % 2**64)
    return {part: PeriodCounts(sums.totals, sums.hashes, sums.counts) for part, sums in found.items()}


class _CountsBuilder:
    def __init__(self, topics: Sequence[str], periods: Sequence[Period]) -> None:
        self.totals = dict.fromkeys(periods, 0)
        self.hashes = dict.fromkeys(periods, f"{0:016x}")
        self.counts = {(topic, item): 0 for topic in topics for item in periods}

    def add_row(self, topic: str | None, period: Period, amount: int, digest: int) -> None:
        if topic is None:
            self.totals[period], self.hashes[period] = amount, f"{digest:016x}"
        else:
            self.counts[topic, period] = amount


CountRow = tuple[str, str | None, int, int, int, int]  # part, topic (None: the base), number of the period, rows, hash


def _count_from_month_sums(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> list[CountRow]:
    """Counts of the whole selection from its sums by month."""
    topics = [*selection.topics, *([selection.within] if selection.within else [])]
    found = cells.compute_month_sums(store, library, topics, selection.scope, selection.primary_only, progress)
    places = {month: number for number, month in enumerate(found.months)}
    spans = [
        [places[month] for item in list_periods(period.start, period.end, "month") if (month := item.label) in places]
        for period in periods
    ]

    def sum_months(key: int, counted: str) -> list[int]:
        column = found.sums[str(key)][cells.AGGREGATE_COLUMNS.index(counted)]
        return [sum(column[place] for place in span) for span in spans]

    counts = {
        topic: sum_months(cells.topic_key(library, topic), _MODE_COLUMNS[selection.match])
        for topic in dict.fromkeys(topics)
    }
    bases = counts[selection.within] if selection.within else sum_months(cells.TOTAL_KEY, "n_any")
    hashes = zip(sum_months(cells.TOTAL_KEY, "high"), sum_months(cells.TOTAL_KEY, "low"), strict=True)
    rows: list[CountRow] = [
        ("", None, number, base, *halves) for number, (base, halves) in enumerate(zip(bases, hashes, strict=True))
    ]
    return rows + [
        ("", topic, number, amount, 0, 0) for topic in selection.topics for number, amount in enumerate(counts[topic])
    ]


def _count_from_aggregates(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    periods: Sequence[Period],
    progress: Progress,
    by: str,
) -> list[CountRow]:
    """Counts by part from the cached aggregate, which is completed first where files or topics are new."""
    topics = [*selection.topics, *([selection.within] if selection.within else [])]
    names = {cells.topic_key(library, topic): topic for topic in topics}
    # an update takes away from months that lie before its own, so every file counts towards every month
    pieces = cells.ensure_aggregates(store, library, topics, progress)
    _create_period_table(db, periods, "month")
    found = db.execute(
        f"""
        SELECT part, topic, number, sum(n_any)::BIGINT, sum({_MODE_COLUMNS[selection.match]})::BIGINT,
            sum(high)::BIGINT, sum(low)::BIGINT
        FROM (
            SELECT *, {_breakdown_sql(selection, by)} AS part
            FROM ({cells.aggregates_sql(db, store, pieces)})
            WHERE {scope_filter_sql("categories", selection.scope, selection.primary_only)}
        ) AS cell
        JOIN period ON cell.month = period.start
        WHERE {scope_filter_sql("part", selection.scope) if by == "category" else "true"}
        GROUP BY part, topic, number
        """
    ).fetchall()
    bases = {(part, number): (rows, *hash) for part, topic, number, rows, _, *hash in found if topic == cells.TOTAL_KEY}
    counts = [(part, names[key], number, rows) for part, key, number, _, rows, _, _ in found if key in names]
    if selection.within:
        inside = {(part, number): rows for part, topic, number, rows in counts if topic == selection.within}
        bases = {place: (inside.get(place, 0), high, low) for place, (_, high, low) in bases.items()}
    return [(part, None, number, *amounts) for (part, number), amounts in bases.items()] + [
        (part, topic, number, rows, 0, 0) for part, topic, number, rows in counts if topic in selection.topics
    ]


def _count_from_matches(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    periods: Sequence[Period],
    files: Sequence[DataFile],
    progress: Progress,
    by: str,
) -> list[CountRow]:
    """Counts from tags, for weeks, odd windows and filters that the aggregate does not know."""
    create_selection_tables(db, store, library, selection, files, progress, "row_hash")
    _create_period_table(db, periods, "day")
    part = _breakdown_sql(selection, by)
    return db.execute(
        f"""
        WITH placed AS (
            SELECT *, {part} AS part FROM paper
            JOIN period ON paper.v1_at::DATE = period.start
        ), divided AS (
            SELECT * FROM placed WHERE {scope_filter_sql("part", selection.scope) if by == "category" else "true"}
        )
        SELECT part, NULL AS topic, number, count(*) FILTER (inside), sum(row_hash >> 32)::BIGINT,
            sum(row_hash & 4294967295)::BIGINT
        FROM divided GROUP BY part, number
        UNION ALL
        SELECT part, topic, number, count(*), 0, 0 FROM hit JOIN divided USING (file, row) GROUP BY part, topic, number
        """
    ).fetchall()


def _breakdown_sql(selection: Selection, by: str) -> str:
    return BREAKDOWNS["primary" if by == "category" and selection.primary_only else by]


def _create_period_table(db: duckdb.DuckDBPyConnection, periods: Sequence[Period], unit: str) -> None:
    """Make the table `period` (start, number): which periods each month or day lies in, for a join by equality."""
    starts = [
        (item.start, number)
        for number, period in enumerate(periods)
        for item in list_periods(period.start, period.end, unit)
    ]
    create_temp_table(db, "period", "start DATE, number INTEGER", starts)


def selection_filter_sql(selection: Selection) -> str:
    """SQL: whether a row lies in the scope and the days of a selection, by its columns `categories` and `v1_at`."""
    where = [scope_filter_sql("categories", selection.scope, selection.primary_only)]
    until = min((day for day in (selection.window.until, selection.as_of) if day), default=None)
    where += [f"v1_at >= TIMESTAMP '{selection.window.since}'"] if selection.window.since else []
    where += [f"v1_at < TIMESTAMP '{until}'"] if until else []
    return " AND ".join(where)


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
    """Make three tables in `db`: `paper`, what is in the scope, and `hit` and `mention`, which of it matches what.

    `paper` has (file, row, v1_at, id, categories, `columns`, and whether it is `inside` the base), `hit` (file, row,
    topic), each pair once, and `mention` (file, row, topic, rule, title, strict): the rules that made the papers count,
    in any mode. Tags are completed first. `among` is SQL for live rows (file, row, id, v1_at, categories; the id may be
    left empty) to which the selection is narrowed.
    """
    where = [selection_filter_sql(selection)]
    where += [f"id = {sql_string(selection.id)}"] if selection.id else []
    if selection.author:
        where.append(f"contains(lower(strip_accents(authors)), lower(strip_accents({sql_string(selection.author)})))")
    needed = ", ".join(dict.fromkeys(["id", "v1_at", "categories", *extra_columns.split(", ")]))
    read = f"{needed}, authors" if selection.author else needed
    source = file_rows_sql(store, files, read)
    if candidate_rows_sql and not selection.id and read == "id, v1_at, categories":
        source = candidate_rows_sql
    elif candidate_rows_sql:
        source = f"SELECT * FROM ({source}) SEMI JOIN ({candidate_rows_sql}) USING (file, row)"
    db.execute(
        f"""CREATE TEMP TABLE paper AS
            SELECT file, row, {needed}, true AS inside FROM ({source})
            WHERE {" AND ".join(where)}"""
    )
    beside = [*selection.both, *([selection.within] if selection.within else [])]
    pieces, rules = ensure_topic_rule_matches(
        store, library, dict.fromkeys([*selection.topics, *beside]), files, progress
    )
    create_topic_match_table(db, pieces, rules)
    db.execute(
        f"CREATE TEMP TABLE hit AS SELECT DISTINCT file, row, topic FROM mention WHERE "
        f"{MATCH_MODE_FILTERS[selection.match]}"
    )
    if selection.within:
        base = f"SELECT (file, row) FROM hit WHERE topic = {sql_string(selection.within)}"
        db.execute(f"UPDATE paper SET inside = ((file, row) IN ({base}))")
    if beside:
        asked = ", ".join(map(sql_string, ["", *selection.topics]))
        others = (f"(SELECT * FROM hit WHERE topic = {sql_string(topic)})" for topic in beside)
        also = " ".join(f"SEMI JOIN {other} USING (file, row)" for other in others)
        db.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM hit {also} WHERE topic IN ({asked})")
        db.execute("DROP TABLE hit")
        db.execute("ALTER TABLE kept RENAME TO hit")


class RuleContribution(NamedTuple):
    """How many submissions of a topic one of its rules finds in each of some periods, and how many it alone finds."""

    topic: str
    rule: Rule
    counts: tuple[int, ...]
    exclusive_counts: tuple[int, ...]


def count_rule_contributions(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> list[RuleContribution]:
    """The rules of the selection's only topic that find anything in some periods, those that find most first."""
    (topic,) = selection.topics
    selection = replace(selection, window=Window(None, None))
    files = store.list_files(min(item.start for item in periods), max(item.end for item in periods))
    with store.connect() as db:
        create_selection_tables(db, store, library, selection, files, progress)
        _create_period_table(db, periods, "day")
        found = db.execute(
            f"""
            WITH mention AS (
                SELECT DISTINCT file, row, rule FROM mention
                WHERE topic = {sql_string(topic)} AND {MATCH_MODE_FILTERS[selection.match]}
            ), placed AS (
                SELECT mention.*, number, count(*) OVER (PARTITION BY file, row, number) AS together
                FROM mention SEMI JOIN hit USING (file, row) JOIN paper USING (file, row)
                JOIN period ON paper.v1_at::DATE = period.start
            )
            SELECT rule, number, count(*), count(*) FILTER (together = 1) FROM placed GROUP BY rule, number
            """
        ).fetchall()
    owners = {rule.key: (member.id, rule) for member in library.topic_family(topic) for rule in member.rules}
    places = {(key, number): (rows, alone) for key, number, rows, alone in found}
    listed = [
        RuleContribution(
            *owners[key], *zip(*(places.get((key, number), (0, 0)) for number in range(len(periods))), strict=True)
        )
        for key in {key for key, _ in places}
    ]
    return sorted(listed, key=lambda driver: (-max(driver.counts), driver.topic, driver.rule.text))
