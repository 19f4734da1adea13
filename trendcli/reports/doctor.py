"""What is wrong with a store, and what to do about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64

from trendcli.core.errors import Locked, UsageError
from trendcli.core.periods import add_months
from trendcli.core.types import Answer, Progress
from trendcli.reports.papers import fulltext_build as indexing
from trendcli.store import ingest
from trendcli.store.coverage import EVERY
from trendcli.store.manifest import ARXIV, ELSEWHERE, DataFile
from trendcli.store.sql import read_files
from trendcli.store.store import Store
from trendcli.topics import tags

# arXiv holds submissions that were made before it began, dated by their authors, but none before this
EARLIEST = date(1986, 1, 1)
# of the identifiers of a month up to its highest, arXiv gave out nearly all; its totals agree with them within this
DENSE, NEAR = 0.97, 0.01
# the month in an identifier: '1903' of '1903.01234' and '0611' of 'math/0611800'
_NAME = "CASE WHEN contains(id, '/') THEN substr(split_part(id, '/', 2), 1, 4) ELSE substr(id, 1, 4) END"
_FIX = "`trend doctor --fix`"


class Finding(NamedTuple):
    """Something that is wrong: what, where, and what to do about it."""

    what: str
    where: str
    do: str


def examine(store: Store, totals: Mapping[str, int] | None, progress: Progress) -> tuple[list[Finding], list[str]]:
    """Everything that is found wrong, and sentences on what was looked at; nothing is changed.

    `totals` are arXiv's submissions by month of identifier ('2019-03').
    """
    found: list[Finding] = []
    files = [item for item in store.manifest.files if item.kind != ELSEWHERE]
    try:
        with store.writing():
            found += [Finding("left over", str(path.relative_to(store.root)), _FIX) for path in store.leftovers()]
        looked = [f"{len(files)} data files were read, and their content compared with their names."]
    except Locked:
        looked = ["Another process is writing, so files that nobody names were not looked for."]
    except OSError:
        looked = ["The store cannot be written, so files that nobody names were not looked for."]
    broken = []
    for number, item in enumerate(files):
        progress(number, len(files), item.path)
        if reason := damage(store, item):
            broken.append(item)
            aside = f"restore it from a backup, or {_FIX} sets it aside, and the next fetch fills the hole it leaves"
            found.append(Finding(reason, item.path, aside))
    readable = [item for item in files if item not in broken]
    found += _rows(store, readable)
    found += [
        Finding(
            f"{answer.status}: {answer.received:,} of {'?' if answer.expected is None else f'{answer.expected:,}'}",
            f"{' '.join(answer.categories)}, {answer.since} to {answer.until}",
            f"`trend fetch --source {answer.source}`" if answer.source in ("arxiv", "oai") else "`trend fetch`",
        )
        for answer in store.manifest.ledger
        if answer.status in ("partial", "failed") and _still(store, answer)
    ]
    missing, told = _identifiers(store, readable, totals) if store.corpus == ARXIV else ([], [])
    return [*found, *missing], [*looked, *told]


def damage(store: Store, item: DataFile) -> str:
    """What is wrong with a data file, '' where nothing is: its content must hash to its name and hold its rows."""
    import pyarrow.parquet as pq

    digest = xxh3_64()
    try:
        with store.path(item).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        if digest.hexdigest()[:12] != item.path.split(".")[-2]:
            return "damaged: its content is not what was written"
        rows = pq.ParquetFile(store.path(item)).metadata.num_rows
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        return f"damaged: {str(error)[:80]}"
    return "" if rows == item.rows else f"damaged: {rows:,} rows instead of {item.rows:,}"


def _rows(store: Store, files: Sequence[DataFile]) -> list[Finding]:
    """Submissions that are there twice, and dates that cannot be."""
    rows = read_files(store, files, "id, v1_at")
    with store.connect() as db:
        twice = db.execute(f"SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1 ORDER BY id").fetchall()
        dated = db.execute(_impossible(rows)).fetchall() if store.corpus == ARXIV else []
    found = []
    if twice:
        found.append(Finding(f"{len(twice):,} submissions twice", _some([row[0] for row in twice]), _FIX))
    if dated:
        where = _some([f"{ident} ({day})" for ident, day in dated])
        found.append(
            Finding(f"{len(dated):,} impossible dates", where, "see whether arXiv says the same; if so, nothing")
        )
    return found


def _impossible(rows: str) -> str:
    """SQL for the e-prints among some rows whose v1 date cannot be."""
    year = f"CASE WHEN {_NAME} >= '9101' THEN 1900 ELSE 2000 END + substr({_NAME}, 1, 2)::INT"
    # an identifier is given at the announcement, so its month cannot have ended before the submission
    ended = f"make_date({year}, substr({_NAME}, 3, 2)::INT, 1) + INTERVAL 1 MONTH + INTERVAL 2 DAY"
    return f"""
        SELECT id, strftime(v1_at, '%Y-%m-%d') FROM ({rows})
        WHERE v1_at < TIMESTAMP '{EARLIEST}' OR v1_at > TIMESTAMP '{datetime.now(UTC):%Y-%m-%d %H:%M:%S}'
        OR v1_at >= {ended}
        ORDER BY id
        """


def _still(store: Store, answer: Answer) -> bool:
    """Whether the days of an answer that was not whole are still open."""
    coverage = store.coverage()
    return answer.changed is not None or any(
        coverage.worst(name, answer.since, min(answer.until, answer.answered_at.date()))
        in ("partial", "failed", "never")
        for name in answer.categories
    )


def _identifiers(
    store: Store, files: Sequence[DataFile], totals: Mapping[str, int] | None
) -> tuple[list[Finding], list[str]]:
    """Months of which all of arXiv should be here: their identifiers against their highest, and against the totals."""
    with store.connect() as db:
        rows = db.execute(
            f"""
            SELECT {_NAME} AS name, count(DISTINCT id),
            max(CASE WHEN contains(id, '/') THEN NULL ELSE split_part(id, '.', 2)::INT END)
            FROM ({read_files(store, files, "id")}) GROUP BY name ORDER BY name
            """
        ).fetchall()
    coverage, found, compared = store.coverage(), list[Finding](), 0
    for name, count, highest in rows:
        start = date((1900 if name >= "9101" else 2000) + int(name[:2]), int(name[2:]), 1)
        label = f"{start:%Y-%m}"
        if coverage.worst(EVERY, start, add_months(start, 1)) != "complete":
            continue
        compared += 1
        again = f"`trend fetch --source oai --since {label}`, or import a newer snapshot"
        if highest and count < DENSE * highest:
            found.append(Finding(f"{count:,} of {highest:,} identifiers", label, again))
        if totals and label in totals and abs(count - totals[label]) > NEAR * totals[label]:
            found.append(Finding(f"{count:,} stored, {totals[label]:,} by arXiv's totals", label, again))
    if not compared:
        return [], ["No month is covered for all categories, so identifiers and totals were not compared."]
    with_totals = "" if totals is None else ", and with arXiv's totals"
    return found, [
        f"{compared} months that hold all of arXiv were compared with their highest identifier{with_totals}."
    ]


def read_totals(text: str, name: str) -> dict[str, int]:
    """arXiv's monthly totals from CSV with the columns `month` and `submissions`; UsageError with the line if bad."""
    rows = csv.DictReader(io.StringIO(text))
    if not {"month", "submissions"} <= set(rows.fieldnames or ()):
        raise UsageError(f"{name} has no columns `month` and `submissions`, so it holds no monthly totals.")
    found = {}
    for row in rows:
        try:
            month = date.fromisoformat(f"{row['month'][:7]}-01")
            found[f"{month:%Y-%m}"] = int(row["submissions"])
        except (TypeError, ValueError):
            raise UsageError(f"{name}, line {rows.line_num}: not a month and a number.") from None
    return found


