"""Use-case compare: what one topic catches and the other does not, by year, with examples of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trendcli.core.errors import UsageError
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports.notes import as_of_text, common_notes, provenance
from trendcli.reports.papers.details import details
from trendcli.reports.papers.listing import some
from trendcli.store.sql import sql_text
from trendcli.store.store import Store
from trendcli.topics.counting import select
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, query_of, resolve

if TYPE_CHECKING:
    import duckdb

# the newest submissions, and the rules that find most, that are shown of each side
EXAMPLES, RULES = 5, 6
_SIDES = ("only_1", "only_2", "both")
_EXAMPLE = (
    Column("id", "Id", "text"),
    Column("period", "Year", "text"),
    Column("title", "Title", "text"),
    Column("matches", "Matched", "matches", 1),
)


def contrasted(
    store: Store, library: Library, question: Question, default: Scope, progress: Progress = silent
) -> Report:
    """Two topics against each other: a row a year and one for all, and a section of examples for each side.

    Rows: period, only_1, only_2, both, jaccard = both / any, of_1 = both / first, of_2 = both / second; None where the
    denominator is 0. UsageError where the question does not name two topics.
    """
    if len(question.topics) != 2:
        raise UsageError("Two topics are compared, which differ: `trend topics compare rnn transformer`.")
    context = resolve(store, library, question, default, progress)
    one, two = (context.library.topic(name) for name in question.topics)
    with store.connect() as db:
        select(db, store, library, context.selection, store.files(*context.selection.window), progress)
        db.execute(
            f"""CREATE TEMP TABLE side AS
                SELECT file, row, CASE WHEN count(*) = 2 THEN 'both' WHEN min(topic) = {sql_text(one.id)} THEN 'only_1'
                    ELSE 'only_2' END AS side
                FROM hit GROUP BY file, row"""
        )
        counts = db.execute(
            "SELECT year(v1_at) AS year, side, count(*) FROM side JOIN paper USING (file, row) GROUP BY ALL"
        ).fetchall()
        years = sorted({year for year, _, _ in counts})
        by_year = {year: dict.fromkeys(_SIDES, 0) for year in range(years[0], years[-1] + 1)} if years else {}
        for year, side, number in counts:
            by_year[year][side] = number
        total = {side: sum(numbers[side] for numbers in by_year.values()) for side in _SIDES}
        rows = [_row(str(year), numbers) for year, numbers in by_year.items()] + [_row("all", total)]
        names = {"only_1": f"Only {one.name}", "only_2": f"Only {two.name}", "both": "Both"}
        sections = [_examples(db, context, side, names[side], total[side]) for side in _SIDES if total[side]]
    return Report(
        kind="contrast",
        title=f"{one.name} against {two.name}",
        corpus=context.selection.corpus,
        synthetic=store.manifest.synthetic,
        query=query_of(context),
        columns=(
            Column("period", "Year", "text"),
            Column("only_1", f"Only {_short(one.id)}", "count"),
            Column("only_2", f"Only {_short(two.id)}", "count"),
            Column("both", "Both", "count"),
            Column("jaccard", "Both of any", "share"),
            Column("of_1", f"Both of {_short(one.id)}", "share", 1),
            Column("of_2", f"Both of {_short(two.id)}", "share", 1),
        ),
        rows=rows,
        data_as_of=as_of_text(context.data_as_of),
        notes=common_notes(context, []),
        provenance=provenance(context),
        sections=sections,
    )


def _short(name: str) -> str:
    """The name of a topic in the head of a column; a phrase in quotes."""
    return f'"{name.partition(":")[2]}"' if ":" in name else name


def _row(period: str, numbers: Mapping[str, int]) -> dict[str, Any]:
    first, second, both = (numbers[side] for side in _SIDES)

    def part(whole: int) -> float | None:
        return both / whole if whole else None

    return {
        "period": period,
        **numbers,
        "jaccard": part(first + second + both),
        "of_1": part(first + both),
        "of_2": part(second + both),
    }


def _examples(db: duckdb.DuckDBPyConnection, context: Context, side: str, title: str, total: int) -> Report:
    """The newest submissions of a side, and by what rules the side was found."""
    chosen = f"side JOIN paper USING (file, row) WHERE side = {sql_text(side)}"
    places = db.execute(f"SELECT file, row, v1_at FROM {chosen} ORDER BY v1_at DESC, id LIMIT {EXAMPLES}").fetchall()
    db.execute("DROP TABLE IF EXISTS place")
    shown = details(db, context, [(file, row) for file, row, _ in places])
    rows: Sequence[Mapping[str, Any]] = [
        {**row, "period": f"{day.year}"} for row, (_, _, day) in zip(shown, places, strict=True)
    ]
    texts = {rule.key: rule.text for name in context.question.topics for member in context.library.family(name)
             for rule in member.rules}  # fmt: skip
    found = db.execute(
        f"""SELECT rule, count(DISTINCT (file, row)) AS number FROM mention SEMI JOIN
            (SELECT * FROM side WHERE side = {sql_text(side)}) USING (file, row)
            GROUP BY rule ORDER BY number DESC, rule LIMIT {RULES}"""
    ).fetchall()
    return Report(
        kind="section",
        title=f"{title}: {some(context.store, total, len(rows))}",
        corpus=context.selection.corpus,
        synthetic=context.store.manifest.synthetic,
        query={},
        columns=_EXAMPLE,
        rows=rows,
        notes=[f"Found by: {', '.join(f'{texts[key]} {number:,}' for key, number in found)}."],
    )
