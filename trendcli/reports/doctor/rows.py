"""Checks of the rows of a store: duplicates, impossible dates, and months without submissions among busy ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from trendcli.core.periods import add_months
from trendcli.reports.doctor.problems import FIX_COMMAND, StoreProblem, format_examples
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import ARXIV, DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

# arXiv has submissions that their authors dated before it began, but none before this
EARLIEST_SUBMISSION_DATE = date(1986, 1, 1)
# a month without submissions cannot be by chance where each of BUSY_MONTHS beside it has as many: in a month of 20 on
# average, none has a probability of 2e-9
BUSY_COUNT = 20
BUSY_MONTHS = 3
# the month in an identifier: '1903' of '1903.01234' and '0611' of 'math/0611800'
ID_MONTH_SQL = "CASE WHEN contains(id, '/') THEN substr(split_part(id, '/', 2), 1, 4) ELSE substr(id, 1, 4) END"


def check_rows(store: Store, data_files: Sequence[DataFile]) -> list[StoreProblem]:
    """Return the problems of rows: duplicates, and impossible dates."""
    rows = file_rows_sql(store, data_files, "id, v1_at")
    with store.connect() as db:
        duplicates = db.execute(f"SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1 ORDER BY id").fetchall()
        impossible = db.execute(_impossible_dates_sql(rows)).fetchall() if store.corpus == ARXIV else []
    problems = []
    if duplicates:
        examples = format_examples([name for (name,) in duplicates])
        problems.append(StoreProblem(f"duplicate submissions: {len(duplicates):,}", examples, FIX_COMMAND))
    if impossible:
        examples = format_examples([f"{name} ({day})" for name, day in impossible])
        remedy = "check them on arxiv.org; if arXiv shows the same dates, do nothing"
        problems.append(StoreProblem(f"impossible dates: {len(impossible):,}", examples, remedy))
    return problems


def _impossible_dates_sql(rows: str) -> str:
    """Return SQL for (id, day) of the e-prints among some rows whose v1 date is impossible."""
    year = f"CASE WHEN {ID_MONTH_SQL} >= '9101' THEN 1900 ELSE 2000 END + substr({ID_MONTH_SQL}, 1, 2)::INT"
    # an identifier is given at the announcement, so its month cannot have ended before the submission
    month_end = f"make_date({year}, substr({ID_MONTH_SQL}, 3, 2)::INT, 1) + INTERVAL 1 MONTH + INTERVAL 2 DAY"
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    return f"""
        SELECT id, strftime(v1_at, '%Y-%m-%d') FROM ({rows})
        WHERE v1_at < TIMESTAMP '{EARLIEST_SUBMISSION_DATE}' OR v1_at > TIMESTAMP '{now}' OR v1_at >= {month_end}
        ORDER BY id
        """


def check_empty_months(store: Store, data_files: Sequence[DataFile]) -> list[StoreProblem]:
    """Return the months in which a category is covered but has no submissions, next to busy ones.

    A source that was out of order for a day has answered with zeros before.
    """
    with store.connect() as db:
        rows = db.execute(
            f"""
            SELECT category, month, count(*) FROM (
                SELECT unnest(string_split(categories, ' ')) AS category, date_trunc('month', v1_at)::DATE AS month
                FROM ({file_rows_sql(store, data_files, "categories, v1_at")})
            ) GROUP BY category, month
            """
        ).fetchall()
    counts: dict[str, dict[date, int]] = defaultdict(dict)
    for category, month, count in rows:
        counts[category][month] = count
    coverage = store.build_coverage()
    last_covered = max((record.until for record in store.manifest.ledger), default=date.min)
    requested = coverage.requested_categories()
    problems = []
    for category in sorted(counts):
        if category not in requested and ALL_CATEGORIES not in requested:
            continue
        months = [
            month
            for month in _list_empty_months(counts[category], last_covered)
            if coverage.worst_status(category, month, add_months(month, 1)) == "complete"
        ]
        if months:
            window = f"--since {months[0]:%Y-%m} --until {add_months(months[-1], 1):%Y-%m}"
            remedy = f"`trend fetch --again -c {category} {window}`"
            where = f"{category}: {format_examples([f'{month:%Y-%m}' for month in months])}"
            problems.append(StoreProblem("no submissions, though covered and busy before or after", where, remedy))
    return problems


def _list_empty_months(counts: Mapping[date, int], last_covered: date) -> list[date]:
    """Return the months before `last_covered` without submissions, with BUSY_MONTHS busy ones before or after."""
    months = [min(counts)]
    while (following := add_months(months[-1], 1)) < last_covered:
        months.append(following)
    is_busy = [counts.get(month, 0) >= BUSY_COUNT for month in months]
    suspects: list[date] = []
    number = 0
    while number < len(months):
        end = number
        while end < len(months) and not counts.get(months[end]):
            end += 1
        before, behind = is_busy[max(0, number - BUSY_MONTHS) : number], is_busy[end : end + BUSY_MONTHS]
        if any(len(side) == BUSY_MONTHS and all(side) for side in (before, behind)):
            suspects += months[number:end]
        number = max(end, number + 1)
    return suspects