def mend(store: Store) -> list[str]:
    """Mend what can be mended without losing what can be read; returns a sentence for each deed.

    Files that nobody names go. A damaged file is set aside, and its days become a hole that the next fetch fills.
    Duplicates are folded into one, the newest state. Call it inside `store.writing()`.
    """
    done = []
    for path in store.leftovers():
        path.unlink(missing_ok=True)
        done.append(f"Removed {path.relative_to(store.root)}.")
    broken = [item for item in store.manifest.files if damage(store, item)]
    if broken:
        now = datetime.now(UTC)
        named = tuple(sorted({name for answer in store.manifest.ledger for name in answer.categories}))
        holes = [
            Answer(
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
        store.commit([], holes, instead_of=broken, keep=True)
        aside = store.root / "damaged"
        for item in broken:
            if store.path(item).exists():
                aside.mkdir(exist_ok=True)
                store.path(item).replace(aside / Path(item.path).name)
            done.append(
                f"Set aside {item.path}: {item.rows:,} submissions from {item.first} to {item.last} are a hole."
            )
    with store.connect() as db:
        rows = read_files(store, store.manifest.files, "id, v1_at")
        twice = db.execute(
            f"""
            SELECT DISTINCT strftime(v1_at, '%Y-%m') FROM ({rows})
            WHERE id IN (SELECT id FROM ({rows}) GROUP BY id HAVING count(*) > 1)
            """
        ).fetchall()
    if twice:
        moves = ingest.fold(store, {month for (month,) in twice})
        tags.carry(store, moves)
        indexing.carry(store, moves)
        done.append(f"Folded submissions that were there twice, in {len(twice)} months.")
    return done


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
