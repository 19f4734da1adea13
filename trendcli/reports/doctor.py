"""What is wrong with a store, and what to do about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64

from trendcli.core.errors import StoreLocked, UsageError
from trendcli.core.periods import add_months
from trendcli.core.types import CoverageRecord, Progress
from trendcli.store.compaction import compact_store
from trendcli.store.coverage import ALL_CATEGORIES
from trendcli.store.manifest import ARXIV, COUNTS_ONLY_KIND, DataFile
from trendcli.store.sql import file_rows_sql
from trendcli.store.store import Store

# arXiv holds submissions that were made before it began, dated by their authors, but none before this
EARLIEST_SUBMISSION_DATE = date(1986, 1, 1)
# of the identifiers of a month up to its highest, arXiv gave out nearly all; its totals agree with them within this
MIN_ID_DENSITY, TOTALS_TOLERANCE = 0.97, 0.01
# the month in an identifier: '1903' of '1903.01234' and '0611' of 'math/0611800'
_ID_MONTH_SQL = "CASE WHEN contains(id, '/') THEN substr(split_part(id, '/', 2), 1, 4) ELSE substr(id, 1, 4) END"
_FIX_COMMAND = "`trend doctor --fix`"


class StoreProblem(NamedTuple):
    """Something that is wrong: what, where, and what to do about it."""

    what: str
    where: str
    do: str


def check_store(
    store: Store, monthly_totals: Mapping[str, int] | None, progress: Progress
) -> tuple[list[StoreProblem], list[str]]:
    """Everything that is found wrong, and sentences on what was looked at; nothing is changed.

    `totals` are arXiv's submissions by month of identifier ('2019-03').
    """
    found: list[StoreProblem] = []
    files = [item for item in store.manifest.files if item.kind != COUNTS_ONLY_KIND]
    try:
        with store.write_lock():
            found += [
                StoreProblem("left over", str(path.relative_to(store.root)), _FIX_COMMAND)
                for path in store.find_orphan_files()
            ]
        looked = [f"{len(files)} data files were read, and their content compared with their names."]
    except StoreLocked:
        looked = ["Another process is writing, so files that nobody names were not looked for."]
    except OSError:
        looked = ["The store cannot be written, so files that nobody names were not looked for."]
    broken = []
    for number, item in enumerate(files):
        progress(number, len(files), item.path)
        if reason := find_damage(store, item):
            broken.append(item)
            remedy = f"restore it from a backup, or {_FIX_COMMAND} sets it aside, and the next fetch fills the hole"
            found.append(StoreProblem(reason, item.path, f"{remedy} it leaves"))
    readable = [item for item in files if item not in broken]
    found += _check_rows(store, readable)
    found += [
        StoreProblem(
            f"{answer.status}: {answer.received:,} of {'?' if answer.expected is None else f'{answer.expected:,}'}",
            f"{' '.join(answer.categories)}, {answer.since} to {answer.until}",
            f"`trend fetch --source {answer.source}`" if answer.source in ("arxiv", "oai") else "`trend fetch`",
        )
        for answer in store.manifest.ledger
        if answer.status in ("partial", "failed") and _is_still_open(store, answer)
    ]
    missing, told = _check_identifiers(store, readable, monthly_totals) if store.corpus == ARXIV else ([], [])
    return [*found, *missing], [*looked, *told]


def find_damage(store: Store, data_file: DataFile) -> str:
    """What is wrong with a data file, '' where nothing is: its content must hash to its name and hold its rows."""
    import pyarrow.parquet as pq

    digest = xxh3_64()
    try:
        with store.file_path(data_file).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        if digest.hexdigest()[:12] != data_file.path.split(".")[-2]:
            return "damaged: its content is not what was written"
        rows = pq.ParquetFile(store.file_path(data_file)).metadata.num_rows
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        return f"damaged: {str(error)[:80]}"
    return "" if rows == data_file.rows else f"damaged: {rows:,} rows instead of {data_file.rows:,}"


def _check_rows(store: Store, files: Sequence[DataFile]) -> list[StoreProblem]:
    """Submissions that are there twice, and dates that cannot be."""
    rows = file_rows_sql(store, files, "id, v1_at")
    with store.connect() as db:
        twice = db.execute(f"SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1 ORDER BY id").fetchall()
        dated = db.execute(_impossible_dates_sql(rows)).fetchall() if store.corpus == ARXIV else []
    found = []
    if twice:
        found.append(
            StoreProblem(f"{len(twice):,} submissions twice", _format_examples([row[0] for row in twice]), _FIX_COMMAND)
        )
    if dated:
        where = _format_examples([f"{ident} ({day})" for ident, day in dated])
        found.append(
            StoreProblem(f"{len(dated):,} impossible dates", where, "see whether arXiv says the same; if so, nothing")
        )
    return found


def _impossible_dates_sql(rows: str) -> str:
    """SQL for the e-prints among some rows whose v1 date cannot be."""
    year = f"CASE WHEN {_ID_MONTH_SQL} >= '9101' THEN 1900 ELSE 2000 END + substr({_ID_MONTH_SQL}, 1, 2)::INT"
    # an identifier is given at the announcement, so its month cannot have ended before the submission
    ended = f"make_date({year}, substr({_ID_MONTH_SQL}, 3, 2)::INT, 1) + INTERVAL 1 MONTH + INTERVAL 2 DAY"
    return f"""
        SELECT id, strftime(v1_at, '%Y-%m-%d') FROM ({rows})
        WHERE v1_at < TIMESTAMP '{EARLIEST_SUBMISSION_DATE}' OR v1_at > TIMESTAMP '{
        datetime.now(UTC):%Y-%m-%d
        %H:%M:%S}'
        OR v1_at >= {ended}
        ORDER BY id
        """


def _is_still_open(store: Store, record: CoverageRecord) -> bool:
    """Whether the days of an answer that was not whole are still open."""
    coverage = store.build_coverage()
    return record.changed is not None or any(
        coverage.worst_status(name, record.since, min(record.until, record.answered_at.date()))
        in ("partial", "failed", "never")
        for name in record.categories
    )


def _check_identifiers(
    store: Store, files: Sequence[DataFile], monthly_totals: Mapping[str, int] | None
) -> tuple[list[StoreProblem], list[str]]:
    """Months of which all of arXiv should be here: their identifiers against their highest, and against the totals."""
    with store.connect() as db:
        rows = db.execute(
            f"""
            SELECT {_ID_MONTH_SQL} AS name, count(DISTINCT id),
            max(CASE WHEN contains(id, '/') THEN NULL ELSE split_part(id, '.', 2)::INT END)
            FROM ({file_rows_sql(store, files, "id")}) GROUP BY name ORDER BY name
            """
        ).fetchall()
    coverage, found, compared = store.build_coverage(), list[StoreProblem](), 0
    for name, count, highest in rows:
        start = date((1900 if name >= "9101" else 2000) + int(name[:2]), int(name[2:]), 1)
        label = f"{start:%Y-%m}"
        if coverage.worst_status(ALL_CATEGORIES, start, add_months(start, 1)) != "complete":
            continue
        compared += 1
        again = f"`trend fetch --source oai --since {label}`, or import a newer snapshot"
        if highest and count < MIN_ID_DENSITY * highest:
            found.append(StoreProblem(f"{count:,} of {highest:,} identifiers", label, again))
        if (
            monthly_totals
            and label in monthly_totals
            and abs(count - monthly_totals[label]) > TOTALS_TOLERANCE * monthly_totals[label]
        ):
            found.append(StoreProblem(f"{count:,} stored, {monthly_totals[label]:,} by arXiv's totals", label, again))
    if not compared:
        return [], ["No month is covered for all categories, so identifiers and totals were not compared."]
    with_totals = "" if monthly_totals is None else ", and with arXiv's totals"
    return found, [
        f"{compared} months that hold all of arXiv were compared with their highest identifier{with_totals}."
    ]


def parse_monthly_totals(text: str, file_name: str) -> dict[str, int]:
    """arXiv's monthly totals from CSV with the columns `month` and `submissions`; UsageError with the line if bad."""
    rows = csv.DictReader(io.StringIO(text))
    if not {"month", "submissions"} <= set(rows.fieldnames or ()):
        raise UsageError(f"{file_name} has no columns `month` and `submissions`, so it holds no monthly totals.")
    found = {}
    for row in rows:
        try:
            month = date.fromisoformat(f"{row['month'][:7]}-01")
            found[f"{month:%Y-%m}"] = int(row["submissions"])
        except (TypeError, ValueError):
            raise UsageError(f"{file_name}, line {rows.line_num}: not a month and a number.") from None
    return found


