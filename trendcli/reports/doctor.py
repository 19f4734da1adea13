"""Check a store for what is wrong with it, and repair what can be repaired without losing a readable submission."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64

from trendcli.core.arxiv import MIN_ID_DENSITY
from trendcli.core.errors import StoreLocked, UsageError
from trendcli.core.periods import add_months
from trendcli.core.types import CoverageRecord, Progress
from trendcli.reports.notes import format_count
from trendcli.store.compaction import compact_store
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import ARXIV, COUNTS_ONLY_KIND, DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

# arXiv holds submissions that were made before it began, dated by their authors, but none before this
EARLIEST_SUBMISSION_DATE = date(1986, 1, 1)
TOTALS_TOLERANCE = 0.01  # relative; arXiv's own totals agree with complete months within this
MAX_EXAMPLES = 3
# the month in an identifier: '1903' of '1903.01234' and '0611' of 'math/0611800'
_ID_MONTH_SQL = "CASE WHEN contains(id, '/') THEN substr(split_part(id, '/', 2), 1, 4) ELSE substr(id, 1, 4) END"
_FIX_COMMAND = "`trend doctor --fix`"


class StoreProblem(NamedTuple):
    """Something that is wrong with a store: what, where, and what to do about it."""

    what: str
    where: str
    do: str


def check_store(
    store: Store, monthly_totals: Mapping[str, int] | None, progress: Progress
) -> tuple[list[StoreProblem], list[str]]:
    """Return every problem of a store, and notes on what was checked; nothing is changed.

    `monthly_totals` are arXiv's submissions by month of identifier ('2019-03').
    """
    problems: list[StoreProblem] = []
    data_files = [data_file for data_file in store.manifest.files if data_file.kind != COUNTS_ONLY_KIND]
    try:
        with store.write_lock():
            orphans = store.find_orphan_files()
        problems += [StoreProblem("orphan file", str(path.relative_to(store.root)), _FIX_COMMAND) for path in orphans]
        notes = [f"Compared the content of {format_count(len(data_files), 'data file')} with the stored hashes."]
    except StoreLocked:
        notes = ["Another process is writing to the store, so orphan files were not checked."]
    except OSError:
        notes = ["The store is not writable, so orphan files were not checked."]
    damaged = []
    for number, data_file in enumerate(data_files):
        progress(number, len(data_files), data_file.path)
        if damage := find_damage(store, data_file):
            damaged.append(data_file)
            remedy = f"restore it from a backup, or set it aside with {_FIX_COMMAND} and fetch its days again"
            problems.append(StoreProblem(damage, data_file.path, remedy))
    readable = [data_file for data_file in data_files if data_file not in damaged]
    problems += _check_rows(store, readable)
    problems += [
        StoreProblem(
            f"{record.status}: {record.received:,} of {'?' if record.expected is None else f'{record.expected:,}'}",
            f"{' '.join(record.categories)}, {record.since} to {record.until}",
            f"`trend fetch --source {record.source}`" if record.source in ("arxiv", "oai") else "`trend fetch`",
        )
        for record in store.manifest.ledger
        if record.status in ("partial", "failed") and _is_still_open(store, record)
    ]
    if store.corpus == ARXIV:
        id_problems, id_note = _check_identifiers(store, readable, monthly_totals)
        problems += id_problems
        notes.append(id_note)
    return problems, notes


def find_damage(store: Store, data_file: DataFile) -> str:
    """Return what is wrong with a data file: its content must match the hash in its name; '' where nothing is."""
    import pyarrow.parquet as pq

    digest = xxh3_64()
    try:
        with store.file_path(data_file).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        if digest.hexdigest()[:12] != data_file.path.split(".")[-2]:
            return "damaged: its content does not match its hash"
        row_count = pq.ParquetFile(store.file_path(data_file)).metadata.num_rows
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        return f"damaged: {str(error)[:80]}"
    return "" if row_count == data_file.rows else f"damaged: {row_count:,} rows instead of {data_file.rows:,}"


def _check_rows(store: Store, data_files: Sequence[DataFile]) -> list[StoreProblem]:
    """Return the problems of rows: duplicates, and impossible dates."""
    rows = file_rows_sql(store, data_files, "id, v1_at")
    with store.connect() as db:
        duplicates = db.execute(f"SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1 ORDER BY id").fetchall()
        impossible = db.execute(_impossible_dates_sql(rows)).fetchall() if store.corpus == ARXIV else []
    problems = []
    if duplicates:
        examples = _format_examples([name for (name,) in duplicates])
        problems.append(StoreProblem(f"duplicate submissions: {len(duplicates):,}", examples, _FIX_COMMAND))
    if impossible:
        examples = _format_examples([f"{name} ({day})" for name, day in impossible])
        remedy = "check them on arxiv.org; if arXiv shows the same dates, nothing needs to be done"
        problems.append(StoreProblem(f"impossible dates: {len(impossible):,}", examples, remedy))
    return problems


def _impossible_dates_sql(rows: str) -> str:
    """Return SQL for (id, day) of the e-prints among some rows whose v1 date is impossible."""
    year = f"CASE WHEN {_ID_MONTH_SQL} >= '9101' THEN 1900 ELSE 2000 END + substr({_ID_MONTH_SQL}, 1, 2)::INT"
    # an identifier is given at the announcement, so its month cannot have ended before the submission
    month_end = f"make_date({year}, substr({_ID_MONTH_SQL}, 3, 2)::INT, 1) + INTERVAL 1 MONTH + INTERVAL 2 DAY"
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    return f"""
        SELECT id, strftime(v1_at, '%Y-%m-%d') FROM ({rows})
        WHERE v1_at < TIMESTAMP '{EARLIEST_SUBMISSION_DATE}' OR v1_at > TIMESTAMP '{now}' OR v1_at >= {month_end}
        ORDER BY id
        """


def _is_still_open(store: Store, record: CoverageRecord) -> bool:
    """Whether days of a record that was not complete are still not covered."""
    coverage = store.build_coverage()
    return record.changed is not None or any(
        coverage.worst_status(category, record.since, min(record.until, record.answered_at.date()))
        in ("partial", "failed", "never")
        for category in record.categories
    )


def _check_identifiers(
    store: Store, data_files: Sequence[DataFile], monthly_totals: Mapping[str, int] | None
) -> tuple[list[StoreProblem], str]:
    """Compare months that are covered for all categories with their highest identifier, and with arXiv's totals.

    Return the problems, and the note on what was compared.
    """
    with store.connect() as db:
        months = db.execute(
            f"""
            SELECT {_ID_MONTH_SQL} AS name, count(DISTINCT id),
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
    try:
        if not {"month", "submissions"} <= set(rows.fieldnames or ()):
            raise UsageError(
                f"{file_name} is not a file of monthly totals: it has no columns `month` and `submissions`."
            )
        totals = {}
        for row in rows:
            month = date.fromisoformat(f"{row['month'][:7]}-01")
            totals[f"{month:%Y-%m}"] = int(row["submissions"])
        return totals
    except (TypeError, ValueError, csv.Error):
        raise UsageError(f"{file_name}, line {rows.line_num}: not a month and a number.") from None


