"""Counts and totals by period and topic for a selection.

They come from the fastest source that can tell: sums by month, else aggregates, else rule matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from trendcli.core.periods import Period, list_periods
from trendcli.core.types import Progress, Rule, Selection, Window
from trendcli.store.sql import create_temp_table, scope_filter_sql, sql_string
from trendcli.store.store import Store
from trendcli.topics.aggregates import (
    AGGREGATE_COLUMNS,
    TOTAL_KEY,
    aggregates_sql,
    compute_month_sums,
    ensure_aggregates,
    topic_key,
)
from trendcli.topics.library import Library
from trendcli.topics.selection_tables import MATCH_MODE_FILTERS, create_selection_tables

if TYPE_CHECKING:
    import duckdb

# the column of aggregates by match mode
_MODE_COLUMNS = {"any": "n_any", "title": "n_title", "strict": "n_strict"}
# SQL for the part that a row is counted in: one for all, one per listed category, or the primary category alone
BREAKDOWNS = {
    "whole": "''",
    "category": "unnest(string_split(categories, ' '))",
    "primary": "split_part(categories, ' ', 1)",
}


@dataclass(frozen=True)
class PeriodCounts:
    """Counts of one selection: `totals` and `hashes` by period, `counts` by (topic, period); no match is 0.

    A total is the number of submissions that shares are taken of. A hash is the sum of the row hashes of the scope
    modulo 2^64, as 16 hexadecimal digits: equal for the same rows in any order and in any files.
    """

    totals: Mapping[Period, int]
    hashes: Mapping[Period, str]
    counts: Mapping[tuple[str, Period], int]


def count_submissions(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> PeriodCounts:
    """Count the submissions of each topic of the selection, and the total, in each period; its window is ignored."""
    return count_breakdown(store, library, selection, periods, progress, "whole")[""]


def count_breakdown(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress, by: str
) -> Mapping[str, PeriodCounts]:
    """Count as `count_submissions` does, for each part of the selection; `by` is a key of BREAKDOWNS.

    By category a cross-listed submission is counted in each of its categories that lie in the scope; by primary
    category it is counted once. A category that the scope names is a key even where nothing was counted in it; the only
    key of "whole" is "".
    """
    selection = replace(selection, window=Window(None, None))  # earlier periods of a comparison lie before the window
    # aggregates know months and categories, and no other filter
    can_aggregate = all(period.start.day == period.end.day == 1 for period in periods) and not (
        selection.author or selection.id or selection.as_of or selection.both
    )
    if selection.within:
        family = {topic.id for topic in library.topic_family(selection.within)}
        can_aggregate = can_aggregate and family >= set(selection.topics)
    rows: list[CountRow] = []
    if periods and can_aggregate and by == "whole":
        rows = _count_from_month_sums(store, library, selection, periods, progress)
    elif periods:
        with store.connect() as db:
            if can_aggregate:
                rows = _count_from_aggregates(db, store, library, selection, periods, progress, by)
            else:
                rows = _count_from_matches(db, store, library, selection, periods, progress, by)
    expected_parts = {
        "whole": [""],
        "category": [name for name in selection.scope.categories if "*" not in name],
    }.get(by, [])
    parts = sorted({*expected_parts, *(row.part for row in rows)})
    builders = {part: _CountsBuilder(selection.topics, periods) for part in parts}
    for row in rows:
        builders[row.part].add_row(row.topic, periods[row.period_index], row.submission_count, row.hash_sum)
    return {part: PeriodCounts(built.totals, built.hashes, built.counts) for part, built in builders.items()}


class _CountsBuilder:
    """PeriodCounts under construction: all zero at first."""

    def __init__(self, topics: Sequence[str], periods: Sequence[Period]) -> None:
        self.totals = dict.fromkeys(periods, 0)
        self.hashes = dict.fromkeys(periods, f"{0:016x}")
        self.counts = {(topic, period): 0 for topic in topics for period in periods}

    def add_row(self, topic: str | None, period: Period, count: int, hash_sum: int) -> None:
        if topic is None:
            self.totals[period], self.hashes[period] = count, f"{hash_sum:016x}"
        else:
            self.counts[topic, period] = count


class CountRow(NamedTuple):
    """One count: of a topic, or the total where `topic` is None, in the period of that index.

    `hash_high` and `hash_low` are the sums of the upper and lower halves of the row hashes; 0 for a topic.
    """

    part: str
    topic: str | None
    period_index: int
    submission_count: int
    hash_high: int
    hash_low: int

    @property
    def hash_sum(self) -> int:
        """The sum of the row hashes modulo 2^64."""
        return (int(self.hash_high) * 2**32 + int(self.hash_low)) % 2**64


def _count_from_month_sums(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> list[CountRow]:
    """Count the whole selection in periods of whole months, from the sums by month of its scope."""
    topics = _counted_topics(selection)
    month_sums = compute_month_sums(store, library, topics, selection.scope, selection.primary_only, progress)
    month_indices = {month: index for index, month in enumerate(month_sums.months)}
    indices_by_period = [
        [
            month_indices[month.label]
            for month in list_periods(period.start, period.end, "month")
            if month.label in month_indices
        ]
        for period in periods
    ]

    def sum_months(key: int, column_name: str) -> list[int]:
        column = month_sums.sums[str(key)][AGGREGATE_COLUMNS.index(column_name)]
        return [sum(column[index] for index in indices) for indices in indices_by_period]

    counts = {
        topic: sum_months(topic_key(library, topic), _MODE_COLUMNS[selection.match]) for topic in dict.fromkeys(topics)
    }
    totals = counts[selection.within] if selection.within else sum_months(TOTAL_KEY, "n_any")
    columns = zip(totals, sum_months(TOTAL_KEY, "high"), sum_months(TOTAL_KEY, "low"), strict=True)
    return [CountRow("", None, index, *numbers) for index, numbers in enumerate(columns)] + [
        CountRow("", topic, index, count, 0, 0)
        for topic in selection.topics
        for index, count in enumerate(counts[topic])
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
    """Count by part in periods of whole months, from aggregates, which are completed first."""
    topics = _counted_topics(selection)
    topic_by_key = {topic_key(library, topic): topic for topic in topics}
    # a delta file subtracts from months before its own, so the aggregates of every file count towards every month
    blocks = ensure_aggregates(store, library, topics, progress)
    _create_period_table(db, periods, "month")
    rows = db.execute(
        f"""
        SELECT part, topic, number, sum(n_any)::BIGINT, sum({_MODE_COLUMNS[selection.match]})::BIGINT,
            sum(high)::BIGINT, sum(low)::BIGINT
        FROM (
            SELECT *, {_breakdown_sql(selection, by)} AS part
            FROM ({aggregates_sql(db, store, blocks)})
            WHERE {scope_filter_sql("categories", selection.scope, selection.primary_only)}
        ) AS aggregate
        JOIN period ON aggregate.month = period.start
        WHERE {scope_filter_sql("part", selection.scope) if by == "category" else "true"}
        GROUP BY part, topic, number
        """
    ).fetchall()
    totals = [
        CountRow(part, None, index, n_any, high, low)
        for part, key, index, n_any, _, high, low in rows
        if key == TOTAL_KEY
    ]
    counts = [
        CountRow(part, topic_by_key[key], index, count, 0, 0)
        for part, key, index, _, count, _, _ in rows
        if key in topic_by_key
    ]
    if selection.within:
        within_counts = {
            (row.part, row.period_index): row.submission_count for row in counts if row.topic == selection.within
        }
        totals = [row._replace(submission_count=within_counts.get((row.part, row.period_index), 0)) for row in totals]
    return totals + [row for row in counts if row.topic in selection.topics]


def _counted_topics(selection: Selection) -> list[str]:
    return [*selection.topics, *([selection.within] if selection.within else [])]


def _count_from_matches(
    db: duckdb.DuckDBPyConnection,
    store: Store,
    library: Library,
    selection: Selection,
    periods: Sequence[Period],
    progress: Progress,
    by: str,
) -> list[CountRow]:
    """Count by part from rule matches: for weeks, days, odd windows and filters that aggregates do not know."""
    files = store.list_files(min(period.start for period in periods), max(period.end for period in periods))
    create_selection_tables(db, store, library, selection, files, progress, "row_hash")
    _create_period_table(db, periods, "day")
    rows = db.execute(
        f"""
        WITH part_row AS (
            SELECT *, {_breakdown_sql(selection, by)} AS part FROM paper
            JOIN period ON paper.v1_at::DATE = period.start
        ), counted AS (
            SELECT * FROM part_row WHERE {scope_filter_sql("part", selection.scope) if by == "category" else "true"}
        )
        SELECT part, NULL AS topic, number, count(*) FILTER (inside), sum(row_hash >> 32)::BIGINT,
            sum(row_hash & 4294967295)::BIGINT
        FROM counted GROUP BY part, number
        UNION ALL
        SELECT part, topic, number, count(*), 0, 0 FROM hit JOIN counted USING (file, row) GROUP BY part, topic, number
        """
    ).fetchall()
    return [CountRow(*row) for row in rows]


def _breakdown_sql(selection: Selection, by: str) -> str:
    return BREAKDOWNS["primary" if by == "category" and selection.primary_only else by]


def _create_period_table(db: duckdb.DuckDBPyConnection, periods: Sequence[Period], unit: str) -> None:
    """Create the table `period` (start, number): the index of the period of each month or day, to join by equality."""
    starts = [
        (part.start, index)
        for index, period in enumerate(periods)
        for part in list_periods(period.start, period.end, unit)
    ]
    create_temp_table(db, "period", "start DATE, number INTEGER", starts)


class RuleContribution(NamedTuple):
    """The submissions that one rule finds for a topic, by period: all of them, and those that no other rule finds.

    `topic` is the member of the topic's family that the rule belongs to.
    """

    topic: str
    rule: Rule
    counts: tuple[int, ...]
    exclusive_counts: tuple[int, ...]


def count_rule_contributions(
    store: Store, library: Library, selection: Selection, periods: Sequence[Period], progress: Progress
) -> list[RuleContribution]:
    """Count what each rule of the selection's only topic finds in some periods; the rules that find most come first.

    A rule that finds nothing is left out. Raise ValueError where the selection does not name exactly one topic.
    """
    (topic,) = selection.topics
    selection = replace(selection, window=Window(None, None))
    files = store.list_files(min(period.start for period in periods), max(period.end for period in periods))
    with store.connect() as db:
        create_selection_tables(db, store, library, selection, files, progress)
        _create_period_table(db, periods, "day")
        rows = db.execute(
            f"""
            WITH rule_match AS (
                SELECT DISTINCT file, row, rule FROM topic_match
                WHERE topic = {sql_string(topic)} AND {MATCH_MODE_FILTERS[selection.match]}
            ), dated_match AS (
                SELECT rule_match.*, number, count(*) OVER (PARTITION BY file, row, number) AS rule_count
                FROM rule_match SEMI JOIN hit USING (file, row) JOIN paper USING (file, row)
                JOIN period ON paper.v1_at::DATE = period.start
            )
            SELECT rule, number, count(*), count(*) FILTER (rule_count = 1) FROM dated_match GROUP BY rule, number
            """
        ).fetchall()
    owners = {rule.key: (member.id, rule) for member in library.topic_family(topic) for rule in member.rules}
    counts = {(key, index): (count, exclusive_count) for key, index, count, exclusive_count in rows}
    contributions = [
        RuleContribution(
            *owners[key], *zip(*(counts.get((key, index), (0, 0)) for index in range(len(periods))), strict=True)
        )
        for key in {key for key, _ in counts}
    ]
    return sorted(contributions, key=lambda rule: (-max(rule.counts), rule.topic, rule.rule.text))
