"""Checks of covered months against arXiv: their highest identifiers, and arXiv's own totals."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date

from trendcli.core.arxiv import MIN_ID_DENSITY
from trendcli.core.errors import UsageError
from trendcli.core.periods import add_months
from trendcli.reports.doctor.problems import StoreProblem
from trendcli.reports.doctor.rows import ID_MONTH_SQL
from trendcli.reports.notes import format_count
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

TOTALS_TOLERANCE = 0.01  # relative; arXiv's own totals agree with complete months within this


def check_identifiers(
    store: Store, data_files: Sequence[DataFile], monthly_totals: Mapping[str, int] | None
) -> tuple[list[StoreProblem], str]:
    """Compare months that are covered for all categories with their highest identifier, and with arXiv's totals.

    Return the problems, and the note on what was compared.
    """
    with store.connect() as db:
        months = db.execute(
            f"""
            SELECT {ID_MONTH_SQL} AS name, count(DISTINCT id),
            max(CASE WHEN contains(id, '/') THEN NULL ELSE split_part(id, '.', 2)::INT END)
            FROM ({file_rows_sql(store, data_files, "id")}) GROUP BY name ORDER BY name
            """
        ).fetchall()
    coverage, totals = store.build_coverage(), monthly_totals or {}
    problems: list[StoreProblem] = []
    compared_count = 0
    for name, count, highest in months:
        start = date((1900 if name >= "9101" else 2000) + int(name[:2]), int(name[2:]), 1)
        label = f"{start:%Y-%m}"
        if coverage.worst_status(ALL_CATEGORIES, start, add_months(start, 1)) != "complete":
            continue
        compared_count += 1
        remedy = f"`trend fetch --source oai --since {label}`, or import a newer snapshot"
        if highest and count < MIN_ID_DENSITY * highest:
            problems.append(StoreProblem(f"{count:,} of {highest:,} identifiers", label, remedy))
        if label in totals and abs(count - totals[label]) > TOTALS_TOLERANCE * totals[label]:
            problems.append(
                StoreProblem(f"{count:,} stored, {totals[label]:,} according to arXiv's totals", label, remedy)
            )
    if not compared_count:
        return [], "No month is covered for all categories, so identifiers and totals were not compared."
    with_totals = "" if monthly_totals is None else " and with arXiv's totals"
    return problems, (
        f"Compared {format_count(compared_count, 'month')} covered for all categories with the highest identifier"
        f"{with_totals}."
    )


def parse_monthly_totals(text: str, file_name: str) -> dict[str, int]:
    """Return arXiv's monthly totals from CSV with the columns `month` and `submissions`: {'2019-03': 12000}.

    UsageError, with the line, for anything else.
    """
    rows = csv.DictReader(io.StringIO(text))
    totals = {}
    try:
        if not {"month", "submissions"} <= set(rows.fieldnames or ()):
            raise UsageError(
                f"{file_name} is not a file of monthly totals: it must have the columns `month` and `submissions`."
            )
        for row in rows:
            month = date.fromisoformat(f"{row['month'][:7]}-01")
            totals[f"{month:%Y-%m}"] = int(row["submissions"])
    except (TypeError, ValueError, csv.Error):  # csv.Error: a NUL, or a cell of more than 128 kB
        raise UsageError(f"{file_name}, line {max(rows.line_num, 1)}: expected a month and a number.") from None
    return totals