def repair_store(store: Store) -> list[str]:
    """Repair what can be repaired without losing a readable submission; return a sentence per repair.

    Orphan files are removed. A damaged file is set aside, and its days become a gap that the next fetch fills.
    Duplicates are compacted to the newest state. Call it inside `store.write_lock()`.
    """
    repairs = []
    for path in store.find_orphan_files():
        path.unlink(missing_ok=True)
        repairs.append(f"Removed {path.relative_to(store.root)}.")
    damaged = [data_file for data_file in store.manifest.files if find_damage(store, data_file)]
    if damaged:
        repairs += _set_aside(store, damaged)
    with store.connect() as db:
        rows = file_rows_sql(store, store.manifest.files, "id, v1_at")
        months = db.execute(
            f"""
            SELECT DISTINCT strftime(v1_at, '%Y-%m') FROM ({rows})
            WHERE id IN (SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1)
            """
        ).fetchall()
    if months:
        compact_store(store, {month for (month,) in months})
        repairs.append(f"Removed duplicate submissions in {format_count(len(months), 'month')}.")
    return repairs


def _set_aside(store: Store, damaged: Sequence[DataFile]) -> list[str]:
    """Take damaged files out of the store into its folder `damaged`; return a sentence per file."""
    now = datetime.now(UTC)
    categories = tuple(sorted({name for record in store.manifest.ledger for name in record.categories}))
    gaps = [
        CoverageRecord(
            source="doctor",
            categories=categories,
            since=data_file.first,
            until=data_file.last + timedelta(days=1),
            answered_at=now,
            status="partial",
            expected=data_file.rows,
            received=0,
            query=f"file {data_file.path}, which was damaged",
            version="",
        )
        for data_file in damaged
    ]
    store.commit([], gaps, replaced_files=damaged, keep_replaced=True)
    folder = store.root / "damaged"
    for data_file in damaged:
        if store.file_path(data_file).exists():
            folder.mkdir(exist_ok=True)
            store.file_path(data_file).replace(folder / Path(data_file.path).name)
    return [
        f"Set aside {data_file.path}: {data_file.rows:,} submissions from {data_file.first} to {data_file.last} are "
        "missing until fetched again."
        for data_file in damaged
    ]


def _format_examples(names: Sequence[str]) -> str:
    others = len(names) - MAX_EXAMPLES
    return ", ".join(names[:MAX_EXAMPLES]) + (f" and {others:,} more" if others > 0 else "")
