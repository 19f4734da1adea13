"""Use-case compare: what one topic matches and the other does not, by year, with examples of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trendcli.core.errors import UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports.notes import build_provenance, common_notes, format_timestamp
from trendcli.reports.papers.details import read_details
from trendcli.reports.papers.listing import format_submission_count
from trendcli.store.sql import sql_string
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_to_json
from trendcli.topics.selection_tables import create_selection_tables

if TYPE_CHECKING:
    import duckdb

# newest submissions shown of each side
MAX_EXAMPLES = 5
# rules named of each side, those that match most
MAX_RULES = 6
_SIDE_KEYS = ("only_1", "only_2", "both")
_EXAMPLE_COLUMNS = (
    Column("id", "Id", "text"),
    Column("period", "Year", "text"),
    Column("title", "Title", "text"),
    Column("matches", "Matched", "matches", 1),
)


def compare_topics(
    store: Store, library: Library, query: Query, default_scope: Scope, progress: Progress = ignore_progress
) -> Report:
    """Compare what two topics match: a row a year and one for all, and a section of examples for each side.

    Rows: period, only_1, only_2, both, jaccard = both / any, of_1 = both / first, of_2 = both / second; None where the
    denominator is 0. Raise UsageError unless the query names two topics.
    """
    if len(query.topics) != 2:
        raise UsageError("Name two different topics, e.g. `trend topics compare rnn transformer`.")
    bound = bind(store, library, query, default_scope, progress)
    first, second = (bound.library.get_topic(name) for name in query.topics)
    with store.connect() as db:
        create_selection_tables(
            db, store, library, bound.selection, store.list_files(*bound.selection.window), progress
        )
        db.execute(
            f"""CREATE TEMP TABLE side AS
                SELECT file, row, CASE WHEN count(*) = 2 THEN 'both'
                    WHEN min(topic) = {sql_string(first.id)} THEN 'only_1' ELSE 'only_2' END AS side
                FROM hit GROUP BY file, row"""
        )
        counts = db.execute(
            "SELECT year(v1_at) AS year, side, count(*) FROM side JOIN paper USING (file, row) GROUP BY ALL"
        ).fetchall()
        years = sorted({year for year, _, _ in counts})
        by_year = {year: dict.fromkeys(_SIDE_KEYS, 0) for year in range(years[0], years[-1] + 1)} if years else {}
        for year, side, count in counts:
            by_year[year][side] = count
        totals = {side: sum(year_counts[side] for year_counts in by_year.values()) for side in _SIDE_KEYS}
        rows = [
            *(_build_row(str(year), year_counts) for year, year_counts in by_year.items()),
            _build_row("all", totals),
        ]
        titles = {"only_1": f"Only {first.name}", "only_2": f"Only {second.name}", "both": "Both"}
        sections = [
            _build_example_section(db, bound, side, titles[side], totals[side]) for side in _SIDE_KEYS if totals[side]
        ]
    return Report(
        kind="contrast",
        title=f"{first.name} vs {second.name}",
        corpus=bound.selection.corpus,
        synthetic=store.manifest.synthetic,
        query=query_to_json(bound),
        columns=(
            Column("period", "Year", "text"),
            Column("only_1", f"Only {_short_name(first.id)}", "count"),
            Column("only_2", f"Only {_short_name(second.id)}", "count"),
            Column("both", "Both", "count"),
            Column("jaccard", "Jaccard", "share"),
            Column("of_1", f"Both / {_short_name(first.id)}", "share", 1),
            Column("of_2", f"Both / {_short_name(second.id)}", "share", 1),
        ),
        rows=rows,
        data_as_of=format_timestamp(bound.data_as_of),
        notes=common_notes(bound, []),
        provenance=build_provenance(bound),
        sections=sections,
    )


def _short_name(name: str) -> str:
    """Return a topic as the header of a column names it: its id, or a phrase in quotes."""
    return f'"{name.partition(":")[2]}"' if ":" in name else name


def _build_row(period: str, side_counts: Mapping[str, int]) -> dict[str, Any]:
    only_first, only_second, both = (side_counts[side] for side in _SIDE_KEYS)

    def overlap_share(total: int) -> float | None:
        return both / total if total else None

    return {
        "period": period,
        **side_counts,
        "jaccard": overlap_share(only_first + only_second + both),
        "of_1": overlap_share(only_first + both),
        "of_2": overlap_share(only_second + both),
    }


def _build_example_section(
    db: duckdb.DuckDBPyConnection, bound: BoundQuery, side: str, title: str, total_count: int
) -> Report:
    """Build the section on one side: its newest submissions, and the rules that match most of them."""
    newest = db.execute(
        f"""SELECT file, row, v1_at FROM side JOIN paper USING (file, row) WHERE side = {sql_string(side)}
            ORDER BY v1_at DESC, id LIMIT {MAX_EXAMPLES}"""
    ).fetchall()
    details = read_details(db, bound, [(file, row) for file, row, _ in newest])
    rows: Sequence[Mapping[str, Any]] = [
        {**row, "period": f"{v1_at.year}"} for row, (_, _, v1_at) in zip(details, newest, strict=True)
    ]
    rule_texts = {
        rule.key: rule.text
        for name in bound.query.topics
        for member in bound.library.topic_family(name)
        for rule in member.rules
    }
    rule_counts = db.execute(
        f"""SELECT rule, count(DISTINCT (file, row)) AS number FROM topic_match SEMI JOIN
            (SELECT * FROM side WHERE side = {sql_string(side)}) USING (file, row)
            GROUP BY rule ORDER BY number DESC, rule LIMIT {MAX_RULES}"""
    ).fetchall()
    return Report(
        kind="section",
        title=f"{title}: {format_submission_count(bound.store, total_count, len(rows))}",
        corpus=bound.selection.corpus,
        synthetic=bound.store.manifest.synthetic,
        query={},
        columns=_EXAMPLE_COLUMNS,
        rows=rows,
        notes=[f"Matched by: {', '.join(f'{rule_texts[key]} {count:,}' for key, count in rule_counts)}."],
    )