def repair_store(store: Store) -> list[str]:
    """Mend what can be mended without losing what can be read; returns a sentence for each deed.

    Files that nobody names go. A damaged file is set aside, and its days become a hole that the next fetch fills.
    Duplicates are folded into one, the newest state. Call it inside `store.write_lock()`.
    """
    done = []
    for path in store.find_orphan_files():
        path.unlink(missing_ok=True)
        done.append(f"Removed {path.relative_to(store.root)}.")
    broken = [item for item in store.manifest.files if find_damage(store, item)]
    if broken:
        now = datetime.now(UTC)
        named = tuple(sorted({name for answer in store.manifest.ledger for name in answer.categories}))
        holes = [
            CoverageRecord(
                source="doctor",
                categories=named,
                since=item.first,
                until=item.last + timedelta(days=1),
                answered_at=now,
                status="partial",
                expected=item.rows,
                received=0,
                query=f"file {item.path}, which was damaged",
                version="",
            )
            for item in broken
        ]
        store.commit([], holes, replaced_files=broken, keep_replaced=True)
        aside = store.root / "damaged"
        for item in broken:
            if store.file_path(item).exists():
                aside.mkdir(exist_ok=True)
                store.file_path(item).replace(aside / Path(item.path).name)
            done.append(
                f"Set aside {item.path}: {item.rows:,} submissions from {item.first} to {item.last} are a hole."
            )
    with store.connect() as db:
        rows = file_rows_sql(store, store.manifest.files, "id, v1_at")
        twice = db.execute(
            f"""
            SELECT DISTINCT strftime(v1_at, '%Y-%m') FROM ({rows})
            WHERE id IN (SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1)
            """
        ).fetchall()
    if twice:
        compact_store(store, {month for (month,) in twice})
        done.append(f"Folded submissions that were there twice, in {len(twice)} months.")
    return done


def _format_examples(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
